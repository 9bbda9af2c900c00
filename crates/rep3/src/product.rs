//! Products and inner products of shared field elements.

use std::ops::Range;

use algebra::{Field, Fp, decode, encode};

use crate::abort::{Abort, Cause};
use crate::network::Step;
use crate::prss::Purpose;
use crate::session::Session;
use crate::share::{FieldRows, FieldShare};
use crate::verify::Outputs;

/// The one message of a layer of products.
pub const MUL: Step = Step("mul");

/// The product of two columns, row by row. One round, one element a row.
///
/// The result is not verified yet; see [`Session::verify`].
///
/// # Errors
/// [`Abort`] if a peer is gone or, when a batch of terms is full, cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn mul(x: &FieldShare, y: &FieldShare, session: &mut Session) -> Result<FieldShare, Abort> {
    assert_eq!(x.len(), y.len(), "columns of one length");
    let part = session.limits.terms.max(1);
    let (own, next) = (Vec::with_capacity(x.len()), Vec::with_capacity(x.len()));
    let mut product = FieldShare { own, next };
    for start in (0..x.len()).step_by(part) {
        let rows = start..x.len().min(start + part);
        let outputs = Outputs { count: rows.len(), terms: 1 };
        let part = sums(&[(x.rows(rows.clone()), y.rows(rows))], &[outputs], session)?;
        product.own.extend(part.own);
        product.next.extend(part.next);
    }
    Ok(product)
}

/// The inner product of two columns, as a column of one row. One round, one element whatever the length.
///
/// # Errors
/// As [`mul`].
///
/// # Panics
/// If the columns differ in length.
pub fn inner_product(x: &FieldShare, y: &FieldShare, session: &mut Session) -> Result<FieldShare, Abort> {
    inner_products(&[(x, y)], session)
}

/// The inner products of many pairs of columns, as a column with a row for each pair. One round, or one for each
/// batch that all terms together fill: longer inner products are sums of parts, so that memory does not grow with them.
///
/// # Errors
/// As [`mul`].
///
/// # Panics
/// If the two columns of a pair differ in length.
pub fn inner_products(
    pairs: &[(&FieldShare, &FieldShare)],
    session: &mut Session,
) -> Result<FieldShare, Abort> {
    let limit = session.limits.terms.max(1);
    if pairs.iter().map(|(x, _)| x.len()).sum::<usize>() <= limit {
        return single_outputs(&whole(pairs), session);
    }
    let mut total = FieldShare::zeros(pairs.len());
    for part in parts(pairs.iter().map(|(x, _)| x.len()), limit) {
        let slices: Vec<_> = part
            .iter()
            .map(|(pair, rows)| (pairs[*pair].0.rows(rows.clone()), pairs[*pair].1.rows(rows.clone())))
            .collect();
        let sums = single_outputs(&slices, session)?;
        for (i, (pair, _)) in part.iter().enumerate() {
            total.own[*pair] += sums.own[i];
            total.next[*pair] += sums.next[i];
        }
    }
    Ok(total)
}

/// Each pair's inner product, all in one batch.
fn single_outputs(
    pairs: &[(FieldRows<'_>, FieldRows<'_>)],
    session: &mut Session,
) -> Result<FieldShare, Abort> {
    let outputs: Vec<_> = pairs.iter().map(|(x, _)| Outputs { count: 1, terms: x.own.len() }).collect();
    sums(pairs, &outputs, session)
}

/// All rows of both columns of each pair.
fn whole<'a>(pairs: &[(&'a FieldShare, &'a FieldShare)]) -> Vec<(FieldRows<'a>, FieldRows<'a>)> {
    pairs.iter().map(|(x, y)| (x.rows(0..x.len()), y.rows(0..y.len()))).collect()
}

/// Cuts columns of these lengths into parts of at most `limit` rows together: of which column which rows.
fn parts(lengths: impl Iterator<Item = usize>, limit: usize) -> Vec<Vec<(usize, Range<usize>)>> {
    let (mut parts, mut part, mut room) = (Vec::new(), Vec::new(), limit);
    for (column, length) in lengths.enumerate() {
        let mut start = 0;
        while start < length {
            let end = length.min(start + room);
            part.push((column, start..end));
            room -= end - start;
            start = end;
            if room == 0 {
                parts.push(std::mem::take(&mut part));
                room = limit;
            }
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// For each pair of columns the inner products of `terms` consecutive rows each, a row for each. One round for all.
///
/// # Errors
/// As [`mul`].
pub(crate) fn grouped_inner_products(
    groups: &[(FieldShare, FieldShare, usize)],
    session: &mut Session,
) -> Result<Vec<FieldShare>, Abort> {
    let pairs: Vec<_> = groups.iter().map(|(x, y, _)| (x, y)).collect();
    let outputs: Vec<_> = groups
        .iter()
        .map(|(x, _, terms)| Outputs { count: x.len() / terms.max(&1), terms: *terms })
        .collect();
    let sums = sums(&whole(&pairs), &outputs, session)?;
    let mut start = 0;
    let cut = |outputs: &Outputs| {
        let rows = start..start + outputs.count;
        start = rows.end;
        sums.slice(rows)
    };
    Ok(outputs.iter().map(cut).collect())
}

/// Inner products of consecutive rows: `outputs` says of how many.
fn sums(
    pairs: &[(FieldRows<'_>, FieldRows<'_>)],
    outputs: &[Outputs],
    session: &mut Session,
) -> Result<FieldShare, Abort> {
    let count: usize = outputs.iter().map(|o| o.count).sum();
    if count == 0 {
        return Ok(FieldShare::default());
    }
    session.make_room(0, pairs.iter().map(|(x, _)| x.own.len()).sum())?;
    let tag = session.tag(Purpose::Alpha);
    let own = session.pending.products.push(pairs, outputs, (&session.prss, tag));

    let (left, right) = (session.party().left(), session.party().right());
    session.send(left, MUL, encode(&own))?;
    let message = session.recv(right, MUL, count * Fp::BYTES)?;
    let next = decode(&message, count).map_err(|_| session.abort(MUL, Cause::Malformed(right)))?;
    session.pending.products.complete(&next);
    Ok(FieldShare { own, next })
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn every_row_is_in_one_part_and_no_part_is_too_long() {
        for lengths in [&[][..], &[0], &[1], &[6], &[7], &[8], &[15, 0, 3], &[3, 4], &[3, 5, 20, 1]] {
            let parts = parts(lengths.iter().copied(), 7);
            let length =
                |part: &Vec<(usize, std::ops::Range<usize>)>| part.iter().map(|(_, rows)| rows.len()).sum();
            let filled: Vec<usize> = parts.iter().map(length).collect();
            assert!(filled.iter().rev().skip(1).all(|&rows| rows == 7), "{lengths:?}: {filled:?}");
            let rows: Vec<(usize, usize)> = parts
                .concat()
                .into_iter()
                .flat_map(|(column, rows)| rows.map(move |row| (column, row)))
                .collect();
            let all: Vec<(usize, usize)> = lengths
                .iter()
                .enumerate()
                .flat_map(|(column, &n)| (0..n).map(move |row| (column, row)))
                .collect();
            assert_eq!(rows, all, "{lengths:?}");
        }
    }
}
