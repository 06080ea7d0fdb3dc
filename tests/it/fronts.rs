//! What differs between the fronts: how a question is sent, where its rows stand, how a refusal looks.

use crate::client::{Answer, Request, Who};
use bigdecimal::BigDecimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;
use std::str::FromStr as _;

/// A wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Front {
    GraphQl,
    Based,
    Records,
}

impl Front {
    pub(crate) const ALL: [Front; 3] = [Front::GraphQl, Front::Based, Front::Records];
}

impl fmt::Display for Front {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Front::GraphQl => "graphql",
            Front::Based => "based",
            Front::Records => "records",
        })
    }
}

/// Why an answer has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refusal {
    /// The table does not exist, as far as the caller may know.
    Unknown,
    /// The credential does not hold.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
    /// The request is wrong: an unknown column, a value that does not fit, a limit exceeded.
    Invalid,
    /// No such row.
    NotFound,
    /// What is written contradicts what stands: a key that exists, a reference.
    Conflict,
    /// It can be read, but not written, by nobody.
    NotAllowed,
    /// The body is of a kind that the front does not take.
    UnsupportedMedia,
    /// There is too much of it.
    TooLarge,
}

/// A GraphQL request over POST.
pub(crate) fn graphql(query: &str, variables: Option<&Value>, operation: Option<&str>) -> Request {
    let mut body = Map::new();
    body.insert("query".into(), query.into());
    if let Some(variables) = variables {
        body.insert("variables".into(), variables.clone());
    }
    if let Some(operation) = operation {
        body.insert("operationName".into(), operation.into());
    }
    Request::post("/graphql", Value::Object(body).to_string()).with([(
        "Accept".into(),
        "application/graphql-response+json, application/json;q=0.9".into(),
    )])
}

/// A REST request.
pub(crate) fn rest(target: &str) -> Request {
    Request::get(target).with([("Accept".into(), "application/json".into())])
}

/// The first root of a GraphQL answer, the data of Based, the records or the bare record of the Records API.
pub(crate) fn rows(front: Front, answer: &Answer) -> Result<Value, String> {
    if answer.status != 200 {
        return Err("an answer of status 200 was wanted".into());
    }
    let mut body = answer.json()?;
    let found = match front {
        Front::GraphQl => {
            if body.get("errors").is_some() {
                return Err("there are errors".into());
            }
            let roots = body
                .get_mut("data")
                .and_then(Value::as_object_mut)
                .ok_or("there is no data")?;
            return roots
                .values_mut()
                .next()
                .map(Value::take)
                .ok_or_else(|| "there is no root".into());
        }
        Front::Based => body.get_mut("data").map(Value::take),
        Front::Records => {
            let list = body.get_mut("records").or(None).map(Value::take);
            return Ok(list.unwrap_or(body));
        }
    };
    found.ok_or_else(|| "there are no rows where they belong".into())
}

/// How many rows there are in all.
pub(crate) fn total(front: Front, answer: &Answer) -> Result<Value, String> {
    let body = answer.json()?;
    let found = match front {
        Front::GraphQl => body["data"].as_object().and_then(|roots| {
            roots.values().find_map(|root| {
                root.pointer("/aggregate/count")
                    .or_else(|| root.get("total_count"))
                    .cloned()
            })
        }),
        Front::Based => body.get("total").cloned(),
        Front::Records => body.get("total_count").cloned(),
    };
    found.ok_or_else(|| "there is no total".into())
}

