//! What is kept between requests: validated documents by text, role and snapshot; long answers to introspection, packed;
//! persisted documents by hash. All are bounded by bytes.

use super::document::Document;
use super::introspect::Packed;
use crate::telemetry::CacheReading;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use std::hash::Hash;
use std::sync::Arc;

/// Bytes of validated documents, estimated.
const DOCUMENTS: u64 = 24 << 20;
/// Bytes of packed answers to introspection: some 3 MB for 600 tables.
const TOLD: u64 = 24 << 20;
/// Bytes of persisted documents.
const PERSISTED: u64 = 4 << 20;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    number: u64,
    role: Box<str>,
    backend: bool,
    text: Box<str>,
}

#[derive(Hash)]
struct Look<'a> {
    number: u64,
    role: &'a str,
    backend: bool,
    text: &'a str,
}

impl Equivalent<Key> for Look<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.number == key.number && *self.role == *key.role && self.backend == key.backend && *self.text == *key.text
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Document>> for Bytes {
    /// A parsed document is roughly thirty times its text.
    fn weight(&self, key: &Key, _: &Arc<Document>) -> u64 {
        key.text.len() as u64 * 30 + 500
    }
}

impl Weighter<[u8; 32], Arc<str>> for Bytes {
    fn weight(&self, _: &[u8; 32], text: &Arc<str>) -> u64 {
        text.len() as u64 + 100
    }
}

fn reading<K: Eq + Hash, V: Clone>(name: &'static str, cache: &Cache<K, V, Bytes>) -> CacheReading
where
    Bytes: Weighter<K, V>,
{
    CacheReading {
        name,
        entries: cache.len(),
        weight: cache.weight(),
        hits: cache.hits(),
        misses: cache.misses(),
    }
}

/// Validated documents.
pub(crate) struct Documents(Cache<Key, Arc<Document>, Bytes>);

impl Documents {
    pub(crate) fn reading(&self) -> CacheReading {
        reading("documents", &self.0)
    }

    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(2_000, DOCUMENTS, Bytes))
    }

    pub(crate) fn get(&self, number: u64, (role, backend): (&str, bool), text: &str) -> Option<Arc<Document>> {
        self.0.get(&Look {
            number,
            role,
            backend,
            text,
        })
    }

    pub(crate) fn insert(&self, number: u64, (role, backend): (&str, bool), text: &str, document: Arc<Document>) {
        let key = Key {
            number,
            role: role.into(),
            backend,
            text: text.into(),
        };
        self.0.insert(key, document);
    }

    /// Forgets what belongs to older snapshots.
    pub(crate) fn keep(&self, number: u64) {
        self.0.retain(|key, _| key.number >= number);
    }
}

/// What an answer about the schema depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// The snapshot's.
    pub number: u64,
    pub role: Box<str>,
    /// Rights for the backend alone count.
    pub backend_only: bool,
    /// The document.
    pub text: Box<str>,
    pub operation: Option<Box<str>>,
    /// As JSON.
    pub variables: Box<str>,
}

impl Weighter<Asked, Arc<Packed>> for Bytes {
    fn weight(&self, key: &Asked, packed: &Arc<Packed>) -> u64 {
        (packed.gzip.len() + key.text.len() + key.variables.len() + 500) as u64
    }
}

/// Long answers to documents that ask about the schema alone.
pub(crate) struct Schemas(Cache<Asked, Arc<Packed>, Bytes>);

impl Schemas {
    pub(crate) fn reading(&self) -> CacheReading {
        reading("introspection", &self.0)
    }

    pub(crate) fn new() -> Self {
        // Of so few expected items the cache makes one part, into which large ones fit.
        Self(Cache::with_weighter(32, TOLD, Bytes))
    }

    pub(crate) fn get(&self, asked: &Asked) -> Option<Arc<Packed>> {
        self.0.get(asked)
    }

    pub(crate) fn insert(&self, asked: Asked, packed: Arc<Packed>) {
        self.0.insert(asked, packed);
    }

    /// Forgets what belongs to older snapshots.
    pub(crate) fn keep(&self, number: u64) {
        self.0.retain(|asked, _| asked.number >= number);
    }
}

/// Documents that clients registered by their SHA-256.
pub(crate) struct Persisted(Cache<[u8; 32], Arc<str>, Bytes>);

impl Persisted {
    pub(crate) fn reading(&self) -> CacheReading {
        reading("persisted", &self.0)
    }

    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(1_000, PERSISTED, Bytes))
    }

    pub(crate) fn get(&self, hash: &[u8; 32]) -> Option<Arc<str>> {
        self.0.get(hash)
    }

    pub(crate) fn insert(&self, hash: [u8; 32], text: &str) {
        self.0.insert(hash, text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persisted_documents_are_bounded() {
        let persisted = Persisted::new();
        let text = "x".repeat(10_000);
        for number in 0..2_000u32 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_le_bytes());
            persisted.insert(hash, &text);
        }
        assert!(persisted.0.weight() <= PERSISTED);
        assert!(persisted.0.len() < 500);
    }
}
