//! Connections, at most so many, opened when needed.
//!
//! Our own pool and not the driver's, because that one asks the database after every use whether the connection still
//! lives: one more round trip per request. Here a dead connection is found by using it, and reads are tried again.

use super::fault::{self, Fault};
use super::lanes::{Lane, Lanes, Place};
use crate::error::{Code, Error, Result};
use crate::sql::Statement;
use crate::telemetry::Readings;
use crate::turns::Turns;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Row};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most time to wait for a free connection.
const ACQUIRE: Duration = Duration::from_secs(3);
/// Most that wait for one.
pub(super) const QUEUE: usize = 1024;
/// Most time to open a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Most time to open another connection, only to see whether it is another session.
const OTHER: Duration = Duration::from_secs(1);
/// Most time that a statement waits for a lock.
const LOCK: Duration = Duration::from_secs(5);
/// A connection unused for so long is closed rather than trusted: firewalls forget it.
const IDLE: Duration = Duration::from_secs(300);
/// Prepared statements kept per connection.
const STATEMENTS: usize = 500;

/// A statement that nobody waits for any more is given so long to end by itself, before it is cancelled.
const LINGER: Duration = Duration::from_millis(20);

/// Settings of every session, and its number. Unknown settings are passed over, so that relatives of PostgreSQL are not refused.
const SET_UP: &str = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.set_config(setting.name, setting.value, false) FROM (VALUES \
    ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), \
    ('client_min_messages', 'warning'), ('jit', 'off'), ('statement_timeout', $1), ('lock_timeout', $2), \
    ('default_transaction_read_only', $3)) \
    AS setting(name, value) \
    WHERE pg_catalog.current_setting(setting.name, true) IS NOT NULL";

/// The pool.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    statement_timeout: Duration,
    permits: Turns,
    /// Places for statements that stream, which hold a connection for as long as their callers take: never all of them.
    streams: Arc<Semaphore>,
    /// Places for those who write, who may wait for one another: never all connections, where there are several.
    writers: Turns,
    size: usize,
    lanes: Lanes,
    idle: Mutex<Vec<Idle>>,
    /// Whoever cancels a statement, one after the other: it may take a connection more than there are.
    cancelling: tokio::sync::Mutex<()>,
}

/// A connection, and the number of its session, by which another one cancels its statement.
pub(super) struct Session {
    connection: PgConnection,
    number: i32,
}

struct Idle {
    session: Session,
    purpose: Purpose,
    since: Instant,
}

/// What a connection is for. One that reads cannot write, whatever functions and views of the database try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reads, and transactions that say that they write.
    Read,
    /// Statements that write, each a transaction of its own.
    Write,
}

impl Purpose {
    fn read_only(self) -> &'static str {
        match self {
            Self::Read => "on",
            Self::Write => "off",
        }
    }
}

/// A connection for one use. Dropped without [`Lease::release`] its state is unknown: its statement is ended in the
/// background, or it is closed.
pub(super) struct Lease {
    pool: Pool,
    session: Option<Session>,
    purpose: Purpose,
    /// When the connection was last known to be sound.
    sound: Instant,
    permit: Option<OwnedSemaphorePermit>,
    /// Its place among those of slow statements.
    place: Option<Place>,
    /// It is closed when it is dropped, instead of waited for.
    doomed: bool,
}

