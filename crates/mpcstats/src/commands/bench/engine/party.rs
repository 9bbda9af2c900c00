//! One party of `mpcstats bench engine`: a process that is told its job on standard input.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use net::latency::Delayed;
use net::tcp::{Peer, Transport, TransportConfig};
use net::{Identity, Threads};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rep3::network::{Network, Party};
use rep3::{Config, Session, measure_pace};

use super::super::query;
use super::super::usage::peak_bytes;
use super::operations::{self, Inputs};
use super::{Failure, Job, Report, Work};

/// Work with its inputs, ready to be run and verified.
pub type Run = Box<dyn FnOnce(&mut Session) -> Result<(), Failure>>;

/// How long a party waits for the others.
const PATIENCE: Duration = Duration::from_mins(10);

/// Announces where it listens, reads a job, runs it and reports.
pub fn run() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let job: Job = serde_json::from_str(&line)?;
    println!("{}", serde_json::to_string(&measure(&job, listener)?)?);
    Ok(())
}

fn measure(job: &Job, listener: TcpListener) -> Result<Report, Failure> {
    let me = Party::from_index(job.me);
    let transport = connect(job, me, listener)?;
    let network = Delayed::new(transport.open(job.seed)?, Duration::from_secs_f64(job.rtt_ms / 2000.0));
    let config = Config { sid: job.seed, program: [0; 32], inputs: [0; 32] };
    let mut nonce = job.seed;
    nonce[0] ^= me.index() as u8;
    let network: Box<dyn Network> = Box::new(network);
    let mut session = Session::open(network, Arc::new(Threads::per_core()?), &config, nonce)?;
    let start = Instant::now();
    measure_pace(|| start.elapsed(), &mut session)?;
    let run: Run = match &job.work {
        Work::Operation(operation) => {
            let run = operations::prepare(*operation, job.rows, job.bits, &mut Inputs::new(me, &job.seed));
            Box::new(move |session| Ok(run(session)?))
        }
        Work::Query { program, minimum } => {
            query::prepare(query::plan(program, *minimum, job.rows, job.bits)?, job.rows, me, &job.seed)?
        }
    };

    forget_peak()?;
    let (sent, rounds) = (session.traffic().sent_bytes, session.traffic().rounds);
    let (cpu, start) = (cpu_seconds(), Instant::now());
    run(&mut session)?;
    session.verify_pending()?;
    Ok(Report {
        wall_s: start.elapsed().as_secs_f64(),
        cpu_s: cpu_seconds() - cpu,
        sent_bytes: session.traffic().sent_bytes - sent,
        rounds: session.traffic().rounds - rounds,
        peak_rss_bytes: peak_bytes("self")?,
    })
}

fn connect(job: &Job, me: Party, listener: TcpListener) -> Result<Transport, Failure> {
    let identity = |party: Party| {
        let mut seed = job.seed;
        seed[31] ^= 1 + party.index() as u8;
        Identity::generate(&mut StdRng::from_seed(seed))
    };
    let peer = |party: Party| {
        let address = job.addresses[party.index()].clone();
        Peer { key: identity(party).public(), address }
    };
    let transport = Transport::start(TransportConfig {
        me,
        identity: identity(me),
        left: peer(me.left()),
        right: peer(me.right()),
        patience: PATIENCE,
    })?;
    transport.listen(listener)?;
    Ok(transport)
}

/// Processor time of this process so far, to the nanosecond: `/proc` tells it only as of the last tick.
fn cpu_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Sets the process's peak memory back to what it uses now.
fn forget_peak() -> Result<(), Failure> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}
