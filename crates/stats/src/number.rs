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
/// How far the distribution functions are trusted, for few degrees of freedom.
const DISTRIBUTION_ERROR: f64 = 1e-10;

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
        let freedoms: Vec<f64> = parameters.iter().map(|(freedom, _)| *freedom).collect();
        Self::rounded(centre, spread + precision(family, tail, &freedoms) * centre.abs().max(1.0))
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
        (Family::StudentT, [freedom]) if tail == Tail::Quantile && *freedom >= MANY => {
            Some(student_quantile(ask(&Normal::standard(), tail, value), *freedom))
        }
        (Family::StudentT, [freedom]) => Some(ask(&StudentsT::new(0.0, 1.0, *freedom).ok()?, tail, value)),
        (Family::ChiSquared, [freedom]) => Some(ask(&ChiSquared::new(*freedom).ok()?, tail, value)),
        (Family::F, [above, below]) => Some(ask(&FisherSnedecor::new(*above, *below).ok()?, tail, value)),
        _ => None,
    }
}

/// How far a distribution function is trusted. Those made from logarithms of the gamma function, which is about
/// `f log f` for `f` degrees of freedom, lose as many digits as that has before the dot.
fn precision(family: Family, tail: Tail, freedoms: &[f64]) -> f64 {
    if family == Family::StudentT && tail == Tail::Quantile {
        return DISTRIBUTION_ERROR;
    }
    let digits: f64 = freedoms.iter().map(|freedom| freedom * freedom.max(1.0).ln()).sum();
    DISTRIBUTION_ERROR + 4.0 * EPSILON * digits
}

/// The degrees of freedom from which on the expansion below is exact to the precision of `f64`; iteration is not.
const MANY: f64 = 1000.0;

/// The quantile of Student's t from the normal one, `z`, by its expansion in powers of one over the degrees of freedom
/// (M. Abramowitz and I. Stegun, 1964, 26.7.5).
fn student_quantile(z: f64, freedom: f64) -> f64 {
    let w = z * z;
    let terms = [
        (w + 1.0) / 4.0,
        ((5.0 * w + 16.0) * w + 3.0) / 96.0,
        (((3.0 * w + 19.0) * w + 17.0) * w - 15.0) / 384.0,
        ((((79.0 * w + 776.0) * w + 1482.0) * w - 1920.0) * w - 945.0) / 92160.0,
    ];
    z * terms.iter().rfold(0.0, |sum, term| (sum + term) / freedom) + z
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

    /// Against `scipy.stats` 1.17: `t.ppf`, `2 * t.sf`, `chi2.sf`, `f.sf` and `norm.ppf`.
    #[test]
    fn distributions_are_within_their_bounds() {
        use Family::{ChiSquared, F, Normal, StudentT};
        use Tail::{Above, Quantile, TwoSided};
        let cases: &[(Family, Tail, f64, &[f64], f64)] = &[
            (StudentT, Quantile, 0.75, &[1.0], 1.0000000000000002),
            (StudentT, Quantile, 0.975, &[1.0], 12.706204736174694),
            (StudentT, Quantile, 0.9995, &[1.0], 636.6192487687897),
            (StudentT, TwoSided, 2.1, &[1.0], 0.282926056243018),
            (StudentT, Quantile, 0.75, &[3.7], 0.7464851534824539),
            (StudentT, Quantile, 0.975, &[3.7], 2.8675207071911895),
            (StudentT, Quantile, 0.9995, &[3.7], 9.474240137124664),
            (StudentT, TwoSided, 2.1, &[3.7], 0.10926470508222474),
            (StudentT, Quantile, 0.75, &[58.3], 0.6787212556255153),
            (StudentT, Quantile, 0.975, &[58.3], 2.001498197878836),
            (StudentT, Quantile, 0.9995, &[58.3], 3.46538149123148),
            (StudentT, TwoSided, 2.1, &[58.3], 0.040065997287454455),
            (StudentT, Quantile, 0.75, &[999.0], 0.6747354103467192),
            (StudentT, Quantile, 0.975, &[999.0], 1.9623414611334493),
            (StudentT, Quantile, 0.9995, &[999.0], 3.3002924403987666),
            (StudentT, TwoSided, 2.1, &[999.0], 0.03597912477840959),
            (StudentT, Quantile, 0.75, &[1000.0], 0.6747351646070093),
            (StudentT, Quantile, 0.975, &[1000.0], 1.9623390808264083),
            (StudentT, Quantile, 0.9995, &[1000.0], 3.300282648423944),
            (StudentT, TwoSided, 2.1, &[1000.0], 0.03597887431078197),
            (StudentT, Quantile, 0.75, &[999998.0], 0.6744899955315778),
            (StudentT, Quantile, 0.975, &[999998.0], 1.9599663568188515),
            (StudentT, Quantile, 0.9995, &[999998.0], 3.2905364612681822),
            (StudentT, TwoSided, 2.1, &[999998.0], 0.035729090975134714),
            (ChiSquared, Above, 0.001, &[1.0], 0.9747728793699604),
            (ChiSquared, Above, 7.5, &[2.0], 0.023517745856009114),
            (ChiSquared, Above, 40.0, &[40.0], 0.4702572668392401),
            (ChiSquared, Above, 900.0, &[1000.0], 0.9892827619087102),
            (F, Above, 3.3, &[1.0, 5.0], 0.12897384793563232),
            (F, Above, 0.01, &[2.0, 147.0], 0.9900505071916028),
            (F, Above, 1.0, &[20.0, 999980.0], 0.45793096558305124),
            (F, Above, 500.0, &[5.0, 2.0], 0.00199720335630784),
            (Normal, Quantile, 1e-12, &[], -7.034483825301131),
            (Normal, Quantile, 0.025, &[], -1.9599639845400545),
            (Normal, Quantile, 0.5, &[], 0.0),
            (Normal, Quantile, 0.9999995, &[], 4.89163847571478),
        ];
        for (family, tail, of, parameters, expected) in cases {
            let parameters: Vec<_> = parameters.iter().map(|p| Number::rounded(*p, 0.0)).collect();
            let (value, error) =
                Number::rounded(*of, 0.0).distribution(*family, *tail, &parameters).approximate().unwrap();
            assert!(
                (value - expected).abs() <= error,
                "{family:?} {tail:?} {of} {parameters:?}: {value}, {error}"
            );
            assert!(error < 1e-7, "{family:?} {tail:?} {of}: the bound {error} says little");
        }
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
