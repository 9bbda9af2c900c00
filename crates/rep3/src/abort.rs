//! Why a computation stopped.

use crate::network::{NetworkError, Party, Step};

/// The computation stopped and nothing more may be sent in this session: start a new one.
///
/// It names the step and the batch of statements, never data: what an abort looks like must not depend on a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("aborted in step {step} of batch {batch}: {cause}")]
pub struct Abort {
    /// What was being done.
    pub step: Step,
    /// How many verification batches this session had closed before.
    pub batch: u64,
    /// What went wrong.
    pub cause: Cause,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A peer hung up, stalled or sent a message of another length.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A peer sent bytes that are no canonical encoding of what was due.
    #[error("{0} sent a malformed message")]
    Malformed(Party),
    /// Two copies of one value, held by two parties, differ.
    #[error("two parties disagree on a value that both of them know")]
    Disagreement,
    /// The peers do not agree on session, program or inputs.
    #[error("{0} derived other session keys: session id, program or input list differ")]
    KeyConfirmation(Party),
    /// The proof of this party was rejected.
    #[error("the proof of {0} was rejected")]
    ProofRejected(Party),
    /// A peer reports that it rejected a proof.
    #[error("{0} rejected a proof")]
    Refused(Party),
    /// Stored shares are not the ones whose digest was agreed.
    #[error("stored shares do not match their digest")]
    StoredShares,
    /// An earlier operation of this session aborted.
    #[error("the session has aborted before")]
    Dead,
}
