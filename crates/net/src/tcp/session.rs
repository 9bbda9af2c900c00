//! A session over two links: what `rep3` sees.

use std::time::Duration;

use rep3::network::{Network, NetworkError, Party, Step};
use zeroize::Zeroizing;

use super::link::Opened;
use super::stream::Failure;

/// One side of a session.
pub(super) struct Half {
    pub opened: Opened,
    pub secret: Zeroizing<[u8; 32]>,
    /// Messages that were not flushed yet.
    pub pending: Vec<Vec<u8>>,
}

/// A session between the three parties. Dropping it tells both peers.
pub struct Session {
    pub(super) me: Party,
    pub(super) left: Half,
    pub(super) right: Half,
    pub(super) patience: Duration,
}

impl Session {
    fn half(&mut self, peer: Party) -> Option<&mut Half> {
        if peer == self.me.left() {
            Some(&mut self.left)
        } else if peer == self.me.right() {
            Some(&mut self.right)
        } else {
            None
        }
    }
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
        self.me
    }

    fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), NetworkError> {
        let half = self.half(to).ok_or(NetworkError::Closed { peer: to, step })?;
        half.pending.push(message);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), NetworkError> {
        let step = Step("flush");
        let (left, right) = (self.me.left(), self.me.right());
        let flushed = self.left.flush();
        self.right.flush().map_err(|failure| error(failure, right, step, 0))?;
        flushed.map_err(|failure| error(failure, left, step, 0))
    }

    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError> {
        let patience = self.patience;
        let half = self.half(from).ok_or(NetworkError::Closed { peer: from, step })?;
        half.opened.recv(length, patience).map_err(|failure| error(failure, from, step, length))
    }

    fn channel_secret(&self, peer: Party) -> [u8; 32] {
        if peer == self.me.left() { *self.left.secret } else { *self.right.secret }
    }
}

impl Half {
    fn flush(&mut self) -> Result<(), Failure> {
        if self.pending.is_empty() { Ok(()) } else { self.opened.send(&mut self.pending) }
    }
}
