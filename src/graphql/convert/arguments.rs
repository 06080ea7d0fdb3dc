//! Arguments of fields: limits, lists of columns, values.

use super::{Converter, Selected};
use crate::catalog::{ColumnId, FaceId};
use crate::graphql::coerce;
use crate::graphql::error::Fault;
use crate::graphql::names::Member;
use crate::graphql::template::{Fit, Place};
use crate::graphql::types::{Input, Key, Meaning, ScalarKind};
use crate::ident::Name;
use crate::request::{Expression, Page, Slot};
use crate::value::Value;
use async_graphql_value::ConstValue;
use std::borrow::Cow;

/// The coerced arguments of a field.
pub(super) struct Arguments<'c>(pub Vec<(Input<'c>, Cow<'c, ConstValue>)>);

impl Arguments<'_> {
    /// An argument that is given and not null.
    pub(super) fn get(&self, name: &str) -> Option<&ConstValue> {
        self.0
            .iter()
            .find(|(input, _)| input.name == name)
            .map(|(_, value)| &**value)
            .filter(|value| **value != ConstValue::Null)
    }

    /// A number of rows.
    pub(super) fn rows(&self, name: &str) -> Result<Option<u64>, Fault> {
        match self.get(name) {
            Some(ConstValue::Number(number)) => match number.as_i64().map(u64::try_from) {
                Some(Ok(rows)) => Ok(Some(rows)),
                _ => Err(Fault::validation(format!(
                    "Argument \"{name}\" must not be negative, it is {number}."
                ))),
            },
            _ => Ok(None),
        }
    }
}

impl<'c> Converter<'c> {
    pub(super) fn arguments(&self, selected: &Selected<'c>, meaning: Meaning) -> Result<Arguments<'c>, Fault> {
        if selected.field.arguments.is_empty() {
            return Ok(Arguments(Vec::new()));
        }
        let mut out = Vec::with_capacity(selected.field.arguments.len());
        for input in self.types.arguments(meaning) {
            if let Some(value) = selected.field.get_argument(input.name)
                && let Some(value) = coerce::argument(self.types, self.variables, input.name, input.ty, value)?
            {
                out.push((input, value));
            }
        }
        Ok(Arguments(out))
    }

    /// Limit and offset, with the default of the settings; and how many rows there can be.
    pub(super) fn page(&mut self, face: FaceId, arguments: &Arguments<'c>) -> Result<(Page, Option<u64>), Fault> {
        let limit = arguments.rows("limit")?.or(self.settings.default_limit);
        let limit_slot = limit.map(|rows| self.push_rows(rows));
        let place = self.place(Fit::Rows);
        let offset = match arguments.get("offset") {
            Some(value) if self.variables.found(value, place) => Some(0),
            _ => arguments.rows("offset")?,
        };
        let page = Page {
            limit: limit_slot,
            offset: offset.map(|rows| self.push_rows(rows)),
            ..Page::default()
        };
        Ok((page, self.most(face, limit)))
    }

    pub(super) fn push_rows(&mut self, rows: u64) -> Slot {
        self.builder
            .push(Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX)))
    }

    /// The smaller of the caller's limit and the role's.
    pub(super) fn most(&self, face: FaceId, limit: Option<u64>) -> Option<u64> {
        let own = self.types.view.read(face).and_then(|read| read.limit);
        match (limit, own) {
            (Some(limit), Some(own)) => Some(limit.min(own)),
            (limit, own) => limit.or(own),
        }
    }

    /// Columns named by an enum.
    pub(super) fn columns(&self, face: FaceId, value: Option<&ConstValue>) -> Vec<ColumnId> {
        let Some(ConstValue::List(items)) = value else {
            return Vec::new();
        };
        let mut columns = Vec::with_capacity(items.len());
        for item in items {
            if let ConstValue::Enum(name) = item
                && let Some(Member::Column(column)) = self.types.names.member(face, name)
                && !columns.contains(&column)
            {
                columns.push(column);
            }
        }
        columns
    }

    pub(super) fn column_expressions(&self, face: FaceId, value: Option<&ConstValue>) -> Vec<Expression> {
        self.columns(face, value)
            .into_iter()
            .map(|column| Expression::Column(self.column_name(face, column)))
            .collect()
    }

    /// The arguments of a function, from `args`.
    pub(super) fn function_arguments(&mut self, key: Key, arguments: &Arguments<'c>) -> Vec<(Name, Slot)> {
        let Some(ConstValue::Object(given)) = arguments.get("args") else {
            return Vec::new();
        };
        let mut out = Vec::with_capacity(given.len());
        for (name, value) in given {
            if let Some(input) = self.types.input(key, name) {
                let value = self.value(input.ty.key, value);
                out.push((Name::new(name.as_str()), self.builder.push(value)));
            }
        }
        out
    }

    /// A value as requests have it, which is to be pushed next.
    pub(super) fn value(&self, key: Key, value: &ConstValue) -> Value {
        let kind = match key {
            Key::Scalar(id) => self.types.scalar(id).kind,
            _ => ScalarKind::Text,
        };
        if self.variables.found(value, self.place(Fit::Scalar(kind))) {
            return Value::Null;
        }
        of_kind(kind, value)
    }

    /// The slot that is filled next.
    fn place(&self, fit: Fit) -> Place {
        Place {
            root: self.root,
            slot: self.builder.next(),
            fit,
        }
    }
}

/// A value of a scalar as requests have it.
pub(crate) fn of_kind(kind: ScalarKind, value: &ConstValue) -> Value {
    match value {
        ConstValue::Null | ConstValue::Binary(_) => Value::Null,
        ConstValue::Boolean(truth) => Value::Boolean(*truth),
        ConstValue::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Number(number.to_string().into()),
        },
        ConstValue::Enum(name) => Value::Text(name.as_str().into()),
        ConstValue::String(text) => match kind {
            ScalarKind::Json => Value::Json(text.as_str().into()),
            ScalarKind::Text | ScalarKind::Id => Value::Text(text.as_str().into()),
            _ => Value::Raw(text.as_str().into()),
        },
        list @ ConstValue::List(_) if kind == ScalarKind::Json => Value::Json(coerce::to_json(list)),
        ConstValue::List(items) => Value::List(items.iter().map(|item| of_kind(kind, item)).collect()),
        object @ ConstValue::Object(_) => Value::Json(coerce::to_json(object)),
    }
}
