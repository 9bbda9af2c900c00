//! Values as servers write them: a window of text to an integer.
//!
//! A window starts where a value starts and is longer than it: the value ends at the first byte that ends one in
//! JSON, a quote if the value stands between quotes, else a comma, a closing bracket or white space. That byte must
//! be inside the window, so that nobody can cut a value short. The same circuit parses in the clear
//! ([`Format::read`]) and over shares, so that the two cannot disagree.

mod number;
mod words;

use crate::{Backend, Clear, bits, logic};

/// How a value is written and which values are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// The value's type.
    pub kind: Kind,
    /// Whether the value stands between quotes, of which the opening one is before the window.
    pub quoted: bool,
    /// Whether a bare `null` is accepted, as a missing value. Its integer is 0.
    pub nullable: bool,
}

/// A value's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A decimal number in JSON's notation without an exponent, in units of `10^-scale`; digits beyond the scale
    /// are cut off. Bounds are inclusive and in the same units.
    Decimal {
        /// Digits kept after the point.
        scale: u32,
        /// The least value accepted.
        min: i64,
        /// The greatest value accepted.
        max: i64,
    },
    /// A whole number; a point is refused. Bounds are inclusive.
    Integer {
        /// The least value accepted.
        min: i64,
        /// The greatest value accepted.
        max: i64,
    },
    /// `true` (1) or `false` (0).
    Boolean,
    /// One of these texts; its integer is the place in the list.
    Category(Vec<String>),
}

/// Why a format cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no value between the bounds.
    #[error("the least value accepted, {min}, is above the greatest, {max}")]
    Bounds {
        /// The least value accepted.
        min: i64,
        /// The greatest value accepted.
        max: i64,
    },
    /// Nobody writes so many digits.
    #[error("a scale of {0} digits; at most 18 are possible")]
    Scale(u32),
    /// An empty list, an empty or a repeated text, or one that JSON would write with escapes.
    #[error("categories are different texts without quotes, backslashes and control characters")]
    Categories,
    /// The longest value and the byte after it do not fit.
    #[error("a window of {window} bytes; {needed} are needed")]
    Window {
        /// Bytes in the window.
        window: usize,
        /// Bytes that the longest value and the byte after it take.
        needed: usize,
    },
    /// A bare null can not be told from text between quotes.
    #[error("a value between quotes cannot be null: null has no quotes")]
    QuotedNull,
}

/// A parsed window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<W> {
    /// The integer, least significant wire first, in two's complement if the format is signed. Zero if the value
    /// is missing, meaningless if the window is not valid.
    pub value: Vec<W>,
    /// Whether there is a value: set unless the window says `null`.
    pub present: W,
    /// Whether the window has the format and its value is accepted.
    pub valid: W,
}

/// What a window says if it is no `null`.
struct Reading<W> {
    value: Vec<W>,
    valid: W,
}

impl Format {
    /// Whether the integer is in two's complement: if a negative value is accepted.
    pub fn signed(&self) -> bool {
        matches!(self.kind, Kind::Decimal { min, .. } | Kind::Integer { min, .. } if min < 0)
    }

    /// The integer's number of bits: just enough for every accepted value, at least one.
    pub fn width(&self) -> usize {
        let width = match &self.kind {
            Kind::Decimal { min, max, .. } | Kind::Integer { min, max } => {
                // A negative number needs as many bits as its complement, and both need a sign.
                let bits = |value: i64| 64 - (value ^ (value >> 63)).leading_zeros();
                bits(*min).max(bits(*max)) + u32::from(*min < 0)
            }
            Kind::Boolean => 1,
            Kind::Category(texts) => usize::BITS - texts.len().saturating_sub(1).leading_zeros(),
        };
        (width as usize).max(1)
    }

