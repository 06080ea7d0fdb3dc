//! The backend as a whole, on files of its own.

use super::*;
use crate::backend::Seal;
use crate::catalog::{Default, Generated, Table, TableKind};
use crate::error::{Code, Verbs};
use crate::memory::Memory;
use crate::sql::{Layout, Member, Shape, Wire};
use crate::value::Type;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod faults;
mod load;
mod streams;
mod views;
mod writes;

/// A directory with one database in it, made by a script.
struct Scene {
    directory: tempfile::TempDir,
    writer: Connection,
}

impl Scene {
    fn new(script: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let writer = Connection::open(directory.path().join("test.db")).expect("opens");
        writer.execute_batch(script).expect("a sound script");
        Self { directory, writer }
    }

    fn settings(&self) -> Settings {
        Settings {
            url: format!("sqlite:{}", self.directory.path().join("test.db").display()),
            schemas: Vec::new(),
            statement_timeout: Duration::from_secs(10),
            pool_size: 4,
            synchronous: crate::config::Synchronous::Full,
        }
    }

    async fn open(&self) -> Sqlite {
        Sqlite::open(&self.settings()).await.expect("opens")
    }
}

fn shape(outputs: Vec<Layout>) -> Shape {
    Shape {
        outputs,
        total: None,
        present: None,
        cursor: Vec::new(),
        reversed: false,
    }
}

fn object(members: &[(&str, Wire)]) -> Layout {
    let member = |(index, (key, wire)): (usize, &(&str, Wire))| Member {
        key: format!("{}\"{key}\":", if index > 0 { "," } else { "" })
            .into_bytes()
            .into(),
        value: Layout::Column { index, wire: *wire },
    };
    Layout::Object {
        members: members.iter().enumerate().map(member).collect(),
        unless_null: None,
    }
}

async fn run(sqlite: &Sqlite, text: &str, values: &[Datum], shape: Shape) -> Result<Rows> {
    let statement = Statement::for_tests(text, Vec::new(), shape);
    sqlite
        .run(Run {
            statement: &statement,
            values,
            most: None,
            seal: None,
            room: &Memory::unbounded().room(),
        })
        .await
}

/// The first column of all rows, as text of JSON.
async fn answer(sqlite: &Sqlite, text: &str, values: &[Datum], wire: Wire) -> Result<String> {
    let rows = run(sqlite, text, values, shape(vec![Layout::Column { index: 0, wire }])).await?;
    Ok(rows.text(0))
}

fn table<'a>(database: &'a Database, name: &str) -> &'a Table {
    database.table(
        database
            .table_named(None, name)
            .unwrap_or_else(|| panic!("no table {name}")),
    )
}

