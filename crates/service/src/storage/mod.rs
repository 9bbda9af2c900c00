//! Durable state, behind one small trait.
//!
//! All state is entries in one ordered map from bytes to bytes, changed by serializable transactions. A
//! [`Backend`] begins transactions; a [`Transaction`] gets, puts, deletes, scans and commits. Everything else
//! is built on that once: typed tables ([`Table`]), named transactions with retries and metrics
//! ([`Store::run`]). The backends are [`sql`] (SQLite and PostgreSQL) and [`memory`] (tests and simulations);
//! the same tests run over all of them.
//!
//! # Adding a backend
//! Implement the two traits over any store with ordered keys and serializable transactions (FoundationDB,
//! TiKV, etcd for small surveys), report a transaction that lost a race as [`StorageError::Conflict`] (it is
//! then run again), and add a URL scheme to [`check_url`] and [`Store::open`]. `tests/storage.rs` has the suite to pass; the
//! in-memory backend is the worked example, in under a hundred lines.

pub mod memory;
pub mod sql;
mod table;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use survey::{Code, Refusal};

pub use table::{Blobs, Key, Table};

use crate::metrics::Metrics;
use crate::random::{Random, SystemRandom};

/// A boxed future: what the storage traits return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The transaction lost a race with another and can be run again.
    #[error("the transaction conflicts with another")]
    Conflict,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A stored entry cannot be read.
    #[error("stored entry {0}: {1}")]
    Corrupt(&'static str, String),
    /// The database was written by a newer version of the program.
    #[error("the database has format {0}, this program reads up to {1}: use a newer program")]
    Newer(u32, u32),
    /// No backend takes this URL.
    #[error("no storage backend takes {0}: use sqlite:PATH, postgres://… or memory:")]
    UnknownUrl(String),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        let code = if matches!(error, StorageError::Newer(..)) { Code::NewerFormat } else { Code::Storage };
        Self::new(code, error.to_string())
    }
}

/// Key and value of one entry.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Something that stores entries.
pub trait Backend: Send + Sync {
    /// Begins a transaction, isolated as if it ran alone.
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Transaction>, StorageError>>;
}

/// A transaction. Dropping it without a commit undoes it.
pub trait Transaction: Send {
    /// The value under a key.
    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>>;

    /// Tells that the values under these keys are read next: a backend for which each read is a way to somewhere may fetch
    /// them at once.
    fn prefetch(&mut self, keys: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), StorageError>> {
        let _ = keys;
        Box::pin(async { Ok(()) })
    }

    /// Sets the value under a key.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> BoxFuture<'_, Result<(), StorageError>>;

    /// Removes a key, if it is there.
    fn delete<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<(), StorageError>>;

    /// The first `limit` entries from a key (inclusive) to another (exclusive), in order.
    fn scan<'a>(
        &'a mut self,
        from: &'a [u8],
        to: &'a [u8],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StorageError>>;

    /// How many entries there are from a key (inclusive) to another (exclusive).
    fn count<'a>(&'a mut self, from: &'a [u8], to: &'a [u8]) -> BoxFuture<'a, Result<u64, StorageError>>;

    /// Makes the changes durable, all or none.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>>;
}

/// A handle to the storage: clones share it.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    metrics: Metrics,
    random: Arc<dyn Random>,
}

/// What a transaction closure works on.
pub struct Tx(Box<dyn Transaction>);

/// How often a transaction that lost a race is run before that is reported.
const ATTEMPTS: u32 = 20;

/// Checks that a backend takes a URL, without opening anything.
///
/// # Errors
/// [`StorageError::UnknownUrl`].
pub fn check_url(url: &str) -> Result<(), StorageError> {
    match url.split_once(':') {
        Some(("sqlite" | "postgres" | "postgresql" | "memory", _)) => Ok(()),
        _ => Err(StorageError::UnknownUrl(url.split(':').next().unwrap_or_default().into())),
    }
}

impl Store {
    /// Opens storage by URL: `sqlite:PATH`, `postgres://…` or `memory:`, and brings its format up to date.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be opened, or was written by a newer program.
    pub async fn open(url: &str, metrics: Metrics) -> Result<Self, StorageError> {
        check_url(url)?;
        let backend: Arc<dyn Backend> = match url.split_once(':') {
            Some(("sqlite", path)) => Arc::new(sql::Sql::sqlite(path).await?),
            Some(("postgres" | "postgresql", _)) => Arc::new(sql::Sql::postgres(url).await?),
            _ => Arc::new(memory::Memory::default()),
        };
        Ok(Self::new(backend, metrics))
    }

    /// Storage over a backend.
    pub fn new(backend: Arc<dyn Backend>, metrics: Metrics) -> Self {
        Self { backend, metrics, random: Arc::new(SystemRandom) }
    }

    /// The same with other randomness: how long transactions that lost a race wait depends on it.
    #[must_use]
    pub fn with_random(self, random: Arc<dyn Random>) -> Self {
        Self { random, ..self }
    }

    /// Runs a closure in a transaction of this name and commits what it did; if the transaction lost a race,
    /// runs it again. The closure must have no effect outside of the transaction. A refusal undoes it.
    ///
    /// # Errors
    /// The closure's refusal, or [`Code::Storage`].
    pub async fn run<T, F>(&self, name: &'static str, work: F) -> Result<T, Refusal>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, TxError>> + Send + Sync,
        T: Send,
    {
        let start = tokio::time::Instant::now();
        let mut attempt = 0;
        let outcome = loop {
            match self.once(&work).await {
                Err(TxError::Storage(StorageError::Conflict)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    let ceiling = 1u64 << attempt.min(7);
                    let pause = self.random.generator().random_range(0..=ceiling);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                outcome => break outcome,
            }
        };
        self.metrics.transaction(name, start.elapsed(), attempt);
        outcome.map_err(|error| match error {
            TxError::Refused(refusal) => refusal,
            TxError::Storage(error) => {
                tracing::error!(transaction = name, %error, "storage failed");
                error.into()
            }
        })
    }

    async fn once<T, F>(&self, work: &F) -> Result<T, TxError>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, TxError>> + Send + Sync,
    {
        let mut tx = Tx(self.backend.begin().await?);
        let value = work(&mut tx).await?;
        tx.0.commit().await?;
        Ok(value)
    }
}

/// How a transaction closure ends early.
#[derive(Debug)]
pub enum TxError {
    /// Storage failed; a conflict is retried.
    Storage(StorageError),
    /// The closure refused; nothing is changed.
    Refused(Refusal),
}

impl From<StorageError> for TxError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<Refusal> for TxError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Code> for TxError {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<survey::EncodeError> for TxError {
    fn from(error: survey::EncodeError) -> Self {
        Self::Refused(error.into())
    }
}
