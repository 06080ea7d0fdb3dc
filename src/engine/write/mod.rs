//! Writes: a batch becomes a program, the program runs within one transaction.

mod checks;
mod doubt;
mod explain;
mod kept_back;
mod once;
mod order;
mod ready;
mod refusal;
mod row;
mod script;
mod single;
mod suspects;
mod through;
mod values;
mod violation;

pub use explain::{StatementExplanation, WriteExplanation};
pub(super) use once::Keys;
pub(super) use ready::Programs;

use super::deadline::goes_on;
use super::{Engine, Snapshot, answer, blame};
use crate::backend::Work;
use crate::error::{Code, Error, Kind, Result};
use crate::principal::Principal;
use crate::request::{Batch, Change, Slot};
use crate::telemetry::{self, Stage};
use crate::value::Value;
use bytes::Bytes;
use script::{Script, Server};
use std::sync::{Arc, Mutex, PoisonError};

/// What one write of a batch gave.
#[derive(Debug, Default)]
pub struct Written {
    /// The JSON of what was to be read back of its rows; `None` where nothing was.
    pub body: Option<Bytes>,
    /// How many rows it created, changed or deleted; those of cascades apart.
    pub count: u64,
    /// How many of them it created.
    pub created: u64,
    /// It did so when the same was sent before with the same `Idempotency-Key`, and nothing now.
    pub replayed: bool,
}

impl Engine {
    /// Authorizes, plans and runs the writes of a batch, all or none of them. It goes on where nobody waits for it any more.
    ///
    /// # Errors
    /// Refusals, unknown names, values that do not fit, violated constraints, and the database's faults, classified.
    /// Nothing has happened then, but with [`Code::UNKNOWN_OUTCOME`] nobody knows.
    pub async fn write(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        principal: &Principal,
        batch: Batch,
    ) -> Result<Vec<Written>> {
        let result = self.run_batch(snapshot, principal, batch).await;
        if let Err(error) = &result {
            if let Some(meters) = telemetry::meters() {
                meters.failed(error.code.0);
            }
            let cause = error.source.as_ref().map(tracing::field::display);
            match error.kind {
                Kind::Internal => tracing::error!(code = error.code.0, cause, "a write failed: {error}"),
                Kind::Unavailable => tracing::warn!(code = error.code.0, cause, "a write failed: {error}"),
                _ => {}
            }
        }
        result
    }

    async fn run_batch(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        principal: &Principal,
        mut batch: Batch,
    ) -> Result<Vec<Written>> {
        let view = Self::view_of(snapshot, principal)?;
        if snapshot.catalog.database.read_only {
            return Err(Error::new(
                Kind::NotAllowed,
                Code::NOT_SUPPORTED,
                "the database is read-only: nothing can be written",
            ));
        }
        let rows = created(&batch);
        if rows > self.most_rows {
            return Err(too_many(rows, self.most_rows));
        }
        let ready = snapshot
            .programs
            .get(&snapshot.catalog, view, &self.backend, principal, &batch.writes)?;
        telemetry::note(|record| record.has_plan(&ready.outline));
        let once = batch.once.take();
        let outcome = Arc::new(Mutex::new(Vec::new()));
        let suspects = Arc::new(Mutex::new(Vec::new()));
        let server = Server {
            header_prefix: &self.header_prefix,
            flavor: self.backend.flavor(),
            room: self.room(),
            most_rows: self.most_rows,
            outcome: Arc::clone(&outcome),
            suspects: Arc::clone(&suspects),
        };
        let script = Script::new(snapshot, principal, batch, Arc::clone(&ready), server);
        let (work, held): (Box<dyn Work>, _) = match &once {
            None => (Box::new(script), None),
            Some(once) => {
                let single = self.single(
                    (snapshot, view),
                    principal,
                    once,
                    (script, &ready),
                    Arc::clone(&outcome),
                );
                let (single, held) = Box::pin(single).await?;
                (Box::new(single), Some(held))
            }
        };
        let backend = self.backend.clone();
        let work = async move {
            let done = backend.write(work).await;
            (done, held)
        };
        let executing = telemetry::stage(Stage::Execute);
        // In a task of its own: a caller who leaves must not leave it in the middle.
        let work = tokio::spawn(tracing::Instrument::in_current_span(work));
        let (done, held) = goes_on(once.is_some(), work).await.map_err(Error::internal)?;
        drop(executing);
        match done {
            Ok(()) => {
                if let Some(held) = held {
                    self.counted(&held);
                }
                Ok(std::mem::take(
                    &mut *outcome.lock().unwrap_or_else(PoisonError::into_inner),
                ))
            }
            Err(error) if once.is_some() && error.code == Code::UNKNOWN_OUTCOME => {
                let message =
                    "the write was interrupted; send it again with the same Idempotency-Key, and it happens once";
                Err(Error {
                    message: message.into(),
                    ..error
                })
            }
            Err(error) => {
                let nameless = blame::is_nameless(&error);
                let plan = ready.program.writes.get(error.write.unwrap_or_default());
                let face = plan.map(|plan| plan.write.face);
                let error = violation::told(error, &snapshot.catalog, view, face);
                let error = if nameless {
                    let suspects = std::mem::take(&mut *suspects.lock().unwrap_or_else(PoisonError::into_inner));
                    self.named(&snapshot.catalog, error, suspects).await
                } else {
                    error
                };
                let error = self.blamed(snapshot, error).await;
                if error.code == Code::SCHEMA_CHANGED {
                    self.changed.notify_one();
                }
                Err(error)
            }
        }
    }
}

/// How many rows a batch asks to create, as far as it says so itself.
fn created(batch: &Batch) -> usize {
    let of = |slot: Slot| match batch.values.get(slot) {
        Value::List(rows) => rows.len(),
        _ => 0,
    };
    let created = batch.writes.iter().map(|write| match &write.change {
        Change::Insert(insert) => insert.groups.iter().map(|group| of(group.rows)).sum(),
        Change::Connect { rows, .. } => of(*rows),
        _ => 0,
    });
    created.sum()
}

fn too_many(rows: usize, most: usize) -> Error {
    let message = format!("{rows} rows are too many: a request may create at most {most}, nested ones among them");
    Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message)
}
