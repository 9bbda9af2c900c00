//! Attestations: what a notary signs, and the one call that everybody verifies them with.

pub(crate) mod encoding;
mod key;
mod verify;

pub use key::{NotaryKey, NotarySigningKey, key_id};
pub use verify::{FieldCommitment, VerifiedAttestation, VerifyError, verify};

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::commitment::Commitment;
use encoding::{base64_bytes, hex32, hex64};

/// The version of the attestation format.
pub const VERSION: u32 = 1;

/// The largest attestation that is read, in bytes of JSON.
pub const MAX_ATTESTATION: usize = 2 << 20;

/// The longest plaintext that a session may have in either direction, in bytes.
pub const MAX_PLAINTEXT: u32 = 1 << 20;

/// How prover and notary shared the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The session's keys existed only as shares between prover and notary.
    Mpc,
    /// The notary relayed the connection; the prover held the keys and proved afterwards.
    Proxy,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mpc => "mpc",
            Self::Proxy => "proxy",
        })
    }
}

/// What a notary signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The format's version: 1.
    pub version: u32,
    /// How prover and notary shared the work.
    pub mode: Mode,
    /// The session's id: a hash of random bytes from both sides and of what was agreed before the session.
    #[serde(with = "hex32")]
    pub session: [u8; 32],
    /// The notary's clock when the session began, in seconds since 1970.
    pub time: u64,
    /// The host name that the server's certificate was valid for.
    pub server_name: String,
    /// The survey that the prover named before the session began.
    #[serde(with = "hex32")]
    pub survey: [u8; 32],
    /// The one-use public key that the prover named before the session began.
    #[serde(with = "hex32")]
    pub provider_key: [u8; 32],
    /// What the prover sent, as far as it was shown.
    pub sent: RedactedBytes,
    /// What the server sent, as far as it was shown.
    pub received: RedactedBytes,
    /// Commitments to hidden bytes.
    pub commitments: Vec<Commitment>,
}

/// One direction's plaintext with holes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactedBytes {
    /// The length of the whole.
    pub length: u32,
    /// The bytes shown, in order and without overlap.
    pub shown: Vec<Shown>,
    /// Hidden bytes that were proven to be of a class, in order and without overlap.
    pub classes: Vec<Classed>,
}

/// Bytes shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Where they start.
    pub offset: u32,
    /// The bytes.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// Hidden bytes of a proven class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classed {
    /// Where they start.
    pub offset: u32,
    /// How many they are.
    pub length: u32,
    /// Their class.
    pub class: Class,
}

/// A signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// What is attested.
    pub statement: Statement,
    /// The notary's Ed25519 public key.
    #[serde(with = "hex32")]
    pub notary: [u8; 32],
    /// The notary's signature over the statement's canonical JSON, behind a prefix of its own.
    #[serde(with = "hex64")]
    pub signature: [u8; 64],
}

impl Attestation {
    /// Signs a statement.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if the statement has no canonical form (it always has).
    pub fn sign(statement: Statement, key: &NotarySigningKey) -> Result<Self, VerifyError> {
        let signature = key.sign(&signed_bytes(&statement)?);
        Ok(Self { statement, notary: key.public().key, signature })
    }

    /// Reads an attestation from its JSON.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is too large or has another shape.
    pub fn from_json(json: &[u8]) -> Result<Self, VerifyError> {
        if json.len() > MAX_ATTESTATION {
            return Err(VerifyError::Malformed(format!("it is longer than {MAX_ATTESTATION} bytes")));
        }
        serde_json::from_slice(json).map_err(|e| VerifyError::Malformed(e.to_string()))
    }

    /// Writes the attestation as JSON.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it cannot be written (it always can).
    pub fn to_json(&self) -> Result<Vec<u8>, VerifyError> {
        serde_json::to_vec_pretty(self).map_err(|e| VerifyError::Malformed(e.to_string()))
    }
}

/// What the signature covers: a prefix that no other signature in the system has, and the canonical JSON
/// (RFC 8785) of the statement.
fn signed_bytes(statement: &Statement) -> Result<Vec<u8>, VerifyError> {
    let mut bytes = b"mpcstats/attestation/v1\n".to_vec();
    let json =
        serde_json_canonicalizer::to_vec(statement).map_err(|e| VerifyError::Malformed(e.to_string()))?;
    bytes.extend_from_slice(&json);
    Ok(bytes)
}
