//! One value → one datum of a type.

use crate::catalog::{Composite, Database, DatabaseKind};
use crate::error::{Code, Error, Result};
use crate::value::{Datum, Type, Value, interval, json, json_holds_nul, literal, moment, numeral};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bigdecimal::BigDecimal;
use bigdecimal::num_traits::ToPrimitive as _;
use std::str::FromStr as _;

/// Most points of a geometry. The work of comparing two can grow with the square of it.
const MOST_POINTS: usize = 2000;

/// Longest text of a geometry that is looked at: more than so many points need.
const LONGEST_GEOMETRY: usize = 100 * MOST_POINTS;

/// Checks a value against a type.
///
/// # Errors
/// What was sent and what would be right.
pub(super) fn datum(value: &Value, data_type: &Type, database: &Database) -> Result<Datum> {
    let kind = database.kind;
    let wrong = |expected: &str| Error::invalid(Code::INVALID_VALUE, format!("{} is not {expected}", value.describe()));
    if let Value::Text(text) | Value::Raw(text) = value
        && text.contains('\0')
    {
        return Err(wrong("possible: it holds a NUL character"));
    }
    if *value == Value::Null {
        return Ok(Datum::Null);
    }
    if let Some(composite) = database.composite(data_type) {
        return record(value, composite, database);
    }
    match data_type {
        Type::Boolean => match value {
            Value::Boolean(value) => Ok(Datum::Boolean(*value)),
            Value::Raw(text) => match &*text.to_ascii_lowercase() {
                "true" | "t" | "1" | "yes" | "on" => Ok(Datum::Boolean(true)),
                "false" | "f" | "0" | "no" | "off" => Ok(Datum::Boolean(false)),
                _ => Err(wrong("a boolean: true or false")),
            },
            _ => Err(wrong("a boolean: true or false")),
        },
        Type::Integer(bits) => {
            let number = match value {
                Value::Integer(number) => Some(*number),
                Value::Number(text) => integral(text),
                Value::Raw(text) => text.parse().ok(),
                _ => None,
            };
            // SQLite's integers have 64 bits whatever they are declared as.
            let (least, most) = match (bits, kind) {
                (16, DatabaseKind::Postgres) => (i64::from(i16::MIN), i64::from(i16::MAX)),
                (32, DatabaseKind::Postgres) => (i64::from(i32::MIN), i64::from(i32::MAX)),
                _ => (i64::MIN, i64::MAX),
            };
            match number {
                Some(number) if (least..=most).contains(&number) => Ok(Datum::Integer(number)),
                _ => Err(wrong(&format!("an integer from {least} to {most}"))),
            }
        }
        Type::Float(bits) => {
            let number = match value {
                #[allow(clippy::cast_precision_loss, reason = "a column of doubles holds no more")]
                Value::Integer(number) => Some(*number as f64),
                Value::Number(text) | Value::Raw(text) if is_decimal(text) => text.parse::<f64>().ok(),
                _ => None,
            };
            match number {
                // PostgreSQL refuses what the shorter form has no number for; narrowing it would make zero or infinity of it.
                Some(number) if kind == DatabaseKind::Postgres && *bits == 32 && !fits_float4(number) => Err(wrong(
                    "a number that real holds: zero, or from 1e-37 to 3.4e38 on either side of it",
                )),
                Some(number) if number.is_finite() => Ok(Datum::Float(number)),
                _ => Err(wrong("a finite number")),
            }
        }
        Type::Numeric => match value {
            Value::Integer(number) => Ok(Datum::Text(number.to_string().into())),
            Value::Number(text) | Value::Raw(text) if is_decimal(text) => Ok(Datum::Text(text.clone())),
            _ => Err(wrong("a decimal number of at most 1000 digits")),
        },
        Type::Text { .. } => match value {
            Value::Text(text) | Value::Raw(text) => Ok(Datum::Text(text.clone())),
            _ => Err(wrong("a text")),
        },
        Type::Uuid => match value {
            Value::Text(text) | Value::Raw(text) => {
                let parsed = uuid::Uuid::try_parse(text)
                    .ok()
                    .or_else(|| uuid::Uuid::from_slice(&base64_bytes(text)?).ok());
                parsed
                    .map(|uuid| Datum::Text(uuid.to_string().into()))
                    .ok_or_else(|| wrong("a UUID"))
            }
            _ => Err(wrong("a UUID")),
        },
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => match value {
            Value::Text(text) | Value::Raw(text) => moment::canonical(text.trim(), data_type)
                .map(|text| Datum::Text(text.into()))
                .ok_or_else(|| wrong(moment::expected(data_type))),
            _ => Err(wrong(moment::expected(data_type))),
        },
        Type::Json | Type::Jsonb => match value {
            Value::Raw(text) => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) if json_holds_nul(text) => Err(wrong("possible: it holds a NUL character")),
                Ok(_) if json::has_long_number(text) => Err(long_number()),
                Ok(_) => Ok(Datum::Text(text.clone())),
                Err(_) => Err(wrong("valid JSON (a text needs its quotes)")),
            },
            other => {
                let json = serde_json::Value::from(other.clone());
                // PostgreSQL's jsonb cannot hold it, and SQLite's functions stop at it.
                if holds_nul(&json) {
                    Err(wrong("possible: it holds a NUL character"))
                } else {
                    let text = json.to_string();
                    if json::has_long_number(&text) {
                        return Err(long_number());
                    }
                    Ok(Datum::Text(text.into()))
                }
            }
        },
        Type::Bytes => match value {
            Value::Text(text) | Value::Raw(text) => bytes(text)
                .map(|bytes| Datum::Bytes(bytes.into()))
                .ok_or_else(|| wrong("bytes: base64, or hexadecimal after \\x")),
            _ => Err(wrong("bytes: base64, or hexadecimal after \\x")),
        },
        Type::Enum(index) => match value {
            Value::Text(text) | Value::Raw(text) => {
                let values = database
                    .enums
                    .get(*index as usize)
                    .map(|found| found.values.as_slice())
                    .unwrap_or_default();
                if values.iter().any(|known| **known == **text) {
                    Ok(Datum::Text(text.clone()))
                } else {
                    Err(wrong(&format!("one of {}", values.join(", "))))
                }
            }
            _ => Err(wrong("one of the enum's values")),
        },
        Type::Geometry => {
            let text: Box<str> = match value {
                Value::Text(text) | Value::Raw(text) => text.clone(),
                Value::Json(json) => json.to_string().into(),
                _ => "".into(),
            };
            let too_much = |message: String| Err(Error::invalid(Code::LIMIT_EXCEEDED, message));
            if text.len() > LONGEST_GEOMETRY {
                return too_much(format!(
                    "the geometry is too long, at most {LONGEST_GEOMETRY} bytes are taken"
                ));
            }
            if crate::geometry::points(&text) > MOST_POINTS {
                return too_much(format!(
                    "the geometry has too many points, at most {MOST_POINTS} are taken"
                ));
            }
            crate::geometry::normal(&text)
                .map(|text| Datum::Text(text.into()))
                .ok_or_else(|| wrong("a geometry: WKT or GeoJSON, with whole lines and rings"))
        }
        // A column without a declared type holds whatever was put there: values keep their own kind. (A text that is a
        // number's is made one when it is bound.)
        Type::Other(_) if kind == DatabaseKind::Sqlite => match value {
            Value::Integer(number) => Ok(Datum::Integer(*number)),
            Value::Boolean(value) => Ok(Datum::Boolean(*value)),
            Value::Number(text) if is_decimal(text) => numeral::number(text).ok_or_else(|| wrong("a number")),
            Value::Text(text) | Value::Raw(text) | Value::Number(text) => Ok(Datum::Text(text.clone())),
            other => Ok(Datum::Text(serde_json::Value::from(other.clone()).to_string().into())),
        },
        Type::Other(_) if data_type.is_named("hstore") => match value {
            Value::Text(text) | Value::Raw(text) if !text.trim_start().starts_with('{') => Some(text.to_string()),
            Value::Text(text) | Value::Raw(text) => serde_json::from_str(text).ok().as_ref().and_then(pairs),
            Value::Json(json) => pairs(json),
            _ => None,
        }
        .map(|text| Datum::Text(text.into()))
        .ok_or_else(|| wrong("pairs of keys and texts, such as {\"key\": \"text\"}")),
        // PostgreSQL reads more forms, and writes them in the same one.
        Type::Interval if kind == DatabaseKind::Sqlite => match value {
            Value::Text(text) | Value::Raw(text) => interval::canonical(text)
                .map(|text| Datum::Text(text.into()))
                .ok_or_else(|| wrong(interval::EXPECTED)),
            _ => Err(wrong(interval::EXPECTED)),
        },
        Type::Interval | Type::Array(_) | Type::Other(_) => match value {
            Value::Text(text) | Value::Raw(text) | Value::Number(text) => Ok(Datum::Text(text.clone())),
            other => Ok(Datum::Text(serde_json::Value::from(other.clone()).to_string().into())),
        },
    }
}

