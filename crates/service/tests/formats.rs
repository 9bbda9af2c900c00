#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! Databases that earlier formats left behind are read whole.
//!
//! `tests/formats/1` holds what a coordinator and a party stored in the first format: SQL that makes the very
//! databases, with the survey and the keys that belong to them. When a migration is added, the test keeps reading
//! them; `UPDATE_FORMATS=1 cargo test -p service --test formats` writes them anew, which is right only while no
//! release has been made of the format.

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use service::coordinator::tables::{Stored as Place, Tables as Queue};
use service::keys::Keys;
use service::metrics::Metrics;
use service::party::compute::Stored;
use service::party::tables::{Fate, Tables};
use service::storage::Store;
use sqlx::{Connection as _, Executor as _, Row as _, SqliteConnection};
use stats::Schema;
use stats::build::Program;
use support::deployment::{Deployment, now};
use survey::definition::NamedPlan;
use survey::wire::QueryStatus;
use survey::{Certificate, Choice, Id, Query, SignedSurvey, query};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/1")
}

/// Three accepted accounts, a refused one, one that waits, and a release; then what the servers have stored.
async fn write() {
    let mut deployment = Deployment::start_with(Vec::new(), |survey| {
        let program = Program::new("sum", survey.schema());
        program.output(["sum"], &program.column(Schema::DEFAULT, "balance").sum());
        let plan = program.finish().unwrap();
        survey.plans = vec![NamedPlan { name: "sum".into(), description: String::new(), plan }];
    })
    .await;
    let refused = deployment.share("rich", "9999999.5").await;
    deployment.settled(refused).await;
    for account in ["ann", "bob", "cem"] {
        let submission = deployment.share(account, "4.5").await;
        deployment.receipt(submission).await;
    }
    deployment.epochs_closed(1).await;
    deployment.query(&asked(&deployment.signed, &deployment.fixture.consumer)).await;
    for party in 0..3 {
        deployment.stop(party).await;
    }
    deployment.share("dan", "4.5").await;
    deployment.stop(3).await;
    let folder = folder();
    let _first = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("survey.json"), serde_json::to_vec(&deployment.signed).unwrap()).unwrap();
    deployment.fixture.consumer.write(&folder.join("consumer.key")).unwrap();
    for (name, stored) in [("coordinator", "coordinator"), ("party", "party0")] {
        let url = deployment.storage(stored);
        std::fs::write(folder.join(format!("{name}.sql")), dump(&url).await).unwrap();
    }
}

/// A database as the SQL that makes it.
async fn dump(url: &str) -> String {
    let mut database = SqliteConnection::connect(url).await.unwrap();
    let mut sql = String::new();
    for table in database.fetch_all("SELECT sql FROM sqlite_master WHERE type = 'table'").await.unwrap() {
        writeln!(sql, "{};", table.get::<String, _>(0)).unwrap();
    }
    let version: i64 = database.fetch_one("SELECT version FROM format").await.unwrap().get(0);
    writeln!(sql, "INSERT INTO format VALUES ({version});").unwrap();
    for entry in database.fetch_all("SELECT key, value FROM entries ORDER BY key").await.unwrap() {
        let hex = |column: usize| hex::encode(entry.get::<Vec<u8>, _>(column));
        writeln!(sql, "INSERT INTO entries VALUES (x'{}', x'{}');", hex(0), hex(1)).unwrap();
    }
    sql
}

/// The database that an earlier program left, opened by this one.
async fn left_behind(name: &str, scratch: &Path) -> Store {
    let url = format!("sqlite:{}", scratch.join(format!("{name}.db")).display());
    let sql = std::fs::read_to_string(folder().join(format!("{name}.sql"))).unwrap();
    let mut database = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    database.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    database.close().await.unwrap();
    Store::open(&url, Metrics::default()).await.unwrap()
}

fn asked(survey: &SignedSurvey, consumer: &Keys) -> survey::SignedQuery {
    let survey = survey.body.id().unwrap();
    let query = Query { version: 1, survey, plan: Choice::Listed("sum".into()), epochs: vec![0] };
    query.sign(&consumer.identity).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_the_first_format_are_read_whole() {
    if std::env::var_os("UPDATE_FORMATS").is_some() {
        Box::pin(write()).await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let text = std::fs::read(folder().join("survey.json")).unwrap();
    let signed: SignedSurvey = serde_json::from_slice(&text).unwrap();
    let (survey, keys) = (signed.body.id().unwrap(), signed.body.party_keys());
    let consumer = Keys::read(&folder().join("consumer.key")).unwrap();
    let query = asked(&signed, &consumer);
    let query = query::query_id(&query, &signed.body.plans[0].plan).unwrap();

    let queue = Queue::new(left_behind("coordinator", scratch.path()).await);
    let tables = Tables::new(left_behind("party", scratch.path()).await, survey);
    let tip = queue.chain.tip().await.unwrap();
    assert_eq!((tip.accounts, tip.epochs), (3, 1));
    assert_eq!(tables.start().await.unwrap().height, tip.height);
    let mut leaves: Vec<Id> = Vec::new();
    for height in 0..tip.height {
        let record = queue.chain.record(height).await.unwrap().unwrap();
        record.verify(&survey, &keys).unwrap();
        assert_eq!(tables.chain.record(height).await.unwrap(), Some(record.clone()));
        let columns = tables.columns(height).await.unwrap().unwrap();
        Stored::decode(&columns, rep3::network::Party::P0, &record.record.header.columns).unwrap();
        leaves.extend(&record.record.leaves);
        for refused in &record.record.refused {
            let fate = tables.fate(refused.submission).await.unwrap();
            assert!(matches!(fate, Some(Fate::Refused { .. })), "{fate:?}");
        }
    }
    assert_eq!(leaves.len(), 3);
    for leaf in &leaves {
        let (place, _) = queue.place(*leaf).await.unwrap().unwrap();
        assert!(matches!(place, Place::Settled(_)));
        assert!(matches!(tables.fate(*leaf).await.unwrap(), Some(Fate::Accepted { .. })));
    }

    // What waits, as it was submitted.
    assert_eq!(queue.standing().await.unwrap().0, 1);
    let (waiting, _) = queue.list(0, now() * 1000, 10).await.unwrap();
    let fetched = queue.fetch(waiting.clone()).await.unwrap();
    assert_eq!(fetched[0].digest().unwrap(), waiting[0]);

    // The release, from both.
    let QueryStatus::Done { outputs } = queue.query(query).await.unwrap() else { panic!("it is released") };
    Certificate::assemble(&outputs, &consumer.opening, &keys).unwrap();
    let release = tables.release(query).await.unwrap().unwrap();
    assert_eq!(release.output.unwrap().statement, outputs[0].statement);
    assert_eq!(tables.totals().await.unwrap().next_number, 1);
}
