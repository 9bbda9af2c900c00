//! The two-party toolkit: oblivious transfer, garbled circuits and zero-knowledge proofs.

pub mod channel;
