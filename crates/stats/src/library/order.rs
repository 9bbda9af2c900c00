//! What follows from the order of values.

use super::Record;
use crate::build::{Column, Scalar};

impl Column {
    /// Twice the median: a whole number of units, so that values can be compared with it.
    fn twice_median(&self) -> Scalar {
        let n = self.count();
        self.at_rank(&(&n - 1).floor_divide(2)) + self.at_rank(&n.floor_divide(2))
    }

    /// The median: the middle value, or the mean of the two in the middle.
    pub fn median(&self) -> Scalar {
        self.twice_median() / 2
    }

    /// The quantile at `numerator / denominator`, between neighbours in proportion (numpy's and pandas' default).
    ///
    /// At position `h = q (n - 1)`, with `x` ascending from 0: `x[floor h] + (h - floor h) (x[ceil h] - x[floor h])`.
    pub fn quantile(&self, numerator: u32, denominator: u32) -> Scalar {
        let position = (self.count() - 1) * i64::from(numerator);
        let low = position.floor_divide(denominator);
        let high = (&position + i64::from(denominator) - 1).floor_divide(denominator);
        let rest = position - low.clone() * i64::from(denominator);
        let (below, above) = (self.at_rank(&low), self.at_rank(&high));
        (&below * i64::from(denominator) + (above - &below) * rest) / i64::from(denominator)
    }

    /// Minimum, quartiles and maximum.
    pub fn five_numbers(&self) -> Record {
        Record::new([
            ("min", self.min()),
            ("q1", self.quantile(1, 4)),
            ("median", self.median()),
            ("q3", self.quantile(3, 4)),
            ("max", self.max()),
        ])
    }

    /// The largest value less the smallest.
    pub fn range_width(&self) -> Scalar {
        self.max() - self.min()
    }

    /// The median of the distances from the median.
    pub fn median_absolute_deviation(&self) -> Scalar {
        (&(self * 2) - &self.twice_median()).abs().twice_median() / 4
    }

    /// The mean without the smallest and the largest `numerator / denominator` of the values.
    pub fn trimmed_mean(&self, numerator: u32, denominator: u32) -> Scalar {
        let n = self.count();
        let cut = (&n * i64::from(numerator)).floor_divide(denominator);
        let ordered = self.sorted();
        let position = ordered.index();
        let kept = &position.more_scalar(&(&cut - 1)) & &position.less_scalar(&(&n - &cut));
        ordered.filter(&kept).sum() / (n - cut * 2)
    }

    /// How many values are at least each of `thresholds`.
    pub fn counts_from(&self, thresholds: &[(String, Scalar)]) -> Record {
        let mut record = Record::default();
        for (label, threshold) in thresholds {
            record.push(label, (!&self.less_scalar(threshold)).sum());
        }
        record
    }

    /// The Gini coefficient of values that are not negative: 0 if all are equal, near 1 if one holds everything.
    ///
    /// With values in ascending order, `(2 * sum i x_i - (n + 1) * sum x) / (n * sum x)`, i from 1 to n.
    pub fn gini(&self) -> Scalar {
        let (n, total) = (self.count(), self.sum());
        let ordered = self.sorted();
        (ordered.dot(&ordered.index()) * 2 - (&n - 1) * &total) / (n * total)
    }

    /// The Lorenz curve: which share of the total the poorest `k / points` of the rows hold, for `k` from 1 to
    /// `points - 1`. (At 0 it is 0, at `points` it is 1.)
    ///
    /// Each step from a point to the next is a group of its own, because two neighbouring points tell what it holds.
    pub fn lorenz(&self, points: u32) -> Record {
        let (n, total) = (self.count(), self.sum());
        let ordered = self.sorted();
        let poorer = |point: u32| ordered.index().less_scalar(&(&n * i64::from(point)).floor_divide(points));
        let mut record = Record::default();
        let mut held: Option<Scalar> = None;
        for point in 1..points {
            let step = if point == 1 { poorer(1) } else { &poorer(point) & &!&poorer(point - 1) };
            let step = ordered.filter(&step).sum();
            let sum = held.map_or_else(|| step.clone(), |held| held + &step);
            record.push(format!("{point}/{points}"), &sum / &total);
            held = Some(sum);
        }
        record
    }
}
