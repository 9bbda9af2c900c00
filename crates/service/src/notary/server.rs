//! The notary's accept loop.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use mpctls::NotaryKey;
use mpctls::code::Code;
use mpctls::protocol::{Notary, Outbound, turn_away};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::server::TlsStream;

use super::deadline::Deadline;
use super::{Config, ConfigError, KeyStore, KeyStoreError, Meters};
use crate::tls_listener::TlsListener;

/// How long sessions under way may still take when the server stops.
const GRACE: Duration = Duration::from_secs(30);
/// How long somebody who is turned away may take to hear it, and how many are told at once; others are hung up on.
const FAREWELL: Duration = Duration::from_secs(5);
const FAREWELLS: usize = 64;
/// Addresses whose rate is remembered.
const REMEMBERED: usize = 100_000;

/// Why the notary does not run.
#[derive(Debug, thiserror::Error)]
pub enum NotaryServerError {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// Its TLS.
    #[error(transparent)]
    Tls(#[from] net::tls::TlsError),
    /// Its addresses.
    #[error("cannot listen at {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
}

/// A running notary. It stops at once when dropped; [`Running::stop`] lets sessions end.
pub struct Running {
    /// Where provers connect.
    pub address: SocketAddr,
    /// Where metrics are.
    pub metrics: Option<SocketAddr>,
    /// The key it signs with.
    pub key: NotaryKey,
    /// Its counters.
    pub meters: Meters,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Takes no new sessions, and waits for those under way, but not for ever.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a notary.
///
/// # Errors
/// [`NotaryServerError`].
pub async fn serve(config: Config) -> Result<Running, NotaryServerError> {
    let keys = KeyStore::open(&config.keys, now())?;
    let tls = net::tls::notary_server(&keys.identity(), &["mpcstats-notary".into()])?;
    let notary = Notary { key: keys.signing_key(), roots: config.roots()?, policy: config.policy() };
    let key = notary.key.public();
    let listen = |address| move |cause| NotaryServerError::Listen { address, cause };
    let listener = TlsListener::bind(config.listen, tls).await.map_err(listen(config.listen))?;
    let address = listener.address();
    let meters = Meters::default();
    let metrics = match config.metrics {
        Some(address) => {
            Some(publish(address, meters.clone(), keys.history()).await.map_err(listen(address))?)
        }
        None => None,
    };
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(
        Server {
            notary: Arc::new(notary),
            room: Arc::new(Semaphore::new(config.concurrent)),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
            meters: meters.clone(),
            rates: Rates { per_minute: config.per_minute, recent: HashMap::new() },
            config,
        }
        .run(listener, stopped),
    );
    tracing::info!(%address, key = %key.id(), "the notary is up");
    Ok(Running { address, metrics, key, meters, stop, task })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Serves metrics, public keys and a sign of life.
async fn publish(address: SocketAddr, meters: Meters, keys: &[NotaryKey]) -> std::io::Result<SocketAddr> {
    let keys = serde_json::to_string_pretty(keys).unwrap_or_default();
    let router = Router::new()
        .route("/metrics", get(|State(meters): State<Meters>| async move { meters.text() }))
        .route("/keys", get(|| async move { keys }))
        .route("/health", get(|| async { "ok\n" }))
        .with_state(meters);
    let listener = tokio::net::TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(bound)
}

struct Server {
    notary: Arc<Notary>,
    room: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    meters: Meters,
    rates: Rates,
    config: Config,
}

impl Server {
    async fn run(mut self, mut listener: TlsListener, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                accepted = listener.next() => match accepted {
                    Some((stream, peer)) => self.admit(stream, peer),
                    None => break,
                },
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        drop(listener);
        let all = self.room.acquire_many(self.config.concurrent as u32);
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!(active = self.meters.active(), "stopping with sessions under way");
        }
    }

    /// Begins a session, or turns the prover away.
    fn admit(&mut self, stream: TlsStream<TcpStream>, peer: SocketAddr) {
        if !self.rates.allows(peer.ip(), Instant::now()) {
            return self.turn_away(stream, Code::NotaryRate);
        }
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            return self.turn_away(stream, Code::NotaryBusy);
        };
        let stream = Deadline::new(stream, Duration::from_secs(self.config.session_seconds));
        let silence = Duration::from_secs(self.config.silence_seconds);
        let mut channel = net::channel::Channel::over(stream, &Handle::current(), silence);
        let (notary, meters) = (self.notary.clone(), self.meters.clone());
        let outbound = Outbound { private_addresses: self.config.private_addresses };
        // The protocol blocks, so it runs on a thread of its own.
        tokio::task::spawn_blocking(move || {
            meters.begin();
            let start = Instant::now();
            let result = notary.serve(&mut channel, &outbound, now(), &mut rand::rng());
            meters.end(&result, start.elapsed());
            match &result {
                Ok(report) => tracing::info!(host = %report.host, mode = %report.mode, "attested"),
                Err(error) => tracing::info!(%error, "no attestation"),
            }
            drop(permit);
        });
    }

    /// Tells a prover why there will be no session, without waiting for it.
    fn turn_away(&self, stream: TlsStream<TcpStream>, code: Code) {
        self.meters.turned_away(code.text());
        let Ok(permit) = self.farewells.clone().try_acquire_owned() else { return };
        let stream = Deadline::new(stream, FAREWELL);
        let mut channel = net::channel::Channel::over(stream, &Handle::current(), FAREWELL);
        tokio::task::spawn_blocking(move || {
            // Whoever left already needs no reason.
            let _told = turn_away(&mut channel, code);
            drop(permit);
        });
    }
}

/// How many sessions each address began in the last minute.
struct Rates {
    per_minute: u32,
    recent: HashMap<IpAddr, (Instant, u32)>,
}

impl Rates {
    fn allows(&mut self, address: IpAddr, now: Instant) -> bool {
        let minute = Duration::from_mins(1);
        if self.recent.len() >= REMEMBERED {
            self.recent.retain(|_, (start, _)| now.duration_since(*start) < minute);
        }
        let (start, count) = self.recent.entry(network(address)).or_insert((now, 0));
        if now.duration_since(*start) >= minute {
            (*start, *count) = (now, 0);
        }
        *count += 1;
        *count <= self.per_minute
    }
}

/// Whoever has one IPv6 address has 2^64 of them: they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6
            .to_ipv4_mapped()
            .map_or_else(|| IpAddr::from(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)), IpAddr::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_begins_only_so_many_sessions_in_a_minute() {
        let mut rates = Rates { per_minute: 2, recent: HashMap::new() };
        let (a, b): (IpAddr, IpAddr) = ("1.1.1.1".parse().unwrap(), "2.2.2.2".parse().unwrap());
        let start = Instant::now();
        assert_eq!([a, a, a, b].map(|who| rates.allows(who, start)), [true, true, false, true]);
        assert!(rates.allows(a, start + Duration::from_secs(61)));
        let neighbours = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1", "::ffff:3.3.3.3"];
        let allowed = neighbours.map(|who| rates.allows(who.parse().unwrap(), start));
        assert_eq!(allowed, [true, true, false, true, true]);
    }
}
