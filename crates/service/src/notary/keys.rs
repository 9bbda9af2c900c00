//! The notary's keys on disk: one that signs, and the public history of all of them.
//!
//! ```text
//! notary.key   the seed of the signing key, in hexadecimal, readable by its owner only
//! keys.json    every public key with its period: what surveys list and verifiers are given
//! ```

use ed25519_dalek::SigningKey;
use mpctls::{NotaryKey, NotarySigningKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use crate::private_file;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The key file can be read by others.
    #[error(
        "{0} can be read by others; run `chmod 600` on it, and rotate the key if others may have read it"
    )]
    Permissions(PathBuf),
    /// A file holds something else.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// The key does not exist.
    #[error("there is no key {0}; `mpcstats notary keys` lists them")]
    Unknown(String),
}

/// The keys of one notary.
pub struct KeyStore {
    folder: PathBuf,
    seed: Zeroizing<[u8; 32]>,
    history: Vec<NotaryKey>,
}

impl KeyStore {
    /// Opens the keys in a folder, or makes the first one.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn open(folder: &Path, now: u64) -> Result<Self, KeyStoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| KeyStoreError::File { path, cause }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let (secret, public) = (folder.join("notary.key"), folder.join("keys.json"));
        let mut store =
            Self { folder: folder.to_owned(), seed: Zeroizing::new([0; 32]), history: Vec::new() };
        if public.exists() {
            let json = std::fs::read_to_string(&public).map_err(failed(&public))?;
            store.history = serde_json::from_str(&json)
                .map_err(|e| KeyStoreError::Damaged(public.clone(), e.to_string()))?;
        }
        if !secret.exists() {
            store.make(now)?;
            return Ok(store);
        }
        #[cfg(unix)]
        if private_file::is_open(&secret).map_err(failed(&secret))? {
            return Err(KeyStoreError::Permissions(secret));
        }
        let text = Zeroizing::new(std::fs::read_to_string(&secret).map_err(failed(&secret))?);
        hex::decode_to_slice(text.trim(), store.seed.as_mut())
            .map_err(|_| KeyStoreError::Damaged(secret.clone(), "it is not a key in hexadecimal".into()))?;
        let key = store.signing_key().public().key;
        if !store.history.iter().any(|entry| entry.key == key) {
            store.history.push(NotaryKey { not_before: Some(now), ..NotaryKey::new(key) });
            store.write_history()?;
        }
        Ok(store)
    }

    /// The key that signs.
    pub fn signing_key(&self) -> NotarySigningKey {
        NotarySigningKey::from_seed(&self.seed)
    }

    /// The same key, for the TLS connection to provers.
    pub fn identity(&self) -> net::Identity {
        net::Identity::from_key(SigningKey::from_bytes(&self.seed))
    }

    /// Every key with its period.
    pub fn history(&self) -> &[NotaryKey] {
        &self.history
    }

    /// Makes a new signing key. The old one's period ends in `overlap` seconds, so that sessions under way and
    /// attestations already made still count; its secret is gone.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn rotate(&mut self, now: u64, overlap: u64) -> Result<NotaryKey, KeyStoreError> {
        let old = self.signing_key().public().key;
        for entry in self.history.iter_mut().filter(|entry| entry.key == old) {
            entry.not_after = Some(now + overlap);
        }
        self.make(now)
    }

    /// Marks a key as lost: nothing it ever signed counts. A lost signing key is replaced at once.
    ///
    /// # Errors
    /// [`KeyStoreError::Unknown`] if there is no such key.
    pub fn revoke(&mut self, id: &str, now: u64) -> Result<(), KeyStoreError> {
        let entry = self.history.iter_mut().find(|entry| entry.id() == id);
        entry.ok_or_else(|| KeyStoreError::Unknown(id.to_owned()))?.revoked = true;
        if self.signing_key().public().id() == id {
            self.make(now)?;
        }
        self.write_history()
    }

    fn make(&mut self, now: u64) -> Result<NotaryKey, KeyStoreError> {
        rand::Rng::fill_bytes(&mut rand::rng(), self.seed.as_mut());
        let path = self.folder.join("notary.key");
        let text = Zeroizing::new(hex::encode(self.seed.as_slice()));
        private_file::write(&path, text.as_bytes()).map_err(|cause| KeyStoreError::File { path, cause })?;
        let key = NotaryKey { not_before: Some(now), ..self.signing_key().public() };
        self.history.push(key.clone());
        self.write_history()?;
        Ok(key)
    }

    fn write_history(&self) -> Result<(), KeyStoreError> {
        let path = self.folder.join("keys.json");
        let json = serde_json::to_vec_pretty(&self.history)
            .map_err(|e| KeyStoreError::Damaged(path.clone(), e.to_string()))?;
        private_file::write(&path, &json).map_err(|cause| KeyStoreError::File { path, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_key_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let first = KeyStore::open(folder.path(), 1000).unwrap();
        let again = KeyStore::open(folder.path(), 2000).unwrap();
        assert_eq!(first.signing_key().public(), again.signing_key().public());
        assert_eq!(again.history().len(), 1);
        let key = folder.path().join("notary.key");
        assert!(!private_file::is_open(&key).unwrap());
        std::os::unix::fs::PermissionsExt::set_mode(
            &mut std::fs::metadata(&key).unwrap().permissions(),
            0o644,
        );
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(KeyStore::open(folder.path(), 3000), Err(KeyStoreError::Permissions(_))));
    }

    #[test]
    fn rotation_ends_the_old_key_s_period_and_revocation_ends_its_word() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = KeyStore::open(folder.path(), 1000).unwrap();
        let old = store.signing_key().public().id();
        let new = store.rotate(5000, 60).unwrap();
        assert_eq!(store.signing_key().public().id(), new.id());
        assert_eq!(store.history()[0].not_after, Some(5060));
        store.revoke(&old, 6000).unwrap();
        store.revoke(&new.id(), 7000).unwrap();
        assert!(matches!(store.revoke("0000000000000000", 8000), Err(KeyStoreError::Unknown(_))));
        let store = KeyStore::open(folder.path(), 9000).unwrap();
        assert_eq!(store.history().iter().filter(|key| key.revoked).count(), 2);
        assert_eq!(store.history().len(), 3);
        assert!(!store.history()[2].revoked);
        assert_eq!(store.history()[2].id(), store.signing_key().public().id());
    }
}
