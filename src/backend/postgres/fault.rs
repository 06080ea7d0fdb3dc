//! What a failure of the driver means, by SQLSTATE, in one place. The database's own text stays in the source.

use crate::error::{Code, Error, Kind};
use sqlx::postgres::PgDatabaseError;

/// What can be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection or the server is gone; a new connection may help.
    Away,
    /// The server takes no connection now.
    Full,
    /// The time was up.
    Timeout,
    /// What the statement names has changed; prepared anew it may work.
    Stale,
    /// Another transaction was in the way; trying again may work.
    Collision,
    /// A value that the database refused.
    Value,
    /// Too much for the server's limits.
    TooComplex,
    /// The database user may not.
    Denied,
    /// A constraint.
    Constraint,
    /// A type lacks the operator or the order that the request needs.
    Unsupported,
    /// A materialized view that nobody has filled yet.
    Empty,
    /// The database cannot be written.
    ReadOnly,
    /// Ours.
    Other,
}

/// Classifies a failure.
pub(super) fn classify(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(database) => {
            let routine = database
                .try_downcast_ref::<PgDatabaseError>()
                .and_then(PgDatabaseError::routine)
                .unwrap_or_default();
            by_state(&database.code().unwrap_or_default(), routine)
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Away,
        _ => Fault::Other,
    }
}

fn is_bad_pattern(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("2201B"))
}

fn by_state(state: &str, routine: &str) -> Fault {
    match state {
        "53300" | "57P03" => Fault::Full,
        "57014" | "55P03" => Fault::Timeout,
        // A prepared statement whose columns have changed.
        "0A000" if routine == "RevalidateCachedQuery" => Fault::Stale,
        // What is no name of a relation or type, read as a value of regclass or regtype.
        "42P01" if routine == "RangeVarGetRelidExtended" => Fault::Value,
        "42704" if routine == "parseTypeString" => Fault::Value,
        // Undefined table, column, type, schema; a prepared statement that the server has forgotten.
        "42P01" | "42703" | "42704" | "3F000" | "26000" | "42P05" => Fault::Stale,
        "40001" | "40P01" => Fault::Collision,
        "42501" => Fault::Denied,
        "42883" => Fault::Unsupported,
        "55000" if routine == "ExecOpenScanRelation" => Fault::Empty,
        "25006" => Fault::ReadOnly,
        // What an extension's reader of values (ltree's, say) calls a syntax error: ours come from the parser.
        "42601" if !routine.is_empty() && !routine.ends_with("yyerror") => Fault::Value,
        // PostGIS and hstore have no states of their own: they refuse values under the one of internal errors.
        "XX000" if matches!(routine, "pg_error" | "pg_parser_errhint" | "get_val" | "parse_hstore") => Fault::Value,
        // A function of the database that raises an error refuses the values that it got.
        "P0001" => Fault::Value,
        _ => match state.get(..2) {
            Some("08" | "57" | "28" | "3D") => Fault::Away,
            Some("53") => Fault::Full,
            Some("22") => Fault::Value,
            Some("23") => Fault::Constraint,
            Some("54") => Fault::TooComplex,
            _ => Fault::Other,
        },
    }
}

/// The error that a client sees.
pub(super) fn to_error(error: sqlx::Error) -> Error {
    let fault = classify(&error);
    let (kind, code, message) = match fault {
        Fault::Away => (
            Kind::Unavailable,
            Code::DATABASE_AWAY,
            "the database cannot be reached; try again later",
        ),
        Fault::Full => (
            Kind::Unavailable,
            Code::DATABASE_AWAY,
            "the database takes no more work now; try again later",
        ),
        Fault::Timeout => (
            Kind::Unavailable,
            Code::TIMEOUT,
            "the database took longer than is allowed; ask for less",
        ),
        Fault::Stale => (
            Kind::Unavailable,
            Code::SCHEMA_CHANGED,
            "the database's schema has just changed; try again in a moment",
        ),
        Fault::Collision => (
            Kind::Unavailable,
            Code::DATABASE_AWAY,
            "the request collided with others in the database; try again",
        ),
        Fault::Value => (
            Kind::Invalid,
            Code::INVALID_VALUE,
            if is_bad_pattern(&error) {
                "a value is not a valid regular expression"
            } else {
                "a value does not fit its type, its range or the operation"
            },
        ),
        Fault::TooComplex => (
            Kind::Invalid,
            Code::LIMIT_EXCEEDED,
            "the request is more than the database can take; ask for less",
        ),
        Fault::Denied => (
            Kind::Forbidden,
            Code::ACCESS_DENIED,
            "the database user of this server lacks a privilege for this; its operator can grant it",
        ),
        Fault::Constraint => (
            Kind::Conflict,
            Code::CONSTRAINT,
            "the values conflict with a constraint of the database",
        ),
        Fault::Unsupported => (
            Kind::Invalid,
            Code::UNKNOWN_OPERATOR,
            "a type has no such comparison, order or group in this database",
        ),
        Fault::Empty => (
            Kind::Unavailable,
            Code::DATABASE_AWAY,
            "a materialized view has not been filled yet; try again later",
        ),
        Fault::ReadOnly => (
            Kind::NotAllowed,
            Code::NOT_SUPPORTED,
            "reading cannot write, and a view or function of the database tried to",
        ),
        Fault::Other => return Error::internal(error),
    };
    Error::new(kind, code, message).with_source(error)
}

