//! Comparison, selection and extremes of columns of integers, of any widths and signs.

use std::borrow::Cow;

use circuit::{Backend, compare, logic};

use crate::abort::Abort;
use crate::boolean::Columns;
use crate::session::Session;
use crate::share::{BitShare, IntShare};

/// In which rows `a < b`. Widths and signs may differ. For 64 bits from 152 AND gates a row in 7 rounds to 64 in 64,
/// whichever is faster for so many rows at the session's [`Pace`](crate::Pace).
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn less_than(a: &IntShare, b: &IntShare, session: &mut Session) -> Result<BitShare, Abort> {
    let (a, b) = align(a, b);
    let run = session.pace().comparison(a.rows(), a.width()).run;
    let columns = &mut Columns::new(a.rows(), session);
    if a.signed {
        // Flipping both signs takes the signed order to the unsigned one.
        let (a, b) = (compare::flip_sign(&a.bits, columns), compare::flip_sign(&b.bits, columns));
        compare::less_than_by(run, &a, &b, columns)
    } else {
        compare::less_than_by(run, &a.bits, &b.bits, columns)
    }
}

/// In which rows `a = b`. Widths and signs may differ. One AND gate a bit and row, `log2 k` rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn equal(a: &IntShare, b: &IntShare, session: &mut Session) -> Result<BitShare, Abort> {
    let (a, b) = align(a, b);
    compare::equal(&a.bits, &b.bits, &mut Columns::new(a.rows(), session))
}

/// In which rows the value is the public one. One AND gate a bit and row, `log2 k` rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn equal_public(a: &IntShare, value: i128, session: &mut Session) -> Result<BitShare, Abort> {
    let mut equal = equal_each(a, &[value], session)?;
    Ok(equal.swap_remove(0))
}

/// In which rows the value is each of these public ones, all in the same rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn equal_each(a: &IntShare, values: &[i128], session: &mut Session) -> Result<Vec<BitShare>, Abort> {
    let columns = &mut Columns::new(a.rows(), session);
    let wires: Vec<Vec<bool>> = values.iter().map(|&value| wires(value, a.width())).collect();
    let mut equal = compare::equal_constants(&a.bits, &wires, columns)?;
    for (equal, &value) in equal.iter_mut().zip(values) {
        if !range(a).contains(&value) {
            *equal = columns.constant(false);
        }
    }
    Ok(equal)
}

/// In which rows the value is below each of these public bounds, all in the same rounds. Fewer gates than
/// [`less_than`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn less_than_each(a: &IntShare, bounds: &[i128], session: &mut Session) -> Result<Vec<BitShare>, Abort> {
    let columns = &mut Columns::new(a.rows(), session);
    let range = range(a);
    let ordered =
        if a.signed { Cow::Owned(compare::flip_sign(&a.bits, columns)) } else { Cow::Borrowed(&a.bits) };
    let wires: Vec<Vec<bool>> = bounds.iter().map(|&bound| wires(bound - range.start(), a.width())).collect();
    let mut less = compare::less_than_constants(&ordered, &wires, columns)?;
    for (less, bound) in less.iter_mut().zip(bounds) {
        if !range.contains(bound) {
            *less = columns.constant(bound > range.end());
        }
    }
    Ok(less)
}

/// `if condition { a } else { b }`, row by row. One AND gate a bit and row, one round.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn mux(
    condition: &BitShare,
    a: &IntShare,
    b: &IntShare,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    let (a, b) = align(a, b);
    let bits = logic::mux(condition, &a.bits, &b.bits, &mut Columns::new(a.rows(), session))?;
    Ok(IntShare { bits, signed: a.signed })
}

/// `if condition { a } else { 0 }`, row by row: a column under a mask. One AND gate a bit and row, one round.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn mask(condition: &BitShare, a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    let bits = logic::mask(condition, &a.bits, &mut Columns::new(a.rows(), session))?;
    Ok(IntShare { bits, signed: a.signed })
}

/// The lesser of two values, row by row. [`less_than`] and [`mux`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn min(a: &IntShare, b: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    let less = less_than(a, b, session)?;
    mux(&less, a, b, session)
}

/// The greater of two values, row by row. [`less_than`] and [`mux`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn max(a: &IntShare, b: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    let less = less_than(a, b, session)?;
    mux(&less, b, a, session)
}

/// The absolute value, unsigned and of the same width: room enough also for the least value. `log2 k` rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn abs(a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    match a.bits.last() {
        Some(sign) if a.signed => {
            let columns = &mut Columns::new(a.rows(), session);
            Ok(IntShare::unsigned(circuit::arith::parallel::negate_if(sign, &a.bits, columns)?))
        }
        _ => Ok(a.clone()),
    }
}

/// The least value of a column, as a column of one row (of none for none). `log2 n` times the rounds of [`min`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn minimum(a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    tournament(a, min, session)
}

/// The greatest value of a column, as a column of one row (of none for none). `log2 n` times the rounds of [`max`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn maximum(a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    tournament(a, max, session)
}

/// Lets the first half of the rows meet the second half until one row is left; an odd row waits.
fn tournament(
    a: &IntShare,
    winner: impl Fn(&IntShare, &IntShare, &mut Session) -> Result<IntShare, Abort>,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    let mut rest = a.clone();
    while rest.rows() > 1 {
        let rows = rest.rows();
        let half = rows / 2;
        let won = winner(&rest.slice(0..half), &rest.slice(half..2 * half), session)?;
        let odd = rest.slice(2 * half..rows);
        let bits = won.bits.iter().zip(&odd.bits).map(|(won, odd)| BitShare::concat([won, odd])).collect();
        rest = IntShare { bits, signed: a.signed };
    }
    Ok(rest)
}

/// Two columns at one width and sign that hold the values of both.
fn align<'a>(a: &'a IntShare, b: &'a IntShare) -> (Cow<'a, IntShare>, Cow<'a, IntShare>) {
    assert_eq!(a.rows(), b.rows(), "columns of one length");
    if a.width() == b.width() && a.signed == b.signed {
        return (Cow::Borrowed(a), Cow::Borrowed(b));
    }
    let signed = a.signed || b.signed;
    // An unsigned column needs one more bit to be signed.
    let width = |x: &IntShare| x.width() + usize::from(signed && !x.signed);
    let common = width(a).max(width(b));
    let widen = |x: &IntShare| IntShare { bits: x.resize(common).bits, signed };
    (Cow::Owned(widen(a)), Cow::Owned(widen(b)))
}

/// The values that a column can hold.
fn range(a: &IntShare) -> std::ops::RangeInclusive<i128> {
    let width = a.width() as u32;
    match (a.signed, width) {
        (_, 0) => 0..=0,
        (true, _) => -(1 << (width - 1))..=(1 << (width - 1)) - 1,
        (false, _) => 0..=(1 << width) - 1,
    }
}

fn wires(value: i128, width: usize) -> Vec<bool> {
    (0..width).map(|bit| value >> bit & 1 == 1).collect()
}
