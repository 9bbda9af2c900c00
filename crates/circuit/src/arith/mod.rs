//! Integers, least significant wire first.
//!
//! Adders come in two kinds: [`ripple`] has the fewest AND gates and a depth of one layer a bit, for backends to
//! which depth is free (garbling, zero-knowledge proofs).

pub mod modular;
pub mod ripple;
