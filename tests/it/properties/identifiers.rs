//! Tables and columns of any name are introspected and read through every front, with the right values.

use super::{as_role, ask, encoded, number, servers};
use crate::client::Request;
use crate::fronts::{self, Front};
use crate::world::{Database, Server};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// PostgreSQL's longest name.
const LONGEST: usize = 63;

/// A name of hostile pieces.
fn name() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "A",
        "b",
        "_",
        "__",
        "0",
        "9",
        "\"",
        "\"\"",
        "'",
        "`",
        "[",
        "]",
        "\\",
        "\\\"",
        "\\u0041",
        ";",
        "--",
        "/*",
        "*/",
        "; DROP TABLE victim; --",
        "$1",
        "?1",
        ":x",
        "@x",
        "{}",
        "{0}",
        "%s",
        "%41",
        "%",
        "&",
        "=",
        "+",
        ",",
        ".",
        "..",
        "/",
        "#",
        "?",
        " ",
        "\t",
        "\n",
        "\r",
        "\u{1}",
        "\u{7f}",
        "\u{a0}",
        "é",
        "e\u{301}",
        "ß",
        "İ",
        "ﬁ",
        "日本",
        "🪐",
        "\u{200d}",
        "\u{202e}",
        "\u{feff}",
        "select",
        "NULL",
        "rowid",
        "__typename",
        "order",
        "limit",
        "filter",
        "_eq",
        "_and",
        "(",
        ")",
        "<",
        ">",
        "|",
        "~",
        "!",
    ];
    let words = vec![
        "limit", "order", "offset", "cursor", "expand", "select", "table", "user", "group", "query", "mutation",
        "oid_", "filter", "null", "data", "schema",
    ];
    prop_oneof![
        8 => vec(select(pieces), 1..5).prop_map(|pieces| pieces.concat()),
        1 => select(words).prop_map(String::from),
        1 => (select(vec!["a", "\"", "é", "日", "'"])).prop_map(|piece| piece.repeat(LONGEST / piece.len())),
        1 => "\\PC{1,12}",
    ]
    .prop_filter("a name that a database takes", |name| {
        // What PostgreSQL cuts off, what SQLite keeps for itself, and its system columns.
        name.len() <= LONGEST
            && !name.contains('\0')
            && !name.to_lowercase().starts_with("sqlite_")
            && ![
                "oid", "rowid", "_rowid_", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid",
            ]
            .contains(&name.as_str())
    })
}

/// A table: its name and its columns beside `id`.
#[derive(Clone, Debug)]
struct Hostile {
    name: String,
    columns: Vec<String>,
}

