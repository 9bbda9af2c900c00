//! HTTP: how calls are served and made, and how refusals travel.

pub mod client;
pub mod reads;
pub mod serve;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use survey::wire::Problem;
use survey::{Code, Refusal};
use tracing::Instrument as _;

use crate::metrics::Metrics;

/// The header that carries a trace id from server to server.
pub const TRACE: &str = "x-trace-id";

tokio::task_local! {
    static TRACE_ID: String;
}

/// The trace id of the present call; empty outside of one.
pub fn trace_id() -> String {
    TRACE_ID.try_with(Clone::clone).unwrap_or_default()
}

/// A refusal as a response.
#[derive(Debug)]
pub struct Failure(pub Refusal);

impl<E: Into<Refusal>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        if refusal.code.status() >= 500 {
            tracing::error!(%refusal, "failed");
        } else {
            tracing::info!(%refusal, "refused");
        }
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(Problem::new(&refusal, trace_id()))).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("2"));
        }
        response.extensions_mut().insert(refusal.code);
        response
    }
}

/// A JSON body; what does not parse is refused like everything else.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let code = match &rejection {
                    JsonRejection::BytesRejection(_)
                        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE =>
                    {
                        Code::TooLarge
                    }
                    _ => Code::Malformed,
                };
                Err(Failure(Refusal::new(code, rejection.body_text())))
            }
        }
    }
}

/// Gives every request a trace id (its caller's, if it names one), a span and a count.
pub async fn observe(
    axum::extract::State(metrics): axum::extract::State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(TRACE).and_then(|value| value.to_str().ok());
    let plausible =
        |text: &&str| (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let trace =
        given.filter(plausible).map_or_else(|| hex::encode(rand::random::<[u8; 8]>()), ToOwned::to_owned);
    let route = request.extensions().get::<axum::extract::MatchedPath>().map_or("none", |path| path.as_str());
    let route = format!("{} {route}", request.method());
    let span = tracing::info_span!("request", %route, %trace);
    let response = TRACE_ID.scope(trace, next.run(request)).instrument(span).await;
    let status = response.status().as_u16().to_string();
    metrics.add("mpcstats_requests_total", &[("route", &route), ("status", &status)], 1.0);
    if let Some(code) = response.extensions().get::<Code>() {
        metrics.refusal(*code);
    }
    response
}
