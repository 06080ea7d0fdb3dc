//! When a connection's statement has to end, and the thread that ends those which do not look at the clock themselves.

use rusqlite::InterruptHandle;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Steps of one of our functions between two looks at the clock.
const STEPS: u32 = 1 << 16;

/// Time between two rounds of the [`Timer`].
const ROUND: Duration = Duration::from_millis(4);

/// Rounds without anything to watch after which the timer rests.
const ROUNDS: u32 = 250;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn micros(moment: Instant) -> u64 {
    u64::try_from(moment.saturating_duration_since(*START).as_micros()).unwrap_or(u64::MAX)
}

/// What this thread has had of a processor; where that is not told, time itself.
pub(super) fn processor_time() -> Duration {
    Duration::from_micros(processor())
}

fn processor() -> u64 {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000
    }
    #[cfg(not(unix))]
    {
        micros(Instant::now())
    }
}

/// When the statement of one connection has to end.
pub(super) struct Clock {
    /// In microseconds since [`START`].
    deadline: AtomicU64,
    /// From here on it has to end if it has had its [`Clock::share`] of a processor.
    soft: AtomicU64,
    /// In microseconds.
    share: AtomicU64,
    /// The processor's time that its thread had when it was first looked at, in microseconds; 0 before that.
    begun: AtomicU64,
    /// When it has to end if others wait.
    turn: AtomicU64,
    /// How many wait.
    waiting: Arc<AtomicUsize>,
    /// Number of the run that may be interrupted from outside; 0 for none.
    running: Mutex<u64>,
    interrupt: OnceLock<InterruptHandle>,
}

impl Clock {
    /// One that never ends anything, until it is told to.
    pub(super) fn new() -> Arc<Self> {
        Self::among(Arc::default())
    }

    /// The same, for work that others may wait for.
    pub(super) fn among(waiting: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self {
            deadline: AtomicU64::new(u64::MAX),
            soft: AtomicU64::new(u64::MAX),
            share: AtomicU64::new(u64::MAX),
            begun: AtomicU64::new(0),
            turn: AtomicU64::new(u64::MAX),
            waiting,
            running: Mutex::new(0),
            interrupt: OnceLock::new(),
        })
    }

    /// What it interrupts.
    pub(super) fn connect(&self, interrupt: InterruptHandle) {
        let _ = self.interrupt.set(interrupt);
    }

    pub(super) fn set(&self, deadline: Instant) {
        self.soft.store(u64::MAX, Ordering::Relaxed);
        self.deadline.store(micros(deadline), Ordering::Relaxed);
    }

    /// A statement that has so much time of the processor, counted where it is looked at, and in any case ends at `deadline`.
    /// A machine with other work to do lets any statement wait: that says nothing about the statement.
    pub(super) fn set_share(&self, begin: Instant, share: Duration, deadline: Instant) {
        self.begun.store(0, Ordering::Relaxed);
        self.share
            .store(u64::try_from(share.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.soft.store(micros(begin + share), Ordering::Relaxed);
        self.deadline.store(micros(deadline), Ordering::Relaxed);
    }

    /// Whether the time of the statement that runs on this thread is up.
    pub(super) fn is_up(&self) -> bool {
        let soft = self.soft.load(Ordering::Relaxed);
        if soft == u64::MAX {
            return self.is_over();
        }
        let begun = self.begun.load(Ordering::Relaxed);
        if begun == 0 {
            self.begun.store(processor().max(1), Ordering::Relaxed);
        }
        let now = micros(Instant::now());
        self.is_over()
            || soft <= now && begun != 0 && processor().saturating_sub(begun) >= self.share.load(Ordering::Relaxed)
    }

    /// The processor's time that the statement has taken since it was first looked at; `None` where it never was.
    pub(super) fn taken(&self) -> Option<Duration> {
        let begun = self.begun.load(Ordering::Relaxed);
        (begun != 0).then(|| Duration::from_micros(processor().saturating_sub(begun)))
    }

    /// Sets when it has to end if others wait, beside the end that it has anyway.
    pub(super) fn set_turn(&self, end: Instant) {
        self.turn.store(micros(end), Ordering::Relaxed);
    }

    /// Whether the last moment has come.
    fn is_over(&self) -> bool {
        let now = micros(Instant::now());
        self.deadline.load(Ordering::Relaxed) <= now
            || (self.turn.load(Ordering::Relaxed) <= now && self.waiting.load(Ordering::Relaxed) > 0)
    }

    /// From here on the statement may be interrupted from outside; its number.
    pub(super) fn begin(&self) -> u64 {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = number;
        number
    }

    /// From here on not any more.
    pub(super) fn end(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }

    /// Interrupts a run, and no later one of the same connection.
    pub(super) fn interrupt(&self, number: u64) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running == number {
            self.deadline.store(0, Ordering::Relaxed);
            self.stop();
        }
    }

    fn stop(&self) {
        if let Some(interrupt) = self.interrupt.get() {
            interrupt.interrupt();
        }
    }

    /// Interrupts a run whose time is up; whether there is a run at all.
    fn look(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running != 0 && self.is_over() {
            self.stop();
        }
        *running != 0
    }
}

/// A function's time was up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfTime;

/// Counts the steps of a function that may take long, and looks at the clock now and then.
pub(super) struct Steps<'a> {
    clock: &'a Clock,
    left: u32,
}

impl<'a> Steps<'a> {
    pub(super) fn new(clock: &'a Clock) -> Self {
        Self { clock, left: STEPS }
    }

    /// One step.
    pub(super) fn step(&mut self) -> Result<(), OutOfTime> {
        self.left -= 1;
        if self.left > 0 {
            return Ok(());
        }
        self.left = STEPS;
        self.look()
    }

