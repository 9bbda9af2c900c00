//! Scalars.

use crate::column::{self, Column};
use crate::convert::{Operand, checked, operand, scalar, secret};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use stats::build;

/// One number (or truth) that a program computes. Nobody knows it yet: it is named in the program's result, or
/// used in further formulas.
#[pyclass(unsendable, module = "mpcstats")]
pub struct Scalar {
    /// The scalar.
    pub inner: build::Scalar,
}

/// Wraps a scalar, raising the program's refusal if there was one.
pub fn wrap(inner: build::Scalar) -> PyResult<Scalar> {
    let program = inner.program().clone();
    checked(&program, Scalar { inner })
}

impl Scalar {
    fn combine(
        &self,
        other: &Bound<'_, PyAny>,
        swap: bool,
        scalars: fn(&build::Scalar, &build::Scalar) -> build::Scalar,
        columns: Option<fn(&build::Scalar, &build::Column) -> build::Column>,
    ) -> PyResult<Py<PyAny>> {
        let py = other.py();
        match (operand(self.inner.program(), other)?, columns) {
            (Operand::Scalar(other), _) => {
                let (left, right) = if swap { (&other, &self.inner) } else { (&self.inner, &other) };
                Ok(wrap(scalars(left, right))?.into_pyobject(py)?.into_any().unbind())
            }
            (Operand::Column(other), Some(columns)) => {
                Ok(column::wrap(columns(&self.inner, &other))?.into_pyobject(py)?.into_any().unbind())
            }
            _ => Err(PyTypeError::new_err("these do not go together")),
        }
    }
}

#[pymethods]
impl Scalar {
    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, false, |a, b| a + b, Some(|a, b| a + b))
    }

    fn __radd__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, true, |a, b| a + b, None)
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, false, |a, b| a - b, Some(|a, b| a - b))
    }

    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, true, |a, b| a - b, None)
    }

    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, false, |a, b| a * b, Some(|a, b| a * b))
    }

    fn __rmul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, true, |a, b| a * b, None)
    }

    fn __truediv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, false, |a, b| a / b, None)
    }

    fn __rtruediv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.combine(other, true, |a, b| a / b, None)
    }

    fn __floordiv__(&self, divisor: u32) -> PyResult<Self> {
        wrap(self.inner.floor_divide(divisor))
    }

    fn __pow__(&self, power: u32, _modulus: Option<u32>) -> PyResult<Self> {
        if !(1..=16).contains(&power) {
            return Err(PyTypeError::new_err("powers from 1 to 16 can be computed"));
        }
        let product = (1..power).fold(self.inner.clone(), |product, _| product * &self.inner);
        wrap(product)
    }

    fn __neg__(&self) -> PyResult<Self> {
        wrap(-&self.inner)
    }

    fn __invert__(&self) -> PyResult<Self> {
        wrap(self.inner.negate())
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, compare: CompareOp) -> PyResult<Self> {
        let other = scalar(self.inner.program(), other)?;
        wrap(match compare {
            CompareOp::Lt => self.inner.less(&other),
            CompareOp::Gt => other.less(&self.inner),
            CompareOp::Le => other.less(&self.inner).negate(),
            CompareOp::Ge => self.inner.less(&other).negate(),
            CompareOp::Eq => self.inner.equals(&other),
            CompareOp::Ne => self.inner.equals(&other).negate(),
        })
    }

    fn __hash__(&self) -> isize {
        self.inner.node().index() as isize
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(secret(
            "a program cannot branch on a secret",
            "choose between two values with ms.where(condition, a, b)",
        ))
    }

    fn __float__(&self) -> PyResult<f64> {
        Err(secret("this number is not known while the program is traced", "return it from the program"))
    }

    fn __repr__(&self) -> String {
        format!("<mpcstats.Scalar {}>", self.inner.node())
    }

    /// The square root.
    fn sqrt(&self) -> PyResult<Self> {
        wrap(self.inner.sqrt())
    }

    /// The natural logarithm.
    fn log(&self) -> PyResult<Self> {
        wrap(self.inner.log())
    }

    /// e to this power.
    fn exp(&self) -> PyResult<Self> {
        wrap(self.inner.exp())
    }
}

/// `then` where `condition` holds, else `otherwise`: of scalars or of columns.
#[pyfunction]
#[pyo3(name = "where")]
pub fn choose(
    condition: &Bound<'_, PyAny>,
    then: &Bound<'_, PyAny>,
    otherwise: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    let py = condition.py();
    if let Ok(condition) = condition.cast::<Scalar>() {
        let condition = condition.borrow();
        let program = condition.inner.program();
        let (then, otherwise) = (scalar(program, then)?, scalar(program, otherwise)?);
        return Ok(wrap(condition.inner.select(&then, &otherwise))?.into_pyobject(py)?.into_any().unbind());
    }
    let condition = condition.cast::<Column>().map_err(|_| {
        PyTypeError::new_err("the condition of ms.where is a comparison of columns or scalars")
    })?;
    let condition = condition.borrow().inner.clone();
    let program = condition.program();
    let column = |value| match operand(program, value)? {
        Operand::Column(column) => Ok(column),
        Operand::Scalar(value) => Ok(condition.constant(&value)),
        Operand::Label(_) => Err(PyTypeError::new_err("ms.where chooses between numbers")),
    };
    let (then, otherwise) = (column(then)?, column(otherwise)?);
    Ok(column::wrap(condition.choose(&then, &otherwise))?.into_pyobject(py)?.into_any().unbind())
}
