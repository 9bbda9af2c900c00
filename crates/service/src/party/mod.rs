//! A computation party.

pub mod api;
mod batches;
pub mod compute;
pub mod engine;
pub mod ledger;
pub mod link;
pub mod peers;
pub mod policy;
pub mod pool;
pub mod releases;
pub mod session;
mod submissions;
pub mod tables;
