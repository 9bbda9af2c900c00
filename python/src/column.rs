//! Columns.

use crate::convert::{Operand, checked, fraction, operand, scalar, secret};
use crate::record::{self, Record};
use crate::scalar::{self, Scalar};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::PyList;
use stats::build;

/// A column of a data set, or one computed from columns: one value a provider, known to nobody.
///
/// Operators and method names follow pandas. Missing values count in no aggregate.
#[pyclass(unsendable, module = "mpcstats")]
pub struct Column {
    /// The column.
    pub inner: build::Column,
}

/// Wraps a column, raising the program's refusal if there was one.
pub fn wrap(inner: build::Column) -> PyResult<Column> {
    let program = inner.program().clone();
    checked(&program, Column { inner })
}

type OfColumns = fn(&build::Column, &build::Column) -> build::Column;
type OfScalar = fn(&build::Column, &build::Scalar) -> build::Column;

impl Column {
    fn combine(&self, other: &Bound<'_, PyAny>, columns: OfColumns, scalars: OfScalar) -> PyResult<Self> {
        match operand(self.inner.program(), other)? {
            Operand::Column(other) => wrap(columns(&self.inner, &other)),
            Operand::Scalar(other) => wrap(scalars(&self.inner, &other)),
            Operand::Label(_) => Err(PyTypeError::new_err("a label can only be compared with == and !=")),
        }
    }

    fn logic(&self, other: &Bound<'_, PyAny>, columns: OfColumns) -> PyResult<Self> {
        match operand(self.inner.program(), other)? {
            Operand::Column(other) => wrap(columns(&self.inner, &other)),
            _ => Err(PyTypeError::new_err("&, | and ^ combine boolean columns; put comparisons in brackets")),
        }
    }
}

