//! `mpcstats bench notary`: the cost of one proof, in time, bytes, processor time and memory.
//!
//! Website, notary and prover are three processes on loopback, so that each one's processor time can be read from
//! the operating system. One private field of 24 bytes is committed. With `--disclose none` the rest of the
//! response's body is redacted and the request's padding is hidden, each byte with the proof of its class that
//! every attestation carries; with `--disclose all` everything else is proven and shown.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mpctls::protocol::{Outbound, Prover, Stage};
use mpctls::source::Secrets;
use mpctls::tls::Patience;
use mpctls::{Mode, NotaryKey, Source};
use serde::Serialize;
use service::exchange::Authority;
use service::notary::{Config, roots, serve};
use twopc::channel::{Channel, ChannelError};

use super::usage::{cpu_seconds, peak_bytes};
use crate::commands::prove::parse_mode;
use crate::commands::{Failure, print, runtime};

/// Arguments of `mpcstats bench notary`.
#[derive(clap::Args)]
pub struct Notary {
    /// How prover and notary share the work: mpc or proxy.
    #[arg(long, default_value = "mpc", value_parser = parse_mode)]
    mode: Mode,
    /// The request's length, with its head.
    #[arg(long, default_value_t = 1024)]
    request_bytes: usize,
    /// The response's length, with its head.
    #[arg(long, default_value_t = 2048)]
    response_bytes: usize,
    /// What to show of everything but the private field.
    #[arg(long, default_value = "none")]
    disclose: Disclose,
    /// How many times; the best by total time is printed.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Disclose {
    None,
    All,
}

/// Arguments of the website's process.
#[derive(clap::Args)]
pub struct Site {
    folder: PathBuf,
    response_bytes: usize,
}

/// Arguments of the notary's process.
#[derive(clap::Args)]
pub struct Server {
    folder: PathBuf,
    mode: String,
}

/// What is printed: the columns that TLSNotary's figures have.
#[derive(Serialize)]
struct Figures {
    mode: Mode,
    request_bytes: usize,
    response_bytes: usize,
    preprocess_s: f64,
    online_s: f64,
    prove_s: f64,
    total_s: f64,
    prover_sent_bytes: u64,
    prover_received_bytes: u64,
    prover_cpu_s: f64,
    notary_cpu_s: f64,
    prover_peak_rss_bytes: u64,
}

const PREFIX: &str = r#"{"pad":""#;
const FIELD: &str = r#"","asset":"ETH","free":""#;
const VALUE: &str = r#"12.34500000","locked":"0.00000000"}"#;

/// The website's response: exactly so many bytes.
fn response(bytes: usize) -> Result<String, Failure> {
    let head = |body: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n");
    let fixed = PREFIX.len() + FIELD.len() + VALUE.len();
    // The digits of the length may change with the length; the second guess is right.
    let guess = bytes.saturating_sub(head(bytes).len());
    let body = bytes.saturating_sub(head(guess).len());
    let padding = body.checked_sub(fixed).ok_or("the response is too short for its field")?;
    Ok(format!("{}{PREFIX}{}{FIELD}{VALUE}", head(body), "x".repeat(padding)))
}

/// The source, whose hidden padding brings the request to the length asked for.
fn source(port: u16, disclose: Disclose, request_bytes: usize) -> Result<(Source, Secrets), Failure> {
    let definition = |padding: &str| {
        let text = format!(
            r#"
            version = 1
            name = "bench"
            host = "localhost"
            port = {port}
            secrets.padding = {{ description = "padding", max_length = 4096 }}
            request = {{ method = "GET", path = "/", headers = [{{ name = "X-Padding", value = "{padding}" }}] }}
            response.body = [
              {{ skip = 1048576 }},
              {{ anchor = ',"asset":"ETH","free":"' }},
              {{ field = "free" }},
              {{ skip = 1024 }},
            ]
            fields = [{{ name = "free", visibility = "private", type = "decimal", scale = 8, min = 0,
                         max = 100000000000000, unit = "ETH", window = 24 }}]
            "#
        );
        Source::from_toml(&text)
    };
    let mut secrets = Secrets::new();
    secrets.insert("padding", "x".into());
    let one = definition("{padding}")?.render(&secrets, 0)?.bytes.len();
    let padding = "x".repeat((request_bytes + 1).saturating_sub(one).max(1));
    if disclose == Disclose::All {
        return Ok((definition(&padding)?, secrets));
    }
    secrets.insert("padding", padding);
    Ok((definition("{padding}")?, secrets))
}

/// Runs the benchmark.
pub fn run(args: &Notary) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("mpcstats-bench-{}", std::process::id()));
    let result = measure(args, &folder);
    let _gone = std::fs::remove_dir_all(&folder);
    let figures = result?;
    if args.json {
        return print(&format!("{}\n", serde_json::to_string(&figures)?));
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    print(&format!(
        "{} mode, {} B request, {} B response\n  prepare {:.3} s, online {:.3} s, prove {:.3} s, total {:.3} s\n  \
         prover sends {:.2} MB, receives {:.2} MB\n  CPU: prover {:.2} s, notary {:.2} s\n  memory: prover {:.0} MB\n",
        figures.mode,
        figures.request_bytes,
        figures.response_bytes,
        figures.preprocess_s,
        figures.online_s,
        figures.prove_s,
        figures.total_s,
        megabytes(figures.prover_sent_bytes),
        megabytes(figures.prover_received_bytes),
        figures.prover_cpu_s,
        figures.notary_cpu_s,
        megabytes(figures.prover_peak_rss_bytes)
    ))
}

