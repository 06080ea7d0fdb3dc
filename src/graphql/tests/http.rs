//! GraphQL over HTTP: what the audits of graphql-http ask, batches, persisted queries.

use super::fixture::{blog, front, front_with, principal};
use crate::config;
use axum::body::to_bytes;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

struct Got {
    status: u16,
    media: String,
    headers: HeaderMap,
    body: Json,
}

struct Ask<'a> {
    method: Method,
    query: Option<&'a str>,
    content: Option<&'a str>,
    accept: Option<&'a str>,
    body: Vec<u8>,
}

fn ask(front: &crate::graphql::GraphQl, ask: Ask<'_>) -> Got {
    let mut headers = HeaderMap::new();
    if let Some(content) = ask.content {
        headers.insert(header::CONTENT_TYPE, content.parse().unwrap());
    }
    if let Some(accept) = ask.accept {
        headers.insert(header::ACCEPT, accept.parse().unwrap());
    }
    let principal = principal("admin");
    let response = front
        .handle(&principal, &ask.method, ask.query, &headers, Bytes::from(ask.body))
        .now_or_never()
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).now_or_never().unwrap().unwrap();
    Got {
        status: parts.status.as_u16(),
        media: parts.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap(),
    }
}

fn post(accept: Option<&str>, body: impl Into<Vec<u8>>) -> Got {
    let (front, _) = front(blog());
    ask(
        &front,
        Ask {
            method: Method::POST,
            query: None,
            content: Some(JSON),
            accept,
            body: body.into(),
        },
    )
}

fn get(accept: Option<&str>, pairs: &[(&str, &str)]) -> Got {
    let (front, _) = front(blog());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    ask(
        &front,
        Ask {
            method: Method::GET,
            query: Some(&query),
            content: None,
            accept,
            body: Vec::new(),
        },
    )
}

#[test]
fn audits_of_media_types() {
    let body = json!({"query": "{ __typename }"}).to_string();
    for (accept, media) in [
        (Some(GRAPHQL), GRAPHQL),
        (Some(JSON), JSON),
        (Some("*/*"), JSON),
        (None, JSON),
    ] {
        let got = post(accept, body.clone());
        assert_eq!(got.status, 200);
        assert!(
            got.media.contains(media) && got.media.contains("utf-8"),
            "{}",
            got.media
        );
        assert_eq!(got.body, json!({"data": {"__typename": "query_root"}}));
    }
    let (front, _) = front(blog());
    for (content, status) in [
        (Some("application/json; charset=utf-8"), 200),
        (None, 415),
        (Some("text/plain;charset=UTF-8"), 415),
    ] {
        let body = json!({"query": "{ __type(name: \"Run🏃Swim🏊\") { name } }"})
            .to_string()
            .into_bytes();
        let got = ask(
            &front,
            Ask {
                method: Method::POST,
                query: None,
                content,
                accept: None,
                body,
            },
        );
        assert_eq!(got.status, status, "{content:?}");
    }
    assert_eq!(post(Some("text/html"), body).status, 406);
}