#[tokio::test]
async fn rows_are_written_as_their_shape_says() {
    let scene = Scene::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, 'd')",
    );
    let sqlite = scene.open().await;
    let seal: Seal = Arc::new(|columns: &[Datum]| format!("<{columns:?}>"));
    let two = || object(&[("id", Wire::Integer), ("name", Wire::Text)]);
    let sql = "SELECT id, name FROM t WHERE id <= ?1 ORDER BY id";
    let values = [Datum::Integer(4)];

    let rows = run(&sqlite, sql, &values, shape(vec![two()])).await.expect("rows");
    assert_eq!(
        String::from_utf8_lossy(&rows.buffers[0]),
        r#"{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":null},{"id":4,"name":"d"}"#
    );
    assert_eq!((rows.count, rows.more, rows.total, rows.first), (4, false, None, None));

    let mut paged = shape(vec![two(), Layout::Cursor]);
    paged.cursor = vec![0];
    let statement = Statement::for_tests(sql, Vec::new(), paged.clone());
    let limited = Run {
        statement: &statement,
        values: &values,
        most: Some(2),
        seal: Some(&seal),
        room: &Memory::unbounded().room(),
    };
    let rows = sqlite.run(limited).await.expect("rows");
    assert_eq!(
        String::from_utf8_lossy(&rows.buffers[0]),
        r#"{"id":1,"name":"a"},{"id":2,"name":"b"}"#
    );
    assert_eq!(
        String::from_utf8_lossy(&rows.buffers[1]),
        r#""<[Integer(1)]>","<[Integer(2)]>""#
    );
    assert_eq!((rows.count, rows.more), (2, true));
    assert_eq!(
        (rows.first, rows.last),
        (Some(vec![Datum::Integer(1)]), Some(vec![Datum::Integer(2)]))
    );

    paged.reversed = true;
    let statement = Statement::for_tests(sql, Vec::new(), paged);
    let limited = Run {
        statement: &statement,
        values: &values,
        most: Some(3),
        seal: Some(&seal),
        room: &Memory::unbounded().room(),
    };
    let rows = sqlite.run(limited).await.expect("rows");
    assert_eq!(
        String::from_utf8_lossy(&rows.buffers[0]),
        r#"{"id":3,"name":null},{"id":2,"name":"b"},{"id":1,"name":"a"}"#
    );
    assert_eq!(
        (rows.first, rows.last),
        (Some(vec![Datum::Integer(3)]), Some(vec![Datum::Integer(1)]))
    );

    // The total comes also where no row of the page does.
    let mut counted = shape(vec![two()]);
    (counted.total, counted.present) = (Some(2), Some(0));
    let sql = "SELECT t.id, t.name, n.n FROM (SELECT count(*) AS n FROM t) n LEFT JOIN t ON t.id > ?1 ORDER BY t.id";
    for (after, count) in [(3, 1), (9, 0)] {
        let rows = run(&sqlite, sql, &[Datum::Integer(after)], counted.clone())
            .await
            .expect("rows");
        assert_eq!(
            (rows.count, rows.total, rows.buffers[0].is_empty()),
            (count, Some(4), count == 0)
        );
    }

    let nullable = Layout::Object {
        members: vec![Member {
            key: b"\"k\":"[..].into(),
            value: Layout::Constant(b"\"v\""[..].into()),
        }],
        unless_null: Some(1),
    };
    let rows = run(
        &sqlite,
        "SELECT id, name FROM t WHERE id > 2",
        &[],
        shape(vec![nullable]),
    )
    .await
    .expect("rows");
    assert_eq!(String::from_utf8_lossy(&rows.buffers[0]), r#"null,{"k":"v"}"#);
    for broken in [
        Layout::Cursor,
        Layout::Column {
            index: 9,
            wire: Wire::Text,
        },
    ] {
        let error = run(&sqlite, "SELECT id FROM t", &[], shape(vec![broken]))
            .await
            .expect_err("refused");
        assert_eq!(error.kind, Kind::Internal);
    }
    assert!(run(&sqlite, "SELECT ?1", &[], shape(Vec::new())).await.is_err());
}

#[tokio::test]
async fn values_are_bound_as_they_are() {
    let scene = Scene::new("");
    let sqlite = scene.open().await;
    let list = Datum::List(vec![
        Datum::Integer(i64::MIN),
        Datum::Float(5.0),
        Datum::Float(1e20),
        Datum::Float(f64::INFINITY),
        Datum::Text("a\"\\\u{1}ü".into()),
        Datum::Boolean(true),
        Datum::Null,
        Datum::Bytes([0xab, 1].into()),
    ]);
    let sql = "SELECT typeof(value) || ':' || coalesce(value, '') FROM json_each(?1)";
    let text = answer(&sqlite, sql, &[list], Wire::Text).await.expect("rows");
    assert_eq!(
        text,
        r#""integer:-9223372036854775808","real:5.0","real:1.0e+20","real:Inf","text:a\"\\\u0001ü","integer:1","null:","text:ab01""#
    );
    for (datum, text) in [
        (Datum::Null, "\"null:\""),
        (Datum::Boolean(false), "\"integer:0\""),
        (Datum::Float(2.5), "\"real:2.5\""),
        (Datum::Text("a\0b".into()), "\"text:a\\u0000b\""),
        (Datum::Bytes(b"hi"[..].into()), "\"blob:hi\""),
    ] {
        let sql = "SELECT typeof(?1) || ':' || coalesce(?1, '')";
        assert_eq!(answer(&sqlite, sql, &[datum], Wire::Text).await.expect("a row"), text);
    }
}

