//! Tests of hypotheses. Each publishes what its statistic is computed from.

use super::{Record, tables::groups, two_way_table};
use crate::build::{Column, Scalar};
use crate::plan::{Family, Tail};

/// Size, mean and variance of a sample: what tests of means are made of.
pub(super) struct Sample {
    pub n: Scalar,
    pub mean: Scalar,
    pub variance: Scalar,
}

impl Sample {
    pub(super) fn of(column: &Column) -> Self {
        Self { n: column.count(), mean: column.mean(), variance: column.variance(false) }
    }

    pub(super) fn squared_error(&self) -> Scalar {
        &self.variance / &self.n
    }

    pub(super) fn record(&self) -> Record {
        Record::new([("n", self.n.clone()), ("mean", self.mean.clone()), ("variance", self.variance.clone())])
    }
}

fn t_test(statistic: Scalar, freedom: Scalar) -> Record {
    let p = statistic.distribution(Family::StudentT, Tail::TwoSided, &[&freedom]);
    Record::new([("statistic", statistic), ("df", freedom), ("pvalue", p)])
}

/// Welch's degrees of freedom, `(a + b)^2 / (a^2 / (n_a - 1) + b^2 / (n_b - 1))` with squared errors `a`, `b`.
pub(super) fn welch_freedom(a: &Sample, b: &Sample) -> Scalar {
    let (ea, eb) = (a.squared_error(), b.squared_error());
    (&ea + &eb).square() / (ea.square() / (&a.n - 1) + eb.square() / (&b.n - 1))
}

/// Welch's t-test: whether two samples, of unlike variance, have one mean. Two-sided.
pub fn welch_t_test(a: &Column, b: &Column) -> Record {
    let (a, b) = (Sample::of(a), Sample::of(b));
    let statistic = (&a.mean - &b.mean) / (a.squared_error() + b.squared_error()).sqrt();
    let mut record = t_test(statistic, welch_freedom(&a, &b));
    record.nest("a", a.record());
    record.nest("b", b.record());
    record
}

/// The paired t-test: whether the differences of two columns have mean 0. Two-sided.
pub fn paired_t_test(a: &Column, b: &Column) -> Record {
    let difference = Sample::of(&(a - b));
    let statistic = &difference.mean / difference.squared_error().sqrt();
    let mut record = t_test(statistic, &difference.n - 1);
    record.nest("difference", difference.record());
    record
}

/// One-way analysis of variance: whether the groups of a category have one mean.
pub fn anova(of: &Column, by: &Column) -> Record {
    let samples: Vec<_> =
        groups(by).into_iter().map(|(label, rows)| (label, Sample::of(&of.filter(&rows)))).collect();
    let program = of.program();
    let zero = || program.constant(0);
    let total = |value: &dyn Fn(&Sample) -> Scalar| {
        samples.iter().fold(zero(), |total, (_, sample)| total + value(sample))
    };
    let n = total(&|sample| sample.n.clone());
    let mean = total(&|sample| &sample.n * &sample.mean) / &n;
    let between = total(&|sample| &sample.n * (&sample.mean - &mean).square());
    let within = total(&|sample| (&sample.n - 1) * &sample.variance);
    let groups = samples.len() as i64;
    let (above, below) = (program.constant(groups - 1), &n - groups);
    let statistic = (between / &above) / (within / &below);
    let p = statistic.distribution(Family::F, Tail::Above, &[&above, &below]);
    let mut record =
        Record::new([("statistic", statistic), ("df_between", above), ("df_within", below), ("pvalue", p)]);
    for (label, sample) in &samples {
        record.nest(label, sample.record());
    }
    record
}

/// The chi-squared test of independence of two categories, with the table that it is computed from.
///
/// `n * (sum O^2 / (R C) - 1)` over the cells, with observed count `O` and totals `R`, `C` of its row and column.
pub fn chi_squared_test(rows: &Column, columns: &Column) -> Record {
    let table = two_way_table(rows, columns);
    let cell = |row: &str, column: &str| {
        let cell = table.entries().iter().find(|(path, _)| path[0] == row && path[1] == column);
        cell.map_or_else(|| rows.program().constant(0), |(_, count)| count.clone())
    };
    let labels = |of: &Column| groups(of).into_iter().map(|(label, _)| label).collect::<Vec<_>>();
    let (row_labels, column_labels) = (labels(rows), labels(columns));
    let sum = |counts: Vec<Scalar>| counts.into_iter().reduce(|a, b| a + b);
    let zero = || rows.program().constant(0);
    let row_total = |r: &str| sum(column_labels.iter().map(|c| cell(r, c)).collect()).unwrap_or_else(zero);
    let column_total = |c: &str| sum(row_labels.iter().map(|r| cell(r, c)).collect()).unwrap_or_else(zero);
    let n = sum(row_labels.iter().map(|r| row_total(r)).collect()).unwrap_or_else(zero);
    let mut parts = zero();
    for r in &row_labels {
        for c in &column_labels {
            parts = parts + cell(r, c).square() / (row_total(r) * column_total(c));
        }
    }
    let statistic = n * (parts - 1);
    let freedom = (row_labels.len() as i64 - 1) * (column_labels.len() as i64 - 1);
    let freedom = rows.program().constant(freedom);
    let p = statistic.distribution(Family::ChiSquared, Tail::Above, &[&freedom]);
    let mut record = Record::new([("statistic", statistic), ("df", freedom), ("pvalue", p)]);
    record.nest("table", table);
    record
}

/// The Mann-Whitney U test: whether values of one group tend to be larger than the other's. Two-sided, by the normal
/// approximation with ties and without correction for continuity.
///
/// `of` holds the values; `group` tells the first group from the second. `U = R - n_1 (n_1 + 1) / 2` with `R` the sum
/// of the first group's ranks.
pub fn mann_whitney(of: &Column, group: &Column) -> Record {
    let (of, group) = (of.where_present(group), group.where_present(of));
    let (low, high) = (of.rank(false), of.rank(true));
    let (first, n) = (group.sum(), of.count());
    let second = &n - &first;
    // Ranks counted from 1 are (low + high) / 2 + 1.
    let doubled = &(&low + &high) + 2;
    let twice_u = doubled.filter(&group).sum() - &first * (&first + 1);
    // Over the ties of t values, sum t^3 - t = the sum of t^2 - 1 over the rows.
    let others = &high - &low;
    let ties = others.dot(&(&others + 2));
    let mean = &first * &second / 2;
    let u = &twice_u / 2;
    let spread = (&n + 1) - &ties / (&n * (&n - 1));
    let deviation = (&first * &second * spread / 12).sqrt();
    let z = (&u - mean) / deviation;
    let p = z.distribution(Family::Normal, Tail::TwoSided, &[]);
    Record::new([("statistic", u), ("z", z), ("pvalue", p), ("n", n), ("n_first", first), ("ties", ties)])
}
