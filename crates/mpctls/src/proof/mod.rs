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

use crate::attestation::Statement;
use crate::commitment::Opening;
use crate::tls::{Session, Side};
use records::{Cipher, Plaintext};
use twopc::Error as ProtocolError;
use twopc::quicksilver::Proof;

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

/// The whole statement of `proxy` mode: this master secret made these streams, and they hold what the statement
/// says. `master` and `openings` are the prover's; the notary has none.
///
/// # Errors
/// [`ProofError`] at the notary, if anything of it is false; at the prover, if it can tell.
pub fn session<P: Proof>(
    proof: &mut P,
    session: &Session,
    statement: &Statement,
    master: Option<&[u8; 48]>,
    openings: Option<&[Opening]>,
) -> Result<(), ProofError> {
    let keys = keys::prove(proof, session, master)?;
    let client = Cipher::new(&keys.keys.client, proof)?;
    let server = Cipher::new(&keys.keys.server, proof)?;
    for (cipher, records, message) in
        [(&client, &session.client, &keys.finished.client), (&server, &session.server, &keys.finished.server)]
    {
        let finished = records.first().ok_or(ProofError::Mismatch("a Finished message is missing"))?;
        cipher.assert_plaintext(finished, message, proof)?;
    }
    server.check_tags(&session.server, proof)?;
    let mut sent = Plaintext::new(&client, session.application_data(Side::Client));
    let mut received = Plaintext::new(&server, session.application_data(Side::Server));
    disclosure::prove(proof, statement, &mut sent, &mut received, openings)?;
    Ok(proof.finish()?)
}
