//! Constants of rules and texts of session variables as values of a column's type, and comparing them.

use super::syntax::Literal;
use crate::catalog::{Catalog, DatabaseKind};
use crate::error::nearest;
use crate::request::Comparison;
use crate::value::{Datum, Type, interval, json_holds_nul, moment, numeral};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::cmp::Ordering;

/// A constant of a rule as a value of the type that it meets.
///
/// # Errors
/// What would be right.
pub(super) fn cast_literal(literal: &Literal, data_type: &Type, catalog: &Catalog) -> Result<Datum, String> {
    let sqlite = catalog.database.kind == DatabaseKind::Sqlite;
    let wrong = |what: &str| {
        Err(format!(
            "{what} cannot be compared with a value of type {}",
            data_type.word()
        ))
    };
    match literal {
        Literal::Null => Ok(Datum::Null),
        Literal::Boolean(value) => match data_type {
            Type::Boolean => Ok(Datum::Boolean(*value)),
            Type::Integer(_) | Type::Float(_) | Type::Numeric if sqlite => Ok(Datum::Integer((*value).into())),
            Type::Json | Type::Jsonb => Ok(Datum::Text(value.to_string().into())),
            Type::Other(_) if sqlite => Ok(Datum::Boolean(*value)),
            _ => wrong(if *value { "TRUE" } else { "FALSE" }),
        },
        Literal::Number(number) => match data_type {
            Type::Boolean if sqlite && (number == "0" || number == "1") => Ok(Datum::Boolean(number == "1")),
            // SQLite has no decimals: they are stored and compared as numbers.
            Type::Numeric if sqlite => numeral::number(number).ok_or_else(|| not_of(number, data_type)),
            Type::Integer(_) | Type::Float(_) | Type::Numeric => {
                cast_text(number, &widened(data_type, sqlite)).ok_or_else(|| not_of(number, data_type))
            }
            Type::Json | Type::Jsonb => Ok(Datum::Text(number.as_str().into())),
            Type::Other(_) if sqlite => numeral::number(number).ok_or_else(|| not_of(number, data_type)),
            Type::Text { .. } => Err(format!("the column holds text: write '{number}' in quotes")),
            _ => wrong(number),
        },
        Literal::Text(text) => match data_type {
            Type::Enum(index) => {
                let values = catalog
                    .database
                    .enums
                    .get(*index as usize)
                    .map(|found| found.values.as_slice())
                    .unwrap_or_default();
                if values.iter().any(|value| value == text) {
                    return Ok(Datum::Text(text.as_str().into()));
                }
                let near = nearest(text, values.iter().map(String::as_str)).map_or_else(
                    || {
                        let list = values
                            .iter()
                            .take(20)
                            .map(|value| format!("'{value}'"))
                            .collect::<Vec<_>>();
                        format!("; it has {}", list.join(", "))
                    },
                    |near| format!(", did you mean '{near}'?"),
                );
                Err(format!("'{text}' is not a value of this enum{near}"))
            }
            Type::Interval if sqlite => interval::canonical(text)
                .map(|text| Datum::Text(text.into()))
                .ok_or_else(|| not_of(text, data_type)),
            Type::Interval | Type::Other(_) => Ok(Datum::Text(text.as_str().into())),
            Type::Array(element) => array_text(text, element).ok_or_else(|| not_of(text, data_type)),
            _ => cast_text(text, &widened(data_type, sqlite)).ok_or_else(|| not_of(text, data_type)),
        },
    }
}

fn not_of(text: &str, data_type: &Type) -> String {
    let example = match data_type {
        Type::Boolean => "; write TRUE or FALSE",
        Type::Date => "; write it as '2026-01-31'",
        Type::Timestamp | Type::TimestampTz => "; write it as '2026-01-31 12:00:00'",
        Type::Time | Type::TimeTz => "; write it as '12:00:00'",
        Type::Uuid => "; write it as '8d3f0c2e-…' with hyphens",
        Type::Bytes => "; write it as '\\x0a1b'",
        _ => "",
    };
    format!("{text:?} is not a value of type {}{example}", data_type.word())
}

/// SQLite's integers are of 64 bits whatever they are called.
pub(super) fn widened(data_type: &Type, sqlite: bool) -> Type {
    match data_type {
        Type::Integer(_) if sqlite => Type::Integer(64),
        other => other.clone(),
    }
}

