#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! What operators and consumers do with running servers, as processes: watching, traces, announcements, key rotation,
//! questions, and shutting down.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use service::keys::Keys;
use service::metrics::Metrics;
use service::storage::{Blobs, Store};
use stats::Schema;
use stats::build::Program;
use support::processes::{COORDINATOR, NAMES, Processes, eventually, now, terminate};
use survey::definition::NamedPlan;
use survey::wire::{Event, Queued, Status, SubmissionStatus};
use survey::{Code, Purpose, Signed, SignedRecord, Survey};

/// An outside system that is told of batches and releases, as soon as it is up.
#[derive(Clone, Default)]
struct Outside {
    up: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<Signed<Event>>>>,
}

impl Outside {
    /// Gives its address.
    fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let this = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _hung_up = this.answer(stream);
            }
        });
        url
    }

    /// Takes one announcement; hangs up while it is down.
    fn answer(&self, mut stream: std::net::TcpStream) -> Option<()> {
        if !self.up.load(Ordering::SeqCst) {
            return None;
        }
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).ok()? > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        self.told.lock().unwrap().push(serde_json::from_slice(&body).ok()?);
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").ok()
    }

    /// The heights of the batches that it was told of, in order of arrival.
    fn heights(&self) -> Vec<u64> {
        let told = self.told.lock().unwrap();
        let height = |event: &Signed<Event>| match &event.body {
            Event::Batch { header } => Some(header.height),
            Event::Release { .. } => None,
        };
        told.iter().filter_map(height).collect()
    }
}

/// Where a party keeps its share columns.
const COLUMNS: Blobs<u64> = Blobs::new("columns");

/// One listed plan, and one other that may be asked.
fn change(survey: &mut Survey) {
    survey.policy.other_plans = 1;
    let plan = count("count", survey);
    survey.plans = vec![NamedPlan { name: "accounts".into(), description: String::new(), plan }];
}

fn count(name: &str, survey: &Survey) -> stats::Plan {
    let program = Program::new(name, survey.schema());
    program.output([name], &program.column(Schema::DEFAULT, "balance").count());
    program.finish().unwrap()
}

/// What a path of a server says, and the status with which it says it.
fn look(address: &str, path: &str) -> (String, String) {
    let output = Command::new("curl")
        .args(["-sk", "--max-time", "10", "-w", "\n%{http_code}", &format!("{address}{path}")])
        .output()
        .expect("curl");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (body.to_owned(), status.to_owned())
}

