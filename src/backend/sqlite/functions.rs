//! The SQL functions that statements may rely on, and that SQLite lacks or answers otherwise than PostgreSQL.
//!
//! Their names and arguments are the contract with the renderer. All are deterministic and harmless (they look at nothing
//! but their arguments), so schemas may use them too. A value of the client's that cannot be right ends the statement with
//! an error text that begins with [`INVALID`].

use super::clock::{Clock, OutOfTime, Steps};
use super::fault::{INVALID, MISSING, RANGE};
use super::{changed_json, documents, geometry, numbers, patterns, write};
use crate::value::Type;
use crate::value::moment;
use rusqlite::functions::{Context, FunctionFlags, SqlFnOutput, SubType};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Error, Result};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;

/// Marks a result as JSON, for `json_object` and its like.
const JSON: SubType = Some(74);

pub(super) const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

/// What a function answers.
enum Answer {
    /// An argument as it came.
    Argument(usize),
    /// Text that is JSON.
    Json(Vec<u8>),
    /// Anything else.
    Plain(Value),
}

impl SqlFnOutput for Answer {
    fn to_sql(&self) -> Result<(ToSqlOutput<'_>, SubType)> {
        Ok(match self {
            Self::Argument(index) => (ToSqlOutput::Arg(*index), None),
            Self::Json(text) => (ToSqlOutput::Borrowed(ValueRef::Text(text)), JSON),
            Self::Plain(value) => (ToSqlOutput::Borrowed(ValueRef::from(value)), None),
        })
    }
}

/// A function that may take long.
type Long = fn(&Context<'_>, &mut Steps<'_>) -> Result<Answer>;

impl From<OutOfTime> for Error {
    fn from(_: OutOfTime) -> Self {
        Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT), None)
    }
}

/// Most bytes of a JSON value that something was added to: each addition reads and writes the whole.
const LARGEST: usize = 16_000_000;

const NULL: Answer = Answer::Plain(Value::Null);

