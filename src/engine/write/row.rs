//! The rows of one group, and what statements say of them.

use super::ready::GroupStatements;
use crate::error::{Error, Result};
use crate::plan::{Verdict, WritePlan};
use crate::rules::{Conflict, Group};
use crate::sql::Statement;
use crate::value::{Datum, Value};

/// What is needed to write the rows of one group.
pub(super) struct GroupRun<'a> {
    pub(super) index: usize,
    pub(super) plan: &'a WritePlan,
    pub(super) group: &'a Group,
    pub(super) conflict: Option<&'a Conflict>,
    pub(super) statements: &'a GroupStatements,
    pub(super) check: Verdict,
    pub(super) set_check: Verdict,
    /// Rows are known by the numbers that SQLite gave them, and nothing is returned of them.
    pub(super) numbered: bool,
}

/// A statement for some of the rows of a group.
#[derive(Clone, Copy)]
pub(super) struct Portion<'a> {
    pub(super) run: &'a GroupRun<'a>,
    pub(super) statement: &'a Statement,
    /// All rows of the group.
    pub(super) rows: &'a [&'a [Value]],
    /// The indexes of those that it is for.
    pub(super) chosen: &'a [usize],
    /// What is kept of the rows that these meet and that are changed.
    pub(super) standing: &'a [(usize, Vec<Datum>)],
}

/// What a statement returned, by the index of the row that it was for.
pub(super) struct Fed {
    pub(super) rows: Vec<(usize, Vec<Datum>)>,
    pub(super) count: u64,
}

/// The rows that were sent.
pub(super) fn rows_of(value: &Value) -> Result<Vec<&[Value]>> {
    let wrong = || Error::internal("rows that are no lists");
    let Value::List(rows) = value else { return Err(wrong()) };
    rows.iter()
        .map(|row| match row {
            Value::List(values) => Ok(values.as_slice()),
            _ => Err(wrong()),
        })
        .collect()
}

/// The place of a row, which stands before its values, among all rows of its write.
pub(super) fn place_of(row: &[Value], otherwise: usize) -> usize {
    match row.first() {
        Some(Value::Integer(place)) => usize::try_from(*place).unwrap_or(otherwise),
        _ => otherwise,
    }
}

pub(super) fn is_of_row(source: &crate::rules::Parameter) -> bool {
    use crate::rules::Parameter;
    matches!(source, Parameter::Row(..) | Parameter::Linked { .. })
}

pub(super) fn number(datum: Option<&Datum>) -> Option<i64> {
    match datum? {
        Datum::Integer(number) => Some(*number),
        Datum::Text(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn is_true(datum: Option<&Datum>) -> bool {
    number(datum) == Some(1)
}

pub(super) fn lost() -> Error {
    Error::internal("a statement that writes is not there, or returns what it should not")
}
