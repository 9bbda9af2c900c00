//! Accepts links on a port of their own.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::{Ends, HANDSHAKE, carry};

/// Handshakes at once; more callers wait in the listener's backlog.
const HANDSHAKES: usize = 32;

/// The pause after a failed accept, such as one for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub async fn run(listener: TcpListener, config: Arc<ServerConfig>, ends: Arc<Ends>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    let acceptor = TlsAcceptor::from(config);
    while let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, ends) = (acceptor.clone(), Arc::clone(&ends));
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await;
            drop(permit);
            if let Ok(Ok(stream)) = shaken {
                take(stream, &ends).await;
            }
        });
    }
}

async fn take(stream: tokio_rustls::server::TlsStream<TcpStream>, ends: &Ends) {
    let (socket, tls) = stream.into_inner();
    match (ends.judge(&tls), socket.set_nodelay(true)) {
        (Ok(slot), Ok(())) => carry(&slot, socket, rustls::Connection::Server(tls)).await,
        (Err(error), _) => tracing::warn!(%error, "refused a connection"),
        (_, Err(error)) => tracing::warn!(%error, "cannot set a socket up"),
    }
}
