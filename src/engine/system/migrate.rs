//! The migrations of Diglot's own tables, each applied once, within one transaction.

use super::super::Snapshot;
use crate::backend::{Session, Work};
use crate::error::{Code, Error, Kind, Result};
use crate::sql::{Flavor, Statement, fixed, script};
use crate::value::Datum;
use std::pin::Pin;

/// A step of the schema.
struct Migration {
    /// A table that it makes.
    makes: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// Each has the number of its place, from 1 on. What has been released never changes; more are added behind.
const MIGRATIONS: &[Migration] = &[
    Migration {
        makes: "credential",
        sqlite: include_str!("../../../schema/system/sqlite/1.sql"),
        postgres: include_str!("../../../schema/system/postgres/1.sql"),
    },
    Migration {
        makes: "idempotency",
        sqlite: include_str!("../../../schema/system/sqlite/2.sql"),
        postgres: include_str!("../../../schema/system/postgres/2.sql"),
    },
    Migration {
        makes: "users_table",
        sqlite: include_str!("../../../schema/system/sqlite/3.sql"),
        postgres: include_str!("../../../schema/system/postgres/3.sql"),
    },
    Migration {
        makes: "one_time_code",
        sqlite: include_str!("../../../schema/system/sqlite/4.sql"),
        postgres: include_str!("../../../schema/system/postgres/4.sql"),
    },
];

/// Whether a snapshot has what all of them make.
pub(super) fn is_done(snapshot: &Snapshot) -> bool {
    MIGRATIONS.iter().all(|migration| snapshot.has_own(migration.makes))
}

/// Whether a snapshot has what some of them make.
pub(super) fn is_begun(snapshot: &Snapshot) -> bool {
    MIGRATIONS.iter().any(|migration| snapshot.has_own(migration.makes))
}

/// Applies what has not been applied yet; then makes the table of users, if that is asked for.
pub(super) struct Migrate {
    flavor: Flavor,
    users: Option<Vec<Statement>>,
}

impl Migrate {
    pub(super) fn new(flavor: Flavor, users: Option<Vec<Statement>>) -> Self {
        Self { flavor, users }
    }

    async fn steps(&self, session: &mut Session) -> Result<()> {
        let postgres = self.flavor == Flavor::Postgres;
        let by = |postgres_text: &'static str, sqlite_text: &'static str| {
            fixed(if postgres { postgres_text } else { sqlite_text })
        };
        // Whether a schema is there is asked for first: IF NOT EXISTS needs the right to make one all the same.
        if postgres
            && number(
                session,
                "SELECT count(*)::text FROM pg_catalog.pg_namespace WHERE nspname = 'diglot'",
            )
            .await?
                == 0
        {
            run(session, &fixed("CREATE SCHEMA diglot")).await?;
        }
        let there = if postgres {
            "SELECT count(*)::text FROM pg_catalog.pg_tables WHERE schemaname = 'diglot' AND tablename = 'migration'"
        } else {
            "SELECT count(*) FROM sqlite_schema WHERE name = '_diglot_migration'"
        };
        if number(session, there).await? == 0 {
            let make = by(
                "CREATE TABLE diglot.migration (number bigint PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP)",
                "CREATE TABLE _diglot_migration (number INTEGER PRIMARY KEY, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
            );
            run(session, &make).await?;
        }
        let last = if postgres {
            "SELECT coalesce(max(number), 0)::text FROM diglot.migration"
        } else {
            "SELECT coalesce(max(number), 0) FROM _diglot_migration"
        };
        let last = usize::try_from(number(session, last).await?).map_err(Error::internal)?;
        for migration in MIGRATIONS.iter().skip(last) {
            for statement in script(if postgres { migration.postgres } else { migration.sqlite }) {
                run(session, &statement).await?;
            }
            let done = by(
                "INSERT INTO diglot.migration (number) SELECT coalesce(max(number), 0) + 1 FROM diglot.migration",
                "INSERT INTO _diglot_migration (number) SELECT coalesce(max(number), 0) + 1 FROM _diglot_migration",
            );
            run(session, &done).await?;
        }
        for statement in self.users.iter().flatten() {
            run(session, statement).await?;
        }
        if postgres && last > 0 && last < MIGRATIONS.len() {
            super::guard::renew(session).await?;
        }
        Ok(())
    }
}

impl Work for Migrate {
    fn run<'w>(&'w mut self, session: &'w mut Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>> {
        Box::pin(async move {
            let outcome = self.steps(session).await;
            // Another instance does the same at this moment: looked at again, it is done.
            outcome.map_err(again)
        })
    }

    fn is_alone(&self) -> bool {
        true
    }
}

/// What another instance does at this moment as well is tried again.
pub(super) fn again(error: Error) -> Error {
    match made_by_another(&error) {
        true => Error {
            code: Code::COLLISION,
            ..error
        },
        false => error,
    }
}

/// Two have made the same schema at once: PostgreSQL's own table of them has it already.
fn made_by_another(error: &Error) -> bool {
    let violation = error.violation.as_ref();
    violation.is_some_and(|violation| violation.schema.as_deref() == Some("pg_catalog"))
}

pub(super) async fn run(session: &mut Session, statement: &Statement) -> Result<()> {
    session.change(statement, &[Vec::new()]).await.map(|_| ())
}

/// The one number that a statement returns.
pub(super) async fn number(session: &mut Session, text: &'static str) -> Result<i64> {
    let found = session.change(&fixed(text), &[Vec::new()]).await?;
    match found.rows.first().and_then(|(_, row)| row.first()) {
        Some(Datum::Integer(number)) => Ok(*number),
        Some(Datum::Text(text)) => text.parse().map_err(Error::internal),
        _ => Err(Error::internal("a statement that returns a number returned none")),
    }
}

/// Why the tables cannot be made, in words for whoever needed them.
pub(super) fn told(error: Error) -> Error {
    if error.kind != Kind::Forbidden {
        return error;
    }
    let message = "users, sessions and idempotency keys cannot be kept: the database user of this server may not make \
        tables; its operator can let it (CREATE SCHEMA diglot AUTHORIZATION that user; for the table of users CREATE on its schema)";
    Error {
        kind: Kind::Unavailable,
        code: Code::NOT_SUPPORTED,
        message: message.into(),
        ..error
    }
}
