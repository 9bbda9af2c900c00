#![allow(missing_docs, reason = "an integration test documents itself by its test names")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
//! One suite over every storage backend: memory, SQLite, and a PostgreSQL server that the test starts.

mod support;

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use service::coordinator::tables::{Entry, Tables};
use service::fixture::Fixture;
use service::metrics::Metrics;
use service::storage::{Blobs, Store, Table, Tx, TxError};
use support::postgres::Postgres;
use survey::{Code, Id, Refusal};

const NUMBERS: Table<u64, String> = Table::new("numbers");
const OTHERS: Table<u64, String> = Table::new("numbers-more");
const BYTES: Blobs<[u8]> = Blobs::new("bytes");
const CROWD: Table<u64, String> = Table::new("crowd");
const COUNTER: Table<(), u64> = Table::new("counter");

/// Everything that the servers rely on.
async fn suite(open: impl AsyncFn() -> Store) {
    let store = open().await;
    puts_and_gets(&store).await;
    a_refusal_undoes(&store).await;
    scans_keep_order_and_bounds(&store).await;
    many_at_once(&store).await;
    races_lose_nothing(&store).await;
}

async fn in_one<T: Send + 'static>(
    store: &Store,
    work: impl for<'t> Fn(&'t mut Tx) -> std::pin::Pin<Box<dyn Future<Output = Result<T, TxError>> + Send + 't>>
    + Send
    + Sync,
) -> T {
    store.run("test", work).await.unwrap()
}

async fn puts_and_gets(store: &Store) {
    let all: Vec<u8> = (0..=255).collect();
    let bytes = all.clone();
    in_one(store, move |tx| {
        let bytes = bytes.clone();
        Box::pin(async move {
            tx.put(&NUMBERS, &1, &"one".to_owned()).await?;
            tx.put(&NUMBERS, &1, &"uno".to_owned()).await?;
            tx.put(&NUMBERS, &2, &"two".to_owned()).await?;
            tx.put_blob(&BYTES, &bytes, bytes.clone()).await?;
            tx.put_blob(&BYTES, &[], Vec::new()).await?;
            assert_eq!(
                tx.get(&NUMBERS, &1).await?.as_deref(),
                Some("uno"),
                "a transaction sees its own writes"
            );
            tx.delete(&NUMBERS, &2).await?;
            tx.delete(&NUMBERS, &3).await?;
            Ok(())
        })
    })
    .await;
    in_one(store, move |tx| {
        let all = all.clone();
        Box::pin(async move {
            assert_eq!(tx.get(&NUMBERS, &1).await?.as_deref(), Some("uno"));
            assert_eq!(tx.get(&NUMBERS, &2).await?, None);
            assert_eq!(tx.get_blob(&BYTES, &all[..]).await?, Some(all.clone()));
            assert_eq!(tx.get_blob(&BYTES, &[][..]).await?, Some(Vec::new()));
            assert_eq!(tx.get_blob(&BYTES, &all[1..]).await?, None);
            Ok(())
        })
    })
    .await;
}

async fn a_refusal_undoes(store: &Store) {
    let refused: Result<(), Refusal> = store
        .run("test", |tx| {
            Box::pin(async move {
                tx.put(&NUMBERS, &9, &"nine".to_owned()).await?;
                Err(Code::NotFound.into())
            })
        })
        .await;
    assert_eq!(refused.unwrap_err().code, Code::NotFound);
    in_one(store, |tx| {
        Box::pin(async move {
            assert_eq!(tx.get(&NUMBERS, &9).await?, None);
            Ok(())
        })
    })
    .await;
}

async fn scans_keep_order_and_bounds(store: &Store) {
    in_one(store, |tx| {
        Box::pin(async move {
            for number in [300u64, 10, 256, 255, 11] {
                tx.put(&NUMBERS, &number, &number.to_string()).await?;
            }
            // A table whose name begins like the other's must not leak into it.
            tx.put(&OTHERS, &1, &"other".to_owned()).await?;
            Ok(())
        })
    })
    .await;
    in_one(store, |tx| {
        Box::pin(async move {
            let from = |number: u64| number.to_be_bytes();
            let texts = |entries: Vec<(Vec<u8>, String)>| {
                entries.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
            };
            assert_eq!(texts(tx.scan(&NUMBERS, &from(10), 10).await?), ["10", "11", "255", "256", "300"]);
            assert_eq!(texts(tx.scan(&NUMBERS, &from(11), 2).await?), ["11", "255"]);
            assert_eq!(tx.scan(&NUMBERS, &from(301), 10).await?, []);
            assert_eq!(tx.count(&NUMBERS, &from(10), Some(&from(256))).await?, 3);
            assert_eq!(tx.count(&NUMBERS, &[], None).await?, 6);
            tx.delete(&NUMBERS, &255).await?;
            assert_eq!(
                texts(tx.scan(&NUMBERS, &from(11), 2).await?),
                ["11", "256"],
                "deletions are seen at once"
            );
            Ok(())
        })
    })
    .await;
}

