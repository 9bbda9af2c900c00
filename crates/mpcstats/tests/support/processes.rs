//! A coordinator and three parties as processes, of a survey whose notary is the test's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use service::fixture::Fixture;
use service::http::client::Client;
use service::keys::Keys;
use survey::wire::{Queued, SubmissionStatus};
use survey::{Id, SignedSurvey, Submission, Survey};

/// Nothing takes longer, unless it is stuck.
pub const STUCK: Duration = Duration::from_secs(90);

/// The coordinator's place among the processes, after the parties'.
pub const COORDINATOR: usize = 3;
pub const NAMES: [&str; 4] = ["party0", "party1", "party2", "coordinator"];

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Looks again and again until there is something.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + STUCK;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "stuck: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Four processes: parties 0, 1, 2 and the coordinator. They die with the test.
pub struct Processes {
    pub fixture: Fixture,
    pub signed: SignedSurvey,
    pub coordinator: Client,
    pub parties: [Client; 3],
    folder: tempfile::TempDir,
    running: [Option<Child>; 4],
}

impl Processes {
    /// Writes keys, survey and configurations; `coordinator` is added to the coordinator's.
    pub fn prepare(change: impl FnOnce(&mut Survey), coordinator: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listeners: [_; 4] = std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
        let mut fixture = Fixture::new(now(), Vec::new()).unwrap();
        let coordinator_keys = Keys::generate().unwrap();
        for (party, port) in fixture.survey.parties.iter_mut().zip(ports) {
            party.address = format!("127.0.0.1:{port}");
        }
        fixture.survey.coordinator.address = format!("https://127.0.0.1:{}", ports[COORDINATOR]);
        fixture.survey.coordinator.identity = Some(coordinator_keys.identity.public());
        change(&mut fixture.survey);
        let signed = fixture.survey.clone().sign(&fixture.organiser).unwrap();
        std::fs::write(folder.path().join("survey.json"), serde_json::to_vec(&signed).unwrap()).unwrap();
        for (index, name) in NAMES.into_iter().enumerate() {
            let keys = fixture.parties.get(index).unwrap_or(&coordinator_keys);
            let more = match index {
                COORDINATOR => format!("rate_per_address = 1000\n{coordinator}"),
                _ => "threads = 1\npatience = 5\n".to_owned(),
            };
            configure(folder.path(), name, keys, ports[index], &more);
        }
        let at = &signed.body.coordinator;
        Self {
            coordinator: Client::new(&at.address, at.identity).unwrap(),
            parties: [0, 1, 2].map(|party| {
                let party = &signed.body.parties[party];
                Client::new(&format!("https://{}", party.address), Some(party.identity)).unwrap()
            }),
            running: [None, None, None, None],
            fixture,
            signed,
            folder,
        }
    }

    /// A file beside the configurations.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a process has logged, one JSON object a line.
    pub fn log(&self, index: usize) -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(self.path(&format!("{}.log", NAMES[index]))).unwrap();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Starts another command in the folder, with its log beside the others.
    pub fn spawn(&self, name: &str, arguments: &[&str]) -> Child {
        let log = self.path(&format!("{name}.log"));
        Command::new(env!("CARGO_BIN_EXE_mpcstats"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("MPCSTATS_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::options().create(true).append(true).open(log).unwrap())
            .spawn()
            .unwrap()
    }

    pub fn start(&mut self, index: usize) {
        let role = if index == COORDINATOR { "coordinator" } else { "party" };
        let config = format!("{}.toml", NAMES[index]);
        self.running[index] = Some(self.spawn(NAMES[index], &[role, "serve", "--config", &config]));
    }

    /// kill -9.
    pub fn kill(&mut self, index: usize) {
        if let Some(mut child) = self.running[index].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks a process to end, and waits until it has.
    pub fn terminate(&mut self, index: usize) -> ExitStatus {
        terminate(self.running[index].take().unwrap())
    }

    /// Submits until it is acknowledged: a provider tries again when the coordinator is away.
    pub async fn submit(&self, submission: &Submission) -> Id {
        eventually("a submission is not acknowledged", async || {
            let queued = self.coordinator.post::<_, Queued>("/v1/submissions", submission).await;
            queued.ok().map(|queued| queued.submission)
        })
        .await
    }

    /// Submits a balance and waits until all three parties have accepted it.
    pub async fn share(&self, account: &str) -> Id {
        let submission = self.fixture.submission(account, "12.5", now()).unwrap();
        let submission = self.submit(&submission).await;
        match self.settled(submission).await {
            SubmissionStatus::Accepted { .. } => submission,
            other => panic!("{account} was not accepted: {other:?}"),
        }
    }

    /// Waits until a submission has its fate.
    pub async fn settled(&self, submission: Id) -> SubmissionStatus {
        eventually(&format!("submission {submission}"), async || {
            let status = self.coordinator.get(&format!("/v1/submissions/{submission}")).await.ok()?;
            (!matches!(status, SubmissionStatus::Queued { .. })).then_some(status)
        })
        .await
    }
}

/// SIGTERM, as an operator or a container's runtime sends it; gives how the process ended.
pub fn terminate(mut child: Child) -> ExitStatus {
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    child.wait().unwrap()
}

impl Drop for Processes {
    fn drop(&mut self) {
        (0..4).for_each(|index| self.kill(index));
        if std::thread::panicking() {
            for name in NAMES {
                let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
            }
        }
    }
}

fn configure(folder: &Path, name: &str, keys: &Keys, port: u16, more: &str) {
    keys.write(&folder.join(format!("{name}.key"))).unwrap();
    let config = format!(
        "survey = \"survey.json\"\nkeys = \"{name}.key\"\nlisten = \"127.0.0.1:{port}\"\n\
         storage = \"sqlite:{name}.db\"\n{more}"
    );
    std::fs::write(folder.join(format!("{name}.toml")), config).unwrap();
}
