//! Means, variances and what follows from sums of products.

use super::Record;
use crate::build::{Column, Scalar};
use crate::check::FIELD_BITS;
use crate::plan::Decimal;

impl Column {
    /// The arithmetic mean, `sum / n`.
    pub fn mean(&self) -> Scalar {
        self.sum() / self.count()
    }

    /// The share of rows for which a boolean column holds.
    pub fn proportion(&self) -> Scalar {
        self.mean()
    }

    /// `n * sum (x - mean)(y - mean) = n * sum xy - sum x * sum y`: what variances, covariances and slopes are
    /// ratios of. It does not depend on where zero is, so the columns are centred to keep the numbers small.
    pub fn codeviation(&self, other: &Self) -> Scalar {
        let (x, y) = (self.where_present(other), other.where_present(self));
        let n = x.count();
        let sums = (x.sum() - x.middle() * &n) * (y.sum() - y.middle() * &n);
        n * x.centred().dot(&y.centred()) - sums
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

    /// Pearson's correlation, from -1 to 1.
    pub fn correlation(&self, other: &Self) -> Scalar {
        let (x, y) = (self.where_present(other), other.where_present(self));
        x.codeviation(&y) / x.codeviation(&x).sqrt() / y.codeviation(&y).sqrt()
    }

    /// Spearman's correlation: Pearson's, of the ranks, with ties sharing.
    pub fn rank_correlation(&self, other: &Self) -> Scalar {
        let ranks = |column: Self| &column.rank(false) + &column.rank(true);
        ranks(self.where_present(other)).correlation(&ranks(other.where_present(self)))
    }

    /// The mean of values that count as often as `weights` says, `sum wx / sum w`.
    pub fn weighted_mean(&self, weights: &Self) -> Scalar {
        self.dot(weights) / weights.where_present(self).sum()
    }

    /// The variance of a population whose values count as often as `weights` says,
    /// `sum w (x - mean)^2 / sum w = (sum w * sum wx^2 - (sum wx)^2) / (sum w)^2`.
    pub fn weighted_variance(&self, weights: &Self) -> Scalar {
        let (x, w) = (self.where_present(weights).centred(), weights.where_present(self));
        let (total, weighted) = (w.sum(), &x * &w);
        let deviation = &total * x.dot(&weighted) - weighted.sum().square();
        deviation / &total / total
    }

    /// The geometric mean of positive numbers, `exp(mean of log x)`.
    pub fn geometric_mean(&self) -> Scalar {
        let log2 = self.log2();
        // The natural logarithm of 2, to more digits than results have.
        let ln2 = Decimal::new(693_147_180_559_945_309_417_232_121_458_i128, 30);
        let mean = (&(log2.sum() / self.count()) * &ln2).exp();
        Scalar::new(self.program(), mean.node(), self.unit().cloned())
    }

    /// The harmonic mean of positive numbers, `n / sum 1/x`.
    pub fn harmonic_mean(&self) -> Scalar {
        self.count() / self.reciprocal().sum()
    }

    /// Skewness and kurtosis of a population, with the sums of powers behind them.
    ///
    /// With `m_k` the mean of `(x - mean)^k`: skewness `m_3 / m_2^(3/2)`, excess kurtosis `m_4 / m_2^2 - 3`. Columns so
    /// wide that the sum of fourth powers could leave the field are coarsened first: both numbers do not depend on
    /// the scale, and the bound on their error grows by what the low bits could change.
    pub fn shape(&self) -> Record {
        let x = self.fourth_power_fits().centred();
        let n = x.count();
        let square = &x * &x;
        let [s1, s2, s3, s4] = [x.sum(), x.dot(&x), x.dot(&square), square.dot(&square)];
        let mean = &s1 / &n;
        let [m2, m3, m4] = [&s2 / &n, &s3 / &n, &s4 / &n];
        // Moments about the mean from moments about zero.
        let c2 = &m2 - mean.square();
        let c3 = &m3 - &mean * &m2 * 3 + mean.square() * &mean * 2;
        let c4 = m4 - &mean * m3 * 4 + mean.square() * m2 * 6 - mean.square().square() * 3;
        let skewness = c3 / &c2 / c2.sqrt();
        let kurtosis = c4 / c2.square() - 3;
        let plain = |of: &Scalar| Scalar::new(self.program(), of.node(), None);
        Record::new([
            ("skewness", plain(&skewness)),
            ("kurtosis", plain(&kurtosis)),
            ("n", n),
            ("sum_1", plain(&s1)),
            ("sum_2", plain(&s2)),
            ("sum_3", plain(&s3)),
            ("sum_4", plain(&s4)),
        ])
    }

    fn fourth_power_fits(&self) -> Self {
        let rows = self.max_rows();
        let budget = (FIELD_BITS - u64::from(u64::BITS - rows.leading_zeros())) / 4;
        // Centring takes one bit.
        let width = u64::from(self.of().range.subtract(&self.of().range).width()) - 1;
        let excess = width.saturating_sub(budget + 1) as u32;
        if excess == 0 { self.clone() } else { self.coarsen(excess) }
    }
}
