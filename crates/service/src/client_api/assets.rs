//! The page, built into the binary.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// A file of the page.
struct Asset {
    path: &'static str,
    kind: &'static str,
    body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: &[Asset] = &[
    Asset { path: "/", kind: HTML, body: include_str!("page/index.html") },
    Asset { path: "/operator", kind: HTML, body: include_str!("page/operator.html") },
    Asset { path: "/app.js", kind: SCRIPT, body: include_str!("page/app.js") },
    Asset { path: "/certificate.js", kind: SCRIPT, body: include_str!("page/certificate.js") },
    Asset { path: "/charts.js", kind: SCRIPT, body: include_str!("page/charts.js") },
    Asset { path: "/decode.js", kind: SCRIPT, body: include_str!("page/decode.js") },
    Asset { path: "/distribution.js", kind: SCRIPT, body: include_str!("page/distribution.js") },
    Asset { path: "/dom.js", kind: SCRIPT, body: include_str!("page/dom.js") },
    Asset { path: "/format.js", kind: SCRIPT, body: include_str!("page/format.js") },
    Asset { path: "/number.js", kind: SCRIPT, body: include_str!("page/number.js") },
    Asset { path: "/operator.js", kind: SCRIPT, body: include_str!("page/operator.js") },
    Asset { path: "/plan.js", kind: SCRIPT, body: include_str!("page/plan.js") },
    Asset { path: "/results.js", kind: SCRIPT, body: include_str!("page/results.js") },
    Asset { path: "/verify.js", kind: SCRIPT, body: include_str!("page/verify.js") },
    Asset { path: "/style.css", kind: "text/css; charset=utf-8", body: include_str!("page/style.css") },
    Asset { path: "/icon.svg", kind: "image/svg+xml", body: include_str!("page/icon.svg") },
];

/// Adds the page's routes.
pub fn routes<S: Clone + Send + Sync + 'static>(router: axum::Router<S>) -> axum::Router<S> {
    ASSETS.iter().fold(router, |router, asset| {
        let serve = move || async move {
            ([(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "no-cache")], asset.body).into_response()
        };
        router.route(asset.path, axum::routing::get(serve))
    })
}
