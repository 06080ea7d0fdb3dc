use super::*;
use crate::request::{BytesFormat, NumberFormat};
use crate::sql::Nested;
use std::sync::Arc;

/// Every type in several values: our JSON is what the database's `to_json` says.
#[tokio::test]
async fn values_are_written_as_to_json_does() {
    let hex = BytesFormat::Hex;
    let number = NumberFormat::Number;
    let cases: Vec<(&str, Wire, &[&str])> = vec![
        ("bool", Wire::Boolean, &["true", "false"]),
        ("int2", Wire::Integer, &["-32768", "32767", "0"]),
        ("int4", Wire::Integer, &["-2147483648", "2147483647"]),
        (
            "int8",
            Wire::BigInteger(number),
            &["-9223372036854775808", "9223372036854775807"],
        ),
        (
            "float4",
            Wire::Float4,
            &[
                "5",
                "0.1",
                "-1.5e-30",
                "3.4028235e38",
                "NaN",
                "Infinity",
                "-Infinity",
                "-0",
            ],
        ),
        (
            "float8",
            Wire::Float8,
            &[
                "5",
                "0.1",
                "1e20",
                "1e15",
                "1e16",
                "1.7976931348623157e308",
                "5e-324",
                "123456.789",
                "NaN",
                "-Infinity",
            ],
        ),
        (
            "text",
            Wire::Text,
            &["", "plain", "a\"b\\c/d\n\t\r\u{8}\u{c}\u{1}\u{7f}", "äöü 🦀 \u{2028}"],
        ),
        ("varchar(5)", Wire::Text, &["abc"]),
        ("bpchar", Wire::Text, &["abc  "]),
        ("json", Wire::Json, &["{\"a\": [1, 2.50, null]}", "\"x\"", "null"]),
        ("jsonb", Wire::Jsonb, &["{\"a\": [1, 2.50, null]}", "\"x\"", "1e3"]),
        ("uuid", Wire::Uuid(hex), &["00112233-4455-6677-8899-aabbccddeeff"]),
        (
            "date",
            Wire::Date,
            &[
                "2026-01-31",
                "2000-02-29",
                "1900-03-01",
                "0001-01-01",
                "0001-12-31 BC",
                "0044-03-15 BC",
                "4713-01-01 BC",
                "9999-12-31",
                "10000-01-01",
                "5874897-12-31",
                "infinity",
                "-infinity",
            ],
        ),
        (
            "time",
            Wire::Time,
            &["00:00", "12:30:00.5", "23:59:59.999999", "24:00:00"],
        ),
        (
            "timestamp",
            Wire::Timestamp,
            &[
                "2026-01-31 12:30:00.5",
                "1999-12-31 23:59:59.999999",
                "0044-03-15 12:00:00.000001 BC",
                "294276-12-31 23:59:59.999999",
                "4713-01-01 00:00:00 BC",
                "infinity",
                "-infinity",
            ],
        ),
        (
            "timestamptz",
            Wire::TimestampTz,
            &[
                "2026-01-31 12:30:00+02",
                "2000-01-01 00:00:00.123450Z",
                "0044-03-15 12:00:00Z BC",
                "infinity",
                "-infinity",
            ],
        ),
        ("bytea", Wire::Bytes(hex), &["\\x", "\\x00ff41"]),
        (
            "numeric",
            Wire::Numeric(number),
            &[
                "0",
                "10.50",
                "-0.0001",
                "123456789012345678901234567890.123456789",
                "NaN",
                "Infinity",
                "-Infinity",
            ],
        ),
    ];
    with_database("", async move |scratch| {
        let postgres = scratch.connect().await;
        for (name, wire, values) in cases {
            let sent = if matches!(wire, Wire::Numeric(_)) { "CAST(v.value AS text)" } else { "v.value" };
            let sql = format!(
                "SELECT {sent}, to_json(v.value)::text FROM unnest(CAST($1 AS text[])::{name}[]) WITH ORDINALITY AS v(value, n) \
                 ORDER BY v.n"
            );
            let outputs = vec![column(0, wire), column(1, Wire::Json)];
            let statement = Statement::for_tests(&sql, vec![list(Type::TEXT)], shape(outputs));
            let mut sent: Vec<Datum> = values.iter().map(|value| Datum::Text((*value).into())).collect();
            sent.push(Datum::Null);
            let rows = run(&postgres, &statement, &[Datum::List(sent)]).await.unwrap();
            let [ours, theirs] = [0, 1].map(|output| {
                let json: Vec<serde_json::Value> = serde_json::from_str(&format!("[{}]", text(&rows, output))).unwrap();
                json
            });
            assert_eq!(rows.count as usize, values.len() + 1);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                if matches!(wire, Wire::Float4 | Wire::Float8) && ours.is_number() {
                    // The same digits; 1e20 is 1e+20 there.
                    assert_eq!(ours.as_f64(), theirs.as_f64(), "{name}");
                } else {
                    assert_eq!(ours, theirs, "{name}");
                }
            }
        }
    })
    .await;
}

