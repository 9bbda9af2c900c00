//! The seam between TLS and whoever holds its keys.
//!
//! rustls runs the handshake, but in `mpc` mode nobody holds the session's keys: prover and notary hold shares.
//! [`SessionKeys`] is everything that TLS 1.2 with `ECDHE_*_WITH_AES_128_GCM_SHA256` ever asks of its secrets.
//! Calls come in one order: `client_share`, `agree`, `master_secret`, `key_block`, then `finished` and `seal`
//! for the client's Finished, `open_finished` and `finished` for the server's, `seal` for what the client
//! sends, and, once and last, `reveal`.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Which side of the TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The prover, as TLS client.
    Client,
    /// The website.
    Server,
}

impl Side {
    /// The PRF label of this side's Finished message (RFC 5246, section 7.4.9).
    pub fn finished_label(self) -> &'static [u8; 15] {
        match self {
            Self::Client => b"client finished",
            Self::Server => b"server finished",
        }
    }
}

/// Why the holder of the keys refused or failed. Once it has, the session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The server's key share is not a point on P-256.
    #[error("the server's key share is not a point on P-256")]
    BadShare,
    /// A call out of order, or one that is never granted.
    #[error("the session's keys were asked for something out of order: {0}")]
    OutOfOrder(&'static str),
    /// More bytes than the session's caps allow.
    #[error("the session's cap on {0} is used up")]
    Cap(&'static str),
    /// The protocol with the notary failed.
    #[error("the protocol with the notary failed: {0}")]
    Protocol(String),
}

/// The key and implicit nonce with which the server's records are opened.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ServerKey {
    /// The AES-128 key.
    pub key: [u8; 16],
    /// The first four bytes of every nonce.
    pub iv: [u8; 4],
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey(..)")
    }
}

/// The secrets of one TLS 1.2 session, as its client uses them.
pub trait SessionKeys {
    /// The client's ephemeral P-256 share, as an uncompressed point.
    ///
    /// # Errors
    /// [`KeysError`].
    fn client_share(&mut self) -> Result<[u8; 65], KeysError>;

    /// Completes the key exchange with the server's share, an uncompressed point.
    ///
    /// # Errors
    /// [`KeysError::BadShare`] if it is not on the curve.
    fn agree(&mut self, server_share: &[u8]) -> Result<(), KeysError>;

    /// Derives the extended master secret (RFC 7627) from the hash of the handshake so far.
    ///
    /// # Errors
    /// [`KeysError`].
    fn master_secret(&mut self, session_hash: &[u8; 32]) -> Result<(), KeysError>;

    /// Derives the key block.
    ///
    /// # Errors
    /// [`KeysError`].
    fn key_block(&mut self, server_random: &[u8; 32], client_random: &[u8; 32]) -> Result<(), KeysError>;

    /// The `verify_data` of one side's Finished message, which is public between prover and notary.
    ///
    /// # Errors
    /// [`KeysError`].
    fn finished(&mut self, side: Side, handshake_hash: &[u8; 32]) -> Result<[u8; 12], KeysError>;

    /// Seals the client's next record: explicit nonce (8 bytes), ciphertext, tag (16 bytes).
    ///
    /// # Errors
    /// [`KeysError::Cap`] beyond the session's caps, [`KeysError::OutOfOrder`] after the reveal.
    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, KeysError>;

    /// Opens the server's Finished record, the only one opened before the reveal. `fragment` is explicit nonce,
    /// ciphertext and tag.
    ///
    /// # Errors
    /// [`KeysError::Protocol`] if its tag is wrong.
    fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, KeysError>;

    /// Ends the session: commits to every byte in both directions, and only then learns the server's key.
    /// `client` and `server` are the whole streams, records with their headers.
    ///
    /// # Errors
    /// [`KeysError`].
    fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, KeysError>;
}