fn measure(args: &Notary, folder: &Path) -> Result<Figures, Failure> {
    let site = Process::start("notary-site", folder, &args.response_bytes.to_string())?;
    let notary = Process::start("notary-server", folder, &args.mode.to_string())?;
    let (address, key) = notary.said.split_once(' ').ok_or("the notary did not start")?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(key, &mut bytes)?;
    let (source, secrets) = source(site.said.parse()?, args.disclose, args.request_bytes)?;
    let runtime = runtime()?;
    let mut best: Option<Figures> = None;
    for _ in 0..args.runs.max(1) {
        let own = cpu_seconds("self")?;
        let theirs = cpu_seconds(&notary.id())?;
        let counted = Arc::new(Counts::default());
        let channel = runtime.block_on(client::notary::connect(address, bytes))?;
        let channel = Box::new(Counted { channel, counts: counted.clone() });
        let prover = Prover {
            source: &source,
            secrets: &secrets,
            survey: [0; 32],
            provider_key: [0; 32],
            notary: NotaryKey::new(bytes),
            mode: args.mode,
            roots: roots(&[folder.join("ca.pem")])?,
            patience: Patience::default(),
            show_rest: args.disclose == Disclose::All,
            connect: &Outbound { private_addresses: true },
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let start = Instant::now();
        let prepared = prover.prepare(channel, unix.as_secs(), &mut rand::rng())?;
        let ready = start.elapsed();
        let mut proving = ready;
        let mut progress = |stage: Stage| {
            if stage == Stage::Proving {
                proving = start.elapsed();
            }
        };
        prover.run(prepared, unix.as_millis() as u64, &mut rand::rng(), &mut progress, &mut |_| true)?;
        let total = start.elapsed();
        let figures = Figures {
            mode: args.mode,
            request_bytes: args.request_bytes,
            response_bytes: args.response_bytes,
            preprocess_s: ready.as_secs_f64(),
            online_s: proving.saturating_sub(ready).as_secs_f64(),
            prove_s: total.saturating_sub(proving).as_secs_f64(),
            total_s: total.as_secs_f64(),
            prover_sent_bytes: counted.sent.load(Ordering::Relaxed),
            prover_received_bytes: counted.received.load(Ordering::Relaxed),
            prover_cpu_s: cpu_seconds("self")? - own,
            notary_cpu_s: cpu_seconds(&notary.id())? - theirs,
            prover_peak_rss_bytes: peak_bytes("self")?,
        };
        if best.as_ref().is_none_or(|best| figures.total_s < best.total_s) {
            best = Some(figures);
        }
    }
    Ok(best.ok_or("no run")?)
}

/// A process of the benchmark, which says one line when it is ready and ends with this value.
struct Process {
    child: Child,
    said: String,
}

impl Process {
    fn start(role: &str, folder: &Path, argument: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", role])
            .arg(folder)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("a process without output")?;
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said)?;
        Ok(Self { child, said: said.trim().to_owned() })
    }

    fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
}

/// Counts the bytes of messages and of their length prefixes.
struct Counted<C> {
    channel: C,
    counts: Arc<Counts>,
}

impl<C: Channel> Channel for Counted<C> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.counts.sent.fetch_add(message.len() as u64 + 4, Ordering::Relaxed);
        self.channel.send(message)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.channel.flush()
    }

    fn recv(&mut self, limit: usize) -> Result<Vec<u8>, ChannelError> {
        let message = self.channel.recv(limit)?;
        self.counts.received.fetch_add(message.len() as u64 + 4, Ordering::Relaxed);
        Ok(message)
    }
}

/// The website: answers every request alike, and says its port.
pub fn site(args: &Site) -> Result<(), Failure> {
    let authority = Authority::open(&args.folder)?;
    let (chain, key) = authority.issue(&["localhost".into()])?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let config = Arc::new(config);
    let answer = response(args.response_bytes)?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    print(&format!("{}\n", listener.local_addr()?.port()))?;
    std::io::stdout().flush()?;
    for stream in listener.incoming() {
        // A client that hangs up is its own business.
        let _answered = answer_one(stream?, config.clone(), &answer);
    }
    Ok(())
}

fn answer_one(mut tcp: TcpStream, config: Arc<rustls::ServerConfig>, answer: &str) -> Result<(), Failure> {
    tcp.set_nodelay(true)?;
    let mut tls = rustls::ServerConnection::new(config)?;
    let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    stream.write_all(answer.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

/// The notary: says its address and key.
pub fn server(args: &Server) -> Result<(), Failure> {
    let mut config = Config::new(args.folder.join("notary"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.modes = vec![parse_mode(&args.mode)?];
    config.authorities = vec![args.folder.join("ca.pem")];
    config.private_addresses = true;
    config.per_minute = u32::MAX;
    runtime()?.block_on(async {
        let running = serve(config).await?;
        print(&format!("{} {}\n", running.address, hex::encode(running.key.key)))?;
        std::io::stdout().flush()?;
        // The prover's process ends this one.
        service::run::interrupted().await;
        running.stop().await;
        Ok(())
    })
}
