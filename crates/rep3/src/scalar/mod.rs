//! Division, roots, logarithms: floating-point numbers, a few at a time.
//!
//! A [`FloatShare`] keeps sign, mantissa and exponent apart, so that results of any size have the same *relative*
//! error. Every operation takes operands of any mantissa width and gives [`MANTISSA`] bits.
//!
//! | operation | error | rounds |
//! |---|---|---|
//! | [`from_field`], [`from_int`] | exact below 2^60, else relative 2^-59 | 18, or 24 for many |
//! | [`divide`] | relative 2^-37.4 | 42 |
//! | [`multiply`] | relative 2^-38 | 23 |
//! | [`rsqrt`] | relative 2^-38 | 43 |
//! | [`sqrt`] | relative 2^-38 | 56 |
//! | [`log2`] | absolute 2^-35.8 | 22 |
//! | [`exp2`] | relative 2^-34.5 | 36 |
//!
//! # Security
//! Only 40 bits of a mantissa are ever there to be opened. The low bits of a quotient computed to a higher precision
//! would be a function of dividend and divisor that their quotient does not imply; a ratio modulo p would even give
//! both away (rational reconstruction).

mod division;
mod logarithm;
mod root;
mod table;

use algebra::Bits;
use circuit::Backend;
use circuit::arith::parallel;
use circuit::logic;

use crate::abort::Abort;
use crate::boolean::Columns;
use crate::convert::field_to_bits;
use crate::open::{Open, sealed::Components};
use crate::pace::Pace;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};

pub use division::{divide, multiply};
pub use logarithm::{FRACTION, LogShare, exp2, log2};
pub use root::{rsqrt, sqrt};

/// Bits of the mantissas that operations return.
pub const MANTISSA: usize = 40;
/// Bits of an exponent, in two's complement: magnitudes from 2^-2048 to 2^2047.
pub const EXPONENT: usize = 12;
/// Bits of the mantissas that [`from_field`] returns.
const PRECISE: usize = 60;

/// A column of shared floating-point numbers.
///
/// With a mantissa of `w` bits, whose top bit is set, a row is `± mantissa / 2^(w-1) · 2^exponent`. Rows that are zero or
/// invalid are zeros throughout.
#[derive(Clone, Debug)]
pub struct FloatShare {
    /// Whether it is negative.
    pub sign: BitShare,
    /// The mantissa, least significant bit first.
    pub mantissa: Vec<BitShare>,
    /// The exponent in two's complement, [`EXPONENT`] bits.
    pub exponent: Vec<BitShare>,
    /// Whether it is zero.
    pub zero: BitShare,
    /// Whether there is no such number: a division by zero, a root or logarithm of what has none.
    pub invalid: BitShare,
}

/// An opened floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Float {
    /// Whether it is negative.
    pub negative: bool,
    /// The mantissa; its top bit is set unless the number is zero.
    pub mantissa: u64,
    /// The number of bits of the mantissa.
    pub width: u32,
    /// The exponent of the mantissa's top bit.
    pub exponent: i32,
    /// Whether there is no such number.
    pub invalid: bool,
}

impl Float {
    /// The number; not a number if it is invalid.
    pub fn to_f64(self) -> f64 {
        if self.invalid {
            return f64::NAN;
        }
        let sign = if self.negative { -1.0 } else { 1.0 };
        sign * self.mantissa as f64 * 2f64.powi(self.exponent - self.width as i32 + 1)
    }
}

impl FloatShare {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.sign.len()
    }

    /// The negated numbers, at any party. (The sign of zero stays.)
    pub fn neg(&self, session: &Session) -> Self {
        let mut negated = self.clone();
        negated.sign.xor_assign(&self.zero.not(session.party()));
        negated.sign.xor_assign(&self.invalid);
        negated
    }

    /// The top bits of the mantissa, with zeros below if it has fewer.
    fn top(&self, width: usize) -> Vec<BitShare> {
        let missing = width.saturating_sub(self.mantissa.len());
        let mut top = vec![BitShare::zeros(self.rows()); missing];
        top.extend_from_slice(&self.mantissa[self.mantissa.len() + missing - width..]);
        top
    }
}