/// A text (a constant, or of a session variable) as a value of a type, in the canonical form in which it is compared and
/// stored; `None` when it is not one.
#[must_use]
pub(super) fn cast_text(text: &str, data_type: &Type) -> Option<Datum> {
    let kept = || Some(Datum::Text(text.into()));
    if text.contains('\0') {
        return None;
    }
    match data_type {
        Type::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Some(Datum::Boolean(true)),
            "false" | "f" | "0" => Some(Datum::Boolean(false)),
            _ => None,
        },
        Type::Integer(16) => text.parse::<i16>().ok().map(|value| Datum::Integer(value.into())),
        Type::Integer(64) => text.parse().ok().map(Datum::Integer),
        Type::Integer(_) => text.parse::<i32>().ok().map(|value| Datum::Integer(value.into())),
        Type::Float(bits) => {
            let plain = text
                .chars()
                .all(|character| character.is_ascii_digit() || "+-.eE".contains(character));
            let value = text.parse::<f64>().ok().filter(|value| plain && value.is_finite())?;
            #[expect(clippy::cast_possible_truncation, reason = "the question is whether it fits")]
            let fits = *bits != 32 || (value as f32).is_finite();
            fits.then_some(Datum::Float(value))
        }
        Type::Numeric => decimal(text).and_then(|_| kept()),
        Type::Uuid => uuid_of(text).map(|uuid| Datum::Text(uuid.hyphenated().to_string().into())),
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => {
            moment::canonical(text, data_type).map(|text| Datum::Text(text.into()))
        }
        Type::Json | Type::Jsonb => serde_json::from_str::<serde::de::IgnoredAny>(text)
            .is_ok_and(|_| !json_holds_nul(text))
            .then(kept)
            .flatten(),
        Type::Bytes => bytes_of(text).map(|bytes| Datum::Bytes(bytes.into())),
        Type::Geometry => crate::geometry::normal(text).map(|text| Datum::Text(text.into())),
        Type::Text { .. } | Type::Interval | Type::Enum(_) | Type::Other(_) => kept(),
        Type::Array(element) => array_text(text, element),
    }
}

/// A text of the session as a value of a type. Numbers count in their canonical spelling alone: `02` and `+2` are other
/// subjects than `2`.
///
/// This is also how a session variable is bound: what it accepts is what the solver takes for present.
#[must_use]
pub(super) fn cast_session(text: &str, data_type: &Type) -> Option<Datum> {
    let spelled = match data_type {
        Type::Integer(_) => numeral::is_integer(text),
        Type::Numeric => numeral::is_decimal(text),
        _ => true,
    };
    spelled.then(|| cast_text(text, data_type)).flatten()
}

/// With hyphens, or as the Records API writes it: 16 bytes in url-safe base64.
fn uuid_of(text: &str) -> Option<uuid::Uuid> {
    if let Ok(uuid) = uuid::Uuid::try_parse(text) {
        return Some(uuid);
    }
    URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .ok()
        .and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok())
}

/// `\x…` in hex, a UUID with hyphens, or base64 (url-safe or not, padded or not).
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        return (hex.len() % 2 == 0 && hex.is_ascii())
            .then(|| {
                (0..hex.len())
                    .step_by(2)
                    .map(|index| u8::from_str_radix(&hex[index..index + 2], 16).ok())
                    .collect::<Option<Vec<u8>>>()
            })
            .flatten();
    }
    if text.len() == 36
        && let Ok(uuid) = uuid::Uuid::try_parse(text)
    {
        return Some(uuid.as_bytes().to_vec());
    }
    let bare = text.trim_end_matches('=');
    URL_SAFE_NO_PAD
        .decode(bare)
        .or_else(|_| STANDARD_NO_PAD.decode(bare))
        .ok()
}

/// `{a,b}` with plain elements.
fn array_text(text: &str, element: &Type) -> Option<Datum> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.is_empty() {
        return Some(Datum::List(Vec::new()));
    }
    inner
        .split(',')
        .map(|item| cast_text(item.trim().trim_matches('"'), element))
        .collect::<Option<Vec<_>>>()
        .map(Datum::List)
}

/// Whether it is negative, digits before and after the point, without needless zeros.
fn decimal(text: &str) -> Option<(bool, String, String)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.chars().all(|character| character.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let part = part.trim_end_matches('0').to_owned();
    let negative = negative && !(whole.is_empty() && part.is_empty());
    Some((negative, whole, part))
}

