#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]
//! The Rust and the webhook receiver of docs/src/customising.md, run.

#[path = "customising/journal.rs"]
mod journal;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use journal::Journal;
use service::metrics::Metrics;
use service::storage::{Store, Table, TxError};
use service::webhook::Webhook;
use survey::wire::Event;
use survey::{Code, Id, Identity, Purpose, Refusal, Signed};

const NUMBERS: Table<u64, String> = Table::new("numbers");

fn store(path: &std::path::Path) -> Store {
    Store::new(std::sync::Arc::new(Journal::open(path).unwrap()), Metrics::default())
}

#[tokio::test]
async fn a_journal_keeps_what_was_committed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = store(&path);
    for number in 0..10u64 {
        first
            .run("put", move |tx| {
                Box::pin(async move { Ok(tx.put(&NUMBERS, &number, &number.to_string()).await?) })
            })
            .await
            .unwrap();
    }
    let undone: Result<(), Refusal> = first
        .run("refused", |tx| {
            Box::pin(async move {
                tx.put(&NUMBERS, &3, &"altered".to_owned()).await?;
                Err(TxError::Refused(Code::NotFound.into()))
            })
        })
        .await;
    assert_eq!(undone.unwrap_err().code, Code::NotFound);
    first.run("delete", |tx| Box::pin(async move { Ok(tx.delete(&NUMBERS, &7).await?) })).await.unwrap();
    drop(first);
    // A line without its end: the power went while a transaction was being written.
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend_from_slice(b"[[[1,2");
    std::fs::write(&path, torn).unwrap();
    let second = store(&path);
    for (number, expected) in [(3, Some("3")), (7, None), (9, Some("9"))] {
        let found = second
            .run("get", move |tx| Box::pin(async move { Ok(tx.get(&NUMBERS, &number).await?) }))
            .await
            .unwrap();
        assert_eq!(found.as_deref(), expected, "number {number}");
    }
}

/// The receiver, as a process of its own. It dies with the test.
struct Receiver {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn receiver(identity: &Identity) -> Receiver {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/examples/webhook_receiver.py");
    let mut child = Command::new("python3")
        .args([script, "0", &identity.public().to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.next().unwrap().unwrap();
    let port = said.strip_prefix("listening on ").unwrap().to_owned();
    Receiver { child, lines, url: format!("http://127.0.0.1:{port}/") }
}

fn event(release: u64) -> Event {
    Event::Release { survey: Id::of_parts("survey", &[]), release, plan: Id::default(), epochs: vec![0, 1] }
}

#[tokio::test]
async fn the_receiver_believes_the_coordinator_and_nobody_else() {
    let coordinator = Identity::generate();
    let mut receiver = receiver(&coordinator);
    let client = service::http::client::outside().unwrap();
    let answer = async |announcement: &Signed<Event>| {
        client.post(&receiver.url).json(announcement).send().await.unwrap().status().as_u16()
    };
    let sign =
        |release, identity: &Identity| Signed::new(event(release), Purpose::Webhook, identity).unwrap();
    assert_eq!(answer(&sign(1, &Identity::generate())).await, 400, "somebody else's");
    let mut altered = sign(2, &coordinator);
    altered.body = event(3);
    assert_eq!(answer(&altered).await, 400, "altered on the way");
    assert_eq!(
        answer(&Signed::new(event(4), Purpose::Query, &coordinator).unwrap()).await,
        400,
        "not announced"
    );
    assert_eq!(answer(&sign(5, &coordinator)).await, 204);
    // As a coordinator announces.
    Webhook::new(&receiver.url, coordinator).unwrap().announce(&event(6)).await.unwrap();
    let printed = tokio::task::spawn_blocking(move || {
        let lines: Vec<String> = receiver.lines.by_ref().take(2).map(Result::unwrap).collect();
        drop(receiver);
        lines
    });
    for (line, release) in printed.await.unwrap().iter().zip([5, 6]) {
        let body: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&body["event"], &body["release"]), (&"release".into(), &release.into()));
    }
}
