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
        let fields = self.members(key, sets, AggregateField::Constant, |own, out, field, selected| {
            Ok(match field.meaning {
                Meaning::Nodes(_) => {
                    let times = own.count_nodes(times, most)?;
                    AggregateField::Nodes(out, own.row(face, &selected.sets, times)?)
                }
                _ => AggregateField::Aggregates(out, own.aggregates(face, &selected.sets)?),
            })
        })?;
        select.output = Output::Aggregate(fields);
        Ok(select)
    }

    /// The members of `aggregate { … }`.
    pub(super) fn aggregates(&mut self, face: FaceId, sets: Sets<'_, 'c>) -> Result<Vec<AggregateMember>, Fault> {
        let key = Key::Face(face, Part::AggregateFields);
        self.members(key, sets, AggregateMember::Constant, |own, out, field, selected| {
            Ok(match field.meaning {
                Meaning::Function(_, statistic) => AggregateMember::Function {
                    key: out,
                    function: statistic.function(),
                    members: own.operands(face, field.ty.key, selected)?,
                },
                _ => {
                    let arguments = own.arguments(selected, field.meaning)?;
                    AggregateMember::Count {
                        key: out,
                        of: own.column_expressions(face, arguments.get("columns")),
                        distinct: matches!(arguments.get("distinct"), Some(ConstValue::Boolean(true))),
                    }
                }
            })
        })
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
