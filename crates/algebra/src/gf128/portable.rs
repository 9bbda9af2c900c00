//! Carry-less multiplication without special instructions, and without a branch or table chosen by a value.

use super::Gf128;
use super::carryless::Carryless;

/// Needs nothing of the processor.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Carryless for Portable {
    const LANES: usize = 1;
    type Vector = Gf128;
    type Sum = Gf128Accumulator;

    #[inline]
    fn splat(self, element: Gf128) -> Gf128 {
        element
    }

    #[inline]
    fn load(self, elements: &[Gf128]) -> Gf128 {
        elements.first().copied().unwrap_or(Gf128(0))
    }

    #[inline]
    fn store(self, vector: Gf128, elements: &mut [Gf128]) {
        if let Some(first) = elements.first_mut() {
            *first = vector;
        }
    }

    #[inline]
    fn add(self, a: Gf128, b: Gf128) -> Gf128 {
        a + b
    }

    #[inline]
    fn and(self, a: Gf128, b: Gf128) -> Gf128 {
        Gf128(a.0 & b.0)
    }

    #[inline]
    fn sum(self) -> Gf128Accumulator {
        Gf128Accumulator::default()
    }

    #[inline]
    fn accumulate(self, sum: &mut Gf128Accumulator, a: Gf128, b: Gf128) {
        accumulate(sum, a, b);
    }

    #[inline]
    fn halves(self, a: Gf128) -> Gf128 {
        Gf128(a.0 ^ a.0.rotate_left(64))
    }

    #[inline]
    fn accumulate_with(self, sum: &mut Gf128Accumulator, a: Gf128, b: Gf128, _halves: Gf128) {
        accumulate(sum, a, b);
    }

    #[inline]
    fn settle(self, sum: Gf128Accumulator) -> Gf128Accumulator {
        sum
    }

    #[inline]
    fn reduce(self, sum: Gf128Accumulator) -> Gf128 {
        sum.reduce()
    }
}

/// A sum of carry-less products: `low + mid x^64 + high x^128`, each part 128 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gf128Accumulator {
    low: u128,
    mid: u128,
    high: u128,
}

impl Gf128Accumulator {
    #[inline]
    pub(super) const fn reduce(self) -> Gf128 {
        let low = self.low ^ (self.mid << 64);
        let high = self.high ^ (self.mid >> 64);
        // x^128 = x^7 + x^2 + x + 1; what the shifts push over the top is folded in the same way once more.
        let over = (high >> 127) ^ (high >> 126) ^ (high >> 121);
        Gf128(low ^ times_tail(high) ^ times_tail(over))
    }
}

/// x^7 + x^2 + x + 1 times a polynomial, cut off at x^128.
#[inline]
const fn times_tail(a: u128) -> u128 {
    a ^ (a << 1) ^ (a << 2) ^ (a << 7)
}

/// Adds the unreduced product of `a` and `b` to a sum.
#[inline]
pub(super) fn accumulate(sum: &mut Gf128Accumulator, a: Gf128, b: Gf128) {
    let (a0, a1) = (a.0 as u64, (a.0 >> 64) as u64);
    let (b0, b1) = (b.0 as u64, (b.0 >> 64) as u64);
    let (low, high) = (product(a0, b0), product(a1, b1));
    // Karatsuba: the middle part from one product instead of two.
    let mid = product(a0 ^ a1, b0 ^ b1) ^ low ^ high;
    sum.low ^= low;
    sum.mid ^= mid;
    sum.high ^= high;
}

/// The carry-less product of two 64-bit polynomials.
///
/// Integer multiplication of numbers in which only every fourth bit can be set: the carries of up to fifteen
/// additions stay in the three bits between and are masked off. Only the topmost place receives sixteen, and
/// that carry falls off the word (T. Pornin, BearSSL, "Constant-time multiplication").
#[inline]
fn product(a: u64, b: u64) -> u128 {
    let low = low_half(a, b);
    // Reversing both factors reverses the product, which has 127 bits: its high half comes out as a low half.
    let high = low_half(a.reverse_bits(), b.reverse_bits()).reverse_bits() >> 1;
    u128::from(high) << 64 | u128::from(low)
}

/// The low 64 bits of the carry-less product.
#[inline]
fn low_half(a: u64, b: u64) -> u64 {
    const HOLES: [u64; 4] =
        [0x1111_1111_1111_1111, 0x2222_2222_2222_2222, 0x4444_4444_4444_4444, 0x8888_8888_8888_8888];
    let a = HOLES.map(|mask| a & mask);
    let b = HOLES.map(|mask| b & mask);
    let mut result = 0;
    for (k, mask) in HOLES.into_iter().enumerate() {
        let sum = (0..4).fold(0, |sum, i| sum ^ a[i].wrapping_mul(b[(k + 4 - i) % 4]));
        result |= sum & mask;
    }
    result
}
