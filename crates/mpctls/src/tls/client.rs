//! The TLS client: rustls, fed one record at a time.
//!
//! With handles ([`fetch_deferred`]) nothing that the server sends after its Finished is decrypted until all of
//! it is in: records are held, both streams are committed to, the server's key is revealed, and only then does
//! rustls see the records. With keys of its own ([`fetch`]) rustls decrypts at once.

use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{KeyLog, RootCertStore};
use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

use super::keys::{KeysError, SessionKeys};
use super::provider::{self, Bound};
use super::record::ALERT;
use crate::transcript::{Cell, decode};

/// Why the connection to the server ended without a response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The connection broke.
    #[error("the connection to the server broke: {0}")]
    Link(String),
    /// TLS failed: a certificate, an alert, a protocol violation.
    #[error("TLS with the server failed: {0}")]
    Tls(#[from] rustls::Error),
    /// The holder of the keys failed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The server sent more than the session allows.
    #[error("the server sent more than the {limit} bytes allowed; raise the cap if the notary permits it")]
    TooLong {
        /// The cap.
        limit: usize,
    },
    /// The host name is not one.
    #[error("{0:?} is not a host name")]
    HostName(String),
}

/// How a read from the server ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// One whole record with its header.
    Record(Vec<u8>),
    /// Nothing came for as long as the caller would wait.
    Quiet,
    /// The server closed the connection.
    Closed,
}

/// The way to the server: a TCP connection, or a notary that relays one.
pub trait Link {
    /// Sends bytes.
    ///
    /// # Errors
    /// [`ClientError::Link`] if the connection broke.
    fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError>;

    /// Waits for the server's next record.
    ///
    /// # Errors
    /// [`ClientError::Link`] if the connection broke, [`ClientError::TooLong`] beyond the session's cap.
    fn read(&mut self, patience: Duration) -> Result<Incoming, ClientError>;
}

/// How long to wait for the server.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For any record.
    pub record: Duration,
    /// For more of a response that cannot be read yet, before saying goodbye: some servers close only after
    /// their client does.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { record: Duration::from_secs(20), idle: Duration::from_secs(2) }
    }
}

/// What the client has after the session.
#[derive(Default)]
pub struct Fetched {
    /// The response's plaintext.
    pub response: Zeroizing<Vec<u8>>,
    /// Every byte sent to the server.
    pub client: Vec<u8>,
    /// Every byte received from the server.
    pub server: Vec<u8>,
}

/// Fetches with keys of the client's own. Returns the master secret too, which the proof is about.
///
/// # Errors
/// [`ClientError`].
pub fn fetch(
    host: &str,
    roots: Arc<RootCertStore>,
    link: &mut dyn Link,
    request: &[u8],
    patience: Patience,
) -> Result<(Fetched, Zeroizing<[u8; 48]>), ClientError> {
    let secret = Arc::new(Captured::default());
    let mut config = config(provider::stock(), roots)?;
    config.key_log = secret.clone();
    let mut client = Client::new(host, config, link, None)?;
    client.handshake(patience)?;
    client.send(request)?;
    while !client.finished() {
        match client.link.read(patience.record)? {
            Incoming::Record(record) => client.feed(&record)?,
            Incoming::Closed | Incoming::Quiet => break,
        }
    }
    client.tls.send_close_notify();
    // The server may be gone already; the goodbye is a courtesy.
    let _gone = client.flush();
    let master = secret.0.lock().ok().and_then(|mut secret| secret.take());
    let master = master.ok_or(KeysError::OutOfOrder("a handshake without a master secret"))?;
    Ok((client.fetched, master))
}

/// Fetches with keys that are shares: rustls gets handles.
///
/// # Errors
/// [`ClientError`].
pub fn fetch_deferred(
    host: &str,
    roots: Arc<RootCertStore>,
    link: &mut dyn Link,
    request: &[u8],
    patience: Patience,
    keys: Box<dyn SessionKeys>,
) -> Result<Fetched, ClientError> {
    let bound = Bound::new(keys)?;
    let mut client = Client::new(host, config(provider::split(), roots)?, link, Some(&bound))?;
    client.handshake(patience)?;
    client.send(request)?;
    let held = client.hold(patience)?;
    bound.reveal(&client.fetched.client, &client.fetched.server)?;
    client.bound = None;
    for record in held {
        client.process(&record)?;
    }
    Ok(client.fetched)
}

fn config(provider: CryptoProvider, roots: Arc<RootCertStore>) -> Result<ClientConfig, ClientError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.require_ems = true;
    Ok(config)
}

/// Takes the master secret out of rustls: its key log is the door made for that.
#[derive(Default)]
struct Captured(Mutex<Option<Zeroizing<[u8; 48]>>>);

impl std::fmt::Debug for Captured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Captured(..)")
    }
}

impl KeyLog for Captured {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if let (true, Ok(secret), Ok(mut slot)) =
            (label == "CLIENT_RANDOM", <[u8; 48]>::try_from(secret), self.0.lock())
        {
            *slot = Some(Zeroizing::new(secret));
        }
    }
}