#[tokio::test]
async fn the_schema_is_read() {
    let scene = Scene::new(
        "CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, mood TEXT CHECK (mood IN ('good','bad')), \
            born DATE, active BOOLEAN NOT NULL DEFAULT 1, score DECIMAL(10,2), data JSON, photo BLOB, thing, \
            twice INT GENERATED ALWAYS AS (id * 2), kept TEXT AS (upper(name)) STORED, hollow TEXT DEFAULT NULL); \
         CREATE UNIQUE INDEX author_name ON author (name, born); CREATE UNIQUE INDEX author_some ON author (mood) WHERE active; \
         CREATE UNIQUE INDEX author_lower ON author (lower(name)); CREATE INDEX author_born ON author (born, name); \
         CREATE TABLE book (isbn TEXT PRIMARY KEY, author_id INT REFERENCES author, second INT, \
            reply_to TEXT CONSTRAINT reply REFERENCES book(isbn) DEFERRABLE INITIALLY DEFERRED, lost INT REFERENCES nowhere(id), \
            CONSTRAINT both FOREIGN KEY (second, isbn) REFERENCES Pair (A, b)); \
         CREATE TABLE pair (a INT, b TEXT, PRIMARY KEY (b, a), UNIQUE (a)) WITHOUT ROWID; \
         CREATE TABLE exact (id TEXT PRIMARY KEY, x ANY, y INTEGER) STRICT; \
         CREATE TABLE rev (id INTEGER PRIMARY KEY DESC); CREATE TABLE bare (a, b); \
         CREATE VIEW books AS SELECT b.isbn, a.name, count(*) AS n, a.born FROM book b JOIN author a ON a.id = b.author_id; \
         CREATE TABLE gone (x); CREATE VIEW broken AS SELECT x FROM gone; DROP TABLE gone; \
         CREATE VIRTUAL TABLE words USING fts5(title, body); CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); \
         CREATE TABLE \"Sp ace\"\"d\" (\"or'der\" TEXT, \"a\"\"b\" INT PRIMARY KEY); CREATE TABLE _sqlx_migrations (v BIGINT PRIMARY KEY); \
         CREATE TABLE gpkg_contents (x); CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT);",
    );
    let sqlite = scene.open().await;
    let database = sqlite.introspect().await.expect("a catalog");
    let names: Vec<&str> = database.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Sp ace\"d",
            "_sqlx_migrations",
            "author",
            "auto",
            "bare",
            "book",
            "books",
            "boxes",
            "exact",
            "gpkg_contents",
            "pair",
            "rev",
            "words"
        ]
    );
    let ids = |ids: &[crate::catalog::ColumnId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();

    let author = table(&database, "author");
    let types: Vec<&Type> = author.columns.iter().map(|column| &column.data_type).collect();
    let mood = Type::Enum(0);
    assert_eq!(
        types,
        [
            &Type::Integer(32),
            &Type::Text {
                length: Some(40),
                caseless: false
            },
            &mood,
            &Type::Date,
            &Type::Boolean,
            &Type::Numeric,
            &Type::Json,
            &Type::Bytes,
            &Type::Other("any".into()),
            &Type::Integer(32),
            &Type::TEXT,
            &Type::TEXT
        ]
    );
    assert_eq!(
        (database.enums[0].name.as_str(), database.enums[0].values.join(",")),
        ("author.mood", "good,bad".into())
    );
    assert_eq!(
        author.columns[0].default,
        Some(Default::Identity {
            always: false,
            ascending: false
        })
    );
    assert_eq!(author.columns[4].default, Some(Default::Expression("1".into())));
    assert_eq!(author.columns[11].default, None);
    assert_eq!(author.columns[9].generated, Some(Generated::Virtual));
    assert_eq!(author.columns[10].generated, Some(Generated::Stored));
    let nullable: Vec<bool> = author.columns.iter().take(5).map(|column| column.nullable).collect();
    assert_eq!(nullable, [false, false, true, true, false]);
    let uniques: Vec<_> = author
        .uniques
        .iter()
        .map(|unique| (unique.name.as_str(), ids(&unique.columns)))
        .collect();
    assert_eq!(uniques, [("author_name", vec![1, 3])]);
    assert!(author.indexes.iter().any(|index| ids(index) == [3, 1]));
    assert!(author.writable == Verbs::ALL && !author.system && !author.strict);

    let book = table(&database, "book");
    assert_eq!(ids(&book.primary_key), [0]);
    assert!(book.columns[0].nullable && book.columns[0].default.is_none());
    let keys: Vec<_> = book
        .foreign_keys
        .iter()
        .map(|key| {
            let target = database.table(key.table).name.as_str();
            (
                key.name.as_ref().map(|name| name.as_str()),
                ids(&key.columns),
                target,
                ids(&key.references),
                key.deferred,
            )
        })
        .collect();
    assert_eq!(
        keys,
        [
            (None, vec![1], "author", vec![0], false),
            (Some("reply"), vec![3], "book", vec![0], true),
            (Some("both"), vec![2, 0], "pair", vec![0, 1], false),
        ]
    );

    let pair = table(&database, "pair");
    assert_eq!(ids(&pair.primary_key), [1, 0]);
    assert!(pair.columns.iter().all(|column| !column.nullable));
    assert_eq!(pair.uniques.len(), 1);
    let exact = table(&database, "exact");
    assert!(exact.strict && !exact.columns[0].nullable);
    assert_eq!(exact.columns[1].data_type, Type::Other("any".into()));
    assert_eq!(table(&database, "rev").columns[0].default, None);
    assert!(table(&database, "bare").primary_key.is_empty());
    let books = table(&database, "books");
    assert_eq!((books.kind, books.writable), (TableKind::View, Verbs::NONE));
    assert_eq!(
        books.columns[1].data_type,
        Type::Text {
            length: Some(40),
            caseless: false
        }
    );
    assert_eq!(books.columns[3].data_type, Type::Date);
    let words = table(&database, "words");
    assert_eq!((words.kind, words.columns.len()), (TableKind::VirtualTable, 2));
    assert!(words.columns.iter().all(|column| column.data_type == Type::TEXT));
    assert_eq!(table(&database, "boxes").columns.len(), 3);
    assert!(table(&database, "_sqlx_migrations").system && table(&database, "gpkg_contents").system);
    let extensions: Vec<&str> = (database.extensions.iter())
        .map(|extension| extension.name.as_str())
        .collect();
    assert_eq!(extensions, ["fts5", "rtree"]);
    assert!(!database.read_only);
}

