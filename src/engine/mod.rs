//! The conductor: `engine.run(principal, request) -> Outcome` is the one road to the data.

mod answer;
mod bind;
mod binding;
mod blame;
mod cache;
mod cursor;
pub mod deadline;
mod effects;
mod enums;
mod exposure;
mod indexes;
mod start;
mod stream;
mod system;
mod write;

pub use indexes::missing_indexes;
pub use start::{Schema, Served, Source, StartError, build};
pub use stream::{Stream, Tail};
pub use system::USERS;
pub use write::{StatementExplanation, WriteExplanation, Written};

use crate::backend::{Backend, Reply, Run, Seal};
use crate::catalog::{Catalog, DatabaseKind};
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::memory::{Memory, Pieces, Room};
use crate::pattern;
use crate::principal::Principal;
use crate::request::{Request, Slot};
use crate::rules::{Describer, Parameter, View, Views};
use crate::sql::{Form, Mark, Statement};
use crate::telemetry::{self, Readings, Stage};
use crate::value::{Datum, Value};
use bytes::Bytes;
use cache::{Plans, Ready};
use std::sync::{Arc, OnceLock};

/// What a request gave, in the output's own JSON.
#[derive(Debug)]
pub struct Outcome {
    /// The JSON of the request's output.
    pub body: Body,
    /// Rows written (0 or 1 for [`crate::request::Output::Row`]). Of a stream those that are there by now, at least one:
    /// its [`Tail`] says how many it came to.
    pub count: u64,
    /// The number of all rows, where the page asked for it.
    pub total: Option<u64>,
    /// A cursor to the rest, where the page asked for it and there is a rest. Of a stream in its [`Tail`].
    pub next: Option<String>,
}

/// JSON bytes.
#[derive(Debug)]
pub enum Body {
    /// All of them.
    Whole(Pieces),
    /// Those of a long list, as they are read; only where the caller asked for [`Delivery::Stream`].
    Stream(Box<Stream>),
}

impl Body {
    /// The bytes of an answer that was asked for whole.
    ///
    /// # Errors
    /// A fault of ours: it is a stream.
    pub fn whole(self) -> Result<Bytes> {
        match self {
            Self::Whole(pieces) => Ok(pieces.into_bytes()),
            Self::Stream(_) => Err(Error::internal("a stream where a whole answer was asked for")),
        }
    }
}

/// How an answer may come, and the room of whatever answers the same exchange.
#[derive(Clone, Copy, Debug)]
pub enum Delivery<'a> {
    /// All at once.
    Whole(&'a Arc<Room>),
    /// A long list may be a stream, which holds a connection until it is taken. Whoever waits for several answers at once
    /// must not ask for this: they could wait for each other's connections.
    Stream(&'a Arc<Room>),
}

impl<'a> Delivery<'a> {
    /// The same, but all at once.
    #[must_use]
    pub fn whole(self) -> Self {
        Self::Whole(self.room())
    }

    /// What the answer may hold.
    #[must_use]
    pub fn room(self) -> &'a Arc<Room> {
        match self {
            Self::Whole(room) | Self::Stream(room) => room,
        }
    }
}

/// One state of the schema: the catalog, and each role's view of it. Immutable.
pub struct Snapshot {
    /// What is exposed.
    pub catalog: Arc<Catalog>,
    /// Counts snapshots; caches of fronts are keyed by it.
    pub number: u64,
    views: Views,
    plans: Plans,
    programs: write::Programs,
    /// Diglot's own tables, once somebody asks for them.
    system: OnceLock<Arc<Snapshot>>,
}

impl Snapshot {
    /// A snapshot of a catalog and the roles' views of it.
    #[must_use]
    pub fn assemble(catalog: Arc<Catalog>, views: Views, number: u64) -> Self {
        Self {
            catalog,
            number,
            views,
            plans: Plans::new(),
            programs: write::Programs::new(),
            system: OnceLock::new(),
        }
    }

    /// A role's view; `None` for a role that is not configured.
    #[must_use]
    pub fn view(&self, role: &str) -> Option<&Arc<View>> {
        self.views.get(role)
    }

    /// All roles.
    pub fn roles(&self) -> impl Iterator<Item = &Name> {
        self.views.keys()
    }
}

/// The engine.
pub struct Engine {
    snapshot: arc_swap::ArcSwap<Snapshot>,
    backend: Backend,
    codec: cursor::Codec,
    changed: start::Changed,
    /// The schema has changed into something that cannot be served; the last good snapshot stays.
    outdated: std::sync::atomic::AtomicBool,
    header_prefix: String,
    memory: Arc<Memory>,
    keys: write::Keys,
    guarding: system::Guarding,
    /// Most rows that a request may create.
    most_rows: usize,
}

/// Most rows that a request may create where nothing else is configured.
const MOST_ROWS: usize = 10_000;

/// What `explain` tells of a request.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explanation {
    /// The solved predicate, readable.
    pub predicate: String,
    /// The plan tree.
    pub plan: serde_json::Value,
    /// The SQL text.
    pub sql: String,
    /// Its parameters, by the names of their marks in the text.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The database's own plan.
    pub explain: String,
}

