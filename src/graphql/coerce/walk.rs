//! The way through a value that comes in: each part is held against its type.

use super::{DEPTH, reference_name};
use crate::catalog::DatabaseKind;
use crate::graphql::types::{Input, Key, Kind, Part, Ref, Types};
use async_graphql_parser::types::{BaseType, Type};
use async_graphql_value::{ConstValue, Name};
use std::collections::HashMap;
use std::rc::Rc;

/// A step of the way into a value.
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// The way through a value.
pub(super) struct Walk<'a> {
    types: Types<'a>,
    path: Vec<Step<'a>>,
    /// The input types that were met: what is a list has one type many times.
    met: HashMap<Key, Rc<Met<'a>>>,
}

/// An input type.
struct Met<'a> {
    inputs: Vec<Input<'a>>,
    /// Where they are by name, where they are many.
    places: HashMap<&'a str, usize>,
}

/// Up to so many fields are sooner looked through than put in a map.
const FEW: usize = 16;

impl<'a> Met<'a> {
    fn input(&self, name: &str) -> Option<&Input<'a>> {
        if self.inputs.len() <= FEW {
            return self.inputs.iter().find(|input| input.name == name);
        }
        self.inputs.get(*self.places.get(name)?)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn from(types: Types<'a>, name: &'a str) -> Self {
        Self {
            types,
            path: vec![Step::Name(name)],
            met: HashMap::new(),
        }
    }

    fn meet(&mut self, key: Key) -> Rc<Met<'a>> {
        let types = self.types;
        let met = self.met.entry(key).or_insert_with(|| {
            let inputs = types.inputs(key);
            let many = inputs.iter().enumerate().filter(|_| inputs.len() > FEW);
            Rc::new(Met {
                places: many.map(|(place, input)| (input.name, place)).collect(),
                inputs,
            })
        });
        Rc::clone(met)
    }

    /// A field of an input type.
    fn input(&mut self, key: Key, name: &str) -> Option<Input<'a>> {
        match key {
            // Found by name without the others.
            Key::Face(_, Part::BoolExp | Part::OrderBy) => self.types.input(key, name),
            _ => self.meet(key).input(name).copied(),
        }
    }
}

/// A type of the document or of the schema.
#[derive(Clone, Copy)]
pub(super) enum Shape<'t> {
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
            Self::Schema(reference) => match reference.item() {
                Some(item) => Inside::List(Self::Schema(item)),
                None => Inside::Named(Some(reference.key)),
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

fn place(path: &[Step<'_>]) -> String {
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

impl Walk<'_> {
    /// A value as its type has it.
    ///
    /// # Errors
    /// What does not fit, where, and what would.
    pub(super) fn coerce(&mut self, shape: Shape<'_>, value: ConstValue) -> Result<ConstValue, String> {
        let types = self.types;
        if self.path.len() > DEPTH {
            return Err(format!("it is nested too deeply, at most {DEPTH} levels are allowed"));
        }
        if value == ConstValue::Null {
            return if shape.required() {
                Err(format!(
                    "expected a value of the non-null type \"{}\" at \"{}\", not null",
                    shape.name(types),
                    place(&self.path)
                ))
            } else {
                Ok(value)
            };
        }
        match shape.inside(types) {
            // A mark; what it stands for has been coerced to this very type.
            Inside::Named(_) if matches!(value, ConstValue::Binary(_)) => Ok(value),
            Inside::List(inner) => {
                let ConstValue::List(mut items) = value else {
                    return Ok(ConstValue::List(vec![self.coerce(inner, value)?]));
                };
                // Lists may be long, and most of them are of scalars.
                if let Inside::Named(Some(Key::Scalar(id))) = inner.inside(types) {
                    let kind = types.scalar(id).kind;
                    let wide = types.catalog.database.kind == DatabaseKind::Sqlite;
                    let fits = |item: &ConstValue| *item != ConstValue::Null && kind.takes(item, wide);
                    if self.path.len() < DEPTH && items.iter().all(fits) {
                        return Ok(ConstValue::List(items));
                    }
                }
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(Step::Index(index));
                    *item = self.coerce(inner, std::mem::take(item))?;
                    self.path.pop();
                }
                Ok(ConstValue::List(items))
            }
            Inside::Named(None) => Err(format!("unknown type \"{}\"", shape.name(types))),
            Inside::Named(Some(key)) => match types.kind(key) {
                Kind::Input => self.object(key, value),
                Kind::Enum => choice(types, key, value, &self.path),
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
                        place(&self.path),
                        describe(&value)
                    ))
                }
                Kind::Object => Err(format!("\"{}\" is not an input type", types.names.type_name(key))),
            },
        }
    }

    fn object(&mut self, key: Key, value: ConstValue) -> Result<ConstValue, String> {
        let types = self.types;
        let name = || types.names.type_name(key);
        let ConstValue::Object(mut fields) = value else {
            return Err(format!(
                "expected an object of type \"{}\" at \"{}\", not {}",
                name(),
                place(&self.path),
                describe(&value)
            ));
        };
        // In place: what fits stays where it is.
        for (field, value) in &mut fields {
            let Some(input) = self.input(key, field) else {
                let wrong: String = field.chars().take(60).collect();
                let near = crate::error::nearest(&wrong, types.inputs(key).iter().map(|input| input.name));
                let hint = near
                    .map(|near| format!(" Did you mean \"{near}\"?"))
                    .unwrap_or_default();
                return Err(format!(
                    "field {wrong:?} at \"{}\" is not defined by type \"{}\".{hint}",
                    place(&self.path),
                    name()
                ));
            };
            self.path.push(Step::Name(input.name));
            *value = self.coerce(Shape::Schema(input.ty), std::mem::take(value))?;
            self.path.pop();
        }
        if !types.may_require(key) {
            return Ok(ConstValue::Object(fields));
        }
        let met = self.meet(key);
        for input in &met.inputs {
            if input.ty.is_required() && !fields.contains_key(input.name) {
                return Err(format!(
                    "field \"{}\" of required type \"{}\" at \"{}\" was not provided",
                    input.name,
                    reference_name(types, input.ty),
                    place(&self.path)
                ));
            }
        }
        Ok(ConstValue::Object(fields))
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
