//! `mpcstats prove`: fetches a page with a notary and writes the proof.

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::provider::choose_notary;
use client::{OpenSurvey, Reference};
use indicatif::{ProgressBar, ProgressStyle};
use mpctls::protocol::{Outbound, Prover, Stage};
use mpctls::source::{Disclosure, Secrets};
use mpctls::tls::Patience;
use mpctls::{Mode, NotaryKey, Source};
use service::notary::roots;
use service::private_file;

use super::source::load_source;
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

/// What a proof is made for, after survey and options have been put together.
struct Plan {
    survey: [u8; 32],
    source: Source,
    notary: NotaryKey,
    address: String,
    mode: Mode,
}

impl Plan {
    /// For a survey that was fetched or read and checked; options override what it says.
    fn of_survey(args: &Prove, open: &OpenSurvey) -> Result<Self, Failure> {
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
        Ok(Self { survey: open.id.0, source, notary, address, mode })
    }

    /// For a survey of which only the id is known.
    fn of_id(args: &Prove, survey: [u8; 32]) -> Result<Self, Failure> {
        let needed = |name: &str| format!("{name} is needed when the survey is given by its id");
        let source = load_source(args.source.as_ref().ok_or_else(|| needed("--source"))?)?;
        let notary = last_key(args.notary_key.as_ref().ok_or_else(|| needed("--notary-key"))?)?;
        let address = args.notary.clone().ok_or_else(|| needed("--notary"))?;
        Ok(Self { survey, source, notary, address, mode: args.mode.unwrap_or(Mode::Mpc) })
    }
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
fn plan(args: &Prove, runtime: &tokio::runtime::Runtime) -> Result<Plan, Failure> {
    let mut id = [0; 32];
    if hex::decode_to_slice(&args.survey, &mut id).is_ok() {
        return Plan::of_id(args, id);
    }
    let reference: Reference = args.survey.parse().map_err(failed)?;
    let survey = runtime.block_on(OpenSurvey::open(&reference, None)).map_err(failed)?;
    Plan::of_survey(args, &survey)
}

/// Fetches every secret that the source asks for.
pub(super) fn load_secrets(source: &Source, given: &[String]) -> Result<Secrets, Failure> {
    let mut secrets = Secrets::new();
    for (name, secret) in &source.definition().secrets {
        let origin = given.iter().find_map(|entry| entry.strip_prefix(name.as_str())?.strip_prefix('='));
        let value = load_secret(name, origin.unwrap_or("prompt"), &secret.description)
            .map_err(|why| refused("secret", format!("{name}: {why}")))?;
        secrets.insert(name, value);
    }
    Ok(secrets)
}

/// Fetches one secret from where it is kept.
fn load_secret(name: &str, origin: &str, description: &str) -> Result<String, String> {
    match origin.split_once(':').unwrap_or((origin, "")) {
        ("env", variable) => {
            std::env::var(variable).map_err(|_| format!("the variable {variable} is not set"))
        }
        ("file", path) => std::fs::read_to_string(path)
            .map(|text| text.trim_end().to_owned())
            .map_err(|error| format!("{path} cannot be read: {error}")),
        ("prompt", "") if std::io::stdin().is_terminal() => {
            let terminal = console::Term::stderr();
            let asked = terminal.write_str(&format!("{name} ({description}): "));
            asked.and_then(|()| terminal.read_secure_line()).map_err(|error| error.to_string())
        }
        ("prompt", "") => Err(format!("it is needed: --secret {name}=env:VARIABLE or =file:PATH")),
        _ => Err("write env:VARIABLE, file:PATH or prompt".into()),
    }
}

/// Runs the command.
pub fn run(args: &Prove) -> Result<(), Failure> {
    let runtime = runtime()?;
    let plan = plan(args, &runtime)?;
    let secrets = load_secrets(&plan.source, &args.secrets)?;
    let roots = roots(&args.authorities)?;
    let key = survey::Identity::generate();
    let prover = Prover {
        source: &plan.source,
        secrets: &secrets,
        survey: plan.survey,
        provider_key: key.public().0,
        notary: plan.notary.clone(),
        mode: plan.mode,
        roots,
        patience: Patience::default(),
        show_rest: false,
        connect: &Outbound { private_addresses: true },
    };
    let bar = spinner(args.json);
    let started = std::time::Instant::now();
    bar.set_message("preparing with the notary");
    let channel = runtime.block_on(client::notary::connect(&plan.address, plan.notary.key));
    let channel = channel.map_err(|error| failed(error.into()))?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let prepared = prover.prepare(Box::new(channel), now().as_secs(), &mut rand::rng());
    let prepared = prepared.map_err(|error| failed(error.into()))?;
    bar.set_message(format!("asking {}", plan.source.host()));
    let mut progress = |stage: Stage| match stage {
        Stage::Preparing => bar.set_message("preparing with the notary"),
        Stage::Connected => bar.set_message(format!("talking to {}", plan.source.host())),
        Stage::Proving => bar.set_message("proving"),
        Stage::Done => bar.finish_and_clear(),
    };
    let mut approve =
        |disclosure: &Disclosure| bar.suspend(|| args.yes || approved(disclosure, plan.source.host()));
    let proven = prover
        .run(prepared, now().as_millis() as u64, &mut rand::rng(), &mut progress, &mut approve)
        .map_err(|error| failed(error.into()))?;

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
    print(&words(&proven.verified, &plan.source))?;
    print(&format!(
        "\nThe proof is in {}. The private openings are in {}: keep them to yourself.\n",
        args.output.display(),
        openings.display()
    ))
}

/// Says what the notary, and everybody who sees the proof, is about to see.
pub(super) fn approved(disclosure: &Disclosure, host: &str) -> bool {
    eprintln!("The response has come. If you go on, the notary and everybody who sees the proof will see");
    eprintln!("  that you asked {host} now, and how long request and response were,");
    for (name, value) in &disclosure.values {
        eprintln!("  {name} = {value},");
    }
    eprintln!("  and the fixed text around the values. These stay hidden:");
    for (name, _) in &disclosure.windows {
        eprintln!("  {name}");
    }
    if !std::io::stdin().is_terminal() {
        return true;
    }
    eprint!("Go on? [y/N] ");
    let _shown = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

pub(super) fn spinner(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
