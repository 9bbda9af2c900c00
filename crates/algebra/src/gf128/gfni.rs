//! Linear maps by GFNI on registers of 512 bits: a map to 128 bits is 16 by 8 matrices of 8 by 8 bits, and one
//! instruction multiplies 64 bytes by such a matrix.
//!
//! [`Matrices`] exist only after detection, which is what every `unsafe` block here rests on.

use std::arch::x86_64::{
    __m512i, _mm512_gf2p8affine_epi64_epi8, _mm512_loadu_si512, _mm512_permutexvar_epi8, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_storeu_si512, _mm512_unpackhi_epi8, _mm512_unpacklo_epi8, _mm512_xor_si512,
};

use super::Gf128;
use crate::transpose64;

/// `matrices[o][b]` takes byte `b` of the bits to its part of byte `o` of the image.
///
/// In an operand of the instruction, byte `7 - i` is the row that makes bit `i` of the product.
#[derive(Clone, Debug)]
pub(super) struct Matrices([[u64; 8]; 16]);

/// Byte `b` of each of eight words, the words in reverse, for every `b`: what the instruction takes for the matrix of
/// which word `k` is row `k`, at columns `8 b` and up.
const GROUP: [u8; 64] = group();
/// Where the byte of each column is put, so that the transposed bytes of [`transpose`] come out in order.
const DEAL: [u8; 64] = deal();
/// Byte `i` has bit `i` set: what takes a matrix to its columns.
const UNITS: i64 = i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]);

const fn group() -> [u8; 64] {
    let mut index = [0; 64];
    let mut at = 0;
    while at < 64 {
        let (byte, row) = (at / 8, 7 - at % 8);
        index[at] = (8 * row + byte) as u8;
        at += 1;
    }
    index
}

const fn deal() -> [u8; 64] {
    let mut index = [0; 64];
    let mut at = 0;
    while at < 64 {
        let (lane, register) = (at / 16, at % 16);
        index[at] = (4 * register + lane) as u8;
        at += 1;
    }
    index
}

impl Matrices {
    /// The matrices of the map that takes bit `k` to `images[k]`, if the processor can use them.
    pub(super) fn new(images: &[Gf128; 64]) -> Option<Self> {
        let detected = is_x86_feature_detected!("gfni")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi");
        // Word `i` of a half has bit `k` set if bit `i` of that half of `images[k]` is.
        let halves = [0, 64].map(|half| {
            let mut words = images.map(|image| (image.0 >> half) as u64);
            transpose64(&mut words);
            words.map(u64::to_le_bytes)
        });
        let row = |bit: usize, byte: usize| halves[bit / 64][bit % 64][byte];
        let matrix = |out, byte| u64::from_le_bytes(std::array::from_fn(|i| row(8 * out + 7 - i, byte)));
        detected.then(|| Self(std::array::from_fn(|out| std::array::from_fn(|byte| matrix(out, byte)))))
    }

    /// As [`super::LinearMap::apply`].
    pub(super) fn apply(&self, rows: &[u64; 64], images: &mut [Gf128; 64]) {
        // SAFETY: that there are matrices is proof of the instructions.
        unsafe { self.apply_detected(rows, images) }
    }

    #[target_feature(enable = "gfni,avx512f,avx512bw,avx512vbmi")]
    fn apply_detected(&self, rows: &[u64; 64], images: &mut [Gf128; 64]) {
        let (units, group, deal) = (_mm512_set1_epi64(UNITS), load(&GROUP), load(&DEAL));
        let (eights, _) = rows.as_chunks::<8>();
        let mut bytes = [_mm512_setzero_si512(); 8];
        for (bytes, rows) in bytes.iter_mut().zip(eights) {
            let matrix = _mm512_permutexvar_epi8(group, load(rows));
            *bytes = _mm512_permutexvar_epi8(deal, _mm512_gf2p8affine_epi64_epi8::<0>(units, matrix));
        }
        let mut sums = [_mm512_setzero_si512(); 16];
        for (sum, matrices) in sums.iter_mut().zip(&self.0) {
            for (&bytes, &matrix) in bytes.iter().zip(matrices) {
                let matrix = _mm512_set1_epi64(matrix.cast_signed());
                *sum = _mm512_xor_si512(*sum, _mm512_gf2p8affine_epi64_epi8::<0>(bytes, matrix));
            }
        }
        let (fours, _) = images.as_chunks_mut::<4>();
        transpose(&mut sums);
        for (images, register) in fours.iter_mut().zip(sums) {
            // SAFETY: 64 bytes are written to four elements of 16 bytes.
            unsafe { _mm512_storeu_si512((&raw mut *images).cast(), register) }
        }
    }
}

/// In each lane of 128 bits, byte `o` of register `r` becomes byte `r` of register `o`.
#[target_feature(enable = "avx512f,avx512bw")]
fn transpose(registers: &mut [__m512i; 16]) {
    // Interleaving register `i` with register `i + 8` takes the highest bit of a register's number to the lowest of a
    // byte's; after four times, all of them.
    for _ in 0..4 {
        let last = *registers;
        for pair in 0..8 {
            registers[2 * pair] = _mm512_unpacklo_epi8(last[pair], last[pair + 8]);
            registers[2 * pair + 1] = _mm512_unpackhi_epi8(last[pair], last[pair + 8]);
        }
    }
}

#[target_feature(enable = "avx512f")]
fn load<T: Copy, const N: usize>(values: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == 64, "a register is 64 bytes") };
    // SAFETY: 64 bytes are read from a value of 64 bytes.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}