/// An object of the attributes of a composite type, those that it does not name null; or the text that PostgreSQL writes of
/// one.
fn record(value: &Value, composite: &Composite, database: &Database) -> Result<Datum> {
    let known = || {
        let names = composite.attributes.iter().map(|(name, _)| format!("{name:?}"));
        names.collect::<Vec<_>>().join(", ")
    };
    let wrong = || {
        let message = format!("{} is not an object of {}", value.describe(), known());
        Error::invalid(Code::INVALID_VALUE, message)
    };
    let parsed;
    let members = match value {
        Value::Json(serde_json::Value::Object(members)) => members,
        Value::Text(text) | Value::Raw(text) if text.trim_start().starts_with('(') => {
            return Ok(Datum::Text(text.clone()));
        }
        Value::Text(text) | Value::Raw(text) => {
            parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).map_err(|_| wrong())?;
            &parsed
        }
        _ => return Err(wrong()),
    };
    let is_known = |name: &String| composite.attributes.iter().any(|(own, _)| own == name);
    if let Some(unknown) = members.keys().find(|name| !is_known(name)) {
        let message = format!("it has no attribute {unknown:?}; those that it has are {}", known());
        return Err(Error::invalid(Code::INVALID_VALUE, message));
    }
    let attribute = |(name, data_type): &(String, Type)| {
        let value = members.get(name).map_or(Value::Null, |json| Value::from(json.clone()));
        part(&value, data_type, database).map_err(|error| {
            let message = format!("{name}: {}", error.message);
            Error { message, ..error }
        })
    };
    let attributes = composite.attributes.iter().map(attribute).collect::<Result<Vec<_>>>()?;
    Ok(Datum::Text(literal::record(&attributes).into()))
}

