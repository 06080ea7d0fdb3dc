//! Bodies of calls that write.

use super::Call;
use crate::error::{Code, Error, Kind, Result};
use axum::http::header;
use serde_json::{Map, Value};

/// The JSON object of a body.
///
/// # Errors
/// Another media type, malformed JSON, JSON that is no object.
pub(super) fn object(call: &Call) -> Result<Map<String, Value>> {
    match json(call)? {
        Value::Object(object) => Ok(object),
        other => {
            let message = format!(
                "the body is {}, an object of columns and their values is wanted",
                kind(&other)
            );
            Err(Error::invalid(Code::INVALID_SYNTAX, message))
        }
    }
}

/// The JSON of a body.
///
/// # Errors
/// Another media type, malformed JSON.
pub(super) fn json(call: &Call) -> Result<Value> {
    let media_type = match call.headers.get(header::CONTENT_TYPE) {
        Some(value) => value.to_str().unwrap_or_default(),
        None => "",
    };
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
        let sent = if essence.is_empty() {
            "no media type".into()
        } else {
            format!("{essence:?}")
        };
        let message = format!("the body comes with {sent}; send JSON with content-type: application/json");
        return Err(Error::new(Kind::UnsupportedMedia, Code::INVALID_SYNTAX, message));
    }
    serde_json::from_slice(&call.body)
        .map_err(|error| Error::invalid(Code::INVALID_SYNTAX, format!("the body is not valid JSON: {error}")))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
