//! `mpcstats prove`: fetches a page with a notary and writes the proof.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use client::provider::choose_notary;
use client::{OpenSurvey, Reference};
use indicatif::{ProgressBar, ProgressStyle};
use mpctls::protocol::{Outbound, Preparation, Prover, Stage};
use mpctls::source::{Disclosure, Secrets};
use mpctls::tls::Patience;
use mpctls::{Mode, NotaryKey, Source};
use rustls::RootCertStore;
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

    /// The prover, as far as its secrets are known.
    fn prover<'a>(
        &'a self,
        secrets: &'a Secrets,
        provider_key: [u8; 32],
        roots: Arc<RootCertStore>,
    ) -> Prover<'a> {
        Prover {
            source: &self.source,
            secrets,
            survey: self.survey,
            provider_key,
            notary: self.notary.clone(),
            mode: self.mode,
            roots,
            patience: Patience::default(),
            show_rest: false,
            connect: &Outbound { private_addresses: true },
        }
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
    let (mut secrets, asked) = stored_secrets(source, given)?;
    ask_secrets(source, &asked, &mut secrets)?;
    Ok(secrets)
}

/// Fetches the secrets that are kept somewhere, and names those that have to be asked for.
fn stored_secrets(source: &Source, given: &[String]) -> Result<(Secrets, Vec<String>), Failure> {
    let wanted = &source.definition().secrets;
    let mut origins = BTreeMap::new();
    for entry in given {
        // The entry itself is not repeated: somebody may have typed a secret there.
        let (name, origin) =
            entry.split_once('=').ok_or_else(|| refused("secret", "write NAME=env:VARIABLE"))?;
        if !wanted.contains_key(name) {
            let names: Vec<_> = wanted.keys().map(String::as_str).collect();
            return Err(refused("secret", format!("the source asks for {}, not {name}", names.join(", "))));
        }
        origins.insert(name, origin);
    }
    let (mut secrets, mut asked) = (Secrets::new(), Vec::new());
    for name in wanted.keys() {
        let stored = load_secret(origins.get(name.as_str()).copied().unwrap_or("prompt"));
        match stored.map_err(|why| refused("secret", format!("{name}: {why}")))? {
            Some(value) => secrets.insert(name, value),
            None if std::io::stdin().is_terminal() => asked.push(name.clone()),
            None => {
                let why = format!("{name}: it is needed: --secret {name}=env:VARIABLE or =file:PATH");
                return Err(refused("secret", why));
            }
        }
    }
    Ok((secrets, asked))
}

/// Asks for secrets on the terminal, which does not show them.
fn ask_secrets(source: &Source, names: &[String], secrets: &mut Secrets) -> Result<(), Failure> {
    let terminal = console::Term::stderr();
    for name in names {
        let description = source.definition().secrets.get(name).map_or("", |secret| &secret.description);
        terminal.write_str(&format!("{name} ({description}): "))?;
        secrets.insert(name, terminal.read_secure_line()?);
    }
    Ok(())
}

/// Fetches one secret from where it is kept; `None` if it is to be asked for.
fn load_secret(origin: &str) -> Result<Option<String>, String> {
    match origin.split_once(':').unwrap_or((origin, "")) {
        ("env", variable) => {
            std::env::var(variable).map(Some).map_err(|_| format!("the variable {variable} is not set"))
        }
        ("file", path) => std::fs::read_to_string(path)
            .map(|text| Some(text.trim_end().to_owned()))
            .map_err(|error| format!("{path} cannot be read: {error}")),
        ("prompt", "") => Ok(None),
        _ => Err("write env:VARIABLE, file:PATH or prompt".into()),
    }
}

/// For how long a preparation waits for secrets to be typed: less than notaries bear silence.
const TYPING: Duration = Duration::from_secs(40);

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Prepares with the notary, which takes long, while the user types.
fn prepare_while_asking(
    prepare: impl Fn(&Secrets) -> Result<Preparation, client::ClientError> + Sync,
    secrets: &mut Secrets,
    ask: impl FnOnce(&mut Secrets) -> Result<(), Failure>,
) -> Result<Preparation, Failure> {
    let known = secrets.clone();
    let (prepared, ready) = std::thread::scope(|scope| {
        let ahead = scope.spawn(|| prepare(&known).map(|prepared| (prepared, Instant::now())));
        ask(secrets)?;
        ahead.join().map_err(|_| "the preparation's thread ended")?.map_err(failed)
    })?;
    // A notary hangs up on somebody who is silent for long.
    if ready.elapsed() < TYPING { Ok(prepared) } else { prepare(secrets).map_err(failed) }
}

/// Runs the command.
pub fn run(args: &Prove) -> Result<(), Failure> {
    let runtime = runtime()?;
    let plan = plan(args, &runtime)?;
    let (mut secrets, asked) = stored_secrets(&plan.source, &args.secrets)?;
    let key = survey::Identity::generate();
    let roots = roots(&args.authorities)?;
    let provider_key = key.public().0;
    let bar = steps_bar(args.json, 4);
    let started = Instant::now();
    step(&bar, 0, "preparing with the notary");
    let prepare = |known: &Secrets| {
        let channel = runtime.block_on(client::notary::connect(&plan.address, plan.notary.key));
        let channel = Box::new(channel?);
        let prover = plan.prover(known, provider_key, roots.clone());
        prover.prepare(channel, now().as_secs(), &mut rand::rng()).map_err(client::ClientError::from)
    };
    let ask = |secrets: &mut Secrets| bar.suspend(|| ask_secrets(&plan.source, &asked, secrets));
    // Of secrets that would not fit in their longest form, the length has to be known first.
    let ahead = !asked.is_empty() && plan.source.longest_request(&secrets)? <= mpctls::mpc::MAX_REQUEST;
    let prepared = if ahead {
        prepare_while_asking(prepare, &mut secrets, ask)?
    } else {
        ask(&mut secrets)?;
        prepare(&secrets).map_err(failed)?
    };
    let prover = plan.prover(&secrets, provider_key, roots.clone());
    step(&bar, 1, format!("asking {}", plan.source.host()));
    let mut progress = |stage: Stage| match stage {
        Stage::Preparing => step(&bar, 0, "preparing with the notary"),
        Stage::Connected => step(&bar, 2, format!("talking to {}", plan.source.host())),
        Stage::Proving => step(&bar, 3, "proving"),
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
