//! Typed query plans, their checker and executors, and the statistics library.

pub mod build;
pub mod check;
mod error;
mod explain;
pub mod library;
pub mod number;
pub mod plan;
mod result;
pub mod run;

pub use check::{Checked, Leak, Limits, check};
pub use error::{Code, PlanError};
pub use explain::{Cost, Explanation, explain};
pub use number::Number;
pub use plan::{ColumnType, Plan, PlanId, Schema, Table};
pub use result::{ResultRow, ResultTable, decode};
pub use run::shared::{Dataset, RunError, SharedOutputs, decode_elements, execute};
pub use run::{Outcome, simulate};
