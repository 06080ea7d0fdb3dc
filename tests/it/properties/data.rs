//! Three tables and rows for them: every kind of column, relations to one and to many, nulls, references that lead nowhere.

use crate::world::Database;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Number, Value as Json, json};
use std::cmp::Ordering;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Big,
    Text,
    Decimal,
    Double,
    Boolean,
    Date,
    Moment,
    Json,
}

/// A value of a cell.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    /// In hundredths.
    Decimal(i64),
    /// In eighths.
    Double(i64),
    Boolean(bool),
    Date(String),
    Moment(String),
    Json(Json),
    /// Bytes, which no column declares: only where a cell is spoiled.
    Bytes(Vec<u8>),
}

pub(super) type Row = Vec<Value>;

/// A relation: own column, target, its column.
pub(super) struct Relation {
    pub name: &'static str,
    pub many: bool,
    pub own: usize,
    pub target: usize,
    pub theirs: usize,
}

/// A table.
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub relations: &'static [Relation],
}

pub(super) const OWNER: usize = 0;
pub(super) const ITEM: usize = 1;
pub(super) const NOTE: usize = 2;

pub(super) const TABLES: [Table; 3] = [
    Table {
        name: "owner",
        columns: &[
            ("id", Kind::Integer),
            ("label", Kind::Text),
            ("rank", Kind::Integer),
            ("active", Kind::Boolean),
        ],
        relations: &[Relation {
            name: "items",
            many: true,
            own: 0,
            target: ITEM,
            theirs: 1,
        }],
    },
    Table {
        name: "item",
        columns: &[
            ("id", Kind::Integer),
            ("owner_id", Kind::Integer),
            ("parent_id", Kind::Integer),
            ("small", Kind::Integer),
            ("big", Kind::Big),
            ("name", Kind::Text),
            ("price", Kind::Decimal),
            ("ratio", Kind::Double),
            ("flag", Kind::Boolean),
            ("day", Kind::Date),
            ("moment", Kind::Moment),
            ("data", Kind::Json),
        ],
        relations: &[
            Relation {
                name: "owner",
                many: false,
                own: 1,
                target: OWNER,
                theirs: 0,
            },
            Relation {
                name: "parent",
                many: false,
                own: 2,
                target: ITEM,
                theirs: 0,
            },
            Relation {
                name: "children",
                many: true,
                own: 0,
                target: ITEM,
                theirs: 2,
            },
            Relation {
                name: "notes",
                many: true,
                own: 0,
                target: NOTE,
                theirs: 1,
            },
        ],
    },
    Table {
        name: "note",
        columns: &[
            ("id", Kind::Integer),
            ("item_id", Kind::Integer),
            ("body", Kind::Text),
            ("stars", Kind::Integer),
            ("open", Kind::Boolean),
        ],
        relations: &[Relation {
            name: "item",
            many: false,
            own: 1,
            target: ITEM,
            theirs: 0,
        }],
    },
];

/// The rows of all tables.
#[derive(Clone, Debug)]
pub(super) struct Data(pub [Vec<Row>; 3]);

impl std::fmt::Debug for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.literal())
    }
}

impl Value {
    /// As SQL.
    pub(super) fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".into(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) | Self::Date(text) => quoted(text),
            Self::Moment(text) => quoted(&text.replace('T', " ")),
            Self::Decimal(_) | Self::Double(_) => self.plain(),
            Self::Boolean(true) => "TRUE".into(),
            Self::Boolean(false) => "FALSE".into(),
            Self::Json(json) => quoted(&json.to_string()),
            Self::Bytes(bytes) => format!(
                "x'{}'",
                bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
            ),
        }
    }

    /// As a parameter of a URL.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Decimal(number) => {
                let sign = if *number < 0 { "-" } else { "" };
                format!(
                    "{sign}{}.{:02}",
                    number.unsigned_abs() / 100,
                    number.unsigned_abs() % 100
                )
            }
            #[allow(clippy::cast_precision_loss, reason = "small numbers")]
            Self::Double(number) => format!("{}", *number as f64 / 8.0),
            Self::Text(text) | Self::Date(text) | Self::Moment(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Json(json) => json.to_string(),
            other => other.literal(),
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Null | Self::Bytes(_) => Json::Null,
            Self::Integer(number) => json!(number),
            Self::Decimal(_) | Self::Double(_) => Json::Number(self.plain().parse::<Number>().unwrap()),
            Self::Boolean(value) => json!(value),
            Self::Text(text) | Self::Date(text) | Self::Moment(text) => json!(text),
            Self::Json(json) => json.clone(),
        }
    }

    /// The order of two values of one kind; `None` where one is null.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two))
            | (Self::Decimal(one), Self::Decimal(two))
            | (Self::Double(one), Self::Double(two)) => Some(one.cmp(two)),
            (Self::Boolean(one), Self::Boolean(two)) => Some(one.cmp(two)),
            (Self::Text(one), Self::Text(two))
            | (Self::Date(one), Self::Date(two))
            | (Self::Moment(one), Self::Moment(two)) => Some(one.as_bytes().cmp(two.as_bytes())),
            (Self::Json(one), Self::Json(two)) => Some(if one == two { Ordering::Equal } else { Ordering::Less }),
            _ => None,
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The tables, empty. Foreign keys are not declared: references may lead nowhere, which must look like a hidden row.
pub(super) fn schema(database: Database) -> String {
    let mut script = String::new();
    for table in &TABLES {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, kind)| {
                let declared = match (kind, database) {
                    (Kind::Integer, _) => "INTEGER",
                    (Kind::Big, _) => "BIGINT",
                    (Kind::Text, _) => "TEXT",
                    (Kind::Decimal, _) => "DECIMAL(12,2)",
                    (Kind::Double, _) => "DOUBLE PRECISION",
                    (Kind::Boolean, _) => "BOOLEAN",
                    (Kind::Date, _) => "DATE",
                    (Kind::Moment, _) => "TIMESTAMP",
                    (Kind::Json, Database::Sqlite) => "JSON",
                    (Kind::Json, Database::Postgres) => "JSONB",
                };
                format!("{name} {declared}{}", if *name == "id" { " PRIMARY KEY" } else { "" })
            })
            .collect();
        script += &format!("CREATE TABLE {} ({});\n", table.name, columns.join(", "));
    }
    script
}

