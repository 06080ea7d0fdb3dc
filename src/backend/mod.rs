//! The databases: introspection, running statements, seeing foreign changes. The only home of drivers.

mod postgres;
mod session;
mod sqlite;
mod stream;
mod told;

pub use session::{Changed, Session, Work};
pub use stream::{Piece, Reply, Stream};

use crate::catalog::Database;
use crate::config::Synchronous;
use crate::error::Result;
use crate::memory::{Claim, FREE, PIECE, Room};
use crate::sql::{Flavor, Statement};
use crate::telemetry::Readings;
use crate::value::Datum;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Tables of migration tools, in lower case: no application means to show them.
const MIGRATION_TABLES: [&str; 13] = [
    "_sqlx_migrations",
    "schema_migrations",
    "__diesel_schema_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "_prisma_migrations",
    "alembic_version",
    "flyway_schema_history",
    "ar_internal_metadata",
    "goose_db_version",
    "__drizzle_migrations",
    "__efmigrationshistory",
    "django_migrations",
];

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:path`, a bare path, or `postgres://…`.
    pub url: String,
    /// PostgreSQL: schemas to introspect, the first one being the default.
    pub schemas: Vec<String>,
    /// Most time for a statement.
    pub statement_timeout: Duration,
    /// PostgreSQL: most connections.
    pub pool_size: u32,
    /// SQLite: when a write counts as done.
    pub synchronous: Synchronous,
}

/// A statement with the values of its marks, ready to run.
pub struct Run<'a> {
    /// What.
    pub statement: &'a Statement,
    /// One for each of the statement's parameters.
    pub values: &'a [Datum],
    /// Rows beyond so many are not written; they only make [`Rows::more`] true.
    pub most: Option<u64>,
    /// Turns the columns of a cursor into its text.
    pub seal: Option<&'a Seal>,
    /// What the answer may hold, where it is not sent while it is read.
    pub room: &'a Arc<Room>,
}

/// A [`Run`] that owns what it needs, for another thread or task.
struct Job {
    statement: Statement,
    values: Vec<Datum>,
    most: Option<u64>,
    seal: Option<Seal>,
    room: Arc<Room>,
    /// The request's, for the log.
    span: tracing::Span,
}

impl Job {
    fn of(run: &Run<'_>) -> Self {
        Self {
            statement: run.statement.clone(),
            values: run.values.to_vec(),
            most: run.most,
            seal: run.seal.cloned(),
            room: Arc::clone(run.room),
            span: tracing::Span::current(),
        }
    }

    fn run(&self) -> Run<'_> {
        Run {
            statement: &self.statement,
            values: &self.values,
            most: self.most,
            seal: self.seal.as_ref(),
            room: &self.room,
        }
    }
}

/// Turns the values of a row's cursor columns into the cursor's text.
pub type Seal = Arc<dyn Fn(&[Datum]) -> String + Send + Sync>;

/// What running gave.
#[derive(Debug, Default)]
pub struct Rows {
    /// For each output of the shape the written rows, separated by commas, without brackets; of long ones the last.
    pub buffers: Vec<Vec<u8>>,
    /// What stands before them: for each output the pieces that are full. Empty where there is none.
    pub full: Vec<Vec<Bytes>>,
    /// What the buffers hold of the answer's room.
    pub claim: Claim,
    /// How many rows were written.
    pub count: u64,
    /// There were more rows than `most`.
    pub more: bool,
    /// The number of all rows, where the statement computes it.
    pub total: Option<i64>,
    /// The cursor columns of the first row written (in written order).
    pub first: Option<Vec<Datum>>,
    /// Of the last one.
    pub last: Option<Vec<Datum>>,
}

impl Rows {
    /// Makes pieces of the buffers that are full. Whether there was one.
    fn settle(&mut self, room: &Arc<Room>) -> Result<bool> {
        let mut any = false;
        for (index, buffer) in self.buffers.iter_mut().enumerate() {
            if buffer.len() < PIECE {
                continue;
            }
            let claim = room.claim(buffer.len())?;
            let text = std::mem::replace(buffer, Vec::with_capacity(PIECE + PIECE / 8));
            self.full.resize_with(self.full.len().max(index + 1), Vec::new);
            self.full[index].push(claim.over(text));
            any = true;
        }
        Ok(any)
    }

    /// The same for rows that will be turned round, which for a moment takes their room once more.
    fn settle_turned(&mut self, room: &Arc<Room>) -> Result<()> {
        let bytes = self.buffers.iter().map(Vec::len).sum::<usize>();
        if bytes > FREE {
            self.claim.grow_to(room, (2 * bytes).next_multiple_of(PIECE))?;
        }
        Ok(())
    }

