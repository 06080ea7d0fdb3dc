//! The one error that crosses stages: a kind, a stable code, a message for the client and a cause for the log.
//!
//! Nothing of the database's own text is ever in [`Error::message`]; it stays in the source, which only the log sees.

use std::fmt;

/// What went wrong, in terms that every front can map to its own status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or says something that cannot be.
    Invalid,
    /// A credential is missing, invalid or expired.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// No such table, row or path, as far as the caller may know.
    NotFound,
    /// A unique or foreign key stands in the way.
    Conflict,
    /// The operation does not exist for this thing (a write on a view, a wrong method).
    NotAllowed,
    /// The body's media type is not understood.
    UnsupportedMedia,
    /// The request is well-formed, and contradicts one that was made before.
    Unprocessable,
    /// The request or its answer is larger than allowed.
    TooLarge,
    /// The request's headers are larger than allowed.
    HeadersTooLarge,
    /// The caller has tried too often and should wait.
    TooMany,
    /// The request did not arrive in time.
    TooSlow,
    /// The caller should come back later: database away, pool empty, time-out.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// The one table from kinds to HTTP statuses; a front whose wire form has it otherwise says so itself.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Kind::Invalid => 400,
            Kind::Unauthenticated => 401,
            Kind::Forbidden => 403,
            Kind::NotFound => 404,
            Kind::NotAllowed => 405,
            Kind::TooSlow => 408,
            Kind::Conflict => 409,
            Kind::TooLarge => 413,
            Kind::UnsupportedMedia => 415,
            Kind::Unprocessable => 422,
            Kind::TooMany => 429,
            Kind::HeadersTooLarge => 431,
            Kind::Internal => 500,
            Kind::Unavailable => 503,
        }
    }
}

/// A stable, greppable name of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(pub &'static str);

impl Code {
    /// Whether it is about an `Idempotency-Key`, so that nothing of a request with several writes may go on.
    #[must_use]
    pub fn is_of_a_key(self) -> bool {
        matches!(
            self,
            Self::INVALID_KEY | Self::KEY_REUSED | Self::KEY_IN_USE | Self::OUTCOME_WITHHELD
        )
    }

    /// A value does not fit its type or range.
    pub const INVALID_VALUE: Code = Code("invalid_value");
    /// A number that a statement has computed does not fit its column; whoever knows the statement says which.
    pub const OUT_OF_RANGE: Code = Code("out_of_range");
    /// The request's syntax is wrong.
    pub const INVALID_SYNTAX: Code = Code("invalid_syntax");
    /// An unknown table.
    pub const UNKNOWN_TABLE: Code = Code("unknown_table");
    /// An unknown column, or one that the role may not see.
    pub const UNKNOWN_COLUMN: Code = Code("unknown_column");
    /// A column that the database computes was sent.
    pub const READ_ONLY_COLUMN: Code = Code("read_only_column");
    /// An unknown relation, or one that leads where the role may not read.
    pub const UNKNOWN_RELATION: Code = Code("unknown_relation");
    /// An unknown operator, or one that the column's type does not have.
    pub const UNKNOWN_OPERATOR: Code = Code("unknown_operator");
    /// An unknown parameter or argument.
    pub const UNKNOWN_PARAMETER: Code = Code("unknown_parameter");
    /// A limit of the server is exceeded.
    pub const LIMIT_EXCEEDED: Code = Code("limit_exceeded");
    /// A cursor that is not ours, tampered with, or made for another request.
    pub const INVALID_CURSOR: Code = Code("invalid_cursor");
    /// A credential is invalid or expired.
    pub const INVALID_CREDENTIALS: Code = Code("invalid_credentials");
    /// Credentials are needed.
    pub const UNAUTHENTICATED: Code = Code("unauthenticated");
    /// Access is denied.
    pub const ACCESS_DENIED: Code = Code("access_denied");
    /// No such row.
    pub const ROW_NOT_FOUND: Code = Code("row_not_found");
    /// Not available on this database or not yet.
    pub const NOT_SUPPORTED: Code = Code("not_supported");
    /// What a write would leave does not satisfy the role's rule.
    pub const CHECK_FAILED: Code = Code("check_failed");
    /// The row that an upsert would change is not the caller's to change.
    pub const ROW_OUT_OF_REACH: Code = Code("row_out_of_reach");
    /// Another transaction came in between; the same write again may work.
    pub const COLLISION: Code = Code("collision");
    /// Nothing has happened; the same write again, at once, can say more of what is wrong with it.
    pub const AGAIN: Code = Code("again");
    /// Whether a write has happened is not known.
    pub const UNKNOWN_OUTCOME: Code = Code("unknown_outcome");
    /// An `Idempotency-Key` that cannot be kept: malformed, sent twice, or of nobody.
    pub const INVALID_KEY: Code = Code("idempotency_key_invalid");
    /// An `Idempotency-Key` came again with another request.
    pub const KEY_REUSED: Code = Code("idempotency_key_reused");
    /// A request with the same `Idempotency-Key` is under way.
    pub const KEY_IN_USE: Code = Code("idempotency_key_in_use");
    /// What a write gave is not told again: the caller's rights have changed since.
    pub const OUTCOME_WITHHELD: Code = Code("idempotency_outcome_withheld");
    /// A constraint of the database is violated.
    pub const CONSTRAINT: Code = Code("constraint_violation");
    /// The database cannot be reached.
    pub const DATABASE_AWAY: Code = Code("database_unavailable");
    /// The answers under way hold all the memory that they may.
    pub const OVERLOADED: Code = Code("overloaded");
    /// The statement ran out of its time.
    pub const TIMEOUT: Code = Code("timeout");
    /// A value in nested JSON is a blob, which SQLite cannot write there; the statement is rendered with more care.
    pub const BLOB_IN_JSON: Code = Code("blob_in_json");
    /// The schema changed under a statement.
    pub const SCHEMA_CHANGED: Code = Code("schema_changed");
    /// A fault of ours.
    pub const INTERNAL: Code = Code("internal");
}

