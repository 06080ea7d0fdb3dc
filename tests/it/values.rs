//! Every type × every operator × every source of a value (request, constant of a rule, session variable, lists of them):
//! one answer, on both databases.
//!
//! The rules stand in a configuration that is made here: one face of the fixture's table for each type, operator and value.

use crate::client::{self, Request};
use crate::fronts::{self, Front};
use crate::world::{self, ADMIN_SECRET, Database};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What is compared.
struct Kind {
    name: &'static str,
    table: &'static str,
    /// As rules say it.
    expression: &'static str,
    /// Whether the request's fronts can ask for it as a column of the table's own face.
    column: bool,
    operators: &'static [&'static str],
    /// Each as the session and query strings write it, as a rule does, and as GraphQL does.
    values: &'static [(&'static str, &'static str, &'static str)],
}

const EQUALITY: &[&str] = &["eq", "neq", "same", "not_same", "in", "nin", "not_eq", "not_in"];
const ORDER: &[&str] = &[
    "eq", "neq", "lt", "lte", "gt", "gte", "same", "not_same", "in", "nin", "not_eq", "not_lt", "not_gte", "not_in",
];
const TEXT: &[&str] = &[
    "eq", "neq", "same", "not_same", "in", "nin", "not_eq", "not_in", "like", "nlike",
];

macro_rules! texts {
    ($($text:literal),*) => { &[$(($text, concat!("'", $text, "'"), concat!("\"", $text, "\""))),*] };
}

macro_rules! numbers {
    ($($number:literal),*) => { &[$(($number, $number, $number)),*] };
}

const UUIDS: &[(&str, &str, &str)] = texts![
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "7C9E6679-7425-40DE-944B-E07FC1F90AE7",
    "16fd2706-8baf-433b-82eb-8c7fada847da"
];
const MOMENTS: &[(&str, &str, &str)] = texts![
    "2026-01-31 12:00:00",
    "2026-01-31T12:00:00",
    "2026-01-31T12:00:00.000Z",
    "2026-01-31T14:00:00+02:00",
    "2026-01-31 12:00:00.0002",
    "2026-01-31"
];

const KINDS: &[Kind] = &[
    Kind {
        name: "boolean",
        table: "sample",
        expression: "c_boolean",
        column: true,
        operators: &["eq", "neq", "same", "not_same", "not_eq"],
        values: &[("true", "TRUE", "true"), ("false", "FALSE", "false")],
    },
    Kind {
        name: "integer",
        table: "sample",
        expression: "c_integer",
        column: true,
        operators: ORDER,
        values: numbers!["2", "-1", "20"],
    },
    Kind {
        name: "bigint",
        table: "sample",
        expression: "c_bigint",
        column: true,
        operators: ORDER,
        values: numbers!["2", "5000000000"],
    },
    Kind {
        name: "double",
        table: "sample",
        expression: "c_double",
        column: true,
        operators: ORDER,
        values: numbers!["1.5", "2", "-3"],
    },
    Kind {
        name: "numeric",
        table: "sample",
        expression: "c_numeric",
        column: true,
        operators: ORDER,
        values: numbers!["1.5", "2", "10.250"],
    },
    Kind {
        name: "coalesced",
        table: "sample",
        expression: "coalesce(c_numeric, 0)",
        column: false,
        operators: ORDER,
        values: numbers!["1.5", "2", "0"],
    },
    Kind {
        name: "difference",
        table: "sample",
        expression: "c_numeric - 1",
        column: false,
        operators: ORDER,
        values: numbers!["0.5", "1"],
    },
    Kind {
        name: "sum",
        table: "sample",
        expression: "c_numeric + c_integer",
        column: false,
        operators: ORDER,
        values: numbers!["4", "1.5"],
    },
    Kind {
        name: "computed_integer",
        table: "computed",
        expression: "n",
        column: true,
        operators: ORDER,
        values: numbers!["2", "20"],
    },
    Kind {
        name: "computed_numeric",
        table: "computed",
        expression: "total",
        column: true,
        operators: ORDER,
        values: numbers!["3", "4", "20.5"],
    },
    Kind {
        name: "text",
        table: "sample",
        expression: "c_text",
        column: true,
        operators: TEXT,
        values: texts!["alpha", "2", "a*b", "a%", "%", "a_b", "*"],
    },
    Kind {
        name: "enumerated",
        table: "sample",
        expression: "c_enum",
        column: true,
        operators: EQUALITY,
        values: texts!["low", "high"],
    },
    Kind {
        name: "uuid",
        table: "sample",
        expression: "c_uuid",
        column: true,
        operators: ORDER,
        values: UUIDS,
    },
    Kind {
        name: "date",
        table: "sample",
        expression: "c_date",
        column: true,
        operators: ORDER,
        values: texts!["2026-01-31", "2026-02-01T10:00:00"],
    },
    Kind {
        name: "time",
        table: "sample",
        expression: "c_time",
        column: true,
        operators: ORDER,
        values: texts!["12:00", "12:00:00.250", "09:00:00"],
    },
    Kind {
        name: "stamp",
        table: "sample",
        expression: "c_timestamp",
        column: true,
        operators: ORDER,
        values: MOMENTS,
    },
    Kind {
        name: "stamptz",
        table: "sample",
        expression: "c_timestamptz",
        column: true,
        operators: ORDER,
        values: MOMENTS,
    },
    Kind {
        name: "bytes",
        table: "sample",
        expression: "c_bytes",
        column: true,
        operators: ORDER,
        values: &[
            ("\\xab", "'\\xAB'", "\"\\\\xab\""),
            ("\\x12", "'\\x12'", "\"\\\\x12\""),
            ("qwE=", "'\\xab01'", "\"\\\\xAB01\""),
        ],
    },
];

