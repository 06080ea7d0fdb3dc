//! Questions about JSON, with the answers that PostgreSQL's jsonb gives.

use rusqlite::types::ValueRef;
use serde_json::Value as Json;
use std::fmt::Write as _;

/// A stored value as JSON: what is no JSON text is a string, as it is when it is written.
pub(super) fn parse(value: ValueRef<'_>) -> Option<Json> {
    let text = match value {
        ValueRef::Null => return None,
        ValueRef::Integer(integer) => return Some(integer.into()),
        ValueRef::Real(real) => return serde_json::Number::from_f64(real).map(Json::Number),
        ValueRef::Text(text) => std::borrow::Cow::Borrowed(text),
        ValueRef::Blob(bytes) => {
            let mut text = Vec::new();
            if !super::jsonb::write(&mut text, bytes) {
                return None;
            }
            text.into()
        }
    };
    let parsed = serde_json::from_slice(&text);
    Some(parsed.unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&text).into_owned())))
}

/// jsonb's `@>`: everything in `part` is in `whole` at the same place; arrays are sets. A scalar part is also contained in
/// an array that has it, at the top alone.
pub(super) fn contains(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Array(items), scalar) if !scalar.is_array() && !scalar.is_object() => {
            items.iter().any(|item| same_scalar(item, scalar))
        }
        _ => contains_within(whole, part),
    }
}

fn contains_within(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|own| contains_within(own, value))),
        (Json::Array(whole), Json::Array(part)) => part
            .iter()
            .all(|value| whole.iter().any(|own| contains_within(own, value))),
        _ => same_scalar(whole, part),
    }
}

fn same_scalar(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other || canonical(one.as_str()) == canonical(other.as_str())
        }
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => false,
        (one, other) => one == other,
    }
}

/// Sign, digits without outer zeros, and the power of ten after the last digit: equal for equal numbers of any length.
fn canonical(text: &str) -> (bool, String, i64) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap_or(i64::MAX / 2);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let trimmed = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - trimmed.len()).unwrap_or(0);
    let power = exponent
        .saturating_sub(i64::try_from(fraction.len()).unwrap_or(0))
        .saturating_add(dropped);
    match trimmed.trim_start_matches('0') {
        "" => (false, String::new(), 0),
        digits => (negative, digits.to_owned(), power),
    }
}

/// A text that is the same for equal values: members in the order of their keys, numbers without what does not change
/// them, no spaces.
pub(super) fn canonical_text(json: &Json) -> String {
    let mut text = String::new();
    write_canonical(&mut text, json);
    text
}

