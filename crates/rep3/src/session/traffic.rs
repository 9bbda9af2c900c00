//! What went over the wire: counted by step, and hashed so that proofs can cover it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::network::Step;

/// What one party sent and how often it waited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Communication rounds: times this party waited for an answer after sending.
    pub rounds: u64,
    /// Payload bytes sent to both peers.
    pub sent_bytes: u64,
    /// The same by step.
    pub steps: BTreeMap<Step, StepTraffic>,
    sending: bool,
}

/// What was sent in all steps of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepTraffic {
    /// Messages sent.
    pub messages: u64,
    /// Payload bytes sent.
    pub bytes: u64,
}

impl Traffic {
    /// Counts a message sent.
    pub(crate) fn count(&mut self, step: Step, bytes: usize) {
        let entry = self.steps.entry(step).or_default();
        entry.messages += 1;
        entry.bytes += bytes as u64;
        self.sent_bytes += bytes as u64;
        self.sending = true;
    }

    /// Counts a round at the first receipt after something was sent.
    pub(crate) fn wait(&mut self) {
        self.rounds += u64::from(std::mem::take(&mut self.sending));
    }
}

/// Which way messages went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Sent,
    Received,
}

/// Running hashes of everything sent to and received from each neighbour. What `P_i` sent to `P_j` and what
/// `P_j` received from `P_i` hash alike unless the channel lies.
#[derive(Clone, Default)]
pub(crate) struct Transcripts {
    hashes: [Sha256; 4],
}

impl Transcripts {
    pub(crate) fn absorb(&mut self, direction: Direction, right: bool, message: &[u8]) {
        self.hashes[Self::index(direction, right)].update(message);
    }

    pub(crate) fn digest(&self, direction: Direction, right: bool) -> [u8; 32] {
        self.hashes[Self::index(direction, right)].clone().finalize().into()
    }

    fn index(direction: Direction, right: bool) -> usize {
        usize::from(direction == Direction::Received) << 1 | usize::from(right)
    }
}
