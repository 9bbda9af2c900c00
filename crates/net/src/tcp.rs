//! The three-party transport: one mutually authenticated TLS 1.3 connection per pair of parties, carrying many
//! sessions.
//!
//! The party with the lower index dials, again and again until it succeeds; the other one accepts. A link that
//! breaks ends the sessions on it, for the engine never resumes one; new sessions run on the next link.
//!
//! ```no_run
//! use net::tcp::{Peer, Transport, TransportConfig};
//! use rep3::network::Party;
//! # type Failure = Box<dyn std::error::Error>;
//! # fn example(identity: net::Identity, left: net::PublicKey, right: net::PublicKey) -> Result<(), Failure> {
//! let transport = Transport::start(TransportConfig {
//!     me: Party::P0,
//!     identity,
//!     left: Peer { key: left, address: "party-2.example:7403".into() },
//!     right: Peer { key: right, address: "party-1.example:7403".into() },
//!     patience: std::time::Duration::from_secs(120),
//! })?;
//! // On a thread of its own, for a session that all three parties were told to start:
//! let session = transport.open([7; 32])?;
//! # Ok(())
//! # }
//! ```

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rep3::network::{NetworkError, Party, Step};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::identity::{Identity, PublicKey};
use crate::sides::Sides;
use crate::tls::{self, ALPN_PARTY, TlsError};
use link::{Link, Opened};
use session::Half;
use stream::{Failure, lock};

pub mod frame;
mod link;
mod listener;
mod session;
mod stream;

pub use frame::SessionId;
pub use session::Session;

/// The step that failures before the first message are reported under.
pub const OPENING: Step = Step("open session");

/// How long a connection and its handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The first and the longest pause between two attempts to dial.
const REDIAL: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// Another party.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The key it is known by.
    pub key: PublicKey,
    /// Where it listens, as `host:port`. Used only if its index is higher than ours.
    pub address: String,
}

/// What a transport is made from.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Who this end is.
    pub me: Party,
    /// Its key.
    pub identity: Identity,
    /// The party before it.
    pub left: Peer,
    /// The party after it.
    pub right: Peer,
    /// How long a peer may say nothing before it counts as stalled.
    pub patience: Duration,
}

/// The transport could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// TLS could not be configured.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A peer's address is not `host:port`.
    #[error("the address {0:?} of a peer is not host:port")]
    Address(String),
    /// The system refused a thread or a socket.
    #[error("cannot start the transport: {0}")]
    Io(#[from] std::io::Error),
}

/// A stream was not taken as a link.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The client did not ask for the parties' protocol.
    #[error("the connection is not a link between parties")]
    Protocol,
    /// The client's key is not that of a party that dials this one.
    #[error("the key of the connecting client is not that of a party that dials this one")]
    Stranger,
    /// The socket failed.
    #[error("cannot take the connection over: {0}")]
    Io(#[from] std::io::Error),
}

/// The current link to a peer.
struct Slot {
    peer: Party,
    key: PublicKey,
    link: Mutex<Option<Arc<Link>>>,
    changed: Condvar,
}

impl Slot {
    fn new(peer: Party, key: PublicKey) -> Arc<Self> {
        Arc::new(Self { peer, key, link: Mutex::new(None), changed: Condvar::new() })
    }

    /// Puts a new link in the place of the old one, which is closed: its other end is gone.
    fn put(&self, link: &Arc<Link>) {
        let old = lock(&self.link).replace(Arc::clone(link));
        self.changed.notify_all();
        if let Some(old) = old {
            old.close();
        }
    }

