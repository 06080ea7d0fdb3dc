//! What the operations of documents become, kept with holes for the values of variables.
//!
//! A conversion that does no more with a variable than put its value into a slot comes out the same for any other value. So
//! it is tried with marks in place of the values of plain variables: a mark is of a kind that no client can send
//! ([`ConstValue::Binary`]), each use of a variable gets one of its own, and only what is about to be pushed into a slot may
//! be one. Where a mark is not found in a slot at the end, or in two, its variable decides more than that (which rows there
//! can be, which fields, the way into a value): then its value belongs to the key. Variables that are not plain (null, not
//! given, lists, objects, enums, truths) always do.
//!
//! A template is of one document, so of one snapshot and one role; what it holds of a caller is nothing.

use super::coerce::{self, VALUES, Variables};
use super::convert::{Converter, RootField, of_kind};
use super::document::{Document, root_type};
use super::execute::Work;
use super::introspect::Told;
use super::types::{Key as TypeKey, ScalarKind, Types};
use crate::config;
use crate::request::{ReadShape, Request, Slot, Values};
use crate::value::Value;
use async_graphql_parser::Positioned;
use async_graphql_parser::types::OperationDefinition;
use async_graphql_value::ConstValue;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Bytes of templates, estimated.
const TEMPLATES: u64 = 24 << 20;

/// Most bytes of the values that belong to a key.
const DECISIVE: usize = 4096;

/// Most trials: each shows further variables to be decisive.
const TRIALS: usize = 4;

/// What a hole takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// A value of a scalar.
    Scalar(ScalarKind),
    /// A number of rows.
    Rows,
}

/// Where a value is about to stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which root's request.
    pub root: usize,
    pub slot: Slot,
    pub fit: Fit,
}

/// The marks of one trial.
#[derive(Debug)]
pub(super) struct Marks {
    /// The variables that are marked.
    names: Vec<String>,
    /// By mark: which of them, and where it was found.
    uses: Vec<(usize, Option<Place>)>,
    /// Which of them were found twice.
    twice: Vec<usize>,
}

impl Marks {
    fn of(names: Vec<String>) -> Self {
        Self {
            names,
            uses: Vec::new(),
            twice: Vec::new(),
        }
    }

    /// A mark for a use of a variable, if it is one of those that are marked.
    pub(super) fn mark(&mut self, name: &str) -> Option<ConstValue> {
        let variable = self.names.iter().position(|own| own == name)?;
        let number = u32::try_from(self.uses.len()).ok()?;
        self.uses.push((variable, None));
        Some(ConstValue::Binary(Bytes::copy_from_slice(&number.to_le_bytes())))
    }

    /// A mark is what a slot holds. JSON is taken apart by operators, so it is none.
    pub(super) fn found(&mut self, mark: &[u8], place: Place) -> bool {
        let number = mark.try_into().map(u32::from_le_bytes);
        let Some((variable, found)) = number.ok().and_then(|number| self.uses.get_mut(number as usize)) else {
            return false;
        };
        if place.fit == Fit::Scalar(ScalarKind::Json) {
            return false;
        }
        if found.replace(place).is_some() {
            self.twice.push(*variable);
        }
        true
    }

    /// Variables that decide more than what stands in a slot.
    fn decisive(&self) -> Vec<String> {
        let lost = self.uses.iter().filter(|(_, place)| place.is_none());
        let mut decisive: Vec<usize> = lost.map(|(variable, _)| *variable).collect();
        decisive.extend(&self.twice);
        decisive.sort_unstable();
        decisive.dedup();
        decisive
            .into_iter()
            .map(|variable| self.names[variable].clone())
            .collect()
    }
}

/// What a template depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The snapshot's.
    number: u64,
    document: u64,
    operation: Option<Box<str>>,
    /// By the definitions of the operation's variables.
    variables: Box<[Given]>,
}

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Given {
    /// It was not given and has no default.
    Absent,
    /// A plain value.
    Plain,
    /// This one, as JSON; its type says what it means.
    Exactly(Box<str>),
}

struct Template {
    roots: Vec<(Box<str>, Part)>,
    holes: Vec<Hole>,
    /// What is copied from variables that are no holes.
    copied: usize,
    /// Estimated.
    bytes: u64,
}

struct Hole {
    variable: Box<str>,
    place: Place,
}

enum Part {
    Constant(String),
    Run {
        read: ReadShape,
        values: Values,
        nullable: bool,
    },
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Template>> for ByBytes {
    fn weight(&self, key: &Key, template: &Arc<Template>) -> u64 {
        let texts = key.variables.iter().map(|given| match given {
            Given::Exactly(json) => json.len() as u64,
            _ => 0,
        });
        template.bytes + texts.sum::<u64>()
    }
}

/// Templates of documents.
pub(super) struct Templates(Cache<Key, Arc<Template>, ByBytes>);

/// An operation of a document that is valid for a role.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The snapshot's.
    pub number: u64,
    pub types: Types<'a>,
    pub document: &'a Document,
    /// The document's.
    pub text: &'a str,
    pub name: Option<&'a str>,
    pub operation: &'a Positioned<OperationDefinition>,
    pub settings: &'a config::GraphQl,
}

