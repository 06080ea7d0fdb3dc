//! Whether the user of a session is still there: the row of the users table, looked for at most twice a second for each user.
//!
//! Where a row is deleted the database itself ends the sessions (`sql::user_guard`); this sees what no trigger sees: a table
//! that was emptied or made anew, and a database whose user may not make triggers.

use super::accounts::Users;
use super::accounts::standing::{Known, credential_of, had_sessions, leave, user_of_account};
use super::accounts::user_of;
use super::home::Home;
use crate::engine::{Engine, Snapshot};
use crate::error::Result;
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
    home: Arc<Home>,
    seen: Cache<Box<str>, Arc<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// When the last look was begun that found the user, and how their row was.
    last: RwLock<Option<(Instant, Option<Known>)>>,
    /// Held by whoever looks.
    looking: Mutex<()>,
}

impl Seen {
    fn since(&self) -> Option<Instant> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|(at, _)| *at)
    }

    fn known(&self) -> Option<Known> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().and_then(|(_, known)| known.clone())
    }
}

impl Presence {
    pub(super) fn new(engine: Arc<Engine>, home: Arc<Home>) -> Self {
        Self {
            engine,
            home,
            seen: Cache::new(KEPT),
        }
    }

    /// Whether there is such a user. What is left of one who is gone ends.
    ///
    /// # Errors
    /// The accounts belong to another users table than the one that is configured, or the database does not say.
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
        let found = Box::pin(self.look(&snapshot, user, seen.known())).await?;
        let there = found.is_some();
        if let Some(known) = found {
            *seen.last.write().unwrap_or_else(PoisonError::into_inner) = Some((begun, known));
        }
        Ok(there)
    }

    /// How a user's row is, if they are there. One that is as it was when it was seen last is theirs; else what the account
    /// knows of it has a say.
    async fn look(&self, snapshot: &Snapshot, user: &str, before: Option<Known>) -> Result<Option<Option<Known>>> {
        // Tables that another instance has just made are seen a moment later.
        if !snapshot.has_own("session") {
            return Ok(Some(None));
        }
        self.home.check(snapshot).await?;
        let catalog = &snapshot.catalog;
        let users = catalog.users.and_then(|users| Users::of(catalog, users).ok());
        let found = user_of(&self.engine, snapshot, user).await?;
        // Tables of an older version know nothing of a row but its key.
        if !snapshot.has_own("users_table") {
            return Ok(found.map(|_| None));
        }
        let (Some(users), Some(row)) = (users, found) else {
            leave(&self.engine, snapshot, user).await;
            return Ok(None);
        };
        let known = Known::of_row(&users, &row);
        if before.as_ref() == Some(&known) {
            return Ok(Some(Some(known)));
        }
        let Some(credential) = credential_of(&self.engine, snapshot, user).await? else {
            // Others who sign with the same secret name their own sessions as we do: of those nothing is known here.
            if had_sessions(&self.engine, snapshot, user).await? {
                leave(&self.engine, snapshot, user).await;
                return Ok(None);
            }
            return Ok(Some(None));
        };
        let stands = user_of_account(&self.engine, snapshot, &credential).await?;
        Ok(stands.map(|_| Some(known)))
    }
}
