//! The parameters of a call, from a query string or a body.

use super::Refusal;
use crate::graphql::coerce::VALUES;
use crate::value::json;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value as Json};
use std::fmt;

/// A call before persisted documents are looked up.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub query: Option<String>,
    pub operation_name: Option<String>,
    pub variables: Map<String, Json>,
    pub extensions: Map<String, Json>,
}

/// JSON in which no object has a key twice. Which of the two would count, parsers disagree about.
struct Unique(Json);

/// The one key of the object as which serde_json hands on a number with all its digits.
const NUMBER: &str = "$serde_json::private::Number";

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if key == NUMBER && object.is_empty() {
                let digits = fields.next_value::<String>()?;
                return digits.parse().map(Json::Number).map_err(A::Error::custom);
            }
            let Unique(value) = fields.next_value()?;
            match object.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                Entry::Occupied(entry) => {
                    let shown: String = entry.key().chars().take(40).collect();
                    return Err(A::Error::custom(format!(
                        "the key {shown:?} stands twice in one object"
                    )));
                }
            }
        }
        Ok(Json::Object(object))
    }
}

/// What a request holds.
#[derive(Debug)]
pub(super) enum Calls {
    One(Raw),
    Batch(Vec<Result<Raw, Refusal>>),
}

/// Bodies that are longer are read on a thread.
const LONG: usize = 128 * 1024;

/// Values around the variables: those of an operation, for each of a batch.
const AROUND: usize = 64;

/// From a body. A long one holds no asynchronous worker.
pub(super) async fn from_body(body: bytes::Bytes, batch: usize) -> Result<Calls, Refusal> {
    if body.len() <= LONG {
        return read(&body, batch);
    }
    match tokio::task::spawn_blocking(move || read(&body, batch)).await {
        Ok(calls) => calls,
        Err(_) => Err(Refusal::bad("the body cannot be read")),
    }
}

fn read(body: &[u8], batch: usize) -> Result<Calls, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::bad("the request has no body; send {\"query\": \"…\"}"));
    }
    if std::str::from_utf8(body).is_err() {
        return Err(Refusal::bad("the body is not UTF-8"));
    }
    if json::count(body) > VALUES + AROUND * (batch + 1) {
        return Err(Refusal::bad(format!("the variables hold more than {VALUES} values")));
    }
    let Unique(json) = serde_json::from_slice(body).map_err(|error| {
        let wrong = if error.is_data() { "ambiguous" } else { "not JSON" };
        Refusal::bad(format!("the body is {wrong}: {error}"))
    })?;
    match json {
        Json::Object(object) => from_object(object).map(Calls::One),
        Json::Array(items) if items.is_empty() => Err(Refusal::bad("the batch is empty")),
        Json::Array(items) if items.len() > batch => Err(Refusal::bad(format!(
            "a batch may hold at most {batch} operations, this one has {}",
            items.len()
        ))),
        Json::Array(items) => Ok(Calls::Batch(
            items
                .into_iter()
                .map(|item| match item {
                    Json::Object(object) => from_object(object),
                    _ => Err(Refusal::bad("each operation of a batch must be an object")),
                })
                .collect(),
        )),
        _ => Err(Refusal::bad("the body must be an object or an array of objects")),
    }
}

fn from_object(mut object: Map<String, Json>) -> Result<Raw, Refusal> {
    let mut text = |name: &str| match object.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::bad(format!("{name:?} must be a string"))),
    };
    let query = text("query")?;
    let operation_name = text("operationName")?;
    let mut map = |name: &str| match object.remove(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(map)) => Ok(map),
        Some(_) => Err(Refusal::bad(format!("{name:?} must be an object"))),
    };
    let variables = map("variables")?;
    let extensions = map("extensions")?;
    Ok(Raw {
        query,
        operation_name,
        variables,
        extensions,
    })
}

/// From a query string.
pub(super) fn from_query(query_string: &str) -> Result<Raw, Refusal> {
    let mut object = Map::new();
    for (name, value) in url::form_urlencoded::parse(query_string.as_bytes()) {
        let name = name.into_owned();
        let value = match name.as_str() {
            "query" | "operationName" => Json::String(value.into_owned()),
            "variables" | "extensions" if value.is_empty() => Json::Null,
            "variables" | "extensions" => {
                serde_json::from_str(&value).map_err(|error| Refusal::bad(format!("{name:?} is not JSON: {error}")))?
            }
            _ => continue,
        };
        if object.insert(name.clone(), value).is_some() {
            return Err(Refusal::bad(format!("the parameter {name:?} is given twice")));
        }
    }
    if object.get("operationName").is_some_and(|name| name == "") {
        object.remove("operationName");
    }
    from_object(object)
}

#[cfg(test)]
mod tests {
    use super::from_body;

    #[tokio::test]
    async fn too_many_values_are_refused_before_they_are_made() {
        let body = |count: usize| {
            let list = vec!["[1]"; count].join(",");
            bytes::Bytes::from(format!("{{\"query\":\"{{a}}\",\"variables\":{{\"a\":[{list}]}}}}"))
        };
        assert!(from_body(body(40_000), 10).await.is_ok());
        let refusal = from_body(body(2_000_000), 10).await.expect_err("too many");
        assert_eq!(refusal.fault.message, "the variables hold more than 100000 values");
    }
}
