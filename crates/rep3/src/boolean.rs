//! Conjunction of shared bits, a layer at a time.

use algebra::Bits;
use circuit::Backend;

use crate::abort::{Abort, Cause};
use crate::network::Step;
use crate::prss::Purpose;
use crate::session::Session;
use crate::share::BitShare;

/// The one message of a layer of AND gates.
pub const AND: Step = Step("and");

/// The AND of two columns, row by row. One round, one bit a row.
///
/// The result is not verified yet; see [`Session::verify`].
///
/// # Errors
/// [`Abort`] if a peer is gone or, when a batch of gates is full, cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn and(x: &BitShare, y: &BitShare, session: &mut Session) -> Result<BitShare, Abort> {
    Ok(layer(&[(x, y)], session)?.swap_remove(0))
}

/// The ANDs of many pairs of columns in one message; the pairs may differ in length. One round.
///
/// # Errors
/// As [`and`].
///
/// # Panics
/// If the two columns of a pair differ in length.
pub fn and_many(pairs: &[(BitShare, BitShare)], session: &mut Session) -> Result<Vec<BitShare>, Abort> {
    let pairs: Vec<_> = pairs.iter().map(|(x, y)| (x, y)).collect();
    layer(&pairs, session)
}

/// [`and_many`] over borrowed columns: no column is copied just to be named twice.
///
/// # Errors
/// As [`and`].
///
/// # Panics
/// If the two columns of a pair differ in length.
pub fn layer(pairs: &[(&BitShare, &BitShare)], session: &mut Session) -> Result<Vec<BitShare>, Abort> {
    let limit = session.limits.ands;
    let mut outputs = Vec::with_capacity(pairs.len());
    let mut rest = pairs;
    while let [(x, y), tail @ ..] = rest {
        if x.len() > limit {
            outputs.push(long(x, y, session)?);
            rest = tail;
        } else {
            let (part, tail) = rest.split_at(fitting(rest, limit));
            outputs.extend(part_of_layer(part, session)?);
            rest = tail;
        }
    }
    Ok(outputs)
}

/// The AND of two columns that take more than one batch, of which each part fills one.
fn long(x: &BitShare, y: &BitShare, session: &mut Session) -> Result<BitShare, Abort> {
    assert_eq!(x.len(), y.len(), "columns of one length");
    // Parts of whole words are cut without shifting.
    let size = session.limits.ands.max(1).next_multiple_of(64);
    let mut output = BitShare::default();
    for start in (0..x.len()).step_by(size) {
        let rows = start..x.len().min(start + size);
        let (x, y) = (x.slice(rows.clone()), y.slice(rows));
        for part in part_of_layer(&[(&x, &y)], session)? {
            output.own.extend(&part.own);
            output.next.extend(&part.next);
        }
    }
    Ok(output)
}

/// How many of these pairs go into one batch of at most `limit` gates: at least one.
fn fitting(pairs: &[(&BitShare, &BitShare)], limit: usize) -> usize {
    let mut gates = 0;
    let fits = pairs.iter().take_while(|(x, _)| {
        gates += x.len();
        gates <= limit
    });
    fits.count().max(1)
}

fn part_of_layer(pairs: &[(&BitShare, &BitShare)], session: &mut Session) -> Result<Vec<BitShare>, Abort> {
    let rows: usize = pairs.iter().map(|(x, _)| x.len()).sum();
    if rows == 0 {
        return Ok(pairs.iter().map(|_| BitShare::zeros(0)).collect());
    }
    session.make_room(rows, 0)?;
    let tag = session.tag(Purpose::Alpha);
    let prss = session.prss();
    let masks = [prss.own.bits(tag, rows), prss.next.bits(tag, rows)];
    let own = session.pending.gates.push(pairs, masks);

    let (left, right) = (session.party().left(), session.party().right());
    session.send(left, AND, own.to_bytes())?;
    let message = session.recv(right, AND, rows.div_ceil(8))?;
    let next = Bits::from_bytes(&message, rows).map_err(|_| session.abort(AND, Cause::Malformed(right)))?;
    session.pending.gates.complete(&next);
    Ok(split(&BitShare { own, next }, pairs))
}

/// Cuts the output of a layer into columns as long as the operands.
fn split(output: &BitShare, pairs: &[(&BitShare, &BitShare)]) -> Vec<BitShare> {
    if let [_] = pairs {
        return vec![output.clone()];
    }
    let mut start = 0;
    let column = |(x, _): &(&BitShare, &BitShare)| {
        let rows = start..start + x.len();
        start = rows.end;
        output.slice(rows)
    };
    pairs.iter().map(column).collect()
}

/// Evaluates circuits on columns of shared bits: a wire is a column of one fixed length.
#[derive(Debug)]
pub struct Columns<'a> {
    session: &'a mut Session,
    rows: usize,
}

impl<'a> Columns<'a> {
    /// A backend whose wires have this many rows.
    pub fn new(rows: usize, session: &'a mut Session) -> Self {
        Self { session, rows }
    }

    /// The session's pace.
    pub(crate) fn pace(&self) -> crate::Pace {
        self.session.pace()
    }
}

impl Backend for Columns<'_> {
    type Wire = BitShare;
    type Error = Abort;

    fn constant(&mut self, bit: bool) -> BitShare {
        BitShare::constant(bit, self.rows, self.session.party())
    }

    fn xor(&mut self, a: &BitShare, b: &BitShare) -> BitShare {
        a.xor(b)
    }

    fn xor_assign(&mut self, a: &mut BitShare, b: &BitShare) {
        a.xor_assign(b);
    }

    fn not(&mut self, a: &BitShare) -> BitShare {
        a.not(self.session.party())
    }

    fn and(&mut self, pairs: &[(BitShare, BitShare)]) -> Result<Vec<BitShare>, Abort> {
        and_many(pairs, self.session)
    }

    fn layer(&mut self, pairs: &[(&BitShare, &BitShare)]) -> Result<Vec<BitShare>, Abort> {
        layer(pairs, self.session)
    }
}