    /// Claims what is left in the buffers.
    fn finish(&mut self, room: &Arc<Room>) -> Result<()> {
        let bytes = self.buffers.iter().map(Vec::len).sum::<usize>();
        if bytes > FREE {
            self.claim.grow_to(room, bytes)?;
        }
        Ok(())
    }

    /// The rows of an output in one text.
    #[cfg(test)]
    fn text(&self, output: usize) -> String {
        let full = self.full.get(output).map_or(&[][..], Vec::as_slice);
        let mut text: Vec<u8> = full.iter().flatten().copied().collect();
        text.extend_from_slice(&self.buffers[output]);
        String::from_utf8(text).expect("UTF-8")
    }

    /// Bytes of all rows that are here.
    fn bytes(&self) -> usize {
        let full = self.full.iter().flatten().map(Bytes::len).sum::<usize>();
        full + self.buffers.iter().map(Vec::len).sum::<usize>()
    }
}

/// A database.
#[derive(Clone)]
pub enum Backend {
    /// SQLite.
    Sqlite(Arc<sqlite::Sqlite>),
    /// PostgreSQL.
    Postgres(Arc<postgres::Postgres>),
}

impl Backend {
    /// Connects.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unavailable`] with a message for the operator when the database cannot be opened.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        if settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://") {
            Ok(Self::Postgres(Arc::new(postgres::Postgres::connect(settings).await?)))
        } else {
            Ok(Self::Sqlite(Arc::new(sqlite::Sqlite::open(settings).await?)))
        }
    }

    /// Which SQL it speaks.
    #[must_use]
    pub fn flavor(&self) -> Flavor {
        match self {
            Self::Sqlite(_) => Flavor::Sqlite,
            Self::Postgres(_) => Flavor::Postgres,
        }
    }

    /// What connections and queues are like at this moment.
    pub fn read_into(&self, readings: &mut Readings) {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_into(readings),
            Self::Postgres(postgres) => postgres.read_into(readings),
        }
    }

    /// Reads tables, keys, types and functions, in a few queries.
    ///
    /// # Errors
    /// When the database is away or its schema cannot be read.
    pub async fn introspect(&self) -> Result<Database> {
        match self {
            Self::Sqlite(sqlite) => sqlite.introspect().await,
            Self::Postgres(postgres) => postgres.introspect().await,
        }
    }

    /// A text that changes when the schema does; cheap enough to ask for every second.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn fingerprint(&self) -> Result<String> {
        match self {
            Self::Sqlite(sqlite) => sqlite.fingerprint().await,
            Self::Postgres(postgres) => postgres.fingerprint().await,
        }
    }

    /// Runs a read and writes its rows as JSON.
    ///
    /// # Errors
    /// Classified: `Unavailable` when the database is away or the time is up, `Invalid` for data errors of the client's
    /// values, `Internal` else. The database's own text is only ever in the source.
    pub async fn run(&self, run: Run<'_>) -> Result<Rows> {
        // Large futures stand in places of their own: whatever is around them is moved often.
        match self {
            Self::Sqlite(sqlite) => sqlite.run(run).await,
            Self::Postgres(postgres) => Box::pin(postgres.run(run)).await,
        }
    }

    /// As [`Backend::run`], for a statement of one output whose rows are not turned round: what becomes long begins to
    /// go out before it is done.
    ///
    /// # Errors
    /// As [`Backend::run`], until the first rows are there; later ones come out of the stream.
    pub async fn stream(&self, run: Run<'_>) -> Result<Reply> {
        match self {
            Self::Sqlite(sqlite) => sqlite.stream(run).await,
            Self::Postgres(postgres) => Box::pin(postgres.stream(run)).await,
        }
    }

    /// Does a work within a transaction. It goes on when nobody waits for it any more: no write is left at an unknown point.
    ///
    /// # Errors
    /// Those of the work; then nothing of it has happened. With [`crate::error::Code::UNKNOWN_OUTCOME`] nobody knows.
    pub async fn write(&self, work: Box<dyn Work>) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(work).await,
            Self::Postgres(postgres) => postgres.write(work).await,
        }
    }

    /// The database's own plan for a statement, as text for the operator.
    ///
    /// # Errors
    /// As [`Backend::run`].
    pub async fn explain(&self, statement: &Statement, values: &[Datum]) -> Result<String> {
        match self {
            Self::Sqlite(sqlite) => sqlite.explain(statement, values).await,
            Self::Postgres(postgres) => postgres.explain(statement, values).await,
        }
    }

    /// Runs a script that Diglot ships (the demo database) in one transaction.
    ///
    /// # Errors
    /// When a statement of it fails.
    pub async fn execute_script(&self, script: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.execute_script(script).await,
            Self::Postgres(postgres) => postgres.execute_script(script).await,
        }
    }
}
