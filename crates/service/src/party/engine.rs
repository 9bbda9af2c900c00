//! A party's engine: what it does by itself, and how it answers its peers.
//!
//! Party 0 leads: it proposes batches and releases; all three verify everything. (Any party can stop the
//! others anyway, since all three must take part; a fixed leader adds no power to that.) The engine is the
//! same in production and in simulations: time, storage, peers, queue and computation are injected.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use survey::record::{MAX_BATCH, Refused};
use survey::{Code, Header, Id, Identity, Purpose, Refusal, Survey, merkle};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::compute::{BatchJob, BatchOutcome, Compute, Row, Stored};
use super::ledger::{Action, Ledger, State};
use super::peers::{Answer, Message, Peers, Start, Verdict};
use super::pool::{Judged, Pool, Queue};
use super::tables::{Pending, Standing, Tables, Tip};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// No honest party is so many attempts ahead; a lie must not use the numbers up.
const MAX_LEAD: u64 = 1 << 20;

/// How long things take at most; all are bounds on being stuck, none is needed for safety.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between two exchanges of states when nothing happens.
    pub sync: Duration,
    /// Between two looks at the queue when it was empty.
    pub poll: Duration,
    /// How long to let submissions gather before a batch is closed.
    pub gather: Duration,
    /// How long a peer may take to answer.
    pub call: Duration,
    /// How long one computation may take.
    pub compute: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            sync: Duration::from_millis(500),
            poll: Duration::from_millis(50),
            gather: Duration::from_millis(20),
            call: Duration::from_secs(10),
            compute: Duration::from_mins(10),
        }
    }
}

/// A party.
pub struct Engine {
    /// Which one: 0, 1 or 2.
    pub me: usize,
    /// The survey.
    pub survey: Arc<Survey>,
    /// Its id.
    pub survey_id: Id,
    /// What this party signs with.
    pub identity: Identity,
    /// Stricter limits of this party's own, if it has any.
    pub own_policy: super::policy::OwnPolicy,
    /// Durable state.
    pub tables: Tables,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The two others.
    pub peers: Arc<dyn Peers>,
    /// Where submissions wait.
    pub queue: Arc<dyn Queue>,
    /// Three-party computation.
    pub compute: Arc<dyn Compute>,
    /// Counters.
    pub metrics: Metrics,
    /// How long things take.
    pub timing: Timing,
    /// Submissions in memory.
    pub pool: Pool,
    /// What is going on.
    pub activity: Activity,
}

/// What is going on in a party's memory; all of it may be lost.
#[derive(Default)]
pub struct Activity {
    inner: Mutex<Inner>,
    /// Something changed that the sync loop should look at.
    pub changed: Notify,
    /// A record was committed here.
    pub committed: Notify,
    /// What runs in the background for this party; it ends with it.
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Inner {
    /// The attempt that is being computed.
    running: Option<(u64, u64)>,
    /// The latest states of the peers.
    peers: [Option<State>; 3],
    /// When each party was last heard of, in Unix seconds.
    heard: [u64; 3],
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When each party was last heard of, in Unix seconds.
    pub fn heard(&self) -> [u64; 3] {
        self.lock().heard
    }
}

/// Marks an attempt as running for as long as it lives.
struct Running<'a>(&'a Activity);

impl<'a> Running<'a> {
    fn claim(activity: &'a Activity, height: u64, attempt: u64) -> Result<Self, Refusal> {
        let mut inner = activity.lock();
        if inner.running.is_some() {
            return Err(Refusal::new(Code::NotReady, "a batch is being computed"));
        }
        inner.running = Some((height, attempt));
        Ok(Self(activity))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running = None;
        self.0.changed.notify_one();
    }
}

