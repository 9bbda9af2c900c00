//! The channels the protocols run over.
//!
//! `rep3` and `twopc` do no IO: they talk to the small blocking traits [`rep3::network::Network`] and
//! [`twopc::channel::Channel`]. This crate implements them.
//!
//! - [`tcp`]: between processes. One mutually authenticated TLS 1.3 connection per pair of parties, with pinned
//!   keys ([`tls`], [`identity`]), carries many sessions.
//! - [`channel`]: the same for two, over any stream.
//! - [`memory`]: parties as threads of one process. [`memory::three`] and [`memory::pair`] are what tests and
//!   the local simulator run on.
//! - [`tamper`]: wraps any three networks and puts an adversary on the links. It delays, drops, cuts, rewrites
//!   and inserts messages chosen by step, sender, receiver and occurrence, and records what was sent.
//! - [`latency`]: wraps any network and makes every message arrive a fixed time after it was sent.
//! - [`meter`]: wraps any network and counts bytes, messages and rounds per step.
//! - [`world`]: three parties with open sessions, as threads of one process.
//! - [`Threads`]: the executor that gives a session several cores.
//!
//! A message is the unit everywhere: a receiver always knows the length that is due, so that nothing a peer
//! declares is ever allocated unchecked.

pub mod channel;
pub mod identity;
pub mod latency;
pub mod memory;
pub mod meter;
mod sides;
pub mod tamper;
pub mod tcp;
mod threads;
pub mod tls;
pub mod world;

pub use identity::{Identity, PublicKey};
pub use threads::Threads;
