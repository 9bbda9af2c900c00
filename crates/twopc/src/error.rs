//! What can go wrong between the two parties.

use crate::channel::ChannelError;

/// Why a two-party protocol stopped. Carries no data of either party.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The channel broke.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The peer sent something that is not what the protocol says comes here.
    #[error("the peer sent a malformed message: {what}")]
    Malformed {
        /// Which message.
        what: &'static str,
    },
    /// The peer broke the protocol, and was caught.
    #[error("the peer failed a check: {what}")]
    Cheating {
        /// Which check.
        what: &'static str,
    },
    /// Preprocessed material ran out, because the caller asked for more than was prepared.
    #[error("not enough preprocessed {what}")]
    Exhausted {
        /// Material of which kind.
        what: &'static str,
    },
    /// The prover's own statement does not hold; nothing was sent to claim it.
    #[error("the statement to prove is false")]
    FalseStatement,
    /// A request beyond what one session may use.
    #[error("{requested} {what} asked for, {limit} allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        requested: usize,
        /// The cap.
        limit: usize,
    },
}
