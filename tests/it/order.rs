//! Lists without an order of their own: always the same, whatever happens to columns that the caller may not read.

use crate::client::{Request, Who};
use crate::fronts;
use crate::live::{Operator, ask, holds};
use crate::world::{self, Database};

/// Rows stand otherwise than their keys, and an index leads through the hidden column.
const SCRIPT: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL, hidden INTEGER);
    CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT NOT NULL, hidden INTEGER,
        author_id INTEGER REFERENCES author (id));
    CREATE INDEX book_hidden ON book (hidden);
    CREATE TABLE line (title TEXT, amount INTEGER, hidden INTEGER);
    CREATE TABLE coded (code TEXT NOT NULL UNIQUE, title TEXT, hidden INTEGER);
    CREATE TABLE number (hidden INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO author VALUES (2, 'Ben', 1), (1, 'Ada', 2);
    INSERT INTO book VALUES (5, 'e', 1, 1), (3, 'c', 2, 1), (4, 'd', 3, 2), (1, 'a', 4, 1), (2, 'b', 5, 2);
    INSERT INTO line VALUES ('b', 2, 1), ('a', 9, 2), (NULL, 1, 3), ('b', NULL, 4), ('b', 1, 5);
    INSERT INTO coded VALUES ('y', 'first', 1), ('x', 'second', 2), ('z', 'third', 3);
    INSERT INTO number VALUES (1, 'b'), (2, 'c'), (3, 'a');";

const CONFIGURATION: &str = "
    [rest]
    dialects = [\"based\", \"trailbase\"]
    [tables.author.access.anonymous]
    read = { except = [\"hidden\"] }
    [tables.book.access.anonymous]
    read = { rule = \"hidden > 0\", except = [\"hidden\"], aggregate = true }
    [tables.line.access.anonymous]
    read = { except = [\"hidden\"] }
    [tables.coded.access.anonymous]
    read = { except = [\"hidden\"] }
    [tables.number.access.anonymous]
    read = { except = [\"hidden\"] }";

/// What changes nothing that the caller may see.
const CHANGES: [&[&str]; 2] = [
    &[
        "UPDATE book SET hidden = 100 - hidden WHERE id IN (1, 5)",
        "UPDATE book SET hidden = hidden + 1 WHERE id = 3",
        "UPDATE author SET hidden = 7 WHERE id = 1",
        "UPDATE line SET hidden = hidden * 2 WHERE amount = 9",
        "UPDATE coded SET hidden = 7 WHERE code = 'x'",
    ],
    &[
        "UPDATE book SET hidden = 1000 * id",
        "UPDATE number SET hidden = 9 WHERE hidden = 1",
    ],
];

/// Questions, and what stands in their answers in this order.
const LISTS: [(&str, &str); 9] = [
    ("{ book { id } }", r#"[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]"#),
    (
        "{ author { book { title } } }",
        r#"[{"book":[{"title":"a"},{"title":"c"},{"title":"e"}]},{"book":[{"title":"b"},{"title":"d"}]}]"#,
    ),
    (
        "{ author { book_aggregate { aggregate { count } nodes { id } } } }",
        r#"{"count":3},"nodes":[{"id":1},{"id":3},{"id":5}]"#,
    ),
    (
        "{ book_aggregate { nodes { id } } }",
        r#"[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]"#,
    ),
    (
        "{ book(order_by: {author: {name: desc}}) { id } }",
        r#"[{"id":4},{"id":2},{"id":5},{"id":3},{"id":1}]"#,
    ),
    ("{ book(distinct_on: author_id) { id } }", r#"[{"id":1},{"id":2}]"#),
    // Without a key: another unique key, else all columns.
    (
        "{ coded { title } }",
        r#"[{"title":"second"},{"title":"first"},{"title":"third"}]"#,
    ),
    (
        "{ line { title amount } }",
        r#"[{"title":"a","amount":9},{"title":"b","amount":1},{"title":"b","amount":2},{"title":"b","amount":null},{"title":null,"amount":1}]"#,
    ),
    // A hidden key orders nothing.
    ("{ number { title } }", r#"[{"title":"a"},{"title":"b"},{"title":"c"}]"#),
];

async fn lists_keep_their_order(database: Database) {
    let label = format!("order_{database}");
    let url = world::own_database(&label, database, SCRIPT).await.unwrap();
    let server = world::own(&label, &url, CONFIGURATION).await.unwrap();
    let operator = Operator::of(database, &url);
    let who = Who::AnonKey;
    let rest = ["book", "line", "coded", "number"].map(|table| format!("/api/{table}"));
    let pages = ["line", "coded", "number"].map(|table| format!("/api/records/v1/{table}?limit=2&offset=1"));
    let mut before: Vec<String> = Vec::new();
    for changes in [&[][..]].into_iter().chain(CHANGES) {
        operator.execute(changes).await;
        for (query, rows) in LISTS {
            let answer = ask(&server, &who, fronts::graphql(query, None, None)).await;
            holds(&answer, 200, rows).unwrap_or_else(|wrong| panic!("{database}, {query}: {wrong}"));
        }
        let mut answers = Vec::new();
        for path in rest.iter().chain(&pages) {
            let answer = ask(&server, &who, Request::get(path)).await;
            holds(&answer, 200, "").unwrap_or_else(|wrong| panic!("{database}, {path}: {wrong}"));
            answers.push(format!("{path} {}", answer.text()));
        }
        if !before.is_empty() {
            assert_eq!(answers, before, "{database}: after {changes:?}");
        }
        before = answers;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_lists_keep_their_order() {
    lists_keep_their_order(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_lists_keep_their_order() {
    lists_keep_their_order(Database::Postgres).await;
}
