//! Its OpenAPI paths.

use super::schema::{Mode, record};
use super::{change, output, transaction};
use crate::catalog::Face;
use crate::request::BytesFormat;
use crate::rest::openapi::{self, Refusals, segment};
use crate::rest::{Document, Scene};
use serde_json::{Value, json};

/// What its statuses mean; as text, or as JSON where `Accept` names it.
const MEANINGS: [(u16, &str); 9] = [
    (
        400,
        "Something in the request is wrong, or a constraint of the database is violated.",
    ),
    (401, "The credentials that were sent are not valid."),
    (
        403,
        "The caller may not do this, or the record does not satisfy the rule.",
    ),
    (404, "There is no such record, or none that the caller may read."),
    (405, "There is no such API, or the method is not for it."),
    (409, "The same write is under way (Idempotency-Key)."),
    (413, "The body is too large, or holds too many records."),
    (415, "The body is neither JSON nor a form."),
    (
        422,
        "The Idempotency-Key came before with another request, or what it gave is not told any more.",
    ),
];

/// What reading may be answered with, and what writing may.
const READING: [u16; 4] = [400, 401, 403, 405];
const READING_ONE: [u16; 5] = [400, 401, 403, 404, 405];
const CREATING: [u16; 8] = [400, 401, 403, 405, 409, 413, 415, 422];
const CHANGING: [u16; 9] = [400, 401, 403, 404, 405, 409, 413, 415, 422];
const DELETING: [u16; 7] = [400, 401, 403, 404, 405, 409, 422];

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
    let refusals = Refusals {
        dialect: "trailbase",
        content: json!({"text/plain": {"schema": {"type": "string"}}, "application/json": {"schema": error}}),
        meanings: &MEANINGS,
        bare: &[405],
    };
    let done = json!({"description": "It has happened."});
    let ids = json!({
        "type": "object", "properties": {"ids": {"type": "array", "items": {"type": "string"}}}, "required": ["ids"],
    });
    let ids = json!({"description": "The ids of the new records, in their order.", "content": {"application/json": {"schema": ids}}});
    let both = Shared {
        id: document.id("trailbase.id", "The key; UUIDs and bytes in url-safe base64."),
        refusals,
        done: document.response("trailbase.done", done),
        ids: document.response("trailbase.ids", ids),
    };
    let writes_any = |face: &Face| scene.may_create(face) || scene.may_update(face) || scene.may_delete(face);
    if scene.known().any(writes_any) {
        execution(scene, document, &both);
    }
    for face in scene.known() {
        writes(scene, face, document, &both);
        if !scene.may_read(face) {
            continue;
        }
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
        let list = reading(document, &both, (name, &summary), &parameters, &page, &READING);
        document.operation("get", &path, &format!("trailbase.list.{name}"), list);
        if scene.has_key(face) {
            let mut parameters = vec![both.id.clone()];
            parameters.extend(expand);
            let summary = format!("One record of {name}");
            let get = reading(document, &both, (name, &summary), &parameters, &row, &READING_ONE);
            document.operation("get", &format!("{path}/{{id}}"), &format!("trailbase.get.{name}"), get);
        }
        if scene.view.face(face.id).is_some_and(|access| access.schema) {
            let mode = json!({
                "name": "mode", "in": "query",
                "schema": {"type": "string", "enum": ["Insert", "Select", "Update"], "default": "Insert"},
            });
            let summary = format!("JSON Schema of {name}");
            let schema = json!({"type": "object"});
            let schema = reading(document, &both, (name, &summary), &[mode], &schema, &READING);
            document.operation(
                "get",
                &format!("{path}/schema"),
                &format!("trailbase.schema.{name}"),
                schema,
            );
        }
    }
}

/// What operations of all tables refer to.
struct Shared {
    id: Value,
    refusals: Refusals,
    done: Value,
    ids: Value,
}

