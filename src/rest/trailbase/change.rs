//! POST, PATCH and DELETE of records.

use super::{FORMATS, id, not_allowed, redirect};
use crate::catalog::{ConflictMode, Face};
use crate::engine::Written;
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::principal::Variable;
use crate::request::{
    Assignment, Builder, Change, Conflict, ConflictAction, ConflictTarget, Expression, Filter, Insert, Output,
    RowGroup, Slot, Write,
};
use crate::rest::body::{self, Fields, Sent};
use crate::rest::query::Query;
use crate::rest::{Call, Scene, Step, write};
use crate::value::{Type, Value};
use axum::http::StatusCode;
use indexmap::IndexMap;
use serde_json::json;

/// Most records of one list.
pub(super) const MOST: usize = 1024;

/// `POST /{name}`: one record, or a list of them.
pub(super) fn create<'a>(call: &Call, query: Query<'_>, scene: Scene<'a>, face: &'a Face) -> Result<Step> {
    query.only(&["redirect_uri"])?;
    let target = query.one("redirect_uri")?;
    let target = target.map(|uri| redirect::target(uri, scene)).transpose()?;
    let rows = match body::rows(call)? {
        Sent::One(row) => vec![row],
        Sent::Many(rows) if rows.is_empty() => {
            let message = "the list is empty; send a record, or a list of at least one";
            return Err(Error::invalid(Code::INVALID_VALUE, message));
        }
        Sent::Many(rows) if rows.len() > MOST => {
            let message = format!("{} records are too many, at most {MOST} are taken at once", rows.len());
            return Err(Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message));
        }
        Sent::Many(rows) => rows,
    };
    let mut builder = Builder::new();
    let insert = insert(&mut builder, scene, face, rows);
    Ok(Step::Write {
        batch: Box::new(builder.finish_batch(vec![insert])),
        write: Box::new(move |written| {
            let ids = written.first().map(ids).transpose()?.unwrap_or_default();
            Ok(match target {
                Some(target) => write::see_other(target),
                None => write::json(StatusCode::OK, json!({"ids": ids}).to_string()),
            })
        }),
    })
}

/// `PATCH /{name}/{id}`
pub(super) fn update<'a>(call: &Call, query: Query<'_>, scene: Scene<'a>, face: &'a Face, id: &str) -> Result<Step> {
    query.only(&[])?;
    let Sent::One(fields) = body::rows(call)? else {
        let message = "the body is a list; one record is changed by an object of columns and their values";
        return Err(Error::invalid(Code::INVALID_SYNTAX, message));
    };
    let mut builder = Builder::new();
    let update = change(&mut builder, scene, face, id, fields)?;
    Ok(done(builder, update))
}

/// `DELETE /{name}/{id}`
pub(super) fn delete<'a>(query: Query<'_>, scene: Scene<'a>, face: &'a Face, id: &str) -> Result<Step> {
    query.only(&[])?;
    let mut builder = Builder::new();
    let delete = removal(&mut builder, scene, face, id)?;
    Ok(done(builder, delete))
}

/// A write of which nothing is told but that it has happened.
fn done(builder: Builder, write: Write) -> Step {
    Step::Write {
        batch: Box::new(builder.finish_batch(vec![write])),
        write: Box::new(|_| Ok(write::empty(StatusCode::OK))),
    }
}

/// New records. Those with the same columns are written together.
pub(super) fn insert<'a>(builder: &mut Builder, scene: Scene<'a>, face: &'a Face, rows: Vec<Fields>) -> Write {
    let mut groups: IndexMap<Vec<Name>, Vec<Value>> = IndexMap::new();
    for (place, mut fields) in rows.into_iter().enumerate() {
        autofill(scene, face, &mut fields);
        let (columns, values): (Vec<_>, Vec<_>) = columns(scene, face, fields).into_iter().unzip();
        let place = Value::Integer(i64::try_from(place).unwrap_or(i64::MAX));
        let row = [place].into_iter().chain(values).collect();
        groups.entry(columns).or_default().push(Value::List(row));
    }
    let groups = groups.into_iter().map(|(columns, rows)| RowGroup {
        columns,
        links: Vec::new(),
        rows: builder.push(Value::List(rows)),
    });
    let insert = Insert {
        groups: groups.collect(),
        conflict: conflict(scene, face),
    };
    Write {
        returning: (!face.key.is_empty()).then_some(Output::Keys),
        ..plain(face, Change::Insert(insert))
    }
}