impl Engine {
    /// An engine over a database and its first snapshot. Cursors are sealed with a key from `secret`; answers that are
    /// held take their room from `memory`.
    #[must_use]
    pub fn assemble(
        backend: Backend,
        snapshot: Snapshot,
        secret: &[u8],
        header_prefix: &str,
        memory: Arc<Memory>,
    ) -> Self {
        Self {
            snapshot: arc_swap::ArcSwap::from_pointee(snapshot),
            backend,
            codec: cursor::Codec::new(secret),
            changed: start::Changed::default(),
            outdated: std::sync::atomic::AtomicBool::new(false),
            header_prefix: header_prefix.to_owned(),
            memory,
            keys: write::Keys::default(),
            guarding: system::Guarding::default(),
            most_rows: MOST_ROWS,
        }
    }

    /// The room of a new answer: one for whatever answers an exchange.
    #[must_use]
    pub fn room(&self) -> Arc<Room> {
        self.memory.room()
    }

    /// The current snapshot. One request uses one.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What the database's connections and queues and the plans' caches are like at this moment.
    pub fn read_into(&self, readings: &mut Readings) {
        self.backend.read_into(readings);
        let snapshot = self.snapshot();
        readings.caches([snapshot.plans.reading(), snapshot.programs.reading()]);
    }

    /// Authorizes, plans and runs one read.
    ///
    /// # Errors
    /// Refusals, unknown names, values that do not fit, and the database's faults, classified.
    pub async fn run(
        &self,
        snapshot: &Snapshot,
        principal: &Principal,
        request: &Request,
        delivery: Delivery<'_>,
    ) -> Result<Outcome> {
        let result = self.run_read(snapshot, principal, request, delivery).await;
        if let Err(error) = &result {
            if let Some(meters) = telemetry::meters() {
                meters.failed(error.code.0);
            }
            let cause = error.source.as_ref().map(tracing::field::display);
            match error.kind {
                Kind::Internal => tracing::error!(code = error.code.0, cause, "a read failed: {error}"),
                Kind::Unavailable => tracing::warn!(code = error.code.0, cause, "a read failed: {error}"),
                _ => {}
            }
        }
        result
    }

    async fn run_read(
        &self,
        snapshot: &Snapshot,
        principal: &Principal,
        request: &Request,
        delivery: Delivery<'_>,
    ) -> Result<Outcome> {
        let ready = self.planned(snapshot, principal, request)?;
        let seal = ready.plan.query.cursor.then(|| self.seal(&ready, principal));
        let stream = matches!(delivery, Delivery::Stream(_)) && answer::can_stream(&ready.plan);
        telemetry::note(|record| record.has_plan(&ready.outline));
        let statement = ready.statement(&snapshot.catalog, &self.backend);
        let executing = telemetry::stage(Stage::Execute);
        let reply = async |statement: &Statement| {
            let patterns = &delivery.room().patterns;
            let (values, most) = self.values(snapshot, principal, request, &ready, (statement, patterns))?;
            let run = Run {
                statement,
                values: &values,
                most,
                seal: seal.as_ref(),
                room: delivery.room(),
            };
            if stream {
                self.backend.stream(run).await
            } else {
                self.backend.run(run).await.map(Reply::Whole)
            }
        };
        let reply = match reply(statement).await {
            Err(error) if error.code == Code::BLOB_IN_JSON => {
                // A blob where the column says otherwise: the same again, with every value looked at.
                reply(ready.careful(&snapshot.catalog, &self.backend)).await?
            }
            Err(error) => {
                let error = self.blamed(snapshot, error).await;
                if error.code == Code::SCHEMA_CHANGED {
                    self.changed.notify_one();
                }
                if blame::is_nameless(&error) && self.backend.flavor() == DatabaseKind::Postgres {
                    let load = pattern::Load::default();
                    let values = self.values(snapshot, principal, request, &ready, (statement, &load));
                    let suspects = suspects(statement, values.map(|(values, _)| values), &ready.labels);
                    return Err(self.named(&snapshot.catalog, error, suspects).await);
                }
                return Err(error);
            }
            Ok(reply) => reply,
        };
        drop(executing);
        Ok(match reply {
            Reply::Whole(rows) => answer::outcome(&ready.plan.answer, &ready.plan.query, rows, seal.as_ref()),
            Reply::Stream(rows) => Stream::outcome(rows, ready, seal),
        })
    }

    /// A failure that looks like a fault of ours is the schema's where that is no longer the snapshot's: another type
    /// under an operator, another number of columns. What was right a moment ago is right again in a moment.
    async fn blamed(&self, snapshot: &Snapshot, error: Error) -> Error {
        if error.kind != Kind::Internal {
            return error;
        }
        match self.backend.fingerprint().await {
            Ok(now) if now != snapshot.catalog.database.fingerprint => Error::new(
                Kind::Unavailable,
                Code::SCHEMA_CHANGED,
                "the schema of the database has changed, try again",
            )
            .with_source(error),
            _ => error,
        }
    }

