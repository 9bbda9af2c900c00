//! The notary: evaluates what the prover garbled, in one straight line.

use std::collections::BTreeMap;

use algebra::Gf128;
use circuit::bits;
use rand::rngs::StdRng;
use rand::{CryptoRng, RngExt as _, SeedableRng as _};
use subtle::ConstantTimeEq as _;
use twopc::channel::Channel;
use twopc::garble::{self, Evaluator, Label, Outputs, Tables};
use twopc::message::{pack, recv_array, recv_bits, recv_exact, send_bits};
use twopc::ole::{self, Ole, OleField as _, P256Base, Role};
use twopc::ot::{CotReceiver, CotSender};
use twopc::quicksilver::{self, Proof as _};

use super::circuits::{self, FINISHED, GOODBYE, REQUEST, Shown, Step, Wires};
use super::exchange::{self, Party, Secret};
use super::ghash::{self, Powers};
use super::prf::{self, Inner};
use super::prover::point_commitment;
use super::replay::{self, Committed, Log};
use super::{Caps, MpcError};
use crate::attestation::Statement;
use crate::tls::{Sealed, Session, Side};

/// A step's tables, what its output may be if it is reported, and what decodes it if both parties see it.
struct Prepared {
    tables: Tables,
    outputs: Outputs,
    decoding: Vec<bool>,
}

/// The notary's side of one session.
pub struct Notary<'a> {
    channel: &'a mut dyn Channel,
    rng: StdRng,
    caps: Caps,
    evaluator: Evaluator,
    prepared: Vec<Prepared>,
    program: Vec<Step>,
    cursor: usize,
    wires: Option<Wires<Label>>,
    labels: CotReceiver,
    receiving: Vec<Ole<P256Base>>,
    sending: Vec<Ole<P256Base>>,
    powers_oles: Vec<Ole<Gf128>>,
    cots: CotSender,
    proof: quicksilver::Verifier,
    committed: Committed<Gf128>,
    log: Log,
    /// A bit of its inputs that a cheating notary opens falsely.
    #[cfg(test)]
    false_bit: Option<usize>,
}

