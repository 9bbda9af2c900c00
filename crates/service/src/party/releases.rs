//! How parties compute a release: each checks the query for itself, remembers that it was computed before
//! anything is, and hands its part of the result, sealed to the consumer, with a signed statement.

use std::sync::Arc;

use survey::{Code, Epoch, Id, PartyOutput, Refusal, SignedQuery, Statement, epoch, query};
use tokio::time::Instant;

use super::compute::{QueryJob, QueryOutcome, Stored};
use super::engine::Engine;
use super::peers::{Answer, Message, Release};
use super::policy::{self, Asked};
use super::tables::{MAX_LEAD, StoredRelease};
use crate::http::{trace_of, traced};

/// What a party finds for itself about a query.
struct Examined {
    query_id: Id,
    checked: stats::Checked,
    plan_id: Id,
    /// How many releases of plans like this there may be, if the survey does not list it.
    budget: Option<u64>,
    consumer: survey::definition::ConsumerInfo,
    epochs: Vec<Epoch>,
    dataset_root: Id,
    stored: Option<StoredRelease>,
    next_number: u64,
}

impl Engine {
    async fn examine(&self, signed: &SignedQuery) -> Result<Examined, Refusal> {
        let (plan, consumer) = query::check(signed, &self.survey, &self.survey_id)?;
        let query_id = query::query_id(signed, plan)?;
        let epochs = self.tables.chain.closed(signed.body.epochs.clone()).await?;
        let epochs = epochs.ok_or(Code::UnknownEpoch)?;
        let stored = self.tables.release(query_id).await?;
        let totals = self.tables.totals().await?;
        let asked = Asked { plan, epochs: &epochs, others_spent: totals.others, again: stored.is_some() };
        let checked = policy::check(&self.survey, &self.own_policy, asked)?;
        Ok(Examined {
            query_id,
            checked,
            plan_id: Id(plan.id().0),
            budget: policy::listed(&self.survey, plan).is_none().then_some(self.survey.policy.other_plans),
            consumer: consumer.clone(),
            dataset_root: epoch::dataset_root(&epochs),
            epochs,
            stored,
            next_number: totals.next_number,
        })
    }

    /// Whether this party would compute a query, and under which number.
    pub(super) async fn ask(&self, query: &SignedQuery) -> Result<Answer, Refusal> {
        let examined = self.examine(query).await?;
        let number = examined.stored.as_ref().map_or(examined.next_number, |release| release.number);
        let output = examined.stored.and_then(|release| release.output);
        Ok(Answer::Willing { number, dataset_root: examined.dataset_root, output: output.map(Box::new) })
    }

    /// Leads a query: all three examine it, then all three compute it. Gives the three outputs, if all three
    /// have theirs (asking again gives the same), or this party's fresh one.
    ///
    /// # Errors
    /// The first refusal of any party, or [`Code::Aborted`].
    pub async fn lead_release(self: &Arc<Self>, query: SignedQuery) -> Result<Vec<PartyOutput>, Refusal> {
        let own = self.examine(&query).await?;
        let mut number = own.stored.as_ref().map_or(own.next_number, |release| release.number);
        let mut outputs: Vec<PartyOutput> =
            own.stored.iter().filter_map(|release| release.output.clone()).collect();
        let ask = || Message::Ask { query: Box::new(query.clone()) };
        for (peer, answer) in self.call_both(ask).await? {
            match answer {
                Answer::Willing { number: theirs, dataset_root, output }
                    if dataset_root == own.dataset_root =>
                {
                    if theirs > own.next_number.saturating_add(MAX_LEAD) {
                        let detail = format!("the release number that party {peer} claims");
                        return Err(Refusal::new(Code::Conflict, detail));
                    }
                    number = number.max(theirs);
                    outputs.extend(output.map(|output| *output));
                }
                _ => return Err(Refusal::new(Code::Conflict, format!("party {peer} has another dataset"))),
            }
        }
        if outputs.len() == 3 && outputs.iter().all(|output| output.statement == outputs[0].statement) {
            return Ok(outputs);
        }
        let batches = self.load(&own.epochs).await?;
        // Whoever has started this release keeps its number; the two others have not started another under it.
        let session = Id(*self.random.seed());
        let release = Release { query, number, session, dataset_root: own.dataset_root };
        self.call_both(|| Message::Release(Box::new(release.clone()))).await?;
        Ok(vec![self.release(release, own, batches).await?])
    }

    /// Calls both peers at once; gives their answers, or the first refusal.
    async fn call_both(&self, message: impl Fn() -> Message) -> Result<[(usize, Answer); 2], Refusal> {
        let [a, b] = self.others();
        let (first, second) = tokio::join!(self.call(a, message()), self.call(b, message()));
        Ok([(a, first.map_err(of(a))?), (b, second.map_err(of(b))?)])
    }

    /// A follower examines what the leader starts, and computes it in the background.
    pub(super) async fn follow_release(self: &Arc<Self>, release: Release) -> Result<(), Refusal> {
        let own = self.examine(&release.query).await?;
        if own.dataset_root != release.dataset_root {
            return Err(Refusal::new(Code::Conflict, "the leader has another dataset"));
        }
        let batches = self.load(&own.epochs).await?;
        let engine = self.clone();
        self.spawn(async move {
            let query = own.query_id;
            match engine.release(release, own, batches).await {
                Ok(output) => engine.queue.deliver(query, vec![output]).await.unwrap_or_else(|refusal| {
                    tracing::info!(%refusal, "the output is delivered when the query is asked again");
                }),
                Err(refusal) => tracing::warn!(%refusal, "the release failed here"),
            }
        });
        Ok(())
    }