impl Pool {
    /// A pool that has opened no connection yet.
    pub(super) fn new(url: &str, size: u32, statement_timeout: Duration) -> Result<Self> {
        let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| {
            Error::invalid(
                Code::INVALID_VALUE,
                "the database URL is not of the form postgres://user:password@host:5432/name",
            )
            .with_source(error)
        })?;
        let options = options
            .application_name("diglot")
            .statement_cache_capacity(STATEMENTS)
            // Poolers refuse start-up parameters that they do not know, and since version 12 the default is right.
            .extra_float_digits(None)
            .disable_statement_logging();
        Ok(Self(Arc::new(Inner {
            options,
            statement_timeout,
            permits: Turns::new("connections", size.max(1) as usize, QUEUE),
            streams: Arc::new(Semaphore::new(size as usize / 2)),
            writers: Turns::new("writers", (size - size / 3).max(1) as usize, QUEUE),
            size: size.max(1) as usize,
            lanes: Lanes::new(size as usize),
            idle: Mutex::new(Vec::new()),
            cancelling: tokio::sync::Mutex::new(()),
        })))
    }

    /// Host, port and database name, for the operator; never the password.
    pub(super) fn describe(&self) -> String {
        let options = &self.0.options;
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let user = options.get_username();
        let database = options.get_database().unwrap_or(user);
        let encryption = match options.get_ssl_mode() {
            PgSslMode::Disable => ", without TLS",
            _ => "",
        };
        format!(
            "{place}, port {}, database {database:?}, user {user:?}{encryption}",
            options.get_port()
        )
    }

    /// A connection to read by: an idle one if there is one.
    pub(super) async fn acquire(&self) -> Result<Lease> {
        self.acquire_to(Purpose::Read).await
    }

    /// A connection: an idle one of its purpose, a new one where there is room for it, or one of the other purpose.
    pub(super) async fn acquire_to(&self, purpose: Purpose) -> Result<Lease> {
        let permit = self.permit().await?;
        let (session, sound) = match self.pop(purpose) {
            Some(idle) if idle.purpose == purpose => (Some(idle.session), idle.since),
            Some(mut idle) => {
                let turn = match purpose {
                    Purpose::Read => "SET default_transaction_read_only TO on",
                    Purpose::Write => "SET default_transaction_read_only TO off",
                };
                let turned = in_time(CONNECT, sqlx::Executor::execute(&mut idle.session.connection, turn)).await;
                (turned.is_ok().then_some(idle.session), Instant::now())
            }
            None => (None, Instant::now()),
        };
        let session = match session {
            Some(session) => session,
            None => self.open_to(purpose).await.map_err(fault::while_serving)?,
        };
        Ok(self.lease(session, purpose, sound, permit))
    }

    /// A connection for a statement of a client's.
    pub(super) async fn acquire_for(&self, statement: &Statement) -> Result<Lease> {
        let lanes = &self.0.lanes;
        let place = match lanes.lane(statement) {
            Lane::Quick => None,
            Lane::Fresh => Some(lanes.passing(acquired(&lanes.fresh).await?)),
            Lane::Slow => Some(Place::Slow {
                _permit: acquired(&lanes.slow).await?,
            }),
        };
        let mut lease = self.acquire().await?;
        lease.place = place;
        Ok(lease)
    }

    /// A connection to write by, and a place among those who do.
    pub(super) async fn acquire_writer(&self, fresh: bool) -> Result<Lease> {
        let permit = acquired(&self.0.writers).await?;
        let mut lease = if fresh {
            self.acquire_fresh_to(Purpose::Write).await?
        } else {
            self.acquire_to(Purpose::Write).await?
        };
        lease.place = Some(Place::Writing { _permit: permit });
        lease.doom();
        Ok(lease)
    }

    /// What the connections are like at this moment, and who waits for them.
    pub(super) fn read_into(&self, readings: &mut Readings) {
        let inner = &self.0;
        let idle = self.idle().len();
        let taken = inner.size - inner.permits.free().min(inner.size);
        let of = |state, number: usize| (vec![("state", state)], number as u64);
        let help = "Connections to the database";
        let all = [of("idle", idle), of("taken", taken), of("most", inner.size)];
        readings.gauge("pool_connections", help, &all);
        let mut queues = Vec::new();
        for turns in [&inner.permits, &inner.writers, &inner.lanes.slow, &inner.lanes.fresh] {
            queues.extend(turns.readings());
        }
        let most = inner.size / 2;
        let streams = |state, number: usize| (vec![("queue", "streams"), ("state", state)], number as u64);
        let free = inner.streams.available_permits().min(most);
        queues.extend([streams("taken", most - free), streams("all", most)]);
        readings.queues(queues);
    }

    /// What is known of statements.
    pub(super) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    /// A connection that is certainly new. Closes the idle ones: where one is dead, so are the others.
    pub(super) async fn acquire_fresh(&self) -> Result<Lease> {
        self.acquire_fresh_to(Purpose::Read).await
    }

    /// The same, for a purpose.
    pub(super) async fn acquire_fresh_to(&self, purpose: Purpose) -> Result<Lease> {
        self.idle().clear();
        let permit = self.permit().await?;
        let session = self.open_to(purpose).await.map_err(fault::while_serving)?;
        Ok(self.lease(session, purpose, Instant::now(), permit))
    }

    /// Opens a connection and sets its session up, without a permit.
    async fn open_to(&self, purpose: Purpose) -> Result<Session, sqlx::Error> {
        let open = async {
            let connection = self.0.options.connect().await?;
            self.set_up(connection, purpose).await
        };
        // Rare, and large: kept apart from the futures of all requests.
        in_time(CONNECT, Box::pin(open)).await
    }

    /// The first connection, opened as [`Pool::open`] does; `None` where sessions are not one's own: a pooler that gives each
    /// transaction some session would run one statement under the name of another, and its other clients would find our
    /// settings. So nothing is set before that is known.
    pub(super) async fn first(&self) -> Result<Option<Session>, sqlx::Error> {
        let mut connection = in_time(CONNECT, self.0.options.connect()).await?;
        let before = in_time(CONNECT, session(&mut connection)).await?;
        let other = async { session(&mut self.0.options.connect().await?).await };
        // Without room for another connection there is nobody to share with.
        if let Ok(other) = in_time(OTHER, other).await
            && (before == other || before != in_time(CONNECT, session(&mut connection)).await?)
        {
            return Ok(None);
        }
        in_time(CONNECT, self.set_up(connection, Purpose::Read)).await.map(Some)
    }

    async fn set_up(&self, mut connection: PgConnection, purpose: Purpose) -> Result<Session, sqlx::Error> {
        let limit = |time: Duration| format!("{}ms", time.as_millis().clamp(1, 2_000_000_000));
        let settings = sqlx::query(SET_UP)
            .bind(limit(self.0.statement_timeout))
            .bind(limit(self.0.statement_timeout.min(LOCK)))
            .bind(purpose.read_only())
            .persistent(false)
            .fetch_all(&mut connection)
            .await?;
        let first = settings.first().ok_or(sqlx::Error::RowNotFound)?;
        let number = first.try_get(0)?;
        Ok(Session { connection, number })
    }

    /// Places for statements that stream.
    pub(super) fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
    }

    /// Most time that a statement may take.
    pub(super) fn statement_timeout(&self) -> Duration {
        self.0.statement_timeout
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        acquired(&self.0.permits).await
    }

    fn lease(&self, session: Session, purpose: Purpose, sound: Instant, permit: OwnedSemaphorePermit) -> Lease {
        Lease {
            pool: self.clone(),
            session: Some(session),
            purpose,
            sound,
            permit: Some(permit),
            place: None,
            doomed: false,
        }
    }

    /// The connection of a purpose that was used last, so that the others age and are closed. Where there is none, and no
    /// room for one more either, one of the other purpose.
    fn pop(&self, purpose: Purpose) -> Option<Idle> {
        let mut idle = self.idle();
        if idle.last()?.since.elapsed() > IDLE {
            idle.clear();
            return None;
        }
        if let Some(index) = idle.iter().rposition(|idle| idle.purpose == purpose) {
            let found = idle.remove(index);
            return (found.since.elapsed() <= IDLE).then_some(found);
        }
        // Whoever asks has a permit, and no connection yet.
        let in_use = self.0.size.saturating_sub(self.0.permits.free() + 1);
        (in_use + idle.len() >= self.0.size).then(|| idle.remove(0))
    }

    /// Takes a sound connection in.
    pub(super) fn push(&self, session: Session, purpose: Purpose) {
        let now = Instant::now();
        let mut idle = self.idle();
        if idle
            .first()
            .is_some_and(|oldest| now.duration_since(oldest.since) > IDLE)
        {
            idle.remove(0);
        }
        idle.push(Idle {
            session,
            purpose,
            since: now,
        });
    }

    /// Ends the statement of a session that nobody waits for any more; whether the session is sound. It is, once it answers to
    /// what it was asked after the cancelling: nothing of that can then meet another statement.
    async fn end(&self, session: &mut Session) -> bool {
        let limit = tokio::time::Instant::now() + self.statement_timeout();
        {
            let answer = session.connection.ping();
            tokio::pin!(answer);
            match tokio::time::timeout(LINGER, &mut answer).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) if fault::classify(&error) == Fault::Away => return false,
                Ok(Err(_)) => {}
                Err(_) => {
                    self.cancel(session.number).await;
                    // The statement's end, which is an error of its own.
                    if tokio::time::timeout_at(limit, answer).await.is_err() {
                        return false;
                    }
                }
            }
        }
        matches!(
            tokio::time::timeout_at(limit, session.connection.ping()).await,
            Ok(Ok(()))
        )
    }

    /// Cancels what a session does, by another connection: one that rests, or a new one, for which there need be no room.
    async fn cancel(&self, number: i32) {
        let _one = self.0.cancelling.lock().await;
        let rests = self.idle().pop();
        let (mut session, purpose) = match rests {
            Some(idle) => (idle.session, Some(idle.purpose)),
            None => match self.open_to(Purpose::Read).await {
                Ok(session) => (session, None),
                Err(_) => return,
            },
        };
        let cancel = sqlx::query("SELECT pg_catalog.pg_cancel_backend($1)")
            .bind(number)
            .persistent(false)
            .execute(&mut session.connection);
        if let (Ok(_), Some(purpose)) = (in_time(CONNECT, cancel).await, purpose) {
            self.push(session, purpose);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which session of the server answers. (As a simple query, which leaves no statement behind.)
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql("SELECT pg_catalog.pg_backend_pid()")
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}

/// A permit, if there is one soon enough.
async fn acquired(turns: &Turns) -> Result<OwnedSemaphorePermit> {
    turns.take(Instant::now() + ACQUIRE).await
}

/// A server that says nothing any more is as good as gone: the network may have been cut, and TCP would wait for a
/// quarter of an hour.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(elapsed) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            elapsed,
        ))),
    }
}

