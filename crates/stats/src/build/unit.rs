//! What numbers are counted in: a named unit to a power.

use std::fmt;

/// A unit such as `ETH` or `ETH^2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    name: String,
    power: i32,
}

impl Unit {
    /// The unit itself.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), power: 1 }
    }

    /// The unit of a sum: what both summands have, or the one that has any.
    pub fn sum(left: Option<&Self>, right: Option<&Self>) -> Option<Self> {
        match (left, right) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => a.or(b).cloned(),
        }
    }

    /// The unit of a product with `right` to the power `sign`; none if two names meet.
    pub fn product(left: Option<&Self>, right: Option<&Self>, sign: i32) -> Option<Self> {
        match (left, right) {
            (Some(a), Some(b)) if a.name != b.name => None,
            (Some(a), Some(b)) => Self::power(&a.name, a.power.saturating_add(sign.saturating_mul(b.power))),
            (Some(a), None) => Some(a.clone()),
            (None, Some(b)) => Self::power(&b.name, sign * b.power),
            (None, None) => None,
        }
    }

    /// The unit of a square root.
    pub fn root(of: Option<&Self>) -> Option<Self> {
        of.filter(|unit| unit.power % 2 == 0).and_then(|unit| Self::power(&unit.name, unit.power / 2))
    }

    fn power(name: &str, power: i32) -> Option<Self> {
        (power != 0).then(|| Self { name: name.to_owned(), power })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.power {
            1 => f.write_str(&self.name),
            power => write!(f, "{}^{power}", self.name),
        }
    }
}