impl Components for FloatShare {
    fn write(&self, own: &mut Vec<u8>, next: &mut Vec<u8>) {
        for bit in [&self.sign, &self.invalid].into_iter().chain(&self.mantissa).chain(&self.exponent) {
            bit.write(own, next);
        }
    }
}

impl Open for FloatShare {
    type Value = Vec<Float>;

    fn combine(&self, missing: &mut &[u8]) -> Option<Vec<Float>> {
        let mut next = |bit: &BitShare| bit.combine(missing);
        let (sign, invalid) = (next(&self.sign)?, next(&self.invalid)?);
        let mantissa: Vec<Bits> = self.mantissa.iter().map(&mut next).collect::<Option<_>>()?;
        let exponent: Vec<Bits> = self.exponent.iter().map(&mut next).collect::<Option<_>>()?;
        let number = |bits: &[Bits], row: usize| {
            bits.iter().rev().fold(0u64, |number, bit| number << 1 | u64::from(bit.get(row)))
        };
        let float = |row: usize| Float {
            negative: sign.get(row),
            mantissa: number(&mantissa, row),
            width: self.mantissa.len() as u32,
            // The shift up and down extends the sign.
            exponent: (number(&exponent, row) as i32) << (32 - EXPONENT) >> (32 - EXPONENT),
            invalid: invalid.get(row),
        };
        Some((0..self.rows()).map(float).collect())
    }
}

/// Field elements, taken as integers between `-(p-1)/2` and `(p-1)/2`, with mantissas of 60 bits; greater numbers are
/// truncated.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn from_field(x: &FieldShare, session: &mut Session) -> Result<FloatShare, Abort> {
    let bits = field_to_bits(x, session)?.bits;
    let columns = &mut Columns::new(x.len(), session);
    let (magnitude, sign) = bits.split_at(126);
    let sign = sign[0].clone();
    // A negative number is p less its magnitude, and p is all ones: so its bits are the complement.
    let magnitude: Vec<BitShare> = magnitude.iter().map(|bit| bit.xor(&sign)).collect();

    from_magnitude(sign, &magnitude, columns)
}

/// Integers of any width, likewise. Of the same cost, with one more addition for signed ones.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn from_int(x: &IntShare, session: &mut Session) -> Result<FloatShare, Abort> {
    let columns = &mut Columns::new(x.rows(), session);
    let wide = x.resize(x.width().max(PRECISE));
    let (sign, magnitude) = match wide.bits.last() {
        Some(sign) if x.signed => (sign.clone(), parallel::negate_if(sign, &wide.bits, columns)?),
        _ => (columns.constant(false), wide.bits),
    };
    from_magnitude(sign, &magnitude, columns)
}

fn from_magnitude(
    sign: BitShare,
    magnitude: &[BitShare],
    columns: &mut Columns<'_>,
) -> Result<FloatShare, Abort> {
    let highest = logic::highest_one(magnitude, columns)?;
    let mantissa = normalise(magnitude, &highest, columns)?;
    let exponent = (0..EXPONENT)
        .map(|bit| {
            let set = highest.iter().enumerate().filter(|(i, _)| i >> bit & 1 == 1);
            circuit::bits::parity(set.map(|(_, mark)| mark), columns)
        })
        .collect();
    let some = circuit::bits::parity(highest.iter(), columns);
    let zero = columns.not(&some);
    Ok(FloatShare { sign, mantissa, exponent, zero, invalid: columns.constant(false) })
}

