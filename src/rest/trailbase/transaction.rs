//! `POST /api/transaction/v1/execute`: operations on records of any tables, in the product's form or in that of its
//! document.
//!
//! They are one transaction, unless `"transaction": false` makes one of each; operations in the document's form always are
//! one. `results` has what became of each operation, `ids` the ids of the records that were created.

use super::{change, id};
use crate::engine::Written;
use crate::error::{Code, Error, Kind, Result};
use crate::request::{Batch, Builder, Write};
use crate::rest::body::{self, Object};
use crate::rest::query::Query;
use crate::rest::{Call, Scene, Step, write};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

/// Most operations of one call.
pub(super) const MOST: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    operations: Vec<Operation>,
    #[serde(default)]
    transaction: Option<bool>,
}

/// An operation in either form.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Operation {
    #[serde(rename = "Create")]
    create: Option<Named>,
    #[serde(rename = "Update")]
    update: Option<Named>,
    #[serde(rename = "Delete")]
    delete: Option<Named>,
    #[serde(rename = "type")]
    kind: Option<String>,
    api: Option<String>,
    id: Option<Value>,
    data: Option<Object>,
}

/// What an operation in the product's form is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    api_name: String,
    record_id: Option<Value>,
    value: Option<Object>,
}

/// Which change of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Create,
    Update,
    Delete,
}

/// What is known of an operation before it has run.
struct Planned {
    kind: Kinds,
    /// The record's id, where it was sent.
    id: Option<String>,
}

pub(super) fn execute(call: &Call, query: Query<'_>, scene: Scene<'_>) -> Result<Step> {
    query.only(&[])?;
    let sent: Sent = body::json(call)?;
    if sent.operations.len() > MOST {
        let message = format!(
            "{} operations are too many, at most {MOST} are taken at once",
            sent.operations.len()
        );
        return Err(Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message));
    }
    if sent.operations.is_empty() {
        return Ok(Step::Done(answer(&[], &[])));
    }
    let atomic = sent.transaction != Some(false) || sent.operations.iter().any(|operation| operation.kind.is_some());
    if atomic {
        together(sent.operations, scene)
    } else {
        apart(sent.operations, scene)
    }
}

/// All of them or none.
fn together(operations: Vec<Operation>, scene: Scene<'_>) -> Result<Step> {
    let mut builder = Builder::new();
    let mut writes = Vec::with_capacity(operations.len());
    let mut planned = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        let (plan, write) = translate(&mut builder, operation, scene).map_err(|error| error.of_write(index))?;
        planned.push(plan);
        writes.push(Write {
            // The id of a record is read before a later operation can change it.
            unit: u16::try_from(index).unwrap_or(u16::MAX),
            ..write
        });
    }
    Ok(Step::Write {
        batch: Box::new(builder.finish_batch(writes)),
        write: Box::new(move |written| {
            let mut results = Vec::with_capacity(planned.len());
            let mut created = Vec::new();
            for (plan, written) in planned.iter().zip(&written) {
                results.push(result(plan, written, &mut created)?);
            }
            Ok(answer(&results, &created))
        }),
    })
}

/// Each by itself: one that fails does not keep the others from happening.
fn apart(operations: Vec<Operation>, scene: Scene<'_>) -> Result<Step> {
    let mut batches = Vec::with_capacity(operations.len());
    let mut planned = Vec::with_capacity(operations.len());
    for operation in operations {
        let mut builder = Builder::new();
        let (plan, batch) = match translate(&mut builder, operation, scene) {
            Ok((plan, write)) => (Some(plan), Ok(builder.finish_batch(vec![write]))),
            Err(error) => (None, Err(error)),
        };
        planned.push(plan);
        batches.push(batch);
    }
    Ok(Step::Each {
        batches: batches.into_iter().collect::<Vec<Result<Batch>>>(),
        write: Box::new(move |outcomes| {
            let mut results = Vec::with_capacity(planned.len());
            let mut created = Vec::new();
            for (plan, outcome) in planned.iter().zip(outcomes) {
                results.push(match (plan, outcome) {
                    (Some(plan), Ok(written)) => {
                        let written = written.into_iter().next().unwrap_or_default();
                        result(plan, &written, &mut created)?
                    }
                    (_, Err(error)) => json!({"Error": error.message}),
                    (None, Ok(_)) => return Err(Error::internal("an operation that was not understood has run")),
                });
            }
            Ok(answer(&results, &created))
        }),
    })
}

/// What became of an operation. A record that was left out, because one of its key stands, has no id.
fn result(plan: &Planned, written: &Written, created: &mut Vec<String>) -> Result<Value> {
    if plan.kind != Kinds::Create {
        return Ok(json!({"Id": plan.id}));
    }
    let ids = change::ids(written)?;
    created.extend(ids.iter().cloned());
    Ok(json!({"Id": ids.first()}))
}

fn answer(results: &[Value], ids: &[String]) -> Response {
    write::json(StatusCode::OK, json!({"results": results, "ids": ids}).to_string())
}

fn translate(builder: &mut Builder, operation: Operation, scene: Scene<'_>) -> Result<(Planned, Write)> {
    let (kind, api, id, data) = operation.parts()?;
    let face = scene.face(&api, |_| true)?;
    let id = id.map(|id| self::id_text(&id)).transpose()?;
    let write = match (kind, &id, data) {
        (Kinds::Create, None, Some(data)) => change::insert(builder, scene, face, vec![data.fields()]),
        (Kinds::Update, Some(id), Some(data)) => change::change(builder, scene, face, id, data.fields())?,
        (Kinds::Delete, Some(id), None) => change::removal(builder, scene, face, id)?,
        _ => return Err(shape()),
    };
    Ok((Planned { kind, id }, write))
}

impl Operation {
    fn parts(self) -> Result<(Kinds, String, Option<Value>, Option<Object>)> {
        let bare = self.kind.is_none() && self.api.is_none() && self.id.is_none() && self.data.is_none();
        let (kind, named) = match (self.create, self.update, self.delete) {
            (Some(named), None, None) if bare => (Kinds::Create, named),
            (None, Some(named), None) if bare => (Kinds::Update, named),
            (None, None, Some(named)) if bare => (Kinds::Delete, named),
            (None, None, None) => {
                let kind = match self.kind.as_deref() {
                    Some("create") => Kinds::Create,
                    Some("update") => Kinds::Update,
                    Some("delete") => Kinds::Delete,
                    _ => return Err(shape()),
                };
                return Ok((kind, self.api.ok_or_else(shape)?, self.id, self.data));
            }
            _ => return Err(shape()),
        };
        Ok((kind, named.api_name, named.record_id, named.value))
    }
}

/// Ids of integers may come as numbers.
fn id_text(id: &Value) -> Result<String> {
    match id {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Error::invalid(Code::INVALID_VALUE, id::INVALID)),
    }
}

fn shape() -> Error {
    let message = "an operation is {\"type\": \"create\", \"api\", \"data\"}, {\"type\": \"update\", \"api\", \"id\", \
                   \"data\"} or {\"type\": \"delete\", \"api\", \"id\"}; or {\"Create\": {\"api_name\", \"value\"}}, \
                   {\"Update\": {\"api_name\", \"record_id\", \"value\"}} or {\"Delete\": {\"api_name\", \"record_id\"}}";
    Error::invalid(Code::INVALID_SYNTAX, message)
}
