//! Which sessions have ended: asked of the database when somebody shows a token of a session, and at most twice a second.
//!
//! So signing out is felt by every instance within half a second. Whoever comes when the last answer is older waits for the
//! next one: for a question that was begun after they came, however long it takes; one question serves all who wait for
//! it. What is kept is bounded by how many sessions can end within the life of an access token: each began with a password,
//! and those are hashed a few at a time.

use super::accounts::store::{Is, Question, Row, flag, is, names, number, rows, text};
use super::home::Home;
use super::presence::Presence;
use super::refused;
use crate::engine::Engine;
use crate::error::{Code, Error, Kind, Result};
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
    ended: Ended,
}

/// What is known of them.
struct Ended {
    /// Milliseconds for which an ended session can still have tokens.
    window: i64,
    known: RwLock<Known>,
    /// Held by whoever asks the database; when the last question was begun that was not answered, and why not.
    asking: Mutex<Option<(Instant, Kind, Code, String)>>,
}

#[derive(Default)]
struct Known {
    /// When the question was begun whose answer this is.
    asked: Option<Instant>,
    /// Answers to questions that were begun before do not hold.
    outdated: Option<Instant>,
    /// By the clock of the wall, in milliseconds.
    at: i64,
    ended: HashMap<String, i64>,
}

impl Sessions {
    /// `lifetime` is that of access tokens, `leeway` what is forgiven of their end.
    #[must_use]
    pub(super) fn new(engine: Arc<Engine>, home: Arc<Home>, lifetime: Duration, leeway: Duration) -> Self {
        let window = i64::try_from((lifetime + leeway).as_millis())
            .unwrap_or(i64::MAX / 4)
            .min(i64::MAX / 4);
        Self {
            presence: Presence::new(Arc::clone(&engine), home),
            engine,
            ended: Ended::new(window + SKEW),
        }
    }

    /// Refuses a session that has ended.
    ///
    /// # Errors
    /// It has ended, or the database does not say.
    pub(super) async fn check(&self, session: &str) -> Result<()> {
        if self.ended.has(session, |since| self.since(since)).await? {
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
        self.outdated();
        Err(refused("the session has ended; sign in again"))
    }

    /// The sessions that have ended since a moment.
    async fn since(&self, moment: i64) -> Result<Vec<Row>> {
        let snapshot = self.engine.snapshot();
        if !snapshot.has_own("session") {
            return Ok(Vec::new());
        }
        let question = Question {
            table: "session",
            columns: names(&["id", "ended_at"]),
            wanted: vec![Is::Compared(
                "ended_at",
                Comparison::GreaterOrEqual,
                Value::Integer(moment),
            )],
            limit: None,
        };
        rows(&self.engine, &snapshot, question).await
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
        self.ended.outdated();
    }
}

impl Ended {
    fn new(window: i64) -> Self {
        Self {
            window,
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    fn outdated(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).outdated = Some(Instant::now());
    }

    /// Whether a session has ended. `ask` gives those that have since a moment.
    async fn has<F>(&self, session: &str, ask: impl FnOnce(i64) -> F) -> Result<bool>
    where
        F: Future<Output = Result<Vec<Row>>>,
    {
        let come = Instant::now();
        if let Some(ended) = self.look(session, come) {
            return Ok(ended);
        }
        let mut asking = self.asking.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(ended) = self.look(session, come) {
            return Ok(ended);
        }
        if let Some((_, kind, code, message)) = asking.as_ref().filter(|(begun, ..)| *begun >= come) {
            return Err(Error::new(*kind, *code, message.as_str()));
        }
        let (begun, now) = (Instant::now(), super::milliseconds());
        let at = self.known.read().unwrap_or_else(PoisonError::into_inner).at;
        let found = match ask((now - self.window).max(at - SKEW)).await {
            Ok(found) => found,
            Err(error) => {
                *asking = Some((begun, error.kind, error.code, error.message.clone()));
                return Err(error);
            }
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.ended.retain(|_, ended| *ended >= now - self.window);
        for row in &found {
            if let (Some(id), Some(ended)) = (text(row, "id"), number(row, "ended_at")) {
                known.ended.insert(id, ended);
            }
        }
        (known.asked, known.at) = (Some(begun), now);
        Ok(known.ended.contains_key(session))
    }

    /// Whether a session has ended, for somebody who came at a moment; `None` where the answer is too old for them. One
    /// that was asked for after they came is not, however long it took.
    fn look(&self, session: &str, come: Instant) -> Option<bool> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let asked = known.asked?;
        let holds = asked.elapsed() < FRESH && known.outdated.is_none_or(|outdated| asked > outdated);
        (holds || asked >= come).then(|| known.ended.contains_key(session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A database that takes its time, and has ended one session.
    struct Slow {
        ended: Ended,
        asked: AtomicUsize,
        takes: Duration,
        away: bool,
    }

    impl Slow {
        fn new(takes: Duration) -> Self {
            Self {
                ended: Ended::new(3_600_000),
                asked: AtomicUsize::new(0),
                takes,
                away: false,
            }
        }

        async fn has(&self, session: &str) -> Result<bool> {
            let ask = async |_| {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(self.takes).await;
                if self.away {
                    return Err(Error::new(Kind::Unavailable, Code::DATABASE_AWAY, "away"));
                }
                let row = json!({"id": "over", "ended_at": super::super::milliseconds()});
                Ok(row.as_object().cloned().into_iter().collect())
            };
            self.ended.has(session, ask).await
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn an_answer_counts_however_long_it_takes() {
        let slow = Slow::new(FRESH * 2);
        assert!(slow.has("over").await.unwrap());
        assert!(!slow.has("open").await.unwrap());
        assert_eq!(slow.asked(), 2);
    }

    #[tokio::test]
    async fn one_question_serves_all_who_wait() {
        let slow = Slow::new(FRESH * 2);
        let come_late = async |session| {
            tokio::time::sleep(FRESH / 2).await;
            slow.has(session).await
        };
        let waiting = (0..40).map(|number| come_late(if number % 2 == 0 { "over" } else { "open" }));
        let (first, others) = tokio::join!(slow.has("over"), futures_util::future::join_all(waiting));
        assert!(first.unwrap());
        for (number, ended) in others.into_iter().enumerate() {
            assert_eq!(ended.unwrap(), number % 2 == 0, "{number}");
        }
        assert_eq!(
            slow.asked(),
            2,
            "one for who came first, one for all who came meanwhile"
        );
    }

    #[tokio::test]
    async fn one_failure_serves_all_who_wait() {
        let away = Slow {
            away: true,
            ..Slow::new(FRESH / 10)
        };
        let answers = futures_util::future::join_all((0..40).map(|_| away.has("over"))).await;
        assert!(
            answers
                .iter()
                .all(|answer| answer.as_ref().is_err_and(|error| error.kind == Kind::Unavailable))
        );
        assert_eq!(
            away.asked(),
            2,
            "one for who came first, one for all who came meanwhile"
        );
        away.has("over").await.unwrap_err();
        assert_eq!(away.asked(), 3);
    }

    #[tokio::test]
    async fn a_question_begun_before_an_end_does_not_hold_after_it() {
        let slow = Slow::new(FRESH / 10);
        let ending = async {
            tokio::time::sleep(FRESH / 50).await;
            slow.ended.outdated();
        };
        let (first, ()) = tokio::join!(slow.has("over"), ending);
        assert!(first.unwrap());
        assert!(slow.has("over").await.unwrap());
        assert_eq!(slow.asked(), 2);
        assert!(!slow.has("open").await.unwrap());
        assert_eq!(slow.asked(), 2, "the last answer is fresh");
    }
}
