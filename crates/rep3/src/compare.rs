//! Comparison, selection and extremes of columns of integers, of any widths and signs.

use std::borrow::Cow;

use circuit::{Backend, compare, logic};

use crate::abort::Abort;
use crate::boolean::{Columns, layer};
use crate::pace::Pace;
use crate::session::Session;
use crate::share::{BitShare, IntShare};

/// In which rows `a < b`. Widths and signs may differ. For 64 bits from 152 AND gates a row in 7 rounds to 64 in 64,
/// whichever is faster for so many rows at the session's [`Pace`].
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

/// The least value of a column, as a column of one row (of none for none). See [`maximum`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn minimum(a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    tournament(a, |x, y, session| less_than(y, x, session), session)
}

/// The greatest value of a column, as a column of one row (of none for none).
///
/// A tournament in groups: in each, every row meets every other at once. Pairs take the fewest gates, `log2 n` times
/// the rounds of [`max`]; greater groups take fewer rounds, and the session's [`Pace`] decides.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn maximum(a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    tournament(a, less_than, session)
}

/// Lets groups of rows meet until one row is left; rows that fill no group wait. `loses` says in which rows its first
/// operand loses against its second.
fn tournament(
    a: &IntShare,
    loses: impl Fn(&IntShare, &IntShare, &mut Session) -> Result<BitShare, Abort>,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    let mut rest = a.clone();
    while rest.rows() > 1 {
        let (rows, group) = (rest.rows(), group_size(rest.rows(), a.width(), session.pace()));
        let groups = rows / group;
        // Member i of every group.
        let members: Vec<IntShare> = (0..group).map(|i| rest.slice(i * groups..(i + 1) * groups)).collect();
        let winners = winners(&members, &loses, session)?;
        let pairs: Vec<_> = winners
            .iter()
            .zip(&members)
            .flat_map(|(wins, member)| member.bits.iter().map(move |bit| (wins, bit)))
            .collect();
        let products = layer(&pairs, session)?;
        // One member a group wins, so that the sum is the winner's.
        let waiting = rest.slice(group * groups..rows);
        let bit = |k: usize| {
            let mut winner = products[k].clone();
            products.iter().skip(k + a.width()).step_by(a.width()).for_each(|bit| winner.xor_assign(bit));
            BitShare::concat([&winner, &waiting.bits[k]])
        };
        rest = IntShare { bits: (0..a.width()).map(bit).collect(), signed: a.signed };
    }
    Ok(rest)
}

/// Of each member, in which groups it is the winner: where members are equal, the first of them.
fn winners(
    members: &[IntShare],
    loses: &impl Fn(&IntShare, &IntShare, &mut Session) -> Result<BitShare, Abort>,
    session: &mut Session,
) -> Result<Vec<BitShare>, Abort> {
    let meetings: Vec<(usize, usize)> =
        (0..members.len()).flat_map(|i| (i + 1..members.len()).map(move |j| (i, j))).collect();
    let side = |pick: fn(&(usize, usize)) -> usize| {
        let bit = |k: usize| BitShare::concat(meetings.iter().map(|pair| &members[pick(pair)].bits[k]));
        IntShare { bits: (0..members[0].width()).map(bit).collect(), signed: members[0].signed }
    };
    let lost = loses(&side(|pair| pair.0), &side(|pair| pair.1), session)?;
    let groups = members[0].rows();
    let me = session.party();
    let mut conditions = vec![Vec::with_capacity(members.len() - 1); members.len()];
    for (meeting, &(i, j)) in meetings.iter().enumerate() {
        let lost = lost.slice(meeting * groups..(meeting + 1) * groups);
        conditions[i].push(lost.not(me));
        conditions[j].push(lost);
    }
    logic::all(conditions, &mut Columns::new(groups, session))
}

/// The size of groups in which so many rows come down fastest. In integers throughout: all parties must agree.
fn group_size(rows: usize, width: usize, pace: Pace) -> usize {
    let halvings = |group: usize| u128::from(group.next_power_of_two().ilog2());
    let time = |group: usize| {
        let groups = rows / group;
        let meetings = groups * group * (group - 1) / 2;
        let comparison = pace.comparison(meetings, width);
        let rounds = (group - 1).next_power_of_two().ilog2() as usize + 1;
        let time = comparison.time(meetings, pace) + pace.rounds(rounds) + Pace::gates(groups * group, width);
        time.as_nanos()
    };
    let sizes = [2, 4, 8, 16, 32].into_iter().filter(|&size| size < rows).chain([rows.min(64)]);
    let faster = |&a: &usize, &b: &usize| (time(a) * halvings(b)).cmp(&(time(b) * halvings(a)));
    sizes.min_by(faster).unwrap_or(2)
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
        (true, 128..) => i128::MIN..=i128::MAX,
        (true, _) => -(1 << (width - 1))..=(1 << (width - 1)) - 1,
        (false, 127..) => 0..=i128::MAX,
        (false, _) => 0..=(1 << width) - 1,
    }
}

fn wires(value: i128, width: usize) -> Vec<bool> {
    (0..width).map(|bit| value >> bit.min(127) & 1 == 1).collect()
}
