//! Statistics as functions, named as in Python's `statistics` and in scipy where these have them.

use crate::column::Column;
use crate::convert::{decimal, fraction, operand, scalar};
use crate::record::{self, Record};
use crate::scalar::{self, Scalar};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use stats::build;
use stats::library;

macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident = $function:expr;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            fn $name(x: &Column) -> PyResult<Scalar> {
                let function: fn(&build::Column) -> build::Scalar = $function;
                scalar::wrap(function(&x.inner))
            }
        )*
    };
}

scalars! {
    /// The arithmetic mean.
    mean = build::Column::mean;
    /// The median.
    median = build::Column::median;
    /// The most frequent value, the smallest if several are.
    mode = build::Column::mode;
    /// The variance of a sample.
    variance = |x| x.variance(false);
    /// The variance of a population.
    pvariance = |x| x.variance(true);
    /// The standard deviation of a sample.
    stdev = |x| x.standard_deviation(false);
    /// The standard deviation of a population.
    pstdev = |x| x.standard_deviation(true);
    /// The range: the largest value less the smallest.
    ptp = build::Column::range_width;
    /// The geometric mean of positive numbers.
    geometric_mean = build::Column::geometric_mean;
    /// The harmonic mean of positive numbers.
    harmonic_mean = build::Column::harmonic_mean;
    /// The skewness of a population: `m_3 / m_2^(3/2)`.
    skew = build::Column::skewness;
    /// The excess kurtosis of a population: `m_4 / m_2^2 - 3`.
    kurtosis = build::Column::kurtosis;
    /// The Gini coefficient of values that are not negative.
    gini = build::Column::gini;
    /// The median of the distances from the median.
    median_abs_deviation = build::Column::median_absolute_deviation;
    /// The share of rows for which a boolean column holds.
    proportion = build::Column::proportion;
}

macro_rules! pairs {
    ($($(#[$doc:meta])* $name:ident($second:ident) = $function:expr;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            fn $name(x: &Column, $second: &Column) -> PyResult<Scalar> {
                let function: fn(&build::Column, &build::Column) -> build::Scalar = $function;
                scalar::wrap(function(&x.inner, &$second.inner))
            }
        )*
    };
}

pairs! {
    /// The covariance of a sample.
    covariance(y) = |x, y| x.covariance(y, false);
    /// Pearson's correlation.
    correlation(y) = build::Column::correlation;
    /// Spearman's correlation: of the ranks, with ties sharing.
    spearmanr(y) = build::Column::rank_correlation;
    /// The mean of values that count as often as `weights` says.
    weighted_mean(weights) = build::Column::weighted_mean;
    /// The variance of a population whose values count as often as `weights` says.
    weighted_variance(weights) = build::Column::weighted_variance;
}

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident($first:ident, $second:ident) = $function:expr;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            fn $name($first: &Column, $second: &Column) -> PyResult<Record> {
                record::wrap(&$function(&$first.inner, &$second.inner))
            }
        )*
    };
}

records! {
    /// A straight line through points, with its errors: slope, intercept, r, r_squared, slope_error, ...
    linear_regression(x, y) = library::linear_regression;
    /// How many rows have each pair of labels.
    crosstab(rows, columns) = library::two_way_table;
    /// The chi-squared test of independence, with the table that it is computed from.
    chi2_contingency(rows, columns) = library::chi_squared_test;
    /// Welch's t-test: whether two samples, of unlike variance, have one mean.
    ttest_ind(a, b) = library::welch_t_test;
    /// The paired t-test: whether the differences of two columns have mean 0.
    ttest_rel(a, b) = library::paired_t_test;
    /// One-way analysis of variance: whether the groups of a category have one mean.
    f_oneway(x, by) = library::anova;
    /// The Mann-Whitney U test: whether values where `group` holds tend to be larger than elsewhere.
    mannwhitneyu(x, group) = library::mann_whitney;
}

/// Skewness and excess kurtosis of a population, and the sums of powers that they follow from.
#[pyfunction]
fn shape(x: &Column) -> PyResult<Record> {
    record::wrap(&x.inner.shape())
}

/// The mean without the smallest and the largest `proportion` of the values.
#[pyfunction]
fn trim_mean(x: &Column, proportion: &Bound<'_, PyAny>) -> PyResult<Scalar> {
    let (numerator, denominator) = fraction(proportion)?;
    scalar::wrap(x.inner.trimmed_mean(numerator, denominator))
}

/// The Lorenz curve: which share of the total the poorest 1/points, 2/points, ... of the rows hold.
#[pyfunction]
#[pyo3(signature = (x, points=10))]
fn lorenz(x: &Column, points: u32) -> PyResult<Record> {
    if !(2..=1000).contains(&points) {
        return Err(PyValueError::new_err("a curve has 2 to 1000 points"));
    }
    record::wrap(&x.inner.lorenz(points))
}

