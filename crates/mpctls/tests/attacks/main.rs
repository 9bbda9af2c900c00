//! The attacks that the design numbers (docs/src/notarization.md), carried out. Each module is named after its
//! number; 1 to 6 concern the engine of `mpc` mode and need a prover's insides: `src/mpc/prover/attacks.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod attack_10_attestation;
mod attack_11_sizes_and_silence;
mod attack_7_server_identity;
mod attack_8_records;
mod attack_8_transcript;
mod attack_9_commitments;
mod false_proofs;
mod fixture;
#[path = "../support/mod.rs"]
mod support;