/// Conditions over two columns, with nothing bound: `(name, rule)`.
const COLUMNS: &[(&str, &str)] = &[
    (
        "uuids_equal",
        "EXISTS (SELECT 1 FROM twin WHERE twin.c_uuid = _ROW_.c_uuid)",
    ),
    (
        "uuids_differ",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND twin.c_uuid <> _ROW_.c_uuid)",
    ),
    (
        "uuids_not_equal",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND NOT (twin.c_uuid = _ROW_.c_uuid))",
    ),
    (
        "uuids_distinct",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND twin.c_uuid IS DISTINCT FROM _ROW_.c_uuid)",
    ),
    (
        "uuids_less",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND _ROW_.c_uuid < twin.c_uuid)",
    ),
    (
        "stamps_equal",
        "EXISTS (SELECT 1 FROM twin WHERE twin.c_timestamp = _ROW_.c_timestamp)",
    ),
    (
        "stamps_differ",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND twin.c_timestamp <> _ROW_.c_timestamp)",
    ),
    (
        "stamps_distinct",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND twin.c_timestamp IS DISTINCT FROM _ROW_.c_timestamp)",
    ),
    (
        "stamps_less",
        "EXISTS (SELECT 1 FROM twin WHERE twin.id = _ROW_.id AND _ROW_.c_timestamp < twin.c_timestamp)",
    ),
    ("stamps_mixed", "c_timestamp <= c_timestamptz"),
    ("stamp_of_day", "c_date < c_timestamp"),
    (
        "numbers_equal",
        "EXISTS (SELECT 1 FROM twin WHERE twin.c_numeric = _ROW_.c_numeric)",
    ),
    ("numbers_mixed", "c_numeric < c_double"),
];

/// The condition of an operator, in a rule.
fn rule(operator: &str, left: &str, right: &str) -> String {
    match operator {
        "eq" => format!("{left} = {right}"),
        "neq" => format!("{left} <> {right}"),
        "lt" => format!("{left} < {right}"),
        "lte" => format!("{left} <= {right}"),
        "gt" => format!("{left} > {right}"),
        "gte" => format!("{left} >= {right}"),
        "same" => format!("{left} IS NOT DISTINCT FROM {right}"),
        "not_same" => format!("{left} IS DISTINCT FROM {right}"),
        "in" => format!("{left} IN ({right})"),
        "nin" => format!("{left} NOT IN ({right})"),
        "like" => format!("{left} LIKE {right}"),
        "nlike" => format!("{left} NOT LIKE {right}"),
        other => format!("NOT ({})", rule(other.trim_start_matches("not_"), left, right)),
    }
}