/// Makes all functions known to a connection.
pub(super) fn register(connection: &Connection, clock: &Arc<Clock>) -> Result<()> {
    let add = |name: &str, arguments: i32, function: fn(&Context<'_>) -> Result<Answer>| {
        let flags = PURE | FunctionFlags::SQLITE_RESULT_SUBTYPE;
        connection.create_scalar_function(name, arguments, flags, function)
    };
    // Those that may take long look at the connection's clock.
    let add_long = |name: &str, arguments: i32, function: Long| {
        let flags = PURE | FunctionFlags::SQLITE_RESULT_SUBTYPE;
        let clock = Arc::clone(clock);
        connection.create_scalar_function(name, arguments, flags, move |context| {
            let mut steps = Steps::new(&clock);
            steps.look()?;
            function(context, &mut steps)
        })
    };
    add("diglot_json", 2, json)?;
    add_long("diglot_like", 3, like)?;
    add_long("diglot_regexp", 3, |context, steps| matches(context, steps, false))?;
    add_long("diglot_similar", 2, |context, steps| matches(context, steps, true))?;
    add("diglot_moment", 1, |context| Ok(time(context, &Type::Timestamp, false)))?;
    add("diglot_moment_order", 1, |context| {
        Ok(time(context, &Type::Timestamp, true))
    })?;
    add("diglot_day", 1, |context| Ok(time(context, &Type::Date, false)))?;
    add("diglot_day_order", 1, |context| Ok(time(context, &Type::Date, true)))?;
    add("diglot_uuid", 1, |context| Ok(uuid(context, false)))?;
    add("diglot_uuid_blob", 1, |context| Ok(uuid(context, true)))?;
    add_long("diglot_json_contains", 2, json_contains)?;
    add_long("diglot_json_has_key", 2, |context, _| json_has_key(context))?;
    add_long("diglot_json_has_keys", 3, json_has_keys)?;
    add_long("diglot_json_get", 3, |context, _| json_get(context))?;
    add_long("diglot_json_canonical", 1, json_canonical)?;
    add_long("diglot_json_length", 1, |context, _| json_length(context))?;
    add_long("diglot_json_append", 2, |context, steps| joined(context, steps, false))?;
    add_long("diglot_json_prepend", 2, |context, steps| joined(context, steps, true))?;
    add_long("diglot_json_delete_key", 2, |context, _| {
        let key = text(context.get_raw(1)).map(Cow::into_owned);
        shortened(context, |json| changed_json::without_key(json, key.as_deref()?))
    })?;
    add_long("diglot_json_delete_element", 2, |context, _| {
        let place = context.get_raw(1).as_i64().ok();
        shortened(context, |json| changed_json::without_element(json, place?))
    })?;
    add_long("diglot_json_delete_path", 2, |context, _| {
        let Some(Json::Array(path)) = documents::parse(context.get_raw(1)) else {
            return Ok(NULL);
        };
        let path: Vec<String> = path.iter().filter_map(documents::as_text).collect();
        shortened(context, |json| changed_json::without_path(json, &path))
    })?;
    add("diglot_substring", 2, substring)?;
    add("diglot_substring_of", 3, substring)?;
    add("diglot_round", 2, |context| {
        let (value, digits) = (context.get_raw(0), context.get_raw(1).as_i64().unwrap_or_default());
        Ok(numbers::rounded(value, digits).map_or(NULL, Answer::Plain))
    })?;
    add("diglot_float_text", 1, |context| Ok(number_text(context, false)))?;
    add("diglot_decimal_text", 1, |context| Ok(number_text(context, true)))?;
    add("diglot_integer", 1, |context| {
        Ok(numbers::integer(context.get_raw(0)).map_or(NULL, Answer::Plain))
    })?;
    add("diglot_float", 1, |context| {
        Ok(numbers::float(context.get_raw(0)).map_or(NULL, Answer::Plain))
    })?;
    add("diglot_finite", 1, |context| Ok(finite(context).unwrap_or(NULL)))?;
    add("diglot_fitting", 1, |context| {
        finite(context).ok_or_else(|| out_of_range(numbers::OutOfRange))
    })?;
    add("diglot_divide", 2, |context| {
        Ok(numbers::quotient(context.get_raw(0), context.get_raw(1)).map_or(NULL, Answer::Plain))
    })?;
    add("diglot_modulo", 2, |context| {
        Ok(numbers::remainder(context.get_raw(0), context.get_raw(1)).map_or(NULL, Answer::Plain))
    })?;
    add("diglot_stored_sum", 4, |context| {
        let sum = numbers::stored_sum(context.get_raw(0), context.get_raw(1), digits(context, 2));
        Ok(sum.map_err(out_of_range)?.map_or(NULL, Answer::Plain))
    })?;
    add("diglot_stored_decimal", 3, |context| {
        kept(numbers::stored_decimal(context.get_raw(0), digits(context, 1)))
    })?;
    add("diglot_stored_integer", 2, |context| {
        let even = context.get_raw(1).as_i64_or_null().ok().flatten();
        kept(numbers::stored_integer(context.get_raw(0), even.map(|even| even == 1)))
    })?;
    add("diglot_stored_float", 1, |context| {
        finite(context).ok_or_else(|| out_of_range(numbers::OutOfRange))
    })?;
    add("diglot_stored_text", 2, |context| {
        let most = context
            .get_raw(1)
            .as_i64()
            .ok()
            .and_then(|most| usize::try_from(most).ok());
        let length = text(context.get_raw(0)).map_or(0, |text| text.chars().count());
        if most.is_some_and(|most| length > most) {
            return Err(invalid("a text that a rule computes is longer than its column takes"));
        }
        Ok(Answer::Argument(0))
    })?;
    add("diglot_present", 1, |context| match context.get_raw(0) {
        ValueRef::Null => Err(Error::UserFunctionError(MISSING.into())),
        _ => Ok(Answer::Argument(0)),
    })?;
    add("diglot_geometry", 1, |context| {
        let mut text = Vec::new();
        geometry::write(&mut text, context.get_raw(0));
        Ok(if text == b"null" { NULL } else { Answer::Json(text) })
    })?;
    add_long("diglot_st_within", 2, |context, _| {
        related(context, |a, b| geometry::contains(b, a))
    })?;
    add_long("diglot_st_contains", 2, |context, _| {
        related(context, geometry::contains)
    })?;
    add_long("diglot_st_intersects", 2, |context, _| {
        related(context, geometry::intersects)
    })?;
    add_long("diglot_st_crosses", 2, |context, _| related(context, geometry::crosses))?;
    add_long("diglot_st_equals", 2, |context, _| related(context, geometry::equals))?;
    add_long("diglot_st_overlaps", 2, |context, _| {
        related(context, geometry::overlaps)
    })?;
    add_long("diglot_st_touches", 2, |context, _| related(context, geometry::touches))?;
    add_long("diglot_st_distance", 2, |context, _| {
        measured(context, |a, b| geometry::distance(a, b).map(Value::Real))
    })
}

