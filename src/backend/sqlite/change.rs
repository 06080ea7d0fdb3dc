//! Noticing what others do: another schema in the same file, or another file in its place.

use super::fault::Fault;
use super::place::{Place, away};
use super::pool::Pool;
use crate::error::Result;
use rusqlite::Connection;
use std::sync::{Mutex, PoisonError};

/// The file as it was last seen.
pub(super) struct Seen(Mutex<Option<String>>);

impl Seen {
    pub(super) fn of(place: &Place) -> Self {
        Self(Mutex::new(mark(place)))
    }

    /// Looks at the file again. If another one took its place (a restored copy, a deployment by renaming), connections to
    /// the old one, which would go on reading it unseen, are dropped.
    pub(super) fn look(&self, pool: &Pool) -> Result<String> {
        let place = pool.place();
        let now = mark(&place);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != now {
            pool.renew();
            seen.clone_from(&now);
        }
        now.ok_or_else(|| away(format!("the database {:?} is no longer there", place.name())))
    }
}

/// What tells one file from another at the same path.
fn mark(place: &Place) -> Option<String> {
    let Some(file) = &place.file else {
        return Some(String::new());
    };
    let data = std::fs::metadata(file).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(format!("{:x}.{:x}", data.dev(), data.ino()))
    }
    #[cfg(not(unix))]
    Some(
        data.created()
            .map_or_else(|_| String::new(), |time| format!("{time:?}")),
    )
}

/// The file and the number that SQLite counts up in it with every change of the schema, by whichever process.
pub(super) fn fingerprint(connection: &Connection, file: &str) -> Result<String, Fault> {
    let version: i64 = connection
        .prepare_cached("PRAGMA schema_version")?
        .query_row([], |row| row.get(0))?;
    Ok(format!("{file}:{version}"))
}
