//! The notary as a server: TLS towards provers, limits, keys on disk, metrics. The protocol is
//! `mpctls::protocol`'s.
//!
//! A prover knows the notary by its Ed25519 key alone: the same key is behind the TLS connection and under the
//! attestations, so a survey that names a notary's key has said everything there is to say.

mod config;
mod deadline;
mod keys;
mod meters;
mod server;

pub use config::{Config, ConfigError, EXAMPLE, roots};
pub use keys::{KeyStore, KeyStoreError};
pub use meters::Meters;
pub use server::{NotaryServerError, Running, serve};
