//! Mutations → writes, and what they gave → answers.

use super::fixture::{blog, front, principal};
use crate::engine::Delivery;
use crate::graphql::GraphQl;
use crate::graphql::execute::{Call, Planned};
use crate::graphql::road::Road;
use crate::memory::Memory;
use crate::principal::Principal;
use futures_util::FutureExt;
use serde_json::{Value as Json, json};
use std::fmt::Write;

fn call(query: &str, variables: &Json) -> Call {
    Call {
        query: query.into(),
        operation_name: None,
        variables: variables.as_object().cloned().unwrap_or_default(),
        once: None,
    }
}

/// The writes of a mutation as text, or its errors.
fn writes(role: &str, query: &str, variables: &Json) -> String {
    let (front, echo) = front(blog());
    match front.plan(&echo.scene(role), &principal(role), &call(query, variables)) {
        Ok(Planned::Mutation(mutation)) => {
            let mut out = String::new();
            for (index, write) in mutation.batch.writes.iter().enumerate() {
                let _ = writeln!(
                    out,
                    "{index} (unit {}, strict: {}{}) {:?} {:?}",
                    write.unit,
                    write.strict,
                    if write.skips { ", skips" } else { "" },
                    write.table,
                    write.change
                );
                if let Some(output) = &write.returning {
                    let _ = writeln!(out, "  returning: {output:?}");
                }
            }
            for root in &mutation.roots {
                let _ = writeln!(out, "{}: {:?} {:?}", root.key, root.writes, root.answer);
            }
            out + &format!("values: {:?}\n", mutation.batch.values)
        }
        Ok(Planned::Told(_)) => panic!("an answer about the schema: {query}"),
        Ok(Planned::Works(_)) => panic!("a query: {query}"),
        Err(faults) => faults.iter().map(|fault| format!("error {}\n", fault.json())).collect(),
    }
}

fn check(name: &str, cases: &[(&str, Json)]) {
    let mut out = String::new();
    for (query, variables) in cases {
        let _ = writeln!(out, "## {query}");
        if *variables != json!({}) {
            let _ = writeln!(out, "   {variables}");
        }
        out += &writes("writer", query, variables);
        out += "\n";
    }
    insta::assert_snapshot!(name, out);
}

#[test]
fn flat_writes() {
    check(
        "flat_writes",
        &[
            (
                "mutation { insert_author(objects: [{id: 1, name: \"a\"}, {name: \"b\"}, {name: \"c\", id: 2}]) { affected_rows n: returning { id } m: returning { name } __typename } }",
                json!({}),
            ),
            ("mutation { insert_author(objects: []) { affected_rows } }", json!({})),
            (
                "mutation($o: author_insert_input!) { one: insert_author_one(object: $o, on_conflict: {update_columns: [name], where: {id: {_gt: 0}}}) { id } two: insert_author_one(object: $o, on_conflict: {}) { id } three: insert_author_one(object: $o, on_conflict: {constraint: author_pkey}) { id } }",
                json!({"o": {"id": 1, "name": null}}),
            ),
            (
                "mutation { insert_author_one(object: {name: \"x\"}, on_conflict: {update_columns: [name]}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post(where: {}, _set: {title: \"x\", meta: {a: [1]}, tags: [\"a\"]}, _inc: {views: 2, price: \"0.1\"}) { affected_rows returning { id } } }",
                json!({}),
            ),
            (
                "mutation { update_post_by_pk(pk_columns: {id: 3}, _append: {meta: [1]}) { id } a: update_post_by_pk(pk_columns: {id: 3}, _delete_at_path: {meta: [\"a\", \"0\"]}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post_by_pk(pk_columns: {id: 3}, _inc: {views: null}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post_by_pk(pk_columns: {id: 3}, _inc: {views: 1}, _set: {views: 1}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post_many(updates: [{where: {id: {_eq: 1}}, _set: {title: \"a\"}}, {where: {}, _inc: {views: 1}}]) { affected_rows returning { title } } }",
                json!({}),
            ),
            (
                "mutation { __typename delete_post(where: {author: {name: {_eq: \"x\"}}}) { affected_rows } delete_post_by_pk(id: 1) { title } }",
                json!({}),
            ),
            (
                "mutation { ...f } fragment f on mutation_root { delete_post_by_pk(id: 1) { id } }",
                json!({}),
            ),
            (
                "mutation($s: Boolean!) { delete_post_by_pk(id: 1) @skip(if: $s) { id } }",
                json!({"s": true}),
            ),
        ],
    );
}

