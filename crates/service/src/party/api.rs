//! What a party serves over HTTPS: its peers, and reads from its own storage.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use survey::wire::Status;
use survey::{Code, Id, Refusal, Signed, SignedSurvey};

use super::engine::Engine;
use super::peers::{Answer, Envelope, Message, unwrap};
use super::tables::Fate;
use crate::chain::Chain;
use crate::http::reads::{Place, Reads};
use crate::http::{Failure, Json as Body, observe, reads};
use crate::metrics::Metrics;
use crate::storage::BoxFuture;

/// A message of a peer is at most a proposal of a full batch.
const MAX_MESSAGE: usize = 2 << 20;

/// A party as its routes see it.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The survey as it was signed.
    pub survey: Arc<SignedSurvey>,
}

/// All routes of a party.
pub fn routes(api: Api) -> Router {
    let metrics = api.engine.metrics.clone();
    Router::new()
        .route("/peer/v1/messages", post(message).layer(DefaultBodyLimit::max(MAX_MESSAGE)))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(api.clone())
        .merge(reads::routes(Arc::new(api)))
        .fallback(|| async { Failure(Code::NotFound.into()) })
        .layer(axum::middleware::from_fn_with_state(metrics, observe))
}

async fn message(
    State(api): State<Api>,
    Body(signed): Body<Signed<Envelope<Message>>>,
) -> Result<Json<Answer>, Failure> {
    let engine = &api.engine;
    let keys = engine.survey.party_keys();
    let (from, message) = unwrap(signed, &engine.survey_id, engine.me, engine.clock.now(), &keys)?;
    Ok(Json(engine.answer(from, message).await?))
}

async fn ready(State(api): State<Api>) -> Result<&'static str, Failure> {
    let engine = &api.engine;
    engine.tables.ledger().await?;
    match engine.silent_peer() {
        Some(peer) => Err(Failure(Refusal::new(Code::PartyUnavailable, format!("party {peer}")))),
        None => Ok("ok"),
    }
}

impl Reads for Api {
    fn survey(&self) -> &SignedSurvey {
        &self.survey
    }

    fn status(&self) -> BoxFuture<'_, Result<Status, Refusal>> {
        Box::pin(async {
            let engine = &self.engine;
            let (ledger, tip, now) =
                (engine.tables.ledger().await?, engine.tables.chain.tip().await?, engine.clock.now());
            let mut parties = engine.activity.heard();
            parties[engine.me] = now;
            Ok(Status {
                survey: engine.survey_id,
                now,
                version: env!("CARGO_PKG_VERSION").into(),
                open: engine.survey.check_open(now).is_ok(),
                queued: engine.pool.len() as u64,
                accepted: tip.accounts,
                open_accounts: tip.open_accounts,
                minimum: engine.survey.policy.minimum(),
                height: ledger.height,
                epochs: tip.epochs,
                parties,
            })
        })
    }

    fn place(&self, submission: Id) -> BoxFuture<'_, Result<Option<Place>, Refusal>> {
        Box::pin(async move {
            Ok(match self.engine.tables.fate(submission).await? {
                Some(Fate::Accepted { height, .. } | Fate::Refused { height, .. }) => {
                    Some(Place::Settled(height))
                }
                None => self.engine.pool.get(&submission).map(|_| Place::Queued(0)),
            })
        })
    }

    fn chain(&self) -> &Chain {
        &self.engine.tables.chain
    }

    fn metrics(&self) -> &Metrics {
        &self.engine.metrics
    }
}
