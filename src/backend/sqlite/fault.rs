//! The one place where SQLite's errors are classified.

use crate::backend::stream::Stopped;
use crate::error::{Code, Error, Kind, Violation, ViolationKind};
use rusqlite::ErrorCode;

/// Begins the text of an error that our own SQL functions raise for a value of the client's; the rest is for the client.
pub(super) const INVALID: &str = "diglot:invalid:";

/// Begins the text of the error that they raise for a number that its column cannot hold.
pub(super) const RANGE: &str = "diglot:range";

/// What the message of a function begins with that was given no value for a key.
pub(super) const MISSING: &str = "diglot:missing";

/// What running a statement can end with, before it is an [`Error`].
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite's.
    Sqlite(rusqlite::Error),
    /// A statement whose shape cannot be written.
    Shape(&'static str),
    /// Nobody takes the rows.
    Stopped(Stopped),
    /// The answer is larger than it may be.
    NoRoom(Error),
    /// The time was up, and SQLite said so in other words.
    OutOfTime(rusqlite::Error),
    /// A row is longer, or takes longer, than may be where it is written.
    LongRow,
}

impl From<Stopped> for Fault {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::OutOfTime(_) | Self::LongRow => Some(ErrorCode::OperationInterrupted),
            Self::Shape(_) | Self::Stopped(_) | Self::NoRoom(_) => None,
        }
    }

    /// The time was up.
    pub(super) fn is_interrupt(&self) -> bool {
        self.code() == Some(ErrorCode::OperationInterrupted)
    }

    /// The fault of a run whose time is up by now (`late`). A statement that is interrupted while it is prepared fails in
    /// words of the place where it was (a virtual table that cannot be made, a subquery without columns) and with the code
    /// for any error: such a one is taken for an interrupt. What our own functions say of a client's value stays.
    pub(super) fn of_a_run(self, late: bool) -> Self {
        match self {
            Self::Sqlite(error)
                if late
                    && error.sqlite_error_code() == Some(ErrorCode::Unknown)
                    && !text(&error).starts_with(INVALID) =>
            {
                Self::OutOfTime(error)
            }
            other => other,
        }
    }

    /// What a commit's fault is to each of those who waited for it. Where the disk failed after it was written, the log may hold
    /// it all the same, and whoever opens the database next finds it.
    pub(super) fn of_commit(&self) -> Error {
        let fault = match self {
            Fault::Sqlite(rusqlite::Error::SqliteFailure(error, text)) => {
                Fault::Sqlite(rusqlite::Error::SqliteFailure(*error, text.clone()))
            }
            _ => Fault::Shape("a commit failed"),
        };
        let is_written = match &fault {
            Fault::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => {
                error.code == ErrorCode::SystemIoFailure && error.extended_code != rusqlite::ffi::SQLITE_IOERR_WRITE
            }
            _ => false,
        };
        if !is_written {
            return fault.into();
        }
        let message = "the write was interrupted; look whether it has happened before trying again";
        Error::new(Kind::Unavailable, Code::UNKNOWN_OUTCOME, message).with_source(Error::from(fault))
    }

    /// What the database computes of the values that are written (a check, an index, a column) fails for them.
    pub(super) fn is_of_values(&self) -> bool {
        const WORDS: [&str; 3] = ["malformed JSON", "bad JSON path", "JSON path error"];
        match self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                let text = text(error);
                WORDS.iter().any(|words| text.contains(words))
            }
            _ => false,
        }
    }

    /// Another connection stands in the way.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// The connection is of no more use.
    pub(super) fn is_away(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::NotADatabase
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::PermissionDenied
                    | ErrorCode::ReadOnly
                    | ErrorCode::FileLockingProtocolFailed
            )
        )
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let away = fault.is_away();
        let error = match fault {
            Fault::Shape(what) => return Error::internal(what),
            Fault::Stopped(stopped) => return stopped.into(),
            Fault::NoRoom(error) => return error,
            Fault::OutOfTime(error) => return out_of_time().with_source(error),
            Fault::LongRow => return out_of_time(),
            Fault::Sqlite(error) => error,
        };
        if away {
            return Error::new(Kind::Unavailable, Code::DATABASE_AWAY, "the database is not available")
                .with_source(error);
        }
        let text = text(&error);
        let made = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
                Kind::Unavailable,
                Code::DATABASE_AWAY,
                "the database is busy, try again later",
            ),
            Some(ErrorCode::OperationInterrupted) => out_of_time(),
            Some(ErrorCode::OutOfMemory | ErrorCode::DiskFull) => Error::new(
                Kind::Unavailable,
                Code::DATABASE_AWAY,
                "the database has no room left, try again later",
            ),
            Some(ErrorCode::TooBig) => Error::new(
                Kind::TooLarge,
                Code::LIMIT_EXCEEDED,
                "a value of the answer, or the rows within one, are too large to be held: ask for fewer rows (with a limit) or \
                 columns",
            ),
            Some(ErrorCode::ConstraintViolation) => violated(&error, &text),
            _ => by_text(&text),
        };
        made.with_source(error)
    }
}

