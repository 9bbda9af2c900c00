//! The sample exchange: an HTTPS server with the shape of Binance's account API, for demos and tests.
//!
//! It is a real site as far as TLS and HTTP go: TLS 1.2 and 1.3 under a certificate of its own development
//! authority, signed requests that it checks, many accounts. `sources/sample-exchange.toml` is the source that goes
//! with it.

mod accounts;
mod authority;
mod server;

pub use accounts::{Account, Accounts};
pub use authority::{Authority, AuthorityError};
pub use server::{ExchangeError, Options, Running, serve};