/// Checks that an answer refuses as its front does.
pub(crate) fn check_refusal(front: Front, refusal: Refusal, who: &Who, answer: &Answer) -> Result<(), String> {
    if front == Front::GraphQl {
        return check_graphql_refusal(refusal, answer);
    }
    let records = front == Front::Records;
    let (status, code) = match refusal {
        Refusal::Unknown | Refusal::NotAllowed if records => {
            // What a view does not take is said with words, all else without.
            let told = answer.body.is_empty() || answer.text().contains("the database takes no");
            return if answer.status == 405 && (told || refusal == Refusal::NotAllowed) {
                Ok(())
            } else {
                Err("wanted 405, without words where it is unknown".into())
            };
        }
        Refusal::Unknown | Refusal::NotFound => (404, "NOT_FOUND"),
        Refusal::Unauthenticated => (401, "UNAUTHORIZED"),
        Refusal::Forbidden if !records && who.shows_nothing() => (401, "UNAUTHORIZED"),
        Refusal::Forbidden => (403, "FORBIDDEN"),
        Refusal::Invalid => (400, "VALIDATION_ERROR"),
        // The Records API has one status for what the tables do not take.
        Refusal::Conflict if records => (400, "CONFLICT"),
        Refusal::Conflict => (409, "CONFLICT"),
        Refusal::NotAllowed => (405, "METHOD_NOT_ALLOWED"),
        Refusal::UnsupportedMedia => (415, "UNSUPPORTED_MEDIA_TYPE"),
        Refusal::TooLarge => (413, "PAYLOAD_TOO_LARGE"),
    };
    if answer.status != status {
        return Err(format!("wanted status {status}"));
    }
    let body = answer.json()?;
    let error = body
        .get("error")
        .and_then(Value::as_object)
        .ok_or("there is no error")?;
    match (
        error.get("code").and_then(Value::as_str),
        error.get("message").and_then(Value::as_str),
    ) {
        (Some(own), Some(message)) if !message.is_empty() && (records || own == code) => Ok(()),
        _ if records => Err("wanted error.code and error.message".into()),
        _ => Err(format!("wanted error.code {code} and error.message")),
    }
}

fn check_graphql_refusal(refusal: Refusal, answer: &Answer) -> Result<(), String> {
    // A row that is meant is null where it is not there; one that others are to be related to is an error.
    if refusal == Refusal::NotFound && !answer.text().contains("\"errors\"") {
        return if rows(Front::GraphQl, answer)?.is_null() {
            Ok(())
        } else {
            Err("wanted null".into())
        };
    }
    let body = answer.json()?;
    let errors = body
        .get("errors")
        .and_then(Value::as_array)
        .filter(|errors| !errors.is_empty())
        .ok_or("there are no errors")?;
    for error in errors {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let code = error
            .pointer("/extensions/code")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let codes: &[&str] = match refusal {
            Refusal::Unknown => &["validation-failed"],
            Refusal::Unauthenticated => &["access-denied"],
            Refusal::Forbidden => &["validation-failed", "permission-error", "access-denied"],
            Refusal::Conflict => &["constraint-violation"],
            Refusal::NotFound => &["not-found"],
            _ => &[
                "validation-failed",
                "parse-failed",
                "constraint-violation",
                "data-exception",
                "bad-request",
                "not-supported",
                "idempotency-key-invalid",
            ],
        };
        if message.is_empty() || !codes.contains(&code) {
            return Err(format!("wanted errors with a message and one of the codes {codes:?}"));
        }
    }
    // A request that was not begun has no data; one that was has null where it failed.
    let status = match (refusal, body.get("data")) {
        (Refusal::Unauthenticated, None) => 401,
        (_, None) if answer.status == 403 && refusal == Refusal::Forbidden => 403,
        (_, None) => 400,
        (_, Some(Value::Null)) => 200,
        (_, Some(Value::Object(roots))) if roots.values().any(Value::is_null) => 200,
        _ => return Err("there is data".into()),
    };
    if answer.status == status {
        Ok(())
    } else {
        Err(format!("wanted status {status}"))
    }
}

/// Words that only a database, a driver or a fault of ours would say.
const TELLTALES: [&str; 16] = [
    "SQLSTATE",
    "sqlite",
    "SQLite",
    "rusqlite",
    "sqlx",
    "no such table",
    "no such column",
    "no such function",
    "syntax error at",
    "does not exist",
    "panicked",
    "internal error",
    "diglot_",
    "pg_catalog",
    "violates",
    "invalid input syntax",
];

