//! The fields in which OLEs are made.

use algebra::Gf128;
use p256::elliptic_curve::bigint::modular::{ConstMontyForm, ConstMontyParams as _};
use p256::elliptic_curve::bigint::{U256, const_monty_params};
use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha512};
use std::ops::{Add, Mul, Sub};

/// A field of `2^BITS` elements or a little fewer.
pub trait OleField: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// Separates hashes for one field from those for another.
    const NAME: &'static str;
    /// Bits of an element.
    const BITS: usize;
    /// Bytes of an encoded element.
    const BYTES: usize;
    /// The neutral element of addition.
    const ZERO: Self;

    /// A uniform element.
    fn random(rng: &mut impl CryptoRng) -> Self;

    /// A uniform element from a uniform seed.
    fn from_hash(seed: &[u8; 32]) -> Self;

    /// The element whose only bit is bit `i`.
    fn power_of_two(i: usize) -> Self;

    /// The bits: the element is the sum of `power_of_two(i)` over those that are set.
    fn bits(&self) -> Vec<bool>;

    /// Appends the encoding.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads an encoding of [`OleField::BYTES`] bytes; `None` if it is not canonical.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// The multiplicative inverse; `None` for zero.
    fn inverse(&self) -> Option<Self>;

    /// Whether this is the neutral element of addition.
    fn is_zero(&self) -> bool;

    /// `element` if the bit is set, else zero, without a branch.
    fn select(bit: bool, element: Self) -> Self;

    /// A uniform element other than zero.
    fn random_nonzero(rng: &mut impl CryptoRng) -> Self {
        loop {
            let element = Self::random(rng);
            if !element.is_zero() {
                return element;
            }
        }
    }
}

impl OleField for Gf128 {
    const NAME: &'static str = "GF(2^128)";
    const BITS: usize = 128;
    const BYTES: usize = 16;
    const ZERO: Self = <Self as algebra::Field>::ZERO;

    fn random(rng: &mut impl CryptoRng) -> Self {
        Self::from_bytes(rng.random())
    }

    fn from_hash(seed: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&seed[..16]);
        Self::from_bytes(bytes)
    }

    fn power_of_two(i: usize) -> Self {
        Self::new(1 << i)
    }

    fn bits(&self) -> Vec<bool> {
        crate::message::unpack(&self.to_bytes())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_bytes(bytes.try_into().ok()?))
    }

    fn inverse(&self) -> Option<Self> {
        (!self.is_zero()).then(|| algebra::Field::inverse(*self))
    }

    fn is_zero(&self) -> bool {
        self.value() == 0
    }

    fn select(bit: bool, element: Self) -> Self {
        Self::new(element.value() & 0u128.wrapping_sub(u128::from(bit)))
    }
}

const_monty_params!(
    P256Modulus,
    U256,
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "The prime over which the curve P-256 is defined."
);

/// An element of the base field of the curve P-256: a coordinate of a point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct P256Base(ConstMontyForm<P256Modulus, { U256::LIMBS }>);

impl P256Base {
    /// The prime, as bits, least significant first.
    pub fn modulus_bits() -> Vec<bool> {
        crate::message::unpack(&P256Modulus::PARAMS.modulus().as_ref().to_le_bytes())
    }

    /// From 32 big-endian bytes, as points are encoded; `None` if they are not below the prime.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let mut bytes = *bytes;
        bytes.reverse();
        Self::read(&bytes)
    }

    /// To 32 big-endian bytes.
    pub fn to_be_bytes(&self) -> [u8; 32] {
        self.0.retrieve().to_be_bytes().into()
    }

    fn wide(low: &[u8; 32], high: &[u8; 32]) -> Self {
        let reduce = |bytes: &[u8; 32]| Self(ConstMontyForm::new(&U256::from_le_slice(bytes)));
        // 2^256 modulo the prime.
        let shift = Self(ConstMontyForm::new(&U256::MAX)) + Self(ConstMontyForm::ONE);
        reduce(low) + reduce(high) * shift
    }
}

impl std::fmt::Debug for P256Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("P256Base(..)")
    }
}

impl Add for P256Base {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.add(&other.0))
    }
}

impl Sub for P256Base {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(&other.0))
    }
}

impl Mul for P256Base {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(&other.0))
    }
}

impl OleField for P256Base {
    const NAME: &'static str = "P-256 base field";
    const BITS: usize = 256;
    const BYTES: usize = 32;
    const ZERO: Self = Self(ConstMontyForm::ZERO);

    fn random(rng: &mut impl CryptoRng) -> Self {
        Self::wide(&rng.random(), &rng.random())
    }

    fn from_hash(seed: &[u8; 32]) -> Self {
        let wide: [u8; 64] = Sha512::digest(seed).into();
        let (halves, _) = wide.as_chunks();
        Self::wide(&halves[0], &halves[1])
    }

    fn power_of_two(i: usize) -> Self {
        Self(ConstMontyForm::new(&U256::ONE.shl_vartime(i as u32)))
    }

    fn bits(&self) -> Vec<bool> {
        crate::message::unpack(&self.0.retrieve().to_le_bytes())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.retrieve().to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        let integer = U256::from_le_slice(&bytes);
        (&integer < P256Modulus::PARAMS.modulus().as_ref()).then(|| Self(ConstMontyForm::new(&integer)))
    }

    fn inverse(&self) -> Option<Self> {
        self.0.invert().into_option().map(Self)
    }

    fn is_zero(&self) -> bool {
        self.0 == ConstMontyForm::ZERO
    }

    fn select(bit: bool, element: Self) -> Self {
        let choice = subtle::Choice::from(u8::from(bit));
        Self(subtle::ConditionallySelectable::conditional_select(&ConstMontyForm::ZERO, &element.0, choice))
    }
}
