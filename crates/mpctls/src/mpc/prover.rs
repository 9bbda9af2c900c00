//! The prover: garbles ahead of time, then answers TLS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use algebra::Gf128;
use circuit::bits;
use rand::rngs::StdRng;
use rand::{CryptoRng, RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use twopc::channel::Channel;
use twopc::garble::{self, Garbler, Label};
use twopc::message::{recv_array, recv_bits, recv_exact, send_bits};
use twopc::ole::{self, Ole, OleField as _, P256Base, Role};
use twopc::ot::{CotReceiver, CotSender};
use twopc::quicksilver::{self, Proof as _};

use super::circuits::{self, FINISHED, GOODBYE, REQUEST, Shown, Step, Wires};
use super::exchange::{self, Party, Secret};
use super::ghash::{self, Powers};
use super::prf::{self, Inner};
use super::replay::{self, Committed, Log};
use super::{Caps, MpcError};
use crate::attestation::Statement;
use crate::commitment::Opening;
use crate::tls::{KeysError, Sealed, ServerKey, Session, SessionKeys, Side};

/// How far the session has come. Each call of TLS takes it one step on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Prepared,
    Shared,
    Agreed,
    Master,
    Keys,
    ClientFinished,
    SaidFinished,
    Opened,
    ServerFinished,
    SaidRequest,
    SaidGoodbye,
    Revealed,
    Broken,
}

/// A garbled step: the zero labels of its public inputs and of its output.
struct Garbled {
    publics: Vec<Label>,
    output: Vec<Label>,
}

/// The prover's side of one session.
pub struct Prover(Arc<Mutex<State>>);

struct State {
    channel: Box<dyn Channel>,
    rng: StdRng,
    caps: Caps,
    phase: Phase,
    garbler: Garbler,
    garbled: Vec<Garbled>,
    program: Vec<Step>,
    cursor: usize,
    /// Zero labels of the shares of the premaster secret: mine, then the notary's.
    shares: [Vec<Label>; 4],
    labels: CotSender,
    sending: Vec<Ole<P256Base>>,
    receiving: Vec<Ole<P256Base>>,
    powers_oles: Vec<Ole<Gf128>>,
    cots: CotReceiver,
    proof: quicksilver::Prover,
    committed: Committed<Gf128>,
    secret: Secret,
    my_shares: Vec<P256Base>,
    inner: Option<Inner>,
    powers: Option<Powers>,
    log: Log,
}

