//! Results of several numbers.

use crate::scalar::{self, Scalar};
use pyo3::exceptions::{PyAttributeError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use stats::build;

/// Several numbers by label, such as the slope and intercept of a line. Labels are attributes and keys.
#[pyclass(unsendable, module = "mpcstats")]
pub struct Record {
    /// The entries.
    pub entries: Vec<(Vec<String>, build::Scalar)>,
}

/// Wraps a record, raising the program's refusal if there was one.
pub fn wrap(record: &stats::library::Record) -> PyResult<Record> {
    if let Some((_, value)) = record.entries().first() {
        scalar::wrap(value.clone())?;
    }
    Ok(Record { entries: record.entries().to_vec() })
}

impl Record {
    fn find(&self, py: Python<'_>, label: &str) -> PyResult<Option<Py<PyAny>>> {
        let mut nested = Vec::new();
        for (path, value) in &self.entries {
            match path.split_first() {
                Some((first, [])) if first == label => {
                    let found = Scalar { inner: value.clone() };
                    return Ok(Some(found.into_pyobject(py)?.into_any().unbind()));
                }
                Some((first, rest)) if first == label => nested.push((rest.to_vec(), value.clone())),
                _ => {}
            }
        }
        if nested.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { entries: nested }.into_pyobject(py)?.into_any().unbind()))
    }
}

#[pymethods]
impl Record {
    fn __getattr__(&self, py: Python<'_>, label: &str) -> PyResult<Py<PyAny>> {
        self.find(py, label)?.ok_or_else(|| PyAttributeError::new_err(self.missing(label)))
    }

    fn __getitem__(&self, py: Python<'_>, label: &str) -> PyResult<Py<PyAny>> {
        self.find(py, label)?.ok_or_else(|| PyKeyError::new_err(self.missing(label)))
    }

    /// The labels, in order.
    fn keys(&self) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for (path, _) in &self.entries {
            if let Some(label) = path.first()
                && !labels.contains(label)
            {
                labels.push(label.clone());
            }
        }
        labels
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.keys())?.try_iter()?.into_any())
    }

    fn __len__(&self) -> usize {
        self.keys().len()
    }

    fn __repr__(&self) -> String {
        format!("<mpcstats.Record {}>", self.keys().join(", "))
    }
}

impl Record {
    fn missing(&self, label: &str) -> String {
        format!("there is no {label}; use one of: {}", self.keys().join(", "))
    }
}
