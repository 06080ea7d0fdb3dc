//! Which sessions have ended: asked of the database when somebody shows a token of a session, at most twice a second.
//!
//! So signing out is felt by every instance within half a second, and no request waits for a question of its own. What is
//! kept is bounded by how many sessions can end within the life of an access token: each began with a password, and those
//! are hashed a few at a time.

use super::accounts::store::{Is, Question, flag, is, names, number, rows, text};
use super::presence::Presence;
use super::refused;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::Comparison;
use crate::value::Value;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// An answer holds so long.
const FRESH: Duration = Duration::from_millis(500);

/// Clocks of instances may differ by so many milliseconds, and a commit take so long.
const SKEW: i64 = 60_000;

/// The sessions that have ended.
pub struct Sessions {
    engine: Arc<Engine>,
    presence: Presence,
    /// Milliseconds for which an ended session can still have tokens.
    window: i64,
    known: RwLock<Known>,
    /// Held by whoever asks the database.
    asking: Mutex<()>,
}

#[derive(Default)]
struct Known {
    /// When the question was begun whose answer this is.
    asked: Option<Instant>,
    /// By the clock of the wall, in milliseconds.
    at: i64,
    ended: HashMap<String, i64>,
}

impl Sessions {
    /// `lifetime` is that of access tokens, `leeway` what is forgiven of their end.
    #[must_use]
    pub fn new(engine: Arc<Engine>, lifetime: Duration, leeway: Duration) -> Self {
        let window = i64::try_from((lifetime + leeway).as_millis())
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4);
        Self {
            presence: Presence::new(Arc::clone(&engine)),
            engine,
            window: window + SKEW,
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// Refuses a session that has ended.
    ///
    /// # Errors
    /// It has ended, or the database does not say.
    pub(super) async fn check(&self, session: &str) -> Result<()> {
        let ended = match self.look(session) {
            Some(ended) => ended,
            None => {
                self.ask().await?;
                self.look(session).unwrap_or_default()
            }
        };
        if ended {
            return Err(refused("the session has ended; sign in again"));
        }
        Ok(())
    }

    /// Refuses a session whose user is gone.
    ///
    /// # Errors
    /// They are, or the database does not say.
    pub(super) async fn check_user(&self, user: &str) -> Result<()> {
        if self.presence.of(user).await? {
            return Ok(());
        }
        Err(refused("the session has ended; sign in again"))
    }

    /// Whether a session's user is flagged an admin, and the session goes on.
    pub(super) async fn is_admin(&self, session: &str, user: &str) -> Result<bool> {
        let snapshot = self.engine.snapshot();
        if !snapshot.has_own("session") {
            return Ok(false);
        }
        let of_session = Question {
            table: "session",
            columns: names(&["user_id"]),
            wanted: vec![is("id", session), Is::Null("ended_at", true)],
            limit: Some(1),
        };
        let sessions = rows(&self.engine, &snapshot, of_session).await?;
        if sessions.first().and_then(|row| text(row, "user_id")).as_deref() != Some(user) {
            return Ok(false);
        }
        let of_user = Question {
            table: "credential",
            columns: names(&["admin", "disabled"]),
            wanted: vec![is("user_id", user)],
            limit: Some(1),
        };
        let credentials = rows(&self.engine, &snapshot, of_user).await?;
        Ok(credentials
            .first()
            .is_some_and(|row| flag(row, "admin") && !flag(row, "disabled")))
    }

    /// What was asked before does not hold any more: a session has ended here.
    pub(super) fn outdated(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).asked = None;
    }

    /// Whether a session has ended; `None` where the answer is too old.
    fn look(&self, session: &str) -> Option<bool> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.asked.filter(|asked| asked.elapsed() < FRESH)?;
        Some(known.ended.contains_key(session))
    }

    async fn ask(&self) -> Result<()> {
        let _asking = self.asking.lock().await;
        let (asked, at) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            (known.asked, known.at)
        };
        if asked.is_some_and(|asked| asked.elapsed() < FRESH) {
            // Somebody else has asked meanwhile.
            return Ok(());
        }
        let begun = Instant::now();
        let now = super::milliseconds();
        let snapshot = self.engine.snapshot();
        let found = if snapshot.has_own("session") {
            let since = (now - self.window).max(at - SKEW);
            let question = Question {
                table: "session",
                columns: names(&["id", "ended_at"]),
                wanted: vec![Is::Compared(
                    "ended_at",
                    Comparison::GreaterOrEqual,
                    Value::Integer(since),
                )],
                limit: None,
            };
            rows(&self.engine, &snapshot, question).await?
        } else {
            Vec::new()
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.ended.retain(|_, ended| *ended >= now - self.window);
        for row in &found {
            if let (Some(id), Some(ended)) = (text(row, "id"), number(row, "ended_at")) {
                known.ended.insert(id, ended);
            }
        }
        (known.asked, known.at) = (Some(begun), now);
        Ok(())
    }
}
