//! Work within a transaction.

use super::bind;
use super::fault::{self, Fault};
use super::pool::{Lease, Pool};
use super::run::{self, GRACE};
use crate::backend::session::{Changed, Session, Work};
use crate::backend::{Rows, Run};
use crate::error::{Code, Error, Kind, Result};
use crate::memory::Room;
use crate::sql::Statement;
use crate::value::Datum;
use sqlx::postgres::PgRow;
use sqlx::{Row, ValueRef};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most times that a work is tried.
const TRIES: u32 = 10;

/// A work that collided is not begun again after so long.
const TRYING: Duration = Duration::from_secs(5);

/// The server is told how much less time a statement has when it is so much less.
const LESS: Duration = Duration::from_secs(1);

/// How much that is: for the transaction alone.
const SET_TIME: &str = "SELECT pg_catalog.set_config('statement_timeout', $1, true)";

/// A connection that has rested for longer may be dead by now. A transaction finds that out before anything could have
/// happened, a single statement does not: then the server is asked before.
const RESTED: Duration = Duration::from_secs(1);

/// A transaction under way.
pub struct Writing {
    lease: Lease,
    timeout: Duration,
    /// When the whole write has to be done: the server's own bound is for each statement, and what is locked stays so until
    /// the last one.
    deadline: Instant,
    /// What the server gives a statement now.
    allowed: Duration,
    /// The connection is broken, or in an unknown state.
    broken: bool,
}

/// Does a work in a transaction. A collision with others is tried again, and so is a connection that was dead before anything
/// could have been committed. A commit whose outcome is unknown never is.
pub(super) async fn write(pool: &Pool, mut work: Box<dyn Work>) -> Result<()> {
    let begin = Instant::now();
    let mut lease = pool.acquire_writer(false).await?;
    if work.is_single() {
        if lease.rested() > RESTED && !lease.answers().await {
            lease.close();
            // The place comes first: it may be the only one.
            drop(lease);
            lease = pool.acquire_writer(true).await?;
        }
        match single(pool, lease, work.as_mut()).await? {
            Some(sound) => lease = sound,
            None => return Ok(()),
        }
    }
    let deadline = Instant::now() + pool.statement_timeout();
    for count in 1.. {
        let mut session = Session::Postgres(Writing::new(pool, lease, deadline));
        let outcome = attempt(&mut session, work.as_mut()).await;
        let Session::Postgres(writing) = session else {
            return Err(Error::internal("a session of PostgreSQL stays one"));
        };
        let broken = writing.broken;
        lease = writing.lease;
        let error = match outcome {
            Ok(()) => {
                lease.release();
                return Ok(());
            }
            Err(error) => error,
        };
        let again = match error.code {
            Code::COLLISION => count < TRIES && begin.elapsed() < TRYING,
            Code::AGAIN => count < TRIES,
            Code::DATABASE_AWAY => broken && count == 1,
            _ => false,
        };
        if !again {
            if broken {
                lease.discard();
            } else {
                lease.release();
            }
            return Err(if matches!(error.code, Code::COLLISION | Code::AGAIN) {
                // Whatever else it says has not been looked at closely enough to be told.
                let message = "the request collided with others in the database; try again";
                Error::new(Kind::Unavailable, Code::DATABASE_AWAY, message).with_source(error)
            } else {
                error
            });
        }
        if error.code == Code::AGAIN && !broken {
            continue;
        }
        // Nobody else waits for the connection meanwhile.
        if broken {
            lease.close();
            drop(lease);
        } else {
            lease.release();
        }
        if error.code == Code::COLLISION {
            // Those who collided must not meet again at once.
            let most = 10_u64 << count.min(6);
            tokio::time::sleep(Duration::from_millis(rand::random_range(1..=most))).await;
        }
        lease = pool.acquire_writer(broken).await?;
    }
    Err(Error::internal("a work is tried a few times at most"))
}

/// A work that is one statement, a transaction of its own. Where that fails nothing has happened, and the lease comes back:
/// in a transaction of several statements more can be told.
async fn single(pool: &Pool, lease: Lease, work: &mut dyn Work) -> Result<Option<Lease>> {
    let deadline = Instant::now() + pool.statement_timeout();
    let mut session = Session::Postgres(Writing::new(pool, lease, deadline));
    let outcome = work.run_single(&mut session).await;
    let Session::Postgres(Writing { lease, broken, .. }) = session else {
        return Err(Error::internal("a session of PostgreSQL stays one"));
    };
    match outcome {
        Ok(true) => {
            lease.release();
            Ok(None)
        }
        Err(error) if broken => {
            lease.discard();
            Err(Error::new(
                Kind::Unavailable,
                Code::UNKNOWN_OUTCOME,
                "the database was lost during the write; look whether it has happened before trying again",
            )
            .with_source(error))
        }
        // It would take as long again.
        Err(error) if error.code == Code::TIMEOUT => {
            lease.release();
            Err(error)
        }
        Ok(false) | Err(_) => Ok(Some(lease)),
    }
}

