//! Columns of shared bits.

use std::fmt;
use std::ops::Range;

use algebra::Bits;

use crate::network::Party;

/// A column of shared bits, one a row.
#[derive(Clone, Default)]
pub struct BitShare {
    /// Component `i` of every row, at party `i`.
    pub own: Bits,
    /// Component `i + 1` of every row, at party `i`.
    pub next: Bits,
}

impl BitShare {
    /// `len` shared zeros.
    pub fn zeros(len: usize) -> Self {
        Self { own: Bits::zeros(len), next: Bits::zeros(len) }
    }

    /// A sharing of public bits, at party `me`.
    pub fn public(bits: &Bits, me: Party) -> Self {
        let zeros = Bits::zeros(bits.len());
        match me {
            Party::P0 => Self { own: bits.clone(), next: zeros },
            Party::P1 => Self { own: zeros.clone(), next: zeros },
            Party::P2 => Self { own: zeros, next: bits.clone() },
        }
    }

    /// `len` times the same public bit, at party `me`.
    pub fn constant(bit: bool, len: usize, me: Party) -> Self {
        Self::public(&Bits::repeat(bit, len), me)
    }

    /// Number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.own.len()
    }

    /// Whether there are no rows.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Exclusive or, row by row. The columns must have one length.
    pub fn xor(&self, other: &Self) -> Self {
        Self { own: &self.own ^ &other.own, next: &self.next ^ &other.next }
    }

    /// Exclusive or in place.
    pub fn xor_assign(&mut self, other: &Self) {
        self.own ^= &other.own;
        self.next ^= &other.next;
    }

    /// Exclusive or with public bits, at party `me`.
    pub fn xor_public(&self, bits: &Bits, me: Party) -> Self {
        match me {
            Party::P0 => Self { own: &self.own ^ bits, next: self.next.clone() },
            Party::P1 => self.clone(),
            Party::P2 => Self { own: self.own.clone(), next: &self.next ^ bits },
        }
    }

    /// And with public bits, row by row.
    pub fn and_public(&self, bits: &Bits) -> Self {
        Self { own: &self.own & bits, next: &self.next & bits }
    }

    /// Negation, at party `me`.
    pub fn not(&self, me: Party) -> Self {
        match me {
            Party::P0 => Self { own: !&self.own, next: self.next.clone() },
            Party::P1 => self.clone(),
            Party::P2 => Self { own: self.own.clone(), next: !&self.next },
        }
    }

    /// The rows in this range.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self { own: self.own.slice(rows.clone()), next: self.next.slice(rows) }
    }

    /// The rows with these numbers, in this order.
    pub fn gather(&self, rows: &[u32]) -> Self {
        Self { own: self.own.gather(rows), next: self.next.gather(rows) }
    }

    /// Columns one below the other.
    pub fn concat<'a>(columns: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for column in columns {
            all.own.extend(&column.own);
            all.next.extend(&column.next);
        }
        all
    }
}

impl fmt::Debug for BitShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BitShare({} rows)", self.len())
    }
}
