//! Based: `/api/{table}`, `/api/{table}/{id}` and `/auth/…`.
//!
//! Where its document is silent:
//! - `limit`, `offset` and `order` are never filters; a column of such a name cannot be filtered on here.
//! - A column that stands twice (`status=draft&status=published`) matches any of its values.
//! - `column=` is the empty text. `column=null` asks for null, except on columns of text, whose value it may be.
//! - A limit above the maximum is 400, not quietly less.
//! - The id of a key of several columns is its parts, separated by commas; `\,` is a comma within a part.

mod account;
mod change;
mod document;
mod filter;
#[cfg(test)]
mod tests;

use super::query::{self, Query};
use super::write;
use super::{Call, Credentials, Dialect, Document, Scene, Step};
use crate::catalog::Face;
use crate::error::{Code, Error, Kind, Result};
use crate::request::{Builder, Field, Filter, Formats, Output, Page, Read, SHORT, Select, Source};
use crate::value::Value;
use axum::http::Method;
use axum::response::Response;

/// First path segments after `/api` that belong to others, whether or not those are enabled.
const RESERVED: [&str; 12] = [
    "applications",
    "auth",
    "database",
    "healthcheck",
    "records",
    "redoc",
    "schema.json",
    "transaction",
    "user",
    "user-files",
    "v1",
    "workspaces",
];

/// Most columns of an order.
const ORDER: usize = 10;

/// Parameters of a list that are not filters.
const PARAMETERS: [&str; 3] = ["limit", "offset", "order"];

/// What every answer begins with.
const DATA: &str = "{\"data\":";

/// The dialect.
pub(super) struct Based;

/// The auth system's tables, which have no endpoints; nor has the table of users, whatever it is called.
const MANAGED: [&str; 2] = ["users", "sessions"];

fn serves(scene: Scene<'_>, face: &Face) -> bool {
    let table = scene.table(face);
    let managed = MANAGED
        .iter()
        .any(|name| table.name.as_str().eq_ignore_ascii_case(name));
    !table.system && !managed && scene.catalog().users != Some(face.table)
}

impl Dialect for Based {
    fn name(&self) -> &'static str {
        "based"
    }

    fn owns(&self, path: &[String]) -> bool {
        match path {
            [auth, action] if auth == account::ROOT => account::is_action(action),
            [api, table] | [api, table, _] => api == "api" && !RESERVED.contains(&table.as_str()),
            _ => false,
        }
    }

    fn credentials(&self, path: &[String]) -> Credentials {
        match path {
            [auth, action] if auth == account::ROOT => account::credentials(action),
            _ => Credentials::Wanted,
        }
    }

    fn methods(&self, path: &[String]) -> &'static str {
        if path.first().is_some_and(|first| first == account::ROOT) {
            account::methods(path)
        } else if path.len() == 2 {
            "GET, HEAD, POST, OPTIONS"
        } else {
            "GET, HEAD, PUT, DELETE, OPTIONS"
        }
    }

    fn parse(&self, call: &Call, scene: Scene<'_>) -> Result<Step> {
        let query = Query::new(call)?;
        if let [auth, action] = call.path.as_slice()
            && auth == account::ROOT
        {
            query.only(&[])?;
            return account::parse(call, action);
        }
        let (name, id) = match call.path.as_slice() {
            [_, name] => (name, None),
            [_, name, id] => (name, Some(id)),
            _ => return Err(Error::not_found(Code::UNKNOWN_TABLE, "no such path")),
        };
        let face = scene.face(name, |face| serves(scene, face))?;
        if id.is_some() && face.key.is_empty() {
            return Err(Error::not_found(Code::NOT_SUPPORTED, scene.no_key(face)));
        }
        match (&call.method, id) {
            (&Method::POST, None) => change::create(call, &query, scene, face),
            (&Method::PUT, Some(id)) => change::put(call, &query, scene, face, id),
            (&Method::DELETE, Some(id)) => change::delete(&query, face, id),
            (&Method::GET, id) => {
                scene.check_read(face)?;
                match id {
                    None => list(query, scene, face),
                    Some(_) if !scene.has_key(face) => Err(Error::not_found(Code::NOT_SUPPORTED, scene.no_key(face))),
                    Some(id) => get(query, face, id),
                }
            }
            (method, id) => {
                let methods = if id.is_some() {
                    "GET, PUT and DELETE"
                } else {
                    "GET and POST"
                };
                let message = format!("{method} is not supported here, {methods} are");
                Err(Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message))
            }
        }
    }

    fn write_error(&self, error: &Error, call: &Call) -> Response {
        // A row that belongs to somebody else is not there.
        if error.code == Code::ROW_OUT_OF_REACH {
            return self.write_error(&Error::not_found(Code::ROW_NOT_FOUND, "Record not found"), call);
        }
        let code = match error.kind {
            Kind::Invalid => "VALIDATION_ERROR",
            // Its clients take this code for a wrong password, and answer any other 401 with a refresh.
            Kind::Unauthenticated if error.code == Code::INVALID_CREDENTIALS && signs_in(call) => "INVALID_CREDENTIALS",
            Kind::Unauthenticated => "UNAUTHORIZED",
            Kind::Forbidden => "FORBIDDEN",
            Kind::NotFound => "NOT_FOUND",
            Kind::Conflict => "CONFLICT",
            Kind::NotAllowed => "METHOD_NOT_ALLOWED",
            Kind::UnsupportedMedia => "UNSUPPORTED_MEDIA_TYPE",
            Kind::Unprocessable => "UNPROCESSABLE",
            Kind::TooLarge => "PAYLOAD_TOO_LARGE",
            Kind::HeadersTooLarge => "HEADERS_TOO_LARGE",
            Kind::TooSlow => "REQUEST_TIMEOUT",
            Kind::TooMany => "TOO_MANY_REQUESTS",
            Kind::Unavailable => "SERVICE_UNAVAILABLE",
            Kind::Internal => "INTERNAL_ERROR",
        };
        let body = serde_json::json!({"error": {"code": code, "message": error.message}});
        let response = write::json(write::status(error.kind), body.to_string());
        write::with_headers(response, error, self.methods(&call.path), call)
    }

    fn openapi(&self, scene: Scene<'_>, document: &mut Document) {
        document::describe(scene, document, |face| serves(scene, face));
    }
}

