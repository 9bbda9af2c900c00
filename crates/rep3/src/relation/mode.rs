//! The most frequent value.

use circuit::arith::parallel;

use super::{compact, ends};
use crate::abort::Abort;
use crate::boolean::Columns;
use crate::compare::{less_than, mux};
use crate::session::Session;
use crate::share::{BitShare, IntShare};
use crate::sort::{SortKey, numbers, sort, sort_distinct};
use crate::table::Table;

/// The most frequent value and how often it occurs: a row each, or none for a column of no rows.
#[derive(Clone, Debug)]
pub struct Mode {
    /// The value; of several equally frequent ones the least.
    pub value: IntShare,
    /// How often it occurs.
    pub count: IntShare,
}

/// The most frequent value of a column, by sorting it and comparing the lengths of the runs.
///
/// **Declared leak:** the number of distinct values.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn mode(column: &IntShare, session: &mut Session) -> Result<Mode, Abort> {
    let me = session.party();
    let ascending = SortKey::ascending(column);
    let sorted = sort(&[ascending], &Table::default(), session)?;
    let ends = ends(&sorted.keys[0], session)?;
    // How many rows are sorted up to this one; one bit more than the rows' numbers take, for their number itself.
    let mut upto = numbers(column.rows() + 1, me).slice(1..column.rows() + 1);
    upto = upto.resize(upto.width().max(1));
    let comparable = ascending.comparable(&sorted.keys[0].bits, me);
    let table = Table { bits: comparable, field: Vec::new() }.join(Table::of_ints(&[&upto]));
    let runs = compact(&table, &ends, session)?;
    let mut runs = sort_distinct(runs, column.width(), session)?;
    let upto_bits = runs.bits.split_off(column.width());
    let values = IntShare { bits: ascending.comparable(&runs.bits, me), signed: column.signed };
    let counts = differences(&IntShare::unsigned(upto_bits), session)?;
    most_frequent(Mode { value: values, count: counts }, session)
}

/// Row `i` less row `i - 1`.
fn differences(column: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    let rows = column.rows();
    let before = column.map(|bit| BitShare::concat([&BitShare::zeros(rows.min(1)), bit]).slice(0..rows));
    let mut bits = parallel::subtract(&column.bits, &before.bits, &mut Columns::new(rows, session))?;
    bits.truncate(column.width());
    Ok(IntShare::unsigned(bits))
}

/// Lets the first half of the rows meet the second half until one is left. Rows are in ascending order of the value,
/// and stay so: the first one wins a tie.
fn most_frequent(mut runs: Mode, session: &mut Session) -> Result<Mode, Abort> {
    while runs.value.rows() > 1 {
        let rows = runs.value.rows();
        let even = |x: &IntShare| pick(x, (0..rows - 1).step_by(2));
        let odd = |x: &IntShare| pick(x, (1..rows).step_by(2));
        let more = less_than(&even(&runs.count), &odd(&runs.count), session)?;
        let value = mux(&more, &odd(&runs.value), &even(&runs.value), session)?;
        let count = mux(&more, &odd(&runs.count), &even(&runs.count), session)?;
        let rest = rows / 2 * 2..rows;
        let below = |won: &IntShare, all: &IntShare| {
            let waiting = all.slice(rest.clone());
            let bits = won.bits.iter().zip(&waiting.bits).map(|(a, b)| BitShare::concat([a, b]));
            IntShare { bits: bits.collect(), signed: all.signed }
        };
        runs = Mode { value: below(&value, &runs.value), count: below(&count, &runs.count) };
    }
    Ok(runs)
}

fn pick(column: &IntShare, rows: impl Iterator<Item = usize>) -> IntShare {
    column.gather(&rows.map(|row| row as u32).collect::<Vec<_>>())
}