/// `diglot_finite(value)`: what is beyond the greatest double is null, what is nearer to zero than `1e-307` is zero.
/// `diglot_fitting(value)`: an error instead of null.
fn finite(context: &Context<'_>) -> Option<Answer> {
    match context.get_raw(0) {
        ValueRef::Real(real) if !real.is_finite() => None,
        ValueRef::Real(real) if real.abs() < 1e-307 => Some(Answer::Plain(Value::Real(0.0))),
        _ => Some(Answer::Argument(0)),
    }
}

/// `diglot_float_text(value)`: a number as PostgreSQL writes doubles. `diglot_decimal_text(value)`: as it writes decimals,
/// without an exponent.
fn number_text(context: &Context<'_>, decimal: bool) -> Answer {
    let raw = context.get_raw(0);
    #[allow(clippy::cast_precision_loss, reason = "what is no integer to PostgreSQL either")]
    let text = match raw {
        ValueRef::Integer(integer) if !decimal => text(ValueRef::Real(integer as f64)),
        ValueRef::Real(real) if decimal && real.is_finite() => Some(numbers::plain(real).into()),
        other => text(other),
    };
    text.map_or(NULL, |text| Answer::Plain(Value::Text(text.into_owned())))
}

/// `diglot_json_append(json, json)`, `diglot_json_prepend(json, json)`: jsonb's `||`. What is joined becomes no larger than
/// [`LARGEST`].
fn joined(context: &Context<'_>, steps: &mut Steps<'_>, turned: bool) -> Result<Answer> {
    let length = |index| {
        context
            .get_raw(index)
            .as_bytes_or_null()
            .ok()
            .flatten()
            .map_or(0, <[u8]>::len)
    };
    let (one, other) = (length(0), length(1));
    if other > 0 && one + other > LARGEST {
        return Err(invalid(format_args!(
            "the JSON value would have more than {LARGEST} bytes, the most that can be added to"
        )));
    }
    let (Some(one), Some(other)) = (
        documents::parse(context.get_raw(0)),
        documents::parse(context.get_raw(1)),
    ) else {
        return Ok(NULL);
    };
    steps.look()?;
    let (first, second) = if turned { (other, one) } else { (one, other) };
    Ok(Answer::Json(changed_json::joined(first, second).to_string().into()))
}

/// A document with something taken from it. A null operand makes the whole null.
fn shortened(
    context: &Context<'_>,
    change: impl FnOnce(&mut Json) -> Option<Result<(), &'static str>>,
) -> Result<Answer> {
    let Some(mut json) = documents::parse(context.get_raw(0)) else {
        return Ok(NULL);
    };
    match change(&mut json) {
        None => Ok(NULL),
        Some(Err(wrong)) => Err(invalid(wrong)),
        Some(Ok(())) => Ok(Answer::Json(json.to_string().into())),
    }
}

/// What was computed as a column keeps it: another value, or the first argument.
fn kept(value: std::result::Result<Option<Value>, numbers::OutOfRange>) -> Result<Answer> {
    Ok(value.map_err(out_of_range)?.map_or(Answer::Argument(0), Answer::Plain))
}

/// The digits of a column, where it says so: two arguments that are not null.
fn digits(context: &Context<'_>, first: usize) -> numbers::Digits {
    let precision = context.get_raw(first).as_i64_or_null().ok().flatten()?;
    Some((precision, context.get_raw(first + 1).as_i64().unwrap_or_default()))
}

fn boolean(value: bool) -> Answer {
    Answer::Plain(Value::Integer(i64::from(value)))
}

fn invalid(message: impl std::fmt::Display) -> Error {
    Error::UserFunctionError(format!("{INVALID}{message}").into())
}

fn out_of_range(_: numbers::OutOfRange) -> Error {
    Error::UserFunctionError(RANGE.into())
}

/// A value as text; numbers as they are written, bytes not at all.
fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text)),
        ValueRef::Integer(integer) => Some(integer.to_string().into()),
        ValueRef::Real(real) => {
            let mut out = Vec::new();
            write::float(&mut out, real);
            Some(String::from_utf8_lossy(&out).trim_matches('"').to_owned().into())
        }
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

fn truth(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Integer(integer) if integer != 0)
}

/// `diglot_json(value, code)`: the value as the writer of rows writes it.
fn json(context: &Context<'_>) -> Result<Answer> {
    let value = context.get_raw(0);
    let code = context.get_raw(1).as_bytes().unwrap_or_default();
    let [code] = code else {
        return Err(Error::UserFunctionError("diglot_json: one letter expected".into()));
    };
    let Some(wire) = write::wire_of(*code) else {
        return Err(Error::UserFunctionError("diglot_json: unknown letter".into()));
    };
    // SQLite's own functions write these the same way, without a detour over text.
    match (value, code) {
        (ValueRef::Null, _) | (ValueRef::Integer(_), b'i' | b'f' | b'n' | b't') => return Ok(Answer::Argument(0)),
        _ => {}
    }
    let mut out = Vec::with_capacity(
        value
            .as_bytes_or_null()
            .ok()
            .flatten()
            .map_or(24, |bytes| bytes.len() + 8),
    );
    write::scalar(&mut out, wire, value);
    Ok(Answer::Json(out))
}

