//! Its OpenAPI paths.

mod accounts;

use super::filter;
use crate::catalog::Face;
use crate::request::BytesFormat;
use crate::rest::openapi::{Refusals, Sending};
use crate::rest::{Document, Scene, openapi};
use crate::value::Type;
use serde_json::{Value, json};

/// What its statuses mean.
const MEANINGS: [(u16, &str); 9] = [
    (
        400,
        "An unknown column or parameter, or a value that the column can't have (VALIDATION_ERROR).",
    ),
    (
        401,
        "Credentials are needed, or those that were sent are not valid (UNAUTHORIZED, INVALID_CREDENTIALS).",
    ),
    (
        403,
        "The role may not do this, or the row does not satisfy its rule (FORBIDDEN).",
    ),
    (404, "There is no such row, or none that the role may read (NOT_FOUND)."),
    (
        409,
        "The key is taken, other rows are in the way, or the same write is under way (CONFLICT).",
    ),
    (413, "The body is too large (PAYLOAD_TOO_LARGE)."),
    (415, "The body is not JSON (UNSUPPORTED_MEDIA_TYPE)."),
    (
        422,
        "The Idempotency-Key came before with another request, or what it gave is not told any more.",
    ),
    (429, "Too many failed attempts to sign in (TOO_MANY_REQUESTS)."),
];

/// What reading may be answered with, and what writing may.
const READING: [u16; 3] = [400, 401, 403];
const CREATING: [u16; 7] = [400, 401, 403, 409, 413, 415, 422];
const CHANGING: [u16; 8] = [400, 401, 403, 404, 409, 413, 415, 422];
const DELETING: [u16; 6] = [400, 401, 403, 404, 409, 422];

pub(super) fn describe(scene: Scene<'_>, document: &mut Document, served: impl Fn(&Face) -> bool) {
    let error = document.error();
    let refusals = Refusals {
        dialect: "based",
        content: json!({"application/json": {"schema": error}}),
        meanings: &MEANINGS,
        bare: &[],
    };
    accounts::describe(document, &refusals);
    let both = Shared {
        id: document.id(
            "based.id",
            "The key; parts of a key of several columns are separated by commas.",
        ),
        refusals,
    };
    let limit = json!({
        "type": "integer", "minimum": 0, "maximum": scene.settings.max_limit, "default": scene.settings.default_limit,
    });
    let shared = [
        document.parameter("based.limit", "limit", limit, "Most rows."),
        document.parameter(
            "offset",
            "offset",
            json!({"type": "integer", "minimum": 0, "default": 0}),
            "Rows passed over.",
        ),
        document.parameter(
            "order",
            "order",
            json!({"type": "string"}),
            "Columns in order of weight, separated by commas; `-` before one is descending.",
        ),
    ];
    for face in scene.known().filter(|face| served(face)) {
        let name = face.name.as_str();
        if super::RESERVED.contains(&name) {
            continue;
        }
        writes(scene, face, document, &both);
        if !scene.may_read(face) {
            continue;
        }
        let row = document.schema(name, openapi::row(scene, face, BytesFormat::Hex, |_| None));
        let mut parameters = shared.to_vec();
        for (id, column) in scene.columns(face) {
            let column = column.name.as_str();
            if super::PARAMETERS.contains(&column) {
                continue;
            }
            let data_type = &scene.physical(face, id).data_type;
            if matches!(data_type, Type::Geometry) {
                continue;
            }
            let camel = filter::camel(column);
            let mut description = "Only rows with this value; given more than once, with any of them.".to_owned();
            if camel != column {
                description = format!("{description} Also as `{camel}`.");
            }
            let values: Value = openapi::value(scene, data_type, BytesFormat::Hex).into();
            parameters.push(json!({
                "name": column, "in": "query", "description": description, "explode": true,
                "schema": {"type": "array", "items": values},
            }));
        }
        let path = format!("/api/{}", openapi::segment(name));
        let page = json!({
            "type": "object",
            "properties": {"data": {"type": "array", "items": row}, "total": {"type": "integer", "minimum": 0}},
            "required": ["data", "total"],
        });
        let told = json!({"200": answer("The rows, and how many there are in all.", &page)});
        let list = json!({
            "tags": [name],
            "summary": format!("Rows of {name}"),
            "parameters": parameters,
            "responses": both.refusals.beside(document, told, &READING),
        });
        document.operation("get", &path, &format!("based.list.{name}"), list);
        if !scene.has_key(face) {
            continue;
        }
        let data = json!({"type": "object", "properties": {"data": row}, "required": ["data"]});
        let told = json!({"200": answer("The row.", &data)});
        let get = json!({
            "tags": [name],
            "summary": format!("One row of {name}"),
            "parameters": [both.id],
            "responses": both.refusals.beside(document, told, &[400, 401, 403, 404]),
        });
        document.operation("get", &format!("{path}/{{id}}"), &format!("based.get.{name}"), get);
    }
}

