//! Two databases that differ only in what a role may not read give it the same answers, byte by byte: rows, order, counts,
//! aggregates, pages, errors, schemas. Requests name hidden columns, rows and tables in every clause.

use super::condition::{self, Condition, Language, Term};
use super::data::{self, Data, ITEM, NOTE, OWNER, Row, TABLES, Value};
use super::{as_role, ask, check, servers};
use crate::client::{Answer, Request};
use crate::fronts;
use crate::world::{self, Database};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

const CONFIGURATION: &str = r#"
[tables.item.access.reader]
read = { rule = "flag", except = ["big", "price", "data"], schema = true }
[tables.owner.access.reader]
read = { rule = "rank > 0", except = ["label"], schema = true }
[tables.note.access.reader]
read = { rule = "open", limit = 3, schema = true }

[tables.item.access.buyer]
read = { rule = "small > 0 AND NOT EXISTS (SELECT 1 FROM vault WHERE vault.id = _ROW_.small + 1000)", columns = ["id", "small", "price"] }

[tables.vault.access.keeper]
read = true

[roles.mixed]
inherits = ["reader", "buyer"]
"#;

const ROLES: [&str; 3] = ["reader", "buyer", "mixed"];

/// Which cells of a row a role may read: the rules of above, once more.
fn readable(role: &str, table: usize, row: &Row) -> Vec<bool> {
    let reader = role != "buyer"
        && match table {
            OWNER => matches!(row[2], Value::Integer(rank) if rank > 0),
            ITEM => row[8] == Value::Boolean(true),
            _ => row[4] == Value::Boolean(true),
        };
    let buyer = role != "reader" && table == ITEM && matches!(row[3], Value::Integer(small) if small > 0);
    let hidden: &[usize] = match table {
        OWNER => &[1],
        ITEM => &[4, 6, 11],
        _ => &[],
    };
    (0..row.len())
        .map(|column| (reader && !hidden.contains(&column)) || (buyer && [0, 3, 6].contains(&column)))
        .collect()
}

/// What may be made of one row.
#[derive(Clone, Debug)]
struct Change {
    /// A hidden row: gone, another one, or as it is. Of a readable one the hidden cells.
    kind: usize,
    /// What comes in its place.
    other: Vec<Value>,
    /// On SQLite: hidden cells hold what their columns never should.
    spoil: bool,
}

fn changes() -> impl Strategy<Value = [Vec<Change>; 3]> {
    [OWNER, ITEM, NOTE].map(|table| {
        let cells: Vec<_> = TABLES[table]
            .columns
            .iter()
            .map(|(_, kind)| data::cell(*kind))
            .collect();
        let change = (0_usize..3, cells, any::<bool>()).prop_map(|(kind, other, spoil)| Change { kind, other, spoil });
        vec(change, 30)
    })
}

/// Something that a column of this kind never holds.
fn spoiled(value: &Value) -> Value {
    match value {
        Value::Json(_) => Value::Text("{bad".into()),
        Value::Text(_) => Value::Bytes(vec![0xff, 0x00, 0x80]),
        Value::Null => Value::Null,
        _ => Value::Text("no such thing".into()),
    }
}

/// The same as far as a role may read, other than that.
fn other(data: &Data, role: &str, changes: &[Vec<Change>; 3], database: Database) -> Data {
    let mut tables = data.clone();
    for (table, rows) in tables.0.iter_mut().enumerate() {
        let mut kept = Vec::new();
        for (row, change) in rows.iter().zip(&changes[table]) {
            let seen = readable(role, table, row);
            let gone = !seen.contains(&true);
            if gone && change.kind == 0 {
                continue;
            }
            let mut row = row.clone();
            for (column, cell) in row.iter_mut().enumerate().skip(1).filter(|(column, _)| !seen[*column]) {
                // What hides it stays as it is.
                let rule = matches!((table, column), (OWNER, 2) | (ITEM, 3 | 8) | (NOTE, 4));
                let reference = TABLES[table].columns[column].0.ends_with("_id");
                if rule || (gone && change.kind == 1) {
                    continue;
                }
                *cell = change.other[column].clone();
                if change.spoil && database == Database::Sqlite && !reference {
                    *cell = spoiled(cell);
                }
            }
            kept.push(row);
        }
        // Rows that the other has not.
        for (id, change) in (100..103).zip(&changes[table][27..]) {
            let mut row = change.other.clone();
            row[0] = Value::Integer(id);
            let (rule, none) = match table {
                OWNER => (2, Value::Integer(0)),
                ITEM => (8, Value::Boolean(false)),
                _ => (4, Value::Null),
            };
            row[rule] = none;
            if table == ITEM {
                row[3] = Value::Integer(-1);
            }
            kept.push(row);
        }
        *rows = kept;
    }
    tables
}

// ------------------------------------------------------------------------------------------------------- questions

/// A request, as far as the cursor.
#[derive(Clone, Debug)]
enum Question {
    GraphQl { query: String, variables: Json },
    Rest(String),
}

