//! Comparing rows of a shuffled table, many pairs at once, and opening the outcomes.

use algebra::Bits;
use circuit::compare;

use crate::abort::Abort;
use crate::boolean::Columns;
use crate::open::open;
use crate::rows::ShareRows;
use crate::session::Session;
use crate::share::BitShare;

/// Pairs compared together: enough to make a round worth its while, little enough to keep memory bounded.
const CHUNK: usize = 1 << 20;

/// Compares rows of a table and opens which are less.
///
/// Only for rows that are distinct and have just been shuffled; see the module's page.
pub(crate) struct Comparer<'a> {
    rows: ShareRows,
    width: usize,
    session: &'a mut Session,
}

impl<'a> Comparer<'a> {
    /// Compares rows of these columns, least significant first.
    pub fn new(columns: &[BitShare], session: &'a mut Session) -> Self {
        Self { rows: ShareRows::new(columns), width: columns.len(), session }
    }

    /// For each pair, whether the row on the left is less than the row on the right.
    pub fn less(&mut self, left: &[u32], right: &[u32]) -> Result<Bits, Abort> {
        let mut less = BitShare::default();
        for (left, right) in left.chunks(CHUNK).zip(right.chunks(CHUNK)) {
            let comparison = self.session.pace().comparison(left.len(), self.width);
            let (left, right) = (self.rows.gather(left), self.rows.gather(right));
            let columns = &mut Columns::new(left.first().map_or(0, BitShare::len), self.session);
            let part = compare::less_than_by(comparison.run, &left, &right, columns)?;
            less = if less.is_empty() { part } else { BitShare::concat([&less, &part]) };
        }
        let less = self.session.verify(less)?;
        open(&less, self.session)
    }
}
