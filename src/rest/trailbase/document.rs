//! Its OpenAPI paths.

use super::output;
use super::schema::{Mode, record};
use crate::catalog::Face;
use crate::request::BytesFormat;
use crate::rest::openapi::{self, segment};
use crate::rest::{Document, Scene};
use serde_json::{Value, json};

pub(super) fn describe(scene: Scene<'_>, document: &mut Document) {
    let limit = json!({
        "type": "integer", "minimum": 0, "maximum": scene.settings.trailbase.max_limit,
        "default": scene.settings.default_limit.min(scene.settings.trailbase.max_limit),
    });
    let text = || json!({"type": "string"});
    let shared = [
        document.parameter(
            "trailbase.limit",
            "limit",
            limit,
            "Most records; 0 gives only the count.",
        ),
        document.parameter(
            "offset",
            "offset",
            json!({"type": "integer", "minimum": 0, "default": 0}),
            "Rows passed over.",
        ),
        document.parameter("cursor", "cursor", text(), "The cursor of the page before."),
        document.parameter(
            "trailbase.order",
            "order",
            text(),
            "At most 5 columns, separated by commas; `-` before one is descending.",
        ),
        document.parameter("count", "count", json!({"type": "boolean"}), "Adds `total_count`."),
        filters(document),
    ];
    let error = document.error();
    for face in scene.readable() {
        let name = face.name.as_str();
        let row = described(scene, face, document);
        let expandable: Vec<&str> = scene
            .columns(face)
            .filter(|(id, _)| output::can_expand(scene, face, *id))
            .map(|(_, column)| column.name.as_str())
            .collect();
        let expand = (!expandable.is_empty()).then(|| {
            let items = json!({"type": "string", "enum": expandable});
            json!({
                "name": "expand", "in": "query", "explode": false, "schema": {"type": "array", "items": items},
                "description": "Foreign keys whose records come along.",
            })
        });
        let geometries: Vec<&str> = scene
            .columns(face)
            .filter(|(id, _)| scene.is_geometry(face, *id))
            .map(|(_, column)| column.name.as_str())
            .collect();
        let mut parameters = shared.to_vec();
        parameters.extend(expand.clone());
        if !geometries.is_empty() {
            parameters.push(json!({
                "name": "geojson", "in": "query", "schema": {"type": "string", "enum": geometries},
                "description": "Answers a GeoJSON FeatureCollection with this geometry.",
            }));
        }
        let page = json!({
            "type": "object",
            "properties": {
                "records": {"type": "array", "items": row},
                "cursor": {"type": "string", "description": "Absent on the last page."},
                "total_count": {"type": "integer", "minimum": 0},
            },
            "required": ["records"],
        });
        let path = format!("/api/records/v1/{}", segment(name));
        let summary = format!("Records of {name}");
        document.get(
            &path,
            &format!("trailbase.list.{name}"),
            operation(name, &summary, &parameters, &page, &error),
        );
        if scene.has_key(face) {
            let mut parameters = vec![json!({
                "name": "id", "in": "path", "required": true, "schema": {"type": "string"},
                "description": "The key; UUIDs and bytes in url-safe base64.",
            })];
            parameters.extend(expand);
            let summary = format!("One record of {name}");
            document.get(
                &format!("{path}/{{id}}"),
                &format!("trailbase.get.{name}"),
                operation(name, &summary, &parameters, &row, &error),
            );
        }
        if scene.view.face(face.id).is_some_and(|access| access.schema) {
            let mode = json!({
                "name": "mode", "in": "query",
                "schema": {"type": "string", "enum": ["Insert", "Select", "Update"], "default": "Insert"},
            });
            let summary = format!("JSON Schema of {name}");
            let schema = json!({"type": "object"});
            document.get(
                &format!("{path}/schema"),
                &format!("trailbase.schema.{name}"),
                operation(name, &summary, &[mode], &schema, &error),
            );
        }
    }
}

/// The schema of a record: the table's own where both dialects write the same.
fn described<'a>(scene: Scene<'a>, face: &'a Face, document: &mut Document) -> Value {
    let mut schema = record(scene, face, Mode::Select);
    for (id, column) in scene.columns(face) {
        if output::is_wrapped(scene, face, id) || !output::can_expand(scene, face, id) {
            continue;
        }
        if let Some(plain) = schema
            .pointer_mut("/properties")
            .and_then(|properties| properties.get_mut(column.name.as_str()))
        {
            *plain = json!({"anyOf": [plain, {"type": "object", "description": "The record, where it is expanded."}]});
        }
    }
    let name = face.name.as_str();
    if schema == openapi::row(scene, face, BytesFormat::Hex, |_| None) {
        document.schema(name, schema)
    } else {
        document.schema(&format!("{name}.record"), schema)
    }
}

fn filters(document: &mut Document) -> Value {
    let schema = json!({"type": "object", "additionalProperties": true});
    let description = "`filter[column]=value`, `filter[column][$operator]=value` with $eq $ne $gt $gte $lt $lte $like $re $is $in \
                       $null $not @within @intersects @contains, and groups `filter[$or][0][column]=value`.";
    let parameter = document.parameter("filter", "filter", schema, description);
    document.style_deep_object("filter");
    parameter
}

fn operation(tag: &str, summary: &str, parameters: &[Value], schema: &Value, error: &Value) -> Value {
    json!({
        "tags": [tag],
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": "What was asked for.", "content": {"application/json": {"schema": schema}}},
            "default": {"description": "What is wrong; as JSON where `Accept` names it.", "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/json": {"schema": error},
            }},
        },
    })
}
