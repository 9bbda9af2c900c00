//! Two parties as two threads, and an adversary on the channel between them.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part of it")]

use std::sync::{Arc, Mutex};

use net::memory::{self, Channel as Memory};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use twopc::Error;
use twopc::channel::{Channel, ChannelError};
use twopc::ot::{CotReceiver, CotSender};

/// Runs both parties and returns what each ended with.
pub fn run<A: Send, B: Send>(
    left: impl FnOnce(&mut Memory) -> A + Send,
    right: impl FnOnce(&mut Memory) -> B + Send,
) -> (A, B) {
    let (mut a, mut b) = memory::pair();
    std::thread::scope(|scope| {
        let handle = scope.spawn(move || left(&mut a));
        let right = right(&mut b);
        drop(b);
        (handle.join().unwrap(), right)
    })
}

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// `count` correlations.
pub fn cots(count: usize, seed: u64) -> (CotSender, CotReceiver) {
    let (sender, receiver) = run(
        |channel| {
            let mut sender =
                CotSender::setup(0x1234_5678_9abc_def0 << 64 | u128::from(seed), channel, &mut rng(seed))?;
            sender.extend(count, channel)?;
            Ok::<_, Error>(sender)
        },
        |channel| {
            let mut receiver = CotReceiver::setup(channel, &mut rng(seed + 1))?;
            receiver.extend(count, channel)?;
            Ok::<_, Error>(receiver)
        },
    );
    (sender.unwrap(), receiver.unwrap())
}

/// Flips a bit of the `nth` message that goes out, and counts messages.
pub struct Tampering<'a> {
    pub inner: &'a mut dyn Channel,
    pub nth: usize,
    pub byte: usize,
    pub sent: Arc<Mutex<usize>>,
}

impl<'a> Tampering<'a> {
    pub fn new(inner: &'a mut dyn Channel, nth: usize, byte: usize) -> Self {
        Self { inner, nth, byte, sent: Arc::default() }
    }
}

impl Channel for Tampering<'_> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let mut sent = self.sent.lock().unwrap();
        let mut message = message.to_vec();
        if *sent == self.nth {
            let byte = self.byte % message.len();
            message[byte] ^= 1 << (self.byte % 7);
        }
        *sent += 1;
        self.inner.send(&message)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.inner.flush()
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        self.inner.recv(limit)
    }
}