/// `diglot_like(pattern, text, insensitive)`
fn like(context: &Context<'_>, steps: &mut Steps<'_>) -> Result<Answer> {
    let (Some(pattern), Some(subject)) = (text(context.get_raw(0)), text(context.get_raw(1))) else {
        return Ok(NULL);
    };
    crate::pattern::check_like(&pattern).map_err(invalid)?;
    let insensitive = truth(context.get_raw(2));
    Ok(boolean(patterns::like(&pattern, &subject, insensitive, steps)?))
}

/// `diglot_regexp(pattern, text, insensitive)`, `diglot_similar(pattern, text)`. A pattern that is the same for all rows is
/// compiled once, and kept as long as the statement runs.
fn matches(context: &Context<'_>, steps: &mut Steps<'_>, similar: bool) -> Result<Answer> {
    let (ValueRef::Text(_) | ValueRef::Integer(_) | ValueRef::Real(_), Some(subject)) =
        (context.get_raw(0), text(context.get_raw(1)))
    else {
        return Ok(NULL);
    };
    let insensitive = !similar && truth(context.get_raw(2));
    let compile = |pattern: ValueRef<'_>| {
        let pattern = text(pattern).unwrap_or_default();
        patterns::compiled(&pattern, insensitive, similar).map_err(|wrong| format!("{INVALID}{wrong}"))
    };
    let kept = context.get_or_create_aux(0, |pattern| {
        compile(pattern).map(|expression| (insensitive, expression))
    })?;
    let expression = match &*kept {
        (own, expression) if *own == insensitive => Arc::clone(expression),
        // Whether case counts comes from each row.
        _ => compile(context.get_raw(0)).map_err(|wrong| Error::UserFunctionError(wrong.into()))?,
    };
    Ok(boolean(expression.is_match(&subject, steps)?))
}

/// `diglot_substring(text, from)`, `diglot_substring_of(text, from, length)`: PostgreSQL's `substr`, but a negative length
/// gives null.
fn substring(context: &Context<'_>) -> Result<Answer> {
    // Beyond this no text has a place; PostgreSQL's own functions count no further than twice as far.
    const MOST: i64 = 1_000_000_000;
    let whole = |index: usize| match context.get_raw(index) {
        ValueRef::Integer(integer) => Some(integer.clamp(-MOST, MOST)),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a place far outside of every text stays outside"
        )]
        ValueRef::Real(real) => Some((real as i64).clamp(-MOST, MOST)),
        _ => None,
    };
    let length = if context.len() == 3 { whole(2) } else { Some(2 * MOST) };
    let (Some(text), Some(from), Some(length)) = (text(context.get_raw(0)), whole(1), length) else {
        return Ok(NULL);
    };
    if length < 0 {
        return Ok(NULL);
    }
    let end = from.saturating_add(length).max(1);
    let from = from.max(1);
    let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let part: String = (text.chars().skip(count(from - 1)).take(count((end - from).max(0)))).collect();
    Ok(Answer::Plain(Value::Text(part)))
}

/// `diglot_moment(value)`: a moment's canonical text, null for what is none. `diglot_moment_order(value)`: what is none as
/// it is, so that every value has its place in an order. `diglot_day` and `diglot_day_order`: the day, of a moment the one
/// that it is written with.
fn time(context: &Context<'_>, data_type: &Type, keep: bool) -> Answer {
    let raw = context.get_raw(0);
    let whole = raw.as_bytes().map_or(0, <[u8]>::len);
    let canonical = match raw {
        ValueRef::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| moment::canonical(text, data_type)),
        _ => None,
    };
    match canonical {
        None if keep => Answer::Argument(0),
        None => NULL,
        // A day is a part of the text.
        Some(Cow::Borrowed(text)) if text.len() < whole => Answer::Plain(Value::Text(text.to_owned())),
        Some(Cow::Borrowed(_)) => Answer::Argument(0),
        Some(Cow::Owned(text)) => Answer::Plain(Value::Text(text)),
    }
}