    /// Lets go of a link that went down, so that its socket closes.
    fn remove(&self, link: &Arc<Link>) {
        let mut current = lock(&self.link);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            *current = None;
        }
    }

    /// Waits for a link that is up.
    fn wait(&self, deadline: Instant) -> Result<Arc<Link>, Failure> {
        let mut current = lock(&self.link);
        loop {
            if let Some(link) = current.as_ref().filter(|link| link.is_up()) {
                return Ok(Arc::clone(link));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Stalled);
            }
            current = self.changed.wait_timeout(current, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Begins a session on the first link that takes it.
    fn begin(&self, session: SessionId, deadline: Instant) -> Result<Opened, Failure> {
        loop {
            let link = self.wait(deadline)?;
            match link.begin(session) {
                Some(opened) => return Ok(opened),
                None if link.is_up() => return Err(Failure::Closed),
                None => (),
            }
        }
    }

    /// Completes a session that was begun, on a new link if the old one went down meanwhile.
    fn complete(&self, mut opened: Opened, me: Party, deadline: Instant) -> Result<Half, Failure> {
        loop {
            match opened.wait(me, deadline) {
                Ok(secret) => return Ok(Half { opened, secret, pending: Vec::new() }),
                Err(Failure::Closed) if !opened.link.is_up() => {
                    opened = self.begin(opened.stream.session(), deadline)?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// What the transport's tasks share.
struct Ends {
    me: Party,
    left: Arc<Slot>,
    right: Arc<Slot>,
}

impl Ends {
    fn slots(&self) -> [&Arc<Slot>; 2] {
        [&self.left, &self.right]
    }

    /// Whose link an accepted connection is, if it is anybody's.
    fn judge(&self, tls: &rustls::CommonState) -> Result<Arc<Slot>, AcceptError> {
        if tls.alpn_protocol() != Some(ALPN_PARTY) {
            return Err(AcceptError::Protocol);
        }
        let key = tls::peer_key(tls).ok_or(AcceptError::Stranger)?;
        let slot = self.slots().into_iter().find(|slot| slot.key == key && slot.peer < self.me);
        slot.map(Arc::clone).ok_or(AcceptError::Stranger)
    }
}

/// A party's links to the two others. Dropping it closes them.
pub struct Transport {
    ends: Arc<Ends>,
    identity: Identity,
    patience: Duration,
    runtime: tokio::runtime::Handle,
    /// Dropped to stop the runtime's thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Transport {
    /// Starts dialling the parties with a higher index. All of the transport's IO is done on one thread.
    ///
    /// # Errors
    /// [`StartError`] if an address is malformed or the system refuses a thread.
    pub fn start(config: TransportConfig) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let left = Slot::new(config.me.left(), config.left.key);
        let right = Slot::new(config.me.right(), config.right.key);
        for (slot, peer) in [(&left, &config.left), (&right, &config.right)] {
            if slot.peer > config.me {
                let dialler = Dialler::new(Arc::clone(slot), peer, &config.identity)?;
                handle.spawn(dialler.run());
            }
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let slots = [Arc::clone(&left), Arc::clone(&right)];
        let thread = std::thread::Builder::new().name("rep3-transport".into()).spawn(move || {
            runtime.block_on(async move {
                let _ = stopped.await;
                for slot in slots {
                    let link = lock(&slot.link).clone();
                    if let Some(link) = link {
                        link.drain().await;
                    }
                }
            });
        })?;
        Ok(Self {
            ends: Arc::new(Ends { me: config.me, left, right }),
            identity: config.identity,
            patience: config.patience,
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The keys that may dial this party: what to give to [`tls::server`] for a port that is shared with HTTPS.
    pub fn diallers(&self) -> Vec<PublicKey> {
        let me = self.ends.me;
        self.ends.slots().into_iter().filter(|slot| slot.peer < me).map(|slot| slot.key).collect()
    }

    /// Accepts links on a port of their own, until the transport is dropped.
    ///
    /// # Errors
    /// [`StartError`] if TLS cannot be configured or the listener cannot be used.
    pub fn listen(&self, listener: std::net::TcpListener) -> Result<(), StartError> {
        let config = tls::server(&self.identity, &["mpcstats".to_owned()], self.diallers())?;
        listener.set_nonblocking(true)?;
        let _runtime = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        self.runtime.spawn(listener::run(listener, config, Arc::clone(&self.ends)));
        Ok(())
    }

    /// Takes over a stream that a listener has accepted with the configuration of [`tls::server`] and for which
    /// [`tls::protocol`] gave [`tls::Protocol::Party`]. The stream may belong to any runtime.
    ///
    /// # Errors
    /// [`AcceptError`] if the client is not a party that dials this one.
    pub fn accept(&self, stream: tokio_rustls::server::TlsStream<TcpStream>) -> Result<Party, AcceptError> {
        let (socket, tls) = stream.into_inner();
        let slot = self.ends.judge(&tls)?;
        // Moves the socket from the runtime that accepted it to the transport's own.
        let socket = socket.into_std()?;
        socket.set_nodelay(true)?;
        let peer = slot.peer;
        self.runtime.spawn(async move {
            match TcpStream::from_std(socket) {
                Ok(socket) => carry(&slot, socket, rustls::Connection::Server(tls)).await,
                Err(error) => tracing::warn!(%peer, %error, "cannot take a link over"),
            }
        });
        Ok(peer)
    }

    /// Opens a session. Blocks until both peers have begun it too.
    ///
    /// # Errors
    /// [`NetworkError`] naming the peer that did not come.
    pub fn open(&self, session: SessionId) -> Result<Session, NetworkError> {
        let deadline = Instant::now() + self.patience;
        let Ends { me, left, right } = &*self.ends;
        let named = |slot: &Slot| {
            let peer = slot.peer;
            move |failure| session::error(failure, peer, OPENING, 0)
        };
        // Both peers hear of the session before this party waits for either: otherwise the three would wait in
        // a circle.
        let to_left = left.begin(session, deadline).map_err(named(left))?;
        let to_right = right.begin(session, deadline).map_err(named(right))?;
        let left = left.complete(to_left, *me, deadline).map_err(named(left))?;
        let right = right.complete(to_right, *me, deadline).map_err(named(right))?;
        Ok(Session { halves: Sides { me: *me, left, right }, patience: self.patience })
    }

    /// Whether the link to each peer (left, right) is up.
    pub fn connected(&self) -> [bool; 2] {
        self.ends.slots().map(|slot| lock(&slot.link).as_ref().is_some_and(|link| link.is_up()))
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread ends once what was written has left, or after a few seconds.
            let _ = thread.join();
        }
    }
}

/// Puts a fresh connection to use until it goes down.
async fn carry(slot: &Slot, socket: TcpStream, tls: rustls::Connection) {
    let link = Link::new(slot.peer, socket, tls);
    slot.put(&link);
    tracing::debug!(peer = %slot.peer, "link up");
    link.run().await;
    slot.remove(&link);
}

/// Keeps a link to a peer with a higher index.
struct Dialler {
    slot: Arc<Slot>,
    address: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Dialler {
    fn new(slot: Arc<Slot>, peer: &Peer, identity: &Identity) -> Result<Self, StartError> {
        let malformed = || StartError::Address(peer.address.clone());
        let (host, _port) = peer.address.rsplit_once(':').ok_or_else(malformed)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| malformed())?;
        let config = tls::party_client(identity, peer.key)?;
        Ok(Self { slot, address: peer.address.clone(), name, config })
    }

    async fn run(self) {
        let mut pause = REDIAL[0];
        loop {
            match tokio::time::timeout(HANDSHAKE, self.dial()).await {
                Ok(Ok(stream)) => {
                    pause = REDIAL[0];
                    let (socket, tls) = stream.into_inner();
                    carry(&self.slot, socket, rustls::Connection::Client(tls)).await;
                }
                Ok(Err(error)) => tracing::debug!(peer = %self.slot.peer, %error, "cannot dial"),
                Err(_) => tracing::debug!(peer = %self.slot.peer, "dialling timed out"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(REDIAL[1]);
        }
    }

    async fn dial(&self) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), socket).await
    }
}