#[test]
fn audits_of_requests() {
    assert_eq!(get(None, &[("query", "{ __typename }")]).status, 200);
    let got = get(Some(GRAPHQL), &[("query", "mutation { __typename }")]);
    assert_eq!(got.status, 405);
    assert_eq!(got.headers[header::ALLOW], "GET, POST");
    let two = "query a { __typename } mutation b { __typename }";
    assert_eq!(
        get(None, &[("query", two), ("operationName", "a")]).body["errors"][0]["message"],
        "Schema is not configured for mutations."
    );
    assert_eq!(get(None, &[("query", two), ("operationName", "b")]).status, 405);
    for body in [
        "",
        " \n",
        "{ \"not a JSON",
        "null",
        "5",
        "\"x\"",
        "[]",
        "[1",
        "{\"query\": \"\\ud800\"}",
    ] {
        for accept in [Some(JSON), Some(GRAPHQL), None] {
            assert_eq!(post(accept, body).status, 400, "{body}");
        }
    }
    assert_eq!(post(None, b"{\"query\": \"\xff\"}".to_vec()).status, 400);
    for body in [
        json!({"notquery": "{ __typename }"}),
        json!({"qeury": "{ __typename }"}),
        json!({"query": null}),
        json!({"query": {"obj": "ect"}}),
        json!({"query": 0}),
        json!({"query": false}),
        json!({"query": ["array"]}),
    ] {
        assert_eq!(post(None, body.to_string()).status, 400, "{body}");
    }
    for name in ["operationName", "variables", "extensions"] {
        for wrong in [
            json!({"obj": "ect"}),
            json!("string"),
            json!(0),
            json!(false),
            json!(["array"]),
        ] {
            let text = name == "operationName" && wrong.is_string();
            let map = name != "operationName" && wrong.is_object();
            let body = json!({"query": "query string { __typename }", name: wrong});
            let got = post(None, body.to_string());
            assert_eq!(got.status, if text || map { 200 } else { 400 }, "{body}");
        }
        for accept in [Some(JSON), Some(GRAPHQL)] {
            let got = post(accept, json!({"query": "{ __typename }", name: null}).to_string());
            assert_eq!((got.status, got.body.get("errors")), (200, None));
        }
    }
    let typed = "query Type($name: String!) { __type(name: $name) { name } }";
    for accept in [Some(JSON), Some(GRAPHQL)] {
        let got = post(
            accept,
            json!({"query": typed, "variables": {"name": "sometype"}}).to_string(),
        );
        assert_eq!((got.status, got.body), (200, json!({"data": {"__type": null}})));
        let got = get(accept, &[("query", typed), ("variables", "{\"name\":\"post\"}")]);
        assert_eq!(
            (got.status, got.body),
            (200, json!({"data": {"__type": {"name": "post"}}}))
        );
        let got = post(
            accept,
            json!({"query": "query Query { __typename }", "operationName": "Query"}).to_string(),
        );
        assert_eq!((got.status, got.body.get("errors")), (200, None));
    }
    assert_eq!(
        get(None, &[("query", "{ __typename }"), ("variables", "{")]).status,
        400
    );
    assert_eq!(get(None, &[("query", "{ a }"), ("query", "{ b }")]).status, 400);
    let (front, _) = front(blog());
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let got = ask(
            &front,
            Ask {
                method,
                query: None,
                content: Some(JSON),
                accept: None,
                body: Vec::new(),
            },
        );
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[test]
fn audits_of_statuses() {
    for (query, variables, code) in [
        ("{", json!({}), "parse-failed"),
        ("{ 8f31403dfe404bccbb0e835f2629c6a7 }", json!({}), "parse-failed"),
        ("{ nonsense }", json!({}), "validation-failed"),
        (
            "query CoerceFailure($id: ID!){ __typename }",
            json!({"id": null}),
            "validation-failed",
        ),
        (
            "query($id: Int!) { post_by_pk(id: $id) { id } }",
            json!({"id": null}),
            "validation-failed",
        ),
    ] {
        for (accept, status) in [(JSON, 200), (GRAPHQL, 400)] {
            let got = post(
                Some(accept),
                json!({"query": query, "variables": variables}).to_string(),
            );
            assert_eq!(got.status, status, "{query}");
            assert!(got.body.get("data").is_none());
            assert_eq!(got.body["errors"][0]["extensions"]["code"], code, "{}", got.body);
        }
    }
}

#[test]
fn answers() {
    for (query, status, want) in [
        (
            "{ b: post { id } author { id } a: __typename }",
            200,
            json!({"data": {"b": ["post"], "author": ["author"], "a": "query_root"}}),
        ),
        (
            "{ post { id } c: comment { id } }",
            200,
            json!({"errors": [{"message": "not that comment", "path": ["c"], "extensions": {"code": "data-exception"}}], "data": null}),
        ),
        (
            "{ post { id } c: comment_by_pk(id: \"x\") { id } }",
            200,
            json!({"errors": [{"message": "not that comment", "path": ["c"], "extensions": {"code": "data-exception"}}], "data": {"post": ["post"], "c": null}}),
        ),
        (
            "{ order_items { a_b } }",
            503,
            json!({"errors": [{"message": "the database is away", "path": ["order_items"], "extensions": {"code": "unexpected"}}], "data": null}),
        ),
        ("{ post @skip(if: true) { id } }", 200, json!({"data": {}})),
    ] {
        let got = post(Some(GRAPHQL), json!({"query": query}).to_string());
        assert_eq!((got.status, &got.body), (status, &want), "{query}");
        assert_eq!(got.headers.contains_key(header::RETRY_AFTER), status == 503);
    }
    let got = post(
        None,
        json!({"query": "{ post { comments(limit: -1) { id } } }"}).to_string(),
    );
    assert_eq!(got.body["errors"][0]["path"], json!(["post", "comments"]));
}

#[test]
fn batches() {
    let (front, echo) = front_with(blog(), config::GraphQl::default());
    let one = json!({"query": "{ post { id } }"});
    let batch = |items: Vec<Json>| Ask {
        method: Method::POST,
        query: None,
        content: Some(JSON),
        accept: None,
        body: Json::from(items).to_string().into_bytes(),
    };
    let got = ask(
        &front,
        batch(vec![one.clone(), json!({"query": "{"}), json!(5), one.clone()]),
    );
    assert_eq!(got.status, 200);
    let items = got.body.as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0], &items[3]),
        (
            4,
            &json!({"data": {"post": ["post"]}}),
            &json!({"data": {"post": ["post"]}})
        )
    );
    assert!(items[1].get("errors").is_some() && items[2].get("errors").is_some());
    assert_eq!(echo.seen.lock().unwrap().len(), 2);
    assert_eq!(ask(&front, batch(vec![one.clone(); 20])).status, 200);
    assert_eq!(ask(&front, batch(vec![one; 21])).status, 400);
}

