//! The binary field of 2^128 elements: polynomials over GF(2) modulo x^128 + x^7 + x^2 + x + 1.
#![allow(
    clippy::inline_always,
    reason = "vector code is compiled for the instructions of the function that it is inlined into; a call \
              instead would cost many times what it does"
)]

pub mod carryless;
#[cfg(target_arch = "x86_64")]
mod gfni;
mod kernels;
mod linear;
mod portable;
#[cfg(target_arch = "x86_64")]
mod wide;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::{Add, Mul, Neg, Sub};

use zeroize::DefaultIsZeroes;

use crate::Field;
use crate::field::derive_operators;
use kernels::{AddMultiple, InnerProduct, Product, ScaleAndAdd};
pub use linear::LinearMap;
pub use portable::Gf128Accumulator;

/// An element of the binary field: bit `i` is the coefficient of x^i (plain order, not GHASH's reflected one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
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

    fn inner_product(a: &[Self], b: &[Self]) -> Self {
        carryless::run(InnerProduct(a, b))
    }

    fn add_multiple(sums: &mut [Self], factor: Self, values: &[Self]) {
        carryless::run(AddMultiple { sums, factor, values });
    }

    fn scale_and_add(sums: &mut [Self], factor: Self, values: &[Self]) {
        carryless::run(ScaleAndAdd { sums, factor, values });
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
        carryless::run_one(Product(self, other))
    }
}

derive_operators!(Gf128);

impl DefaultIsZeroes for Gf128 {}
