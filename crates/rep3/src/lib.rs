//! The three-party engine: replicated secret sharing over GF(2) and `F_p`, with malicious security and abort.
//!
//! Three parties compute on values that none of them knows. A value is a sum of three *components*, and party
//! `i` holds components `i` and `i + 1`: two parties can put it together, one learns nothing. Bits are shared
//! over GF(2), numbers bit by bit or over the field of p = 2^127 - 1 elements.
//!
//! | where | what |
//! |---|---|
//! | [`Session`] | one computation: keys, messages, pending proofs |
//! | [`BitShare`], [`IntShare`], [`FieldShare`] | columns of shared values; sums and public constants are methods |
//! | [`and`], [`and_many`] | conjunction of bits: one round, one bit a gate |
//! | [`mul`], [`inner_product`] | products in the field: one round, one element an *output* |
//! | [`compare`] | less-than, equality, selection, minimum and maximum of integers |
//! | [`sum`] | sums of columns, under masks too |
//! | [`convert`] | integers to field elements and back, exact truncation |
//! | [`scalar`] | division, roots, logarithms |
//! | [`ingest`] | checks providers' commitments and parses what they shared |
//! | [`Columns`] | runs the circuits of crate `circuit` on columns |
//! | [`Session::verify`], [`Verified`] | proofs that all of it was computed rightly |
//! | [`open`] | makes a verified value public |
//! | [`shuffle`], [`sort`], [`select`], [`relation`] | tables: rows in secret or in sorted order, ranks, groups, joins |
//!
//! # What is guaranteed
//! If at most one party is malicious, every opened value is right or the session aborts, and nobody learns
//! anything but what is opened. There is no fairness: a cheater may see the result and then stop. An abort
//! does not name the cheater. A session is never resumed; see [`Session`].
//!
//! # How an operation looks
//! Operations are functions over whole columns, operands first and session last. Each takes a fixed number of
//! rounds however long the columns are. Every party calls the same operations in the same order.
//!
//! ```
//! # use rep3::{Abort, BitShare, Session, and, open};
//! # use algebra::Bits;
//! /// Opens in which rows two conditions hold, and nothing about the others.
//! fn both(x: &BitShare, y: &BitShare, session: &mut Session) -> Result<Bits, Abort> {
//!     let both = and(x, y, session)?;
//!     let both = session.verify(both)?;
//!     open(&both, session)
//! }
//! ```

mod abort;
mod boolean;
#[cfg(test)]
mod cheating;
pub mod compare;
pub mod convert;
mod deal;
pub mod executor;
pub mod ingest;
mod inner;
mod input;
pub mod network;
mod open;
mod pace;
mod product;
mod prss;
pub mod relation;
mod rows;
pub mod scalar;
mod seal;
mod session;
mod share;
mod shuffle;
mod sort;
pub mod sum;
mod table;
mod verify;

pub use abort::{Abort, Cause};
pub use boolean::{AND, Columns, and, and_many, layer};
pub use deal::{deal_bits, deal_field, deal_ints};
pub use inner::{inner_product, inner_products};
pub use input::{
    ACCEPT, Component, INPUT, InputContext, PartyInput, agree_on_inputs, input_columns, share_input,
};
pub use open::{OPEN, OPEN_MASKED, Open, open, open_masked};
pub use pace::{PACE, Pace, measure_pace};
pub use product::{MUL, mul};
pub use seal::{SEAL, SealError, Sealed, SealedComponent, combine, combine_bits, combine_field, seal};
pub use session::{BatchLimits, Config, Session, StepTraffic, Traffic};
pub use share::{BitShare, FieldShare, IntShare};
pub use shuffle::{FIRST as SHUFFLE_FIRST, SECOND as SHUFFLE_SECOND, shuffle};
pub use sort::{Direction, SortKey, Sorted, select, sort};
pub use table::Table;
pub use verify::Verified;
