//! Calls that write → batches, and what they are answered.

use crate::catalog::{ColumnId, ConflictMode};
use crate::config::Rest;
use crate::error::{Code, Error, Kind};
use crate::principal::{Principal, Variable};
use crate::rest::Call;
use crate::rest::stage::{Stage, get, sent, text, user};
use std::collections::BTreeMap;
use std::sync::Arc;

const BOOK: &str = "/api/records/v1/book";
const EXECUTE: &str = "/api/transaction/v1/execute";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn caller(id: &str) -> Principal {
    Principal {
        variables: Arc::new(BTreeMap::from([("id".into(), Variable::Text(id.into()))])),
        ..user()
    }
}

fn bare(method: &str, url: &str) -> Call {
    Call {
        method: method.parse().unwrap(),
        ..get(url)
    }
}

#[test]
fn records() {
    let stage = Stage::new();
    for (call, expected) in [
        (
            sent("POST", BOOK, JSON, r#"{"title": "a", "author_id": 1, "price": 1.50}"#),
            r#"book insert (author_id, title, price) List([List([Integer(0), Integer(1), Text("a"), Number("1.50")])])"#,
        ),
        // The same columns together, whatever their order.
        (
            sent(
                "POST",
                BOOK,
                JSON,
                r#"[{"title": "a", "id": 1}, {"title": "b"}, {"id": 3, "title": null}, {}]"#,
            ),
            "book insert (id, title) List([List([Integer(0), Integer(1), Text(\"a\")]), List([Integer(2), Integer(3), Null])]), \
             (title) List([List([Integer(1), Text(\"b\")])]), () List([List([Integer(3)])])",
        ),
        // A form's values take their column's type; what is empty is null where it is no text.
        (
            sent("POST", BOOK, FORM, "title=&price=&author_id=7"),
            r#"book insert (author_id, title, price) List([List([Integer(0), Raw("7"), Raw(""), Null])])"#,
        ),
        (
            sent(
                "POST",
                "/api/records/v1/thing",
                JSON,
                r#"{"id": "AYkKXayWd0u8zrMCCZqAVw==", "data": "_-8="}"#,
            ),
            "thing insert (id, data) List([List([Integer(0), Raw(\"01890a5d-ac96-774b-bcce-b302099a8057\"), \
             Raw(\"\\\\xffef\")])])",
        ),
        // Whether a name is known is not the dialect's business.
        (
            sent("POST", BOOK, JSON, r#"{"nowhere": 1, "title": "a"}"#),
            r#"book insert (title, nowhere) List([List([Integer(0), Text("a"), Integer(1)])])"#,
        ),
        (
            sent("POST", BOOK, JSON, "[]"),
            "400 the list is empty; send a record, or a list of at least one",
        ),
        (
            sent("POST", BOOK, JSON, &format!("[{}{{}}]", "{},".repeat(1024))),
            "413 1025 records are too many, at most 1024 are taken at once",
        ),
        (
            sent("POST", &format!("{BOOK}?expand=author_id"), JSON, "{}"),
            "400 unknown parameter \"expand\"; there are redirect_uri",
        ),
        (
            sent(
                "PATCH",
                &format!("{BOOK}/1"),
                JSON,
                r#"{"title": "a", "author_id": null}"#,
            ),
            r#"book update key ["1"] set author_id = Null, title = Text("a")"#,
        ),
        (
            sent("PATCH", &format!("{BOOK}/1"), JSON, "[]"),
            "400 the body is a list; one record is changed by an object of columns and their values",
        ),
        (sent("PATCH", &format!("{BOOK}/x"), JSON, "{}"), "400 Invalid id"),
        (
            bare("DELETE", "/api/records/v1/book_tag/1,a%5C,b"),
            r#"book_tag delete key ["1", "a,b"]"#,
        ),
        (bare("DELETE", "/api/records/v1/wordy%20view/1"), "405 "),
        (bare("DELETE", "/api/records/v1/bok/1"), "405 "),
        (bare("PUT", &format!("{BOOK}/1")), "405 "),
        (bare("PATCH", BOOK), "405 "),
        (bare("DELETE", &format!("{BOOK}/schema")), "405 "),
    ] {
        assert_eq!(stage.batch(&user(), &call), expected, "{:?} {:?}", call.path, call.body);
    }
}

#[test]
fn settings_of_writes() {
    let mut catalog = crate::rest::stage::catalog(None);
    let book = catalog
        .faces
        .iter_mut()
        .find(|face| face.name.as_str() == "book")
        .unwrap();
    book.autofill = vec![ColumnId(1)];
    book.conflict = ConflictMode::Replace;
    let author = catalog
        .faces
        .iter_mut()
        .find(|face| face.name.as_str() == "author")
        .unwrap();
    author.conflict = ConflictMode::Ignore;
    let stage = Stage::of(Rest::default(), catalog);
    let create = |principal: &Principal, table: &str, body: &str| {
        stage.batch(
            principal,
            &sent("POST", &format!("/api/records/v1/{table}"), JSON, body),
        )
    };
    assert_eq!(
        create(&caller("7"), "book", r#"[{}, {"author_id": null}]"#),
        "book insert (author_id) List([List([Integer(0), Raw(\"7\")]), List([Integer(1), Null])]) Conflict { target: Key, \
         action: Update { columns: None, filter: None, proposed: true } }"
    );
    // Who has no id, and who may send nothing, fills nothing; who may not change rows replaces none.
    assert_eq!(
        create(&user(), "book", "{}"),
        "book insert () List([List([Integer(0)])]) Conflict { target: Key, action: Update { columns: None, filter: None, proposed: true } }"
    );
    assert_eq!(
        create(&Principal::anonymous(), "book", "{}"),
        "book insert () List([List([Integer(0)])])"
    );
    assert_eq!(
        create(&user(), "author", "{}"),
        "author insert () List([List([Integer(0)])]) Conflict { target: Any, action: Ignore }"
    );
}

#[test]
fn answers_of_writes() {
    let stage = Stage::new();
    let create = sent("POST", BOOK, JSON, "[{}, {}]");
    assert_eq!(
        text(stage.after(&create, &[r#"[{"id":1},{"id":9223372036854775807}]"#])),
        r#"200 {"ids":["1","9223372036854775807"]}"#
    );
    let tag = sent("POST", "/api/records/v1/book_tag", JSON, "{}");
    assert_eq!(
        text(stage.after(&tag, &[r#"[{"book_id":1,"tag":"a,b\\"}]"#])),
        r#"200 {"ids":["1,a\\,b\\\\"]}"#
    );
    assert_eq!(
        text(stage.after(&bare("DELETE", &format!("{BOOK}/1")), &["null"])),
        "200 "
    );
    let led = sent("POST", &format!("{BOOK}?redirect_uri=/thanks?a%3D1"), FORM, "title=a");
    let response = stage.after(&led, &[r#"[{"id":1}]"#]);
    assert_eq!(response.headers()["location"], "/thanks?a=1");
    assert_eq!(text(response), "303 ");
    let away = sent("POST", &format!("{BOOK}?redirect_uri=//evil.example"), FORM, "title=a");
    assert!(
        stage
            .batch(&user(), &away)
            .starts_with("400 redirect_uri \"//evil.example\" does not lead")
    );
}

#[test]
fn transactions() {
    let stage = Stage::new();
    let product = r#"{"operations": [
        {"Create": {"api_name": "book", "value": {"title": "a"}}},
        {"Update": {"api_name": "book", "record_id": 7, "value": {"title": "b"}}},
        {"Delete": {"api_name": "author", "record_id": "8"}}]"#;
    let writes = "book insert (title) List([List([Integer(0), Text(\"a\")])])\nbook update key [\"7\"] set title = \
                  Text(\"b\")\nauthor delete key [\"8\"]";
    let document = r#"{"operations": [
        {"type": "create", "api": "book", "data": {"title": "a"}},
        {"type": "update", "api": "book", "id": "7", "data": {"title": "b"}},
        {"type": "delete", "api": "author", "id": 8}]"#;
    let shape = "an operation is {\"type\": \"create\", \"api\", \"data\"}, {\"type\": \"update\", \"api\", \"id\", \"data\"} \
                 or {\"type\": \"delete\", \"api\", \"id\"}; or {\"Create\": {\"api_name\", \"value\"}}, {\"Update\": \
                 {\"api_name\", \"record_id\", \"value\"}} or {\"Delete\": {\"api_name\", \"record_id\"}}";
    for (body, expected) in [
        (format!("{product}}}"), writes.to_owned()),
        (format!("{product}, \"transaction\": true}}"), writes.to_owned()),
        (format!("{document}}}"), writes.to_owned()),
        // The document's form is always one transaction.
        (format!("{document}, \"transaction\": false}}"), writes.to_owned()),
        (
            format!("{product}, \"transaction\": false}}"),
            format!("alone: {}", writes.replace('\n', "\nalone: ")),
        ),
        (
            r#"{"transaction": false, "operations": [{"Delete": {"api_name": "bok", "record_id": 1}}, {}]}"#.into(),
            format!("alone: unknown table \"bok\", did you mean \"book\"?\nalone: {shape}"),
        ),
        (r#"{"operations": []}"#.into(), r#"200 {"results":[],"ids":[]}"#.into()),
        (
            r#"{"operations": [{"type": "delete", "api": "bok", "id": 1}]}"#.into(),
            "400 operation [0]: unknown table \"bok\", did you mean \"book\"?".into(),
        ),
        (
            r#"{"operations": [{"type": "delete", "api": "book", "id": 1}, {"type": "delete", "api": "book", "id": "x"}]}"#
                .into(),
            "400 operation [1]: Invalid id".into(),
        ),
        (
            r#"{"operations": [{"type": "create", "api": "book", "id": 1, "data": {}}]}"#.into(),
            format!("400 operation [0]: {shape}"),
        ),
        (
            r#"{"operations": [{"type": "create", "Create": {"api_name": "book", "value": {}}}]}"#.into(),
            format!("400 operation [0]: {shape}"),
        ),
        (
            r#"{"operations": [{"type": "create", "api": "book", "data": {"a": 1, "a": 2}}]}"#.into(),
            "400 the body is not what is wanted: \"a\" stands twice at line 1 column 70".into(),
        ),
        (
            format!("{{\"operations\": [{}{{}}]}}", "{},".repeat(128)),
            "413 129 operations are too many, at most 128 are taken at once".into(),
        ),
    ] {
        assert_eq!(stage.batch(&user(), &sent("POST", EXECUTE, JSON, &body)), expected, "{body}");
    }
    assert_eq!(stage.batch(&user(), &get(EXECUTE)), "405 ");
    assert_eq!(
        stage.batch(&user(), &bare("POST", "/api/transaction/v1/other")),
        "404 no such path"
    );
    let form = stage.batch(&user(), &sent("POST", EXECUTE, FORM, "a=b"));
    assert!(form.starts_with("415 the body comes with "), "{form}");

    let together = sent("POST", EXECUTE, JSON, &format!("{product}}}"));
    assert_eq!(
        text(stage.after(&together, &[r#"[{"id":5}]"#, "null", "null"])),
        r#"200 {"results":[{"Id":"5"},{"Id":"7"},{"Id":"8"}],"ids":["5"]}"#
    );
    // A record that was left out, because one of its key stands.
    assert_eq!(
        text(stage.after(&together, &["[]", "null", "null"])),
        r#"200 {"results":[{"Id":null},{"Id":"7"},{"Id":"8"}],"ids":[]}"#
    );
    let apart = sent("POST", EXECUTE, JSON, &format!("{product}, \"transaction\": false}}"));
    assert_eq!(
        text(stage.after(&apart, &[r#"[{"id":5}]"#, "null", "null"])),
        r#"200 {"results":[{"Id":"5"},{"Id":"7"},{"Id":"8"}],"ids":["5"]}"#
    );
}

#[test]
fn errors_of_writes() {
    let stage = Stage::new();
    let many = sent("POST", BOOK, JSON, " [{}]");
    let one = sent("POST", BOOK, JSON, "{}");
    let execute = sent("POST", EXECUTE, JSON, "{}");
    let change = sent("PATCH", &format!("{BOOK}/1"), JSON, "{}");
    let mut json = sent("POST", EXECUTE, JSON, "{}");
    json.headers
        .insert("accept", axum::http::HeaderValue::from_static(JSON));
    let told = |call: &Call, error: Error| {
        let dialect = stage.dialects.owner(&call.path).unwrap();
        text(dialect.write_error(&error, call))
    };
    let value = || Error::invalid(Code::INVALID_VALUE, "title: 7 is not a text");
    assert_eq!(told(&many, value().at_row(2)), "400 record [2]: title: 7 is not a text");
    assert_eq!(told(&one, value().at_row(0)), "400 title: 7 is not a text");
    assert_eq!(told(&change, value()), "400 title: 7 is not a text");
    assert_eq!(
        told(&execute, value().of_write(3).at_row(0)),
        "400 operation [3]: title: 7 is not a text"
    );
    assert_eq!(
        told(&json, value().of_write(3)),
        r#"400 {"error":{"code":"invalid_value","message":"title: 7 is not a text","operation":3}}"#
    );
    let view = || Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, "a view");
    assert_eq!(told(&execute, view().of_write(1)), "400 operation [1]: a view");
    assert_eq!(told(&one, view()), "405 ");
    let dialect = stage.dialects.owner(&one.path).unwrap();
    for (method, url, allow) in [
        ("PUT", BOOK, "GET, HEAD, POST, OPTIONS"),
        // The path takes it, the table does not.
        ("POST", BOOK, "GET, HEAD, OPTIONS"),
        ("PUT", "/api/records/v1/book/1", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("DELETE", "/api/records/v1/book/1", "GET, HEAD, OPTIONS"),
        ("GET", "/api/records/v1/book/1", "OPTIONS"),
        ("PATCH", "/api/records/v1/book/schema", "GET, HEAD, OPTIONS"),
        ("GET", EXECUTE, "POST, OPTIONS"),
    ] {
        let response = dialect.write_error(&view(), &bare(method, url));
        assert_eq!(response.headers()["allow"], allow, "{method} {url}");
    }
}
