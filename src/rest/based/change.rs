//! POST, PUT and DELETE.

use super::{DATA, filter};
use crate::catalog::{ColumnId, Face};
use crate::engine::Written;
use crate::error::{Code, Error, Result};
use crate::ident::Name;
use crate::request::Assignment;
use crate::request::{
    Builder, Change, Conflict, ConflictAction, ConflictTarget, Expression, Field, Filter, Formats, Insert, Output,
    RowGroup, Write,
};
use crate::rest::query::{self, Query};
use crate::rest::{Call, Scene, Step, body, write};
use crate::value::Value;
use axum::http::StatusCode;
use std::collections::HashSet;

/// A row as it was sent: columns by exposed name, and their values.
type Sent = Vec<(Name, Value)>;

/// `POST /api/{table}`
pub(super) fn create<'a>(call: &Call, query: &Query<'_>, scene: Scene<'a>, face: &'a Face) -> Result<Step> {
    query.only(&[])?;
    let sent = sent(call, scene, face, |column| scene.is_preset(face, column))?;
    let mut builder = Builder::new();
    let change = insert(&mut builder, sent, None);
    Ok(step(builder, face, change, false, |_| StatusCode::CREATED))
}

/// `PUT /api/{table}/{id}`: creates the row or changes it.
pub(super) fn put<'a>(call: &Call, query: &Query<'_>, scene: Scene<'a>, face: &'a Face, id: &str) -> Result<Step> {
    query.only(&[])?;
    let access = scene.view.face(face.id);
    let writable = scene.table(face).writable;
    let create = access.and_then(|access| access.create.as_ref());
    // A view may take changes of rows that stand and no new ones, or the other way round.
    let creates = (writable.insert || !writable.update)
        && create.is_some_and(|create| {
            let takes = |column: &ColumnId| create.columns.get(column.0 as usize) == Some(&true);
            face.key.iter().all(takes)
        });
    let update = access.and_then(|access| access.update.as_ref());
    let updates = update.is_some() && writable.update;
    let mut sent = sent(call, scene, face, |column| {
        let sets = update.is_some_and(|update| update.set.iter().any(|(own, _)| *own == column));
        let takes = update.is_some_and(|update| update.columns.get(column.0 as usize) == Some(&true));
        // What is set for new rows alone can be changed later.
        sets || (scene.is_preset(face, column) && !takes)
    })?;
    let parts = query::id_parts(id, face.key.len());
    if !face.key.is_empty() && parts.len() != face.key.len() {
        let names: Vec<&str> = face
            .key
            .iter()
            .map(|column| face.column(*column).name.as_str())
            .collect();
        let (name, count) = (face.name.as_str(), names.len());
        let message = format!("the key of {name:?} has {count} parts ({})", names.join(", "));
        return Err(Error::invalid(Code::INVALID_VALUE, message).at("id"));
    }
    let key: Vec<(Name, Value)> = face
        .key
        .iter()
        .zip(&parts)
        .map(|(column, part)| (face.column(*column).name.clone(), Value::Raw(part.as_str().into())))
        .collect();
    for (name, in_path) in &key {
        let Some(position) = sent.iter().position(|(own, _)| own == name) else {
            continue;
        };
        let (_, in_body) = sent.remove(position);
        if !is_same(&in_body, in_path) {
            let message = format!(
                "{:?} is {} in the body and another in the path",
                name.as_str(),
                in_body.describe()
            );
            return Err(Error::invalid(Code::INVALID_VALUE, message).at(name.as_str()));
        }
    }
    let mut builder = Builder::new();
    let change = if creates {
        let columns = sent.iter().map(|(name, _)| name.clone()).collect();
        let conflict = updates.then_some(Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Update {
                columns: Some(columns),
                filter: None,
                // The row that stands is changed: none is proposed.
                proposed: false,
            },
        });
        let row = key.into_iter().chain(sent).collect();
        insert(&mut builder, row, conflict)
    } else {
        let slots = parts
            .into_iter()
            .map(|part| builder.push(Value::Raw(part.into())))
            .collect();
        let set = sent
            .into_iter()
            .map(|(column, value)| Assignment {
                column,
                value: Expression::Value(builder.push(value)),
            })
            .collect();
        Change::Update {
            filter: Some(Filter::Key(slots)),
            within: None,
            set,
            links: Vec::new(),
        }
    };
    let strict = !creates;
    Ok(step(builder, face, change, strict, |written| {
        if written.created > 0 {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        }
    }))
}

