//! Bodies of calls that write: JSON, and forms where a dialect takes them.

use super::Call;
use super::query::clip;
use crate::error::{Code, Error, Kind, Result};
use crate::value;
use axum::http::header;
use futures_util::{FutureExt as _, stream};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::convert::Infallible;
use std::fmt;

/// Most fields of a form.
const FIELDS: usize = 1000;

/// A row as it was sent: names and values, no name twice.
pub(super) type Fields = Vec<(String, value::Value)>;

/// What a body holds.
pub(super) enum Sent {
    /// One row.
    One(Fields),
    /// A list of rows.
    Many(Vec<Fields>),
}

/// Media types of bodies.
enum Media {
    Json,
    Form,
    /// With its boundary.
    Multipart(String),
}

/// The JSON object of a body.
///
/// # Errors
/// Another media type, malformed JSON, JSON that is no object, a name that stands twice.
pub(super) fn object(call: &Call) -> Result<Map<String, Value>> {
    json::<Object>(call).map(|Object(members)| members)
}

/// The JSON of a body.
///
/// # Errors
/// Another media type, malformed JSON, JSON of another shape.
pub(super) fn json<T: DeserializeOwned>(call: &Call) -> Result<T> {
    match media(call) {
        Some(Media::Json) => parsed(&call.body),
        _ => Err(unsupported(call, "send JSON with content-type: application/json")),
    }
}

/// The rows of a body: a JSON object, a list of them, a form, or a multipart form without files. What forms hold is
/// [`value::Value::Raw`].
///
/// # Errors
/// Another media type, what is malformed, a name that stands twice in a row, files.
pub(super) fn rows(call: &Call) -> Result<Sent> {
    match media(call) {
        Some(Media::Json) if call.body.trim_ascii_start().starts_with(b"[") => {
            let rows: Vec<Object> = parsed(&call.body)?;
            Ok(Sent::Many(rows.into_iter().map(Object::fields).collect()))
        }
        Some(Media::Json) => parsed(&call.body).map(|object: Object| Sent::One(object.fields())),
        Some(Media::Form) => form(&call.body).map(Sent::One),
        Some(Media::Multipart(boundary)) => multipart(call, &boundary).map(Sent::One),
        None => Err(unsupported(
            call,
            "send JSON (content-type: application/json), application/x-www-form-urlencoded or multipart/form-data",
        )),
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let message = if error.is_data() {
            format!("the body is not what is wanted: {error}")
        } else {
            format!("the body is not valid JSON: {error}")
        };
        Error::invalid(Code::INVALID_SYNTAX, message)
    })
}

fn media_type(call: &Call) -> &str {
    let value = call.headers.get(header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn media(call: &Call) -> Option<Media> {
    let sent = media_type(call);
    let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Some(Media::Json),
        "application/x-www-form-urlencoded" => Some(Media::Form),
        "multipart/form-data" => multer::parse_boundary(sent).ok().map(Media::Multipart),
        other => (other.starts_with("application/") && other.ends_with("+json")).then_some(Media::Json),
    }
}

fn unsupported(call: &Call, wanted: &str) -> Error {
    let sent = match media_type(call) {
        "" => "no media type".into(),
        sent => clip(sent),
    };
    let message = format!("the body comes with {sent}; {wanted}");
    Error::new(Kind::UnsupportedMedia, Code::INVALID_SYNTAX, message)
}

fn form(body: &[u8]) -> Result<Fields> {
    if percent_encoding::percent_decode(body).decode_utf8().is_err() {
        return Err(Error::invalid(Code::INVALID_SYNTAX, "the form is not UTF-8"));
    }
    let mut fields = Fields::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        add(&mut fields, name.into_owned(), value.into_owned())?;
    }
    Ok(fields)
}

fn multipart(call: &Call, boundary: &str) -> Result<Fields> {
    let body = call.body.clone();
    let whole = stream::once(std::future::ready(Ok::<_, Infallible>(body)));
    let mut parts = multer::Multipart::new(whole, boundary);
    let malformed = |error: multer::Error| {
        let message = format!("the multipart body is malformed: {error}");
        Error::invalid(Code::INVALID_SYNTAX, message)
    };
    let read = async {
        let mut fields = Fields::new();
        while let Some(part) = parts.next_field().await.map_err(malformed)? {
            let Some(name) = part.name().map(str::to_owned) else {
                return Err(Error::invalid(Code::INVALID_SYNTAX, "a part of the form has no name"));
            };
            let file = part.file_name().map(str::to_owned);
            let value = part.bytes().await.map_err(malformed)?;
            match file.as_deref() {
                // A field for a file in which none was chosen.
                Some("") if value.is_empty() => continue,
                Some(_) => {
                    let message = format!("{} is a file; files are not taken here", clip(&name));
                    return Err(Error::invalid(Code::NOT_SUPPORTED, message).at(name));
                }
                None => {}
            }
            let value = String::from_utf8(value.into())
                .map_err(|_| Error::invalid(Code::INVALID_VALUE, format!("{} is not UTF-8", clip(&name))))?;
            add(&mut fields, name, value)?;
        }
        Ok(fields)
    };
    // The whole body is there, so nothing is waited for.
    let read = read.now_or_never();
    read.unwrap_or_else(|| Err(Error::internal("a body that is there is waited for")))
}

