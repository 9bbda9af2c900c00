//! A coordinator and three parties as processes, of a survey whose notary is the benchmark's: everything after the
//! notary's signature is real.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use service::fixture::Fixture;
use service::http::client::Client;
use service::keys::Keys;
use survey::Survey;
use survey::wire::Status;

use super::usage::{cpu_seconds, peak_bytes};
use crate::commands::Failure;

/// The processes, parties first.
pub const NAMES: [&str; 4] = ["party0", "party1", "party2", "coordinator"];

/// The servers and all keys; they end with the benchmark.
pub struct Servers {
    /// Survey, consumer, and the notary's key.
    pub fixture: Arc<Fixture>,
    /// A client of the coordinator.
    pub coordinator: Client,
    children: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.children {
            let _ended = server.kill();
            let _reaped = server.wait();
        }
    }
}

/// Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Servers {
    /// Starts them for a survey with a change, and waits until they answer.
    pub async fn start(change: impl FnOnce(&mut Survey) -> Result<(), Failure>) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("mpcstats-bench-").tempdir()?;
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
        change(&mut fixture.survey)?;
        let signed = fixture.survey.clone().sign(&fixture.organiser)?;
        std::fs::write(folder.path().join("survey.json"), serde_json::to_vec(&signed)?)?;
        let at = &signed.body.coordinator;
        let coordinator = Client::new(&at.address, at.identity)?;
        let mut servers = Self { coordinator, children: Vec::new(), folder, fixture: Arc::new(fixture) };
        for (index, name) in NAMES.into_iter().enumerate() {
            let keys = servers.fixture.parties.get(index).unwrap_or(&coordinator_keys);
            let child = start(servers.folder.path(), name, keys, ports[index])?;
            servers.children.push(child);
        }
        while servers.coordinator.get::<Status>("/v1/status").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(servers)
    }

    /// The signed survey.
    pub fn survey(&self) -> PathBuf {
        self.folder.path().join("survey.json")
    }

    /// User and system time of each process so far.
    pub fn cpu_seconds(&self) -> Result<Vec<f64>, Failure> {
        self.children.iter().map(|child| cpu_seconds(&child.id().to_string())).collect()
    }

    /// The most memory that each process ever held.
    pub fn peak_bytes(&self) -> Result<Vec<u64>, Failure> {
        self.children.iter().map(|child| peak_bytes(&child.id().to_string())).collect()
    }
}

fn start(folder: &Path, name: &str, keys: &Keys, port: u16) -> Result<Child, Failure> {
    keys.write(&folder.join(format!("{name}.key")))?;
    let role = if name == "coordinator" { "coordinator" } else { "party" };
    let more = match role {
        "coordinator" => "rate_per_address = 1000000\nrate_per_survey = 1000000\nqueue = 1000000\n",
        _ => "threads = 1\n",
    };
    let config = format!(
        "survey = \"survey.json\"\nkeys = \"{name}.key\"\nlisten = \"127.0.0.1:{port}\"\n\
         storage = \"sqlite:{name}.db\"\n{more}"
    );
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
