//! The roots of a mutation become one batch of writes, each root a unit of it.

mod insert;
mod related;
mod update;

use super::arguments::Arguments;
use super::{Converter, Selected};
use crate::catalog::FaceId;
use crate::graphql::document::root_type;
use crate::graphql::error::Fault;
use crate::graphql::mutate::{Answer, Mutation, Response, ResponseField, Root};
use crate::graphql::types::{self, Key, Meaning, Part, RootKind};
use crate::ident::Name;
use crate::request::{Change, Expression, Field, FieldValue, Filter, Formats, NumberFormat, Output, Write};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::{OperationDefinition, SelectionSet};
use async_graphql_value::ConstValue;
use insert::{Level, Meeting, NewRow};
use std::borrow::Cow;
use update::Which;

type Sets<'s, 'c> = &'s [&'c Positioned<SelectionSet>];

/// Most writes of one mutation.
const WRITES: usize = 1_000;

/// The writes of the roots so far.
#[derive(Default)]
struct Writes {
    all: Vec<Write>,
    unit: u16,
}

impl Writes {
    /// Adds a write and returns its index.
    fn push(&mut self, table: Name, change: Change, formats: Formats) -> Result<usize, Fault> {
        if self.all.len() == WRITES {
            return Err(too_many());
        }
        self.all.push(Write {
            table,
            change,
            returning: None,
            formats,
            unit: self.unit,
            strict: false,
            skips: false,
        });
        Ok(self.all.len() - 1)
    }
}

fn too_many() -> Fault {
    Fault::validation(format!("a mutation may come to at most {WRITES} writes"))
}

impl<'c> Converter<'c> {
    /// Every root of a mutation.
    ///
    /// # Errors
    /// Arguments that do not fit, and limits.
    pub(crate) fn mutation(&mut self, operation: &'c Positioned<OperationDefinition>) -> Result<Mutation, Fault> {
        let selected = self.collect(&[&operation.node.selection_set])?;
        let mut writes = Writes::default();
        let mut roots = Vec::with_capacity(selected.len());
        for (unit, field) in (0u16..).zip(&selected) {
            writes.unit = unit;
            self.terms = 0;
            let first = writes.all.len();
            let answer = self
                .written_root(field, &mut writes)
                .map_err(|fault| fault.under(field.key))?;
            let inserts =
                matches!(&answer, Answer::Response(index, _) if matches!(writes.all[*index].change, Change::Insert(_)));
            roots.push(Root {
                key: field.key.to_owned(),
                writes: first..writes.all.len(),
                objects: match &answer {
                    Answer::Response(index, _) if inserts => Some(*index),
                    _ => None,
                },
                answer,
            });
        }
        Ok(Mutation {
            batch: std::mem::take(&mut self.builder).finish_batch(writes.all),
            roots,
        })
    }

    fn written_root(&mut self, selected: &Selected<'c>, writes: &mut Writes) -> Result<Answer, Fault> {
        let name = selected.field.name.node.as_str();
        if name == "__typename" {
            return Ok(Answer::Constant(root_type(self.types, Key::Mutation)));
        }
        let unknown =
            || Fault::validation(format!("Unknown field \"{name}\" on the mutation type.")).at(selected.position);
        let field = self.types.field(Key::Mutation, name).ok_or_else(unknown)?;
        let Meaning::Root(root) = field.meaning else {
            return Err(unknown());
        };
        let arguments = self.arguments(selected, field.meaning)?;
        let (face, kind) = match root {
            types::Root::Face(face, kind) => (face, kind),
            types::Root::Function(id) | types::Root::FunctionAggregate(id) => {
                let (name, arguments, select) = self.call_of(root, id, field.ty, &arguments, selected)?;
                let select = Box::new(select);
                let index = writes.push(name, Change::Call { arguments, select }, self.formats())?;
                return Ok(Answer::Row(index));
            }
        };
        match kind {
            RootKind::Insert => {
                let objects = objects(arguments.get("objects"));
                let (output, response) = self.response(face, &selected.sets, Some(objects.len() as u64))?;
                let index = self.new_rows(face, objects, &arguments, writes)?;
                writes.all[index].returning = output;
                Ok(Answer::Response(index, response))
            }
            RootKind::InsertOne => {
                let output = self.written_row(face, &selected.sets)?;
                let index = self.new_rows(face, objects(arguments.get("object")), &arguments, writes)?;
                writes.all[index].returning = Some(output);
                Ok(Answer::Row(index))
            }
            RootKind::Update => {
                let (output, response) = self.response(face, &selected.sets, None)?;
                let filter = self.condition(face, arguments.get("where"))?;
                let settings = self.settings_of(&arguments);
                let index = self.changed_rows(face, Which::of(filter), &settings, writes)?;
                writes.all[index].returning = output;
                Ok(Answer::Response(index, response))
            }
            RootKind::UpdateByKey => {
                let output = self.written_row(face, &selected.sets)?;
                let filter = self.key_of(face, arguments.get(self.types.names.words.field("pk_columns")));
                let settings = self.settings_of(&arguments);
                let which = Which {
                    one: true,
                    ..Which::of(Some(filter))
                };
                let index = self.changed_rows(face, which, &settings, writes)?;
                writes.all[index].returning = Some(output);
                Ok(Answer::Row(index))
            }
            RootKind::UpdateMany => self.update_many(face, &arguments, selected, writes),
            RootKind::Delete => {
                let (output, response) = self.response(face, &selected.sets, None)?;
                let filter = self.condition(face, arguments.get("where"))?;
                let index = self.gone_rows(face, filter, writes)?;
                writes.all[index].returning = output;
                Ok(Answer::Response(index, response))
            }
            RootKind::DeleteByKey => {
                let output = self.written_row(face, &selected.sets)?;
                let filter = self.key_filter(face, &arguments);
                let index = self.gone_rows(face, Some(filter), writes)?;
                writes.all[index].returning = Some(output);
                Ok(Answer::Row(index))
            }
            _ => Err(unknown()),
        }
    }

