//! What is noted of an exchange while it runs: who asked for what through which front, and how long each stage took.
//!
//! The edge begins a record where somebody will look at it (metrics, traces, the log of slow requests, the admin's
//! `Server-Timing`), and the stages find it through the task. Without one a stage costs a look at the task.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tracing::Span;

/// The target of all spans of requests and their stages, level trace.
pub const TARGET: &str = "diglot::stage";

/// Names that are noted of one exchange at most; batches can hold more.
const NAMES: usize = 8;

/// Characters of an operation's name that are told.
const LONGEST_NAME: usize = 64;

tokio::task_local! {
    static CURRENT: Arc<Record>;
}

/// A stage of a request's way. Names are resolved and rules joined in one walk, which is `Authorize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Who asks.
    Authenticate,
    /// From the wire to a request.
    Parse,
    /// From names to what the caller may.
    Authorize,
    /// The tree of what has to be read or written.
    Plan,
    /// SQL.
    Render,
    /// The database, with the wait for a connection.
    Execute,
    /// From an outcome to the wire.
    Write,
}

impl Stage {
    const ALL: [Stage; 7] = [
        Stage::Authenticate,
        Stage::Parse,
        Stage::Authorize,
        Stage::Plan,
        Stage::Render,
        Stage::Execute,
        Stage::Write,
    ];

    /// Its word in headers and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Stage::Authenticate => "authenticate",
            Stage::Parse => "parse",
            Stage::Authorize => "authorize",
            Stage::Plan => "plan",
            Stage::Render => "render",
            Stage::Execute => "execute",
            Stage::Write => "write",
        }
    }

    fn span(self) -> Span {
        match self {
            Stage::Authenticate => tracing::trace_span!(target: TARGET, "authenticate"),
            Stage::Parse => tracing::trace_span!(target: TARGET, "parse"),
            Stage::Authorize => tracing::trace_span!(target: TARGET, "authorize"),
            Stage::Plan => tracing::trace_span!(target: TARGET, "plan"),
            Stage::Render => tracing::trace_span!(target: TARGET, "render"),
            Stage::Execute => tracing::trace_span!(target: TARGET, "execute", otel.kind = "client"),
            Stage::Write => tracing::trace_span!(target: TARGET, "write"),
        }
    }
}

/// What kind of thing was asked for, whatever the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Nothing of the following: refused before it was understood, pages of the playground, health.
    Other = 0,
    /// Rows, aggregates, functions.
    Read = 1,
    /// New rows.
    Create = 2,
    /// Changed rows.
    Update = 3,
    /// Rows that go.
    Delete = 4,
    /// Several of these, or functions that may write.
    Write = 5,
    /// Sign-in and whatever else is about the caller's account.
    Account = 6,
    /// What the schema is.
    Schema = 7,
}

impl Operation {
    const ALL: [Operation; 8] = [
        Operation::Other,
        Operation::Read,
        Operation::Create,
        Operation::Update,
        Operation::Delete,
        Operation::Write,
        Operation::Account,
        Operation::Schema,
    ];

    /// Its word in labels and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Operation::Other => "other",
            Operation::Read => "read",
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
            Operation::Write => "write",
            Operation::Account => "account",
            Operation::Schema => "schema",
        }
    }
}

/// What an exchange's record is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Stages are timed.
    pub stages: bool,
    /// Shapes, roles and plans are noted.
    pub shapes: bool,
    /// Stages are spans: the request's trace was sampled.
    pub spans: bool,
}

/// The record of one exchange.
#[derive(Debug, Default)]
pub struct Record {
    wanted: Wanted,
    /// Nanoseconds of each stage; of those that ran side by side the sum.
    stages: [AtomicU64; Stage::ALL.len()],
    front: OnceLock<&'static str>,
    operation: AtomicU8,
    /// The caller has shown the admin secret.
    admin: OnceLock<()>,
    role: OnceLock<String>,
    /// Text and operation.
    documents: Mutex<Vec<(String, String)>>,
    plans: Mutex<Vec<Arc<str>>>,
}

impl Record {
    /// An empty one.
    #[must_use]
    pub fn new(wanted: Wanted) -> Arc<Self> {
        Arc::new(Self {
            wanted,
            ..Self::default()
        })
    }

    /// Does a work whose stages note what they do here.
    pub fn scope<F: Future>(record: Arc<Self>, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(record, work)
    }

    /// Which front was asked.
    pub fn came_through(&self, front: &'static str) {
        // The first word counts.
        let _ = self.front.set(front);
    }

