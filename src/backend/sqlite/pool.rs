//! Readers, and the three ways in which a statement runs: at once on the asynchronous worker, or aside on a thread, among
//! the brief ones or among the long.
//!
//! Most reads take microseconds, and handing one to a thread costs more than the read. So a statement runs where it is
//! asked for, with a leash: after [`QUICK`] it is interrupted, remembered as slow, and begun anew aside (it only reads, so
//! nothing is lost but that time), for [`BRIEF`] among the brief ones and after that among the long ones, of which there are
//! few. Remembered statements take their way at once, until they prove quicker. Statements that call what may take long in
//! one call (`Statement::has_long_calls`) always go aside; what waits, for a lock or for the opening of a connection, waits
//! on a thread.
//!
//! Measured once (100 000 point reads of 8 columns by each of four tasks on two workers and two cores, dev
//! profile, where the read alone takes 7.7 µs): 8.0 µs of processor at once, 40 to 51 µs aside. `block_in_place` took 7.2 µs
//! there, so it may be no dearer (not measured under HTTP), but a future that it holds cannot be dropped when the caller goes
//! away, and it panics on a runtime of one thread. Mapping the file instead of copying its pages saves a quarter of a read
//! (9.9 against 7.6 µs); each reader's mapping counts in the resident size, though the pages are the system's.

use super::clock::{Timer, processor_time};
use super::fault::Fault;
use super::place::{Place, away};
use super::reader::{Reader, Watch};
use super::run;
use crate::backend::stream::{self, Outlet, Reply, Stopped};
use crate::backend::{Job, Rows, Run};
use crate::error::{Code, Error, Result};
use crate::telemetry::Readings;
use crate::turns::Turns;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};

/// Most time of the processor that a statement may take on an asynchronous worker.
pub(super) const QUICK: Duration = Duration::from_millis(4);

/// Longest time for which it may hold the worker, where the machine has other work to do or the disk is slow.
const QUICK_HELD: Duration = Duration::from_millis(16);

/// Longest row that is written on a worker.
const QUICK_ROW: usize = 256 << 10;

/// A statement that takes more of the processor than this goes aside the next time; there the detour is under two per cent
/// of it.
const SLOW: Duration = Duration::from_millis(3);

/// Time for which a statement whose single calls may be long runs among the brief ones; then it is slow.
const BRIEF: Duration = Duration::from_millis(200);

/// Most that wait for a place among the long statements: more would wait in vain.
const LONG_QUEUE: usize = 128;

/// Most that wait for a place among the brief ones.
const BRIEF_QUEUE: usize = 1024;

/// Slow statements that are remembered. Beyond it all are forgotten.
const REMEMBERED: usize = 4096;

/// Statements that may stream at once. They have readers beside those of the pool, which a slow caller so never empties;
/// what is long beyond that is buffered.
const STREAMS: usize = 8;

/// The readers of one database.
pub(super) struct Pool {
    place: RwLock<Place>,
    idle: Mutex<Vec<Reader>>,
    /// Readers that are kept: one for each worker and one for each statement aside, slow or brief.
    size: usize,
    /// Counts replacements of the file; readers of an older one are dropped.
    generation: AtomicU64,
    /// Connections that are opened at once.
    opening: Semaphore,
    timer: Arc<Timer>,
    /// Statements that are too long for an asynchronous worker.
    slow: Memory,
    /// Statements that are too long for the brief ones.
    long: Memory,
    /// Long statements that run aside at once.
    aside: Turns,
    /// Statements that run aside at once and have not shown to be long: slow ones, and those whose single calls may be.
    /// Whatever is interrupted on a worker goes on here first, for on a busy machine any statement may be; it must not
    /// wait behind long ones.
    brief: Turns,
    /// Statements that stream at once: each holds a reader and a thread for as long as its caller takes.
    streams: Arc<Semaphore>,
    timeout: Duration,
}

impl Pool {
    pub(super) fn new(place: Place, timeout: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let (slow, brief) = (cores.max(2), 2 * cores.max(2));
        let size = cores + slow + brief;
        Self {
            place: RwLock::new(place),
            idle: Mutex::default(),
            size,
            generation: AtomicU64::new(0),
            opening: Semaphore::new(size),
            timer: Timer::new(),
            slow: Memory::default(),
            long: Memory::default(),
            aside: Turns::new("long", slow, LONG_QUEUE),
            brief: Turns::new("brief", brief, BRIEF_QUEUE),
            streams: Arc::new(Semaphore::new(STREAMS)),
            timeout,
        }
    }

