//! The client API: a consumer that asks for a survey's plans when an epoch has closed, keeps the results with
//! their certificates, and shows them.
//!
//! - [`config`]: the configuration file.
//! - [`watch`]: follows the coordinator, asks, appends to the log, announces.
//! - [`log`]: the append-only file of certificates. It is the only state: results are read from it at start, and
//!   each certificate is checked again.
//! - [`http`]: JSON, server-sent events, and the page, which is built into the binary.
//!
//! Asking the client API never triggers a computation: requests read what the watcher has put there.

mod assets;
pub mod config;
pub mod http;
mod log;
pub mod openapi;
mod operator;
mod view;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use client::{ClientError, Reference};
use survey::{Code, Refusal};
use tokio::net::TcpListener;
use tokio::sync::watch as stop;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use config::Served;
pub use view::{OperatorView, PartyView, PlanView, RefusalView, ReleaseView, SurveyView};
use watch::Watched;

/// What a client API is made from.
pub struct Settings {
    /// Where to listen, in plain HTTP: browsers take a page on the same machine for safe, and elsewhere a proxy in
    /// front of it speaks TLS.
    pub listen: SocketAddr,
    /// The address that people use, for the QR code; `http://{listen}` if left out.
    pub public_address: Option<String>,
    /// Where certificates are kept.
    pub folder: PathBuf,
    /// What the operator's view asks for; without it there is none.
    pub operator_token: Option<Zeroizing<String>>,
    /// The surveys.
    pub surveys: Vec<Served>,
}

/// Why a client API does not run.
#[derive(Debug, thiserror::Error)]
pub enum ClientApiError {
    /// A survey cannot be opened.
    #[error("{reference}: {cause}")]
    Survey {
        /// Which.
        reference: Reference,
        /// Why.
        cause: Box<ClientError>,
    },
    /// The keys are not a consumer's.
    #[error("{reference}: the survey does not list these keys among its consumers; ask its organiser to")]
    Consumer {
        /// Which survey.
        reference: Reference,
    },
    /// The log of certificates cannot be used.
    #[error(transparent)]
    Log(#[from] log::LogError),
    /// The address cannot be used.
    #[error("cannot listen at {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
}

impl From<ClientApiError> for Refusal {
    fn from(error: ClientApiError) -> Self {
        let code = match error {
            ClientApiError::Log(_) => Code::Storage,
            _ => Code::InvalidConfiguration,
        };
        Self::new(code, error.to_string())
    }
}

/// A running client API. It stops when dropped.
pub struct Running {
    /// Where the page is.
    pub address: SocketAddr,
    stop: stop::Sender<bool>,
    server: JoinHandle<()>,
    watchers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Ends open answers and stops.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // Event streams end with the stop signal, so the server does too.
        let _ended = (&mut self.server).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
        self.watchers.iter().for_each(JoinHandle::abort);
    }
}

/// What the handlers share.
pub(crate) struct Shared {
    pub surveys: Vec<Arc<Watched>>,
    pub public_address: String,
    pub operator_token: Option<Zeroizing<String>>,
    pub stopped: stop::Receiver<bool>,
}

/// Starts a client API.
///
/// # Errors
/// [`ClientApiError`].
pub async fn serve(settings: Settings) -> Result<Running, ClientApiError> {
    let Settings { listen, public_address, folder, operator_token, surveys } = settings;
    let failed = |cause| ClientApiError::Listen { address: listen, cause };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut watched = Vec::new();
    for served in surveys {
        let open = served.open().await?;
        let Served { consumer, authority, .. } = served;
        watched.push(Arc::new(Watched::new(open, consumer, authority, &folder)?));
    }
    let watchers = watched.iter().map(|watched| tokio::spawn(Arc::clone(watched).run())).collect();
    let (stop, stopped) = stop::channel(false);
    let shared = Arc::new(Shared {
        surveys: watched,
        public_address: public_address.unwrap_or_else(|| format!("http://{address}")),
        operator_token,
        stopped: stopped.clone(),
    });
    let router = http::router(shared);
    let server = tokio::spawn(async move {
        let mut stopped = stopped;
        let stop = async move {
            let _signal = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the client API ended");
        }
    });
    tracing::info!(%address, "the client API is up");
    Ok(Running { address, stop, server, watchers })
}
