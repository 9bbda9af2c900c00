//! Typed query plans, their checker and executors, and the statistics library.

pub mod check;
mod error;
pub mod plan;

pub use check::{Checked, Leak, Limits, check};
pub use error::{Code, PlanError};
pub use plan::{ColumnType, Plan, PlanId, Schema, Table};
