//! `mpcstats prove`: fetches a page with a notary and writes the proof.

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use mpctls::protocol::{Outbound, Prover, Stage};
use mpctls::source::{Disclosure, Secrets};
use mpctls::tls::Patience;
use mpctls::{Mode, NotaryKey, Source};
use service::notary::roots;
use service::private_file;
use survey::{Id, SignedSurvey, Survey};

use super::source::load_source;
use super::verify::{load_keys, words};
use super::{Failure, print, runtime};

/// Arguments of `mpcstats prove`.
///
/// Secrets never stand on the command line, where other users of the machine can see them.
#[derive(clap::Args)]
pub struct Prove {
    /// The survey that the proof is for: a file, or its id in hexadecimal.
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
    fn new(args: &Prove) -> Result<Self, Failure> {
        let (id, survey) = load_survey(&args.survey)?;
        let source = match (&args.source, &survey) {
            (Some(name), _) => load_source(name)?,
            (None, Some(survey)) => survey.source.clone(),
            (None, None) => return Err("--source is needed when the survey is given by its id".into()),
        };
        let notary = match (&args.notary_key, &survey) {
            (Some(key), _) => load_keys(key)?.into_iter().next_back(),
            (None, Some(survey)) => survey.notaries.first().cloned(),
            (None, None) => None,
        };
        let notary = notary.ok_or("--notary-key is needed when the survey is given by its id")?;
        let listed = survey.as_ref().and_then(|survey| survey.notary_addresses.first().cloned());
        let address =
            args.notary.clone().or(listed).ok_or("--notary is needed: the survey names no address")?;
        let accepted = survey.as_ref().and_then(|survey| survey.modes.first().copied());
        let mode = args.mode.or(accepted).unwrap_or(Mode::Mpc);
        Ok(Self { survey: id, source, notary, address, mode })
    }
}

/// A survey's id, and the survey itself if it was given.
fn load_survey(text: &str) -> Result<([u8; 32], Option<Survey>), Failure> {
    let mut id = [0; 32];
    if hex::decode_to_slice(text, &mut id).is_ok() {
        return Ok((id, None));
    }
    let json = std::fs::read(text)
        .map_err(|e| format!("{text} is neither a survey's id in hexadecimal nor a readable file: {e}"))?;
    let survey = match serde_json::from_slice::<SignedSurvey>(&json) {
        Ok(signed) => signed.body,
        Err(_) => serde_json::from_slice(&json)?,
    };
    Ok((Id::of(&survey)?.0, Some(survey)))
}

/// Fetches every secret that the source asks for.
pub(super) fn load_secrets(source: &Source, given: &[String]) -> Result<Secrets, Failure> {
    let mut secrets = Secrets::new();
    for (name, secret) in &source.definition().secrets {
        let origin = given.iter().find_map(|entry| entry.strip_prefix(name.as_str())?.strip_prefix('='));
        let value = match origin.map(|origin| origin.split_once(':').unwrap_or((origin, ""))) {
            Some(("env", variable)) => {
                std::env::var(variable).map_err(|_| format!("{name}: the variable {variable} is not set"))?
            }
            Some(("file", path)) => std::fs::read_to_string(path)
                .map_err(|e| format!("{name}: {path} cannot be read: {e}"))?
                .trim_end()
                .to_owned(),
            None | Some(("prompt", "")) => {
                if !std::io::stdin().is_terminal() {
                    return Err(
                        format!("{name} is needed: --secret {name}=env:VARIABLE or =file:PATH").into()
                    );
                }
                let terminal = console::Term::stderr();
                terminal.write_str(&format!("{name} ({}): ", secret.description))?;
                terminal.read_secure_line()?
            }
            Some(_) => return Err(format!("{name}: write env:VARIABLE, file:PATH or prompt").into()),
        };
        secrets.insert(name, value);
    }
    Ok(secrets)
}

/// Runs the command.
pub fn run(args: &Prove) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
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
    let runtime = runtime()?;
    let bar = spinner(args.json);
    let started = std::time::Instant::now();
    bar.set_message("preparing with the notary");
    let channel = runtime.block_on(client::notary::connect(&plan.address, plan.notary.key))?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let failed = |error: mpctls::protocol::ProveError| format!("refused ({}): {error}", error.code());
    let prepared = prover.prepare(Box::new(channel), now().as_secs(), &mut rand::rng()).map_err(failed)?;
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
        .map_err(failed)?;

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
