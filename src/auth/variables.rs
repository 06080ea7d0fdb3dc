//! Session variables as headers and claims write them.

use super::refused;
use crate::error::{Code, Error, Result};
use crate::principal::Variable;
use axum::http::HeaderMap;
use std::collections::BTreeMap;

/// The variable that names the caller.
pub(super) const ID: &str = "id";

/// Suffixes of prefixed headers that are not variables.
const RESERVED: [&str; 3] = ["role", "admin-secret", "use-backend-only-permissions"];

/// The variable's name behind a header's or claim's: lower case, `-` as `_`.
pub(super) fn name_of(wire: &str) -> String {
    wire.to_lowercase().replace('-', "_")
}

/// The variables among the headers that begin with `prefix` (lower case). Only for callers who showed the admin secret.
pub(super) fn from_headers(headers: &HeaderMap, prefix: &str) -> Result<BTreeMap<String, Variable>> {
    let mut variables = BTreeMap::new();
    for (header, value) in headers {
        let Some(suffix) = header.as_str().strip_prefix(prefix) else {
            continue;
        };
        if suffix.is_empty() || RESERVED.contains(&suffix) {
            continue;
        }
        let Some(name) = prefixed_name(suffix) else { continue };
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| {
            Error::invalid(Code::INVALID_VALUE, format!("header {header} is not UTF-8")).at(header.as_str())
        })?;
        let value = prefixed(&name, text);
        if variables.insert(name, value).is_some() {
            let message =
                format!("header {header} is sent twice; a list is one header, such as [\"a\",\"b\"] or {{a,b}}");
            return Err(Error::invalid(Code::INVALID_VALUE, message).at(header.as_str()));
        }
    }
    Ok(variables)
}

/// The variable behind what follows the prefix (of a header, or of a claim in Hasura's form): `user-id` is `id`, and
/// nothing else is: a claim that happens to be called `<prefix>id` never says who the caller is.
pub(super) fn prefixed_name(suffix: &str) -> Option<String> {
    if suffix.eq_ignore_ascii_case("user-id") {
        return Some(ID.to_owned());
    }
    Some(name_of(suffix)).filter(|name| name != ID)
}

/// How a variable is spelled in prefixed form.
pub(super) fn wire_name(prefix: &str, name: &str) -> String {
    let suffix = if name == ID { "user-id" } else { name };
    format!("{prefix}{}", suffix.replace('_', "-"))
}

/// The value of a variable in prefixed form: lists are texts there, the caller's id is always one value.
pub(super) fn prefixed(name: &str, text: &str) -> Variable {
    if name == ID {
        return Variable::Text(text.into());
    }
    from_text(text)
}

/// A text, or the list that it writes: a JSON array of scalars, or PostgreSQL's `{a,b}`.
pub(super) fn from_text(text: &str) -> Variable {
    let trimmed = text.trim();
    let list = if trimmed.starts_with('[') {
        serde_json::from_str::<Vec<serde_json::Value>>(trimmed)
            .ok()
            .filter(|items| !items.iter().any(|item| item.is_array() || item.is_object()))
            .map(|items| items.iter().filter_map(scalar).collect())
    } else if trimmed.starts_with('{') && trimmed.ends_with('}') {
        array_literal(trimmed)
    } else {
        None
    };
    list.map_or_else(|| Variable::Text(text.into()), Variable::List)
}

/// A claim of a token. Claims have JSON's types, so a text is never read as a list; null is a missing variable.
pub(super) fn from_claim(claim: &serde_json::Value) -> Option<Variable> {
    match claim {
        serde_json::Value::Null => None,
        serde_json::Value::Array(items) => Some(Variable::List(items.iter().filter_map(scalar).collect())),
        other => scalar(other).map(Variable::Text),
    }
}

/// Scalars as text, whatever is nested as JSON; nulls vanish, since nothing equals them.
fn scalar(value: &serde_json::Value) -> Option<Box<str>> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.as_str().into()),
        other => Some(other.to_string().into()),
    }
}

