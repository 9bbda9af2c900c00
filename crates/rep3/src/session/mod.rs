//! One computation between three parties: keys, messages, counters and pending proofs.

mod handshake;
mod traffic;

use std::fmt;
use std::sync::Arc;

use crate::abort::{Abort, Cause};
use crate::executor::Executor;
use crate::network::{Network, Party, Step};
use crate::pace::Pace;
use crate::prss::{Prss, Purpose, Tag};
use crate::verify::{Pending, VERIFICATION_ROUNDS};

pub(crate) use traffic::{Direction, Transcripts};
pub use traffic::{StepTraffic, Traffic};

/// What the three parties must agree on before they compute. All of it enters the keys, so that parties with
/// different ideas fail at once and no message of one session means anything in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Names the session; never to be used twice.
    pub sid: [u8; 32],
    /// Hash of the program to be computed.
    pub program: [u8; 32],
    /// Hash of the list of inputs.
    pub inputs: [u8; 32],
}

/// How much may be pending before it is verified, so that memory does not grow with the computation.
///
/// All three parties must use the same limits: they decide when a batch closes. Large batches cost few rounds; small
/// ones stay in the processor's cache. [`measure_pace`](crate::measure_pace) sets what suits the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// AND gates.
    pub ands: usize,
    /// Terms of inner products over either field.
    pub terms: usize,
}

impl Default for BatchLimits {
    /// 2^26 AND gates (a byte each) and 2^20 terms (about 100 bytes each).
    fn default() -> Self {
        Self { ands: 1 << 26, terms: 1 << 20 }
    }
}

impl BatchLimits {
    /// Batches so large that the rounds of their verification take a small part of the time of their proofs, and no
    /// larger: 2^22 to 2^26 gates, and a thirty-second as many terms up to 2^20.
    pub fn suiting(pace: Pace) -> Self {
        let gates = pace.gates_that_outweigh(VERIFICATION_ROUNDS).next_power_of_two();
        let ands = gates.clamp(1 << 22, 1 << 26);
        Self { ands, terms: (ands >> 5).min(1 << 20) }
    }
}

/// A session at one party. It cannot be resumed: after an abort, open a new one.
///
/// Every operation of this crate takes the session last and calls it the same number of times in the same
/// order at all three parties; steps are numbered by that order.
pub struct Session {
    network: Box<dyn Network>,
    executor: Arc<dyn Executor>,
    me: Party,
    sid: [u8; 32],
    pub(crate) prss: Prss,
    next_step: u64,
    transcripts: Transcripts,
    traffic: Traffic,
    dead: bool,
    pub(crate) batch: u64,
    pub(crate) limits: BatchLimits,
    /// Whether the limits were asked for, so that the pace does not change them.
    fixed_limits: bool,
    pace: Pace,
    pub(crate) pending: Pending,
    #[cfg(test)]
    pub(crate) cheat: Option<crate::cheating::Cheat>,
}

impl Session {
    /// Opens a session: exchanges nonces, derives the pairwise keys and confirms them. Two rounds.
    ///
    /// `nonce` must be fresh and unpredictable: it keeps the keys of two sessions apart even if everything
    /// else were repeated.
    ///
    /// # Errors
    /// [`Abort`] if a peer is gone or disagrees about the configuration.
    pub fn open(
        mut network: Box<dyn Network>,
        executor: Arc<dyn Executor>,
        config: &Config,
        nonce: [u8; 32],
    ) -> Result<Self, Abort> {
        let mut traffic = Traffic::default();
        let prss = handshake::derive_keys(network.as_mut(), config, nonce, &mut traffic)?;
        Ok(Self {
            me: network.me(),
            network,
            executor,
            sid: config.sid,
            prss,
            next_step: 0,
            transcripts: Transcripts::default(),
            traffic,
            dead: false,
            batch: 0,
            limits: BatchLimits::default(),
            fixed_limits: false,
            pace: Pace::default(),
            pending: Pending::default(),
            #[cfg(test)]
            cheat: None,
        })
    }

    /// The same session with other batch limits, whatever its pace.
    pub fn with_limits(mut self, limits: BatchLimits) -> Self {
        (self.limits, self.fixed_limits) = (limits, true);
        self
    }