    /// An idle reader: the one that this thread has used last, if it can be, as its pages and statements are near to this
    /// processor.
    fn idle(&self, peeks: bool) -> Option<Reader> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = thread();
        let fits = |reader: &Reader| reader.peeks == peeks;
        let own = idle.iter().rposition(|reader| reader.thread == thread && fits(reader));
        let any = own.or_else(|| idle.iter().rposition(fits))?;
        Some(idle.swap_remove(any))
    }

    /// A new reader. It waits so long for whoever holds the file: not for asynchronous workers.
    pub(super) fn open(&self, patience: Duration, peeks: bool) -> Result<Reader, Fault> {
        let generation = self.generation.load(Ordering::Acquire);
        let reader = Reader::open(&self.place(), generation, patience, peeks)?;
        self.timer.keep(&reader.clock);
        Ok(reader)
    }

    /// An idle reader, or a new one, opened on a thread.
    async fn reader(self: &Arc<Self>, deadline: Instant, peeks: bool) -> Result<Reader> {
        if let Some(reader) = self.idle(peeks) {
            return Ok(reader);
        }
        let _turn = tokio::time::timeout_at(deadline.into(), self.opening.acquire())
            .await
            .map_err(|_| busy())?
            .map_err(Error::internal)?;
        if let Some(reader) = self.idle(peeks) {
            return Ok(reader);
        }
        let pool = Arc::clone(self);
        let opened =
            tokio::task::spawn_blocking(move || pool.open(deadline.saturating_duration_since(Instant::now()), peeks))
                .await;
        Ok(opened.map_err(Error::internal)??)
    }

    /// Takes a reader back, unless what happened with it says that it is of no more use.
    pub(super) fn give<T>(&self, mut reader: Reader, outcome: &Result<T, Fault>) {
        if outcome.as_ref().is_err_and(Fault::is_away) {
            return self.renew();
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.size && reader.generation == self.generation.load(Ordering::Acquire) {
            reader.thread = thread();
            idle.push(reader);
        }
    }

    /// Drops all readers: the next one opens the file anew.
    pub(super) fn renew(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        idle.clear();
    }

    /// The same, from another place.
    pub(super) fn replace(&self, place: Place) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = place;
        self.renew();
    }

    /// Counts replacements of the file.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Most time for a statement.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn place(&self) -> Place {
        self.place.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a read.
    pub(super) async fn run(self: &Arc<Self>, run: Run<'_>) -> Result<Rows> {
        match self.now(&run)? {
            Some(rows) => Ok(rows),
            // Its future is large, and most reads need none of it.
            None => Box::pin(self.later(run)).await,
        }
    }

    async fn later(self: &Arc<Self>, run: Run<'_>) -> Result<Rows> {
        if let Some(rows) = self.soon(&run, false).await? {
            return Ok(rows);
        }
        let job = Job::of(&run);
        let (rows, time) = self
            .aside(run.statement.has_long_calls(), move |reader| {
                job.span
                    .in_scope(|| run::read(&reader.connection, reader.leash(usize::MAX), &job.run(), None))
            })
            .await?;
        self.learn(run.statement.text(), time);
        Ok(rows)
    }

    /// Runs a read whose rows may go out before it is done. What is done within [`QUICK`] is whole, however long it is:
    /// that bounds its bytes, too.
    pub(super) async fn stream(self: &Arc<Self>, run: Run<'_>) -> Result<Reply> {
        match self.now(&run) {
            Ok(Some(rows)) => Ok(Reply::Whole(rows)),
            // What is too large to be held may still stream.
            Err(error) if !matches!(error.code, Code::LIMIT_EXCEEDED | Code::OVERLOADED) => Err(error),
            Ok(None) | Err(_) => Box::pin(self.stream_later(run)).await,
        }
    }

    async fn stream_later(self: &Arc<Self>, run: Run<'_>) -> Result<Reply> {
        if let Some(rows) = self.soon(&run, true).await? {
            return Ok(Reply::Whole(rows));
        }
        let deadline = Instant::now() + self.timeout;
        let permit = self.permit(deadline).await?;
        let reader = self.reader(deadline, run.statement.has_long_calls()).await?;
        let watch = reader.watch(deadline);
        // While it streams it is not one of the few statements aside: those would wait for a slow caller.
        let (mut outlet, ending, mut inlet) = stream::open(&self.streams, Some(permit), deadline);
        let job = Job::of(&run);
        let mut thread = tokio::task::spawn_blocking(move || {
            let begin = Instant::now();
            let outcome = reader
                .until(deadline, deadline.saturating_duration_since(begin))
                .and_then(|()| {
                    job.span.in_scope(|| {
                        run::read(
                            &reader.connection,
                            reader.leash(usize::MAX),
                            &job.run(),
                            Some(&mut outlet),
                        )
                    })
                })
                .map_err(|fault| fault.of_a_run(reader.clock.is_up()));
            reader.unwatch();
            drop(outlet);
            (reader, outcome, begin.elapsed())
        });
        let mut finished = None;
        let first = tokio::select! {
            first = inlet.begun() => first,
            end = ended(&mut thread, &watch, deadline) => {
                finished = Some(end);
                inlet.has_begun()
            }
        };
        let Some(first) = first else {
            let end = match finished {
                Some(end) => end,
                None => thread.await,
            };
            let (reader, outcome, time) = end.map_err(Error::internal)?;
            self.give(reader, &outcome);
            let rows = outcome?;
            self.learn(run.statement.text(), time);
            return Ok(Reply::Whole(rows));
        };
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let end = match finished {
                Some(end) => end,
                None => tokio::select! {
                    end = ended(&mut thread, &watch, deadline) => end,
                    () = ending.gone() => {
                        watch.interrupt();
                        thread.await
                    }
                },
            };
            let result = match end {
                Ok((reader, outcome, _)) => {
                    pool.give(reader, &outcome);
                    outcome.map_err(Error::from)
                }
                Err(panic) => Err(Error::internal(panic)),
            };
            ending.tell(result).await;
        });
        Ok(Reply::Stream(inlet.stream(first)))
    }

    /// What is not known to be slow: on this thread, where a reader is idle; `None` where it has to go on in another way.
    fn now(&self, run: &Run<'_>) -> Result<Option<Rows>> {
        let text = run.statement.text();
        if run.statement.has_long_calls() || self.slow.has(text) || self.long.has(text) {
            return Ok(None);
        }
        self.idle(false).map_or(Ok(None), |reader| self.at_once(reader, run))
    }

    /// What is not known to be long: on this thread, or among the brief ones; `None` where it is.
    /// With `short` it is left, too, if its answer becomes long.
    async fn soon(self: &Arc<Self>, run: &Run<'_>, short: bool) -> Result<Option<Rows>> {
        let text = run.statement.text();
        if self.long.has(text) {
            return Ok(None);
        }
        if !run.statement.has_long_calls() && !self.slow.has(text) {
            let reader = self.reader(Instant::now() + self.timeout, false).await?;
            match self.at_once(reader, run) {
                Ok(Some(rows)) => return Ok(Some(rows)),
                Ok(None) => {}
                // What is too large to be held may still stream.
                Err(error) if short && matches!(error.code, Code::LIMIT_EXCEEDED | Code::OVERLOADED) => {}
                Err(error) => return Err(error),
            }
        }
        self.briefly(run, short).await
    }

    /// On a thread, for at most [`BRIEF`]; `None` where that is not enough.
    async fn briefly(self: &Arc<Self>, run: &Run<'_>, short: bool) -> Result<Option<Rows>> {
        let job = Job::of(run);
        let mut outlet = short.then(|| Outlet::without_a_way(Instant::now() + self.timeout));
        let work = move |reader: &Reader| {
            job.span.in_scope(|| {
                run::read(
                    &reader.connection,
                    reader.leash(usize::MAX),
                    &job.run(),
                    outlet.as_mut(),
                )
            })
        };
        let (outcome, time) = self
            .on_a_thread(&self.brief, BRIEF, run.statement.has_long_calls(), work)
            .await?;
        match outcome {
            Ok(rows) => {
                // One that has proved quick need not go aside the next time.
                if time.processor < SLOW && time.all < QUICK_HELD {
                    self.slow.forget(run.statement.text());
                }
                Ok(Some(rows))
            }
            Err(fault) if fault.is_interrupt() => {
                self.long.remember(run.statement.text());
                Ok(None)
            }
            Err(Fault::Stopped(Stopped::Long)) => Ok(None),
            Err(fault) if fault.is_busy() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// On this thread, for at most [`QUICK`]; `None` where it has to go on aside.
    fn at_once(&self, reader: Reader, run: &Run<'_>) -> Result<Option<Rows>> {
        let text = run.statement.text();
        let begin = Instant::now();
        let outcome = reader
            .briefly(begin, QUICK.min(self.timeout), begin + QUICK_HELD.min(self.timeout))
            .and_then(|()| {
                reader.clock.begin();
                self.timer.wake();
                run::read(&reader.connection, reader.leash(QUICK_ROW), run, None)
            })
            .map_err(|fault| fault.of_a_run(reader.clock.is_up()));
        reader.unwatch();
        // On a busy machine time passes without the statement's doing.
        let slow = begin.elapsed() > SLOW && reader.clock.taken().is_none_or(|taken| taken > SLOW);
        self.give(reader, &outcome);
        match outcome {
            Ok(rows) => {
                if slow {
                    self.slow.remember(text);
                }
                Ok(Some(rows))
            }
            Err(fault) if fault.is_interrupt() => {
                self.slow.remember(text);
                Ok(None)
            }
            // Another connection holds the file; waiting is for a thread.
            Err(fault) if fault.is_busy() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// A statement that has proved brief may be among the brief ones the next time.
    fn learn(&self, text: &str, time: Duration) {
        if time < BRIEF / 2 {
            self.long.forget(text);
        }
    }

    /// The right to run one slow statement aside.
    async fn permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit> {
        self.aside.take(deadline).await
    }

    /// What the readers are like at this moment, and who waits for a thread.
    pub(super) fn read_into(&self, readings: &mut Readings) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        let of = |state, number: usize| (vec![("state", state)], number as u64);
        let help = "Connections to the database that read";
        readings.gauge(
            "pool_connections",
            help,
            &[of("idle", idle), of("most_idle", self.size)],
        );
        let streams = |state, number: usize| (vec![("queue", "streams"), ("state", state)], number as u64);
        let free = self.streams.available_permits().min(STREAMS);
        let mut queues = vec![streams("taken", STREAMS - free), streams("all", STREAMS)];
        queues.extend(self.aside.readings());
        queues.extend(self.brief.readings());
        readings.queues(queues);
    }

    /// On a thread, for as long as a statement may take.
    pub(super) async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        peeks: bool,
        work: impl FnOnce(&Reader) -> Result<T, Fault> + Send + 'static,
    ) -> Result<(T, Duration)> {
        let (outcome, time) = self.on_a_thread(&self.aside, self.timeout, peeks, work).await?;
        Ok((outcome?, time.all))
    }

    /// On a thread, as one of so many, for a time from when it begins.
    async fn on_a_thread<T: Send + 'static>(
        self: &Arc<Self>,
        places: &Turns,
        limit: Duration,
        peeks: bool,
        work: impl FnOnce(&Reader) -> Result<T, Fault> + Send + 'static,
    ) -> Result<(Result<T, Fault>, Took)> {
        let waits = Instant::now() + self.timeout;
        let permit = places.take(waits).await?;
        let reader = self.reader(waits, peeks).await?;
        // Waiting for a place counts for what may take the whole time, so that the caller's patience bounds both.
        let deadline = if limit < self.timeout {
            Instant::now() + limit
        } else {
            waits
        };
        let watch: Watch = reader.watch(deadline);
        let mut thread = tokio::task::spawn_blocking(move || {
            let begin = Instant::now();
            let had = processor_time();
            let outcome = reader
                .until(deadline, deadline.saturating_duration_since(begin))
                .and_then(|()| work(&reader))
                .map_err(|fault| fault.of_a_run(reader.clock.is_up()));
            reader.unwatch();
            drop(permit);
            let time = Took {
                all: begin.elapsed(),
                processor: processor_time().saturating_sub(had),
            };
            (reader, outcome, time)
        });
        let (reader, outcome, time) = ended(&mut thread, &watch, deadline).await.map_err(Error::internal)?;
        self.give(reader, &outcome);
        Ok((outcome, time))
    }
}

