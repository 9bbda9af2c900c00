//! What happened online, and its proof.

use std::collections::BTreeMap;

use circuit::bits;
use twopc::quicksilver::Proof;

use super::MpcError;
use super::circuits::{FINISHED, REQUEST, Shown, Step, Wires};
use super::prf::Inner;
use crate::attestation::Statement;
use crate::commitment::Opening;
use crate::proof::keys::WriteKey;
use crate::proof::records::{Cipher, Plaintext};
use crate::proof::{ProofError, disclosure};
use crate::tls::session::finished_message;
use crate::tls::{Sealed, Session, Side};

/// A step that was evaluated.
struct Ran {
    index: usize,
    step: Step,
    publics: Vec<bool>,
    /// What came out: the bits, if both parties saw them; their colours, if only the prover did.
    seen: Vec<bool>,
}

/// Everything that both parties know of a session.
#[derive(Default)]
pub(super) struct Log {
    ran: Vec<Ran>,
    pub client_share: Vec<u8>,
    pub server_share: Vec<u8>,
    pub session_hash: [u8; 32],
    pub client_random: [u8; 32],
    pub server_random: [u8; 32],
    finished: Vec<([u8; 32], [u8; 12])>,
    pub server_nonce: [u8; 8],
    pub sealed: Vec<Sealed>,
    /// The notary's opened inputs, once they are.
    pub notary_shares: Vec<bool>,
    /// The notary's digest of the labels of its inputs.
    pub input_digest: [u8; 32],
}

impl Log {
    /// Notes a step.
    pub fn ran(&mut self, index: usize, step: Step, publics: &[bool]) {
        self.ran.push(Ran { index, step, publics: publics.to_vec(), seen: Vec::new() });
    }

    /// Notes what a step showed.
    pub fn saw(&mut self, index: usize, seen: Vec<bool>) {
        if let Some(ran) = self.ran.iter_mut().rfind(|ran| ran.index == index) {
            ran.seen = seen;
        }
    }

    /// Forgets the last step: what a cheat would like the notary to do.
    #[cfg(test)]
    pub fn forget_last(&mut self) {
        self.ran.pop();
    }

    /// Notes a Finished message: the client's, then the server's.
    pub fn finished(&mut self, _: Side, hash: &[u8; 32], data: &[u8]) -> Result<[u8; 12], MpcError> {
        let data = data.try_into().map_err(|_| MpcError::OutOfOrder("verify_data of another length"))?;
        self.finished.push((*hash, data));
        Ok(data)
    }

    /// Compares the session that the prover handed over with what the notary took part in.
    pub fn compare(&self, session: &Session) -> Result<(), MpcError> {
        let contradiction = |what| Err(MpcError::Contradiction(what));
        if session.client_share != self.client_share || session.server_share != self.server_share {
            return contradiction("key shares");
        }
        if session.client_random != self.client_random || session.server_random != self.server_random {
            return contradiction("random bytes");
        }
        let [(client_hash, client_data), (server_hash, _)] = &self.finished[..] else {
            return contradiction("Finished messages");
        };
        if session.session_hash != self.session_hash
            || session.finished_hash(Side::Client, client_data) != *client_hash
            || session.finished_hash(Side::Server, client_data) != *server_hash
        {
            return contradiction("handshake hashes");
        }
        // The goodbye may have been sealed and never sent, because the server had gone.
        if session.client.len() < 2 || !self.sealed.starts_with(&session.client) {
            return contradiction("records sent");
        }
        if session.server.len() < 2 || session.server[0].nonce != self.server_nonce {
            return contradiction("records received");
        }
        Ok(())
    }
}

/// Wires that the prover committed to before the notary showed anything.
pub(super) struct Committed<W> {
    /// The prover's two shares of the premaster secret.
    pub shares: [Vec<W>; 2],
    /// The colours of outputs that only the prover sees, by step.
    pub colours: BTreeMap<usize, Vec<W>>,
}

/// The output of [`Step::Premaster`]: refuses shares that do not agree.
pub(super) fn premaster(shown: &[bool]) -> Result<Inner, MpcError> {
    match shown.split_first() {
        Some((true, state)) => midstate(&bits::to_bytes(state)),
        _ => Err(MpcError::Exchange("the two computations of the premaster secret differ")),
    }
}

/// An opened midstate.
pub(super) fn midstate(bytes: &[u8]) -> Result<Inner, MpcError> {
    let bytes = bytes.try_into().map_err(|_| MpcError::OutOfOrder("a midstate of another length"))?;
    Ok(Inner::new(bytes))
}

