//! QuickSilver (2021/076): zero-knowledge proofs for boolean circuits, one bit an AND gate, and for AES's S-box as a
//! polynomial: one byte instead of 32 gates.
//!
//! A statement is a function over [`Proof`], written once and run by both sides: [`Prover`] knows the bits,
//! [`Verifier`] only their number. A wire of the prover is a MAC `M`, a wire of the verifier the key `K` with
//! `M = K + bit·delta`; the bit sits in the lowest place of the MAC. Both come from correlated OT
//! ([`crate::ot`]), whose `delta` is the verifier's.
//!
//! ```text
//! let mut proof = prover.on(&mut cots, &mut channel);        // the verifier: verifier.on(..)
//! let key = proof.commit(128, || key_bits)?;                 // the verifier never calls the closure
//! let schedule = circuit::aes::schedule(&key, &mut proof)?;
//! …
//! proof.assert_equals(&block, &expected)?;
//! proof.finish()?;                                           // nothing is proven before this returns
//! ```

mod inversion;
mod prover;
mod stream;
mod verifier;

pub use prover::{Prover, Proving};
pub use verifier::{Verifier, Verifying};

use circuit::Backend;

use crate::error::Error;

/// One side of a proof.
pub trait Proof: Backend<Error = Error> + Sized {
    /// Commits the prover to `count` bits.
    ///
    /// # Errors
    /// [`Error`] if the channel broke; [`Error::Malformed`] at the prover if `bits` has another length.
    fn commit(&mut self, count: usize, bits: impl FnOnce() -> Vec<bool>) -> Result<Vec<Self::Wire>, Error>;

    /// States that wires are zero.
    ///
    /// # Errors
    /// [`Error::FalseStatement`] at the prover, if they are not. The verifier learns it in [`Proof::finish`].
    fn assert_zero(&mut self, wires: &[Self::Wire]) -> Result<(), Error>;

    /// Shows the bits on wires to the verifier, who may rely on them once [`Proof::finish`] has returned.
    ///
    /// # Errors
    /// [`Error`] if the channel broke.
    fn reveal(&mut self, wires: &[Self::Wire]) -> Result<Vec<bool>, Error>;

    /// Hands everything to the peer, so that other messages may use the channel.
    ///
    /// # Errors
    /// [`Error`] if the channel broke, or the prover sent more than the statement calls for.
    fn sync(&mut self) -> Result<(), Error>;

    /// Checks everything stated so far. Consumes 128 correlations.
    ///
    /// # Errors
    /// [`Error::Cheating`] at the verifier if anything was false.
    fn finish(&mut self) -> Result<(), Error>;

    /// States that wires carry these public bits.
    ///
    /// # Errors
    /// As [`Proof::assert_zero`].
    fn assert_equals(&mut self, wires: &[Self::Wire], bits: &[bool]) -> Result<(), Error> {
        let zero = circuit::bits::xor_constant(wires, bits, self);
        self.assert_zero(&zero)
    }
}

/// AND gates and products checked by one challenge; both sides keep a term of each until then.
const CHECK: usize = 1 << 18;

/// Correlations made at a time when the preprocessed ones run out.
const REFILL: usize = 1 << 16;
