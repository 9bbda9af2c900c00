//! The way to a notary: TLS 1.3, the notary known by the key that it attests with.

use net::PublicKey;
use net::channel::Channel;
use rustls::pki_types::ServerName;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;

/// How long the connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a notary may be silent within a session: it may be waiting for a slow website.
const SILENCE: Duration = Duration::from_secs(90);

/// Why there is no connection to the notary.
#[derive(Debug, thiserror::Error)]
pub enum NotaryConnectError {
    /// TCP.
    #[error(
        "the notary at {address} cannot be reached: {cause}; check the address, and that the notary is up"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        cause: std::io::Error,
    },
    /// TLS: another key than the expected one, most likely.
    #[error("the notary at {address} is not the holder of the key {key}: {cause}")]
    Identity {
        /// Where.
        address: String,
        /// The key expected.
        key: PublicKey,
        /// Why.
        cause: std::io::Error,
    },
    /// The TLS configuration.
    #[error(transparent)]
    Tls(#[from] net::tls::TlsError),
}

/// Connects to the notary at `address` (`host:port`) that holds `key`. The channel blocks: use it on a thread that
/// is not one of the runtime's.
///
/// # Errors
/// [`NotaryConnectError`].
pub async fn connect(address: &str, key: [u8; 32]) -> Result<Channel, NotaryConnectError> {
    let key = PublicKey(key);
    let unreachable = |cause| NotaryConnectError::Unreachable { address: address.to_owned(), cause };
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(address))
        .await
        .map_err(late)
        .flatten()
        .map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    // The name means nothing: the key does.
    let name = ServerName::try_from("mpcstats-notary").map_err(|e| unreachable(std::io::Error::other(e)))?;
    let connector = TlsConnector::from(net::tls::notary_client(key)?);
    let stream = tokio::time::timeout(CONNECT, connector.connect(name, stream))
        .await
        .map_err(late)
        .flatten()
        .map_err(|cause| NotaryConnectError::Identity { address: address.to_owned(), key, cause })?;
    Ok(Channel::over(stream, &Handle::current(), SILENCE))
}
