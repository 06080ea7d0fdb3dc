//! Ids and values in the dialect's form: UUIDs and bytes are url-safe base64.

use crate::catalog::Face;
use crate::error::{Code, Error, Result};
use crate::rest::{Scene, query};
use crate::value::{Type, Value};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt::Write as _;

/// What its clients expect to be told of a bad id, to the letter.
pub(super) const INVALID: &str = "Invalid id";

/// Padding may be there or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key's values, one for each of its columns.
///
/// # Errors
/// [`INVALID`] where a part cannot be of its column's type. Types that are not looked at here are checked when bound.
pub(super) fn parse(id: &str, scene: Scene<'_>, face: &Face) -> Result<Vec<Value>> {
    let invalid = || Error::invalid(Code::INVALID_VALUE, INVALID).at("id");
    let parts = query::id_parts(id, face.key.len());
    if parts.len() != face.key.len() {
        return Err(invalid());
    }
    let mut values = Vec::with_capacity(parts.len());
    for (part, column) in parts.iter().zip(&face.key) {
        let data_type = &scene.physical(face, *column).data_type;
        let fits = match data_type {
            Type::Integer(_) => part.parse::<i64>().is_ok(),
            Type::Uuid => uuid(part).is_some(),
            Type::Bytes => bytes(part).is_some(),
            _ => true,
        };
        if !fits {
            return Err(invalid());
        }
        values.push(value(part, data_type));
    }
    Ok(values)
}

/// A value as it is written here → as every part of the engine reads it. What does not fit is left for the engine to refuse.
pub(super) fn value(text: &str, data_type: &Type) -> Value {
    let read = match data_type {
        Type::Uuid => uuid(text),
        Type::Bytes => bytes(text),
        _ => None,
    };
    Value::Raw(read.map_or_else(|| text.into(), Into::into))
}

/// An id from the key's values, as the dialect writes them.
pub(super) fn write<'v>(values: impl ExactSizeIterator<Item = &'v serde_json::Value>) -> String {
    let single = values.len() < 2;
    let parts = values.map(|value| match value {
        serde_json::Value::String(text) if single => text.clone(),
        serde_json::Value::String(text) => text.replace('\\', "\\\\").replace(',', "\\,"),
        other => other.to_string(),
    });
    parts.collect::<Vec<_>>().join(",")
}

/// With hyphens.
fn uuid(text: &str) -> Option<String> {
    let parsed = uuid::Uuid::parse_str(text)
        .ok()
        .or_else(|| uuid::Uuid::from_slice(&BASE64.decode(text).ok()?).ok());
    parsed.map(|uuid| uuid.hyphenated().to_string())
}

/// `\x6869`. A UUID with hyphens is its 16 bytes.
fn bytes(text: &str) -> Option<String> {
    let hyphenated = (text.len() == 36).then(|| uuid::Uuid::parse_str(text).ok()).flatten();
    let bytes = match hyphenated {
        Some(uuid) => uuid.as_bytes().to_vec(),
        None => BASE64.decode(text).ok()?,
    };
    let mut hex = String::with_capacity(2 + bytes.len() * 2);
    hex.push_str("\\x");
    for byte in bytes {
        // Writing to memory does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_forms() {
        let hyphenated = "01890a5d-ac96-774b-bcce-b302099a8057";
        for text in [
            "AYkKXayWd0u8zrMCCZqAVw==",
            "AYkKXayWd0u8zrMCCZqAVw",
            hyphenated,
            "01890A5DAC96774BBCCEB302099A8057",
        ] {
            assert_eq!(uuid(text).as_deref(), Some(hyphenated), "{text}");
        }
        for text in ["AYkKXayWd0u8zrMCCZqAVw==", hyphenated] {
            assert_eq!(
                bytes(text).as_deref(),
                Some("\\x01890a5dac96774bbcceb302099a8057"),
                "{text}"
            );
        }
        assert_eq!(bytes("_-8=").as_deref(), Some("\\xffef"));
        for wrong in ["AYkK", "!", "a b", "AYkKXayWd0u8zrMCCZqAVw==="] {
            assert_eq!(uuid(wrong), None, "{wrong}");
        }
        assert_eq!(value("!", &Type::Bytes), Value::Raw("!".into()));
    }
}
