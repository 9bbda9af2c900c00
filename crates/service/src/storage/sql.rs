//! Entries in one table of an SQL database: SQLite by default, PostgreSQL by URL.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use sqlx::any::{Any, AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Executor, Row};

use super::{Backend, BoxFuture, Entry, StorageError, Transaction};

/// Steps from an empty database to the present format; never change one that was released, add another.
/// `{bytes}` stands for the database's type of byte strings. The format is the number of steps. It covers what the
/// entries hold as well: a change to a stored type that cannot read what is stored needs a step, which
/// `tests/formats.rs` notices.
const MIGRATIONS: &[&str] = &["CREATE TABLE entries (key {bytes} PRIMARY KEY, value {bytes} NOT NULL)"];

/// What differs between databases.
#[derive(Clone, Copy)]
struct Dialect {
    bytes: &'static str,
    begin: &'static str,
    connections: u32,
    /// Run on every new connection.
    session: &'static str,
    /// How a migration begins, and what then keeps other processes from migrating at the same time.
    migration: [&'static str; 2],
}

/// One writer at a time, taking its lock at the start; durable at commit even against loss of power.
const SQLITE: Dialect = Dialect {
    bytes: "BLOB",
    begin: "BEGIN IMMEDIATE",
    connections: 1,
    session: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;",
    migration: ["BEGIN IMMEDIATE", "SELECT 1"],
};

const POSTGRES: Dialect = Dialect {
    bytes: "BYTEA",
    begin: "BEGIN ISOLATION LEVEL SERIALIZABLE",
    connections: 8,
    // A scan of the whole table would put a transaction in the way of all others; one of the index, only of those that
    // touch the same keys.
    session: "SET synchronous_commit = on; SET enable_seqscan = off",
    // Read committed, so that who waited for the lock sees what its holder did. The lock's number is this program's.
    migration: ["BEGIN", "SELECT pg_advisory_xact_lock(6001736231)"],
};

/// An SQL database.
pub struct Sql {
    pool: AnyPool,
    dialect: Dialect,
}

impl Sql {
    /// The SQLite database in this file, made if it is not there.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be opened or has a newer format.
    pub async fn sqlite(path: &str) -> Result<Self, StorageError> {
        if let Some(parent) = Path::new(path).parent() {
            std::fs::create_dir_all(parent).map_err(sqlx::Error::Io)?;
        }
        Self::open(&format!("sqlite:{path}?mode=rwc"), SQLITE, MIGRATIONS).await
    }

    /// The PostgreSQL database at this URL.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be reached or has a newer format.
    pub async fn postgres(url: &str) -> Result<Self, StorageError> {
        Self::open(url, POSTGRES, MIGRATIONS).await
    }

    async fn open(url: &str, dialect: Dialect, steps: &[&str]) -> Result<Self, StorageError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(dialect.connections)
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(dialect.session).await.map(|_| ()) })
            })
            .connect(url)
            .await?;
        let sql = Self { pool, dialect };
        sql.migrate(steps).await?;
        Ok(sql)
    }

    /// Takes the steps that the database has not taken yet, all or none.
    async fn migrate(&self, steps: &[&str]) -> Result<(), StorageError> {
        let [begin, lock] = self.dialect.migration;
        let mut connection = self.pool.begin_with(begin).await?;
        connection.execute(lock).await?;
        connection.execute("CREATE TABLE IF NOT EXISTS format (version BIGINT NOT NULL)").await?;
        let row = connection.fetch_optional("SELECT version FROM format").await?;
        let stored: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
        let stored = usize::try_from(stored).unwrap_or(usize::MAX);
        let Some(missing) = steps.get(stored..) else {
            return Err(StorageError::Newer(stored as u32, steps.len() as u32));
        };
        if missing.is_empty() {
            return Ok(());
        }
        for step in missing {
            let statement = step.replace("{bytes}", self.dialect.bytes);
            connection.execute(sqlx::AssertSqlSafe(statement)).await?;
        }
        connection.execute("DELETE FROM format").await?;
        sqlx::query("INSERT INTO format (version) VALUES ($1)")
            .bind(steps.len() as i64)
            .execute(&mut *connection)
            .await?;
        Ok(connection.commit().await?)
    }
}

impl Backend for Sql {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Transaction>, StorageError>> {
        Box::pin(async {
            let transaction = self.pool.begin_with(self.dialect.begin).await.map_err(judge)?;
            let open = Open { transaction, fetched: HashMap::new(), changes: BTreeMap::new() };
            Ok(Box::new(open) as Box<dyn Transaction>)
        })
    }
}

/// No statement is about more entries than this.
const AT_ONCE: usize = 128;

