//! What makes an account count once without being remembered.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::id::Id;

/// A keyed hash of an account id, within one survey. Each party has a key of its own and keeps its own set:
/// the hashes of two parties cannot be matched, and without the key they cannot be searched. Whoever holds a
/// party's key can test whether a given account took part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nullifier(pub Id);

/// A party's secret for its nullifiers. Never prints.
#[derive(Clone)]
pub struct NullifierKey(Zeroizing<[u8; 32]>);

impl NullifierKey {
    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh key from the operating system's randomness.
    pub fn generate() -> Self {
        Self::from_bytes(rand::random())
    }

    /// The bytes, for key files.
    pub fn bytes(&self) -> &Zeroizing<[u8; 32]> {
        &self.0
    }

    /// HMAC-SHA256 of survey and account under this key.
    pub fn nullifier(&self, survey: &Id, account: &str) -> Nullifier {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else {
            unreachable!("HMAC takes keys of every length")
        };
        mac.update(b"mpcstats/nullifier/v1");
        mac.update(survey.as_bytes());
        mac.update(account.as_bytes());
        Nullifier(Id(mac.finalize().into_bytes().into()))
    }
}

impl std::fmt::Debug for NullifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NullifierKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_nullifier_per_key_and_survey() {
        let key = NullifierKey::generate();
        let (one, other) = (Id::of_parts("1", &[]), Id::of_parts("2", &[]));
        assert_eq!(key.nullifier(&one, "alice"), key.nullifier(&one, "alice"));
        assert_ne!(key.nullifier(&one, "alice"), key.nullifier(&one, "bob"));
        assert_ne!(key.nullifier(&one, "alice"), key.nullifier(&other, "alice"));
        assert_ne!(key.nullifier(&one, "alice"), NullifierKey::generate().nullifier(&one, "alice"));
        assert_eq!(format!("{key:?}"), "NullifierKey(redacted)");
    }
}