/// The caller's id in a token's `sub`.
pub(super) fn subject(claim: &serde_json::Value) -> Result<Variable> {
    match claim {
        serde_json::Value::String(text) if !text.is_empty() => Ok(Variable::Text(text.as_str().into())),
        serde_json::Value::Number(number) => Ok(Variable::Text(number.to_string().into())),
        _ => Err(refused("the token's claim sub is neither a text nor a number")),
    }
}

/// The elements of a one-dimensional PostgreSQL array literal; `None` if it is something else (such as a JSON object).
fn array_literal(text: &str) -> Option<Vec<Box<str>>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    if inner.trim().is_empty() {
        return Some(items);
    }
    let mut characters = inner.chars().peekable();
    loop {
        while characters.next_if(|next| next.is_whitespace()).is_some() {}
        let mut item = String::new();
        let quoted = characters.next_if_eq(&'"').is_some();
        if quoted {
            loop {
                match characters.next()? {
                    '"' => break,
                    '\\' => item.push(characters.next()?),
                    other => item.push(other),
                }
            }
            while characters.next_if(|next| next.is_whitespace()).is_some() {}
        } else {
            while let Some(next) = characters.next_if(|next| *next != ',') {
                match next {
                    '{' | '}' | '"' => return None,
                    '\\' => item.push(characters.next()?),
                    other => item.push(other),
                }
            }
            item.truncate(item.trim_end().len());
            if item.is_empty() {
                return None;
            }
        }
        if quoted || !item.eq_ignore_ascii_case("null") {
            items.push(item.into_boxed_str());
        }
        match characters.next() {
            None => return Some(items),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Variable {
        Variable::List(items.iter().map(|item| (*item).into()).collect())
    }

    #[test]
    fn texts_and_lists() {
        let text = |text: &str| Variable::Text(text.into());
        for (wire, expected) in [
            ("7", text("7")),
            ("", text("")),
            ("[1,2]", list(&["1", "2"])),
            ("[\"a\", \"b,c\", null, true]", list(&["a", "b,c", "true"])),
            ("[]", list(&[])),
            ("[[1]]", text("[[1]]")),
            ("[1", text("[1")),
            ("{a,b}", list(&["a", "b"])),
            ("{ a , \"b,\\\"c\" , NULL, \"NULL\"}", list(&["a", "b,\"c", "NULL"])),
            ("{}", list(&[])),
            ("{a,}", text("{a,}")),
            ("{{1},{2}}", text("{{1},{2}}")),
            ("{\"a\":1}", text("{\"a\":1}")),
            ("{\"a", text("{\"a")),
        ] {
            assert_eq!(from_text(wire), expected, "{wire}");
        }
    }

    #[test]
    fn claims_keep_their_types() {
        for (claim, expected) in [
            ("null", None),
            ("\"{a,b}\"", Some(Variable::Text("{a,b}".into()))),
            (
                "12345678901234567890",
                Some(Variable::Text("12345678901234567890".into())),
            ),
            ("true", Some(Variable::Text("true".into()))),
            ("[1,\"x\",null]", Some(list(&["1", "x"]))),
            ("{\"a\":[1]}", Some(Variable::Text("{\"a\":[1]}".into()))),
        ] {
            assert_eq!(from_claim(&serde_json::from_str(claim).unwrap()), expected, "{claim}");
        }
    }

    #[test]
    fn headers_with_the_prefix() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-diglot-user-id", "2"),
            ("x-diglot-org-id", "{1,2}"),
            ("x-diglot-id", "3"),
            ("x-diglot-role", "user"),
            ("x-diglot-admin-secret", "s"),
            ("x-other", "y"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let variables = from_headers(&headers, "x-diglot-").unwrap();
        assert_eq!(variables.len(), 2);
        assert_eq!(variables["id"], Variable::Text("2".into()));
        assert_eq!(variables["org_id"], list(&["1", "2"]));
        headers.append("x-diglot-org-id", "3".parse().unwrap());
        assert!(from_headers(&headers, "x-diglot-").is_err());
    }
}
