//! Questions about JSON, with the answers that PostgreSQL's jsonb gives.

use super::clock::{OutOfTime, Steps};
use rusqlite::types::ValueRef;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

/// A stored value as JSON: what is no JSON text is a string, as it is when it is written.
pub(super) fn parse(value: ValueRef<'_>) -> Option<Json> {
    let text = match value {
        ValueRef::Null => return None,
        ValueRef::Integer(integer) => return Some(integer.into()),
        ValueRef::Real(real) => return serde_json::Number::from_f64(real).map(Json::Number),
        ValueRef::Text(text) => Cow::Borrowed(text),
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
pub(super) fn contains(whole: &Json, part: &Json, steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
    match (whole, part) {
        (Json::Array(items), scalar) if !scalar.is_array() && !scalar.is_object() => {
            let key = Scalar::of(scalar);
            for item in items {
                steps.step()?;
                if Scalar::of(item) == key {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => contains_within(whole, part, steps),
    }
}

fn contains_within(whole: &Json, part: &Json, steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
    steps.step()?;
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => {
            for (key, value) in part {
                let Some(own) = whole.get(key) else { return Ok(false) };
                if !contains_within(own, value, steps)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Json::Array(whole), Json::Array(part)) => contains_items(whole, part, steps),
        _ => Ok(Scalar::of(whole).is_some_and(|own| Some(own) == Scalar::of(part))),
    }
}

/// Whether each item of `part` is in `whole`. Scalars are looked up in a set of those that are wanted, which are few; only
/// arrays and objects are compared with each other.
fn contains_items(whole: &[Json], part: &[Json], steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
    let mut wanted: HashSet<Scalar<'_>> = part.iter().filter_map(Scalar::of).collect();
    if !wanted.is_empty() {
        for item in whole {
            steps.step()?;
            if let Some(scalar) = Scalar::of(item)
                && wanted.remove(&scalar)
                && wanted.is_empty()
            {
                break;
            }
        }
        if !wanted.is_empty() {
            return Ok(false);
        }
    }
    let is_container = |item: &&Json| item.is_array() || item.is_object();
    for item in part.iter().filter(is_container) {
        let mut found = false;
        for own in whole.iter().filter(is_container) {
            steps.step()?;
            if contains_within(own, item, steps)? {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is neither array nor object, equal for equal values.
#[derive(PartialEq, Eq, Hash)]
enum Scalar<'a> {
    Null,
    Boolean(bool),
    Text(&'a str),
    Number(bool, Cow<'a, str>, i64),
}

impl<'a> Scalar<'a> {
    fn of(json: &'a Json) -> Option<Self> {
        Some(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::String(text) => Self::Text(text),
            Json::Number(number) => {
                let (negative, digits, power) = canonical(number.as_str());
                Self::Number(negative, digits, power)
            }
            Json::Array(_) | Json::Object(_) => return None,
        })
    }
}

/// Sign, digits without outer zeros, and the power of ten after the last digit: equal for equal numbers of any length.
fn canonical(text: &str) -> (bool, Cow<'_, str>, i64) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap_or(i64::MAX / 2);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = if fraction.is_empty() {
        Cow::Borrowed(whole)
    } else {
        Cow::Owned(format!("{whole}{fraction}"))
    };
    let length = digits.trim_end_matches('0').len();
    let dropped = i64::try_from(digits.len() - length).unwrap_or(0);
    let power = exponent
        .saturating_sub(i64::try_from(fraction.len()).unwrap_or(0))
        .saturating_add(dropped);
    let digits = match digits {
        Cow::Borrowed(digits) => Cow::Borrowed(digits[..length].trim_start_matches('0')),
        Cow::Owned(digits) => Cow::Owned(digits[..length].trim_start_matches('0').to_owned()),
    };
    if digits.is_empty() {
        (false, digits, 0)
    } else {
        (negative, digits, power)
    }
}

/// A text that is the same for equal values: members in the order of their keys, numbers without what does not change
/// them, no spaces.
pub(super) fn canonical_text(json: &Json, steps: &mut Steps<'_>) -> Result<String, OutOfTime> {
    let mut text = String::new();
    write_canonical(&mut text, json, steps)?;
    Ok(text)
}

fn write_canonical(out: &mut String, json: &Json, steps: &mut Steps<'_>) -> Result<(), OutOfTime> {
    steps.step()?;
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
                write_canonical(out, item, steps)?;
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
                write_canonical(out, value, steps)?;
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
    Ok(())
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

/// jsonb's `?&` (`all`) and `?|`.
pub(super) fn has_keys(json: &Json, keys: &[Json], all: bool, steps: &mut Steps<'_>) -> Result<bool, OutOfTime> {
    let texts: HashSet<&str> = match json {
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        _ => HashSet::new(),
    };
    for key in keys {
        steps.step()?;
        let has = as_text(key).is_some_and(|key| match json {
            Json::Array(_) => texts.contains(&*key),
            other => has_key(other, &key),
        });
        if has != all {
            return Ok(has);
        }
    }
    Ok(all)
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
    use super::super::clock::Clock;
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
            assert_eq!(answer(whole, part), Ok(expected), "{whole} @> {part}");
        }
    }

    fn answer(whole: &str, part: &str) -> Result<bool, OutOfTime> {
        let clock = Clock::new();
        contains(&json(whole), &json(part), &mut Steps::new(&clock))
    }

    #[test]
    fn long_arrays_are_compared_as_sets() {
        let list = |range: std::ops::Range<u32>| serde_json::to_string(&range.collect::<Vec<_>>()).expect("a list");
        assert_eq!(answer(&list(0..100_000), &list(0..99_999)), Ok(true));
        assert_eq!(answer(&list(0..100_000), &list(1..100_001)), Ok(false));
        let whole: Json = (0..5_000).map(|n| serde_json::json!({ "a": n })).collect();
        let clock = Clock::new();
        clock.set(std::time::Instant::now());
        let late = contains(&whole, &whole, &mut Steps::new(&clock));
        assert_eq!(late, Err(OutOfTime), "comparisons of objects look at the clock");
    }

    #[test]
    fn many_keys() {
        let clock = Clock::new();
        for (whole, keys, any, all) in [
            ("[\"a\",\"b\",1]", "[\"a\",\"c\"]", true, false),
            ("[\"a\",\"b\",1]", "[\"a\",\"b\"]", true, true),
            ("{\"a\":1}", "[\"a\",\"b\"]", true, false),
            ("\"a\"", "[\"a\"]", true, true),
            ("[1]", "[\"1\"]", false, false),
            ("{\"a\":1}", "[]", false, true),
        ] {
            let Json::Array(keys) = json(keys) else { panic!("keys") };
            let has = |all| has_keys(&json(whole), &keys, all, &mut Steps::new(&clock));
            assert_eq!((has(false), has(true)), (Ok(any), Ok(all)), "{whole} {keys:?}");
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
            let clock = Clock::new();
            let text = |value| canonical_text(&json(value), &mut Steps::new(&clock)).expect("in time");
            assert_eq!(text(one) == text(other), equal, "{one} = {other}");
        }
    }
}
