//! The rows of `idempotency`, one for each key whose write has happened.

use super::super::Written;
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::request::{
    Assignment, Batch, Builder, Change, Comparison, Expression, Field, FieldValue, Filter, Formats, Insert, Nulls,
    Order, Output, Page, Read, Request, RowGroup, Select, Source, Write,
};
use crate::value::Value;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Milliseconds for which an outcome is told again.
pub(super) const LIFE: i64 = 24 * 60 * 60 * 1000;

/// Most bytes of an outcome.
const LARGEST: usize = 1024 * 1024;

/// The table.
pub(super) const TABLE: &str = "idempotency";

/// What is read of a row.
#[derive(Deserialize)]
pub(super) struct Kept {
    pub(super) request: String,
    pub(super) rights: String,
    outcome: String,
    kept_at: i64,
}

/// What one write gave.
#[derive(Serialize, Deserialize)]
struct Told<'a> {
    count: u64,
    created: u64,
    /// One or none: `null` is one.
    #[serde(borrow)]
    body: Vec<&'a RawValue>,
}

impl Kept {
    /// It is not told any more.
    pub(super) fn is_old(&self, now: i64) -> bool {
        self.kept_at < now - LIFE
    }

    /// What the writes gave.
    pub(super) fn written(&self) -> Result<Vec<Written>> {
        let told: Vec<Told<'_>> = serde_json::from_str(&self.outcome).map_err(Error::internal)?;
        let written = told.into_iter().map(|told| Written {
            body: told
                .body
                .first()
                .map(|body| Bytes::copy_from_slice(body.get().as_bytes())),
            count: told.count,
            created: told.created,
            replayed: true,
        });
        Ok(written.collect())
    }
}

/// What is kept of what writes gave.
///
/// # Errors
/// It is too large to be kept, so nothing may have happened.
pub(super) fn outcome(written: &[Written]) -> Result<String> {
    let size: usize = written
        .iter()
        .filter_map(|written| Some(written.body.as_ref()?.len()))
        .sum();
    if size > LARGEST {
        let message = format!(
            "this write gives back {size} bytes, and at most {LARGEST} are kept for an Idempotency-Key; nothing has happened: \
             ask for less of the rows back, or write fewer of them at once"
        );
        return Err(Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message));
    }
    let told = written.iter().map(|written| {
        let body = written.body.as_deref().map(serde_json::from_slice).transpose();
        Ok(Told {
            count: written.count,
            created: written.created,
            body: body.map_err(Error::internal)?.into_iter().collect(),
        })
    });
    serde_json::to_string(&told.collect::<Result<Vec<_>>>()?).map_err(Error::internal)
}

/// The question for a key's row.
pub(super) fn question(key: &str) -> Request {
    let mut builder = Builder::new();
    let key = builder.push(Value::Raw(key.into()));
    let select = Select {
        filter: Some(Filter::Key(vec![key])),
        output: Output::Row(members(&["request", "rights", "outcome", "kept_at"])),
        ..Select::default()
    };
    builder.finish(read(select))
}

/// A new row; with `anew` the one that stands goes first, which is too old.
pub(super) fn keep([key, request, rights, outcome]: [&str; 4], now: i64, anew: bool) -> Batch {
    let mut builder = Builder::new();
    let text = |text: &str| Value::Text(text.into());
    let mut writes = Vec::new();
    if anew {
        let key = builder.push(Value::Raw(key.into()));
        writes.push(write(Change::Delete {
            filter: Some(Filter::Key(vec![key])),
            within: None,
        }));
    }
    let row = [
        Value::Integer(0),
        text(key),
        text(request),
        text(rights),
        text(outcome),
        Value::Integer(now),
    ];
    let rows = builder.push(Value::List(vec![Value::List(row.into())]));
    let group = RowGroup {
        columns: ["key", "request", "rights", "outcome", "kept_at"].map(Name::new).into(),
        links: Vec::new(),
        rows,
    };
    writes.push(write(Change::Insert(Insert {
        groups: vec![group],
        conflict: None,
    })));
    builder.finish_batch(writes)
}

