#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! kill -9 to real processes, at any moment and in any order, while submissions arrive: after that everything
//! that was acknowledged is settled exactly once, and all parties agree.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use service::fixture::Fixture;
use service::http::client::Client;
use service::keys::Keys;
use survey::wire::{Status, SubmissionStatus};
use survey::{Id, SignedRecord};

const PROVIDERS: usize = 24;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Four processes: parties 0, 1, 2 and the coordinator. They die with the test.
struct Processes {
    folder: tempfile::TempDir,
    running: [Option<Child>; 4],
}

const NAMES: [&str; 4] = ["party0", "party1", "party2", "coordinator"];

impl Processes {
    fn start(&mut self, index: usize) {
        let role = if index == 3 { "coordinator" } else { "party" };
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join(format!("{}.log", NAMES[index])))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mpcstats"))
            .args([role, "serve", "--config"])
            .arg(self.folder.path().join(format!("{}.toml", NAMES[index])))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running[index] = Some(child);
    }

    fn kill(&mut self, index: usize) {
        if let Some(mut child) = self.running[index].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        (0..4).for_each(|index| self.kill(index));
        if std::thread::panicking() {
            for name in NAMES {
                let log = std::fs::read_to_string(self.folder.path().join(format!("{name}.log")))
                    .unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
            }
        }
    }
}

fn configure(folder: &Path, name: &str, keys: &Keys, port: u16) {
    keys.write(&folder.join(format!("{name}.key"))).unwrap();
    let mut config = format!(
        "survey = \"survey.json\"\nkeys = \"{name}.key\"\nlisten = \"127.0.0.1:{port}\"\nstorage = \"sqlite:{name}.db\"\n"
    );
    config += if name == "coordinator" { "rate_per_address = 1000\n" } else { "threads = 1\npatience = 5\n" };
    std::fs::write(folder.join(format!("{name}.toml")), config).unwrap();
}

/// Submits until it is acknowledged: a provider tries again when the coordinator is away.
async fn submit(client: &Client, submission: &survey::Submission) -> Id {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match client.post::<_, survey::wire::Queued>("/v1/submissions", submission).await {
            Ok(queued) => return queued.submission,
            Err(refusal) if Instant::now() > deadline => panic!("not acknowledged: {refusal}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn settled(client: &Client, submission: Id) -> SubmissionStatus {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        match client.get(&format!("/v1/submissions/{submission}")).await {
            Ok(status @ (SubmissionStatus::Accepted { .. } | SubmissionStatus::Refused { .. })) => {
                return status;
            }
            other => assert!(Instant::now() < deadline, "{submission} is stuck: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_processes_lose_nothing_and_settle_everything_once() {
    let seed: u64 =
        std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("replay with KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let listeners: [_; 4] = std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
    let mut fixture = Fixture::new(now(), Vec::new()).unwrap();
    let coordinator_keys = Keys::generate().unwrap();
    for (party, port) in fixture.survey.parties.iter_mut().zip(ports) {
        party.address = format!("127.0.0.1:{port}");
    }
    fixture.survey.coordinator.address = format!("https://127.0.0.1:{}", ports[3]);
    fixture.survey.coordinator.identity = Some(coordinator_keys.identity.public());
    let signed = fixture.survey.clone().sign(&fixture.organiser).unwrap();
    let (survey_id, keys) = (signed.body.id().unwrap(), signed.body.party_keys());
    std::fs::write(folder.path().join("survey.json"), serde_json::to_vec(&signed).unwrap()).unwrap();
    for (index, name) in NAMES.into_iter().enumerate() {
        let keys = fixture.parties.get(index).unwrap_or(&coordinator_keys);
        configure(folder.path(), name, keys, ports[index]);
    }
    let mut processes = Processes { folder, running: [None, None, None, None] };
    (0..4).for_each(|index| processes.start(index));
    let coordinator =
        Client::new(&signed.body.coordinator.address, signed.body.coordinator.identity).unwrap();

    let mut submissions = Vec::new();
    for provider in 0..PROVIDERS {
        let account = format!("account{provider}");
        submissions.push(submit(&coordinator, &fixture.submission(&account, "12.5", now()).unwrap()).await);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        if provider % 2 == 1 {
            let victim = random.random_range(0..4);
            processes.kill(victim);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
            processes.start(victim);
        }
    }
    for submission in &submissions {
        match settled(&coordinator, *submission).await {
            SubmissionStatus::Accepted { receipt } => receipt.verify(&survey_id, &keys).unwrap(),
            other => panic!("an honest submission was not accepted: {other:?}"),
        }
    }

    // A receipt means that the record is signed; wait until the last party has fetched it.
    let height = coordinator.get::<Status>("/v1/status").await.unwrap().height;
    let mut chains = Vec::new();
    for party in &signed.body.parties {
        let client = Client::new(&format!("https://{}", party.address), Some(party.identity)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while client.get::<Status>("/v1/status").await.is_ok_and(|status| status.height < height) {
            assert!(Instant::now() < deadline, "{} does not catch up", party.name);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut chain: Vec<SignedRecord> = Vec::new();
        for height in 0..height {
            chain.push(client.get(&format!("/v1/records/{height}")).await.unwrap());
        }
        chains.push(chain);
    }
    assert!(chains[0] == chains[1] && chains[1] == chains[2], "all parties hold the same records");
    let mut seen = BTreeSet::new();
    for record in &chains[0] {
        record.verify(&survey_id, &keys).unwrap();
        assert!(record.record.leaves.iter().all(|leaf| seen.insert(*leaf)), "settled twice");
    }
    assert_eq!(seen, submissions.into_iter().collect(), "everything acknowledged is in the dataset");
}
