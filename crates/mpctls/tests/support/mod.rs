//! What the tests share: a certificate authority, sites, and both ends of a session.

#![allow(dead_code, reason = "every test uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "test support")]

pub mod keys;

use mpctls::protocol::{
    Connect, Limits, Notary, NotaryError, NotaryReport, Policy, ProveError, Proven, Prover, StreamLink,
};
use mpctls::source::Secrets;
use mpctls::tls::{ClientError, Fetched, Link, Patience, fetch};
use mpctls::{Mode, NotarySigningKey, Source};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

pub const HOST: &str = "exchange.test";
pub const SURVEY: [u8; 32] = [7; 32];
pub const PROVIDER: [u8; 32] = [9; 32];

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A certificate authority of the test's own.
pub struct Authority {
    pub certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        Self::with_key(KeyPair::generate().unwrap())
    }

    pub fn with_key(key: KeyPair) -> Self {
        Self::named("test authority", key)
    }

    pub fn named(name: &str, key: KeyPair) -> Self {
        let params = authority_params(name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// An intermediate authority, and its certificate under this one.
    pub fn delegate(&self) -> (Self, CertificateDer<'static>) {
        let (params, key) = (authority_params("an intermediate"), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        (Self { certificate: certificate.clone(), issuer: Issuer::new(params, key) }, certificate)
    }

    pub fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Arc::new(roots)
    }

    /// A certificate for a host over the given key, valid around now unless `adjust` changes it.
    pub fn issue(&self, host: &str, key: KeyPair, adjust: impl FnOnce(&mut CertificateParams)) -> Certified {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        adjust(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// An ordinary P-256 certificate for [`HOST`].
    pub fn ordinary(&self) -> Certified {
        self.issue(HOST, KeyPair::generate().unwrap(), |_| {})
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// A server's certificate and key.
#[derive(Clone)]
pub struct Certified {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Vec<u8>,
    pub chain_pem: String,
    pub key_pem: String,
}

/// How a site says that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// close_notify, then the end of the stream.
    Clean,
    /// It waits for the client's close_notify first.
    AfterClient,
    /// The stream just ends.
    Abrupt,
    /// As clean, after a response that comes in pieces, each in a record of its own.
    Trickle,
}

/// A rustls server that answers every request alike; returns its address.
pub fn site(
    certified: &Certified,
    answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    goodbye: Goodbye,
) -> u16 {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.key.clone()));
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certified.chain.clone(), key)
            .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, answer) = (config.clone(), answer.clone());
            std::thread::spawn(move || {
                let _done = answer_one(stream, config, answer.as_ref(), goodbye);
            });
        }
    });
    port
}

fn answer_one(
    mut stream: TcpStream,
    config: Arc<rustls::ServerConfig>,
    answer: &dyn Fn(&[u8]) -> Vec<u8>,
    goodbye: Goodbye,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut tls = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut request = Vec::new();
    {
        let mut both = rustls::Stream::new(&mut tls, &mut stream);
        let mut buffer = [0; 4096];
        while !whole(&request) {
            match both.read(&mut buffer)? {
                0 => return Ok(()),
                count => request.extend_from_slice(&buffer[..count]),
            }
        }
        let answer = answer(&request);
        let pieces = if goodbye == Goodbye::Trickle { 12 } else { 1 };
        for (index, piece) in answer.chunks(answer.len().div_ceil(pieces)).enumerate() {
            std::thread::sleep(Duration::from_millis(if index > 0 { 30 } else { 0 }));
            both.write_all(piece)?;
            both.flush()?;
        }
        if goodbye == Goodbye::AfterClient {
            while both.read(&mut buffer)? > 0 {}
        }
    }
    if goodbye != Goodbye::Abrupt {
        tls.send_close_notify();
    }
    while tls.wants_write() {
        tls.write_tls(&mut stream)?;
    }
    Ok(())
}

/// True once the request's head and body are in.
pub fn whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    request.len() >= head + 4 + length.unwrap_or(0usize)
}