impl Lease {
    /// How long ago the connection was last known to be sound.
    pub(super) fn rested(&self) -> Duration {
        self.sound.elapsed()
    }

    /// Whether the server still answers by it.
    pub(super) async fn answers(&mut self) -> bool {
        match &mut self.session {
            Some(session) => in_time(CONNECT, session.connection.ping()).await.is_ok(),
            None => false,
        }
    }

    /// From here on the connection is closed where it is dropped: it is in a transaction.
    pub(super) fn doom(&mut self) {
        self.doomed = true;
    }

    /// Another connection in its place, for the same statement.
    pub(super) fn replace(&mut self, mut other: Lease) {
        other.place = self.place.take();
        *self = other;
    }

    /// Closes a connection that is broken, and keeps its place for [`Lease::replace`].
    pub(super) fn close(&mut self) {
        self.session = None;
        self.permit = None;
    }

    /// The connection.
    ///
    /// # Errors
    /// Never while the lease is held.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        self.session
            .as_mut()
            .map(|session| &mut session.connection)
            .ok_or_else(|| Error::internal("a lease without a connection"))
    }

    /// The connection, and what changes with it when its statement becomes a stream.
    ///
    /// # Errors
    /// Never while the lease is held.
    pub(super) fn parts(&mut self) -> Result<(&mut PgConnection, Streams<'_>)> {
        match &mut self.session {
            Some(session) => Ok((
                &mut session.connection,
                Streams {
                    doomed: &mut self.doomed,
                    place: &mut self.place,
                },
            )),
            None => Err(Error::internal("a lease without a connection")),
        }
    }

    /// Gives a sound connection back.
    pub(super) fn release(mut self) {
        if let Some(session) = self.session.take() {
            self.pool.push(session, self.purpose);
        }
    }

    /// Closes a connection that is broken or in an unknown state.
    pub(super) fn discard(mut self) {
        self.session = None;
    }
}

