//! Notarized TLS: prove to others what a website said, without showing it.
//!
//! A **prover** fetches a page over TLS 1.2 from a server that notices nothing. A **notary** takes part and
//! learns which site was asked, when, how many bytes flowed, and what the prover chose to show. It signs an
//! [`Attestation`]; everybody else reads it with [`verify`].
//!
//! - [`source`]: which request to make and what to take from the response, as data.
//! - [`attestation`]: the signed statement, notary keys, and the verifier.
//! - [`commitment`]: how a private field is bound to its place in one session.
//! - [`class`]: what is proven about hidden bytes whose neighbourhood has to be understood.
//! - [`code`]: every reason for which there is no proof, or for which it is refused.
//! - [`tls`]: the client, on unmodified rustls, and the seam behind which its keys are held.
//! - [`mpc`]: the mode in which prover and notary hold the session's keys between them.
//! - [`proof`]: what the prover proves in zero knowledge.
//! - [`protocol`]: what prover and notary say to each other.
//! - [`transcript`]: plaintext with holes, and its strict match against a source.

// Attacks are unit tests, for they need a prover's insides, and share the integration tests' support.
#[cfg(test)]
extern crate self as mpctls;

pub mod attestation;
pub mod class;
pub mod code;
pub mod commitment;
pub mod mpc;
pub mod proof;
pub mod protocol;
pub mod source;
pub mod tls;
pub mod transcript;

pub use attestation::{
    Attestation, FieldCommitment, Mode, NotaryKey, NotarySigningKey, VerifiedAttestation, VerifyError, verify,
};
pub use commitment::{Commitment, Direction, Opening, commit};
pub use source::{Source, SourceError};
