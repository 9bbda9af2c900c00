//! What follows from the order of values.

use crate::build::{Column, Scalar};

impl Column {
    /// The median: the middle value, or the mean of the two in the middle.
    pub fn median(&self) -> Scalar {
        let n = self.count();
        let (low, high) = ((&n - 1).floor_divide(2), n.floor_divide(2));
        (self.at_rank(&low) + self.at_rank(&high)) / 2
    }

    /// The Gini coefficient of values that are not negative: 0 if all are equal, near 1 if one holds everything.
    ///
    /// With values in ascending order, `(2 * sum i x_i - (n + 1) * sum x) / (n * sum x)`, i from 1 to n.
    pub fn gini(&self) -> Scalar {
        let (n, total) = (self.count(), self.sum());
        let ordered = self.sorted();
        (ordered.dot(&ordered.index()) * 2 - (&n - 1) * &total) / (n * total)
    }
}
