//! What the accounts ask of the engine, as the server itself: rows of Diglot's own tables and of the users'.

use crate::engine::{Delivery, Engine, Snapshot, Written};
use crate::error::{Error, Result};
use crate::ident::Name;
use crate::principal::Principal;
use crate::request::{
    Assignment, Builder, Change, Comparison, Conflict, Expression, Field, FieldValue, Filter, Formats, Function,
    Insert, Link, Nulls, Order, Output, Page, Read, RowGroup, Select, Side, Source, Write,
};
use crate::value::Value;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// A row by column.
pub(in crate::auth) type Row = Map<String, Json>;

/// A condition on a column.
pub(in crate::auth) enum Is {
    /// Compared with a value, or with a list.
    Compared(&'static str, Comparison, Value),
    /// Null, or not.
    Null(&'static str, bool),
    /// A text that is this one in lower case.
    Lower(Name, String),
    /// The table's key, as it is written outside.
    Key(String),
}

/// A column that equals a text.
pub(in crate::auth) fn is(column: &'static str, text: &str) -> Is {
    Is::Compared(column, Comparison::Equal, Value::Text(text.into()))
}

/// A column that equals a number.
pub(in crate::auth) fn is_number(column: &'static str, number: i64) -> Is {
    Is::Compared(column, Comparison::Equal, Value::Integer(number))
}

/// What is asked for of a table.
pub(in crate::auth) struct Question<'a> {
    pub(in crate::auth) table: &'a str,
    pub(in crate::auth) columns: Vec<Name>,
    /// All of them hold.
    pub(in crate::auth) wanted: Vec<Is>,
    pub(in crate::auth) limit: Option<i64>,
}

/// Rows, in the order of the first column.
pub(in crate::auth) async fn rows(engine: &Engine, snapshot: &Snapshot, question: Question<'_>) -> Result<Vec<Row>> {
    let mut builder = Builder::new();
    let filter = filter(&mut builder, question.wanted);
    let limit = question.limit.map(|limit| builder.push(Value::Integer(limit)));
    let order = question.columns.first().map(|column| Order {
        by: Expression::Column(column.clone()),
        descending: false,
        nulls: Nulls::Last,
    });
    let select = Select {
        filter,
        order: order.into_iter().collect(),
        page: Page {
            limit,
            ..Page::default()
        },
        output: Output::Rows(members(&question.columns)),
        ..Select::default()
    };
    let request = builder.finish(Read {
        source: Source::Table(Name::new(question.table)),
        select,
        formats: Formats::default(),
    });
    let principal = Principal::system();
    let room = engine.room();
    let outcome = Box::pin(engine.run(snapshot.system(), &principal, &request, Delivery::Whole(&room))).await?;
    serde_json::from_slice(&outcome.body.whole()?).map_err(Error::internal)
}

/// Writes that happen together, in the making.
#[derive(Default)]
pub(in crate::auth) struct Changes {
    builder: Builder,
    writes: Vec<Write>,
}

/// A new value.
pub(in crate::auth) enum To {
    /// This one.
    Value(Value),
    /// So much more than it was.
    Plus(i64),
}

impl Changes {
    /// New rows with the same columns. With `user` their `user_id` is the key of the row that that write makes.
    pub(in crate::auth) fn insert(
        &mut self,
        table: &str,
        columns: Vec<Name>,
        rows: Vec<Vec<Value>>,
        user: Option<usize>,
        conflict: Option<Conflict>,
    ) -> usize {
        let rows = (0_i64..).zip(rows).map(|(place, row)| {
            let linked = user.map(|_| Value::Integer(0));
            Value::List([Value::Integer(place)].into_iter().chain(linked).chain(row).collect())
        });
        let rows = self.builder.push(Value::List(rows.collect()));
        let links = user.map(|write| Link {
            write,
            relation: Name::new("user"),
            side: Side::Own,
        });
        let group = RowGroup {
            columns,
            links: links.into_iter().collect(),
            rows,
        };
        let groups = vec![group];
        self.push(table, Change::Insert(Insert { groups, conflict }))
    }

