//! The native part of the Python package `mpcstats`: columns and scalars that trace a plan, the simulator, and the
//! consumer's client.
//!
//! Nothing is decided here: every method calls the one of the same name in crate `stats`, and a refusal becomes a
//! Python exception at once, so that its traceback ends at the user's line.

// What these lints ask for is not how Python methods look.
#![allow(clippy::needless_pass_by_value, reason = "pyo3 hands arguments over by value")]
#![allow(clippy::unused_self, reason = "Python methods take self")]

mod client;
mod column;
mod convert;
mod functions;
mod record;
mod scalar;
mod simulate;
mod table;

use pyo3::prelude::*;

/// Tracing and simulating, natively.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<table::Tracer>()?;
    module.add_class::<table::Table>()?;
    module.add_class::<table::GroupBy>()?;
    module.add_class::<table::Grouped>()?;
    module.add_class::<column::Column>()?;
    module.add_class::<scalar::Scalar>()?;
    module.add_class::<record::Record>()?;
    module.add_class::<client::Connection>()?;
    functions::add_to(module)?;
    simulate::add_to(module)
}