const LIBRARY: &str = "CREATE TABLE author (id int PRIMARY KEY, name text); \
    CREATE TABLE book (id int PRIMARY KEY, author_id int REFERENCES author, title text, price numeric(10,2)); \
    INSERT INTO author VALUES (1, 'Ann'), (2, 'Bob'), (3, NULL); \
    INSERT INTO book VALUES (10, 1, 'One', 9.50), (11, 1, 'Two', NULL), (12, 2, 'Three', 1)";

#[tokio::test]
async fn relations_come_as_records() {
    with_database(LIBRARY, async |scratch| {
        let postgres = scratch.connect().await;
        let book = object(&[("id", column(0, Wire::Integer)), ("price", column(1, Wire::Numeric(NumberFormat::Text)))]);
        let nested = |index, nested| Layout::Nested {
            index,
            nested: Box::new(nested),
        };
        let layout = object(&[
            ("name", column(1, Wire::Text)),
            ("books", nested(2, Nested::Rows(book.clone()))),
            ("first", nested(3, Nested::Row(book))),
        ]);
        let statement = Statement::for_tests(
            "SELECT t0.id, t0.name, ARRAY(SELECT ROW(t1.id, t1.price::text) FROM book t1 WHERE t1.author_id = t0.id \
             ORDER BY t1.id LIMIT CAST($1 AS bigint)), (SELECT ROW(t1.id, t1.price::text) FROM book t1 \
             WHERE t1.author_id = t0.id ORDER BY t1.id LIMIT 1) FROM author t0 ORDER BY t0.id",
            vec![Mark {
                form: Form::Count { most: None, plus: 0 },
                ..mark(Type::Integer(32))
            }],
            shape(vec![layout]),
        );
        let rows = run(&postgres, &statement, &[Datum::Integer(5)]).await.unwrap();
        assert_eq!(
            text(&rows, 0),
            r#"{"name":"Ann","books":[{"id":10,"price":"9.50"},{"id":11,"price":null}],"first":{"id":10,"price":"9.50"}},{"name":"Bob","books":[{"id":12,"price":"1.00"}],"first":{"id":12,"price":"1.00"}},{"name":null,"books":[],"first":null}"#
        );
        let rows = run(&postgres, &statement, &[Datum::Null]).await.unwrap();
        assert_eq!(rows.count, 3);
    })
    .await;
}

