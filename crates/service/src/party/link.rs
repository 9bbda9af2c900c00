//! A party's ways out, over HTTPS: to its peers, and to the coordinator.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use survey::{Id, Identity, PartyOutput, Refusal, Signed, SignedQuery, SignedRecord, Submission};

use super::peers::{Answer, Envelope, Message, Peers, wrap};
use super::pool::{Judge, Judged, Queue};
use crate::clock::Clock;
use crate::http::client::Client;
use crate::storage::BoxFuture;

/// The coordinator's place in an envelope's `to`: after the parties.
pub const COORDINATOR: usize = 3;

/// What a party asks of a coordinator; signed, because only parties may read the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum QueueCall {
    /// The digests of waiting submissions after a mark.
    List {
        /// The mark.
        after: u64,
    },
    /// The submissions of these digests.
    Fetch {
        /// The digests.
        digests: Vec<Id>,
    },
    /// Which record comes next there.
    Height,
    /// The queries that wait.
    Queries,
    /// The parties refuse a query.
    RefuseQuery {
        /// Its id.
        query: Id,
        /// Why.
        refusal: Refusal,
    },
}

/// What a coordinator answers. Its kind stands outside: with the kind inside, reading an answer would first build a tree of
/// all that it holds, and most of what parties fetch are submissions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QueueAnswer {
    /// To [`QueueCall::List`].
    Digests {
        /// In the order of the queue.
        digests: Vec<Id>,
        /// Where to go on.
        mark: u64,
    },
    /// To [`QueueCall::Fetch`].
    Submissions {
        /// As far as they wait.
        submissions: Vec<Submission>,
    },
    /// To [`QueueCall::Height`].
    Height {
        /// The height.
        height: u64,
    },
    /// To [`QueueCall::Queries`].
    Queries {
        /// In the order of the queue.
        queries: Vec<SignedQuery>,
    },
    /// To everything else.
    Done,
}

/// Outputs of one query, on their way to the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The query.
    pub query: Id,
    /// The outputs.
    pub outputs: Vec<PartyOutput>,
}

/// One party's end.
pub struct Link {
    /// Which party.
    pub me: usize,
    /// The survey.
    pub survey: Id,
    /// What it signs with.
    pub identity: Identity,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Clients of parties 0, 1 and 2; its own is not used.
    pub parties: [Client; 3],
    /// A client of the coordinator.
    pub coordinator: Client,
    /// What submissions are judged with.
    pub judge: Arc<Judge>,
}

impl Link {
    fn wrap<T: Serialize>(&self, body: T, to: usize) -> Result<Signed<Envelope<T>>, Refusal> {
        wrap(body, self.survey, self.me, to, self.clock.now(), &self.identity)
    }

    async fn ask(&self, call: QueueCall) -> Result<QueueAnswer, Refusal> {
        self.coordinator.post("/v1/parties/queue", &self.wrap(call, COORDINATOR)?).await
    }
}

fn unexpected() -> Refusal {
    Refusal::new(survey::Code::Malformed, "the coordinator gave an answer of another kind")
}

impl Peers for Link {
    fn call(&self, to: usize, message: Message) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move { self.parties[to].post("/peer/v1/messages", &self.wrap(message, to)?).await })
    }
}

impl Queue for Link {
    fn list(&self, after: u64) -> BoxFuture<'_, Result<(Vec<Id>, u64), Refusal>> {
        Box::pin(async move {
            match self.ask(QueueCall::List { after }).await? {
                QueueAnswer::Digests { digests, mark } => Ok((digests, mark)),
                _ => Err(unexpected()),
            }
        })
    }

    fn collect(&self, digests: Vec<Id>) -> BoxFuture<'_, Result<Vec<(Id, Judged)>, Refusal>> {
        Box::pin(async move {
            let mut judged = Vec::with_capacity(digests.len());
            for chunk in digests.chunks(FETCH) {
                let asked: std::collections::BTreeSet<Id> = chunk.iter().copied().collect();
                let answer = self.ask(QueueCall::Fetch { digests: chunk.to_vec() }).await?;
                let QueueAnswer::Submissions { submissions } = answer else { return Err(unexpected()) };
                let (judge, now) = (self.judge.clone(), self.clock.now());
                let work = move || -> Vec<(Id, Judged)> {
                    let verdicts = submissions.iter().filter_map(|submission| judge.judge(submission, now));
                    // Nothing but what was asked for enters the pool.
                    verdicts.filter(|(digest, _)| asked.contains(digest)).collect()
                };
                let failed =
                    |error: tokio::task::JoinError| Refusal::new(survey::Code::Internal, error.to_string());
                judged.extend(tokio::task::spawn_blocking(work).await.map_err(failed)?);
            }
            Ok(judged)
        })
    }

    fn height(&self) -> BoxFuture<'_, Result<u64, Refusal>> {
        Box::pin(async move {
            match self.ask(QueueCall::Height).await? {
                QueueAnswer::Height { height } => Ok(height),
                _ => Err(unexpected()),
            }
        })
    }

    fn push(&self, record: SignedRecord) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move { self.coordinator.post("/v1/records", &record).await })
    }

    fn queries(&self) -> BoxFuture<'_, Result<Vec<SignedQuery>, Refusal>> {
        Box::pin(async move {
            match self.ask(QueueCall::Queries).await? {
                QueueAnswer::Queries { queries } => Ok(queries),
                _ => Err(unexpected()),
            }
        })
    }

    fn deliver(&self, query: Id, outputs: Vec<PartyOutput>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move { self.coordinator.post("/v1/outputs", &Delivery { query, outputs }).await })
    }

    fn refuse_query(&self, query: Id, refusal: Refusal) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let call = QueueCall::RefuseQuery { query, refusal };
            self.ask(call).await.map(|_| ())
        })
    }
}

/// How many submissions are fetched at once.
pub const FETCH: usize = 128;