/// `diglot_uuid(value)`, `diglot_uuid_blob(value)`: a UUID that is kept as text or as 16 bytes, as its canonical text or as
/// its bytes; anything else as it is.
fn uuid(context: &Context<'_>, blob: bool) -> Answer {
    let uuid = match context.get_raw(0) {
        ValueRef::Blob(bytes) => uuid::Uuid::from_slice(bytes).ok(),
        ValueRef::Text(text) => uuid::Uuid::try_parse_ascii(text).ok(),
        _ => None,
    };
    match uuid {
        None => Answer::Argument(0),
        Some(uuid) if blob => Answer::Plain(Value::Blob(uuid.as_bytes().to_vec())),
        Some(uuid) => Answer::Plain(Value::Text(uuid.hyphenated().to_string())),
    }
}

/// A JSON argument, parsed once where it is the same for all rows.
fn document(context: &Context<'_>, index: i32) -> Result<Arc<Option<serde_json::Value>>> {
    context.get_or_create_aux(index, |value| Ok::<_, Error>(documents::parse(value)))
}

/// `diglot_json_contains(whole, part)`
fn json_contains(context: &Context<'_>, steps: &mut Steps<'_>) -> Result<Answer> {
    let (whole, part) = (document(context, 0)?, document(context, 1)?);
    Ok(match (&*whole, &*part) {
        (Some(whole), Some(part)) => boolean(documents::contains(whole, part, steps)?),
        _ => NULL,
    })
}

/// `diglot_json_has_key(json, key)`
fn json_has_key(context: &Context<'_>) -> Result<Answer> {
    let (Some(json), Some(key)) = (documents::parse(context.get_raw(0)), text(context.get_raw(1))) else {
        return Ok(NULL);
    };
    Ok(boolean(documents::has_key(&json, &key)))
}

/// `diglot_json_has_keys(json, keys, all)`
fn json_has_keys(context: &Context<'_>, steps: &mut Steps<'_>) -> Result<Answer> {
    let (json, keys) = (documents::parse(context.get_raw(0)), document(context, 1)?);
    let (Some(json), Some(serde_json::Value::Array(keys))) = (json, &*keys) else {
        return Ok(NULL);
    };
    let all = truth(context.get_raw(2));
    Ok(boolean(documents::has_keys(&json, keys, all, steps)?))
}

/// `diglot_json_canonical(json)`: a text that is the same for equal values.
fn json_canonical(context: &Context<'_>, steps: &mut Steps<'_>) -> Result<Answer> {
    let Some(json) = documents::parse(context.get_raw(0)) else {
        return Ok(NULL);
    };
    Ok(Answer::Plain(Value::Text(documents::canonical_text(&json, steps)?)))
}

/// `diglot_json_length(json)`: how many items an array has; what is no array has none, not even 0.
fn json_length(context: &Context<'_>) -> Result<Answer> {
    Ok(match documents::parse(context.get_raw(0)) {
        Some(serde_json::Value::Array(items)) => {
            Answer::Plain(Value::Integer(i64::try_from(items.len()).unwrap_or(i64::MAX)))
        }
        _ => NULL,
    })
}

/// `diglot_json_get(json, path, as_text)`
fn json_get(context: &Context<'_>) -> Result<Answer> {
    let (json, path) = (documents::parse(context.get_raw(0)), document(context, 1)?);
    let (Some(json), Some(serde_json::Value::Array(path))) = (json, &*path) else {
        return Ok(NULL);
    };
    let Some(found) = documents::get(&json, path) else {
        return Ok(NULL);
    };
    if truth(context.get_raw(2)) {
        return Ok(documents::as_text(found).map_or(NULL, |text| Answer::Plain(Value::Text(text))));
    }
    Ok(Answer::Json(found.to_string().into_bytes()))
}

fn related(
    context: &Context<'_>,
    relation: fn(&geo::Geometry<f64>, &geo::Geometry<f64>) -> Option<bool>,
) -> Result<Answer> {
    measured(context, |one, other| {
        relation(one, other).map(|value| Value::Integer(value.into()))
    })
}

/// What two geometries are to each other; null where one is none.
fn measured(
    context: &Context<'_>,
    measure: impl Fn(&geo::Geometry<f64>, &geo::Geometry<f64>) -> Option<Value>,
) -> Result<Answer> {
    let shape = |index| context.get_or_create_aux(index, |value| Ok::<_, Error>(geometry::parse(value)));
    let (one, other) = (shape(0)?, shape(1)?);
    Ok(match (&*one, &*other) {
        (Some(one), Some(other)) if !geometry::are_comparable(one, other) => {
            return Err(invalid(
                "geometries of so many points cannot be compared, send one with fewer",
            ));
        }
        (Some(one), Some(other)) => measure(one, other).map_or(NULL, Answer::Plain),
        _ => NULL,
    })
}
