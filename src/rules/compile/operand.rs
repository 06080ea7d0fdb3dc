//! Values within rules: columns, constants, variables, arithmetic, functions, casts.

use super::names::suggestion;
use super::{Compiler, constant, constant_list, session};
use crate::ident::Name;
use crate::request::{Function, JsonStep};
use crate::rules::constant::{cast_literal, cast_text, widened};
use crate::rules::syntax::{Expression, Kind, Literal, Operator, Position, Problem, Step};
use crate::rules::types::{are_comparable, is_text_like, stored};
use crate::rules::{RuleFunction, Term};
use crate::value::Type;

/// One side of a comparison: constants and variables take the other side's type.
pub(super) enum Operand {
    /// It has a type of its own.
    Typed(Term),
    /// A constant.
    Literal(Literal, Position),
    /// A session variable.
    Variable(String, Position),
    /// `ARRAY[…]`
    List(Vec<Literal>, Position),
}

impl Operand {
    pub(super) fn at(&self) -> Option<Position> {
        match self {
            Operand::Typed(_) => None,
            Operand::Literal(_, at) | Operand::Variable(_, at) | Operand::List(_, at) => Some(*at),
        }
    }
}

/// The type that constants have by themselves; variables are text.
pub(super) fn natural<'o>(operands: impl IntoIterator<Item = &'o Operand>) -> Type {
    operands
        .into_iter()
        .find_map(|operand| match operand {
            Operand::Literal(literal, _) => natural_of(literal),
            Operand::List(items, _) => items.iter().find_map(natural_of),
            Operand::Typed(_) | Operand::Variable(..) => None,
        })
        .unwrap_or(Type::TEXT)
}

fn natural_of(literal: &Literal) -> Option<Type> {
    match literal {
        Literal::Null => None,
        Literal::Boolean(_) => Some(Type::Boolean),
        Literal::Number(number) if number.parse::<i64>().is_ok() => Some(Type::Integer(64)),
        Literal::Number(number) if cast_text(number, &Type::Numeric).is_some() => Some(Type::Numeric),
        Literal::Number(_) => Some(Type::Float(64)),
        Literal::Text(_) => Some(Type::TEXT),
    }
}

