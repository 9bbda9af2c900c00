//! HTTP: how calls are served and made, and how refusals travel.

pub mod client;
pub mod reads;
pub mod serve;

use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use survey::wire::Problem;
use survey::{Code, Refusal};
use tracing::Instrument as _;

use crate::metrics::Metrics;

/// The header that carries a trace id from server to server.
pub const TRACE: &str = "x-trace-id";

/// The field of a span that holds a trace's id.
pub const TRACE_FIELD: &str = "trace";

tokio::task_local! {
    static TRACE_ID: String;
}

/// Runs something as part of a trace: the id stands in its logs, and in the calls that it makes.
pub fn traced<F: Future>(what: &'static str, trace: String, work: F) -> impl Future<Output = F::Output> {
    // The span is made within the scope: what exports it takes its trace's id from there.
    TRACE_ID.scope(trace.clone(), async move {
        let span = tracing::info_span!("work", what, %trace);
        work.instrument(span).await
    })
}

/// The trace of something that has an id, which is the same wherever it is traced.
pub fn trace_of(id: &survey::Id) -> String {
    hex::encode(&id.0[..TRACE_BYTES])
}

/// A trace id is as long as OpenTelemetry's.
const TRACE_BYTES: usize = 16;

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

/// A JSON body, that comes within the port's [`serve::Patience`]; what does not parse is refused like everything else.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let patience = request.extensions().get::<serve::Patience>().map_or(Duration::MAX, |given| given.0);
        let reading = axum::Json::<T>::from_request(request, state);
        match tokio::time::timeout(patience, reading).await {
            Err(_) => Err(Failure(Code::Timeout.into())),
            Ok(Ok(axum::Json(value))) => Ok(Self(value)),
            Ok(Err(rejection)) => {
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
        |text: &&str| text.len() == 2 * TRACE_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit());
    let trace = given
        .filter(plausible)
        .map_or_else(|| hex::encode(rand::random::<[u8; TRACE_BYTES]>()), ToOwned::to_owned);
    // Methods and paths that no route has are the caller's invention: counting each apart would fill the memory.
    let path = request.extensions().get::<axum::extract::MatchedPath>();
    let route = match (path, request.method()) {
        (Some(path), method @ (&Method::GET | &Method::POST)) => format!("{method} {}", path.as_str()),
        _ => "none".to_owned(),
    };
    let work = async {
        let span = tracing::info_span!("request", %route, %trace);
        next.run(request).instrument(span).await
    };
    let response = TRACE_ID.scope(trace.clone(), work).await;
    let status = response.status().as_u16().to_string();
    metrics.add("mpcstats_requests_total", &[("route", &route), ("status", &status)], 1.0);
    if let Some(code) = response.extensions().get::<Code>() {
        metrics.refusal(*code);
    }
    response
}
