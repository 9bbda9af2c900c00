//! Serving a router over TLS on a port that may also carry the parties' links.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use net::tcp::Transport;
use rustls::ServerConfig;
use survey::{Code, Refusal};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for its handshake, and for the head of each request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may leave unread what is sent to it.
const UNREAD: Duration = Duration::from_secs(30);
/// How long open requests may go on once the server shuts down.
const GRACE: Duration = Duration::from_secs(10);
/// How many connections are served at once, and how many of them to one address.
const CONNECTIONS: usize = 4096;
const CONNECTIONS_EACH: usize = 512;

/// How many connections each address has.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection's place among those of its address; dropping it frees the place.
struct Guest(Guests, IpAddr);

impl Guests {
    /// A place, if the address has not taken all that it may: one client must not keep out all others.
    fn admit(&self, address: IpAddr) -> Option<Guest> {
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = guests.entry(address).or_default();
        if *count >= CONNECTIONS_EACH {
            return None;
        }
        *count += 1;
        Some(Guest(self.clone(), address))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = guests.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.1);
            }
        }
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct From(pub SocketAddr);

/// A port.
pub struct Port {
    /// Where connections arrive.
    pub listener: TcpListener,
    /// The TLS side; none behind a proxy that ends TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where links between parties go, on a party's port.
    pub links: Option<Arc<Transport>>,
    /// How long a client may take for the body of a request.
    pub patience: Duration,
}

/// How long a client may take for a request's body.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

/// Binds an address.
///
/// # Errors
/// [`Code::InvalidConfiguration`] if it cannot be listened on.
pub async fn bind(address: &str) -> Result<TcpListener, Refusal> {
    TcpListener::bind(address).await.map_err(|error| {
        Refusal::new(Code::InvalidConfiguration, format!("cannot listen on {address}: {error}"))
    })
}

/// Serves until `shutdown` ends, then lets open requests finish.
pub async fn serve(port: Port, router: Router, shutdown: impl Future<Output = ()>) {
    let acceptor = port.tls.map(TlsAcceptor::from);
    let (limit, guests) = (Arc::new(Semaphore::new(CONNECTIONS)), Guests::default());
    // A proxy in front brings everybody's connections from one address.
    let proxied = acceptor.is_none();
    let mut connections = JoinSet::new();
    // Its end tells every connection that no request is to follow the present one.
    let (closing, open) = watch::channel(());
    let router = router.layer(axum::Extension(Patience(port.patience)));
    tokio::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = port.listener.accept() => accepted,
        };
        let Ok((socket, address)) = accepted else {
            // Out of file descriptors, most likely: give connections time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(permit) = limit.clone().try_acquire_owned() else { continue };
        let guest = guests.admit(address.ip());
        if guest.is_none() && !proxied {
            continue;
        }
        let (acceptor, links, router) = (acceptor.clone(), port.links.clone(), router.clone());
        let open = open.clone();
        connections.spawn(async move {
            let _places = (permit, guest);
            connection(socket, address, acceptor, links, router, open).await;
        });
    }
    drop((port.listener, closing));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, drained).await.is_err() {
        tracing::info!("requests were cut off by the shutdown");
    }
}

async fn connection(
    socket: TcpStream,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    links: Option<Arc<Transport>>,
    router: Router,
    open: watch::Receiver<()>,
) {
    let _ = socket.set_nodelay(true);
    let Some(acceptor) = acceptor else { return http(socket, address, router, open).await };
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(socket)).await else { return };
    match (net::tls::protocol(stream.get_ref().1), links) {
        (Some(net::tls::Protocol::Party(_)), Some(links)) => {
            if let Err(error) = links.accept(stream) {
                tracing::warn!(%address, %error, "link refused");
            }
        }
        (Some(net::tls::Protocol::Http), _) => http(stream, address, router, open).await,
        _ => tracing::warn!(%address, "link refused"),
    }
}

/// A stream whose writes fail once nothing could be written for too long: a client that asks and never reads would hold its
/// place among the connections for ever.
fn until_unread<S>(stream: S) -> Pin<Box<TimeoutStream<S>>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    Box::pin(stream)
}

async fn http<S>(stream: S, address: SocketAddr, router: Router, mut open: watch::Receiver<()>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let stream = until_unread(stream);
    let service = TowerToHyperService::new(router.layer(axum::Extension(From(address))));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = open.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%address, %error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_left_and_a_slow_one_is_not() {
        let (mut client, server) = tokio::io::duplex(16);
        let mut server = until_unread(server);
        let reading = async {
            let mut read = Vec::new();
            for _ in 0..8 {
                tokio::time::sleep(UNREAD / 2).await;
                let mut some = [0; 16];
                client.read_exact(&mut some).await.unwrap();
                read.extend(some);
            }
            read
        };
        let (written, read) = tokio::join!(server.write_all(&[7; 128]), reading);
        written.unwrap();
        assert_eq!(read, [7; 128]);

        // Now it reads no more.
        let begun = tokio::time::Instant::now();
        let error = server.write_all(&[7; 128]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= UNREAD && begun.elapsed() < 2 * UNREAD);
    }
}
