//! Sorting: rows are shuffled, then compared, and the outcomes are public.
//!
//! After a shuffle the order in which the rows lie is uniformly random and known to nobody. Which of them are
//! less than which others is then a function of that random order alone and can be opened: it could be
//! simulated without knowing any value. Two things are needed for it, and both are done here:
//!
//! - **No ties.** Whether two rows are equal would be no such function. Every row carries its number from
//!   before the shuffle, as secret as everything else, and equal rows compare by it. (Comparing equal rows by
//!   their public place after the shuffle instead would show which rows are equal.) So sorting is stable.
//! - **One shuffle for one order.** Sorting the same shuffled rows by a second column would show how the two
//!   columns' orders are related. Every sort shuffles anew.
//!
//! And every comparison is verified before it is opened.

mod comparer;
mod order;
mod select;

use crate::abort::Abort;
use crate::network::Party;
use crate::session::Session;
use crate::share::{BitShare, IntShare};
use crate::shuffle::shuffle;
use crate::table::Table;
pub(crate) use comparer::Comparer;
use order::{Plan, order};
pub use select::select;

/// Which way a column is put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Least first.
    #[default]
    Ascending,
    /// Greatest first.
    Descending,
}

/// A column to sort by.
#[derive(Clone, Copy, Debug)]
pub struct SortKey<'a> {
    /// The column.
    pub column: &'a IntShare,
    /// Which way.
    pub direction: Direction,
}

impl<'a> SortKey<'a> {
    /// Least first.
    pub fn ascending(column: &'a IntShare) -> Self {
        Self { column, direction: Direction::Ascending }
    }

    /// Greatest first.
    pub fn descending(column: &'a IntShare) -> Self {
        Self { column, direction: Direction::Descending }
    }

    /// The bits whose unsigned order is the one wanted; the same again takes them back.
    pub(crate) fn comparable(&self, bits: &[BitShare], me: Party) -> Vec<BitShare> {
        let descending = self.direction == Direction::Descending;
        let top = bits.len().wrapping_sub(1);
        let flip = |(k, bit): (usize, &BitShare)| {
            if descending == (self.column.signed && k == top) { bit.clone() } else { bit.not(me) }
        };
        bits.iter().enumerate().map(flip).collect()
    }
}

/// A table in order.
#[derive(Clone, Debug)]
pub struct Sorted {
    /// The columns that it was sorted by.
    pub keys: Vec<IntShare>,
    /// The other columns.
    pub payload: Table,
}

/// Sorts rows by one or more columns, the first of which decides first; equal rows keep their order.
///
/// About `log2 n + 3` comparisons a row, and rounds that grow as `log n`. How many gates it takes a
/// comparison and how many levels the sort depends on the session's [`Pace`](crate::Pace). Nothing is
/// disclosed but the number of rows and the widths.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length, or there are more than 2^32 rows.
pub fn sort(keys: &[SortKey<'_>], payload: &Table, session: &mut Session) -> Result<Sorted, Abort> {
    let me = session.party();
    let rows = keys.iter().map(|key| key.column.rows()).fold(payload.rows(), usize::max);
    let mut bits = numbers(rows, me).bits;
    let numbered = bits.len();
    for key in keys.iter().rev() {
        bits.extend(key.comparable(&key.column.bits, me));
    }
    let compared = bits.len();
    let table = Table { bits, field: Vec::new() }.join(payload.clone());
    let mut sorted = sort_distinct(table, compared, session)?;
    let payload_bits = sorted.bits.split_off(compared);
    let mut rest = &sorted.bits[numbered..];
    let mut columns = Vec::with_capacity(keys.len());
    for key in keys.iter().rev() {
        let (bits, upper) = rest.split_at(key.column.width());
        rest = upper;
        columns.push(IntShare { bits: key.comparable(bits, me), signed: key.column.signed });
    }
    columns.reverse();
    Ok(Sorted { keys: columns, payload: Table { bits: payload_bits, field: sorted.field } })
}

/// Sorts rows by their first `compared` columns of bits, least significant first, which must be distinct
/// from row to row: otherwise it discloses which are not.
pub(crate) fn sort_distinct(table: Table, compared: usize, session: &mut Session) -> Result<Table, Abort> {
    let rows = table.rows();
    if rows < 2 {
        return Ok(table);
    }
    let shuffled = shuffle(&table, session)?;
    let plan = Plan::fastest(rows, compared, session.pace());
    let mut comparer = Comparer::new(&shuffled.bits[..compared], session);
    let order = order(rows, plan, |left, right| comparer.less(left, right))?;
    Ok(shuffled.gather(&order))
}

/// The rows' numbers `0..rows`, shared as constants, with just enough bits.
pub(crate) fn numbers(rows: usize, me: Party) -> IntShare {
    let width = rows.next_power_of_two().trailing_zeros() as usize;
    let values: Vec<i128> = (0..rows as i128).collect();
    IntShare::public(&values, width, false, me)
}
