//! `mpc` mode: the session's keys exist only as shares between prover and notary (2023/964, "garble, then
//! prove").
//!
//! The prover garbles and owns the TCP connection; the notary evaluates. Both follow one straight line, which is
//! the protocol's whole state machine: nothing can be asked for out of order, or twice.
//!
//! 1. [`Prover::prepare`], [`Notary::prepare`]: oblivious transfers, OLEs and all garbled tables that the caps
//!    allow, before the server is contacted.
//! 2. [`exchange`]: the client's key share is the sum of a point of each party. Shares of the premaster secret
//!    are computed twice with the roles of the OLEs swapped; the circuit opens one bit, whether they agree.
//! 3. [`circuits`]: the steps of the TLS key schedule and of sealing. HMAC midstates and chain values are opened,
//!    keys stay wires. The request's keystream is opened to the prover alone.
//! 4. [`ghash`]: tags of what the client sends, by shares of powers of GHASH's key. The prover hands over its
//!    ciphertext and its share of the tag before it gets the notary's: a tag is for one ciphertext, and the notary
//!    gives it once, under its own sequence number.
//! 5. Reveal: the prover hands over every byte that went either way. The notary reads them
//!    ([`Session::read`](crate::tls::Session::read)), compares them with what it took part in, and only then
//!    opens its inputs. From here on nothing is sealed.
//! 6. [`replay`]: in zero knowledge the prover runs every step again on what it committed to at the start; the
//!    notary compares every value that was opened online, and recomputes every tag.
//!
//! # What keeps whom honest
//! Garbling protects the prover from a malicious notary: the notary sees labels, and every value it reports comes
//! with a digest of labels that it could not have otherwise. It does not protect the notary from a prover that
//! garbles something else; the replay does. What it reports is values alone: of labels, only those go out that the
//! prover named beforehand, so that none can carry more than its bit. The prover's shares of the premaster secret, and the colours that
//! hide keystream from the notary, are committed to before the notary reports anything that depends on its own
//! secrets; so there is one set of values that the notary's reports can match, and it is the honest one.
//!
//! Aborts are uniform: whatever fails, the session ends and the peer learns nothing but that. By failing on
//! purpose a party can test a guess about bits of the other's *ephemeral* shares: `k` bits with probability
//! `2^-k` of not being noticed.

mod circuits;
mod exchange;
mod ghash;
mod notary;
mod prf;
mod prover;
mod replay;

pub use notary::Notary;
pub use prover::Prover;

use crate::code::Code;
use crate::proof::ProofError;
use crate::tls::{KeysError, SessionError};
use twopc::Error as ProtocolError;

/// The longest request. It is sent as one record, and each of its kilobytes costs 10.5 MB of tables, which the notary
/// holds until they are used.
pub const MAX_REQUEST: usize = 1 << 12;
/// The longest response.
pub const MAX_RESPONSE: usize = 1 << 20;
/// Room for a handshake, certificates included, in each direction.
const HANDSHAKE: usize = 1 << 16;

/// How much one session may send and receive, in bytes of HTTP. Both parties use the same; the garbled tables for
/// the request are made for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the request.
    pub request: usize,
    /// Bytes of the response.
    pub response: usize,
}

impl Caps {
    /// The largest.
    pub const MAX: Self = Self { request: MAX_REQUEST, response: MAX_RESPONSE };

    /// Refuses caps that are beyond the limits, or make no sense.
    pub(crate) fn check(self, limits: Self) -> Result<(), MpcError> {
        let request = 1..=limits.request.min(MAX_REQUEST);
        if request.contains(&self.request) && self.response <= limits.response.min(MAX_RESPONSE) {
            Ok(())
        } else {
            Err(MpcError::Caps { request: limits.request, response: limits.response })
        }
    }

    fn encode(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&(self.request as u32).to_le_bytes());
        bytes[4..].copy_from_slice(&(self.response as u32).to_le_bytes());
        bytes
    }

    fn decode(bytes: [u8; 8]) -> Self {
        let [request, response] =
            [0, 4].map(|i| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]) as usize);
        Self { request, response }
    }

    /// Blocks of AES that the request may take.
    fn request_blocks(self) -> usize {
        self.request.div_ceil(16)
    }

    /// The longest streams of bytes that the notary will read.
    fn streams(self) -> [usize; 2] {
        // A server may send tiny records; each has 29 bytes around its plaintext.
        [HANDSHAKE + self.request, HANDSHAKE + 8 * self.response]
    }
}

/// Why a session ended without a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MpcError {
    /// Caps beyond the limits.
    #[error(
        "the session asks for more than is allowed: a request of 1 to {request} bytes, a response of at most {response}"
    )]
    Caps {
        /// The limit on the request.
        request: usize,
        /// The limit on the response.
        response: usize,
    },
    /// The two-party protocol failed.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The streams do not show a session that can be attested.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The proof failed.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// What the peer handed over is not what happened.
    #[error("the session contradicts what the notary took part in: {0}")]
    Contradiction(&'static str),
    /// The key exchange failed.
    #[error("the key exchange failed: {0}")]
    Exchange(&'static str),
    /// A call at the wrong time.
    #[error("the session is not at that point: {0}")]
    OutOfOrder(&'static str),
}

impl MpcError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Caps { .. } => Code::MpcCaps,
            Self::Protocol(_) => Code::MpcProtocol,
            Self::Session(error) => return error.code(),
            Self::Proof(_) => Code::MpcProof,
            Self::Contradiction(_) => Code::MpcContradiction,
            Self::Exchange(_) => Code::MpcKeyExchange,
            Self::OutOfOrder(_) => Code::MpcOutOfOrder,
        }
        .text()
    }
}

impl From<twopc::channel::ChannelError> for MpcError {
    fn from(error: twopc::channel::ChannelError) -> Self {
        Self::Protocol(error.into())
    }
}

impl From<MpcError> for KeysError {
    fn from(error: MpcError) -> Self {
        match error {
            MpcError::OutOfOrder(what) => Self::OutOfOrder(what),
            MpcError::Caps { .. } => Self::Cap("bytes sent"),
            error => Self::Protocol(error.to_string()),
        }
    }
}

/// Correlations for the notary's inputs and for the OLEs in which the prover sends.
fn label_cots() -> usize {
    512 + 256 * exchange::OLES
}

/// Correlations for the proof, and for the OLEs in which the notary sends. More are made on the way if the
/// response turns out to need them.
fn proof_cots(program: &[circuits::Step], caps: Caps) -> usize {
    let proven: usize = program.iter().map(|step| step.proof_bits()).sum();
    let oles = 256 * exchange::OLES + 128 * ghash::oles_for(ghash::powers_for(caps.request.max(16)));
    let hidden = 128 * (caps.request_blocks() + 3);
    // Tags and Finished of both sides, a block or two and a commitment for a private field.
    let rest = 1 << 17;
    proven + oles + hidden + rest
}