/// What changes for a lease when its statement becomes a stream.
pub(super) struct Streams<'a> {
    doomed: &'a mut bool,
    place: &'a mut Option<Place>,
}

impl Streams<'_> {
    /// The statement is a stream from now on; whether it was none before. It has a place among streams, and needs none
    /// among slow statements. Dropped in the middle, its connection is closed: the server is sending rows, so that ends
    /// the statement at once, while waiting for it would mean to take them all.
    pub(super) fn begin(&mut self) -> bool {
        *self.place = None;
        !std::mem::replace(self.doomed, true)
    }

    /// The server is sending many rows: dropped from now on, the connection is closed, which ends the statement at once.
    pub(super) fn flow(&mut self) {
        *self.doomed = true;
    }
}

pub(super) fn is_away<T>(result: &Result<T, sqlx::Error>) -> bool {
    result
        .as_ref()
        .is_err_and(|error| fault::classify(error) == Fault::Away)
}

/// Keeps a connection that is certainly sound.
pub(super) fn settle<T>(lease: Lease, result: Result<T, sqlx::Error>) -> Result<T> {
    match result {
        Ok(value) => {
            lease.release();
            Ok(value)
        }
        Err(error) => {
            lease.discard();
            Err(fault::to_error(error))
        }
    }
}

impl Drop for Lease {
    /// The request was cancelled while its statement ran. Closing the connection would not end the statement, and one
    /// more connection would be opened beside it: so it is ended in the background, and its places are kept until then.
    fn drop(&mut self) {
        let (Some(mut session), permit) = (self.session.take(), (self.permit.take(), self.place.take())) else {
            return;
        };
        if self.doomed {
            return;
        }
        let (pool, purpose) = (self.pool.clone(), self.purpose);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if pool.end(&mut session).await {
                    pool.push(session, purpose);
                }
                drop(permit);
            });
        }
    }
}
