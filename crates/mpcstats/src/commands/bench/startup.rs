//! `mpcstats bench startup`: how long a question takes through all servers, beyond its computation.
//!
//! Each run asks a sum that was not asked before, as `mpcstats query` does: from the signed query to the certificate
//! whose three signatures have been checked. The sum of a few values is computed in a few rounds, so that nearly all
//! of that time is the way there and back: queue, checks, columns loaded, connections, signatures, storage.

use std::time::{Duration, Instant};

use client::consumer::Consumer;
use client::{OpenSurvey, Reference};
use stats::Schema;
use stats::build::Program;
use survey::wire::{Queued, Status};
use survey::{Choice, Survey};

use super::servers::{Servers, now};
use crate::commands::{Failure, print, runtime};

/// Arguments of `mpcstats bench startup`.
#[derive(clap::Args)]
pub struct Startup {
    /// How many accounts are summed.
    #[arg(long, default_value_t = 10)]
    rows: u64,
    /// How many questions are asked, one after another.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the benchmark.
pub fn run(args: &Startup) -> Result<(), Failure> {
    print(&runtime()?.block_on(measure(args))?)
}

async fn measure(args: &Startup) -> Result<String, Failure> {
    let servers = Servers::start(|survey| {
        survey.policy.epoch_accounts = args.rows;
        survey.policy.other_plans = args.runs;
        Ok(())
    })
    .await?;
    for account in 0..args.rows {
        let submission = servers.fixture.submission(&format!("account{account}"), "12.5", now())?;
        servers.coordinator.post::<_, Queued>("/v1/submissions", &submission).await?;
    }
    while servers.coordinator.get::<Status>("/v1/status").await?.accepted < args.rows {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let open = OpenSurvey::open(&Reference::File(servers.survey()), None).await?;
    while open.api.epochs().await?.epochs.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let epochs = Some(open.api.epochs().await?.epochs.iter().map(|epoch| epoch.number).collect::<Vec<_>>());
    let keys = &servers.fixture.consumer;
    let consumer = Consumer { identity: keys.identity.clone(), opening: keys.opening.clone() };
    let mut seconds = Vec::new();
    let before: f64 = servers.cpu_seconds()?.iter().sum();
    for run in 0..args.runs {
        let plan = sum(&format!("sum{run}"), &servers.fixture.survey)?;
        let start = Instant::now();
        consumer.ask(&open, Choice::Own(Box::new(plan)), epochs.clone(), PATIENCE).await?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let cpu = servers.cpu_seconds()?.iter().sum::<f64>() - before;
    report(args, seconds, cpu / args.runs as f64)
}

fn sum(name: &str, survey: &Survey) -> Result<stats::Plan, Failure> {
    let program = Program::new(name, survey.schema());
    program.output([name], &program.column(Schema::DEFAULT, "balance").sum());
    Ok(program.finish()?)
}

/// `cpu`: processor time of all four servers together for one question, in seconds.
fn report(args: &Startup, mut seconds: Vec<f64>, cpu: f64) -> Result<String, Failure> {
    seconds.sort_by(f64::total_cmp);
    let (least, median, most) = (seconds[0], seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
    if args.json {
        let line = serde_json::json!({
            "op": "startup", "rows": args.rows, "runs": args.runs,
            "startup_s": median, "startup_min_s": least, "startup_max_s": most, "cpu_s": cpu,
        });
        return Ok(format!("{}\n", serde_json::to_string(&line)?));
    }
    let ms = |seconds: f64| seconds * 1000.0;
    Ok(format!(
        "{} questions over {} accounts: {:.1} ms in the median, {:.1} at least, {:.1} at most; {:.1} ms of processor for each\n",
        args.runs,
        args.rows,
        ms(median),
        ms(least),
        ms(most),
        ms(cpu)
    ))
}
