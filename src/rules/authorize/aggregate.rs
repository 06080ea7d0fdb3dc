//! Aggregates: in filters and orders over related rows, and in outputs over the rows at hand.

use super::{Entered, Resolver};
use crate::catalog::DatabaseKind;
use crate::error::{Code, Error, Result};
use crate::request::{AggregateFunction, AggregateMember, AggregateOperand, Aggregation};
use crate::rules::{Aggregate, AggregateItem, Term};
use crate::value::Type;

impl<'a> Resolver<'a> {
    pub(super) fn aggregation(&mut self, entered: &Entered<'a>, aggregation: &Aggregation) -> Result<Term> {
        let (of, rows) = match &aggregation.relation {
            Some(name) => {
                let relation = self.relation(entered, name)?;
                let (target, table, predicate) = self.related_rows(entered, relation, aggregation.filter.as_ref())?;
                self.check_aggregate(&target)?;
                let of = self.terms(&target.counting(), &aggregation.of)?;
                (of, Some((table, predicate)))
            }
            None => {
                self.check_aggregate(entered)?;
                (self.terms(&entered.counting(), &aggregation.of)?, None)
            }
        };
        Ok(Term::Aggregate(Box::new(self.aggregate(
            aggregation.function,
            of,
            aggregation.distinct,
            rows,
        )?)))
    }

    fn terms(&mut self, entered: &Entered<'a>, expressions: &[crate::request::Expression]) -> Result<Vec<Term>> {
        expressions
            .iter()
            .map(|expression| self.expression(entered, expression))
            .collect()
    }

    pub(super) fn check_aggregate(&self, entered: &Entered<'_>) -> Result<()> {
        if entered.read.aggregate {
            return Ok(());
        }
        Err(Error::forbidden(format!(
            "role {:?} may not aggregate {:?}",
            self.principal.role.as_str(),
            entered.face.name.as_str()
        )))
    }

    fn aggregate(
        &self,
        function: AggregateFunction,
        of: Vec<Term>,
        distinct: bool,
        rows: Option<(crate::catalog::TableId, crate::rules::Predicate)>,
    ) -> Result<Aggregate> {
        use AggregateFunction as F;
        let types: Vec<Type> = of.iter().map(|term| term.data_type(self.catalog)).collect();
        let unfit = |data_type: &Type| {
            let message = format!("{} is not for {} values", function.word(), data_type.word());
            Error::invalid(Code::UNKNOWN_OPERATOR, message)
        };
        if distinct && let Some(data_type) = types.iter().find(|data_type| !self.has_groups(data_type)) {
            let message = format!("{} values cannot be counted as distinct ones", data_type.word());
            return Err(Error::invalid(Code::UNKNOWN_OPERATOR, message));
        }
        let data_type = match (function, types.first()) {
            (F::Count, _) => Type::Integer(64),
            (_, None) => {
                return Err(Error::invalid(
                    Code::INVALID_VALUE,
                    format!("{} needs a column", function.word()),
                ));
            }
            (F::Sum, Some(data_type)) if data_type.is_number() => match data_type {
                Type::Integer(64) => Type::Numeric,
                // Those of SQLite hold 64 bits, whatever they are called.
                Type::Integer(_) if self.catalog.database.kind == DatabaseKind::Sqlite => Type::Numeric,
                Type::Integer(_) => Type::Integer(64),
                other => other.clone(),
            },
            (
                F::Average
                | F::StandardDeviation
                | F::StandardDeviationPopulation
                | F::Variance
                | F::VariancePopulation,
                Some(data_type),
            ) if data_type.is_number() => Type::Float(64),
            (F::Minimum | F::Maximum, Some(data_type))
                if data_type.is_ordered() && !matches!(data_type, Type::Boolean | Type::Bytes) =>
            {
                data_type.clone()
            }
            (_, Some(data_type)) => return Err(unfit(data_type)),
        };
        Ok(Aggregate {
            rows,
            function,
            of,
            distinct,
            data_type,
        })
    }

    pub(super) fn aggregate_members(
        &mut self,
        entered: &Entered<'a>,
        members: &[AggregateMember],
    ) -> Result<Vec<AggregateItem>> {
        let counting = entered.counting();
        let entered = &*counting;
        let mut items = Vec::with_capacity(members.len());
        for member in members {
            items.push(match member {
                AggregateMember::Constant(key, constant) => AggregateItem::Constant(key.clone(), constant.clone()),
                AggregateMember::Count { key, of, distinct } => {
                    let of = self.terms(entered, of)?;
                    AggregateItem::Value(
                        key.clone(),
                        self.aggregate(AggregateFunction::Count, of, *distinct, None)?,
                    )
                }
                AggregateMember::Function { key, function, members } => {
                    let mut operands = Vec::with_capacity(members.len());
                    for (name, operand) in members {
                        operands.push(match operand {
                            AggregateOperand::Constant(constant) => (name.clone(), Err(constant.clone())),
                            AggregateOperand::Expression(expression) => {
                                let term = self.expression(entered, expression)?;
                                (name.clone(), Ok(self.aggregate(*function, vec![term], false, None)?))
                            }
                        });
                    }
                    AggregateItem::Function(key.clone(), *function, operands)
                }
            });
        }
        Ok(items)
    }
}
