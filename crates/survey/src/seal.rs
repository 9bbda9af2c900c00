//! HPKE (RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305): what travels through others is sealed to its
//! reader, with associated data that says where it belongs.

use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;
use zeroize::Zeroizing;

const INFO: &[u8] = b"mpcstats/seal/v1";
const ENCAPSULATED: usize = 32;

/// A public key that things are sealed to, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct SealingKey(pub [u8; 32]);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", &hex::encode(self.0)[..12])
    }
}

impl fmt::Display for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for SealingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for SealingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::serde::deserialize(deserializer).map(Self)
    }
}

/// Something could not be sealed or opened. It does not say why: the reasons would help an attacker only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be sealed or opened: the key, the associated data or the contents do not fit")]
pub struct SealError;

/// The secret half of a [`SealingKey`]. Never prints.
#[derive(Clone)]
pub struct OpeningKey {
    secret: Zeroizing<[u8; 32]>,
    public: SealingKey,
}

impl OpeningKey {
    /// A fresh key from the operating system's randomness.
    ///
    /// # Errors
    /// Never in practice; see [`OpeningKey::from_bytes`].
    pub fn generate() -> Result<Self, SealError> {
        Self::from_bytes(&Zeroizing::new(rand::random()))
    }

    /// The key with these 32 secret bytes (an X25519 scalar, clamped on use).
    ///
    /// # Errors
    /// [`SealError`] if the bytes are no X25519 secret.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, SealError> {
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret).map_err(|_| SealError)?;
        let public = X25519HkdfSha256::sk_to_pk(&private).to_bytes();
        Ok(Self { secret: Zeroizing::new(*secret), public: SealingKey(public.into()) })
    }

    /// The secret bytes, for key files.
    pub fn bytes(&self) -> &Zeroizing<[u8; 32]> {
        &self.secret
    }

    /// The public half.
    pub const fn public(&self) -> SealingKey {
        self.public
    }

    /// Opens what was sealed to this key under the same associated data.
    ///
    /// # Errors
    /// [`SealError`] if it was sealed to another key or for another place, or was altered.
    pub fn open(&self, sealed: &Sealed, associated: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (encapsulated, ciphertext) = sealed.0.split_at_checked(ENCAPSULATED).ok_or(SealError)?;
        let private =
            <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&*self.secret).map_err(|_| SealError)?;
        let encapsulated =
            <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| SealError)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            INFO,
            ciphertext,
            associated,
        )
        .map(Zeroizing::new)
        .map_err(|_| SealError)
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningKey({:?}, secret redacted)", self.public)
    }
}

/// An encapsulated key and a ciphertext, written as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^([0-9a-f]{2})+$")]
pub struct Sealed(pub Vec<u8>);

impl Sealed {
    /// How much longer than its contents a sealed message is: encapsulated key and tag.
    pub const OVERHEAD: usize = ENCAPSULATED + 16;

    /// Seals to a key, bound to associated data.
    ///
    /// # Errors
    /// [`SealError`] if the key is no X25519 public key.
    pub fn new(
        contents: &[u8],
        to: &SealingKey,
        associated: &[u8],
        random: &mut impl CryptoRng,
    ) -> Result<Self, SealError> {
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| SealError)?;
        let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(
            &OpModeS::Base, &public, INFO, contents, associated, random
        )
        .map_err(|_| SealError)?;
        Ok(Self([encapsulated.to_bytes().as_slice(), &ciphertext].concat()))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = hex::serde::deserialize(deserializer)?;
        if bytes.len() < Self::OVERHEAD {
            return Err(D::Error::custom("too short to be sealed"));
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_for_the_reader_in_its_place_only() {
        let key = OpeningKey::generate().unwrap();
        let sealed = Sealed::new(b"share", &key.public(), b"digest, party 1", &mut rand::rng()).unwrap();
        assert_eq!(sealed.0.len(), b"share".len() + Sealed::OVERHEAD);
        assert_eq!(key.open(&sealed, b"digest, party 1").unwrap().as_slice(), b"share");
        assert_eq!(key.open(&sealed, b"digest, party 2").unwrap_err(), SealError);
        assert!(OpeningKey::generate().unwrap().open(&sealed, b"digest, party 1").is_err());
        for position in 0..sealed.0.len() {
            let mut altered = sealed.clone();
            altered.0[position] ^= 1;
            assert!(key.open(&altered, b"digest, party 1").is_err(), "byte {position} was altered");
        }
        assert!(key.open(&Sealed(vec![0; 5]), b"").is_err(), "too short must not panic");
    }
}
