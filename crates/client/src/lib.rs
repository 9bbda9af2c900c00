//! What a provider and a consumer do, as a library; the command line, the Python package and the client API
//! stand on it.
//!
//! - [`OpenSurvey`] ([`open`]): fetches a survey and checks it against its id.
//! - [`provider`]: proves a value with the notary, shares it among the parties, submits, waits for the receipt.
//! - [`keys`]: key files.
//! - [`notary`]: the way to a notary.
//! - [`consumer`]: asks, collects the three parties' statements, puts the result together.
//! - [`history`]: checks the list of releases that a client API publishes.
//! - [`record`]: the little that a provider keeps, and the proof that a release holds its submission.
//! - [`Session`] ([`session`]): one session with a notary.
//! - [`Api`] ([`api`]): the HTTP calls of coordinator and parties.
//!
//! Nothing here trusts the coordinator: a survey is its id, a receipt is three signatures, and a result is three
//! matching statements with components that fit them.

pub mod api;
pub mod consumer;
mod error;
pub mod history;
pub mod keys;
pub mod notary;
pub mod open;
pub mod provider;
pub mod record;
pub mod session;

pub use api::Api;
pub use error::ClientError;
pub use open::{OpenSurvey, Reference};
pub use session::Session;
