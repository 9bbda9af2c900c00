//! What the deployment test stands on.

pub mod hosts;
pub mod page;
