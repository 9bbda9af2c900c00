//! `mpcstats demo`: a whole survey on this machine. Every server is a process of its own, started from the same
//! commands and configuration files as in a deployment; providers notarize real TLS sessions.

mod processes;
mod providers;
mod stage;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::consumer::{self, Answer};
use client::{OpenSurvey, Reference};
use indicatif::ProgressBar;
use service::run::interrupted;
use survey::Choice;

use super::prove::steps_bar;
use super::{Failure, print, runtime, text};
use processes::Processes;
use providers::Refused;
use stage::{ACCOUNTS, Epochs, Stage};

/// How long the survey may take to close its epoch, and a query to be answered.
const PATIENCE: Duration = Duration::from_secs(180);

/// Arguments of `mpcstats demo`.
#[derive(clap::Args)]
pub struct Demo {
    /// How many providers take part in each epoch.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(3..=1000))]
    providers: u64,
    /// How many epochs close, one after the other. With more than one, the page shows how the headline went on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    epochs: u64,
    /// A survey's folder to try out: `survey.toml` and what it names, and `responses.jsonl`, which holds what its
    /// website answers each provider: `{"body": "…"}` a line, with `"answers": {"field": "value"}` for what is typed in.
    /// Without it, a survey of ETH balances at a sample exchange.
    #[arg(long)]
    survey: Option<PathBuf>,
    /// End when the result is there, instead of staying up until Ctrl-C. The folder is then kept.
    #[arg(long)]
    exit: bool,
    /// Where to keep keys, databases, logs and the certificate; a temporary folder, if left out.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Print one JSON object once everything is up.
    #[arg(long)]
    json: bool,
}

impl Demo {
    const fn epochs(&self) -> Epochs {
        Epochs { count: self.epochs, accounts: self.providers }
    }
}

/// What came out.
struct Outcome {
    releases: Vec<Release>,
    /// How others name the survey.
    reference: Reference,
    cheat: Refused,
    /// How many accounts a result has to be about, at least.
    minimum: u32,
    seconds: f64,
}

/// A listed plan's release.
struct Release {
    plan: String,
    answer: Answer,
    certificate: PathBuf,
}

/// Runs the command.
pub fn run(args: &Demo) -> Result<(), Failure> {
    let temporary = tempfile::Builder::new().prefix("mpcstats-demo-").tempdir()?;
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => temporary.path().to_owned(),
    };
    let bar = steps_bar(args.json, 1);
    let keep = args.exit && args.folder.is_none();
    runtime()?.block_on(async {
        bar.set_message("making keys and configurations");
        let stage = Stage::set(&folder, args.epochs(), args.survey.as_deref())?;
        let mut processes = Processes::new(&folder);
        let played = tokio::select! {
            outcome = play(args, &stage, &mut processes, &bar) => Some(outcome?),
            stopped = closed() => { stopped?; None }
        };
        bar.finish_and_clear();
        if let Some(outcome) = played {
            report(args, &stage, &outcome)?;
            if !args.exit {
                closed().await?;
                // The terminal may be gone; the servers are stopped all the same.
                let _gone = writeln!(std::io::stderr(), "Stopping.");
            }
        }
        processes.stop().await;
        Ok::<(), Failure>(())
    })?;
    if keep {
        let _kept = temporary.keep();
    }
    Ok(())
}

