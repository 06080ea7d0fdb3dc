//! Where the database is: the forms of its URL, and how a connection to it is opened.

use crate::error::{Code, Error, Kind, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A database that can be connected to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What SQLite is asked to open: a path, or a `file:` URI.
    target: String,
    /// The file, unless it is in memory.
    pub(super) file: Option<PathBuf>,
    /// Never write, whatever the file allows.
    read_only: bool,
    /// Make the file where there is none.
    create: bool,
}

impl Place {
    /// Reads `sqlite:path`, `sqlite://path`, a bare path, a `file:` URI or `:memory:`; `?mode=ro|rw|rwc` may follow.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let bare = url
            .strip_prefix("sqlite:")
            .map(|rest| rest.strip_prefix("//").unwrap_or(rest))
            .unwrap_or(url);
        if bare.contains('\0') || bare.is_empty() {
            return Err(away(format!(
                "{url:?} names no SQLite database: expected sqlite:path/to/file.db"
            )));
        }
        if matches!(bare, ":memory:" | "file::memory:") || bare.starts_with(":memory:?") {
            // Every connection must see the same database; the name keeps it apart from others of this process.
            static NUMBER: AtomicU64 = AtomicU64::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            return Ok(Self {
                target: format!("file:/diglot-{number}?vfs=memdb"),
                file: None,
                read_only: false,
                create: true,
            });
        }
        let uri = bare.starts_with("file:");
        // A name that exists as it stands is meant as it stands, even with a question mark in it.
        let (path, query) = match bare.split_once('?') {
            Some((path, query)) if uri || !Path::new(bare).exists() => (path, query),
            _ => (bare, ""),
        };
        let (mut read_only, mut create) = (false, false);
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match (key, value) {
                ("mode", "ro") | ("immutable", "1" | "true") => read_only = true,
                ("mode", "rw") => {}
                ("mode", "rwc") => create = true,
                ("mode", _) => return Err(away(format!("mode={value} of {url:?}: expected ro, rw or rwc"))),
                _ => {}
            }
        }
        let decoded = || {
            percent_encoding::percent_decode_str(path)
                .decode_utf8_lossy()
                .into_owned()
        };
        let (target, file) = if uri {
            let name = decoded();
            let name = name.trim_start_matches("file:");
            let name = name
                .strip_prefix("//")
                .map_or(name, |rest| rest.find('/').map_or(rest, |slash| &rest[slash..]));
            (bare.to_owned(), PathBuf::from(name))
        } else {
            let file = if Path::new(path).exists() || !url.starts_with("sqlite:") {
                path.to_owned()
            } else {
                decoded()
            };
            (file.clone(), PathBuf::from(file))
        };
        Ok(Self {
            target,
            file: Some(file),
            read_only,
            create,
        })
    }

    /// Whether the file is there; in memory it always is.
    pub(super) fn exists(&self) -> bool {
        self.file.as_ref().is_none_or(|file| file.exists())
    }

    /// The same file, opened as one that nobody changes: the only way to read a write-ahead-logged database in a directory
    /// where no file can be made. `None` while a log with content is beside it.
    pub(super) fn immutable(&self) -> Option<Self> {
        let file = self.file.as_ref()?;
        let mut log = file.clone().into_os_string();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            return None;
        }
        let path = std::path::absolute(file).ok()?;
        let path = percent_encoding::utf8_percent_encode(path.to_str()?, PATH).to_string();
        Some(Self {
            target: format!("file://{path}?immutable=1"),
            read_only: true,
            create: false,
            ..self.clone()
        })
    }

    /// Whether nobody may make files beside the database, which every write needs.
    pub(super) fn is_in_locked_directory(&self) -> bool {
        let Some(directory) = self.file.as_ref().and_then(|file| file.parent()) else {
            return false;
        };
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        std::fs::metadata(directory).is_ok_and(|directory| directory.permissions().readonly())
    }

    /// What operators are told of a fault.
    pub(super) fn name(&self) -> String {
        self.file
            .as_ref()
            .map_or_else(|| ":memory:".into(), |file| file.display().to_string())
    }

    /// Whether the file may be made.
    pub(super) fn creates(&self) -> bool {
        self.create
    }

    /// A new connection, without any of its settings.
    pub(super) fn connect(&self, create: bool) -> rusqlite::Result<Connection> {
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        flags |= if self.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            // Write-protected files open for reading alone. Others must be open for writing even to be read: only so can
            // what a crashed writer left behind be rolled back.
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        if create && !self.read_only || self.file.is_none() {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        if self.target.starts_with("file:") {
            flags |= OpenFlags::SQLITE_OPEN_URI;
        }
        Connection::open_with_flags(&self.target, flags)
    }
}

const PATH: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b'%')
    .add(b'?')
    .add(b'#')
    .add(b' ')
    .add(b'"');

/// An error for the operator.
pub(super) fn away(message: String) -> Error {
    Error::new(Kind::Unavailable, Code::DATABASE_AWAY, message)
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn urls_name_files() {
        for (url, file, create, read_only) in [
            ("data/app.db", "data/app.db", false, false),
            ("sqlite:data/app.db", "data/app.db", false, false),
            ("sqlite://data/app.db?mode=rwc", "data/app.db", true, false),
            ("sqlite:///var/a%20b.db?mode=ro", "/var/a b.db", false, true),
            ("/var/a%20b.db", "/var/a%20b.db", false, false),
            ("file:app.db?mode=ro", "app.db", false, true),
            ("file:///var/app.db", "/var/app.db", false, false),
            ("file:/var/app.db?immutable=1", "/var/app.db", false, true),
        ] {
            let place = Place::parse(url).expect(url);
            assert_eq!(place.name(), file, "{url}");
            assert_eq!((place.create, place.read_only), (create, read_only), "{url}");
        }
        for wrong in ["", "sqlite:", "sqlite:a.db?mode=create", "a\0b"] {
            assert!(Place::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
