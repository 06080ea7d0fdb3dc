//! The triggers on the users table by which the database itself ends the sessions of a user whose row is deleted, whoever
//! deletes it: made when somebody signs up or in and they are not there.

use super::super::{Engine, Snapshot};
use super::migrate::{self, number, run};
use crate::backend::{Session, Work};
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Result};
use crate::sql::{self, Flavor, Statement};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What has been tried.
#[derive(Default)]
pub(in crate::engine) struct Guarding {
    /// The number of the last snapshot for which they were made, plus one.
    tried: AtomicU64,
    /// The log says that they cannot be made.
    told: AtomicBool,
}

struct Guard {
    statements: Vec<Statement>,
    flavor: Flavor,
}

impl Guard {
    async fn steps(&self, session: &mut Session) -> Result<()> {
        if self.flavor == Flavor::Postgres && !has_function(session).await? {
            run(session, &sql::fixed(sql::USER_GONE)).await?;
        }
        for statement in &self.statements {
            run(session, statement).await?;
        }
        Ok(())
    }
}

/// PostgreSQL: whether the function of the triggers is there.
async fn has_function(session: &mut Session) -> Result<bool> {
    let found = number(
        session,
        "SELECT count(*)::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname = 'diglot' AND p.proname = 'user_gone'",
    );
    Ok(found.await? > 0)
}

/// PostgreSQL: brings the function of the triggers up to date, if it is there.
pub(super) async fn renew(session: &mut Session) -> Result<()> {
    if has_function(session).await? {
        run(session, &sql::fixed(sql::USER_GONE)).await?;
    }
    Ok(())
}

impl Work for Guard {
    fn run<'w>(&'w mut self, session: &'w mut Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>> {
        Box::pin(async move { self.steps(session).await.map_err(migrate::again) })
    }

    fn is_alone(&self) -> bool {
        true
    }
}

impl Engine {
    /// Makes the triggers of the users table of a snapshot where they are not there. Without the right to make them everything
    /// else works, and the log says so once.
    pub async fn guard_users(&self, snapshot: &Snapshot) {
        let this = snapshot.number.saturating_add(1);
        let guarded = |table: &Table| table.guarded;
        if snapshot
            .catalog
            .users
            .map(|id| snapshot.catalog.table(id))
            .is_none_or(guarded)
            || self.guarding.tried.swap(this, Ordering::Relaxed) == this
        {
            return;
        }
        self.guard_users_anew(snapshot).await;
    }

    /// The same where they may be there, and those of a table that was the users' before go (SQLite) or count no more.
    pub async fn guard_users_anew(&self, snapshot: &Snapshot) {
        let catalog = &snapshot.catalog;
        let Some(id) = catalog.users.filter(|_| migrate::is_done(snapshot)) else {
            return;
        };
        let table = catalog.table(id);
        let [key] = table.primary_key.as_slice() else { return };
        if table.kind != TableKind::Table || catalog.database.read_only {
            return;
        }
        let flavor = self.backend.flavor();
        let statements = sql::user_guard(catalog, flavor, id, *key);
        match self.backend.write(Box::new(Guard { statements, flavor })).await {
            Ok(()) => self.changed.notify_one(),
            Err(error) => self.without_guard(&error),
        }
    }

    fn without_guard(&self, error: &Error) {
        if !self.guarding.told.swap(true, Ordering::Relaxed) {
            let cause = error.source.as_ref().map(tracing::field::display);
            tracing::warn!(
                %error,
                cause,
                "the users table gets no trigger (this server's database user must own the table, or have TRIGGER on it): \
                 sessions of a user whose row is deleted end when they are next used, not with the deletion"
            );
        }
    }
}
