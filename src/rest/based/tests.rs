//! Calls → requests, outcomes and errors → answers.

use crate::principal::{Credential, Principal};
use crate::rest::stage::{Stage, get, outcome, sent, user};
use axum::http::Method;

#[test]
fn filters() {
    let stage = Stage::new();
    for (url, expected) in [
        ("/api/book", "all"),
        ("/api/book/", "all"),
        (
            "/api/book?title=a&status=draft",
            "(title Equal a and status Equal draft)",
        ),
        (
            "/api/book?status=draft&title=a&status=published",
            r#"(status In ["draft", "published"] and title Equal a)"#,
        ),
        ("/api/author?cityName=Ulm", "city_name Equal Ulm"),
        (
            "/api/author?city_name=Ulm&cityName=Bonn",
            r#"city_name In ["Ulm", "Bonn"]"#,
        ),
        ("/api/author?name=", "name Equal "),
        ("/api/author?name=null", "name Equal null"),
        ("/api/book?price=null", "price null=true"),
        ("/api/book?price=null&price=3", "(price Equal 3 or price null=true)"),
        ("/api/book?price=null&price=null", "price null=true"),
        (
            "/api/book?titel=a",
            "Invalid: unknown column \"titel\" of \"book\", did you mean \"title\"?",
        ),
        ("/api/book?_secret=a", "Invalid: unknown column \"_secret\" of \"book\""),
        (
            "/api/book?filter[title]=a",
            "Invalid: unknown column \"filter[title]\" of \"book\"",
        ),
        ("/api/book?=a", "Invalid: a parameter has no name; write name=value"),
        (
            "/api/book?title=%00",
            "Invalid: parameter \"title\" contains a NUL character",
        ),
        ("/api/book/1", "key [\"1\"]"),
        ("/api/book/a,b", "key [\"a,b\"]"),
        ("/api/book_tag/1,a", "key [\"1\", \"a\"]"),
        ("/api/book_tag/1,a%5C,b", "key [\"1\", \"a,b\"]"),
        (
            "/api/book/1?limit=1",
            "Invalid: unknown parameter \"limit\"; none are taken here",
        ),
        (
            "/api/wordy%20view/1",
            "NotFound: rows of \"wordy view\" have no key to read one of them by",
        ),
        ("/api/book/%00", "Invalid: the path contains a NUL character"),
        ("/api/wordy%20view?first+name=a", "first name Equal a"),
    ] {
        assert_eq!(stage.filter(url), expected, "{url}");
    }
}

#[test]
fn pages_and_orders() {
    let stage = Stage::new();
    insta::assert_snapshot!(stage.request("/api/book?limit=10&offset=5&order=-published_on,authorId&status=draft"));
    for (url, expected) in [
        (
            "limit=1001",
            "Invalid: limit 1001 is too large, at most 1000 is allowed",
        ),
        (
            "limit=-1",
            "Invalid: limit must be a whole number from 0 to 1000, not \"-1\"",
        ),
        ("limit=0&limit=1", "Invalid: parameter \"limit\" is given twice"),
        ("offset=1&offset=1", "Invalid: parameter \"offset\" is given twice"),
        ("order=_secret", "Invalid: unknown column \"_secret\" of \"book\""),
        (
            "order=-pric",
            "Invalid: unknown column \"pric\" of \"book\", did you mean \"price\"?",
        ),
        ("limit=0", "all"),
    ] {
        assert_eq!(stage.filter(&format!("/api/book?{url}")), expected, "{url}");
    }
}