/// A changed record.
pub(super) fn change<'a>(
    builder: &mut Builder,
    scene: Scene<'a>,
    face: &'a Face,
    id: &str,
    fields: Fields,
) -> Result<Write> {
    let filter = Filter::Key(key(builder, scene, face, id)?);
    let set = columns(scene, face, fields)
        .into_iter()
        .map(|(column, value)| Assignment {
            column,
            value: Expression::Value(builder.push(value)),
        })
        .collect();
    let change = Change::Update {
        filter: Some(filter),
        within: None,
        set,
        links: Vec::new(),
    };
    Ok(Write {
        strict: true,
        ..plain(face, change)
    })
}

/// A record that goes.
pub(super) fn removal<'a>(builder: &mut Builder, scene: Scene<'a>, face: &'a Face, id: &str) -> Result<Write> {
    let filter = Filter::Key(key(builder, scene, face, id)?);
    let change = Change::Delete {
        filter: Some(filter),
        within: None,
    };
    Ok(Write {
        strict: true,
        ..plain(face, change)
    })
}

fn plain(face: &Face, change: Change) -> Write {
    Write {
        table: face.name.clone(),
        change,
        returning: None,
        formats: FORMATS,
        unit: 0,
        strict: false,
        skips: false,
    }
}

/// The ids of the records that a write has created or changed, in the dialect's form.
pub(super) fn ids(written: &Written) -> Result<Vec<String>> {
    let Some(body) = &written.body else {
        return Ok(Vec::new());
    };
    let rows: Vec<IndexMap<String, serde_json::Value>> = serde_json::from_slice(body).map_err(Error::internal)?;
    Ok(rows.iter().map(|row| id::write(row.values())).collect())
}

fn key(builder: &mut Builder, scene: Scene<'_>, face: &Face, id: &str) -> Result<Vec<Slot>> {
    if face.key.is_empty() {
        return Err(not_allowed(scene.no_key(face)));
    }
    let values = id::parse(id, scene, face)?;
    Ok(values.into_iter().map(|value| builder.push(value)).collect())
}

/// What was sent, in the order of the table's columns, so that the order of members makes no other plan. Names that are
/// unknown are left for the engine to refuse.
fn columns(scene: Scene<'_>, face: &Face, fields: Fields) -> Vec<(Name, Value)> {
    let mut columns: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| {
            let column = face.column_named(&name);
            let value = match column {
                Some(column) => read(value, &scene.physical(face, column).data_type),
                None => value,
            };
            (column, Name::new(name), value)
        })
        .collect();
    columns.sort_by_key(|(column, ..)| column.map_or(u16::MAX, |column| column.0));
    columns.into_iter().map(|(_, name, value)| (name, value)).collect()
}

/// A value as it is written here → as every part of the engine reads it.
fn read(value: Value, data_type: &Type) -> Value {
    match value {
        // What was left empty in a form, where that is no text.
        Value::Raw(text) if text.is_empty() && !matches!(data_type, Type::Text { .. } | Type::Other(_)) => Value::Null,
        Value::Raw(text) => id::value(&text, data_type),
        Value::Text(text) if matches!(data_type, Type::Uuid | Type::Bytes) => id::value(&text, data_type),
        other => other,
    }
}

/// Fills the columns for the caller's id that are absent, and that the caller could have sent.
fn autofill(scene: Scene<'_>, face: &Face, fields: &mut Fields) {
    let Some(Variable::Text(caller)) = scene.principal.variable("id") else {
        return;
    };
    for column in &face.autofill {
        let name = face.column(*column).name.as_str();
        if scene.can_send(face, *column) && !fields.iter().any(|(own, _)| own == name) {
            fields.push((name.to_owned(), Value::Raw(caller.clone())));
        }
    }
}

/// What the configuration wants where a record of the same key stands. Who may not change records cannot replace one:
/// it stands in the way.
fn conflict(scene: Scene<'_>, face: &Face) -> Option<Conflict> {
    match face.conflict {
        ConflictMode::Ignore => Some(Conflict {
            target: ConflictTarget::Any,
            action: ConflictAction::Ignore,
        }),
        ConflictMode::Replace if !face.key.is_empty() && scene.may_update(face) => Some(Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Update {
                columns: None,
                filter: None,
                proposed: true,
            },
        }),
        ConflictMode::Refuse | ConflictMode::Replace => None,
    }
}
