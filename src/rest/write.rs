//! Answers: envelopes around JSON bytes that are never parsed, and the headers that belong to errors.

use super::Call;
use crate::engine::{Body, Outcome, Tail};
use crate::error::{Error, Kind, Verbs};
use crate::memory::Pieces;
use crate::request::Once;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use std::io::Write as _;

/// The methods of what can only be read.
pub(super) const READ_METHODS: &str = "GET, HEAD, OPTIONS";

/// Members that stand after an outcome's body.
#[derive(Default)]
pub(super) struct Members(Vec<u8>);

impl Members {
    /// Adds a member with a number.
    pub(super) fn number(&mut self, key: &'static str, number: u64) {
        // Writing to memory does not fail.
        let _ = write!(self.0, ",\"{key}\":{number}");
    }

    /// Adds a member with a text.
    pub(super) fn text(&mut self, key: &'static str, text: &str) {
        let _ = write!(self.0, ",\"{key}\":");
        let _ = serde_json::to_writer(&mut self.0, text);
    }
}

/// JSON around an outcome's body: an opening, which must be the beginning of a JSON object such as `{"data":`, the body,
/// and members that are known at its end.
pub(super) fn envelope(
    opening: &'static str,
    outcome: Outcome,
    members: impl FnOnce(&Tail, &mut Members) + Send + 'static,
) -> Response {
    let closing = |tail: &Tail| {
        let mut closing = Members::default();
        members(tail, &mut closing);
        closing.0.push(b'}');
        Bytes::from(closing.0)
    };
    let tail = outcome.tail();
    match outcome.body {
        Body::Whole(body) => {
            let mut pieces = Pieces::from(opening.as_bytes());
            pieces.append(body);
            pieces.write(&closing(&tail));
            json(StatusCode::OK, axum::body::Body::new(pieces))
        }
        Body::Stream(stream) => {
            let body = stream.within(opening.as_bytes().into(), closing);
            json(StatusCode::OK, axum::body::Body::from_stream(body))
        }
    }
}

/// An outcome's body as it is.
pub(super) fn bare(outcome: Outcome) -> Response {
    match outcome.body {
        Body::Whole(body) => json(StatusCode::OK, axum::body::Body::new(body)),
        Body::Stream(stream) => {
            let body = stream.within(Pieces::default(), |_| Bytes::new());
            json(StatusCode::OK, axum::body::Body::from_stream(body))
        }
    }
}

/// JSON.
pub(super) fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    typed(status, "application/json", body)
}

/// A body of a media type.
pub(super) fn typed(status: StatusCode, media_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = status;
    response
}

/// The status of an error by the one table.
pub(super) fn status(kind: Kind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The browser is led on.
pub(super) fn see_other(target: HeaderValue) -> Response {
    let mut response = empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert(header::LOCATION, target);
    response
}

/// Says that an answer tells what an earlier call gave.
pub(super) fn replayed(mut response: Response, replayed: bool) -> Response {
    if replayed {
        let name = HeaderName::from_static(Once::REPLAYED);
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// Adds the headers that an error's status asks for; `methods` are those of the path.
pub(super) fn with_headers(mut response: Response, error: &Error, methods: &'static str, call: &Call) -> Response {
    if let (StatusCode::METHOD_NOT_ALLOWED, Some(takes)) = (response.status(), error.takes) {
        let methods = taken(methods, takes);
        if let Ok(methods) = HeaderValue::from_str(&methods) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        return response;
    }
    let (name, value) = match (response.status(), error.kind) {
        (StatusCode::UNAUTHORIZED, _) => (header::WWW_AUTHENTICATE, "Bearer"),
        (StatusCode::METHOD_NOT_ALLOWED, Kind::NotAllowed) => (header::ALLOW, allowed(methods, &call.method)),
        // What is unknown allows no method.
        (StatusCode::METHOD_NOT_ALLOWED, _) => (header::ALLOW, ""),
        _ => match error.retry_after() {
            Some(seconds) => (header::RETRY_AFTER, seconds),
            None => return response,
        },
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// Of a path's methods those that a table takes.
fn taken(methods: &'static str, takes: Verbs) -> String {
    let is_taken = |method: &&str| match *method {
        "POST" => takes.insert,
        "PUT" => takes.insert || takes.update,
        "PATCH" => takes.update,
        "DELETE" => takes.delete,
        _ => true,
    };
    let taken: Vec<&str> = methods.split(", ").filter(is_taken).collect();
    taken.join(", ")
}

/// What may be tried where a method was refused: the path's methods; where that is among them, the thing itself does not
/// take it (a view, rows without a key).
fn allowed(methods: &'static str, refused: &Method) -> &'static str {
    let has = |method: &str| methods.split(", ").any(|own| own == method);
    match refused.as_str() {
        method if !has(method) => methods,
        "GET" => "OPTIONS",
        _ if has("GET") => READ_METHODS,
        _ => "OPTIONS",
    }
}

/// Whether `Accept` names JSON itself, not only `*/*`.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut kinds = values
        .flat_map(|value| value.split(','))
        .map(|kind| kind.split(';').next().unwrap_or("").trim());
    kinds.any(|kind| kind.eq_ignore_ascii_case("application/json"))
}
