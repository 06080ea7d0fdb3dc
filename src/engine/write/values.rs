//! Filling the holes of statements that write: values of the rows that were sent, and what earlier writes have kept.

use super::super::bind::Binder;
use crate::catalog::{DatabaseKind, Face};
use crate::error::{Code, Error, Result};
use crate::request::Slot;
use crate::rules::Parameter;
use crate::sql::{Form, Mark, ROW_NUMBER};
use crate::value::{Datum, Type, Value};

/// What is kept of the rows of one write, by their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(pub(super) Vec<(usize, Vec<Datum>)>);

impl Kept {
    fn at(&self, place: usize) -> Option<&Vec<Datum>> {
        // Nearly always they stand in the order of their places, without a gap.
        match self.0.get(place) {
            Some((own, values)) if *own == place => Some(values),
            _ => self.0.iter().find(|(own, _)| *own == place).map(|(_, values)| values),
        }
    }
}

/// What the statements of one write are bound with.
pub(super) struct Filler<'a> {
    pub(super) binder: &'a Binder<'a>,
    /// The face that is written, by whose names messages speak.
    pub(super) face: Option<&'a Face>,
    /// What the writes so far have kept; of the one at hand those rows that the statement is about.
    pub(super) kept: &'a [Kept],
}

/// The rows that a statement is about.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    /// None.
    Nothing,
    /// One.
    Row(&'a [Value]),
    /// All of them, as lists by column.
    Rows(&'a [&'a [Value]]),
}