    pub(in crate::auth) fn update(&mut self, table: &str, wanted: Vec<Is>, set: Vec<(&'static str, To)>) -> usize {
        let filter = filter(&mut self.builder, wanted);
        let set = set.into_iter().map(|(column, to)| Assignment {
            column: Name::new(column),
            value: match to {
                To::Value(value) => Expression::Value(self.builder.push(value)),
                To::Plus(number) => Expression::Call {
                    function: Function::Add,
                    arguments: vec![
                        Expression::Column(Name::new(column)),
                        Expression::Value(self.builder.push(Value::Integer(number))),
                    ],
                },
            },
        });
        let set = set.collect();
        self.push(
            table,
            Change::Update {
                filter,
                within: None,
                set,
                links: Vec::new(),
            },
        )
    }

    pub(in crate::auth) fn delete(&mut self, table: &str, wanted: Vec<Is>) -> usize {
        let filter = filter(&mut self.builder, wanted);
        self.push(table, Change::Delete { filter, within: None })
    }

    /// What the last write has written is wanted back.
    pub(in crate::auth) fn returning(&mut self, columns: &[Name]) {
        if let Some(last) = self.writes.last_mut() {
            last.returning = Some(Output::Rows(members(columns)));
        }
    }

    /// The last write is about rows whose `user_id` is the key of the row that an earlier write makes.
    pub(in crate::auth) fn of_user(&mut self, write: usize) {
        let link = Link {
            write,
            relation: Name::new("user"),
            side: Side::Own,
        };
        if let Some(Change::Update { within, .. } | Change::Delete { within, .. }) =
            self.writes.last_mut().map(|last| &mut last.change)
        {
            *within = Some(link);
        }
    }

    /// Without a row the last write is an error, and nothing of all happens.
    pub(in crate::auth) fn strict(&mut self) {
        if let Some(last) = self.writes.last_mut() {
            last.strict = true;
        }
    }

    fn push(&mut self, table: &str, change: Change) -> usize {
        let index = self.writes.len();
        self.writes.push(Write {
            table: Name::new(table),
            change,
            returning: None,
            formats: Formats::default(),
            unit: u16::try_from(index).unwrap_or(u16::MAX),
            strict: false,
            skips: false,
        });
        index
    }

    /// Does all of it, or nothing.
    pub(in crate::auth) async fn run(self, engine: &Arc<Engine>, snapshot: &Snapshot) -> Result<Vec<Written>> {
        let batch = self.builder.finish_batch(self.writes);
        Box::pin(engine.write(snapshot.system(), &Principal::system(), batch)).await
    }
}

/// The rows that a write has given back.
pub(in crate::auth) fn returned(written: &Written) -> Result<Vec<Row>> {
    match &written.body {
        Some(body) => serde_json::from_slice(body).map_err(Error::internal),
        None => Ok(Vec::new()),
    }
}

pub(in crate::auth) fn names(columns: &[&str]) -> Vec<Name> {
    columns.iter().map(|column| Name::new(*column)).collect()
}

/// A text of a row; null is none.
pub(in crate::auth) fn text(row: &Row, column: &str) -> Option<String> {
    row.get(column).and_then(Json::as_str).map(str::to_owned)
}

/// A number of a row.
pub(in crate::auth) fn number(row: &Row, column: &str) -> Option<i64> {
    row.get(column).and_then(Json::as_i64)
}

/// Whether a column of a row is true.
pub(in crate::auth) fn flag(row: &Row, column: &str) -> bool {
    row.get(column) == Some(&Json::Bool(true))
}

fn members(columns: &[Name]) -> Vec<Field> {
    let member = |column: &Name| Field::Member {
        key: column.clone(),
        value: FieldValue::Expression(Expression::Column(column.clone())),
    };
    columns.iter().map(member).collect()
}

fn filter(builder: &mut Builder, wanted: Vec<Is>) -> Option<Filter> {
    let conditions: Vec<Filter> = wanted.into_iter().map(|is| condition(builder, is)).collect();
    (!conditions.is_empty()).then_some(Filter::And(conditions))
}

fn condition(builder: &mut Builder, is: Is) -> Filter {
    match is {
        Is::Compared(column, comparison, value) => Filter::Compare {
            left: Expression::Column(Name::new(column)),
            comparison,
            right: Expression::Value(builder.push(value)),
        },
        Is::Null(column, null) => Filter::IsNull {
            expression: Expression::Column(Name::new(column)),
            null,
        },
        Is::Lower(column, text) => Filter::Compare {
            left: Expression::Call {
                function: Function::Lower,
                arguments: vec![Expression::Column(column)],
            },
            comparison: Comparison::Equal,
            right: Expression::Value(builder.push(Value::Text(text.into()))),
        },
        Is::Key(key) => Filter::Key(vec![builder.push(Value::Raw(key.into()))]),
    }
}
