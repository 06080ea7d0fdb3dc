//! What the playground's catalog tells a role, over HTTP, against what the role can ask: no more, and no less.

use crate::client::{self, Answer, Request};
use crate::fronts;
use crate::inside::Inside;
use crate::world::{self, ADMIN_SECRET, Database, Server};
use diglot::http::catalog_of;
use diglot::ident::Name;
use diglot::principal::{Credential, Principal, Scope};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Fixtures whose exposed names GraphQL takes as they are.
const FIXTURES: [&str; 4] = ["closed", "demo", "scope", "words"];

/// What was found out, so that a catalog that tells nothing is no proof.
#[derive(Default)]
struct Count {
    told: usize,
    hidden_columns: usize,
    hidden_relations: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalog_tells_what_the_role_can_ask() {
    for database in Database::ALL {
        let mut count = Count::default();
        for fixture in FIXTURES {
            let server = world::server(fixture, database).await.unwrap();
            let inside = Inside::of(&server).await.unwrap();
            let all = catalog(&server, Principal::ADMIN).await;
            for role in inside.engine.snapshot().roles() {
                let told = catalog(&server, role.as_str()).await;
                assert_eq!(told["role"], role.as_str());
                for table in list(&told, "tables") {
                    asked(&server, role.as_str(), &told, &all, table, &mut count).await;
                }
                within_a_scope(&inside, role.as_str(), &told);
            }
        }
        assert!(count.told > 50, "only {} tables were told on {database}", count.told);
        assert!(count.hidden_columns > 20, "{} hidden columns", count.hidden_columns);
        assert!(
            count.hidden_relations > 5,
            "{} hidden relations",
            count.hidden_relations
        );
    }
}

/// All that a table's entry names can be asked at once; what only the admin's names, of tables that the role knows, cannot.
async fn asked(server: &Server, role: &str, told: &Value, all: &Value, table: &Value, count: &mut Count) {
    let name = text(table, "name");
    let (columns, relations) = (names(table, "columns"), names(table, "relations"));
    let fields: Vec<String> = columns
        .iter()
        .map(|column| (*column).to_owned())
        .chain(relations.iter().map(|relation| format!("{relation} {{ __typename }}")))
        .collect();
    let query = format!("{{ {name}(limit: 0) {{ {} }} }}", fields.join(" "));
    let answer = ask(server, role, &query).await;
    assert_eq!(answer.status, 200, "{role}: {query}\n{}", answer.text());
    count.told += 1;

    let keys = list(table, "key").iter().map(|key| key.as_str().unwrap());
    assert!(
        keys.clone().all(|key| columns.contains(key)),
        "{role}: the key of {name}"
    );
    for relation in list(table, "relations") {
        let target = named(told, text(relation, "table")).expect("a relation leads to a table that is told");
        let far = names(target, "columns");
        let joined = |side: &str| list(relation, side).iter().map(|column| column.as_str().unwrap());
        assert!(
            joined("columns").all(|column| columns.contains(column)),
            "{role}: {relation}"
        );
        assert!(
            joined("references").all(|column| far.contains(column)),
            "{role}: {relation}"
        );
    }

    let whole = named(all, name).unwrap();
    for hidden in names(whole, "columns").difference(&columns) {
        refused(server, role, &format!("{{ {name}(limit: 0) {{ {hidden} }} }}")).await;
        count.hidden_columns += 1;
    }
    let known = |relation: &&Value| named(told, text(relation, "table")).is_some();
    for hidden in list(whole, "relations").iter().filter(known) {
        let hidden = text(hidden, "name");
        if !relations.contains(hidden) {
            refused(
                server,
                role,
                &format!("{{ {name}(limit: 0) {{ {hidden} {{ __typename }} }} }}"),
            )
            .await;
            count.hidden_relations += 1;
        }
    }
}

/// A token for one table is told of that table alone, and of no relation that leaves it.
fn within_a_scope(inside: &Inside, role: &str, told: &Value) {
    for table in list(told, "tables") {
        let name = text(table, "name");
        let mut principal = Principal::of_role(role, Credential::DatabaseToken);
        principal.scope = Some(Arc::new(Scope {
            read: Some(vec![Name::new(name)]),
        }));
        let narrow = catalog_of(&inside.engine.snapshot(), &principal);
        let [only] = list(&narrow, "tables").as_slice() else {
            panic!("{role} with a scope of {name}: {narrow}");
        };
        assert_eq!(
            (text(only, "name"), names(only, "columns")),
            (name, names(table, "columns"))
        );
        for relation in list(only, "relations") {
            assert_eq!(text(relation, "table"), name, "{role}: {relation}");
        }
    }
}

async fn catalog(server: &Server, role: &str) -> Value {
    let answer = send(server, role, Request::get("/playground/api/catalog")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().unwrap()
}

async fn ask(server: &Server, role: &str, query: &str) -> Answer {
    send(server, role, fronts::graphql(query, None, None)).await
}

async fn refused(server: &Server, role: &str, query: &str) {
    let answer = ask(server, role, query).await;
    let text = answer.text();
    assert!(
        answer.status == 400 && text.contains("Unknown field"),
        "{role}: {query}\n{} {text}",
        answer.status
    );
}

/// As a role: with the admin secret, and an id.
async fn send(server: &Server, role: &str, request: Request) -> Answer {
    let mut headers = vec![("x-diglot-admin-secret".to_owned(), ADMIN_SECRET.to_owned())];
    if role != Principal::ADMIN {
        headers.push(("x-diglot-role".into(), role.into()));
        headers.push(("x-diglot-user-id".into(), "1".into()));
    }
    client::send(server.address, &request.with(headers)).await.unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn names<'a>(value: &'a Value, key: &str) -> BTreeSet<&'a str> {
    list(value, key).iter().map(|part| text(part, "name")).collect()
}

fn named<'a>(catalog: &'a Value, name: &str) -> Option<&'a Value> {
    list(catalog, "tables").iter().find(|table| text(table, "name") == name)
}
