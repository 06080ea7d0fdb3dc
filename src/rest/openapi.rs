//! The OpenAPI document that the dialects write into, and JSON Schemas of columns, tables and answers.

use super::Scene;
use crate::catalog::{Column, ColumnId, DatabaseKind, Default as ColumnDefault, Face, Table};
use crate::request::BytesFormat;
use crate::value::Type;
use serde_json::{Map, Value, json};

/// An OpenAPI 3.1 document in the making.
#[derive(Default)]
pub struct Document {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    parameters: Map<String, Value>,
    responses: Map<String, Value>,
    operations: Map<String, Value>,
}

impl Document {
    /// Keeps a schema and returns a reference to it. An equal one of the same name is shared; another one of the same name
    /// gets a number.
    pub(super) fn schema(&mut self, name: &str, schema: Value) -> Value {
        let name = keep(&mut self.schemas, &word(name), schema);
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// The schema of errors in JSON, which the dialects share.
    pub(super) fn error(&mut self) -> Value {
        let detail = json!({
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        });
        self.schema(
            "Error",
            json!({"type": "object", "properties": {"error": detail}, "required": ["error"]}),
        )
    }

    /// Keeps a query parameter and returns a reference to it; `key` tells parameters of one name apart.
    pub(super) fn parameter(&mut self, key: &str, name: &str, schema: Value, description: &str) -> Value {
        let parameter = json!({"name": name, "in": "query", "description": description, "schema": schema});
        let key = keep(&mut self.parameters, &word(key), parameter);
        json!({"$ref": format!("#/components/parameters/{key}")})
    }

    /// Keeps the parameter for the id in a path and returns a reference to it.
    pub(super) fn id(&mut self, key: &str, description: &str) -> Value {
        let parameter = json!({
            "name": "id", "in": "path", "required": true, "description": description, "schema": {"type": "string"},
        });
        let key = keep(&mut self.parameters, &word(key), parameter);
        json!({"$ref": format!("#/components/parameters/{key}")})
    }

    /// Keeps the header by which a write can be sent again without happening twice, and returns a reference to it.
    pub(super) fn idempotency_key(&mut self) -> Value {
        let parameter = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A write that has succeeded is not done again under the same key, but answered as it was.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        });
        let key = keep(&mut self.parameters, "idempotency_key", parameter);
        json!({"$ref": format!("#/components/parameters/{key}")})
    }

    /// Keeps a response and returns a reference to it.
    pub(super) fn response(&mut self, key: &str, response: Value) -> Value {
        let key = keep(&mut self.responses, &word(key), response);
        json!({"$ref": format!("#/components/responses/{key}")})
    }

    /// Writes a kept parameter as `name[key]=value`.
    pub(super) fn style_deep_object(&mut self, key: &str) {
        if let Some(Value::Object(parameter)) = self.parameters.get_mut(key) {
            parameter.insert("style".into(), "deepObject".into());
            parameter.insert("explode".into(), true.into());
        }
    }

    /// Adds an operation of a path, whose names are [`segment`]s; `method` is in lower case.
    pub(super) fn operation(&mut self, method: &'static str, path: &str, id: &str, mut operation: Value) {
        let id = keep(&mut self.operations, &word(id), json!([method, path]));
        if let Value::Object(operation) = &mut operation {
            operation.shift_insert(0, "operationId".into(), id.into());
        }
        let item = self.paths.entry(path).or_insert_with(|| Map::new().into());
        if let Value::Object(methods) = item {
            // Reading stands first.
            let place = if method == "get" { 0 } else { methods.len() };
            methods.shift_insert(place, method.into(), operation);
        }
    }

    /// The whole document.
    pub(super) fn finish(self) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": {"title": "Diglot", "version": env!("CARGO_PKG_VERSION")},
            "security": [{}, {"anonKey": []}, {"bearer": []}],
            "paths": self.paths,
            "components": {
                "schemas": self.schemas,
                "parameters": self.parameters,
                "responses": self.responses,
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                    "anonKey": {"type": "apiKey", "in": "header", "name": "apikey"},
                },
            },
        })
    }
}

/// What a dialect says of its refusals: what each status means, and how it is written. Those that an operation names are
/// kept.
pub(super) struct Refusals {
    /// The dialect.
    pub(super) dialect: &'static str,
    /// The body by media type.
    pub(super) content: Value,
    /// Statuses in their order.
    pub(super) meanings: &'static [(u16, &'static str)],
    /// Those without a body.
    pub(super) bare: &'static [u16],
}

