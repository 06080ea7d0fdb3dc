//! `order_by`: by columns, by columns of related rows, by aggregates of related rows.

use super::Converter;
use crate::catalog::FaceId;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Part, Slotted};
use crate::ident::Name;
use crate::request::{AggregateFunction, Aggregation, Expression, Nulls, Order};
use async_graphql_value::ConstValue;

impl<'c> Converter<'c> {
    /// The terms of an order, in the order of the document.
    pub(super) fn order(&mut self, face: FaceId, value: Option<&ConstValue>) -> Result<Vec<Order>, Fault> {
        let mut terms = Vec::new();
        if let Some(ConstValue::List(items)) = value {
            for item in items {
                self.order_object(face, item, &|expression| expression, &mut terms)?;
            }
        }
        Ok(terms)
    }

    fn order_object(
        &mut self,
        face: FaceId,
        value: &ConstValue,
        wrap: &dyn Fn(Expression) -> Expression,
        terms: &mut Vec<Order>,
    ) -> Result<(), Fault> {
        let ConstValue::Object(fields) = value else {
            return Ok(());
        };
        for (name, value) in fields {
            self.count_term()?;
            let Some(input) = self.types.input(Key::Face(face, Part::OrderBy), name) else {
                continue;
            };
            match input.stands {
                Slotted::Column(column) => {
                    let by = wrap(Expression::Column(self.column_name(face, column)));
                    terms.extend(term(by, value));
                }
                Slotted::Relation(id) => {
                    let Some(relation) = self.types.relation(face, id) else {
                        continue;
                    };
                    let inner = |expression| {
                        wrap(Expression::Related {
                            relation: relation.name.clone(),
                            expression: Box::new(expression),
                        })
                    };
                    self.order_object(relation.target, value, &inner, terms)?;
                }
                Slotted::RelationAggregate(id) => {
                    let Some(relation) = self.types.relation(face, id) else {
                        continue;
                    };
                    self.order_aggregate(
                        relation.target,
                        Some(&relation.name),
                        Part::AggregateOrderBy,
                        value,
                        wrap,
                        terms,
                    )?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `{count: desc, max: {created_at: asc}}`, of a relation or of a group.
    pub(super) fn order_aggregate(
        &mut self,
        face: FaceId,
        relation: Option<&Name>,
        part: Part,
        value: &ConstValue,
        wrap: &dyn Fn(Expression) -> Expression,
        terms: &mut Vec<Order>,
    ) -> Result<(), Fault> {
        let ConstValue::Object(fields) = value else {
            return Ok(());
        };
        let aggregate = |function: AggregateFunction, of: Vec<Expression>| {
            wrap(Expression::Aggregate(Box::new(Aggregation {
                relation: relation.cloned(),
                filter: None,
                function,
                of,
                distinct: false,
            })))
        };
        for (name, value) in fields {
            self.count_term()?;
            let Some(input) = self.types.input(Key::Face(face, part), name) else {
                continue;
            };
            match (input.stands, value) {
                (Slotted::Count, value) => terms.extend(term(aggregate(AggregateFunction::Count, Vec::new()), value)),
                (Slotted::Function(statistic), ConstValue::Object(columns)) => {
                    for (name, value) in columns {
                        let of = self.types.input(input.ty.key, name);
                        if let Some(Slotted::Column(column)) = of.map(|input| input.stands) {
                            let of = vec![Expression::Column(self.column_name(face, column))];
                            terms.extend(term(aggregate(statistic.function(), of), value));
                        }
                    }
                }
                (Slotted::GroupKey, ConstValue::Object(columns)) => {
                    for (name, value) in columns {
                        let of = self.types.input(input.ty.key, name);
                        if let Some(Slotted::Column(column)) = of.map(|input| input.stands) {
                            terms.extend(term(Expression::Column(self.column_name(face, column)), value));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A term of a direction; null is no term.
fn term(by: Expression, value: &ConstValue) -> Option<Order> {
    let ConstValue::Enum(direction) = value else {
        return None;
    };
    let direction = direction.to_ascii_lowercase();
    let descending = direction.starts_with("desc");
    let nulls = match direction.as_str() {
        word if word.ends_with("nulls_first") => Nulls::First,
        word if word.ends_with("nulls_last") => Nulls::Last,
        _ => Nulls::default_for(descending),
    };
    Some(Order { by, descending, nulls })
}
