//! One module a subcommand; this file only lists them.

use std::process::ExitCode;

mod shell;

/// The subcommands.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Prints a completion script for a shell.
    Completions(shell::Completions),
    /// Writes the manual pages of every command into a folder.
    Man(shell::Man),
}

/// Runs a subcommand and maps its outcome to an exit code: 0 done, 1 refused or failed, 2 bad usage.
pub fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, in words for the terminal.
pub type Failure = Box<dyn std::error::Error>;
