//! Whether the user of a session is still there: the row of the users table, looked for at most twice a second for each user.
//!
//! Where a row is deleted the database itself ends the sessions (`sql::user_guard`); this sees what no trigger sees: a table
//! that was emptied or made anew, and a database whose user may not make triggers.

use super::accounts::store::{Changes, Is, Question, To, is, names, number, rows};
use super::accounts::{Users, user_of};
use super::milliseconds;
use crate::engine::{Engine, Snapshot};
use crate::error::Result;
use crate::request::Comparison;
use crate::value::Value;
use quick_cache::sync::Cache;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// An answer holds so long.
const FRESH: Duration = Duration::from_millis(500);

/// Users of whom an answer is kept; of more than these some are looked for more often.
const KEPT: usize = 10_000;

/// Who has been seen lately.
pub(super) struct Presence {
    engine: Arc<Engine>,
    seen: Cache<Box<str>, Arc<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// When the last look was begun that found the user.
    at: RwLock<Option<Instant>>,
    /// Held by whoever looks.
    looking: Mutex<()>,
}

impl Seen {
    fn since(&self) -> Option<Instant> {
        *self.at.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            seen: Cache::new(KEPT),
        }
    }

    /// Whether there is such a user. What is left of one who is gone goes.
    ///
    /// # Errors
    /// The database does not say.
    pub(super) async fn of(&self, user: &str) -> Result<bool> {
        let come = Instant::now();
        let seen = match self.seen.get(user) {
            Some(seen) => seen,
            None => {
                let seen = Arc::<Seen>::default();
                self.seen.insert(user.into(), Arc::clone(&seen));
                seen
            }
        };
        let fresh = |at: Instant| at.elapsed() < FRESH || at >= come;
        if seen.since().is_some_and(fresh) {
            return Ok(true);
        }
        let _looking = seen.looking.lock().await;
        if seen.since().is_some_and(fresh) {
            // Somebody else has looked meanwhile.
            return Ok(true);
        }
        let begun = Instant::now();
        let snapshot = self.engine.snapshot();
        // Tables that another instance has just made are seen a moment later.
        let there = !snapshot.has_own("session") || Box::pin(is_there(&self.engine, &snapshot, user)).await?;
        if there {
            *seen.at.write().unwrap_or_else(PoisonError::into_inner) = Some(begun);
        }
        Ok(there)
    }
}

/// Whether a user's row is there; if not, their sessions end and the credential goes.
async fn is_there(engine: &Arc<Engine>, snapshot: &Snapshot, user: &str) -> Result<bool> {
    if user_of(engine, snapshot, user).await?.is_some() {
        return Ok(true);
    }
    clear(engine, snapshot, user).await;
    Ok(false)
}

/// Ends the sessions of a user whose row is gone, and deletes their credential.
pub(super) async fn clear(engine: &Arc<Engine>, snapshot: &Snapshot, user: &str) {
    // That somebody is refused does not depend on it: they are again.
    if let Err(error) = remove(engine, snapshot, user).await {
        tracing::warn!(%error, "the sessions of a user who is gone could not be ended");
    }
}

async fn remove(engine: &Arc<Engine>, snapshot: &Snapshot, user: &str) -> Result<()> {
    let catalog = &snapshot.catalog;
    // A table in which nobody can be looked for says of nobody that they are gone.
    let readable = catalog.users.is_some_and(|users| Users::of(catalog, users).is_ok());
    if !readable || catalog.database.read_only {
        return Ok(());
    }
    let question = Question {
        table: "credential",
        columns: names(&["created_at"]),
        wanted: vec![is("user_id", user)],
        limit: Some(1),
    };
    let credentials = rows(engine, snapshot, question).await?;
    let open = Question {
        table: "session",
        columns: names(&["id"]),
        wanted: vec![is("user_id", user), Is::Null("ended_at", true)],
        limit: None,
    };
    let sessions = rows(engine, snapshot, open).await?;
    if credentials.is_empty() && sessions.is_empty() {
        return Ok(());
    }
    // Looked for again after what is left was read: of a new user with the same key nothing is taken away.
    if user_of(engine, snapshot, user).await?.is_some() {
        return Ok(());
    }
    let mut changes = Changes::default();
    let ids = sessions.iter().filter_map(|row| row.get("id")?.as_str());
    let ids = ids.map(|id| Value::Text(id.into())).collect();
    let ended = vec![("ended_at", To::Value(Value::Integer(milliseconds())))];
    changes.update(
        "session",
        vec![
            Is::Compared("id", Comparison::In, Value::List(ids)),
            Is::Null("ended_at", true),
        ],
        ended,
    );
    if let Some(created) = credentials.first().and_then(|row| number(row, "created_at")) {
        let same = Is::Compared("created_at", Comparison::Equal, Value::Integer(created));
        changes.delete("credential", vec![is("user_id", user), same]);
    }
    changes.run(engine, snapshot).await?;
    tracing::info!(user, "a user's row is gone; their sessions have ended");
    Ok(())
}