impl Templates {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(4_000, TEMPLATES, ByBytes))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets what belongs to older snapshots.
    pub(super) fn keep(&self, number: u64) {
        self.0.retain(|key, _| key.number >= number);
    }

    /// What a query needs, from a template, which is made if it can be; `None` where it has to be converted as it is.
    pub(super) fn works(&self, asked: Asked<'_>, variables: &Variables) -> Option<Vec<(String, Work)>> {
        for _ in 0..TRIALS {
            let (key, plain) = key(asked, variables)?;
            if let Some(template) = self.0.get(&key) {
                return template.works(variables);
            }
            match tried(asked, variables, plain)? {
                Ok(template) => {
                    let template = Arc::new(template);
                    let works = template.works(variables);
                    self.0.insert(key, template);
                    return works;
                }
                Err(decisive) => asked.document.decisive().extend(decisive),
            }
        }
        None
    }
}

/// The key, and which variables are plain; `None` where the others are too large.
fn key(asked: Asked<'_>, variables: &Variables) -> Option<(Key, Vec<String>)> {
    let definitions = &asked.operation.node.variable_definitions;
    let mut given = Vec::with_capacity(definitions.len());
    let mut plain = Vec::new();
    let mut left = DECISIVE;
    if !definitions.is_empty() {
        let decisive = asked.document.decisive();
        for definition in definitions {
            let name = definition.node.name.node.as_str();
            given.push(match variables.get(name) {
                None => Given::Absent,
                Some((ConstValue::Number(_) | ConstValue::String(_), _)) if !decisive.contains(name) => {
                    plain.push(name.to_owned());
                    Given::Plain
                }
                Some((value, weight)) => {
                    // Many values are not written out to find that they are many.
                    if *weight > DECISIVE / 16 {
                        return None;
                    }
                    let json = coerce::to_json(value).to_string();
                    left = left.checked_sub(json.len())?;
                    Given::Exactly(json.into())
                }
            });
        }
    }
    let key = Key {
        number: asked.number,
        document: asked.document.number,
        operation: asked.name.map(Into::into),
        variables: given.into(),
    };
    Some((key, plain))
}

/// A trial: the template, or which variables it cannot be made for; `None` where the conversion fails or speaks of the schema.
fn tried(asked: Asked<'_>, variables: &Variables, plain: Vec<String>) -> Option<Result<Template, Vec<String>>> {
    variables.begin_trial(Marks::of(plain));
    let mut converter = Converter::new(asked.types, asked.document, variables, asked.settings);
    let roots = converter.roots(asked.operation);
    let (marks, copied) = variables.end_trial()?;
    let roots = roots.ok()?;
    let decisive = marks.decisive();
    if !decisive.is_empty() {
        return Some(Err(decisive));
    }
    let mut parts = Vec::with_capacity(roots.len());
    for (key, root) in roots {
        let part = match root {
            RootField::Typename => {
                let name = root_type(asked.types, TypeKey::Query);
                Part::Constant(serde_json::Value::from(name).to_string())
            }
            RootField::Nothing => Part::Constant("null".to_owned()),
            RootField::Introspection(_) => return None,
            RootField::Request { request, nullable } => Part::Run {
                read: request.read,
                values: request.values,
                nullable,
            },
        };
        parts.push((key.into(), part));
    }
    let mut holes = Vec::with_capacity(marks.uses.len());
    let mut marked = 0;
    for (variable, place) in &marks.uses {
        let name = marks.names.get(*variable)?;
        marked += variables.get(name)?.1;
        holes.push(Hole {
            variable: name.as_str().into(),
            place: (*place)?,
        });
    }
    Some(Ok(Template {
        roots: parts,
        holes,
        copied: copied.saturating_sub(marked),
        bytes: asked.text.len() as u64 * 30 + 1_000,
    }))
}

impl Template {
    /// With the values of variables; `None` where one does not fit, which the conversion tells in its own words.
    fn works(&self, variables: &Variables) -> Option<Vec<(String, Work)>> {
        let mut copied = self.copied;
        let mut works: Vec<(String, Work)> = self
            .roots
            .iter()
            .map(|(key, part)| (key.to_string(), part.work()))
            .collect();
        for Hole { variable, place } in &self.holes {
            let (value, weight) = variables.get(variable)?;
            copied = copied.saturating_add(*weight);
            let value = match (place.fit, value) {
                (Fit::Scalar(kind), value) => of_kind(kind, value),
                (Fit::Rows, ConstValue::Number(number)) => Value::Integer(number.as_i64().filter(|rows| *rows >= 0)?),
                (Fit::Rows, _) => return None,
            };
            let (_, Work::Run { request, .. }) = works.get_mut(place.root)? else {
                return None;
            };
            request.values.fill(place.slot, value);
        }
        (copied <= VALUES).then_some(works)
    }
}

impl Part {
    fn work(&self) -> Work {
        match self {
            Self::Constant(json) => Work::Told(Told::Short(json.clone())),
            Self::Run { read, values, nullable } => Work::Run {
                request: Box::new(Request {
                    read: read.clone(),
                    values: values.clone(),
                }),
                nullable: *nullable,
            },
        }
    }
}
