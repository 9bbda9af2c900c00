//! Commitments to private fields, and their openings.
//!
//! ```text
//! commitment = SHA3-256(domain[32] || blinder[32] || window)
//! domain     = SHA-256("mpcstats/commit/v1" || session[32] || direction || offset || length || field name)
//! ```
//!
//! `direction` is one byte (0 sent, 1 received), `offset` and `length` are 32-bit big-endian and count bytes of
//! that direction's plaintext. The domain ties a commitment to one place in one session, so it means nothing
//! anywhere else. SHA3-256 because the parties recompute it inside three-party computation.

use serde::{Deserialize, Serialize};
use sha2::Sha256;
use sha3::{Digest, Sha3_256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::attestation::encoding::{base64_bytes, hex32};

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the prover to the server.
    Sent,
    /// From the server to the prover.
    Received,
}

impl Direction {
    /// The byte that stands for the direction in a commitment's domain.
    fn byte(self) -> u8 {
        match self {
            Self::Sent => 0,
            Self::Received => 1,
        }
    }
}

/// A commitment as the attestation carries it: which bytes, and the digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// The field's name.
    pub field: String,
    /// Which way the bytes went.
    pub direction: Direction,
    /// Where they start in that direction's plaintext.
    pub offset: u32,
    /// How many they are.
    pub length: u32,
    /// The digest.
    #[serde(with = "hex32")]
    pub digest: [u8; 32],
}

impl Commitment {
    /// The hash domain of this commitment in the given session.
    pub fn domain(&self, session: &[u8; 32]) -> [u8; 32] {
        domain(session, self.direction, self.offset, self.length, &self.field)
    }
}

/// The hash domain of a commitment: one place in one session.
pub fn domain(session: &[u8; 32], direction: Direction, offset: u32, length: u32, field: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"mpcstats/commit/v1");
    hash.update(session);
    hash.update([direction.byte()]);
    hash.update(offset.to_be_bytes());
    hash.update(length.to_be_bytes());
    hash.update(field.as_bytes());
    hash.finalize().into()
}

/// The commitment to a window.
pub fn commit(domain: &[u8; 32], blinder: &[u8; 32], window: &[u8]) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    hash.update(domain);
    hash.update(blinder);
    hash.update(window);
    hash.finalize().into()
}

/// The private part of a commitment. It stays with the provider, who shares it among the parties.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The field's name.
    #[zeroize(skip)]
    pub field: String,
    /// The random bytes that hide the window.
    #[serde(with = "hex32")]
    pub blinder: [u8; 32],
    /// The bytes committed to.
    #[serde(with = "base64_bytes")]
    pub window: Vec<u8>,
}

impl Opening {
    /// True if this opens `digest` under `domain`.
    pub fn opens(&self, domain: &[u8; 32], digest: &[u8; 32]) -> bool {
        commit(domain, &self.blinder, &self.window).ct_eq(digest).into()
    }
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("field", &self.field).finish_non_exhaustive()
    }
}