impl Refusals {
    /// The responses of an operation: its own, these refusals, and whatever else may go wrong.
    pub(super) fn beside(&self, document: &mut Document, own: Value, statuses: &[u16]) -> Value {
        let mut responses = own;
        for (status, meaning) in self.meanings.iter().filter(|(status, _)| statuses.contains(status)) {
            let mut response = json!({"description": meaning});
            if !self.bare.contains(status) {
                response["content"] = self.content.clone();
            }
            let status = status.to_string();
            responses[&status] = document.response(&format!("{}.{status}", self.dialect), response);
        }
        let other = json!({"description": "Anything else that is wrong.", "content": self.content});
        responses["default"] = document.response(&format!("{}.wrong", self.dialect), other);
        responses
    }
}

/// Keeps a value under a name that no other value has.
fn keep(map: &mut Map<String, Value>, name: &str, value: Value) -> String {
    let mut unique = name.to_owned();
    let mut number = 1;
    while map.get(&unique).is_some_and(|present| *present != value) {
        number += 1;
        unique = format!("{name}_{number}");
    }
    map.insert(unique.clone(), value);
    unique
}

/// Keys of components are of the ASCII letters, digits, `.`, `-` and `_`.
fn word(name: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    name.chars()
        .map(|character| if fits(character) { character } else { '_' })
        .collect()
}

/// A name as a segment of a path.
pub(super) fn segment(name: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(name, KEPT).to_string()
}

