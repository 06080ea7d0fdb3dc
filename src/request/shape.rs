//! A read as the key of what is kept for it: shared, and hashed once.

use super::Read;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// Of this process, so that nobody can foresee which shapes meet in one place.
static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A read that is shared by whoever asks in the same way.
#[derive(Clone)]
pub struct ReadShape(Arc<Hashed>);

struct Hashed {
    hash: u64,
    read: Read,
}

impl From<Read> for ReadShape {
    fn from(read: Read) -> Self {
        let hash = KEYS.hash_one(&read);
        Self(Arc::new(Hashed { hash, read }))
    }
}

impl Deref for ReadShape {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.0.read
    }
}

impl Hash for ReadShape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl PartialEq for ReadShape {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.read == other.0.read)
    }
}

impl Eq for ReadShape {}

impl fmt::Debug for ReadShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.read.fmt(formatter)
    }
}
