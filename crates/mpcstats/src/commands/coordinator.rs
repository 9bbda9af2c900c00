//! `mpcstats coordinator`: runs a coordinator.

use std::path::PathBuf;

use service::config;
use service::run::{CoordinatorServer, interrupted};

use super::{Failure, runtime};

/// Arguments of `mpcstats coordinator`.
#[derive(clap::Args)]
pub struct Coordinator {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Runs a coordinator until Ctrl-C; requests under way may end.
    Serve {
        /// The configuration file; `mpcstats config example coordinator` prints a commented one.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: &Coordinator) -> Result<(), Failure> {
    let Action::Serve { config } = &args.action;
    let _telemetry = service::telemetry::start("coordinator")?;
    let loaded = config::coordinator(config)?;
    Ok(runtime()?.block_on(async {
        let stop = interrupted();
        CoordinatorServer::start(loaded).await?.run(stop).await;
        Ok::<(), survey::Refusal>(())
    })?)
}
