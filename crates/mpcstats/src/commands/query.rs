//! `mpcstats query`: a consumer asks for statistics.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use client::consumer::Consumer;
use client::{OpenSurvey, Reference};
use stats::{Plan, Schema};
use survey::{Choice, Survey};

use super::{Failure, print, runtime};

/// Arguments of `mpcstats query`. Exactly one of `--stat`, `--listed`, `--plan` and `--program` says what is asked.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["stat", "listed", "plan", "program"])))]
pub struct Query {
    /// The survey: `https://HOST:PORT/#ID`, or the file of a signed survey.
    #[arg(long)]
    survey: Reference,
    /// The key file of a consumer that the survey lists.
    #[arg(long)]
    keys: PathBuf,
    /// Results of a plan that the survey lists, by name: `mean,median`.
    #[arg(long, value_delimiter = ',')]
    stat: Vec<String>,
    /// A plan that the survey lists, by name.
    #[arg(long)]
    listed: Option<String>,
    /// A plan of your own, as JSON, if the survey's policy lets it in.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// A Python program of your own; it is traced by `python3 -m mpcstats`.
    #[arg(long)]
    program: Option<PathBuf>,
    /// The closed epochs to ask about; all, if left out.
    #[arg(long, value_delimiter = ',')]
    epochs: Option<Vec<u64>>,
    /// Where to write the certificate.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// How long to wait, in seconds.
    #[arg(long, default_value_t = 600)]
    patience: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads a plan.
pub fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| format!("{}: not a plan: {error}", path.display()))?)
}

/// Traces a Python program against a survey's schema.
pub fn trace(program: &Path, schema: &Schema) -> Result<Plan, Failure> {
    // A name of its own, and no link that somebody else has put there.
    let file = tempfile::Builder::new().prefix("mpcstats-schema-").suffix(".json").tempfile()?;
    std::fs::write(file.path(), serde_json::to_vec(schema)?)?;
    let traced = Command::new("python3")
        .args(["-m", "mpcstats", "--plan", "--schema"])
        .arg(file.path())
        .arg(program)
        .output();
    let traced = traced.map_err(|error| format!("python3 does not start: {error}"))?;
    if !traced.status.success() {
        let said = String::from_utf8_lossy(&traced.stderr);
        let hint = if said.contains("No module named mpcstats") {
            "; `pip install ./python` in mpcstats' folder installs it"
        } else {
            ""
        };
        return Err(format!("{}: {}{hint}", program.display(), said.trim_end()).into());
    }
    Ok(serde_json::from_slice(&traced.stdout)?)
}

/// The listed plan that gives all of these results.
fn listed_with(survey: &Survey, stats: &[String]) -> Result<Choice, Failure> {
    let gives =
        |plan: &Plan, stat: &String| plan.outputs.iter().any(|output| output.path.first() == Some(stat));
    let found = survey.plans.iter().find(|named| stats.iter().all(|stat| gives(&named.plan, stat)));
    let names = || {
        let outputs = survey.plans.iter().flat_map(|named| &named.plan.outputs);
        outputs.filter_map(|output| output.path.first().cloned()).collect::<Vec<_>>().join(", ")
    };
    let found =
        found.ok_or_else(|| format!("no plan of the survey gives all of these; it gives: {}", names()))?;
    Ok(Choice::Listed(found.name.clone()))
}

/// Runs the command.
pub fn run(args: &Query) -> Result<(), Failure> {
    let consumer = Consumer::read(&args.keys)?;
    let runtime = runtime()?;
    let survey = runtime.block_on(OpenSurvey::open(&args.survey, None))?;
    let choice = match (&args.listed, &args.plan, &args.program) {
        (Some(name), _, _) => Choice::Listed(name.clone()),
        (_, Some(plan), _) => Choice::Own(Box::new(read_plan(plan)?)),
        (_, _, Some(program)) => Choice::Own(Box::new(trace(program, &survey.definition().schema())?)),
        _ => listed_with(survey.definition(), &args.stat)?,
    };
    let bar = super::prove::spinner(args.json);
    bar.set_message("the parties compute");
    let patience = Duration::from_secs(args.patience);
    let mut answer = runtime.block_on(consumer.ask(&survey, choice, args.epochs.clone(), patience))?;
    bar.finish_and_clear();
    if let Some(path) = &args.output {
        std::fs::write(path, serde_json::to_vec_pretty(&answer.certificate)?)?;
    }
    if !args.stat.is_empty() {
        answer.results.rows.retain(|row| row.path.first().is_some_and(|name| args.stat.contains(name)));
    }
    if args.json {
        let object = serde_json::json!({ "results": answer.results, "certificate": answer.certificate });
        return print(&format!("{object}\n"));
    }
    print(&answer.results.to_string())
}