#[test]
fn who_may_ask_for_what() {
    let stage = Stage::new();
    let nobody = Principal::anonymous();
    let anon_key = Principal::of_role(Principal::ANONYMOUS, Credential::AnonKey);
    let error = |status: u16, code: &str, message: &str| {
        format!(
            "{status} {}",
            serde_json::json!({"error": {"code": code, "message": message}})
        )
    };
    let refused = error(403, "FORBIDDEN", "role \"anonymous\" may not read \"note\"");
    let unasked = error(401, "UNAUTHORIZED", "reading \"note\" needs credentials");
    for (principal, url, expected) in [
        (&nobody, "/api/book", "run".to_owned()),
        (&anon_key, "/api/book/1", "run".to_owned()),
        (&nobody, "/api/note", unasked.clone()),
        (&nobody, "/api/note/1", unasked),
        (&anon_key, "/api/note", refused.clone()),
        (&anon_key, "/api/note/1", refused),
        (&user(), "/api/note", "run".to_owned()),
        (
            &nobody,
            "/api/private",
            error(404, "NOT_FOUND", "unknown table \"private\""),
        ),
        (
            &user(),
            "/api/private",
            error(404, "NOT_FOUND", "unknown table \"private\""),
        ),
        (
            &user(),
            "/api/users",
            error(404, "NOT_FOUND", "unknown table \"users\", did you mean \"user\"?"),
        ),
        (
            &user(),
            "/api/users/1",
            error(404, "NOT_FOUND", "unknown table \"users\", did you mean \"user\"?"),
        ),
        (
            &user(),
            "/api/bok",
            error(404, "NOT_FOUND", "unknown table \"bok\", did you mean \"book\"?"),
        ),
        (&user(), "/api/user", "not owned".to_owned()),
        (&user(), "/api/records", "not owned".to_owned()),
        (&user(), "/api/book/1/2", "not owned".to_owned()),
        (&user(), "/api", "not owned".to_owned()),
        (&user(), "/book", "not owned".to_owned()),
        (
            &Principal::of_role("ghost", Credential::Token),
            "/api/book",
            error(403, "FORBIDDEN", "there is no role \"ghost\""),
        ),
    ] {
        assert_eq!(stage.refused(principal, &get(url)), expected, "{url}");
    }
}

#[test]
fn the_table_of_users_has_no_endpoint_whatever_it_is_called() {
    for table in ["book", "author"] {
        let stage = Stage::with_users(table);
        for name in ["book", "author"] {
            let refused = stage.refused(&user(), &get(&format!("/api/{name}")));
            assert_eq!(refused.starts_with("404 "), name == table, "{name}: {refused}");
        }
    }
}

#[test]
fn other_methods() {
    let stage = Stage::new();
    for (method, path, allow) in [
        (Method::POST, "/api/book/1", "GET, HEAD, PUT, DELETE, OPTIONS"),
        (Method::PATCH, "/api/book/1", "GET, HEAD, PUT, DELETE, OPTIONS"),
        (Method::PUT, "/api/book", "GET, HEAD, POST, OPTIONS"),
        (Method::DELETE, "/api/book", "GET, HEAD, POST, OPTIONS"),
    ] {
        let mut call = get(path);
        call.method = method;
        let dialect = stage.dialects.owner(&call.path).unwrap();
        let error = stage
            .dialects
            .parse(dialect, &stage.snapshot, &user(), &call)
            .err()
            .unwrap();
        let response = dialect.write_error(&error, &call);
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], allow);
        assert!(
            stage
                .refused(&user(), &call)
                .starts_with("405 {\"error\":{\"code\":\"METHOD_NOT_ALLOWED\"")
        );
    }
}

#[test]
fn answers() {
    let stage = Stage::new();
    let rows = outcome(r#"[{"id":1}]"#, 1, Some(7), None);
    assert_eq!(stage.written("/api/book", rows), r#"200 {"data":[{"id":1}],"total":7}"#);
    assert_eq!(
        stage.written("/api/book/1", outcome(r#"{"id":1}"#, 1, None, None)),
        r#"200 {"data":{"id":1}}"#
    );
    let missing = r#"404 {"error":{"code":"NOT_FOUND","message":"Record not found"}}"#;
    assert_eq!(stage.written("/api/book/1", outcome("null", 0, None, None)), missing);
}

/// A body of names that are none of the table's is read to the first of them: no more is compared, and no more kept, before
/// anybody knows whether the caller may write at all.
#[test]
fn a_body_is_looked_at_to_its_first_unknown_name() {
    let stage = Stage::new();
    let of = |members: &str| stage.batch(&user(), &sent("POST", "/api/author", "application/json", members));
    assert_eq!(
        of(r#"{"cityName": "Ulm", "x": 1, "name": "a", "y": 2}"#),
        of(r#"{"city_name": "Ulm", "x": 1}"#)
    );
    assert!(of(r#"{"cityName": "Ulm", "city_name": "Ulm"}"#).contains("was sent twice"));
    let many: Vec<String> = (0..200_000).map(|number| format!(r#""x{number}":0"#)).collect();
    let begun = std::time::Instant::now();
    let batch = of(&format!("{{{}}}", many.join(",")));
    assert!(batch.len() < 100, "{batch:.200}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
