//! How many values lie between public bounds.

use crate::abort::Abort;
use crate::compare::less_than_each;
use crate::session::Session;
use crate::share::IntShare;
use crate::sum::count_each;

/// How many rows lie in each bin `[bounds[i], bounds[i + 1])`, as a column of one row less than there are bounds.
/// Values outside all bins count in none.
///
/// A comparison with a constant a row and bound and an addition a row and bin, all bins in the same rounds. No
/// leak.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the bounds do not ascend.
pub fn histogram(column: &IntShare, bounds: &[i128], session: &mut Session) -> Result<IntShare, Abort> {
    assert!(bounds.is_sorted(), "ascending bounds");
    let below = less_than_each(column, bounds, session)?;
    // Below the upper bound and not below the lower one; the latter implies the former.
    let bins: Vec<_> = below.windows(2).map(|pair| pair[0].xor(&pair[1])).collect();
    count_each(&bins, session)
}
