//! `mpcstats certificate`: checks certificates offline, and the list of them that a client API publishes.

use std::path::{Path, PathBuf};

use ::survey::log::Mark;
use ::survey::{Code, Id, Refusal};
use client::{Api, ClientError, OpenSurvey, Reference, consumer, history};

use super::{Failure, print, runtime};

/// The longest certificate that is read.
const MAX_CERTIFICATE: u64 = 8 << 20;

/// Arguments of `mpcstats certificate`.
#[derive(clap::Args)]
pub struct Certificate {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Checks a certificate against its survey and prints what it says.
    Verify(Verify),
    /// Checks every certificate that a page publishes, and that nothing was taken out or changed since the last time.
    Log(Log),
}

#[derive(clap::Args)]
struct Verify {
    /// The certificate.
    certificate: PathBuf,
    /// The survey: `https://HOST:PORT/#ID`, or the file of a signed survey (then nothing is fetched).
    #[arg(long)]
    survey: Reference,
    /// The plan, if it is not one that the survey lists.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// The id that the survey has to have: a file could hold another survey.
    #[arg(long)]
    survey_id: Option<Id>,
    /// The number that the release has to have: an older certificate of the same survey holds as well.
    #[arg(long)]
    release: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Log {
    /// The page: `https://survey.example.org`.
    page: String,
    /// The survey: `https://HOST:PORT/#ID`, or the file of a signed survey.
    #[arg(long)]
    survey: Reference,
    /// Where to remember how the list stood; read and held against the list, if it is there.
    #[arg(long)]
    seen: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads a certificate.
pub fn read(path: &Path) -> Result<survey::Certificate, ClientError> {
    let failed = |cause: String| ClientError::File { path: path.to_owned(), cause };
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > MAX_CERTIFICATE {
        return Err(failed("too long for a certificate".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(format!("not a certificate: {error}")))
}

/// Refuses what holds, but is something else than what was asked for.
fn expect<T: PartialEq + std::fmt::Display>(
    what: &str,
    expected: Option<&T>,
    found: &T,
) -> Result<(), Refusal> {
    match expected.filter(|expected| *expected != found) {
        Some(expected) => {
            Err(Refusal::new(Code::Conflict, format!("this is {what} {found}, not {expected}")))
        }
        None => Ok(()),
    }
}

/// Runs the command.
pub fn run(args: &Certificate) -> Result<(), Failure> {
    match &args.action {
        Action::Verify(args) => verify(args),
        Action::Log(args) => log(args),
    }
}

fn verify(args: &Verify) -> Result<(), Failure> {
    let certificate = read(&args.certificate)?;
    let survey = runtime()?.block_on(OpenSurvey::open(&args.survey, None))?;
    expect("survey", args.survey_id.as_ref(), &survey.id)?;
    let plan = args.plan.as_ref().map(|path| super::query::read_plan(path)).transpose()?;
    let results = consumer::verify(&survey.id, survey.definition(), &certificate, plan.as_ref())?;
    expect("release", args.release.as_ref(), &certificate.statement.release)?;
    let statement = &certificate.statement;
    if args.json {
        let object = serde_json::json!({
            "valid": true, "survey": survey.id, "statement": statement, "results": results,
        });
        return print(&format!("{object}\n"));
    }
    print(&format!(
        "The certificate holds: {} signed release {} of {:?} over {} accounts.\nSurvey {}\n\n{results}",
        survey.definition().parties.each_ref().map(|party| party.name.as_str()).join(", "),
        statement.release,
        survey.definition().title,
        statement.count,
        survey.id,
    ))
}

/// Where the list stood, if it was looked at before.
fn mark(path: &Path) -> Result<Option<Mark>, ClientError> {
    let failed = |cause: String| ClientError::File { path: path.to_owned(), cause };
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|_| failed("not what this command remembers".to_owned()))
            .map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn log(args: &Log) -> Result<(), Failure> {
    let before = mark(&args.seen)?;
    let page = Api::page(&args.page)?;
    let log = runtime()?.block_on(async {
        let survey = OpenSurvey::open(&args.survey, None).await?;
        history::check(&page, &survey, before.as_ref()).await
    })?;
    std::fs::write(&args.seen, serde_json::to_vec(&log.mark())?)
        .map_err(|cause| ClientError::File { path: args.seen.clone(), cause: cause.to_string() })?;
    let known = before.map_or(0, |mark| mark.length);
    if args.json {
        return print(&format!("{}\n", serde_json::json!({ "known": known, "log": log })));
    }
    let new = log.entries.len() as u64 - known;
    print(&format!(
        "All {} certificates hold. The list begins with the {known} that were seen; {new} are new.\n",
        log.entries.len()
    ))
}
