//! The conductor: `engine.run(principal, request) -> Outcome` is the one road to the data.

mod answer;
mod bind;
mod binding;
mod cache;
mod cursor;
mod enums;
mod exposure;
mod start;

pub use exposure::exposure;
pub use start::{Served, Source, StartError, build};

use crate::backend::{Backend, Run, Seal};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::principal::Principal;
use crate::request::{Request, Slot};
use crate::rules::{self, View, Views};
use crate::sql::{Form, Statement};
use crate::value::{Datum, Value};
use bytes::Bytes;
use cache::{Plans, Ready};
use std::sync::Arc;

/// What a request gave, in the output's own JSON.
#[derive(Debug)]
pub struct Outcome {
    /// The JSON of the request's output.
    pub body: Body,
    /// Rows written (0 or 1 for [`crate::request::Output::Row`]).
    pub count: u64,
    /// The number of all rows, where the page asked for it.
    pub total: Option<u64>,
    /// A cursor to the rest, where the page asked for it and there is a rest.
    pub next: Option<String>,
}

/// JSON bytes, whole. (A list too long to keep in memory becomes a stream here.)
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
}

/// One state of the schema: the catalog, and each role's view of it. Immutable.
pub struct Snapshot {
    /// What is exposed.
    pub catalog: Arc<Catalog>,
    /// Counts snapshots; caches of fronts are keyed by it.
    pub number: u64,
    views: Views,
    plans: Plans,
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
    header_prefix: String,
}

/// What `explain` tells of a request.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explanation {
    /// The solved predicate, readable.
    pub predicate: String,
    /// The plan tree.
    pub plan: serde_json::Value,
    /// The SQL text.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<serde_json::Value>,
    /// The database's own plan.
    pub explain: String,
}

impl Engine {
    /// An engine over a database and its first snapshot. Cursors are sealed with a key from `secret`.
    #[must_use]
    pub fn assemble(backend: Backend, snapshot: Snapshot, secret: &[u8], header_prefix: &str) -> Self {
        Self {
            snapshot: arc_swap::ArcSwap::from_pointee(snapshot),
            backend,
            codec: cursor::Codec::new(secret),
            changed: start::Changed::default(),
            header_prefix: header_prefix.to_owned(),
        }
    }

    /// The current snapshot. One request uses one.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Authorizes, plans and runs one read.
    ///
    /// # Errors
    /// Refusals, unknown names, values that do not fit, and the database's faults, classified.
    pub async fn run(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Outcome> {
        let result = self.run_read(snapshot, principal, request).await;
        if let Err(error) = &result {
            let cause = error.source.as_ref().map(tracing::field::display);
            match error.kind {
                Kind::Internal => tracing::error!(code = error.code.0, cause, "a read failed: {error}"),
                Kind::Unavailable => tracing::warn!(code = error.code.0, cause, "a read failed: {error}"),
                _ => {}
            }
        }
        result
    }

    async fn run_read(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Outcome> {
        let ready = self.planned(snapshot, principal, request)?;
        let (values, most) = self.values(snapshot, principal, request, &ready, &ready.statement)?;
        let seal = ready.plan.query.cursor.then(|| self.seal(&ready, principal));
        let run = Run {
            statement: &ready.statement,
            values: &values,
            most,
            seal: seal.as_ref(),
        };
        let rows = match self.backend.run(run).await {
            Err(error) if error.code == Code::BLOB_IN_JSON => {
                // A blob where the column says otherwise: the same again, with every value looked at.
                let careful = ready.careful(&snapshot.catalog, &self.backend);
                let (values, most) = self.values(snapshot, principal, request, &ready, careful)?;
                self.backend
                    .run(Run {
                        statement: careful,
                        values: &values,
                        most,
                        seal: seal.as_ref(),
                    })
                    .await?
            }
            Err(error) => {
                if error.code == Code::SCHEMA_CHANGED {
                    self.changed.notify_one();
                }
                return Err(error);
            }
            Ok(rows) => rows,
        };
        Ok(answer::outcome(
            &ready.plan.answer,
            &ready.plan.query,
            rows,
            seal.as_ref(),
        ))
    }

    /// What would be run, and how the database would do it.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn explain(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Explanation> {
        let ready = self.planned(snapshot, principal, request)?;
        let (values, _) = self.values(snapshot, principal, request, &ready, &ready.statement)?;
        let explain = self.backend.explain(&ready.statement, &values).await?;
        Ok(Explanation {
            predicate: match ready.plan.query.from.table() {
                Some(table) => rules::describe(&snapshot.catalog, table, &ready.plan.query.predicate),
                // A scalar has no rows that a rule could choose.
                None => "true".to_owned(),
            },
            plan: serde_json::Value::from(format!("{:#?}", ready.plan.query)),
            sql: ready.statement.text().to_owned(),
            parameters: values.iter().map(shown).collect(),
            explain,
        })
    }

    fn planned(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Arc<Ready>> {
        let view = snapshot.view(principal.role.as_str()).ok_or_else(|| {
            Error::forbidden(format!(
                "role {:?} is not configured on this server",
                principal.role.as_str()
            ))
        })?;
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
        statement: &Statement,
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

/// A bound value as the operator sees it.
fn shown(datum: &Datum) -> serde_json::Value {
    match datum {
        Datum::Null => serde_json::Value::Null,
        Datum::Boolean(value) => (*value).into(),
        Datum::Integer(value) => (*value).into(),
        Datum::Float(value) => (*value).into(),
        Datum::Text(text) => (&**text).into(),
        Datum::Bytes(bytes) => format!("{} bytes", bytes.len()).into(),
        Datum::List(items) => items.iter().map(shown).collect(),
    }
}

#[cfg(test)]
mod tests;