impl Question {
    fn request(&self, role: &str, cursor: Option<&str>) -> Request {
        let request = match self {
            Self::GraphQl { query, variables } => {
                let mut variables = variables.clone();
                if let Some(cursor) = cursor {
                    variables["after"] = json!(cursor);
                }
                fronts::graphql(query, Some(&variables), None)
            }
            Self::Rest(target) => match cursor {
                Some(cursor) => fronts::rest(&format!("{target}&cursor={cursor}")),
                None => fronts::rest(target),
            },
        };
        request.with(as_role(role))
    }
}

/// Mostly of what a reader may name.
fn conditions(table: usize, language: Language) -> impl Strategy<Value = Condition> {
    let hidden = [(OWNER, 1), (ITEM, 4), (ITEM, 6), (ITEM, 11)];
    (condition::condition(table, 2, language), 0..4).prop_map(move |(condition, tame)| {
        let names = hidden
            .iter()
            .any(|(of, column)| condition.mentions(table, *of, *column));
        if names && tame > 0 {
            Condition::And(Vec::new())
        } else {
            condition
        }
    })
}

fn column(table: usize) -> impl Strategy<Value = &'static str> {
    let names: Vec<&str> = TABLES[table].columns.iter().map(|(name, _)| *name).collect();
    // Those that more roles may read are more often asked for.
    let more = ["id", "id", "small", "small"]
        .into_iter()
        .filter(|name| names.contains(name));
    let names: Vec<&str> = names.iter().copied().chain(more).collect();
    prop_oneof![30 => select(names), 1 => select(vec!["secret_code", "vault", "pri", "prices", "labels"])]
}

fn graphql() -> impl Strategy<Value = Question> {
    let parts = (
        0_usize..9,
        prop_oneof![1 => Just(OWNER), 4 => Just(ITEM), 1 => Just(NOTE)],
        0_i64..12,
        0_usize..5,
    );
    parts.prop_flat_map(|(kind, table, number, limit)| {
        let columns = vec(column(table), 1..4);
        (conditions(table, Language::GraphQl), condition::order(table, false), columns).prop_map(
            move |(condition, order, columns)| {
                // Rows that nobody orders come as the database likes, which may depend on how it stores them all.
                let mut order: Vec<Json> = order.iter().map(|term: &Term| term.graphql(table)).collect();
                order.push(json!({ "id": "asc" }));
                let name = TABLES[table].name;
                let (first, list) = (columns[0], columns.join(" "));
                let below = match table {
                    OWNER => "items(order_by: {id: asc}) { id name owner { rank } } items_aggregate { aggregate { count } }",
                    ITEM => "owner { id rank } parent { id small } notes(order_by: {id: asc}) { id stars }",
                    _ => "item { id small owner { rank } }",
                };
                let arguments = "where: $where, order_by: $order";
                let body = match kind {
                    0 => format!("{name}({arguments}, limit: {limit}, offset: 1) {{ {list} }}"),
                    1 => format!("{name}({arguments}) {{ id {below} }}"),
                    2 => format!(
                        "{name}_aggregate({arguments}) {{ aggregate {{ count count_of: count(columns: [{first}], distinct: true) \
                         min {{ {list} }} max {{ {list} }} }} nodes {{ id }} }}"
                    ),
                    3 => format!(
                        "{name}_group(where: $where, by: [{first}], order_by: [{{count: desc}}, {{key: {{{first}: asc}}}}]) \
                         {{ key {{ {first} }} aggregate {{ count max {{ id }} }} }}"
                    ),
                    4 | 5 => format!(
                        "{name}_connection({arguments}, first: 2, after: $after) {{ total_count edges {{ cursor node {{ id {list} }} }} \
                         pageInfo {{ hasNextPage hasPreviousPage endCursor }} }}"
                    ),
                    6 => format!("{name}_by_pk(id: {}) {{ {list} }}", number + 95 * i64::from(number > 8)),
                    7 => format!("{name}(distinct_on: [{first}], order_by: [{{{first}: asc}}, {{id: asc}}]) {{ id {first} }}"),
                    _ => format!(
                        "vault {{ id secret_code }} __type(name: \"{name}\") {{ fields {{ name }} }} \
                         __schema {{ types {{ name inputFields {{ name }} fields {{ name args {{ name }} }} }} }}"
                    ),
                };
                let mut declared = String::new();
                for (word, declaration) in [
                    ("$where", format!("$where: {name}_bool_exp ")),
                    ("$order", format!("$order: [{name}_order_by!] ")),
                    ("$after", "$after: String".to_owned()),
                ] {
                    if body.contains(word) {
                        declared += &declaration;
                    }
                }
                let head = if declared.is_empty() { "query".to_owned() } else { format!("query({declared})") };
                Question::GraphQl {
                    query: format!("{head} {{ {body} }}"),
                    variables: json!({ "where": condition.graphql(table), "order": order }),
                }
            },
        )
    })
}

