//! TLS 1.2 as prover and notary use it.

pub mod client;
pub mod keys;
mod provider;
pub mod record;
pub mod session;

pub use client::{ClientError, Fetched, Incoming, Link, Patience, fetch, fetch_deferred};
pub use keys::{KeysError, ServerKey, SessionKeys, Side};
pub use session::{Sealed, Session, SessionError};
