//! Boolean circuits, written once and evaluated four ways: in the clear, bit-sliced under three-party
//! computation, garbled, and under a zero-knowledge proof.
//!
//! A circuit is a function over a [`Backend`]: it asks the backend for linear gates one at a time (they are
//! free in every protocol) and for AND gates a *layer* at a time (a layer costs one round in three-party
//! computation, however wide it is). The circuit never learns who evaluates it.

mod backend;

pub use backend::{Backend, Clear};