/// The relations, for the configuration.
pub(super) fn relations() -> String {
    let mut text = String::new();
    for table in &TABLES {
        for relation in table.relations {
            let target = &TABLES[relation.target];
            text += &format!(
                "[tables.{}.relations.{}]\ntable = \"{}\"\ncolumns = [\"{}\"]\nreferences = [\"{}\"]\nmany = {}\n\n",
                table.name,
                relation.name,
                target.name,
                table.columns[relation.own].0,
                target.columns[relation.theirs].0,
                relation.many
            );
        }
    }
    text
}

impl Data {
    /// A script that puts these rows in place of all others.
    pub(super) fn script(&self) -> String {
        let mut script = String::new();
        for (table, rows) in TABLES.iter().zip(&self.0) {
            script += &format!("DELETE FROM {};\n", table.name);
            if rows.is_empty() {
                continue;
            }
            let rows: Vec<String> = rows
                .iter()
                .map(|row| format!("({})", row.iter().map(Value::literal).collect::<Vec<_>>().join(", ")))
                .collect();
            script += &format!("INSERT INTO {} VALUES {};\n", table.name, rows.join(",\n"));
        }
        script
    }
}

// ------------------------------------------------------------------------------------------------------- at random

/// A value of a kind, never null. Few different ones, so that they are often equal.
pub(super) fn value(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Integer => prop_oneof![
            6 => (-2_i64..6).prop_map(Value::Integer),
            1 => select(vec![i64::from(i32::MIN), i64::from(i32::MAX)]).prop_map(Value::Integer)
        ]
        .boxed(),
        Kind::Big => select(vec![
            0,
            1,
            -1,
            2,
            9_007_199_254_740_992,
            9_007_199_254_740_993,
            i64::MIN,
            i64::MAX,
        ])
        .prop_map(Value::Integer)
        .boxed(),
        Kind::Text => text().prop_map(Value::Text).boxed(),
        Kind::Decimal => select(vec![0, 1, -1, 10, 100, 1999, 2000, -1050, 999_999_999_999])
            .prop_map(Value::Decimal)
            .boxed(),
        Kind::Double => select(vec![0, 1, -1, 8, 12, 80_000, -8])
            .prop_map(Value::Double)
            .boxed(),
        Kind::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Kind::Date => select(vec![
            "2024-02-29",
            "1999-12-31",
            "2000-01-01",
            "0001-01-01",
            "9999-12-31",
        ])
        .prop_map(|text| Value::Date(text.into()))
        .boxed(),
        Kind::Moment => select(vec![
            "2024-02-29T00:00:00",
            "2024-02-28T23:59:59",
            "1999-12-31T12:30:00",
            "2024-02-29T00:00:01",
        ])
        .prop_map(|text| Value::Moment(text.into()))
        .boxed(),
        Kind::Json => json_value().prop_map(Value::Json).boxed(),
    }
}

/// Pieces that mean something to SQL, LIKE, GLOB, regular expressions, URLs or JSON. Letters beyond ASCII are lower case:
/// folding them is each database's own.
fn text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a", "b", "A", "ab", "B", "%", "_", "\\", "'", "\"", "*", "?", "[", "]", "[a]", "^", "-", "é", "日", "🪐", " ",
        "\n", "{}", "$1", "?1", ",", "+", "&", "=", "#", "/", "null", "0", ";", "--", "(", ")", ".", "|", "\u{1}",
    ];
    prop_oneof![
        6 => vec(select(pieces), 0..4).prop_map(|pieces| pieces.concat()),
        1 => select(vec!["true", "NULL", "1e3", "!NULL", "%41"]).prop_map(String::from),
    ]
}

/// Whole numbers, and one that is not, are enough: how equal 1 and 1.0 are is each database's own.
pub(super) fn json_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (0_i64..3).prop_map(Json::from),
        select(vec!["a", "b", "", "é", "'", "\"", "a.b"]).prop_map(Json::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Json::from),
            vec((select(vec!["a", "b", "", "a.b", "$", "\""]), inner), 0..3).prop_map(|pairs| Json::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// A value, or null.
pub(super) fn cell(kind: Kind) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 4 => value(kind)]
}

fn rows(table: usize, most: usize) -> impl Strategy<Value = Vec<Row>> {
    let cells: Vec<BoxedStrategy<Value>> = TABLES[table]
        .columns
        .iter()
        .map(|(name, kind)| match *name {
            // References lead to some row, or nowhere.
            "owner_id" | "parent_id" | "item_id" => {
                prop_oneof![1 => Just(Value::Null), 6 => (1_i64..9).prop_map(Value::Integer)].boxed()
            }
            _ => cell(*kind).boxed(),
        })
        .collect();
    vec(cells, 0..most).prop_map(|mut rows| {
        for (row, id) in rows.iter_mut().zip(1..) {
            row[0] = Value::Integer(id);
        }
        rows
    })
}

/// Rows of all tables, fewer than fifty of each: REST's default page holds them.
pub(super) fn data() -> impl Strategy<Value = Data> {
    (rows(OWNER, 7), rows(ITEM, 25), rows(NOTE, 25)).prop_map(|(owners, items, notes)| Data([owners, items, notes]))
}
