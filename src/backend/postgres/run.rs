//! Running a read: one statement, its rows written as they arrive.

use super::super::stream::{self, Outlet, Stopped, without_a_place};
use super::super::told::Told;
use super::super::{Job, Reply, Rows, Run, Seal};
use super::bind;
use super::fault::{self, Fault};
use super::pool::{Lease, Pool, in_time};
use super::write::{self, Fields, Malformed};
use crate::error::{Error, Result};
use crate::memory::Room;
use crate::sql::{Shape, Statement};
use crate::value::Datum;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, Row, ValueRef};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument;

/// Most times that a read is tried.
const TRIES: u32 = 3;
/// Full pieces of an answer from which a statement that nobody waits for any more is ended with its connection: taking
/// the rest of its rows may cost more than connecting anew.
const MANY: usize = 16;
/// The server ends a statement by itself when its time is up; after so much more it is taken for dead.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// The one place where SQL text becomes a query. Audited: a [`Statement`] is made in `sql/` alone, of quoted identifiers,
/// fixed words and marks; values are bound.
fn query(before: &'static str, statement: &Statement, arguments: PgArguments) -> Query<'static, Postgres, PgArguments> {
    sqlx::query_with(AssertSqlSafe([before, statement.text()].concat()), arguments)
}

pub(super) enum Failure {
    Driver(sqlx::Error),
    Ours(Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Failure::Driver(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Ours(error)
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        Failure::Ours(stopped.into())
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Failure::Ours(malformed.into())
    }
}

/// Runs a read. What can be cured by trying again is: a dead connection, a statement prepared before a change of the
/// schema, a collision with other transactions.
pub(super) async fn run(pool: &Pool, run: &Run<'_>) -> Result<Rows> {
    let arguments = bind::arguments(run.statement.marks(), run.values)?;
    let mut tries = Tries::new(pool, run.statement).await?;
    loop {
        let begin = Instant::now();
        let fetched = tokio::time::timeout(
            pool.statement_timeout() + GRACE,
            fetch(&mut tries.lease, run, arguments.clone(), None),
        );
        let fetched = fetched.await.unwrap_or_else(|_| Err(Failure::Ours(fault::silent())));
        pool.lanes().learn(run.statement, begin.elapsed());
        match fetched {
            Ok(rows) => {
                tries.lease.release();
                return Ok(rows);
            }
            Err(failure) => tries = tries.again(failure).await?,
        }
    }
}

/// Runs a read whose rows may go out before it is done. Until they do it is tried again as any other.
pub(super) async fn stream(pool: &Pool, run: &Run<'_>) -> Result<Reply> {
    let arguments = bind::arguments(run.statement.marks(), run.values)?;
    let job = Arc::new(Job::of(run));
    let mut tries = Tries::new(pool, run.statement).await?;
    loop {
        let begin = Instant::now();
        let deadline = begin + pool.statement_timeout();
        let (outlet, ending, mut inlet) = stream::open(pool.streams(), None, deadline);
        let pump = pump(tries.lease, Arc::clone(&job), arguments.clone(), outlet);
        let mut pump = Box::pin(pump.instrument(job.span.clone()));
        let mut finished = None;
        let first = tokio::select! {
            biased;
            first = inlet.begun() => first,
            end = &mut pump => {
                finished = Some(end);
                inlet.has_begun()
            }
            () = tokio::time::sleep_until((deadline + GRACE).into()) => return Err(fault::silent()),
        };
        // Of a stream its caller decides how long it takes.
        pool.lanes().learn(run.statement, begin.elapsed());
        if let Some(first) = first {
            tokio::spawn(async move {
                let end = match finished {
                    Some(end) => Some(end),
                    // Dropping the pump closes the connection.
                    None => tokio::select! {
                        end = &mut pump => Some(end),
                        () = ending.gone() => None,
                        () = tokio::time::sleep_until((deadline + GRACE).into()) => None,
                    },
                };
                drop(pump);
                ending.tell(settled(end)).await;
            });
            return Ok(Reply::Stream(inlet.stream(first)));
        }
        let (lease, fetched) = match finished {
            Some(end) => end,
            None => pump.await,
        };
        match fetched {
            Ok(rows) => {
                lease.release();
                return Ok(Reply::Whole(rows));
            }
            Err(failure) => {
                tries.lease = lease;
                tries = tries.again(failure).await?;
            }
        }
    }
}

/// Runs the statement on a connection of its own.
async fn pump(
    mut lease: Lease,
    job: Arc<Job>,
    arguments: PgArguments,
    mut outlet: Outlet,
) -> (Lease, Result<Rows, Failure>) {
    let fetched = fetch(&mut lease, &job.run(), arguments, Some(&mut outlet)).await;
    (lease, fetched)
}

/// What a stream ended with; the connection goes back if it is sound.
fn settled(end: Option<(Lease, Result<Rows, Failure>)>) -> Result<Rows> {
    match end {
        Some((lease, Ok(rows))) => {
            lease.release();
            Ok(rows)
        }
        Some((lease, Err(Failure::Driver(error)))) => {
            if fault::classify(&error) == Fault::Away {
                lease.discard();
            } else {
                lease.release();
            }
            Err(fault::to_error(error))
        }
        Some((lease, Err(Failure::Ours(error)))) => {
            lease.discard();
            Err(error)
        }
        None => Err(fault::silent()),
    }
}

/// The tries of one read, and the connection for the next.
struct Tries<'a> {
    pool: &'a Pool,
    lease: Lease,
    count: u32,
}

impl<'a> Tries<'a> {
    async fn new(pool: &'a Pool, statement: &Statement) -> Result<Self> {
        let lease = pool.acquire_for(statement).await?;
        Ok(Self { pool, lease, count: 1 })
    }

    /// Makes ready for another try, where that may help.
    async fn again(mut self, failure: Failure) -> Result<Self> {
        let failure = match failure {
            // The rest of the rows is still under way: dropping the lease waits for it.
            Failure::Ours(error) => return Err(error),
            Failure::Driver(error) => error,
        };
        let fault = fault::classify(&failure);
        match fault {
            Fault::Away => {
                self.lease.close();
                if self.count > 1 {
                    return Err(fault::to_error(failure));
                }
                self.lease.replace(self.pool.acquire_fresh().await?);
            }
            Fault::Stale | Fault::Collision if self.count < TRIES => {
                if fault == Fault::Stale {
                    // Prepared anew once; if the names are still unknown, the schema has changed for good.
                    self.count = TRIES - 1;
                    if self.lease.connection()?.clear_cached_statements().await.is_err() {
                        self.lease.discard();
                        return Err(fault::to_error(failure));
                    }
                } else {
                    tokio::time::sleep(Duration::from_millis(u64::from(self.count) * 10)).await;
                }
            }
            _ => {
                self.lease.release();
                return Err(fault::to_error(failure));
            }
        }
        self.count += 1;
        Ok(self)
    }
}

/// Runs a statement that writes: the rows that it returns, and how many it has changed.
pub(super) async fn write(
    connection: &mut PgConnection,
    statement: &Statement,
    arguments: PgArguments,
    take: &mut (dyn FnMut(&PgRow) -> Result<()> + Send),
) -> Result<u64, Failure> {
    let mut stream = sqlx::Executor::fetch_many(connection, query("", statement, arguments));
    let mut count = 0;
    while let Some(step) = stream.try_next().await.map_err(Failure::Driver)? {
        match step {
            sqlx::Either::Left(done) => count += done.rows_affected(),
            sqlx::Either::Right(row) => take(&row).map_err(Failure::Ours)?,
        }
    }
    Ok(count)
}

/// Runs a read on a connection that is in a transaction.
pub(super) async fn fetch_within(lease: &mut Lease, run: &Run<'_>, arguments: PgArguments) -> Result<Rows, Failure> {
    fetch(lease, run, arguments, None).await
}

/// The database's plan, without running the statement.
pub(super) async fn explain(pool: &Pool, statement: &Statement, values: &[Datum]) -> Result<String> {
    let arguments = bind::arguments(statement.marks(), values)?;
    let mut lease = pool.acquire().await?;
    let explained = query("EXPLAIN (VERBOSE) ", statement, arguments)
        .persistent(false)
        .fetch_all(lease.connection()?);
    let result = in_time(pool.statement_timeout() + GRACE, explained).await;
    match result {
        Ok(rows) => {
            lease.release();
            let lines: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
            Ok(lines.map_err(Error::internal)?.join("\n"))
        }
        Err(error) => {
            if fault::classify(&error) == Fault::Away {
                lease.discard();
            } else {
                lease.release();
            }
            Err(fault::to_error(error))
        }
    }
}

/// Runs the statement; with an outlet what becomes long goes out by it, and the rows returned are the last ones.
async fn fetch(
    lease: &mut Lease,
    run: &Run<'_>,
    arguments: PgArguments,
    outlet: Option<&mut Outlet>,
) -> Result<Rows, Failure> {
    let told = Told::begin();
    let outcome = send(lease, run, arguments, outlet).await;
    told.end(&outcome);
    outcome
}

async fn send(
    lease: &mut Lease,
    run: &Run<'_>,
    arguments: PgArguments,
    mut outlet: Option<&mut Outlet>,
) -> Result<Rows, Failure> {
    let mut writer = Writer::new(run);
    let (connection, mut streams) = lease.parts()?;
    let mut stream = query("", run.statement, arguments).fetch(connection);
    while let Some(row) = stream.try_next().await? {
        writer.row(row)?;
        if let Some(outlet) = &mut outlet
            && outlet.is_due(&writer.rows)
        {
            outlet.send(&mut writer.rows, run.room).await?;
            if streams.begin() {
                // Whoever waits for the first chunk polls this very task.
                tokio::task::yield_now().await;
            }
        } else {
            match writer.settle(run.room) {
                Ok(true) if writer.rows.full.iter().any(|full| full.len() > MANY) => streams.flow(),
                Ok(_) => {}
                Err(error) => {
                    streams.flow();
                    let error = if outlet.is_some() {
                        without_a_place(error)
                    } else {
                        error
                    };
                    return Err(error.into());
                }
            }
        }
    }
    Ok(writer.finish(run.room)?)
}

/// Writes rows as they arrive.
struct Writer<'a> {
    shape: &'a Shape,
    room: &'a Room,
    most: u64,
    seal: Option<&'a Seal>,
    /// A cursor is written within the rows.
    cursors: bool,
    rows: Rows,
    /// For each output where its rows begin; only where they are turned round.
    starts: Vec<Vec<usize>>,
    first: Option<PgRow>,
    last: Option<PgRow>,
}

