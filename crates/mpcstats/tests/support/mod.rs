//! What the deployment and container tests stand on.

#![allow(dead_code, reason = "each test uses a part")]

pub mod deployment;
pub mod hosts;
pub mod page;
#[path = "../../../service/tests/support/postgres.rs"]
pub mod postgres;
pub mod processes;

/// Says that something was not tested here, past the capture of passing tests' output.
pub fn not_run(what: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "NOT RUN: {what}").expect("standard error");
}