/// The top [`PRECISE`] bits of numbers from their highest one on, which `highest` marks.
///
/// Either every position of the highest one picks its bits, in one layer of many gates; or the number moves up in
/// binary stages, in seven layers of few. The session's pace decides.
fn normalise(
    magnitude: &[BitShare],
    highest: &[BitShare],
    columns: &mut Columns<'_>,
) -> Result<Vec<BitShare>, Abort> {
    let width = magnitude.len();
    let stages = width.ilog2() as usize + 1;
    let rows = magnitude.first().map_or(0, BitShare::len);
    let (all_at_once, in_stages) = (PRECISE * width - PRECISE * PRECISE / 2, stages * width);
    if columns.pace().rounds(stages - 1) < Pace::gates(rows, all_at_once - in_stages) {
        let mut moved = magnitude.to_vec();
        for stage in (0..stages).rev() {
            let distance = 1 << stage;
            let set = highest.iter().enumerate().filter(|(i, _)| (width - 1 - i) >> stage & 1 == 1);
            let condition = circuit::bits::parity(set.map(|(_, mark)| mark), columns);
            let mut up = vec![columns.constant(false); distance];
            up.extend_from_slice(&moved[..width - distance]);
            moved = logic::mux(&condition, &up, &moved, columns)?;
        }
        return Ok(moved.split_off(width - PRECISE));
    }
    // Mantissa bit j of a number whose highest one is bit i is its bit i - (PRECISE - 1 - j).
    let mut pairs = Vec::new();
    for j in 0..PRECISE {
        let below = PRECISE - 1 - j;
        pairs.extend((below..width).map(|i| (highest[i].clone(), magnitude[i - below].clone())));
    }
    let mut products = columns.and(&pairs)?.into_iter();
    let mantissa = (0..PRECISE).map(|j| {
        let picked: Vec<BitShare> = products.by_ref().take(width - (PRECISE - 1 - j)).collect();
        circuit::bits::parity(picked.iter(), columns)
    });
    Ok(mantissa.collect())
}

/// What an operation has come to before it is normalised.
struct Unfinished<'a> {
    sign: BitShare,
    /// The magnitude's bits. Its highest one is bit `top` or the one below.
    magnitude: &'a [BitShare],
    top: usize,
    /// The exponent is their sum if the highest one is below `top`, and one more if it is there.
    exponents: [&'a [BitShare]; 2],
    zero: Vec<BitShare>,
    invalid: Vec<BitShare>,
}

/// Normalises, adds up the exponent, and blanks zeros and invalid numbers. 10 rounds.
fn finish(unfinished: Unfinished<'_>, session: &mut Session) -> Result<FloatShare, Abort> {
    let Unfinished { sign, magnitude, top, exponents, zero, invalid } = unfinished;
    let columns = &mut Columns::new(sign.len(), session);
    let high = &magnitude[top];
    let mantissa = |top: usize| &magnitude[top + 1 - MANTISSA..=top];
    let mantissa = logic::mux(high, mantissa(top), mantissa(top - 1), columns)?;

    let mut carry = vec![columns.constant(false); EXPONENT];
    carry[0] = high.clone();
    let [sum, carry] = parallel::carry_save([exponents[0], exponents[1], &carry], columns)?;
    let exponent = parallel::add(&sum, &carry, columns)?;

    let dead = zero.iter().chain(&invalid).cloned().collect();
    let mut flags = logic::any(vec![invalid, dead], columns)?;
    let (dead, invalid) = (flags.pop().unwrap_or_default(), flags.pop().unwrap_or_default());
    let live = columns.not(&dead);
    let wires: Vec<BitShare> = mantissa.into_iter().chain(exponent).chain([sign]).collect();
    let mut blanked = logic::mask(&live, &wires, columns)?;
    let sign = blanked.pop().unwrap_or_default();
    let exponent = blanked.split_off(MANTISSA);
    let zero = dead.xor(&invalid);
    Ok(FloatShare { sign, mantissa: blanked, exponent, zero, invalid })
}

/// Bits as unsigned integers.
fn unsigned(bits: &[BitShare]) -> IntShare {
    IntShare::unsigned(bits.to_vec())
}
