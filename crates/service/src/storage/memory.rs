//! Entries in memory, for tests and simulations: transactions run one at a time, and a crash (dropping the
//! transaction's future, at any await) leaves either all of it or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Backend, BoxFuture, Entry, StorageError, Transaction};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The backend. Clones share the entries, as processes share a database.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Map>>);

struct Open {
    entries: OwnedMutexGuard<Map>,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Backend for Memory {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Transaction>, StorageError>> {
        Box::pin(async {
            let entries = self.0.clone().lock_owned().await;
            Ok(Box::new(Open { entries, changes: BTreeMap::new() }) as Box<dyn Transaction>)
        })
    }
}

impl Open {
    fn range(&self, from: &[u8], to: &[u8]) -> Map {
        if from >= to {
            return Map::new();
        }
        let range = from.to_vec()..to.to_vec();
        let mut view: Map = self.entries.range(range.clone()).map(|(k, v)| (k.clone(), v.clone())).collect();
        for (key, change) in self.changes.range(range) {
            match change {
                Some(value) => view.insert(key.clone(), value.clone()),
                None => view.remove(key),
            };
        }
        view
    }
}

impl Transaction for Open {
    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        let value = self.changes.get(key).cloned().unwrap_or_else(|| self.entries.get(key).cloned());
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
        let entries = self.range(from, to).into_iter().take(limit as usize).collect();
        Box::pin(async { Ok(entries) })
    }

    fn count<'a>(&'a mut self, from: &'a [u8], to: &'a [u8]) -> BoxFuture<'a, Result<u64, StorageError>> {
        let count = self.range(from, to).len() as u64;
        Box::pin(async move { Ok(count) })
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>> {
        Box::pin(async move {
            // Two points at which a simulated crash can strike: before the commit and after it.
            tokio::task::yield_now().await;
            for (key, change) in std::mem::take(&mut self.changes) {
                match change {
                    Some(value) => self.entries.insert(key, value),
                    None => self.entries.remove(&key),
                };
            }
            drop(self);
            tokio::task::yield_now().await;
            Ok(())
        })
    }
}