/// Tables whose names differ, whatever the case: SQLite knows no difference between a and A.
fn tables(count: usize) -> impl Strategy<Value = Vec<Hostile>> {
    let distinct = |names: Vec<String>, most: usize| {
        let mut seen = BTreeSet::from(["id".to_owned(), "victim".to_owned(), "users".to_owned()]);
        let kept = names.into_iter().filter(|name| seen.insert(name.to_ascii_lowercase()));
        kept.take(most).collect::<Vec<_>>()
    };
    (vec(name(), count * 2), vec(vec(name(), 10), count)).prop_map(move |(names, columns)| {
        let names = distinct(names, count);
        names
            .into_iter()
            .zip(columns)
            .map(|(name, columns)| Hostile {
                name,
                columns: distinct(columns, 6),
            })
            .collect()
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The value of a column in a row: nobody else's.
fn value(table: usize, column: usize, row: usize) -> String {
    format!("t{table}c{column}r{row}")
}

fn script(tables: &[Hostile]) -> String {
    let mut script = "CREATE TABLE victim (id INTEGER PRIMARY KEY);\nINSERT INTO victim VALUES (1);\n".to_owned();
    for (number, table) in tables.iter().enumerate() {
        let columns: String = table
            .columns
            .iter()
            .map(|name| format!(", {} TEXT", quoted(name)))
            .collect();
        writeln!(
            script,
            "CREATE TABLE {} (id INTEGER PRIMARY KEY{columns});",
            quoted(&table.name)
        )
        .unwrap();
        for row in 1..3 {
            let values: String = (0..table.columns.len())
                .map(|column| format!(", '{}'", value(number, column, row)))
                .collect();
            writeln!(script, "INSERT INTO {} VALUES ({row}{values});", quoted(&table.name)).unwrap();
        }
    }
    script
}

/// The two rows of a table.
fn rows(number: usize, table: &Hostile) -> Json {
    let row = |row: usize| {
        let mut members = Map::from_iter([("id".to_owned(), json!(row))]);
        members.extend(
            table
                .columns
                .iter()
                .enumerate()
                .map(|(column, name)| (name.clone(), json!(value(number, column, row)))),
        );
        Json::Object(members)
    };
    json!([row(1), row(2)])
}

/// What is asked over REST: the list, one row, and each column as a filter and an order. Rows that come back, in order.
fn rest_requests(number: usize, table: &Hostile) -> Vec<(Front, Request, Json)> {
    let both = rows(number, table);
    let name = encoded(&table.name);
    let records = format!("/api/records/v1/{name}");
    let ask = |front, target: String, rows: &Json| (front, fronts::rest(&target), rows.clone());
    let mut asked = vec![
        ask(Front::Records, format!("{records}?order=id"), &both),
        ask(Front::Records, format!("{records}/2"), &both[1]),
    ];
    for (column, own) in table.columns.iter().enumerate() {
        // In an order a comma, a sign and space around a name are the order's own; brackets are a filter's own.
        let sortable = !own.contains(',') && !own.starts_with(['-', '+']) && own.trim() == own;
        if sortable {
            let down = json!([both[1], both[0]]);
            asked.push(ask(Front::Records, format!("{records}?order=-{}", encoded(own)), &down));
        }
        if !own.contains(['[', ']']) && !own.starts_with('$') {
            let target = format!("{records}?filter%5B{}%5D={}", encoded(own), value(number, column, 2));
            asked.push(ask(Front::Records, target, &json!([both[1]])));
        }
    }
    // Of a table that Based keeps for itself or cannot name the others alone speak.
    let reserved = [
        "auth",
        "records",
        "v1",
        "users",
        "sessions",
        "transaction",
        "database",
        "user",
        "workspaces",
        "healthcheck",
    ];
    if !reserved.contains(&table.name.as_str()) {
        asked.push(ask(Front::Based, format!("/api/{name}?order=id"), &both));
        for (column, own) in table.columns.iter().enumerate() {
            if !["limit", "offset", "order"].contains(&own.as_str()) {
                let target = format!("/api/{name}?{}={}", encoded(own), value(number, column, 1));
                asked.push(ask(Front::Based, target, &json!([both[0]])));
            }
        }
    }
    asked
}

/// All root fields of lists, with their columns: what GraphQL made of the names.
async fn graphql_rows(server: &Server) -> Vec<Json> {
    let query =
        "{ __schema { queryType { fields { name type { ofType { ofType { ofType { fields { name } } } } } } } } }";
    let asked = fronts::graphql(query, None, None).with(as_role("admin"));
    let answer = ask(server, &[asked]).await.remove(0);
    let body = answer.json().unwrap();
    let fields = body
        .pointer("/data/__schema/queryType/fields")
        .and_then(Json::as_array)
        .unwrap_or_else(|| panic!("{answer}"));
    let mut requests = Vec::new();
    for field in fields {
        // `[t!]!`
        let item = field.pointer("/type/ofType/ofType/ofType");
        let Some(columns) = item.and_then(|item| item["fields"].as_array()) else {
            continue;
        };
        let name = field["name"].as_str().unwrap();
        if columns.iter().any(|column| column["name"] == "aggregate") {
            continue;
        }
        let columns: Vec<&str> = columns.iter().filter_map(|column| column["name"].as_str()).collect();
        let query = format!("{{ {name}(order_by: {{id: asc}}) {{ {} }} }}", columns.join(" "));
        requests.push(fronts::graphql(&query, None, None).with(as_role("admin")));
    }
    let answers = ask(server, &requests).await;
    let rows = answers.iter().zip(&requests).map(|(answer, request)| {
        fronts::rows(Front::GraphQl, answer).unwrap_or_else(|error| panic!("{request}\n{answer}\n{error}"))
    });
    rows.collect()
}

/// The values of a list's rows, whatever their keys are.
fn values(rows: &Json) -> Vec<Vec<String>> {
    let row = |row: &Json| {
        let mut values: Vec<String> = row.as_object().unwrap().values().map(Json::to_string).collect();
        values.sort();
        values
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn hostile_identifiers_are_served() {
    let times = number("DIGLOT_PROPERTY_CASES").unwrap_or(1);
    for time in 0..times.min(20) {
        let seed = number("DIGLOT_PROPERTY_SEED").unwrap_or(1) + time;
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), random);
        let tables = tables(30).new_tree(&mut runner).unwrap().current();
        let script = script(&tables);
        let servers = servers(
            &format!("identifiers{time}"),
            |_| script.clone(),
            "[access]\ndefault = \"convention\"\n",
        );
        let mut wrong = String::new();
        for (database, server) in &servers {
            super::runtime().block_on(holds(*database, server, &tables, &mut wrong));
        }
        assert!(wrong.is_empty(), "seed {seed}\n{wrong}");
    }
}

async fn holds(database: Database, server: &Server, tables: &[Hostile], wrong: &mut String) {
    for (number, table) in tables.iter().enumerate() {
        let asked = rest_requests(number, table);
        let requests: Vec<Request> = asked
            .iter()
            .map(|(_, request, _)| request.clone().with(as_role("admin")))
            .collect();
        for ((front, request, wanted), answer) in asked.iter().zip(ask(server, &requests).await) {
            let got = fronts::rows(*front, &answer);
            if !got.as_ref().is_ok_and(|got| fronts::same(got, wanted)) {
                writeln!(
                    wrong,
                    "{database} {:?} {table:?}\n  asked {request}\n  got {answer}\n  wanted {wanted}",
                    table.name
                )
                .unwrap();
            }
        }
    }
    let mut found: Vec<_> = graphql_rows(server).await.iter().map(values).collect();
    let mut wanted: Vec<_> = tables
        .iter()
        .enumerate()
        .map(|(number, table)| values(&rows(number, table)))
        .collect();
    wanted.push(vec![vec!["1".into()]]);
    found.sort();
    wanted.sort();
    for missing in wanted.iter().filter(|rows| !found.contains(rows)) {
        writeln!(wrong, "{database}: GraphQL has no table with {missing:?}").unwrap();
    }
}
