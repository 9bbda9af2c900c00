//! Fields, packed bits, pseudorandom generators and transcript hashing: floor 0, on which everything stands.
//!
//! | type | what it is |
//! |---|---|
//! | [`Fp`] | the prime field of p = 2^127 - 1, in which values are summed and multiplied |
//! | [`Gf128`] | the binary field of 2^128 elements, in which computations on bits are verified |
//! | [`Bits`] | a packed column of bits, 64 a word: one word operation works on 64 rows |
//! | [`Prf`], [`Prg`] | AES-128 as a function of a 128-bit block, and as a stream grown from a seed |
//! | [`Transcript`] | SHA-256 over labelled, length-prefixed messages: where challenges come from |
//!
//! Protocols that are generic over a field ask for [`Field`]. [`toy`] has two fields that are small enough to
//! measure a soundness error or to draw a distribution in a test; no protocol runs on them.
//!
//! [`carryless`] is for kernels that multiply in [`Gf128`] in their inner loop: written once over the trait
//! [`carryless::Carryless`], they run on VPCLMULQDQ in registers of 512 or 256 bits, PCLMULQDQ or no special
//! instruction at all, whichever the processor has. [`LinearMap`] takes columns of bits to it, by GFNI or by tables.
//! [`lanes`] is the same for [`Fp`], with AVX-512 IFMA. The three hold the crate's only `unsafe` code, and tests hold
//! all ways equal bit for bit.
//!
//! Everything here is arithmetic: no protocol, no IO, no randomness but what a seed yields.
//!
//! # Secrets
//! Field and bit operations take the same time whatever the values are, as far as the compiler allows: no
//! branch and no table is chosen by a value. [`Bits`] compares in constant time. [`Prf`] and [`Prg`] erase
//! their key when dropped; vectors of field elements and bits do not (they are too large for it to be cheap),
//! but they implement [`zeroize::Zeroize`], so that whoever owns a long-lived secret can erase it.
//!
//! # Encodings
//! Field elements are little-endian and canonical: 16 bytes for [`Fp`] and [`Gf128`], and decoding refuses a
//! number that is not below p, since two encodings of one element would let equal values compare as different.
//! Bits go eight a byte, lowest first, and padding bits must be zero.

mod bits;
mod error;
mod field;
mod fp;
mod gf128;
mod prg;
pub mod toy;
mod transcript;
mod transpose;

pub use bits::Bits;
pub use error::DecodeError;
pub use field::{Field, decode, encode};
pub use fp::{Fp, lanes};
pub use gf128::{Gf128, LinearMap, carryless};
pub use prg::{Prf, Prg};
pub use transcript::{Transcript, hmac};
pub use transpose::{columns_to_rows, rows_to_columns, transpose64};
