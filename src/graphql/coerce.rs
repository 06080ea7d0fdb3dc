//! Values of variables and arguments, coerced to their types as the specification says. A kept document is not validated
//! again, so everything that depends on values is checked here.

mod walk;

use super::error::Fault;
use super::template::{Marks, Place};
use super::types::{Ref, Types, Wrap};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::VariableDefinition;
use async_graphql_value::{ConstValue, Name, Value};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use walk::{Shape, Walk};

/// Most levels of an input value.
const DEPTH: usize = 48;

/// Most values in the variables of a request, and most that their uses may copy.
pub(super) const VALUES: usize = 100_000;

/// The coerced variables of an operation; one that was not given and has no default is not there.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: HashMap<String, (ConstValue, usize)>,
    copied: Cell<usize>,
    /// Stand for values while a conversion is tried.
    marks: RefCell<Option<Marks>>,
    /// In a mutation a condition must not become another one by a variable that was left out.
    strict: bool,
}

/// How a type is written.
pub(crate) fn reference_name(types: Types<'_>, reference: Ref) -> String {
    let name = types.names.type_name(reference.key);
    match reference.wrap {
        Wrap::Plain => name,
        Wrap::Required => format!("{name}!"),
        Wrap::List => format!("[{name}!]"),
        Wrap::RequiredList => format!("[{name}!]!"),
        Wrap::Array => format!("[{name}]"),
        Wrap::RequiredArray => format!("[{name}]!"),
    }
}

/// Coerces the variables of an operation; `writes` if it is a mutation.
///
/// # Errors
/// Every variable that is missing or does not fit.
pub(crate) fn variables<'a>(
    types: Types<'a>,
    definitions: &'a [Positioned<VariableDefinition>],
    given: &serde_json::Map<String, Json>,
    writes: bool,
) -> Result<Variables, Vec<Fault>> {
    let mut values = HashMap::with_capacity(definitions.len());
    let mut faults = Vec::new();
    if given.values().map(weight).fold(0, usize::saturating_add) > VALUES {
        return Err(vec![Fault::validation(format!(
            "the variables hold more than {VALUES} values"
        ))]);
    }
    for definition in definitions {
        let name = definition.node.name.node.as_str();
        let declared = &definition.node.var_type.node;
        let value = match (given.get(name), &definition.node.default_value) {
            (Some(Json::Null), _) if !declared.nullable => Err(Fault::validation(format!(
                "Variable \"${name}\" of non-null type \"{declared}\" must not be null."
            ))),
            (Some(json), _) => from_json(json, 0)
                .and_then(|value| Walk::from(types, name).coerce(Shape::Declared(declared), value))
                .map(Some)
                .map_err(|reason| Fault::validation(format!("Variable \"${name}\" got an invalid value: {reason}"))),
            (None, Some(default)) => Walk::from(types, name)
                .coerce(Shape::Declared(declared), default.node.clone())
                .map(Some)
                .map_err(|reason| Fault::validation(format!("Variable \"${name}\" has an invalid default: {reason}"))),
            (None, None) if !declared.nullable => Err(Fault::validation(format!(
                "Variable \"${name}\" of required type \"{declared}\" was not provided."
            ))),
            (None, None) => Ok(None),
        };
        match value {
            Ok(Some(value)) => {
                let weight = given.get(name).map_or_else(|| literal_weight(&value), weight);
                values.insert(name.to_owned(), (value, weight));
            }
            Ok(None) => {}
            Err(fault) => faults.push(fault.at(definition.pos)),
        }
    }
    if faults.is_empty() {
        Ok(Variables {
            strict: writes && values.len() < definitions.len(),
            values,
            copied: Cell::new(0),
            marks: RefCell::default(),
        })
    } else {
        Err(faults)
    }
}

/// An object within an object costs as much as so many values.
const NESTED: usize = 6;

