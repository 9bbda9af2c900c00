//! From the master secret to the key block and both Finished messages (RFC 5246, sections 5, 6.3 and 7.4.9).
//!
//! HMAC's inner midstate and the chain values A(i) are shown: they let the notary compute every inner hash in
//! the clear, and what stays, HMAC's outer hash under a key that is not shown, is still a pseudorandom
//! function of distinct public inputs. Ten compressions of SHA-256 remain of twenty-three.

use circuit::{Clear, bits, hmac, sha256};
use twopc::quicksilver::Proof;

use super::{Both, ProofError};
use crate::tls::Side;
use crate::tls::session::{Session, finished_message};

/// One direction's key material as wires.
#[derive(Clone)]
pub struct WriteKey<W> {
    /// The AES-128 key: 128 wires.
    pub key: Vec<W>,
    /// The implicit nonce: 32 wires.
    pub iv: Vec<W>,
}

/// The keys of a session and its two `verify_data`, which are public.
pub struct SessionProof<W> {
    /// The record keys.
    pub keys: Both<WriteKey<W>>,
    /// The contents of the Finished messages.
    pub finished: Both<[u8; 16]>,
}

/// Proves knowledge of a master secret that yields the keys and both Finished messages. What it leaves to the
/// caller: that the Finished records decrypt to these messages ([`super::records`]).
///
/// # Errors
/// [`ProofError::Protocol`].
pub fn prove<P: Proof>(
    proof: &mut P,
    session: &Session,
    master: Option<&[u8; 48]>,
) -> Result<SessionProof<P::Wire>, ProofError> {
    let master = proof.commit(384, || master.map(|m| bits::from_bytes(m)).unwrap_or_default())?;
    let key = hmac::Key::new(&master, proof)?;
    let inner = proof.reveal(&key.inner.to_bytes())?;
    let prf = Prf { inner, outer: key.outer };

    let seed = [b"key expansion", &session.server_random[..], &session.client_random].concat();
    let block = prf.expand(&seed, 2, proof)?;
    let part = |from: usize, to: usize| block[8 * from..8 * to].to_vec();
    let keys = Both {
        client: WriteKey { key: part(0, 16), iv: part(32, 36) },
        server: WriteKey { key: part(16, 32), iv: part(36, 40) },
    };
    let client = prf.verify_data(Side::Client, &session.session_hash, proof)?;
    let hash = session.finished_hash(Side::Server, &client);
    let server = prf.verify_data(Side::Server, &hash, proof)?;
    let finished = Both { client: finished_message(&client), server: finished_message(&server) };
    Ok(SessionProof { keys, finished })
}

/// The pseudorandom function with HMAC's inner midstate public.
struct Prf<W> {
    inner: Vec<bool>,
    outer: sha256::State<W>,
}

impl<W: Clone> Prf<W> {
    /// HMAC of a public message: the inner hash in the clear, one compression in the proof.
    fn mac<P: Proof<Wire = W>>(&self, message: &[u8], proof: &mut P) -> Result<Vec<W>, ProofError> {
        let state = sha256::State::from_bytes(&self.inner);
        let Ok(inner) =
            sha256::finish(&state, sha256::BLOCK, &bits::from_bytes(message), &mut Clear::default());
        let inner = bits::constants(&inner, proof);
        Ok(sha256::finish(&self.outer, sha256::BLOCK, &inner, proof)?)
    }

    /// So many blocks of P_SHA256; the chain values are shown.
    fn expand<P: Proof<Wire = W>>(
        &self,
        seed: &[u8],
        blocks: usize,
        proof: &mut P,
    ) -> Result<Vec<W>, ProofError> {
        let mut chain = seed.to_vec();
        let mut output = Vec::new();
        for _ in 0..blocks {
            let next = self.mac(&chain, proof)?;
            chain = bits::to_bytes(&proof.reveal(&next)?);
            output.extend(self.mac(&[&chain[..], seed].concat(), proof)?);
        }
        Ok(output)
    }

    fn verify_data<P: Proof<Wire = W>>(
        &self,
        side: Side,
        hash: &[u8; 32],
        proof: &mut P,
    ) -> Result<[u8; 12], ProofError> {
        let seed = [&side.finished_label()[..], hash].concat();
        let wires = self.expand(&seed, 1, proof)?;
        let data = bits::to_bytes(&proof.reveal(&wires[..96])?);
        data.try_into().map_err(|_| ProofError::Mismatch("verify_data of another length"))
    }
}
