//! Values of variables and arguments, coerced to their types as the specification says. A kept document is not validated
//! again, so everything that depends on values is checked here.

use super::error::Fault;
use super::types::{Key, Kind, Ref, Types, Wrap};
use crate::catalog::DatabaseKind;
use async_graphql_parser::Positioned;
use async_graphql_parser::types::{BaseType, Type, VariableDefinition};
use async_graphql_value::{ConstValue, Name, Value, indexmap::IndexMap};
use serde_json::Value as Json;
use std::cell::Cell;
use std::collections::HashMap;

/// Most levels of an input value.
const DEPTH: usize = 48;

/// Most values in the variables of a request, and most that their uses may copy.
pub(super) const VALUES: usize = 100_000;

/// The coerced variables of an operation; one that was not given and has no default is not there.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: HashMap<String, (ConstValue, usize)>,
    copied: Cell<usize>,
}

/// A step of the way into a value.
enum Step {
    Name(String),
    Index(usize),
}

/// A type of the document or of the schema.
#[derive(Clone, Copy)]
enum Shape<'t> {
    Declared(&'t Type),
    Schema(Ref),
}

enum Inside<'t> {
    List(Shape<'t>),
    Named(Option<Key>),
}

impl<'t> Shape<'t> {
    fn required(self) -> bool {
        match self {
            Self::Declared(declared) => !declared.nullable,
            Self::Schema(reference) => reference.is_required(),
        }
    }

    fn inside(self, types: Types<'_>) -> Inside<'t> {
        match self {
            Self::Declared(declared) => match &declared.base {
                BaseType::List(inner) => Inside::List(Self::Declared(inner)),
                BaseType::Named(name) => Inside::Named(types.named(name)),
            },
            Self::Schema(reference) => match reference.wrap {
                Wrap::List | Wrap::RequiredList => Inside::List(Self::Schema(reference.key.required())),
                Wrap::Plain | Wrap::Required => Inside::Named(Some(reference.key)),
            },
        }
    }

    fn name(self, types: Types<'_>) -> String {
        match self {
            Self::Declared(declared) => declared.to_string(),
            Self::Schema(reference) => reference_name(types, reference),
        }
    }
}

/// How a type is written.
pub(crate) fn reference_name(types: Types<'_>, reference: Ref) -> String {
    let name = types.names.type_name(reference.key);
    match reference.wrap {
        Wrap::Plain => name,
        Wrap::Required => format!("{name}!"),
        Wrap::List => format!("[{name}!]"),
        Wrap::RequiredList => format!("[{name}!]!"),
    }
}

/// Coerces the variables of an operation.
///
/// # Errors
/// Every variable that is missing or does not fit.
pub(crate) fn variables(
    types: Types<'_>,
    definitions: &[Positioned<VariableDefinition>],
    given: &serde_json::Map<String, Json>,
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
                .and_then(|value| {
                    coerce(
                        types,
                        Shape::Declared(declared),
                        value,
                        &mut vec![Step::Name(name.to_owned())],
                    )
                })
                .map(Some)
                .map_err(|reason| Fault::validation(format!("Variable \"${name}\" got an invalid value: {reason}"))),
            (None, Some(default)) => coerce(
                types,
                Shape::Declared(declared),
                default.node.clone(),
                &mut vec![Step::Name(name.to_owned())],
            )
            .map(Some)
            .map_err(|reason| Fault::validation(format!("Variable \"${name}\" has an invalid default: {reason}"))),
            (None, None) if !declared.nullable => Err(Fault::validation(format!(
                "Variable \"${name}\" of required type \"{declared}\" was not provided."
            ))),
            (None, None) => Ok(None),
        };
        match value {
            Ok(Some(value)) => {
                let weight = given.get(name).map_or(1, weight);
                values.insert(name.to_owned(), (value, weight));
            }
            Ok(None) => {}
            Err(fault) => faults.push(fault.at(definition.pos)),
        }
    }
    if faults.is_empty() {
        Ok(Variables {
            values,
            copied: Cell::new(0),
        })
    } else {
        Err(faults)
    }
}

