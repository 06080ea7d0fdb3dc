//! Which table of users the accounts belong to: remembered with the first account, so that another name in the configuration
//! makes nobody a stranger, and nobody somebody else.
//!
//! Accounts say who somebody is by the key of a row. In another table the same key is another person, or nobody; so while the
//! configuration names another one, nobody signs in, no session is taken, and nothing of the accounts is changed.

use super::accounts::store::{Changes, Question, is_number, names, rows, text};
use crate::catalog::DatabaseKind;
use crate::config;
use crate::engine::{Engine, Snapshot};
use crate::error::{Code, Error, Kind, Result};
use crate::request::{Conflict, ConflictAction, ConflictTarget};
use crate::value::Value;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Diglot's own table that remembers it: one row.
const TABLE: &str = "users_table";

/// An answer holds so long.
const FRESH: Duration = Duration::from_millis(500);

/// A table by its own name, with the schema where the database has such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    schema: Option<String>,
    table: String,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(formatter, "{schema}.")?;
        }
        formatter.write_str(&self.table)
    }
}

/// Whether the accounts are those of the users table that is configured.
pub(super) struct Home {
    engine: Arc<Engine>,
    users_table: String,
    schema: String,
    /// When it was last seen that they are, and for which snapshot.
    seen: RwLock<Option<(Instant, u64)>>,
}

impl Home {
    pub(super) fn new(engine: Arc<Engine>, config: &config::Config) -> Self {
        let schemas = &config.database.schemas;
        Self {
            engine,
            users_table: config.auth.users_table.clone(),
            schema: schemas.first().cloned().unwrap_or_else(|| "public".into()),
            seen: RwLock::default(),
        }
    }

    /// The name of the users table, and the schema that it is made in where it names none.
    pub(super) fn named(&self) -> (&str, &str) {
        (&self.schema, &self.users_table)
    }

    /// The users table that is configured: the one that is there, or would be made.
    pub(super) fn configured(&self, snapshot: &Snapshot) -> Place {
        let catalog = &snapshot.catalog;
        if let Some(id) = catalog.users {
            let table = catalog.table(id);
            return Place {
                schema: table.schema.as_ref().map(|schema| schema.as_str().to_owned()),
                table: table.name.as_str().to_owned(),
            };
        }
        let (schema, table) = match (catalog.database.kind, self.users_table.split_once('.')) {
            (DatabaseKind::Sqlite, _) => (None, self.users_table.as_str()),
            (DatabaseKind::Postgres, None) => (Some(self.schema.as_str()), self.users_table.as_str()),
            (DatabaseKind::Postgres, Some((schema, table))) => (Some(schema), table),
        };
        Place {
            schema: schema.map(str::to_owned),
            table: table.to_owned(),
        }
    }

    /// The users table that the accounts belong to; none is remembered before the first account.
    pub(super) async fn kept(&self, snapshot: &Snapshot) -> Result<Option<Place>> {
        if !snapshot.has_own(TABLE) {
            return Ok(None);
        }
        let question = Question {
            table: TABLE,
            columns: names(&["schema_name", "table_name"]),
            wanted: Vec::new(),
            limit: Some(1),
        };
        let found = rows(&self.engine, snapshot, question).await?;
        Ok(found.first().map(|row| Place {
            schema: text(row, "schema_name"),
            table: text(row, "table_name").unwrap_or_default(),
        }))
    }

    /// Refuses where the accounts belong to another users table than the one that is configured.
    ///
    /// # Errors
    /// They do; the source says to which. And the database's faults.
    pub(super) async fn check(&self, snapshot: &Snapshot) -> Result<()> {
        let seen = *self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if seen.is_some_and(|(at, number)| number == snapshot.number && at.elapsed() < FRESH) {
            return Ok(());
        }
        let begun = Instant::now();
        if let Some(elsewhere) = self.elsewhere(snapshot).await? {
            let message = "signing in is closed: the server's configuration names another table of users than the one \
                           that the accounts belong to";
            return Err(Error::new(Kind::Unavailable, Code::NOT_SUPPORTED, message).with_source(elsewhere));
        }
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Some((begun, snapshot.number));
        Ok(())
    }

    /// What the operator is told where the accounts belong to another users table.
    pub(super) async fn elsewhere(&self, snapshot: &Snapshot) -> Result<Option<String>> {
        let configured = self.configured(snapshot);
        let kept = self.kept(snapshot).await?.filter(|kept| *kept != configured);
        Ok(kept.map(|kept| {
            format!(
                "nobody can sign in: the accounts belong to the users table \"{kept}\", and users_table under [auth] means \
                 \"{configured}\"; name \"{kept}\" again, or let the accounts of those whose row has moved belong to \
                 \"{configured}\": diglot user take-over"
            )
        }))
    }

    /// Remembers the users table, where none is.
    pub(super) fn remember(&self, changes: &mut Changes, snapshot: &Snapshot) {
        // Another one may do so at this moment.
        let ignore = Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Ignore,
        };
        self.insert(changes, snapshot, Some(ignore));
    }

    /// Remembers the users table in the place of the one before.
    pub(super) fn replace(&self, changes: &mut Changes, snapshot: &Snapshot) {
        changes.delete(TABLE, vec![is_number("id", 1)]);
        self.insert(changes, snapshot, None);
    }

    fn insert(&self, changes: &mut Changes, snapshot: &Snapshot, conflict: Option<Conflict>) {
        let place = self.configured(snapshot);
        let row = vec![
            Value::Integer(1),
            place.schema.map_or(Value::Null, |schema| Value::Text(schema.into())),
            Value::Text(place.table.into()),
        ];
        let columns = names(&["id", "schema_name", "table_name"]);
        changes.insert(TABLE, columns, vec![row], None, conflict);
    }
}
