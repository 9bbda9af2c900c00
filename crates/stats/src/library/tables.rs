//! Counts by cell, and aggregates by group.

use super::Record;
use crate::build::{Column, Scalar};

/// How many values lie between each two neighbours of `edges`, in ascending order: from the lower edge, to below the
/// upper one; in the last bin, to the upper one.
pub fn histogram(of: &Column, edges: &[(String, Scalar)]) -> Record {
    let mut record = Record::default();
    for (position, pair) in edges.windows(2).enumerate() {
        let ((low_label, low), (high_label, high)) = (&pair[0], &pair[1]);
        let last = position + 2 == edges.len();
        let below = if last { !&of.more_scalar(high) } else { of.less_scalar(high) };
        let inside = &!&of.less_scalar(low) & &below;
        let close = if last { "]" } else { ")" };
        record.push(format!("[{low_label}, {high_label}{close}"), inside.sum());
    }
    record
}

/// The rows of each label of a category, or where a boolean holds and does not.
pub(super) fn groups(by: &Column) -> Vec<(String, Column)> {
    match by.labels() {
        Some(labels) => labels.into_iter().map(|label| (label.clone(), by.is(&label))).collect(),
        None => vec![("false".to_owned(), !by), ("true".to_owned(), by.clone())],
    }
}

/// Aggregates of `of` for each label of the category (or boolean) `by`.
pub fn group_by(of: &Column, by: &Column, aggregate: impl Fn(&Column) -> Scalar) -> Record {
    let mut record = Record::default();
    for (label, group) in groups(by) {
        record.push(label, aggregate(&of.filter(&group)));
    }
    record
}

/// Aggregates of `of` for each of the `most` values of the number `by` that occur most often: for values that nobody
/// listed. Under `1`, `2`, … in the order of frequency: the value (`key`), how often it occurs (`count`), and `value`.
///
/// A value that few rows have is a group like any other: it is withheld, and so is its key.
pub fn group_by_frequent(
    of: &Column,
    by: &Column,
    most: u32,
    aggregate: impl Fn(&Column) -> Scalar,
) -> Record {
    let mut record = Record::default();
    for (position, (key, count)) in (1..).zip(by.frequent(most)) {
        let exists = count.equals(&by.program().constant(0)).negate();
        let group = by.equals_scalar(&key).and_scalar(&exists);
        let members = by.filter(&group);
        // The mean of equal numbers: it depends on the group, so that a group too small withholds its key.
        let entries = [("key", members.mean()), ("count", members.count())];
        let mut slot = Record::new(entries);
        slot.push("value", aggregate(&of.filter(&group)));
        record.nest(&position.to_string(), slot);
    }
    record
}

/// How many rows have each pair of labels.
pub fn two_way_table(rows: &Column, columns: &Column) -> Record {
    let mut table = Record::default();
    for (label, row) in groups(rows) {
        let mut cells = Record::default();
        for (label, column) in groups(columns) {
            cells.push(label, (&row.holds() & &column.holds()).sum());
        }
        table.nest(&label, cells);
    }
    table
}