/// Checks what holds for every answer: no fault of the server, and no error that tells of the database (unless the
/// request itself did).
pub(crate) fn check_always(answer: &Answer, request: &str) -> Result<(), String> {
    if answer.status >= 500 {
        return Err("a fault of the server".into());
    }
    let text = answer.text();
    let failed = answer.status >= 400 || text.contains("\"errors\"");
    match TELLTALES
        .iter()
        .find(|word| failed && text.contains(**word) && !request.contains(**word))
    {
        Some(word) => Err(format!("the error says {word:?}")),
        None => Ok(()),
    }
}

/// Whether a body holds a text, as it is or within a JSON text.
pub(crate) fn holds(body: &str, text: &str) -> bool {
    let escaped = serde_json::to_string(text).unwrap_or_default();
    body.contains(text) || body.contains(escaped.trim_matches('"'))
}

/// Leaves of each object only the keys that the wanted one at its place has; what is missing stays missing.
pub(crate) fn projected(got: &Value, wanted: &Value) -> Value {
    match (got, wanted) {
        (Value::Array(got), Value::Array(wanted)) => {
            let last = wanted.last();
            let pairs = got
                .iter()
                .enumerate()
                .map(|(index, item)| match wanted.get(index).or(last) {
                    Some(wanted) => projected(item, wanted),
                    None => item.clone(),
                });
            pairs.collect()
        }
        (Value::Object(got), Value::Object(wanted)) => {
            let kept = wanted
                .keys()
                .filter_map(|key| Some((key.clone(), got.get(key)?.clone())));
            Value::Object(kept.collect())
        }
        _ => got.clone(),
    }
}

/// Whether two JSON values are the same: numbers by value, objects whatever their order.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (decimal(one), decimal(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one.to_string() == other.to_string(),
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|found| same(value, found)))
        }
        _ => one == other,
    }
}

fn decimal(number: &serde_json::Number) -> Option<BigDecimal> {
    BigDecimal::from_str(&number.to_string())
        .ok()
        .map(|decimal| decimal.normalized())
}

/// The same rows in one order, for questions that have none.
pub(crate) fn sorted(rows: &Value) -> Value {
    let Value::Array(items) = rows else { return rows.clone() };
    let mut items = items.clone();
    items.sort_by_cached_key(canonical);
    Value::Array(items)
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            decimal(number).map_or_else(|| number.to_string(), |decimal| decimal.to_plain_string())
        }
        Value::Array(items) => items.iter().map(canonical).collect::<Vec<_>>().join(","),
        Value::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{key}:{}", canonical(value)))
                .collect();
            members.sort();
            members.join(";")
        }
        other => other.to_string(),
    }
}

#[test]
fn comparing() {
    assert!(same(
        &json!({"a": 1.0, "b": [null, "x"]}),
        &json!({"b": [null, "x"], "a": 1})
    ));
    assert!(!same(&json!([1, 2]), &json!([2, 1])));
    assert!(!same(&json!({"a": 1}), &json!({"a": 1, "b": null})));
    assert!(!same(
        &json!(9_007_199_254_740_993_i64),
        &json!(9_007_199_254_740_992_i64)
    ));
    assert!(same(
        &sorted(&json!([{"b": 2, "a": 1.50}, {"a": 0}])),
        &sorted(&json!([{"a": 0}, {"a": 1.5, "b": 2}]))
    ));
    let wanted = json!([{"a": 1}]);
    assert_eq!(
        projected(&json!([{"a": 2, "b": 3}, {"b": 4, "a": 5}]), &wanted),
        json!([{"a": 2}, {"a": 5}])
    );
    assert_eq!(projected(&json!([{"b": 3}]), &wanted), json!([{}]));
}