/// The value of an attribute, which may be a list.
fn part(value: &Value, data_type: &Type, database: &Database) -> Result<Datum> {
    match (data_type, value) {
        (Type::Array(element), Value::List(items)) => {
            let item = |item: &Value| match item {
                Value::List(_) if !element.is_json() => part(item, data_type, database),
                item => datum(item, element, database),
            };
            items.iter().map(item).collect::<Result<Vec<_>>>().map(Datum::List)
        }
        _ => datum(value, data_type, database),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "that is the question")]
fn fits_float4(number: f64) -> bool {
    let narrowed = number as f32;
    narrowed.is_finite() && (narrowed != 0.0 || number == 0.0)
}

fn long_number() -> Error {
    let message = format!(
        "a number in the JSON has more than {} digits, written out, or all of them have too many together; send them as \
         texts",
        json::MOST_DIGITS
    );
    Error::invalid(Code::INVALID_VALUE, message)
}

/// Whether a text or a key in JSON has the character NUL. (A backslash before `u0000` may itself be escaped.)
fn holds_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(members) => {
            (members.iter()).any(|(key, value)| key.contains('\0') || holds_nul(value))
        }
        _ => false,
    }
}

/// A JSON object of texts as hstore writes it: `"key"=>"text", "other"=>NULL`.
fn pairs(json: &serde_json::Value) -> Option<String> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let pair = |(key, value): (&String, &serde_json::Value)| {
        let value = match value {
            serde_json::Value::Null => "NULL".to_owned(),
            serde_json::Value::String(text) => quoted(text),
            serde_json::Value::Number(_) | serde_json::Value::Bool(_) => quoted(&value.to_string()),
            _ => return None,
        };
        Some(format!("{}=>{value}", quoted(key)))
    };
    let pairs: Option<Vec<String>> = json.as_object()?.iter().map(pair).collect();
    let text = pairs?.join(", ");
    (!text.contains('\0')).then_some(text)
}