fn signs_in(call: &Call) -> bool {
    matches!(call.path.as_slice(), [auth, action] if auth == account::ROOT && action == "signin")
}

fn list<'a>(query: Query<'_>, scene: Scene<'a>, face: &'a Face) -> Result<Step> {
    let mut builder = Builder::new();
    let limit = query.limit(scene.settings.default_limit, scene.settings.max_limit)?;
    let offset = query.whole("offset")?;
    let order = match query.one("order")? {
        Some(text) => query::order(text, ORDER, |name| {
            filter::column(scene, face, name).map(|(_, name)| name)
        })?,
        None => Vec::new(),
    };
    let filter = filter::parse(query.others(&PARAMETERS), scene, face, &mut builder)?;
    let page = Page {
        limit: Some(builder.push(number(limit))),
        offset: offset
            .filter(|offset| *offset > 0)
            .map(|offset| builder.push(number(offset))),
        total: true,
        short: limit <= SHORT,
        ..Page::default()
    };
    let output = Output::Rows(vec![Field::AllColumns]);
    let select = Select {
        filter,
        order,
        page,
        output,
        ..Select::default()
    };
    let read = Read {
        source: Source::Table(face.name.clone()),
        select,
        formats: Formats::default(),
    };
    Ok(Step::Run {
        request: Box::new(builder.finish(read)),
        write: Box::new(|outcome| {
            let total = outcome
                .total
                .ok_or_else(|| Error::internal("a list without its total"))?;
            Ok(write::envelope(DATA, outcome, move |_, members| {
                members.number("total", total);
            }))
        }),
    })
}

fn get(query: Query<'_>, face: &Face, id: &str) -> Result<Step> {
    query.only(&[])?;
    let mut builder = Builder::new();
    let parts = query::id_parts(id, face.key.len());
    let key = parts
        .into_iter()
        .map(|part| builder.push(Value::Raw(part.into())))
        .collect();
    let output = Output::Row(vec![Field::AllColumns]);
    let select = Select {
        filter: Some(Filter::Key(key)),
        output,
        ..Select::default()
    };
    let read = Read {
        source: Source::Table(face.name.clone()),
        select,
        formats: Formats::default(),
    };
    Ok(Step::Run {
        request: Box::new(builder.finish(read)),
        write: Box::new(|outcome| {
            if outcome.count == 0 {
                return Err(Error::not_found(Code::ROW_NOT_FOUND, "Record not found"));
            }
            Ok(write::envelope(DATA, outcome, |_, _| {}))
        }),
    })
}

/// Numbers of rows were checked to fit.
fn number(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
