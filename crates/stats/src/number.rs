//! Numbers as results carry them: exact where possible, otherwise with a bound on the error.

use crate::check::Reason;
use crate::plan::{Family, Tail};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// The relative error of one operation on `f64`.
const EPSILON: f64 = f64::EPSILON;
/// The longest numerators and denominators that are kept.
const MAX_EXACT_BITS: u64 = 1 << 15;
/// How far the distribution functions are trusted.
const DISTRIBUTION_ERROR: f64 = 1e-11;

/// A number, and how far it may be from the truth.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// Exactly this.
    Exact(BigRational),
    /// At most `error` from this.
    Rounded {
        /// The number.
        value: f64,
        /// The bound.
        error: f64,
    },
    /// None, and why.
    Withheld(Reason),
}

impl Number {
    /// A whole number.
    pub fn integer(value: impl Into<BigInt>) -> Self {
        Self::Exact(BigRational::from_integer(value.into()))
    }

    /// `units / divisor`, which is not zero.
    pub fn ratio(units: impl Into<BigInt>, divisor: impl Into<BigInt>) -> Self {
        let divisor = divisor.into();
        if divisor.is_zero() { Self::UNDEFINED } else { Self::Exact(BigRational::new(units.into(), divisor)) }
    }

    /// At most `error` from `value`.
    pub fn rounded(value: f64, error: f64) -> Self {
        if value.is_nan() { Self::UNDEFINED } else { Self::Rounded { value, error } }
    }

    /// What a division by zero gives.
    pub const UNDEFINED: Self = Self::Withheld(Reason::Undefined);

    /// The nearest `f64`, and how far it may be from the truth.
    ///
    /// # Errors
    /// Why there is none.
    pub fn approximate(&self) -> Result<(f64, f64), Reason> {
        match self {
            Self::Exact(exact) => {
                let value = exact.to_f64().unwrap_or(f64::NAN);
                let rounded = BigRational::from_float(value).is_none_or(|rounded| rounded != *exact);
                Ok((value, if rounded { value.abs() * EPSILON } else { 0.0 }))
            }
            Self::Rounded { value, error } => Ok((*value, *error)),
            Self::Withheld(reason) => Err(*reason),
        }
    }

    /// The exact number, if it is one.
    pub fn exact(&self) -> Option<&BigRational> {
        if let Self::Exact(exact) = self { Some(exact) } else { None }
    }

    /// The same, rounded if its exact form has become unreasonably long.
    fn bounded(self) -> Self {
        let long = |exact: &BigRational| exact.numer().bits().max(exact.denom().bits()) > MAX_EXACT_BITS;
        match &self {
            Self::Exact(exact) if long(exact) => {
                self.approximate().map_or_else(Self::Withheld, |(value, error)| Self::rounded(value, error))
            }
            _ => self,
        }
    }

    fn combine(
        &self,
        other: &Self,
        exact: impl Fn(&BigRational, &BigRational) -> Option<BigRational>,
        rounded: impl Fn((f64, f64), (f64, f64)) -> (f64, f64),
    ) -> Self {
        if let (Self::Exact(a), Self::Exact(b)) = (self, other) {
            return exact(a, b).map_or(Self::UNDEFINED, Self::Exact).bounded();
        }
        match (self.approximate(), other.approximate()) {
            (Ok(a), Ok(b)) => {
                let (value, error) = rounded(a, b);
                Self::rounded(value, error + value.abs() * EPSILON)
            }
            (Err(reason), _) | (_, Err(reason)) => Self::Withheld(reason),
        }
    }

