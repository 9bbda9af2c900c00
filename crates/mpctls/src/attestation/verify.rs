//! The verifier: one call for coordinator, parties, consumers and the command line.

use std::collections::BTreeMap;

use super::{Attestation, Mode, NotaryKey, VERSION, key::signed_by, key_id, signed_bytes};
use crate::code::Code;
use crate::source::Source;
use crate::transcript::{TranscriptError, match_source};

/// How far a notary's clock may be ahead of the verifier's, in seconds.
const MAX_AHEAD: u64 = 300;

/// Why an attestation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is not an attestation.
    #[error("this is not an attestation: {0}")]
    Malformed(String),
    /// It has another version.
    #[error("the attestation has version {0}, which is not known here; update mpcstats")]
    Version(u32),
    /// Its notary is not trusted.
    #[error("the notary key {0} is not among the trusted ones")]
    UnknownNotary(String),
    /// Its notary's key was revoked.
    #[error("the notary key {0} was revoked: nothing it signed counts")]
    RevokedNotary(String),
    /// Its time is outside of its notary key's period.
    #[error("the notary key {0} was not in use at the attestation's time")]
    ExpiredNotary(String),
    /// The signature is wrong.
    #[error("the notary's signature does not fit: the attestation was changed")]
    Signature,
    /// It is too old.
    #[error("the attestation is {age} seconds old; the source accepts {max_age}; prove again")]
    Stale {
        /// Its age in seconds.
        age: u64,
        /// The source's limit.
        max_age: u64,
    },
    /// It is from the future.
    #[error("the attestation is {0} seconds ahead of the clock here; check both clocks")]
    Future(u64),
    /// It is about another server.
    #[error("the attestation is about {found}, the source about {expected}")]
    Server {
        /// The attested name.
        found: String,
        /// The source's host.
        expected: String,
    },
    /// The transcript does not match the source.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
}

impl VerifyError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => Code::AttestationMalformed,
            Self::Version(_) => Code::AttestationVersion,
            Self::UnknownNotary(_) => Code::NotaryUnknown,
            Self::RevokedNotary(_) => Code::NotaryRevoked,
            Self::ExpiredNotary(_) => Code::NotaryExpired,
            Self::Signature => Code::AttestationSignature,
            Self::Stale { .. } => Code::AttestationStale,
            Self::Future(_) => Code::AttestationFuture,
            Self::Server { .. } => Code::ServerName,
            Self::Transcript(error) => return error.code(),
        }
        .text()
    }
}

/// A private field, as the parties meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCommitment {
    /// The hash domain: first 32 bytes under the hash.
    pub domain: [u8; 32],
    /// The commitment.
    pub digest: [u8; 32],
    /// The window's length in bytes.
    pub window_len: usize,
}

/// What a verified attestation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAttestation {
    /// The session's id.
    pub session: [u8; 32],
    /// The notary's clock when the session began, in seconds since 1970.
    pub time: u64,
    /// The server that answered.
    pub server_name: String,
    /// How prover and notary shared the work. A survey says which modes it accepts.
    pub mode: Mode,
    /// The notary's key id.
    pub notary: String,
    /// The survey that the prover named before the session began.
    pub survey: [u8; 32],
    /// The one-use public key that the prover named before the session began.
    pub provider_key: [u8; 32],
    /// Disclosed fields, by name.
    pub disclosed: BTreeMap<String, String>,
    /// Private fields, by name.
    pub private: BTreeMap<String, FieldCommitment>,
}

/// Verifies an attestation against a source, trusted notary keys, and a clock in seconds since 1970.
///
/// # Errors
/// [`VerifyError`], with a distinct code for each thing that can be wrong.
pub fn verify(
    attestation: &Attestation,
    source: &Source,
    notaries: &[NotaryKey],
    now_unix: u64,
) -> Result<VerifiedAttestation, VerifyError> {
    let statement = &attestation.statement;
    if statement.version != VERSION {
        return Err(VerifyError::Version(statement.version));
    }
    let id = key_id(&attestation.notary);
    // A key listed twice counts as its strictest entry.
    let listed: Vec<&NotaryKey> = notaries.iter().filter(|key| key.key == attestation.notary).collect();
    if listed.is_empty() {
        return Err(VerifyError::UnknownNotary(id));
    }
    if listed.iter().any(|key| key.revoked) {
        return Err(VerifyError::RevokedNotary(id));
    }
    if !signed_by(&attestation.notary, &signed_bytes(statement)?, &attestation.signature) {
        return Err(VerifyError::Signature);
    }
    if !listed.iter().all(|key| key.covers(statement.time)) {
        return Err(VerifyError::ExpiredNotary(id));
    }
    if statement.time > now_unix.saturating_add(MAX_AHEAD) {
        return Err(VerifyError::Future(statement.time - now_unix));
    }
    let age = now_unix.saturating_sub(statement.time);
    if age > source.max_age() {
        return Err(VerifyError::Stale { age, max_age: source.max_age() });
    }
    if statement.server_name != source.host() {
        return Err(VerifyError::Server {
            found: statement.server_name.clone(),
            expected: source.host().to_owned(),
        });
    }
    let matched = match_source(statement, source)?;
    let private = matched
        .private
        .iter()
        .map(|(field, &index)| {
            let commitment = &statement.commitments[index];
            let window_len = commitment.length as usize;
            let domain = commitment.domain(&statement.session);
            (field.clone(), FieldCommitment { domain, digest: commitment.digest, window_len })
        })
        .collect();
    Ok(VerifiedAttestation {
        session: statement.session,
        time: statement.time,
        server_name: statement.server_name.clone(),
        mode: statement.mode,
        notary: id,
        survey: statement.survey,
        provider_key: statement.provider_key,
        disclosed: matched.disclosed,
        private,
    })
}
