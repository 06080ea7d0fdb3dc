//! Writes as rules and fronts meet them, on SQLite.

use super::*;
use crate::request::{
    Assignment, Batch, Change, Conflict, ConflictAction, ConflictTarget, Filter, Insert, RowGroup, Write,
};

const TABLES: &str = "CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT, locked INTEGER, hidden INTEGER DEFAULT 0); \
                      INSERT INTO note VALUES (1, 'one', 0, 0);";

const RULES: &str = r#"
    [tables.note.access.user]
    read = "hidden = 0"
    create = "_REQ_.title <> 'no'"
    update = "NOT ('locked' IN (_REQ_FIELDS_)) AND COALESCE(_REQ_.title, '') <> 'no'"
"#;

fn plain(change: Change, returning: Option<Output>) -> Write {
    Write {
        table: Name::new("note"),
        change,
        returning,
        formats: crate::request::Formats::default(),
        unit: 0,
        strict: false,
        skips: false,
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// Rows by their columns; each with its place among all.
fn insert(groups: &[(&[&str], &[(i64, &[Value])])], conflict: Option<Conflict>) -> Batch {
    let mut builder = Builder::new();
    let groups = groups.iter().map(|(columns, rows)| {
        let row = |(place, values): &(i64, &[Value])| {
            Value::List(
                [Value::Integer(*place)]
                    .into_iter()
                    .chain(values.iter().cloned())
                    .collect(),
            )
        };
        RowGroup {
            columns: columns.iter().map(|name| Name::new(*name)).collect(),
            links: Vec::new(),
            rows: builder.push(Value::List(rows.iter().map(row).collect())),
        }
    });
    let groups = groups.collect();
    let write = plain(Change::Insert(Insert { groups, conflict }), Some(Output::Keys));
    builder.finish_batch(vec![write])
}

fn update(set: &[(&str, Value)]) -> Batch {
    let mut builder = Builder::new();
    let key = Filter::Key(vec![builder.push(Value::Integer(1))]);
    let set = set.iter().map(|(column, value)| Assignment {
        column: Name::new(*column),
        value: Expression::Value(builder.push(value.clone())),
    });
    let change = Change::Update {
        set: set.collect(),
        filter: Some(key),
        within: None,
        links: Vec::new(),
    };
    builder.finish_batch(vec![plain(change, Some(Output::Keys))])
}

/// The number of rows and the keys that were told; the code of an error and its row.
async fn written(served: &Served, batch: Batch) -> Result<(u64, String), (&'static str, Option<usize>)> {
    let snapshot = served.engine.snapshot();
    let outcome = served.engine.write(&snapshot, &user("1", "1"), batch).await;
    match outcome {
        Ok(written) => {
            let body = written[0].body.clone().unwrap_or_default();
            Ok((written[0].count, String::from_utf8_lossy(&body).into_owned()))
        }
        Err(error) => Err((error.code.0, error.row)),
    }
}

#[tokio::test]
async fn rules_ask_what_was_sent() {
    let served = Served::new(TABLES, RULES).await;
    let one = || r#"[{"id":1}]"#.to_owned();
    assert_eq!(
        written(&served, update(&[("title", text("uno"))])).await,
        Ok((1, one()))
    );
    // No row is the caller's to change in this way.
    assert_eq!(
        written(&served, update(&[("title", text("no"))])).await,
        Ok((0, "[]".into()))
    );
    let both = [("title", text("due")), ("locked", Value::Integer(1))];
    assert_eq!(written(&served, update(&both)).await, Ok((0, "[]".into())));
    // An upsert changes under the same rule; each group of rows has sent its own columns.
    let conflict = || {
        Some(Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Update {
                columns: None,
                filter: None,
                proposed: true,
            },
        })
    };
    let titled: &[(i64, &[Value])] = &[(0, &[Value::Integer(1), text("tre")])];
    let locked: &[(i64, &[Value])] = &[(1, &[Value::Integer(1), text("tre"), Value::Integer(1)])];
    let good = insert(&[(&["id", "title"], titled)], conflict());
    assert_eq!(written(&served, good).await, Ok((1, one())));
    let refused = insert(
        &[(&["id", "title"], titled), (&["id", "title", "locked"], locked)],
        conflict(),
    );
    assert_eq!(written(&served, refused).await, Err(("access_denied", Some(1))));
}

#[tokio::test]
async fn rows_are_counted_over_all_groups_and_keys_are_told_of_hidden_ones() {
    let served = Served::new(TABLES, RULES).await;
    let titled: &[(i64, &[Value])] = &[(0, &[text("a")]), (3, &[text("no")])];
    let hidden: &[(i64, &[Value])] = &[
        (1, &[text("b"), Value::Integer(1)]),
        (2, &[text("c"), Value::Integer(0)]),
    ];
    let refused = insert(&[(&["title"], titled), (&["title", "hidden"], hidden)], None);
    assert_eq!(written(&served, refused).await, Err(("check_failed", Some(3))));
    let good = insert(&[(&["title"], &titled[..1]), (&["title", "hidden"], hidden)], None);
    // In the order in which they were sent; the second cannot be read.
    assert_eq!(
        written(&served, good).await,
        Ok((3, r#"[{"id":2},{"id":3},{"id":4}]"#.into()))
    );
}
