//! `mpcstats config`: commented examples of configuration files, and a check.

use std::path::{Path, PathBuf};

use client::Reference;
use service::config::{self, COORDINATOR, PARTY};
use service::{client_api, notary};
use survey::Refusal;

use super::{Failure, print, runtime};

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
    Notary,
    ClientApi,
}

/// Runs the command.
pub fn run(args: &Config) -> Result<(), Failure> {
    match &args.action {
        Action::Check { role, file } => print(&format!("good: {}\n", check(*role, file)?)),
        Action::Example { role } => print(match role {
            Role::Party => PARTY,
            Role::Coordinator => COORDINATOR,
            Role::Notary => notary::EXAMPLE,
            Role::ClientApi => client_api::config::EXAMPLE,
        }),
    }
}

/// What the file configures, in words.
fn check(role: Role, file: &Path) -> Result<String, Failure> {
    Ok(match role {
        Role::Party => {
            let loaded = config::party(file)?;
            format!("a party of {:?} on {}", loaded.survey.body.title, loaded.config.listen)
        }
        Role::Coordinator => {
            let loaded = config::coordinator(file)?;
            format!("a coordinator of {:?} on {}", loaded.survey.body.title, loaded.config.listen)
        }
        Role::Notary => {
            let config = notary::Config::read(file).map_err(Refusal::from)?;
            config.roots().map_err(Refusal::from)?;
            let hosts = config.hosts.map_or("any public host".to_owned(), |hosts| hosts.join(", "));
            format!("a notary for {hosts} on {}", config.listen)
        }
        Role::ClientApi => {
            let settings = client_api::config::read(file)?;
            let mut surveys = Vec::new();
            for served in &settings.surveys {
                // One that is named by its address is fetched when the server starts.
                surveys.push(match &served.reference {
                    Reference::File(_) => {
                        let open = runtime()?.block_on(served.open()).map_err(Refusal::from)?;
                        format!("{:?}", open.definition().title)
                    }
                    url @ Reference::Url { .. } => url.to_string(),
                });
            }
            format!("a client API of {} on {}", surveys.join(", "), settings.listen)
        }
    })
}