/// How long something took.
struct Took {
    all: Duration,
    /// Of the processor.
    processor: Duration,
}

/// This thread among all of the process.
fn thread() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static NUMBER: u32 = COUNT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// Texts of statements, by what has been seen of them.
#[derive(Default)]
struct Memory {
    texts: RwLock<HashSet<u64, BuildHasherDefault<DefaultHasher>>>,
    count: AtomicUsize,
}

impl Memory {
    fn has(&self, text: &str) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && {
            let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
            texts.contains(&texts.hasher().hash_one(text))
        }
    }

    fn remember(&self, text: &str) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= REMEMBERED {
            texts.clear();
        }
        let key = texts.hasher().hash_one(text);
        texts.insert(key);
        self.count.store(texts.len(), Ordering::Relaxed);
    }

    fn forget(&self, text: &str) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        let key = texts.hasher().hash_one(text);
        texts.remove(&key);
        self.count.store(texts.len(), Ordering::Relaxed);
    }
}

fn busy() -> Error {
    away("all connections to the database are busy, try again later".into())
}

/// The end of a thread, which is interrupted when its time is up.
async fn ended<T>(thread: &mut JoinHandle<T>, watch: &Watch, deadline: Instant) -> Result<T, JoinError> {
    match tokio::time::timeout_at((deadline + QUICK).into(), &mut *thread).await {
        Ok(end) => end,
        Err(_) => {
            watch.interrupt();
            thread.await
        }
    }
}