/// How many values a value holds, long texts and objects within objects as several.
fn weight(json: &Json) -> usize {
    let nested = |value: &Json| match value {
        Json::Object(_) => NESTED - 1 + weight(value),
        _ => weight(value),
    };
    match json {
        Json::String(text) => 1 + text.len() / 64,
        Json::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Json::Object(fields) => 1 + fields.values().map(nested).sum::<usize>(),
        _ => 1,
    }
}

/// The same of a value that the document holds: a default.
fn literal_weight(value: &ConstValue) -> usize {
    match value {
        ConstValue::String(text) => 1 + text.len() / 64,
        ConstValue::List(items) => 1 + items.iter().map(literal_weight).sum::<usize>(),
        ConstValue::Object(fields) => {
            let nested = |value: &ConstValue| match value {
                ConstValue::Object(_) => NESTED - 1 + literal_weight(value),
                _ => literal_weight(value),
            };
            1 + fields.values().map(nested).sum::<usize>()
        }
        _ => 1,
    }
}

/// Coerces an argument; `None` where it is a variable that was not given.
///
/// # Errors
/// It does not fit its type.
pub(crate) fn argument<'a>(
    types: Types<'a>,
    variables: &'a Variables,
    name: &'a str,
    ty: Ref,
    value: &Positioned<Value>,
) -> Result<Option<Cow<'a, ConstValue>>, Fault> {
    if variables.strict
        && let Some(lacking) = variables.lacking(types, ty, &value.node)
    {
        let message = format!(
            "a condition of a mutation needs the variable \"${lacking}\", which was not given: without it more rows would be meant"
        );
        return Err(Fault::validation(message).at(value.pos));
    }
    // A variable of a type that fits has been coerced already; only null may stand in it where none is allowed.
    if let Value::Variable(name) = &value.node
        && let Some(constant) = variables.lend(name.as_str())
        && *constant != ConstValue::Null
    {
        return Ok(Some(constant));
    }
    let filled = variables.fill(&value.node);
    if variables.copied.get() > VALUES {
        return Err(Fault::validation("large variables are used too often in the document").at(value.pos));
    }
    let Some(constant) = filled else {
        if ty.is_required() {
            return Err(Fault::validation(format!(
                "Argument \"{name}\" of required type \"{}\" was given a variable without a value.",
                reference_name(types, ty)
            ))
            .at(value.pos));
        }
        return Ok(None);
    };
    Walk::from(types, name)
        .coerce(Shape::Schema(ty), constant)
        .map(|value| Some(Cow::Owned(value)))
        .map_err(|reason| {
            Fault::validation(format!("Argument \"{name}\" has an invalid value: {reason}")).at(value.pos)
        })
}

impl Variables {
    /// The value of a variable, and its weight.
    pub(super) fn get(&self, name: &str) -> Option<&(ConstValue, usize)> {
        self.values.get(name)
    }

    /// From here on marks stand for values, until [`Variables::end_trial`].
    pub(super) fn begin_trial(&self, marks: Marks) {
        self.copied.set(0);
        *self.marks.borrow_mut() = Some(marks);
    }

    /// The marks with their places, and how much was copied; then values stand for themselves again.
    pub(super) fn end_trial(&self) -> Option<(Marks, usize)> {
        let marks = self.marks.borrow_mut().take()?;
        Some((marks, self.copied.replace(0)))
    }

    /// Whether a value is a mark, which is now known to be what a slot holds.
    pub(super) fn found(&self, value: &ConstValue, place: Place) -> bool {
        match (&mut *self.marks.borrow_mut(), value) {
            (Some(marks), ConstValue::Binary(mark)) => marks.found(mark, place),
            _ => false,
        }
    }

    /// The value of a variable. Each use counts as if it were a copy, as what is made of it is as large; `None` also where
    /// these are too many.
    fn borrow(&self, name: &str) -> Option<&ConstValue> {
        let (value, weight) = self.values.get(name)?;
        self.copied.set(self.copied.get().saturating_add(*weight));
        (self.copied.get() <= VALUES).then_some(value)
    }