/// What `diglot_json` builds inside SQLite is what the writer of rows writes.
#[test]
fn nested_values_equal_flat_ones() {
    use proptest::prelude::*;
    use rusqlite::types::Value;
    let connection = Connection::open_in_memory().expect("opens");
    functions::register(&connection, &clock::Clock::new()).expect("registers");
    let text = prop_oneof![
        "\\PC{0,12}",
        "[\\x00-\\x7f]{0,8}",
        "-?[0-9]{1,20}(\\.[0-9]{1,4})?",
        "20[0-9]{2}-0[1-9]-1[0-9][ T]1[0-9]:3[0-9]:00(\\.[0-9]{1,3})?(Z|\\+0[0-9]:30)?",
        "[\\[\\]{}\"a:,0 ]{0,8}",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        (0i64..3).prop_map(Value::Integer),
        any::<f64>()
            .prop_filter("SQLite has no NaN", |real| !real.is_nan())
            .prop_map(Value::Real),
        text.prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Blob),
        proptest::collection::vec(any::<u8>(), 16).prop_map(Value::Blob),
    ];
    let code = prop::sample::select(&b"biIfnNtjuUdDsSh6w"[..]);
    proptest!(ProptestConfig::with_cases(2000), |(value in value, code in code)| {
        let sql = "SELECT json_array(diglot_json(?1, ?2)), json_object('k', diglot_json(?1, ?2))";
        let letter = char::from(code).to_string();
        let mut statement = connection.prepare_cached(sql).expect("prepares");
        let (array, object): (String, String) =
            statement.query_row((&value, &letter), |row| Ok((row.get(0)?, row.get(1)?))).expect("a row");
        let mut flat = Vec::new();
        write::scalar(&mut flat, write::wire_of(code).expect("known"), (&value).into());
        let flat = String::from_utf8(flat).expect("UTF-8");
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&flat).is_ok());
        prop_assert_eq!(array, format!("[{flat}]"));
        prop_assert_eq!(object, format!("{{\"k\":{flat}}}"));
    });
}