/// 128 bits as a block.
pub(super) fn block(bits: &[bool]) -> Result<[u8; 16], MpcError> {
    bits::to_bytes(bits).try_into().map_err(|_| MpcError::OutOfOrder("a block of another length"))
}

/// Runs every step again in the proof, compares what was seen, recomputes every tag, and proves the statement.
pub(super) fn prove<P: Proof>(
    proof: &mut P,
    session: &Session,
    log: &Log,
    committed: &Committed<P::Wire>,
    statement: &Statement,
    openings: Option<&[Opening]>,
) -> Result<(), ProofError> {
    let mut wires = initial(proof, log, committed)?;
    let mut streams = Streams::default();
    for ran in &log.ran {
        let publics = bits::constants(&ran.publics, proof);
        let output = wires.run(ran.step, &publics, proof)?;
        match ran.step.shown().1 {
            Shown::Nobody | Shown::Shared => {}
            Shown::Both => proof.assert_equals(&output, &ran.seen)?,
            Shown::Prover => {
                let colours = committed.colours.get(&ran.index).ok_or(ProofError::Range)?;
                let hidden = bits::xor(&output, colours, proof);
                proof.assert_equals(&hidden, &ran.seen)?;
                streams.keep(ran.step, output);
            }
        }
    }
    finished_messages(proof, session, log, &streams)?;

    let (Some(client), Some(server)) = (&wires.client, &wires.server) else {
        return Err(ProofError::Mismatch("no keys"));
    };
    let client = WriteKey { key: client.key.clone(), iv: client.iv.clone() };
    let server = WriteKey { key: server.key.clone(), iv: server.iv.clone() };
    let (client, server) = (Cipher::new(&client, proof)?, Cipher::new(&server, proof)?);
    client.check_tags(&log.sealed, proof)?;
    server.check_tags(&session.server, proof)?;
    let mut sent = Plaintext::new(&client, session.application_data(Side::Client));
    for (block, wires) in streams.request.into_iter().enumerate() {
        sent.know(0, block, wires);
    }
    let mut received = Plaintext::new(&server, session.application_data(Side::Server));
    disclosure::prove(proof, statement, &mut sent, &mut received, openings)?;
    Ok(proof.finish()?)
}

/// The inputs: the prover's as committed, the notary's as opened.
fn initial<P: Proof>(
    proof: &mut P,
    log: &Log,
    committed: &Committed<P::Wire>,
) -> Result<Wires<P::Wire>, ProofError> {
    let (first, second) =
        log.notary_shares.split_at_checked(256).ok_or(ProofError::Mismatch("inputs not opened"))?;
    let [p1, p2] = committed.shares.clone();
    if p1.len() != 256 || p2.len() != 256 || second.len() != 256 {
        return Err(ProofError::Mismatch("no inputs"));
    }
    Ok(Wires::new([p1, p2, bits::constants(first, proof), bits::constants(second, proof)]))
}

/// Keystream wires that were proven on the way.
struct Streams<W> {
    finished: Vec<W>,
    server: Vec<W>,
    request: Vec<Vec<W>>,
}

impl<W> Default for Streams<W> {
    fn default() -> Self {
        Self { finished: Vec::new(), server: Vec::new(), request: Vec::new() }
    }
}

impl<W> Streams<W> {
    fn keep(&mut self, step: Step, wires: Vec<W>) {
        match step {
            Step::ClientStream { sequence: FINISHED, .. } => self.finished = wires,
            Step::ClientStream { sequence: REQUEST, .. } => self.request.push(wires),
            Step::ServerStream => self.server = wires,
            _ => {}
        }
    }
}

/// Both Finished records hold the messages that the key schedule says they must, headers included.
fn finished_messages<P: Proof>(
    proof: &mut P,
    session: &Session,
    log: &Log,
    streams: &Streams<P::Wire>,
) -> Result<(), ProofError> {
    let records = [(&session.client, &streams.finished), (&session.server, &streams.server)];
    for ((records, keystream), (_, data)) in records.into_iter().zip(&log.finished) {
        let record = records.first().ok_or(ProofError::Range)?;
        let message = finished_message(data);
        if record.ciphertext.len() != message.len() || keystream.len() != 128 {
            return Err(ProofError::Range);
        }
        let expected: Vec<u8> = record.ciphertext.iter().zip(message).map(|(a, b)| a ^ b).collect();
        proof.assert_equals(keystream, &bits::from_bytes(&expected))?;
    }
    Ok(())
}
