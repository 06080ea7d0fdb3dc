//! The Records API: `/api/records/v1/{name}`, `/{name}/{id}`, `/{name}/schema`, `/api/transaction/v1/execute`.
//!
//! Where its document and the product differ, both are served; where both are silent:
//! - A parameter that the path does not have is 400, and so is one that stands twice (filters apart).
//! - `order=` and `expand=` without a value are as if they were absent: the official clients send them for empty lists.
//! - The id of a key of several columns is its parts, separated by commas; `\,` is a comma within a part.
//! - An operator that stands twice on a column holds twice, as the official clients mean it; two equalities are 400.
//! - Two `$or` groups side by side are 400: on the wire they cannot be told from one. Within `$and` they can.
//! - `$not` before a value is `$ne`; before operators or columns it denies them together.
//! - `schema` after a name is the schema, also where a record's id is that word.
//! - A list of records to create that is empty is 400; one of more than the limit is 413.
//! - What is left empty in a form is null, but in columns of text.
//! - What is wrong with one record of a list, or with one operation, is told with its place, counted from 0.
//! - The answer to `geojson` carries `cursor` and `total_count` beside `features`.

mod change;
mod document;
mod filter;
mod id;
mod output;
mod redirect;
mod schema;
#[cfg(test)]
mod tests;
mod transaction;

use super::query::{self, Query};
use super::write;
use super::{Call, Dialect, Document, Scene, Step};
use crate::catalog::Face;
use crate::engine::Outcome;
use crate::error::{Code, Error, Kind, Result};
use crate::request::{
    Builder, BytesFormat, Expression, Filter, Formats, Nulls, NumberFormat, Order, Output, Page, Read, SHORT, Select,
    Source,
};
use crate::value::Value;
use axum::http::{Method, StatusCode};
use axum::response::Response;

/// Most columns of an order.
const ORDER: usize = 5;

/// Parameters of a list, filters apart.
const PARAMETERS: [&str; 7] = ["limit", "offset", "cursor", "order", "count", "expand", "geojson"];

/// Bytes and UUIDs are url-safe base64, numbers keep their precision.
const FORMATS: Formats = Formats {
    bytes: BytesFormat::Base64Url,
    numbers: NumberFormat::Number,
    features: false,
};

/// The dialect.
pub(super) struct TrailBase;

