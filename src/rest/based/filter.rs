//! `column=value` → conditions.

use crate::catalog::{ColumnId, Face};
use crate::error::{Code, Error, Result};
use crate::ident::Name;
use crate::request::{Builder, Comparison, Expression, Filter};
use crate::rest::Scene;
use crate::value::{Type, Value};
use indexmap::IndexMap;
use std::char::ToUppercase;

/// Most columns that one request filters by.
const TERMS: usize = 100;

/// The column that a client means: by its own name, else by the camelCase form of one.
pub(super) fn column<'a>(scene: Scene<'a>, face: &'a Face, written: &str) -> Result<(ColumnId, Name)> {
    let by_camel = || {
        scene
            .columns(face)
            .find(|(_, column)| is_camel(column.name.as_str(), written))
            .map(|(id, _)| id)
    };
    match scene.column(face, written).or_else(by_camel) {
        Some(id) => Ok((id, face.column(id).name.clone())),
        None => Err(scene.unknown_column(face, written)),
    }
}

/// The column that the caller knows whose camelCase form this is.
pub(super) fn by_camel(scene: Scene<'_>, face: &Face, written: &str) -> Option<ColumnId> {
    (0u16..)
        .map(ColumnId)
        .zip(&face.columns)
        .find(|(id, column)| is_camel(column.name.as_str(), written) && scene.view.knows(face.id, *id))
        .map(|(id, _)| id)
}

/// `city_name` → `cityName`
pub(super) fn camel(name: &str) -> String {
    characters(name).collect()
}

/// Whether this is the camelCase form of a name; told at the first character that differs, since it is asked for each
/// name that is sent and each column.
fn is_camel(name: &str, written: &str) -> bool {
    characters(name).eq(written.chars())
}

fn characters(name: &str) -> impl Iterator<Item = char> {
    let (mut begun, mut raise) = (false, false);
    let mut upper: Option<ToUppercase> = None;
    let mut rest = name.chars();
    std::iter::from_fn(move || {
        loop {
            if let Some(character) = upper.as_mut().and_then(Iterator::next) {
                return Some(character);
            }
            let character = rest.next()?;
            if character == '_' && begun {
                raise = true;
                continue;
            }
            begun = true;
            if !std::mem::take(&mut raise) {
                return Some(character);
            }
            upper = Some(character.to_uppercase());
        }
    })
}

/// All filters of a request, joined.
pub(super) fn parse<'a, 'q>(
    parameters: impl Iterator<Item = (&'q str, &'q str)>,
    scene: Scene<'a>,
    face: &'a Face,
    builder: &mut Builder,
) -> Result<Option<Filter>> {
    let mut columns: IndexMap<Name, (ColumnId, Vec<&str>)> = IndexMap::new();
    for (written, value) in parameters {
        let (id, name) = column(scene, face, written)?;
        columns.entry(name).or_insert_with(|| (id, Vec::new())).1.push(value);
    }
    if columns.len() > TERMS {
        return Err(Error::invalid(
            Code::LIMIT_EXCEEDED,
            format!("at most {TERMS} columns can be filtered by at once"),
        ));
    }
    let mut filters: Vec<Filter> = columns
        .into_iter()
        .map(|(name, (id, values))| any_of(name, takes_word(&scene.physical(face, id).data_type), values, builder))
        .collect();
    Ok(match filters.len() {
        0 => None,
        1 => filters.pop(),
        _ => Some(Filter::And(filters)),
    })
}

/// Whether `null` can be one of a column's own values: a word of its texts, the null of JSON, what was put where no type is
/// declared.
fn takes_word(data_type: &Type) -> bool {
    let textual = ["any", "ltree", "lquery", "ltxtquery", "tsvector", "tsquery", "xml"];
    match data_type {
        Type::Text { .. } | Type::Enum(_) | Type::Json | Type::Jsonb => true,
        Type::Other(_) => textual.iter().any(|name| data_type.is_named(name)),
        _ => false,
    }
}

/// A column that has any of the values.
fn any_of(name: Name, takes_word: bool, mut values: Vec<&str>, builder: &mut Builder) -> Filter {
    let given = values.len();
    values.retain(|value| takes_word || *value != "null");
    let null = (values.len() < given).then(|| Filter::IsNull {
        expression: Expression::Column(name.clone()),
        null: true,
    });
    let mut raw: Vec<Value> = values.into_iter().map(|value| Value::Raw(value.into())).collect();
    let (comparison, value) = match raw.len() {
        0 => return null.unwrap_or(Filter::And(Vec::new())),
        1 => (Comparison::Equal, raw.remove(0)),
        _ => (Comparison::In, Value::List(raw)),
    };
    let right = Expression::Value(builder.push(value));
    let equal = Filter::Compare {
        left: Expression::Column(name),
        comparison,
        right,
    };
    match null {
        Some(null) => Filter::Or(vec![equal, null]),
        None => equal,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn camel_case() {
        for (name, camel) in [
            ("city_name", "cityName"),
            ("id", "id"),
            ("_note", "_note"),
            ("a__b_", "aB"),
            ("x_1", "x1"),
            ("a_ßb", "aSSb"),
            ("", ""),
        ] {
            assert_eq!(super::camel(name), camel);
            assert!(super::is_camel(name, camel));
            assert!(!super::is_camel(name, &format!("{camel}x")));
        }
    }
}