/// The integer that a number such as `5.0` or `1e3` is.
fn integral(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    let number = is_decimal(text).then(|| BigDecimal::from_str(text).ok())??;
    number.is_integer().then(|| number.to_i64())?
}

/// Digits with an optional sign, point and exponent, within bounds that no database chokes on.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 1000
        && (!whole.is_empty() || !fraction.is_empty())
        && digits(whole)
        && digits(fraction)
        && exponent.parse::<i32>().is_ok_and(|exponent| exponent.abs() <= 1000)
}

fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    [&URL_SAFE_NO_PAD, &URL_SAFE, &STANDARD_NO_PAD, &STANDARD]
        .into_iter()
        .find_map(|engine| engine.decode(text).ok())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("\\x") else {
        return base64_bytes(text);
    };
    let digits = digits.as_bytes();
    if digits.len() % 2 == 1 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{bytes, integral, is_decimal, pairs};

    #[test]
    fn decimals() {
        for good in ["0", "-1.5", "+.5", "5.", "1e10", "1E-10", "00.10"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in [
            "", ".", "e5", "1e5000", "NaN", "Infinity", "1,5", "0x10", "1_0", " 1", "1e", "--1",
        ] {
            assert!(!is_decimal(bad), "{bad}");
        }
        assert!(!is_decimal(&"9".repeat(1001)));
    }

    #[test]
    fn integers_and_bytes() {
        assert_eq!(integral("5.0"), Some(5));
        assert_eq!(integral("5.5"), None);
        assert_eq!(integral("1e18"), Some(1_000_000_000_000_000_000));
        assert_eq!(integral("-9.223372036854775808e18"), Some(i64::MIN));
        assert_eq!(integral("0e1000"), Some(0));
        assert_eq!(integral("1e1000"), None);
        assert_eq!(integral("1e-1000"), None);
        assert_eq!(integral("9223372036854775808"), None);
        assert_eq!(bytes("\\x6869"), Some(b"hi".to_vec()));
        assert_eq!(bytes("\\x686"), None);
        assert_eq!(bytes("aGk="), Some(b"hi".to_vec()));
        assert_eq!(bytes("!"), None);
    }

    #[test]
    fn pairs_of_hstore() {
        let json = serde_json::json!({"a": "x", "b\"": "\\", "c": null, "d": 1, "e": true});
        assert_eq!(
            pairs(&json).as_deref(),
            Some(r#""a"=>"x", "b\""=>"\\", "c"=>NULL, "d"=>"1", "e"=>"true""#)
        );
        assert_eq!(pairs(&serde_json::json!({})).as_deref(), Some(""));
        for wrong in [
            serde_json::json!([]),
            serde_json::json!({"a": {}}),
            serde_json::json!({"a": "\0"}),
        ] {
            assert_eq!(pairs(&wrong), None);
        }
    }
}
