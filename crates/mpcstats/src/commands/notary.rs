//! `mpcstats notary`: runs a notary and looks after its keys.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use service::notary::{Config, KeyStore, serve};

use super::{Failure, print, runtime};

/// Arguments of `mpcstats notary`.
#[derive(clap::Args)]
pub struct Notary {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Runs a notary until Ctrl-C; sessions under way may end.
    ///
    /// The configuration is a TOML file: `keys` (a folder, made at first start), and, if the defaults do not suit,
    /// `listen`, `metrics`, `hosts`, `modes`, `max_sent`, `max_received`, `session_seconds`, `silence_seconds`,
    /// `concurrent`, `per_minute`, `authorities`, `private_addresses`.
    Serve(Configured),
    /// Prints every public key of the notary with its period, as surveys list them.
    Keys(Configured),
    /// Makes a new signing key and retires the old one. Restart the notary afterwards.
    Rotate {
        #[command(flatten)]
        configured: Configured,
        /// For how many more seconds sessions under the old key count.
        #[arg(long, default_value_t = 3600)]
        overlap: u64,
    },
    /// Marks a key as lost: nothing it ever signed counts for those who read the new list.
    Revoke {
        #[command(flatten)]
        configured: Configured,
        /// The key's id, as `mpcstats notary keys` prints it.
        id: String,
    },
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
}

impl Configured {
    fn keys(&self) -> Result<KeyStore, Failure> {
        Ok(KeyStore::open(&Config::read(&self.config).map_err(survey::Refusal::from)?.keys, now())?)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Runs the command.
pub fn run(args: &Notary) -> Result<(), Failure> {
    match &args.action {
        Action::Serve(configured) => start(Config::read(&configured.config).map_err(survey::Refusal::from)?),
        Action::Keys(configured) => print_keys(&configured.keys()?),
        Action::Rotate { configured, overlap } => {
            let mut keys = configured.keys()?;
            keys.rotate(now(), *overlap)?;
            print_keys(&keys)
        }
        Action::Revoke { configured, id } => {
            let mut keys = configured.keys()?;
            keys.revoke(id, now())?;
            print_keys(&keys)
        }
    }
}

fn print_keys(keys: &KeyStore) -> Result<(), Failure> {
    let entries: Vec<serde_json::Value> = keys
        .history()
        .iter()
        .map(|key| {
            let mut entry = serde_json::to_value(key)?;
            entry["id"] = key.id().into();
            Ok(entry)
        })
        .collect::<Result<_, serde_json::Error>>()?;
    print(&format!("{}\n", serde_json::to_string_pretty(&entries)?))
}

fn start(config: Config) -> Result<(), Failure> {
    let _telemetry = service::telemetry::start("notary")?;
    runtime()?.block_on(async {
        let stop = service::run::interrupted();
        let running = serve(config).await?;
        eprintln!(
            "notary at {}, key {} (id {})",
            running.address,
            hex::encode(running.key.key),
            running.key.id()
        );
        if let Some(metrics) = running.metrics {
            eprintln!("metrics at http://{metrics}/metrics, public keys at http://{metrics}/keys");
        }
        stop.await;
        eprintln!("stopping: sessions under way may end");
        running.stop().await;
        Ok(())
    })
}