    fn update_many(
        &mut self,
        face: FaceId,
        arguments: &Arguments<'c>,
        selected: &Selected<'c>,
        writes: &mut Writes,
    ) -> Result<Answer, Fault> {
        let mut responses = Vec::new();
        for update in objects(arguments.get("updates")) {
            let (output, response) = self.response(face, &selected.sets, None)?;
            let filter = self.condition(face, update.get("where"))?;
            let settings = self.settings_in(Key::Face(face, Part::Updates), update);
            let first = writes.all.len();
            let index = self.changed_rows(face, Which::of(filter), &settings, writes)?;
            writes.all[index].returning = output;
            responses.push((index, first..writes.all.len(), response));
        }
        Ok(Answer::Responses(responses))
    }

    fn new_rows(
        &mut self,
        face: FaceId,
        objects: Vec<&Object>,
        arguments: &Arguments<'c>,
        writes: &mut Writes,
    ) -> Result<usize, Fault> {
        let conflict = arguments.get(self.types.names.words.field("on_conflict"));
        let rows = objects.into_iter().map(|object| NewRow { object, parent: None });
        let level = Level {
            face,
            rows: rows.collect(),
            link: None,
            linked: &[],
            meeting: Meeting::of(conflict),
        };
        self.insert_level(&level, writes)
    }

    fn gone_rows(&mut self, face: FaceId, filter: Option<Filter>, writes: &mut Writes) -> Result<usize, Fault> {
        let change = Change::Delete { filter, within: None };
        writes.push(self.types.face(face).name.clone(), change, self.formats())
    }

    /// `affected_rows` and `returning`. `rows`: at most so many come back.
    fn response(
        &mut self,
        face: FaceId,
        sets: Sets<'_, 'c>,
        rows: Option<u64>,
    ) -> Result<(Option<Output>, Response), Fault> {
        let key = Key::Face(face, Part::MutationResponse);
        let selected = self.collect(sets)?;
        let mut fields = Vec::with_capacity(selected.len());
        let mut returning = Vec::new();
        for field in &selected {
            self.count_term()?;
            let name = field.field.name.node.as_str();
            let meaning = match name {
                "__typename" => ResponseField::Constant(root_type(self.types, key)),
                name => match self.types.field(key, name).map(|field| field.meaning) {
                    Some(Meaning::AffectedRows) => ResponseField::AffectedRows,
                    Some(Meaning::Returning(_)) => {
                        let times = self.count_nodes(1, rows)?;
                        let members = self
                            .row(face, &field.sets, times)
                            .map_err(|fault| fault.under(field.key))?;
                        returning.push((Name::new(field.key), members));
                        ResponseField::Returning
                    }
                    _ => return Err(self.unknown(key, field)),
                },
            };
            fields.push((field.key.to_owned(), meaning));
        }
        // Asked for under several names the rows come once, with a member for each of the names.
        let apart = returning.len() > 1;
        let output = match returning.len() {
            0 => None,
            1 => returning.pop().map(|(_, members)| Output::Rows(members)),
            _ => {
                let members = returning.into_iter().map(|(key, fields)| Field::Member {
                    key,
                    value: FieldValue::Object {
                        unless_null: None,
                        fields,
                    },
                });
                Some(Output::Rows(members.collect()))
            }
        };
        Ok((output, Response { fields, apart }))
    }

    fn written_row(&mut self, face: FaceId, sets: Sets<'_, 'c>) -> Result<Output, Fault> {
        self.count_nodes(1, Some(1))?;
        Ok(Output::Row(self.row(face, sets, 1)?))
    }

    /// The condition that a row has the key of an object of key columns.
    fn key_of(&mut self, face: FaceId, value: Option<&ConstValue>) -> Filter {
        let Some(ConstValue::Object(given)) = value else {
            return Filter::Or(Vec::new());
        };
        let inputs = self.types.inputs(Key::Face(face, Part::KeyInput));
        let given = inputs
            .into_iter()
            .filter_map(|input| Some((input, Cow::Owned(given.get(input.name)?.clone()))));
        self.key_filter(face, &Arguments(given.collect()))
    }

    pub(super) fn formats(&self) -> Formats {
        let numbers = if self.settings.stringify_numeric {
            NumberFormat::Text
        } else {
            NumberFormat::Number
        };
        Formats {
            numbers,
            ..Formats::default()
        }
    }

    /// A value as an expression.
    fn slot(&mut self, key: Key, value: &ConstValue) -> Expression {
        let value = self.value(key, value);
        Expression::Value(self.builder.push(value))
    }
}

type Object = async_graphql_value::indexmap::IndexMap<async_graphql_value::Name, ConstValue>;

/// The objects of a list, or the one.
fn objects(value: Option<&ConstValue>) -> Vec<&Object> {
    match value {
        Some(ConstValue::List(items)) => items
            .iter()
            .filter_map(|item| match item {
                ConstValue::Object(object) => Some(object),
                _ => None,
            })
            .collect(),
        Some(ConstValue::Object(object)) => vec![object],
        _ => Vec::new(),
    }
}

/// A member that is given and not null.
fn given<'v>(object: &'v Object, name: &str) -> Option<&'v ConstValue> {
    object.get(name).filter(|value| **value != ConstValue::Null)
}