/// What the role may write.
fn writes<'a>(scene: Scene<'a>, face: &'a Face, document: &mut Document, both: &Shared) {
    let name = face.name.as_str();
    let path = format!("/api/records/v1/{}", segment(name));
    let key = key(scene, document);
    let with_id = || [both.id.clone()].into_iter().chain(key.clone()).collect::<Vec<_>>();
    if scene.may_create(face) {
        let new = document.schema(&format!("{name}.new"), record(scene, face, Mode::Insert));
        let many = json!({"type": "array", "items": new, "minItems": 1, "maxItems": change::MOST});
        let form = json!({"schema": new});
        let redirect = document.parameter(
            "trailbase.redirect_uri",
            "redirect_uri",
            json!({"type": "string"}),
            "Where a browser goes afterwards: a path of this server, or an address that the configuration lists.",
        );
        let parameters: Vec<Value> = [redirect].into_iter().chain(key.clone()).collect();
        let told = json!({"200": both.ids, "303": {"description": "With `redirect_uri`: where to go."}});
        let create = json!({
            "tags": [name],
            "summary": format!("Create records of {name}, all or none"),
            "parameters": parameters,
            "requestBody": {"required": true, "content": {
                "application/json": {"schema": {"anyOf": [new, many]}},
                "application/x-www-form-urlencoded": form,
                "multipart/form-data": form,
            }},
            "responses": both.refusals.beside(document, told, &CREATING),
        });
        document.operation("post", &path, &format!("trailbase.create.{name}"), create);
    }
    if face.key.is_empty() {
        return;
    }
    let path = format!("{path}/{{id}}");
    if scene.may_update(face) {
        let changed = document.schema(&format!("{name}.change"), record(scene, face, Mode::Update));
        let update = json!({
            "tags": [name],
            "summary": format!("Change a record of {name}"),
            "parameters": with_id(),
            "requestBody": openapi::body(&changed),
            "responses": both.refusals.beside(document, json!({"200": both.done}), &CHANGING),
        });
        document.operation("patch", &path, &format!("trailbase.update.{name}"), update);
    }
    if scene.may_delete(face) {
        let delete = json!({
            "tags": [name],
            "summary": format!("Delete a record of {name}"),
            "parameters": with_id(),
            "responses": both.refusals.beside(document, json!({"200": both.done}), &DELETING),
        });
        document.operation("delete", &path, &format!("trailbase.delete.{name}"), delete);
    }
}

/// Who is nobody has no outcomes kept.
fn key(scene: Scene<'_>, document: &mut Document) -> Option<Value> {
    scene.is_somebody().then(|| document.idempotency_key())
}

/// Several operations at once; the bodies of records are those of their tables.
fn execution(scene: Scene<'_>, document: &mut Document, both: &Shared) {
    let text = json!({"type": "string"});
    let id = json!({"type": ["string", "integer"]});
    let data = json!({"type": "object"});
    let named = |mut properties: Value, key: &str| {
        properties["api_name"] = text.clone();
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(|own| own.keys()).collect();
        let inner = json!({"type": "object", "properties": properties, "required": required});
        json!({"type": "object", "properties": {key: inner}, "required": [key]})
    };
    let typed = |mut properties: Value, kind: &str| {
        properties["type"] = json!({"const": kind});
        properties["api"] = text.clone();
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(|own| own.keys()).collect();
        json!({"type": "object", "properties": properties, "required": required})
    };
    let operation = document.schema(
        "trailbase.operation",
        json!({"anyOf": [
            named(json!({"value": data}), "Create"),
            named(json!({"record_id": id, "value": data}), "Update"),
            named(json!({"record_id": id}), "Delete"),
            typed(json!({"data": data}), "create"),
            typed(json!({"id": id, "data": data}), "update"),
            typed(json!({"id": id}), "delete"),
        ]}),
    );
    let sent = json!({
        "type": "object",
        "properties": {
            "operations": {"type": "array", "items": operation, "maxItems": transaction::MOST},
            "transaction": {
                "type": "boolean", "default": true,
                "description": "All or none; false makes a transaction of each operation (not in the form with `type`).",
            },
        },
        "required": ["operations"],
    });
    let result = json!({"type": "object", "properties": {"Id": {"type": ["string", "null"]}, "Error": text}});
    let answer = json!({
        "type": "object",
        "properties": {
            "results": {"type": "array", "items": result},
            "ids": {"type": "array", "items": text, "description": "Of the records that were created."},
        },
        "required": ["results", "ids"],
    });
    let told = json!({
        "200": {"description": "What became of each operation.", "content": {"application/json": {"schema": answer}}},
    });
    let execute = json!({
        "summary": "Create, change and delete records of several tables",
        "parameters": key(scene, document).into_iter().collect::<Vec<_>>(),
        "requestBody": openapi::body(&sent),
        "responses": both.refusals.beside(document, told, &[400, 401, 403, 404, 409, 413, 415, 422]),
    });
    document.operation("post", "/api/transaction/v1/execute", "trailbase.execute", execute);
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

fn reading(
    document: &mut Document,
    both: &Shared,
    (tag, summary): (&str, &str),
    parameters: &[Value],
    schema: &Value,
    refused: &[u16],
) -> Value {
    let told =
        json!({"200": {"description": "What was asked for.", "content": {"application/json": {"schema": schema}}}});
    json!({
        "tags": [tag],
        "summary": summary,
        "parameters": parameters,
        "responses": both.refusals.beside(document, told, refused),
    })
}
