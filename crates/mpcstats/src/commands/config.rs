//! `mpcstats config`: commented examples of configuration files, and a check.

use std::path::PathBuf;

use service::config::{self, COORDINATOR, PARTY};

use super::{Failure, print};

/// Arguments of `mpcstats config`.
#[derive(clap::Args)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Reads a configuration and everything that it names, as its server would, and says what is wrong.
    Check {
        /// Whose configuration it is.
        role: Role,
        /// The file.
        file: PathBuf,
    },
    /// Prints a commented configuration with every key.
    Example {
        /// Whose.
        role: Role,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Role {
    Party,
    Coordinator,
}

/// Runs the command.
pub fn run(args: &Config) -> Result<(), Failure> {
    match &args.action {
        Action::Check { role: Role::Party, file } => {
            let loaded = config::party(file)?;
            print(&format!("good: a party of \"{}\" on {}\n", loaded.survey.body.title, loaded.config.listen))
        }
        Action::Check { role: Role::Coordinator, file } => {
            let loaded = config::coordinator(file)?;
            print(&format!(
                "good: a coordinator of \"{}\" on {}\n",
                loaded.survey.body.title, loaded.config.listen
            ))
        }
        Action::Example { role: Role::Party } => print(PARTY),
        Action::Example { role: Role::Coordinator } => print(COORDINATOR),
    }
}