/// Every statement is a way to the database and back: reads may be fetched ahead, and writes wait for each other.
struct Open {
    transaction: sqlx::Transaction<'static, Any>,
    fetched: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// Not written yet: the value, or none if the key is to go.
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Open {
    /// Writes what waits: before ranges are read, and before the commit.
    async fn flush(&mut self) -> Result<(), StorageError> {
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        for (key, value) in std::mem::take(&mut self.changes) {
            self.fetched.remove(&key);
            match value {
                Some(value) => puts.push((key, value)),
                None => deletes.push(key),
            }
        }
        while let Some(some) = part(&mut puts) {
            let places = list(some.len(), |index| format!("(${}, ${})", 2 * index + 1, 2 * index + 2));
            let statement = format!(
                "INSERT INTO entries (key, value) VALUES {places}
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(statement));
            let query = some.into_iter().fold(query, |query, (key, value)| query.bind(key).bind(value));
            query.execute(&mut *self.transaction).await.map_err(judge)?;
        }
        while let Some(some) = part(&mut deletes) {
            let places = list(some.len(), |index| format!("${}", index + 1));
            let statement = format!("DELETE FROM entries WHERE key IN ({places})");
            let query = sqlx::query(sqlx::AssertSqlSafe(statement));
            let query = some.into_iter().fold(query, sqlx::query::Query::bind);
            query.execute(&mut *self.transaction).await.map_err(judge)?;
        }
        Ok(())
    }
}

/// Takes as many as go into one statement, if any are left: a power of two, so that there are few statements to prepare.
fn part<T>(all: &mut Vec<T>) -> Option<Vec<T>> {
    let count = 1usize << all.len().min(AT_ONCE).checked_ilog2()?;
    Some(all.split_off(all.len() - count))
}

/// Places for values in a statement.
fn list(count: usize, place: impl Fn(usize) -> String) -> String {
    (0..count).map(place).collect::<Vec<_>>().join(", ")
}

/// Tells lost races from failures: SQLite's BUSY and PostgreSQL's serialization failure and deadlock.
fn judge(error: sqlx::Error) -> StorageError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        Some("5" | "517" | "40001" | "40P01") => StorageError::Conflict,
        _ => StorageError::Database(error),
    }
}

fn entry(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

impl Transaction for Open {
    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        Box::pin(async move {
            if let Some(known) = self.changes.get(key).or_else(|| self.fetched.get(key)) {
                return Ok(known.clone());
            }
            let query = sqlx::query("SELECT value FROM entries WHERE key = $1").bind(key.to_vec());
            let row = query.fetch_optional(&mut *self.transaction).await.map_err(judge)?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    fn prefetch(&mut self, mut keys: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async move {
            while let Some(some) = part(&mut keys) {
                let places = list(some.len(), |index| format!("${}", index + 1));
                let statement = format!("SELECT key, value FROM entries WHERE key IN ({places})");
                let query = sqlx::query(sqlx::AssertSqlSafe(statement));
                let query = some.iter().cloned().fold(query, sqlx::query::Query::bind);
                let rows = query.fetch_all(&mut *self.transaction).await.map_err(judge)?;
                self.fetched.extend(some.into_iter().map(|key| (key, None)));
                for row in &rows {
                    let (key, value) = entry(row)?;
                    self.fetched.insert(key, Some(value));
                }
            }
            Ok(())
        })
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> BoxFuture<'_, Result<(), StorageError>> {
        self.changes.insert(key, Some(value));
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<(), StorageError>> {
        self.changes.insert(key.to_vec(), None);
        Box::pin(async { Ok(()) })
    }

    fn scan<'a>(
        &'a mut self,
        from: &'a [u8],
        to: &'a [u8],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StorageError>> {
        Box::pin(async move {
            self.flush().await?;
            let rows = sqlx::query(
                "SELECT key, value FROM entries WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3",
            )
            .bind(from.to_vec())
            .bind(to.to_vec())
            .bind(i64::from(limit))
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(judge)?;
            Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
        })
    }

    fn count<'a>(&'a mut self, from: &'a [u8], to: &'a [u8]) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.flush().await?;
            let row = sqlx::query("SELECT COUNT(*) FROM entries WHERE key >= $1 AND key < $2")
                .bind(from.to_vec())
                .bind(to.to_vec())
                .fetch_one(&mut *self.transaction)
                .await
                .map_err(judge)?;
            Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
        })
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>> {
        Box::pin(async move {
            self.flush().await?;
            self.transaction.commit().await.map_err(judge)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_older_database_is_brought_up_to_date_and_a_newer_one_refused_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", folder.path().join("party.db").display());
        let next = [MIGRATIONS, &["ALTER TABLE entries ADD COLUMN note TEXT"]].concat();
        let open = |steps: Vec<&'static str>| {
            let url = url.clone();
            async move { Sql::open(&url, SQLITE, &steps).await }
        };
        let put = |sql: Sql, key: &'static [u8]| async move {
            let mut tx = sql.begin().await.unwrap();
            tx.put(key.to_vec(), b"value".to_vec()).await.unwrap();
            tx.commit().await.unwrap();
        };
        put(open(MIGRATIONS.to_vec()).await.unwrap(), b"old").await;
        // The program's next version takes its step, once, and finds what was stored.
        put(open(next.clone()).await.unwrap(), b"new").await;
        let sql = open(next.clone()).await.unwrap();
        let mut tx = sql.begin().await.unwrap();
        for key in [b"old", b"new"] {
            assert_eq!(tx.get(key).await.unwrap().as_deref(), Some(b"value".as_slice()));
        }
        drop((tx, sql));
        let refused = open(MIGRATIONS.to_vec()).await.err().unwrap();
        let (stored, known) = (next.len() as u32, MIGRATIONS.len() as u32);
        assert!(matches!(refused, StorageError::Newer(a, b) if (a, b) == (stored, known)), "{refused}");
        assert_eq!(survey::Refusal::from(refused).code, survey::Code::NewerFormat);
        let sql = open(next).await.unwrap();
        assert_eq!(sql.begin().await.unwrap().count(b"", b"z").await.unwrap(), 2);
    }
}
