//! Coordinator, party, notary and client API: HTTP, storage, jobs, metrics

pub mod exchange;
pub mod notary;
pub mod private_file;
mod tls_listener;