/// The number that a query gives under a name.
fn asked(processes: &Processes, what: [&str; 2], name: &str) -> f64 {
    let options = ["query", "--survey", "survey.json", "--keys", "consumer.key", "--epochs", "0", "--json"];
    let output = processes.command(&[options.as_slice(), &what].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = answer["results"].as_array().unwrap();
    let row = rows.iter().find(|row| row["path"][0] == name).unwrap();
    row["value"].as_f64().unwrap_or_else(|| panic!("no number: {row}"))
}

/// The traces in which a process says `message`.
fn traces(processes: &Processes, index: usize, message: &str) -> BTreeSet<String> {
    let says = |line: &&Value| line["fields"]["message"] == message;
    let log = processes.log(index);
    let spans = log.iter().filter(says).flat_map(|line| line["spans"].as_array().into_iter().flatten());
    spans.filter_map(|span| Some(span["trace"].as_str()?.to_owned())).collect()
}

async fn watching(processes: &mut Processes, addresses: &[String; 4]) {
    processes.start(0);
    eventually("party 0 lives", async || (look(&addresses[0], "/healthz").1 == "200").then_some(())).await;
    let (body, status) = look(&addresses[0], "/readyz");
    assert!(status == "503" && body.contains("party_unavailable"), "alone it is not ready: {body}");
    for index in [1, 2, COORDINATOR] {
        processes.start(index);
    }
    for address in addresses {
        let ready = async || (look(address, "/readyz") == ("ok".into(), "200".into())).then_some(());
        eventually("a server that is not ready", ready).await;
    }
}

/// An outside system that was away, and a coordinator that was killed meanwhile: nothing goes unsaid.
async fn announcements(processes: &mut Processes, outside: &Outside) {
    let status: Status = processes.coordinator.get("/v1/status").await.unwrap();
    assert!(outside.told.lock().unwrap().is_empty());
    processes.kill(COORDINATOR);
    outside.up.store(true, Ordering::SeqCst);
    processes.start(COORDINATOR);
    eventually("announcements", async || (outside.heights().len() as u64 >= status.height).then_some(()))
        .await;
    let mut heights = outside.heights();
    heights.dedup();
    assert_eq!(heights[..status.height as usize], (0..status.height).collect::<Vec<_>>(), "in order");
    let signer = Keys::read(&processes.path("coordinator.key")).unwrap().identity.public();
    for event in outside.told.lock().unwrap().iter() {
        assert!(event.signer == signer && event.verify(Purpose::Webhook), "signed by the coordinator");
    }
}

async fn questions(processes: &Processes, outside: &Outside) {
    eventually("an epoch that does not close", async || {
        let status: Status = processes.coordinator.get("/v1/status").await.ok()?;
        (status.epochs > 0).then_some(())
    })
    .await;
    processes.fixture.consumer.write(&processes.path("consumer.key")).unwrap();
    assert!((asked(processes, ["--stat", "count"], "count") - 3.0).abs() < 1e-9);
    let plan = count("others", &processes.signed.body);
    std::fs::write(processes.path("plan.json"), serde_json::to_vec(&plan).unwrap()).unwrap();
    assert!((asked(processes, ["--plan", "plan.json"], "others") - 3.0).abs() < 1e-9);
    let released = |event: &Signed<Event>| matches!(event.body, Event::Release { .. });
    eventually("releases that are not announced", async || {
        (outside.told.lock().unwrap().iter().filter(|event| released(event)).count() >= 2).then_some(())
    })
    .await;
}

fn one_trace_in_three_logs(processes: &Processes) {
    for message in ["batch", "release"] {
        let [mut shared, second, third] = [0, 1, 2].map(|party| traces(processes, party, message));
        shared.retain(|trace| second.contains(trace) && third.contains(trace));
        assert!(!shared.is_empty(), "no {message} has one trace in the logs of all three parties");
    }
}

/// A coordinator whose identity the survey does not name takes new keys: who has submitted is still known to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_with_new_keys_knows_who_has_submitted() {
    let unnamed = |survey: &mut Survey| {
        survey.coordinator.address = survey.coordinator.address.replace("https:", "http:");
        survey.coordinator.identity = None;
    };
    let mut processes = Processes::prepare(unnamed, "tls = \"none\"\n");
    processes.start(COORDINATOR);
    let waiting = processes.submit(&processes.fixture.submission("ann", "12.5", now()).unwrap()).await;
    assert_eq!(processes.terminate(COORDINATOR).code(), Some(0));
    let rotated = processes.command(&["party", "rotate", "--keys", "coordinator.key", "--out", "next.key"]);
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let [old, new] = ["coordinator.key", "next.key"].map(|name| Keys::read(&processes.path(name)).unwrap());
    assert_ne!(old.identity.public(), new.identity.public());
    let config = processes.path("coordinator.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("coordinator.key", "next.key");
    std::fs::write(&config, text).unwrap();
    processes.start(COORDINATOR);
    let again = processes.fixture.submission("ann", "12.5", now()).unwrap();
    let code = eventually("the coordinator with new keys", async || {
        let sent = processes.coordinator.post::<_, Queued>("/v1/submissions", &again).await;
        sent.err().map(|refusal| refusal.code).filter(|code| *code != Code::PartyUnavailable)
    })
    .await;
    assert_eq!(code, Code::DuplicateAccount);
    // What waited under the old keys is accepted under the new ones.
    (0..3).for_each(|party| processes.start(party));
    let settled = processes.settled(waiting).await;
    assert!(matches!(settled, SubmissionStatus::Accepted { .. }), "{settled:?}");
}

/// What a party stores is told while it runs, and columns that were edited are named.
async fn what_is_stored(processes: &mut Processes) {
    let stats = |processes: &Processes| -> Value {
        let output = processes.command(&["party", "export-stats", "--config", "party1.toml"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let told = stats(processes);
    let height = processes.parties[1].get::<Status>("/v1/status").await.unwrap().height;
    assert_eq!((&told["accounts"], &told["records"]), (&4.into(), &height.into()), "{told}");
    assert!(
        told["column_bytes"].as_u64().unwrap() > 0 && told["tampered"] == serde_json::json!([]),
        "{told}"
    );
    assert_eq!(processes.terminate(1).code(), Some(0));
    let url = format!("sqlite:{}", processes.path("party1.db").display());
    let store = Store::open(&url, Metrics::default()).await.unwrap();
    let edited = store
        .run("edit", |tx| {
            Box::pin(async move {
                let mut columns = tx.get_blob(&COLUMNS, &0).await?.unwrap();
                *columns.last_mut().unwrap() ^= 1;
                Ok(tx.put_blob(&COLUMNS, &0, columns).await?)
            })
        })
        .await;
    edited.unwrap();
    assert_eq!(stats(processes)["tampered"], serde_json::json!([0]));
}

/// SIGTERM to all in the middle of their work: each ends by itself, and goes on where it was.
async fn shutting_down(processes: &mut Processes) {
    let submission = processes.fixture.submission("dan", "12.5", now()).unwrap();
    let submission = processes.submit(&submission).await;
    for (index, name) in NAMES.into_iter().enumerate() {
        assert_eq!(processes.terminate(index).code(), Some(0), "{name}");
    }
    (0..4).for_each(|index| processes.start(index));
    let SubmissionStatus::Accepted { receipt } = processes.settled(submission).await else {
        panic!("what was acknowledged is accepted")
    };
    let height = receipt.header.height;
    let mut records: Vec<SignedRecord> = Vec::new();
    for party in &processes.parties {
        let path = format!("/v1/records/{height}");
        records.push(eventually("a party's record", async || party.get(&path).await.ok()).await);
    }
    assert!(records.iter().all(|record| *record == records[0]));
}

/// A budget outlives restarts: it is spent, and what was asked under it is answered as before.
fn the_budget_stays_spent(processes: &Processes) {
    assert!((asked(processes, ["--plan", "plan.json"], "others") - 3.0).abs() < 1e-9);
    let plan = count("more", &processes.signed.body);
    std::fs::write(processes.path("more.json"), serde_json::to_vec(&plan).unwrap()).unwrap();
    let options = ["query", "--survey", "survey.json", "--keys", "consumer.key", "--epochs", "0"];
    let output = processes.command(&[options.as_slice(), &["--plan", "more.json"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("budget_spent"), "{said}");
    // Nor does another name make it another question: the listed plan, in full, is the listed plan.
    let listed = &processes.signed.body.plans[0].plan;
    std::fs::write(processes.path("more.json"), serde_json::to_vec(listed).unwrap()).unwrap();
    assert!((asked(processes, ["--plan", "more.json"], "count") - 3.0).abs() < 1e-9);
}

/// Gauges tell how things stand, also right after a start.
fn gauges(address: &str) {
    let (metrics, _) = look(address, "/metrics");
    for name in ["mpcstats_height", "mpcstats_epochs"] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        assert!(value.is_some_and(|value| value.parse::<u64>().unwrap() > 0), "{name}: {metrics}");
    }
}

/// The servers that the four do not need.
async fn others_shut_down(processes: &Processes) {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let [notary, exchange, page] = [free(), free(), free()];
    let write = |name: &str, text: String| std::fs::write(processes.path(name), text).unwrap();
    write("notary.toml", format!("keys = \"notary-keys\"\nlisten = \"{notary}\"\n"));
    let surveys = "[[surveys]]\nsurvey = \"survey.json\"\nkeys = \"consumer.key\"\n";
    write("page.toml", format!("listen = \"{page}\"\nfolder = \"certificates\"\n{surveys}"));
    let servers = [
        (&notary, vec!["notary", "serve", "--config", "notary.toml"]),
        (&page, vec!["client-api", "serve", "--config", "page.toml"]),
        (&exchange, vec!["sample-exchange", "serve", "--listen", &exchange, "--folder", "exchange"]),
    ];
    for (address, arguments) in servers {
        let server = processes.spawn(arguments[0], &arguments);
        eventually("a server that does not come up", async || std::net::TcpStream::connect(address).ok())
            .await;
        assert_eq!(terminate(server).code(), Some(0), "{}", arguments[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_watched_asked_traced_and_shut_down() {
    let outside = Outside::default();
    let more = format!("webhook = \"{}\"\n", outside.listen());
    let mut processes = Processes::prepare(change, &more);
    let party = |index: usize| format!("https://{}", processes.signed.body.parties[index].address);
    let addresses = [party(0), party(1), party(2), processes.signed.body.coordinator.address.clone()];
    watching(&mut processes, &addresses).await;
    for account in ["ann", "bob", "cem"] {
        processes.share(account).await;
    }
    let (metrics, _) = look(&addresses[1], "/metrics");
    assert!(metrics.contains("mpcstats_submissions_total{outcome=\"accepted\"}"), "{metrics}");
    announcements(&mut processes, &outside).await;
    questions(&processes, &outside).await;
    one_trace_in_three_logs(&processes);
    shutting_down(&mut processes).await;
    the_budget_stays_spent(&processes);
    for address in &addresses {
        gauges(address);
    }
    what_is_stored(&mut processes).await;
    others_shut_down(&processes).await;
}