impl Engine {
    /// Runs something in the background for as long as this party runs.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.activity.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends everything that runs in the background, wherever it is: as a crash would.
    pub fn stop(&self) {
        self.activity.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// The two other parties.
    pub fn others(&self) -> [usize; 2] {
        [(self.me + 1) % 3, (self.me + 2) % 3]
    }

    /// Runs until the future is dropped: the party's own activity. Peers are answered by [`Engine::answer`].
    ///
    /// # Errors
    /// [`Refusal`] if the storage cannot be used.
    pub async fn run(self: &Arc<Self>) -> Result<(), Refusal> {
        self.tables.start().await?;
        let lead = async {
            if self.me == 0 {
                tokio::join!(self.lead(), self.serve_queries());
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::join!(self.keep_in_sync(), self.fill_pool(), self.hand_over(), lead);
        Ok(())
    }

    /// Answers a peer.
    ///
    /// # Errors
    /// [`Refusal`]: what the peer asks is not possible here or now.
    pub async fn answer(self: &Arc<Self>, from: usize, message: Message) -> Result<Answer, Refusal> {
        self.activity.lock().heard[from] = self.clock.now();
        match message {
            Message::Sync { state } => {
                self.heard_state(from, state);
                Ok(Answer::State { state: self.tables.ledger().await?.state()? })
            }
            Message::Propose { submissions } if submissions.len() <= MAX_BATCH => {
                Ok(Answer::Verdicts { verdicts: self.verdicts(&submissions).await? })
            }
            Message::Start(start) if from == 0 => {
                self.follow(start).await?;
                Ok(Answer::Started)
            }
            Message::Record { height } => {
                let record = self.tables.record(height).await?.ok_or(Code::NotFound)?;
                Ok(Answer::Record { record: Box::new(record) })
            }
            Message::Ask { query } => self.ask(&query).await,
            Message::Release(release) if from == 0 => {
                self.follow_release(*release).await?;
                Ok(Answer::Started)
            }
            _ => Err(Refusal::new(Code::Malformed, "not a message of this peer's, or too large")),
        }
    }

    /// Calls a peer, for no longer than the timing allows.
    pub(super) async fn call(&self, to: usize, message: Message) -> Result<Answer, Refusal> {
        let unavailable = |why: &str| Refusal::new(Code::PartyUnavailable, format!("party {to}: {why}"));
        let answer = tokio::time::timeout(self.timing.call, self.peers.call(to, message)).await;
        let answer = answer.map_err(|_| unavailable("no answer in time"))??;
        self.activity.lock().heard[to] = self.clock.now();
        Ok(answer)
    }

    fn heard_state(&self, from: usize, state: State) {
        let mut inner = self.activity.lock();
        if inner.peers[from].as_ref() != Some(&state) {
            inner.peers[from] = Some(state);
            self.activity.changed.notify_one();
        }
    }

    // ---- Keeping in step -------------------------------------------------------------------------------

    async fn keep_in_sync(&self) {
        loop {
            if let Err(refusal) = self.sync().await {
                tracing::warn!(%refusal, "out of step");
                self.metrics.refusal(refusal.code);
            }
            let _ = tokio::time::timeout(self.timing.sync, self.activity.changed.notified()).await;
        }
    }

    /// Exchanges states with both peers and does all that follows from them.
    async fn sync(&self) -> Result<(), Refusal> {
        let mut told = None;
        loop {
            let state = self.tables.ledger().await?.state()?;
            if told.as_ref() != Some(&state) {
                let [a, b] = self.others();
                tokio::join!(self.exchange(a, &state), self.exchange(b, &state));
                told = Some(state);
            }
            if !self.advance().await? {
                return Ok(());
            }
        }
    }

    async fn exchange(&self, peer: usize, state: &State) {
        match self.call(peer, Message::Sync { state: state.clone() }).await {
            Ok(Answer::State { state }) => self.heard_state(peer, state),
            Ok(_) => tracing::warn!(peer, "a peer gave an answer of another kind"),
            Err(refusal) => tracing::debug!(peer, %refusal, "a peer does not answer"),
        }
    }

    /// Takes one step that the latest states allow; tells whether there was one.
    async fn advance(&self) -> Result<bool, Refusal> {
        let ledger = self.tables.ledger().await?;
        let peers = self.activity.lock().peers.clone();
        let keys = self.survey.party_keys();
        match ledger.decide(self.me, &peers, &keys)? {
            Action::Wait => return Ok(false),
            Action::Sign => {
                let Some(prepared) = &ledger.prepared else { return Ok(false) };
                let id = prepared.header.id()?;
                self.tables.sign(id, self.identity.sign(Purpose::Batch, &id)).await?;
            }
            Action::Commit(signatures) => {
                let Some(prepared) = &ledger.prepared else { return Ok(false) };
                self.commit(prepared.header.id()?, signatures).await?;
            }
            Action::GiveUp => {
                let Some(prepared) = &ledger.prepared else { return Ok(false) };
                tracing::info!(ledger.height, attempt = prepared.header.attempt, "batch given up");
                self.tables.pass(ledger.height, prepared.header.attempt).await?;
            }
            Action::Fetch(peer) => self.catch_up(peer, &ledger).await?,
        }
        Ok(true)
    }

    async fn commit(&self, header: Id, signatures: [survey::Signature; 3]) -> Result<(), Refusal> {
        let record = self.tables.commit(header, signatures).await?;
        let (leaves, refused) = (&record.record.leaves, &record.record.refused);
        self.pool.remove(leaves.iter().chain(refused.iter().map(|refused| &refused.submission)));
        for refused in refused {
            self.metrics.refusal(refused.code);
        }
        self.metrics.add("mpcstats_submissions_total", &[("outcome", "accepted")], leaves.len() as f64);
        self.metrics.add("mpcstats_submissions_total", &[("outcome", "refused")], refused.len() as f64);
        self.metrics.set("mpcstats_height", &[], record.record.header.height as f64 + 1.0);
        self.activity.committed.notify_one();
        Ok(())
    }

    /// A peer has committed what this party has prepared: take the record from it.
    async fn catch_up(&self, peer: usize, ledger: &Ledger) -> Result<(), Refusal> {
        let Answer::Record { record } = self.call(peer, Message::Record { height: ledger.height }).await?
        else {
            return Err(Refusal::new(Code::Malformed, format!("party {peer} sent no record")));
        };
        record.verify(&self.survey_id, &self.survey.party_keys())?;
        let header = &record.record.header;
        if header.height != ledger.height || header.previous != ledger.previous {
            return Err(Refusal::new(Code::Conflict, format!("the record that party {peer} sent")));
        }
        self.commit(header.id()?, record.signatures).await
    }

    // ---- Submissions -----------------------------------------------------------------------------------

    async fn fill_pool(&self) {
        let mut mark = 0;
        loop {
            match self.poll_queue(mark).await {
                Ok((0, _)) => {
                    mark = 0;
                    tokio::time::sleep(self.timing.poll).await;
                }
                Ok((_, next)) => mark = next,
                Err(refusal) => {
                    tracing::debug!(%refusal, "the queue cannot be read");
                    tokio::time::sleep(self.timing.sync).await;
                }
            }
        }
    }

    /// Fetches what is new in the queue; tells how much that was, and where to go on.
    async fn poll_queue(&self, mark: u64) -> Result<(usize, u64), Refusal> {
        let (listed, next) = self.queue.list(mark).await?;
        let missing = self.pool.missing(&listed);
        if missing.is_empty() {
            return Ok((0, next));
        }
        let collected = self.queue.collect(missing).await?;
        let mut count = 0;
        for (digest, judged) in collected {
            // A submission that was settled meanwhile may still be listed.
            if self.tables.fate(digest).await?.is_none() {
                self.pool.insert(digest, judged);
                count += 1;
            }
        }
        self.activity.changed.notify_one();
        Ok((count, next))
    }

    /// What this party says about proposed submissions: its own judgement, and that no account counts twice,
    /// here or within the proposal.
    async fn verdicts(&self, submissions: &[Id]) -> Result<Vec<Verdict>, Refusal> {
        let missing = self.pool.missing(submissions);
        if !missing.is_empty() {
            for (digest, judged) in self.queue.collect(missing).await.unwrap_or_default() {
                self.pool.insert(digest, judged);
            }
        }
        let known: Vec<Option<Judged>> = submissions.iter().map(|digest| self.pool.get(digest)).collect();
        let good = submissions.iter().zip(&known).filter_map(|(digest, judged)| match judged {
            Some(Judged::Good { nullifier, .. }) => Some((*digest, *nullifier)),
            _ => None,
        });
        let mut standings = self.tables.standings(good.collect()).await?.into_iter();
        let mut seen = std::collections::BTreeSet::new();
        let verdict = |judged: Option<Judged>| match judged {
            None => Verdict::Later,
            Some(Judged::Bad(code)) => Verdict::Refuse { code },
            Some(Judged::Good { nullifier, .. }) => match standings.next() {
                Some(Standing::New) if seen.insert(nullifier) => Verdict::Accept,
                // The second of two in one proposal waits until the first has its fate.
                Some(Standing::New) | None => Verdict::Later,
                Some(Standing::Spent) => Verdict::Refuse { code: Code::DuplicateAccount },
                Some(Standing::Settled(_)) => Verdict::Refuse { code: Code::DuplicateSubmission },
            },
        };
        Ok(known.into_iter().map(verdict).collect())
    }

    /// Sees to it that the coordinator has every committed record; any party may hand any record over.
    async fn hand_over(&self) {
        loop {
            if let Err(refusal) = self.hand_over_new().await {
                tracing::debug!(%refusal, "records cannot be handed over");
            }
            let _ = tokio::time::timeout(self.timing.sync, self.activity.committed.notified()).await;
        }
    }

    async fn hand_over_new(&self) -> Result<(), Refusal> {
        let mut height = self.queue.height().await?;
        while let Some(record) = self.tables.record(height).await? {
            self.queue.push(record).await?;
            height += 1;
        }
        Ok(())
    }

    // ---- Batches ---------------------------------------------------------------------------------------

    async fn lead(self: &Arc<Self>) {
        loop {
            match self.lead_batch().await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(self.timing.gather).await,
                Err(refusal) => {
                    tracing::info!(%refusal, "no batch now");
                    tokio::time::sleep(self.timing.sync).await;
                }
            }
        }
    }

    /// Proposes and computes one batch, if there is anything to do; tells whether there was.
    async fn lead_batch(self: &Arc<Self>) -> Result<bool, Refusal> {
        let ledger = self.tables.ledger().await?;
        if ledger.prepared.is_some() {
            self.activity.changed.notify_one();
            return Ok(false);
        }
        let candidates: Vec<Id> = self.pool.first(MAX_BATCH).into_iter().map(|(digest, _)| digest).collect();
        let tip = self.tables.tip().await?;
        let now = self.clock.now();
        let close_epoch = self.epoch_is_due(&tip, candidates.len() as u64, now);
        if candidates.is_empty() && !close_epoch {
            return Ok(false);
        }
        let attempt = self.next_attempt(&ledger)?;
        let (mut accepted, mut refused) = self.propose(candidates).await?;
        let room = self.survey.max_rows.saturating_sub(tip.accounts) as usize;
        refused.extend(accepted.drain(room.min(accepted.len())..).map(|submission| Refused {
            submission,
            code: Code::SurveyFull,
            party: Some(self.me as u8),
        }));
        if accepted.is_empty() && refused.is_empty() && !close_epoch {
            return Ok(false);
        }
        let start = Start { height: ledger.height, attempt, accepted, refused, close_epoch, closed_at: now };
        let [a, b] = self.others();
        let (first, second) = tokio::join!(
            self.call(a, Message::Start(start.clone())),
            self.call(b, Message::Start(start.clone()))
        );
        // Who has begun without the others fails its computation and passes the attempt.
        first?;
        second?;
        self.attempt(start).await?;
        Ok(true)
    }

    /// The lowest attempt that nobody is past, if all are at this height.
    fn next_attempt(&self, ledger: &Ledger) -> Result<u64, Refusal> {
        let inner = self.activity.lock();
        let mut attempt = ledger.attempt;
        for peer in self.others() {
            match &inner.peers[peer] {
                Some(state) if state.height == ledger.height && state.prepared.is_none() => {
                    if state.attempt > ledger.attempt.saturating_add(MAX_LEAD) {
                        return Err(Refusal::new(
                            Code::Conflict,
                            format!("the attempt that party {peer} claims"),
                        ));
                    }
                    attempt = attempt.max(state.attempt);
                }
                Some(_) => {
                    self.activity.changed.notify_one();
                    return Err(Refusal::new(Code::NotReady, format!("party {peer} is not in step yet")));
                }
                None => return Err(Refusal::new(Code::PartyUnavailable, format!("party {peer}"))),
            }
        }
        Ok(attempt)
    }

    /// Whether the open epoch should close now: it holds enough, or enough and nothing more comes.
    fn epoch_is_due(&self, tip: &Tip, waiting: u64, now: u64) -> bool {
        let policy = &self.survey.policy;
        let quiet = waiting == 0 && now >= tip.closed_at + policy.epoch_quiet;
        let closed = waiting == 0 && now >= self.survey.closes_at;
        tip.open_accounts + waiting >= policy.epoch_accounts
            || (tip.open_accounts >= policy.minimum() && (quiet || closed))
    }

    /// Asks all three (itself among them) and sorts the candidates: accepted by all, or refused by one.
    async fn propose(&self, candidates: Vec<Id>) -> Result<(Vec<Id>, Vec<Refused>), Refusal> {
        let [a, b] = self.others();
        let message = || Message::Propose { submissions: candidates.clone() };
        let (own, first, second) =
            tokio::join!(self.verdicts(&candidates), self.call(a, message()), self.call(b, message()));
        let mut votes = vec![(self.me, own?)];
        for (peer, answer) in [(a, first?), (b, second?)] {
            match answer {
                Answer::Verdicts { verdicts } if verdicts.len() == candidates.len() => {
                    votes.push((peer, verdicts));
                }
                _ => return Err(Refusal::new(Code::Malformed, format!("verdicts of party {peer}"))),
            }
        }
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for (index, submission) in candidates.into_iter().enumerate() {
            let refusal = votes.iter().find_map(|(party, verdicts)| match verdicts[index] {
                Verdict::Refuse { code } => Some((*party as u8, code)),
                _ => None,
            });
            if let Some((party, code)) = refusal {
                refused.push(Refused { submission, code, party: Some(party) });
            } else if votes.iter().all(|(_, verdicts)| verdicts[index] == Verdict::Accept) {
                accepted.push(submission);
            }
        }
        Ok((accepted, refused))
    }

    /// A follower checks what the leader starts, and computes it in the background.
    async fn follow(self: &Arc<Self>, start: Start) -> Result<(), Refusal> {
        if start.accepted.len() + start.refused.len() > MAX_BATCH {
            return Err(Code::TooLarge.into());
        }
        let verdicts = self.verdicts(&start.accepted).await?;
        if verdicts.iter().any(|verdict| *verdict != Verdict::Accept) {
            return Err(Refusal::new(
                Code::RefusedByParty,
                "the batch holds a submission that is not accepted here",
            ));
        }
        for refused in &start.refused {
            if self.tables.fate(refused.submission).await?.is_some() {
                return Err(Refusal::new(
                    Code::RefusedByParty,
                    "the batch refuses what has its fate already",
                ));
            }
        }
        if start.closed_at.abs_diff(self.clock.now()) > super::peers::MAX_SKEW.as_secs() {
            return Err(Refusal::new(Code::RefusedByParty, "the leader's clock differs: compare the clocks"));
        }
        if self.tables.tip().await?.accounts + start.accepted.len() as u64 > self.survey.max_rows {
            return Err(Refusal::new(Code::RefusedByParty, "the batch holds more than the survey has rows"));
        }
        let ledger = self.tables.ledger().await?;
        if !ledger.may_start(start.height, start.attempt) {
            self.activity.changed.notify_one();
            return Err(Refusal::new(Code::NotReady, "this party is at another height or attempt"));
        }
        let engine = self.clone();
        self.spawn(async move {
            if let Err(refusal) = engine.attempt(start).await {
                tracing::info!(%refusal, "the batch failed here");
            }
        });
        Ok(())
    }

    /// Computes a started batch and prepares its record, or passes the attempt.
    async fn attempt(&self, start: Start) -> Result<(), Refusal> {
        let (height, attempt) = (start.height, start.attempt);
        let _running = Running::claim(&self.activity, height, attempt)?;
        let begun = std::time::Instant::now();
        let outcome = match self.tables.begin(height, attempt).await {
            Ok(ledger) => self.compute_batch(start, &ledger).await,
            Err(refusal) => Err(refusal),
        };
        let label = if outcome.is_ok() { "prepared" } else { "failed" };
        self.metrics.add("mpcstats_batches_total", &[("outcome", label)], 1.0);
        self.metrics.add("mpcstats_batch_seconds_total", &[], begun.elapsed().as_secs_f64());
        if outcome.is_err() {
            self.tables.pass(height, attempt).await?;
        }
        outcome
    }

    async fn compute_batch(&self, start: Start, ledger: &Ledger) -> Result<(), Refusal> {
        let mut rows: Vec<Row> = Vec::with_capacity(start.accepted.len());
        let mut nullifiers = Vec::with_capacity(start.accepted.len());
        for digest in &start.accepted {
            let Some(Judged::Good { nullifier, row }) = self.pool.get(digest) else {
                return Err(Refusal::new(Code::NotReady, "a submission of the batch was settled meanwhile"));
            };
            rows.push((*row).clone());
            nullifiers.push(nullifier);
        }
        let inputs = Id::of(&(&start, ledger.previous))?;
        let session =
            Id::of_parts("mpcstats/session/batch/v1", &[self.survey_id.as_bytes(), inputs.as_bytes()]);
        let outcome = if rows.is_empty() {
            BatchOutcome { faults: Vec::new(), columns: Stored::empty() }
        } else {
            let job = BatchJob { session, inputs, rows };
            let aborted =
                |why: &str| Refusal::new(Code::Aborted, format!("batch at height {}: {why}", start.height));
            tokio::time::timeout(self.timing.compute, self.compute.batch(job))
                .await
                .map_err(|_| aborted("no end in time"))??
        };
        let tip = self.tables.tip().await?;
        let (header, pending) = self.assemble(start, ledger.previous, nullifiers, &outcome, tip)?;
        self.tables.prepare(header, pending, outcome.columns.encode()).await?;
        Ok(())
    }

    /// The record of a computed batch: the same at all three parties, but for the nullifiers.
    fn assemble(
        &self,
        start: Start,
        previous: Id,
        nullifiers: Vec<survey::Nullifier>,
        outcome: &BatchOutcome,
        tip: Tip,
    ) -> Result<(Header, Pending), Refusal> {
        if outcome.faults.len() != start.accepted.len() {
            return Err(Refusal::new(Code::Internal, "one verdict a row is due"));
        }
        let mut pending = Pending { leaves: Vec::new(), refused: start.refused, nullifiers: Vec::new() };
        for ((submission, nullifier), fault) in
            start.accepted.into_iter().zip(nullifiers).zip(&outcome.faults)
        {
            match fault {
                Some(code) => pending.refused.push(Refused { submission, code: *code, party: None }),
                None => {
                    pending.leaves.push(submission);
                    pending.nullifiers.push(nullifier);
                }
            }
        }
        let accepted = pending.leaves.len() as u64;
        let header = Header {
            version: 1,
            survey: self.survey_id,
            height: start.height,
            attempt: start.attempt,
            previous,
            epoch: tip.epoch,
            closes_epoch: start.close_epoch && tip.open_accounts + accepted >= self.survey.policy.minimum(),
            accepted,
            leaves_root: merkle::root(&pending.leaves),
            refused_hash: Id::of(&pending.refused)?,
            columns: outcome.columns.digests(),
            closed_at: start.closed_at,
        };
        Ok((header, pending))
    }
}
