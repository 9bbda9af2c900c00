//! The sample exchange: an HTTPS server with the shape of Binance's account API, for demos and tests.
//!
//! It is a real site as far as TLS and HTTP go: TLS 1.2 and 1.3 under a certificate of its own development
//! authority, signed requests that it checks, many accounts. `sources/sample-exchange.toml` is the source that goes
//! with it. [`Script`] makes any other site of it: one whose answers stand in a file.

mod accounts;
mod authority;
pub mod scripted;
mod server;

pub use accounts::{Account, Accounts};
pub use authority::{Authority, AuthorityError};
pub use scripted::Script;
pub use server::{ExchangeError, Options, Running, Site, serve};
