//! `mpcstats certificate`: checks certificates offline.

use std::path::{Path, PathBuf};

use ::survey::{Code, Id, Refusal};
use client::{OpenSurvey, Reference, consumer};

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
    Verify {
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
    },
}

/// Reads a certificate.
pub fn read(path: &Path) -> Result<survey::Certificate, Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    if std::fs::metadata(path).map_err(|error| named(&error))?.len() > MAX_CERTIFICATE {
        return Err(named(&"too long for a certificate").into());
    }
    let bytes = std::fs::read(path).map_err(|error| named(&error))?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| named(&format!("not a certificate: {error}")))?)
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
    let Action::Verify { certificate, survey, plan, survey_id, release, json } = &args.action;
    let certificate = read(certificate)?;
    let survey = runtime()?.block_on(OpenSurvey::open(survey, None))?;
    expect("survey", survey_id.as_ref(), &survey.id)?;
    let plan = plan.as_ref().map(|path| super::query::read_plan(path)).transpose()?;
    let results = consumer::verify(&survey.id, survey.definition(), &certificate, plan.as_ref())?;
    expect("release", release.as_ref(), &certificate.statement.release)?;
    let statement = &certificate.statement;
    if *json {
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