fn labelled(x: &Column, numbers: &[Bound<'_, PyAny>]) -> PyResult<Vec<(String, build::Scalar)>> {
    let program = x.inner.program();
    let labelled = numbers.iter().map(|number| Ok((decimal(number)?.to_string(), scalar(program, number)?)));
    labelled.collect()
}

/// How many values lie between each two neighbours of `bins`, which are edges in ascending order.
#[pyfunction]
fn histogram(x: &Column, bins: Vec<Bound<'_, PyAny>>) -> PyResult<Record> {
    if bins.len() < 2 {
        return Err(PyValueError::new_err("a histogram has at least two edges"));
    }
    record::wrap(&library::histogram(&x.inner, &labelled(x, &bins)?))
}

/// How many values are at least each of `thresholds`.
#[pyfunction]
fn counts_from(x: &Column, thresholds: Vec<Bound<'_, PyAny>>) -> PyResult<Record> {
    record::wrap(&x.inner.counts_from(&labelled(x, &thresholds)?))
}

/// The `n - 1` values that cut the rows into `n` parts, between neighbours in proportion.
#[pyfunction]
#[pyo3(signature = (x, n=4))]
fn quantiles(x: &Column, n: u32) -> PyResult<Record> {
    if !(2..=1000).contains(&n) {
        return Err(PyValueError::new_err("2 to 1000 parts"));
    }
    let entries = (1..n).map(|k| (vec![format!("{k}/{n}")], x.inner.quantile(k, n))).collect();
    let record = Record { entries };
    scalar::wrap(x.inner.count())?;
    Ok(record)
}

/// A linear function of several columns, given by name, by least squares: value, error, t and pvalue of each.
#[pyfunction]
fn multiple_regression(y: &Column, predictors: &Bound<'_, PyDict>) -> PyResult<Record> {
    let mut columns = Vec::new();
    for (name, column) in predictors {
        let column = column.cast::<Column>().map_err(|_| PyTypeError::new_err("predictors are columns"))?;
        columns.push((name.str()?.to_string(), column.borrow().inner.number()));
    }
    if columns.is_empty() || columns.len() > 16 {
        return Err(PyValueError::new_err("1 to 16 predictors"));
    }
    record::wrap(&library::multiple_regression(&columns, &y.inner))
}

fn confidence_or_default(confidence: Option<&Bound<'_, PyAny>>) -> PyResult<stats::plan::Decimal> {
    confidence.map_or_else(|| Ok(stats::plan::Decimal::new(95, 2)), decimal)
}

macro_rules! intervals {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*) = $function:expr;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            #[pyo3(signature = ($($argument,)* confidence=None))]
            fn $name($($argument: &Column,)* confidence: Option<&Bound<'_, PyAny>>) -> PyResult<Record> {
                let confidence = confidence_or_default(confidence)?;
                record::wrap(&$function($(&$argument.inner,)* &confidence))
            }
        )*
    };
}

intervals! {
    /// Student's interval for the mean; confidence 0.95 unless told.
    mean_interval(x) = library::mean_interval;
    /// Welch's interval for the difference of two means; confidence 0.95 unless told.
    difference_interval(a, b) = library::difference_interval;
    /// Wilson's interval for the share of rows that hold; confidence 0.95 unless told.
    proportion_interval(x) = library::proportion_interval;
    /// An interval for the median between two order statistics; confidence 0.95 unless told.
    median_interval(x) = library::median_interval;
}

/// The smaller of two numbers or columns, row by row.
#[pyfunction]
fn minimum(a: &Column, b: &Bound<'_, PyAny>) -> PyResult<Column> {
    pick(a, b, true)
}

/// The larger of two numbers or columns, row by row.
#[pyfunction]
fn maximum(a: &Column, b: &Bound<'_, PyAny>) -> PyResult<Column> {
    pick(a, b, false)
}

fn pick(a: &Column, b: &Bound<'_, PyAny>, smaller: bool) -> PyResult<Column> {
    let a = &a.inner;
    let b = match operand(a.program(), b)? {
        crate::convert::Operand::Column(b) => b,
        crate::convert::Operand::Scalar(b) => a.constant(&b),
        crate::convert::Operand::Label(_) => return Err(PyTypeError::new_err("labels have no order")),
    };
    let less = a.less(&b);
    crate::column::wrap(if smaller { less.choose(a, &b) } else { less.choose(&b, a) })
}

/// Adds every function to the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    macro_rules! add {
        ($($name:ident),*) => { $( module.add_function(wrap_pyfunction!($name, module)?)?; )* };
    }
    add!(mean, median, mode, variance, pvariance, stdev, pstdev, ptp, geometric_mean, harmonic_mean, gini);
    add!(median_abs_deviation, proportion, covariance, correlation, spearmanr, weighted_mean);
    add!(weighted_variance, linear_regression, crosstab, chi2_contingency, ttest_ind, ttest_rel, f_oneway);
    add!(
        skew,
        kurtosis,
        mannwhitneyu,
        shape,
        trim_mean,
        lorenz,
        histogram,
        counts_from,
        quantiles,
        multiple_regression
    );
    add!(mean_interval, difference_interval, proportion_interval, median_interval, minimum, maximum);
    module.add_function(wrap_pyfunction!(scalar::choose, module)?)
}
