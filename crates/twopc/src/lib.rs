//! The two-party toolkit: oblivious transfer, garbled circuits and zero-knowledge proofs.

pub mod channel;
mod error;
pub mod garble;
pub mod message;
pub mod ole;
pub mod ot;
pub mod quicksilver;

pub use error::Error;
