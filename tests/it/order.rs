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

const PARENTS: &str = "
    CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE capital (country TEXT) INHERITS (place);
    INSERT INTO place VALUES (2, 'Ghent'), (1, 'Hull');
    INSERT INTO capital VALUES (1, 'Oslo', 'no'), (3, 'Rome', 'it');
    CREATE TABLE animal (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE bird (wings INTEGER) INHERITS (animal);
    INSERT INTO animal VALUES (2, 'cat'), (1, 'dog');
    INSERT INTO bird VALUES (3, 'owl', 2);";

/// On PostgreSQL a parent's primary key does not hold for the rows of its children: who pages by it would pass over rows, who
/// asks by it would get one of several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parents_primary_key_is_no_key() {
    let (label, database) = ("order_parents", Database::Postgres);
    let url = world::own_database(label, database, PARENTS).await.unwrap();
    let configuration = "[access]\ndefault = \"convention\"\n[tables.animal]\nkey = [\"id\"]\n\
        [tables.animal.access.anonymous]\nread = true\n[tables.place.access.anonymous]\nread = true\n[roles.user]\ninherits = [\"anonymous\"]";
    let server = world::own(label, &url, configuration).await.unwrap();
    let log = server.whole_log();
    assert!(
        log.contains("tables.place: other tables inherit from it") && !log.contains("tables.animal"),
        "{log}"
    );
    let who = Who::AnonKey;
    let get = async |path: &str| ask(&server, &who, Request::get(path)).await;
    let query = async |query: &str| ask(&server, &who, fronts::graphql(query, None, None)).await;
    let rows = r#"[{"id":1,"name":"Hull"},{"id":1,"name":"Oslo"},{"id":2,"name":"Ghent"},{"id":3,"name":"Rome"}]"#;
    holds(&query("{ place { id name } }").await, 200, rows).unwrap();
    holds(&get("/api/place").await, 200, rows).unwrap();
    for path in ["/api/place/1", "/api/records/v1/place/MQ"] {
        let answer = get(path).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer}");
        assert!(!answer.text().contains("Hull"), "{path}: {answer}");
    }
    holds(&query("{ place_by_pk(id: 1) { name } }").await, 400, "place_by_pk").unwrap();
    holds(
        &query("{ place_connection(first: 1) { nodes { name } } }").await,
        400,
        "place_connection",
    )
    .unwrap();
    let page = get("/api/records/v1/place?limit=2&order=id").await;
    assert!(page.status == 200 && !page.text().contains("cursor"), "{page}");
    // The configuration knows better.
    holds(&get("/api/animal/3").await, 200, "owl").unwrap();
    holds(&query("{ animal_by_pk(id: 3) { name } }").await, 200, "owl").unwrap();
    let page = get("/api/records/v1/animal?limit=2&order=id").await;
    holds(&page, 200, "cursor").unwrap();
}