/// The error of a server that says nothing any more.
pub(super) fn silent() -> Error {
    Error::new(
        Kind::Unavailable,
        Code::TIMEOUT,
        "the database does not answer; try again later",
    )
}

/// The error of a connection that cannot be opened while serving: whatever the reason, the database is away.
pub(super) fn while_serving(error: sqlx::Error) -> Error {
    let message = "the database cannot be reached; try again later";
    Error::new(Kind::Unavailable, Code::DATABASE_AWAY, message).with_source(error)
}

/// The error of a first connection, for the operator: what is wrong in words of ours.
pub(super) fn at_start(error: sqlx::Error, place: &str) -> Error {
    let state = match &error {
        sqlx::Error::Database(database) => database.code().unwrap_or_default().into_owned(),
        _ => String::new(),
    };
    let why = match (&error, state.as_str()) {
        (_, "28P01" | "28000") => "the server refused the user or the password".to_owned(),
        (_, "3D000") => "there is no database of this name".to_owned(),
        (_, "53300") => "the server has no connection free".to_owned(),
        (_, "57P03") => "the server is starting or stopping".to_owned(),
        (_, "42501") => "the user may not connect to this database".to_owned(),
        (sqlx::Error::Io(io), _) => io.kind().to_string(),
        (sqlx::Error::Tls(_), _) => "no TLS connection could be made".to_owned(),
        (sqlx::Error::Protocol(_), _) => "what answers there does not speak PostgreSQL's protocol".to_owned(),
        (_, "") => "the connection failed".to_owned(),
        (_, state) => format!("the server answered with SQLSTATE {state}"),
    };
    Error::new(
        Kind::Unavailable,
        Code::DATABASE_AWAY,
        format!("cannot connect to PostgreSQL at {place}: {why}"),
    )
    .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_classified() {
        let cases = [
            ("08006", "", Fault::Away),
            ("57P01", "", Fault::Away),
            ("57P03", "", Fault::Full),
            ("53300", "", Fault::Full),
            ("57014", "", Fault::Timeout),
            ("22P02", "", Fault::Value),
            ("22003", "", Fault::Value),
            ("22012", "", Fault::Value),
            ("2201B", "", Fault::Value),
            ("42P01", "", Fault::Stale),
            ("42P01", "RangeVarGetRelidExtended", Fault::Value),
            ("42704", "parseTypeString", Fault::Value),
            ("42703", "", Fault::Stale),
            ("0A000", "RevalidateCachedQuery", Fault::Stale),
            ("0A000", "", Fault::Other),
            ("42501", "", Fault::Denied),
            ("42883", "op_error", Fault::Unsupported),
            ("55000", "ExecOpenScanRelation", Fault::Empty),
            ("55000", "", Fault::Other),
            ("40001", "", Fault::Collision),
            ("40P01", "", Fault::Collision),
            ("54001", "", Fault::TooComplex),
            ("XX000", "", Fault::Other),
            ("42601", "", Fault::Other),
            ("42601", "scanner_yyerror", Fault::Other),
            ("42601", "parse_ltree", Fault::Value),
            ("XX000", "pg_error", Fault::Value),
            ("", "", Fault::Other),
        ];
        for (state, routine, fault) in cases {
            assert_eq!(by_state(state, routine), fault, "{state}");
        }
    }
}