/// The functions as statements use them: with null, with columns as patterns, with constants.
#[tokio::test]
async fn functions_answer_as_postgres_does() {
    let scene = Scene::new("");
    let sqlite = scene.open().await;
    for (sql, expected) in [
        ("SELECT diglot_like('é%', 'ÉA', 1)", "1"),
        ("SELECT diglot_like('é%', 'ÉA', 0)", "0"),
        ("SELECT diglot_like('1%', 12, 0)", "1"),
        ("SELECT diglot_like(NULL, 'a', 0)", "null"),
        (
            "SELECT diglot_regexp(p, t, 0) FROM (SELECT '^a' AS p, 'ab' AS t UNION ALL SELECT 'b$', 'ab' UNION ALL SELECT 'c', 'ab')",
            "1,1,0",
        ),
        ("SELECT diglot_regexp('^A', 'ab', 1)", "1"),
        ("SELECT diglot_regexp('a', NULL, 1)", "null"),
        ("SELECT diglot_similar('%(b|d)%', 'abc')", "1"),
        ("SELECT diglot_json_contains('{\"a\":[1,2]}', '{\"a\":[2]}')", "1"),
        (
            "SELECT diglot_json_contains(w, p) FROM (SELECT '[1]' AS w, '1' AS p UNION ALL SELECT '[1]', '2' UNION ALL SELECT '[2]', '2')",
            "1,0,1",
        ),
        ("SELECT diglot_json_contains(jsonb('{\"a\":1}'), '{}')", "1"),
        ("SELECT diglot_json_contains(NULL, '1')", "null"),
        ("SELECT diglot_json_has_key('{\"a\":1}', 'a')", "1"),
        ("SELECT diglot_json_has_keys('{\"a\":1}', '[\"a\",\"b\"]', 0)", "1"),
        ("SELECT diglot_json_has_keys('{\"a\":1}', '[\"a\",\"b\"]', 1)", "0"),
        (
            "SELECT diglot_json_get('{\"a\":{\"b\":[1,\"x\"]}}', '[\"a\",\"b\",\"-1\"]', 1)",
            "\"x\"",
        ),
        (
            "SELECT json_object('k', diglot_json_get('{\"a\":[1]}', '[\"a\"]', 0))",
            "\"{\\\"k\\\":[1]}\"",
        ),
        ("SELECT diglot_json_get('{}', '[\"a\"]', 0)", "null"),
        (
            "SELECT json_object('k', diglot_geometry('POINT(1 2)'))",
            "\"{\\\"k\\\":{\\\"type\\\":\\\"Point\\\",\\\"coordinates\\\":[1,2]}}\"",
        ),
        ("SELECT diglot_geometry(NULL)", "null"),
        (
            "SELECT diglot_st_within('POINT(1 1)', 'POLYGON((0 0,2 0,2 2,0 0))')",
            "0",
        ),
        (
            "SELECT diglot_st_within('POINT(1.5 1)', 'POLYGON((0 0,2 0,2 2,0 0))')",
            "1",
        ),
        (
            "SELECT diglot_st_contains('POLYGON((0 0,2 0,2 2,0 0))', 'POINT(1.5 1)')",
            "1",
        ),
        ("SELECT diglot_st_intersects('POINT(1 1)', 'nowhere')", "null"),
        (
            "SELECT diglot_sum(x) FROM (SELECT 0.1 AS x UNION ALL SELECT 0.2)",
            "0.3",
        ),
        (
            "SELECT diglot_sum(DISTINCT x) FROM (SELECT 1 AS x UNION ALL SELECT 1 UNION ALL SELECT 2)",
            "3",
        ),
    ] {
        assert_eq!(
            answer(&sqlite, sql, &[], Wire::Text).await.expect(sql),
            expected,
            "{sql}"
        );
    }
    // A schema may use them although it is not trusted.
    scene
        .writer
        .execute_batch(
            "CREATE TABLE t (x); INSERT INTO t VALUES ('ÉA'); CREATE VIEW v AS SELECT diglot_substring(x, 2) AS y FROM t",
        )
        .expect("runs");
    assert_eq!(
        answer(&sqlite, "SELECT y FROM v", &[], Wire::Text).await.expect("rows"),
        "\"A\""
    );
}

