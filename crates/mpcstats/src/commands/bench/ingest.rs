//! `mpcstats bench ingest`: how many submissions a second go through all three parties' checks.
//!
//! The attestations are signed by a notary key of the benchmark's own over made-up responses; everything after
//! that is real: processes, TLS, storage, three-party computation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use service::fixture::Fixture;
use service::http::client::Client;
use survey::wire::{Queued, Status};
use survey::{Code, Submission};

use super::servers::{NAMES, Servers, now};
use crate::commands::{Failure, print, runtime};

/// Arguments of `mpcstats bench ingest`.
#[derive(clap::Args)]
pub struct Ingest {
    /// How many providers submit.
    #[arg(long, default_value_t = 2000)]
    providers: usize,
    /// How many submit at the same time.
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

const BITS: u32 = 34;

/// Runs the benchmark.
pub fn run(args: &Ingest) -> Result<(), Failure> {
    print(&runtime()?.block_on(measure(args))?)
}

async fn measure(args: &Ingest) -> Result<String, Failure> {
    let servers = Servers::start(|_| Ok(())).await?;
    let client = &servers.coordinator;
    let bar = progress(args, "preparing");
    let submissions = prepare(&servers.fixture, args.providers, &bar).await?;
    bar.finish_and_clear();
    let bar = progress(args, "accepted");
    let before = servers.cpu_seconds()?;
    let start = Instant::now();
    let submitting = tokio::spawn(submit(client.clone(), submissions, args.clients));
    let mut accepted = 0;
    while accepted < args.providers as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Asked in this order: what is submitted after the status was read is not missing from it.
        let submitted = submitting.is_finished();
        let status: Status = client.get("/v1/status").await?;
        accepted = status.accepted;
        bar.set_position(accepted);
        if submitted && accepted + status.queued < args.providers as u64 {
            break;
        }
    }
    let wall = start.elapsed().as_secs_f64();
    submitting.await??;
    bar.finish_and_clear();
    if accepted < args.providers as u64 {
        return Err(format!("{accepted} of {} submissions were accepted", args.providers).into());
    }
    let cpu: Vec<f64> = servers.cpu_seconds()?.iter().zip(before).map(|(now, before)| now - before).collect();
    let memory = servers.peak_bytes()?;
    report(args, wall, &cpu, &memory)
}

fn report(args: &Ingest, wall: f64, cpu: &[f64], memory: &[u64]) -> Result<String, Failure> {
    let rate = args.providers as f64 / wall;
    if args.json {
        let line = serde_json::json!({
            "op": "ingest", "rows": args.providers, "bits": BITS, "clients": args.clients, "wall_s": wall,
            "submissions_per_s": rate, "cpu_s": &cpu[..3], "coordinator_cpu_s": cpu[3],
            "peak_rss_bytes": &memory[..3], "coordinator_peak_rss_bytes": memory[3],
        });
        return Ok(format!("{}\n", serde_json::to_string(&line)?));
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let mut text = format!(
        "{} submissions by {} clients: {wall:.2} s, {rate:.0} a second\n",
        args.providers, args.clients
    );
    for (name, (cpu, memory)) in NAMES.iter().zip(cpu.iter().zip(memory)) {
        text += name;
        text += ": ";
        text +=
            &[format!("{cpu:.2} s of processor"), format!("{:.0} MiB at most\n", mib(*memory))].join(", ");
    }
    Ok(text)
}

fn progress(args: &Ingest, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
    let bar = ProgressBar::new(args.providers as u64).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Makes all submissions before the clock starts: providers have machines of their own.
async fn prepare(
    fixture: &Arc<Fixture>,
    count: usize,
    bar: &ProgressBar,
) -> Result<Vec<Submission>, Failure> {
    let width = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut tasks = Vec::with_capacity(width);
    for part in 0..width {
        let (fixture, bar) = (fixture.clone(), bar.clone());
        tasks.push(tokio::task::spawn_blocking(move || {
            let mine = (part..count).step_by(width);
            mine.map(|index| {
                bar.inc(1);
                let balance = format!("{}.{:04}", index * 7 % 100_000, index % 10_000);
                fixture.submission(&format!("account{index}"), &balance, now())
            })
            .collect::<Result<Vec<_>, _>>()
        }));
    }
    let mut submissions = Vec::with_capacity(count);
    for task in tasks {
        submissions.extend(task.await??);
    }
    Ok(submissions)
}

async fn submit(client: Client, submissions: Vec<Submission>, clients: usize) -> Result<(), survey::Refusal> {
    let (submissions, next) = (Arc::new(submissions), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (client, submissions, next) = (client.clone(), submissions.clone(), next.clone());
        tasks.spawn(async move {
            while let Some(submission) = submissions.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = client.post::<_, Queued>("/v1/submissions", submission).await;
                match outcome {
                    Err(refusal) if refusal.code == Code::QueueFull => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        client.post::<_, Queued>("/v1/submissions", submission).await?;
                    }
                    outcome => drop(outcome?),
                }
            }
            Ok::<_, survey::Refusal>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.map_err(|error| survey::Refusal::new(Code::Internal, error.to_string()))??;
    }
    Ok(())
}
