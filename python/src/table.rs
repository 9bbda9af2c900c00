//! Programs being traced, and their data sets.

use crate::column::{self, Column};
use crate::convert::{checked, operand, refusal, scalar};
use crate::record::Record;
use crate::scalar::{self, Scalar};
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use stats::build::{self, Program};
use stats::library;
use stats::{Code, PlanError, Schema};

/// A program being traced.
#[pyclass(unsendable, module = "mpcstats")]
pub struct Tracer {
    program: Program,
    schema: Schema,
}

#[pymethods]
impl Tracer {
    #[new]
    fn new(name: &str, schema: &str) -> PyResult<Self> {
        let schema: Schema =
            serde_json::from_str(schema).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { program: Program::new(name, schema.clone()), schema })
    }

    /// A data set.
    fn table(&self, name: &str) -> PyResult<Table> {
        let Some(table) = self.schema.tables.get(name) else {
            let names = self.schema.tables.keys().cloned().collect::<Vec<_>>().join(", ");
            let cause = format!("there is no data set `{name}`");
            return Err(refusal(&PlanError::new(Code::UnknownColumn, cause, format!("use one of: {names}"))));
        };
        let columns = table.columns.keys().cloned().collect();
        Ok(Table {
            program: self.program.clone(),
            name: name.to_owned(),
            columns,
            condition: None,
            joined: vec![],
        })
    }

    /// Names a result.
    fn output(&self, path: Vec<String>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(record) = value.cast::<Record>() {
            for (labels, value) in &record.borrow().entries {
                self.program.output(path.iter().chain(labels).cloned(), value);
            }
            return Ok(());
        }
        if value.cast::<Column>().is_ok() {
            let cause = format!("`{}` is a whole column", path.join("."));
            let hint = "return an aggregate of it, such as its mean";
            return Err(refusal(&PlanError::new(Code::Forbidden, cause, hint)));
        }
        self.program.output(path, &scalar(&self.program, value)?);
        Ok(())
    }

    /// Where the author wrote each node of the plan: `file:line`, if that is known.
    fn places(&self) -> Vec<Option<String>> {
        self.program.places()
    }

    /// The plan's canonical JSON.
    fn finish(&self) -> PyResult<String> {
        self.program.finish().map(|plan| plan.to_json()).map_err(|error| refusal(&error))
    }
}

/// A data set of a survey: its columns are attributes. `t[condition]` is the part where a condition holds.
#[pyclass(unsendable, module = "mpcstats")]
pub struct Table {
    program: Program,
    name: String,
    columns: Vec<String>,
    condition: Option<build::Column>,
    joined: Vec<Join>,
}

#[derive(Clone)]
struct Join {
    table: String,
    columns: Vec<String>,
    on: String,
}

impl Table {
    fn raw(&self, name: &str) -> Option<build::Column> {
        if self.columns.iter().any(|column| column == name) {
            return Some(self.program.column(&self.name, name));
        }
        let join = self.joined.iter().find(|join| join.columns.iter().any(|column| column == name))?;
        let (key, among) =
            (self.program.column(&self.name, &join.on), self.program.column(&join.table, &join.on));
        Some(key.lookup(&among, &self.program.column(&join.table, name)))
    }

    fn column(&self, name: &str) -> PyResult<Option<Column>> {
        let Some(column) = self.raw(name) else { return Ok(None) };
        let column = match &self.condition {
            Some(condition) => column.filter(condition),
            None => column,
        };
        column::wrap(column).map(Some)
    }

    fn missing(&self, name: &str) -> String {
        format!("there is no column `{name}`; use one of: {}", self.names().join(", "))
    }

    fn names(&self) -> Vec<String> {
        let joined = self.joined.iter().flat_map(|join| join.columns.iter());
        self.columns.iter().chain(joined.filter(|name| !self.columns.contains(name))).cloned().collect()
    }

    fn part(&self, condition: &build::Column) -> Self {
        let condition = match &self.condition {
            Some(earlier) => &earlier.holds() & &condition.holds(),
            None => condition.holds(),
        };
        Self {
            program: self.program.clone(),
            name: self.name.clone(),
            columns: self.columns.clone(),
            condition: Some(condition),
            joined: self.joined.clone(),
        }
    }
}

#[pymethods]
impl Table {
    fn __getattr__(&self, name: &str) -> PyResult<Column> {
        self.column(name)?.ok_or_else(|| PyAttributeError::new_err(self.missing(name)))
    }

