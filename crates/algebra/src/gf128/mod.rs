//! The binary field of 2^128 elements: polynomials over GF(2) modulo x^128 + x^7 + x^2 + x + 1.

mod portable;

use std::ops::{Add, Mul, Neg, Sub};

use zeroize::DefaultIsZeroes;

use crate::Field;
use crate::field::derive_operators;

/// An element of the binary field: bit `i` is the coefficient of x^i (plain order, not GHASH's reflected one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gf128(u128);

impl Gf128 {
    /// The element with these coefficients.
    #[inline]
    pub const fn new(coefficients: u128) -> Self {
        Self(coefficients)
    }

    /// The coefficients, bit `i` that of x^i.
    #[inline]
    pub const fn value(self) -> u128 {
        self.0
    }

    /// The encoding: 16 bytes, little-endian.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Decodes: every 16 bytes are an element.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
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
    const fn reduce(self) -> Gf128 {
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

impl Field for Gf128 {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    const BYTES: usize = 16;
    const BITS: u32 = 128;
    type Accumulator = Gf128Accumulator;

    #[inline]
    fn accumulate(sum: &mut Gf128Accumulator, a: Self, b: Self) {
        portable::accumulate(sum, a, b);
    }

    #[inline]
    fn reduce(sum: Gf128Accumulator) -> Self {
        sum.reduce()
    }

    #[inline]
    fn from_block(block: u128) -> Self {
        Self(block)
    }

    #[inline]
    fn write(self, out: &mut [u8]) {
        out.copy_from_slice(&self.to_bytes());
    }

    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_bytes(bytes.try_into().ok()?))
    }

    fn inverse(self) -> Self {
        // The multiplicative group has 2^128 - 1 elements.
        self.pow(u128::MAX - 1)
    }
}

#[allow(clippy::suspicious_arithmetic_impl, reason = "addition of polynomials over GF(2) is exclusive or")]
impl Add for Gf128 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

#[allow(clippy::suspicious_arithmetic_impl, reason = "in characteristic 2, subtraction is addition")]
impl Sub for Gf128 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl Neg for Gf128 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        self
    }
}

impl Mul for Gf128 {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let mut sum = Gf128Accumulator::default();
        Self::accumulate(&mut sum, self, other);
        sum.reduce()
    }
}

derive_operators!(Gf128);

impl DefaultIsZeroes for Gf128 {}
