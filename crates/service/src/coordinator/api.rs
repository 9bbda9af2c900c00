//! What a coordinator serves over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use survey::submission::MAX_SUBMISSION;
use survey::wire::{QueryAccepted, QueryStatus, Queued, Status};
use survey::{
    Code, Id, Purpose, Refusal, Signed, SignedQuery, SignedRecord, SignedSurvey, Submission, query,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::tables::{Stored, Tables};
use super::{Intake, Limiter, openapi};
use crate::chain::Chain;
use crate::clock::Clock;
use crate::http::reads::{Place, Reads};
use crate::http::serve::From;
use crate::http::{Failure, Json as Body, observe, reads, trace_of};
use crate::metrics::Metrics;
use crate::party::link::{COORDINATOR, Delivery, FETCH, QueueAnswer, QueueCall};
use crate::party::peers::{Envelope, unwrap};
use crate::storage::BoxFuture;

/// A plan, or three outputs: nothing that parties and consumers send is larger.
const MAX_MESSAGE: usize = 8 << 20;
/// A record of a full batch.
const MAX_RECORD: usize = 2 << 20;
/// What a party asks of the queue: at most a list of digests.
const MAX_CALL: usize = 64 << 10;
/// How many digests a party is given at once.
const LIST: u32 = survey::record::MAX_BATCH as u32;
/// How many queries may wait.
const MAX_QUERIES: u64 = 256;
/// How many of them the parties are given at once.
const QUERIES: u32 = 16;
/// How long an answer is held back while there is nothing to tell, so that who asks need not ask all the time.
const HELD: Duration = Duration::from_secs(1);
/// How often is looked meanwhile for what another coordinator has put into the shared database.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is written down that a party was heard of, in seconds.
const HEARD: u64 = 2;

/// A coordinator as its routes see it.
#[derive(Clone)]
pub struct Api {
    /// The survey as it was signed.
    pub survey: Arc<SignedSurvey>,
    /// Its id.
    pub survey_id: Id,
    /// Durable state.
    pub tables: Tables,
    /// The way into the queue.
    pub intake: Intake,
    /// Rate limits.
    pub limiter: Arc<Limiter>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Metrics,
    /// When what was heard of each party was last written down.
    pub heard: Arc<std::sync::Mutex<[u64; 3]>>,
    /// Told when a record or release may be there to announce.
    pub news: Arc<Notify>,
    /// Told when a query has come in.
    pub asked: Arc<Notify>,
    /// Told when a query may have its answer.
    pub answered: Arc<Notify>,
}

/// All routes of a coordinator.
pub fn routes(api: Api) -> Router {
    let metrics = api.metrics.clone();
    let submissions = Router::new()
        .route("/v1/submissions", post(submit))
        .layer(DefaultBodyLimit::max(MAX_SUBMISSION))
        .with_state(api.clone());
    Router::new()
        .route("/v1/queries", post(ask))
        .route("/v1/queries/{id}", get(asked))
        .route("/v1/parties/queue", post(queue).layer(DefaultBodyLimit::max(MAX_CALL)))
        .route("/v1/records", post(settle).layer(DefaultBodyLimit::max(MAX_RECORD)))
        .route("/v1/outputs", post(deliver))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE))
        .route("/v1/openapi.json", get(|| async { Json(openapi::document()) }))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|State(api): State<Api>| async move { ready(&api).await }))
        .with_state(api.clone())
        .merge(submissions)
        .merge(reads::routes(Arc::new(api)))
        .fallback(|| async { Failure(Code::NotFound.into()) })
        .layer(axum::middleware::from_fn_with_state(metrics, observe))
}

async fn ready(api: &Api) -> Result<&'static str, Failure> {
    api.tables.chain.tip().await?;
    Ok("ok")
}

async fn submit(
    State(api): State<Api>,
    Extension(From(address)): Extension<From>,
    Body(submission): Body<Submission>,
) -> Result<(StatusCode, Json<Queued>), Failure> {
    api.limiter.check(address.ip(), api.clock.now_ms())?;
    let (submission, position) = api.intake.submit(submission).await?;
    api.metrics.add("mpcstats_submissions_total", &[("outcome", "queued")], 1.0);
    Ok((StatusCode::ACCEPTED, Json(Queued { submission, position })))
}

async fn ask(
    State(api): State<Api>,
    Extension(From(address)): Extension<From>,
    Body(query): Body<SignedQuery>,
) -> Result<(StatusCode, Json<QueryAccepted>), Failure> {
    api.limiter.check(address.ip(), api.clock.now_ms())?;
    let (plan, _) = query::check(&query, &api.survey.body, &api.survey_id)?;
    let (id, plan) = (query::query_id(&query, plan)?, Id(plan.id().0));
    api.tables.ask(id, query, plan, api.clock.now_ms(), MAX_QUERIES).await?;
    api.asked.notify_one();
    tracing::info!(query = %id, computed_as = trace_of(&id), "query taken");
    Ok((StatusCode::ACCEPTED, Json(QueryAccepted { query: id })))
}

