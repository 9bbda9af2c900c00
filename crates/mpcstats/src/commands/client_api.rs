//! `mpcstats client-api`: publishes a survey's results.

use std::path::PathBuf;

use service::client_api::{config, serve};
use service::run::interrupted;

use super::{Failure, runtime};

/// Arguments of `mpcstats client-api`.
#[derive(clap::Args)]
pub struct ClientApi {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Asks for the survey's plans whenever an epoch has closed, keeps the certificates, and shows them on a page.
    ///
    /// `mpcstats config example client-api` prints a commented configuration.
    Serve {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: &ClientApi) -> Result<(), Failure> {
    let Action::Serve { config: file } = &args.action;
    let _telemetry = service::telemetry::start("client-api")?;
    let settings = config::read(file)?;
    runtime()?.block_on(async {
        let stop = interrupted();
        let running = serve(settings).await.map_err(survey::Refusal::from)?;
        eprintln!("results at http://{}/", running.address);
        stop.await;
        running.stop().await;
        Ok(())
    })
}
