//! Boolean circuits, written once and evaluated four ways: in the clear, bit-sliced under three-party
//! computation, garbled, and under a zero-knowledge proof.
//!
//! A circuit is a function over a [`Backend`]: it asks the backend for linear gates one at a time (they are
//! free in every protocol) and for AND gates a *layer* at a time (a layer costs one round in three-party
//! computation, however wide it is). The circuit never learns who evaluates it.
//!
//! # Conventions
//!
//! - Operands first, backend last; every circuit returns `Result<_, B::Error>` because a layer may fail.
//! - An integer is a slice of wires, least significant bit first ([`arith`], [`compare`]).
//! - A byte string is a slice of wires, byte after byte, the least significant bit of each byte first
//!   ([`bits`] converts from and to bytes). [`keccak`], [`sha256`], [`hmac`] and [`aes`] all speak it.
//! - Slices whose length a circuit fixes are asserted: a wrong length is a mistake of the caller, never of a peer.

pub mod aes;
pub mod arith;
mod backend;
pub mod bits;
pub mod compare;
pub mod hmac;
pub mod keccak;
pub mod logic;
pub mod parse;
pub mod sha256;

pub use backend::{Backend, Clear};
