//! `<t>_aggregate`: aggregates over the rows of a list, and the rows.

use super::arguments::Arguments;
use super::{Converter, Selected};
use crate::catalog::FaceId;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Meaning, Part};
use crate::ident::Name;
use crate::request::{AggregateField, AggregateMember, AggregateOperand, Expression, Output, Select};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::ConstValue;

type Sets<'s, 'c> = &'s [&'c Positioned<SelectionSet>];

impl<'c> Converter<'c> {
    /// An aggregate with the arguments of a list. A default limit does not cut aggregates short.
    pub(super) fn aggregate_select(
        &mut self,
        face: FaceId,
        arguments: &Arguments<'c>,
        sets: Sets<'_, 'c>,
        times: u64,
    ) -> Result<Select, Fault> {
        let default = arguments.rows("limit")?.is_none();
        let (mut select, most) = self.list(face, arguments)?;
        if default {
            select.page.limit = None;
        }
        let key = Key::Face(face, Part::Aggregate);
        let mut fields = Vec::new();
        for selected in self.collect(sets)? {
            self.count_term()?;
            let out = Name::new(selected.key);
            let name = selected.field.name.node.as_str();
            if name == "__typename" {
                fields.push(AggregateField::Constant(out, self.typename(key)));
                continue;
            }
            let field = self
                .types
                .field(key, name)
                .ok_or_else(|| self.unknown(key, &selected))?;
            fields.push(match field.meaning {
                Meaning::Nodes(_) => {
                    let times = self.count_nodes(times, most)?;
                    let rows = self.row(face, &selected.sets, times);
                    AggregateField::Nodes(out, rows.map_err(|fault| fault.under(selected.key))?)
                }
                _ => {
                    let members = self.aggregates(face, &selected.sets);
                    AggregateField::Aggregates(out, members.map_err(|fault| fault.under(selected.key))?)
                }
            });
        }
        select.output = Output::Aggregate(fields);
        Ok(select)
    }

    /// The members of `aggregate { … }`.
    pub(super) fn aggregates(&mut self, face: FaceId, sets: Sets<'_, 'c>) -> Result<Vec<AggregateMember>, Fault> {
        let key = Key::Face(face, Part::AggregateFields);
        let mut members = Vec::new();
        for selected in self.collect(sets)? {
            self.count_term()?;
            let out = Name::new(selected.key);
            let name = selected.field.name.node.as_str();
            if name == "__typename" {
                members.push(AggregateMember::Constant(out, self.typename(key)));
                continue;
            }
            let field = self
                .types
                .field(key, name)
                .ok_or_else(|| self.unknown(key, &selected))?;
            members.push(match field.meaning {
                Meaning::Function(_, statistic) => AggregateMember::Function {
                    key: out,
                    function: statistic.function(),
                    members: self.operands(face, field.ty.key, &selected)?,
                },
                _ => {
                    let arguments = self
                        .arguments(&selected, field.meaning)
                        .map_err(|fault| fault.under(selected.key))?;
                    AggregateMember::Count {
                        key: out,
                        of: self.column_expressions(face, arguments.get("columns")),
                        distinct: matches!(arguments.get("distinct"), Some(ConstValue::Boolean(true))),
                    }
                }
            });
        }
        Ok(members)
    }

    fn operands(
        &mut self,
        face: FaceId,
        key: Key,
        selected: &Selected<'c>,
    ) -> Result<Vec<(Name, AggregateOperand)>, Fault> {
        let mut operands = Vec::new();
        for column in self.collect(&selected.sets)? {
            self.count_term()?;
            let name = column.field.name.node.as_str();
            let operand = if name == "__typename" {
                AggregateOperand::Constant(self.typename(key))
            } else {
                let field = self.types.field(key, name).ok_or_else(|| self.unknown(key, &column))?;
                let Meaning::Plain(_, id) = field.meaning else {
                    return Err(self.unknown(key, &column));
                };
                AggregateOperand::Expression(Expression::Column(self.column_name(face, id)))
            };
            operands.push((Name::new(column.key), operand));
        }
        Ok(operands)
    }
}
