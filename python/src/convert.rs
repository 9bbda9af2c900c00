//! Python values as operands, and refusals as Python exceptions.

use crate::column::Column;
use crate::scalar::Scalar;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};
use stats::build::Program;
use stats::plan::Decimal;
use stats::{Code, PlanError, build};

/// What an operator may be given.
pub enum Operand {
    /// A column.
    Column(build::Column),
    /// A scalar, or a number of the program itself.
    Scalar(build::Scalar),
    /// A label of a category.
    Label(String),
}

/// Reads an operand.
pub fn operand(program: &Program, value: &Bound<'_, PyAny>) -> PyResult<Operand> {
    if let Ok(column) = value.cast::<Column>() {
        return Ok(Operand::Column(column.borrow().inner.clone()));
    }
    if let Ok(scalar) = value.cast::<Scalar>() {
        return Ok(Operand::Scalar(scalar.borrow().inner.clone()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Operand::Label(text.to_string()));
    }
    Ok(Operand::Scalar(program.decimal(&decimal(value)?)))
}

/// Reads a scalar, or a number of the program itself.
pub fn scalar(program: &Program, value: &Bound<'_, PyAny>) -> PyResult<build::Scalar> {
    match operand(program, value)? {
        Operand::Scalar(scalar) => Ok(scalar),
        _ => Err(PyTypeError::new_err("a single number is needed here")),
    }
}

/// Reads an `int`, `float` or `Decimal` as the decimal number that it prints as.
pub fn decimal(value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    let py = value.py();
    let plain = value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>();
    let text = if plain {
        value.str()?.to_string()
    } else {
        let class = py.import("decimal")?.getattr("Decimal")?;
        let number = if value.is_instance_of::<PyFloat>() || value.hasattr("__float__")? {
            let text = if value.is_instance(&class)? {
                value.str()?
            } else {
                value.call_method0("__float__")?.repr()?
            };
            class.call1((text,))?
        } else {
            return Err(PyTypeError::new_err(format!("{} is not a number", value.repr()?)));
        };
        number.call_method1("__format__", ("f",))?.to_string()
    };
    text.parse().map_err(|_| PyTypeError::new_err(format!("{text} is not an exact decimal number")))
}

/// Reads a fraction of 1, such as a quantile, as numerator and denominator.
pub fn fraction(value: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
    let decimal = decimal(value)?;
    let denominator = 10u32.checked_pow(decimal.scale());
    let numerator = u32::try_from(decimal.units().clone()).ok();
    match (numerator, denominator) {
        (Some(numerator), Some(denominator)) if numerator <= denominator => Ok((numerator, denominator)),
        _ => Err(pyo3::exceptions::PyValueError::new_err(
            "a number from 0 to 1, of at most 9 digits, is needed",
        )),
    }
}

/// A refusal as the package's exception.
pub fn refusal(error: &PlanError) -> PyErr {
    Python::attach(|py| {
        let raise = || {
            let class = py.import("mpcstats.errors")?.getattr("ProgramError")?;
            let node = error.node.map(stats::plan::NodeId::index);
            class.call1((error.code.as_str(), &error.cause, &error.hint, node))
        };
        raise().map_or_else(|failure| failure, PyErr::from_value)
    })
}

/// Raises the program's refusal, if there was one, else returns `value`.
pub fn checked<T>(program: &Program, value: T) -> PyResult<T> {
    if let Some(error) = program.take_error() {
        return Err(refusal(&error));
    }
    program.locate(|| Python::attach(user_line).ok());
    Ok(value)
}

/// `file:line` of the Python code that is running: this package's own is native, so it is the user's.
fn user_line(py: Python<'_>) -> PyResult<String> {
    let frame = py.import("sys")?.call_method1("_getframe", (0,))?;
    let file: String = frame.getattr("f_code")?.getattr("co_filename")?.extract()?;
    let line: u32 = frame.getattr("f_lineno")?.extract()?;
    Ok(format!("{file}:{line}"))
}

/// What a secret cannot be asked.
pub fn secret(cause: &str, hint: &str) -> PyErr {
    refusal(&PlanError::new(Code::Secret, cause, hint))
}