/// A response with Content-Length.
pub fn response(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: application/json\r\nSet-Cookie: id=secret\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A response in chunks of the given sizes, the last chunk taking the rest.
pub fn chunked(body: &str, sizes: &[usize]) -> Vec<u8> {
    let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut rest = body.as_bytes();
    for &size in sizes.iter().chain([&usize::MAX]) {
        let (chunk, tail) = rest.split_at(size.min(rest.len()));
        if !chunk.is_empty() {
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        rest = tail;
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// A source over [`HOST`] with a private decimal and a disclosed account id.
pub fn source() -> Source {
    Source::from_toml(SOURCE).unwrap()
}

pub const SOURCE: &str = r#"
version = 1
name = "test"
host = "exchange.test"

[secrets.api_key]
description = "the key"

[request]
method = "GET"
path = "/api/v3/account"
query = ["timestamp={timestamp_ms}"]
headers = [{ name = "X-Key", value = "{api_key}" }]

[response]
body = [
  { skip = 4096 },
  { anchor = '{"asset":"ETH","free":"' },
  { field = "free" },
  { skip = 65536 },
  { anchor = '],"uid":' },
  { field = "uid" },
  { skip = 64 },
]

[[fields]]
name = "free"
visibility = "private"
type = "decimal"
scale = 8
min = 0
max = 100000000000000
unit = "ETH"
window = 24

[[fields]]
name = "uid"
visibility = "disclosed"
type = "integer"
min = 1
max = 9000000000
window = 10
"#;

pub const BODY: &str = r#"{"makerCommission":15,"balances":[{"asset":"BTC","free":"4723846.89208129","locked":"0.00000000"},{"asset":"ETH","free":"12.34500000","locked":"1.00000000"}],"uid":354937868}"#;

pub fn secrets() -> Secrets {
    let mut secrets = Secrets::new();
    secrets.insert("api_key", "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A".into());
    secrets
}

/// Connects every host to one local port.
pub struct Local(pub u16);

impl Connect for Local {
    fn connect(&self, _host: &str, _port: u16) -> Result<Box<dyn Link>, String> {
        let stream = TcpStream::connect(("127.0.0.1", self.0)).map_err(|e| e.to_string())?;
        Ok(Box::new(StreamLink::new(stream).map_err(|e| e.to_string())?))
    }
}

pub fn notary(authority: &Authority) -> Notary {
    Notary {
        key: NotarySigningKey::from_seed(&[42; 32]),
        roots: authority.roots(),
        policy: Policy { limits: Limits { sent: 16 * 1024, received: 256 * 1024 }, ..Policy::default() },
    }
}

/// Whom each side trusts to name servers.
pub struct Trust {
    pub prover: Arc<RootCertStore>,
    pub notary: Arc<RootCertStore>,
}

impl Trust {
    pub fn both(authority: &Authority) -> Self {
        Self { prover: authority.roots(), notary: authority.roots() }
    }
}

/// What both sides of a session end with.
pub type Outcome = (Result<Proven, ProveError>, Result<NotaryReport, NotaryError>);

/// One whole session between honest parties.
pub fn session(mode: Mode, authority: &Authority, source: &Source, port: u16) -> Outcome {
    session_with(mode, &Trust::both(authority), source, port, |_| {})
}

/// A session with a notary that `adjust` changed.
pub fn session_with(
    mode: Mode,
    trust: &Trust,
    source: &Source,
    port: u16,
    adjust: impl FnOnce(&mut Notary),
) -> Outcome {
    let mut notary = Notary {
        key: NotarySigningKey::from_seed(&[42; 32]),
        roots: trust.notary.clone(),
        policy: Policy { limits: Limits { sent: 16 * 1024, received: 256 * 1024 }, ..Policy::default() },
    };
    adjust(&mut notary);
    let secrets = secrets();
    let prover = Prover {
        source,
        secrets: &secrets,
        survey: SURVEY,
        provider_key: PROVIDER,
        notary: notary.key.public(),
        mode,
        roots: trust.prover.clone(),
        patience: PATIENCE,
        show_rest: false,
        connect: &Local(port),
    };
    let (left, mut right) = net::memory::pair();
    std::thread::scope(|scope| {
        let serving = scope.spawn(move || {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            notary.serve(&mut right, &Local(port), now(), &mut rng)
        });
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let proven = prover
            .prepare(Box::new(left), now(), &mut rng)
            .and_then(|prepared| prover.run(prepared, now() * 1000, &mut rng, &mut |_| {}, &mut |_| true));
        (proven, serving.join().unwrap())
    })
}

pub const PATIENCE: Patience = Patience { record: Duration::from_secs(20), idle: Duration::from_secs(1) };

/// Fetches the usual request with keys of its own: both streams and the master secret.
pub fn captured(authority: &Authority, host: &str, port: u16) -> (Fetched, Zeroizing<[u8; 48]>) {
    try_capture(authority, host, port).unwrap()
}

pub fn try_capture(
    authority: &Authority,
    host: &str,
    port: u16,
) -> Result<(Fetched, Zeroizing<[u8; 48]>), ClientError> {
    captured_request(authority, host, port, b"GET / HTTP/1.1\r\nHost: exchange.test\r\n\r\n", PATIENCE)
}

pub fn captured_request(
    authority: &Authority,
    host: &str,
    port: u16,
    request: &[u8],
    patience: Patience,
) -> Result<(Fetched, Zeroizing<[u8; 48]>), ClientError> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut link = StreamLink::new(stream)?;
    fetch(host, authority.roots(), &mut link, request, patience)
}