impl<'a> Notary<'a> {
    /// Prepares a session over a channel to the prover, who asks for caps of at most `limits`.
    ///
    /// # Errors
    /// [`MpcError`].
    pub fn prepare(
        channel: &'a mut dyn Channel,
        limits: Caps,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, MpcError> {
        let mut rng = StdRng::from_rng(rng);
        let wire = &mut *channel;
        let caps = Caps::decode(recv_array(wire, "caps")?);
        caps.check(limits)?;
        let program = circuits::program(caps.request_blocks());
        let mut labels = CotReceiver::setup(wire, &mut rng)?;
        let mut cots = CotSender::setup(u128::from_le_bytes(rng.random()), wire, &mut rng)?;
        labels.extend(super::label_cots(), wire)?;
        cots.extend(super::proof_cots(&program, caps), wire)?;
        let receiving = ole::receive(exchange::OLES, &mut labels, wire, &mut rng)?;
        let sending = ole::send(exchange::OLES, &mut cots, wire, &mut rng)?;
        let powers = ghash::oles_for(ghash::powers_for(caps.request.max(16)));
        let powers_oles = ole::send(powers, &mut cots, wire, &mut rng)?;

        let evaluator = Evaluator::new(&recv_array(wire, "hash key")?);
        let mut prepared = Vec::with_capacity(program.len());
        for step in &program {
            let tables = garble::recv_tables(step.gates(), wire)?;
            let outputs = garble::recv_outputs(step.reported(), wire)?;
            let decoding = match step.shown() {
                (count, Shown::Both) => recv_bits(wire, count, "decoding")?,
                _ => Vec::new(),
            };
            prepared.push(Prepared { tables, outputs, decoding });
        }
        let mut proof = quicksilver::Verifier::new(&mut rng);
        let committed = receive_colours(&program, &mut proof.on(&mut cots, wire))?;
        Ok(Self {
            channel,
            rng,
            caps,
            evaluator,
            prepared,
            program,
            cursor: 0,
            wires: None,
            labels,
            receiving,
            sending,
            powers_oles,
            cots,
            proof,
            committed,
            log: Log::default(),
            #[cfg(test)]
            false_bit: None,
        })
    }

    /// Takes part in the session, from the key exchange to the reveal, and returns what it was. The certificate
    /// is the caller's to judge.
    ///
    /// # Errors
    /// [`MpcError`].
    pub fn attend(&mut self) -> Result<Session, MpcError> {
        let secret = self.client_share()?;
        let (inner, shares) = self.agree(&secret)?;
        let inner = self.master_secret(inner)?;
        let powers = self.key_block(inner)?;
        self.finished(Side::Client, inner)?;
        self.seal(FINISHED, 22, 16, &powers)?;
        self.open_finished()?;
        self.finished(Side::Server, inner)?;
        let length = self.announced()?;
        if !(1..=self.caps.request).contains(&length) {
            return Err(MpcError::Contradiction("a request beyond the cap"));
        }
        self.seal(REQUEST, 23, length, &powers)?;
        match self.announced()? {
            0 => {}
            2 => {
                self.seal(GOODBYE, 21, 2, &powers)?;
                if self.announced()? != 0 {
                    return Err(MpcError::OutOfOrder("a record after the goodbye"));
                }
            }
            _ => return Err(MpcError::OutOfOrder("a second request")),
        }
        self.reveal(&shares)
    }

    /// The channel to the prover, for what prover and notary agree on between reveal and proof.
    pub fn channel(&mut self) -> &mut dyn Channel {
        &mut *self.channel
    }

    /// Verifies the statement about the session that [`Notary::attend`] returned.
    ///
    /// # Errors
    /// [`MpcError`].
    pub fn verify(mut self, session: &Session, statement: &Statement) -> Result<(), MpcError> {
        let mut proof = self.proof.on(&mut self.cots, &mut *self.channel);
        replay::prove(&mut proof, session, &self.log, &self.committed, statement, None)?;
        Ok(())
    }

    /// Evaluates the next step.
    fn run(&mut self, step: Step, publics: &[bool]) -> Result<(usize, Vec<Label>), MpcError> {
        let index = self.cursor;
        let (Some(prepared), Some(wires), true) =
            (self.prepared.get_mut(index), &mut self.wires, self.program.get(index) == Some(&step))
        else {
            return Err(MpcError::OutOfOrder("a step of the key schedule"));
        };
        self.cursor += 1;
        let labels = if publics.is_empty() {
            Vec::new()
        } else {
            garble::recv_labels(publics.len(), &mut *self.channel)?
        };
        self.evaluator.load(std::mem::take(&mut prepared.tables));
        let output = wires.run(step, &labels, &mut self.evaluator)?;
        prepared.outputs.check(&output[..step.reported()])?;
        if step.shown().1 != Shown::Shared {
            self.log.ran(index, step, publics);
        }
        Ok((index, output))
    }

    /// Reports output labels: their colours, and a digest that proves that they were had.
    fn report(&mut self, labels: &[Label]) -> Result<Vec<bool>, MpcError> {
        let colours = garble::colours(labels);
        send_bits(&mut *self.channel, &colours)?;
        self.channel.send(&garble::digest(labels))?;
        self.channel.flush()?;
        Ok(colours)
    }

    /// A step whose whole output both parties see.
    fn open(&mut self, step: Step, publics: &[bool]) -> Result<Vec<bool>, MpcError> {
        let (index, labels) = self.run(step, publics)?;
        let colours = self.report(&labels)?;
        let value: Vec<bool> =
            colours.iter().zip(&self.prepared[index].decoding).map(|(a, b)| a ^ b).collect();
        self.log.saw(index, value.clone());
        Ok(value)
    }

    fn expand(&mut self, inner: Inner, seed: &[u8]) -> Result<(), MpcError> {
        let mut chain = seed.to_vec();
        for _ in 0..2 {
            let hash = bits::from_bytes(&inner.hash(&[&chain]));
            chain = bits::to_bytes(&self.open(Step::Chain, &hash)?);
            self.run(Step::Block, &bits::from_bytes(&inner.hash(&[&chain, seed])))?;
        }
        Ok(())
    }

    fn client_share(&mut self) -> Result<Secret, MpcError> {
        let secret = Secret::random(&mut self.rng);
        let mine = secret.point();
        let commitment: [u8; 32] = recv_array(&mut *self.channel, "key share commitment")?;
        self.channel.send(&mine)?;
        let theirs = recv_array(&mut *self.channel, "key share")?;
        if !bool::from(point_commitment(&theirs).as_slice().ct_eq(&commitment)) {
            return Err(twopc::Error::Cheating { what: "key share commitment" }.into());
        }
        self.log.client_share = exchange::add(&mine, &theirs)?.to_vec();
        Ok(secret)
    }

    /// Returns the PRF's inner midstate and the notary's input bits.
    fn agree(&mut self, secret: &Secret) -> Result<(Inner, Vec<bool>), MpcError> {
        let server = recv_exact(&mut *self.channel, 65, "the server's key share")?;
        let point = exchange::decode(&server)?;
        self.log.server_share = server;
        let coordinates = secret.times(&point).ok_or(MpcError::Exchange("a point at infinity"))?;
        let runs = [
            (Role::Receiver, std::mem::take(&mut self.receiving)),
            (Role::Sender, std::mem::take(&mut self.sending)),
        ];
        let mut shares = Vec::with_capacity(512);
        for (role, oles) in runs {
            let channel = &mut *self.channel;
            let share = exchange::share_sum(Party::Notary, role, oles, coordinates, channel, &mut self.rng)?;
            shares.extend(share.bits());
        }
        // The prover's shares are fixed before it sees anything that depends on the notary's.
        let mut proof = self.proof.on(&mut self.cots, &mut *self.channel);
        let mut wires = proof.commit(512, Vec::new)?;
        proof.sync()?;
        let second = wires.split_off(256);
        self.committed.shares = [wires, second];
        let mut theirs = garble::recv_labels(512, &mut *self.channel)?;
        let mut mine = garble::receive_inputs(&shares, &mut self.labels, &mut *self.channel)?;
        self.log.input_digest = garble::digest(&mine);
        let (theirs_second, mine_second) = (theirs.split_off(256), mine.split_off(256));
        self.wires = Some(Wires::new([theirs, theirs_second, mine, mine_second]));
        let shown = self.open(Step::Premaster, &[])?;
        Ok((replay::premaster(&shown)?, shares))
    }

    fn master_secret(&mut self, inner: Inner) -> Result<Inner, MpcError> {
        self.log.session_hash = recv_array(&mut *self.channel, "session hash")?;
        self.expand(inner, &prf::master_seed(&self.log.session_hash))?;
        let midstate = self.open(Step::Master, &[])?;
        replay::midstate(&bits::to_bytes(&midstate))
    }

    fn key_block(&mut self, inner: Inner) -> Result<Powers, MpcError> {
        let randoms: [u8; 64] = recv_array(&mut *self.channel, "randoms")?;
        self.log.server_random.copy_from_slice(&randoms[..32]);
        self.log.client_random.copy_from_slice(&randoms[32..]);
        self.expand(inner, &prf::key_block_seed(&self.log.server_random, &self.log.client_random))?;
        self.run(Step::Keys, &[])?;
        let (_, labels) = self.run(Step::GhashKey, &[])?;
        let key = ghash::element(&replay::block(&garble::colours(&labels))?);
        let count = ghash::powers_for(self.caps.request.max(16));
        let oles = std::mem::take(&mut self.powers_oles);
        Powers::new(Role::Sender, key, count, oles, &mut *self.channel, &mut self.rng)
    }

    fn finished(&mut self, side: Side, inner: Inner) -> Result<(), MpcError> {
        let hash = recv_array(&mut *self.channel, "handshake hash")?;
        let seed = prf::finished_seed(side, &hash);
        let chain = self.open(Step::Chain, &bits::from_bytes(&inner.hash(&[&seed])))?;
        let chain = bits::to_bytes(&chain);
        let data = self.open(Step::VerifyData, &bits::from_bytes(&inner.hash(&[&chain, &seed])))?;
        self.log.finished(side, &hash, &bits::to_bytes(&data))?;
        Ok(())
    }

    /// The length of the record that comes next; zero if none does.
    fn announced(&mut self) -> Result<usize, MpcError> {
        Ok(u32::from_le_bytes(recv_array(&mut *self.channel, "record length")?) as usize)
    }

    /// Lets the prover seal one record: keystream to the prover, then one tag for one ciphertext.
    fn seal(
        &mut self,
        sequence: u64,
        content_type: u8,
        length: usize,
        powers: &Powers,
    ) -> Result<(), MpcError> {
        let mask = Step::Mask { sequence };
        self.cursor = self.program.iter().position(|step| *step == mask).unwrap_or(self.program.len());
        let (_, mask) = self.run(mask, &[])?;
        let mut indices = Vec::new();
        let mut labels = Vec::new();
        for block in 0..length.div_ceil(16) as u32 {
            let (index, output) = self.run(Step::ClientStream { sequence, block }, &[])?;
            indices.push(index);
            labels.extend(output);
        }
        let colours = self.report(&labels)?;
        for (index, colours) in indices.into_iter().zip(colours.chunks(128)) {
            self.log.saw(index, colours.to_vec());
        }
        let ciphertext = recv_exact(&mut *self.channel, length, "ciphertext")?;
        let theirs: [u8; 16] = recv_array(&mut *self.channel, "tag share")?;
        let mut sealed =
            Sealed { content_type, sequence, nonce: sequence.to_be_bytes(), ciphertext, tag: [0; 16] };
        let mask = replay::block(&garble::colours(&mask))?;
        let mine = powers.tag(mask, &sealed.additional_data(), &sealed.ciphertext);
        self.channel.send(&mine)?;
        self.channel.flush()?;
        sealed.tag = std::array::from_fn(|i| mine[i] ^ theirs[i]);
        self.log.sealed.push(sealed);
        Ok(())
    }

    fn open_finished(&mut self) -> Result<(), MpcError> {
        let nonce: [u8; 8] = recv_array(&mut *self.channel, "the server's nonce")?;
        self.log.server_nonce = nonce;
        let (index, labels) = self.run(Step::ServerStream, &bits::from_bytes(&nonce))?;
        let colours = self.report(&labels)?;
        self.log.saw(index, colours);
        Ok(())
    }

    /// Takes in everything that went either way, and only then opens the notary's inputs.
    fn reveal(&mut self, shares: &[bool]) -> Result<Session, MpcError> {
        let [client_limit, server_limit] = self.caps.streams();
        let client = self.channel.recv(client_limit)?;
        let server = self.channel.recv(server_limit)?;
        let session = Session::read(&client, &server)?;
        self.log.compare(&session)?;
        #[cfg(test)]
        let shares = &self.cheated(shares)[..];
        self.channel.send(&pack(shares))?;
        self.channel.send(&self.log.input_digest)?;
        self.channel.flush()?;
        self.log.notary_shares = shares.to_vec();
        Ok(session)
    }
}

/// Receives the commitments to the colours that hide the prover's outputs.
fn receive_colours(
    program: &[Step],
    proof: &mut quicksilver::Verifying<'_>,
) -> Result<Committed<Gf128>, MpcError> {
    let mut colours = BTreeMap::new();
    for (index, step) in program.iter().enumerate() {
        if let (count, Shown::Prover) = step.shown() {
            colours.insert(index, proof.commit(count, Vec::new)?);
        }
    }
    proof.sync()?;
    Ok(Committed { shares: [Vec::new(), Vec::new()], colours })
}

#[cfg(test)]
impl Notary<'_> {
    /// Makes this a notary that opens another input than it used.
    pub fn equivocate(&mut self) {
        self.false_bit = Some(3);
    }

    /// Makes this a notary whose OLEs do not multiply.
    pub fn spoil_oles(&mut self) {
        let mut other = self.sending.clone();
        other.rotate_left(1);
        self.sending = other;
    }

    fn cheated(&self, shares: &[bool]) -> Vec<bool> {
        let mut shares = shares.to_vec();
        if let Some(bit) = self.false_bit {
            shares[bit] ^= true;
        }
        shares
    }
}
