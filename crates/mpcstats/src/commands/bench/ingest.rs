//! `mpcstats bench ingest`: how many submissions a second go through all three parties' checks.
//!
//! The attestations are signed by a notary key of the benchmark's own over made-up responses; everything after
//! that is real: processes, TLS, storage, three-party computation.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use service::fixture::Fixture;
use service::http::client::Client;
use service::keys::Keys;
use survey::wire::{Queued, Status};
use survey::{Code, Submission};

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

const NAMES: [&str; 4] = ["party0", "party1", "party2", "coordinator"];
const BITS: u32 = 34;

/// The servers; they end with the benchmark.
struct Servers(Vec<Child>);

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Runs the benchmark.
pub fn run(args: &Ingest) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("mpcstats-ingest-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let outcome = runtime()?.block_on(measure(args, &folder));
    std::fs::remove_dir_all(&folder)?;
    print(&outcome?)
}

async fn measure(args: &Ingest, folder: &Path) -> Result<String, Failure> {
    let mut fixture = Fixture::new(now(), Vec::new())?;
    let listeners = [0; 4].map(|_| std::net::TcpListener::bind("127.0.0.1:0"));
    let mut ports = Vec::with_capacity(4);
    for listener in listeners {
        ports.push(listener?.local_addr()?.port());
    }
    let coordinator_keys = Keys::generate()?;
    for (party, port) in fixture.survey.parties.iter_mut().zip(&ports) {
        party.address = format!("127.0.0.1:{port}");
    }
    fixture.survey.coordinator.address = format!("https://127.0.0.1:{}", ports[3]);
    fixture.survey.coordinator.identity = Some(coordinator_keys.identity.public());
    let signed = fixture.survey.clone().sign(&fixture.organiser)?;
    std::fs::write(folder.join("survey.json"), serde_json::to_vec(&signed)?)?;
    let mut servers = Servers(Vec::new());
    for (index, name) in NAMES.into_iter().enumerate() {
        let keys = fixture.parties.get(index).unwrap_or(&coordinator_keys);
        servers.0.push(start(folder, name, keys, ports[index])?);
    }
    let client = Client::new(&signed.body.coordinator.address, signed.body.coordinator.identity)?;
    while client.get::<Status>("/v1/status").await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let bar = progress(args, "preparing");
    let submissions = prepare(&Arc::new(fixture), args.providers, &bar).await?;
    bar.finish_and_clear();
    let bar = progress(args, "accepted");
    let before: Vec<f64> = servers.0.iter().map(|server| cpu_seconds(server.id())).collect();
    let start = Instant::now();
    let submitting = tokio::spawn(submit(client.clone(), submissions, args.clients));
    let mut accepted = 0;
    while accepted < args.providers as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let status: Status = client.get("/v1/status").await?;
        accepted = status.accepted;
        bar.set_position(accepted);
        if submitting.is_finished() && accepted + status.queued < args.providers as u64 {
            break;
        }
    }
    let wall = start.elapsed().as_secs_f64();
    submitting.await??;
    bar.finish_and_clear();
    if accepted < args.providers as u64 {
        return Err(format!("{accepted} of {} submissions were accepted", args.providers).into());
    }
    let cpu: Vec<f64> =
        servers.0.iter().zip(before).map(|(server, before)| cpu_seconds(server.id()) - before).collect();
    let memory: Vec<u64> = servers.0.iter().map(|server| peak_bytes(server.id())).collect();
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

fn start(folder: &Path, name: &str, keys: &Keys, port: u16) -> Result<Child, Failure> {
    keys.write(&folder.join(format!("{name}.key")))?;
    let mut config = format!(
        "survey = \"survey.json\"\nkeys = \"{name}.key\"\nlisten = \"127.0.0.1:{port}\"\n\
         storage = \"sqlite:{name}.db\"\n"
    );
    let role = if name == "coordinator" { "coordinator" } else { "party" };
    config += match role {
        "coordinator" => "rate_per_address = 1000000\nrate_per_survey = 1000000\nqueue = 1000000\n",
        _ => "threads = 1\n",
    };
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, config)?;
    let log = std::fs::File::create(folder.join(format!("{name}.log")))?;
    Ok(Command::new(std::env::current_exe()?)
        .args([role, "serve", "--config"])
        .arg(path)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?)
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

/// User and system time of a process, from `/proc` (fields 14 and 15, in hundredths of a second).
fn cpu_seconds(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The most memory that a process ever held.
fn peak_bytes(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or_default() * 1024
}