/// Puts the outcome into a row that was written without.
pub(super) fn complete(key: &str, outcome: &str) -> Batch {
    let mut builder = Builder::new();
    let key = builder.push(Value::Raw(key.into()));
    let outcome = builder.push(Value::Text(outcome.into()));
    let update = write(Change::Update {
        filter: Some(Filter::Key(vec![key])),
        within: None,
        set: vec![Assignment {
            column: Name::new("outcome"),
            value: Expression::Value(outcome),
        }],
        links: Vec::new(),
    });
    builder.finish_batch(vec![update])
}

/// The question for the oldest keys whose outcomes are not told any more.
pub(super) fn old(now: i64, most: i64) -> Request {
    let mut builder = Builder::new();
    let select = Select {
        filter: Some(Filter::Compare {
            left: column("kept_at"),
            comparison: Comparison::Less,
            right: Expression::Value(builder.push(Value::Integer(now - LIFE))),
        }),
        order: vec![Order {
            by: column("kept_at"),
            descending: false,
            nulls: Nulls::Last,
        }],
        page: Page {
            limit: Some(builder.push(Value::Integer(most))),
            ..Page::default()
        },
        output: Output::Rows(members(&["key"])),
        ..Select::default()
    };
    builder.finish(read(select))
}

/// A key that [`old`] has found.
#[derive(Deserialize)]
pub(super) struct Old {
    key: String,
}

/// Removes the rows of keys, if they are still as old.
pub(super) fn forget(keys: Vec<Old>, now: i64) -> Batch {
    let mut builder = Builder::new();
    let keys = keys.into_iter().map(|old| Value::Text(old.key.into()));
    let keys = builder.push(Value::List(keys.collect()));
    let before = builder.push(Value::Integer(now - LIFE));
    let condition = |name: &str, comparison, slot| Filter::Compare {
        left: column(name),
        comparison,
        right: Expression::Value(slot),
    };
    let filter = Filter::And(vec![
        condition("key", Comparison::In, keys),
        condition("kept_at", Comparison::Less, before),
    ]);
    let delete = write(Change::Delete {
        filter: Some(filter),
        within: None,
    });
    builder.finish_batch(vec![delete])
}

/// Removes the rows of all keys that begin so. (Of the pattern's signs a beginning may hold `_`: it stands for itself and any
/// other, which makes no two callers one.)
pub(super) fn forget_all(beginning: &str) -> Batch {
    let mut builder = Builder::new();
    let pattern = builder.push(Value::Text(format!("{beginning}%").into()));
    let delete = write(Change::Delete {
        filter: Some(Filter::Compare {
            left: column("key"),
            comparison: Comparison::Like,
            right: Expression::Value(pattern),
        }),
        within: None,
    });
    builder.finish_batch(vec![delete])
}

fn column(name: &str) -> Expression {
    Expression::Column(Name::new(name))
}

fn members(columns: &[&str]) -> Vec<Field> {
    let member = |name: &&str| Field::Member {
        key: Name::new(*name),
        value: FieldValue::Expression(column(name)),
    };
    columns.iter().map(member).collect()
}

fn read(select: Select) -> Read {
    Read {
        source: Source::Table(Name::new(TABLE)),
        select,
        formats: Formats::default(),
    }
}

fn write(change: Change) -> Write {
    Write {
        table: Name::new(TABLE),
        change,
        returning: None,
        formats: Formats::default(),
        unit: 0,
        strict: false,
        skips: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(body: Option<&'static str>) -> Written {
        Written {
            body: body.map(|body| Bytes::from_static(body.as_bytes())),
            count: 3,
            created: 2,
            replayed: false,
        }
    }

    #[test]
    fn an_outcome_is_told_again_to_the_letter() {
        for body in [None, Some("null"), Some(r#"[{"a":1.50,"a":1e999,"b":"\u0000é"}]"#)] {
            let kept = Kept {
                request: String::new(),
                rights: String::new(),
                outcome: outcome(&[given(body), given(None)]).unwrap(),
                kept_at: 0,
            };
            let again = kept.written().unwrap();
            assert_eq!(again.len(), 2);
            assert_eq!(again[0].body.as_deref(), body.map(str::as_bytes), "{body:?}");
            assert_eq!((again[0].count, again[0].created, again[0].replayed), (3, 2, true));
        }
    }

    #[test]
    fn what_is_too_large_is_an_error() {
        let large = Written {
            body: Some(Bytes::from(vec![b' '; LARGEST + 1])),
            ..Written::default()
        };
        assert_eq!(outcome(&[large]).unwrap_err().kind, Kind::TooLarge);
    }
}