/// The driver asks the database about types that it does not know, and fails on multiranges: but only for the columns of
/// the result, never for what is within a record. So a statement casts such columns to text at the root alone.
#[tokio::test]
async fn records_need_no_knowledge_of_types() {
    with_database("CREATE TYPE mood AS ENUM ('ok')", async |scratch| {
        let postgres = scratch.connect().await;
        let inner = Nested::Rows(object(&[
            ("mood", column(0, Wire::Text)),
            ("n", column(2, Wire::Integer)),
        ]));
        let layout = Layout::Nested {
            index: 0,
            nested: Box::new(inner),
        };
        let statement = Statement::for_tests(
            "SELECT ARRAY(SELECT ROW('ok'::mood, '{[1,2)}'::int4multirange, 5))",
            vec![],
            shape(vec![layout]),
        );
        let rows = run(&postgres, &statement, &[]).await.unwrap();
        assert_eq!(text(&rows, 0), r#"[{"mood":"ok","n":5}]"#);
    })
    .await;
}

#[tokio::test]
async fn pages_totals_and_cursors() {
    with_database(LIBRARY, async |scratch| {
        let postgres = scratch.connect().await;
        let page = |sql: &str, reversed: bool| {
            Statement::for_tests(
                sql,
                vec![],
                Shape {
                    outputs: vec![
                        object(&[("id", column(0, Wire::Integer)), ("cursor", Layout::Cursor)]),
                        column(3, Wire::Text),
                    ],
                    total: Some(1),
                    present: Some(0),
                    cursor: vec![2, 3],
                    reversed,
                },
            )
        };
        let seal: super::super::super::Seal = Arc::new(|parts| {
            let part = |part: &Datum| match part {
                Datum::Text(text) => text.to_string(),
                other => panic!("{other:?}"),
            };
            parts.iter().map(part).collect::<Vec<_>>().join("/")
        });
        let get = async |statement: &Statement, most| {
            let run = Run {
                statement,
                values: &[],
                most,
                seal: Some(&seal),
                room: &Memory::unbounded().room(),
            };
            postgres.run(run).await.unwrap()
        };
        let part = |text: &str| Datum::Text(text.into());
        let sql = "SELECT id, count(*) OVER (), id::text AS key, title FROM book ORDER BY id";
        let rows = get(&page(sql, false), Some(2)).await;
        assert_eq!(text(&rows, 1), r#""One","Two""#);
        assert!(
            text(&rows, 0).starts_with(r#"{"id":10,"cursor":"10/One"},{"id":11,"#),
            "{}",
            text(&rows, 0)
        );
        assert_eq!((rows.count, rows.more, rows.total), (2, true, Some(3)));
        assert_eq!(rows.first, Some(vec![part("10"), part("One")]));
        assert_eq!(rows.last, Some(vec![part("11"), part("Two")]));

        let rows = get(&page(&sql.replace("BY id", "BY id DESC"), true), Some(2)).await;
        assert_eq!(text(&rows, 1), r#""Two","Three""#);
        assert_eq!(rows.first, Some(vec![part("11"), part("Two")]));
        assert_eq!(rows.last, Some(vec![part("12"), part("Three")]));
        assert!(rows.more);

        let empty = "SELECT r.id, t.n, r.id::text, r.title FROM (SELECT count(*) AS n FROM book) t \
            LEFT JOIN (SELECT * FROM book WHERE false) r ON true";
        let rows = get(&page(empty, false), None).await;
        assert_eq!(
            (rows.count, rows.more, rows.total, &rows.first),
            (0, false, Some(3), &None)
        );
        assert_eq!(text(&rows, 0), "");
        let one = get(&page(&format!("{sql} LIMIT 1"), true), Some(1)).await;
        assert_eq!(one.first, one.last);
        assert_eq!(text(&one, 1), r#""One""#);
    })
    .await;
}

/// Whatever is bound comes back, cast as the contract with the renderer says.
#[tokio::test]
async fn values_are_bound_by_type() {
    let text = |text: &str| Datum::Text(text.into());
    let cases = vec![
        (mark(Type::Boolean), "boolean", Datum::Boolean(true), "true"),
        (mark(Type::Integer(16)), "int2", Datum::Integer(-5), "-5"),
        (mark(Type::Integer(32)), "int4", Datum::Integer(7), "7"),
        (
            mark(Type::Integer(64)),
            "int8",
            text("9223372036854775807"),
            "9223372036854775807",
        ),
        (mark(Type::Float(32)), "float4", Datum::Float(0.5), "0.5"),
        (mark(Type::Float(64)), "float8", Datum::Float(f64::INFINITY), "Infinity"),
        (mark(Type::Bytes), "bytea", Datum::Bytes(Box::new([0, 255])), "\\x00ff"),
        (mark(Type::Numeric), "text::numeric", text("10.50"), "10.50"),
        (mark(Type::Date), "text::date", text("2026-01-31"), "2026-01-31"),
        (mark(Type::Jsonb), "text::jsonb", text("{\"a\":1}"), "{\"a\": 1}"),
        (
            mark(Type::Uuid),
            "text::uuid",
            text("00112233-4455-6677-8899-aabbccddeeff"),
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        (
            mark(Type::Array(Box::new(Type::TEXT))),
            "text::text[]",
            Datum::List(vec![text("a,\"b"), Datum::Null]),
            "{\"a,\\\"b\",NULL}",
        ),
        (
            list(Type::Integer(32)),
            "int4[]",
            Datum::List(vec![Datum::Integer(1), Datum::Null]),
            "{1,NULL}",
        ),
        (
            list(Type::Integer(16)),
            "int2[]",
            Datum::List(vec![Datum::Integer(1)]),
            "{1}",
        ),
        (list(Type::Integer(64)), "int8[]", Datum::List(vec![]), "{}"),
        (
            list(Type::Boolean),
            "bool[]",
            Datum::List(vec![Datum::Boolean(false)]),
            "{f}",
        ),
        (
            list(Type::Float(64)),
            "float8[]",
            Datum::List(vec![Datum::Float(1.5)]),
            "{1.5}",
        ),
        (
            list(Type::Float(32)),
            "float4[]",
            Datum::List(vec![Datum::Float(1.5)]),
            "{1.5}",
        ),
        (
            list(Type::Bytes),
            "bytea[]",
            Datum::List(vec![Datum::Bytes(Box::new([1]))]),
            "{\"\\\\x01\"}",
        ),
        (
            list(Type::Numeric),
            "text[]::numeric[]",
            Datum::List(vec![text("1.50"), Datum::Integer(2)]),
            "{1.50,2}",
        ),
    ];
    with_database("", async move |scratch| {
        let postgres = scratch.connect().await;
        for (mark, cast, datum, expected) in cases {
            let statement = Statement::for_tests(
                &format!("SELECT ($1::{cast})::text"),
                vec![mark.clone()],
                shape(vec![column(0, Wire::Text)]),
            );
            let rows = run(&postgres, &statement, &[datum]).await.unwrap();
            let json: serde_json::Value = serde_json::from_slice(&rows.buffers[0]).unwrap();
            assert_eq!(json, expected, "{cast}");
            let rows = run(&postgres, &statement, &[Datum::Null]).await.unwrap();
            assert_eq!(rows.buffers[0], b"null", "{cast}");
        }
    })
    .await;
}

#[tokio::test]
async fn plans_are_explained() {
    with_database(LIBRARY, async |scratch| {
        let postgres = scratch.connect().await;
        let statement = Statement::for_tests(
            "SELECT id FROM book WHERE id = $1::int4",
            vec![mark(Type::Integer(32))],
            shape(vec![column(0, Wire::Integer)]),
        );
        let plan = postgres.explain(&statement, &[Datum::Integer(10)]).await.unwrap();
        assert!(
            plan.contains("book_pkey") && plan.contains("10") && plan.lines().count() > 1,
            "{plan}"
        );
    })
    .await;
}

#[tokio::test]
async fn scripts_are_one_transaction() {
    with_database("", async |scratch| {
        let postgres = scratch.connect().await;
        postgres
            .execute_script("CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2)")
            .await
            .unwrap();
        postgres
            .execute_script("INSERT INTO a VALUES (3); SELECT 1 / 0; INSERT INTO a VALUES (4)")
            .await
            .unwrap_err();
        let statement = Statement::for_tests(
            "SELECT count(*)::int4 FROM a",
            vec![],
            shape(vec![column(0, Wire::Integer)]),
        );
        let rows = run(&postgres, &statement, &[]).await.unwrap();
        assert_eq!(text(&rows, 0), "2");
    })
    .await;
}
