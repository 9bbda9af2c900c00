//! Ranks, joins and modes: operations that relate rows to other rows.

use super::boolean::Boolean;
use super::number::Number;
use super::ops::{boolean, boolean_or_number, number};
use super::{RunError, Value};
use crate::check::{Interval, Kind};
use crate::plan::Op;
use crate::run::Step;
use crate::run::clear::data;
use rep3::convert::bits_to_field_each;
use rep3::relation::{lookup, restore};
use rep3::{Abort, BitShare, FieldShare, IntShare, Session, SortKey, Table, and_many, compare, sort};

/// The ranks of one column, from one sort: low ranks, high ranks or both.
pub fn ranks(steps: &[&Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let Some(first) = steps.first() else { return Ok(Vec::new()) };
    let int = number(first, 0)?.0.int(session)?;
    let rows = int.rows();
    let labels = positions(rows, session);
    let payload = Table { bits: labels.bits.clone(), field: Vec::new() };
    let sorted = sort(&[SortKey::ascending(int)], &payload, session)?;
    let key = sorted.keys.first().ok_or_else(|| data("the sort lost its key"))?;
    let same = compare::equal(&key.slice(0..rows - 1), &key.slice(1..rows), session)?;
    let different = same.not(session.party());
    let edge = BitShare::constant(true, 1, session.party());
    let mut columns = Table::default();
    for high in [false, true] {
        let at_edge =
            if high { BitShare::concat([&different, &edge]) } else { BitShare::concat([&edge, &different]) };
        columns.bits.extend(nearest(at_edge, &labels, high, session)?.bits);
    }
    let restored = restore(&IntShare::unsigned(sorted.payload.bits), &columns, session)?;
    let width = labels.width();
    let rank = |step: &&Step<'_, Value>| {
        let from = if matches!(step.op, Op::Rank { high: true, .. }) { width } else { 0 };
        let bits = restored.bits[from..from + width].to_vec();
        Value::Number(Number::from_int(IntShare::unsigned(bits), &step.of.range))
    };
    Ok(steps.iter().map(rank).collect())
}

/// 0, 1, 2, …
fn positions(rows: usize, session: &Session) -> IntShare {
    let last = rows.saturating_sub(1) as i128;
    let width = Interval::new(0, last).width() as usize;
    IntShare::public(&(0..=last).collect::<Vec<_>>(), width, false, session.party())
}

/// For each row, the position of the nearest marked row: at or before it, or `after` it. By doubling the distance that
/// is looked back (W. Hillis and G. Steele, 1986): `log2 n` rounds.
fn nearest(
    mut marked: BitShare,
    at: &IntShare,
    after: bool,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    let rows = marked.len();
    let mut found: Vec<BitShare> = {
        let pairs: Vec<_> = at.bits.iter().map(|bit| (marked.clone(), bit.clone())).collect();
        and_many(&pairs, session)?
    };
    let mut distance = 1;
    while distance < rows {
        let moved = |bit: &BitShare| {
            let gap = BitShare::zeros(distance);
            if after {
                BitShare::concat([&bit.slice(distance..rows), &gap])
            } else {
                BitShare::concat([&gap, &bit.slice(0..rows - distance)])
            }
        };
        // Where nothing is marked yet, `found` is 0: what lies further away can be added.
        let missing = marked.not(session.party());
        let pairs: Vec<_> = found.iter().chain([&marked]).map(|bit| (missing.clone(), moved(bit))).collect();
        let fetched = and_many(&pairs, session)?;
        for (bit, fetched) in found.iter_mut().chain([&mut marked]).zip(&fetched) {
            bit.xor_assign(fetched);
        }
        distance *= 2;
    }
    Ok(IntShare::unsigned(found))
}

/// The most frequent value. Of numbers, discloses the number of distinct values to the parties.
pub fn mode(step: &Step<'_, Value>, session: &mut Session) -> Result<Number, RunError> {
    if let Kind::Category(labels) = &step.of.kind {
        return most_frequent_label(step, labels.len(), session);
    }
    let int = number(step, 0)?.0.int(session)?;
    let mode = rep3::relation::mode(int, session)?;
    Ok(Number::from_int(mode.value, &step.of.range))
}

/// The index of the label that most rows have, the first of several: the largest of `count || complement of the index`.
fn most_frequent_label(
    step: &Step<'_, Value>,
    labels: usize,
    session: &mut Session,
) -> Result<Number, RunError> {
    let all: Vec<i128> = (0..labels as i128).collect();
    let mut members = compare::equal_each(number(step, 0)?.0.int(session)?, &all, session)?;
    if step.arguments.len() > 1 {
        let counts = boolean(step, 1)?.spread(step.rows as usize).share(session);
        members = rep3::layer(&members.iter().map(|of| (of, &counts)).collect::<Vec<_>>(), session)?;
    }
    let members: Vec<IntShare> = members.into_iter().map(|bit| IntShare::unsigned(vec![bit])).collect();
    let members = bits_to_field_each(&members.iter().collect::<Vec<_>>(), session)?;
    let counts: Vec<_> = members.iter().map(FieldShare::sum).collect();
    let counts = Number::from_field(FieldShare::concat(&counts), &Interval::new(0, step.rows));
    let complements: Vec<i128> = all.iter().map(|index| (1 << width_of(labels)) - 1 - index).collect();
    let low = IntShare::public(&complements, width_of(labels), false, session.party());
    let bits = low.bits.into_iter().chain(counts.int(session)?.bits.iter().cloned());
    let most = compare::maximum(&IntShare::unsigned(bits.collect()), session)?;
    let index = most.bits[..width_of(labels)].iter().map(|bit| bit.not(session.party()));
    Ok(Number::from_int(IntShare::unsigned(index.collect()), &step.of.range))
}

/// Bits of the index of one of so many labels.
fn width_of(labels: usize) -> usize {
    labels.next_power_of_two().ilog2().max(1) as usize
}

/// Columns of another data set by one key, and where it has the key: one join fetches them all.
pub fn lookups(steps: &[&Step<'_, Value>], session: &mut Session) -> Result<Vec<Value>, RunError> {
    let Some(first) = steps.first() else { return Ok(Vec::new()) };
    let (keys, among) = (number(first, 0)?.0.int(session)?, number(first, 1)?.0.int(session)?);
    // An unsigned number needs a further bit to be a signed one.
    let signed = keys.signed || among.signed;
    let width = |int: &IntShare| int.width() + usize::from(signed && !int.signed);
    let width = width(keys).max(width(among));
    let [keys, among] = [keys, among].map(|int| IntShare { signed, ..int.resize(width) });
    let mut table = Table::default();
    for step in steps.iter().filter(|step| step.arguments.len() == 3) {
        match boolean_or_number(step, 2)? {
            (Some(boolean), _) => table.bits.push(boolean.share(session)),
            (_, Some(number)) => table.field.push(number.field(session)?.clone()),
            _ => {}
        }
    }
    let found = lookup(&keys, &among, &table, session)?;
    let (mut bits, mut field) = (found.found.bits.into_iter(), found.found.field.into_iter());
    let gone = || data("the join lost a column");
    let mut values = Vec::new();
    for step in steps {
        values.push(if step.arguments.len() < 3 {
            Value::Boolean(Boolean::shared(found.matched.clone()))
        } else if boolean_or_number(step, 2)?.0.is_some() {
            Value::Boolean(Boolean::shared(bits.next().ok_or_else(gone)?))
        } else {
            Value::Number(Number::from_field(field.next().ok_or_else(gone)?, &step.of.range))
        });
    }
    Ok(values)
}
