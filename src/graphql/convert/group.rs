//! `<t>_group`: one object per group of rows.

use super::Converter;
use super::arguments::Arguments;
use crate::catalog::FaceId;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Meaning, Part, Slotted};
use crate::ident::Name;
use crate::request::{
    AggregateFunction, Aggregation, Constant, Expression, Filter, GroupField, GroupKey, Output, Page, Select,
};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::ConstValue;

impl<'c> Converter<'c> {
    pub(super) fn group(
        &mut self,
        face: FaceId,
        arguments: &Arguments<'c>,
        sets: &[&'c Positioned<SelectionSet>],
    ) -> Result<Select, Fault> {
        let columns = self.columns(face, arguments.get("by"));
        let by: Vec<(Name, Expression)> = columns
            .iter()
            .map(|column| {
                let name = Name::new(self.types.names.column(face, *column));
                (name, Expression::Column(self.column_name(face, *column)))
            })
            .collect();
        let filter = self.condition(face, arguments.get("where"))?;
        let having = match arguments.get("having") {
            Some(value) => Some(self.having(face, value)?),
            None => None,
        };
        let mut order = Vec::new();
        if let Some(ConstValue::List(items)) = arguments.get(self.types.names.words.field("order_by")) {
            for item in items {
                self.order_aggregate(
                    face,
                    None,
                    Part::GroupOrderBy,
                    item,
                    &|expression| expression,
                    &mut order,
                )?;
            }
        }
        for term in &order {
            if matches!(term.by, Expression::Column(_)) && !by.iter().any(|(_, own)| *own == term.by) {
                return Err(Fault::validation(
                    "groups can be ordered only by columns that are in \"by\"",
                ));
            }
        }
        let limit = arguments.rows("limit")?.or(self.settings.default_limit);
        self.count_nodes(1, self.most(face, limit))?;
        let page = Page {
            limit: limit.map(|rows| self.push_rows(rows)),
            ..Page::default()
        };
        let key = Key::Face(face, Part::Group);
        let fields = self.members(key, sets, GroupField::Constant, |own, out, field, selected| {
            Ok(match field.meaning {
                Meaning::GroupKey(_) => GroupField::Keys(out, own.keys(face, &by, &selected.sets)?),
                _ => GroupField::Aggregates(out, own.aggregates(face, &selected.sets)?),
            })
        })?;
        Ok(Select {
            filter,
            order,
            distinct: Vec::new(),
            page,
            output: Output::Groups { by, having, fields },
        })
    }

    /// The members of `key { … }`; a column that makes no groups has no one value and is null.
    fn keys(
        &mut self,
        face: FaceId,
        by: &[(Name, Expression)],
        sets: &[&'c Positioned<SelectionSet>],
    ) -> Result<Vec<(Name, GroupKey)>, Fault> {
        let key = Key::Face(face, Part::GroupKey);
        let mut keys = Vec::new();
        for selected in self.collect(sets)? {
            let name = selected.field.name.node.as_str();
            let value = if name == "__typename" {
                GroupKey::Constant(self.typename(key))
            } else if by.iter().any(|(own, _)| own.as_str() == name) {
                GroupKey::By(Name::new(name))
            } else {
                GroupKey::Constant(Constant::Null)
            };
            keys.push((Name::new(selected.key), value));
        }
        Ok(keys)
    }

    fn having(&mut self, face: FaceId, value: &ConstValue) -> Result<Filter, Fault> {
        let ConstValue::Object(fields) = value else {
            return Err(Fault::validation("unexpected null value in \"having\""));
        };
        let key = Key::Face(face, Part::GroupBoolExp);
        let mut conditions = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            self.count_term()?;
            let aggregate = |function: AggregateFunction, of: Vec<Expression>| {
                Expression::Aggregate(Box::new(Aggregation {
                    relation: None,
                    filter: None,
                    function,
                    of,
                    distinct: false,
                }))
            };
            let Some(input) = self.types.input(key, name) else {
                continue;
            };
            match (input.stands, value) {
                (Slotted::And | Slotted::Or, ConstValue::List(items)) => {
                    let parts = items
                        .iter()
                        .map(|item| self.having(face, item))
                        .collect::<Result<_, _>>()?;
                    conditions.push(match input.stands {
                        Slotted::And => Filter::And(parts),
                        _ => Filter::Or(parts),
                    });
                }
                (Slotted::Not, value) => conditions.push(Filter::Not(Box::new(self.having(face, value)?))),
                (Slotted::Count, value) => {
                    let left = aggregate(AggregateFunction::Count, Vec::new());
                    self.comparisons(&left, input.ty.key, value, name, &mut conditions)?;
                }
                (Slotted::Function(statistic), ConstValue::Object(columns)) => {
                    for (name, value) in columns {
                        let Some(own) = self.types.input(input.ty.key, name) else {
                            continue;
                        };
                        let Slotted::Column(column) = own.stands else { continue };
                        let of = vec![Expression::Column(self.column_name(face, column))];
                        let left = aggregate(statistic.function(), of);
                        self.comparisons(&left, own.ty.key, value, name, &mut conditions)?;
                    }
                }
                _ => {
                    return Err(Fault::validation(format!(
                        "unexpected null value for \"{name}\" in \"having\""
                    )));
                }
            }
        }
        Ok(match conditions.len() {
            1 => conditions.swap_remove(0),
            _ => Filter::And(conditions),
        })
    }
}
