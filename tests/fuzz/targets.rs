//! The targets: one function each, over any bytes.

use super::stage::{HIDDEN, Stage, check_error};
use crate::inside::reads;
use axum::http::{HeaderMap, Method};
use diglot::catalog::FaceId;
use diglot::http::{path_segments, query_pairs};
use diglot::rest::Call;
use diglot::rules::compile::{Compiled, compile};
use diglot::rules::{describe, syntax};
use serde_json::{Map, Value as Json};
use std::sync::OnceLock;

/// A document; behind a NUL its variables. What it converts to speaks of nothing hidden.
pub(super) fn graphql(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let (query, variables) = text.split_once('\0').unwrap_or((&text, ""));
    let variables = match serde_json::from_str(variables) {
        Ok(Json::Object(variables)) => variables,
        _ => Map::new(),
    };
    let stage = Stage::get();
    match stage
        .graphql
        .demand(&stage.snapshot, &stage.principal, query, &variables, None)
        .map(reads)
    {
        Ok(requests) => {
            let runs: Vec<bool> = requests
                .iter()
                .take(4)
                .map(|(_, request)| stage.run(request).is_ok())
                .collect();
            !runs.contains(&false)
        }
        Err(error) => {
            check_error(&error);
            names_nothing_hidden(&error.message, &text);
            false
        }
    }
}

/// A call of a dialect: a query string; before a `?` what follows the table in the path.
fn dialect(root: &str, data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    if path_segments(path).is_err() || query_pairs(query).is_err() {
        return false;
    }
    let stage = Stage::get();
    match stage.rest.demand(
        &stage.snapshot,
        &stage.principal,
        &get(&format!("{root}/item{path}"), query),
    ) {
        Ok(demand) => stage.run(&reads(demand)[0].1).is_ok(),
        Err(error) => {
            check_error(&error);
            names_nothing_hidden(&error.message, &text);
            false
        }
    }
}

pub(super) fn records(data: &[u8]) -> bool {
    dialect("/api/records/v1", data)
}

pub(super) fn based(data: &[u8]) -> bool {
    dialect("/api", data)
}

/// A rule in SQL: refused with a place within it, or one that always compiles to the same and runs.
pub(super) fn sql_rule(data: &[u8]) -> bool {
    rule(&String::from_utf8_lossy(data))
}

/// A rule in Teenybase's language.
pub(super) fn expression_rule(data: &[u8]) -> bool {
    rule(&format!("expr:{}", String::from_utf8_lossy(data)))
}

fn rule(text: &str) -> bool {
    let lines = text.lines().count().max(1) + 1;
    let within = |problem: &syntax::Problem| {
        assert!(
            problem.at.line >= 1 && problem.at.line <= lines,
            "{problem} of {text:?}"
        );
        assert!(
            problem.at.column >= 1 && problem.at.column <= text.chars().count() + 1,
            "{problem} of {text:?}"
        );
        assert!(!problem.message.is_empty());
    };
    match syntax::parse(text) {
        Err(problem) => within(&problem),
        Ok(expression) => assert_eq!(syntax::parse(text).as_ref(), Ok(&expression)),
    }
    let stage = Stage::get();
    let catalog = &stage.snapshot.catalog;
    let face = catalog.face_named("item").map_or(FaceId(0), |face| face.id);
    match compile(catalog, face, text) {
        Err(problem) => {
            within(&problem);
            false
        }
        Ok(Compiled { predicate, .. }) => {
            assert!(!describe(catalog, catalog.face(face).table, &predicate).is_empty());
            stage.run_under(text)
        }
    }
}

/// A cursor: taken only where it is one that was given, in either dialect. The first byte chooses the question, the second
/// one of the cursors given to it, which the rest changes: a place and a byte each.
pub(super) fn cursor(data: &[u8]) -> bool {
    let stage = Stage::get();
    let questions = ["order=id&limit=1", "order=-name&limit=1", "order=price,flag&limit=1"];
    static GIVEN: OnceLock<Vec<String>> = OnceLock::new();
    let ask = |question: &str| {
        let call = get("/api/records/v1/item", question);
        stage.run(&reads(stage.rest.demand(&stage.snapshot, &stage.principal, &call)?)[0].1)
    };
    let given = GIVEN.get_or_init(|| questions.map(|question| ask(question).unwrap().next.unwrap()).to_vec());
    let (question, mut text) = match data {
        [question, cursor, changes @ ..] if question % 4 != 0 => {
            let mut text = given[usize::from(*cursor) % given.len()].clone().into_bytes();
            for change in changes.chunks(2) {
                let place = usize::from(change[0]) % text.len();
                match change.get(1) {
                    Some(byte) if byte.is_ascii() => text[place] = *byte,
                    Some(_) => text.insert(place, b'A'),
                    None => drop(text.remove(place)),
                }
                if text.is_empty() {
                    break;
                }
            }
            (usize::from(*question), String::from_utf8_lossy(&text).into_owned())
        }
        _ => (0, String::from_utf8_lossy(data).into_owned()),
    };
    let question = question % questions.len();
    text.retain(|character| character.is_ascii_graphic());
    let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
    let answer = ask(&format!("{}&cursor={encoded}", questions[question]));
    let own = given[question] == text;
    assert_eq!(answer.is_ok(), own, "{text:?} on {:?}: {answer:?}", questions[question]);
    // The other dialect of cursors: none of the Records API is one of GraphQL's, whose order is the same.
    let document =
        "query($cursor: String) { item_connection(first: 1, after: $cursor, order_by: {id: asc}) { nodes { id } } }";
    let variables = Map::from_iter([("cursor".to_owned(), Json::from(text.as_str()))]);
    if let Ok(requests) = stage
        .graphql
        .demand(&stage.snapshot, &stage.principal, document, &variables, None)
        .map(reads)
    {
        let taken = stage.run(&requests[0].1).is_ok();
        assert!(!taken || text == given[0], "{text:?}");
    }
    own
}

/// A GET.
pub(super) fn get(path: &str, query: &str) -> Call {
    Call {
        method: Method::GET,
        path: path_segments(path).unwrap_or_default(),
        query: query_pairs(query).unwrap_or_default(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        address: None,
    }
}

/// Messages repeat what was sent, but suggest nothing that the role may not see.
fn names_nothing_hidden(message: &str, sent: &str) {
    if !sent.contains("zz") && !sent.contains("hidden") {
        assert!(!message.contains(HIDDEN), "{message}");
    }
}
