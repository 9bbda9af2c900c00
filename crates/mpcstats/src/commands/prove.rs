//! `mpcstats prove`: fetches a page with a notary and writes the proof.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::provider::choose_notary;
use client::{OpenSurvey, Reference, Session};
use indicatif::{ProgressBar, ProgressStyle};
use mpctls::{Mode, NotaryKey};
use service::notary::roots;
use service::private_file;
use survey::Identity;

use super::source::load_source;
use super::user::{SESSION_STEPS, Terminal};
use super::verify::{load_keys, words};
use super::{Failure, print, refused, runtime};

/// Arguments of `mpcstats prove`.
///
/// Secrets never stand on the command line, where other users of the machine can see them.
#[derive(clap::Args)]
pub struct Prove {
    /// The survey that the proof is for: `https://HOST:PORT/#ID`, the file of a signed survey, or an id in
    /// hexadecimal.
    #[arg(long)]
    survey: String,
    /// What to prove: a source file, or the name of one that comes with mpcstats; the survey's, if left out.
    #[arg(long)]
    source: Option<String>,
    /// A secret that the source asks for: `NAME=env:VARIABLE`, `NAME=file:PATH` or `NAME=prompt`. Those left out
    /// are asked for. May be repeated.
    #[arg(long = "secret")]
    secrets: Vec<String>,
    /// The notary's address, `host:port`; the survey's first, if left out.
    #[arg(long)]
    notary: Option<String>,
    /// The notary's public key in hexadecimal; the survey's first, if left out.
    #[arg(long)]
    notary_key: Option<String>,
    /// How to share the work with the notary; the first that the survey accepts, if left out.
    #[arg(long, value_parser = parse_mode)]
    mode: Option<Mode>,
    /// A file of certificate authorities to trust besides the public ones. May be repeated.
    #[arg(long = "authority")]
    authorities: Vec<PathBuf>,
    /// Where to write the proof.
    #[arg(long, short, default_value = "proof.json")]
    output: PathBuf,
    /// Where to write the private openings and the one-use key; beside the proof, if left out.
    #[arg(long)]
    openings: Option<PathBuf>,
    /// Do not ask before anything is shown to the notary.
    #[arg(long, short)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads a mode's name.
pub fn parse_mode(text: &str) -> Result<Mode, String> {
    match text {
        "mpc" => Ok(Mode::Mpc),
        "proxy" => Ok(Mode::Proxy),
        _ => Err("a mode is mpc or proxy".into()),
    }
}

/// For a survey that was fetched or read and checked; options override what it says.
fn of_survey(args: &Prove, open: &OpenSurvey, key: &Identity) -> Result<Session, Failure> {
    let survey = open.definition();
    let source = match &args.source {
        Some(name) => load_source(name)?,
        None => survey.source.clone(),
    };
    let (notary, address) = match (&args.notary_key, &args.notary) {
        (Some(key), Some(address)) => (last_key(key)?, address.clone()),
        (None, address) => choose_notary(survey, address.as_deref()).map_err(failed)?,
        (Some(_), None) => return Err("--notary-key goes with --notary".into()),
    };
    let mode = args.mode.or_else(|| survey.modes.first().copied()).unwrap_or(Mode::Mpc);
    let (provider_key, roots) = (key.public().0, roots(&args.authorities)?);
    Ok(Session { survey: open.id.0, provider_key, source, notary, address, mode, roots })
}

/// For a survey of which only the id is known.
fn of_id(args: &Prove, survey: [u8; 32], key: &Identity) -> Result<Session, Failure> {
    let needed = |name: &str| format!("{name} is needed when the survey is given by its id");
    let source = load_source(args.source.as_ref().ok_or_else(|| needed("--source"))?)?;
    let notary = last_key(args.notary_key.as_ref().ok_or_else(|| needed("--notary-key"))?)?;
    let address = args.notary.clone().ok_or_else(|| needed("--notary"))?;
    let (provider_key, roots) = (key.public().0, roots(&args.authorities)?);
    Ok(Session { survey, provider_key, source, notary, address, mode: args.mode.unwrap_or(Mode::Mpc), roots })
}

/// The key in use: the last of a notary's list.
fn last_key(text: &str) -> Result<NotaryKey, Failure> {
    Ok(load_keys(text)?.into_iter().next_back().ok_or("the list of notary keys is empty")?)
}

fn failed(error: client::ClientError) -> Failure {
    match error {
        // Its own words name the next step.
        error @ client::ClientError::Refused(_) => format!("refused ({}): {error}", error.code()).into(),
        error => refused(&error.code(), &error),
    }
}

/// Reads, or fetches and checks, what the proof is for.
fn session(args: &Prove, runtime: &tokio::runtime::Runtime, key: &Identity) -> Result<Session, Failure> {
    let mut id = [0; 32];
    if hex::decode_to_slice(&args.survey, &mut id).is_ok() {
        return of_id(args, id, key);
    }
    let reference: Reference = args.survey.parse().map_err(failed)?;
    let survey = runtime.block_on(OpenSurvey::open(&reference, None)).map_err(failed)?;
    of_survey(args, &survey, key)
}

/// Runs the command.
pub fn run(args: &Prove) -> Result<(), Failure> {
    let (runtime, key) = (runtime()?, Identity::generate());
    let session = session(args, &runtime, &key)?;
    let bar = steps_bar(args.json, SESSION_STEPS);
    let (mut user, secrets) = Terminal::new(&session.source, &args.secrets, args.yes, &bar)?;
    let started = Instant::now();
    let proven = session.run(secrets, runtime.handle(), &mut user).map_err(failed)?;
    bar.finish_and_clear();

    let openings = args.openings.clone().unwrap_or_else(|| args.output.with_extension("openings.json"));
    let private = serde_json::json!({
        "session": hex::encode(proven.verified.session),
        "provider_key_seed": hex::encode(key.seed().as_slice()),
        "openings": proven.openings,
    });
    private_file::write(&openings, &serde_json::to_vec_pretty(&private)?)?;
    std::fs::write(&args.output, proven.attestation.to_json()?)?;
    if args.json {
        let summary = serde_json::json!({
            "proof": args.output, "openings": openings, "disclosed": proven.verified.disclosed,
            "seconds": started.elapsed().as_secs_f64(),
        });
        return print(&format!("{}\n", serde_json::to_string_pretty(&summary)?));
    }
    print(&words(&proven.verified, &session.source))?;
    print(&format!(
        "\nThe proof is in {}. The private openings are in {}: keep them to yourself.\n",
        args.output.display(),
        openings.display()
    ))
}

/// Shows that something goes on whose length nobody knows.
pub(super) fn spinner(quiet: bool) -> ProgressBar {
    ticking(quiet, ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}")
}

/// Shows how many of so many steps are done; see [`step`].
pub(super) fn steps_bar(quiet: bool, steps: u64) -> ProgressBar {
    ticking(quiet, ProgressBar::new(steps), "{spinner} {elapsed:>4} {bar:20} {msg}")
}

/// Says that so many steps are done, and what the next one is.
pub(super) fn step(bar: &ProgressBar, done: u64, next: impl Into<Cow<'static, str>>) {
    bar.set_position(done);
    bar.set_message(next);
}

fn ticking(quiet: bool, bar: ProgressBar, template: &str) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
