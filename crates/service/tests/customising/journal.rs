//! The storage backend of docs/src/customising.md.

// ANCHOR: backend
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use service::storage::{Backend, BoxFuture, Entry, StorageError, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

type Key = Vec<u8>;
type Entries = BTreeMap<Key, Vec<u8>>;
/// What a transaction does: a value, or none for a key that is removed.
type Changes = BTreeMap<Key, Option<Vec<u8>>>;

/// The entries in memory; on disk a journal, of which each line is one transaction.
pub struct Journal(Arc<Mutex<(Entries, File)>>);

/// Transactions run one at a time, which makes them serializable.
struct Open {
    held: OwnedMutexGuard<(Entries, File)>,
    changes: Changes,
}

fn failed(error: impl std::fmt::Display) -> StorageError {
    StorageError::Corrupt("journal", error.to_string())
}

fn apply(entries: &mut Entries, changes: Changes) {
    for (key, change) in changes {
        match change {
            Some(value) => entries.insert(key, value),
            None => entries.remove(&key),
        };
    }
}

impl Journal {
    /// Reads the journal. A last line without its end is a transaction that never committed.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let (mut entries, mut whole, mut line) = (Entries::new(), 0, String::new());
        let mut reader = BufReader::new(&file);
        while reader.read_line(&mut line).map_err(failed)? > 0 && line.ends_with('\n') {
            let changes: Vec<(Key, Option<Vec<u8>>)> = serde_json::from_str(&line).map_err(failed)?;
            apply(&mut entries, changes.into_iter().collect());
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).map_err(failed)?;
        Ok(Self(Arc::new(Mutex::new((entries, file)))))
    }
}

impl Backend for Journal {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Transaction>, StorageError>> {
        Box::pin(async {
            let held = Arc::clone(&self.0).lock_owned().await;
            Ok(Box::new(Open { held, changes: Changes::new() }) as Box<dyn Transaction>)
        })
    }
}

impl Open {
    /// The entries between two keys as this transaction sees them.
    fn between(&self, from: &[u8], to: &[u8]) -> Vec<Entry> {
        if from >= to {
            return Vec::new();
        }
        let range = from.to_vec()..to.to_vec();
        let mut view: Entries =
            self.held.0.range(range.clone()).map(|(key, value)| (key.clone(), value.clone())).collect();
        apply(&mut view, self.changes.range(range).map(|(k, v)| (k.clone(), v.clone())).collect());
        view.into_iter().collect()
    }
}

impl Transaction for Open {
    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        let changed = self.changes.get(key).cloned();
        let value = changed.unwrap_or_else(|| self.held.0.get(key).cloned());
        Box::pin(async { Ok(value) })
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
        let entries = self.between(from, to).into_iter().take(limit as usize).collect();
        Box::pin(async { Ok(entries) })
    }

    fn count<'a>(&'a mut self, from: &'a [u8], to: &'a [u8]) -> BoxFuture<'a, Result<u64, StorageError>> {
        let count = self.between(from, to).len() as u64;
        Box::pin(async move { Ok(count) })
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>> {
        Box::pin(async move {
            let changes = std::mem::take(&mut self.changes);
            let mut line = serde_json::to_vec(&changes.iter().collect::<Vec<_>>()).map_err(failed)?;
            line.push(b'\n');
            let (entries, file) = &mut *self.held;
            // First the disk, then the memory: what was told to be done survives loss of power.
            file.write_all(&line).and_then(|()| file.sync_data()).map_err(failed)?;
            apply(entries, changes);
            Ok(())
        })
    }
}
// ANCHOR_END: backend
