//! What the engine asks of a network. Implementations live in crate `net`; this crate does no IO.

use std::fmt;

/// One of the three parties. Indices are taken modulo 3: party `i` holds components `i` and `i + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// Party 0.
    P0,
    /// Party 1.
    P1,
    /// Party 2.
    P2,
}

impl Party {
    /// All three, in order.
    pub const ALL: [Self; 3] = [Self::P0, Self::P1, Self::P2];

    /// The party with this index modulo 3.
    pub const fn from_index(index: usize) -> Self {
        match index % 3 {
            0 => Self::P0,
            1 => Self::P1,
            _ => Self::P2,
        }
    }

    /// 0, 1 or 2.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The party after this one, `P_{i+1}`: it shares component `i + 1` with this one.
    pub const fn right(self) -> Self {
        Self::from_index(self.index() + 1)
    }

    /// The party before this one, `P_{i-1}`: it shares component `i` with this one.
    pub const fn left(self) -> Self {
        Self::from_index(self.index() + 2)
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "party {}", self.index())
    }
}

/// The name of a protocol step: what traffic is counted by, stalls are reported by and tests tamper by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step(pub &'static str);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a message could not be sent or received. It names peer and step, never contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The peer hung up.
    #[error("{peer} closed the connection in step {step}")]
    Closed {
        /// Who hung up.
        peer: Party,
        /// What was being done.
        step: Step,
    },
    /// The peer said nothing for longer than the transport allows.
    #[error("{peer} stalled in step {step}")]
    Stalled {
        /// Who is silent.
        peer: Party,
        /// What was being done.
        step: Step,
    },
    /// The message has another length than the protocol fixes at this point.
    #[error("{peer} sent {got} bytes in step {step} where {expected} were due")]
    Length {
        /// Who sent it.
        peer: Party,
        /// What was being done.
        step: Step,
        /// Bytes that the protocol fixes here.
        expected: usize,
        /// Bytes received.
        got: usize,
    },
}

/// Ordered, authenticated, private channels to the two other parties, for one session.
///
/// Blocking: a session runs on a thread of its own. `send` must not wait for the receiver (the three parties
/// all send before they receive), so an implementation buffers; `flush` hands what is buffered to the wire.
pub trait Network: Send {
    /// Who this end is.
    fn me(&self) -> Party;

    /// Queues a message for `to`.
    ///
    /// # Errors
    /// [`NetworkError`] if the channel is known to be broken.
    fn send(&mut self, to: Party, step: Step, message: Vec<u8>) -> Result<(), NetworkError>;

    /// Hands every queued message to the wire.
    ///
    /// # Errors
    /// [`NetworkError`] if the channel is known to be broken.
    fn flush(&mut self) -> Result<(), NetworkError>;

    /// Waits for the next message of `from`, which must be `length` bytes long: the protocol always knows.
    ///
    /// # Errors
    /// [`NetworkError`] if the peer hung up, stalled, or sent another length.
    fn recv(&mut self, from: Party, step: Step, length: usize) -> Result<Vec<u8>, NetworkError>;

    /// A secret that only this end and `peer` know and that is fresh to this connection (the TLS exporter).
    fn channel_secret(&self, peer: Party) -> [u8; 32];
}
