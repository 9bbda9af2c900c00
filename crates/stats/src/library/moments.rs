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

    /// The skewness of a population, `m_3 / m_2^(3/2)` with `m_k` the mean of `(x - mean)^k`.
    pub fn skewness(&self) -> Scalar {
        Powers::of(self, 3).skewness()
    }

    /// The excess kurtosis of a population, `m_4 / m_2^2 - 3`.
    pub fn kurtosis(&self) -> Scalar {
        Powers::of(self, 4).kurtosis()
    }

    /// Skewness and kurtosis of a population, with the sums of powers behind them.
    ///
    /// Columns so wide that the sum of fourth powers could leave the field are coarsened first: both numbers do not
    /// depend on the scale, and the bound on their error grows by what the low bits could change.
    pub fn shape(&self) -> Record {
        let powers = Powers::of(self, 4);
        let mut record = Record::new([
            ("skewness", powers.skewness()),
            ("kurtosis", powers.kurtosis()),
            ("n", powers.n.clone()),
        ]);
        for (power, sum) in (1..).zip(&powers.sums) {
            record.push(format!("sum_{power}"), sum.clone());
        }
        record
    }

    /// The column in units of its last place, which ratios of moments do not depend on, without as many low bits as
    /// keep a sum of such powers in the field.
    fn units_for_power(&self, power: u64) -> Self {
        let rows = self.max_rows();
        let budget = (FIELD_BITS - u64::from(u64::BITS - rows.leading_zeros())) / power;
        // Centring takes one bit.
        let width = u64::from(self.of().range.subtract(&self.of().range).width()) - 1;
        self.number().coarsen(width.saturating_sub(budget + 1) as u32)
    }
}

/// Sums of powers of a column about the middle of its range, from the first on. A plan leaves out those it does not use.
struct Powers {
    n: Scalar,
    sums: [Scalar; 4],
}

impl Powers {
    fn of(column: &Column, most: u64) -> Self {
        let x = column.units_for_power(most).centred();
        let square = &x * &x;
        let sums = [x.sum(), x.dot(&x), x.dot(&square), square.dot(&square)];
        Self { n: x.count(), sums }
    }

    /// `n^2 m_2`, a whole number as all of these.
    fn second(&self) -> Scalar {
        &self.n * &self.sums[1] - self.sums[0].square()
    }

    /// `n^3 m_3 = n^2 S_3 - 3 n S_1 S_2 + 2 S_1^3`.
    fn third(&self) -> Scalar {
        let (n, [s1, s2, s3, _]) = (&self.n, &self.sums);
        n.square() * s3 - n * s1 * s2 * 3 + s1.square() * s1 * 2
    }

    /// `n^4 m_4 = n^3 S_4 - 4 n^2 S_1 S_3 + 6 n S_1^2 S_2 - 3 S_1^4`.
    fn fourth(&self) -> Scalar {
        let (n, [s1, s2, s3, s4]) = (&self.n, &self.sums);
        let square = n.square();
        &square * n * s4 - square * s1 * s3 * 4 + n * s1.square() * s2 * 6 - s1.square().square() * 3
    }

    fn skewness(&self) -> Scalar {
        let second = self.second();
        self.third() / &second / second.sqrt()
    }

    fn kurtosis(&self) -> Scalar {
        let square = self.second().square();
        (self.fourth() - &square * 3) / square
    }
}
