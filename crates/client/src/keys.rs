//! Key files: the secrets of a party or consumer, made and rotated by command, readable by their owner only.

use std::path::Path;

use rand::{CryptoRng, RngExt as _};
use serde::{Deserialize, Serialize};
use survey::{Code, Identity, NullifierKey, OpeningKey, Refusal};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The secrets of a party; consumers and coordinators use the first two and the first.
#[derive(Clone, Debug)]
pub struct Keys {
    /// What it signs with; its TLS certificate is under the same key.
    pub identity: Identity,
    /// What opens things sealed to it.
    pub opening: OpeningKey,
    /// What its nullifiers are made with. To be kept for a survey's life: with another, accounts count again.
    pub nullifiers: NullifierKey,
}

/// The file's form: hexadecimal secrets.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct File {
    identity: String,
    sealing: String,
    nullifiers: String,
}

impl Keys {
    /// Fresh keys.
    ///
    /// # Errors
    /// Never in practice; see [`OpeningKey::from_bytes`].
    pub fn generate() -> Result<Self, Refusal> {
        Self::from_random(&mut rand::rng())
    }

    /// The keys that follow from this randomness.
    ///
    /// # Errors
    /// Never in practice; see [`OpeningKey::from_bytes`].
    pub fn from_random(random: &mut impl CryptoRng) -> Result<Self, Refusal> {
        let mut secret = || Zeroizing::new(random.random::<[u8; 32]>());
        Ok(Self {
            identity: Identity::from_seed(&secret()),
            opening: OpeningKey::from_bytes(&secret())
                .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?,
            nullifiers: NullifierKey::from_bytes(*secret()),
        })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`Code::InvalidConfiguration`] if it cannot be read or does not parse.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        let fault =
            |why: String| Refusal::new(Code::InvalidConfiguration, format!("{}: {why}", path.display()));
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?);
        // The error of the parser would quote the line, which holds a secret.
        let file: File = toml::from_str(&text).map_err(|_| fault("is not a key file".into()))?;
        let secret = |text: &str| {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text, &mut *bytes)
                .map_err(|_| fault("a key is 64 hexadecimal digits".into()))?;
            Ok::<_, Refusal>(bytes)
        };
        Ok(Self {
            identity: Identity::from_seed(&*secret(&file.identity)?),
            opening: OpeningKey::from_bytes(&*secret(&file.sealing)?)
                .map_err(|error| fault(error.to_string()))?,
            nullifiers: NullifierKey::from_bytes(*secret(&file.nullifiers)?),
        })
    }

    /// Writes a key file that only its owner can read. It never overwrites one.
    ///
    /// # Errors
    /// [`Code::InvalidConfiguration`] if there is a file already, or it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Refusal> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let fault = |error: std::io::Error| {
            Refusal::new(Code::InvalidConfiguration, format!("{}: {error}", path.display()))
        };
        let file = File {
            identity: hex::encode(*self.identity.seed()),
            sealing: hex::encode(**self.opening.bytes()),
            nullifiers: hex::encode(**self.nullifiers.bytes()),
        };
        let text = Zeroizing::new(format!(
            "# Secret keys: keep them out of backups that others read.\n\
             identity = \"{}\"\nsealing = \"{}\"\nnullifiers = \"{}\"\n",
            file.identity, file.sealing, file.nullifiers
        ));
        let mut out =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fault)?;
        out.write_all(text.as_bytes()).map_err(fault)?;
        out.sync_all().map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_round_trip_privately_and_are_not_overwritten() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("party.key");
        let keys = Keys::generate().unwrap();
        keys.write(&path).unwrap();
        let read = Keys::read(&path).unwrap();
        assert_eq!(read.identity.public(), keys.identity.public());
        assert_eq!(read.opening.public(), keys.opening.public());
        assert_eq!(read.nullifiers.bytes(), keys.nullifiers.bytes());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(keys.write(&path).unwrap_err().code, Code::InvalidConfiguration);
        std::fs::write(&path, "identity = 'secret text'").unwrap();
        assert!(!Keys::read(&path).unwrap_err().detail.contains("secret text"));
    }
}
