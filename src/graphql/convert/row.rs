//! Rows: columns, relations, computed fields.

use super::arguments::Arguments;
use super::{Converter, Selected};
use crate::catalog::FaceId;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Meaning, Part};
use crate::ident::Name;
use crate::request::{Constant, Expression, Field, FieldValue, Output, Select};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::ConstValue;

impl<'c> Converter<'c> {
    /// A list of rows.
    pub(super) fn rows(
        &mut self,
        face: FaceId,
        arguments: &Arguments<'c>,
        sets: &[&'c Positioned<SelectionSet>],
        times: u64,
    ) -> Result<Select, Fault> {
        let (mut select, most) = self.list(face, arguments)?;
        let times = self.count_nodes(times, most)?;
        select.output = Output::Rows(self.row(face, sets, times)?);
        Ok(select)
    }

    /// Everything of a list but what is written.
    pub(super) fn list(&mut self, face: FaceId, arguments: &Arguments<'c>) -> Result<(Select, Option<u64>), Fault> {
        let words = self.types.names.words;
        let filter = self.condition(face, arguments.get("where"))?;
        let order = self.order(face, arguments.get(words.field("order_by")))?;
        let distinct = self.column_expressions(face, arguments.get(words.field("distinct_on")));
        let (page, most) = self.page(face, arguments)?;
        let select = Select {
            filter,
            order,
            distinct,
            page,
            output: Output::default(),
        };
        Ok((select, most))
    }

    /// The members of a row's object.
    pub(super) fn row(
        &mut self,
        face: FaceId,
        sets: &[&'c Positioned<SelectionSet>],
        times: u64,
    ) -> Result<Vec<Field>, Fault> {
        let selected = self.collect(sets)?;
        let mut fields = Vec::with_capacity(selected.len());
        for field in selected {
            let value = self
                .member(face, &field, times)
                .map_err(|fault| fault.under(field.key))?;
            fields.push(Field::Member {
                key: Name::new(field.key),
                value,
            });
        }
        Ok(fields)
    }

    fn member(&mut self, face: FaceId, selected: &Selected<'c>, times: u64) -> Result<FieldValue, Fault> {
        self.count_term()?;
        let name = selected.field.name.node.as_str();
        let row = Key::Face(face, Part::Row);
        if name == "__typename" {
            return Ok(FieldValue::Constant(self.typename(row)));
        }
        let field = self.types.field(row, name).ok_or_else(|| self.unknown(row, selected))?;
        let arguments = self.arguments(selected, field.meaning)?;
        Ok(match field.meaning {
            Meaning::Column(_, column) => {
                let expression = Expression::Column(self.column_name(face, column));
                FieldValue::Expression(match arguments.get("path") {
                    Some(ConstValue::String(text)) => {
                        let path = super::path::parse(text).map_err(Fault::validation)?;
                        if path.is_empty() {
                            expression
                        } else {
                            Expression::Json {
                                expression: Box::new(expression),
                                path,
                                text: false,
                            }
                        }
                    }
                    _ => expression,
                })
            }
            Meaning::Relation(_, id) => {
                let relation = self
                    .types
                    .relation(face, id)
                    .ok_or_else(|| self.unknown(row, selected))?;
                let select = if relation.many {
                    self.rows(relation.target, &arguments, &selected.sets, times)?
                } else {
                    self.count_nodes(times, Some(1))?;
                    Select {
                        output: Output::Row(self.row(relation.target, &selected.sets, times)?),
                        ..Select::default()
                    }
                };
                FieldValue::Relation {
                    name: relation.name.clone(),
                    select: Box::new(select),
                }
            }
            Meaning::RelationAggregate(_, id) => {
                let relation = self
                    .types
                    .relation(face, id)
                    .ok_or_else(|| self.unknown(row, selected))?;
                let select = self.aggregate_select(relation.target, &arguments, &selected.sets, times)?;
                FieldValue::Relation {
                    name: relation.name.clone(),
                    select: Box::new(select),
                }
            }
            Meaning::Computed(_, id) => FieldValue::Computed {
                name: self.types.face(face).computed[id as usize].name.clone(),
                arguments: self.function_arguments(Key::Face(face, Part::ComputedArguments(id)), &arguments),
                select: match self.types.computed_face(face, id) {
                    None => None,
                    Some((target, true)) => Some(Box::new(self.rows(target, &arguments, &selected.sets, times)?)),
                    Some((target, false)) => {
                        self.count_nodes(times, Some(1))?;
                        Some(Box::new(Select {
                            output: Output::Row(self.row(target, &selected.sets, times)?),
                            ..Select::default()
                        }))
                    }
                },
            },
            _ => return Err(self.unknown(row, selected)),
        })
    }

    /// The name of a type as a constant.
    pub(super) fn typename(&self, key: Key) -> Constant {
        Constant::Text(Name::new(self.types.names.type_name(key)))
    }

    /// Validation lets no such field through; this is the answer if it did.
    pub(super) fn unknown(&self, key: Key, selected: &Selected<'c>) -> Fault {
        Fault::validation(format!(
            "Unknown field \"{}\" on type \"{}\".",
            selected.field.name.node,
            self.types.names.type_name(key)
        ))
        .at(selected.position)
    }
}