    /// `self + other`.
    pub fn add(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Some(a + b), |(a, e), (b, f)| (a + b, e + f))
    }

    /// `self - other`.
    pub fn subtract(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Some(a - b), |(a, e), (b, f)| (a - b, e + f))
    }

    /// `self * other`.
    pub fn multiply(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Some(a * b), |(a, e), (b, f)| (a * b, a.abs() * f + b.abs() * e + e * f))
    }

    /// `self / other`.
    pub fn divide(&self, other: &Self) -> Self {
        let rounded = |(a, e): (f64, f64), (b, f): (f64, f64)| {
            let quotient = if b == 0.0 { f64::NAN } else { a / b };
            let least = b.abs() - f;
            let error = if least > 0.0 { (e + quotient.abs() * f) / least } else { f64::INFINITY };
            (quotient, error)
        };
        self.combine(other, |a, b| (!b.is_zero()).then(|| a / b), rounded)
    }

    /// The square root.
    pub fn sqrt(&self) -> Self {
        if let Self::Exact(exact) = self {
            if exact.is_negative() {
                return Self::UNDEFINED;
            }
            let (n, d) = (exact.numer().sqrt(), exact.denom().sqrt());
            let root = BigRational::new(n, d);
            if &(&root * &root) == exact {
                return Self::Exact(root);
            }
        }
        self.map(|value, error| {
            let root = value.sqrt();
            let low = (value - error).max(0.0).sqrt();
            (root, if error == 0.0 { 0.0 } else { error / (root + low).max(error.sqrt()) })
        })
    }

    /// The natural logarithm.
    pub fn log(&self) -> Self {
        self.map(|value, error| {
            let least = value - error;
            let spread = if error == 0.0 {
                0.0
            } else if least > 0.0 {
                error / least
            } else {
                f64::INFINITY
            };
            (if value > 0.0 { value.ln() } else { f64::NAN }, spread)
        })
    }

    /// e to this power.
    pub fn exp(&self) -> Self {
        self.map(|value, error| (value.exp(), value.exp() * error.exp_m1()))
    }

    fn map(&self, function: impl Fn(f64, f64) -> (f64, f64)) -> Self {
        match self.approximate() {
            Ok((value, error)) => {
                let (value, error) = function(value, error);
                Self::rounded(value, error + value.abs() * EPSILON)
            }
            Err(reason) => Self::Withheld(reason),
        }
    }

    /// The largest whole number that is not above `self / divisor`.
    pub fn floor_divide(&self, divisor: u32) -> Self {
        match self {
            Self::Exact(exact) => Self::Exact((exact / BigRational::from_integer(divisor.into())).floor()),
            Self::Rounded { .. } => Self::UNDEFINED,
            Self::Withheld(reason) => Self::Withheld(*reason),
        }
    }

    /// The largest whole number that is not above it.
    pub fn floor(&self) -> Self {
        match self {
            Self::Exact(exact) => Self::Exact(exact.floor()),
            Self::Rounded { value, .. } => {
                BigRational::from_float(value.floor()).map_or(Self::UNDEFINED, Self::Exact)
            }
            Self::Withheld(reason) => Self::Withheld(*reason),
        }
    }

    /// 1 if `holds` of both, 0 if not.
    pub fn compare(&self, other: &Self, holds: impl Fn(&BigRational, &BigRational) -> bool) -> Self {
        let truth = |a: &BigRational, b: &BigRational| {
            Some(if holds(a, b) { BigRational::one() } else { BigRational::zero() })
        };
        self.combine(other, truth, |_, _| (f64::NAN, 0.0))
    }

    /// Whether it is an exact number other than 0: what booleans are as numbers.
    pub fn holds(&self) -> Option<bool> {
        self.exact().map(|exact| !exact.is_zero())
    }

    /// The whole number `self * scale`, or `None` if it is none.
    pub fn units(&self, divisor: &BigInt) -> Option<BigInt> {
        let units = self.exact()? * BigRational::from_integer(divisor.clone());
        units.is_integer().then(|| units.to_integer())
    }

    /// A distribution function of `self`.
    pub fn distribution(&self, family: Family, tail: Tail, parameters: &[Self]) -> Self {
        let (Ok((value, error)), Ok(parameters)) =
            (self.approximate(), parameters.iter().map(Self::approximate).collect::<Result<Vec<_>, _>>())
        else {
            return Self::UNDEFINED;
        };
        let at = |value: f64, sign: f64| {
            let parameters: Vec<f64> = parameters.iter().map(|(p, e)| p + sign * e).collect();
            distribution(family, tail, value, &parameters).unwrap_or(f64::NAN)
        };
        let centre = at(value, 0.0);
        let shift = error + value.abs() * EPSILON;
        let spread = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
            .into_iter()
            .map(|(side, sign)| (at(value + side * shift, sign) - centre).abs())
            .fold(0.0, f64::max);
        Self::rounded(centre, spread + DISTRIBUTION_ERROR * centre.abs().max(1.0))
    }

    /// The text of an exact decimal with at most `digits` digits after the dot, if it is one.
    pub fn decimal_text(&self, digits: u32) -> Option<String> {
        let scaled = self.exact()? * BigRational::from_integer(BigInt::from(10).pow(digits));
        scaled.is_integer().then(|| crate::plan::Decimal::new(scaled.to_integer(), digits).to_string())
    }
}

fn distribution(family: Family, tail: Tail, value: f64, parameters: &[f64]) -> Option<f64> {
    match (family, parameters) {
        (Family::Normal, []) => Some(ask(&Normal::standard(), tail, value)),
        (Family::StudentT, [freedom]) => Some(ask(&StudentsT::new(0.0, 1.0, *freedom).ok()?, tail, value)),
        (Family::ChiSquared, [freedom]) => Some(ask(&ChiSquared::new(*freedom).ok()?, tail, value)),
        (Family::F, [above, below]) => Some(ask(&FisherSnedecor::new(*above, *below).ok()?, tail, value)),
        _ => None,
    }
}

fn ask(of: &impl ContinuousCDF<f64, f64>, tail: Tail, value: f64) -> f64 {
    match tail {
        Tail::Above => of.sf(value),
        Tail::TwoSided => 2.0 * of.sf(value.abs()),
        Tail::Quantile if (0.0..=1.0).contains(&value) => of.inverse_cdf(value),
        Tail::Quantile => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_numbers_stay_exact() {
        let third = Number::ratio(1, 3);
        assert_eq!(third.multiply(&Number::integer(3)), Number::integer(1));
        assert_eq!(Number::ratio(4, 9).sqrt(), Number::ratio(2, 3));
        assert_eq!(Number::integer(1).divide(&Number::integer(0)), Number::UNDEFINED);
        assert_eq!(Number::integer(-7).floor_divide(2), Number::integer(-4));
        assert_eq!(Number::ratio(5, 4).decimal_text(2).as_deref(), Some("1.25"));
        assert_eq!(third.decimal_text(10), None);
    }

    proptest! {
        #[test]
        fn bounds_hold(a in 1i64..1_000_000, b in 1i64..1_000_000, e in 0f64..0.5, f in 0f64..0.5) {
            let near = |v: i64, e: f64| Number::rounded(v as f64 + e, e);
            let (x, y) = (near(a, e), near(b, f));
            let (s, t) = (a as f64, b as f64);
            for (number, truth) in [
                (x.add(&y), s + t), (x.subtract(&y), s - t), (x.multiply(&y), s * t), (x.divide(&y), s / t),
                (x.sqrt(), s.sqrt()), (x.log(), s.ln()),
            ] {
                let (value, error) = number.approximate().unwrap();
                prop_assert!((value - truth).abs() <= error + truth.abs() * 1e-15, "{value} {error} {truth}");
            }
        }
    }
}
