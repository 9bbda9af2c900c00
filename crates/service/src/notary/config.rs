//! The notary's configuration file.

use mpctls::Mode;
use mpctls::protocol::{Limits, Policy};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use survey::{Code, Refusal};

use crate::settings;

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is not TOML of the right shape.
    #[error("{path} is refused: {cause}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A file of certificates holds none, or a broken one.
    #[error("{path} holds no usable certificate: {cause}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::new(Code::InvalidConfiguration, error.to_string())
    }
}

/// A commented configuration with every key, at its default where it has one.
pub const EXAMPLE: &str = r#"# A notary. Paths are relative to this file. Every key can also be set in the environment,
# as MPCSTATS_LISTEN and so on.

# The folder of its signing keys, made at first start.
keys = "notary-keys"

# Where provers connect.
listen = "127.0.0.1:7047"
# Where /metrics, /keys and /health are, in plain HTTP: for the monitoring host. Nowhere, if left out.
# metrics = "127.0.0.1:7048"

# The hosts that may be notarized; any public one, if left out.
# hosts = ["api.binance.com"]
# The modes on offer (see docs/src/notarization.md).
modes = ["mpc", "proxy"]

# The most bytes of TLS records that a session may send and receive.
max_sent = 16384
max_received = 131072
# The longest that a session may take, and that a prover may be silent, in seconds.
session_seconds = 180
silence_seconds = 60
# Sessions at once, and sessions that one address may begin in a minute.
concurrent = 32
per_minute = 30

# For trials: certificate authorities that are trusted besides the public ones, and whether to connect to private addresses.
# authorities = ["ca.pem"]
# private_addresses = true
"#;

/// How a notary runs. Every entry has a default but the folder of its keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where its keys live; made at first start.
    pub keys: PathBuf,
    /// Where provers connect.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Where `/metrics`, `/keys` and `/health` are served over plain HTTP; nowhere if left out.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    /// The hosts that may be notarized; any public one if left out.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// The modes on offer.
    #[serde(default = "default_modes")]
    pub modes: Vec<Mode>,
    /// The most bytes of TLS records that a session may send.
    #[serde(default = "default_sent")]
    pub max_sent: usize,
    /// The most bytes of TLS records that a session may receive.
    #[serde(default = "default_received")]
    pub max_received: usize,
    /// The longest that a session may take, in seconds.
    #[serde(default = "default_seconds")]
    pub session_seconds: u64,
    /// The longest that a prover may be silent, in seconds.
    #[serde(default = "default_silence")]
    pub silence_seconds: u64,
    /// How many sessions may run at once.
    #[serde(default = "default_concurrent")]
    pub concurrent: usize,
    /// How many sessions one address may begin in a minute.
    #[serde(default = "default_per_minute")]
    pub per_minute: u32,
    /// Files of certificate authorities that are trusted besides the public ones.
    #[serde(default)]
    pub authorities: Vec<PathBuf>,
    /// Connect to servers with private addresses too: for demos, and for notaries inside a network.
    #[serde(default)]
    pub private_addresses: bool,
}

fn default_listen() -> SocketAddr {
    ([127, 0, 0, 1], 7047).into()
}

fn default_modes() -> Vec<Mode> {
    vec![Mode::Mpc, Mode::Proxy]
}

fn default_sent() -> usize {
    Limits::default().sent
}

fn default_received() -> usize {
    Limits::default().received
}

fn default_seconds() -> u64 {
    180
}

fn default_silence() -> u64 {
    60
}

fn default_concurrent() -> usize {
    32
}

fn default_per_minute() -> u32 {
    30
}

impl Config {
    /// A configuration with every default.
    pub fn new(keys: PathBuf) -> Self {
        Self {
            keys,
            listen: default_listen(),
            metrics: None,
            hosts: None,
            modes: default_modes(),
            max_sent: default_sent(),
            max_received: default_received(),
            session_seconds: default_seconds(),
            silence_seconds: default_silence(),
            concurrent: default_concurrent(),
            per_minute: default_per_minute(),
            authorities: Vec::new(),
            private_addresses: false,
        }
    }

    /// Reads a configuration file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::File { path: path.to_owned(), cause })?;
        let mut config: Self = settings::read(&text, EXAMPLE, settings::environment)
            .map_err(|cause| ConfigError::Syntax { path: path.to_owned(), cause })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.keys = folder.join(&config.keys);
        for authority in &mut config.authorities {
            *authority = folder.join(&*authority);
        }
        Ok(config)
    }

    /// What provers may do.
    pub fn policy(&self) -> Policy {
        Policy {
            hosts: self.hosts.clone(),
            modes: self.modes.clone(),
            limits: Limits { sent: self.max_sent, received: self.max_received },
        }
    }

    /// The certificate authorities that are trusted for servers.
    ///
    /// # Errors
    /// [`ConfigError::Certificate`].
    pub fn roots(&self) -> Result<Arc<RootCertStore>, ConfigError> {
        roots(&self.authorities)
    }
}

/// The public certificate authorities (Mozilla's list) and those in files.
///
/// # Errors
/// [`ConfigError`] if a file cannot be read or holds no certificate.
pub fn roots(files: &[PathBuf]) -> Result<Arc<RootCertStore>, ConfigError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for path in files {
        let refuse = |cause: String| ConfigError::Certificate { path: path.clone(), cause };
        let pem = std::fs::read(path).map_err(|cause| ConfigError::File { path: path.clone(), cause })?;
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|e| refuse(e.to_string()))?;
            roots.add(certificate).map_err(|e| refuse(e.to_string()))?;
            found += 1;
        }
        if found == 0 {
            return Err(refuse("it is empty".into()));
        }
    }
    Ok(Arc::new(roots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_example_is_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notary.toml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let default = Config::new(folder.path().join("notary-keys"));
        assert_eq!(format!("{:?}", Config::read(&path).unwrap()), format!("{default:?}"));
    }
}
