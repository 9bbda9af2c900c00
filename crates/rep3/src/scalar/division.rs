//! Quotients and products.
//!
//! A reciprocal is read from a table of 2^9 entries of 11 bits and refined by two Newton steps `w (2 - x w)`, all
//! exact: the first with 19 fraction bits of the divisor, the second with 40. The result has 122 fraction bits and
//! a relative error of 2^-38, nearly all of it from the divisor's truncation and the second step.

use algebra::Fp;

use super::{FloatShare, MANTISSA, PRECISE, Unfinished, finish, table, unsigned};
use crate::abort::Abort;
use crate::convert::{bits_to_field, bits_to_field_each, field_to_bits};
use crate::product::mul;
use crate::session::Session;
use crate::share::FieldShare;

/// Bits of the table's index: those after the leading one.
const INDEX: usize = 9;
/// Fraction bits of a table entry.
const ENTRY: usize = 11;
/// Fraction bits of the divisor in the first step.
const COARSE: usize = 19;
/// Fraction bits of the divisor in the second step.
const FINE: usize = 40;
/// Fraction bits of the reciprocal after the first step.
const FIRST: usize = 2 * ENTRY + COARSE;
/// Fraction bits of the reciprocal after the second step.
const SECOND: usize = 2 * FIRST + FINE;

/// The reciprocals of the middles of the segments of [1, 2), in units of 2^-11, and their squares.
fn tables() -> [Vec<u128>; 2] {
    let reciprocal = |segment: u128| {
        // 2^11 / (1 + (2 s + 1) / 2^10), rounded.
        let (numerator, denominator) = (1u128 << (ENTRY + INDEX + 1), (1 << (INDEX + 1)) + 2 * segment + 1);
        (2 * numerator + denominator) / (2 * denominator)
    };
    let entries: Vec<u128> = (0..1 << INDEX).map(reciprocal).collect();
    let squares = entries.iter().map(|entry| entry * entry).collect();
    [entries, squares]
}

/// The quotient, row by row. A zero divisor makes a row invalid.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn divide(a: &FloatShare, b: &FloatShare, session: &mut Session) -> Result<FloatShare, Abort> {
    assert_eq!(a.rows(), b.rows(), "columns of one length");
    let rows = a.rows();
    let me = session.party();
    let divisor = b.top(FINE + 1);
    let entries = table::read(&divisor[FINE - INDEX..FINE], &tables(), session)?;

    // The divisor is injected in two parts, so that the first step can use the upper one alone.
    let (low, high) = divisor.split_at(FINE - COARSE);
    let dividend = unsigned(&a.top(PRECISE));
    let parts = [&entries[0], &entries[1], &unsigned(low), &unsigned(high), &dividend];
    let [entry, square, low, high, dividend] = &bits_to_field_each(&parts, session)?[..] else {
        return Ok(a.clone());
    };
    let fine = high.scale(Fp::new(1 << (FINE - COARSE))).add(low);

    // w (2 - x w) = 2 w - x w^2, and the table has w^2.
    let first = entry.scale(Fp::new(1 << (ENTRY + COARSE + 1))).sub(&mul(high, square, session)?);
    let two = vec![Fp::new(1 << (FINE + FIRST + 1)); rows];
    let remainder = mul(&fine, &first, session)?.neg().add_public(&two, me);
    let second = mul(&first, &remainder, session)?;
    let reciprocal = round_down(&second, SECOND - PRECISE, session)?;

    let quotient = mul(dividend, &reciprocal, session)?;
    let quotient = field_to_bits(&quotient, session)?.bits;
    // Less than one if the mantissas say so: then the exponent is one less than the difference.
    let negated: Vec<_> = b.exponent.iter().map(|bit| bit.not(me)).collect();
    let unfinished = Unfinished {
        sign: a.sign.xor(&b.sign),
        magnitude: &quotient,
        top: 2 * PRECISE - 1,
        exponents: [&a.exponent, &negated],
        zero: vec![a.zero.clone()],
        invalid: vec![a.invalid.clone(), b.invalid.clone(), b.zero.clone()],
    };
    finish(unfinished, session)
}

/// The product, row by row.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn multiply(a: &FloatShare, b: &FloatShare, session: &mut Session) -> Result<FloatShare, Abort> {
    assert_eq!(a.rows(), b.rows(), "columns of one length");
    let width = |x: &FloatShare| x.mantissa.len().clamp(MANTISSA, PRECISE);
    let (wide_a, wide_b) = (width(a), width(b));
    let factors = [&unsigned(&a.top(wide_a)), &unsigned(&b.top(wide_b))];
    let factors = bits_to_field_each(&factors, session)?;
    let product = mul(&factors[0], &factors[1], session)?;
    let product = field_to_bits(&product, session)?.bits;
    let unfinished = Unfinished {
        sign: a.sign.xor(&b.sign),
        magnitude: &product,
        top: wide_a + wide_b - 1,
        exponents: [&a.exponent, &b.exponent],
        zero: vec![a.zero.clone(), b.zero.clone()],
        invalid: vec![a.invalid.clone(), b.invalid.clone()],
    };
    finish(unfinished, session)
}

/// `floor(x / 2^shift)` of a number of `PRECISE + shift` bits at most: exact, in 12 rounds.
pub(super) fn round_down(x: &FieldShare, shift: usize, session: &mut Session) -> Result<FieldShare, Abort> {
    let bits = field_to_bits(x, session)?.bits;
    bits_to_field(&unsigned(&bits[shift..(shift + PRECISE).min(bits.len())]), session)
}