#[pymethods]
impl Column {
    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.combine(other, |a, b| a + b, |a, b| a + b)
    }

    fn __radd__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__add__(other)
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.combine(other, |a, b| a - b, |a, b| a - b)
    }

    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.combine(other, |a, b| b - a, |a, b| b - a)
    }

    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.combine(other, |a, b| a * b, |a, b| a * b)
    }

    fn __rmul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__mul__(other)
    }

    fn __truediv__(&self, _other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Err(PyTypeError::new_err("columns are exact and cannot be divided; divide aggregates, or multiply"))
    }

    fn __pow__(&self, power: u32, _modulus: Option<u32>) -> PyResult<Self> {
        if !(1..=8).contains(&power) {
            return Err(PyTypeError::new_err("powers from 1 to 8 can be computed"));
        }
        wrap((1..power).fold(self.inner.clone(), |product, _| &product * &self.inner))
    }

    fn __neg__(&self) -> PyResult<Self> {
        wrap(-&self.inner)
    }

    fn __abs__(&self) -> PyResult<Self> {
        wrap(self.inner.abs())
    }

    fn __and__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.logic(other, |a, b| a & b)
    }

    fn __or__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.logic(other, |a, b| a | b)
    }

    fn __xor__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.logic(other, |a, b| a ^ b)
    }

    fn __invert__(&self) -> PyResult<Self> {
        wrap(!&self.inner)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, compare: CompareOp) -> PyResult<Self> {
        let this = &self.inner;
        let not = |column: build::Column| !&column;
        wrap(match (operand(this.program(), other)?, compare) {
            (Operand::Label(label), CompareOp::Eq) => this.is(&label),
            (Operand::Label(label), CompareOp::Ne) => not(this.is(&label)),
            (Operand::Label(_), _) => return Err(PyTypeError::new_err("labels have no order")),
            (Operand::Column(other), CompareOp::Lt) => this.less(&other),
            (Operand::Column(other), CompareOp::Gt) => other.less(this),
            (Operand::Column(other), CompareOp::Le) => not(other.less(this)),
            (Operand::Column(other), CompareOp::Ge) => not(this.less(&other)),
            (Operand::Column(other), CompareOp::Eq) => this.equals(&other),
            (Operand::Column(other), CompareOp::Ne) => not(this.equals(&other)),
            (Operand::Scalar(other), CompareOp::Lt) => this.less_scalar(&other),
            (Operand::Scalar(other), CompareOp::Gt) => this.more_scalar(&other),
            (Operand::Scalar(other), CompareOp::Le) => not(this.more_scalar(&other)),
            (Operand::Scalar(other), CompareOp::Ge) => not(this.less_scalar(&other)),
            (Operand::Scalar(other), CompareOp::Eq) => this.equals_scalar(&other),
            (Operand::Scalar(other), CompareOp::Ne) => not(this.equals_scalar(&other)),
        })
    }

    fn __hash__(&self) -> isize {
        std::ptr::from_ref(self) as isize
    }

    /// `column[condition]`: the rows where the condition holds.
    fn __getitem__(&self, condition: &Bound<'_, PyAny>) -> PyResult<Self> {
        match operand(self.inner.program(), condition) {
            Ok(Operand::Column(condition)) => wrap(self.inner.filter(&condition)),
            _ => Err(secret("single rows cannot be read", "select rows by a condition: column[column > 5]")),
        }
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(secret(
            "a program cannot branch on secrets",
            "choose values with ms.where(condition, a, b), combine conditions with &, | and ~",
        ))
    }

    fn __iter__(&self) -> PyResult<()> {
        Err(secret("a program cannot loop over secret rows", "use operators and methods on whole columns"))
    }

    fn __len__(&self) -> PyResult<usize> {
        Err(secret("the number of rows is not known while the program is traced", "use .count()"))
    }

    fn __repr__(&self) -> String {
        format!("<mpcstats.Column: {}>", self.inner.of().describe())
    }

    /// The rows where `condition` holds.
    #[pyo3(name = "where")]
    fn filter(&self, condition: &Self) -> PyResult<Self> {
        wrap(self.inner.filter(&condition.inner))
    }

    /// Every row, with `value` where one is missing.
    fn fillna(&self, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        wrap(self.inner.fill(&scalar(self.inner.program(), value)?))
    }

    /// Where a value is present.
    fn notna(&self) -> PyResult<Self> {
        wrap(self.inner.is_present())
    }

    /// Where a value is missing.
    fn isna(&self) -> PyResult<Self> {
        wrap(!&self.inner.is_present())
    }

    /// Whether the value is one of `values`.
    fn isin(&self, values: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut any: Option<build::Column> = None;
        for value in &values {
            let one = self.__richcmp__(value, CompareOp::Eq)?.inner;
            any = Some(any.map_or(one.clone(), |any| &any | &one));
        }
        any.map_or_else(|| Err(PyValueError::new_err("isin needs at least one value")), wrap)
    }

    /// The values, no smaller than `lower` and no larger than `upper`.
    #[pyo3(signature = (lower=None, upper=None))]
    fn clip(&self, lower: Option<&Bound<'_, PyAny>>, upper: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let program = self.inner.program();
        let mut clipped = self.inner.clone();
        if let Some(lower) = lower {
            let lower = scalar(program, lower)?;
            clipped = clipped.less_scalar(&lower).choose(&clipped.constant(&lower), &clipped);
        }
        if let Some(upper) = upper {
            let upper = scalar(program, upper)?;
            clipped = clipped.more_scalar(&upper).choose(&clipped.constant(&upper), &clipped);
        }
        wrap(clipped)
    }

    /// The absolute values.
    fn abs(&self) -> PyResult<Self> {
        wrap(self.inner.abs())
    }

    /// How many rows have a value.
    fn count(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.count())
    }

    /// The sum; of a boolean column, how many rows hold.
    fn sum(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.sum())
    }

    /// The arithmetic mean.
    fn mean(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.mean())
    }

    /// The median.
    fn median(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.median())
    }

    /// The most frequent value, the smallest if several are.
    fn mode(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.mode())
    }

    /// The smallest value.
    fn min(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.min())
    }

    /// The largest value.
    fn max(&self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.max())
    }

    /// The variance, over `n - ddof`: 1 for a sample, 0 for a population.
    #[pyo3(signature = (ddof=1))]
    fn var(&self, ddof: u32) -> PyResult<Scalar> {
        scalar::wrap(self.inner.variance(population(ddof)?))
    }

    /// The standard deviation, over `n - ddof`: 1 for a sample, 0 for a population.
    #[pyo3(signature = (ddof=1))]
    fn std(&self, ddof: u32) -> PyResult<Scalar> {
        scalar::wrap(self.inner.standard_deviation(population(ddof)?))
    }

    /// The standard error of the mean.
    fn sem(&self) -> PyResult<Scalar> {
        scalar::wrap((self.inner.variance(false) / self.inner.count()).sqrt())
    }

    /// The covariance with another column.
    #[pyo3(signature = (other, ddof=1))]
    fn cov(&self, other: &Self, ddof: u32) -> PyResult<Scalar> {
        scalar::wrap(self.inner.covariance(&other.inner, population(ddof)?))
    }

    /// The correlation with another column: `"pearson"` or `"spearman"`.
    #[pyo3(signature = (other, method="pearson"))]
    fn corr(&self, other: &Self, method: &str) -> PyResult<Scalar> {
        scalar::wrap(match method {
            "pearson" => self.inner.correlation(&other.inner),
            "spearman" => self.inner.rank_correlation(&other.inner),
            _ => return Err(PyValueError::new_err("method is \"pearson\" or \"spearman\"")),
        })
    }

    /// The sum of products with another column.
    fn dot(&self, other: &Self) -> PyResult<Scalar> {
        scalar::wrap(self.inner.dot(&other.inner))
    }

    /// The quantile at `q` from 0 to 1 (a number, or a list of them), between neighbours in proportion.
    #[pyo3(signature = (q=None))]
    fn quantile(&self, q: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let Some(q) = q else {
            return Python::attach(|py| Ok(self.median()?.into_pyobject(py)?.into_any().unbind()));
        };
        let py = q.py();
        let Ok(list) = q.cast::<PyList>() else {
            let (numerator, denominator) = fraction(q)?;
            let value = scalar::wrap(self.inner.quantile(numerator, denominator))?;
            return Ok(value.into_pyobject(py)?.into_any().unbind());
        };
        let mut entries = Vec::new();
        for q in list {
            let (numerator, denominator) = fraction(&q)?;
            let value = scalar::wrap(self.inner.quantile(numerator, denominator))?;
            entries.push((vec![q.str()?.to_string()], value.inner));
        }
        Ok(Record { entries }.into_pyobject(py)?.into_any().unbind())
    }

    /// Minimum, quartiles and maximum.
    fn five_numbers(&self) -> PyResult<Record> {
        record::wrap(&self.inner.five_numbers())
    }

    /// Count, mean, standard deviation and the five numbers.
    fn describe(&self) -> PyResult<Record> {
        let mut record = record::wrap(&self.inner.five_numbers())?;
        let column = &self.inner;
        let head =
            [("count", column.count()), ("mean", column.mean()), ("std", column.standard_deviation(false))];
        let head = head.into_iter().map(|(label, value)| (vec![label.to_owned()], value));
        record.entries.splice(0..0, head);
        Ok(record)
    }

    /// The values in ascending order, for formulas with ranks.
    fn sort_values(&self) -> PyResult<Self> {
        wrap(self.inner.sorted())
    }

    /// 0, 1, 2, … beside a sorted column.
    fn index(&self) -> PyResult<Self> {
        wrap(self.inner.index())
    }

    /// Running totals of a sorted column.
    fn cumsum(&self) -> PyResult<Self> {
        wrap(self.inner.cumulative_sum())
    }

    /// The ranks, counted from 1. Ties all have their `"min"` or their `"max"`; the mean of both is the average rank.
    #[pyo3(signature = (method="min"))]
    fn rank(&self, method: &str) -> PyResult<Self> {
        wrap(match method {
            "min" => &self.inner.rank(false) + 1,
            "max" => &self.inner.rank(true) + 1,
            _ => {
                return Err(PyValueError::new_err(
                    "method is \"min\" or \"max\"; their mean is the average rank",
                ));
            }
        })
    }
}

fn population(ddof: u32) -> PyResult<bool> {
    match ddof {
        0 => Ok(true),
        1 => Ok(false),
        _ => Err(PyValueError::new_err("ddof is 0 (a population) or 1 (a sample)")),
    }
}