impl Compiler<'_> {
    pub(super) fn operand(&mut self, expression: &Expression) -> Result<Operand, Problem> {
        self.spend(expression.at)?;
        let at = expression.at;
        match &expression.kind {
            Kind::Literal(literal) => Ok(Operand::Literal(literal.clone(), at)),
            Kind::Variable(name) => Ok(Operand::Variable(name.clone(), at)),
            Kind::Path(path) => self.path(path).map(Operand::Typed),
            Kind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    Kind::Literal(literal) => Ok(literal.clone()),
                    _ => Err(Problem::new(item.at, "an array holds constants only in rules")),
                })
                .collect::<Result<Vec<_>, _>>()
                .map(|items| Operand::List(items, at)),
            Kind::Foreign(name) => Err(Problem::new(
                at,
                format!(
                    "{name:?} is not known in rules: they speak of the row and of the caller (auth.uid, auth.role, …)"
                ),
            )),
            Kind::Case(branches, otherwise) => self.case(branches, otherwise.as_deref()),
            Kind::Call(name, arguments) => self.call(name, arguments).map(Operand::Typed),
            Kind::Operator(operator, left, right) => self.arithmetic(*operator, left, right).map(Operand::Typed),
            Kind::Negate(inner) => {
                let operand = self.operand(inner)?;
                let data_type = self.number_type(&operand, inner.at)?;
                let term = self.settle(operand, &data_type)?;
                Ok(Operand::Typed(Term::Call {
                    function: Function::Negate,
                    arguments: vec![term],
                    data_type,
                }))
            }
            Kind::Json(inner, step, text) => self.json(inner, step, *text).map(Operand::Typed),
            Kind::Cast(inner, to) => self.cast(inner, to).map(Operand::Typed),
            Kind::RequestFields | Kind::Search(..) | Kind::Alias(..) => Err(Problem::new(
                at,
                "a value should stand here: a column, a constant, a variable of the caller or a function",
            )),
            Kind::And(_)
            | Kind::Or(_)
            | Kind::Not(_)
            | Kind::Compare(..)
            | Kind::IsNull(..)
            | Kind::IsTruth(..)
            | Kind::In(..)
            | Kind::InSelect(..)
            | Kind::Between(..)
            | Kind::Exists(_) => self
                .predicate(expression, true)
                .map(|predicate| Operand::Typed(Term::Truth(Box::new(predicate)))),
        }
    }

    /// A value as one of a type.
    pub(super) fn settle(&self, operand: Operand, data_type: &Type) -> Result<Term, Problem> {
        match operand {
            Operand::Typed(term) => Ok(term),
            Operand::Literal(literal, at) => {
                let value =
                    cast_literal(&literal, data_type, self.catalog).map_err(|message| Problem::new(at, message))?;
                Ok(constant(value, self.parameter_type(data_type)))
            }
            Operand::Variable(name, at) => {
                let data_type = self.parameter_type(data_type);
                let unchecked = match &data_type {
                    Type::Interval | Type::Geometry | Type::Enum(_) | Type::Array(_) => true,
                    Type::Other(name) => !is_text_like(name) && !self.is_sqlite(),
                    _ => false,
                };
                if unchecked {
                    return Err(Problem::new(
                        at,
                        format!(
                            "a variable of the caller cannot be compared with a value of type {} here; cast the column, such as CAST(column AS TEXT)",
                            data_type.word()
                        ),
                    ));
                }
                Ok(session(&name, data_type, false))
            }
            Operand::List(items, at) => {
                let element = match data_type {
                    Type::Array(element) => (**element).clone(),
                    other => other.clone(),
                };
                self.list(&items, &element, at)
            }
        }
    }

    pub(super) fn list(&self, items: &[Literal], element: &Type, at: Position) -> Result<Term, Problem> {
        let values = items
            .iter()
            .map(|item| match item {
                Literal::Null => Err(Problem::new(
                    at,
                    "NULL in a list never matches; write OR column IS NULL",
                )),
                item => cast_literal(item, element, self.catalog).map_err(|message| Problem::new(at, message)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(constant_list(values, self.parameter_type(element)))
    }

    /// What a value is bound as beside a column of a type.
    pub(super) fn parameter_type(&self, data_type: &Type) -> Type {
        match stored(self.catalog, &widened(data_type, self.is_sqlite())) {
            Type::Text { caseless, .. } => Type::Text { length: None, caseless },
            Type::Array(element) => Type::Array(Box::new(self.parameter_type(&element))),
            other => other,
        }
    }

    /// A value that is text.
    pub(super) fn text_operand(&self, operand: Operand) -> Result<Term, Problem> {
        let at = operand.at().unwrap_or(Position::START);
        let term = self.settle(operand, &Type::TEXT)?;
        match stored(self.catalog, &term.data_type(self.catalog)) {
            Type::Text { .. } => Ok(term),
            Type::Other(name) if is_text_like(&name) || self.is_sqlite() => Ok(term),
            Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz | Type::Uuid if self.is_sqlite() => Ok(term),
            other => Err(Problem::new(
                at,
                format!(
                    "text should stand here, not {}; cast it, such as CAST(column AS TEXT)",
                    other.word()
                ),
            )),
        }
    }

    pub(super) fn number_type(&self, operand: &Operand, at: Position) -> Result<Type, Problem> {
        let data_type = match operand {
            Operand::Typed(term) => term.data_type(self.catalog),
            Operand::Variable(..) => Type::Integer(64),
            other => natural([other]),
        };
        if data_type.is_number() || (self.is_sqlite() && matches!(data_type, Type::Other(_))) {
            Ok(data_type)
        } else {
            Err(Problem::new(
                at,
                format!("a number should stand here, not {}", data_type.word()),
            ))
        }
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Result<Term, Problem> {
        let (left_at, right_at) = (left.at, right.at);
        let left = self.operand(left)?;
        let right = self.operand(right)?;
        if operator == Operator::Concatenate {
            let arguments = vec![self.text_operand(left)?, self.text_operand(right)?];
            return Ok(call(Function::Concatenate, arguments, Type::TEXT));
        }
        let known = |operand: &Operand| matches!(operand, Operand::Typed(_) | Operand::Literal(..));
        let left_type = self.number_type(&left, left_at)?;
        let right_type = self.number_type(&right, right_at)?;
        // A variable beside something known is taken as that.
        let left_type = if known(&left) { left_type } else { right_type.clone() };
        let right_type = if known(&right) { right_type } else { left_type.clone() };
        let data_type = match (&left_type, &right_type) {
            (Type::Float(_), _) | (_, Type::Float(_)) => Type::Float(64),
            (Type::Integer(_), Type::Integer(_)) => Type::Integer(64),
            _ => Type::Numeric,
        };
        let arguments = vec![self.settle(left, &left_type)?, self.settle(right, &right_type)?];
        let function = match operator {
            Operator::Add => Function::Add,
            Operator::Subtract => Function::Subtract,
            Operator::Multiply => Function::Multiply,
            Operator::Divide => Function::Divide,
            Operator::Concatenate => Function::Concatenate,
            Operator::Modulo if data_type == Type::Float(64) => {
                return Err(Problem::new(
                    left_at,
                    "a remainder is of whole numbers or decimals; of doubles it depends on the last bit",
                ));
            }
            Operator::Modulo => {
                return Ok(rule_call(RuleFunction::Modulo, arguments, data_type));
            }
        };
        Ok(call(function, arguments, data_type))
    }

    fn json(&mut self, inner: &Expression, step: &Step, text: bool) -> Result<Term, Problem> {
        let Operand::Typed(term) = self.operand(inner)? else {
            return Err(Problem::new(inner.at, "before -> and ->> stands a JSON column"));
        };
        let data_type = term.data_type(self.catalog);
        if !(data_type.is_json() || self.is_sqlite() && data_type.is_text()) {
            return Err(Problem::new(
                inner.at,
                format!("-> and ->> lead into JSON, not into {}", data_type.word()),
            ));
        }
        let step = match step {
            Step::Key(key) => JsonStep::Key(Name::new(key.as_str())),
            Step::Index(index) => JsonStep::Index(*index),
        };
        Ok(match term {
            Term::Json {
                term,
                mut path,
                text: false,
            } => {
                path.push(step);
                Term::Json { term, path, text }
            }
            term => Term::Json {
                term: Box::new(term),
                path: vec![step],
                text,
            },
        })
    }

    fn cast(&mut self, inner: &Expression, to: &str) -> Result<Term, Problem> {
        let base = to.split('(').next().unwrap_or(to).trim();
        let target = match base {
            "text" | "varchar" | "character varying" | "char" | "string" => Type::TEXT,
            "int" | "integer" | "int4" | "bigint" | "int8" | "smallint" | "int2" => Type::Integer(64),
            "real" | "float" | "float4" | "float8" | "double" | "double precision" => Type::Float(64),
            "numeric" | "decimal" => Type::Numeric,
            "bool" | "boolean" => Type::Boolean,
            "uuid" => Type::Uuid,
            "date" => Type::Date,
            "time" | "time without time zone" => Type::Time,
            "timestamp" | "datetime" | "timestamp without time zone" => Type::Timestamp,
            "timestamptz" | "timestamp with time zone" => Type::TimestampTz,
            "json" => Type::Json,
            "jsonb" => Type::Jsonb,
            _ => {
                let known = [
                    "text",
                    "integer",
                    "double precision",
                    "numeric",
                    "boolean",
                    "uuid",
                    "date",
                    "timestamptz",
                ];
                return Err(Problem::new(
                    inner.at,
                    format!("a cast to {base:?} is not allowed in rules{}", suggestion(base, known)),
                ));
            }
        };
        match self.operand(inner)? {
            Operand::Typed(term) => {
                let from = stored(self.catalog, &term.data_type(self.catalog));
                let function = match &target {
                    Type::Text { .. } => RuleFunction::ToText,
                    _ if from == target => return Ok(term),
                    Type::Integer(_) => RuleFunction::ToInteger,
                    Type::Float(_) => RuleFunction::ToFloat,
                    Type::Numeric if from.is_number() => return Ok(term),
                    other => {
                        return Err(Problem::new(
                            inner.at,
                            format!(
                                "a column is cast to text, integer or double precision in rules, not to {}",
                                other.word()
                            ),
                        ));
                    }
                };
                Ok(rule_call(function, vec![term], target))
            }
            other => self.settle(other, &target),
        }
    }

    /// Values of which any may be the result: they have one type.
    pub(super) fn common(&mut self, operands: Vec<Operand>, at: Position) -> Result<(Vec<Term>, Type), Problem> {
        let mut data_type: Option<Type> = None;
        for operand in &operands {
            if let Operand::Typed(term) = operand {
                let own = term.data_type(self.catalog);
                match &data_type {
                    None => data_type = Some(own),
                    Some(first) if first.is_number() && matches!(own, Type::Float(_)) => {
                        data_type = Some(Type::Float(64))
                    }
                    Some(first) if are_comparable(self.catalog, first, &own) => {}
                    Some(first) => {
                        return Err(Problem::new(
                            at,
                            format!("{} and {} cannot be values of one expression", first.word(), own.word()),
                        ));
                    }
                }
            }
        }
        let data_type = data_type.unwrap_or_else(|| natural(&operands));
        let terms = operands
            .into_iter()
            .map(|operand| self.settle(operand, &data_type))
            .collect::<Result<_, _>>()?;
        Ok((terms, data_type))
    }

    fn case(
        &mut self,
        branches: &[(Expression, Expression)],
        otherwise: Option<&Expression>,
    ) -> Result<Operand, Problem> {
        let at = branches.first().map_or(Position::START, |branch| branch.0.at);
        let mut conditions = Vec::with_capacity(branches.len());
        let mut values = Vec::with_capacity(branches.len() + 1);
        for (condition, value) in branches {
            conditions.push(self.predicate(condition, false)?);
            values.push(self.operand(value)?);
        }
        if let Some(otherwise) = otherwise {
            values.push(self.operand(otherwise)?);
        }
        let (mut terms, _) = self.common(values, at)?;
        let otherwise = if terms.len() > conditions.len() {
            terms.pop().map(Box::new)
        } else {
            None
        };
        Ok(Operand::Typed(Term::Case {
            branches: conditions.into_iter().zip(terms).collect(),
            otherwise,
        }))
    }
}

pub(super) fn call(function: Function, arguments: Vec<Term>, data_type: Type) -> Term {
    Term::Call {
        function,
        arguments,
        data_type,
    }
}

pub(super) fn rule_call(function: RuleFunction, arguments: Vec<Term>, data_type: Type) -> Term {
    Term::RuleCall {
        function,
        arguments,
        data_type,
    }
}