    /// What would be run, and how the database would do it.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn explain(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Explanation> {
        let ready = self.planned(snapshot, principal, request)?;
        let statement = (&ready.statement, &pattern::Load::default());
        let (values, _) = self.values(snapshot, principal, request, &ready, statement)?;
        let explain = self.backend.explain(&ready.statement, &values).await?;
        let sign = self.sign();
        let mark = |parameter: &Parameter| {
            let mut marks = ready.statement.marks().iter();
            let index = marks.position(|mark| mark.source == *parameter)?;
            Some(format!("{sign}{}", index + 1))
        };
        let around = Describer::new(&snapshot.catalog, &mark);
        let query = &ready.plan.query;
        Ok(Explanation {
            predicate: match query.from.table() {
                Some(table) => around.inner(table).predicate(&query.predicate),
                // A scalar has no rows that a rule could choose.
                None => "TRUE".to_owned(),
            },
            plan: crate::plan::describe(query, &around),
            sql: ready.statement.text().to_owned(),
            parameters: (1..)
                .zip(&values)
                .map(|(number, value)| (format!("{sign}{number}"), shown(value)))
                .collect(),
            explain,
        })
    }

    /// With what the names of marks begin.
    fn sign(&self) -> char {
        match self.backend.flavor() {
            DatabaseKind::Postgres => '$',
            DatabaseKind::Sqlite => '?',
        }
    }

    fn view_of<'s>(snapshot: &'s Snapshot, principal: &Principal) -> Result<&'s Arc<View>> {
        let role = principal.role.as_str();
        let unknown = || Error::forbidden(format!("role {role:?} is not configured on this server"));
        snapshot.view(role).ok_or_else(unknown)
    }

    fn planned(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Arc<Ready>> {
        let view = Self::view_of(snapshot, principal)?;
        snapshot
            .plans
            .get(&snapshot.catalog, view, &self.backend, principal, &request.read)
    }

    /// The values of a statement's marks, and how many rows are written at most.
    fn values(
        &self,
        snapshot: &Snapshot,
        principal: &Principal,
        request: &Request,
        ready: &Ready,
        (statement, patterns): (&Statement, &pattern::Load),
    ) -> Result<(Vec<Datum>, Option<u64>)> {
        let page = &request.read.select.page;
        let mut cursors: Vec<(Slot, Vec<Datum>)> = Vec::new();
        for slot in page.after.into_iter().chain(page.before) {
            let (Value::Text(text) | Value::Raw(text)) = request.values.get(slot) else {
                return Err(Error::invalid(Code::INVALID_CURSOR, "a cursor is a text").at("cursor"));
            };
            cursors.push((slot, self.codec.open(text, &ready.binding.by(principal))?));
        }
        let binder = bind::Binder {
            catalog: &snapshot.catalog,
            principal,
            values: &request.values,
            labels: &ready.labels,
            header_prefix: &self.header_prefix,
            cursors: &cursors,
            patterns,
        };
        let values = binder.bind(statement.marks())?;
        let most = statement
            .marks()
            .iter()
            .zip(&values)
            .find_map(|(mark, value)| match (mark.form, value) {
                (Form::Count { plus: 1.., .. }, Datum::Integer(count)) => u64::try_from(count - 1).ok(),
                _ => None,
            });
        Ok((values, most))
    }

    fn seal(&self, ready: &Ready, principal: &Principal) -> Seal {
        let codec = self.codec.clone();
        let binding = ready.binding.by(principal);
        Arc::new(move |values| codec.seal(values, &binding))
    }
}

/// As PostgreSQL writes them; of long ones the beginning.
fn shown_bytes(bytes: &[u8]) -> String {
    let (start, rest) = bytes.split_at(bytes.len().min(64));
    let digits: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
    match rest.len() {
        0 => format!("\\x{digits}"),
        rest => format!("\\x{digits}… and {rest} bytes"),
    }
}

/// A bound value as the operator sees it.
fn shown(datum: &Datum) -> serde_json::Value {
    match datum {
        Datum::Null => serde_json::Value::Null,
        Datum::Boolean(value) => (*value).into(),
        Datum::Integer(value) => (*value).into(),
        Datum::Float(value) => (*value).into(),
        Datum::Text(text) => (&**text).into(),
        Datum::Bytes(bytes) | Datum::Broken(bytes) => shown_bytes(bytes).into(),
        Datum::List(items) => items.iter().map(shown).collect(),
    }
}

#[cfg(test)]
mod tests;

/// What of a statement's values was sent by the caller, under the names of their places.
fn suspects(statement: &Statement, values: Result<Vec<Datum>>, labels: &[(Slot, String)]) -> Vec<blame::Suspect> {
    let suspect = |(mark, datum): (&Mark, Datum)| {
        let Parameter::Slot(slot) = &mark.source else {
            return None;
        };
        let (_, label) = labels.iter().find(|(own, _)| own == slot)?;
        Some(blame::Suspect {
            label: label.clone(),
            mark: mark.clone(),
            values: match datum {
                Datum::List(values) if mark.list => values,
                value => vec![value],
            },
            rows: Vec::new(),
        })
    };
    let values = values.unwrap_or_default();
    statement.marks().iter().zip(values).filter_map(suspect).collect()
}
