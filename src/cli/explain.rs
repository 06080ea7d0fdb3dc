//! `diglot explain`

use super::output::{Output, Style};
use super::setup::{Configured, Ready};
use super::{Common, Failure, Target};
use crate::error::{Error, Result as Answer};
use crate::http::{Asked, Whom, path_segments, query_pairs};
use crate::rest::Call;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method};
use clap::Args;
use serde_json::{Map, Value};
use std::process::ExitCode;

pub(super) const EXAMPLES: &str = "\
Examples:
  diglot explain --graphql '{ book(limit: 3) { title author { name } } }' --role user --var id=2
  diglot explain --graphql @query.graphql --variables '{\"genre\":\"poetry\"}'
  diglot explain --rest 'GET /api/records/v1/book?filter[genre]=poetry' --role anonymous
  diglot explain --rest 'PUT /api/book/4 {\"price\": 9}' --role user --var id=2";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("request").required(true))]
pub(super) struct Arguments {
    /// A GraphQL document, or @FILE
    #[arg(long, value_name = "QUERY", group = "request")]
    graphql: Option<String>,
    /// A REST request, such as 'GET /api/book?limit=3' or 'PUT /api/book/4 {"price": 9}'
    #[arg(long, value_name = "REQUEST", group = "request")]
    rest: Option<String>,
    /// Values of the document's variables
    #[arg(long, value_name = "JSON", requires = "graphql")]
    variables: Option<String>,
    /// Which operation of the document
    #[arg(long, value_name = "NAME", requires = "graphql")]
    operation: Option<String>,
    /// For whom; default the admin
    #[arg(long)]
    role: Option<String>,
    /// A session variable, such as id=2; a list is ["a","b"]
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    session: Vec<(String, Value)>,
    #[command(flatten)]
    target: Target,
}

fn variable(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as id=2")?;
    let list = serde_json::from_str::<Value>(value).ok().filter(Value::is_array);
    Ok((name.to_owned(), list.unwrap_or_else(|| value.into())))
}