    fn __getitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        if let Ok(name) = key.extract::<String>() {
            let column = self.column(&name)?;
            let column = column.ok_or_else(|| {
                let hint = format!("use one of: {}", self.names().join(", "));
                refusal(&PlanError::new(Code::UnknownColumn, format!("there is no column `{name}`"), hint))
            })?;
            return Ok(column.into_pyobject(py)?.into_any().unbind());
        }
        match operand(&self.program, key) {
            Ok(crate::convert::Operand::Column(condition)) => {
                let part = checked(&self.program, self.part(&condition))?;
                Ok(part.into_pyobject(py)?.into_any().unbind())
            }
            _ => Err(PyTypeError::new_err("index a table with a column name or a condition")),
        }
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.names()
    }

    /// How many rows there are (of a part: where its condition holds).
    fn count(&self) -> PyResult<Scalar> {
        scalar::wrap(match &self.condition {
            Some(condition) => condition.sum(),
            None => self.program.rows(&self.name),
        })
    }

    /// The rows by the labels of a category or by a boolean. By a number whose values nobody listed: the `top` values
    /// that occur most often, each with its `key`, its `count` and the aggregate as `value`.
    #[pyo3(signature = (by, top=None))]
    fn groupby(&self, by: &Bound<'_, PyAny>, top: Option<u32>) -> PyResult<GroupBy> {
        let by = if let Ok(name) = by.extract::<String>() {
            self.__getattr__(&name)?.inner
        } else {
            by.cast::<Column>()
                .map_err(|_| PyTypeError::new_err("group by a column or its name"))?
                .borrow()
                .inner
                .clone()
        };
        let by = self.condition.as_ref().map_or_else(|| by.clone(), |condition| by.filter(condition));
        let labelled = by.is_boolean() || by.labels().is_some();
        match top {
            None if !labelled => {
                Err(PyValueError::new_err("a number has no labels: name how many groups, with top=10"))
            }
            Some(_) if labelled => Err(PyValueError::new_err("top is for numbers; all labels are groups")),
            Some(top) if !(1..=MAX_GROUPS).contains(&top) => {
                Err(PyValueError::new_err(format!("top is 1 to {MAX_GROUPS}")))
            }
            _ => Ok(GroupBy { table: self.part_of(), by, top }),
        }
    }

    /// Adds the columns of another data set, row by row where `on` is the same in both. Rows without a partner
    /// have the other's columns missing. The other's keys must differ from each other.
    fn merge(&self, other: &Self, on: &str) -> PyResult<Self> {
        for table in [self, other] {
            if !table.columns.iter().any(|column| column == on) {
                return Err(PyValueError::new_err(table.missing(on)));
            }
        }
        if other.condition.is_some() || !other.joined.is_empty() {
            return Err(PyTypeError::new_err("merge a whole data set; filter after the merge"));
        }
        let mut merged = self.part_of();
        merged.joined.push(Join {
            table: other.name.clone(),
            columns: other.columns.clone(),
            on: on.to_owned(),
        });
        Ok(merged)
    }

    fn __len__(&self) -> PyResult<usize> {
        let hint = "use .count()";
        let cause = "the number of rows is not known while the program is traced";
        Err(refusal(&PlanError::new(Code::Secret, cause, hint)))
    }

    fn __repr__(&self) -> String {
        format!("<mpcstats.Table {}: {}>", self.name, self.names().join(", "))
    }
}

impl Table {
    fn part_of(&self) -> Self {
        Self {
            program: self.program.clone(),
            name: self.name.clone(),
            columns: self.columns.clone(),
            condition: self.condition.clone(),
            joined: self.joined.clone(),
        }
    }
}

/// The most groups of values that nobody listed.
const MAX_GROUPS: u32 = 100;

/// The groups of a data set. Take a column of it (`g.balance` or `g["balance"]`) and aggregate.
#[pyclass(unsendable, module = "mpcstats")]
pub struct GroupBy {
    table: Table,
    by: build::Column,
    top: Option<u32>,
}

#[pymethods]
impl GroupBy {
    fn __getattr__(&self, name: &str) -> PyResult<Grouped> {
        Ok(Grouped { of: self.table.__getattr__(name)?.inner, by: self.by.clone(), top: self.top })
    }

    fn __getitem__(&self, name: &str) -> PyResult<Grouped> {
        self.__getattr__(name)
    }

    /// How many rows each group has.
    fn size(&self) -> PyResult<Record> {
        aggregate(&self.by, &self.by, self.top, build::Column::count)
    }
}

/// A column by groups.
#[pyclass(unsendable, module = "mpcstats")]
pub struct Grouped {
    of: build::Column,
    by: build::Column,
    top: Option<u32>,
}

type Aggregate = fn(&build::Column) -> build::Scalar;

fn aggregate(of: &build::Column, by: &build::Column, top: Option<u32>, take: Aggregate) -> PyResult<Record> {
    crate::record::wrap(&match top {
        Some(top) => library::group_by_frequent(of, by, top, take),
        None => library::group_by(of, by, take),
    })
}

impl Grouped {
    fn aggregate(&self, take: Aggregate) -> PyResult<Record> {
        aggregate(&self.of, &self.by, self.top, take)
    }
}

#[pymethods]
impl Grouped {
    /// How many values each group has.
    fn count(&self) -> PyResult<Record> {
        self.aggregate(build::Column::count)
    }

    /// The sum of each group.
    fn sum(&self) -> PyResult<Record> {
        self.aggregate(build::Column::sum)
    }

    /// The mean of each group.
    fn mean(&self) -> PyResult<Record> {
        self.aggregate(build::Column::mean)
    }

    /// The sample variance of each group.
    fn var(&self) -> PyResult<Record> {
        self.aggregate(|of| of.variance(false))
    }

    /// The sample standard deviation of each group.
    fn std(&self) -> PyResult<Record> {
        self.aggregate(|of| of.standard_deviation(false))
    }

    /// The smallest value of each group.
    fn min(&self) -> PyResult<Record> {
        self.aggregate(build::Column::min)
    }

    /// The largest value of each group.
    fn max(&self) -> PyResult<Record> {
        self.aggregate(build::Column::max)
    }

    /// The median of each group.
    fn median(&self) -> PyResult<Record> {
        self.aggregate(build::Column::median)
    }
}
