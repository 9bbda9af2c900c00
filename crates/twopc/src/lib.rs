//! The two-party toolkit: oblivious transfer, garbled circuits and zero-knowledge proofs.

pub mod channel;
mod error;
pub mod message;
pub mod ot;
pub mod quicksilver;

pub use error::Error;
