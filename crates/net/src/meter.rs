//! Counts what a session sends: bytes and messages per step, and rounds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rep3::network::{Network, NetworkError, Party, Step};

/// What one step has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Payload bytes, without framing and encryption.
    pub bytes: u64,
    /// Messages.
    pub messages: u64,
}

/// What a party has sent since the meter was made or reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Traffic by step.
    pub steps: BTreeMap<Step, Traffic>,
    /// How often the party waited for a message after it had sent something: the depth of the protocol.
    pub rounds: u64,
}

impl Reading {
    /// The traffic of all steps together.
    pub fn total(&self) -> Traffic {
        self.steps.values().fold(Traffic::default(), |sum, step| Traffic {
            bytes: sum.bytes + step.bytes,
            messages: sum.messages + step.messages,
        })
    }
}

/// A handle to a party's counters; clones read the same ones.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Reading>>);

impl Meter {
    /// What was counted so far.
    pub fn read(&self) -> Reading {
        self.lock().clone()
    }

    /// Starts again from zero and returns what was counted.
    pub fn reset(&self) -> Reading {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A network that counts what goes through it.
pub struct Metered<N> {
    inner: N,
    meter: Meter,
    /// Whether something was sent since the party last waited.
    sent: bool,
}

impl<N: Network> Metered<N> {
    /// Wraps a network; the meter can be read while the session runs.
    pub fn new(inner: N) -> (Self, Meter) {
        let meter = Meter::default();
        (Self { inner, meter: meter.clone(), sent: false }, meter)
    }
}

impl<N: Network> Network for Metered<N> {
    fn me(&self) -> Party {
        self.inner.me()
    }

    fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), NetworkError> {
        {
            let mut reading = self.meter.lock();
            let traffic = reading.steps.entry(step).or_default();
            traffic.bytes += message.len() as u64;
            traffic.messages += 1;
        }
        self.sent = true;
        self.inner.send(to, step, message)
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        self.inner.flush()
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        if std::mem::take(&mut self.sent) {
            self.meter.lock().rounds += 1;
        }
        self.inner.recv(from, step, length)
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        self.inner.channel_secret(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_messages_and_rounds_are_counted_by_step() {
        let [p0, mut p1, _p2] = crate::memory::three();
        let (mut p0, meter) = Metered::new(p0);
        let (ask, tell) = (Step("ask"), Step("tell"));
        for _ in 0..2 {
            p0.send(Party::P1, ask, vec![0; 10]).unwrap();
            p0.send(Party::P1, tell, vec![0; 5]).unwrap();
            p0.flush().unwrap();
            p1.send(Party::P0, ask, vec![1]).unwrap();
            p1.send(Party::P0, ask, vec![2]).unwrap();
            p1.flush().unwrap();
            p0.recv(Party::P1, ask, 1).unwrap();
            p0.recv(Party::P1, ask, 1).unwrap();
        }
        let reading = meter.reset();
        assert_eq!(reading.steps[&ask], Traffic { bytes: 20, messages: 2 });
        assert_eq!(reading.total(), Traffic { bytes: 30, messages: 4 });
        assert_eq!(reading.rounds, 2, "two receives in a row are one round");
        assert_eq!(meter.read(), Reading::default());
    }
}