    /// Checks that windows of this many bytes can be parsed.
    ///
    /// # Errors
    /// [`FormatError`] with what is wrong.
    pub fn check(&self, window: usize) -> Result<(), FormatError> {
        if self.quoted && self.nullable {
            return Err(FormatError::QuotedNull);
        }
        let mut longest = match &self.kind {
            Kind::Decimal { scale, .. } if *scale > 18 => return Err(FormatError::Scale(*scale)),
            Kind::Decimal { min, max, .. } | Kind::Integer { min, max } => {
                if min > max {
                    return Err(FormatError::Bounds { min: *min, max: *max });
                }
                number::Shape::new(&self.kind, usize::MAX).longest()
            }
            Kind::Boolean => "false".len(),
            Kind::Category(texts) => {
                let plain = |text: &String| {
                    !text.is_empty()
                        && text.bytes().all(|byte| byte >= 0x20 && !matches!(byte, b'"' | b'\\' | 0x7f))
                };
                let repeated = (1..texts.len()).any(|i| texts[..i].contains(&texts[i]));
                if texts.is_empty() || repeated || !texts.iter().all(plain) {
                    return Err(FormatError::Categories);
                }
                texts.iter().map(String::len).max().unwrap_or(0)
            }
        };
        if self.nullable {
            longest = longest.max("null".len());
        }
        if window <= longest { Err(FormatError::Window { window, needed: longest + 1 }) } else { Ok(()) }
    }

    /// Parses a window of wires, eight a byte. 1,936 AND gates and 48 layers for a 24-byte window and a
    /// decimal of 16 digits.
    ///
    /// The format must have passed [`Format::check`] for this window.
    ///
    /// # Errors
    /// The backend's.
    pub fn parse<B: Backend>(
        &self,
        window: &[B::Wire],
        backend: &mut B,
    ) -> Result<Parsed<B::Wire>, B::Error> {
        assert!(window.len().is_multiple_of(8), "a window is whole bytes");
        let Reading { mut value, mut valid } = match &self.kind {
            Kind::Decimal { .. } | Kind::Integer { .. } => number::parse(self, window, backend)?,
            Kind::Boolean => words::parse(&["false", "true"], window, self.ends(), backend)?,
            Kind::Category(texts) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                words::parse(&texts, window, self.ends(), backend)?
            }
        };
        value.truncate(self.width());
        let mut present = backend.constant(true);
        if self.nullable {
            let null = words::parse(&["null"], window, self.ends(), backend)?.valid;
            // A null is no number, boolean or category, unless a category is called so: then it is the category.
            let missing = match &self.kind {
                Kind::Category(texts) if texts.iter().any(|text| text == "null") => backend.constant(false),
                _ => null,
            };
            backend.xor_assign(&mut valid, &missing);
            present = backend.not(&missing);
        }
        Ok(Parsed { value, present, valid })
    }

    /// Parses a window in the clear: `None` if it is not valid, `Some(None)` if the value is missing.
    pub fn read(&self, window: &[u8]) -> Option<Option<i64>> {
        self.check(window.len()).ok()?;
        let Ok(parsed) = self.parse(&bits::from_bytes(window), &mut Clear::default());
        if !parsed.valid {
            return None;
        }
        let mut wires = parsed.value;
        let filler = self.signed() && wires.last().copied().unwrap_or(false);
        wires.resize(64, filler);
        Some(parsed.present.then_some(bits::to_u64(&wires) as i64))
    }

    /// The bytes that end a value.
    fn ends(&self) -> &'static [u8] {
        if self.quoted { b"\"" } else { b",}] \n\r\t" }
    }
}

/// Of each of these bytes, whether it is one of `options`. All in the same layers.
fn one_of<B: Backend>(
    bytes: &[&[B::Wire]],
    options: &[u8],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let mut groups = Vec::with_capacity(bytes.len() * options.len());
    for byte in bytes {
        for &option in options {
            groups.push(matches(byte, option, backend));
        }
    }
    let equal = logic::all(groups, backend)?;
    // The options differ, so that at most one is met.
    Ok(equal.chunks(options.len()).map(|options| bits::parity(options.iter(), backend)).collect())
}

/// Wires that are all set if this byte, of eight wires, is the public one.
fn matches<B: Backend>(byte: &[B::Wire], public: u8, backend: &mut B) -> Vec<B::Wire> {
    bits::xor_constant(byte, &bits::from_bytes(&[!public]), backend)
}