/// The result of every stage.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error on its way to a front.
#[derive(Debug)]
pub struct Error {
    /// What kind of thing went wrong.
    pub kind: Kind,
    /// Its stable name.
    pub code: Code,
    /// What the client is told: what is wrong and what would be right.
    pub message: String,
    /// Where in the request: a parameter's or argument's name.
    pub place: Option<String>,
    /// Which of several rows that were sent, counted from 0.
    pub row: Option<usize>,
    /// Which of several writes of a batch, counted from 0.
    pub write: Option<usize>,
    /// Of a table that does not take such a write: what it takes.
    pub takes: Option<Verbs>,
    /// The constraint of the database that a write has violated, by its own names: whoever knows the catalog and the caller
    /// says of it what may be said.
    pub violation: Option<Box<Violation>>,
    /// The cause, for the log only.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a table takes at all, whoever asks: a view may take some writes and no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs {
    /// New rows.
    pub insert: bool,
    /// Changed rows.
    pub update: bool,
    /// Rows that go.
    pub delete: bool,
}

impl Verbs {
    /// Every write.
    pub const ALL: Self = Self {
        insert: true,
        update: true,
        delete: true,
    };
    /// None.
    pub const NONE: Self = Self {
        insert: false,
        update: false,
        delete: false,
    };

    /// Whether it takes any write.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::NONE
    }

    /// What it takes, in words: `new rows and changes`.
    #[must_use]
    pub fn words(self) -> String {
        let all = [
            (self.insert, "new rows"),
            (self.update, "changes"),
            (self.delete, "deletes"),
        ];
        let taken: Vec<&str> = all
            .into_iter()
            .filter(|(takes, _)| *takes)
            .map(|(_, word)| word)
            .collect();
        match taken.as_slice() {
            [] => "nothing".to_owned(),
            [only] => (*only).to_owned(),
            [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
        }
    }
}

/// A constraint of the database that a write has violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which kind.
    pub kind: ViolationKind,
    /// The table's schema, where the database says so.
    pub schema: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// Its columns, where the database says so.
    pub columns: Vec<String>,
    /// The constraint's name, where the database says so.
    pub constraint: Option<String>,
}

/// Kinds of constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// Another row has the key.
    Unique,
    /// A row that is referred to does not exist, or one that goes is referred to.
    ForeignKey,
    /// A value is missing.
    NotNull,
    /// Any other condition of the table.
    Check,
}

/// Most characters of a name that is not known, in a message.
const NAME: usize = 200;

/// Most bytes of a place.
const PLACE: usize = 1000;

