//! The one writer: a thread with a connection of its own, which does the work of all requests one after the other.
//!
//! What waits is done in one transaction, each work but the first in its own savepoint, so that one commit (and one wait for
//! the disk) serves many. One that fails is undone alone, the first with the transaction that holds nothing else yet. Where a failure ends the whole transaction (a full disk, a trigger's ROLLBACK,
//! a constraint that is checked at the commit), the others run again, each alone.

use super::clock::Clock;
use super::fault::Fault;
use super::log::Log;
use super::place::Place;
use super::pool::Pool;
use super::reader::{PATIENCE, configure};
use super::run;
use crate::backend::session::{Changed, Session, Work};
use crate::backend::{Rows, Run};
use crate::config::Synchronous;
use crate::error::{Code, Error, Kind, Result};
use crate::memory::Room;
use crate::sql::Statement;
use crate::value::Datum;
use futures_util::FutureExt;
use rusqlite::Connection;
use rusqlite::limits::Limit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most works that wait for the writer; one more is refused at once.
const QUEUE: usize = 1024;

/// Most works in one transaction.
const GROUP: usize = 64;

/// A group takes no more work after so long: who waits for the commit has waited enough. Lists of many rows share what they
/// change of indexes, and it is written once.
const GROUP_TIME: Duration = Duration::from_millis(150);

/// A work's time is so many times shorter where others wait for the writer.
const SHARE: u32 = 5;

/// Instructions of SQLite's machine between two looks at the clock.
const INSTRUCTIONS: i32 = 2000;

struct Job {
    work: Box<dyn Work>,
    reply: oneshot::Sender<Result<()>>,
    span: tracing::Span,
    /// It is not begun any more after this: who sent it has waited enough.
    until: Instant,
    /// Until it is begun.
    waits: Option<Waits>,
}

/// Counts one that waits, as long as it is there.
struct Waits(Arc<AtomicUsize>);

impl Waits {
    fn new(behind: &Arc<AtomicUsize>) -> Self {
        behind.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(behind))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends work to the writer's thread, which is started when it is first needed.
pub(super) struct Writer {
    synchronous: Synchronous,
    sender: Mutex<Option<SyncSender<Job>>>,
    /// Those that wait, and the one that is done.
    waiting: AtomicUsize,
    /// Those that are not begun.
    behind: Arc<AtomicUsize>,
}

impl Writer {
    pub(super) fn new(synchronous: Synchronous) -> Self {
        Self {
            synchronous,
            sender: Mutex::new(None),
            waiting: AtomicUsize::new(0),
            behind: Arc::default(),
        }
    }

    /// Works that wait or are under way.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Does a work, and says when it is safe on the disk.
    pub(super) async fn write(&self, pool: &Arc<Pool>, work: Box<dyn Work>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            work,
            reply,
            span: tracing::Span::current(),
            until: Instant::now() + pool.timeout(),
            waits: Some(Waits::new(&self.behind)),
        };
        self.send(pool, job)?;
        // Nobody leaves while a work is under way: it runs in a task of its own.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let answered = answer.await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        answered.map_err(|_| {
            // The thread is gone in the middle: it may have happened.
            Error::new(
                Kind::Unavailable,
                Code::UNKNOWN_OUTCOME,
                "the write was interrupted; look whether it has happened before trying again",
            )
        })?
    }

    fn send(&self, pool: &Arc<Pool>, mut job: Job) -> Result<()> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = sender.as_ref() {
            match running.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => {
                    return Err(Error::new(
                        Kind::Unavailable,
                        Code::OVERLOADED,
                        "too many writes are waiting; try again later",
                    ));
                }
                // The thread has ended; a new one takes over.
                Err(TrySendError::Disconnected(back)) => job = back,
            }
        }
        let (fresh, receiver) = sync_channel(QUEUE);
        let pool = Arc::downgrade(pool);
        let (synchronous, behind) = (self.synchronous, Arc::clone(&self.behind));
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || serve(&pool, synchronous, &behind, &receiver))
            .map_err(Error::internal)?;
        fresh
            .try_send(job)
            .map_err(|_| Error::internal("the writer does not start"))?;
        *sender = Some(fresh);
        Ok(())
    }
}

