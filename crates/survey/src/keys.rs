//! Ed25519 identities: who signs surveys, records, receipts and certificates.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::id::Id;

/// What a signature is for. The label is signed with the message, so that a signature given for one purpose
/// says nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An organiser signs a survey.
    Survey,
    /// A provider signs a submission.
    Submission,
    /// A party signs a batch record.
    Batch,
    /// A party signs a message to another party or to a coordinator.
    Peer,
    /// A consumer signs a query.
    Query,
    /// A party signs the statement of a release.
    Release,
    /// A server signs an announcement to an outside system.
    Webhook,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Survey => "mpcstats/survey/v1",
            Self::Submission => "mpcstats/submission/v1",
            Self::Batch => "mpcstats/batch/v1",
            Self::Peer => "mpcstats/peer/v1",
            Self::Query => "mpcstats/query/v1",
            Self::Release => "mpcstats/release/v1",
            Self::Webhook => "mpcstats/webhook/v1",
        }
    }

    fn message(self, id: &Id) -> Vec<u8> {
        [self.label().as_bytes(), b"\n", id.as_bytes()].concat()
    }
}

/// A signing identity. Its secret never prints.
#[derive(Clone)]
pub struct Identity(SigningKey);

impl Identity {
    /// A fresh identity from the operating system's randomness.
    pub fn generate() -> Self {
        Self::from_seed(&Zeroizing::new(rand::random()))
    }

    /// The identity with this 32-byte Ed25519 seed (RFC 8032 §5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for key files and for TLS certificates under the same key.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs an id for one purpose.
    pub fn sign(&self, purpose: Purpose, id: &Id) -> Signature {
        Signature(self.0.sign(&purpose.message(id)).to_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?}, secret redacted)", self.public())
    }
}

/// An Ed25519 public key, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether `signature` is this key's over `id` for `purpose`. Strict verification (RFC 8032 with
    /// small-order keys and non-canonical points refused), so that all parties always agree.
    pub fn verify(&self, purpose: Purpose, id: &Id, signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(&purpose.message(id), &signature).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = crate::id::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Id>().map(|id| Self(id.0))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", &hex::encode(self.0)[..12])
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; 32] = hex::serde::deserialize(deserializer)?;
        VerifyingKey::from_bytes(&bytes).map_err(|_| D::Error::custom("not an Ed25519 public key"))?;
        Ok(Self(bytes))
    }
}

/// An Ed25519 signature, written as 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{128}$")]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", &hex::encode(self.0)[..12])
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|_| D::Error::custom("a signature is 128 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

/// A message with its signer's signature. The body is JSON text, kept as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signed<T> {
    /// What is signed.
    pub body: T,
    /// Who signed.
    pub signer: PublicKey,
    /// Over the body's id.
    pub signature: Signature,
}

impl<T: Serialize> Signed<T> {
    /// Signs a body.
    ///
    /// # Errors
    /// [`crate::EncodeError`] if the body has no JSON form.
    pub fn new(body: T, purpose: Purpose, identity: &Identity) -> Result<Self, crate::EncodeError> {
        let signature = identity.sign(purpose, &Id::of(&body)?);
        Ok(Self { body, signer: identity.public(), signature })
    }

    /// Whether the signature is right. Who the signer is, is the caller's to judge.
    pub fn verify(&self, purpose: Purpose) -> bool {
        Id::of(&self.body).is_ok_and(|id| self.signer.verify(purpose, &id, &self.signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_purpose_message_and_key_only() {
        let identity = Identity::generate();
        let id = Id::of_parts("message", &[]);
        let signature = identity.sign(Purpose::Batch, &id);
        assert!(identity.public().verify(Purpose::Batch, &id, &signature));
        assert!(!identity.public().verify(Purpose::Release, &id, &signature));
        assert!(!identity.public().verify(Purpose::Batch, &Id::default(), &signature));
        assert!(!Identity::generate().public().verify(Purpose::Batch, &id, &signature));
    }

    #[test]
    fn secrets_do_not_print() {
        let identity = Identity::from_seed(&[7; 32]);
        assert!(!format!("{identity:?}").contains(&hex::encode([7; 32])));
    }

    #[test]
    fn a_signed_body_refuses_alteration() {
        let mut signed = Signed::new(vec![1, 2, 3], Purpose::Query, &Identity::generate()).unwrap();
        assert!(signed.verify(Purpose::Query));
        signed.body.push(4);
        assert!(!signed.verify(Purpose::Query));
    }
}