/// The same in GraphQL, where it can be said.
fn filter(operator: &str, column: &str, value: &str) -> Option<String> {
    match operator {
        "same" | "not_same" => None,
        "in" | "nin" => Some(format!("{{{column}: {{_{operator}: [{value}]}}}}")),
        _ => match operator.strip_prefix("not_") {
            Some(inner) => filter(inner, column, value).map(|inner| format!("{{_not: {inner}}}")),
            None => Some(format!("{{{column}: {{_{operator}: {value}}}}}")),
        },
    }
}

/// The same in the Records API.
fn records(operator: &str, column: &str, value: &str) -> Option<String> {
    let word = match operator {
        "eq" | "lt" | "lte" | "gt" | "gte" => operator,
        "neq" => "ne",
        _ => return None,
    };
    let value = value
        .replace('%', "%25")
        .replace('+', "%2B")
        .replace('\\', "%5C")
        .replace(' ', "%20");
    Some(format!(
        "/api/records/v1/sample?limit=100&filter[{column}][${word}]={value}"
    ))
}

/// The values that a list holds: the one at hand and the first.
fn listed(index: usize) -> Vec<usize> {
    if index == 0 { vec![0] } else { vec![index, 0] }
}

fn is_list(operator: &str) -> bool {
    matches!(operator, "in" | "nin" | "not_in")
}

/// The configuration: `tester` reads each face by a rule of its own.
pub(crate) fn configuration() -> String {
    let mut text = String::from("[access]\ndefault = \"closed\"\n\n[roles.tester]\n");
    let mut face = |name: &str, table: &str, rule: &str| {
        let rule = rule.replace('\\', "\\\\").replace('"', "\\\"");
        let key = if table == "computed" { "key = [\"id\"]\n" } else { "" };
        let _ = write!(
            text,
            "\n[tables.{name}]\ntable = \"{table}\"\n{key}[tables.{name}.access.tester]\nread = {{ rule = \"{rule}\", columns = [\"id\"] }}\n"
        );
    };
    for (name, rule) in COLUMNS {
        face(name, "sample", rule);
    }
    for kind in KINDS {
        for operator in kind.operators {
            let variable = if is_list(operator) { "_USER_.many" } else { "_USER_.one" };
            face(
                &format!("{}_{operator}_session", kind.name),
                kind.table,
                &rule(operator, kind.expression, variable),
            );
            for index in 0..kind.values.len() {
                let constant = if is_list(operator) {
                    let items: Vec<&str> = listed(index).into_iter().map(|index| kind.values[index].1).collect();
                    items.join(", ")
                } else {
                    kind.values[index].1.to_owned()
                };
                face(
                    &format!("{}_{operator}_constant_{index}", kind.name),
                    kind.table,
                    &rule(operator, kind.expression, &constant),
                );
            }
        }
    }
    text.push_str("\n[tables.sample.access.tester]\nread = true\n\n[tables.logged.access.tester]\nread = true\n\n[tables.dated.access.tester]\nread = true\n\n[tables.daily.access.tester]\nread = true\n");
    text.push_str("\n[tables.computed]\nkey = [\"id\"]\n[tables.computed.access.tester]\nread = true\n");
    text
}

/// Rows by question, and within by source.
type Answers = BTreeMap<String, BTreeMap<String, BTreeSet<i64>>>;

fn ids(rows: &Value) -> BTreeSet<i64> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect()
}

async fn ask(address: std::net::SocketAddr, request: Request, variables: &[(&str, String)]) -> client::Answer {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![
        header("x-diglot-admin-secret", ADMIN_SECRET),
        header("x-diglot-role", "tester"),
    ];
    headers.extend(
        variables
            .iter()
            .map(|(name, value)| header(&format!("x-diglot-{name}"), value)),
    );
    let request = request.with(headers);
    client::send(address, &request)
        .await
        .unwrap_or_else(|error| panic!("{request}: {error}"))
}

/// Several roots in one document.
async fn roots(
    address: std::net::SocketAddr,
    roots: &[(String, String)],
    variables: &[(&str, String)],
) -> Vec<(String, BTreeSet<i64>)> {
    let mut document = String::from("{");
    for (name, root) in roots {
        let _ = write!(document, " {name}: {root} {{ id }}");
    }
    document.push_str(" }");
    let answer = ask(address, fronts::graphql(&document, None, None), variables).await;
    let json = answer.json().unwrap();
    assert!(json.get("errors").is_none(), "{document} with {variables:?}: {answer}");
    let found = roots.iter().map(|(name, _)| (name.clone(), ids(&json["data"][name])));
    found.collect()
}

