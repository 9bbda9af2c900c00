//! Ranges of integers, for the proof that nothing overflows.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

/// Every integer from `min` to `max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The smallest.
    pub min: BigInt,
    /// The largest.
    pub max: BigInt,
}

impl Interval {
    /// From `min` to `max`, or from `max` to `min`.
    pub fn new(min: impl Into<BigInt>, max: impl Into<BigInt>) -> Self {
        let (min, max) = (min.into(), max.into());
        if min <= max { Self { min, max } } else { Self { min: max, max: min } }
    }

    /// One integer.
    pub fn point(value: impl Into<BigInt>) -> Self {
        let value = value.into();
        Self { min: value.clone(), max: value }
    }

    /// 0 and 1.
    pub fn bit() -> Self {
        Self::new(0, 1)
    }

    /// The sum of any two.
    pub fn add(&self, other: &Self) -> Self {
        Self { min: &self.min + &other.min, max: &self.max + &other.max }
    }

    /// The difference of any two.
    pub fn subtract(&self, other: &Self) -> Self {
        Self { min: &self.min - &other.max, max: &self.max - &other.min }
    }

    /// The product of any two.
    pub fn multiply(&self, other: &Self) -> Self {
        let corners =
            [&self.min * &other.min, &self.min * &other.max, &self.max * &other.min, &self.max * &other.max];
        let [a, b, c, d] = corners;
        let min = a.clone().min(b.clone()).min(c.clone()).min(d.clone());
        Self { min, max: a.max(b).max(c).max(d) }
    }

    /// The square of any one.
    pub fn square(&self) -> Self {
        let product = self.multiply(self);
        Self { min: if self.contains_zero() { BigInt::zero() } else { product.min.abs() }, max: product.max }
    }

    /// The sum of `rows` of them, for every number of rows from 1 to `rows`.
    pub fn sum(&self, rows: u64) -> Self {
        self.multiply(&Self::point(rows)).hull(self)
    }

    /// Both.
    pub fn hull(&self, other: &Self) -> Self {
        Self { min: self.min.clone().min(other.min.clone()), max: self.max.clone().max(other.max.clone()) }
    }

    /// Whether 0 is among them.
    pub fn contains_zero(&self) -> bool {
        !self.min.is_positive() && !self.max.is_negative()
    }

    /// Whether every one is below every one of `other`.
    pub fn below(&self, other: &Self) -> bool {
        self.max < other.min
    }

    /// Bits of the largest magnitude.
    pub fn magnitude_bits(&self) -> u64 {
        self.min.bits().max(self.max.bits())
    }

    /// Bits that hold every one: two's complement if any is negative; at least one.
    pub fn width(&self) -> u32 {
        let negative = self.min.is_negative();
        let low = if negative { (-&self.min - BigInt::one()).bits() } else { 0 };
        let high = if self.max.is_positive() { self.max.bits() } else { 0 };
        (low.max(high) as u32 + u32::from(negative)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intervals_hold_their_results(a in -50i64..50, b in -50i64..50, c in -50i64..50, d in -50i64..50,
                                        s in 0f64..1.0, t in 0f64..1.0) {
            let (left, right) = (Interval::new(a, b), Interval::new(c, d));
            let pick = |lo: i64, hi: i64, f: f64| lo.min(hi) + ((lo - hi).abs() as f64 * f) as i64;
            let (x, y) = (pick(a, b, s), pick(c, d, t));
            let holds = |interval: &Interval, v: i64| interval.min <= v.into() && interval.max >= v.into();
            prop_assert!(holds(&left.add(&right), x + y));
            prop_assert!(holds(&left.subtract(&right), x - y));
            prop_assert!(holds(&left.multiply(&right), x * y));
            prop_assert!(holds(&left.square(), x * x));
            prop_assert!(holds(&left.hull(&right), x) && holds(&left.hull(&right), y));
            let width = left.width();
            if left.min.is_negative() {
                prop_assert!(x >= -(1 << (width - 1)) && x < (1 << (width - 1)));
            } else {
                prop_assert!(x < (1 << width));
            }
        }
    }
}
