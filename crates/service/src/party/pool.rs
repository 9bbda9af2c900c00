//! Submissions that are known to a party but not yet committed: fetched, judged, shares opened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rep3::network::Party;
use survey::{
    Code, Id, Nullifier, NullifierKey, OpeningKey, PartyOutput, SignedQuery, SignedRecord, Submission, Survey,
};

use super::compute::Row;
use crate::admission;
use crate::storage::BoxFuture;

/// Where a party's work comes from and its results go: the coordinator, as the engine sees it.
pub trait Queue: Send + Sync {
    /// The digests of waiting submissions that come after a mark, in order, and the mark to go on from.
    fn list(&self, after: u64) -> BoxFuture<'_, Result<(Vec<Id>, u64), survey::Refusal>>;

    /// Fetches the submissions of these digests, as far as they still wait, and judges them.
    fn collect(&self, digests: Vec<Id>) -> BoxFuture<'_, Result<Vec<(Id, Judged)>, survey::Refusal>>;

    /// Which record the coordinator needs next.
    fn height(&self) -> BoxFuture<'_, Result<u64, survey::Refusal>>;

    /// Hands a committed record over.
    fn push(&self, record: SignedRecord) -> BoxFuture<'_, Result<(), survey::Refusal>>;

    /// The queries that wait.
    fn queries(&self) -> BoxFuture<'_, Result<Vec<SignedQuery>, survey::Refusal>>;

    /// Hands outputs of a query over.
    fn deliver(&self, query: Id, outputs: Vec<PartyOutput>) -> BoxFuture<'_, Result<(), survey::Refusal>>;

    /// Tells that the parties refuse a query.
    fn refuse_query(&self, query: Id, refusal: survey::Refusal)
    -> BoxFuture<'_, Result<(), survey::Refusal>>;
}

/// A judged submission.
#[derive(Clone, Debug)]
pub enum Judged {
    /// Good as far as this party alone can tell.
    Good {
        /// Its account's nullifier.
        nullifier: Nullifier,
        /// Its shares and commitments.
        row: Arc<Row>,
    },
    /// Refused by this party, for good.
    Bad(Code),
}

/// No party keeps more than this many uncommitted submissions in memory.
pub const CAPACITY: usize = 4 * survey::record::MAX_BATCH;

/// How long a submission may wait for the parties without going stale: as long as a party may be away.
const MAX_WAIT: Duration = Duration::from_hours(30 * 24);

/// What a party judges with.
pub struct Judge {
    /// Which party it is.
    pub party: Party,
    /// The survey.
    pub survey: Arc<Survey>,
    /// Its id.
    pub survey_id: Id,
    /// Opens the shares sealed to this party.
    pub opening: OpeningKey,
    /// Makes this party's nullifiers.
    pub nullifiers: NullifierKey,
}

impl Judge {
    /// Judges a submission at a time; CPU work only. Gives its digest, by which it must have been asked for.
    pub fn judge(&self, submission: &Submission, now: u64) -> Option<(Id, Judged)> {
        let digest = submission.digest().ok()?;
        let judged = self.check(submission, now).unwrap_or_else(|refusal| {
            tracing::info!(submission = %digest, %refusal, "submission refused");
            Judged::Bad(refusal.code)
        });
        Some((digest, judged))
    }

    fn check(&self, submission: &Submission, now: u64) -> Result<Judged, survey::Refusal> {
        let admitted = admission::admit(submission, &self.survey, &self.survey_id, now, MAX_WAIT)?;
        let shares =
            submission.open(self.party, &self.survey, admitted.context(), &admitted.digest, &self.opening)?;
        let nullifier = self.nullifiers.nullifier(&self.survey_id, &admitted.account);
        Ok(Judged::Good { nullifier, row: Arc::new(Row { shares, commitments: admitted.commitments }) })
    }
}

/// The pool. It is a cache: after a crash it is filled again from the queue.
#[derive(Default)]
pub struct Pool(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    judged: BTreeMap<Id, Judged>,
    /// In the order in which they arrived; before all others, what was proposed.
    order: BTreeMap<i64, Id>,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a judged submission, unless the pool is full or has it.
    pub fn insert(&self, digest: Id, judged: Judged) {
        let mut inner = self.lock();
        if inner.judged.len() < CAPACITY && !inner.judged.contains_key(&digest) {
            let place = inner.order.last_key_value().map_or(0, |(last, _)| last + 1);
            inner.order.insert(place, digest);
            inner.judged.insert(digest, judged);
        }
    }

    /// Adds a judged submission before all others, of which the last makes room if need be: what is proposed
    /// must not wait for what is not.
    pub fn insert_first(&self, digest: Id, judged: Judged) {
        let mut inner = self.lock();
        if inner.judged.insert(digest, judged).is_some() {
            return;
        }
        let place = inner.order.first_key_value().map_or(0, |(first, _)| first - 1);
        inner.order.insert(place, digest);
        if inner.order.len() > CAPACITY
            && let Some((_, last)) = inner.order.pop_last()
        {
            inner.judged.remove(&last);
        }
    }

    /// What is known about a submission.
    pub fn get(&self, digest: &Id) -> Option<Judged> {
        self.lock().judged.get(digest).cloned()
    }

    /// Which of these are not known.
    pub fn missing(&self, digests: &[Id]) -> Vec<Id> {
        let inner = self.lock();
        digests.iter().filter(|digest| !inner.judged.contains_key(digest)).copied().collect()
    }

    /// For how many more there is room.
    pub fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.len())
    }

    /// The first `limit` submissions, in the order in which they arrived.
    pub fn first(&self, limit: usize) -> Vec<(Id, Judged)> {
        let inner = self.lock();
        let digests = inner.order.values().take(limit);
        digests.filter_map(|digest| Some((*digest, inner.judged.get(digest)?.clone()))).collect()
    }

    /// Forgets submissions.
    pub fn remove<'a>(&self, digests: impl IntoIterator<Item = &'a Id>) {
        let mut inner = self.lock();
        for digest in digests {
            inner.judged.remove(digest);
        }
        let Inner { judged, order, .. } = &mut *inner;
        order.retain(|_, digest| judged.contains_key(digest));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().judged.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
