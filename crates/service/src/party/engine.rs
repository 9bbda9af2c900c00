//! A party's engine: what it does by itself, and how it answers its peers.
//!
//! Party 0 leads: it proposes batches and releases; all three verify everything. (Any party can stop the
//! others anyway, since all three must take part; a fixed leader adds no power to that.) The engine is the
//! same in production and in simulations: time, storage, peers, queue, randomness and computation are injected.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use survey::record::MAX_BATCH;
use survey::{Code, Id, Identity, Purpose, Refusal, Survey};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::compute::Compute;
use super::ledger::{Action, Ledger, State};
use super::peers::{Answer, Message, Peers};
use super::pool::{Pool, Queue};
use super::tables::Tables;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::random::Random;

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

/// A party is ready if it heard of both peers in the last so many seconds.
const READY: u64 = 30;

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
    /// Randomness.
    pub random: Arc<dyn Random>,
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
pub(super) struct Inner {
    /// The attempt that is being computed.
    pub(super) running: Option<(u64, u64)>,
    /// The latest states of the peers.
    pub(super) peers: [Option<State>; 3],
    /// When each party was last heard of, in Unix seconds.
    heard: [u64; 3],
}

impl Activity {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When each party was last heard of, in Unix seconds.
    pub fn heard(&self) -> [u64; 3] {
        self.lock().heard
    }
}

impl Engine {
    /// Runs something in the background for as long as this party runs, as part of the present trace.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let trace = crate::http::trace_id();
        let mut tasks = self.activity.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if trace.is_empty() {
            tasks.spawn(task);
        } else {
            tasks.spawn(crate::http::traced("background", trace, task));
        }
    }

    /// Ends everything that runs in the background, wherever it is: as a crash would.
    pub fn stop(&self) {
        self.activity.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// The two other parties.
    pub fn others(&self) -> [usize; 2] {
        [(self.me + 1) % 3, (self.me + 2) % 3]
    }

    /// A peer that was not heard of lately, if there is one: then this party is not ready.
    pub fn silent_peer(&self) -> Option<usize> {
        let (heard, now) = (self.activity.heard(), self.clock.now());
        self.others().into_iter().find(|peer| heard[*peer] + READY < now)
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
                let record = self.tables.chain.record(height).await?.ok_or(Code::NotFound)?;
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
                self.tables.give_up(prepared.header.id()?).await?;
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
}