pub(super) async fn explain(common: &Common, arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let whom = Whom {
        role: arguments.role.clone(),
        variables: arguments.session.iter().cloned().collect(),
    };
    let configured = Configured::of_target(common, &arguments.target)?;
    let access = configured.access(arguments.target.access);
    let ready = configured.start(access, "").await?;
    let told = match (&arguments.graphql, &arguments.rest) {
        (Some(query), _) => {
            let asked = Asked {
                query: document(query)?,
                variables: arguments.variables.as_deref().map(json_object).transpose()?,
                operation_name: arguments.operation.clone(),
                principal: whom,
            };
            crate::http::explain(&ready.engine, &ready.graphql, asked).await
        }
        (None, Some(request)) => explain_call(&ready, &call(request)?, &whom).await,
        (None, None) => return Err(Failure::usage("name a request with --graphql or --rest")),
    };
    let told = told.map_err(|error| Failure::usage(error.message))?;
    if output.is_json() {
        output.line(&told.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    for root in told.get("roots").and_then(Value::as_array).into_iter().flatten() {
        for key in ["name", "predicate", "checks", "presets", "plan"] {
            part(output, key, root.get(key))?;
        }
        // A read is one statement.
        let statements = root.get("statements").and_then(Value::as_array);
        for statement in statements.map_or(std::slice::from_ref(root), Vec::as_slice) {
            for key in ["purpose", "sql", "parameters", "explain"] {
                part(output, key, statement.get(key))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn part(output: &mut Output, key: &str, value: Option<&Value>) -> Result<(), Failure> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(items)) if items.is_empty() => "none".into(),
        Some(tree) => outline(tree),
        None => return Ok(()),
    };
    let title = output.styled(Style::Strong, key);
    Ok(output.line(&format!("{title}\n{}\n", text.trim_end()))?)
}

async fn explain_call(ready: &Ready, call: &Call, whom: &Whom) -> Answer<Value> {
    let principal = whom.principal()?;
    let snapshot = ready.engine.snapshot();
    let demand = ready.rest.demand(&snapshot, &principal, call)?;
    crate::http::explain_demand(&ready.engine, &snapshot, &principal, &demand).await
}

/// A tree as indented lines; the members of a list are numbered.
fn outline(tree: &Value) -> String {
    fn write(out: &mut String, key: &str, value: &Value, depth: usize) {
        out.push_str(&"  ".repeat(depth));
        out.push_str(key);
        match value {
            Value::Object(members) if !members.is_empty() => {
                out.push('\n');
                members
                    .iter()
                    .for_each(|(key, value)| write(out, key, value, depth + 1));
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                out.push('\n');
                let numbered = (1..).zip(items);
                numbered.for_each(|(number, value): (usize, _)| write(out, &number.to_string(), value, depth + 1));
            }
            Value::String(text) => out.extend([": ", text, "\n"]),
            other => out.extend([": ", &other.to_string(), "\n"]),
        }
    }
    let mut out = String::new();
    match tree {
        Value::Object(members) => members.iter().for_each(|(key, value)| write(&mut out, key, value, 0)),
        other => out.push_str(&other.to_string()),
    }
    out
}

fn document(text: &str) -> Result<String, Failure> {
    match text.strip_prefix('@') {
        None => Ok(text.to_owned()),
        Some(file) => std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{file}: {error}"))),
    }
}

fn json_object(text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::usage(format!("--variables is no JSON object: {error}")))
}

/// `GET /path?query`, or `POST /path {…}`, as a call.
fn call(text: &str) -> Result<Call, Failure> {
    let wrong = || Failure::usage(format!("{text:?} is no request; write 'GET /api/book?limit=3'"));
    let (method, target) = text.trim().split_once(' ').unwrap_or(("GET", text.trim()));
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).map_err(|_| wrong())?;
    let target = target.trim();
    if !target.starts_with('/') {
        return Err(wrong());
    }
    let (target, body) = target.split_once(char::is_whitespace).unwrap_or((target, ""));
    let body = body.trim();
    if !body.is_empty() && (method == Method::GET || !body.starts_with(['{', '['])) {
        return Err(Failure::usage(format!(
            "{body:?} follows the path: a body is JSON, for a request that writes; within a path a space is written %20"
        )));
    }
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let told = |error: Error| Failure::usage(error.message);
    Ok(Call {
        method,
        path: path_segments(path).map_err(told)?,
        query: query_pairs(query).map_err(told)?,
        headers,
        body: body.to_owned().into(),
        address: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests() {
        for (text, expected) in [
            ("GET /api/book?limit=3", Some(("GET", 2, 1))),
            ("/api/book", Some(("GET", 2, 0))),
            ("delete /api/book/1", Some(("DELETE", 3, 0))),
            ("GET api/book", None),
            ("GET /api/book?name=a b", None),
            ("POST /api/book {\"name\": \"a b\"}", Some(("POST", 2, 0))),
            ("POST /api/book?name=a b", None),
            ("", None),
            ("G=T /x", None),
        ] {
            let call = call(text).ok();
            let seen = call
                .as_ref()
                .map(|call| (call.method.as_str(), call.path.len(), call.query.len()));
            assert_eq!(seen, expected, "{text}");
        }
    }

    #[test]
    fn outlines() {
        let tree = json!({"table": "book", "lists": [{"a": 1}, {"b": null}], "rows": {"x": {"y": true}}, "none": {}});
        let lines = "table: book\nlists\n  1\n    a: 1\n  2\n    b: null\nrows\n  x\n    y: true\nnone: {}\n";
        assert_eq!(outline(&tree), lines);
    }

    #[test]
    fn session_variables() {
        assert_eq!(variable("id=2"), Ok(("id".into(), "2".into())));
        assert_eq!(variable("teams=[\"a\",\"b\"]"), Ok(("teams".into(), json!(["a", "b"]))));
        assert_eq!(variable("note=a=b"), Ok(("note".into(), "a=b".into())));
        assert!(variable("id").is_err());
    }
}
