//! The HTTP calls of coordinator and parties ([`survey::wire`]), and those of a client API that prove something.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use survey::wire::{Epochs, Headers, Problem, QueryAccepted, QueryStatus, Queued, Status, SubmissionStatus};
use survey::{Certificate, Id, PublicKey, ReleaseLog, SignedQuery, SignedRecord, SignedSurvey, Submission};

use crate::error::ClientError;

/// The largest answer that is read.
const MAX_ANSWER: usize = 8 << 20;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a coordinator or party.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

impl Api {
    /// Calls to `address` (`https://host:port`), whose certificate must be under `identity`; if there is none,
    /// under a public authority.
    ///
    /// # Errors
    /// [`ClientError::Tls`].
    pub fn new(address: &str, identity: Option<PublicKey>) -> Result<Self, ClientError> {
        let tls = match identity {
            Some(key) => net::tls::https_client(net::PublicKey(key.0))?,
            None => public_tls()?,
        };
        Self::with_tls(address, tls)
    }

    /// Calls to a client API at `address`, whose answers prove themselves: over plain HTTP, too.
    ///
    /// # Errors
    /// [`ClientError::Tls`].
    pub fn page(address: &str) -> Result<Self, ClientError> {
        Self::build(address, reqwest::Client::builder().tls_backend_preconfigured(public_tls()?))
    }

    /// Calls to a server of which nothing is known, for fetching what has a known hash.
    pub(crate) fn unverified(address: &str) -> Result<Self, ClientError> {
        Self::with_tls(address, net::tls::fetch_by_hash_client()?)
    }

    fn with_tls(address: &str, tls: rustls::ClientConfig) -> Result<Self, ClientError> {
        Self::build(address, reqwest::Client::builder().tls_backend_preconfigured(tls).https_only(true))
    }

    fn build(address: &str, builder: reqwest::ClientBuilder) -> Result<Self, ClientError> {
        let base = address.trim_end_matches('/').to_owned();
        let http =
            builder.redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build().map_err(
                |error| ClientError::Unreachable { address: base.clone(), cause: error.to_string() },
            )?;
        Ok(Self { http, base })
    }

    /// Where the calls go.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// The signed survey. Check it before use: [`crate::OpenSurvey`] does.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn survey(&self) -> Result<SignedSurvey, ClientError> {
        self.get("/v1/survey").await
    }

    /// Where the survey stands.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// Submits.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn submit(&self, submission: &Submission) -> Result<Queued, ClientError> {
        self.post("/v1/submissions", submission).await
    }

    /// What became of a submission.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn submission(&self, digest: &Id) -> Result<SubmissionStatus, ClientError> {
        self.get(&format!("/v1/submissions/{digest}")).await
    }

    /// The closed epochs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn epochs(&self) -> Result<Epochs, ClientError> {
        self.get("/v1/epochs").await
    }

    /// The headers of an epoch's records.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn headers(&self, epoch: u64) -> Result<Headers, ClientError> {
        self.get(&format!("/v1/epochs/{epoch}/headers")).await
    }

    /// A batch record.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn record(&self, height: u64) -> Result<SignedRecord, ClientError> {
        self.get(&format!("/v1/records/{height}")).await
    }

    /// Asks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query(&self, query: &SignedQuery) -> Result<QueryAccepted, ClientError> {
        self.post("/v1/queries", query).await
    }

    /// What became of a query.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query_status(&self, query: &Id) -> Result<QueryStatus, ClientError> {
        self.get(&format!("/v1/queries/{query}")).await
    }

    /// The list of releases of a client API.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn log(&self, survey: &Id) -> Result<ReleaseLog, ClientError> {
        self.get(&format!("/api/surveys/{survey}/log")).await
    }

    /// A release's certificate, from a client API.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn certificate(&self, survey: &Id, release: u64) -> Result<Certificate, ClientError> {
        self.get(&format!("/api/surveys/{survey}/certificates/{release}")).await
    }

    /// The server's counters, in the text form of Prometheus.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let (good, body) = self.body(self.http.get(format!("{}/metrics", self.base))).await?;
        if !good {
            return Err(self.strange("no metrics".to_owned()));
        }
        String::from_utf8(body).map_err(|error| self.strange(error.to_string()))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.answer(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Sends a request; gives whether it succeeded, and the answer's body.
    async fn body(&self, request: reqwest::RequestBuilder) -> Result<(bool, Vec<u8>), ClientError> {
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let good = response.status().is_success();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER {
                return Err(self.strange(format!("more than {MAX_ANSWER} bytes")));
            }
        }
        Ok((good, body))
    }

    async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ClientError> {
        let (good, body) = self.body(request).await?;
        if good {
            return serde_json::from_slice(&body).map_err(|error| self.strange(error.to_string()));
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ClientError::Refused(problem.into())),
            Err(_) => Err(self.strange("a failure without a reason".to_owned())),
        }
    }

    fn strange(&self, detail: String) -> ClientError {
        ClientError::Answer { address: self.base.clone(), detail }
    }

    /// The innermost cause is the one that says what is wrong.
    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        ClientError::Unreachable { address: self.base.clone(), cause: cause.to_string() }
    }
}

fn public_tls() -> Result<rustls::ClientConfig, ClientError> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(net::tls::TlsError::from)?;
    Ok(builder.with_root_certificates(crate::provider::public_roots()).with_no_client_auth())
}
