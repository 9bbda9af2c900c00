//! The OpenAPI document of the client API.

use survey::{Certificate, Code, ReleaseLog, Survey};
use utoipa::openapi::{HttpMethod, OpenApi};

use super::view::{OperatorView, ReleaseView, SurveyView};
use crate::coordinator::openapi::{Body, Call, describe};

const fn get(path: &'static str, summary: &'static str, answer: Body, codes: &'static [Code]) -> Call {
    Call(HttpMethod::Get, path, summary, None, answer, 200, codes)
}

/// The calls; the page's own files are not listed.
pub const CALLS: &[Call] = &[
    get(
        "/api/surveys",
        "Every survey served, with where it stands.",
        Body::list::<SurveyView>("SurveyView"),
        &[],
    ),
    get(
        "/api/surveys/{id}",
        "A survey, and where it stands.",
        Body::one::<SurveyView>("SurveyView"),
        &[Code::NotFound, Code::NotReady],
    ),
    get(
        "/api/surveys/{id}/definition",
        "The survey as its organiser signed it.",
        Body::signed::<Survey>("SignedSurvey"),
        &[Code::NotFound],
    ),
    get(
        "/api/surveys/{id}/releases",
        "All releases with their results, newest first.",
        Body::list::<ReleaseView>("ReleaseView"),
        &[Code::NotFound],
    ),
    get(
        "/api/surveys/{id}/certificates/{release}",
        "A release's certificate.",
        Body::one::<Certificate>("Certificate"),
        &[Code::NotFound],
    ),
    get(
        "/api/surveys/{id}/log",
        "The list of releases as a chain of hashes, oldest first: whoever remembers its head can tell that it was only added to.",
        Body::one::<ReleaseLog>("ReleaseLog"),
        &[Code::NotFound],
    ),
    get(
        "/api/surveys/{id}/events",
        "Server-sent events: `history` (all releases) first, then `status` and `release`, each with the JSON of what changed.",
        Body::Other("text/event-stream"),
        &[Code::NotFound],
    ),
    get(
        "/api/surveys/{id}/qr.svg",
        "A QR code of the page's address.",
        Body::Other("image/svg+xml"),
        &[Code::NotFound],
    ),
    get(
        "/api/operator",
        "Queue, parties, refusals by reason and throughput, for `Authorization: Bearer TOKEN`.",
        Body::one::<OperatorView>("OperatorView"),
        &[Code::NotFound, Code::Unauthorized],
    ),
    get("/healthz", "`ok` while the server runs.", Body::Other("text/plain"), &[]),
];

/// The document.
pub fn document() -> OpenApi {
    describe(
        "mpcstats client API",
        "Surveys and their releases, for the page and for programs. No call triggers a computation.",
        CALLS,
    )
}
