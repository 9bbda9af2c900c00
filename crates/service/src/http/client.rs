//! Calling a server whose key is known.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use survey::wire::Problem;
use survey::{Code, PublicKey, Refusal};

/// No answer is larger than this.
const MAX_ANSWER: usize = 64 << 20;

/// A connection pool to one server.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    /// A client of the server at `https://host:port` (or `http://` within one host). With a key, only a server
    /// with this key is talked to; without, one with a certificate of a public authority.
    ///
    /// # Errors
    /// [`Code::InvalidConfiguration`] if TLS cannot be configured.
    pub fn new(base: &str, key: Option<PublicKey>) -> Result<Self, Refusal> {
        let fault = |error: &dyn std::fmt::Display| {
            Refusal::new(Code::InvalidConfiguration, format!("{base}: {error}"))
        };
        let tls = match key {
            Some(key) => net::tls::https_client(net::PublicKey(key.0)).map_err(|error| fault(&error))?,
            None => public_authorities().map_err(|error| fault(&error))?,
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_mins(1))
            .build()
            .map_err(|error| fault(&error))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    /// Fetches a value.
    ///
    /// # Errors
    /// The server's refusal, or [`Code::PartyUnavailable`] if it cannot be reached.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        self.answer(self.http.get(format!("{}{path}", self.base))).await
    }

    /// Sends a value and gives the answer.
    ///
    /// # Errors
    /// The server's refusal, or [`Code::PartyUnavailable`] if it cannot be reached.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Refusal> {
        self.answer(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Refusal> {
        let unreachable =
            |error: reqwest::Error| Refusal::new(Code::PartyUnavailable, format!("{}: {error}", self.base));
        let trace = super::trace_id();
        let request = if trace.is_empty() { request } else { request.header(super::TRACE, trace) };
        let mut response = request.send().await.map_err(unreachable)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Refusal::new(Code::TooLarge, format!("the answer of {}", self.base)));
            }
            bytes.extend_from_slice(&chunk);
        }
        let malformed =
            |error: serde_json::Error| Refusal::new(Code::Malformed, format!("{}: {error}", self.base));
        if response.status().is_success() {
            return serde_json::from_slice(&bytes).map_err(malformed);
        }
        Err(serde_json::from_slice::<Problem>(&bytes).map_err(malformed)?.into())
    }
}

/// A client of servers outside, known by certificates of public authorities.
///
/// # Errors
/// [`Code::InvalidConfiguration`] if TLS cannot be configured.
pub fn outside() -> Result<reqwest::Client, Refusal> {
    let fault = |error: &dyn std::fmt::Display| Refusal::new(Code::InvalidConfiguration, error.to_string());
    let tls = public_authorities().map_err(|error| fault(&error))?;
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(Duration::from_secs(30));
    builder.build().map_err(|error| fault(&error))
}

/// The same, for threads that may wait: whoever sends spans.
///
/// # Errors
/// [`Code::InvalidConfiguration`] if TLS cannot be configured.
pub fn outside_blocking() -> Result<reqwest::blocking::Client, Refusal> {
    let fault = |error: &dyn std::fmt::Display| Refusal::new(Code::InvalidConfiguration, error.to_string());
    let tls = public_authorities().map_err(|error| fault(&error))?;
    let builder = reqwest::blocking::Client::builder().tls_backend_preconfigured(tls);
    let builder = builder.timeout(Duration::from_secs(5));
    builder.build().map_err(|error| fault(&error))
}

fn public_authorities() -> Result<rustls::ClientConfig, rustls::Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
