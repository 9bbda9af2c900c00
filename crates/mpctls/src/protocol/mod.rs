//! What prover and notary say to each other.
//!
//! ```text
//! prover                                   notary
//!   Hello: mode, source, survey, key  ──►    judges host, mode, caps
//!                                     ◄──    Reply: nonce, clock, caps
//!   ◄───────── correlated OT (both modes), garbled tables (mpc) ─────────►
//!   ◄───────── the TLS session: relayed (proxy) or computed together (mpc) ─────────►
//!   Claim: what is shown, committed   ──►    matches it against the source
//!   ◄───────── the proof ─────────►
//!                                     ◄──    Verdict: the attestation
//! ```
//!
//! Survey and provider key are named before the session begins, and the session's id is a hash over them and a
//! random string from each side.

mod notary;
mod outbound;
mod prover;
mod relay;

pub use notary::{Connect, Notary, NotaryError, NotaryReport, Policy, turn_away};
pub use outbound::Outbound;
pub use prover::{Preparation, ProveError, Proven, Prover, Stage};
pub use relay::StreamLink;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use twopc::channel::{Channel, ChannelError};

use crate::attestation::encoding::hex32;
use crate::attestation::{Attestation, Mode, RedactedBytes};
use crate::commitment::Commitment;
use crate::source::{MAX_SOURCE, Source};

/// The version of this protocol.
const VERSION: u32 = 1;

/// The longest greeting, in bytes: a source and little else.
const MAX_HELLO: usize = 4 * MAX_SOURCE;
/// The longest reply.
const MAX_REPLY: usize = 4096;
/// The longest claim or verdict: all of a session's plaintext, in Base64.
const MAX_CLAIM: usize = crate::attestation::MAX_ATTESTATION;

/// The prover's first message.
#[derive(Serialize, Deserialize)]
struct Hello {
    version: u32,
    mode: Mode,
    source: Source,
    #[serde(with = "hex32")]
    survey: [u8; 32],
    #[serde(with = "hex32")]
    provider_key: [u8; 32],
    #[serde(with = "hex32")]
    nonce: [u8; 32],
}

/// The notary's caps on one session, in bytes of TLS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From prover to server.
    pub sent: usize,
    /// From server to prover.
    pub received: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sent: 16 * 1024, received: 128 * 1024 }
    }
}

/// The notary's answer to a greeting.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Accepted {
        #[serde(with = "hex32")]
        nonce: [u8; 32],
        time: u64,
        limits: Limits,
    },
    Refused(Refusal),
}

/// What the prover wants attested.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    sent: RedactedBytes,
    received: RedactedBytes,
    commitments: Vec<Commitment>,
}

/// Whether the notary goes on: after it has connected to the server, and after it has matched the claim.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Go,
    Refused(Refusal),
}

/// The notary's last word.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Attested(Box<Attestation>),
    Refused(Refusal),
}

/// Why a notary does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the notary refused ({code}): {message}")]
pub struct Refusal {
    /// A stable name for the reason.
    pub code: String,
    /// The reason in words, with a next step where there is one.
    pub message: String,
}

impl Refusal {
    fn new(code: &str, message: impl std::fmt::Display) -> Self {
        let message: String = message.to_string().chars().take(1024).collect();
        Self { code: code.to_owned(), message }
    }
}

/// The session's id.
fn session_id(hello: &Hello, notary_nonce: &[u8; 32], time: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"mpcstats/session/v1");
    hash.update(hello.nonce);
    hash.update(notary_nonce);
    hash.update(hello.survey);
    hash.update(hello.provider_key);
    hash.update([match hello.mode {
        Mode::Mpc => 0,
        Mode::Proxy => 1,
    }]);
    hash.update(time.to_be_bytes());
    hash.update(hello.source.host().as_bytes());
    hash.finalize().into()
}

/// Sends one value as JSON.
fn send<T: Serialize>(channel: &mut dyn Channel, value: &T) -> Result<(), ChannelError> {
    // These types always have a JSON form; an empty message would be refused by the peer.
    channel.send(&serde_json::to_vec(value).unwrap_or_default())?;
    channel.flush()
}

/// Receives one value as JSON; `Ok(None)` if it has another shape.
fn recv<T: DeserializeOwned>(channel: &mut dyn Channel, limit: usize) -> Result<Option<T>, ChannelError> {
    Ok(serde_json::from_slice(&channel.recv(limit)?).ok())
}
