//! Its OpenAPI paths.

use super::filter;
use crate::catalog::Face;
use crate::request::BytesFormat;
use crate::rest::{Document, Scene, openapi};
use crate::value::Type;
use serde_json::{Value, json};

pub(super) fn describe(scene: Scene<'_>, document: &mut Document, served: impl Fn(&Face) -> bool) {
    let error = document.error();
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
    for face in scene.readable().filter(|face| served(face)) {
        let name = face.name.as_str();
        if super::RESERVED.contains(&name) {
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
                "default": answer("What is wrong.", &error),
            },
        });
        document.get(&path, &format!("based.list.{name}"), list);
        if !scene.has_key(face) {
            continue;
        }
        let get = json!({
            "tags": [name],
            "summary": format!("One row of {name}"),
            "parameters": [{
                "name": "id", "in": "path", "required": true, "schema": {"type": "string"},
                "description": "The key; parts of a key of several columns are separated by commas.",
            }],
            "responses": {
                "200": answer("The row.", &json!({"type": "object", "properties": {"data": row}, "required": ["data"]})),
                "default": answer("What is wrong.", &error),
            },
        });
        document.get(&format!("{path}/{{id}}"), &format!("based.get.{name}"), get);
    }
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}