impl Filler<'_> {
    /// The values of a statement's marks.
    pub(super) fn values(&self, marks: &[Mark], of: Of<'_>) -> Result<Vec<Datum>> {
        marks.iter().map(|mark| self.mark(mark, of)).collect()
    }

    pub(super) fn mark(&self, mark: &Mark, of: Of<'_>) -> Result<Datum> {
        match &mark.source {
            Parameter::Row(_, index) => self.of_rows(of, |row| {
                let value = row.get(usize::from(*index)).unwrap_or(&Value::Null);
                self.value(value, mark)
            }),
            Parameter::Linked { place, write, kept, .. } => self.of_rows(of, |row| {
                let place = match row.get(usize::from(*place)) {
                    Some(Value::Integer(place)) => usize::try_from(*place).ok(),
                    _ => None,
                };
                // A row of no other: the column is null.
                let Some(place) = place else { return Ok(Datum::Null) };
                self.kept(*write, place, *kept, mark)
            }),
            Parameter::Written { write, kept } if mark.list => {
                let rows = self.kept.get(usize::from(*write)).map(|kept| kept.0.as_slice());
                rows.unwrap_or_default()
                    .iter()
                    .map(|(_, values)| self.part(values, *kept, mark))
                    .collect::<Result<Vec<_>>>()
                    .map(Datum::List)
            }
            Parameter::Written { write, kept } => {
                let first = self.kept.get(usize::from(*write)).and_then(|kept| kept.0.first());
                match first {
                    Some((_, values)) => self.part(values, *kept, mark),
                    None => Err(missing()),
                }
            }
            Parameter::Slot(slot) if matches!(mark.form, Form::Stored { .. }) => self.slot(*slot, mark),
            Parameter::Session(_) | Parameter::Constant(_) if matches!(mark.form, Form::Stored { .. }) => {
                self.set(mark)
            }
            _ => self.binder.mark(mark),
        }
    }

    fn slot(&self, slot: Slot, mark: &Mark) -> Result<Datum> {
        self.value(self.binder.values.get(slot), mark)
    }

    /// A value that a rule sets, as its column holds it.
    fn set(&self, mark: &Mark) -> Result<Datum> {
        let Form::Stored { table, column } = mark.form else {
            return self.binder.mark(mark);
        };
        let own = self.binder.catalog.table(table).column(column);
        let datum = self.binder.canonical(mark)?;
        let datum = own.held(datum, self.binder.catalog.database.kind).map_err(|reason| {
            // The column may be one that the caller does not know; what they are is theirs.
            let of = match &mark.source {
                Parameter::Session(name) => format!("{name:?} of who asks: "),
                _ => String::new(),
            };
            unfit(format!("{of}{reason}"))
        })?;
        match own.data_type {
            Type::Array(_) => Ok(self.binder.native(datum, &mark.data_type)),
            _ => self.kept_form(datum, mark),
        }
    }

    fn of_rows(&self, of: Of<'_>, value: impl Fn(&[Value]) -> Result<Datum>) -> Result<Datum> {
        match of {
            Of::Nothing => Err(Error::internal("a row where none is at hand")),
            Of::Row(row) => value(row),
            Of::Rows(rows) => {
                let many = |(index, row): (usize, &&[Value])| value(row).map_err(|error| error.at_row(index));
                rows.iter()
                    .enumerate()
                    .map(many)
                    .collect::<Result<Vec<_>>>()
                    .map(Datum::List)
            }
        }
    }

    fn kept(&self, write: u16, place: usize, kept: u16, mark: &Mark) -> Result<Datum> {
        let values = self.kept.get(usize::from(write)).and_then(|kept| kept.at(place));
        self.part(values.ok_or_else(missing)?, kept, mark)
    }

    fn part(&self, values: &[Datum], kept: u16, mark: &Mark) -> Result<Datum> {
        let index = if kept == ROW_NUMBER {
            values.len().saturating_sub(1)
        } else {
            usize::from(kept)
        };
        let datum = values.get(index).cloned().unwrap_or(Datum::Null);
        match datum {
            Datum::Text(text) if self.binder.catalog.database.kind == DatabaseKind::Postgres => {
                self.binder.part(text, &mark.data_type)
            }
            // In a list bytes are hexadecimal digits, as a text might be.
            bytes @ Datum::Bytes(_) if mark.form == Form::Kept => Ok(Datum::List(vec![bytes])),
            datum if mark.form == Form::Kept => Ok(datum),
            // SQLite compares columns of text with a list as it is.
            Datum::Integer(number) if mark.list && matches!(mark.data_type, Type::Text { .. }) => {
                Ok(Datum::Text(number.to_string().into()))
            }
            datum => Ok(datum),
        }
    }

    /// A value that was sent, as its column holds it, or as it is compared with one.
    fn value(&self, value: &Value, mark: &Mark) -> Result<Datum> {
        let Form::Stored { table, column } = mark.form else {
            return self.binder.plain(value, mark);
        };
        let (table, own) = {
            let table = self.binder.catalog.table(table);
            (table, table.column(column))
        };
        let name = self.face.map_or("", |face| face.column(column).name.as_str());
        let named = |error: Error| {
            let message = format!("{name}: {}", error.message);
            Error { message, ..error }.at(name)
        };
        if *value == Value::Null {
            return if table.takes_null(column) {
                Ok(Datum::Null)
            } else {
                let message = format!("{name:?} cannot be null");
                Err(Error::invalid(Code::CONSTRAINT, message).at(name))
            };
        }
        let datum = match &own.data_type {
            Type::Array(element) => self.array(value, element),
            other => self.binder.scalar(value, other),
        };
        let held = |datum| own.held(datum, self.binder.catalog.database.kind).map_err(unfit);
        let datum = datum.and_then(held).map_err(named)?;
        self.kept_form(datum, mark)
    }

    fn array(&self, value: &Value, element: &Type) -> Result<Datum> {
        match value {
            // GraphQL has one scalar for JSON, whether it is a value or a list of them.
            Value::Json(json @ serde_json::Value::Array(_)) => self.array(&Value::from(json.clone()), element),
            Value::List(items) => items
                .iter()
                .map(|item| self.array_item(item, element))
                .collect::<Result<Vec<_>>>()
                .map(Datum::List),
            // PostgreSQL's own form.
            Value::Text(text) | Value::Raw(text) if text.starts_with('{') => Ok(Datum::Text(text.clone())),
            Value::Raw(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(json @ serde_json::Value::Array(_)) => self.array(&Value::from(json), element),
                _ => Err(no_list(value)),
            },
            other => Err(no_list(other)),
        }
    }

    fn array_item(&self, item: &Value, element: &Type) -> Result<Datum> {
        match item {
            Value::Null => Ok(Datum::Null),
            Value::List(_) if !element.is_json() => self.array(item, element),
            item => self.binder.scalar(item, element),
        }
    }

    /// In the form in which the database keeps it.
    fn kept_form(&self, datum: Datum, mark: &Mark) -> Result<Datum> {
        let Form::Stored { table, column } = mark.form else {
            return Ok(datum);
        };
        let own = self.binder.catalog.table(table).column(column);
        let is_bytes = || own.database_type.to_ascii_uppercase().contains("BLOB");
        Ok(match (self.binder.catalog.database.kind, &own.data_type, datum) {
            (DatabaseKind::Sqlite, Type::Uuid, Datum::Text(text)) if is_bytes() => match uuid::Uuid::try_parse(&text) {
                Ok(uuid) => Datum::Bytes(uuid.as_bytes().as_slice().into()),
                Err(_) => Datum::Text(text),
            },
            // Whoever else reads such a column reads WKB.
            (DatabaseKind::Sqlite, Type::Geometry, Datum::Text(text)) if is_bytes() => {
                match crate::geometry::to_bytes(&text) {
                    Some(bytes) => Datum::Bytes(bytes.into()),
                    None => Datum::Text(text),
                }
            }
            (_, Type::Array(_), datum) => datum,
            (_, data_type, datum) => self.binder.native(datum, data_type),
        })
    }
}

fn unfit(reason: String) -> Error {
    Error::invalid(Code::INVALID_VALUE, reason)
}

fn no_list(value: &Value) -> Error {
    Error::invalid(Code::INVALID_VALUE, format!("{} is not a list", value.describe()))
}

/// The row that another one is linked to was not written: a conflict left it out.
fn missing() -> Error {
    Error::invalid(
        Code::INVALID_VALUE,
        "a nested row has nothing to be linked to: the row around it was not written",
    )
}