    /// What was asked for. What is done on the way there, such as looking a session up, comes later and does not count.
    pub fn asks(&self, operation: Operation) {
        let _ = self
            .operation
            .compare_exchange(0, operation as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Who asks.
    pub fn is_of(&self, role: &str, admin: bool) {
        if admin {
            let _ = self.admin.set(());
        }
        if self.wanted.shapes {
            let _ = self.role.set(role.to_owned());
        }
    }

    /// The document that was sent, which is told by its hash, as values may stand in it, and the name of its operation.
    pub fn has_document(&self, text: &str, name: Option<&str>) {
        if self.wanted.shapes {
            let name = name.unwrap_or_default().chars().take(LONGEST_NAME).collect();
            keep(&self.documents, || (text.to_owned(), name));
        }
    }

    /// What is done for it.
    pub fn has_plan(&self, plan: &Arc<str>) {
        if self.wanted.shapes {
            keep(&self.plans, || Arc::clone(plan));
        }
    }

    /// Which front was asked; `other` for none.
    #[must_use]
    pub fn front(&self) -> &'static str {
        self.front.get().copied().unwrap_or("other")
    }

    /// What was asked for.
    #[must_use]
    pub fn operation(&self) -> Operation {
        let number = usize::from(self.operation.load(Ordering::Relaxed));
        Operation::ALL.get(number).copied().unwrap_or(Operation::Other)
    }

    /// Whether the caller has shown the admin secret, and may know how long things take.
    #[must_use]
    pub fn is_admins(&self) -> bool {
        self.admin.get().is_some()
    }

    /// The caller's role, if it was noted.
    #[must_use]
    pub fn role(&self) -> &str {
        self.role.get().map_or("-", String::as_str)
    }

    /// The documents that were noted, if there are any: the beginnings of their SHA-256, and their operations.
    #[must_use]
    pub fn shape(&self) -> Option<String> {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let shapes = documents.iter().map(|(text, name)| {
            let hash = Sha256::digest(text);
            let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("document {hash} {name}").trim_end().to_owned()
        });
        let shapes: Vec<String> = shapes.collect();
        (!shapes.is_empty()).then(|| shapes.join("; "))
    }

    /// The plans that were noted, if there are any.
    #[must_use]
    pub fn plan(&self) -> Option<String> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        (!plans.is_empty()).then(|| plans.join("; "))
    }

    /// Milliseconds of each stage that ran.
    pub fn stages(&self) -> impl Iterator<Item = (Stage, f64)> {
        Stage::ALL.into_iter().filter_map(|stage| {
            let nanoseconds = self.stages[stage as usize].load(Ordering::Relaxed);
            (nanoseconds > 0).then_some((stage, nanoseconds as f64 / 1e6))
        })
    }

    /// The value of a `Server-Timing` header.
    #[must_use]
    pub fn server_timing(&self, total: f64) -> String {
        let mut text = String::with_capacity(128);
        for (stage, milliseconds) in self.stages() {
            let _ = write!(text, "{};dur={milliseconds:.3}, ", stage.word());
        }
        let _ = write!(text, "total;dur={total:.3}");
        text
    }
}

fn keep<T>(list: &Mutex<Vec<T>>, item: impl FnOnce() -> T) {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    if list.len() < NAMES {
        list.push(item());
    }
}

/// Notes something of the exchange under way, where somebody wants to know.
pub fn note(noted: impl FnOnce(&Record)) {
    let _ = CURRENT.try_with(|record| noted(record));
}

/// A stage under way; it ends when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Timing {
    begun: Option<(Arc<Record>, Stage, Instant)>,
    _span: Span,
}

/// Begins a stage of the exchange under way.
pub fn stage(stage: Stage) -> Timing {
    let looked = CURRENT.try_with(|record| {
        let Wanted { stages, spans, .. } = record.wanted;
        let begun = stages.then(|| (Arc::clone(record), stage, Instant::now()));
        (begun, if spans { stage.span() } else { Span::none() })
    });
    let (begun, span) = looked.unwrap_or((None, Span::none()));
    Timing { begun, _span: span }
}

/// Does what is a stage of the exchange under way.
pub fn timed<T>(which: Stage, work: impl FnOnce() -> T) -> T {
    let _stage = stage(which);
    work()
}

impl Drop for Timing {
    fn drop(&mut self) {
        if let Some((record, stage, begin)) = self.begun.take() {
            let nanoseconds = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            record.stages[stage as usize].fetch_add(nanoseconds.max(1), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stages_add_up_and_the_first_word_counts() {
        let record = Record::new(Wanted {
            stages: true,
            shapes: true,
            spans: false,
        });
        let work = async {
            note(|record| {
                record.came_through("graphql");
                record.asks(Operation::Account);
                record.asks(Operation::Read);
                record.is_of("editor", false);
                record.has_document("{ a }", Some("One"));
                record.has_document("{ a }", None);
            });
            for _ in 0..2 {
                let _stage = stage(Stage::Parse);
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        Record::scope(Arc::clone(&record), work).await;
        let stages: Vec<_> = record.stages().collect();
        assert!(
            matches!(stages.as_slice(), [(Stage::Parse, milliseconds)] if *milliseconds >= 4.0),
            "{stages:?}"
        );
        assert_eq!((record.front(), record.operation()), ("graphql", Operation::Account));
        let hash = "document 1c7e1e347f726166";
        assert_eq!(record.shape(), Some(format!("{hash} One; {hash}")));
        assert_eq!(
            (record.role(), record.plan(), record.is_admins()),
            ("editor", None, false)
        );
        let timing = record.server_timing(9.5);
        assert!(
            timing.starts_with("parse;dur=") && timing.ends_with(", total;dur=9.500"),
            "{timing}"
        );
    }

    #[test]
    fn outside_of_an_exchange_nothing_is_noted() {
        note(|_| panic!("there is no record"));
        let timing = stage(Stage::Execute);
        assert!(timing.begun.is_none());
    }

    #[test]
    fn operations_have_their_numbers() {
        for (number, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, number);
        }
        for (number, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, number);
        }
    }
}
