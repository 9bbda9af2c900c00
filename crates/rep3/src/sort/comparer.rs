//! Comparing rows of a shuffled table, many pairs at once, and opening the outcomes.

use algebra::Bits;

use crate::abort::Abort;
use crate::compare::less_than;
use crate::open::open;
use crate::rows::ShareRows;
use crate::session::Session;
use crate::share::{BitShare, IntShare};

/// Pairs compared together at the most: enough to make a round worth its while, little enough to keep memory bounded.
const CHUNK: usize = 1 << 20;

/// Compares rows of a table and opens which are less.
///
/// Only for rows that are distinct and have just been shuffled; see the module's page.
pub(crate) struct Comparer<'a> {
    rows: ShareRows,
    session: &'a mut Session,
}

impl<'a> Comparer<'a> {
    /// Compares rows of these columns, least significant first.
    pub fn new(columns: &[BitShare], session: &'a mut Session) -> Self {
        Self { rows: ShareRows::new(columns), session }
    }

    /// For each pair, whether the row on the left is less than the row on the right.
    pub fn less(&mut self, left: &[u32], right: &[u32]) -> Result<Bits, Abort> {
        let mut less = BitShare::default();
        let chunk = CHUNK.min(self.session.limits.ands).max(1);
        for (left, right) in left.chunks(chunk).zip(right.chunks(chunk)) {
            let [left, right] =
                [left, right].map(|rows| IntShare::unsigned(self.rows.gather(rows, self.session.executor())));
            let part = less_than(&left, &right, self.session)?;
            less = if less.is_empty() { part } else { BitShare::concat([&less, &part]) };
        }
        let less = self.session.verify(less)?;
        open(&less, self.session)
    }
}
