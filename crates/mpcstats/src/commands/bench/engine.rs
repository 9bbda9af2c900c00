//! `mpcstats bench engine`: starts three parties as processes, gives each the same job, and prints what they
//! measured.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use indicatif::{ProgressBar, ProgressStyle};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Failure;
use operations::Operation;

mod operations;
pub mod party;

/// What the parties are to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// An operation of the engine.
    Operation(Operation),
    /// A program of `bench query`, by name.
    Query { program: String, minimum: u32 },
}

/// Arguments of `mpcstats bench engine`.
#[derive(clap::Args)]
pub struct Engine {
    /// An operation to run; may be given several times. All of them, unless given.
    #[arg(long = "op", value_name = "NAME")]
    operations: Vec<Operation>,
    /// Rows to run it on; a number that suits the operation, unless given.
    #[arg(long)]
    rows: Option<usize>,
    /// Width of integers in bits; a number that suits the operation, unless given.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=64))]
    bits: Option<u8>,
    /// Round-trip time in milliseconds to add between parties.
    #[arg(long, default_value_t = 0.0)]
    rtt_ms: f64,
    /// Runs of each operation, of which the quickest is printed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Print one JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
}

/// What a party is told on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    me: usize,
    /// Where each party listens.
    addresses: [String; 3],
    /// Made for this run: keys and inputs are grown from it.
    seed: [u8; 32],
    work: Work,
    rows: usize,
    bits: usize,
    rtt_ms: f64,
}

/// What a party reports on its standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Report {
    wall_s: f64,
    cpu_s: f64,
    sent_bytes: u64,
    rounds: u64,
    peak_rss_bytes: u64,
}

/// What is printed of an operation or a query.
#[derive(Debug, Serialize)]
pub struct Line {
    op: String,
    rows: usize,
    bits: usize,
    pub wall_s: f64,
    cpu_s: [f64; 3],
    sent_bytes: [u64; 3],
    rounds: u64,
    peak_rss_bytes: [u64; 3],
    /// Seconds to trace and check the plan of a query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_s: Option<f64>,
}

/// Runs the operations one after another.
pub fn run(args: &Engine) -> Result<(), Failure> {
    let operations = if args.operations.is_empty() { Operation::all() } else { args.operations.clone() };
    let progress = if args.json { ProgressBar::hidden() } else { ProgressBar::new(operations.len() as u64) };
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    if !args.json {
        println!("{}", header());
    }
    for operation in operations {
        progress.set_message(operation.to_string());
        let (rows, bits) = operation.defaults();
        let (rows, bits) = (args.rows.unwrap_or(rows), args.bits.map_or(bits, usize::from));
        let run = |_| measure(&operation.to_string(), &Work::Operation(operation), rows, bits, args.rtt_ms);
        let lines = (0..args.runs).map(run).collect::<Result<Vec<_>, _>>()?;
        let quickest = lines.into_iter().min_by(|a, b| a.wall_s.total_cmp(&b.wall_s));
        progress.inc(1);
        if let Some(line) = quickest {
            let text = if args.json { serde_json::to_string(&line)? } else { row(&line) };
            progress.suspend(|| println!("{text}"));
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// Runs one operation or query once.
pub fn measure(op: &str, work: &Work, rows: usize, bits: usize, rtt_ms: f64) -> Result<Line, Failure> {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    let mut parties = [Party::start()?, Party::start()?, Party::start()?];
    let addresses = parties.each_ref().map(|party| party.address.clone());
    for (me, party) in parties.iter_mut().enumerate() {
        let (addresses, work) = (addresses.clone(), work.clone());
        party.give(&Job { me, addresses, seed, work, rows, bits, rtt_ms })?;
    }
    let mut reports = Vec::new();
    for party in &mut parties {
        reports.push(party.report()?);
    }
    let each = |f: fn(&Report) -> u64| [f(&reports[0]), f(&reports[1]), f(&reports[2])];
    Ok(Line {
        op: op.to_owned(),
        rows,
        bits,
        wall_s: reports.iter().map(|report| report.wall_s).fold(0.0, f64::max),
        cpu_s: [reports[0].cpu_s, reports[1].cpu_s, reports[2].cpu_s],
        sent_bytes: each(|report| report.sent_bytes),
        rounds: reports.iter().map(|report| report.rounds).max().unwrap_or(0),
        peak_rss_bytes: each(|report| report.peak_rss_bytes),
        plan_s: None,
    })
}

/// A party's process, which has told where it listens. It is killed if the benchmark fails.
struct Party {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Party {
    fn start() -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process =
            command.args(["bench", "engine-party"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (input, output) = pipes.ok_or("a party's process has no pipes")?;
        let mut party = Self { process, input, output: BufReader::new(output), address: String::new() };
        party.address = party.line()?;
        Ok(party)
    }

    fn give(&mut self, job: &Job) -> Result<(), Failure> {
        writeln!(self.input, "{}", serde_json::to_string(job)?)?;
        Ok(self.input.flush()?)
    }

    fn report(&mut self) -> Result<Report, Failure> {
        let report = serde_json::from_str(&self.line()?)?;
        self.process.wait()?;
        Ok(report)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            let status = self.process.wait()?;
            return Err(format!("a party stopped without a report ({status}); its message is above").into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // Both fail harmlessly if the process has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn header() -> String {
    format!(
        "{:<20} {:>9} {:>4} {:>10} {:>22} {:>12} {:>6} {:>10}",
        "operation", "rows", "bits", "wall s", "cpu s a party", "sent MB", "rounds", "peak MiB"
    )
}

pub fn row(line: &Line) -> String {
    let cpu = line.cpu_s.map(|cpu| format!("{cpu:.3}")).join(" ");
    let sent = line.sent_bytes.iter().max().map_or(0.0, |&bytes| bytes as f64 / 1e6);
    let peak = line.peak_rss_bytes.iter().max().map_or(0, |bytes| bytes >> 20);
    format!(
        "{:<20} {:>9} {:>4} {:>10.4} {cpu:>22} {sent:>12.3} {:>6} {peak:>10}",
        line.op, line.rows, line.bits, line.wall_s, line.rounds
    )
}