impl<'a> Writer<'a> {
    fn new(run: &Run<'a>) -> Self {
        let shape = run.statement.shape();
        Self {
            shape,
            room: run.room,
            most: run.most.unwrap_or(u64::MAX),
            seal: run.seal,
            cursors: shape.outputs.iter().any(write::has_cursor),
            rows: Rows {
                buffers: shape.outputs.iter().map(|_| Vec::with_capacity(1024)).collect(),
                ..Rows::default()
            },
            starts: vec![Vec::new(); if shape.reversed { shape.outputs.len() } else { 0 }],
            first: None,
            last: None,
        }
    }

    fn row(&mut self, row: PgRow) -> Result<(), Failure> {
        let fields = fields(&row)?;
        if self.rows.total.is_none()
            && let Some(index) = self.shape.total
        {
            self.rows.total = Some(total(&fields, index)?);
        }
        if let Some(index) = self.shape.present
            && column(&fields, index)?.is_none()
        {
            return Ok(());
        }
        if self.rows.count >= self.most {
            self.rows.more = true;
            return Ok(());
        }
        // The driver has it already; it shall not be there twice.
        let length: usize = fields.iter().flatten().map(|field| field.len()).sum();
        if length > self.room.most() {
            return Err(self.room.too_large().into());
        }
        let cursor = match (self.cursors, self.seal) {
            (true, Some(seal)) => Some(seal(&cursor(self.shape, &fields)?)),
            _ => None,
        };
        for (index, (output, buffer)) in self.shape.outputs.iter().zip(&mut self.rows.buffers).enumerate() {
            if let Some(starts) = self.starts.get_mut(index) {
                starts.push(buffer.len());
            } else if self.rows.count > 0 {
                buffer.push(b',');
            }
            write::layout(output, &fields, cursor.as_deref(), buffer)?;
        }
        self.rows.count += 1;
        drop(fields);
        if !self.shape.cursor.is_empty() {
            if self.first.is_none() {
                self.first = Some(row);
            } else {
                self.last = Some(row);
            }
        }
        Ok(())
    }

