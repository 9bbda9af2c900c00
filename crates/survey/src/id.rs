//! Ids and the one canonical encoding behind them: RFC 8785 JSON, hashed with SHA-256.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// 32 bytes that name something by its content: a survey, a submission, a plan, a record, a root.
///
/// Written as 64 lowercase hexadecimal digits wherever text is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct Id(pub [u8; 32]);

impl Id {
    /// SHA-256 of a value's canonical JSON.
    ///
    /// # Errors
    /// [`EncodeError`] if the value has no JSON form (a map with keys that are not strings, a number that is
    /// not finite).
    pub fn of<T: Serialize>(value: &T) -> Result<Self, EncodeError> {
        Ok(Self(Sha256::digest(canonical(value)?).into()))
    }

    /// SHA-256 over a label and parts, each preceded by its length, so that no two lists of parts collide.
    pub fn of_parts(label: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A value could not be written as canonical JSON.
#[derive(Debug, thiserror::Error)]
#[error("cannot be written as canonical JSON: {0}")]
pub struct EncodeError(#[from] serde_json::Error);

/// The canonical JSON (RFC 8785) of a value: what is hashed and signed everywhere.
///
/// # Errors
/// [`EncodeError`] if the value has no JSON form.
pub fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// Text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 64 hexadecimal digits")]
pub struct ParseIdError;

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseIdError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", &hex::encode(self.0)[..12])
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::serde::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_order_and_spacing_do_not_change_an_id() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b": 1, "a": [true, null]}"#).unwrap();
        let b: serde_json::Value = serde_json::from_str(r#"{"a":[true,null],"b":1}"#).unwrap();
        assert_eq!(Id::of(&a).unwrap(), Id::of(&b).unwrap());
        assert_eq!(canonical(&a).unwrap(), br#"{"a":[true,null],"b":1}"#);
    }

    #[test]
    fn parts_are_framed() {
        assert_ne!(Id::of_parts("x", &[b"ab", b"c"]), Id::of_parts("x", &[b"a", b"bc"]));
        assert_ne!(Id::of_parts("x", &[]), Id::of_parts("x", &[b""]));
    }

    #[test]
    fn text_round_trips() {
        let id = Id::of_parts("test", &[]);
        assert_eq!(id.to_string().parse::<Id>(), Ok(id));
        assert_eq!("00".parse::<Id>(), Err(ParseIdError));
    }
}
