//! The statistics, each written in the vocabulary of [`build`](crate::build): read one to write the next.
//!
//! A statistic with one number is a [`Scalar`]; one with several is a [`Record`]. A record holds the numbers that the
//! others follow from, such as the means and variances behind a t-test: they are results like any other, so that the
//! parties open them exactly and everything else is computed in the clear. A program that publishes only one entry of
//! a record opens no more than that entry tells, if the engine can compute it.

mod hypothesis;
mod intervals;
mod moments;
mod order;
mod regression;
mod tables;

pub use hypothesis::{anova, chi_squared_test, mann_whitney, paired_t_test, welch_t_test};
pub use intervals::{difference_interval, mean_interval, median_interval, proportion_interval};
pub use regression::{linear_regression, multiple_regression};
pub use tables::{group_by, group_by_frequent, histogram, two_way_table};

use crate::build::{Program, Scalar};

/// A result of several numbers, by label.
#[derive(Clone, Default)]
pub struct Record {
    entries: Vec<(Vec<String>, Scalar)>,
}

impl Record {
    fn new<const N: usize>(entries: [(&str, Scalar); N]) -> Self {
        Self { entries: entries.into_iter().map(|(label, value)| (vec![label.to_owned()], value)).collect() }
    }

    fn push(&mut self, label: impl Into<String>, value: Scalar) {
        self.entries.push((vec![label.into()], value));
    }

    /// Adds the entries of `other`, each under `label`.
    fn nest(&mut self, label: &str, other: Self) {
        self.entries.extend(other.entries.into_iter().map(|(mut path, value)| {
            path.insert(0, label.to_owned());
            (path, value)
        }));
    }

    /// The entries: each with its labels.
    pub fn entries(&self) -> &[(Vec<String>, Scalar)] {
        &self.entries
    }

    /// The entry with this label.
    pub fn get(&self, label: &str) -> Option<&Scalar> {
        self.entries.iter().find(|(path, _)| path.len() == 1 && path[0] == label).map(|(_, value)| value)
    }

    /// Names every entry as a result under `name`.
    pub fn output(&self, program: &Program, name: &str) {
        for (path, value) in &self.entries {
            program.output(std::iter::once(name.to_owned()).chain(path.iter().cloned()), value);
        }
    }
}
