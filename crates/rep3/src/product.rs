//! Products of shared field elements, and inner products of a few rows each.

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

/// For each pair of columns the inner products of `terms` consecutive rows each, a row for each. One round for all.
///
/// # Errors
/// As [`mul`].
pub(crate) fn grouped_inner_products(
    groups: &[(FieldShare, FieldShare, usize)],
    session: &mut Session,
) -> Result<Vec<FieldShare>, Abort> {
    let pairs: Vec<_> = groups.iter().map(|(x, y, _)| (x.rows(0..x.len()), y.rows(0..y.len()))).collect();
    let outputs: Vec<_> = groups
        .iter()
        .map(|(x, _, terms)| Outputs { count: x.len() / terms.max(&1), terms: *terms })
        .collect();
    let sums = sums(&pairs, &outputs, session)?;
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
