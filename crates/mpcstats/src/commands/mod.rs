//! One module a subcommand; this file only lists them.

use std::io::Write as _;
use std::process::ExitCode;

mod reference;
mod shell;

/// The subcommands.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Prints a completion script for a shell.
    Completions(shell::Completions),
    /// Writes the manual pages of every command into a folder.
    Man(shell::Man),
    /// Prints the command reference of the documentation.
    #[command(hide = true)]
    Reference,
}

/// Runs a subcommand and maps its outcome to an exit code: 0 done, 1 refused or failed, 2 bad usage.
pub fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Reference => reference::reference(),
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

/// Prints to standard output; a reader that hangs up (`| head`) is an error and not a panic.
pub fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