/// What operations of all tables refer to.
struct Shared {
    id: Value,
    refusals: Refusals,
}

/// What the role may write.
fn writes<'a>(scene: Scene<'a>, face: &'a Face, document: &mut Document, both: &Shared) {
    let name = face.name.as_str();
    let path = format!("/api/{}", openapi::segment(name));
    // Who may not read the table is told the key.
    let row = if scene.may_read(face) {
        document.schema(name, openapi::row(scene, face, BytesFormat::Hex, |_| None))
    } else {
        json!({"type": "object"})
    };
    let data = json!({"type": "object", "properties": {"data": row}, "required": ["data"]});
    let creates = scene.may_create(face);
    if !creates && !scene.may_update(face) && !scene.may_delete(face) {
        return;
    }
    let told = document.response(&format!("based.{name}"), answer("The row.", &data));
    // Who is nobody has no outcomes kept.
    let key: Vec<Value> = scene
        .is_somebody()
        .then(|| document.idempotency_key())
        .into_iter()
        .collect();
    let with_id = || [both.id.clone()].into_iter().chain(key.clone()).collect::<Vec<_>>();
    if creates {
        let new = openapi::sent(scene, face, BytesFormat::Hex, Sending::New, &[]);
        let new = document.schema(&format!("{name}.new"), new);
        let create = json!({
            "tags": [name],
            "summary": format!("Create a row of {name}"),
            "parameters": key,
            "requestBody": openapi::body(&new),
            "responses": both.refusals.beside(document, json!({"201": told}), &CREATING),
        });
        document.operation("post", &path, &format!("based.create.{name}"), create);
    }
    if face.key.is_empty() {
        return;
    }
    let path = format!("{path}/{{id}}");
    let takes_key = face.key.iter().all(|column| scene.can_send(face, *column));
    let put = match creates && takes_key {
        true => {
            // The key stands in the path.
            let new = openapi::sent(scene, face, BytesFormat::Hex, Sending::New, &face.key);
            Some(document.schema(&format!("{name}.new"), new))
        }
        false => scene.may_update(face).then(|| {
            let changed = openapi::sent(scene, face, BytesFormat::Hex, Sending::Changed, &[]);
            document.schema(&format!("{name}.change"), changed)
        }),
    };
    if let Some(sent) = put {
        let mut own = json!({});
        if scene.may_update(face) {
            own["200"] = told.clone();
        }
        if creates && takes_key {
            own["201"] = told.clone();
        }
        let put = json!({
            "tags": [name],
            "summary": format!("Write the row of {name} with this key"),
            "parameters": with_id(),
            "requestBody": openapi::body(&sent),
            "responses": both.refusals.beside(document, own, &CHANGING),
        });
        document.operation("put", &path, &format!("based.put.{name}"), put);
    }
    if scene.may_delete(face) {
        let delete = json!({
            "tags": [name],
            "summary": format!("Delete a row of {name}"),
            "parameters": with_id(),
            "responses": both.refusals.beside(document, json!({"200": told}), &DELETING),
        });
        document.operation("delete", &path, &format!("based.delete.{name}"), delete);
    }
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}
