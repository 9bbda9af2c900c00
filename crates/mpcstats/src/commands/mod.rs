//! One module a subcommand; this file only lists them.

use std::process::ExitCode;

/// The subcommands.
#[derive(clap::Subcommand)]
pub enum Command {}

/// Runs a subcommand and maps its outcome to an exit code: 0 done, 1 refused or failed, 2 bad usage.
pub fn run(command: Command) -> ExitCode {
    match command {}
}
