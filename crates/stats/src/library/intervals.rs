//! Confidence intervals. Each publishes what its ends are computed from.

use num_bigint::BigInt;

use super::Record;
use super::hypothesis::{Sample, welch_freedom};
use crate::build::{Column, Program, Scalar};
use crate::number::Number;
use crate::plan::{Decimal, Family, Tail};

/// The probability below the upper end of a two-sided interval.
fn upper(program: &Program, confidence: &Decimal) -> Scalar {
    (&program.decimal(confidence) + 1) / 2
}

fn around(centre: &Scalar, margin: &Scalar) -> Record {
    Record::new([("low", centre - margin), ("high", centre + margin)])
}

/// Student's interval for the mean.
pub fn mean_interval(of: &Column, confidence: &Decimal) -> Record {
    let sample = Sample::of(of);
    let freedom = &sample.n - 1;
    let t = upper(of.program(), confidence).distribution(Family::StudentT, Tail::Quantile, &[&freedom]);
    let mut record = around(&sample.mean, &(sample.squared_error().sqrt() * t));
    record.nest("sample", sample.record());
    record
}

/// Welch's interval for the difference of two means.
pub fn difference_interval(a: &Column, b: &Column, confidence: &Decimal) -> Record {
    let (program, a, b) = (a.program(), Sample::of(a), Sample::of(b));
    let freedom = welch_freedom(&a, &b);
    let t = upper(program, confidence).distribution(Family::StudentT, Tail::Quantile, &[&freedom]);
    let margin = (a.squared_error() + b.squared_error()).sqrt() * t;
    let mut record = around(&(&a.mean - &b.mean), &margin);
    record.nest("a", a.record());
    record.nest("b", b.record());
    record
}

/// Wilson's interval for the share of rows for which a boolean column holds.
///
/// With share `p` and normal quantile `z`: `(p + z^2 / 2n ± z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`.
pub fn proportion_interval(of: &Column, confidence: &Decimal) -> Record {
    let (program, n, p) = (of.program(), of.count(), of.proportion());
    let z = upper(program, confidence).distribution(Family::Normal, Tail::Quantile, &[]);
    let z2 = z.square();
    let scale = &z2 / &n + 1;
    let centre = (&p + &z2 / (&n * 2)) / &scale;
    let inner = &p * (program.constant(1) - &p) / &n + z2 / (n.square() * 4);
    let mut record = around(&centre, &(z * inner.sqrt() / scale));
    record.push("n", n);
    record.push("proportion", p);
    record
}

/// An interval for the median between two order statistics: the values at ranks `(n ± z sqrt n) / 2`, moved outwards
/// to whole ranks, by the normal approximation of how many values lie below the median.
pub fn median_interval(of: &Column, confidence: &Decimal) -> Record {
    let (program, n) = (of.program(), of.count());
    let z = upper(program, confidence).distribution(Family::Normal, Tail::Quantile, &[]);
    let low = if of.is_masked() {
        rank_of_low_end(&n, of.max_rows(), confidence)
    } else {
        ((&n - z * n.sqrt()) / 2).floor().maximum(&program.constant(0))
    };
    let high = &n - 1 - &low;
    let mut record =
        Record::new([("low", of.at_rank(&low)), ("high", of.at_rank(&high)), ("median", of.median())]);
    if of.is_masked() {
        record.push("n", n);
    }
    record
}

/// `floor((n - z sqrt n) / 2)`, and at least 0, of a secret count: the largest `k` with `n - 2 k >= z sqrt n`, found
/// bit by bit in whole numbers. The square of `z` has twelve digits after the dot here.
fn rank_of_low_end(n: &Scalar, rows: u64, confidence: &Decimal) -> Scalar {
    let program = n.program();
    let least = program.decimal(&squared_quantile(confidence)) * n;
    let mut rank = program.constant(0);
    for bit in (0..rows.max(1).ilog2()).rev() {
        let next = &rank + (1 << bit);
        let left = (n - &next * 2).maximum(&program.constant(0));
        rank = left.square().less(&least).select(&rank, &next);
    }
    rank
}

/// The square of the normal quantile that a two-sided interval of this confidence takes.
fn squared_quantile(confidence: &Decimal) -> Decimal {
    let one = BigInt::from(10).pow(confidence.scale());
    let upper = Number::ratio(confidence.units() + &one, one * 2);
    let z = upper.distribution(Family::Normal, Tail::Quantile, &[]).approximate().map_or(0.0, |(z, _)| z);
    Decimal::new((z * z * 1e12).round() as i128, 12)
}