fn write_canonical(out: &mut String, json: &Json) {
    match json {
        Json::Number(number) => {
            let (negative, digits, power) = canonical(number.as_str());
            out.push_str(if negative { "-" } else { "" });
            if digits.is_empty() {
                out.push('0');
            } else {
                let _ = write!(out, "{digits}e{power}");
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                write_canonical(out, item);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            for (index, (key, value)) in members.iter().enumerate() {
                let _ = write!(
                    out,
                    "{}{}:",
                    if index == 0 { '{' } else { ',' },
                    Json::from(key.as_str())
                );
                write_canonical(out, value);
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// jsonb's `?`: a key of an object, a text of an array, or the text itself.
pub(super) fn has_key(json: &Json, key: &str) -> bool {
    match json {
        Json::Object(members) => members.contains_key(key),
        Json::Array(items) => items.iter().any(|item| item.as_str() == Some(key)),
        Json::String(text) => text == key,
        _ => false,
    }
}

/// PostgreSQL's `#>`: every step is a text; into an array it leads if it is an integer (from the end where negative).
pub(super) fn get<'a>(mut json: &'a Json, path: &[Json]) -> Option<&'a Json> {
    for step in path {
        let Json::String(step) = step else { return None };
        json = match json {
            Json::Object(members) => members.get(step)?,
            Json::Array(items) => {
                let index: i64 = step.parse().ok()?;
                let index = if index < 0 {
                    i64::try_from(items.len()).ok()?.checked_add(index)?
                } else {
                    index
                };
                items.get(usize::try_from(index).ok()?)?
            }
            _ => return None,
        };
    }
    Some(json)
}

/// `->>`: JSON null is no text.
pub(super) fn as_text(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn containment_is_that_of_jsonb() {
        for (whole, part, expected) in [
            (
                "{\"a\":1,\"b\":{\"c\":[1,2,{\"d\":3}]}}",
                "{\"b\":{\"c\":[{\"d\":3}]}}",
                true,
            ),
            ("{\"a\":1}", "{\"a\":2}", false),
            ("{\"a\":1}", "{}", true),
            ("[1,2,3]", "[3,1,1]", true),
            ("[1,2,[1,3]]", "[1,3]", false),
            ("[1,2,[1,3]]", "[[1,3]]", true),
            ("[\"foo\",\"bar\"]", "\"bar\"", true),
            ("\"bar\"", "[\"bar\"]", false),
            ("[[\"bar\"]]", "\"bar\"", false),
            ("{\"a\":[\"x\"]}", "{\"a\":\"x\"}", false),
            ("1.0", "1", true),
            ("1e2", "100", true),
            ("-0", "0", true),
            ("0.10", "1e-1", true),
            ("12", "13", false),
            ("1e999999999999999999999", "1", false),
            ("null", "null", true),
            ("[null]", "null", true),
            ("{\"a\":null}", "{\"a\":null}", true),
            ("{}", "[]", false),
            ("true", "\"true\"", false),
        ] {
            assert_eq!(contains(&json(whole), &json(part)), expected, "{whole} @> {part}");
        }
    }

    #[test]
    fn keys_and_paths() {
        let whole = json("{\"a\":[10,{\"$.b\":\"x\\n\"},null],\"c\":1.50,\"0\":\"zero\"}");
        assert!(has_key(&whole, "a") && !has_key(&whole, "b"));
        assert!(has_key(&json("[\"a\",1]"), "a") && !has_key(&json("[\"a\",1]"), "1"));
        assert!(has_key(&json("\"a\""), "a") && !has_key(&json("1"), "1"));
        for (path, text) in [
            ("[\"a\",\"0\"]", Some("10")),
            ("[\"a\",\"-2\",\"$.b\"]", Some("x\n")),
            ("[\"a\",\"-4\"]", None),
            ("[\"a\",\"3\"]", None),
            ("[\"a\",\"2\"]", None),
            ("[\"a\",\"b\"]", None),
            ("[\"0\"]", Some("zero")),
            ("[\"c\"]", Some("1.50")),
            ("[\"c\",\"0\"]", None),
            ("[\"a\"]", Some("[10,{\"$.b\":\"x\\n\"},null]")),
        ] {
            let Json::Array(path) = json(path) else {
                panic!("a path")
            };
            assert_eq!(get(&whole, &path).and_then(as_text).as_deref(), text, "{path:?}");
        }
    }

    #[test]
    fn equal_values_have_one_canonical_text() {
        for (one, other, equal) in [
            ("{\"b\":1,\"a\":[1.0,2e1]}", "{ \"a\": [1, 20], \"b\": 1.00 }", true),
            ("{\"a\":{}}", "{\"a\":[]}", false),
            ("[1,2]", "[2,1]", false),
            ("[[1],2]", "[[1,2]]", false),
            ("\"\\u0061\"", "\"a\"", true),
            ("\"1\"", "1", false),
            ("-0.0", "0", true),
            ("null", "\"null\"", false),
            ("{\"a\\\"b\":1}", "{\"ab\":1}", false),
            ("12345678901234567890123", "12345678901234567890124", false),
            ("10", "1", false),
        ] {
            assert_eq!(
                canonical_text(&json(one)) == canonical_text(&json(other)),
                equal,
                "{one} = {other}"
            );
        }
    }
}
