//! Exact decimal numbers, as people write them: `"-12.50"`.

use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The most digits a decimal may have: more than any 126-bit number needs.
const MAX_DIGITS: usize = 60;

/// `units / 10^scale`, kept without trailing zeros, so that equal numbers are equal texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: BigInt,
    scale: u32,
}

impl Decimal {
    /// The number `units / 10^scale`.
    pub fn new(units: impl Into<BigInt>, scale: u32) -> Self {
        let (mut units, mut scale) = (units.into(), scale);
        let ten = BigInt::from(10);
        while scale > 0 && (&units % &ten).is_zero() {
            units /= &ten;
            scale -= 1;
        }
        Self { units, scale }
    }

    /// How many digits stand after the dot.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// The number times `10^scale`.
    pub fn units(&self) -> &BigInt {
        &self.units
    }

    /// The number times `10^scale`, or `None` if it has more digits after the dot than that.
    pub fn units_at(&self, scale: u32) -> Option<BigInt> {
        let shift = scale.checked_sub(self.scale)?;
        Some(&self.units * BigInt::from(10).pow(shift))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.units_at(scale).cmp(&other.units_at(scale))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A text that is not a decimal number.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a decimal number such as \"12.50\"")]
pub struct NotDecimal(String);

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let refuse = || NotDecimal(text.chars().take(MAX_DIGITS).collect());
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > MAX_DIGITS || !plain(whole) || !plain(fraction) {
            return Err(refuse());
        }
        let units = BigInt::from_str(&format!("{whole}{fraction}")).map_err(|_| refuse())?;
        let units = if text.starts_with('-') { -units } else { units };
        Ok(Self::new(units, fraction.len() as u32))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units.is_negative() { "-" } else { "" };
        let width = self.scale as usize + 1;
        let digits = format!("{:0>width$}", self.units.abs().to_string());
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let dot = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{dot}{fraction}")
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_text() {
        for (text, canonical) in
            [("0", "0"), ("-0.0", "0"), ("12.50", "12.5"), ("-0.001", "-0.001"), ("100", "100"), ("007", "7")]
        {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), canonical);
        }
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1 ", "--1"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }
}
