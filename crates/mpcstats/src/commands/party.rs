//! `mpcstats party`: runs a computation party and looks after its keys.

use std::path::PathBuf;

use service::keys::Keys;
use service::run::{PartyServer, interrupted};
use service::{config, export};

use super::{Failure, print, runtime};

/// Arguments of `mpcstats party`.
#[derive(clap::Args)]
pub struct Party {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Runs a party until Ctrl-C; computations under way may end.
    Serve(Configured),
    /// Makes a key file, readable by its owner only, and prints the public keys for the survey. It serves
    /// coordinators and consumers as well.
    Keygen {
        /// Where to write it; an existing file is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Makes the keys that follow those of a key file: a new identity and a new sealing key, and the same nullifier
    /// key. The old file stays as it is.
    ///
    /// A survey keeps the keys that it names for its life, and its party must keep them as long: name the new ones in
    /// the next survey. A coordinator whose identity no survey names can take the new file at its next start; accounts
    /// that have submitted are still known to it.
    Rotate {
        /// The present key file.
        #[arg(long)]
        keys: PathBuf,
        /// Where to write the new one; an existing file is never overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Prints the public keys of a key file.
    Keys {
        /// The key file.
        #[arg(long)]
        keys: PathBuf,
    },
    /// Tells what is stored, from counters and signed records, without opening anything.
    ExportStats(Configured),
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file; `mpcstats config example party` prints a commented one.
    #[arg(long)]
    config: PathBuf,
}

/// Runs the command.
pub fn run(args: &Party) -> Result<(), Failure> {
    match &args.action {
        Action::Serve(Configured { config }) => {
            let _telemetry = service::telemetry::start("party")?;
            let loaded = config::party(config)?;
            Ok(runtime()?.block_on(async {
                let stop = interrupted();
                PartyServer::start(loaded).await?.run(stop).await
            })?)
        }
        Action::Keygen { out } => {
            let keys = Keys::generate()?;
            keys.write(out)?;
            print_keys(&keys)
        }
        Action::Rotate { keys, out } => {
            let fresh = Keys { nullifiers: Keys::read(keys)?.nullifiers, ..Keys::generate()? };
            fresh.write(out)?;
            print_keys(&fresh)
        }
        Action::Keys { keys } => print_keys(&Keys::read(keys)?),
        Action::ExportStats(Configured { config }) => {
            let loaded = config::party(config)?;
            let stats = runtime()?.block_on(export::stats(&loaded))?;
            print(&format!("{}\n", serde_json::to_string_pretty(&stats)?))
        }
    }
}

fn print_keys(keys: &Keys) -> Result<(), Failure> {
    let public = serde_json::json!({ "identity": keys.identity.public(), "sealing": keys.opening.public() });
    print(&format!("{}\n", serde_json::to_string_pretty(&public)?))
}
