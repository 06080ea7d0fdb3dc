//! A connection for reading: its settings, its functions, and the clock that ends what runs too long.

use super::clock::Clock;
use super::fault::Fault;
use super::place::Place;
use super::run::Leash;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most bytes of a LIKE or GLOB pattern in SQLite's own eyes: those of clients are checked when they are bound
/// ([`crate::pattern::LONGEST`]), and as GLOB a character may take three bytes more.
const LONGEST_PATTERN: i32 = 3000;

/// Statements that stay prepared on each connection. One costs a few tens of kilobytes at most.
const PREPARED: usize = 128;

/// Instructions of SQLite's machine between two looks at the clock: some ten microseconds, unless one of them is a long call.
const INSTRUCTIONS: i32 = 2000;

/// What is mapped of a file. Pages count as memory only once they have been read, and belong to the system's cache.
const MAPPED: i64 = if cfg!(target_pointer_width = "64") {
    256 << 20
} else {
    0
};

/// A connection that only reads, on one thread at a time.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// Which state of the pool it was opened in.
    pub(super) generation: u64,
    pub(super) clock: Arc<Clock>,
    /// It plans by the values that are bound, see [`Reader::open`].
    pub(super) peeks: bool,
    /// The thread that used it last; 0 for none.
    pub(super) thread: u32,
}

impl Reader {
    /// Opens one. Where another connection holds the file, that is waited for so long: never on an asynchronous worker.
    ///
    /// SQLite may plan by the values that are bound (those of a LIMIT, of a pattern), and then plans anew whenever they are:
    /// each run of such a statement costs as much as preparing it. So only a reader that `peeks` does; patterns need it, to
    /// be looked for along an index.
    pub(super) fn open(place: &Place, generation: u64, patience: Duration, peeks: bool) -> Result<Self, Fault> {
        let clock = Clock::new();
        let connection = place.connect(false)?;
        configure(&connection, &clock, patience)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, !peeks)?;
        // The first look at the file: here it shows whether it is a database at all.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        if tracing::enabled!(target: "diglot::sqlite", tracing::Level::TRACE) {
            connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(begun));
        }
        let seen = Arc::clone(&clock);
        connection.progress_handler(INSTRUCTIONS, Some(move || seen.is_up()))?;
        clock.connect(connection.get_interrupt_handle());
        Ok(Self {
            connection,
            generation,
            clock,
            peeks,
            thread: 0,
        })
    }

    /// From here on statements end at this moment. Waiting for another connection's lock ends too: `patience`.
    pub(super) fn until(&self, deadline: Instant, patience: Duration) -> Result<(), Fault> {
        self.clock.set(deadline);
        Ok(self.connection.busy_timeout(patience)?)
    }

    /// From here on statements end when they have had so much of a processor, and at `deadline`. They wait for no lock.
    pub(super) fn briefly(&self, begin: Instant, share: Duration, deadline: Instant) -> Result<(), Fault> {
        self.clock.set_share(begin, share, deadline);
        Ok(self.connection.busy_timeout(Duration::ZERO)?)
    }

    /// How far a run may go: to the end of its time, and to rows of so many bytes.
    pub(super) fn leash(&self, row: usize) -> Leash<'_> {
        Leash {
            clock: &self.clock,
            row,
        }
    }

    /// A handle for interrupting the next run from outside, also where SQLite does not look at the clock (`count(*)` over a
    /// whole table is one instruction).
    pub(super) fn watch(&self, deadline: Instant) -> Watch {
        // In this order: a run must never be seen with the deadline of the one before.
        self.clock.set(deadline);
        Watch {
            number: self.clock.begin(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Ends what [`Reader::watch`] began: later interrupts of that watch do nothing.
    pub(super) fn unwatch(&self) {
        self.clock.end();
    }
}

/// What SQLite itself says when a statement begins: its text, without values.
fn begun(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(_, text) = event {
        tracing::trace!(target: "diglot::sqlite", text, "begun");
    }
}

/// Interrupts one run, and no later one of the same connection. Dropping it does, too: nobody waits for the answer then.
pub(super) struct Watch {
    number: u64,
    clock: Arc<Clock>,
}

impl Watch {
    pub(super) fn interrupt(&self) {
        self.clock.interrupt(self.number);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.interrupt();
    }
}

/// How long whoever writes, or opens the database at the start, waits for a lock.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Settings that every connection gets, readers and writers.
pub(super) fn configure(connection: &Connection, clock: &Arc<Clock>, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Matching costs pattern × text within one call, which nothing interrupts.
    connection.set_limit(
        rusqlite::limits::Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
        LONGEST_PATTERN,
    )?;
    // A quoted name that is no column is an error, not a text: a dropped column must never turn into a constant.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Views and triggers of somebody's file may call only what cannot do harm.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection
        .query_row(&format!("PRAGMA mmap_size={MAPPED}"), [], |_| Ok(()))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })?;
    super::functions::register(connection, clock)?;
    super::aggregates::register(connection)
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, Place, Reader};
    use rusqlite::StatementStatus;

    #[test]
    fn who_peeks_alone_plans_anew_with_each_value() {
        let place = Place::parse(":memory:").expect("a place");
        let keeper = place.connect(true).expect("opens");
        keeper
            .execute_batch(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT); INSERT INTO t (word) VALUES ('b'), ('a'), ('c');",
            )
            .expect("is written");
        for peeks in [false, true] {
            let reader = Reader::open(&place, 1, PATIENCE, peeks).expect("opens");
            let mut statement = reader
                .connection
                .prepare("SELECT id FROM t ORDER BY word LIMIT ?1")
                .expect("prepares");
            for limit in 1..=3_i64 {
                let rows = statement.query_map([limit], |row| row.get::<_, i64>(0)).expect("runs");
                assert_eq!(i64::try_from(rows.count()), Ok(limit));
            }
            let anew = statement.get_status(StatementStatus::RePrepare);
            assert_eq!(anew > 0, peeks, "planned anew {anew} times");
        }
    }
}