struct Client<'a> {
    tls: ClientConnection,
    link: &'a mut dyn Link,
    bound: Option<&'a Bound>,
    fetched: Fetched,
    closed: bool,
}

impl<'a> Client<'a> {
    fn new(
        host: &str,
        config: ClientConfig,
        link: &'a mut dyn Link,
        bound: Option<&'a Bound>,
    ) -> Result<Self, ClientError> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| ClientError::HostName(host.to_owned()))?;
        let tls = ClientConnection::new(Arc::new(config), name)?;
        Ok(Self { tls, link, bound, fetched: Fetched::default(), closed: false })
    }

    /// Fails if a callback failed without being able to say so.
    fn check(&self) -> Result<(), ClientError> {
        Ok(self.bound.map_or(Ok(()), Bound::check)?)
    }

    fn handshake(&mut self, patience: Patience) -> Result<(), ClientError> {
        self.flush()?;
        while self.tls.is_handshaking() {
            match self.link.read(patience.record)? {
                Incoming::Record(record) => self.feed(&record)?,
                Incoming::Quiet => {
                    return Err(ClientError::Link("the server stalled in the handshake".into()));
                }
                Incoming::Closed => {
                    return Err(ClientError::Link(
                        "the server closed the connection in the handshake; it may \
                                                  not offer TLS 1.2 with ECDHE P-256 and AES-128-GCM"
                            .into(),
                    ));
                }
            }
            self.flush()?;
        }
        Ok(())
    }

    /// Hands to the server what rustls wants to say; never a byte of a failed session.
    fn flush(&mut self) -> Result<(), ClientError> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).map_err(|e| ClientError::Link(e.to_string()))?;
        }
        self.check()?;
        if !bytes.is_empty() {
            self.link.write(&bytes)?;
            self.fetched.client.extend_from_slice(&bytes);
        }
        Ok(())
    }

    fn send(&mut self, request: &[u8]) -> Result<(), ClientError> {
        let mut rest = request;
        while !rest.is_empty() {
            let count = self.tls.writer().write(rest).map_err(|e| ClientError::Link(e.to_string()))?;
            rest = &rest[count..];
            self.flush()?;
        }
        Ok(())
    }

    /// Notes a record from the server and lets rustls process it.
    fn feed(&mut self, record: &[u8]) -> Result<(), ClientError> {
        self.fetched.server.extend_from_slice(record);
        self.process(record)
    }

    /// Lets rustls process a record; keeps the plaintext.
    fn process(&mut self, mut record: &[u8]) -> Result<(), ClientError> {
        while !record.is_empty() {
            self.tls.read_tls(&mut record).map_err(|e| ClientError::Link(e.to_string()))?;
            let state = match self.tls.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    // Tell the server why, unless the session itself failed.
                    let _ = self.flush();
                    self.check()?;
                    return Err(error.into());
                }
            };
            self.check()?;
            self.closed |= state.peer_has_closed();
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), ClientError> {
        let mut buffer = Zeroizing::new([0; 4096]);
        loop {
            match self.tls.reader().read(&mut buffer[..]) {
                Ok(0) => return Ok(()),
                Ok(count) => self.fetched.response.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(ClientError::Link(error.to_string())),
            }
        }
    }

    /// True if the server said goodbye or the response is complete by its own framing.
    fn finished(&self) -> bool {
        let cells: Vec<Cell> = self.fetched.response.iter().map(|&byte| Cell::Shown(byte)).collect();
        let status = || std::str::from_utf8(self.fetched.response.get(9..12)?).ok()?.parse().ok();
        self.closed || status().is_some_and(|status| decode(&cells, status).is_ok())
    }

    /// Holds every record until the server has said goodbye. The last use of the client's key is its own goodbye.
    fn hold(&mut self, patience: Patience) -> Result<Vec<Vec<u8>>, ClientError> {
        let mut held = Vec::new();
        let mut said_goodbye = false;
        loop {
            // A server that keeps the connection open is told goodbye once it has been quiet for a while.
            let wait = if held.is_empty() { patience.record } else { patience.idle };
            match self.link.read(wait)? {
                Incoming::Record(record) => {
                    self.fetched.server.extend_from_slice(&record);
                    let goodbye = record.first() == Some(&ALERT);
                    held.push(record);
                    if goodbye {
                        break;
                    }
                }
                Incoming::Closed => break,
                Incoming::Quiet if said_goodbye || held.is_empty() => break,
                Incoming::Quiet => {
                    self.goodbye()?;
                    said_goodbye = true;
                }
            }
        }
        if held.is_empty() {
            return Err(ClientError::Link("the server did not answer".into()));
        }
        if !said_goodbye {
            self.goodbye()?;
        }
        Ok(held)
    }

    fn goodbye(&mut self) -> Result<(), ClientError> {
        self.tls.send_close_notify();
        match self.flush() {
            Err(ClientError::Link(_)) => Ok(()),
            other => other,
        }
    }
}
