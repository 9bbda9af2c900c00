//! Session keys held by one process: what `mpc` mode shares between two. It shows that the provider with handles
//! is TLS, and lets tests of the seam run without two-party computation.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use mpctls::tls::{KeysError, ServerKey, SessionKeys, Side};
use p256::PublicKey;
use p256::ecdh::EphemeralSecret;
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use sha2::Sha256;

/// Keys in one place.
pub struct WholeKeys {
    secret: EphemeralSecret,
    premaster: Vec<u8>,
    master: Vec<u8>,
    block: Vec<u8>,
    sequence: u64,
    revealed: bool,
}

impl WholeKeys {
    pub fn new() -> Self {
        Self {
            secret: EphemeralSecret::generate(),
            premaster: vec![],
            master: vec![],
            block: vec![],
            sequence: 0,
            revealed: false,
        }
    }
}

fn prf(secret: &[u8], label: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
    let mac = |parts: &[&[u8]]| {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).unwrap();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    };
    let mut chain = mac(&[label, seed]);
    let mut out = vec![];
    while out.len() < length {
        out.extend(mac(&[&chain, label, seed]));
        chain = mac(&[&chain]);
    }
    out.truncate(length);
    out
}

fn cipher(key: &[u8]) -> Aes128Gcm {
    Aes128Gcm::new(&Key::<Aes128Gcm>::try_from(key).unwrap())
}

fn additional_data(sequence: u64, content_type: u8, length: usize) -> Vec<u8> {
    [&sequence.to_be_bytes()[..], &[content_type, 3, 3], &(length as u16).to_be_bytes()].concat()
}

impl SessionKeys for WholeKeys {
    fn client_share(&mut self) -> Result<[u8; 65], KeysError> {
        Ok(self.secret.public_key().to_sec1_point(false).as_bytes().try_into().unwrap())
    }

    fn agree(&mut self, server_share: &[u8]) -> Result<(), KeysError> {
        let point = PublicKey::from_sec1_bytes(server_share).map_err(|_| KeysError::BadShare)?;
        self.premaster = self.secret.diffie_hellman(&point).raw_secret_bytes().to_vec();
        Ok(())
    }

    fn master_secret(&mut self, session_hash: &[u8; 32]) -> Result<(), KeysError> {
        self.master = prf(&self.premaster, b"extended master secret", session_hash, 48);
        Ok(())
    }

    fn key_block(&mut self, server_random: &[u8; 32], client_random: &[u8; 32]) -> Result<(), KeysError> {
        self.block = prf(&self.master, b"key expansion", &[&server_random[..], client_random].concat(), 40);
        Ok(())
    }

    fn finished(&mut self, side: Side, handshake_hash: &[u8; 32]) -> Result<[u8; 12], KeysError> {
        Ok(prf(&self.master, side.finished_label(), handshake_hash, 12).try_into().unwrap())
    }

    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, KeysError> {
        if self.revealed {
            return Err(KeysError::OutOfOrder("a seal after the reveal"));
        }
        let explicit = self.sequence.to_be_bytes();
        let nonce = Nonce::try_from(&[&self.block[32..36], &explicit].concat()[..]).unwrap();
        let aad = additional_data(self.sequence, content_type, plaintext.len());
        self.sequence += 1;
        let sealed =
            cipher(&self.block[..16]).encrypt(&nonce, Payload { msg: plaintext, aad: &aad }).unwrap();
        Ok([&explicit[..], &sealed].concat())
    }

    fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, KeysError> {
        let nonce = Nonce::try_from(&[&self.block[36..40], &fragment[..8]].concat()[..]).unwrap();
        let aad = additional_data(0, 22, fragment.len() - 24);
        cipher(&self.block[16..32])
            .decrypt(&nonce, Payload { msg: &fragment[8..], aad: &aad })
            .map_err(|_| KeysError::Protocol("a wrong tag".into()))
    }

    fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, KeysError> {
        assert!(mpctls::tls::Session::read(client, server).is_ok(), "the streams are a session");
        self.revealed = true;
        Ok(ServerKey {
            key: self.block[16..32].try_into().unwrap(),
            iv: self.block[36..40].try_into().unwrap(),
        })
    }
}
