//! The bodies of every HTTP call, in the order of the API. All are JSON; a failed call answers with a
//! [`Problem`] and the status of its code.
//!
//! | call | takes | gives |
//! |---|---|---|
//! | `GET /v1/survey` | | [`SignedSurvey`](crate::SignedSurvey) |
//! | `GET /v1/status` | | [`Status`] |
//! | `POST /v1/submissions` | [`Submission`](crate::Submission) | [`Queued`] (202) |
//! | `GET /v1/submissions/{id}` | | [`SubmissionStatus`] |
//! | `GET /v1/epochs` | | [`Epochs`] |
//! | `GET /v1/epochs/{number}/headers` | | [`Headers`] |
//! | `GET /v1/records/{height}` | | [`SignedRecord`](crate::SignedRecord) |
//! | `POST /v1/queries` | [`SignedQuery`](crate::SignedQuery) | [`QueryAccepted`] (202) |
//! | `GET /v1/queries/{id}` | | [`QueryStatus`] |
//!
//! A coordinator serves all of them; a party serves the same reads from its own storage, so that nobody need
//! believe the coordinator.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::certificate::PartyOutput;
use crate::code::{Code, Refusal};
use crate::epoch::Epoch;
use crate::id::Id;
use crate::keys::Signature;
use crate::receipt::Receipt;
use crate::record::{Header, Refused};

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// From the table of codes.
    pub code: Code,
    /// What happened.
    pub cause: String,
    /// What is particular to this case.
    pub detail: String,
    /// What to do.
    pub next_step: String,
    /// The trace id to look for in logs.
    #[serde(default)]
    pub trace: String,
}

impl Problem {
    /// A refusal as it travels.
    pub fn new(refusal: &Refusal, trace: impl Into<String>) -> Self {
        Self {
            code: refusal.code,
            cause: refusal.code.cause().into(),
            detail: refusal.detail.clone(),
            next_step: refusal.code.next_step().into(),
            trace: trace.into(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code, detail: problem.detail }
    }
}

/// Where a survey stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The survey.
    pub survey: Id,
    /// The server's clock, in Unix seconds.
    pub now: u64,
    /// The server's version.
    pub version: String,
    /// Whether submissions are taken now.
    pub open: bool,
    /// Submissions waiting.
    pub queued: u64,
    /// Accounts accepted so far.
    pub accepted: u64,
    /// Accounts in the epoch that is still open.
    pub open_accounts: u64,
    /// How many accounts an epoch needs.
    pub minimum: u64,
    /// Height of the next batch record.
    pub height: u64,
    /// How many epochs have closed.
    pub epochs: u64,
    /// When each party was last heard of, in Unix seconds (0: never). A party reports itself and its peers.
    pub parties: [u64; 3],
}

/// A submission was taken into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// Its digest: ask for the receipt under this name.
    pub submission: Id,
    /// How many are before it.
    pub position: u64,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SubmissionStatus {
    /// Waiting.
    Queued {
        /// How many are before it.
        position: u64,
    },
    /// All three parties accepted it.
    Accepted {
        /// Their signed acceptance.
        receipt: Box<Receipt>,
    },
    /// The parties turned it away, for good.
    Refused {
        /// Why, and who found fault.
        refused: Refused,
        /// The height of the record that says so.
        height: u64,
    },
}

/// The closed epochs, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Epochs {
    /// The closed ones.
    pub epochs: Vec<Epoch>,
    /// Accounts in the open one.
    pub open_accounts: u64,
}

/// The headers of one epoch's records, with their signatures: what an inclusion proof is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Headers {
    /// In rising order of height.
    pub headers: Vec<SignedHeader>,
}

/// A batch record's header with the parties' signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// Of parties 0, 1 and 2.
    pub signatures: [Signature; 3],
}

/// A query was taken into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryAccepted {
    /// Its id: ask for the outputs under this name.
    pub query: Id,
}

/// What became of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum QueryStatus {
    /// Waiting, or being computed.
    Running,
    /// Done: the three parties' outputs, sealed to the consumer.
    Done {
        /// Of parties 0, 1 and 2.
        outputs: Box<[PartyOutput; 3]>,
    },
    /// A party refused it.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Which party.
        party: u8,
    },
}

/// What an outside system is told by webhook, signed ([`crate::Purpose::Webhook`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A batch of submissions was accepted.
    Batch {
        /// Its header.
        header: Box<Header>,
    },
    /// A release was computed.
    Release {
        /// The survey.
        survey: Id,
        /// The release's number.
        release: u64,
        /// Its plan.
        plan: Id,
        /// Its epochs.
        epochs: Vec<u64>,
    },
}