async fn asked(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<QueryStatus>, Failure> {
    let id = reads::id(&id)?;
    let running = |status: &QueryStatus| matches!(status, QueryStatus::Running);
    Ok(Json(held(&api.answered, running, || api.tables.query(id)).await?))
}

/// What `look` finds: at once if that is news, else when it has become news or has been held back for long enough.
async fn held<T, F: Future<Output = Result<T, Refusal>>>(
    changed: &Notify,
    nothing_new: impl Fn(&T) -> bool,
    look: impl Fn() -> F,
) -> Result<T, Refusal> {
    let until = Instant::now() + HELD;
    loop {
        let notified = changed.notified();
        tokio::pin!(notified);
        // From here on no change is missed.
        notified.as_mut().enable();
        let found = look().await?;
        if !nothing_new(&found) || Instant::now() >= until {
            return Ok(found);
        }
        let _ = tokio::time::timeout(LOOK, notified).await;
    }
}

async fn queue(
    State(api): State<Api>,
    Body(signed): Body<Signed<Envelope<QueueCall>>>,
) -> Result<Json<QueueAnswer>, Failure> {
    let now_ms = api.clock.now_ms();
    let keys = api.survey.body.party_keys();
    let (party, call) = unwrap(signed, &api.survey_id, COORDINATOR, now_ms / 1000, &keys)?;
    hear(&api, party, now_ms / 1000).await?;
    Ok(Json(match call {
        QueueCall::List { after } => {
            let (digests, mark) = api.tables.list(after, now_ms, LIST).await?;
            QueueAnswer::Digests { digests, mark }
        }
        QueueCall::Fetch { digests } if digests.len() <= FETCH => {
            QueueAnswer::Submissions { submissions: api.tables.fetch(digests).await? }
        }
        QueueCall::Fetch { .. } => return Err(Failure(Code::TooLarge.into())),
        QueueCall::Height => QueueAnswer::Height { height: api.tables.chain.tip().await?.height },
        QueueCall::Queries => {
            let queries = held(&api.asked, Vec::is_empty, || api.tables.waiting(QUERIES)).await?;
            QueueAnswer::Queries { queries }
        }
        QueueCall::RefuseQuery { query, refusal } => {
            api.metrics.refusal(refusal.code);
            api.tables.refuse(query, refusal, party as u8).await?;
            api.answered.notify_waiters();
            QueueAnswer::Done
        }
    }))
}

/// Writes down, now and then, that a party was heard of: the other coordinators on the database say so, too.
async fn hear(api: &Api, party: usize, now: u64) -> Result<(), Refusal> {
    let stale = {
        let mut heard = api.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let stale = heard[party].abs_diff(now) >= HEARD;
        heard[party] = if stale { now } else { heard[party] };
        stale
    };
    if stale { api.tables.hear(party, now).await } else { Ok(()) }
}

/// Anybody may bring a record: its three signatures are what counts.
async fn settle(State(api): State<Api>, Body(record): Body<SignedRecord>) -> Result<Json<()>, Failure> {
    record.verify(&api.survey_id, &api.survey.body.party_keys())?;
    let refused: Vec<Code> = record.record.refused.iter().map(|refused| refused.code).collect();
    if api.tables.settle(record, api.survey_id).await? {
        for code in refused {
            api.metrics.refusal(code);
        }
    }
    api.news.notify_one();
    Ok(Json(()))
}

async fn deliver(State(api): State<Api>, Body(delivery): Body<Delivery>) -> Result<Json<()>, Failure> {
    let keys = api.survey.body.party_keys();
    for output in &delivery.outputs {
        let id = Id::of(&output.statement)?;
        let key = keys.get(usize::from(output.party));
        if !key.is_some_and(|key| key.verify(Purpose::Release, &id, &output.signature)) {
            return Err(Failure(Refusal::new(Code::BadSignature, "output")));
        }
    }
    api.tables.deliver(delivery.query, delivery.outputs, api.clock.now_ms()).await?;
    api.answered.notify_waiters();
    api.news.notify_one();
    Ok(Json(()))
}

impl Reads for Api {
    fn survey(&self) -> &SignedSurvey {
        &self.survey
    }

    fn status(&self) -> BoxFuture<'_, Result<Status, Refusal>> {
        Box::pin(async {
            let (queued, tip, parties) = self.tables.standing().await?;
            let now = self.clock.now();
            Ok(Status {
                survey: self.survey_id,
                now,
                version: env!("CARGO_PKG_VERSION").into(),
                open: self.survey.body.check_open(now).is_ok(),
                queued,
                accepted: tip.accounts,
                open_accounts: tip.open_accounts,
                minimum: self.survey.body.policy.minimum(),
                height: tip.height,
                epochs: tip.epochs,
                parties,
            })
        })
    }

    fn place(&self, submission: Id) -> BoxFuture<'_, Result<Option<Place>, Refusal>> {
        Box::pin(async move {
            let place = self.tables.place(submission).await?;
            Ok(place.map(|(stored, position)| match stored {
                Stored::Queued(..) => Place::Queued(position),
                Stored::Settled(height) => Place::Settled(height),
            }))
        })
    }

    fn chain(&self) -> &Chain {
        &self.tables.chain
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
