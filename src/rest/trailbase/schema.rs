//! `GET /{name}/schema?mode=Insert|Select|Update`: a JSON Schema (draft 2020-12) of a record.

use super::{FORMATS, output};
use crate::catalog::Face;
use crate::error::{Code, Error, Result};
use crate::rest::query::{Query, clip};
use crate::rest::{Scene, Step, openapi, write};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// For what a record is described.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A new record.
    Insert,
    /// A record as it is read.
    Select,
    /// A change.
    Update,
}

/// Answers from the catalog alone.
pub(super) fn answer<'a>(query: Query<'_>, scene: Scene<'a>, face: &'a Face) -> Result<Step> {
    query.only(&["mode"])?;
    let mode = match query.one("mode")? {
        None | Some("Insert") => Mode::Insert,
        Some("Select") => Mode::Select,
        Some("Update") => Mode::Update,
        Some(other) => {
            let message = format!("mode must be Insert, Select or Update, not {}", clip(other));
            return Err(Error::invalid(Code::INVALID_SYNTAX, message).at("mode"));
        }
    };
    if !scene.in_scope(face) || !scene.view.face(face.id).is_some_and(|access| access.schema) {
        let (role, name) = (scene.principal.role.as_str(), face.name.as_str());
        return Err(Error::forbidden(format!(
            "role {role:?} may not read the schema of {name:?}"
        )));
    }
    let mut schema = record(scene, face, mode);
    if let Value::Object(members) = &mut schema {
        members.shift_insert(
            0,
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        members.shift_insert(1, "title".into(), face.name.as_str().into());
    }
    Ok(Step::Done(write::json(StatusCode::OK, schema.to_string())))
}

/// A record as the role sees it.
pub(super) fn record<'a>(scene: Scene<'a>, face: &'a Face, mode: Mode) -> Value {
    if mode == Mode::Select {
        return openapi::row(scene, face, FORMATS.bytes, |name| {
            let id = face
                .column_named(name)
                .filter(|id| output::is_wrapped(scene, face, *id))?;
            let physical = scene.physical(face, id);
            let key: Value = openapi::value(scene, &physical.data_type, FORMATS.bytes).into();
            let object = json!({
                "type": "object",
                "properties": {"id": key, "data": {"type": ["object", "null"]}},
                "required": ["id"],
            });
            Some(match object {
                Value::Object(members) if physical.nullable => openapi::or_null(members),
                object => object,
            })
        });
    }
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (id, column) in scene.columns(face) {
        let physical = scene.physical(face, id);
        if !openapi::is_writable(physical) {
            continue;
        }
        let plain = openapi::value(scene, &physical.data_type, FORMATS.bytes);
        let mut value = if physical.nullable {
            openapi::or_null(plain)
        } else {
            plain.into()
        };
        openapi::describe(&mut value, physical);
        properties.insert(column.name.as_str().to_owned(), value);
        if mode == Mode::Insert && openapi::is_required(physical) {
            required.push(Value::from(column.name.as_str()));
        }
    }
    json!({"type": "object", "properties": properties, "required": required})
}
