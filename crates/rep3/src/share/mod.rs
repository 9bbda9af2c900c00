//! Replicated shares: `x = x_0 + x_1 + x_2`, of which party `i` holds `x_i` and `x_{i+1}`.
//!
//! Everything here is local: sums, public constants, rows taken and put together. Public constants go into
//! component 0, which parties 0 (as `own`) and 2 (as `next`) hold.

mod bit;
mod field;
mod int;

pub use bit::BitShare;
pub(crate) use field::FieldRows;
pub use field::FieldShare;
pub use int::IntShare;