fn rest() -> impl Strategy<Value = Question> {
    let of = |table: usize, records: bool| {
        let language = if records { Language::Records } else { Language::Based };
        let column = || column(table);
        (
            conditions(table, language),
            vec((any::<bool>(), column()), 0..3),
            0..5,
            column(),
            0..4,
        )
            .prop_map(move |(condition, order, kind, named, tail)| {
                let root = if records { "/api/records/v1" } else { "/api" };
                let name = if tail == 3 { "vault" } else { TABLES[table].name };
                let parameters = if records {
                    condition.records(table)
                } else {
                    condition.based(table)
                };
                let mut parameters = parameters.unwrap_or_default();
                let mut terms: Vec<String> = Vec::new();
                for (down, column) in order {
                    if !terms.iter().any(|term| term.trim_start_matches('-') == column) {
                        terms.push(format!("{}{column}", if down { "-" } else { "" }));
                    }
                }
                parameters.push(("order".into(), terms.join(",")));
                parameters.push(("limit".into(), "3".into()));
                if records {
                    parameters.push(("count".into(), "true".into()));
                }
                Question::Rest(match kind {
                    0 => format!("{root}/{name}/{}", tail * 51),
                    1 if records => format!("{root}/{name}/schema?mode=Select"),
                    1 => format!("{root}/{name}?{named}=null"),
                    2 if records => {
                        format!("{root}/{name}{}&expand={named}", super::query_string(&parameters))
                    }
                    _ => format!("{root}/{name}{}", super::query_string(&parameters)),
                })
            })
    };
    prop_oneof![4 => of(ITEM, true), 1 => of(OWNER, true), 1 => of(NOTE, true), 2 => of(ITEM, false)]
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        12 => graphql(),
        10 => rest(),
        1 => Just(Question::Rest("/playground/api/catalog".into())),
    ]
}

// --------------------------------------------------------------------------------------------------------- answers

/// An answer without what differs by chance: dates, request ids, and the texts of cursors, whose lengths stay.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let cursors = regex::Regex::new(r#""(cursor|endCursor|startCursor)":"([A-Za-z0-9_-]+)""#).unwrap();
    let text = answer.text();
    let masked = cursors.replace_all(&text, |found: &regex::Captures<'_>| {
        format!("\"{}\":{}", &found[1], found[2].len())
    });
    let by_chance =
        |name: &str| ["date", "x-request-id", "server-timing"].contains(&name) || (name == "etag" && masked != text);
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| !by_chance(name))
        .collect();
    headers.sort();
    (answer.status, headers, masked.into_owned())
}

fn cursor(answer: &Answer) -> Option<String> {
    let body = answer.json().ok()?;
    let connection = body.get("data").and_then(|data| data.as_object()?.values().next());
    let found = connection
        .and_then(|connection| connection.pointer("/pageInfo/endCursor"))
        .or(body.get("cursor"));
    found.and_then(Json::as_str).map(str::to_owned)
}

#[test]
fn what_is_hidden_changes_no_answer() {
    let configuration = format!("{}{CONFIGURATION}", data::relations());
    let schema = |database| data::schema(database) + "CREATE TABLE vault (id INTEGER PRIMARY KEY, secret_code TEXT);\n";
    let (one, two) = (
        servers("one_side", schema, &configuration),
        servers("other_side", schema, &configuration),
    );
    let case = (data::data(), changes(), select(ROLES.to_vec()), vec(question(), 20));
    check("interference", 30, &case, |(data, changes, role, questions)| {
        let (one, two) = (&one, &two);
        async move {
            for ((database, one), (_, two)) in one.iter().zip(two) {
                let other = other(&data, role, &changes, *database);
                let vault = "INSERT INTO vault VALUES (1, 'opensesame'), (2, 'xyzzy');";
                world::run_script(one, &(data.script() + "DELETE FROM vault;"))
                    .await
                    .map_err(TestCaseError::fail)?;
                world::run_script(two, &(other.script() + "DELETE FROM vault;" + vault))
                    .await
                    .map_err(TestCaseError::fail)?;
                let mut requests: [Vec<Request>; 2] =
                    std::array::from_fn(|_| questions.iter().map(|question| question.request(role, None)).collect());
                // Twice: the first page, and the one after its cursor.
                for _ in 0..2 {
                    let (first, second) = tokio::join!(ask(one, &requests[0]), ask(two, &requests[1]));
                    let mut further: [Vec<Request>; 2] = Default::default();
                    for (index, (first, second)) in first.iter().zip(&second).enumerate() {
                        if comparable(first) != comparable(second) {
                            return Err(TestCaseError::fail(format!(
                                "{database} as {role}\nasked  {}\none    {first}\nother  {second}\n{:?}\n{:?}\nother rows {other:?}",
                                requests[0][index], first.headers, second.headers
                            )));
                        }
                        if let (Some(first), Some(second), Some(question)) =
                            (cursor(first), cursor(second), questions.get(index))
                        {
                            further[0].push(question.request(role, Some(&first)));
                            further[1].push(question.request(role, Some(&second)));
                        }
                    }
                    requests = further;
                }
            }
            Ok(())
        }
    });
}