    async fn release(
        &self,
        release: Release,
        own: Examined,
        batches: Vec<(Stored, u64)>,
    ) -> Result<PartyOutput, Refusal> {
        let (begun, number) = (tokio::time::Instant::now(), release.number);
        let outcome = self.compute_release(&release, own, batches).await;
        let label = if outcome.is_ok() { "computed" } else { "failed" };
        tracing::info!(number, outcome = label, "release");
        self.metrics.add("mpcstats_releases_total", &[("outcome", label)], 1.0);
        self.metrics.add("mpcstats_release_seconds_total", &[], begun.elapsed().as_secs_f64());
        outcome
    }

    async fn compute_release(
        &self,
        release: &Release,
        own: Examined,
        batches: Vec<(Stored, u64)>,
    ) -> Result<PartyOutput, Refusal> {
        // From here on the release counts, whatever happens.
        self.tables.start_release(own.query_id, release.number, own.budget).await?;
        let inputs = Id::of(&(own.dataset_root, own.query_id, release.number))?;
        let job = QueryJob { session: release.session, plan: own.checked, inputs, batches };
        let aborted = || Refusal::new(Code::Aborted, format!("release {}: no end in time", release.number));
        let outcome: QueryOutcome = tokio::time::timeout(self.timing.compute, self.compute.query(job))
            .await
            .map_err(|_| aborted())??;
        let statement = Statement {
            version: 1,
            survey: self.survey_id,
            release: release.number,
            epochs: release.query.body.epochs.clone(),
            session: release.session,
            plan: own.plan_id,
            dataset_root: own.dataset_root,
            count: own.epochs.iter().map(|epoch| epoch.accounts).sum(),
            tests: outcome.tests,
            leaks: outcome.leaks,
            self_reported: self.survey.self_reported(),
            consumer: release.query.signer,
            components: outcome.result.digests.map(Id),
        };
        let (party, to) = (self.me as u8, &own.consumer.sealing);
        let random = &mut self.random.generator();
        let output = PartyOutput::new(party, statement, &outcome.result, to, &self.identity, random)?;
        self.tables.finish_release(own.query_id, output.clone()).await?;
        Ok(output)
    }

    /// The stored columns of epochs, each checked against the record that all three signed.
    async fn load(&self, epochs: &[Epoch]) -> Result<Vec<(Stored, u64)>, Refusal> {
        let mut batches = Vec::new();
        for height in epochs.iter().flat_map(|epoch| epoch.heights.0..=epoch.heights.1) {
            let missing =
                || Refusal::new(Code::TamperedStore, format!("nothing is stored at height {height}"));
            let header = self.tables.chain.record(height).await?.ok_or_else(missing)?.record.header;
            let columns = self.tables.columns(height).await?.ok_or_else(missing)?;
            if header.accepted > 0 {
                let party = rep3::network::Party::from_index(self.me);
                batches.push((Stored::decode(&columns, party, &header.columns)?, header.accepted));
            }
        }
        Ok(batches)
    }
}

impl Engine {
    /// Takes queries from the queue, one after another, for as long as the party runs.
    pub(super) async fn serve_queries(self: &Arc<Self>) {
        // What was served waits for the two others' outputs, or for another try: not at once.
        let mut served: Vec<(Id, Instant)> = Vec::new();
        loop {
            let asked = Instant::now();
            let mut queries = self.queue.queries().await.unwrap_or_default();
            served.retain(|(_, at)| at.elapsed() < self.timing.sync);
            queries.retain(|query| !served.iter().any(|(id, _)| Id::of(query).is_ok_and(|it| it == *id)));
            let idle = queries.is_empty();
            for query in queries {
                let id = Id::of(&query);
                if let Err(refusal) = Box::pin(self.serve_query(query)).await {
                    tracing::info!(%refusal, "a query has to wait");
                }
                served.extend(id.map(|id| (id, Instant::now())));
            }
            // A coordinator holds its answer back while nothing waits: then there is no need to pause as well.
            if idle {
                tokio::time::sleep_until(asked + self.timing.poll).await;
            }
        }
    }

    async fn serve_query(self: &Arc<Self>, query: SignedQuery) -> Result<(), Refusal> {
        let (plan, _) = query::check(&query, &self.survey, &self.survey_id)?;
        let id = query::query_id(&query, plan)?;
        match traced("release", trace_of(&id), self.lead_release(query)).await {
            Ok(outputs) => self.queue.deliver(id, outputs).await,
            Err(refusal) if passes(refusal.code) => Err(refusal),
            Err(refusal) => self.queue.refuse_query(id, refusal).await,
        }
    }
}

/// Whether what stands in a query's way may pass by itself.
const fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::PartyUnavailable
            | Code::Aborted
            | Code::NotReady
            | Code::Storage
            | Code::ShuttingDown
            | Code::Timeout
    )
}

/// Says which party a refusal came from.
fn of(peer: usize) -> impl Fn(Refusal) -> Refusal {
    move |refusal| Refusal::new(refusal.code, format!("party {peer}: {}", refusal.detail))
}