#[test]
fn persisted_queries() {
    let (front, _) = front(blog());
    let send = |body: Json| {
        ask(
            &front,
            Ask {
                method: Method::POST,
                query: None,
                content: Some(JSON),
                accept: None,
                body: body.to_string().into_bytes(),
            },
        )
    };
    let hash = |query: &str| {
        Sha256::digest(query.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let extension = |hash: &str| json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
    let query = "{ post { id } }";
    let own = hash(query);
    let got = send(json!({"extensions": extension(&own)}));
    assert_eq!(
        (got.status, &got.body["errors"][0]["message"]),
        (200, &json!("PersistedQueryNotFound"))
    );
    assert_eq!(got.body["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(
        send(json!({"query": query, "extensions": extension(&hash("other"))})).status,
        400
    );
    assert_eq!(send(json!({"query": query, "extensions": extension("zz")})).status, 400);
    assert_eq!(
        send(json!({"query": query, "extensions": extension(&own)})).body,
        json!({"data": {"post": ["post"]}})
    );
    assert_eq!(
        send(json!({"extensions": extension(&own)})).body,
        json!({"data": {"post": ["post"]}})
    );
    let got = send(json!({"extensions": extension(&own.to_uppercase())}));
    assert_eq!(got.body, json!({"data": {"post": ["post"]}}));
    let text = extension(&own).to_string();
    let query_string = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("extensions", &text)
        .finish();
    let got = ask(
        &front,
        Ask {
            method: Method::GET,
            query: Some(&query_string),
            content: None,
            accept: None,
            body: Vec::new(),
        },
    );
    assert_eq!(got.body, json!({"data": {"post": ["post"]}}));
    let broken = "{ post {";
    send(json!({"query": broken, "extensions": extension(&hash(broken))}));
    let got = send(json!({"extensions": extension(&hash(broken))}));
    assert_eq!(got.body["errors"][0]["message"], "PersistedQueryNotFound");
    let got = send(json!({"query": query, "extensions": {"persistedQuery": {"version": 2, "sha256Hash": own}}}));
    assert_eq!(
        (got.status, &got.body["errors"][0]["message"]),
        (400, &json!("PersistedQueryNotSupported"))
    );
    assert_eq!(
        send(json!({"query": query, "extensions": {"persistedQuery": null}})).status,
        200
    );
}

#[test]
fn roles_that_do_not_exist() {
    let (front, _) = front(blog());
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, JSON.parse().unwrap());
    let body = Bytes::from(json!({"query": "{ post { id } }"}).to_string());
    let caller = principal("martian");
    let response = front
        .handle(&caller, &Method::POST, None, &headers, body)
        .now_or_never()
        .unwrap();
    let body = to_bytes(response.into_body(), usize::MAX)
        .now_or_never()
        .unwrap()
        .unwrap();
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "access-denied");
}
