//! The `mpcstats` command: parses arguments and hands over to one module a subcommand.

use clap::Parser;

mod commands;

/// Verified and private surveys: providers prove a value and share it secretly; three parties compute
/// statistics that anyone can check.
#[derive(Parser)]
#[command(name = "mpcstats", version = env!("MPCSTATS_VERSION"), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> std::process::ExitCode {
    commands::run(Cli::parse().command)
}
