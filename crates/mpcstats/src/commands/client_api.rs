//! `mpcstats client-api`: publishes a survey's results.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use client::Reference;
use client::consumer::Consumer;
use serde::Deserialize;
use service::client_api::{Settings, serve};
use service::keys::Keys;
use zeroize::Zeroizing;

use super::{Failure, log_to_stderr, runtime, stop_signal};

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
    /// The configuration is a TOML file: `listen`, `folder` (certificates), and for each survey a `[[surveys]]` with
    /// `survey` (its address or file) and `keys` (of a consumer that it lists); if wanted, `public_address` (for the
    /// QR code) and `operator_token` (a file).
    Serve {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    listen: SocketAddr,
    folder: PathBuf,
    #[serde(default)]
    public_address: Option<String>,
    #[serde(default)]
    operator_token: Option<PathBuf>,
    surveys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    survey: String,
    keys: PathBuf,
}

/// Reads a configuration; paths in it are relative to its folder.
fn settings(path: &Path) -> Result<Settings, Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    let config: Config = toml::from_str(&text).map_err(|error| named(&error))?;
    let beside = |file: &Path| path.parent().unwrap_or(Path::new(".")).join(file);
    let surveys = config.surveys.into_iter().map(|entry| {
        let keys = Keys::read(&beside(&entry.keys))?;
        let reference = match entry.survey.parse()? {
            Reference::File(file) => Reference::File(beside(&file)),
            url @ Reference::Url { .. } => url,
        };
        Ok((reference, Consumer { identity: keys.identity, opening: keys.opening }))
    });
    let token = config.operator_token.map(|file| {
        let text = std::fs::read_to_string(beside(&file)).map_err(|error| named(&error))?;
        Ok::<_, Failure>(Zeroizing::new(text.trim().to_owned()))
    });
    Ok(Settings {
        listen: config.listen,
        public_address: config.public_address,
        folder: beside(&config.folder),
        operator_token: token.transpose()?,
        surveys: surveys.collect::<Result<_, Failure>>()?,
    })
}

/// Runs the command.
pub fn run(args: &ClientApi) -> Result<(), Failure> {
    let Action::Serve { config } = &args.action;
    log_to_stderr();
    let settings = settings(config)?;
    runtime()?.block_on(async {
        let running = serve(settings).await?;
        eprintln!("results at http://{}/", running.address);
        stop_signal().await?;
        running.stop().await;
        Ok(())
    })
}
