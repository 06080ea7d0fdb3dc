//! Filling the holes of statements that write: values of the rows that were sent, and what earlier writes have kept.

use super::super::bind::Binder;
use crate::catalog::{Column, DatabaseKind, Default as ColumnDefault, Face};
use crate::error::{Code, Error, Result};
use crate::request::Slot;
use crate::rules::Parameter;
use crate::sql::{Form, Mark, ROW_NUMBER};
use crate::value::{Datum, Type, Value};
use bigdecimal::num_traits::Zero as _;
use bigdecimal::{BigDecimal, RoundingMode};
use std::str::FromStr as _;

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

    fn mark(&self, mark: &Mark, of: Of<'_>) -> Result<Datum> {
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
                let plain = Mark {
                    form: Form::Plain,
                    ..mark.clone()
                };
                let datum = self.binder.mark(&plain)?;
                self.kept_form(datum, mark)
            }
            _ => self.binder.mark(mark),
        }
    }

    fn slot(&self, slot: Slot, mark: &Mark) -> Result<Datum> {
        self.value(self.binder.values.get(slot), mark)
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
        let own = self.binder.catalog.table(table).column(column);
        let name = self.face.map_or("", |face| face.column(column).name.as_str());
        let named = |error: Error| {
            let message = format!("{name}: {}", error.message);
            Error { message, ..error }.at(name)
        };
        if *value == Value::Null {
            return if own.nullable {
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
        let datum = datum.map_err(named)?;
        check_length(&datum, own).map_err(named)?;
        let datum = match own.data_type {
            Type::Numeric => rounded(datum, own.digits()).map_err(named)?,
            Type::Integer(_) => {
                check_number(&datum, own).map_err(named)?;
                datum
            }
            Type::Json | Type::Jsonb if self.binder.catalog.database.kind == DatabaseKind::Sqlite => {
                check_bare_number(&datum, own).map_err(named)?;
                datum
            }
            _ => datum,
        };
        self.kept_form(datum, mark)
    }

    fn array(&self, value: &Value, element: &Type) -> Result<Datum> {
        match value {
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
            (_, Type::Array(_), datum) => datum,
            (_, data_type, datum) => self.binder.native(datum, data_type),
        })
    }
}

/// SQLite makes a number of a JSON text that is nothing else, where the column is not declared as TEXT: of those of many
/// digits it would keep less than was sent.
fn check_bare_number(datum: &Datum, column: &Column) -> Result<()> {
    let Datum::Text(text) = datum else { return Ok(()) };
    let declared = column.database_type.to_ascii_uppercase();
    let is_text = ["TEXT", "CHAR", "CLOB", "BLOB"]
        .iter()
        .any(|kind| declared.contains(kind))
        || declared.is_empty();
    let text = text.trim();
    if is_text || !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) || text.parse::<i64>().is_ok()
    {
        return Ok(());
    }
    let is_kept = text.parse::<f64>().is_ok_and(|number| {
        number.is_finite() && BigDecimal::from_str(text).ok() == BigDecimal::from_str(&number.to_string()).ok()
    });
    if is_kept {
        return Ok(());
    }
    let message = "a number alone has more digits than this column keeps (those of a double); send it within a list or an \
                   object, or as a text";
    Err(Error::invalid(Code::INVALID_VALUE, message))
}

/// Greatest number that is taken where SQLite counts on from the greatest that ever was (AUTOINCREMENT): beyond the last one
/// nobody could create a row any more, and as many are left as can be taken.
const GREATEST: i64 = i64::MAX / 2;

fn check_number(datum: &Datum, column: &Column) -> Result<()> {
    let ascending = matches!(column.default, Some(ColumnDefault::Identity { ascending: true, .. }));
    match datum {
        Datum::Integer(number) if ascending && *number > GREATEST => {
            let message = format!(
                "{number} is too great for a key that the database counts on from: at most {GREATEST} is taken"
            );
            Err(Error::invalid(Code::INVALID_VALUE, message))
        }
        _ => Ok(()),
    }
}

fn check_length(datum: &Datum, column: &Column) -> Result<()> {
    let (Datum::Text(text), Type::Text { length: Some(most), .. }) = (datum, &column.data_type) else {
        return Ok(());
    };
    let length = text.chars().count();
    if length > *most as usize {
        let message = format!("a text of {length} characters, at most {most} are taken");
        return Err(Error::invalid(Code::INVALID_VALUE, message));
    }
    Ok(())
}

/// A decimal number with the digits that its column keeps: PostgreSQL rounds so, SQLite would keep all of them.
fn rounded(datum: Datum, digits: Option<(i64, i64)>) -> Result<Datum> {
    let Some((precision, scale)) = digits else {
        return Ok(datum);
    };
    let decimal = match &datum {
        Datum::Integer(number) => BigDecimal::from(*number),
        Datum::Text(text) => match BigDecimal::from_str(text) {
            Ok(decimal) => decimal,
            // Not a number, or an infinite one, which the database judges.
            Err(_) => return Ok(datum),
        },
        _ => return Ok(datum),
    };
    let too_large = || {
        let most = precision.saturating_sub(scale);
        let message = format!("a number with more than {most} digits before the point, which its column does not hold");
        Error::invalid(Code::INVALID_VALUE, message)
    };
    let before_the_point = |decimal: &BigDecimal| {
        let (_, after) = decimal.as_bigint_and_exponent();
        i64::try_from(decimal.digits())
            .unwrap_or(i64::MAX)
            .saturating_sub(after)
    };
    if decimal.is_zero() {
        return Ok(Datum::Integer(0));
    }
    let length = before_the_point(&decimal);
    if length > precision.saturating_sub(scale) {
        return Err(too_large());
    }
    // So small that nothing is left of it: rounding would write out all of its zeros first.
    if length < -scale {
        return Ok(Datum::Integer(0));
    }
    let decimal = decimal.with_scale_round(scale, RoundingMode::HalfUp);
    if before_the_point(&decimal) > precision.saturating_sub(scale) && !decimal.is_zero() {
        return Err(too_large());
    }
    Ok(Datum::Text(decimal.to_plain_string().into()))
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

#[cfg(test)]
mod tests {
    use super::rounded;
    use crate::value::Datum;

    #[test]
    fn rounding() {
        let of = |text: &str| match rounded(Datum::Text(text.into()), Some((5, 2))) {
            Ok(Datum::Text(text)) => text.into_string(),
            Ok(other) => format!("{other:?}"),
            Err(_) => "refused".into(),
        };
        for (text, wanted) in [
            ("1.005", "1.01"),
            ("-1.005", "-1.01"),
            ("1.0049", "1.00"),
            ("999.99", "999.99"),
            ("999.994", "999.99"),
            ("999.995", "refused"),
            ("1000", "refused"),
            ("1e3", "refused"),
            ("1e999999999", "refused"),
            ("1e-999999999", "Integer(0)"),
            ("0.005", "0.01"),
            ("0.0049", "0.00"),
            ("0.00049", "Integer(0)"),
            ("0e99", "Integer(0)"),
            ("Infinity", "Infinity"),
        ] {
            assert_eq!(of(text), wanted, "{text}");
        }
    }
}