/// A database whose connection has our functions.
fn with_functions(script: &str) -> Scene {
    let scene = Scene::new("");
    super::functions::register(&scene.writer, &super::clock::Clock::new()).expect("registers");
    scene.writer.execute_batch(script).expect("a sound script");
    scene
}

#[test]
fn patterns_are_compiled_once_for_all_rows() {
    let scene = with_functions(
        "CREATE TABLE t (x); INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
         SELECT 'row ' || i FROM n",
    );
    let count = |sql: &str, patterns: &[String]| {
        let patterns = rusqlite::params_from_iter(patterns);
        let found = scene.writer.query_row(sql, patterns, |row| row.get::<_, i64>(0));
        found.expect("a count")
    };
    let patterns: Vec<String> = (1..=20).map(|number| format!("\\w{{11}}a{number}")).collect();
    let conditions: Vec<String> = (1..=20)
        .map(|number| format!("diglot_regexp(?{number}, x, 0)"))
        .collect();
    let any = conditions.join(" OR ");
    let begin = Instant::now();
    let sql = format!("SELECT count(*) FROM t WHERE {any} OR diglot_regexp('^row 7$', x, 0)");
    assert_eq!(count(&sql, &patterns), 1);
    // Compiled for each row they take minutes.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    // Each row's own pattern, and each row's own say on case.
    let own = "SELECT count(*) FROM t WHERE diglot_regexp(x, x, 0) AND diglot_regexp('ROW', x, x LIKE '%1')";
    assert_eq!(count(own, &[]), 200);
    let none = "SELECT count(*) FROM t WHERE diglot_regexp(NULL, x, 0) IS NULL AND diglot_regexp('a', NULL, 0) IS NULL";
    assert_eq!(count(none, &[]), 2000);
}

#[test]
fn what_is_joined_has_an_end() {
    let scene = with_functions("");
    let joined = |length: usize| {
        let text = format!("\"{}\"", "a".repeat(length));
        let sql = "SELECT length(diglot_json_append(?1, '[1]'))";
        scene.writer.query_row(sql, [text], |row| row.get::<_, i64>(0))
    };
    assert_eq!(joined(1_000_000).expect("joined"), 1_000_006);
    let error = joined(16_000_000).expect_err("too large").to_string();
    assert!(error.contains("more than 16000000 bytes"), "{error}");
}

#[test]
fn a_strict_key_takes_no_null() {
    let scene = Scene::new("CREATE TABLE exact (id TEXT PRIMARY KEY) STRICT; CREATE TABLE loose (id TEXT PRIMARY KEY)");
    assert!(scene.writer.execute_batch("INSERT INTO loose VALUES (NULL)").is_ok());
    assert!(scene.writer.execute_batch("INSERT INTO exact VALUES (NULL)").is_err());
}

#[tokio::test]
async fn the_plan_is_a_tree_of_lines() {
    let scene = Scene::new("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY, a INT)");
    let sqlite = scene.open().await;
    let sql = "SELECT id, (SELECT count(*) FROM b WHERE b.a = a.id) FROM a WHERE id = ?1";
    let statement = Statement::for_tests(sql, Vec::new(), shape(Vec::new()));
    let plan = sqlite.explain(&statement, &[Datum::Integer(1)]).await.expect("a plan");
    assert_eq!(
        plan,
        "SEARCH a USING INTEGER PRIMARY KEY (rowid=?)\nCORRELATED SCALAR SUBQUERY 1\n  SCAN b\n"
    );
}
