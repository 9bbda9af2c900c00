//! Fields: what a source takes from a response, and of which type.

use serde::{Deserialize, Serialize};

use super::SourceError;

/// The longest window a field may have, in bytes.
pub const MAX_WINDOW: u32 = 512;

/// The largest bound of a range: canonical JSON writes numbers as doubles.
const LARGEST: i64 = 1 << 53;

/// One value that a source takes from a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, unique within the source.
    pub name: String,
    /// What it means, in a few words.
    #[serde(default)]
    pub description: String,
    /// Who gets to see it.
    pub visibility: Visibility,
    /// Its type.
    #[serde(flatten)]
    pub kind: Kind,
    /// The unit, such as `ETH`; empty if it has none.
    #[serde(default)]
    pub unit: String,
    /// Private: exactly how many bytes are committed, starting where the anchor ends. Disclosed: the most
    /// bytes the value may have.
    pub window: u32,
}

/// Who gets to see a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Nobody: the attestation carries a commitment.
    Private,
    /// Everybody who sees the attestation.
    Disclosed,
}

/// A field's type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// A decimal number, kept as an integer in units of 10^-scale; digits beyond the scale are cut off.
    Decimal {
        /// Digits kept after the point.
        scale: u32,
        /// The smallest value accepted, in units of 10^-scale.
        min: i64,
        /// The largest value accepted, in units of 10^-scale.
        max: i64,
    },
    /// A whole number.
    Integer {
        /// The smallest value accepted.
        min: i64,
        /// The largest value accepted.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of a list of strings; its value is the position in the list.
    Category {
        /// The strings.
        categories: Vec<String>,
    },
    /// Text without quotes or backslashes. Disclosed fields only.
    Text,
}

/// How a value is written in JSON, which an anchor's last byte decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Between quotes; the anchor ends with the opening one.
    Quoted,
    /// As a bare number, `true` or `false`.
    Bare,
}

impl Written {
    /// True for the bytes that end a value written this way.
    pub(crate) fn ends(self, byte: u8) -> bool {
        match self {
            Self::Quoted => byte == b'"',
            Self::Bare => matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'),
        }
    }
}

impl Field {
    /// Checks the field by itself.
    pub(crate) fn check(&self) -> Result<(), SourceError> {
        let refuse = |why: String| Err(SourceError::Field { field: self.name.clone(), why });
        if self.name.is_empty()
            || self.name.len() > 64
            || !self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return refuse("a name has 1 to 64 lower-case letters, digits and underscores".into());
        }
        if self.window == 0 || self.window > MAX_WINDOW {
            return refuse(format!("a window has 1 to {MAX_WINDOW} bytes"));
        }
        let private = self.visibility == Visibility::Private;
        match &self.kind {
            Kind::Decimal { scale, .. } if *scale > 18 => refuse("scale is at most 18".into()),
            Kind::Decimal { min, max, .. } | Kind::Integer { min, max } if min > max => {
                refuse("min is larger than max".into())
            }
            Kind::Decimal { min, max, .. } | Kind::Integer { min, max }
                if *min < -LARGEST || *max > LARGEST =>
            {
                refuse(format!("min and max lie within ±{LARGEST}, which JSON numbers hold exactly"))
            }
            Kind::Category { categories }
                if categories.is_empty() || categories.iter().any(|c| c.is_empty() || !plain(c)) =>
            {
                refuse("categories are non-empty strings without quotes or backslashes".into())
            }
            Kind::Category { categories }
                if (1..categories.len()).any(|i| categories[..i].contains(&categories[i])) =>
            {
                refuse("a category is listed twice".into())
            }
            Kind::Text if private => refuse("text can be disclosed only: it has no number to add up".into()),
            _ if private && self.window < self.longest() + 1 => refuse(format!(
                "the window must hold the longest value and the byte that ends it: at least {} bytes",
                self.longest() + 1
            )),
            _ => Ok(()),
        }
    }

    /// The length of the longest value within the declared range, in bytes.
    fn longest(&self) -> u32 {
        let length = |value: i64| value.to_string().len();
        (match &self.kind {
            Kind::Decimal { scale: 0, min, max } | Kind::Integer { min, max } => {
                length(*min).max(length(*max))
            }
            Kind::Decimal { scale, min, max } => {
                // At least one digit stands before the point; a sign, if any, stands before that.
                let digits = |value: i64| value.unsigned_abs().to_string().len().max(*scale as usize + 1);
                usize::from(*min < 0) + digits(*min).max(digits(*max)) + 1
            }
            Kind::Boolean => "false".len(),
            Kind::Category { categories } => categories.iter().map(String::len).max().unwrap_or(0),
            Kind::Text => 0,
        }) as u32
    }

    /// True if this type may be written so.
    pub(crate) fn may_be(&self, written: Written) -> bool {
        match self.kind {
            Kind::Decimal { .. } | Kind::Integer { .. } => true,
            Kind::Boolean => written == Written::Bare,
            Kind::Category { .. } | Kind::Text => written == Written::Quoted,
        }
    }

    /// True if `value` (without the byte that ends it) is a well-formed value of this field's type.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        if value.is_empty() || value.len() > self.window as usize {
            return false;
        }
        match &self.kind {
            Kind::Decimal { scale, min, max } => within(value, *scale, *min, *max),
            Kind::Integer { min, max } => within(value, 0, *min, *max) && !value.contains('.'),
            Kind::Boolean => matches!(value, "true" | "false"),
            Kind::Category { categories } => categories.iter().any(|c| c == value),
            Kind::Text => plain(value),
        }
    }
}

