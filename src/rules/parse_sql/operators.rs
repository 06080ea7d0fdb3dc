//! Operators of the library's tree: which ones a rule may use, and what they are called here.

use super::{Parsed, boxed, convert, json};
use crate::request::Comparison;
use crate::rules::syntax::{Expression, Kind, Literal, Operator, Position, Problem};
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

/// A chain of one operator is left-deep and may be long: AND and OR are taken along the chain, not by recursion.
pub(super) fn binary(left: &Expr, operator: &BinaryOperator, right: &Expr, depth: u16) -> Parsed {
    let below = depth + 1;
    if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
        let mut parts = vec![right];
        let mut rest = left;
        while let Expr::BinaryOp { left, op, right } = rest {
            if op != operator {
                break;
            }
            parts.push(right);
            rest = left;
        }
        parts.push(rest);
        let parts = parts
            .into_iter()
            .rev()
            .map(|part| convert(part, below))
            .collect::<Result<Vec<_>, _>>()?;
        let at = parts.first().map_or(Position::START, |part| part.at);
        let kind = if *operator == BinaryOperator::And {
            Kind::And(parts)
        } else {
            Kind::Or(parts)
        };
        return Expression::new(kind, at);
    }
    let first = boxed(left, below)?;
    let at = first.at;
    let operate = |operator| Expression::new(Kind::Operator(operator, first.clone(), boxed(right, below)?), at);
    let comparison = match operator {
        BinaryOperator::Plus => return operate(Operator::Add),
        BinaryOperator::Minus => return operate(Operator::Subtract),
        BinaryOperator::Multiply => return operate(Operator::Multiply),
        BinaryOperator::Divide => return operate(Operator::Divide),
        BinaryOperator::Modulo => return operate(Operator::Modulo),
        BinaryOperator::StringConcat => return operate(Operator::Concatenate),
        BinaryOperator::Arrow | BinaryOperator::LongArrow => {
            let step = json::json_step(&convert(right, below)?)?;
            return Expression::new(Kind::Json(first, step, *operator == BinaryOperator::LongArrow), at);
        }
        BinaryOperator::HashArrow | BinaryOperator::HashLongArrow => {
            return json::json_path(*first, right, *operator == BinaryOperator::HashLongArrow, below);
        }
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::PGRegexMatch => Comparison::Regex,
        BinaryOperator::PGRegexIMatch => Comparison::IRegex,
        BinaryOperator::PGRegexNotMatch => Comparison::NotRegex,
        BinaryOperator::PGRegexNotIMatch => Comparison::NotIRegex,
        BinaryOperator::PGLikeMatch => Comparison::Like,
        BinaryOperator::PGILikeMatch => Comparison::ILike,
        BinaryOperator::PGNotLikeMatch => Comparison::NotLike,
        BinaryOperator::PGNotILikeMatch => Comparison::NotILike,
        BinaryOperator::AtArrow => Comparison::Contains,
        BinaryOperator::ArrowAt => Comparison::ContainedIn,
        BinaryOperator::Question => Comparison::HasKey,
        BinaryOperator::QuestionPipe => Comparison::HasKeysAny,
        BinaryOperator::QuestionAnd => Comparison::HasKeysAll,
        BinaryOperator::AtAt => {
            return Expression::new(Kind::Search(first, boxed(right, below)?), at);
        }
        other => {
            return Err(Problem::new(
                at,
                format!("the operator {other} is not allowed in rules"),
            ));
        }
    };
    Expression::new(Kind::Compare(first, comparison, boxed(right, below)?), at)
}

pub(super) fn unary(operator: UnaryOperator, inner: &Expr, depth: u16) -> Parsed {
    let inner = convert(inner, depth)?;
    let at = inner.at;
    match (operator, inner) {
        (UnaryOperator::Not, inner) => Expression::new(Kind::Not(Box::new(inner)), at),
        (UnaryOperator::Plus, inner) => Ok(inner),
        (
            UnaryOperator::Minus,
            Expression {
                kind: Kind::Literal(Literal::Number(number)),
                ..
            },
        ) => Ok(Expression::literal(Literal::Number(minus(&number)), at)),
        (UnaryOperator::Minus, inner) => Expression::new(Kind::Negate(Box::new(inner)), at),
        (other, _) => Err(Problem::new(
            at,
            format!("the operator {other} is not allowed in rules"),
        )),
    }
}

/// The opposite of a written number.
pub(in crate::rules) fn minus(number: &str) -> String {
    number
        .strip_prefix('-')
        .map_or_else(|| format!("-{number}"), str::to_owned)
}