/// The thread: work by work, as long as there is a pool.
fn serve(pool: &Weak<Pool>, synchronous: Synchronous, behind: &Arc<AtomicUsize>, receiver: &Receiver<Job>) {
    let mut writing: Option<Writing> = None;
    let mut log: Option<Log> = None;
    while let Ok(job) = receiver.recv() {
        let Some(pool) = pool.upgrade() else { return };
        let generation = pool.generation();
        // The file may be another one by now.
        if writing.as_ref().is_none_or(|writing| writing.generation != generation) {
            let clock = Clock::among(Arc::clone(behind));
            match Writing::open(&pool.place(), generation, pool.timeout(), synchronous, clock) {
                Ok(opened) => {
                    log = Log::of(&pool.place(), &opened.connection);
                    writing = Some(opened);
                }
                Err(fault) => {
                    let _ = job.reply.send(Err(fault.into()));
                    continue;
                }
            }
        }
        let Some(open) = writing.take() else { continue };
        let Some(job) = timely(job) else {
            writing = Some(open);
            continue;
        };
        writing = group(open, job, receiver);
        if let Some(log) = &log {
            log.tend();
        }
    }
}

/// A job that has not waited too long; others are told so.
fn timely(job: Job) -> Option<Job> {
    if Instant::now() < job.until {
        return Some(job);
    }
    let message = "too many writes were waiting; nothing has happened, try again later";
    let error = Error::new(Kind::Unavailable, Code::DATABASE_AWAY, message);
    let _ = job.reply.send(Err(error));
    None
}

/// Does what waits, in one transaction. Gives the connection back if it is sound.
fn group(mut writing: Writing, first: Job, receiver: &Receiver<Job>) -> Option<Writing> {
    if let Err(fault) = writing.begin() {
        let sound = !fault.is_away();
        let _ = first.reply.send(Err(fault.into()));
        return sound.then_some(writing);
    }
    let begin = Instant::now();
    let mut done: Vec<(Job, Result<()>)> = Vec::new();
    let mut next = Some(first);
    let mut alone = None;
    while let Some(mut job) = next.take() {
        if job.work.is_alone() && !done.is_empty() {
            // It gets a transaction of its own, after this one.
            alone = Some(job);
            break;
        }
        let last = job.work.is_alone();
        let outcome;
        (writing, outcome) = attempt(writing, &mut job, !done.is_empty());
        if writing.connection.is_autocommit() {
            // The whole transaction is undone, and this work is the reason: the others run again, each alone.
            let _ = job
                .reply
                .send(outcome.and(Err(Error::internal("the transaction ended by itself"))));
            return again(writing, done.into_iter().map(|(job, _)| job).collect());
        }
        if outcome.is_err() && done.is_empty() {
            let sound = writing.end("ROLLBACK").is_ok();
            let _ = job.reply.send(outcome);
            return sound.then_some(writing);
        }
        done.push((job, outcome));
        if last || done.len() >= GROUP || begin.elapsed() >= GROUP_TIME {
            break;
        }
        next = std::iter::from_fn(|| receiver.try_recv().ok()).find_map(timely);
    }
    let mut sound = true;
    match writing.end("COMMIT") {
        Ok(()) => {
            for (job, outcome) in done {
                let _ = job.reply.send(outcome);
            }
        }
        Err(fault) => {
            let _ = writing.end("ROLLBACK");
            sound = writing.connection.is_autocommit() && !fault.is_away();
            if done.len() == 1 {
                for (job, outcome) in done {
                    let _ = job.reply.send(outcome.and(Err(fault.of_commit())));
                }
            } else if sound {
                match again(writing, done.into_iter().map(|(job, _)| job).collect()) {
                    Some(back) => writing = back,
                    None => {
                        if let Some(job) = alone {
                            refuse(job);
                        }
                        return None;
                    }
                }
            } else {
                for (job, outcome) in done {
                    let _ = job.reply.send(outcome.and(Err(fault.of_commit())));
                }
            }
        }
    }
    match alone {
        Some(job) if sound => group(writing, job, &nothing()),
        Some(job) => {
            refuse(job);
            None
        }
        None => sound.then_some(writing),
    }
}

/// For a work that was not begun.
fn refuse(job: Job) {
    let _ = job
        .reply
        .send(Err(super::place::away("the database is not available".into())));
}

/// Where no more work comes from.
fn nothing() -> Receiver<Job> {
    sync_channel(0).1
}

/// Each work again, in a transaction of its own.
fn again(mut writing: Writing, jobs: Vec<Job>) -> Option<Writing> {
    let nothing = nothing();
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        match group(writing, job, &nothing) {
            Some(sound) => writing = sound,
            None => {
                jobs.for_each(refuse);
                return None;
            }
        }
    }
    Some(writing)
}