    /// A look at the clock, before something that takes longer than some steps.
    pub(super) fn look(&self) -> Result<(), OutOfTime> {
        if self.clock.is_up() { Err(OutOfTime) } else { Ok(()) }
    }
}

/// A thread that interrupts statements whose time is up where SQLite does not look at the clock (`count(*)` over a whole
/// table is one instruction). It sleeps while there is nothing to watch.
pub(super) struct Timer {
    clocks: Mutex<Vec<Weak<Clock>>>,
    resting: AtomicBool,
    thread: OnceLock<Option<Thread>>,
}

impl Timer {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            clocks: Mutex::default(),
            resting: AtomicBool::new(false),
            thread: OnceLock::new(),
        })
    }

    /// Watches the runs of a connection from now on.
    pub(super) fn keep(self: &Arc<Self>, clock: &Arc<Clock>) {
        self.clocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(clock));
        self.thread.get_or_init(|| {
            let timer = Arc::downgrade(self);
            let builder = std::thread::Builder::new().name("diglot-timer".into());
            let thread = builder.spawn(move || watch(&timer)).ok()?;
            Some(thread.thread().clone())
        });
    }

    /// Sees to it that the thread looks; to be called when a run has begun.
    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.resting.load(Ordering::Relaxed) {
            self.resting.store(false, Ordering::Relaxed);
            self.unpark();
        }
    }

    fn unpark(&self) {
        if let Some(Some(thread)) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Whether anything runs.
    fn look(&self) -> bool {
        let mut any = false;
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.retain(|clock| {
            let Some(clock) = clock.upgrade() else { return false };
            any |= clock.look();
            true
        });
        any
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.unpark();
    }
}

fn watch(timer: &Weak<Timer>) {
    let mut quiet = 0;
    loop {
        std::thread::sleep(ROUND);
        let Some(strong) = timer.upgrade() else { return };
        if strong.look() {
            quiet = 0;
            continue;
        }
        quiet += 1;
        if quiet < ROUNDS {
            continue;
        }
        strong.resting.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        // What began before it could see that the thread rests is seen here.
        if strong.look() {
            strong.resting.store(false, Ordering::Relaxed);
            quiet = 0;
            continue;
        }
        drop(strong);
        // The bound is for the case that the timer has gone away just now.
        std::thread::park_timeout(Duration::from_secs(60));
        quiet = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, OutOfTime, ROUND, ROUNDS, STEPS, Steps, Timer};
    use rusqlite::functions::FunctionFlags;
    use rusqlite::{Connection, ErrorCode};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn steps_end_when_the_time_is_up() {
        let clock = Clock::new();
        let mut steps = Steps::new(&clock);
        assert!((0..3 * STEPS).all(|_| steps.step().is_ok()));
        clock.set(Instant::now() - Duration::from_millis(1));
        assert_eq!((0..=STEPS).try_for_each(|_| steps.step()), Err(OutOfTime));
    }

    #[test]
    fn a_share_is_of_the_processor() {
        let clock = Clock::new();
        let (now, share) = (Instant::now(), Duration::from_millis(5));
        clock.set_share(now, share, now + Duration::from_secs(60));
        assert!(!clock.is_up());
        std::thread::sleep(4 * share);
        assert!(!clock.is_up(), "waiting is no work");
        let begin = Instant::now();
        while !clock.is_up() {
            assert!(begin.elapsed() < Duration::from_secs(30), "work counts");
        }
        assert!(clock.taken().is_some_and(|taken| taken >= share));
        clock.set_share(now, Duration::from_secs(60), now + share);
        assert!(clock.is_up(), "the last moment counts whatever was done");
    }

    #[test]
    fn a_turn_ends_where_others_wait() {
        let waiting = Arc::new(AtomicUsize::new(0));
        let clock = Clock::among(Arc::clone(&waiting));
        clock.set(Instant::now() + Duration::from_secs(60));
        clock.set_turn(Instant::now() - Duration::from_millis(1));
        assert!(!clock.is_up(), "nobody waits");
        waiting.store(1, Ordering::Relaxed);
        assert!(clock.is_up());
        clock.set_turn(Instant::now() + Duration::from_secs(60));
        assert!(!clock.is_up(), "its turn is not over");
    }

    #[test]
    fn what_looks_at_no_clock_is_interrupted() {
        let connection = Connection::open_in_memory().expect("opens");
        let nap = |_: &rusqlite::functions::Context<'_>| {
            std::thread::sleep(Duration::from_millis(200));
            Ok(1)
        };
        connection
            .create_scalar_function("nap", 0, FunctionFlags::SQLITE_UTF8, nap)
            .expect("registers");
        let (clock, timer) = (Clock::new(), Timer::new());
        clock.connect(connection.get_interrupt_handle());
        timer.keep(&clock);
        let run = |time: Duration| {
            clock.set(Instant::now() + time);
            clock.begin();
            timer.wake();
            let end = connection.query_row("SELECT sum(nap()) FROM (SELECT 1 UNION ALL SELECT 2)", [], |row| {
                row.get::<_, i64>(0)
            });
            clock.end();
            end.map_err(|error| error.sqlite_error_code())
        };
        let short = Duration::from_millis(50);
        assert_eq!(run(short), Err(Some(ErrorCode::OperationInterrupted)));
        assert_eq!(
            run(Duration::from_secs(60)),
            Ok(2),
            "the next run has a time of its own"
        );
        // The thread rests by now, and is woken.
        std::thread::sleep(ROUND * ROUNDS * 2);
        assert_eq!(run(short), Err(Some(ErrorCode::OperationInterrupted)));
    }
}