/// What may stand in a column, as JSON Schema, null apart.
pub(super) fn value(scene: Scene<'_>, data_type: &Type, bytes: BytesFormat) -> Map<String, Value> {
    let schema = match data_type {
        Type::Boolean => json!({"type": "boolean"}),
        // SQLite's integers have 64 bits whatever their declared type.
        Type::Integer(bits) if *bits == 64 || scene.catalog().database.kind == DatabaseKind::Sqlite => {
            json!({"type": "integer", "format": "int64"})
        }
        Type::Integer(bits) => json!({"type": "integer", "format": format!("int{bits}")}),
        Type::Float(32) => json!({"type": "number", "format": "float"}),
        Type::Float(_) => json!({"type": "number", "format": "double"}),
        Type::Numeric => json!({"type": "number"}),
        Type::Text {
            length: Some(length), ..
        } => json!({"type": "string", "maxLength": length}),
        Type::Text { length: None, .. } | Type::Interval => json!({"type": "string"}),
        Type::Uuid if bytes == BytesFormat::Base64Url => json!({"type": "string", "contentEncoding": "base64url"}),
        Type::Uuid => json!({"type": "string", "format": "uuid"}),
        Type::Date => json!({"type": "string", "format": "date"}),
        Type::Time | Type::TimeTz => json!({"type": "string", "format": "time"}),
        // RFC 3339 moments have an offset; a timestamp without zone is written without one.
        Type::Timestamp => json!({"type": "string", "description": "date and time without zone"}),
        Type::TimestampTz => json!({"type": "string", "format": "date-time"}),
        Type::Json | Type::Jsonb | Type::Other(_) => json!({}),
        Type::Bytes => match bytes {
            BytesFormat::Hex => json!({"type": "string", "pattern": "^\\\\x([0-9a-f]{2})*$"}),
            BytesFormat::Base64 => json!({"type": "string", "contentEncoding": "base64"}),
            BytesFormat::Base64Url => json!({"type": "string", "contentEncoding": "base64url"}),
        },
        Type::Enum(index) => {
            let values = scene
                .catalog()
                .database
                .enums
                .get(*index as usize)
                .map(|found| found.values.clone());
            json!({"type": "string", "enum": values.unwrap_or_default()})
        }
        // An array type takes values of any dimension.
        Type::Array(_) => json!({"type": "array"}),
        Type::Geometry => geometry(),
    };
    match schema {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A GeoJSON geometry.
fn geometry() -> Value {
    json!({"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]})
}

/// The same schema, with null beside its values.
pub(super) fn or_null(mut schema: Map<String, Value>) -> Value {
    if let Some(Value::String(only)) = schema.get("type") {
        let both = json!([only, "null"]);
        schema.insert("type".into(), both);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    schema.into()
}

/// What a row of a face looks like to the role when it is read. `special` gives the schema of a column that the dialect
/// writes in a form of its own.
pub(super) fn row<'a>(
    scene: Scene<'a>,
    face: &'a Face,
    bytes: BytesFormat,
    special: impl Fn(&str) -> Option<Value>,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (id, column) in scene.columns(face) {
        let name = column.name.as_str();
        let physical = scene.physical(face, id);
        let mut schema = match special(name) {
            Some(schema) => schema,
            None => {
                let plain = value(scene, &physical.data_type, bytes);
                if can_be_null(scene, face, id) {
                    or_null(plain)
                } else {
                    plain.into()
                }
            }
        };
        describe(&mut schema, physical);
        properties.insert(name.to_owned(), schema);
        required.push(Value::from(name));
    }
    let mut schema = json!({"type": "object", "properties": properties, "required": required});
    if let (Some(comment), Value::Object(members)) = (&scene.table(face).comment, &mut schema) {
        members.insert("description".into(), comment.as_str().into());
    }
    schema
}

/// What is sent for a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// A new row.
    New,
    /// A change of one.
    Changed,
}

/// What the role sends for a row of a face: the columns that it may, and which of those of a new row must be there. Where it
/// may send nothing, the columns are those that it reads and that take values at all. `filled` are columns of a new row
/// that may be absent though the database wants them.
pub(super) fn sent<'a>(
    scene: Scene<'a>,
    face: &'a Face,
    bytes: BytesFormat,
    sending: Sending,
    filled: &[ColumnId],
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for id in scene.table(face).column_ids() {
        let physical = scene.physical(face, id);
        let may = match sending {
            Sending::New if scene.may_create(face) => scene.can_send(face, id),
            Sending::Changed if scene.may_update(face) => scene.can_change(face, id),
            _ => scene.view.can_read(face.id, id) && is_writable(physical),
        };
        if !may {
            continue;
        }
        let name = face.column(id).name.as_str();
        let plain = value(scene, &physical.data_type, bytes);
        let mut value = if scene.table(face).takes_null(id) {
            or_null(plain)
        } else {
            plain.into()
        };
        describe(&mut value, physical);
        properties.insert(name.to_owned(), value);
        if sending == Sending::New && is_required(scene.table(face), id) && !filled.contains(&id) {
            required.push(Value::from(name));
        }
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if sending == Sending::New {
        schema["required"] = required.into();
    }
    schema
}

/// The body of an operation, in JSON.
pub(super) fn body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

/// A cell that a rule may hide is null where it does.
fn can_be_null(scene: Scene<'_>, face: &Face, column: ColumnId) -> bool {
    let cells = scene.view.read(face.id).map(|read| &read.cells);
    let whole = cells.is_some_and(|cells| matches!(cells[column.0 as usize], crate::rules::Cell::Visible));
    !whole || scene.physical(face, column).nullable
}

/// Adds the database's comment.
pub(super) fn describe(schema: &mut Value, column: &Column) {
    if let (Some(comment), Value::Object(members)) = (&column.comment, schema) {
        members.insert("description".into(), comment.as_str().into());
    }
}

/// Whether a new row must be given a value for a column.
pub(super) fn is_required(table: &Table, column: ColumnId) -> bool {
    let own = table.column(column);
    !table.takes_null(column) && own.default.is_none() && own.generated.is_none()
}

/// Whether a client may ever give a column a value.
pub(super) fn is_writable(column: &Column) -> bool {
    column.generated.is_none() && !matches!(column.default, Some(ColumnDefault::Identity { always: true, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_components() {
        let mut document = Document::default();
        let first = document.schema("my table", json!({"a": 1}));
        assert_eq!(first, json!({"$ref": "#/components/schemas/my_table"}));
        assert_eq!(document.schema("my table", json!({"a": 1})), first);
        assert_eq!(
            document.schema("my-table", json!({"a": 2})),
            json!({"$ref": "#/components/schemas/my-table"})
        );
        assert_eq!(
            document.schema("my/table", json!({"a": 2})),
            json!({"$ref": "#/components/schemas/my_table_2"})
        );
    }

    #[test]
    fn paths_are_encoded() {
        assert_eq!(segment("a/b {x} é"), "a%2Fb%20%7Bx%7D%20%C3%A9");
    }

    #[test]
    fn null_joins_types_and_lists() {
        let schema = json!({"type": "string", "enum": ["a"]});
        assert_eq!(
            or_null(schema.as_object().unwrap().clone()),
            json!({"type": ["string", "null"], "enum": ["a", null]})
        );
    }
}