fn add(fields: &mut Fields, name: String, value: String) -> Result<()> {
    if fields.len() == FIELDS {
        let message = format!("the form has too many fields, at most {FIELDS} are taken");
        return Err(Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message));
    }
    if fields.iter().any(|(own, _)| *own == name) {
        let message = format!("{} stands twice in the form", clip(&name));
        return Err(Error::invalid(Code::INVALID_SYNTAX, message).at(name));
    }
    fields.push((name, value::Value::Raw(value.into())));
    Ok(())
}

/// A JSON object in which no name stands twice. (Of two members with one name the last would win, and the first be lost
/// without a word.)
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Its members.
    pub(super) fn fields(self) -> Fields {
        let members = self.0.into_iter();
        members.map(|(name, value)| (name, value::Value::from(value))).collect()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of columns and their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("{} stands twice", clip(&name))));
                    }
                    let value = map.next_value()?;
                    members.insert(name, value);
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::stage::sent;

    fn told(call: &Call) -> String {
        let row = |fields: Fields| {
            let fields = fields.into_iter().map(|(name, value)| format!("{name}={value:?}"));
            fields.collect::<Vec<_>>().join(" ")
        };
        match rows(call) {
            Ok(Sent::One(fields)) => row(fields),
            Ok(Sent::Many(rows)) => format!("[{}]", rows.into_iter().map(row).collect::<Vec<_>>().join(", ")),
            Err(error) => format!("{} {}", error.kind.status(), error.message),
        }
    }

    #[test]
    fn rows_of_bodies() {
        const JSON: &str = "application/json";
        const FORM: &str = "application/x-www-form-urlencoded";
        for (media_type, body, expected) in [
            (JSON, r#"{"a": 1, "b": "7"}"#, r#"a=Integer(1) b=Text("7")"#),
            ("application/vnd.x+json; charset=utf-8", r#"{"a": null}"#, "a=Null"),
            (JSON, r#" [{"a": 1}, {}]"#, "[a=Integer(1), ]"),
            (
                JSON,
                r#"{"a": 1, "a": 2}"#,
                "400 the body is not what is wanted: \"a\" stands twice at line 1 column 12",
            ),
            (
                JSON,
                r#"[{"a": 1}, 5]"#,
                "400 the body is not what is wanted: invalid type: integer `5`, expected an object of columns and their \
                 values at line 1 column 12",
            ),
            (
                JSON,
                "{",
                "400 the body is not valid JSON: EOF while parsing an object at line 1 column 1",
            ),
            (
                JSON,
                "",
                "400 the body is not valid JSON: EOF while parsing a value at line 1 column 0",
            ),
            (FORM, "a=1+2&b=%C3%A9&c=", "a=Raw(\"1 2\") b=Raw(\"é\") c=Raw(\"\")"),
            (FORM, "a=1&a=2", "400 \"a\" stands twice in the form"),
            (FORM, "a=%FF", "400 the form is not UTF-8"),
            (
                "text/plain",
                r#"{"a": 1}"#,
                "415 the body comes with \"text/plain\"; send JSON (content-type: application/json), \
                 application/x-www-form-urlencoded or multipart/form-data",
            ),
            (
                "multipart/form-data; boundary=X",
                "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--X\r\nContent-Disposition: form-data; \
                 name=\"f\"; filename=\"\"\r\n\r\n\r\n--X--\r\n",
                "a=Raw(\"one\")",
            ),
            (
                "multipart/form-data; boundary=X",
                "--X\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x.txt\"\r\n\r\none\r\n--X--\r\n",
                "400 \"a\" is a file; files are not taken here",
            ),
        ] {
            assert_eq!(told(&sent("POST", "/x", media_type, body)), expected, "{body}");
        }
        let broken = told(&sent(
            "POST",
            "/x",
            "multipart/form-data; boundary=X",
            "--X\r\nnonsense",
        ));
        assert!(broken.starts_with("400 the multipart body is malformed: "), "{broken}");
        let nothing = told(&sent("POST", "/x", "multipart/form-data", ""));
        assert!(
            nothing.starts_with("415 the body comes with \"multipart/form-data\"; "),
            "{nothing}"
        );
    }
}
