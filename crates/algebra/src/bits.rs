//! Packed columns of bits.

use std::ops::{BitAnd, BitAndAssign, BitXor, BitXorAssign, Not, Range};

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::DecodeError;

/// A column of bits, packed 64 a word, lowest first. Bits of the last word beyond the length are zero.
///
/// Comparison takes the same time whatever the bits are. `Debug` shows the length only, since most columns
/// are shares.
#[derive(Clone, Default)]
pub struct Bits {
    len: usize,
    words: Vec<u64>,
}

impl Bits {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { len, words: vec![0; len.div_ceil(64)] }
    }

    /// `len` ones.
    pub fn ones(len: usize) -> Self {
        Self::from_words(vec![u64::MAX; len.div_ceil(64)], len)
    }

    /// `len` times the same bit.
    pub fn repeat(bit: bool, len: usize) -> Self {
        if bit { Self::ones(len) } else { Self::zeros(len) }
    }

    /// The bits `f(0)`, `f(1)`, …
    pub fn from_fn(len: usize, mut f: impl FnMut(usize) -> bool) -> Self {
        let word = |w: usize, f: &mut dyn FnMut(usize) -> bool| {
            (64 * w..len.min(64 * w + 64)).fold(0, |word, i| word | u64::from(f(i)) << (i % 64))
        };
        Self { len, words: (0..len.div_ceil(64)).map(|w| word(w, &mut f)).collect() }
    }

    /// The first `len` bits of these words, which must be just enough words; bits beyond are cleared.
    ///
    /// # Panics
    /// If the number of words is not `len / 64`, rounded up.
    pub fn from_words(words: Vec<u64>, len: usize) -> Self {
        assert_eq!(words.len(), len.div_ceil(64), "{len} bits take {} words", len.div_ceil(64));
        let mut bits = Self { len, words };
        bits.clear_padding();
        bits
    }

    /// The number of bits.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no bit.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The words, bit `i` in word `i / 64`; padding bits are zero.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Changes the words as a whole; padding bits are cleared afterwards.
    pub fn update_words(&mut self, change: impl FnOnce(&mut [u64])) {
        change(&mut self.words);
        self.clear_padding();
    }

    /// Bit `i`.
    ///
    /// # Panics
    /// If `i` is not below the length.
    #[inline]
    pub fn get(&self, i: usize) -> bool {
        assert!(i < self.len, "bit {i} of {}", self.len);
        self.words[i / 64] >> (i % 64) & 1 == 1
    }

    /// Sets bit `i`.
    ///
    /// # Panics
    /// If `i` is not below the length.
    #[inline]
    pub fn set(&mut self, i: usize, bit: bool) {
        assert!(i < self.len, "bit {i} of {}", self.len);
        let word = &mut self.words[i / 64];
        *word = *word & !(1 << (i % 64)) | u64::from(bit) << (i % 64);
    }

    /// The bits in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.len).map(|i| self.words[i / 64] >> (i % 64) & 1 == 1)
    }

    /// How many bits are set.
    pub fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Cuts off at, or extends with zeros to, `len` bits.
    pub fn resize(&mut self, len: usize) {
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
        self.clear_padding();
    }

    /// A copy of the bits in `range`.
    ///
    /// # Panics
    /// If the range does not lie within the column.
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {} bits", self.len);
        let len = range.len();
        let (first, shift) = (range.start / 64, range.start % 64);
        let count = len.div_ceil(64);
        let mut words = self.words[first..first + count].to_vec();
        if shift > 0 {
            // The last word of the column has none after it.
            let after = self.words[first..].iter().skip(1).chain([&0]);
            for (word, after) in words.iter_mut().zip(after) {
                *word = *word >> shift | after << (64 - shift);
            }
        }
        Self::from_words(words, len)
    }

    /// Appends a column.
    pub fn extend(&mut self, other: &Self) {
        let shift = self.len % 64;
        if shift == 0 {
            self.words.extend_from_slice(&other.words);
        } else if let Some(mut begun) = self.words.pop() {
            let joined = other.words.iter().map(|&word| {
                let joined = begun | word << shift;
                begun = word >> (64 - shift);
                joined
            });
            self.words.extend(joined);
            self.words.push(begun);
        }
        self.len += other.len;
        self.words.truncate(self.len.div_ceil(64));
    }

    /// One column after another.
    pub fn concat<'a>(columns: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for column in columns {
            all.extend(column);
        }
        all
    }

    /// The column whose bit `i` is bit `rows[i]` of this one: a permutation, a selection or a repetition.
    ///
    /// # Panics
    /// If a row is not below the length.
    pub fn gather(&self, rows: &[u32]) -> Self {
        let bit = |&row: &u32| {
            assert!((row as usize) < self.len, "bit {row} of {}", self.len);
            self.words[row as usize / 64] >> (row % 64) & 1
        };
        let word = |rows: &[u32]| rows.iter().enumerate().fold(0, |word, (i, row)| word | bit(row) << i);
        Self { len: rows.len(), words: rows.chunks(64).map(word).collect() }
    }

    /// Eight bits a byte, lowest first: `len / 8` bytes, rounded up.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_bytes(&mut bytes);
        bytes
    }

    /// Appends what [`Bits::to_bytes`] returns.
    pub fn write_bytes(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + 8 * self.words.len(), 0);
        for (bytes, word) in out[start..].chunks_exact_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        out.truncate(start + self.len.div_ceil(8));
    }

    /// Decodes a column of `len` bits.
    ///
    /// # Errors
    /// [`DecodeError`] if the number of bytes is another or a padding bit is set.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Result<Self, DecodeError> {
        let expected = len.div_ceil(8);
        if bytes.len() != expected {
            return Err(DecodeError::Length { expected, got: bytes.len() });
        }
        let (whole, rest) = bytes.as_chunks::<8>();
        let mut words = Vec::with_capacity(len.div_ceil(64));
        words.extend(whole.iter().map(|chunk| u64::from_le_bytes(*chunk)));
        if !rest.is_empty() {
            words.push(rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
        let padding = words.last().map_or(0, |last| last & !last_word_mask(len));
        if padding != 0 {
            return Err(DecodeError::Padding);
        }
        Ok(Self { len, words })
    }

    fn clear_padding(&mut self) {
        let mask = last_word_mask(self.len);
        if let Some(last) = self.words.last_mut() {
            *last &= mask;
        }
    }

    fn zip(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        assert_eq!(self.len, other.len, "columns of one length");
        let words = self.words.iter().zip(&other.words).map(|(&a, &b)| f(a, b)).collect();
        Self { len: self.len, words }
    }

    fn zip_assign(&mut self, other: &Self, f: impl Fn(u64, u64) -> u64) {
        assert_eq!(self.len, other.len, "columns of one length");
        for (a, &b) in self.words.iter_mut().zip(&other.words) {
            *a = f(*a, b);
        }
    }
}

