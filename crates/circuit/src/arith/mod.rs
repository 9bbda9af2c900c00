//! Integers, least significant wire first.
//!
//! Adders come in two kinds. [`ripple`] and [`modular`] have the fewest AND gates and a depth of one layer a bit,
//! for backends to which depth is free (garbling, zero-knowledge proofs). [`parallel`] and [`mersenne`] have
//! logarithmic depth, for three-party computation, where a layer is a round.

pub mod masked;
pub mod mersenne;
pub mod modular;
pub mod parallel;
pub mod ripple;
