//! What protocols ask of a field.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::DecodeError;

/// A finite field, with the bulk operations that proofs and inner products are made of.
///
/// Bulk operations add products up in an [`Accumulator`](Field::Accumulator) and reduce once at the end.
pub trait Field:
    Copy
    + Debug
    + Default
    + PartialEq
    + Eq
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
{
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;
    /// Bytes an encoded element takes.
    const BYTES: usize;
    /// log2 of the number of elements, rounded down: what soundness bounds are computed from.
    const BITS: u32;

    /// A sum of products, not yet reduced.
    type Accumulator: Copy + Default + Send + Sync;

    /// Adds `a * b` to a sum.
    fn accumulate(sum: &mut Self::Accumulator, a: Self, b: Self);

    /// The element that a sum of products stands for.
    fn reduce(sum: Self::Accumulator) -> Self;

    /// The element drawn by 128 uniform bits: uniform but for at most 2^-120 of statistical distance.
    fn from_block(block: u128) -> Self;

    /// Writes the encoding into exactly [`BYTES`](Field::BYTES) bytes.
    fn write(self, out: &mut [u8]);

    /// Reads an encoding of exactly [`BYTES`](Field::BYTES) bytes; `None` unless it is canonical.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// The multiplicative inverse; zero for zero.
    fn inverse(self) -> Self;

    /// `self` to a public power, by squaring.
    fn pow(self, mut exponent: u128) -> Self {
        let (mut base, mut result) = (self, Self::ONE);
        while exponent != 0 {
            if exponent & 1 == 1 {
                result *= base;
            }
            base *= base;
            exponent >>= 1;
        }
        result
    }

    /// `1, r, r^2, …`: the first `n` powers.
    fn powers(self, n: usize) -> Vec<Self> {
        std::iter::successors(Some(Self::ONE), |&power| Some(power * self)).take(n).collect()
    }

    /// The sum of the products `a[i] * b[i]`, over the shorter of the two.
    fn inner_product(a: &[Self], b: &[Self]) -> Self {
        let mut sum = Self::Accumulator::default();
        for (&a, &b) in a.iter().zip(b) {
            Self::accumulate(&mut sum, a, b);
        }
        Self::reduce(sum)
    }

    /// Adds `factor * values[i]` to `sums[i]`, over the shorter of the two.
    fn add_multiple(sums: &mut [Self], factor: Self, values: &[Self]) {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += factor * value;
        }
    }

    /// Takes `sums[i]` to `factor * sums[i] + values[i]`; values that are missing at the end are zero.
    fn scale_and_add(sums: &mut [Self], factor: Self, values: &[Self]) {
        let (sums, rest) = sums.split_at_mut(values.len().min(sums.len()));
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = factor * *sum + value;
        }
        for sum in rest {
            *sum *= factor;
        }
    }
}

/// Encodes elements one after another.
pub fn encode<F: Field>(elements: &[F]) -> Vec<u8> {
    let mut bytes = vec![0; elements.len() * F::BYTES];
    for (element, out) in elements.iter().zip(bytes.chunks_exact_mut(F::BYTES)) {
        element.write(out);
    }
    bytes
}

/// Decodes exactly `count` elements.
///
/// # Errors
/// [`DecodeError`] if the length is another or an element is not canonical.
pub fn decode<F: Field>(bytes: &[u8], count: usize) -> Result<Vec<F>, DecodeError> {
    let expected = count.saturating_mul(F::BYTES);
    if bytes.len() != expected {
        return Err(DecodeError::Length { expected, got: bytes.len() });
    }
    // A loop, since collecting into a `Result` is several times slower.
    let mut elements = Vec::with_capacity(count);
    for (index, bytes) in bytes.chunks_exact(F::BYTES).enumerate() {
        elements.push(F::read(bytes).ok_or(DecodeError::NotCanonical { index })?);
    }
    Ok(elements)
}

/// Derives the reference, assign and sum forms of the operators from `Add`, `Sub` and `Mul` by value.
macro_rules! derive_operators {
    ($field:ty) => {
        impl std::ops::AddAssign for $field {
            #[inline]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl std::ops::SubAssign for $field {
            #[inline]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl std::ops::MulAssign for $field {
            #[inline]
            fn mul_assign(&mut self, other: Self) {
                *self = *self * other;
            }
        }
        impl std::iter::Sum for $field {
            fn sum<I: Iterator<Item = Self>>(elements: I) -> Self {
                elements.fold(<Self as $crate::Field>::ZERO, |a, b| a + b)
            }
        }
        impl<'a> std::iter::Sum<&'a $field> for $field {
            fn sum<I: Iterator<Item = &'a Self>>(elements: I) -> Self {
                elements.copied().sum()
            }
        }
    };
}
pub(crate) use derive_operators;
