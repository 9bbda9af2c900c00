//! Notary keys: what verifiers trust.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::encoding::hex32;

/// A notary's public key, with the period in which its word counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotaryKey {
    /// The Ed25519 public key.
    #[serde(with = "hex32")]
    pub key: [u8; 32],
    /// Sessions before this time (seconds since 1970) do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Sessions after this time do not count: the key was rotated out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<u64>,
    /// The key was lost: nothing it signed counts, whatever time it claims, because a thief backdates.
    #[serde(default)]
    pub revoked: bool,
}

impl NotaryKey {
    /// A key without limits.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, not_before: None, not_after: None, revoked: false }
    }

    /// A short name for the key: the first 16 hexadecimal digits of its SHA-256 hash.
    pub fn id(&self) -> String {
        key_id(&self.key)
    }

    /// True if sessions at `time` fall into the key's period.
    pub(crate) fn covers(&self, time: u64) -> bool {
        self.not_before.is_none_or(|start| start <= time) && self.not_after.is_none_or(|end| time <= end)
    }
}

/// The short name of an Ed25519 public key.
pub fn key_id(key: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(key)[..8])
}

/// A notary's signing key. Wiped when dropped, never printed.
pub struct NotarySigningKey(SigningKey);

impl NotarySigningKey {
    /// A key from its 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public key that verifiers are given.
    pub fn public(&self) -> NotaryKey {
        NotaryKey::new(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for NotarySigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NotarySigningKey({})", self.public().id())
    }
}

/// True if `signature` over `message` is by `key`; strict, so that a signature has one form.
pub(crate) fn signed_by(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}
