//! Single numbers, of which a plan has many: computed side by side, as the rows of one column, so that all of them take
//! the rounds of the deepest.

use super::number::{Number, Source};
use circuit::arith::parallel;
use rep3::convert::{bits_to_field_each, field_to_int};
use rep3::{Abort, BitShare, Columns, FieldShare, IntShare, Session, and};
use std::collections::{BTreeMap, HashSet};

/// Makes the bits of these numbers, and of those that they are sums and selections of.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn make_bits(numbers: &[&Number], session: &mut Session) -> Result<(), Abort> {
    loop {
        let ready = ready(numbers);
        if ready.is_empty() {
            return Ok(());
        }
        let (mut selections, mut sums, mut fields) = (Vec::new(), Vec::new(), BTreeMap::new());
        for number in ready {
            match number.source() {
                _ if !number.has_int() && !number.is_wide() => {
                    fields.entry(number.shape()).or_insert_with(Vec::new).push(number);
                }
                Source::Select { condition, .. } if condition.known().is_none() => selections.push(number),
                Source::Sum { .. } => sums.push(number),
                _ => _ = number.int(session)?,
            }
        }
        for ((width, signed), numbers) in fields {
            convert(&numbers, width, signed, session)?;
        }
        select(&selections, session)?;
        add(&sums, session)?;
    }
}

/// Makes the field elements of these numbers.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn make_elements(numbers: &[&Number], session: &mut Session) -> Result<(), Abort> {
    let of_bits: Vec<_> = numbers.iter().copied().filter(|number| number.converts()).collect();
    make_bits(&of_bits, session)?;
    let mut columns = Vec::new();
    for number in &of_bits {
        columns.push(number.int(session)?);
    }
    for (number, elements) in of_bits.iter().zip(bits_to_field_each(&columns, session)?) {
        number.set_field(elements);
    }
    Ok(())
}

/// Single numbers below each other: as wide as the widest, signed if one is.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn stack(numbers: &[&Number], session: &mut Session) -> Result<IntShare, Abort> {
    make_bits(numbers, session)?;
    let signed = numbers.iter().any(|number| number.shape().1);
    let needs = |(width, is_signed): (usize, bool)| width + usize::from(signed && !is_signed);
    let width = numbers.iter().map(|number| needs(number.shape())).max().unwrap_or(0);
    let mut rows = Vec::with_capacity(numbers.len());
    for number in numbers {
        rows.push(number.int(session)?.resize(width));
    }
    Ok(IntShare {
        bits: (0..width).map(|bit| BitShare::concat(rows.iter().map(|row| &row.bits[bit]))).collect(),
        signed,
    })
}

/// The numbers without bits whose sources have theirs: those among `numbers`, and those that they wait for.
fn ready<'a>(numbers: &[&'a Number]) -> Vec<&'a Number> {
    let (mut seen, mut ready) = (HashSet::new(), Vec::new());
    let mut open: Vec<_> = numbers.to_vec();
    while let Some(number) = open.pop() {
        if !number.lacks_int() || !seen.insert(number.address()) {
            continue;
        }
        let waits_for: Vec<_> = sources(number).into_iter().filter(|source| source.lacks_int()).collect();
        if waits_for.is_empty() {
            ready.push(number);
        }
        open.extend(waits_for);
    }
    ready
}

/// What the bits of a number are made of.
fn sources(number: &Number) -> Vec<&Number> {
    match number.source() {
        _ if !number.has_int() => Vec::new(),
        Source::Sum { .. } => terms(number).into_iter().map(|(term, _)| term).collect(),
        Source::Select { then, otherwise, .. } => vec![then, otherwise],
        Source::Multiple { of, .. } => vec![of],
        _ => Vec::new(),
    }
}

/// The terms of a sum of sums, and which of them are subtracted.
fn terms(number: &Number) -> Vec<(&Number, bool)> {
    let mut terms = Vec::new();
    let mut open = vec![(number, false)];
    while let Some((of, minus)) = open.pop() {
        match of.source() {
            Source::Sum { left, right, minus: subtracts } if of.lacks_int() => {
                open.extend([(left, minus), (right, minus != *subtracts)]);
            }
            _ => terms.push((of, minus)),
        }
    }
    terms
}

fn convert(numbers: &[&Number], width: usize, signed: bool, session: &mut Session) -> Result<(), Abort> {
    let mut elements = Vec::with_capacity(numbers.len());
    for number in numbers {
        elements.push(number.field(session)?.clone());
    }
    let bits = field_to_int(&FieldShare::concat(&elements), width, signed, session)?;
    for (row, number) in numbers.iter().enumerate() {
        number.set_int(bits.slice(row..row + 1));
    }
    Ok(())
}

/// `otherwise + condition * (then + otherwise)`, of every bit of every selection at once.
fn select(numbers: &[&Number], session: &mut Session) -> Result<(), Abort> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (mut conditions, mut differences, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for number in numbers {
        let Source::Select { condition, then, otherwise } = number.source() else { continue };
        let (width, condition) = (number.shape().0, condition.share(session));
        let (then, otherwise) = (then.int(session)?.resize(width), otherwise.int(session)?.resize(width));
        differences.extend(then.bits.iter().zip(&otherwise.bits).map(|(then, other)| then.xor(other)));
        conditions.extend(std::iter::repeat_n(condition, width));
        others.extend(otherwise.bits);
    }
    let chosen = and(&BitShare::concat(&conditions), &BitShare::concat(&differences), session)?;
    let chosen = chosen.xor(&BitShare::concat(&others));
    let mut from = 0;
    for number in numbers {
        let (width, signed) = number.shape();
        number.set_int(IntShare {
            bits: (from..from + width).map(|bit| chosen.slice(bit..bit + 1)).collect(),
            signed,
        });
        from += width;
    }
    Ok(())
}

/// Sums of any number of terms, each a row. What is subtracted is its complement and one.
fn add(numbers: &[&Number], session: &mut Session) -> Result<(), Abort> {
    if numbers.is_empty() {
        return Ok(());
    }
    let width = numbers.iter().map(|number| number.shape().0).max().unwrap_or(0);
    let mut rows = Vec::with_capacity(numbers.len());
    for number in numbers {
        let (mut summands, mut ones) = (Vec::new(), 0);
        for (term, minus) in terms(number) {
            let bits = term.int(session)?.resize(width);
            ones += i128::from(minus);
            summands.push(if minus { bits.map(|bit| bit.not(session.party())) } else { bits });
        }
        summands.push(IntShare::public(&[ones], width, false, session.party()));
        rows.push(summands);
    }
    let most = rows.iter().map(Vec::len).max().unwrap_or(0);
    let zero = BitShare::zeros(1);
    let bit = |weight: usize, term: usize| {
        BitShare::concat(rows.iter().map(|row| row.get(term).map_or(&zero, |summand| &summand.bits[weight])))
    };
    let heap = (0..width).map(|weight| (0..most).map(|term| bit(weight, term)).collect()).collect();
    let sums =
        IntShare { bits: parallel::sum(heap, &mut Columns::new(numbers.len(), session))?, signed: false };
    for (row, number) in numbers.iter().enumerate() {
        let (width, signed) = number.shape();
        let bits = sums.slice(row..row + 1).bits;
        number.set_int(IntShare { bits: bits[..width].to_vec(), signed });
    }
    Ok(())
}
