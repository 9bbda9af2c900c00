//! `mpcstats sample-exchange`: a site to prove things about, on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use service::exchange::{Account, Accounts, Options, Script, Site, serve};

use super::{Failure, print, runtime};

/// Arguments of `mpcstats sample-exchange`.
#[derive(clap::Args)]
pub struct SampleExchange {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Runs the exchange until Ctrl-C. It answers `GET /api/v3/account` as Binance does.
    Serve {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: SocketAddr,
        /// A name in its certificate; may be repeated.
        #[arg(long = "name", default_values = ["localhost"])]
        names: Vec<String>,
        /// Where its development certificate authority lives; made at first start.
        #[arg(long, default_value = "sample-exchange")]
        folder: PathBuf,
        /// Answer in chunks of so many bytes instead of with a Content-Length.
        #[arg(long)]
        chunk: Option<usize>,
        /// Be another site instead: answer each account with a line of this file (JSON: `body`, and `answers` that its
        /// owner types in). An account is known by its token, wherever in the request it stands.
        #[arg(long)]
        responses: Option<PathBuf>,
        #[command(flatten)]
        accounts: AccountArgs,
    },
    /// Prints accounts with their API keys, as JSON.
    Accounts {
        #[command(flatten)]
        accounts: AccountArgs,
    },
}

#[derive(clap::Args)]
struct AccountArgs {
    /// A JSON file of accounts; without it they are derived.
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// The seed that accounts are derived from.
    #[arg(long, default_value = "demo")]
    seed: String,
    /// How many accounts are derived.
    #[arg(long, default_value_t = 100)]
    count: u64,
}

impl AccountArgs {
    fn load(&self) -> Result<Accounts, Failure> {
        match &self.accounts {
            Some(file) => Ok(Accounts::from_json(&std::fs::read_to_string(file)?)?),
            None => Ok(Accounts::derive(&self.seed, self.count)),
        }
    }
}

/// Runs the command.
pub fn run(args: &SampleExchange) -> Result<(), Failure> {
    match &args.action {
        Action::Accounts { accounts } => {
            if let Some(file) = &accounts.accounts {
                return print(&std::fs::read_to_string(file)?);
            }
            let derived: Vec<Account> =
                (0..accounts.count).map(|index| Account::derive(&accounts.seed, index)).collect();
            print(&format!("{}\n", serde_json::to_string_pretty(&derived)?))
        }
        Action::Serve { listen, names, folder, chunk, responses, accounts } => {
            let _telemetry = service::telemetry::start("sample-exchange")?;
            let site = match responses {
                Some(file) => {
                    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
                    let lines = std::fs::read_to_string(file).map_err(|error| named(&error))?;
                    Site::Scripted(Script::parse(&lines, &accounts.seed).map_err(|error| named(&error))?)
                }
                None => Site::Exchange(accounts.load()?),
            };
            let options =
                Options { listen: *listen, names: names.clone(), folder: folder.clone(), chunk: *chunk };
            runtime()?.block_on(async {
                let count = match &site {
                    Site::Exchange(accounts) => accounts.len(),
                    Site::Scripted(script) => script.len(),
                };
                let stop = service::run::interrupted();
                let running = serve(site, options).await?;
                eprintln!(
                    "sample exchange at https://{}/ with {count} accounts; trust {} to reach it",
                    running.address,
                    folder.join("ca.pem").display()
                );
                stop.await;
                running.stop().await;
                Ok(())
            })
        }
    }
}