/// `DELETE /api/{table}/{id}`: the row that was is answered.
pub(super) fn delete(query: &Query<'_>, face: &Face, id: &str) -> Result<Step> {
    query.only(&[])?;
    let mut builder = Builder::new();
    let parts = query::id_parts(id, face.key.len());
    let key = parts
        .into_iter()
        .map(|part| builder.push(Value::Raw(part.into())))
        .collect();
    let change = Change::Delete {
        filter: Some(Filter::Key(key)),
        within: None,
    };
    Ok(step(builder, face, change, true, |_| StatusCode::OK))
}

fn step(
    builder: Builder,
    face: &Face,
    change: Change,
    strict: bool,
    status: impl FnOnce(&Written) -> StatusCode + Send + 'static,
) -> Step {
    let write = Write {
        table: face.name.clone(),
        change,
        returning: Some(Output::Row(vec![Field::AllColumns])),
        formats: Formats::default(),
        unit: 0,
        strict,
        skips: false,
    };
    Step::Write {
        batch: Box::new(builder.finish_batch(vec![write])),
        write: Box::new(move |written| {
            let Some(first) = written.into_iter().next() else {
                return Err(Error::internal("a write without an outcome"));
            };
            let status = status(&first);
            let body = first.body.unwrap_or_default();
            Ok(write::json(status, [DATA.as_bytes(), &body, b"}"].concat()))
        }),
    }
}

fn insert(builder: &mut Builder, row: Sent, conflict: Option<Conflict>) -> Change {
    let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let row = [Value::Integer(0)].into_iter().chain(values).collect();
    let rows = builder.push(Value::List(vec![Value::List(row)]));
    let group = RowGroup {
        columns,
        links: Vec::new(),
        rows,
    };
    Change::Insert(Insert {
        groups: vec![group],
        conflict,
    })
}

/// The row in the body, without what is ignored: what a rule sets (the owner). It ends with the first name that is unknown,
/// which the engine refuses: so no more is looked at than there are columns.
fn sent(call: &Call, scene: Scene<'_>, face: &Face, is_ignored: impl Fn(ColumnId) -> bool) -> Result<Sent> {
    let object = body::object(call)?;
    let mut sent: Sent = Vec::with_capacity(object.len().min(face.columns.len() + 1));
    let mut known: HashSet<ColumnId> = HashSet::with_capacity(sent.capacity());
    for (key, value) in object {
        let is_known = |id: &ColumnId| scene.view.knows(face.id, *id);
        let by_name = face.column_named(&key).filter(is_known);
        let Some(id) = by_name.or_else(|| filter::by_camel(scene, face, &key)) else {
            sent.push((Name::new(key), Value::from(value)));
            break;
        };
        if is_ignored(id) {
            continue;
        }
        let name = face.column(id).name.clone();
        if !known.insert(id) {
            let message = format!("{:?} was sent twice", name.as_str());
            return Err(Error::invalid(Code::INVALID_VALUE, message).at(name.as_str()));
        }
        sent.push((name, Value::from(value)));
    }
    Ok(sent)
}

fn is_same(body: &Value, path: &Value) -> bool {
    let (Value::Raw(path) | Value::Text(path)) = path else {
        return false;
    };
    match body {
        Value::Text(text) | Value::Raw(text) | Value::Number(text) => text == path,
        Value::Integer(number) => number.to_string() == **path,
        _ => false,
    }
}
