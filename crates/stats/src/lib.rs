//! Questions to data that nobody can read: plans, the check that they may run, two engines that run them, and the
//! statistics written as plans.
//!
//! # The way of a question
//! 1. A program is traced into a [`Plan`] with [`build`]: columns and scalars with operators. The statistics in
//!    [`library`] are such programs. A plan has one canonical JSON text and one [id](Plan::id).
//! 2. [`check`](fn@check) gives it types, proves that nothing overflows, holds it against a survey's [`Limits`], and
//!    works out which numbers must open so that the results follow from them, and no more than the results tell.
//!    [`explain`] says in advance what it does, opens and costs.
//! 3. Each party runs [`execute`] on its shares; [`simulate`] runs the same walk in the clear.
//! 4. The consumer turns the opened numbers into a [`ResultTable`] with [`decode_elements`]: each with the bound on its
//!    error, which is 0 where the result is an exact fraction.
//!
//! ```
//! use stats::build::Program;
//! use stats::run::clear::Dataset;
//! use stats::{ColumnType, Limits, Schema, Table, check, simulate};
//!
//! # fn main() -> Result<(), stats::PlanError> {
//! let balance = ColumnType::number(2, 0, 1_000_000).unit("ETH");
//! let schema = Schema::single(Table::new([("balance".to_owned(), balance.clone())]));
//!
//! let program = Program::new("inequality", schema.clone());
//! let eth = program.column(Schema::DEFAULT, "balance");
//! program.output(["mean"], &eth.mean());
//! program.output(["gini"], &eth.gini());
//! let checked = check(&program.finish()?, &schema, &Limits::default())?;
//!
//! let mut data = Dataset::default();
//! data.insert(Schema::DEFAULT, "balance", &balance, &[Some(300), Some(100), Some(200), Some(400)])?;
//! let result = simulate(&checked, data)?;
//! assert_eq!(result.to_string(), "mean  2.5 ETH\ngini  0.25\n");
//! # Ok(())
//! # }
//! ```

pub mod build;
pub mod check;
mod error;
mod explain;
pub mod library;
pub mod number;
pub mod plan;
mod result;
pub mod run;

pub use check::{Checked, Leak, Limits, Reason, check};
pub use error::{Code, PlanError};
pub use explain::{Cost, Explanation, explain};
pub use number::Number;
pub use plan::{ColumnType, Plan, PlanId, Schema, Table};
pub use result::{ResultRow, ResultTable, decode};
pub use run::shared::{Dataset, RunError, SharedOutputs, decode_elements, execute};
pub use run::{Outcome, simulate};
