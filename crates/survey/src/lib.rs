//! The domain: what a survey is, and every statement that is made about one.
//!
//! - [`Survey`] ([`definition`], [`mod@file`]): the signed definition. Its id is the SHA-256 of its canonical
//!   JSON, and every message names it.
//! - [`Submission`] ([`submission`], [`shares`], [`seal`]): one provider's attestation, and shares of the
//!   values that it commits to, each pair sealed to its party.
//! - [`Nullifier`]: what makes an account count once.
//! - [`BatchRecord`] ([`record`]): one step of the parties' hash-chained log. With three signatures it *is*
//!   the commit of its submissions. [`Receipt`]: what a provider keeps of it.
//! - [`Epoch`] ([`epoch`], [`merkle`]): a closed run of records; releases cover whole epochs.
//! - [`Query`] ([`query`]): what a consumer asks. [`Certificate`] ([`certificate`]): what it gets.
//! - [`ReleaseLog`] ([`log`]): the list of releases that a client API publishes, as a chain of hashes.
//! - [`wire`]: the body of every HTTP call. [`Code`], [`Refusal`] ([`code`]): the one table of errors.
//!
//! Everything that is hashed or signed is RFC 8785 JSON ([`canonical`]), hashed with SHA-256 ([`Id::of`]) and
//! signed with Ed25519 for a named [`Purpose`]. Everything that crosses a trust boundary carries a version and
//! has a bounded size; reading it never panics.
//!
//! ```
//! use survey::{Id, Identity, Purpose, Signed};
//!
//! let organiser = Identity::generate();
//! let signed = Signed::new("a survey", Purpose::Survey, &organiser)?;
//! assert!(signed.verify(Purpose::Survey));
//! assert_eq!(Id::of(&signed.body)?.to_string().len(), 64);
//! # Ok::<(), survey::EncodeError>(())
//! ```

pub mod certificate;
mod check;
pub mod code;
pub mod definition;
pub mod epoch;
pub mod file;
mod id;
mod keys;
pub mod log;
pub mod merkle;
mod nullifier;
pub mod plans;
pub mod query;
mod receipt;
pub mod record;
pub mod seal;
pub mod shares;
pub mod submission;
pub mod wire;

pub use certificate::{Certificate, PartyOutput, Statement};
pub use check::plan_refusal;
pub use code::{Code, Refusal};
pub use definition::{SignedSurvey, Survey};
pub use epoch::Epoch;
pub use id::{EncodeError, Id, ParseIdError, canonical};
pub use keys::{Identity, PublicKey, Purpose, Signature, Signed};
pub use log::ReleaseLog;
pub use nullifier::{Nullifier, NullifierKey};
pub use query::{Choice, Query, SignedQuery};
pub use receipt::Receipt;
pub use record::{BatchRecord, Header, Refused, SignedRecord};
pub use seal::{OpeningKey, Sealed, SealingKey};
pub use submission::{Submission, Value};
