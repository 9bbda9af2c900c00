//! A session over two links: what `rep3` sees.

use std::time::Duration;

use rep3::network::{Network, NetworkError, Party, Step};
use zeroize::Zeroizing;

use super::link::Opened;
use super::stream::Failure;
use crate::sides::Sides;

/// One side of a session.
pub(super) struct Half {
    pub opened: Opened,
    pub secret: Zeroizing<[u8; 32]>,
    /// Messages that were not flushed yet.
    pub pending: Vec<Vec<u8>>,
}

/// A session between the three parties. Dropping it tells both peers.
pub struct Session {
    pub(super) halves: Sides<Half>,
    pub(super) patience: Duration,
}

/// Names the peer and the step of a failure.
pub(super) fn error(failure: Failure, peer: Party, step: Step, expected: usize) -> NetworkError {
    match failure {
        Failure::Closed => NetworkError::Closed { peer, step },
        Failure::Stalled => NetworkError::Stalled { peer, step },
        Failure::Length(got) => NetworkError::Length { peer, step, expected, got },
    }
}

impl Network for Session {
    fn me(&self) -> Party {
        self.halves.me
    }

    fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), NetworkError> {
        self.halves.of(to, step)?.pending.push(message);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        self.halves.flush(Half::flush, |failure, peer, step| error(failure, peer, step, 0))
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        let received = self.halves.of(from, step)?.opened.recv(length, self.patience);
        received.map_err(|failure| error(failure, from, step, length))
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        let Sides { me, left, right } = &self.halves;
        if peer == me.left() { *left.secret } else { *right.secret }
    }
}

impl Half {
    fn flush(&mut self) -> Result<(), Failure> {
        if self.pending.is_empty() { Ok(()) } else { self.opened.send(&mut self.pending) }
    }
}
