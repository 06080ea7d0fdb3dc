//! Expressions → terms.

use super::{Entered, Resolver};
use crate::error::{Code, Error, Kind, Result};
use crate::request::{Expression, Function, JsonStep};
use crate::rules::{Parameter, Term};
use crate::value::Type;

impl<'a> Resolver<'a> {
    pub(super) fn expression(&mut self, entered: &Entered<'a>, expression: &Expression) -> Result<Term> {
        match expression {
            Expression::Column(name) => self.column(entered, name),
            Expression::Value(slot) => Ok(Term::Parameter {
                source: Parameter::Slot(*slot),
                data_type: Type::TEXT,
                list: false,
            }),
            Expression::Related { relation, expression } => {
                let relation = self.relation(entered, relation)?;
                if relation.many {
                    let message = format!(
                        "{:?} leads to many rows; only an aggregate of them has one value",
                        relation.name.as_str()
                    );
                    return Err(Error::invalid(Code::UNKNOWN_RELATION, message).at(relation.name.as_str()));
                }
                let (target, table, predicate) = self.related_rows(entered, relation, None)?;
                let value = self.expression(&target, expression)?;
                Ok(Term::Scalar {
                    table,
                    predicate: Box::new(predicate),
                    value: Box::new(value),
                })
            }
            Expression::Aggregate(aggregation) => self.aggregation(entered, aggregation),
            Expression::Json { expression, path, text } => {
                let term = self.expression(entered, expression)?;
                let data_type = term.data_type(self.catalog);
                if !data_type.is_json() {
                    let message = format!("a path needs a JSON value, this is {}", data_type.word());
                    return Err(Error::invalid(Code::INVALID_VALUE, message));
                }
                if path
                    .iter()
                    .any(|step| matches!(step, JsonStep::Key(key) if key.as_str().contains('\0')))
                {
                    return Err(Error::invalid(
                        Code::INVALID_VALUE,
                        "a path cannot hold a NUL character",
                    ));
                }
                Ok(Term::Json {
                    term: Box::new(term),
                    path: path.clone(),
                    text: *text,
                })
            }
            Expression::Call { function, arguments } => self.call(entered, *function, arguments),
        }
    }

    fn call(&mut self, entered: &Entered<'a>, function: Function, arguments: &[Expression]) -> Result<Term> {
        let (least, most) = function.arity();
        if arguments.len() < least || arguments.len() > most {
            let message = format!(
                "{} takes {least} to {most} arguments, {} were given",
                function.word(),
                arguments.len()
            );
            return Err(Error::invalid(Code::INVALID_VALUE, message));
        }
        let mut terms = arguments
            .iter()
            .map(|argument| self.expression(entered, argument))
            .collect::<Result<Vec<_>>>()?;
        // A value takes the type of the first argument that has one of its own.
        let known = terms
            .iter()
            .zip(arguments)
            .find(|(_, argument)| !matches!(argument, Expression::Value(_)))
            .map(|(term, _)| term.data_type(self.catalog));
        let wanted = |index: usize| match function {
            Function::Substring if index > 0 => Some(Type::Integer(32)),
            Function::JsonAppend | Function::JsonPrepend => Some(Type::Jsonb),
            Function::JsonDeleteElement if index > 0 => Some(Type::Integer(32)),
            Function::Distance => Some(Type::Geometry),
            _ if function.is_arithmetic() => Some(known.clone().filter(Type::is_number).unwrap_or(Type::Numeric)),
            Function::Coalesce => known.clone(),
            _ => Some(Type::TEXT),
        };
        for (index, (term, argument)) in terms.iter_mut().zip(arguments).enumerate() {
            if let (Expression::Value(_), Term::Parameter { data_type, list, .. }, Some(wanted)) =
                (argument, &mut *term, wanted(index))
            {
                *data_type = wanted;
                *list = function == Function::JsonDeletePath;
            }
            let data_type = term.data_type(self.catalog);
            let fits = if function == Function::Distance {
                data_type == Type::Geometry
            } else if function == Function::JsonDeletePath && index > 0 {
                true
            } else if function.is_json()
                && (index == 0 || matches!(function, Function::JsonAppend | Function::JsonPrepend))
            {
                data_type.is_json()
            } else if function.is_arithmetic()
                || (matches!(function, Function::Substring | Function::JsonDeleteElement) && index > 0)
            {
                data_type.is_number()
            } else {
                function == Function::Coalesce
                    || function == Function::Concatenate
                    || data_type.is_text()
                    || matches!(data_type, Type::Enum(_))
            };
            if !fits {
                let message = format!("{} does not take {} values", function.word(), data_type.word());
                return Err(Error::new(Kind::Invalid, Code::INVALID_VALUE, message));
            }
        }
        let data_type = function.result(
            &terms
                .iter()
                .map(|term| term.data_type(self.catalog))
                .collect::<Vec<_>>(),
        );
        Ok(Term::Call {
            function,
            arguments: terms,
            data_type,
        })
    }
}
