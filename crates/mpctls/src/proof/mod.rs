//! What the prover proves in zero knowledge, once for both modes.
//!
//! Every statement is a function over [`twopc::quicksilver::Proof`] that both sides run. The prover's extra
//! knowledge comes in as `Option`s that are `None` at the notary.
//!
//! - [`keys`]: from the master secret to keys and Finished messages (`proxy` mode; `mpc` mode has the keys as
//!   wires already).
//! - [`records`]: record keys, tags, and plaintext as wires.
//! - [`disclosure`]: bytes shown, classes, commitments.

pub mod disclosure;
pub mod keys;
pub mod records;

use crate::tls::Side;
use twopc::Error as ProtocolError;

/// Why a proof was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The protocol broke or the proof is wrong.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A proven value contradicts the records.
    #[error("the proof does not fit the records: {0}")]
    Mismatch(&'static str),
    /// A range does not lie within the plaintext.
    #[error("a range to be proven does not lie within the plaintext")]
    Range,
}

/// Both directions of something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Both<T> {
    /// From prover to server.
    pub client: T,
    /// From server to prover.
    pub server: T,
}

impl<T> Both<T> {
    /// One direction's.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}