/// How many values a value holds, long texts as several.
fn weight(json: &Json) -> usize {
    match json {
        Json::String(text) => 1 + text.len() / 64,
        Json::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Json::Object(fields) => 1 + fields.values().map(weight).sum::<usize>(),
        _ => 1,
    }
}

/// Coerces an argument; `None` where it is a variable that was not given.
///
/// # Errors
/// It does not fit its type.
pub(crate) fn argument(
    types: Types<'_>,
    variables: &Variables,
    name: &str,
    ty: Ref,
    value: &Positioned<Value>,
) -> Result<Option<ConstValue>, Fault> {
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
    coerce(
        types,
        Shape::Schema(ty),
        constant,
        &mut vec![Step::Name(name.to_owned())],
    )
    .map(Some)
    .map_err(|reason| Fault::validation(format!("Argument \"{name}\" has an invalid value: {reason}")).at(value.pos))
}

impl Variables {
    /// A value with its variables in place.
    pub(crate) fn fill(&self, value: &Value) -> Option<ConstValue> {
        Some(match value {
            Value::Variable(name) => {
                let (value, weight) = self.values.get(name.as_str())?;
                self.copied.set(self.copied.get().saturating_add(*weight));
                if self.copied.get() > VALUES {
                    return None;
                }
                return Some(value.clone());
            }
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

fn place(path: &[Step]) -> String {
    path.iter().fold(String::new(), |mut out, step| {
        match step {
            Step::Name(name) if out.is_empty() => out.push_str(name),
            Step::Name(name) => {
                out.push('.');
                out.push_str(name);
            }
            Step::Index(index) => {
                out.push('[');
                out.push_str(&index.to_string());
                out.push(']');
            }
        }
        out
    })
}

fn coerce(types: Types<'_>, shape: Shape<'_>, value: ConstValue, path: &mut Vec<Step>) -> Result<ConstValue, String> {
    if path.len() > DEPTH {
        return Err(format!("it is nested too deeply, at most {DEPTH} levels are allowed"));
    }
    if value == ConstValue::Null {
        return if shape.required() {
            Err(format!(
                "expected a value of the non-null type \"{}\" at \"{}\", not null",
                shape.name(types),
                place(path)
            ))
        } else {
            Ok(value)
        };
    }
    match shape.inside(types) {
        Inside::List(inner) => {
            let ConstValue::List(items) = value else {
                return Ok(ConstValue::List(vec![coerce(types, inner, value, path)?]));
            };
            // Lists may be long, and most of them are of scalars.
            if let Inside::Named(Some(Key::Scalar(id))) = inner.inside(types) {
                let kind = types.scalar(id).kind;
                let wide = types.catalog.database.kind == DatabaseKind::Sqlite;
                let fits = |item: &ConstValue| *item != ConstValue::Null && kind.takes(item, wide);
                if path.len() < DEPTH && items.iter().all(fits) {
                    return Ok(ConstValue::List(items));
                }
            }
            let mut out = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                path.push(Step::Index(index));
                out.push(coerce(types, inner, item, path)?);
                path.pop();
            }
            Ok(ConstValue::List(out))
        }
        Inside::Named(None) => Err(format!("unknown type \"{}\"", shape.name(types))),
        Inside::Named(Some(key)) => match types.kind(key) {
            Kind::Input => object(types, key, value, path),
            Kind::Enum => choice(types, key, value, path),
            Kind::Scalar => {
                let Key::Scalar(id) = key else {
                    return Err("not a scalar".to_owned());
                };
                let scalar = types.scalar(id);
                let wide = types.catalog.database.kind == DatabaseKind::Sqlite;
                if scalar.kind.takes(&value, wide) {
                    return Ok(value);
                }
                Err(format!(
                    "expected {} at \"{}\", not {}",
                    expected(&scalar.name),
                    place(path),
                    describe(&value)
                ))
            }
            Kind::Object => Err(format!("\"{}\" is not an input type", types.names.type_name(key))),
        },
    }
}

fn expected(name: &str) -> String {
    match name {
        "Int" => "an Int (a whole number of 32 bits)".to_owned(),
        "Boolean" => "a Boolean (true or false)".to_owned(),
        "String" => "a String".to_owned(),
        "Float" => "a Float".to_owned(),
        other => format!("a value of type \"{other}\""),
    }
}

fn choice(types: Types<'_>, key: Key, value: ConstValue, path: &[Step]) -> Result<ConstValue, String> {
    let name = types.names.type_name(key);
    let text = match value {
        ConstValue::Enum(text) => text,
        ConstValue::String(text) => Name::new(text),
        other => {
            return Err(format!(
                "expected a value of the enum \"{name}\" at \"{}\", not {}",
                place(path),
                describe(&other)
            ));
        }
    };
    let values = types.enum_values(key);
    if values.iter().any(|(own, _)| *own == text.as_str()) {
        return Ok(ConstValue::Enum(text));
    }
    let wrong: String = text.chars().take(40).collect();
    let near = crate::error::nearest(&wrong, values.iter().map(|(own, _)| *own));
    let hint = near.map(|near| format!(", did you mean {near}?")).unwrap_or_default();
    Err(format!(
        "the enum \"{name}\" at \"{}\" has no value {wrong:?}{hint}",
        place(path)
    ))
}

fn object(types: Types<'_>, key: Key, value: ConstValue, path: &mut Vec<Step>) -> Result<ConstValue, String> {
    let name = || types.names.type_name(key);
    let ConstValue::Object(fields) = value else {
        return Err(format!(
            "expected an object of type \"{}\" at \"{}\", not {}",
            name(),
            place(path),
            describe(&value)
        ));
    };
    let mut out = IndexMap::with_capacity(fields.len());
    for (field, value) in fields {
        let Some(input) = types.input(key, &field) else {
            let wrong: String = field.chars().take(60).collect();
            let inputs = types.inputs(key);
            let near = crate::error::nearest(&wrong, inputs.iter().map(|input| input.name));
            let hint = near
                .map(|near| format!(" Did you mean \"{near}\"?"))
                .unwrap_or_default();
            return Err(format!(
                "field {wrong:?} at \"{}\" is not defined by type \"{}\".{hint}",
                place(path),
                name()
            ));
        };
        path.push(Step::Name(input.name.to_owned()));
        let value = coerce(types, Shape::Schema(input.ty), value, path)?;
        path.pop();
        out.insert(field, value);
    }
    if types.may_require(key) {
        for input in types.inputs(key) {
            if input.ty.is_required() && !out.contains_key(input.name) {
                return Err(format!(
                    "field \"{}\" of required type \"{}\" at \"{}\" was not provided",
                    input.name,
                    reference_name(types, input.ty),
                    place(path)
                ));
            }
        }
    }
    Ok(ConstValue::Object(out))
}

/// What was given, at most 40 characters of it.
fn describe(value: &ConstValue) -> String {
    match value {
        ConstValue::Null => "null".to_owned(),
        ConstValue::Boolean(truth) => truth.to_string(),
        ConstValue::Number(number) => number.to_string().chars().take(40).collect(),
        ConstValue::String(text) if text.chars().count() > 40 => {
            format!("{:?}…", text.chars().take(40).collect::<String>())
        }
        ConstValue::String(text) => format!("{text:?}"),
        ConstValue::Enum(name) => name.chars().take(40).collect(),
        ConstValue::List(_) => "a list".to_owned(),
        ConstValue::Object(_) => "an object".to_owned(),
        ConstValue::Binary(_) => "bytes".to_owned(),
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