/// The beginning of a text that is longer than it may be.
fn clipped(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

impl Error {
    /// An error of any kind.
    pub fn new(kind: Kind, code: Code, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            place: None,
            row: None,
            write: None,
            takes: None,
            violation: None,
            source: None,
        }
    }

    /// The client's fault.
    pub fn invalid(code: Code, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, message)
    }

    /// No such thing, as far as the caller may know.
    pub fn not_found(code: Code, message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, message)
    }

    /// The caller may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, Code::ACCESS_DENIED, message)
    }

    /// Our fault; the cause goes to the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, Code::INTERNAL, "internal error").with_source(source)
    }

    /// After how many seconds the same may be sent again, for `Retry-After`. Not where nobody knows whether it has happened:
    /// clients and proxies that heed the header would write twice.
    #[must_use]
    pub fn retry_after(&self) -> Option<&'static str> {
        match (self.kind, self.code) {
            (_, Code::UNKNOWN_OUTCOME) => None,
            (Kind::TooMany, _) => Some("60"),
            (Kind::Unavailable, _) | (_, Code::KEY_IN_USE) => Some("1"),
            _ => None,
        }
    }

    /// Names the part of the request that is meant.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| clipped(place.into(), PLACE));
        self
    }

    /// Says which of several rows is meant, counted from 0.
    #[must_use]
    pub fn at_row(mut self, row: usize) -> Self {
        self.row.get_or_insert(row);
        self
    }

    /// Says which of several writes is meant, counted from 0.
    #[must_use]
    pub fn of_write(mut self, write: usize) -> Self {
        self.write.get_or_insert(write);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// "unknown column "nme" of "book", did you mean "name"?"
    pub fn unknown<'a>(
        kind: Kind,
        code: Code,
        what: &str,
        wrong: &str,
        of: Option<&str>,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        // What is far longer than any name is near none of them, and need not be said again.
        if wrong.len() > NAME && wrong.chars().count() > NAME {
            let wrong: String = wrong.chars().take(NAME).collect();
            let of = of.map_or(String::new(), |of| format!(" of {of:?}"));
            return Self::new(kind, code, format!("unknown {what} {wrong:?}…{of}"));
        }
        let mut message = format!("unknown {what} {wrong:?}");
        if let Some(of) = of {
            message = format!("{message} of {of:?}");
        }
        if let Some(near) = nearest(wrong, candidates) {
            message = format!("{message}, did you mean {near:?}?");
        }
        Self::new(kind, code, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The candidate nearest to `wrong`, if one is near enough to be worth suggesting: a third of the shorter word may differ, or
/// one is the other's beginning.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let length = lower.chars().count();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let count = other.chars().count();
            let distance = strsim::damerau_levenshtein(&lower, &other);
            let begins = !lower.is_empty() && (other.starts_with(&lower) || lower.starts_with(&other));
            let most = if begins {
                1 + count.max(length) / 4
            } else {
                count.min(length) / 3
            };
            (distance <= most).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{Code, Error, Kind, Verbs, nearest};

    #[test]
    fn what_is_taken_in_words() {
        let verbs = |insert, update, delete| Verbs { insert, update, delete }.words();
        assert_eq!(verbs(true, true, true), "new rows, changes and deletes");
        assert_eq!(verbs(true, false, true), "new rows and deletes");
        assert_eq!(verbs(false, true, false), "changes");
        assert_eq!(verbs(false, false, false), "nothing");
    }

    #[test]
    fn long_names_are_clipped() {
        let long = "é".repeat(1_000_000);
        let candidates = ["é", "name"];
        let error = Error::unknown(
            Kind::Invalid,
            Code::UNKNOWN_COLUMN,
            "column",
            &long,
            Some("book"),
            candidates,
        );
        assert!(
            error.message.len() < 500 && error.message.ends_with("… of \"book\""),
            "{}",
            error.message
        );
        let place = error.at(long).place.unwrap();
        assert!(place.len() <= 1010 && place.ends_with("é…"), "{}", place.len());
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        for (wrong, candidate, near) in [
            ("rank", "_and", false),
            ("rank", "rang", true),
            ("nme", "name", true),
            ("i", "id", true),
            ("a", "b", false),
            ("of", "in", false),
            ("like", "$like", true),
            ("author", "author_id", true),
            ("naem", "name", true),
            ("Title", "title", true),
            ("autor_id", "author_id", true),
            ("date", "rate", true),
            ("state", "rate", false),
            ("", "id", false),
        ] {
            assert_eq!(nearest(wrong, [candidate]).is_some(), near, "{wrong} {candidate}");
        }
    }
}