impl Dialect for TrailBase {
    fn name(&self) -> &'static str {
        "trailbase"
    }

    fn owns(&self, path: &[String]) -> bool {
        matches!(path, [api, kind, version, ..] if api == "api" && version == "v1" && (kind == "records" || kind == "transaction"))
    }

    fn methods(&self, path: &[String]) -> &'static str {
        let segments: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match segments.as_slice() {
            ["transaction", _, "execute"] => "POST, OPTIONS",
            ["records", _, _] => "GET, HEAD, POST, OPTIONS",
            ["records", _, _, "schema"] => write::READ_METHODS,
            ["records", _, _, _] => "GET, HEAD, PATCH, DELETE, OPTIONS",
            _ => "OPTIONS",
        }
    }

    fn parse(&self, call: &Call, scene: Scene<'_>) -> Result<Step> {
        let query = Query::new(call)?;
        let segments: Vec<&str> = call.path.iter().skip(3).map(String::as_str).collect();
        let no_path = || Error::not_found(Code::ROW_NOT_FOUND, "no such path");
        if is_transaction(call) {
            return match segments.as_slice() {
                ["execute"] if call.method == Method::POST => transaction::execute(call, query, scene),
                ["execute"] => Err(not_allowed(format!(
                    "{} is not supported here, only POST is",
                    call.method
                ))),
                _ => Err(no_path()),
            };
        }
        let (name, rest) = segments.split_first().ok_or_else(no_path)?;
        let face = scene.face(name, |_| true)?;
        match rest {
            ["subscribe", _] => return Err(not_allowed("subscriptions are not served yet")),
            [] | [_] => {}
            _ => return Err(no_path()),
        }
        match (&call.method, rest) {
            (&Method::GET, ["schema"]) => schema::answer(query, scene, face),
            (&Method::GET, [id]) => {
                scene.check_read(face)?;
                record(query, scene, face, id)
            }
            (&Method::GET, _) => {
                scene.check_read(face)?;
                list(query, scene, face)
            }
            (&Method::POST, []) => change::create(call, query, scene, face),
            (&Method::PATCH, [id]) if *id != "schema" => change::update(call, query, scene, face, id),
            (&Method::DELETE, [id]) if *id != "schema" => change::delete(query, scene, face, id),
            (method, _) => Err(not_allowed(format!("{method} is not supported here"))),
        }
    }

    fn write_error(&self, error: &Error, call: &Call) -> Response {
        let status = match error.kind {
            // The path is right; it is an operation that names what cannot be.
            Kind::NotFound | Kind::NotAllowed
                if is_transaction(call) && call.method == Method::POST && error.code != Code::ROW_NOT_FOUND =>
            {
                StatusCode::BAD_REQUEST
            }
            Kind::NotFound if error.code == Code::UNKNOWN_TABLE => StatusCode::METHOD_NOT_ALLOWED,
            // Whatever is refused is 403; at 401 its clients sign in again, so that is for bad credentials only.
            Kind::Unauthenticated if error.code == Code::UNAUTHENTICATED => StatusCode::FORBIDDEN,
            // What is under way can be tried again; what violates a constraint cannot.
            Kind::Conflict if error.code != Code::KEY_IN_USE => StatusCode::BAD_REQUEST,
            kind => write::status(kind),
        };
        // That there is no such API or method is said without words; what a view does not take is said with them.
        let response = if status == StatusCode::METHOD_NOT_ALLOWED && error.takes.is_none() {
            write::empty(status)
        } else {
            let message = if is_bad_id(error, call) {
                id::INVALID
            } else {
                error.message.as_str()
            };
            let row = error.row.filter(|_| is_list(call));
            if write::wants_json(&call.headers) {
                let mut body = serde_json::json!({"code": error.code.0, "message": message});
                for (key, place) in [("operation", error.write), ("record", row)] {
                    if let Some(place) = place {
                        body[key] = place.into();
                    }
                }
                write::json(status, serde_json::json!({"error": body}).to_string())
            } else {
                let operation = error.write.map(|write| format!("operation [{write}]: "));
                let record = row.map(|row| format!("record [{row}]: "));
                let places = [operation, record].map(Option::unwrap_or_default).concat();
                write::typed(status, "text/plain; charset=utf-8", format!("{places}{message}"))
            }
        };
        write::with_headers(response, error, self.methods(&call.path), call)
    }

    fn openapi(&self, scene: Scene<'_>, document: &mut Document) {
        document::describe(scene, document);
    }
}

/// The only value in a request for one record without a body is its id.
fn is_bad_id(error: &Error, call: &Call) -> bool {
    let bare = matches!(call.method, Method::GET | Method::DELETE) && call.path.len() == 5;
    bare && error.kind == Kind::Invalid && error.code == Code::INVALID_VALUE
}

fn is_transaction(call: &Call) -> bool {
    call.path.get(1).is_some_and(|kind| kind == "transaction")
}

/// Whether a list of records was sent.
fn is_list(call: &Call) -> bool {
    call.method == Method::POST && call.body.trim_ascii_start().starts_with(b"[")
}

fn not_allowed(message: impl Into<String>) -> Error {
    Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message)
}