fn compare_decimals(left: &str, right: &str) -> Option<Ordering> {
    let (left_negative, left_whole, left_part) = decimal(left)?;
    let (right_negative, right_whole, right_part) = decimal(right)?;
    let magnitude = left_whole
        .len()
        .cmp(&right_whole.len())
        .then_with(|| left_whole.cmp(&right_whole))
        .then_with(|| left_part.cmp(&right_part));
    Some(match (left_negative, right_negative) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    })
}

/// Whether values of a type are compared here exactly as the database would.
#[must_use]
pub(super) fn is_decidable(data_type: &Type, comparison: Comparison) -> bool {
    use Comparison as C;
    match comparison {
        C::Equal | C::NotEqual | C::Same | C::NotSame | C::In | C::NotIn => matches!(
            data_type,
            Type::Boolean | Type::Integer(_) | Type::Float(_) | Type::Numeric | Type::Text { .. } | Type::Uuid
        ),
        C::Greater | C::GreaterOrEqual | C::Less | C::LessOrEqual => {
            matches!(data_type, Type::Integer(_) | Type::Float(_) | Type::Numeric)
        }
        C::Like | C::NotLike => data_type.is_text(),
        _ => false,
    }
}

/// Two values compared; `None` is unknown.
#[must_use]
pub(super) fn compare(left: &Datum, comparison: Comparison, right: &Datum, data_type: &Type) -> Option<bool> {
    use Comparison as C;
    let order = order_of(left, right, data_type);
    match comparison {
        C::Equal => order.map(Ordering::is_eq),
        C::NotEqual => order.map(Ordering::is_ne),
        C::Greater => order.map(Ordering::is_gt),
        C::GreaterOrEqual => order.map(Ordering::is_ge),
        C::Less => order.map(Ordering::is_lt),
        C::LessOrEqual => order.map(Ordering::is_le),
        C::Same | C::NotSame => {
            let same = match (left, right) {
                (Datum::Null, Datum::Null) => true,
                (Datum::Null, _) | (_, Datum::Null) => false,
                _ => order?.is_eq(),
            };
            Some(same == (comparison == C::Same))
        }
        C::In | C::NotIn => {
            let Datum::List(items) = right else { return None };
            let mut unknown = false;
            for item in items {
                match order_of(left, item, data_type) {
                    Some(order) if order.is_eq() => return Some(comparison == C::In),
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            if unknown { None } else { Some(comparison == C::NotIn) }
        }
        C::Like | C::NotLike => match (left, right) {
            (Datum::Text(text), Datum::Text(pattern)) => Some(matches_like(text, pattern)? == (comparison == C::Like)),
            _ => None,
        },
        _ => None,
    }
}

fn order_of(left: &Datum, right: &Datum, data_type: &Type) -> Option<Ordering> {
    if *data_type == Type::Numeric {
        let written = |value: &Datum| match value {
            Datum::Integer(value) => Some(value.to_string()),
            Datum::Float(value) => Some(value.to_string()),
            Datum::Text(text) => Some(text.to_string()),
            _ => None,
        };
        return compare_decimals(&written(left)?, &written(right)?);
    }
    match (left, right) {
        (Datum::Boolean(left), Datum::Boolean(right)) => Some(left.cmp(right)),
        (Datum::Integer(left), Datum::Integer(right)) => Some(left.cmp(right)),
        (Datum::Float(left), Datum::Float(right)) => left.partial_cmp(right),
        (Datum::Text(left), Datum::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// `%` any characters, `_` one, `\` takes the next as it is. A pattern that ends in `\` is not one.
fn matches_like(text: &str, pattern: &str) -> Option<bool> {
    enum Piece {
        Any,
        One,
        Exactly(char),
    }
    let mut pieces = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '%' => Piece::Any,
            '_' => Piece::One,
            '\\' => Piece::Exactly(characters.next()?),
            other => Piece::Exactly(other),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut place, mut piece) = (0, 0);
    // Where to go on after a mismatch: behind the last `%`, with one character more taken by it.
    let mut retry: Option<(usize, usize)> = None;
    while place < text.len() {
        match pieces.get(piece) {
            Some(Piece::Any) => {
                retry = Some((place, piece + 1));
                piece += 1;
            }
            Some(Piece::One) => {
                place += 1;
                piece += 1;
            }
            Some(Piece::Exactly(character)) if *character == text[place] => {
                place += 1;
                piece += 1;
            }
            _ => match retry {
                Some((from, after)) => {
                    retry = Some((from + 1, after));
                    place = from + 1;
                    piece = after;
                }
                None => return Some(false),
            },
        }
    }
    Some(pieces[piece..].iter().all(|piece| matches!(piece, Piece::Any)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_of_a_type_or_nothing() {
        let cases: &[(&str, Type, bool)] = &[
            ("7", Type::Integer(32), true),
            ("abc", Type::Integer(32), false),
            ("2147483648", Type::Integer(32), false),
            ("2147483648", Type::Integer(64), true),
            ("9223372036854775808", Type::Integer(64), false),
            ("nan", Type::Float(64), false),
            ("1e999", Type::Float(64), false),
            ("1e300", Type::Float(32), false),
            ("12.50", Type::Numeric, true),
            ("1e5", Type::Numeric, false),
            ("yes", Type::Boolean, false),
            ("8d3f0c2e-0a5b-4c1d-9e7f-0123456789ab", Type::Uuid, true),
            ("jT8MLgpbTB2efwEjRWeJqw", Type::Uuid, true),
            ("jT8M", Type::Uuid, false),
            ("2026-02-30", Type::Date, false),
            ("2026-02-28", Type::Date, true),
            ("2026-02-28T10:00:00.5Z", Type::TimestampTz, true),
            ("2026-02-28 10:00:00+02:00", Type::TimestampTz, true),
            ("2026-02-28 25:00", Type::Timestamp, false),
            ("10:00-05", Type::TimeTz, true),
            ("10:00+99", Type::TimeTz, false),
            ("{\"a\":1}", Type::Jsonb, true),
            ("{a", Type::Jsonb, false),
            ("\\x0a1B", Type::Bytes, true),
            ("\\xzz", Type::Bytes, false),
            ("\\xäö", Type::Bytes, false),
            ("a\0b", Type::TEXT, false),
            ("{1,2}", Type::Array(Box::new(Type::Integer(32))), true),
            ("{1,x}", Type::Array(Box::new(Type::Integer(32))), false),
        ];
        for (text, data_type, good) in cases {
            assert_eq!(cast_text(text, data_type).is_some(), *good, "{text:?} as {data_type:?}");
        }
    }

    #[test]
    fn numbers_of_a_session_have_one_spelling() {
        for (text, data_type, good) in [
            ("2", Type::Integer(64), true),
            ("-2", Type::Integer(32), true),
            ("02", Type::Integer(64), false),
            ("+2", Type::Integer(64), false),
            ("-0", Type::Integer(64), false),
            ("2.50", Type::Numeric, true),
            ("02", Type::Numeric, false),
            ("+2", Type::Numeric, false),
            ("2026-01-31T12:00Z", Type::Timestamp, true),
        ] {
            assert_eq!(
                cast_session(text, &data_type).is_some(),
                good,
                "{text} as {data_type:?}"
            );
        }
        let text = |text: &str| Some(Datum::Text(text.into()));
        assert_eq!(
            cast_session("2026-01-31T14:00:00+02:00", &Type::Timestamp),
            text("2026-01-31 12:00:00")
        );
        assert!(cast_text("{\"a\": \"\\\\u0000\"}", &Type::Json).is_some());
        assert_eq!(cast_text("{\"a\": \"\\u0000\"}", &Type::Json), None);
    }

    #[test]
    fn decimals_and_patterns_compare_as_in_the_database() {
        let order = |left, right| compare_decimals(left, right);
        assert_eq!(order("1.50", "1.5"), Some(Ordering::Equal));
        assert_eq!(order("-0", "0"), Some(Ordering::Equal));
        assert_eq!(order("-2", "-10"), Some(Ordering::Greater));
        assert_eq!(order("0.19", "0.2"), Some(Ordering::Less));
        assert_eq!(
            order("100000000000000000001", "99999999999999999999"),
            Some(Ordering::Greater)
        );
        for (text, pattern, expected) in [
            ("abc", "a%", Some(true)),
            ("abc", "%b%", Some(true)),
            ("abc", "_b_", Some(true)),
            ("a%c", "a\\%c", Some(true)),
            ("abc", "a\\%c", Some(false)),
            ("", "%", Some(true)),
            ("", "_", Some(false)),
            ("aab", "%ab", Some(true)),
            ("ABC", "abc", Some(false)),
            ("x", "x\\", None),
        ] {
            assert_eq!(matches_like(text, pattern), expected, "{text:?} LIKE {pattern:?}");
        }
    }
}
