//! The write-ahead log: written back into the database by a thread of its own, so that no commit waits for it.

use super::place::Place;
use rusqlite::Connection;
use std::cell::Cell;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// A log of so many pages is written back: SQLite's own default.
const LONG: i32 = 1000;

/// A log that has grown so long, because readers of old states kept it from being begun anew, is cut as soon as they let it
/// be.
const TOO_LONG: i32 = 16_000;

thread_local! {
    /// Pages in the log after this thread's last commit.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// The log of a database.
pub(super) struct Log {
    thread: SyncSender<bool>,
}

impl Log {
    /// That of the database in a file, which this connection, on this thread, writes. Others have none.
    pub(super) fn of(place: &Place, writer: &Connection) -> Option<Self> {
        place.file.as_ref()?;
        // In this order: the one is made of the other.
        writer.pragma_update(None, "wal_autocheckpoint", 0).ok()?;
        writer.wal_hook(Some(|_, pages| {
            PAGES.set(pages);
            Ok(())
        }));
        let (thread, receiver) = sync_channel(1);
        let place = place.clone();
        std::thread::Builder::new()
            .name("sqlite-log".into())
            .spawn(move || serve(&place, &receiver))
            .ok()?;
        Some(Self { thread })
    }

    /// Has the log written back if it is long.
    pub(super) fn tend(&self) {
        let pages = PAGES.get();
        if pages >= LONG {
            // If it is being done at this moment, the next commit will see to it.
            let _ = self.thread.try_send(pages >= TOO_LONG);
        }
    }
}

/// The thread: ends with the sender.
fn serve(place: &Place, receiver: &Receiver<bool>) {
    let Ok(connection) = place.connect(false) else { return };
    if connection.busy_timeout(Duration::from_millis(100)).is_err() {
        return;
    }
    while let Ok(cut) = receiver.recv() {
        // PASSIVE waits for nobody. TRUNCATE waits for readers and keeps the writer waiting meanwhile, which the time above
        // bounds.
        let word = if cut {
            "PRAGMA wal_checkpoint(TRUNCATE)"
        } else {
            "PRAGMA wal_checkpoint(PASSIVE)"
        };
        if let Err(error) = connection.query_row(word, [], |_| Ok(())) {
            tracing::debug!("the write-ahead log could not be written back: {error}");
        }
    }
}