async fn answers(database: Database) -> Answers {
    let server = world::server("values", database).await.unwrap();
    let mut answers = Answers::new();
    let mut add = |question: String, source: &str, rows: BTreeSet<i64>| {
        let source = format!("{database} {source}");
        assert!(answers.entry(question).or_default().insert(source, rows).is_none());
    };
    let columns: Vec<_> = COLUMNS
        .iter()
        .map(|(name, _)| ((*name).to_owned(), (*name).to_owned()))
        .collect();
    for (name, rows) in roots(server.address, &columns, &[]).await {
        add(name, "rule", rows);
    }
    for kind in KINDS {
        for (index, (raw, _, graphql)) in kind.values.iter().enumerate() {
            let list = listed(index);
            let question = |operator: &str| format!("{} {operator} {raw}", kind.name);
            let mut constants = Vec::new();
            let mut sessions = Vec::new();
            let mut slots = Vec::new();
            for operator in kind.operators {
                constants.push((
                    operator.to_string(),
                    format!("{}_{operator}_constant_{index}", kind.name),
                ));
                sessions.push((operator.to_string(), format!("{}_{operator}_session", kind.name)));
                let value = if is_list(operator) {
                    list.iter()
                        .map(|index| kind.values[*index].2)
                        .collect::<Vec<_>>()
                        .join(", ")
                } else {
                    (*graphql).to_owned()
                };
                if kind.column
                    && kind.table == "sample"
                    && let Some(filter) = filter(operator, kind.expression, &value)
                {
                    slots.push((operator.to_string(), format!("sample(where: {filter})")));
                }
                if kind.column
                    && kind.table == "sample"
                    && let Some(target) = records(operator, kind.expression, raw)
                {
                    let answer = ask(server.address, fronts::rest(&target), &[]).await;
                    let rows = fronts::rows(Front::Records, &answer)
                        .unwrap_or_else(|error| panic!("{target}: {error}: {answer}"));
                    add(question(operator), "records", ids(&rows));
                }
            }
            let many: Vec<&str> = list.iter().map(|index| kind.values[*index].0).collect();
            let variables = [
                ("one", (*raw).to_owned()),
                ("many", serde_json::to_string(&many).unwrap()),
            ];
            for (source, asked, variables) in [
                ("constant", &constants, &[][..]),
                ("session", &sessions, &variables[..]),
                ("slot", &slots, &[][..]),
            ] {
                if asked.is_empty() {
                    continue;
                }
                for (operator, rows) in roots(server.address, asked, variables).await {
                    add(question(&operator), source, rows);
                }
            }
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_means_the_same_whatever_its_source_and_database() {
    let mut all = answers(Database::Sqlite).await;
    for (question, by_source) in answers(Database::Postgres).await {
        all.entry(question).or_default().extend(by_source);
    }
    let mut wrong = Vec::new();
    for (question, by_source) in &all {
        let different: BTreeSet<_> = by_source.values().collect();
        if different.len() > 1 {
            wrong.push(format!("{question}: {by_source:?}"));
        }
    }
    println!(
        "{} questions, {} answers",
        all.len(),
        all.values().map(BTreeMap::len).sum::<usize>()
    );
    assert!(
        wrong.is_empty(),
        "{} of {} questions:\n{}",
        wrong.len(),
        all.len(),
        wrong.join("\n")
    );
    // A test in which nothing were ever found, or everything, would prove nothing.
    for kind in KINDS {
        let prefix = format!("{} ", kind.name);
        let some = all.iter().filter(|(question, _)| question.starts_with(&prefix));
        let sizes: BTreeSet<usize> = some
            .flat_map(|(_, by_source)| by_source.values().map(BTreeSet::len))
            .collect();
        assert!(
            sizes.len() > 1 && sizes.iter().any(|size| (1..8).contains(size)),
            "{}: {sizes:?}",
            kind.name
        );
    }
}