/// Waits for Ctrl-C, SIGTERM, or the terminal to be closed: without this process nobody would stop the servers.
async fn closed() -> Result<(), Failure> {
    let mut hang_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::select! {
        () = interrupted() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

/// The whole story, from servers to certificate.
async fn play(
    args: &Demo,
    stage: &Stage,
    processes: &mut Processes,
    bar: &ProgressBar,
) -> Result<Outcome, Failure> {
    let started = Instant::now();
    bar.set_message("starting website, notary, coordinator, parties, page");
    processes.start_all(stage).await?;
    let survey = OpenSurvey::open(&Reference::File(stage.survey()), None).await?;

    bar.set_length(stage.providers + 2);
    bar.set_message("one provider tries to claim more than it has");
    let cheat = providers::cheat(stage, &survey).await?;
    bar.inc(1);
    for epoch in 0..args.epochs {
        let (first, after) = (epoch * args.providers, (epoch + 1) * args.providers);
        providers::share_all(stage, &survey, first..after, bar).await?;
        bar.set_message("three parties compute");
        wait_for_accounts(&survey, after).await?;
    }
    let (consumer, mut releases) = (stage.consumer()?, Vec::new());
    for (index, named) in survey.definition().plans.iter().enumerate() {
        let answer = consumer.ask(&survey, Choice::Listed(named.name.clone()), None, PATIENCE).await?;
        let certificate = stage.certificate(index);
        std::fs::write(&certificate, serde_json::to_vec_pretty(&answer.certificate)?)?;
        // As a stranger would, from the files alone.
        consumer::verify(&survey.id, survey.definition(), &answer.certificate, None)?;
        releases.push(Release { plan: named.name.clone(), answer, certificate });
    }
    bar.inc(1);
    let minimum = survey.definition().policy.limits.minimum;
    let (reference, seconds) = (survey.reference(), started.elapsed().as_secs_f64());
    Ok(Outcome { releases, reference, cheat, minimum, seconds })
}

/// Waits until closed epochs hold everybody.
async fn wait_for_accounts(survey: &OpenSurvey, providers: u64) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let accounts: u64 = survey.api.epochs().await?.epochs.iter().map(|epoch| epoch.accounts).sum();
        if accounts >= providers {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err("the epoch did not close in time; see the logs in the demo's folder".into())
}

fn report(args: &Demo, stage: &Stage, outcome: &Outcome) -> Result<(), Failure> {
    let first = outcome.releases.first().ok_or("the survey lists no plan")?;
    print(&if args.json { object(stage, outcome, first) } else { story(args, stage, outcome, first) })
}

/// The outcome for programs.
fn object(stage: &Stage, outcome: &Outcome, first: &Release) -> String {
    let release = |release: &Release| {
        let (results, certificate) = (&release.answer.results, &release.certificate);
        serde_json::json!({ "plan": release.plan, "results": results, "certificate": certificate })
    };
    let releases: Vec<_> = outcome.releases.iter().map(release).collect();
    let object = serde_json::json!({
        "providers": first.answer.certificate.statement.count,
        "results": first.answer.results, "certificate": first.certificate, "releases": releases,
        "cheat": { "code": outcome.cheat.code, "cause": outcome.cheat.cause },
        "survey": stage.survey(), "page": stage.page(), "folder": stage.folder(), "seconds": outcome.seconds,
    });
    format!("{object}\n")
}

/// The outcome for people.
fn story(args: &Demo, stage: &Stage, outcome: &Outcome, first: &Release) -> String {
    let columns = text::columns(&console::Term::stdout());
    let mut story = format!(
        "\n{}\n{} accounts took part. Everything took {:.0} s.\n",
        stage.title, first.answer.certificate.statement.count, outcome.seconds
    );
    for release in &outcome.releases {
        let number = release.answer.certificate.statement.release;
        story += &format!("\n{}, release {number}\n", release.plan);
        for line in release.answer.results.to_string().lines() {
            story += &format!("  {line}\n");
        }
    }
    let mut rows = outcome.releases.iter().flat_map(|release| &release.answer.results.rows);
    if rows.any(|row| row.withheld == Some(stats::Reason::TooFew)) {
        let more = if stage.script.is_none() { " Try --providers 120." } else { "" };
        let why = format!(
            "\nToo few providers: nothing is opened that would be about fewer than {} accounts.{more}\n",
            outcome.minimum
        );
        story += &text::sentences(&why, columns);
    }
    let cheat = format!(
        "\nOne more provider put another value into its shares than the website had told it. The parties recomputed its \
         commitment inside the three-party computation, and all three refused it. {}: {}\n",
        outcome.cheat.code, outcome.cheat.cause
    );
    story += &text::sentences(&cheat, columns);
    let (certificate, survey) =
        (first.certificate.display().to_string(), stage.survey().display().to_string());
    story += &format!("\nCertificate  {certificate}\nCheck it with\n");
    // The program as it was called: it need not be where the shell looks for programs.
    let program = std::env::args().next().unwrap_or_else(|| "mpcstats".to_owned());
    let verify = [&program, "certificate verify", &certificate, &format!("--survey {survey}")];
    story += &text::command(verify.map(str::to_owned), columns);
    if args.exit {
        return story + &format!("Folder       {}\n", stage.folder().display());
    }
    story += &format!("\nPage         {}\n", stage.page());
    story += &invitation(stage, &outcome.reference, &program, columns);
    story + "\nEverything stays up until Ctrl-C.\n"
}

/// How to take part by hand; nothing if the website has no account left for it.
fn invitation(stage: &Stage, survey: &Reference, program: &str, columns: Option<usize>) -> String {
    let Some(owner) = stage.unused().first() else { return String::new() };
    let why = "\nTake part yourself, as the page says, with an account that nobody has used yet:\n";
    let mut command = vec![format!("{program} share"), format!("--survey '{survey}'")];
    command.push(format!("--authority '{}'", stage.authority().display()));
    command.extend(owner.answers.iter().map(|(name, answer)| format!("--value '{name}={answer}'")));
    let mut text = text::sentences(why, columns) + &text::command(command, columns);
    text += "It asks for\n";
    let width = owner.secrets.keys().map(String::len).max().unwrap_or(0);
    for (name, secret) in &owner.secrets {
        text += &format!("  {name:width$}  {secret}\n");
    }
    let file = stage.folder().join(ACCOUNTS).display().to_string();
    text + &text::sentences(&format!("{} such accounts are in {file}\n", stage.unused().len()), columns)
}
