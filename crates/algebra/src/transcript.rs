//! Hashing of labelled messages, from which challenges and digests are drawn.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// SHA-256 over a sequence of labelled messages. Every part is length-prefixed, so that two different
/// sequences never feed the hash the same bytes.
#[derive(Clone)]
pub struct Transcript {
    hash: Sha256,
}

impl Transcript {
    /// Opens a transcript of the protocol named `domain`.
    pub fn new(domain: &str) -> Self {
        let mut transcript = Self { hash: Sha256::new() };
        transcript.absorb(domain.as_bytes());
        transcript
    }

    /// Appends a message.
    pub fn append(&mut self, label: &str, message: &[u8]) {
        self.absorb(label.as_bytes());
        self.absorb(message);
    }

    /// Appends a number.
    pub fn append_u64(&mut self, label: &str, number: u64) {
        self.append(label, &number.to_le_bytes());
    }

    /// The hash of all that was appended; the transcript goes on unchanged.
    pub fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// Draws a challenge from all that was appended, and appends the drawing: the next challenge differs.
    pub fn challenge(&mut self, label: &str) -> [u8; 32] {
        self.append("challenge", label.as_bytes());
        let digest = self.digest();
        self.absorb(&digest);
        digest
    }

    fn absorb(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transcript(..)")
    }
}

/// HMAC-SHA-256 of a message: a digest that cannot be searched for without the key.
pub fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // A 32-byte key fits in one block of the hash, so that the general constructor's error cannot occur.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}
