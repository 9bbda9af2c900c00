//! The servers: coordinator, computation party, notary, sample exchange; HTTP, storage, jobs, metrics.
//!
//! - [`coordinator`]: takes submissions and queries in, and hands them to the parties.
//! - [`party`]: verifies everything for itself, computes with the two others, keeps share columns.
//! - [`client_api`]: asks when an epoch has closed, keeps certificates, shows the page.
//! - [`notary`], [`exchange`]: who attests, and a made-up website to attest.
//! - [`storage`]: durable state behind one small trait; [`http`]: how calls are served and made.
//! - [`chain`]: the parties' chain of records, as coordinator and parties store it alike.
//! - [`admission`]: what coordinator and parties check of a submission, each for itself.
//! - [`run`]: puts the servers together from their [`config`]; [`settings`]: how configuration files are read.

pub mod admission;
pub mod chain;
pub mod client_api;
pub mod clock;
pub mod config;
pub mod coordinator;
pub mod exchange;
pub mod export;
pub mod fixture;
pub mod http;
pub mod metrics;
pub mod notary;
pub mod party;
pub mod private_file;
pub mod random;
pub mod run;
pub mod settings;
pub mod storage;
pub mod telemetry;
mod tls_listener;
pub mod webhook;

pub use client::keys;