    /// The same, or a mark that stands for it.
    fn lend(&self, name: &str) -> Option<Cow<'_, ConstValue>> {
        let value = self.borrow(name)?;
        let mark = self.marks.borrow_mut().as_mut().and_then(|marks| marks.mark(name));
        Some(mark.map_or(Cow::Borrowed(value), Cow::Owned))
    }

    /// A value with its variables in place.
    pub(crate) fn fill(&self, value: &Value) -> Option<ConstValue> {
        Some(match value {
            Value::Variable(name) => return self.lend(name.as_str()).map(Cow::into_owned),
            Value::Null => ConstValue::Null,
            Value::Number(number) => ConstValue::Number(number.clone()),
            Value::String(text) => ConstValue::String(text.clone()),
            Value::Boolean(truth) => ConstValue::Boolean(*truth),
            Value::Enum(name) => ConstValue::Enum(name.clone()),
            Value::Binary(bytes) => ConstValue::Binary(bytes.clone()),
            Value::List(items) => ConstValue::List(
                items
                    .iter()
                    .map(|item| self.fill(item).unwrap_or(ConstValue::Null))
                    .collect(),
            ),
            Value::Object(fields) => ConstValue::Object(
                fields
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), self.fill(value)?)))
                    .collect(),
            ),
        })
    }

    /// A variable without a value that a condition within a value would lose a part by.
    fn lacking<'v>(&self, types: Types<'_>, ty: Ref, value: &'v Value) -> Option<&'v str> {
        match value {
            Value::List(items) => items.iter().find_map(|item| self.lacking(types, ty, item)),
            Value::Object(fields) => fields.iter().find_map(|(name, value)| match value {
                Value::Variable(variable) if ty.key.is_condition() => {
                    let variable = variable.as_str();
                    (!self.values.contains_key(variable)).then_some(variable)
                }
                Value::List(_) | Value::Object(_) => {
                    let input = types.input(ty.key, name.as_str())?;
                    self.lacking(types, input.ty, value)
                }
                _ => None,
            }),
            _ => None,
        }
    }

    /// The `if` of `@skip` and `@include`.
    pub(crate) fn truth(&self, value: Option<&Positioned<Value>>) -> Result<bool, Fault> {
        match value.and_then(|value| self.fill(&value.node)) {
            Some(ConstValue::Boolean(truth)) => Ok(truth),
            _ => Err(Fault::validation(
                "The argument \"if\" of a directive must be true or false.",
            )),
        }
    }
}

fn from_json(json: &Json, depth: usize) -> Result<ConstValue, String> {
    if depth > DEPTH * 2 {
        return Err("it is nested too deeply".to_owned());
    }
    Ok(match json {
        Json::Null => ConstValue::Null,
        Json::Bool(truth) => ConstValue::Boolean(*truth),
        Json::Number(number) => ConstValue::Number(number.clone()),
        Json::String(text) => ConstValue::String(text.clone()),
        Json::Array(items) => ConstValue::List(
            items
                .iter()
                .map(|item| from_json(item, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Json::Object(fields) => ConstValue::Object(
            fields
                .iter()
                .map(|(name, value)| Ok((Name::new(name), from_json(value, depth + 1)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

/// The same as JSON; values of enums are their names.
pub(crate) fn to_json(value: &ConstValue) -> Json {
    match value {
        ConstValue::Null | ConstValue::Binary(_) => Json::Null,
        ConstValue::Boolean(truth) => Json::Bool(*truth),
        ConstValue::Number(number) => Json::Number(number.clone()),
        ConstValue::String(text) => Json::String(text.clone()),
        ConstValue::Enum(name) => Json::String(name.as_str().to_owned()),
        ConstValue::List(items) => Json::Array(items.iter().map(to_json).collect()),
        ConstValue::Object(fields) => Json::Object(
            fields
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), to_json(value)))
                .collect(),
        ),
    }
}
