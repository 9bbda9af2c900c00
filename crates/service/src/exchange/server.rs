//! The exchange's HTTPS server.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Accounts, Authority, AuthorityError, Script};
use crate::tls_listener::TlsListener;

/// The largest clock difference that a request may allow for, as at Binance.
const MAX_WINDOW_MS: u64 = 60_000;

/// How the exchange runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// The names in its certificate.
    pub names: Vec<String>,
    /// Where its certificate authority lives.
    pub folder: PathBuf,
    /// Answer in chunks of this many bytes instead of with a Content-Length.
    pub chunk: Option<usize>,
}

/// Why the exchange does not run.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Its certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Its address.
    #[error("cannot listen at {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A running exchange. It stops when told to, or when this is dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its authority's certificate.
    pub authority_pem: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops: open requests are answered first.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the server is.
#[derive(Clone, Debug)]
pub enum Site {
    /// An exchange with Binance's account API.
    Exchange(Accounts),
    /// A site that answers every path with what stands in a file.
    Scripted(Script),
}

impl From<Accounts> for Site {
    fn from(accounts: Accounts) -> Self {
        Self::Exchange(accounts)
    }
}

struct Exchange {
    site: Site,
    chunk: Option<usize>,
}

/// Starts the exchange.
///
/// # Errors
/// [`ExchangeError`].
pub async fn serve(site: impl Into<Site>, options: Options) -> Result<Running, ExchangeError> {
    let authority = Authority::open(&options.folder)?;
    let (chain, key) = authority.issue(&options.names)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let listen = |cause| ExchangeError::Listen { address: options.listen, cause };
    let listener = TlsListener::bind(options.listen, Arc::new(config)).await.map_err(listen)?;
    let address = listener.address();
    let state = Arc::new(Exchange { site: site.into(), chunk: options.chunk });
    let router = match &state.site {
        Site::Exchange(_) => Router::new().route("/api/v3/account", get(account)),
        Site::Scripted(_) => Router::new().fallback(account),
    };
    let router = router.with_state(state);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            let _dropped = stopped.await;
        });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the sample exchange stopped");
        }
    });
    Ok(Running { address, authority_pem: authority.pem().to_owned(), stop: Some(stop), task })
}

/// Answers as Binance answers `GET /api/v3/account`, or as the script says.
async fn account(
    State(exchange): State<Arc<Exchange>>,
    uri: Uri,
    headers: HeaderMap,
    request_body: Bytes,
) -> Response {
    let (status, json) = match &exchange.site {
        Site::Exchange(accounts) => {
            let now_ms =
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
            let key = headers.get("X-MBX-APIKEY").and_then(|key| key.to_str().ok()).unwrap_or_default();
            match answer(accounts, key, uri.query().unwrap_or_default(), now_ms) {
                Ok(json) => (StatusCode::OK, json),
                Err((status, code, message)) => (status, format!(r#"{{"code":{code},"msg":"{message}"}}"#)),
            }
        }
        Site::Scripted(script) => {
            let target = uri.path_and_query().map_or("", |target| target.as_str());
            let mut parts = vec![target.as_bytes(), &request_body];
            parts.extend(headers.values().map(HeaderValue::as_bytes));
            match script.answer(&parts) {
                Some(response) => (StatusCode::OK, response.body.clone()),
                None => (StatusCode::UNAUTHORIZED, r#"{"error":"nobody is known by this token"}"#.to_owned()),
            }
        }
    };
    let body = match exchange.chunk {
        Some(size) => {
            let chunks: Vec<_> =
                json.as_bytes().chunks(size.max(1)).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
            Body::from_stream(tokio_stream::iter(chunks))
        }
        None => Body::from(json),
    };
    let kind = HeaderValue::from_static("application/json;charset=UTF-8");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

type Failure = (StatusCode, i32, &'static str);

fn answer(accounts: &Accounts, key: &str, query: &str, now_ms: u64) -> Result<String, Failure> {
    let account = accounts.get(key).ok_or((
        StatusCode::UNAUTHORIZED,
        -2015,
        "Invalid API-key, IP, or permissions for action.",
    ))?;
    let bad = |code, message| (StatusCode::BAD_REQUEST, code, message);
    let missing = bad(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.");
    let (signed, signature) = query.rsplit_once("&signature=").ok_or(missing)?;
    if !account.signed(signed, signature) {
        return Err(bad(-1022, "Signature for this request is not valid."));
    }
    let number = |name: &str| {
        signed.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok())
    };
    let sent = number("timestamp").ok_or(bad(-1102, "Mandatory parameter 'timestamp' was not sent."))?;
    let window = number("recvWindow").unwrap_or(5000).min(MAX_WINDOW_MS);
    if sent > now_ms + 1000 || sent + window < now_ms {
        return Err(bad(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(account.to_json(now_ms))
}
