//! The write-ahead log: written back into the database by a thread of its own, so that no commit waits for it.

use super::place::Place;
use rusqlite::Connection;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// A log of so many pages is written back: SQLite's own default.
const LONG: i32 = 1000;

/// A log that has grown so long, because commits or readers of old states came in between, is begun anew as soon as they let
/// it be: where the file is written over, no room for it need be found.
const TOO_LONG: i32 = 4000;

/// What is kept of the file of a log that was longer once, in bytes.
const KEPT: i64 = 64 << 20;

thread_local! {
    /// Pages in the log after this thread's last commit.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// The log of a database.
pub(super) struct Log {
    thread: SyncSender<bool>,
    /// From so many pages on it is begun anew: more after each time in vain.
    too_long: Arc<AtomicI32>,
}

impl Log {
    /// That of the database in a file, which this connection, on this thread, writes. Others have none.
    pub(super) fn of(place: &Place, writer: &Connection) -> Option<Self> {
        place.file.as_ref()?;
        // In this order: the one is made of the other.
        writer.pragma_update(None, "wal_autocheckpoint", 0).ok()?;
        let limit = format!("PRAGMA journal_size_limit={KEPT}");
        writer.query_row(&limit, [], |_| Ok(())).ok()?;
        writer.wal_hook(Some(|_, pages| {
            PAGES.set(pages);
            Ok(())
        }));
        let (thread, receiver) = sync_channel(1);
        let too_long = Arc::new(AtomicI32::new(TOO_LONG));
        let seen = Arc::clone(&too_long);
        let started = place.connect(false).map(|connection| {
            let thread = std::thread::Builder::new().name("sqlite-log".into());
            thread.spawn(move || serve(&connection, &receiver, &seen)).is_ok()
        });
        if !matches!(started, Ok(true)) {
            tracing::warn!("commits write the write-ahead log back themselves: no thread of its own could be started");
            writer.pragma_update(None, "wal_autocheckpoint", LONG).ok()?;
            return None;
        }
        Some(Self { thread, too_long })
    }

    /// Has the log written back if it is long.
    pub(super) fn tend(&self) {
        let pages = PAGES.get();
        if pages >= LONG {
            // If it is being done at this moment, the next commit will see to it.
            let _ = self.thread.try_send(pages >= self.too_long.load(Ordering::Relaxed));
        }
    }
}

/// The thread: ends with the sender.
fn serve(connection: &Connection, receiver: &Receiver<bool>, too_long: &AtomicI32) {
    // It cannot fail: a number is kept.
    let _ = connection.busy_timeout(Duration::from_millis(100));
    let write_back = |word: &str| {
        let pages = connection.query_row(word, [], |row| Ok((row.get::<_, i32>(0)?, row.get::<_, i32>(1)?)));
        pages.inspect_err(|error| tracing::debug!("the write-ahead log could not be written back: {error}"))
    };
    while let Ok(anew) = receiver.recv() {
        // PASSIVE waits for nobody.
        let done = write_back("PRAGMA wal_checkpoint(PASSIVE)");
        if !anew || done.is_err() {
            continue;
        }
        // What is left is little. RESTART waits for readers and keeps the writer waiting meanwhile, which the time above bounds.
        match write_back("PRAGMA wal_checkpoint(RESTART)") {
            Ok((0, _)) => too_long.store(TOO_LONG, Ordering::Relaxed),
            Ok((_, pages)) => too_long.store(pages.saturating_mul(2).max(TOO_LONG), Ordering::Relaxed),
            Err(_) => {}
        }
    }
}
