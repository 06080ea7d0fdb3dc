//! The parameters of a call, from a query string or a body.

use super::Refusal;
use crate::graphql::coerce::VALUES;
use crate::value::json;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
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
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            fields.next_value::<Self>()?;
            if let Some(twice) = seen.replace(key) {
                let shown: String = twice.chars().take(40).collect();
                return Err(A::Error::custom(format!(
                    "the key {shown:?} stands twice in one object"
                )));
            }
        }
        Ok(self)
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
    if let Err(error) = serde_json::from_slice::<Unique>(body)
        && error.is_data()
    {
        return Err(Refusal::bad(format!("the body is ambiguous: {error}")));
    }
    let json: Json =
        serde_json::from_slice(body).map_err(|error| Refusal::bad(format!("the body is not JSON: {error}")))?;
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
