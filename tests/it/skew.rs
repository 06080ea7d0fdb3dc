//! Two writers at once on PostgreSQL: a rule that asks other rows holds of what both have left, and two who want the same rows
//! in opposite orders both get them.
//!
//! A trigger makes each statement last, so that the two are always under way together.

use crate::client::{self, Answer, Request, Who};
use crate::world::{self, Database, Server};
use futures_util::future::join;
use serde_json::json;

const SCRIPT: &str = "
    CREATE TABLE duty (id integer PRIMARY KEY, on_call boolean NOT NULL);
    CREATE TABLE account (id integer PRIMARY KEY, n integer NOT NULL);
    CREATE FUNCTION lasts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
    CREATE TRIGGER lasts AFTER INSERT OR UPDATE OR DELETE ON duty FOR EACH STATEMENT EXECUTE FUNCTION lasts();
    CREATE TRIGGER lasts AFTER UPDATE ON account FOR EACH STATEMENT EXECUTE FUNCTION lasts();
    INSERT INTO duty (id, on_call) VALUES (1, TRUE), (2, TRUE);
    INSERT INTO account (id, n) VALUES (1, 0), (2, 0);
";

/// Somebody goes only while somebody else stays; the check of changed rows asks nothing.
const RULES: &str = r#"
    [tables.duty.access.user]
    read = true
    create = true
    update = { rule = "EXISTS (SELECT 1 FROM duty AS other WHERE other.id <> _ROW_.id AND other.on_call)", check = true }
    delete = "EXISTS (SELECT 1 FROM duty AS other WHERE other.id <> _ROW_.id)"
    [tables.account.access.user]
    read = true
    update = true
"#;

async fn server(label: &str) -> Server {
    let label = format!("skew_{label}");
    let url = world::own_database(&label, Database::Postgres, SCRIPT).await.unwrap();
    world::own(&label, &url, RULES).await.unwrap()
}

async fn send(server: &Server, request: Request) -> Answer {
    let who = Who::parse(&"user 1".into()).unwrap();
    let request = request.with(who.ways().swap_remove(0).1);
    client::send(server.address, &request)
        .await
        .unwrap_or_else(|error| panic!("{request}: {error}\n{}", server.log()))
}

fn with_method(method: &str, target: &str, body: &str) -> Request {
    let mut request = Request::post(target, body);
    request.method = method.into();
    request
}

fn mutation(text: &str) -> Request {
    Request::post("/graphql", json!({"query": text}).to_string())
}

/// Both at once: one of them happens, the other is refused as one that comes later.
async fn one_of(server: &Server, requests: [Request; 2]) {
    let [one, other] = requests;
    let (one, other) = join(send(server, one), send(server, other)).await;
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403], "{one}\n{other}");
}

async fn rows(server: &Server, target: &str) -> serde_json::Value {
    send(server, Request::get(target)).await.json().unwrap()["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_of_deletes_that_asks_other_rows_holds_of_two_at_once() {
    let server = server("delete").await;
    one_of(
        &server,
        [1, 2].map(|id| with_method("DELETE", &format!("/api/duty/{id}"), "")),
    )
    .await;
    assert_eq!(rows(&server, "/api/duty").await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_of_changes_that_asks_other_rows_holds_of_two_at_once() {
    let server = server("update").await;
    let rests = |id: i32| with_method("PATCH", &format!("/api/records/v1/duty/{id}"), r#"{"on_call": false}"#);
    one_of(&server, [1, 2].map(rests)).await;
    assert_eq!(
        rows(&server, "/api/duty?on_call=true").await.as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_of_upserts_that_asks_other_rows_holds_of_two_at_once() {
    let server = server("upsert").await;
    let rests = |id: i32| with_method("PUT", &format!("/api/duty/{id}"), r#"{"on_call": false}"#);
    let [one, other] = [1, 2].map(rests);
    let (one, other) = join(send(&server, one), send(&server, other)).await;
    assert_eq!(
        [&one, &other].iter().filter(|answer| answer.status == 200).count(),
        1,
        "{one}\n{other}"
    );
    assert_eq!(
        rows(&server, "/api/duty?on_call=true").await.as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_want_the_same_rows_in_opposite_orders_both_get_them() {
    let server = server("deadlock").await;
    let both = |first: i32, second: i32| {
        mutation(&format!(
            "mutation {{
               a: update_account_by_pk(pk_columns: {{id: {first}}}, _inc: {{n: 1}}) {{ id }}
               b: update_account_by_pk(pk_columns: {{id: {second}}}, _inc: {{n: 1}}) {{ id }}
             }}"
        ))
    };
    let (one, other) = join(send(&server, both(1, 2)), send(&server, both(2, 1))).await;
    for (answer, first, second) in [(&one, 1, 2), (&other, 2, 1)] {
        let wanted = json!({"data": {"a": {"id": first}, "b": {"id": second}}});
        assert_eq!(answer.json().unwrap(), wanted, "{one}\n{other}");
    }
    let wanted = json!([{"id": 1, "n": 2}, {"id": 2, "n": 2}]);
    assert_eq!(rows(&server, "/api/account?order=id").await, wanted);
}
