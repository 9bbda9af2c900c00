//! Operations on tables as relations: groups, joins, histograms, the most frequent value.
//!
//! All of them are made of sorting, comparing neighbours and shuffling. Some disclose a number that they
//! could not be efficient without (a *declared leak*); each says so, and nothing else comes out.

mod group;
mod histogram;
mod join;
mod mode;

pub use group::{KnownGroups, UnknownGroups, group_known, group_unknown};
pub use histogram::histogram;
pub use join::{Lookup, join, lookup};
pub use mode::{Mode, mode};

use crate::abort::Abort;
use crate::compare::equal;
use crate::open::open;
use crate::session::Session;
use crate::share::{BitShare, IntShare};
use crate::shuffle::shuffle;
use crate::table::Table;

/// The rows in which `keep` holds, in a secret, uniformly random order.
///
/// **Declared leak:** how many there are. Eight rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn compact(table: &Table, keep: &BitShare, session: &mut Session) -> Result<Table, Abort> {
    let flagged = Table { bits: vec![keep.clone()], field: Vec::new() }.join(table.clone());
    let mut shuffled = shuffle(&flagged, session)?;
    let keep = shuffled.bits.remove(0);
    let keep = session.verify(keep)?;
    let keep = open(&keep, session)?;
    let rows: Vec<u32> = (0u32..).zip(keep.iter()).filter_map(|(row, keep)| keep.then_some(row)).collect();
    Ok(shuffled.gather(&rows))
}

/// Puts rows in the order of their labels, which are secret but together the numbers `0..n`, each once: rows that
/// were sorted go back to where they came from.
///
/// After a shuffle the labels are in a uniformly random order whatever they belong to: opening them discloses
/// nothing, *because* they are all different. Eight rounds, and far fewer gates than a sort. Labels that a faulty
/// caller repeats or leaves out leave rows out or repeat them, and disclose that.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn restore(labels: &IntShare, table: &Table, session: &mut Session) -> Result<Table, Abort> {
    let mut shuffled = shuffle(&Table::of_ints(&[labels]).join(table.clone()), session)?;
    let labels = IntShare::unsigned(shuffled.take_ints(&[labels]).swap_remove(0).bits);
    let labels = session.verify(labels)?;
    let labels = open(&labels, session)?;
    let mut rows = vec![0; table.rows()];
    for (row, label) in (0u32..).zip(labels) {
        if let Some(place) = usize::try_from(label).ok().and_then(|label| rows.get_mut(label)) {
            *place = row;
        }
    }
    Ok(shuffled.gather(&rows))
}

/// In which rows a sorted column differs from the row below; the last row always does.
fn ends(sorted: &IntShare, session: &mut Session) -> Result<BitShare, Abort> {
    let rows = sorted.rows();
    if rows == 0 {
        return Ok(BitShare::default());
    }
    let same = equal(&sorted.slice(0..rows - 1), &sorted.slice(1..rows), session)?;
    let me = session.party();
    Ok(BitShare::concat([&same.not(me), &BitShare::constant(true, 1, me)]))
}
