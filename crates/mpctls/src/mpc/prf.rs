//! The half of the TLS 1.2 PRF that prover and notary compute in the clear: inner hashes under an opened midstate.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use sha2::block_api::compress256;
use zeroize::Zeroizing;

use crate::tls::Side;

/// HMAC's inner hash under some key, of which only the midstate is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inner([u32; 8]);

impl Inner {
    /// From the midstate's 32 bytes.
    pub fn new(midstate: &[u8; 32]) -> Self {
        let (words, _) = midstate.as_chunks();
        Self(std::array::from_fn(|i| u32::from_be_bytes(words[i])))
    }

    /// The inner hash of a message.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut padded = parts.concat();
        let length = 8 * (64 + padded.len() as u64);
        padded.push(0x80);
        padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
        padded.extend(length.to_be_bytes());
        let mut state = self.0;
        compress256(&mut state, padded.as_chunks().0);
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

/// The whole PRF, for whoever has the secret: the prover after the reveal.
pub(super) fn expand<const N: usize>(secret: &[u8], seed: &[u8]) -> Zeroizing<[u8; N]> {
    let mac = |parts: &[&[u8]]| -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { unreachable!("HMAC takes any key") };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let mut output = Zeroizing::new([0; N]);
    let mut chain = mac(&[seed]);
    for block in output.chunks_mut(32) {
        block.copy_from_slice(&mac(&[&chain, seed])[..block.len()]);
        chain = mac(&[&chain]);
    }
    output
}

/// The seed of the extended master secret (RFC 7627, section 4).
pub(super) fn master_seed(session_hash: &[u8; 32]) -> Vec<u8> {
    [b"extended master secret", &session_hash[..]].concat()
}

/// The seed of the key block.
pub(super) fn key_block_seed(server_random: &[u8; 32], client_random: &[u8; 32]) -> Vec<u8> {
    [b"key expansion", &server_random[..], client_random].concat()
}

/// The seed of a Finished message.
pub(super) fn finished_seed(side: Side, handshake_hash: &[u8; 32]) -> Vec<u8> {
    [side.finished_label(), &handshake_hash[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    #[test]
    fn inner_hash_is_that_of_hmac() {
        let key = [7u8; 48];
        let mut block = [0x36u8; 64];
        block.iter_mut().zip(key).for_each(|(a, b)| *a ^= b);
        let mut state =
            [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
        compress256(&mut state, &[block]);
        for length in 0..200 {
            let message: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let inner = Inner(state).hash(&[&message[..length / 3], &message[length / 3..]]);
            let mut outer = [0x5cu8; 64];
            outer.iter_mut().zip(key).for_each(|(a, b)| *a ^= b);
            let tag: [u8; 32] = Sha256::new().chain_update(outer).chain_update(inner).finalize().into();
            let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { unreachable!("any length will do") };
            let expected: [u8; 32] = mac.chain_update(&message).finalize().into_bytes().into();
            assert_eq!(tag, expected, "length {length}");
        }
    }
}
