//! The prover: garbles ahead of time, then answers TLS.

mod keys;
mod online;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use algebra::Gf128;
use circuit::bits;
use rand::rngs::StdRng;
use rand::{CryptoRng, RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use twopc::channel::Channel;
use twopc::garble::{self, Garbler, Label};
use twopc::message::{recv_array, recv_bits, send_bits};
use twopc::ole::{self, Ole, P256Base};
use twopc::ot::{CotReceiver, CotSender};
use twopc::quicksilver::{self, Proof as _};

use super::circuits::{self, Shown, Step, Wires};
use super::exchange::{self, Secret};
use super::ghash::{self, Powers};
use super::prf::Inner;
use super::replay::{self, Committed, Log};
use super::{Caps, MpcError};
use crate::attestation::Statement;
use crate::commitment::Opening;
use crate::tls::{Session, SessionKeys};
use keys::Keys;

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
        garbler.send_outputs(&output[..step.reported()], channel)?;
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

    /// My share of a shared block.
    fn colours(&self, index: usize) -> Result<[u8; 16], MpcError> {
        replay::block(&garble::colours(&self.garbled[index].output))
    }
}

/// Commits to a point, which is random: no blinder is needed.
pub(super) fn point_commitment(point: &[u8; 65]) -> [u8; 32] {
    Sha256::new_with_prefix(b"mpcstats/mpctls/key-share").chain_update(point).finalize().into()
}

#[cfg(test)]
mod attacks;
