//! One look at one server: TCP, TLS, HTTP. Every failure comes with what to do about it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer that is looked at is larger.
const MAX_ANSWER: usize = 8 << 20;
/// Certificates of authorities that run out within this time are pointed out.
const RENEWAL: Duration = Duration::from_hours(14 * 24);

/// What went wrong, and what to do.
pub struct Fault {
    pub found: String,
    pub fix: String,
}

fn fault(found: impl Into<String>, fix: impl Into<String>) -> Fault {
    Fault { found: found.into(), fix: fix.into() }
}

/// How a server is known.
#[derive(Clone)]
pub enum Trust {
    /// By its key.
    Key(net::PublicKey),
    /// By a certificate of one of these authorities.
    Authorities(Arc<RootCertStore>),
    /// Not at all: plain HTTP, or a server on this host.
    Nobody,
}

/// Seconds since 1970, on this host.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Connects to `host:port`.
pub async fn connect(address: &str) -> Result<TcpStream, Fault> {
    use std::io::ErrorKind::{ConnectionRefused, TimedOut};
    let error = match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => error,
        Err(_) => TimedOut.into(),
    };
    let fix = match error.kind() {
        ConnectionRefused => "Start the server; check the port in its `listen` and in the survey.",
        TimedOut => {
            "Open the port in the firewalls between this host and the server; check that the host is up."
        }
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => {
            "There is no route: check the address, this host's network, and that the host is up."
        }
        _ => "Check the name and address: this host cannot resolve or reach it.",
    };
    Err(fault(format!("{address} cannot be reached: {error}"), fix))
}

/// What a TLS handshake showed.
pub struct Seen {
    pub key: Option<net::PublicKey>,
    pub protocol: Option<Vec<u8>>,
    /// For a certificate of an authority: whether it will still be good in two weeks.
    pub lasting: bool,
}

/// Shakes hands as a client of this application protocol. With a key, the caller compares it: the handshake shows
/// that the server holds the one that it names.
pub async fn handshake(stream: TcpStream, host: &str, protocol: &[u8], trust: &Trust) -> Result<Seen, Fault> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| {
        fault(format!("{host}: {error}"), "Write a host's name or address into the survey.")
    })?;
    let mut config = match trust {
        Trust::Authorities(roots) => authorities(roots),
        _ => net::tls::fetch_by_hash_client().map_err(|error| error.to_string()),
    }
    .map_err(|error| fault(error, "Report this: TLS cannot be configured."))?;
    config.alpn_protocols = vec![protocol.to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let done = tokio::time::timeout(PATIENCE, connector.connect(name.clone(), stream)).await;
    let stream = match done {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(refused(&error, trust)),
        Err(_) => {
            let fix = "Check that a server of mpcstats listens there and is not overloaded.";
            return Err(fault("connects, but does not answer the TLS handshake", fix));
        }
    };
    let connection = stream.get_ref().1;
    let chain = connection.peer_certificates().unwrap_or_default();
    let lasting = match trust {
        Trust::Authorities(roots) => good_later(chain, &name, roots),
        _ => true,
    };
    Ok(Seen {
        key: chain.first().and_then(net::PublicKey::of_certificate),
        protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
        lasting,
    })
}

fn refused(error: &std::io::Error, trust: &Trust) -> Fault {
    use rustls::CertificateError::{Expired, ExpiredContext, UnknownIssuer};
    use rustls::Error::InvalidCertificate;
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let fix = match (cause, trust) {
        (Some(InvalidCertificate(Expired | ExpiredContext { .. })), _) => {
            "The certificate has run out: renew it, and reload the proxy in front of the server."
        }
        (Some(InvalidCertificate(UnknownIssuer)), _) => {
            "No public authority signed this certificate: get one that one did, name its authority with \
             --authority, or pin the server's key as `identity` in the survey."
        }
        (Some(InvalidCertificate(_)), _) => "Get a certificate for this very name.",
        (_, Trust::Authorities(_)) => "Check that the proxy speaks TLS on this port.",
        _ => {
            "A server of mpcstats must end TLS 1.3 on this port itself: check that no other program or proxy answers \
             there."
        }
    };
    fault(format!("TLS fails: {error}"), fix)
}

fn authorities(roots: &Arc<RootCertStore>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth())
}

fn good_later(chain: &[CertificateDer<'_>], name: &ServerName<'_>, roots: &Arc<RootCertStore>) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider).build()
    else {
        return false;
    };
    let Some((leaf, rest)) = chain.split_first() else { return false };
    let later = UnixTime::since_unix_epoch(Duration::from_secs(now()) + RENEWAL);
    verifier.verify_server_cert(leaf, rest, name, &[], later).is_ok()
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// How far the server's clock is ahead of this host's, in seconds, by its `Date` header.
    pub ahead: Option<i64>,
}

impl Answer {
    pub fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let fix = "Check the address, and that both sides have the same version.";
        serde_json::from_slice(&self.body)
            .map_err(|error| fault(format!("answers with something else than mpcstats: {error}"), fix))
    }
}

/// Calls to one server.
pub struct Http {
    base: String,
    client: reqwest::Client,
}

impl Http {
    pub fn new(base: &str, trust: &Trust) -> Result<Self, Fault> {
        let tls = match trust {
            Trust::Key(key) => net::tls::https_client(*key).map_err(|error| error.to_string()),
            Trust::Authorities(roots) => authorities(roots),
            Trust::Nobody => net::tls::fetch_by_hash_client().map_err(|error| error.to_string()),
        };
        let broken = |error: String| fault(error, "Report this: TLS cannot be configured.");
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.map_err(broken)?)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), client })
    }

    pub async fn get(&self, path: &str) -> Result<Answer, Fault> {
        let fix = "See the server's log.";
        let failed = |error: reqwest::Error| {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            fault(format!("GET {path} fails: {cause}"), fix)
        };
        let mut response = self.client.get(format!("{}{path}", self.base)).send().await.map_err(failed)?;
        let date = response.headers().get("date").and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| httpdate::parse_http_date(text).ok());
        let date = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        let ahead = date.map(|date| date.as_secs().cast_signed() - now().cast_signed());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER {
                return Err(fault(format!("GET {path} answers with more than {MAX_ANSWER} bytes"), fix));
            }
        }
        Ok(Answer { status: response.status().as_u16(), body, ahead })
    }
}
