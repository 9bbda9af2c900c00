//! The coordinator: takes submissions and queries in, hands them to the parties, and passes on what they
//! signed. It can refuse service; it can neither read values nor forge an input or a result.

pub mod api;
mod intake;
pub mod limits;
pub mod openapi;
pub mod tables;

pub use intake::Intake;
pub use limits::Limiter;