#[test]
fn nested_writes() {
    check(
        "nested_writes",
        &[
            (
                "mutation { insert_author(objects: [{name: \"a\", posts: {data: [{title: \"1\", comments: {data: [{body: \"x\"}, {body: \"y\"}]}}, {title: \"2\"}]}}, {name: \"b\", posts: {data: [{title: \"3\", comments: {data: {body: \"z\"}}}]}}]) { affected_rows } }",
                json!({}),
            ),
            (
                "mutation { insert_comment(objects: [{body: \"a\", post: {data: {id: 1, title: \"p\"}, on_conflict: {update_columns: title}}}, {body: \"b\", post: {data: {id: 1, title: \"p\"}, on_conflict: {update_columns: title}}}, {body: \"c\"}]) { affected_rows } }",
                json!({}),
            ),
            (
                "mutation { insert_comment(objects: [{body: \"a\", post: {connect: {id: {_eq: 1}}}}, {body: \"b\", post: {connect: {id: {_eq: 1}}}}, {body: \"c\", post: {data: {title: \"t\"}}}]) { affected_rows } }",
                json!({}),
            ),
            (
                "mutation { insert_comment_one(object: {post: {connect: {id: {_eq: 1}}, data: {title: \"t\"}}}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post_by_pk(pk_columns: {id: 1}, _set: {title: \"t\", author: {connect: {id: {_eq: 2}}}, comments: {insert: [{body: \"n\"}], upsert: [{id: \"c1\", body: \"u\"}], update: [{where: {hidden: {_eq: true}}, _set: {body: \"h\"}}], connect: {id: {_eq: \"c2\"}}, delete: {body: {_is_null: true}}}}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post(where: {}, _set: {author: {delete: true}}) { affected_rows } }",
                json!({}),
            ),
            (
                "mutation { update_post(where: {}, _set: {author: {update: {name: \"x\", posts: {update: {where: {}, _set: {title: \"y\"}}}}}}) { affected_rows } }",
                json!({}),
            ),
            (
                "mutation { update_post(where: {}, _set: {comments: {insert: [{body: \"n\"}]}}) { affected_rows } }",
                json!({}),
            ),
            (
                "mutation { update_post_by_pk(pk_columns: {id: 1}, _set: {comments: {disconnect: {}}}) { id } }",
                json!({}),
            ),
            (
                "mutation { update_post_by_pk(pk_columns: {id: 1}, _set: {author: {disconnect: true, connect: {}}}) { id } }",
                json!({}),
            ),
        ],
    );
}

fn answer(front: &GraphQl, principal: &Principal, query: &str) -> Json {
    let call = call(query, &json!({}));
    let room = Memory::unbounded().room();
    let answer = front.answer(principal, &call, Delivery::Whole(&room));
    let answer = answer.now_or_never().unwrap();
    serde_json::from_slice(&answer.content.whole(&room).unwrap().into_bytes()).unwrap()
}

#[test]
fn answers() {
    let (front, echo) = front(blog());
    let writer = principal("writer");
    let query = "mutation { __typename insert_comment(objects: [{body: \"x\", post: {data: {title: \"t\"}}}]) { n: affected_rows a: returning { id } b: returning { body } __typename } delete_post_by_pk(id: 1) { id } update_post_many(updates: [{where: {}, _set: {title: \"x\"}}, {where: {}, _set: {title: \"y\"}}]) { affected_rows } }";
    assert_eq!(
        answer(&front, &writer, query),
        json!({"data": {
            "__typename": "mutation_root",
            "insert_comment": {"n": 3, "a": [1], "b": [[]], "__typename": "comment_mutation_response"},
            "delete_post_by_pk": null,
            "update_post_many": [{"affected_rows": 4}, {"affected_rows": 5}],
        }})
    );
    assert_eq!(echo.written.lock().unwrap().len(), 1, "one batch for all roots");
    let failing =
        "mutation { a: delete_post(where: {}) { affected_rows } b: delete_author(where: {}) { affected_rows } }";
    assert_eq!(
        answer(&front, &writer, failing),
        json!({"errors": [{"message": "not that author", "path": ["b"], "extensions": {"code": "permission-error"}}], "data": null})
    );
    assert_eq!(
        answer(&front, &writer, "mutation { __typename }"),
        json!({"data": {"__typename": "mutation_root"}})
    );
    assert_eq!(echo.written.lock().unwrap().len(), 2, "nothing is written for nothing");
}

#[test]
fn rights_for_the_backend_alone() {
    let (front, _) = front(blog());
    let query = "mutation { insert_author(objects: []) { affected_rows } }";
    let mut poster = principal("poster");
    assert!(
        answer(&front, &poster, query)["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("insert_author")
    );
    poster.backend_only = true;
    // It is there, and refused by the data alone.
    assert_eq!(
        answer(&front, &poster, query)["errors"][0]["message"],
        "not that author"
    );
    poster.backend_only = false;
    assert!(
        answer(&front, &poster, query)["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("insert_author")
    );
}
