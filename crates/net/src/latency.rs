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

/// How much longer a message is on its way at `now` if it left when it is stamped: never longer than a whole way,
/// whatever a peer's stamp says.
fn left(stamp: Duration, now: Duration, one_way: Duration) -> Duration {
    stamp.saturating_add(one_way).saturating_sub(now).min(one_way)
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
        std::thread::sleep(left(Duration::from_nanos(u64::from_le_bytes(stamp)), now(), self.one_way));
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
    fn messages_arrive_late_and_intact() {
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
        assert!(start.elapsed() >= one_way, "arrived after {:?}", start.elapsed());
    }

    #[test]
    fn messages_that_left_together_arrive_together_and_a_false_stamp_delays_no_longer() {
        let [sent, one_way] = [1000, 30].map(Duration::from_millis);
        let at = |millis| left(sent, Duration::from_millis(millis), one_way);
        assert_eq!(at(1000), one_way);
        // Whoever has waited for one message has waited for all that left with it.
        assert_eq!(at(1020), Duration::from_millis(10));
        assert_eq!([at(1030), at(5000)], [Duration::ZERO; 2]);
        assert_eq!([at(10), left(Duration::MAX, sent, one_way)], [one_way; 2]);
    }
}