    /// How long a round takes; see [`measure_pace`](crate::measure_pace).
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Sets how long a round takes, and batch limits to suit unless some were asked for: all three parties must set
    /// the same.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        if !self.fixed_limits {
            self.limits = BatchLimits::suiting(pace);
        }
    }

    /// Who this end is.
    #[inline]
    pub fn party(&self) -> Party {
        self.me
    }

    /// The session's id.
    pub fn sid(&self) -> &[u8; 32] {
        &self.sid
    }

    /// The keys shared with the two neighbours.
    #[inline]
    pub(crate) fn prss(&self) -> &Prss {
        &self.prss
    }

    /// Where parallel work goes.
    pub(crate) fn executor(&self) -> &dyn Executor {
        self.executor.as_ref()
    }

    /// What was sent so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// A number that no other step of this session has; the same at all three parties.
    pub(crate) fn next_step(&mut self) -> u64 {
        self.next_step += 1;
        self.next_step
    }

    /// A fresh tag for pseudorandom draws.
    pub(crate) fn tag(&mut self, purpose: Purpose) -> Tag {
        Tag { purpose, step: self.next_step() }
    }

    /// Sends a message that the proofs will cover.
    ///
    /// # Errors
    /// [`Abort`] if the channel is broken or the session has aborted.
    pub(crate) fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), Abort> {
        #[cfg(test)]
        let message = crate::cheating::apply(&mut self.cheat, step, message);
        self.transcripts.absorb(Direction::Sent, self.is_right(to), &message);
        self.send_uncovered(to, step, message)
    }

    /// Receives a message of `length` bytes that the proofs will cover.
    ///
    /// # Errors
    /// [`Abort`] if the peer is gone, sent another length, or the session has aborted.
    pub(crate) fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, Abort> {
        let message = self.recv_uncovered(from, step, length)?;
        self.transcripts.absorb(Direction::Received, self.is_right(from), &message);
        Ok(message)
    }

    /// Counts a round in which this party neither sends nor waits, so that all parties count alike.
    pub(crate) fn idle_round(&mut self) {
        self.traffic.rounds += 1;
    }

    /// The error for something that went wrong here; the session is dead from now on.
    pub(crate) fn abort(&mut self, step: Step, cause: Cause) -> Abort {
        self.dead = true;
        Abort { step, batch: self.batch, cause }
    }

    /// Aborts unless two copies of a value are the same.
    ///
    /// # Errors
    /// [`Abort`] if they differ.
    pub(crate) fn require_equal(&mut self, step: Step, a: &[u8], b: &[u8]) -> Result<(), Abort> {
        use subtle::ConstantTimeEq;
        if bool::from(a.ct_eq(b)) { Ok(()) } else { Err(self.abort(step, Cause::Disagreement)) }
    }

    /// Sends a message of the proof system itself, which proofs need not cover.
    pub(crate) fn send_uncovered(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), Abort> {
        self.require_alive(step)?;
        self.traffic.count(step, message.len());
        self.network.send(to, step, message).map_err(|error| self.abort(step, error.into()))
    }

    /// Receives a message of the proof system itself.
    pub(crate) fn recv_uncovered(
        &mut self,
        from: Party,
        step: Step,
        length: usize,
    ) -> Result<Vec<u8>, Abort> {
        self.require_alive(step)?;
        self.traffic.wait();
        let message = self.network.flush().and_then(|()| self.network.recv(from, step, length));
        message.map_err(|error| self.abort(step, error.into()))
    }

    /// Hands queued messages to the wire when no answer is awaited.
    pub(crate) fn flush(&mut self, step: Step) -> Result<(), Abort> {
        self.require_alive(step)?;
        self.network.flush().map_err(|error| self.abort(step, error.into()))
    }

    /// The running hashes over covered messages.
    pub(crate) fn transcripts(&self) -> &Transcripts {
        &self.transcripts
    }

    fn is_right(&self, peer: Party) -> bool {
        peer == self.me.right()
    }

    fn require_alive(&self, step: Step) -> Result<(), Abort> {
        if self.dead { Err(Abort { step, batch: self.batch, cause: Cause::Dead }) } else { Ok(()) }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, step {}, batch {})", self.me, self.next_step, self.batch)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn batches_grow_with_the_length_of_a_round_between_two_bounds() {
        let limits = |micros| BatchLimits::suiting(Pace { round: Duration::from_micros(micros) });
        assert_eq!(limits(0), BatchLimits { ands: 1 << 22, terms: 1 << 17 });
        assert_eq!(limits(10_000), BatchLimits::default());
        assert_eq!(limits(u64::MAX), BatchLimits::default());
        let sizes: Vec<_> = [0, 30, 300, 1000, 3000, 10_000].map(|micros| limits(micros).ands).into();
        assert!(sizes.is_sorted(), "{sizes:?}");
        assert!(sizes.iter().any(|size| *size > 1 << 22 && *size < 1 << 26), "{sizes:?}");
    }
}