/// Which bits of the last word of a column of `len` bits are in use.
#[inline]
fn last_word_mask(len: usize) -> u64 {
    if len.is_multiple_of(64) { u64::MAX } else { (1 << (len % 64)) - 1 }
}

impl ConstantTimeEq for Bits {
    fn ct_eq(&self, other: &Self) -> Choice {
        (self.len as u64).ct_eq(&(other.len as u64)) & self.words.ct_eq(&other.words)
    }
}

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Bits {}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut column = Self::default();
        for bit in bits {
            if column.len.is_multiple_of(64) {
                column.words.push(0);
            }
            column.len += 1;
            column.set(column.len - 1, bit);
        }
        column
    }
}

impl std::fmt::Debug for Bits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bits({} bits)", self.len)
    }
}

impl Zeroize for Bits {
    fn zeroize(&mut self) {
        self.words.zeroize();
        self.len = 0;
    }
}

impl BitXor for &Bits {
    type Output = Bits;
    fn bitxor(self, other: Self) -> Bits {
        self.zip(other, |a, b| a ^ b)
    }
}

impl BitAnd for &Bits {
    type Output = Bits;
    fn bitand(self, other: Self) -> Bits {
        self.zip(other, |a, b| a & b)
    }
}

impl Not for &Bits {
    type Output = Bits;
    fn not(self) -> Bits {
        Bits::from_words(self.words.iter().map(|word| !word).collect(), self.len)
    }
}

impl BitXorAssign<&Self> for Bits {
    fn bitxor_assign(&mut self, other: &Self) {
        self.zip_assign(other, |a, b| a ^ b);
    }
}

impl BitAndAssign<&Self> for Bits {
    fn bitand_assign(&mut self, other: &Self) {
        self.zip_assign(other, |a, b| a & b);
    }
}
