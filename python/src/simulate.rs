//! Checking and running plans on data of one's own.

use crate::convert::refusal;
use algebra::Prg;
use net::world::World;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rep3::open;
use stats::run::clear;
use stats::{Checked, Dataset, Limits, Outcome, Plan, ResultTable, RunError, Schema};
use std::sync::Mutex;

fn parse(plan: &str, schema: &str, limits: Option<&str>) -> PyResult<(Checked, Schema)> {
    let invalid = |error: serde_json::Error| PyValueError::new_err(error.to_string());
    let plan = Plan::from_json(plan).map_err(|error| refusal(&error))?;
    let schema: Schema = serde_json::from_str(schema).map_err(invalid)?;
    let limits = match limits {
        Some(limits) => serde_json::from_str(limits).map_err(invalid)?,
        None => Limits::none(),
    };
    let checked = stats::check(&plan, &schema, &limits).map_err(|error| refusal(&error))?;
    Ok((checked, schema))
}

/// Checks a plan and says what it opens, reveals and costs, as JSON.
#[pyfunction]
#[pyo3(signature = (plan, schema, limits=None, rows=None))]
fn explain(plan: &str, schema: &str, limits: Option<&str>, rows: Option<u64>) -> PyResult<String> {
    let (checked, _) = parse(plan, schema, limits)?;
    let explanation = stats::explain(&checked, rows);
    serde_json::to_string(&explanation).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Runs a plan on `data`: for each data set, for each column, its stored integers, `None` where missing. With three
/// parties, under the real protocol in this process; otherwise in the clear. The result is JSON.
#[pyfunction]
#[pyo3(signature = (plan, schema, data, limits=None, parties=1))]
fn simulate(
    py: Python<'_>,
    plan: &str,
    schema: &str,
    data: &Bound<'_, PyDict>,
    limits: Option<&str>,
    parties: u32,
) -> PyResult<String> {
    let (checked, schema) = parse(plan, schema, limits)?;
    let mut columns = clear::Dataset::default();
    for (table, named) in data {
        let table: String = table.extract()?;
        for (name, values) in named.cast::<PyDict>()? {
            let name: String = name.extract()?;
            let of = schema.tables.get(&table).and_then(|table| table.columns.get(&name));
            let of =
                of.ok_or_else(|| PyValueError::new_err(format!("{table}.{name} is not in the schema")))?;
            let values: Vec<Option<i128>> = values.extract()?;
            columns.insert(&table, &name, of, &values).map_err(|error| refusal(&error))?;
        }
    }
    let result = py.detach(|| match parties {
        1 => stats::simulate(&checked, columns),
        _ => by_three(&checked, &columns),
    });
    match (parties, result) {
        (1 | 3, Ok(table)) => {
            serde_json::to_string(&table).map_err(|error| PyRuntimeError::new_err(error.to_string()))
        }
        (1 | 3, Err(error)) => Err(refusal(&error)),
        _ => Err(PyValueError::new_err("parties is 1 (in the clear) or 3 (the real protocol)")),
    }
}

/// Three parties as threads of this process, over the protocol's own messages.
fn by_three(checked: &Checked, data: &clear::Dataset) -> Result<ResultTable, stats::PlanError> {
    let shares = Dataset::deal(&checked.plan().schema, data, &mut Prg::new(&[0; 16]));
    let refused = Mutex::new(None);
    let outcomes = World::new(0).run(|session| {
        let mine = &shares[session.party().index()];
        let outcome = match stats::execute(checked, mine, session) {
            Ok(outcome) => outcome,
            Err(RunError::Abort(abort)) => return Err(abort),
            Err(RunError::Plan(error)) => {
                if let Ok(mut refused) = refused.lock() {
                    *refused = Some(error);
                }
                return Ok(None);
            }
        };
        let values = open(&outcome.values, session)?;
        Ok(Some(Outcome { rows: outcome.rows, tests: outcome.tests, values }))
    });
    if let Ok(Some(error)) = refused.into_inner() {
        return Err(error);
    }
    let [first, ..] = outcomes;
    match first {
        Ok(Some(outcome)) => stats::decode_elements(checked, &outcome),
        Ok(None) => Err(aborted("a party ended without a result".to_owned())),
        Err(abort) => Err(aborted(abort.to_string())),
    }
}

fn aborted(cause: String) -> stats::PlanError {
    stats::PlanError::new(stats::Code::Data, cause, "run the simulation again; report it if it happens twice")
}

/// Adds the functions to the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(simulate, module)?)
}
