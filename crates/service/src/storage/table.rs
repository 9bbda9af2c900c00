//! Typed tables within the one map.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use survey::Id;

use super::{StorageError, Tx};

/// A key within a table, ordered as its bytes are.
pub trait Key {
    /// The bytes.
    fn bytes(&self) -> Vec<u8>;
}

impl Key for u64 {
    fn bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }
}

impl Key for Id {
    fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl Key for (Id, u8) {
    fn bytes(&self) -> Vec<u8> {
        [self.0.0.as_slice(), &[self.1]].concat()
    }
}

impl Key for [u8] {
    fn bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Key for () {
    fn bytes(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// A table of bytes: share columns.
pub struct Blobs<K: ?Sized> {
    name: &'static str,
    key: PhantomData<fn(&K)>,
}

/// A table of values stored as JSON.
pub struct Table<K: ?Sized, V> {
    blobs: Blobs<K>,
    value: PhantomData<fn() -> V>,
}

impl<K: Key + ?Sized> Blobs<K> {
    /// The table of this name. Names are distinct and hold no zero byte.
    pub const fn new(name: &'static str) -> Self {
        Self { name, key: PhantomData }
    }

    fn at(&self, key: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), &[0], key].concat()
    }

    fn end(&self) -> Vec<u8> {
        [self.name.as_bytes(), &[1]].concat()
    }
}

impl<K: Key + ?Sized, V> Table<K, V> {
    /// The table of this name. Names are distinct and hold no zero byte.
    pub const fn new(name: &'static str) -> Self {
        Self { blobs: Blobs::new(name), value: PhantomData }
    }
}

fn decode<V: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Result<V, StorageError> {
    serde_json::from_slice(bytes).map_err(|error| StorageError::Corrupt(table, error.to_string()))
}

impl Tx {
    /// The bytes under a key.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn get_blob<K: Key + ?Sized>(
        &mut self,
        table: &Blobs<K>,
        key: &K,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.get(&table.at(&key.bytes())).await
    }

    /// Sets the bytes under a key.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_blob<K: Key + ?Sized>(
        &mut self,
        table: &Blobs<K>,
        key: &K,
        value: Vec<u8>,
    ) -> Result<(), StorageError> {
        self.0.put(table.at(&key.bytes()), value).await
    }

    /// Removes the bytes under a key.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn delete_blob<K: Key + ?Sized>(
        &mut self,
        table: &Blobs<K>,
        key: &K,
    ) -> Result<(), StorageError> {
        self.0.delete(&table.at(&key.bytes())).await
    }

    /// The value under a key.
    ///
    /// # Errors
    /// [`StorageError`], also if the value cannot be read.
    pub async fn get<K: Key + ?Sized, V: DeserializeOwned>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, StorageError> {
        let value = self.get_blob(&table.blobs, key).await?;
        value.map(|bytes| decode(table.blobs.name, &bytes)).transpose()
    }

    /// Tells that the values under these keys are read next, so that they may be fetched at once.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn prefetch<'k, K: Key + ?Sized + 'k, V>(
        &mut self,
        table: &Table<K, V>,
        keys: impl IntoIterator<Item = &'k K>,
    ) -> Result<(), StorageError> {
        let keys = keys.into_iter().map(|key| table.blobs.at(&key.bytes())).collect();
        self.0.prefetch(keys).await
    }

    /// Sets the value under a key.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put<K: Key + ?Sized, V: Serialize>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StorageError> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| StorageError::Corrupt(table.blobs.name, error.to_string()))?;
        self.put_blob(&table.blobs, key, bytes).await
    }

    /// Removes the value under a key.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn delete<K: Key + ?Sized, V>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<(), StorageError> {
        self.delete_blob(&table.blobs, key).await
    }

    /// The first `limit` entries at or after `from`, in the order of their keys.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn scan<K: Key + ?Sized, V: DeserializeOwned>(
        &mut self,
        table: &Table<K, V>,
        from: &[u8],
        limit: u32,
    ) -> Result<Vec<(Vec<u8>, V)>, StorageError> {
        let prefix = table.blobs.name.len() + 1;
        let entries = self.0.scan(&table.blobs.at(from), &table.blobs.end(), limit).await?;
        entries
            .into_iter()
            .map(|(key, value)| Ok((key[prefix..].to_vec(), decode(table.blobs.name, &value)?)))
            .collect()
    }

    /// How many entries the table holds from `from` (inclusive) to `to` (exclusive; to the end, if none).
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn count<K: Key + ?Sized, V>(
        &mut self,
        table: &Table<K, V>,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<u64, StorageError> {
        let end = to.map_or_else(|| table.blobs.end(), |to| table.blobs.at(to));
        self.0.count(&table.blobs.at(from), &end).await
    }
}