    /// Sees to it that the answer holds no more than it may; whether a piece of it has become full.
    fn settle(&mut self, room: &Arc<Room>) -> Result<bool> {
        if self.shape.reversed {
            self.rows.settle_turned(room).map(|()| false)
        } else {
            self.rows.settle(room)
        }
    }

    fn finish(mut self, room: &Arc<Room>) -> Result<Rows> {
        let values = |row: &PgRow| -> Result<Vec<Datum>> { Ok(cursor(self.shape, &fields(row)?)?) };
        let first = self.first.as_ref().map(values).transpose()?;
        let last = self.last.as_ref().map(values).transpose()?.or_else(|| first.clone());
        (self.rows.first, self.rows.last) = if self.shape.reversed {
            (last, first)
        } else {
            (first, last)
        };
        for (starts, buffer) in self.starts.iter().zip(&mut self.rows.buffers) {
            *buffer = turned(buffer, starts);
        }
        self.rows.finish(room)?;
        Ok(self.rows)
    }
}

/// The rows of a buffer the other way round, with commas.
fn turned(buffer: &[u8], starts: &[usize]) -> Vec<u8> {
    let mut turned = Vec::with_capacity(buffer.len() + starts.len());
    let mut end = buffer.len();
    for start in starts.iter().rev() {
        if !turned.is_empty() {
            turned.push(b',');
        }
        turned.extend_from_slice(&buffer[*start..end]);
        end = *start;
    }
    turned
}

