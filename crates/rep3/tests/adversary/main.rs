#![allow(missing_docs, reason = "tests are named after what they show")]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
//! One party is malicious: whatever it does to whichever message, no honest party ends with a wrong value, and
//! none opens anything before it holds all verdicts.

mod cheaters;
#[path = "../common/mod.rs"]
mod common;
mod messages;
mod program;
mod searches;
mod sessions;