/// One work, in a savepoint where others have written before it in the transaction.
fn attempt(writing: Writing, job: &mut Job, saves: bool) -> (Writing, Result<()>) {
    let span = job.span.clone();
    let _entered = span.enter();
    if saves && let Err(fault) = writing.end("SAVEPOINT work") {
        return (writing, Err(fault.into()));
    }
    let begin = Instant::now();
    job.waits = None;
    writing.clock.set(begin + writing.timeout);
    writing.clock.set_turn(begin + writing.timeout / SHARE);
    let mut session = Session::Sqlite(writing);
    let outcome = job
        .work
        .run(&mut session)
        .now_or_never()
        .unwrap_or_else(|| Err(Error::internal("a work waited for something in the writer")));
    let Session::Sqlite(writing) = session else {
        unreachable!("a session of SQLite stays one")
    };
    let later = Instant::now() + Duration::from_secs(3600);
    writing.clock.set(later);
    writing.clock.set_turn(later);
    let ended = match &outcome {
        _ if !saves => Ok(()),
        Ok(()) => writing.end("RELEASE work"),
        // After some failures SQLite has undone everything by itself.
        Err(_) if writing.connection.is_autocommit() => Ok(()),
        Err(_) => writing
            .end("ROLLBACK TO work")
            .and_then(|()| writing.end("RELEASE work")),
    };
    let outcome = outcome.and(ended.map_err(Error::from));
    (writing, outcome)
}

/// The writer's connection, within a transaction.
pub struct Writing {
    connection: Connection,
    clock: Arc<Clock>,
    generation: u64,
    timeout: Duration,
}

impl Writing {
    fn open(
        place: &Place,
        generation: u64,
        timeout: Duration,
        synchronous: Synchronous,
        clock: Arc<Clock>,
    ) -> Result<Self, Fault> {
        let connection = place.connect(false)?;
        configure(&connection, &clock, PATIENCE)?;
        // Readers and the writer do not wait for each other with a write-ahead log. Where there can be none (a network's file
        // system) it works without.
        let mode = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0));
        if !mode.is_ok_and(|mode| mode == "wal" || mode == "memory") {
            tracing::warn!("the database keeps no write-ahead log: reads and writes wait for each other");
        }
        let synchronous = match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        let seen = Arc::clone(&clock);
        connection.progress_handler(INSTRUCTIONS, Some(move || seen.is_up()))?;
        Ok(Self {
            connection,
            clock,
            generation,
            timeout,
        })
    }

    fn begin(&self) -> Result<(), Fault> {
        self.end("BEGIN IMMEDIATE")
    }

    /// A word about the transaction.
    fn end(&self, word: &'static str) -> Result<(), Fault> {
        self.connection.prepare_cached(word)?.raw_execute()?;
        Ok(())
    }

    /// Runs a statement once for each list of values.
    pub(in crate::backend) fn change(
        &mut self,
        statement: &Statement,
        values: &[Vec<Datum>],
        room: Option<&Arc<Room>>,
    ) -> Result<Changed> {
        let mut changed = Changed::default();
        let mut prepared = self.connection.prepare_cached(statement.text()).map_err(Fault::from)?;
        let columns = prepared.column_count();
        let before = self.connection.total_changes();
        for (index, values) in values.iter().enumerate() {
            let mut one = || -> Result<(), Fault> {
                run::bind(&mut prepared, values)?;
                if columns == 0 {
                    prepared.raw_execute()?;
                    changed.numbers.push(self.connection.last_insert_rowid());
                } else {
                    let mut rows = prepared.raw_query();
                    while let Some(row) = rows.next()? {
                        let datums = (0..columns).map(|column| Ok(run::datum(row.get_ref(column)?)));
                        let datums = datums.collect::<Result<_, Fault>>()?;
                        changed.push(index, datums, room).map_err(Fault::NoRoom)?;
                    }
                }
                changed.count += self.connection.changes();
                Ok(())
            };
            one().map_err(|fault| {
                let fault = fault.of_a_run(self.clock.is_up());
                let of_values = fault.is_of_values();
                let mut error = Error::from(fault);
                if of_values {
                    let message =
                        "what the database computes of these values (a check, an index or a column) fails for them";
                    error = Error::invalid(Code::INVALID_VALUE, message).with_source(error);
                }
                if values.is_empty() { error } else { error.at_row(index) }
            })?;
        }
        changed.touched = self.connection.total_changes().saturating_sub(before);
        Ok(changed)
    }

    /// Reads within the transaction.
    pub(in crate::backend) fn read(&mut self, run: &Run<'_>) -> Result<Rows> {
        let leash = run::Leash {
            clock: &self.clock,
            row: usize::MAX,
        };
        let read = run::read(&self.connection, leash, run, None);
        // What an answer may hold says nothing of what may be written.
        let unbound = self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::MAX);
        let read = read.and_then(|rows| unbound.map(|_| rows).map_err(Fault::from));
        read.map_err(|fault| fault.of_a_run(self.clock.is_up()))
            .map_err(Error::from)
    }
}
