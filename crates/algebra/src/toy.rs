//! Two fields small enough for a test to see a soundness error happen or to draw a distribution.
//!
//! Proof code is generic over [`Field`], so that the very code that runs over [`crate::Fp`] and
//! [`crate::Gf128`] can be tested here. They protect nothing.

use std::ops::{Add, Mul, Neg, Sub};

use crate::Field;
use crate::field::derive_operators;

/// The binary field of 256 elements, modulus x^8 + x^4 + x^3 + x + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gf256(pub u8);

impl Field for Gf256 {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    const BYTES: usize = 1;
    const BITS: u32 = 8;
    type Accumulator = Self;

    fn accumulate(sum: &mut Self, a: Self, b: Self) {
        *sum += a * b;
    }

    fn reduce(sum: Self) -> Self {
        sum
    }

    fn from_block(block: u128) -> Self {
        Self(block as u8)
    }

    fn write(self, out: &mut [u8]) {
        out.copy_from_slice(&[self.0]);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let [byte] = bytes.try_into().ok()?;
        Some(Self(byte))
    }

    fn inverse(self) -> Self {
        self.pow(254)
    }
}

#[allow(clippy::suspicious_arithmetic_impl, reason = "addition of polynomials over GF(2) is exclusive or")]
impl Add for Gf256 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

#[allow(clippy::suspicious_arithmetic_impl, reason = "in characteristic 2, subtraction is addition")]
impl Sub for Gf256 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl Neg for Gf256 {
    type Output = Self;
    fn neg(self) -> Self {
        self
    }
}

impl Mul for Gf256 {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (mut power, mut sum) = (self.0, 0);
        for i in 0..8 {
            if other.0 >> i & 1 == 1 {
                sum ^= power;
            }
            let over = power >> 7;
            power = (power << 1) ^ (over * 0x1b);
        }
        Self(sum)
    }
}

derive_operators!(Gf256);

/// The prime field of 127 elements; like [`crate::Fp`] its size is a Mersenne prime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct F127(u8);

impl F127 {
    /// The residue of `x`.
    pub const fn new(x: u64) -> Self {
        Self((x % 127) as u8)
    }

    /// The representative below 127.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl Field for F127 {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    const BYTES: usize = 1;
    const BITS: u32 = 6;
    type Accumulator = Self;

    fn accumulate(sum: &mut Self, a: Self, b: Self) {
        *sum += a * b;
    }

    fn reduce(sum: Self) -> Self {
        sum
    }

    fn from_block(block: u128) -> Self {
        Self((block % 127) as u8)
    }

    fn write(self, out: &mut [u8]) {
        out.copy_from_slice(&[self.0]);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let [byte] = bytes.try_into().ok()?;
        (byte < 127).then_some(Self(byte))
    }

    fn inverse(self) -> Self {
        self.pow(125)
    }
}

impl Add for F127 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self((self.0 + other.0) % 127)
    }
}

impl Sub for F127 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self((self.0 + 127 - other.0) % 127)
    }
}

impl Neg for F127 {
    type Output = Self;
    fn neg(self) -> Self {
        Self((127 - self.0) % 127)
    }
}

impl Mul for F127 {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(u64::from(self.0) * u64::from(other.0))
    }
}

derive_operators!(F127);
