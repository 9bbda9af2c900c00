//! `mpcstats health`: whether a server on this host lives, for containers' health checks, which have no other program.

use super::doctor::probe::{Http, Trust};
use super::{Failure, print, runtime};

/// Arguments of `mpcstats health`.
#[derive(clap::Args)]
pub struct Health {
    /// What to fetch: `https://127.0.0.1:7400/healthz`, say. Certificates are not looked at.
    #[arg(env = "MPCSTATS_HEALTH")]
    address: String,
}

/// Runs the command: fails unless the server answers, and not with a fault of its own.
pub fn run(args: &Health) -> Result<(), Failure> {
    let failed = |fault: super::doctor::probe::Fault| fault.found;
    let answer = runtime()?
        .block_on(Http::new(&args.address, &Trust::Nobody).map_err(failed)?.get(""))
        .map_err(failed)?;
    if answer.status >= 500 {
        return Err(format!("{} answers with {}", args.address, answer.status).into());
    }
    print("ok\n")
}