impl Prover {
    /// Prepares a session over a channel to the notary: everything that can be done before the server is known.
    ///
    /// # Errors
    /// [`MpcError`].
    pub fn prepare(
        channel: Box<dyn Channel>,
        caps: Caps,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, MpcError> {
        Self::prepare_with(channel, caps, rng, garble_step)
    }

    /// As [`Prover::prepare`], garbling steps in some way.
    fn prepare_with(
        mut channel: Box<dyn Channel>,
        caps: Caps,
        rng: &mut impl CryptoRng,
        garble_step: GarbleStep,
    ) -> Result<Self, MpcError> {
        caps.check(Caps::MAX)?;
        let mut rng = StdRng::from_rng(rng);
        let wire = &mut *channel;
        wire.send(&caps.encode())?;
        let program = circuits::program(caps.request_blocks());
        let mut labels = CotSender::setup(u128::from_le_bytes(rng.random()), wire, &mut rng)?;
        let mut cots = CotReceiver::setup(wire, &mut rng)?;
        labels.extend(super::label_cots(), wire)?;
        cots.extend(super::proof_cots(&program, caps), wire)?;
        let sending = ole::send(exchange::OLES, &mut labels, wire, &mut rng)?;
        let receiving = ole::receive(exchange::OLES, &mut cots, wire, &mut rng)?;
        let powers = ghash::oles_for(ghash::powers_for(caps.request.max(16)));
        let powers_oles = ole::receive(powers, &mut cots, wire, &mut rng)?;

        let mut garbler = Garbler::new(labels.delta(), &mut rng);
        wire.send(&garbler.hash_key())?;
        let shares = std::array::from_fn(|_| garbler.inputs(256));
        let garbled = garble(&program, &shares, &mut garbler, garble_step, wire)?;
        let mut proof = quicksilver::Prover::new();
        let committed = commit_colours(&program, &garbled, &mut proof.on(&mut cots, wire))?;
        wire.flush()?;
        Ok(Self(Arc::new(Mutex::new(State {
            channel,
            caps,
            phase: Phase::Prepared,
            garbler,
            garbled,
            program,
            cursor: 0,
            shares,
            labels,
            sending,
            receiving,
            powers_oles,
            cots,
            proof,
            committed,
            secret: Secret::random(&mut rng),
            rng,
            my_shares: Vec::new(),
            inner: None,
            powers: None,
            log: Log::default(),
        }))))
    }

    /// The session's keys, as TLS uses them.
    pub fn keys(&self) -> Box<dyn SessionKeys> {
        Box::new(Keys(Arc::clone(&self.0)))
    }

    /// Uses the channel to the notary, for what prover and notary agree on between reveal and proof.
    pub fn talk<T>(&self, talk: impl FnOnce(&mut dyn Channel) -> T) -> T {
        talk(&mut *self.lock().channel)
    }

    /// Proves the statement about the revealed session.
    ///
    /// # Errors
    /// [`MpcError`].
    pub fn prove(
        &self,
        session: &Session,
        statement: &Statement,
        openings: &[Opening],
    ) -> Result<(), MpcError> {
        let state = &mut *self.lock();
        state.advance(Phase::Revealed, Phase::Broken)?;
        let mut proof = state.proof.on(&mut state.cots, &mut *state.channel);
        replay::prove(&mut proof, session, &state.log, &state.committed, statement, Some(openings))?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the session broken, which its phase says.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How one step is garbled: as it is, by everybody but a cheat.
type GarbleStep = fn(&mut Wires<Label>, Step, &[Label], &mut Garbler) -> Vec<Label>;

fn garble_step(wires: &mut Wires<Label>, step: Step, publics: &[Label], garbler: &mut Garbler) -> Vec<Label> {
    let Ok(output) = wires.run(step, publics, garbler);
    output
}

/// Garbles the program and sends its tables, with the colours of what both parties are shown.
fn garble(
    program: &[Step],
    shares: &[Vec<Label>; 4],
    garbler: &mut Garbler,
    garble_step: GarbleStep,
    channel: &mut dyn Channel,
) -> Result<Vec<Garbled>, MpcError> {
    let mut wires = Wires::new(shares.clone());
    let mut garbled = Vec::with_capacity(program.len());
    for &step in program {
        let publics = garbler.inputs(step.publics());
        let output = garble_step(&mut wires, step, &publics, garbler);
        garble::send_tables(&garbler.take_tables(), channel)?;
        if step.shown().1 == Shown::Both {
            send_bits(channel, &garble::colours(&output))?;
        }
        channel.flush()?;
        garbled.push(Garbled { publics, output });
    }
    Ok(garbled)
}

/// Commits to the colours that hide the prover's outputs from the notary.
fn commit_colours(
    program: &[Step],
    garbled: &[Garbled],
    proof: &mut quicksilver::Proving<'_>,
) -> Result<Committed<Gf128>, MpcError> {
    let mut colours = BTreeMap::new();
    for (index, (step, garbled)) in program.iter().zip(garbled).enumerate() {
        if let (count, Shown::Prover) = step.shown() {
            colours.insert(index, proof.commit(count, || garble::colours(&garbled.output))?);
        }
    }
    proof.sync()?;
    Ok(Committed { shares: [Vec::new(), Vec::new()], colours })
}

impl State {
    /// Takes the phase from `from` to `to`; any other phase ends the session.
    fn advance(&mut self, from: Phase, to: Phase) -> Result<(), MpcError> {
        if self.phase == from {
            self.phase = to;
            Ok(())
        } else {
            self.phase = Phase::Broken;
            Err(MpcError::OutOfOrder("a call out of order, or after a failure"))
        }
    }

    /// Has the notary evaluate the next step on public input bits.
    fn run(&mut self, step: Step, publics: &[bool]) -> Result<usize, MpcError> {
        let index = self.cursor;
        if self.program.get(index) != Some(&step) {
            return Err(MpcError::OutOfOrder("a step of the key schedule"));
        }
        self.cursor += 1;
        if !publics.is_empty() {
            let labels = self.garbler.encode(&self.garbled[index].publics, publics);
            garble::send_labels(&labels, &mut *self.channel)?;
        }
        if step.shown().1 != Shown::Shared {
            self.log.ran(index, step, publics);
        }
        Ok(index)
    }

    /// Learns the output of steps, as colours with a digest of labels that only an honest evaluator has.
    fn learn(&mut self, steps: &[usize]) -> Result<Vec<bool>, MpcError> {
        let zero: Vec<Label> = steps.iter().flat_map(|&i| self.garbled[i].output.iter().copied()).collect();
        let shown = recv_bits(&mut *self.channel, zero.len(), "output colours")?;
        let digest = recv_array(&mut *self.channel, "output digest")?;
        let values = garble::colours(&zero).iter().zip(&shown).map(|(a, b)| a ^ b).collect::<Vec<_>>();
        if !self.garbler.confirms(&zero, &values, &digest) {
            return Err(twopc::Error::Cheating { what: "labels of an output" }.into());
        }
        let mut rest = &shown[..];
        for &index in steps {
            let (count, visible) = self.program[index].shown();
            let (colours, after) = rest.split_at(count);
            let zero = garble::colours(&self.garbled[index].output);
            self.log.saw(
                index,
                match visible {
                    Shown::Prover => colours.to_vec(),
                    _ => colours.iter().zip(&zero).map(|(a, b)| a ^ b).collect(),
                },
            );
            rest = after;
        }
        Ok(values)
    }

    /// A step whose whole output both parties see.
    fn open(&mut self, step: Step, publics: &[bool]) -> Result<Vec<u8>, MpcError> {
        let index = self.run(step, publics)?;
        Ok(bits::to_bytes(&self.learn(&[index])?))
    }

    fn inner(&self) -> Result<Inner, MpcError> {
        self.inner.ok_or(MpcError::OutOfOrder("the PRF has no key"))
    }

    /// Two blocks of P_SHA256 on wires.
    fn expand(&mut self, seed: &[u8]) -> Result<(), MpcError> {
        let inner = self.inner()?;
        let mut chain = seed.to_vec();
        for _ in 0..2 {
            chain = self.open(Step::Chain, &bits::from_bytes(&inner.hash(&[&chain])))?;
            self.run(Step::Block, &bits::from_bytes(&inner.hash(&[&chain, seed])))?;
        }
        Ok(())
    }

    fn client_share(&mut self) -> Result<[u8; 65], MpcError> {
        self.advance(Phase::Prepared, Phase::Shared)?;
        let mine = self.secret.point();
        self.channel.send(&point_commitment(&mine))?;
        let theirs = recv_array(&mut *self.channel, "key share")?;
        self.channel.send(&mine)?;
        self.channel.flush()?;
        let share = exchange::add(&mine, &theirs)?;
        self.log.client_share = share.to_vec();
        Ok(share)
    }

    fn agree(&mut self, server: &[u8]) -> Result<(), MpcError> {
        self.advance(Phase::Shared, Phase::Agreed)?;
        let point = exchange::decode(server)?;
        self.log.server_share = server.to_vec();
        self.channel.send(server)?;
        let coordinates = self.secret.times(&point).ok_or(MpcError::Exchange("a point at infinity"))?;
        let runs = [
            (Role::Sender, std::mem::take(&mut self.sending)),
            (Role::Receiver, std::mem::take(&mut self.receiving)),
        ];
        let mut shares = Vec::with_capacity(512);
        for (role, oles) in runs {
            let channel = &mut *self.channel;
            let share = exchange::share_sum(Party::Prover, role, oles, coordinates, channel, &mut self.rng)?;
            shares.extend(share.bits());
            self.my_shares.push(share);
        }
        let mut proof = self.proof.on(&mut self.cots, &mut *self.channel);
        let mut wires = proof.commit(512, || shares.clone())?;
        proof.sync()?;
        let second = wires.split_off(256);
        self.committed.shares = [wires, second];
        let labels = self.garbler.encode(&self.shares[..2].concat(), &shares);
        garble::send_labels(&labels, &mut *self.channel)?;
        garble::send_inputs(&self.shares[2..].concat(), &mut self.labels, &mut *self.channel)?;

        let index = self.run(Step::Premaster, &[])?;
        let shown = self.learn(&[index])?;
        self.inner = Some(replay::premaster(&shown)?);
        Ok(())
    }

    fn master_secret(&mut self, session_hash: &[u8; 32]) -> Result<(), MpcError> {
        self.advance(Phase::Agreed, Phase::Master)?;
        self.channel.send(session_hash)?;
        self.log.session_hash = *session_hash;
        self.expand(&prf::master_seed(session_hash))?;
        let midstate = self.open(Step::Master, &[])?;
        self.inner = Some(replay::midstate(&midstate)?);
        Ok(())
    }

    fn key_block(&mut self, server_random: &[u8; 32], client_random: &[u8; 32]) -> Result<(), MpcError> {
        self.advance(Phase::Master, Phase::Keys)?;
        self.channel.send(&[&server_random[..], client_random].concat())?;
        (self.log.server_random, self.log.client_random) = (*server_random, *client_random);
        self.expand(&prf::key_block_seed(server_random, client_random))?;
        self.run(Step::Keys, &[])?;
        let index = self.run(Step::GhashKey, &[])?;
        let key = ghash::element(&self.colours(index)?);
        let count = ghash::powers_for(self.caps.request.max(16));
        let oles = std::mem::take(&mut self.powers_oles);
        let channel = &mut *self.channel;
        self.powers = Some(Powers::new(Role::Receiver, key, count, oles, channel, &mut self.rng)?);
        Ok(())
    }

    /// My share of a shared block.
    fn colours(&self, index: usize) -> Result<[u8; 16], MpcError> {
        replay::block(&garble::colours(&self.garbled[index].output))
    }

    fn finished(&mut self, side: Side, hash: &[u8; 32]) -> Result<[u8; 12], MpcError> {
        match side {
            Side::Client => self.advance(Phase::Keys, Phase::ClientFinished)?,
            Side::Server => self.advance(Phase::Opened, Phase::ServerFinished)?,
        }
        self.channel.send(hash)?;
        let inner = self.inner()?;
        let seed = prf::finished_seed(side, hash);
        let chain = self.open(Step::Chain, &bits::from_bytes(&inner.hash(&[&seed])))?;
        let data = self.open(Step::VerifyData, &bits::from_bytes(&inner.hash(&[&chain, &seed])))?;
        self.log.finished(side, hash, &data)
    }

    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, MpcError> {
        let (sequence, from, to) = match content_type {
            22 => (FINISHED, Phase::ClientFinished, Phase::SaidFinished),
            23 => (REQUEST, Phase::ServerFinished, Phase::SaidRequest),
            _ => (GOODBYE, Phase::SaidRequest, Phase::SaidGoodbye),
        };
        self.advance(from, to)?;
        let length = plaintext.len();
        if sequence == REQUEST && length > self.caps.request {
            return Err(MpcError::Caps { request: self.caps.request, response: self.caps.response });
        }
        let fits = match sequence {
            FINISHED => length == 16,
            REQUEST => length > 0,
            _ => content_type == 21 && length == 2,
        };
        if !fits {
            return Err(MpcError::OutOfOrder("a record that the session has no room for"));
        }
        if sequence != FINISHED {
            self.channel.send(&(length as u32).to_le_bytes())?;
        }
        // Blocks of the request that are not needed are left out.
        let mask = Step::Mask { sequence };
        self.cursor = self.program.iter().position(|step| *step == mask).unwrap_or(self.program.len());
        let mask = self.run(mask, &[])?;
        let blocks = (0..length.div_ceil(16) as u32)
            .map(|block| self.run(Step::ClientStream { sequence, block }, &[]))
            .collect::<Result<Vec<_>, _>>()?;
        let keystream = bits::to_bytes(&self.learn(&blocks)?);
        let ciphertext: Vec<u8> = plaintext.iter().zip(keystream).map(|(a, b)| a ^ b).collect();

        let mut sealed =
            Sealed { content_type, sequence, nonce: sequence.to_be_bytes(), ciphertext, tag: [0; 16] };
        let powers = self.powers.as_ref().ok_or(MpcError::OutOfOrder("no tag key"))?;
        let mine = powers.tag(self.colours(mask)?, &sealed.additional_data(), &sealed.ciphertext);
        self.channel.send(&sealed.ciphertext)?;
        self.channel.send(&mine)?;
        let theirs: [u8; 16] = recv_array(&mut *self.channel, "tag share")?;
        sealed.tag = std::array::from_fn(|i| mine[i] ^ theirs[i]);
        let fragment = [&sealed.nonce[..], &sealed.ciphertext, &sealed.tag].concat();
        self.log.sealed.push(sealed);
        Ok(fragment)
    }

    fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, MpcError> {
        self.advance(Phase::SaidFinished, Phase::Opened)?;
        let (Some((nonce, rest)), 40) = (fragment.split_first_chunk::<8>(), fragment.len()) else {
            return Err(MpcError::Contradiction("the server's Finished has another length"));
        };
        self.channel.send(nonce)?;
        self.log.server_nonce = *nonce;
        let index = self.run(Step::ServerStream, &bits::from_bytes(nonce))?;
        let keystream = bits::to_bytes(&self.learn(&[index])?);
        // The tag is checked with all others in the proof. TLS compares this with the verify_data it expects.
        Ok(rest.iter().zip(keystream).map(|(a, b)| a ^ b).collect())
    }

    fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, MpcError> {
        if self.phase == Phase::SaidRequest {
            self.phase = Phase::SaidGoodbye;
        }
        self.advance(Phase::SaidGoodbye, Phase::Revealed)?;
        self.channel.send(&0u32.to_le_bytes())?;
        self.channel.send(client)?;
        self.channel.send(server)?;
        let opened = recv_exact(&mut *self.channel, 64, "the notary's inputs")?;
        let digest = recv_array(&mut *self.channel, "digest of the notary's inputs")?;
        let opened = bits::from_bytes(&opened);
        if !self.garbler.confirms(&self.shares[2..].concat(), &opened, &digest) {
            return Err(twopc::Error::Cheating { what: "opened inputs" }.into());
        }
        let theirs = P256Base::read(&bits::to_bytes(&opened[..256]));
        let (Some(&mine), Some(theirs)) = (self.my_shares.first(), theirs) else {
            return Err(MpcError::Contradiction("the notary's share is no field element"));
        };
        self.log.notary_shares = opened;
        let premaster = zeroize::Zeroizing::new((mine + theirs).to_be_bytes());
        let master = prf::expand::<48>(&premaster[..], &prf::master_seed(&self.log.session_hash));
        let seed = prf::key_block_seed(&self.log.server_random, &self.log.client_random);
        let block = prf::expand::<40>(&master[..], &seed);
        let mut key = ServerKey { key: [0; 16], iv: [0; 4] };
        key.key.copy_from_slice(&block[16..32]);
        key.iv.copy_from_slice(&block[36..]);
        Ok(key)
    }
}

/// Commits to a point, which is random: no blinder is needed.
pub(super) fn point_commitment(point: &[u8; 65]) -> [u8; 32] {
    Sha256::new_with_prefix(b"mpcstats/mpctls/key-share").chain_update(point).finalize().into()
}

/// The seam's side of a [`Prover`].
struct Keys(Arc<Mutex<State>>);

impl Keys {
    /// Runs a call; after an error the session is over.
    fn call<T>(&self, call: impl FnOnce(&mut State) -> Result<T, MpcError>) -> Result<T, KeysError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut state).map_err(|error| {
            state.phase = Phase::Broken;
            error.into()
        })
    }
}

impl SessionKeys for Keys {
    fn client_share(&mut self) -> Result<[u8; 65], KeysError> {
        self.call(State::client_share)
    }

    fn agree(&mut self, server_share: &[u8]) -> Result<(), KeysError> {
        exchange::decode(server_share).map_err(|_| KeysError::BadShare)?;
        self.call(|state| state.agree(server_share))
    }

    fn master_secret(&mut self, session_hash: &[u8; 32]) -> Result<(), KeysError> {
        self.call(|state| state.master_secret(session_hash))
    }

    fn key_block(&mut self, server_random: &[u8; 32], client_random: &[u8; 32]) -> Result<(), KeysError> {
        self.call(|state| state.key_block(server_random, client_random))
    }

    fn finished(&mut self, side: Side, handshake_hash: &[u8; 32]) -> Result<[u8; 12], KeysError> {
        self.call(|state| state.finished(side, handshake_hash))
    }

    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, KeysError> {
        self.call(|state| state.seal(content_type, plaintext))
    }

    fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, KeysError> {
        self.call(|state| state.open_finished(fragment))
    }

    fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, KeysError> {
        self.call(|state| state.reveal(client, server))
    }
}

#[cfg(test)]
mod attacks;
