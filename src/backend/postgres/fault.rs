//! What a failure of the driver means, by SQLSTATE, in one place. The database's own text stays in the source.

use crate::error::{Code, Error, Kind, Violation, ViolationKind};
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
    /// What the server does not do with such values.
    Unsupported,
    /// Too much for the server's limits.
    TooComplex,
    /// The database user may not.
    Denied,
    /// A constraint.
    Constraint,
    /// A type lacks the operator or the order that the request needs.
    NoOperator,
    /// What a foreign table stands on is away, or is not what the table says.
    Foreign,
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
            let within = database
                .try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|error| error.position().is_some());
            let fault = by_state(&database.code().unwrap_or_default(), routine, within);
            let is_doubtful = matches!(
                fault,
                Fault::Value | Fault::Stale | Fault::NoOperator | Fault::Unsupported | Fault::Other
            );
            if is_doubtful && context(error).is_some_and(is_foreign) {
                Fault::Foreign
            } else {
                fault
            }
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

/// In what the server was when it failed, innermost first.
fn context(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()?
        .r#where()
}

/// Whether it was reading what a foreign table stands on: another server, whose own states come with its errors, or a file.
fn is_foreign(context: &str) -> bool {
    let reads = |(_, command): (&str, &str)| {
        let word = command.split_whitespace().next().unwrap_or_default();
        !["INSERT", "UPDATE", "DELETE"].contains(&word)
    };
    context.split_once("remote SQL command: ").is_some_and(reads)
        || context.contains(" of foreign table ")
        || context.starts_with("COPY ")
}

fn is_bad_pattern(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("2201B"))
}

/// `within`: the server names a place in the statement's text (or in a function's). What a value is cast to (`regclass`,
/// `regtype` and their like) fails with the same states, but there is no place for it.
fn by_state(state: &str, routine: &str, within: bool) -> Fault {
    match state {
        "53300" | "57P03" => Fault::Full,
        "57014" | "55P03" => Fault::Timeout,
        // A prepared statement whose columns have changed.
        "0A000" if routine == "RevalidateCachedQuery" => Fault::Stale,
        "0A000" => Fault::Unsupported,
        // A prepared statement that the server has forgotten.
        "26000" | "42P05" => Fault::Stale,
        // A record with an attribute whose type has no such operator.
        "42883" if routine.starts_with("record_") => Fault::NoOperator,
        // Undefined table, column, function, object, schema; a wrong name, a syntax error in a type's name.
        "42P01" | "42703" | "42883" | "42725" | "42704" | "3F000" | "42602" | "42601" if !within => Fault::Value,
        "42P01" | "42703" | "42704" | "3F000" => Fault::Stale,
        "40000" | "40001" | "40003" | "40P01" | "72000" => Fault::Collision,
        // A column that the database alone fills, below a view.
        "428C9" => Fault::Value,
        "40002" => Fault::Constraint,
        // Another instance has just made the same schema, table or type of ours.
        "42P06" | "42P07" | "42710" => Fault::Collision,
        "42501" => Fault::Denied,
        "42883" => Fault::NoOperator,
        "55000" if routine == "ExecOpenScanRelation" => Fault::Empty,
        // A unique key that is checked at the commit, where a conflict with any key is to be passed over.
        "55000" if routine == "ExecCheckIndexConstraints" => Fault::Unsupported,
        "25006" => Fault::ReadOnly,
        // A function of the database that raises an error, or finds no row or too many, refuses the values that it got; so
        // does a subquery with several rows.
        "P0001" | "P0002" | "P0003" | "P0004" | "21000" => Fault::Value,
        "44000" => Fault::Constraint,
        // What an extension's reader of values (ltree's, say) calls a syntax error: ours come from the parser.
        "42601" if !routine.is_empty() && !routine.ends_with("yyerror") => Fault::Value,
        // PostGIS and hstore have no states of their own: they refuse values under the one of internal errors.
        "XX000" if matches!(routine, "pg_error" | "pg_parser_errhint" | "get_val" | "parse_hstore") => Fault::Value,
        _ => match state.get(..2) {
            Some("08" | "57" | "28" | "3D") => Fault::Away,
            // Out of resources; an object in use or not yet filled.
            Some("53" | "55") => Fault::Full,
            // A foreign server, or a file that is not there.
            Some("HV" | "58") => Fault::Foreign,
            Some("22") => Fault::Value,
            Some("23") => Fault::Constraint,
            Some("54") => Fault::TooComplex,
            // A state of somebody's own, from a function.
            _ if routine == "exec_stmt_raise" => Fault::Value,
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
                "the regular expression is too complex for the database; ask for fewer repetitions"
            } else if is_raised(&error) {
                "a function of the database refused these values"
            } else if context(&error).is_some_and(|context| context.contains("function ")) {
                "a function of the database cannot work with these values: one does not fit its type, its range or an \
                 operation within it"
            } else {
                "a value does not fit its type, its range or the operation"
            },
        ),
        Fault::Unsupported => (
            Kind::Invalid,
            Code::NOT_SUPPORTED,
            "the database does not support this operation on such values",
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
        Fault::NoOperator => (
            Kind::Invalid,
            Code::UNKNOWN_OPERATOR,
            "a type has no such comparison, order or group in this database",
        ),
        Fault::Empty => (
            Kind::Unavailable,
            Code::DATABASE_AWAY,
            "a materialized view has not been filled yet: the database's operator does that with REFRESH",
        ),
        Fault::Foreign => (
            Kind::Unavailable,
            Code::DATABASE_AWAY,
            "a foreign table cannot be read: the server or file behind it is away, or is not what the table says",
        ),
        Fault::ReadOnly => (
            Kind::NotAllowed,
            Code::NOT_SUPPORTED,
            "reading cannot write, and a view or function of the database tried to",
        ),
        Fault::Other => return Error::internal(error),
    };
    let violation = (fault == Fault::Constraint).then(|| violation(&error)).flatten();
    let mut made = Error::new(kind, code, message).with_source(error);
    made.violation = violation.map(Box::new);
    made
}