/// What a constraint says: `UNIQUE constraint failed: book.isbn, book.edition`.
fn violated(error: &rusqlite::Error, text: &str) -> Error {
    use rusqlite::ffi;
    let extended = match error {
        rusqlite::Error::SqliteFailure(failure, _) => failure.extended_code,
        _ => 0,
    };
    let kind = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            ViolationKind::Unique
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ViolationKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ViolationKind::NotNull,
        _ => ViolationKind::Check,
    };
    let subject = text.split_once("constraint failed: ").map(|(_, subject)| subject);
    let mut violation = Violation {
        kind,
        schema: None,
        table: None,
        columns: Vec::new(),
        constraint: None,
    };
    if let Some(subject) = subject {
        for part in subject.split(", ") {
            match part.split_once('.') {
                Some((table, column)) => {
                    violation.table = Some(table.to_owned());
                    violation.columns.push(column.to_owned());
                }
                None => {
                    let name = part.trim_start_matches("index ").trim_matches('\'');
                    violation.constraint = Some(name.to_owned());
                }
            }
        }
    }
    let message = "the values conflict with a constraint of the database";
    let mut made = Error::new(Kind::Conflict, Code::CONSTRAINT, message);
    made.violation = Some(Box::new(violation));
    made
}

fn out_of_time() -> Error {
    Error::new(Kind::Unavailable, Code::TIMEOUT, "the statement ran out of its time")
}

/// SQLite has one code for whatever is wrong with a statement; only the text tells which it is.
fn by_text(text: &str) -> Error {
    const COMPLEX: &[&str] = &[
        "parser stack overflow",
        "Recursion limit",
        "Expression tree is too large",
        "too many",
        "at most",
        "pattern too complex",
        "too large or too deep",
        "nested too deep",
    ];
    if let Some(message) = text.strip_prefix(INVALID) {
        return Error::invalid(Code::INVALID_VALUE, message.trim());
    }
    if text.starts_with(RANGE) {
        return Error::invalid(Code::OUT_OF_RANGE, "a number is out of range");
    }
    if text.starts_with(MISSING) {
        // Which one, whoever knows the statement says.
        let violation = Violation {
            kind: ViolationKind::NotNull,
            schema: None,
            table: None,
            columns: Vec::new(),
            constraint: None,
        };
        return Error {
            violation: Some(Box::new(violation)),
            ..Error::invalid(Code::CONSTRAINT, "a value is missing")
        };
    }
    if text.contains("JSON cannot hold BLOB values") {
        return Error::new(Kind::Internal, Code::BLOB_IN_JSON, "internal error");
    }
    if [
        "no such table",
        "no such column",
        "no such view",
        "no such module",
        "database schema has changed",
    ]
    .iter()
    .any(|wrong| text.starts_with(wrong))
    {
        return Error::new(
            Kind::Unavailable,
            Code::SCHEMA_CHANGED,
            "the schema of the database has changed, try again",
        );
    }
    if text.contains("integer overflow") {
        return Error::invalid(
            Code::INVALID_VALUE,
            "a number is out of range: results are at most 9223372036854775807",
        );
    }
    if COMPLEX.iter().any(|complex| text.contains(complex)) {
        return Error::invalid(
            Code::LIMIT_EXCEEDED,
            "the request is too complex for the database: ask for less at once",
        );
    }
    Error::new(Kind::Internal, Code::INTERNAL, "internal error")
}

fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;
    use rusqlite::Connection;
    use rusqlite::ffi::Error;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn whenever_the_time_is_up_it_is_an_interrupt() {
        let failed = |text: &str| Fault::from(rusqlite::Error::SqliteFailure(Error::new(1), Some(text.into())));
        for words in [
            "vtable constructor failed: json_each",
            "expected 0 columns for '' but got 5",
        ] {
            assert!(failed(words).of_a_run(true).is_interrupt());
            assert!(!failed(words).of_a_run(false).is_interrupt());
        }
        assert!(!failed("diglot:invalid: no JSON").of_a_run(true).is_interrupt());

        // As it comes: interrupted at any moment, also while it is prepared.
        let connection = Connection::open_in_memory().expect("opens");
        let handle = connection.get_interrupt_handle();
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                handle.interrupt();
            }
        });
        let begin = Instant::now();
        let mut interrupted = 0;
        while begin.elapsed() < Duration::from_millis(400) {
            let text = "SELECT value FROM json_each('[1,2]') WHERE value IN (SELECT value FROM json_each('[2]'))";
            if let Err(error) = connection.query_row(text, [], |row| row.get::<_, i64>(0)) {
                let fault = Fault::from(error).of_a_run(true);
                assert!(fault.is_interrupt(), "{fault:?}");
                interrupted += 1;
            }
        }
        over.store(true, Ordering::Relaxed);
        thread.join().expect("ends");
        assert!(interrupted > 0);
    }
}
