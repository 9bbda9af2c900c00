//! A database in memory that loses races, as one that others write to does.

use std::sync::Arc;

use service::storage::memory::Memory;
use service::storage::{Backend, BoxFuture, Entry, StorageError, Transaction};

/// Says at each commit whether the transaction loses a race.
pub type Loses = Arc<dyn Fn() -> bool + Send + Sync>;

/// A party's database.
pub struct Contested {
    pub entries: Memory,
    pub loses: Loses,
}

struct Open(Box<dyn Transaction>, Loses);

impl Backend for Contested {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Transaction>, StorageError>> {
        Box::pin(async {
            let open = Open(self.entries.begin().await?, self.loses.clone());
            Ok(Box::new(open) as Box<dyn Transaction>)
        })
    }
}

impl Transaction for Open {
    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        self.0.get(key)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> BoxFuture<'_, Result<(), StorageError>> {
        self.0.put(key, value)
    }

    fn delete<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<(), StorageError>> {
        self.0.delete(key)
    }

    fn scan<'a>(
        &'a mut self,
        from: &'a [u8],
        to: &'a [u8],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StorageError>> {
        self.0.scan(from, to, limit)
    }

    fn count<'a>(&'a mut self, from: &'a [u8], to: &'a [u8]) -> BoxFuture<'a, Result<u64, StorageError>> {
        self.0.count(from, to)
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>> {
        if (self.1)() { Box::pin(async { Err(StorageError::Conflict) }) } else { self.0.commit() }
    }
}
