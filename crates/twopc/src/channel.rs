//! What the two-party protocols ask of a channel. Implementations live in crate `net`; this crate does no IO.

/// Why a message could not be sent or received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The peer hung up.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer said nothing for longer than the transport allows.
    #[error("the peer stalled")]
    Stalled,
    /// The peer's message is longer than the protocol allows at this point.
    #[error("the peer sent more than the {limit} bytes allowed here")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// An ordered, authenticated, private, blocking message channel to the other party.
///
/// `send` must not wait for the receiver; `flush` hands what is buffered to the wire.
pub trait Channel: Send {
    /// Queues a message.
    ///
    /// # Errors
    /// [`ChannelError`] if the channel is known to be broken.
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError>;

    /// Hands every queued message to the wire.
    ///
    /// # Errors
    /// [`ChannelError`] if the channel is known to be broken.
    fn flush(&mut self) -> Result<(), ChannelError>;

    /// Waits for the next message, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ChannelError`] if the peer hung up, stalled, or sent more.
    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError>;
}
