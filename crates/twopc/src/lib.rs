//! The two-party toolkit: oblivious transfer, garbled circuits and zero-knowledge proofs.
//!
//! Two parties, a [`channel::Channel`] between them, and no IO: everything here is a state machine over messages
//! of known length. Circuits come from crate `circuit` and run unchanged on every evaluator.
//!
//! | module | what it gives | construction | cost |
//! |---|---|---|---|
//! | [`ot`] | correlated OT with a chosen `delta`, random OT | endemic base OT (2019/706), SoftSpoken with k = 8 (2022/192) | 2 bytes a correlation |
//! | [`garble`] | a circuit garbled ahead of time, evaluated later | half gates (2014/756) | 32 bytes an AND |
//! | [`quicksilver`] | a proof that a circuit was run on committed bits | QuickSilver (2021/076) | 1 bit and one correlation an AND |
//! | [`ole`] | shares of products in GF(2^128) and the base field of P-256 | Gilboa | 2 KB, 8 KB each |
//!
//! # Where to start
//! A statement to be proven is a function over [`quicksilver::Proof`]; both sides run it. A computation on both
//! parties' secrets is a function over `circuit::Backend`, run by a [`garble::Garbler`] and a
//! [`garble::Evaluator`]. Both rest on correlations: make them with [`ot::CotSender`] and [`ot::CotReceiver`].
//!
//! # Security
//! OT extension and proofs are secure against malicious parties. Garbling and OLE are not by themselves: whoever
//! uses them checks what came out (crate `mpctls` proves it). Secrets are compared in constant time, and a peer's
//! message is refused unless it has the one length that the protocol expects.

pub mod channel;
mod error;
pub mod garble;
pub mod message;
pub mod ole;
pub mod ot;
pub mod quicksilver;

pub use error::Error;
