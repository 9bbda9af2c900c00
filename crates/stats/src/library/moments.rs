//! Means, variances and what follows from sums of products.

use crate::build::{Column, Scalar};

impl Column {
    /// The arithmetic mean, `sum / n`.
    pub fn mean(&self) -> Scalar {
        self.sum() / self.count()
    }

    /// `n * sum (x - mean)(y - mean) = n * sum xy - sum x * sum y`: what variances, covariances and slopes are
    /// ratios of. It does not depend on where zero is, so the columns are centred to keep the numbers small.
    pub fn codeviation(&self, other: &Self) -> Scalar {
        let (x, y) = (self.where_present(other).centred(), other.where_present(self).centred());
        x.count() * x.dot(&y) - x.sum() * y.sum()
    }

    /// The variance: of a sample, over `n - 1`; of a population, over `n`.
    pub fn variance(&self, population: bool) -> Scalar {
        self.covariance(self, population)
    }

    /// The standard deviation of a sample or of a population.
    pub fn standard_deviation(&self, population: bool) -> Scalar {
        self.variance(population).sqrt()
    }

    /// The covariance of a sample or of a population.
    pub fn covariance(&self, other: &Self, population: bool) -> Scalar {
        let n = self.where_present(other).count();
        self.codeviation(other) / (&n * (&n - i64::from(!population)))
    }
}