/// A number that was computed does not fit its column.
pub(super) fn is_out_of_range(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("22003"))
}

/// A function or a trigger of the database refused it, by an exception of its own.
pub(super) fn is_raised(error: &sqlx::Error) -> bool {
    let Some(database) = error.as_database_error() else {
        return false;
    };
    let routine = database
        .try_downcast_ref::<PgDatabaseError>()
        .and_then(PgDatabaseError::routine);
    matches!(database.code().as_deref(), Some("P0001" | "P0004")) || routine == Some("exec_stmt_raise")
}

/// What is said of that: as of a condition of the table.
pub(super) fn raised() -> Violation {
    Violation {
        kind: ViolationKind::Check,
        schema: None,
        table: None,
        columns: Vec::new(),
        constraint: None,
    }
}

/// What a constraint says.
fn violation(error: &sqlx::Error) -> Option<Violation> {
    let database = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    let kind = match database.code() {
        "23505" | "23P01" => ViolationKind::Unique,
        "23503" | "23001" => ViolationKind::ForeignKey,
        "23502" => ViolationKind::NotNull,
        _ => ViolationKind::Check,
    };
    let own = |text: Option<&str>| text.map(str::to_owned);
    Some(Violation {
        kind,
        schema: own(database.schema()),
        table: own(database.table()),
        columns: database.column().map(str::to_owned).into_iter().collect(),
        constraint: own(database.constraint()),
    })
}

/// The error of a write on a server that takes none: a standby, or a primary one that has become one.
pub(super) fn takes_no_writes(error: Error) -> Error {
    Error::new(
        Kind::Unavailable,
        Code::DATABASE_AWAY,
        "the database takes no writes now; try again later",
    )
    .with_source(error)
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
    let message = format!("cannot connect to PostgreSQL at {place}: {why}");
    let made = Error::new(Kind::Unavailable, Code::DATABASE_AWAY, message);
    // The cause stands behind the message: only where it says more, and without the driver's frame around it.
    match error {
        sqlx::Error::Io(_) => made,
        sqlx::Error::Database(_) if matches!(state.as_str(), "28P01" | "3D000" | "53300" | "57P03" | "42501") => made,
        sqlx::Error::Database(database) => made.with_source(database.message().to_owned()),
        sqlx::Error::Protocol(text) => made.with_source(text),
        sqlx::Error::Tls(cause) => made.with_source(cause),
        other => made.with_source(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_tables_are_told_by_their_context() {
        for (context, foreign) in [
            ("remote SQL command: SELECT a FROM public.gone", true),
            (
                "remote SQL command: DECLARE c1 CURSOR FOR SELECT a FROM public.gone",
                true,
            ),
            ("remote SQL command: INSERT INTO public.other(a) VALUES ($1)", false),
            ("column \"a\" of foreign table \"other\"", true),
            ("COPY numbers, line 1, column a: \"x\"", true),
            ("PL/pgSQL function f(integer) line 1 at RETURN", false),
        ] {
            assert_eq!(is_foreign(context), foreign, "{context}");
        }
    }

    #[test]
    fn states_are_classified() {
        let cases = [
            ("08006", "", true, Fault::Away),
            ("57P01", "", true, Fault::Away),
            ("57P03", "", true, Fault::Full),
            ("53300", "", true, Fault::Full),
            ("55000", "", false, Fault::Full),
            ("55000", "ExecOpenScanRelation", false, Fault::Empty),
            ("55000", "ExecCheckIndexConstraints", false, Fault::Unsupported),
            ("57014", "", false, Fault::Timeout),
            ("22P02", "", false, Fault::Value),
            ("22003", "", false, Fault::Value),
            ("22012", "", false, Fault::Value),
            ("2201B", "", false, Fault::Value),
            ("42P01", "parserOpenTable", true, Fault::Stale),
            ("42P01", "RangeVarGetRelidExtended", false, Fault::Value),
            ("42703", "", true, Fault::Stale),
            ("42704", "typenameType", false, Fault::Value),
            ("42883", "regprocin", false, Fault::Value),
            ("42883", "op_error", true, Fault::NoOperator),
            ("42883", "record_eq", false, Fault::NoOperator),
            ("0A000", "RevalidateCachedQuery", false, Fault::Stale),
            ("0A000", "", false, Fault::Unsupported),
            ("21000", "", false, Fault::Value),
            ("44000", "", false, Fault::Constraint),
            ("42501", "", false, Fault::Denied),
            ("40001", "", false, Fault::Collision),
            ("40P01", "", false, Fault::Collision),
            ("40003", "exec_stmt_raise", false, Fault::Collision),
            ("40002", "", false, Fault::Constraint),
            ("428C9", "rewriteTargetListIU", false, Fault::Value),
            ("P0004", "exec_stmt_assert", false, Fault::Value),
            ("54001", "", false, Fault::TooComplex),
            ("HV00N", "", false, Fault::Foreign),
            ("58P01", "", false, Fault::Foreign),
            ("AB123", "exec_stmt_raise", false, Fault::Value),
            ("XX000", "", false, Fault::Other),
            ("XX000", "pg_error", false, Fault::Value),
            ("42601", "scanner_yyerror", true, Fault::Other),
            ("42601", "parse_ltree", true, Fault::Value),
            ("42601", "", true, Fault::Other),
            ("", "", false, Fault::Other),
        ];
        for (state, routine, within, fault) in cases {
            assert_eq!(by_state(state, routine, within), fault, "{state}");
        }
    }
}
