//! A template filled with values is what the conversion makes of them.

use super::fixture::{blog, front, principal};
use crate::graphql::execute::{Call, Planned, Work};
use crate::graphql::road::Road;
use serde_json::{Value as Json, json};

fn told(planned: Result<Planned, Vec<crate::graphql::error::Fault>>) -> String {
    match planned {
        Ok(Planned::Works(works)) => {
            let works = works.into_iter().map(|(key, work)| match work {
                Work::Told(told) => format!("{key}: {told:?}"),
                Work::Run { request, nullable } => format!("{key} {nullable}: {request:?}"),
            });
            works.collect::<Vec<_>>().join("\n")
        }
        Ok(_) => panic!("no query"),
        Err(faults) => faults.iter().map(|fault| fault.json().to_string()).collect(),
    }
}

/// Each document, the values it is asked with one after the other, and how many templates that makes.
#[test]
fn templates_and_conversions_agree() {
    let word = "x".repeat(200_000);
    let cases: &[(&str, &[Json], usize)] = &[
        (
            "query($id: Int!) { post_by_pk(id: $id) { id title } }",
            &[
                json!({"id": 1}),
                json!({"id": 2}),
                json!({"id": "x"}),
                json!({"id": null}),
                json!({}),
            ],
            1,
        ),
        (
            "query($t: String, $n: Int) { post(where: {_or: [{title: {_eq: $t}}, {title: {_like: $t}}, {id: {_gt: $n}}]}) { id } }",
            &[
                json!({"t": "a", "n": 1}),
                json!({"t": "\u{0}", "n": 0}),
                json!({"t": null, "n": 0}),
                json!({"n": 0}),
                json!({"t": word, "n": 1}),
            ],
            2,
        ),
        (
            "query($l: Int, $o: Int) { post(limit: $l, offset: $o) { id } }",
            &[
                json!({"l": 1, "o": 2}),
                json!({"l": 1, "o": 3}),
                json!({"l": 2, "o": 3}),
                json!({"l": 1, "o": -1}),
                json!({"l": -1, "o": 1}),
                json!({"o": 3}),
                json!({"l": 1000000000, "o": 3}),
            ],
            3,
        ),
        (
            "query($y: Boolean!, $id: Int!) { post(where: {id: {_eq: $id}}) { id title @include(if: $y) } }",
            &[
                json!({"y": true, "id": 1}),
                json!({"y": false, "id": 1}),
                json!({"y": true, "id": 9}),
            ],
            2,
        ),
        (
            "query($a: Int!, $b: Int!) { post(where: {id: {_in: [$a, $b]}}) { id } a: post(where: {id: {_eq: $b}}) { id } }",
            &[
                json!({"a": 1, "b": 2}),
                json!({"a": 1, "b": 3}),
                json!({"a": 1, "b": 2}),
                json!({"a": 2}),
            ],
            2,
        ),
        (
            "query($p: String) { post { meta(path: $p) } }",
            &[json!({"p": "$.a"}), json!({"p": "$.b"}), json!({"p": "$["}), json!({})],
            3,
        ),
        (
            "query($j: jsonb, $v: bigint, $n: numeric) { post(where: {meta: {_contains: $j}, views: {_eq: $v}, price: {_eq: $n}}) { id } }",
            &[
                json!({"j": {"a": 1}, "v": 1, "n": 1.50}),
                json!({"j": "a", "v": "2", "n": "1.5"}),
                json!({"j": "b", "v": 12345678901i64, "n": 2}),
                json!({"j": ["a"], "v": 1, "n": 1}),
            ],
            4,
        ),
        (
            "query($o: order_by, $w: post_bool_exp!, $id: Int!) { post(where: {_and: [$w, {id: {_eq: $id}}]}, order_by: {title: $o}) { id } }",
            &[
                json!({"o": "asc", "w": {"id": {"_gt": 1}}, "id": 1}),
                json!({"o": "asc", "w": {"id": {"_gt": 1}}, "id": 2}),
                json!({"o": "desc", "w": {"id": {"_gt": 1}}, "id": 2}),
                json!({"o": "desc", "w": {"id": {"_gt": 2}}, "id": 2}),
                json!({"o": "down", "w": {}, "id": 2}),
            ],
            3,
        ),
        (
            "query($n: Int = 3, $m: Int = 4) { post(limit: $n, where: {id: {_gt: $m}}) { id __typename } __typename }",
            &[json!({}), json!({"m": 5}), json!({"n": 3}), json!({"n": 4})],
            2,
        ),
    ];
    for (query, given, templates) in cases {
        let (front, echo) = front(blog());
        // Twice: the second time all of it is from templates.
        for variables in given.iter().chain(*given) {
            let call = Call {
                query: (*query).into(),
                operation_name: None,
                variables: variables.as_object().cloned().unwrap(),
                once: None,
            };
            let (scene, principal) = (echo.scene("admin"), principal("admin"));
            let planned = |templates| told(front.planned(&scene, &principal, &call, templates));
            assert_eq!(
                planned(true),
                planned(false),
                "{query} with {:.200}",
                variables.to_string()
            );
        }
        assert_eq!(front.templates.len(), *templates, "{query}");
    }
}

#[test]
fn roles_share_no_template() {
    let (front, echo) = front(blog());
    for role in ["admin", "reader"] {
        let call = Call {
            query: "query($id: Int!) { post(where: {id: {_eq: $id}}) { id } }".into(),
            operation_name: None,
            variables: json!({"id": 1}).as_object().cloned().unwrap(),
            once: None,
        };
        let planned = front.plan(&echo.scene(role), &principal(role), &call);
        assert!(matches!(planned, Ok(Planned::Works(_))), "{role}");
    }
    assert_eq!(front.templates.len(), 2);
}
