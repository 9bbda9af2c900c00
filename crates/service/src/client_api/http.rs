//! The routes of the client API ([`super::view`] lists them).

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use sha2::{Digest, Sha256};
use survey::wire::Problem;
use survey::{Code, Refusal};
use tokio::sync::broadcast::error::RecvError;
use tokio_stream::wrappers::ReceiverStream;

use super::watch::{Event, Watched};
use super::{Shared, assets, openapi, operator};

/// What browsers may do with the page: nothing but what it brings along.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (HeaderName::from_static("content-security-policy"), HeaderValue::from_static(POLICY)),
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/api/surveys", get(surveys))
        .route("/api/surveys/{id}", get(survey))
        .route("/api/surveys/{id}/definition", get(definition))
        .route("/api/surveys/{id}/releases", get(releases))
        .route("/api/surveys/{id}/certificates/{release}", get(certificate))
        .route("/api/surveys/{id}/log", get(log))
        .route("/api/surveys/{id}/qr.svg", get(qr))
        .route("/api/surveys/{id}/events", get(events))
        .route("/api/operator", get(operator_view))
        .route("/api/openapi.json", get(|| async { Json(openapi::document()) }))
        .route("/healthz", get(|| async { "ok" }));
    assets::routes(api)
        .fallback(|| async { problem(&Code::NotFound.into()) })
        .layer(axum::middleware::from_fn(guard))
        .with_state(shared)
}

/// Adds the security headers to every answer.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}

fn problem(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(Problem::new(refusal, ""))).into_response()
}

fn json(body: impl serde::Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn find(shared: &Shared, id: &str) -> Option<Arc<Watched>> {
    shared.surveys.iter().find(|watched| watched.open().id.to_string() == id).cloned()
}

fn not_found() -> Response {
    problem(&Code::NotFound.into())
}

type Known = State<Arc<Shared>>;

async fn surveys(State(shared): Known) -> Response {
    json(shared.surveys.iter().filter_map(|watched| watched.view()).collect::<Vec<_>>())
}

async fn survey(State(shared): Known, Path(id): Path<String>) -> Response {
    let Some(watched) = find(&shared, &id) else { return not_found() };
    watched.view().map_or_else(|| problem(&Code::NotReady.into()), json)
}

async fn definition(State(shared): Known, Path(id): Path<String>) -> Response {
    find(&shared, &id).map_or_else(not_found, |watched| json(&watched.open().signed))
}

async fn releases(State(shared): Known, Path(id): Path<String>) -> Response {
    find(&shared, &id).map_or_else(not_found, |watched| json(watched.releases()))
}

async fn certificate(State(shared): Known, Path((id, release)): Path<(String, u64)>) -> Response {
    let found = find(&shared, &id).and_then(|watched| watched.certificate(release));
    found.map_or_else(not_found, json)
}

async fn log(State(shared): Known, Path(id): Path<String>) -> Response {
    let Some(watched) = find(&shared, &id) else { return not_found() };
    watched.log().map_or_else(|error| problem(&error.into()), json)
}

async fn qr(State(shared): Known, Path(id): Path<String>) -> Response {
    if find(&shared, &id).is_none() {
        return not_found();
    }
    let address = format!("{}/#{id}", shared.public_address);
    let Ok(code) = qrcode::QrCode::new(address) else { return not_found() };
    let svg = code.render::<qrcode::render::svg::Color>().min_dimensions(160, 160).build();
    ([(CONTENT_TYPE, "image/svg+xml")], svg).into_response()
}

/// An event with what it is about.
fn event(watched: &Watched, event: Event) -> sse::Event {
    let named = sse::Event::default().event(event.name());
    let told = match event {
        Event::Status => named.json_data(watched.view()),
        Event::Release(number) => {
            named.json_data(watched.releases().into_iter().find(|view| view.release == number))
        }
    };
    told.unwrap_or_else(|_| sse::Event::default().event(event.name()).data("{}"))
}

/// All releases so far, newest first.
fn history(watched: &Watched) -> sse::Event {
    let named = || sse::Event::default().event("history");
    named().json_data(watched.releases()).unwrap_or_else(|_| named().data("[]"))
}

/// First all that there is, then what comes.
async fn events(State(shared): Known, Path(id): Path<String>) -> Response {
    let Some(watched) = find(&shared, &id) else { return not_found() };
    let mut news = watched.listen();
    let mut stopped = shared.stopped.clone();
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<sse::Event, Infallible>>(1);
    tokio::spawn(async move {
        if sender.send(Ok(history(&watched))).await.is_err() {
            return;
        }
        loop {
            let news = tokio::select! {
                news = news.recv() => news,
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = sender.closed() => return,
            };
            let told = match news {
                Ok(news) => vec![event(&watched, news)],
                // Whoever missed something is told everything.
                Err(RecvError::Lagged(_)) => vec![history(&watched), event(&watched, Event::Status)],
                Err(RecvError::Closed) => return,
            };
            for one in told {
                if sender.send(Ok(one)).await.is_err() {
                    return;
                }
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response()
}

async fn operator_view(State(shared): Known, headers: HeaderMap) -> Response {
    let Some(token) = &shared.operator_token else { return not_found() };
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    // Hashes are compared, so that the time it takes says nothing about the token.
    if given.is_none_or(|given| Sha256::digest(given) != Sha256::digest(token.as_bytes())) {
        return problem(&Code::Unauthorized.into());
    }
    json(operator::view(&shared.surveys).await)
}
