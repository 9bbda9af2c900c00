//! A fixed one-way delay on every message, as between parties that sit in different places.
//!
//! The sender stamps each message with the wall clock and the receiver holds it back until it is due, so that
//! messages in flight overlap as they do on a real link and no thread is needed. All parties must share a
//! clock: this is for benchmarks on one machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rep3::network::{Network, NetworkError, Party, Step};

const STAMP: usize = size_of::<u64>();

/// A network on which every message takes `one_way` longer. All three parties must wrap theirs.
pub struct Delayed<N> {
    inner: N,
    one_way: Duration,
}

impl<N: Network> Delayed<N> {
    /// Adds `one_way` to every message's travel; a round trip takes twice that.
    pub fn new(inner: N, one_way: Duration) -> Self {
        Self { inner, one_way }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl<N: Network> Network for Delayed<N> {
    fn me(&self) -> Party {
        self.inner.me()
    }

    fn send(&mut self, to: Party, step: Step, mut message: Vec<u8>) -> Result<(), NetworkError> {
        message.extend_from_slice(&(now().as_nanos() as u64).to_le_bytes());
        self.inner.send(to, step, message)
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        self.inner.flush()
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        let mut message = self.inner.recv(from, step, length + STAMP)?;
        let mut stamp = [0; STAMP];
        stamp.copy_from_slice(&message[length..]);
        message.truncate(length);
        let due = Duration::from_nanos(u64::from_le_bytes(stamp)).saturating_add(self.one_way);
        // A peer's stamp can hold a message back for no longer than the delay that was asked for.
        std::thread::sleep(due.saturating_sub(now()).min(self.one_way));
        Ok(message)
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        self.inner.channel_secret(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const STEP: Step = Step("test");

    #[test]
    fn a_message_arrives_late_and_intact_and_messages_overlap() {
        let one_way = Duration::from_millis(30);
        let [mut p0, mut p1, _p2] = crate::memory::three().map(|network| Delayed::new(network, one_way));
        let start = Instant::now();
        for byte in 0..5 {
            p0.send(Party::P1, STEP, vec![byte; 3]).unwrap();
        }
        p0.flush().unwrap();
        for byte in 0..5 {
            assert_eq!(p1.recv(Party::P0, STEP, 3).unwrap(), vec![byte; 3]);
        }
        let took = start.elapsed();
        assert!(took >= one_way, "arrived after {took:?}");
        assert!(took < 4 * one_way, "messages queued behind one another: {took:?}");
    }
}