fn list<'a>(query: Query<'_>, scene: Scene<'a>, face: &'a Face) -> Result<Step> {
    let mut builder = Builder::new();
    let settings = &scene.settings.trailbase;
    let limit = query.limit(scene.settings.default_limit, settings.max_limit)?;
    let offset = query.whole("offset")?.filter(|offset| *offset > 0);
    let count = query.flag("count")?;
    let cursor = query.one("cursor")?;
    if cursor == Some("") {
        return Err(Error::invalid(
            Code::INVALID_CURSOR,
            "the cursor is empty; leave it out for the first page",
        )
        .at("cursor"));
    }
    let order = order(query, scene, face)?;
    let expanded = output::expanded(query.one("expand")?, scene, face)?;
    let geometry = query
        .one("geojson")?
        .map(|name| output::geometry(name, scene, face))
        .transpose()?;
    let filter = filter::parse(query.others(&PARAMETERS), scene, face, &mut builder)?;
    let fields = match geometry {
        Some(geometry) => output::feature(scene, face, geometry, &expanded),
        None => output::fields(scene, face, &expanded),
    };
    let page = Page {
        limit: Some(builder.push(number(limit))),
        offset: offset.map(|offset| builder.push(number(offset))),
        after: cursor.map(|cursor| builder.push(Value::Text(cursor.into()))),
        // Nothing but the count is asked for with no rows.
        total: count || limit == 0,
        short: count && limit <= SHORT,
        next: limit > 0 && scene.has_whole_key(face),
        ..Page::default()
    };
    let select = Select {
        filter,
        order,
        page,
        output: Output::Rows(fields),
        ..Select::default()
    };
    let read = Read {
        source: Source::Table(face.name.clone()),
        select,
        formats: Formats {
            features: geometry.is_some(),
            ..FORMATS
        },
    };
    let opening = if geometry.is_some() {
        "{\"type\":\"FeatureCollection\",\"features\":"
    } else {
        "{\"records\":"
    };
    Ok(Step::Run {
        request: Box::new(builder.finish(read)),
        write: Box::new(move |outcome| Ok(write_list(opening, outcome))),
    })
}

fn write_list(opening: &'static str, outcome: Outcome) -> Response {
    let total = outcome.total;
    write::envelope(opening, outcome, move |tail, members| {
        if let Some(cursor) = &tail.next {
            members.text("cursor", cursor);
        }
        if let Some(total) = total {
            members.number("total_count", total);
        }
    })
}

/// The order asked for, or the key downwards.
fn order<'a>(query: Query<'_>, scene: Scene<'a>, face: &'a Face) -> Result<Vec<Order>> {
    let column = |name: &str| match scene.column(face, name) {
        Some(id) => Ok(face.column(id).name.clone()),
        None => Err(scene.unknown_column(face, name)),
    };
    let order = query
        .one("order")?
        .map(|text| query::order(text, ORDER, column))
        .transpose()?
        .unwrap_or_default();
    if !order.is_empty() || !scene.has_whole_key(face) {
        return Ok(order);
    }
    let key = face
        .key
        .iter()
        .map(|column| Expression::Column(face.column(*column).name.clone()));
    Ok(key
        .map(|by| Order {
            by,
            descending: true,
            nulls: Nulls::default_for(true),
        })
        .collect())
}

fn record<'a>(query: Query<'_>, scene: Scene<'a>, face: &'a Face, id: &str) -> Result<Step> {
    query.only(&["expand"])?;
    if !scene.has_key(face) {
        return Err(not_allowed(scene.no_key(face)));
    }
    let mut builder = Builder::new();
    let expanded = output::expanded(query.one("expand")?, scene, face)?;
    let mut key = Vec::with_capacity(face.key.len());
    for value in id::parse(id, scene, face)? {
        key.push(builder.push(value));
    }
    let output = Output::Row(output::fields(scene, face, &expanded));
    let select = Select {
        filter: Some(Filter::Key(key)),
        output,
        ..Select::default()
    };
    let read = Read {
        source: Source::Table(face.name.clone()),
        select,
        formats: FORMATS,
    };
    Ok(Step::Run {
        request: Box::new(builder.finish(read)),
        write: Box::new(|outcome| {
            if outcome.count == 0 {
                return Err(Error::not_found(Code::ROW_NOT_FOUND, "Record not found"));
            }
            Ok(write::bare(outcome))
        }),
    })
}

/// Numbers of rows were checked to fit.
fn number(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