/// A transaction sees its own writes, however it reads, and however many there are; what was fetched ahead is no exception.
async fn many_at_once(store: &Store) {
    const MANY: u64 = 301;
    in_one(store, |tx| {
        Box::pin(async move {
            for number in 0..MANY {
                tx.put(&CROWD, &number, &format!("first {number}")).await?;
            }
            assert_eq!(tx.count(&CROWD, &[], None).await?, MANY);
            Ok(())
        })
    })
    .await;
    in_one(store, |tx| {
        Box::pin(async move {
            let numbers: Vec<u64> = (0..MANY + 5).collect();
            tx.put(&CROWD, &0, &"changed".to_owned()).await?;
            tx.prefetch(&CROWD, &numbers).await?;
            tx.put(&CROWD, &1, &"changed".to_owned()).await?;
            for number in numbers.iter().filter(|number| **number % 3 == 2) {
                tx.delete(&CROWD, number).await?;
            }
            for number in &numbers {
                let due = match number {
                    0 | 1 => Some("changed".to_owned()),
                    number if *number >= MANY || number % 3 == 2 => None,
                    number => Some(format!("first {number}")),
                };
                assert_eq!(tx.get(&CROWD, number).await?, due, "{number}");
            }
            let left = tx.scan(&CROWD, &[], 1000).await?;
            assert_eq!(left.len() as u64, tx.count(&CROWD, &[], None).await?);
            assert_eq!(left.len() as u64, MANY - MANY / 3);
            // Written and fetched ahead before, and changed again after both.
            tx.put(&CROWD, &1, &"again".to_owned()).await?;
            tx.delete(&CROWD, &0).await?;
            assert_eq!(tx.get(&CROWD, &1).await?.as_deref(), Some("again"));
            assert_eq!(tx.get(&CROWD, &0).await?, None);
            Ok(())
        })
    })
    .await;
    in_one(store, |tx| {
        Box::pin(async move {
            assert_eq!(tx.get(&CROWD, &1).await?.as_deref(), Some("again"));
            assert_eq!(tx.count(&CROWD, &[], None).await?, MANY - MANY / 3 - 1);
            Ok(())
        })
    })
    .await;
}

/// Transactions that race are as if they ran one after another.
async fn races_lose_nothing(store: &Store) {
    let runs = std::sync::Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, runs) = (store.clone(), runs.clone());
            tokio::spawn(async move {
                for _ in 0..5 {
                    let runs = runs.clone();
                    in_one(&store, move |tx| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        Box::pin(async move {
                            let value = tx.get(&COUNTER, &()).await?.unwrap_or_default();
                            tx.put(&COUNTER, &(), &(value + 1)).await?;
                            Ok(())
                        })
                    })
                    .await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let total = in_one(store, |tx| Box::pin(async move { Ok(tx.get(&COUNTER, &()).await?) })).await;
    assert_eq!(total, Some(40), "after {} runs", runs.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_passes_the_suite() {
    suite(async || Store::open("memory:", Metrics::default()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite_and_keeps_what_it_stored() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("deep/down.db").display());
    suite(async || Store::open(&url, Metrics::default()).await.unwrap()).await;
    reopened(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite_and_keeps_what_it_stored() {
    let server = Postgres::start();
    two_coordinators_share_a_database(&server.url()).await;
    suite(async || Store::open(&server.url(), Metrics::default()).await.unwrap()).await;
    reopened(&server.url()).await;
}

#[tokio::test]
async fn unknown_urls_are_refused() {
    let refused = Store::open("mysql://localhost/x", Metrics::default()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("mysql")));
}

/// Two coordinators that start at once on an empty database, and then take the same submissions, and rival ones of one
/// account, at the same moment: each submission is in the queue once, each account has one.
async fn two_coordinators_share_a_database(url: &str) {
    const NOW: u64 = 1_800_000_000;
    let open = || async { Tables::new(Store::open(url, Metrics::default()).await.unwrap()) };
    let (one, other) = tokio::join!(open(), open());
    let fixture = Fixture::new(NOW, Vec::new()).unwrap();
    let entry = |account: &str| {
        let submission = fixture.submission(account, "1.5", NOW).unwrap();
        Entry {
            digest: submission.digest().unwrap(),
            account: Id::of_parts("account", &[account.as_bytes()]),
            session: Id(submission.attestation.statement.session),
            submission,
        }
    };
    let same: Vec<Entry> = (0..20).map(|index| entry(&format!("account{index}"))).collect();
    let rivals: Vec<[Entry; 2]> =
        (0..20).map(|index| [0, 1].map(|_| entry(&format!("rival{index}")))).collect();
    let enqueue = |tables: Tables, entry: Entry| {
        tokio::spawn(async move { tables.enqueue(vec![entry], 1, 100).await.unwrap().swap_remove(0) })
    };
    for entry in &same {
        let (first, second) =
            tokio::join!(enqueue(one.clone(), entry.clone()), enqueue(other.clone(), entry.clone()));
        assert!(first.unwrap().is_ok() && second.unwrap().is_ok(), "sent again is not refused");
    }
    for [first, second] in rivals {
        let (first, second) = tokio::join!(enqueue(one.clone(), first), enqueue(other.clone(), second));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        assert_eq!(first.and(second), Err(Code::DuplicateAccount));
    }
    assert_eq!(one.standing().await.unwrap().0, 40);
    let (digests, _) = other.list(0, 1, 100).await.unwrap();
    assert_eq!(digests.into_iter().collect::<std::collections::BTreeSet<_>>().len(), 40, "each once");
}

async fn reopened(url: &str) {
    let store = Store::open(url, Metrics::default()).await.unwrap();
    let value = in_one(&store, |tx| Box::pin(async move { Ok(tx.get(&NUMBERS, &1).await?) })).await;
    assert_eq!(value.as_deref(), Some("uno"));
}
