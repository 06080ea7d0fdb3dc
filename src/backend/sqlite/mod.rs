//! SQLite, through rusqlite: in process, so that a read costs microseconds and everything around it counts.

mod aggregates;
mod automaton;
mod change;
mod changed_json;
mod checks;
mod clock;
mod documents;
mod fault;
mod functions;
mod geometry;
mod introspect;
mod jsonb;
mod log;
mod moments;
mod numbers;
mod patterns;
mod place;
mod pool;
mod reader;
mod run;
mod types;
mod views;
mod write;
mod writer;

pub(super) use writer::Writing;

use super::{Reply, Rows, Run, Settings};
use crate::catalog::Database;
use crate::config::Synchronous;
use crate::error::{Error, Kind, Result};
use crate::sql::Statement;
use crate::telemetry::Readings;
use crate::value::Datum;
use clock::Clock;
use fault::Fault;
use place::{Place, away};
use pool::Pool;
use reader::PATIENCE;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A SQLite database.
pub struct Sqlite {
    pool: Arc<Pool>,
    writer: writer::Writer,
    /// The file as it was last seen, to notice that another one took its place.
    seen: change::Seen,
    read_only: AtomicBool,
    /// Keeps a database in memory alive.
    _keeper: Option<std::sync::Mutex<Connection>>,
}

impl Sqlite {
    pub(super) async fn open(settings: &Settings) -> Result<Self> {
        let place = Place::parse(&settings.url)?;
        let (timeout, synchronous) = (settings.statement_timeout, settings.synchronous);
        tokio::task::spawn_blocking(move || Self::open_place(place, timeout, synchronous))
            .await
            .map_err(Error::internal)?
    }

    fn open_place(mut place: Place, timeout: std::time::Duration, synchronous: Synchronous) -> Result<Self> {
        let mut keeper = None;
        if place.file.is_none() {
            keeper = Some(std::sync::Mutex::new(
                place.connect(true).map_err(|error| Error::from(Fault::Sqlite(error)))?,
            ));
        } else if !place.exists() {
            if !place.creates() {
                return Err(away(format!(
                    "there is no database {:?}: name an existing file, or let it be made with ?mode=rwc",
                    place.name()
                )));
            }
            Self::create(&place).map_err(|fault| explain_away(fault, &place, "cannot be made"))?;
        }
        let pool = Arc::new(Pool::new(place.clone(), timeout));
        let reader = match pool.open(timeout.min(PATIENCE), false) {
            Ok(reader) => reader,
            Err(fault) => {
                // A write-ahead-logged database where no log can be made beside it is still readable as it stands.
                let still = place.immutable().filter(|_| fault.is_away());
                let still =
                    still.and_then(|still| Some((reader::Reader::open(&still, 1, PATIENCE, false).ok()?, still)));
                let Some((reader, still)) = still else {
                    return Err(explain_away(fault, &place, "cannot be opened"));
                };
                place = still;
                pool.replace(place.clone());
                reader
            }
        };
        let read_only = reader.connection.is_readonly("main").unwrap_or(false) || place.is_in_locked_directory();
        pool.give(reader, &Ok(()));
        Ok(Self {
            pool,
            writer: writer::Writer::new(synchronous),
            seen: change::Seen::of(&place),
            read_only: AtomicBool::new(read_only),
            _keeper: keeper,
        })
    }

    /// A new file of our own: with a write-ahead log, so that readers and the writer do not wait for each other.
    fn create(place: &Place) -> Result<(), Fault> {
        let connection = place.connect(true)?;
        reader::configure(&connection, &Clock::new(), PATIENCE)?;
        connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        Ok(())
    }

    pub(super) fn read_into(&self, readings: &mut Readings) {
        self.pool.read_into(readings);
        let writer = vec![("queue", "writer"), ("state", "waiting")];
        readings.queues([(writer, self.writer.waiting() as u64)]);
    }

    pub(super) async fn introspect(&self) -> Result<Database> {
        let read_only = self.read_only.load(Ordering::Relaxed);
        let file = self.seen.look(&self.pool)?;
        let (database, _) = self
            .pool
            .aside(false, move |reader| {
                introspect::database(&reader.connection, &file, read_only)
            })
            .await?;
        Ok(database)
    }

    pub(super) async fn fingerprint(&self) -> Result<String> {
        let file = self.seen.look(&self.pool)?;
        let (fingerprint, _) = self
            .pool
            .aside(false, move |reader| change::fingerprint(&reader.connection, &file))
            .await?;
        Ok(fingerprint)
    }

    pub(super) async fn run(&self, run: Run<'_>) -> Result<Rows> {
        self.pool.run(run).await
    }

    pub(super) async fn write(&self, work: Box<dyn super::Work>) -> Result<()> {
        self.writer.write(&self.pool, work).await
    }

    pub(super) async fn stream(&self, run: Run<'_>) -> Result<Reply> {
        self.pool.stream(run).await
    }

    pub(super) async fn explain(&self, statement: &Statement, values: &[Datum]) -> Result<String> {
        let text = format!("EXPLAIN QUERY PLAN {}", statement.text());
        let values = values.to_vec();
        let (plan, _) = self
            .pool
            .aside(statement.has_long_calls(), move |reader| {
                plan_of(&reader.connection, &text, &values)
            })
            .await?;
        Ok(plan)
    }

    pub(super) async fn execute_script(&self, script: &'static str) -> Result<()> {
        let place = self.pool.place();
        let work = move || -> Result<(), Fault> {
            let mut connection = place.connect(false)?;
            reader::configure(&connection, &Clock::new(), PATIENCE)?;
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute_batch(script)?;
            Ok(transaction.commit()?)
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)??)
    }
}

/// The database's own plan: one step a line, indented below the step that it belongs to.
fn plan_of(connection: &Connection, text: &str, values: &[Datum]) -> Result<String, Fault> {
    let mut statement = connection.prepare(text)?;
    run::bind(&mut statement, values)?;
    let mut rows = statement.raw_query();
    let mut depths = std::collections::HashMap::new();
    let mut plan = String::new();
    while let Some(row) = rows.next()? {
        let (id, parent): (i64, i64) = (row.get(0)?, row.get(1)?);
        let depth = depths.get(&parent).map_or(0, |depth: &usize| depth + 1);
        depths.insert(id, depth);
        plan.push_str(&"  ".repeat(depth));
        plan.push_str(row.get_ref(3)?.as_str().unwrap_or_default());
        plan.push('\n');
    }
    Ok(plan)
}

/// An error for the operator, who may see what SQLite says.
fn explain_away(fault: Fault, place: &Place, what: &str) -> Error {
    let reason = match &fault {
        Fault::Sqlite(error) | Fault::OutOfTime(error) => error.to_string(),
        Fault::Shape(what) => (*what).to_owned(),
        Fault::LongRow => "a row is too long".to_owned(),
        Fault::Stopped(_) => "nobody waits".to_owned(),
        Fault::NoRoom(error) => error.message.clone(),
    };
    let mut error = Error::from(fault);
    error.kind = Kind::Unavailable;
    error.code = crate::error::Code::DATABASE_AWAY;
    error.message = format!("the database {:?} {what}: {reason}", place.name());
    // The message says it already.
    error.source = None;
    error
}

/// A connection with the functions of statements, for tests that compare the databases.
#[cfg(test)]
pub(super) fn connection_for_tests() -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().expect("opens");
    functions::register(&connection, &Clock::new()).expect("registers");
    connection
}

#[cfg(test)]
mod tests;
