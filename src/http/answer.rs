//! Answers that are no front's: plain JSON, errors of the edge.

use crate::error::{Code, Error, Kind};
use axum::body::Body;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// JSON.
pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    with_type(status, "application/json", body.to_string())
}

/// Any content.
pub(super) fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Without content.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `{"error":{"code","message"}}`, where no front has a form of its own.
pub(super) fn error(error: Error) -> Response {
    let body = serde_json::json!({ "error": { "code": error.code.0, "message": error.message } });
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    told(json(status, &body), error)
}

/// For a method that a path does not take.
pub(super) fn not_allowed(allow: &'static str) -> Response {
    let message = format!("this path takes {allow}");
    let mut response = error(Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Completes an answer that tells of an error: the headers that belong to its kind, and the error itself for the log.
pub(super) fn told(mut response: Response, error: Error) -> Response {
    let headers = response.headers_mut();
    match error.kind {
        Kind::Unauthenticated if !headers.contains_key(WWW_AUTHENTICATE) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The rest of the body may still come: nothing else can be read from this connection.
        Kind::TooSlow => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    if let Some(seconds) = error.retry_after()
        && !headers.contains_key(RETRY_AFTER)
    {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response.extensions_mut().insert(Arc::new(error));
    response
}
