//! What parties say to each other, outside of computations.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use survey::{
    Code, Id, Identity, PartyOutput, PublicKey, Purpose, Refusal, Refused, Signed, SignedQuery, SignedRecord,
};

use super::ledger::State;
use crate::storage::BoxFuture;

/// A message from one party to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// Here is where I stand; where do you?
    Sync {
        /// The sender's state.
        state: State,
    },
    /// Which of these submissions do you accept?
    Propose {
        /// Their digests.
        submissions: Vec<Id>,
    },
    /// Compute this batch with me now.
    Start(Start),
    /// Send me the record of this height.
    Record {
        /// The height.
        height: u64,
    },
    /// Would you compute this query?
    Ask {
        /// As its consumer signed it.
        query: Box<SignedQuery>,
    },
    /// Compute this query with me now.
    Release(Box<Release>),
}

/// A batch that the leader starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The height it is for.
    pub height: u64,
    /// The attempt.
    pub attempt: u64,
    /// The submissions that all three accepted, in the order of their rows.
    pub accepted: Vec<Id>,
    /// Those that a party refused.
    pub refused: Vec<Refused>,
    /// Whether the epoch is to close with this batch, if it then holds the minimum.
    pub close_epoch: bool,
    /// The leader's clock, in Unix seconds.
    pub closed_at: u64,
}

/// A release that the leader starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The query.
    pub query: SignedQuery,
    /// The release's number.
    pub number: u64,
    /// Names the computation; never used twice.
    pub session: Id,
    /// What all three must find for themselves.
    pub dataset_root: Id,
}

/// What one party says about a proposed submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It is good.
    Accept,
    /// It is not, for good.
    Refuse {
        /// Why.
        code: Code,
    },
    /// Not known here, or not now: to be proposed again.
    Later,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// To [`Message::Sync`].
    State {
        /// The answerer's state.
        state: State,
    },
    /// To [`Message::Propose`]: one verdict a submission.
    Verdicts {
        /// In the order of the proposal.
        verdicts: Vec<Verdict>,
    },
    /// To [`Message::Start`] and [`Message::Release`]: it has begun here.
    Started,
    /// To [`Message::Record`].
    Record {
        /// The record.
        record: Box<SignedRecord>,
    },
    /// To [`Message::Ask`]: yes, and the next release number that is free here.
    Willing {
        /// The number; an existing release keeps its own.
        number: u64,
        /// Over which submissions.
        dataset_root: Id,
        /// This party's output, if it has computed the release.
        output: Option<Box<PartyOutput>>,
    },
}

/// How a party reaches the two others.
pub trait Peers: Send + Sync {
    /// Sends a message to a party (0, 1 or 2) and waits for its answer.
    fn call(&self, to: usize, message: Message) -> BoxFuture<'_, Result<Answer, Refusal>>;
}

/// A message or answer with where it belongs: what is signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope<T> {
    /// The survey.
    pub survey: Id,
    /// The sender: 0, 1 or 2.
    pub from: u8,
    /// The receiver.
    pub to: u8,
    /// The sender's clock, in Unix seconds.
    pub time: u64,
    /// What is said.
    pub body: T,
}

/// How far two parties' clocks may differ, in seconds. Messages are harmless when replayed (each is judged
/// against durable state), so this bounds nuisance, not safety.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// Signs a message from one party to another.
///
/// # Errors
/// See [`Id::of`].
pub fn wrap<T: Serialize>(
    body: T,
    survey: Id,
    from: usize,
    to: usize,
    time: u64,
    identity: &Identity,
) -> Result<Signed<Envelope<T>>, Refusal> {
    let envelope = Envelope { survey, from: from as u8, to: to as u8, time, body };
    Ok(Signed::new(envelope, Purpose::Peer, identity)?)
}

/// Checks a signed message for this party and gives its sender and body.
///
/// # Errors
/// [`Code::BadSignature`], [`Code::WrongSurvey`], [`Code::ClockSkew`], or [`Code::Malformed`] if it is for another.
pub fn unwrap<T: Serialize>(
    signed: Signed<Envelope<T>>,
    survey: &Id,
    me: usize,
    now: u64,
    keys: &[PublicKey; 3],
) -> Result<(usize, T), Refusal> {
    let envelope = &signed.body;
    let from = usize::from(envelope.from);
    if from == me || keys.get(from) != Some(&signed.signer) || !signed.verify(Purpose::Peer) {
        return Err(Refusal::new(Code::BadSignature, "peer message"));
    }
    if envelope.survey != *survey {
        return Err(Code::WrongSurvey.into());
    }
    if usize::from(envelope.to) != me {
        return Err(Refusal::new(Code::Malformed, "the message is for another party"));
    }
    if envelope.time.abs_diff(now) > MAX_SKEW.as_secs() {
        return Err(Refusal::new(
            Code::ClockSkew,
            format!("the message is of {}, it is {now}", envelope.time),
        ));
    }
    Ok((from, signed.body.body))
}