async fn attempt(session: &mut Session, work: &mut dyn Work) -> Result<()> {
    let begun = match session {
        Session::Postgres(writing) if work.is_serializable() => {
            writing.word("BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE").await
        }
        Session::Postgres(writing) => writing.word("BEGIN READ WRITE").await,
        Session::Sqlite(_) => Ok(()),
    };
    if let Err(error) = begun {
        // A server in recovery (a standby to which a name leads since the primary one has gone) begins no such transaction.
        return Err(match (&mut *session, error.code) {
            (Session::Postgres(writing), Code::NOT_SUPPORTED) => {
                writing.broken = true;
                fault::takes_no_writes(error)
            }
            _ => error,
        });
    }
    let outcome = work.run(session).await;
    let Session::Postgres(writing) = session else {
        return outcome;
    };
    match outcome {
        Ok(()) => match writing.word("COMMIT").await {
            Ok(()) => Ok(()),
            Err(error) if writing.broken => Err(Error::new(
                Kind::Unavailable,
                Code::UNKNOWN_OUTCOME,
                "the database was lost while the write was committed; look whether it has happened before trying again",
            )
            .with_source(error)),
            // What is checked at the commit.
            Err(error) => Err(error),
        },
        Err(error) => {
            if !writing.broken && writing.word("ROLLBACK").await.is_err() {
                writing.broken = true;
            }
            Err(error)
        }
    }
}

impl Writing {
    fn new(pool: &Pool, lease: Lease, deadline: Instant) -> Self {
        Self {
            lease,
            timeout: pool.statement_timeout() + GRACE,
            deadline,
            allowed: pool.statement_timeout(),
            broken: false,
        }
    }

    /// Sees to it that the next statement ends in what is left of the whole write's time.
    async fn hurry(&mut self) -> Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let message = "the write took longer than is allowed; write less at a time";
            return Err(Error::new(Kind::Unavailable, Code::TIMEOUT, message));
        }
        if left + LESS > self.allowed {
            return Ok(());
        }
        let time = format!("{}ms", left.as_millis().max(1));
        let connection = self.lease.connection()?;
        let set = sqlx::query(SET_TIME).bind(time).persistent(false).execute(connection);
        let set = tokio::time::timeout(self.timeout, set).await;
        self.settle(set.map(|result| result.map(|_| ())))?;
        self.allowed = left;
        Ok(())
    }

    /// A word about the transaction.
    async fn word(&mut self, word: &'static str) -> Result<()> {
        let connection = self.lease.connection()?;
        let sent = tokio::time::timeout(self.timeout, sqlx::Executor::execute(connection, word)).await;
        self.settle(sent.map(|result| result.map(|_| ())))
    }

    /// Runs a statement once for each list of values.
    pub(in crate::backend) async fn change(
        &mut self,
        statement: &Statement,
        values: &[Vec<Datum>],
        room: Option<&Arc<Room>>,
    ) -> Result<Changed> {
        let mut changed = Changed::default();
        for (index, one) in values.iter().enumerate() {
            self.hurry().await?;
            let arguments = bind::arguments(statement.marks(), one)?;
            let connection = self.lease.connection()?;
            let mut take = |row: &PgRow| changed.push(index, texts(row)?, room);
            let write = run::write(connection, statement, arguments, &mut take);
            let settled = match tokio::time::timeout(self.timeout, write).await {
                Ok(Ok(count)) => Ok(count),
                Ok(Err(run::Failure::Driver(error))) => {
                    let raised = fault::classify(&error) == Fault::Value && fault::is_raised(&error);
                    self.settle::<u64>(Ok(Err(error))).map_err(|error| match raised {
                        // As SQLite's triggers do, which have no other way to say no.
                        true => Error {
                            violation: Some(Box::new(fault::raised())),
                            ..error
                        },
                        false => error,
                    })
                }
                Ok(Err(run::Failure::Ours(error))) => {
                    // Rows of it are still under way.
                    self.broken = true;
                    Err(error)
                }
                Err(elapsed) => self.settle(Err(elapsed)),
            };
            changed.count += settled.map_err(|error| if values.len() > 1 { error.at_row(index) } else { error })?;
        }
        changed.touched = changed.count;
        Ok(changed)
    }

    /// Reads within the transaction.
    pub(in crate::backend) async fn read(&mut self, run: &Run<'_>) -> Result<Rows> {
        self.hurry().await?;
        let arguments = bind::arguments(run.statement.marks(), run.values)?;
        let fetched = tokio::time::timeout(self.timeout, run::fetch_within(&mut self.lease, run, arguments)).await;
        match fetched {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(run::Failure::Driver(error))) => self.settle(Ok(Err(error))),
            Ok(Err(run::Failure::Ours(error))) => {
                // Rows of it may still be under way.
                self.broken = true;
                Err(error)
            }
            Err(elapsed) => self.settle(Err(elapsed)),
        }
    }

    fn settle<T>(&mut self, sent: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>) -> Result<T> {
        match sent {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let fault = fault::classify(&error);
                self.broken |= fault == Fault::Away;
                let out_of_range = fault::is_out_of_range(&error);
                let error = fault::to_error(error);
                if out_of_range {
                    return Err(Error {
                        code: Code::OUT_OF_RANGE,
                        ..error
                    });
                }
                Err(match fault {
                    Fault::Collision => Error {
                        code: Code::COLLISION,
                        ..error
                    },
                    Fault::ReadOnly => fault::takes_no_writes(error),
                    _ => error,
                })
            }
            Err(_) => {
                self.broken = true;
                Err(fault::silent())
            }
        }
    }
}

/// The columns of a row, which are all texts.
fn texts(row: &PgRow) -> Result<Vec<Datum>> {
    (0..row.len())
        .map(|index| {
            let value = row.try_get_raw(index).map_err(Error::internal)?;
            if value.is_null() {
                return Ok(Datum::Null);
            }
            let text = value.as_str().map_err(Error::internal)?;
            Ok(Datum::Text(text.into()))
        })
        .collect()
}
