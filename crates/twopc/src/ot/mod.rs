//! Oblivious transfer: the base transfers, their extension to correlated OT, and random OT.

mod base;
mod correlated;
mod leaves;
mod random;
mod tree;

pub use correlated::{CotReceiver, CotSender, MAX_COTS};
pub use random::{receive_random, send_random};

/// Depth of one tree: the `k` of 2022/192. Eight costs two bytes a correlation.
const DEPTH: usize = 8;
/// Leaves of one tree.
const LEAVES: usize = 1 << DEPTH;
/// Trees: each covers [`DEPTH`] bits of the sender's `delta`.
const TREES: usize = 128 / DEPTH;
