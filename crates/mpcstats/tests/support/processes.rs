//! A coordinator and three parties as processes, of a survey whose notary is the test's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use service::fixture::Fixture;
use service::http::client::Client;
use service::keys::Keys;
use survey::wire::{Queued, Status, SubmissionStatus};
use survey::{Id, SignedRecord, SignedSurvey, Submission, Survey};

/// Nothing takes longer, unless it is stuck.
pub const STUCK: Duration = Duration::from_secs(90);

/// The coordinator's place among the processes, after the parties'.
pub const COORDINATOR: usize = 3;
/// A second coordinator's, where there is one.
pub const SECOND: usize = 4;
pub const NAMES: [&str; 4] = ["party0", "party1", "party2", "coordinator"];
const ALL: [&str; 5] = ["party0", "party1", "party2", "coordinator", "second"];

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

/// Four processes: parties 0, 1, 2 and the coordinator; a fifth, if there is a second coordinator. They die with the test.
pub struct Processes {
    pub fixture: Fixture,
    pub signed: SignedSurvey,
    pub coordinator: Client,
    pub parties: [Client; 3],
    folder: tempfile::TempDir,
    running: [Option<Child>; 5],
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
            running: Default::default(),
            fixture,
            signed,
            folder,
        }
    }

    /// Makes two coordinators of the one, on a database of both and on ports of their own: the survey's address is left
    /// to whoever stands before them. Gives their addresses.
    pub fn two_coordinators(&self, storage: &str) -> [String; 2] {
        let one = std::fs::read_to_string(self.path("coordinator.toml")).unwrap();
        let line = |key: &str| one.lines().find(|line| line.starts_with(key)).unwrap();
        let one = one.replace(line("storage"), &format!("storage = {storage:?}"));
        let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = listeners.map(|listener| listener.local_addr().unwrap().to_string());
        for (index, address) in [COORDINATOR, SECOND].into_iter().zip(&addresses) {
            let config = one.replace(line("listen"), &format!("listen = {address:?}"));
            std::fs::write(self.path(&format!("{}.toml", ALL[index])), config).unwrap();
        }
        addresses
    }

    /// A client of one coordinator, whatever stands before it.
    pub fn client_of(&self, index: usize) -> Client {
        let config = std::fs::read_to_string(self.path(&format!("{}.toml", ALL[index]))).unwrap();
        let address =
            config.lines().find_map(|line| line.strip_prefix("listen = ")).unwrap().trim_matches('"');
        Client::new(&format!("https://{address}"), self.signed.body.coordinator.identity).unwrap()
    }

    /// A file beside the configurations.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a process has logged, one JSON object a line.
    pub fn log(&self, index: usize) -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(self.path(&format!("{}.log", ALL[index]))).unwrap();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Runs a command in the folder to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpcstats"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap()
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
        let role = if index < COORDINATOR { "party" } else { "coordinator" };
        let config = format!("{}.toml", ALL[index]);
        self.running[index] = Some(self.spawn(ALL[index], &[role, "serve", "--config", &config]));
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

    /// Every record, once all three parties have all that the coordinator has: the same at all of them.
    pub async fn chain(&self) -> Vec<SignedRecord> {
        let height = self.coordinator.get::<Status>("/v1/status").await.unwrap().height;
        let mut chains = Vec::new();
        for client in &self.parties {
            eventually("a party that does not catch up", async || {
                let status = client.get::<Status>("/v1/status").await.ok()?;
                (status.height >= height).then_some(())
            })
            .await;
            chains.push(records(client, height).await);
        }
        assert!(chains[0] == chains[1] && chains[1] == chains[2], "all parties hold the same records");
        chains.swap_remove(0)
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

/// The first records of a server.
pub async fn records(client: &Client, height: u64) -> Vec<SignedRecord> {
    let mut chain = Vec::new();
    for height in 0..height {
        chain.push(client.get(&format!("/v1/records/{height}")).await.unwrap());
    }
    chain
}

/// SIGTERM, as an operator or a container's runtime sends it; gives how the process ended.
pub fn terminate(mut child: Child) -> ExitStatus {
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    child.wait().unwrap()
}

impl Drop for Processes {
    fn drop(&mut self) {
        (0..ALL.len()).for_each(|index| self.kill(index));
        if std::thread::panicking() {
            for name in ALL {
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
