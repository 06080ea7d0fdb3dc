//! Its OpenAPI paths.

use super::filter;
use crate::catalog::Face;
use crate::request::BytesFormat;
use crate::rest::openapi::Sending;
use crate::rest::{Document, Scene, openapi};
use crate::value::Type;
use serde_json::{Map, Value, json};

pub(super) fn describe(scene: Scene<'_>, document: &mut Document, served: impl Fn(&Face) -> bool) {
    let error = document.error();
    let both = Shared {
        id: document.id(
            "based.id",
            "The key; parts of a key of several columns are separated by commas.",
        ),
        wrong: document.response("based.wrong", answer("What is wrong.", &error)),
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
        let list = json!({
            "tags": [name],
            "summary": format!("Rows of {name}"),
            "parameters": parameters,
            "responses": {
                "200": answer("The rows, and how many there are in all.", &json!({
                    "type": "object",
                    "properties": {"data": {"type": "array", "items": row}, "total": {"type": "integer", "minimum": 0}},
                    "required": ["data", "total"],
                })),
                "default": both.wrong,
            },
        });
        document.operation("get", &path, &format!("based.list.{name}"), list);
        if !scene.has_key(face) {
            continue;
        }
        let get = json!({
            "tags": [name],
            "summary": format!("One row of {name}"),
            "parameters": [both.id],
            "responses": {
                "200": answer("The row.", &json!({"type": "object", "properties": {"data": row}, "required": ["data"]})),
                "default": both.wrong,
            },
        });
        document.operation("get", &format!("{path}/{{id}}"), &format!("based.get.{name}"), get);
    }
}

/// What operations of all tables refer to.
struct Shared {
    id: Value,
    wrong: Value,
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
    if creates {
        let new = openapi::sent(scene, face, BytesFormat::Hex, Sending::New, &[]);
        let new = document.schema(&format!("{name}.new"), new);
        let create = json!({
            "tags": [name],
            "summary": format!("Create a row of {name}"),
            "requestBody": openapi::body(&new),
            "responses": {"201": told, "default": both.wrong},
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
        let mut responses = Map::new();
        if scene.may_update(face) {
            responses.insert("200".into(), told.clone());
        }
        if creates && takes_key {
            responses.insert("201".into(), told.clone());
        }
        responses.insert("default".into(), both.wrong.clone());
        let put = json!({
            "tags": [name],
            "summary": format!("Write the row of {name} with this key"),
            "parameters": [both.id],
            "requestBody": openapi::body(&sent),
            "responses": responses,
        });
        document.operation("put", &path, &format!("based.put.{name}"), put);
    }
    if scene.may_delete(face) {
        let delete = json!({
            "tags": [name],
            "summary": format!("Delete a row of {name}"),
            "parameters": [both.id],
            "responses": {"200": told, "default": both.wrong},
        });
        document.operation("delete", &path, &format!("based.delete.{name}"), delete);
    }
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}
