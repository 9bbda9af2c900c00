//! The reads that coordinator and parties serve alike, each from its own storage.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use survey::wire::{Epochs, Headers, Status, SubmissionStatus};
use survey::{Code, Id, Refusal, SignedRecord, SignedSurvey};

use super::Failure;
use crate::chain::Chain;
use crate::metrics::Metrics;
use crate::storage::BoxFuture;

/// Where a submission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many are before it.
    Queued(u64),
    /// In the record of this height.
    Settled(u64),
}

/// A server that knows what became of submissions.
pub trait Reads: Send + Sync {
    /// The survey.
    fn survey(&self) -> &SignedSurvey;

    /// Where things stand.
    fn status(&self) -> BoxFuture<'_, Result<Status, Refusal>>;

    /// Where a submission is, if it is known.
    fn place(&self, submission: Id) -> BoxFuture<'_, Result<Option<Place>, Refusal>>;

    /// The committed records.
    fn chain(&self) -> &Chain;

    /// Its counters.
    fn metrics(&self) -> &Metrics;
}

type Shared = Arc<dyn Reads>;

/// The routes.
pub fn routes(server: Shared) -> Router {
    Router::new()
        .route("/v1/survey", get(survey))
        .route("/v1/status", get(status))
        .route("/v1/submissions/{id}", get(submission))
        .route("/v1/epochs", get(epochs))
        .route("/v1/epochs/{number}/headers", get(headers))
        .route("/v1/records/{height}", get(record))
        .route("/metrics", get(metrics))
        .with_state(server)
}

/// Reads an id from a path.
///
/// # Errors
/// [`Code::Malformed`].
pub fn id(text: &str) -> Result<Id, Refusal> {
    text.parse().map_err(|error: survey::ParseIdError| Refusal::new(Code::Malformed, error.to_string()))
}

async fn survey(State(server): State<Shared>) -> Json<SignedSurvey> {
    Json(server.survey().clone())
}

async fn status(State(server): State<Shared>) -> Result<Json<Status>, Failure> {
    Ok(Json(server.status().await?))
}

async fn submission(
    State(server): State<Shared>,
    Path(submission): Path<String>,
) -> Result<Json<SubmissionStatus>, Failure> {
    let submission = id(&submission)?;
    let height = match server.place(submission).await?.ok_or(Code::NotFound)? {
        Place::Queued(position) => return Ok(Json(SubmissionStatus::Queued { position })),
        Place::Settled(height) => height,
    };
    let signed = server.chain().record(height).await?.ok_or(Code::NotFound)?;
    if let Some(index) = signed.record.leaves.iter().position(|leaf| *leaf == submission) {
        let receipt = Box::new(signed.receipt(index).ok_or(Code::NotFound)?);
        return Ok(Json(SubmissionStatus::Accepted { receipt }));
    }
    let refused = signed.record.refused.into_iter().find(|refused| refused.submission == submission);
    Ok(Json(SubmissionStatus::Refused { refused: refused.ok_or(Code::NotFound)?, height }))
}

async fn epochs(State(server): State<Shared>) -> Result<Json<Epochs>, Failure> {
    let epochs = server.chain().epochs().await?;
    Ok(Json(Epochs { epochs, open_accounts: server.chain().tip().await?.open_accounts }))
}

async fn headers(State(server): State<Shared>, Path(number): Path<u64>) -> Result<Json<Headers>, Failure> {
    let chain = server.chain();
    let closed = chain.closed(vec![number]).await?.unwrap_or_default();
    let (first, last) = closed.first().ok_or(Code::UnknownEpoch)?.heights;
    Ok(Json(Headers { headers: chain.headers(first, last).await? }))
}

async fn record(
    State(server): State<Shared>,
    Path(height): Path<u64>,
) -> Result<Json<SignedRecord>, Failure> {
    Ok(Json(server.chain().record(height).await?.ok_or(Code::NotFound)?))
}

/// Counters, and gauges as they stand now; the counters are told even if storage fails.
async fn metrics(State(server): State<Shared>) -> String {
    let metrics = server.metrics();
    if let Ok(status) = server.status().await {
        metrics.set("mpcstats_queue", &[], status.queued as f64);
        metrics.set("mpcstats_height", &[], status.height as f64);
        metrics.set("mpcstats_epochs", &[], status.epochs as f64);
    }
    metrics.text()
}
