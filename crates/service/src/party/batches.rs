//! Batches: party 0 proposes and starts them, all three compute them and prepare their records.

use std::sync::Arc;

use survey::record::{self, MAX_BATCH, Refused};
use survey::{Code, Header, Id, Refusal, merkle};

use super::compute::{BatchJob, BatchOutcome, Row, Stored};
use super::engine::{Activity, Engine};
use super::ledger::Ledger;
use super::peers::{Answer, Message, Start, Verdict};
use super::pool::Judged;
use super::tables::Pending;
use crate::chain::Tip;
use crate::http::{trace_of, traced};

/// No honest party is so many attempts ahead; a lie must not use the numbers up.
const MAX_LEAD: u64 = 1 << 20;

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
    pub(super) async fn lead(self: &Arc<Self>) {
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
    async fn lead_batch(&self) -> Result<bool, Refusal> {
        let ledger = self.tables.ledger().await?;
        if ledger.prepared.is_some() {
            self.activity.changed.notify_one();
            return Ok(false);
        }
        let candidates: Vec<Id> = self.pool.first(MAX_BATCH).into_iter().map(|(digest, _)| digest).collect();
        let tip = self.tables.chain.tip().await?;
        let now = self.clock.now();
        let close_epoch = self.epoch_is_due(&tip, candidates.len() as u64, now);
        if candidates.is_empty() && !close_epoch {
            return Ok(false);
        }
        let attempt = self.next_attempt(&ledger)?;
        let trace = trace_of(&Id::of(&("mpcstats/trace/batch/v1", ledger.previous, attempt))?);
        traced("batch", trace, self.lead_attempt(ledger.height, attempt, &tip, candidates, now, close_epoch))
            .await
    }

    /// Proposes the candidates, and computes what all accept.
    async fn lead_attempt(
        &self,
        height: u64,
        attempt: u64,
        tip: &Tip,
        candidates: Vec<Id>,
        now: u64,
        close_epoch: bool,
    ) -> Result<bool, Refusal> {
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
        let start = Start { height, attempt, accepted, refused, close_epoch, closed_at: now };
        let [a, b] = self.others();
        let (first, second) = tokio::join!(
            self.call(a, Message::Start(start.clone())),
            self.call(b, Message::Start(start.clone()))
        );
        // A batch without rows needs no computation: the others may be prepared, and have to learn that the leader
        // never will be.
        if let Err(refusal) = first.and(second) {
            self.tables.pass(height, attempt).await?;
            self.activity.changed.notify_one();
            return Err(refusal);
        }
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
    pub(super) async fn follow(self: &Arc<Self>, start: Start) -> Result<(), Refusal> {
        if start.accepted.len() + start.refused.len() > MAX_BATCH {
            return Err(Code::TooLarge.into());
        }
        self.check_fates(&start).await?;
        if start.closed_at.abs_diff(self.clock.now()) > super::peers::MAX_SKEW.as_secs() {
            return Err(Refusal::new(Code::ClockSkew, "it is the leader's clock"));
        }
        if self.tables.chain.tip().await?.accounts + start.accepted.len() as u64 > self.survey.max_rows {
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

    /// Checks what the leader says becomes of each submission: each is named once, this party accepts what is to
    /// be accepted, and whatever is said to be refused is refused by somebody, who says so: nobody else can put
    /// words into its mouth.
    async fn check_fates(&self, start: &Start) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::new(Code::RefusedByParty, format!("the batch {why}")));
        if !record::distinct(&start.accepted, &start.refused) {
            return refuse("names a submission twice");
        }
        if start.accepted.is_empty() && start.refused.is_empty() && !start.close_epoch {
            return refuse("says nothing");
        }
        let verdicts = self.verdicts(&start.accepted).await?;
        if verdicts.iter().any(|verdict| *verdict != Verdict::Accept) {
            return refuse("holds a submission that is not accepted here");
        }
        let refused: Vec<Id> = start.refused.iter().map(|refused| refused.submission).collect();
        let verdicts = self.verdicts(&refused).await?;
        for (refused, verdict) in start.refused.iter().zip(verdicts) {
            let own = refused.party == Some(self.me as u8);
            if own && verdict != (Verdict::Refuse { code: refused.code }) {
                return refuse("tells of a refusal that is not this party's");
            }
            if refused.party.is_none_or(|party| party > 2) {
                return refuse("tells of a refusal by nobody");
            }
            if self.tables.fate(refused.submission).await?.is_some() {
                return refuse("refuses what has its fate already");
            }
        }
        Ok(())
    }

    /// Computes a started batch and prepares its record, or passes the attempt.
    async fn attempt(&self, start: Start) -> Result<(), Refusal> {
        let (height, attempt) = (start.height, start.attempt);
        let begun = tokio::time::Instant::now();
        let running = Running::claim(&self.activity, height, attempt);
        let outcome = match running {
            Ok(_running) => match self.tables.begin(height, attempt).await {
                Ok(ledger) => self.compute_batch(start, &ledger).await,
                Err(refusal) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        };
        let label = if outcome.is_ok() { "prepared" } else { "failed" };
        tracing::info!(height, attempt, outcome = label, "batch");
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
        let tip = self.tables.chain.tip().await?;
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
            if let Some(code) = fault {
                pending.refused.push(Refused { submission, code: *code, party: None });
            } else {
                pending.leaves.push(submission);
                pending.nullifiers.push(nullifier);
            }
        }
        let accepted = pending.leaves.len() as u64;
        let header = Header {
            version: 1,
            survey: self.survey_id,
            height: start.height,
            attempt: start.attempt,
            previous,
            epoch: tip.epochs,
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
