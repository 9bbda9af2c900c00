//! The prime field of p = 2^127 - 1, a Mersenne prime: reduction is a shift and an addition.
#![allow(
    clippy::inline_always,
    reason = "vector code is compiled for the instructions of the function that it is inlined into; a call \
              instead would cost many times what it does"
)]

#[cfg(target_arch = "x86_64")]
mod ifma;
mod kernels;
pub mod lanes;
mod portable;

use std::ops::{Add, Mul, Neg, Sub};

use zeroize::DefaultIsZeroes;

use crate::Field;
use crate::field::derive_operators;
use kernels::{AddMultiple, InnerProduct, ScaleAndAdd};

/// An element of the prime field, kept as its canonical representative below p.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Fp(u128);

impl Fp {
    /// p = 2^127 - 1.
    pub const MODULUS: u128 = (1 << 127) - 1;

    /// The residue of `x`.
    #[inline]
    pub const fn new(x: u128) -> Self {
        Self(canonical((x & Self::MODULUS) + (x >> 127)))
    }

    /// The residue of a signed number.
    #[inline]
    pub const fn from_i128(x: i128) -> Self {
        let magnitude = Self::new(x.unsigned_abs()).0;
        Self(if x < 0 { canonical(Self::MODULUS - magnitude) } else { magnitude })
    }

    /// The canonical representative, below p.
    #[inline]
    pub const fn value(self) -> u128 {
        self.0
    }

    /// The representative of least magnitude, between -(p - 1)/2 and (p - 1)/2.
    #[inline]
    pub const fn signed_value(self) -> i128 {
        if self.0 > Self::MODULUS / 2 { self.0 as i128 - Self::MODULUS as i128 } else { self.0 as i128 }
    }

    /// The canonical encoding: 16 bytes, little-endian.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// `self * factor + term`, reduced once.
    #[inline]
    #[must_use]
    pub const fn mul_add(self, factor: Self, term: Self) -> Self {
        let (low, high) = wide_product(self.0, factor.0);
        let (low, carry) = low.overflowing_add(term.0);
        reduce_wide(low, high + carry as u128)
    }

    /// Decodes; `None` if the number is not below p.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let x = u128::from_le_bytes(bytes);
        if x < Self::MODULUS { Some(Self(x)) } else { None }
    }
}

/// Takes a number up to 2p to its residue.
#[inline]
const fn canonical(x: u128) -> u128 {
    // The subtraction is always made and a mask decides, so that no branch depends on the value.
    let (reduced, borrow) = x.overflowing_sub(Fp::MODULUS);
    let keep = (borrow as u128).wrapping_neg();
    (x & keep) | (reduced & !keep)
}

/// The 256-bit product of two numbers below 2^127, as low and high half.
#[inline]
const fn wide_product(a: u128, b: u128) -> (u128, u128) {
    let (a0, a1) = (a as u64 as u128, a >> 64);
    let (b0, b1) = (b as u64 as u128, b >> 64);
    // Both cross products are below 2^127, so that their sum does not overflow.
    let cross = a0 * b1 + a1 * b0;
    let (low, carry) = (a0 * b0).overflowing_add(cross << 64);
    (low, a1 * b1 + (cross >> 64) + carry as u128)
}

/// The residue of `low + 2^128 high`, which is below 2^254.
#[inline]
const fn reduce_wide(low: u128, high: u128) -> Fp {
    // It is (low mod 2^127) + 2^127 (2 high + top bit of low), and 2^127 is 1.
    Fp(canonical((low & Fp::MODULUS) + ((high << 1) | (low >> 127))))
}

/// A sum of products: a number of five 64-bit words and more, low half first.
#[derive(Clone, Copy, Debug, Default)]
pub struct FpAccumulator {
    low: u128,
    high: u128,
    top: u64,
}

impl Field for Fp {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    const BYTES: usize = 16;
    const BITS: u32 = 126;
    type Accumulator = FpAccumulator;

    #[inline]
    fn accumulate(sum: &mut FpAccumulator, a: Self, b: Self) {
        let (low, high) = wide_product(a.0, b.0);
        let (low, carry) = sum.low.overflowing_add(low);
        // A product's high half is below 2^126, so that the carry cannot overflow it.
        let (high, over) = sum.high.overflowing_add(high + carry as u128);
        *sum = FpAccumulator { low, high, top: sum.top + over as u64 };
    }

    #[inline]
    fn reduce(sum: FpAccumulator) -> Self {
        // 2^128 is 2 and 2^256 is 4 modulo p.
        let high = Self::new(sum.high);
        Self::new(sum.low) + high + high + Self(u128::from(sum.top) << 2)
    }

    #[inline]
    fn from_block(block: u128) -> Self {
        Self(canonical(block & Self::MODULUS))
    }

    #[inline]
    fn write(self, out: &mut [u8]) {
        out.copy_from_slice(&self.to_bytes());
    }

    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes.try_into().ok()?)
    }

    fn inner_product(a: &[Self], b: &[Self]) -> Self {
        lanes::run(InnerProduct(a, b))
    }

    fn add_multiple(sums: &mut [Self], factor: Self, values: &[Self]) {
        lanes::run(AddMultiple { sums, factor, values });
    }

    fn scale_and_add(sums: &mut [Self], factor: Self, values: &[Self]) {
        lanes::run(ScaleAndAdd { sums, factor, values });
    }

    fn inverse(self) -> Self {
        self.pow(Self::MODULUS - 2)
    }
}

impl Add for Fp {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(canonical(self.0 + other.0))
    }
}

impl Sub for Fp {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(canonical(self.0 + (Self::MODULUS - other.0)))
    }
}

impl Neg for Fp {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(canonical(Self::MODULUS - self.0))
    }
}

impl Mul for Fp {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let (low, high) = wide_product(self.0, other.0);
        reduce_wide(low, high)
    }
}

derive_operators!(Fp);

impl From<u64> for Fp {
    #[inline]
    fn from(x: u64) -> Self {
        Self(x.into())
    }
}

impl From<bool> for Fp {
    #[inline]
    fn from(bit: bool) -> Self {
        Self(bit.into())
    }
}

impl DefaultIsZeroes for Fp {}
