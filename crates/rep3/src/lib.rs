//! The three-party engine: replicated secret sharing over GF(2) and F_p with malicious security and abort.

pub mod executor;
pub mod network;
