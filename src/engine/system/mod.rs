//! Diglot's own tables: made when something first needs them, and seen by the server itself alone.
//!
//! They are tables of the database like any other, but no face of the catalog that requests are resolved against: they have
//! a catalog and a view of their own beside it ([`Snapshot::system`]), whose one role no credential gives. Whoever keeps
//! something in them asks the engine as everybody does.

mod guard;
mod migrate;
mod view;

use super::{Engine, Snapshot};
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Identifier;
use crate::principal::{Credential, Principal};
use crate::sql;
pub(in crate::engine) use guard::Guarding;
use migrate::Migrate;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The table of users among the server's own faces.
pub const USERS: &str = "users";

/// Most time until a table that was made is seen.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// Most time until what another instance has made is seen.
const LOOKED_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks at the snapshot.
const LOOK: Duration = Duration::from_millis(5);

impl Snapshot {
    /// Diglot's own tables, and the users' beside them, for [`Principal::system`] alone.
    pub fn system(&self) -> &Arc<Snapshot> {
        self.system
            .get_or_init(|| Arc::new(view::snapshot(&self.catalog, self.number)))
    }

    /// Whether one of Diglot's own tables has been made.
    #[must_use]
    pub fn has_own(&self, table: &str) -> bool {
        self.system().catalog.face_named(table).is_some()
    }
}

impl Principal {
    /// The server itself.
    #[must_use]
    pub fn system() -> Self {
        Self::of_role(view::ROLE, Credential::System)
    }
}

impl Engine {
    /// A snapshot that has Diglot's own tables; they are made or brought up to date first where they are not.
    ///
    /// # Errors
    /// The database is read-only, or its user may not make tables; and the database's faults.
    pub async fn prepare(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        self.make(None).await
    }

    /// The same, and the table of users: `name` is `table` or, on PostgreSQL, `schema.table`; without a schema it is made in
    /// `schema`.
    ///
    /// # Errors
    /// As [`Engine::prepare`].
    pub async fn prepare_users(self: &Arc<Self>, schema: &str, name: &str) -> Result<Arc<Snapshot>> {
        self.make(Some((schema, name))).await
    }

    /// A snapshot whose tables of Diglot's own are as this version has them: where an older one made them they are brought up to
    /// date, where there are none none are made.
    ///
    /// # Errors
    /// As [`Engine::prepare`].
    pub async fn upgraded(self: &Arc<Self>) -> Result<Arc<Snapshot>> {
        let snapshot = self.up_to_date().await?;
        if migrate::is_begun(&snapshot) && !migrate::is_done(&snapshot) {
            return self.prepare().await;
        }
        Ok(snapshot)
    }

    /// The current snapshot; where it lacks Diglot's own tables or the users' while the database has another schema than it,
    /// the next one: another instance may just have made them.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn up_to_date(&self) -> Result<Arc<Snapshot>> {
        let snapshot = self.snapshot();
        if snapshot.catalog.users.is_some() && migrate::is_done(&snapshot) {
            return Ok(snapshot);
        }
        let fingerprint = self.backend.fingerprint().await?;
        let outdated = || self.outdated.load(std::sync::atomic::Ordering::Relaxed);
        if fingerprint == snapshot.catalog.database.fingerprint || outdated() {
            return Ok(snapshot);
        }
        let begun = Instant::now();
        while begun.elapsed() < LOOKED_WITHIN && !outdated() {
            self.changed.notify_one();
            tokio::time::sleep(LOOK).await;
            let fresh = self.snapshot();
            if fresh.number != snapshot.number {
                return Ok(fresh);
            }
        }
        Ok(snapshot)
    }

    async fn make(self: &Arc<Self>, users: Option<(&str, &str)>) -> Result<Arc<Snapshot>> {
        let snapshot = self.snapshot();
        let lacks_users = |snapshot: &Snapshot| users.is_some() && snapshot.catalog.users.is_none();
        if migrate::is_done(&snapshot) && !lacks_users(&snapshot) {
            return Ok(snapshot);
        }
        if snapshot.catalog.database.read_only {
            return Err(Error::new(
                Kind::NotAllowed,
                Code::NOT_SUPPORTED,
                "the database is read-only: users, sessions and idempotency keys cannot be kept in it",
            ));
        }
        let flavor = self.backend.flavor();
        let table = users.filter(|_| lacks_users(&snapshot)).map(|(schema, name)| {
            let (schema, name) = match flavor {
                sql::Flavor::Sqlite => (None, name),
                sql::Flavor::Postgres => match name.split_once('.') {
                    Some((schema, name)) => (Some(schema), name),
                    None => (Some(schema), name),
                },
            };
            let schema = schema.map(Identifier::new);
            sql::users_table(&snapshot.catalog, flavor, schema.as_ref(), &Identifier::new(name))
        });
        if let Err(error) = self.backend.write(Box::new(Migrate::new(flavor, table))).await {
            let cause = error.source.as_ref().map(tracing::field::display);
            tracing::error!(
                code = error.code.0,
                cause,
                "Diglot's own tables cannot be made: {error}"
            );
            return Err(migrate::told(error));
        }
        // What was made is served as any other change of the schema is, only at once.
        let begun = Instant::now();
        while begun.elapsed() < SEEN_WITHIN {
            self.changed.notify_one();
            tokio::time::sleep(LOOK).await;
            let snapshot = self.snapshot();
            if migrate::is_done(&snapshot) && !lacks_users(&snapshot) {
                return Ok(snapshot);
            }
        }
        Err(Error::new(
            Kind::Unavailable,
            Code::SCHEMA_CHANGED,
            "the schema of the database has changed and cannot be served; its operator finds why in the log",
        ))
    }
}