/// True for text that JSON writes as it is.
fn plain(text: &str) -> bool {
    text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\' && b != 0x7f)
}

/// True if `value` is a decimal number in `[min, max]`, both in units of 10^-scale. A sign is refused where no
/// negative number is accepted, even before a zero: so does the circuit that parses private values.
fn within(value: &str, scale: u32, min: i64, max: i64) -> bool {
    if min >= 0 && value.starts_with('-') {
        return false;
    }
    scaled(value, scale).is_some_and(|v| i128::from(min) <= v && v <= i128::from(max))
}

/// Reads a decimal number into units of 10^-scale, cutting off further digits.
pub(crate) fn scaled(value: &str, scale: u32) -> Option<i128> {
    let (negative, digits) = value.strip_prefix('-').map_or((false, value), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(scale as usize).collect();
    let magnitude: i128 = format!("{whole}{kept}").parse().ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use circuit::parse::{self, Format};
    use proptest::prelude::*;

    use super::*;

    const WINDOW: u32 = 24;

    /// Bounds of a range, small and around zero more often than not.
    fn range() -> impl Strategy<Value = (i64, i64)> {
        let bound = || prop_oneof![Just(0), -3i64..4, -2000i64..2000, -LARGEST..=LARGEST];
        (bound(), bound()).prop_map(|(a, b)| (a.min(b), a.max(b)))
    }

    fn kinds() -> impl Strategy<Value = (Kind, parse::Kind)> {
        let integer =
            range().prop_map(|(min, max)| (Kind::Integer { min, max }, parse::Kind::Integer { min, max }));
        let decimal = (0u32..5, range()).prop_map(|(scale, (min, max))| {
            (Kind::Decimal { scale, min, max }, parse::Kind::Decimal { scale, min, max })
        });
        prop_oneof![integer, decimal, Just((Kind::Boolean, parse::Kind::Boolean))]
    }

    /// Numbers, words, and what is nearly one.
    fn values() -> impl Strategy<Value = String> {
        prop_oneof![
            "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?",
            "-?0(\\.0{1,6})?",
            "[-.0-9]{1,8}",
            "true|false|null|[tfn-][a-z0]{0,5}",
            "[!-~&&[^\",}\\]\\\\]]{1,10}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// What a prover may commit to and what the parties accept is the same, and it reads as the same number.
        #[test]
        fn clear_values_are_read_as_the_circuit_reads_them((kind, parsed) in kinds(), value in values()) {
            let scale = match &kind {
                Kind::Decimal { scale, .. } => *scale,
                _ => 0,
            };
            let field = Field {
                name: "x".to_owned(),
                description: String::new(),
                visibility: Visibility::Private,
                kind,
                unit: String::new(),
                window: WINDOW,
            };
            let quoted = parsed != parse::Kind::Boolean;
            let format = Format { kind: parsed, quoted, nullable: false };
            prop_assert_eq!(field.check().is_ok(), format.check(WINDOW as usize).is_ok());
            let mut window = value.clone().into_bytes();
            window.resize(WINDOW as usize, if quoted { b'"' } else { b',' });
            let read = format.read(&window);
            prop_assert_eq!(field.accepts(&value), read.is_some(), "{:?}", read);
            if let (true, Some(Some(read))) = (quoted, read) {
                prop_assert_eq!(scaled(&value, scale), Some(i128::from(read)));
            }
        }
    }

    #[test]
    fn a_negative_zero_needs_a_range_with_negative_numbers() {
        for (min, accepted) in [(0, false), (-1, true)] {
            for value in ["-0", "-0.0", "-0.001"] {
                assert_eq!(within(value, 2, min, 10), accepted, "{value} from {min}");
            }
        }
    }
}
