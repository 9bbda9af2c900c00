//! `mpcstats share`: a provider takes part in a survey.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use client::provider::{self, Progress, Provider};
use client::record::Record;
use client::{OpenSurvey, Reference};
use indicatif::ProgressBar;
use mpctls::Mode;
use service::notary::roots;

use super::prove::{parse_mode, step, steps_bar};
use super::user::{SESSION_STEPS, Terminal};
use super::{Failure, print, runtime};

/// Arguments of `mpcstats share`.
///
/// Secrets never stand on the command line, where other users of the machine can see them.
#[derive(clap::Args)]
pub struct Share {
    /// The survey: `https://HOST:PORT/#ID`, or the file of a signed survey.
    #[arg(long)]
    survey: Reference,
    /// A secret that the survey's source asks for: `NAME=env:VARIABLE`, `NAME=file:PATH` or `NAME=prompt`. Those
    /// left out are asked for. May be repeated.
    #[arg(long = "secret")]
    secrets: Vec<String>,
    /// The value of a self-reported field: `FIELD=VALUE`. May be repeated.
    #[arg(long = "value", value_parser = parse_value)]
    values: Vec<(String, String)>,
    /// The notary's address, `host:port`, if not the one that the survey names.
    #[arg(long)]
    notary: Option<String>,
    /// How to share the work with the notary; the first that the survey accepts, if left out.
    #[arg(long, value_parser = parse_mode)]
    mode: Option<Mode>,
    /// A file of certificate authorities to trust for the website besides the public ones. May be repeated.
    #[arg(long = "authority")]
    authorities: Vec<PathBuf>,
    /// Leave once the submission is in the queue; `mpcstats receipt` fetches the receipt later.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the receipt, in seconds.
    #[arg(long, default_value_t = 600)]
    patience: u64,
    /// Where to keep the record of the submission (no value is in it).
    #[arg(long)]
    records: Option<PathBuf>,
    /// Do not ask before anything is shown to the notary.
    #[arg(long, short)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn parse_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write FIELD=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Where records are kept unless an option says otherwise.
pub fn records_folder(given: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(folder) = given {
        return Ok(folder.clone());
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let data = data.or_else(home).ok_or("there is no home folder: name one with --records")?;
    Ok(data.join("mpcstats/records"))
}

/// Says where the submission stands.
fn say(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Queued(position) => {
            let ahead = if position == 0 { "next in line".into() } else { format!("{position} before it") };
            step(bar, SESSION_STEPS + 1, format!("waiting for the parties, {ahead}"));
        }
        Progress::Accepted => step(bar, SESSION_STEPS + 2, "accepted"),
    }
}

/// Runs the command.
pub fn run(args: &Share) -> Result<(), Failure> {
    let folder = records_folder(args.records.as_ref())?;
    let runtime = runtime()?;
    let survey = runtime.block_on(OpenSurvey::open(&args.survey, None))?;
    let bar = steps_bar(args.json, SESSION_STEPS + 2);
    let (user, secrets) = Terminal::new(&survey.definition().source, &args.secrets, args.yes, &bar)?;
    let provider = Provider {
        secrets,
        typed: args.values.iter().cloned().collect::<BTreeMap<_, _>>(),
        mode: args.mode,
        notary: args.notary.clone(),
        roots: roots(&args.authorities)?,
    };
    let prepared = runtime.block_on(provider.prepare(&survey, user))?;
    step(&bar, SESSION_STEPS, "sharing among the parties");
    // The record comes first: a submission whose answer is lost can still be asked for.
    let mut record = Record::new(&survey, prepared.digest);
    let path = record.save(&folder)?;
    let queued = runtime.block_on(provider::submit(&survey, &prepared))?;
    if !args.no_wait {
        say(&bar, Progress::Queued(queued.position));
        let patience = Duration::from_secs(args.patience);
        let waiting = provider::wait_for_receipt(&survey, &prepared.digest, patience, |at| say(&bar, at));
        record.receipt = Some(runtime.block_on(waiting)?);
        record.save(&folder)?;
    }
    bar.finish_and_clear();
    if args.json {
        let done = serde_json::json!({
            "survey": survey.id, "submission": prepared.digest, "record": path, "accepted": record.receipt.is_some(),
        });
        return print(&format!("{done}\n"));
    }
    let state = if record.receipt.is_some() { "Accepted by all three parties." } else { "Queued." };
    print(&format!("{state} The record of submission {} is {}\n", prepared.digest, path.display()))
}
