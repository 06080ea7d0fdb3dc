//! Documents and variables → requests, or errors.

use super::fixture::{blog, front, front_with, principal};
use crate::config;
use crate::graphql::execute::{Call, Planned, Work};
use crate::graphql::introspect::Told;
use crate::graphql::road::Road;
use serde_json::{Value as Json, json};

/// The requests of a document as text, or its errors.
fn requests(settings: config::GraphQl, role: &str, query: &str, variables: Json) -> String {
    let (front, echo) = front_with(blog(), settings);
    let call = Call {
        query: query.into(),
        operation_name: None,
        variables: variables.as_object().cloned().unwrap_or_default(),
        once: None,
    };
    match front.plan(&echo.scene(role), &principal(role), &call) {
        Ok(Planned::Mutation(_)) => panic!("a mutation: {query}"),
        Ok(Planned::Told(Told::Short(json))) => json,
        Ok(Planned::Told(Told::Long(_))) => panic!("a long answer"),
        Ok(Planned::Works(works)) => works
            .into_iter()
            .map(|(key, work)| match work {
                Work::Told(Told::Short(json)) => format!("{key}: {json}"),
                Work::Told(Told::Long(_)) => panic!("a long answer"),
                Work::Run { request, nullable } => {
                    format!(
                        "{key}{}: {:?}\n  values: {:?}",
                        if nullable { "?" } else { "" },
                        request.read,
                        request.values
                    )
                }
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Err(faults) => faults
            .iter()
            .map(|fault| format!("error {}", fault.json()))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn check(name: &str, cases: &[(&str, Json)]) {
    let mut out = String::new();
    for (query, variables) in cases {
        out += "## ";
        out += query;
        out += "\n";
        if *variables != json!({}) {
            out += "   ";
            out += &variables.to_string();
            out += "\n";
        }
        out.push_str(&requests(config::GraphQl::default(), "admin", query, variables.clone()));
        out.push_str("\n\n");
    }
    insta::assert_snapshot!(name, out);
}

#[test]
fn roots_and_selections() {
    check(
        "roots",
        &[
            ("{ post { id } }", json!({})),
            (
                "{ a: post(limit: 2, offset: 1) { t: title __typename } b: author { name posts(limit: 1) { id } } }",
                json!({}),
            ),
            ("{ post_by_pk(id: 7) { id author { name } } __typename }", json!({})),
            ("{ comment_by_pk(id: \"1c1\") { id } }", json!({})),
            (
                "fragment f on post { id author { name } } { post { ...f ... on post { author { id } } ... { title } id } }",
                json!({}),
            ),
            (
                "query($y: Boolean!, $n: Boolean!) { post { id @include(if: $y) title @skip(if: $y) views @include(if: $n) @skip(if: $n) ...f @skip(if: $n) } } fragment f on post { score }",
                json!({"y": true, "n": false}),
            ),
            (
                "{ post { meta m: meta(path: \"$.a[0].b\") w: meta(path: \"$\") } }",
                json!({}),
            ),
            ("{ post { loud l: loud(args: {mark: \"!\"}) } }", json!({})),
            (
                "{ search_posts(args: {term: \"x\"}, limit: 1, where: {id: {_gt: 1}}) { id } search_posts_aggregate(args: {term: \"y\"}) { aggregate { count } } }",
                json!({}),
            ),
            ("{ order_items { _2nd a_b a_b_2 } }", json!({})),
        ],
    );
}

#[test]
fn filters() {
    let compare = |text: &str| format!("{{ post(where: {text}) {{ id }} }}");
    let cases: Vec<String> = [
        "{}",
        "null",
        "{_and: []}",
        "{_or: []}",
        "{_not: {}}",
        "{id: {}}",
        "{id: {_eq: 1, _neq: 2, _gt: 3, _gte: 4, _lt: 5, _lte: 6, _is_null: false}}",
        "{id: {_in: []}, views: {_nin: [1, \"9007199254740993\"]}}",
        "{id: {_in: 1}}",
        "{id: {_eq: null}}",
        "{id: {_in: null}}",
        "{id: null}",
        "{author: null}",
        "{_or: null}",
        "{title: {_like: \"a%\", _nilike: \"b\", _similar: \"c\", _iregex: \"d\", _nregex: \"e\"}}",
        "{meta: {_contains: {a: [1, live]}, _has_key: \"a\", _has_keys_any: [\"b\"], _has_keys_all: \"c\", _eq: \"text\"}}",
        "{meta: {_in: [{a: 1}, [2], \"x\"]}}",
        "{tags: {_contains: [\"a\"], _contained_in: \"b\", _eq: []}}",
        "{price: {_gt: \"12345678901234567890.5\", _lt: 1e3}}",
        "{status: {_eq: live, _in: [draft]}, mood: {_eq: \"so so\"}}",
        "{created_at: {_gt: \"2024-01-01\"}, score: {_lt: 1.5}, span: {_eq: \"[1,2)\"}}",
        "{author: {name: {_eq: \"x\"}, posts: {id: {_eq: 1}}}}",
        "{_or: [{id: {_eq: 1}}, {id: {_eq: 2}, title: {_eq: \"b\"}}]}",
        "{comments_aggregate: {count: {predicate: {_gt: 1, _lt: 9}, filter: {hidden: {_eq: true}}, distinct: true, arguments: [body]}}}",
        "{comments_aggregate: {count: {predicate: null}}}",
    ]
    .iter()
    .map(|text| compare(text))
    .collect();
    let cases: Vec<(&str, Json)> = cases.iter().map(|text| (text.as_str(), json!({}))).collect();
    check("filters", &cases);
}

#[test]
fn orders_and_pages() {
    check(
        "orders",
        &[
            ("{ post(order_by: {title: asc}) { id } }", json!({})),
            (
                "{ post(order_by: [{title: desc}, {id: asc_nulls_first, views: desc_nulls_last}]) { id } }",
                json!({}),
            ),
            ("{ post(order_by: {author: {name: desc}}) { id } }", json!({})),
            (
                "{ author(order_by: {posts_aggregate: {count: desc, max: {created_at: asc}}}) { id } }",
                json!({}),
            ),
            ("{ comment(order_by: {post: {author: {name: asc}}}) { id } }", json!({})),
            (
                "{ comment(order_by: {post: {comments_aggregate: {count: asc}}}) { id } }",
                json!({}),
            ),
            ("{ post(order_by: {title: null}) { id } }", json!({})),
            ("{ post(distinct_on: [title]) { id } }", json!({})),
            (
                "{ post(distinct_on: [title, id], order_by: [{id: desc}, {title: asc}, {views: asc}]) { id } }",
                json!({}),
            ),
            (
                "{ post(distinct_on: [title], order_by: [{id: desc}, {title: asc}]) { id } }",
                json!({}),
            ),
            (
                "{ post(distinct_on: [title, id], order_by: {title: desc}) { id } }",
                json!({}),
            ),
            ("{ post(limit: -1) { id } }", json!({})),
            ("{ author { posts(offset: -1) { id } } }", json!({})),
            ("{ post(limit: 0, offset: 0) { id } }", json!({})),
            ("{ post(limit: null) { id } }", json!({})),
        ],
    );
}

#[test]
fn aggregates_groups_connections() {
    check(
        "aggregates",
        &[
            (
                "{ post_aggregate(where: {id: {_gt: 1}}, limit: 5) { aggregate { count c: count(columns: [title, id], distinct: true) sum { views p: price __typename } max { title } avg { score } stddev { id } var_pop { id } __typename } nodes { id } __typename } }",
                json!({}),
            ),
            (
                "{ author { posts_aggregate(where: {id: {_gt: 1}}) { aggregate { count } } } }",
                json!({}),
            ),
            (
                "{ post_group(by: [status, status, author_id], where: {id: {_gt: 1}}, having: {count: {_gt: 1}, _or: [{sum: {views: {_gt: \"5\"}}}, {avg: {id: {_lt: 2.5}}}]}, order_by: [{count: desc}, {key: {status: asc}}, {max: {id: asc}}], limit: 3) { key { status s: author_id title __typename } aggregate { count sum { views } } __typename } }",
                json!({}),
            ),
            (
                "{ post_group(by: [status], order_by: {key: {title: asc}}) { aggregate { count } } }",
                json!({}),
            ),
            ("{ post_group(by: []) { aggregate { count } } }", json!({})),
            (
                "{ post_connection(first: 2, after: \"c\", order_by: {title: asc}) { edges { cursor node { id author { name } } __typename } nodes { id } pageInfo { hasNextPage hasPreviousPage s: startCursor endCursor __typename } total_count __typename } }",
                json!({}),
            ),
            (
                "{ post_connection(last: 2, before: \"c\") { edges { node { id } } } }",
                json!({}),
            ),
            ("{ post_connection(first: 1, last: 2) { total_count } }", json!({})),
            ("{ post_connection(first: -1) { total_count } }", json!({})),
        ],
    );
}

#[test]
fn variables() {
    let by = "query($id: Int!) { post_by_pk(id: $id) { id } }";
    let list = "query($ids: [Int!]) { post(where: {id: {_in: $ids}}) { id } }";
    let item = "query($id: Int) { post(where: {id: {_in: [1, $id]}}) { id } }";
    let wher = "query($w: post_bool_exp) { post(where: $w) { id } }";
    let limit = "query($n: Int = 3) { post(limit: $n) { id } }";
    let order = "query($o: [post_order_by!]) { post(order_by: $o) { id } }";
    let big = "query($v: bigint, $p: numeric) { post(where: {views: {_eq: $v}, price: {_eq: $p}}) { id } }";
    let json = "query($j: jsonb) { post(where: {meta: {_contains: $j}}) { id } }";
    check(
        "variables",
        &[
            (by, json!({"id": 1})),
            (by, json!({})),
            (by, json!({"id": null})),
            (by, json!({"id": "1"})),
            (by, json!({"id": 1.5})),
            (by, json!({"id": 2147483648u64})),
            (by, json!({"id": 1, "unused": {"deep": []}})),
            (list, json!({"ids": [1, 2]})),
            (list, json!({"ids": 1})),
            (list, json!({"ids": [1, null]})),
            (list, json!({"ids": null})),
            (list, json!({})),
            (item, json!({"id": 2})),
            (item, json!({})),
            (
                wher,
                json!({"w": {"id": {"_eq": 1}, "author": {"name": {"_like": "a"}}}}),
            ),
            (wher, json!({"w": {"idd": {"_eq": 1}}})),
            (wher, json!({"w": {"id": {"_eq": null}}})),
            (wher, json!({"w": {"id": {"_eq": {}}}})),
            (wher, json!({"w": {"status": {"_eq": "lve"}}})),
            (wher, json!({"w": "x"})),
            (wher, json!({"w": null})),
            (wher, json!({})),
            (limit, json!({})),
            (limit, json!({"n": 5})),
            (limit, json!({"n": null})),
            (limit, json!({"n": -5})),
            (order, json!({"o": {"title": "desc"}})),
            (order, json!({"o": [{"title": "sideways"}]})),
            (big, json!({"v": "9223372036854775808", "p": 1.10})),
            (big, json!({"v": 1, "p": true})),
            (json, json!({"j": {"a": [1, null, "x"]}})),
            (json, json!({"j": "text"})),
            (json, json!({"j": [1]})),
            (
                "query($w: post_bool_exp!) { post(where: {_and: [$w, {id: {_eq: 1}}]}) { id } }",
                json!({"w": {"title": {"_eq": "x"}}}),
            ),
            (
                "query($d: order_by) { post(order_by: {title: $d}) { id } }",
                json!({"d": "desc_nulls_last"}),
            ),
            (
                "query($x: String) { post(where: {title: {_eq: $x}, bogus: 1}) { id } }",
                json!({"x": "a"}),
            ),
        ],
    );
}

#[test]
fn limits_of_rows() {
    let limited = |nodes| {
        let mut settings = config::GraphQl::default();
        settings.limits.nodes = nodes;
        settings
    };
    for (role, nodes, query, good) in [
        ("admin", 100, "{ post { id } }", true),
        ("admin", 99, "{ post { id } }", false),
        ("admin", 30, "{ author(limit: 5) { posts(limit: 5) { id } } }", true),
        ("admin", 29, "{ author(limit: 5) { posts(limit: 5) { id } } }", false),
        (
            "admin",
            30,
            "{ a: author(limit: 15) { id } b: author(limit: 15) { id } }",
            true,
        ),
        (
            "admin",
            29,
            "{ a: author(limit: 15) { id } b: author(limit: 15) { id } }",
            false,
        ),
        ("reader", 10, "{ post { id } }", true),
        ("reader", 9, "{ post { id } }", false),
        ("admin", 1, "{ post_aggregate { aggregate { count } } }", true),
        ("admin", 1, "{ post_aggregate { nodes { id } } }", false),
        ("admin", 1, "{ post_by_pk(id: 1) { id } }", true),
        (
            "admin",
            u64::MAX - 1,
            "{ author(limit: 2147483647) { posts(limit: 2147483647) { comments(limit: 2147483647) { id } } } }",
            false,
        ),
    ] {
        let got = requests(limited(nodes), role, query, json!({}));
        assert_eq!(
            !got.contains("can return more than"),
            good,
            "{role} {nodes} {query}: {got}"
        );
    }
    let settings = config::GraphQl {
        default_limit: Some(7),
        stringify_numeric: true,
        ..config::GraphQl::default()
    };
    insta::assert_snapshot!(
        "default_limit",
        requests(
            settings,
            "admin",
            "{ post { comments { id } } post_aggregate { aggregate { count } } }",
            json!({})
        )
    );
}

#[test]
fn camel() {
    let settings = config::GraphQl {
        naming: config::Naming::Camel,
        ..config::GraphQl::default()
    };
    let query = "query($w: PostBoolExp) { post(where: $w, orderBy: {createdAt: DESC_NULLS_LAST}, distinctOn: createdAt) { id authorId commentsAggregate { aggregate { stddevPop { postId } } } } postByPk(id: 1) { __typename } postConnection { totalCount } }";
    let variables = json!({"w": {"authorId": {"_isNull": true}, "meta": {"_hasKey": "a"}}});
    insta::assert_snapshot!("camel", requests(settings, "admin", query, variables));
}

#[test]
fn documents_are_kept_and_give_the_same() {
    let (front, echo) = front(blog());
    let query = "query($id: Int!) { post_by_pk(id: $id) { id } }";
    let plan = |id: i64| {
        let call = Call {
            query: query.into(),
            operation_name: None,
            variables: json!({"id": id}).as_object().cloned().unwrap(),
            once: None,
        };
        let planned = front.plan(&echo.scene("admin"), &principal("admin"), &call).unwrap();
        let Planned::Works(works) = planned else {
            panic!("no works")
        };
        let Some((_, Work::Run { request, .. })) = works.into_iter().next() else {
            panic!("no run")
        };
        *request
    };
    let (one, two) = (plan(1), plan(2));
    assert_eq!(one.read, two.read);
    assert_ne!(one.values, two.values);
    assert!(front.documents.get(1, ("admin", false), query).is_some());
    assert!(front.documents.get(1, ("reader", false), query).is_none());
}