fn fields(row: &PgRow) -> Result<Fields<'_>, Malformed> {
    let mut fields = Fields::new();
    for index in 0..row.len() {
        let value = row
            .try_get_raw(index)
            .map_err(|_| Malformed("a column cannot be read"))?;
        fields.push(if value.is_null() {
            None
        } else {
            Some(value.as_bytes().map_err(|_| Malformed("a column cannot be read"))?)
        });
    }
    Ok(fields)
}

fn column<'a>(fields: &[Option<&'a [u8]>], index: usize) -> Result<Option<&'a [u8]>, Malformed> {
    fields
        .get(index)
        .copied()
        .ok_or(Malformed("a column that the row does not have"))
}

fn total(fields: &[Option<&[u8]>], index: usize) -> Result<i64, Malformed> {
    column(fields, index)?
        .and_then(|bytes| bytes.try_into().ok())
        .map(i64::from_be_bytes)
        .ok_or(Malformed("a total that is no bigint"))
}

/// The cursor columns, which arrive as text.
fn cursor(shape: &Shape, fields: &[Option<&[u8]>]) -> Result<Vec<Datum>, Malformed> {
    let datum = |index: &usize| {
        Ok(match column(fields, *index)? {
            Some(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| Malformed("a cursor column that is not text"))?;
                Datum::Text(text.into())
            }
            None => Datum::Null,
        })
    };
    shape.cursor.iter().map(datum).collect()
}
