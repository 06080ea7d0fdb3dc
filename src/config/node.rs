//! The configuration as a tree of values that know where they stand, from TOML and the environment.

use super::source::{ConfigError, Place, Source};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A table's entries, in the order in which they stand in the file.
pub(super) type Entries = IndexMap<String, Node>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Option<Place>,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(Entries),
    List(Vec<Node>),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(String),
    /// From the environment or the command line: text whose type the key decides.
    Raw(String),
}

impl Value {
    /// What it is, for "must be …, not …".
    pub(super) fn word(&self) -> &'static str {
        match self {
            Value::Table(_) => "a table",
            Value::List(_) => "a list",
            Value::Text(_) | Value::Raw(_) => "text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number with a point",
            Value::Boolean(_) => "true or false",
            Value::Date(_) => "a date or time",
        }
    }

    /// As a constant of a rule's `set`.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Table(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.clone(), node.value.to_json()));
                serde_json::Value::Object(entries.collect())
            }
            Value::List(items) => items.iter().map(|node| node.value.to_json()).collect(),
            Value::Text(text) | Value::Raw(text) | Value::Date(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(value) => (*value).into(),
        }
    }
}

/// Reads TOML.
///
/// # Errors
/// Every syntax error that the parser can tell apart.
pub(super) fn parse(source: &Source) -> Result<Entries, Vec<ConfigError>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let mut findings: Vec<ConfigError> = errors
        .iter()
        .map(|error| {
            let position = error.span().map(|span| source.position(span.start));
            syntax(source, position, error.message().trim().replace('\n', "; "))
        })
        .collect();
    if !findings.is_empty() {
        findings.dedup();
        return Err(findings);
    }
    let mut broken = Vec::new();
    let entries = entries(table.get_ref(), &mut broken);
    for (span, message) in broken {
        findings.push(syntax(source, Some(source.position(span.start)), message.into()));
    }
    if findings.is_empty() {
        Ok(entries)
    } else {
        Err(findings)
    }
}

fn syntax(source: &Source, position: Option<(usize, usize)>, message: String) -> ConfigError {
    ConfigError {
        file: source.file.clone(),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        key: String::new(),
        message: format!("this is not TOML: {message}"),
        hint: None,
    }
}

type Broken = Vec<(Range<usize>, &'static str)>;

fn entries(table: &DeTable<'_>, broken: &mut Broken) -> Entries {
    let mut sorted: Vec<_> = table.iter().collect();
    sorted.sort_by_key(|(key, _)| key.span().start);
    let nodes = sorted.into_iter().map(|(key, item)| {
        let place = Place::File {
            key: key.span(),
            value: item.span(),
        };
        let node = Node {
            value: value(item.get_ref(), &item.span(), broken),
            place: Some(place),
        };
        (key.get_ref().to_string(), node)
    });
    nodes.collect()
}

fn value(value_: &DeValue<'_>, span: &Range<usize>, broken: &mut Broken) -> Value {
    match value_ {
        DeValue::Table(table) => Value::Table(entries(table, broken)),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| Node {
                value: value(item.get_ref(), &item.span(), broken),
                place: Some(Place::File {
                    key: item.span(),
                    value: item.span(),
                }),
            });
            Value::List(items.collect())
        }
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
                broken.push((span.clone(), "a whole number of more than 64 bits"));
                0
            }),
        ),
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => {
                broken.push((span.clone(), "a number that has no use here"));
                Value::Float(0.0)
            }
        },
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(moment) => Value::Date(moment.to_string()),
    }
}

/// From TOML that was parsed elsewhere; without places.
pub(super) fn from_table(table: toml::Table) -> Entries {
    let node = |value| Node {
        value: from_toml(value),
        place: None,
    };
    table.into_iter().map(|(key, value)| (key, node(value))).collect()
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => Value::Table(from_table(table)),
        toml::Value::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| Node {
                    value: from_toml(item),
                    place: None,
                })
                .collect(),
        ),
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Integer(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Boolean(value) => Value::Boolean(value),
        toml::Value::Datetime(moment) => Value::Date(moment.to_string()),
    }
}

/// Puts a value over whatever stands at a dotted key.
pub(super) fn overlay(entries: &mut Entries, key: &str, text: &str, place: Place) {
    let (mut entries, mut key) = (entries, key);
    while let Some((section, rest)) = key.split_once('.') {
        let empty = || Node {
            value: Value::Table(Entries::new()),
            place: None,
        };
        let node = entries.entry(section.to_owned()).or_insert_with(empty);
        // A section that is no table is told of where it is read.
        let Value::Table(inner) = &mut node.value else { return };
        (entries, key) = (inner, rest);
    }
    entries.insert(
        key.to_owned(),
        Node {
            value: Value::Raw(text.to_owned()),
            place: Some(place),
        },
    );
}

/// Where every key stands.
pub(super) fn places(entries: &Entries) -> HashMap<String, Place> {
    fn collect(entries: &Entries, path: &str, places: &mut HashMap<String, Place>) {
        for (key, node) in entries {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if let Value::Table(entries) = &node.value {
                collect(entries, &path, places);
            }
            if let Some(place) = &node.place {
                places.insert(path, place.clone());
            }
        }
    }
    let mut places = HashMap::new();
    collect(entries, "", &mut places);
    places
}
