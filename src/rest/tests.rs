//! What holds for all dialects.

use super::stage::{Stage, get, user};
use crate::config;
use crate::error::Kind;
use crate::principal::Principal;
use proptest::prelude::*;

#[test]
fn only_enabled_dialects_own_paths() {
    let settings = config::Rest {
        dialects: vec!["based".into()],
        ..config::Rest::default()
    };
    let stage = Stage::with(settings, None);
    let owner = |url: &str| stage.dialects.owner(&get(url).path).map(super::Dialect::name);
    assert_eq!(owner("/api/book"), Some("based"));
    // Fixed paths stay fixed.
    assert_eq!(owner("/api/records/v1/book"), None);
    assert_eq!(owner("/api/records/v1"), None);
    assert_eq!(
        Stage::new()
            .dialects
            .owner(&get("/api/records/v1/book").path)
            .map(super::Dialect::name),
        Some("trailbase")
    );
}

#[test]
fn openapi() {
    let stage = Stage::new();
    for (name, principal, dialect) in [
        ("anonymous", Principal::anonymous(), None),
        ("user_based", user(), Some("based")),
    ] {
        let document = stage.dialects.openapi(&stage.snapshot, &principal, dialect);
        check_references(&document, &document);
        insta::assert_snapshot!(
            format!("openapi_{name}"),
            serde_json::to_string_pretty(&document).unwrap()
        );
    }
    let ghost = Principal::of_role("ghost", crate::principal::Credential::Token);
    let nothing = stage.dialects.openapi(&stage.snapshot, &ghost, None);
    assert_eq!(nothing["paths"], serde_json::json!({}));
}

#[test]
fn openapi_tells_nothing_hidden() {
    let stage = Stage::new();
    let document = stage
        .dialects
        .openapi(&stage.snapshot, &Principal::anonymous(), None)
        .to_string();
    for hidden in ["_secret", "note", "private"] {
        assert!(
            !document.contains(&format!("\"{hidden}\"")) && !document.contains(&format!("/{hidden}")),
            "{hidden}"
        );
    }
}

/// Every `$ref` leads somewhere.
fn check_references(document: &serde_json::Value, at: &serde_json::Value) {
    match at {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::String(reference)) = members.get("$ref") {
                let target = reference
                    .strip_prefix('#')
                    .and_then(|pointer| document.pointer(pointer));
                assert!(target.is_some(), "{reference}");
            }
            members.values().for_each(|member| check_references(document, member));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}

/// The server's tasks move between threads.
#[test]
fn answers_are_sent_between_threads() {
    fn sendable(_: impl Send) {}
    fn handled(rest: &super::Rest, principal: &Principal, call: super::Call) {
        sendable(rest.handle(principal, &call));
    }
    let _: fn(&super::Rest, &Principal, super::Call) = handled;
}

#[test]
fn the_rules_and_the_planner_take_what_is_parsed() {
    let stage = Stage::new();
    for url in [
        "/api/book?status=draft&status=published&price=null&order=-published_on,authorId&limit=0",
        "/api/book_tag/1,a",
        "/api/wordy%20view",
        "/api/records/v1/book?filter[$or][0][title][$like]=a&filter[$or][1][location][@within]=POINT(0%200)&order=-title&count=1",
        "/api/records/v1/book?filter[price][$in]=1,2&filter[status][$re]=^d&filter[title][$not][$eq]=a&cursor=x",
        "/api/records/v1/book?expand=author_id&filter[author_id][$null]=false",
        "/api/records/v1/book?geojson=location&expand=author_id",
        "/api/records/v1/book_tag",
        "/api/records/v1/thing/AYkKXayWd0u8zrMCCZqAVw==",
        "/api/records/v1/wordy%20view?limit=0",
        "/api/records/v1/wordy%20view",
    ] {
        stage
            .planned(&get(url))
            .unwrap_or_else(|error| panic!("{url}: {error:?}"));
    }
}

/// Pieces that mean something, and pieces that do not.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "filter",
        "[",
        "]",
        "][",
        "[$and]",
        "[$or]",
        "[$not]",
        "[0]",
        "[1]",
        "[]",
        "[title]",
        "[price]",
        "[$in]",
        "[$gt]",
        "[$null]",
        "filter[title]",
        "filter[price]",
        "filter[$or]",
        "title",
        "limit",
        "order",
        "expand",
        "cursor",
        "geojson",
        "count",
        "offset",
        "author_id",
        "authorId",
        ",",
        "-",
        "+",
        " ",
        "\\",
        "\0",
        "é",
        "null",
    ]);
    prop_oneof![4 => words.prop_map(String::from), 1 => any::<String>()]
}

fn written() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_never_panics(
        query in prop::collection::vec((written(), written()), 0..6),
        table in prop::sample::select(vec!["book", "book_tag", "thing", "wordy view", "nothing"]),
        rest in prop::collection::vec(written(), 0..3),
        records in any::<bool>(),
    ) {
        let stage = Stage::new();
        let mut call = get(if records { "/api/records/v1" } else { "/api" });
        call.path.push(table.to_owned());
        call.path.extend(rest.into_iter().filter(|segment| !segment.is_empty()));
        call.query = query;
        let answer = stage.refused(&user(), &call);
        // Whatever is wrong is the client's fault.
        prop_assert!(answer == "run" || answer == "not owned" || answer.starts_with("200 ") || answer.starts_with('4'), "{}", answer);
        if answer == "run" {
            let planned = stage.planned(&call);
            prop_assert!(planned.as_ref().err().is_none_or(|error| error.kind != Kind::Internal), "{:?}", planned);
        }
    }
}
