//! `where`: conditions of rows.

use super::Converter;
use crate::catalog::FaceId;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Operator, Part, Slotted};
use crate::ident::Name;
use crate::request::{AggregateFunction, Aggregation, Comparison, Expression, Filter, Function};
use crate::value::Type;
use async_graphql_value::ConstValue;

impl<'c> Converter<'c> {
    /// The condition of a `where`; nothing, null and `{}` are all rows.
    pub(super) fn condition(&mut self, face: FaceId, value: Option<&ConstValue>) -> Result<Option<Filter>, Fault> {
        let Some(value) = value else { return Ok(None) };
        Ok(match self.filter(face, value)? {
            Filter::And(conditions) if conditions.is_empty() => None,
            filter => Some(filter),
        })
    }

    /// One object of a `bool_exp`: all of its fields.
    fn filter(&mut self, face: FaceId, value: &ConstValue) -> Result<Filter, Fault> {
        let ConstValue::Object(fields) = value else {
            return Err(null("where"));
        };
        let key = Key::Face(face, Part::BoolExp);
        let mut conditions = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            self.count_term()?;
            let Some(input) = self.types.input(key, name) else {
                return Err(null(name));
            };
            if *value == ConstValue::Null {
                return Err(null(name));
            }
            match input.stands {
                Slotted::And => conditions.push(Filter::And(self.filters(face, value)?)),
                Slotted::Or => conditions.push(Filter::Or(self.filters(face, value)?)),
                Slotted::Not => conditions.push(Filter::Not(Box::new(self.filter(face, value)?))),
                Slotted::Column(column) => {
                    let left = Expression::Column(self.column_name(face, column));
                    self.comparisons(&left, input.ty.key, value, name, &mut conditions)?;
                }
                Slotted::Relation(id) => {
                    let Some(relation) = self.types.relation(face, id) else {
                        return Err(null(name));
                    };
                    conditions.push(Filter::Any {
                        relation: relation.name.clone(),
                        filter: Box::new(self.filter(relation.target, value)?),
                    });
                }
                Slotted::RelationAggregate(id) => {
                    let Some(relation) = self.types.relation(face, id) else {
                        return Err(null(name));
                    };
                    self.counts(relation.target, &relation.name, value, &mut conditions)?;
                }
                _ => return Err(null(name)),
            }
        }
        Ok(match conditions.len() {
            1 => conditions.swap_remove(0),
            _ => Filter::And(conditions),
        })
    }

    fn filters(&mut self, face: FaceId, value: &ConstValue) -> Result<Vec<Filter>, Fault> {
        let ConstValue::List(items) = value else {
            return Err(null("_and"));
        };
        items.iter().map(|item| self.filter(face, item)).collect()
    }

    /// `{count: {predicate, filter, arguments, distinct}}`
    fn counts(
        &mut self,
        target: FaceId,
        relation: &Name,
        value: &ConstValue,
        conditions: &mut Vec<Filter>,
    ) -> Result<(), Fault> {
        let ConstValue::Object(fields) = value else {
            return Ok(());
        };
        let Some(count) = fields.get("count") else {
            return Ok(());
        };
        let ConstValue::Object(count) = count else {
            return Err(null("count"));
        };
        let given = |name: &str| count.get(name).filter(|value| **value != ConstValue::Null);
        let filter = self.condition(target, given("filter"))?;
        let left = Expression::Aggregate(Box::new(Aggregation {
            relation: Some(relation.clone()),
            filter,
            function: AggregateFunction::Count,
            of: self.column_expressions(target, given("arguments")),
            distinct: matches!(given("distinct"), Some(ConstValue::Boolean(true))),
        }));
        let Some(predicate) = given("predicate") else {
            return Err(null("predicate"));
        };
        let input = self
            .types
            .input(Key::Face(target, Part::AggregateBoolExpCount), "predicate");
        let Some(input) = input else {
            return Err(null("predicate"));
        };
        self.comparisons(&left, input.ty.key, predicate, "predicate", conditions)
    }

    /// The operators of one comparison object.
    pub(super) fn comparisons(
        &mut self,
        left: &Expression,
        key: Key,
        value: &ConstValue,
        name: &str,
        conditions: &mut Vec<Filter>,
    ) -> Result<(), Fault> {
        let ConstValue::Object(operators) = value else {
            return Err(null(name));
        };
        for (operator, value) in operators {
            self.count_term()?;
            let Some(input) = self.types.input(key, operator) else {
                return Err(null(operator));
            };
            let condition = match (input.stands, value) {
                (_, ConstValue::Null) => return Err(null(operator).under(name)),
                (Slotted::Operator(Operator::IsNull), ConstValue::Boolean(null)) => Filter::IsNull {
                    expression: left.clone(),
                    null: *null,
                },
                (Slotted::Operator(Operator::Near), ConstValue::Object(fields)) => {
                    let mut slot = |name: &str, data_type: &Type| {
                        let given = fields.get(name).filter(|value| **value != ConstValue::Null);
                        let given = given.ok_or_else(|| null(name).under(operator))?;
                        let key = Key::Scalar(self.types.names.scalar_of(data_type));
                        let value = self.value(key, given);
                        Ok::<_, Fault>(Expression::Value(self.builder.push(value)))
                    };
                    let from = slot("from", &Type::Geometry)?;
                    Filter::Compare {
                        right: slot("distance", &Type::Float(64))?,
                        left: Expression::Call {
                            function: Function::Distance,
                            arguments: vec![left.clone(), from],
                        },
                        comparison: Comparison::LessOrEqual,
                    }
                }
                (Slotted::Operator(Operator::Compare(comparison)), value) => {
                    let value = self.value(input.ty.key, value);
                    Filter::Compare {
                        left: left.clone(),
                        comparison,
                        right: Expression::Value(self.builder.push(listed(comparison, value))),
                    }
                }
                _ => return Err(null(operator)),
            };
            conditions.push(condition);
        }
        Ok(())
    }
}

/// A list of JSON values is a list of operands, not one JSON value.
fn listed(comparison: Comparison, value: crate::value::Value) -> crate::value::Value {
    use crate::value::Value;
    match (comparison, value) {
        (
            Comparison::In
            | Comparison::NotIn
            | Comparison::HasKeysAny
            | Comparison::HasKeysAll
            | Comparison::AncestorAny
            | Comparison::DescendantAny
            | Comparison::MatchesAny,
            Value::Json(serde_json::Value::Array(items)),
        ) => Value::List(items.into_iter().map(Value::Json).collect()),
        (_, value) => value,
    }
}

fn null(name: &str) -> Fault {
    Fault::validation(format!(
        "unexpected null value for \"{name}\"; leave it out, or use _is_null to test for null"
    ))
}
