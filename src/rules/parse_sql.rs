//! Rules in SQL. The grammar is the library's; what of its tree a rule may hold is an explicit list here, and everything
//! else is an error that says what to write instead.

mod json;
mod operators;
mod select;
mod tokens;

use super::syntax::{Expression, Kind, Literal, MOST_DEPTH, Path, Position, Problem, Root, Spelled, check_size};
use crate::request::Comparison;
use sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectNamePart, Spanned, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

pub(super) use json::json_step;
pub(super) use operators::minus;
use operators::{binary, unary};
use tokens::{from_library, position, prepare};

type Parsed = Result<Expression, Problem>;

/// Parses a rule in SQL form.
///
/// # Errors
/// What is wrong, with line and column.
pub(super) fn parse_sql(text: &str) -> Parsed {
    check_size(text)?;
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| Problem::new(position(error.location), error.message))?;
    let tokens = prepare(tokens)?;
    let end = tokens.last().map_or(Position::START, |token| position(token.span.end));
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let tree = parser.parse_expr().map_err(|error| from_library(&error, end))?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(Problem::new(
            position(rest.span.start),
            format!(
                "the rule should end before {:?}; join conditions with AND or OR",
                rest.token.to_string()
            ),
        ));
    }
    convert(&tree, 0)
}

fn at_of(expr: &Expr) -> Position {
    position(expr.span().start)
}

fn boxed(expr: &Expr, depth: u16) -> Result<Box<Expression>, Problem> {
    convert(expr, depth).map(Box::new)
}

/// From the library's tree to ours, with an explicit list of what is allowed.
fn convert(expr: &Expr, depth: u16) -> Parsed {
    if depth > MOST_DEPTH {
        return Err(Problem::new(
            Position::START,
            format!("nested too deeply: at most {MOST_DEPTH} levels are allowed in a rule"),
        ));
    }
    let below = depth + 1;
    match expr {
        Expr::Nested(inner) => convert(inner, below),
        Expr::Identifier(ident) => identifier(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(idents) => identifier(idents),
        Expr::Value(value) => literal(&value.value, position(value.span.start)),
        Expr::BinaryOp { left, op, right } => binary(left, op, right, depth),
        Expr::UnaryOp { op, expr } => unary(*op, expr, below),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let inner = boxed(inner, below)?;
            let at = inner.at;
            Expression::new(Kind::IsNull(inner, matches!(expr, Expr::IsNull(_))), at)
        }
        Expr::IsTrue(inner) => is_truth(inner, Some(true), false, below),
        Expr::IsNotTrue(inner) => is_truth(inner, Some(true), true, below),
        Expr::IsFalse(inner) => is_truth(inner, Some(false), false, below),
        Expr::IsNotFalse(inner) => is_truth(inner, Some(false), true, below),
        Expr::IsUnknown(inner) => is_truth(inner, None, false, below),
        Expr::IsNotUnknown(inner) => is_truth(inner, None, true, below),
        Expr::IsDistinctFrom(left, right) => compare(left, Comparison::NotSame, right, below),
        Expr::IsNotDistinctFrom(left, right) => compare(left, Comparison::Same, right, below),
        Expr::InList { expr, list, negated } => in_list(expr, list, *negated, below),
        Expr::InSubquery {
            expr,
            subquery,
            negated,
        } => {
            let left = boxed(expr, below)?;
            let at = left.at;
            if let Some(fields) = select::request_fields_of(subquery) {
                return Expression::new(Kind::In(left, vec![fields], *negated), at);
            }
            let select = select::subselect(subquery, true, below)?;
            Expression::new(Kind::InSelect(left, Box::new(select), *negated), at)
        }
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => {
            let value = boxed(expr, below)?;
            let at = value.at;
            let between = Expression::new(Kind::Between(value, boxed(low, below)?, boxed(high, below)?), at)?;
            negate_if(*negated, between)
        }
        Expr::Like {
            negated,
            any: false,
            expr,
            pattern,
            escape_char,
        } => {
            escape(escape_char.as_deref())?;
            let comparisons = [Comparison::Like, Comparison::NotLike];
            compare(expr, comparisons[usize::from(*negated)], pattern, below)
        }
        Expr::ILike {
            negated,
            any: false,
            expr,
            pattern,
            escape_char,
        } => {
            escape(escape_char.as_deref())?;
            let comparisons = [Comparison::ILike, Comparison::NotILike];
            compare(expr, comparisons[usize::from(*negated)], pattern, below)
        }
        Expr::SimilarTo {
            negated,
            expr,
            pattern,
            escape_char,
        } => {
            escape(escape_char.as_deref())?;
            let comparisons = [Comparison::Similar, Comparison::NotSimilar];
            compare(expr, comparisons[usize::from(*negated)], pattern, below)
        }
        Expr::AnyOp {
            left,
            compare_op: BinaryOperator::Eq,
            right,
            ..
        } => in_list(left, std::slice::from_ref(unnest(right)), false, below),
        Expr::AllOp {
            left,
            compare_op: BinaryOperator::NotEq,
            right,
        } => in_list(left, std::slice::from_ref(unnest(right)), true, below),
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type,
            ..
        } => {
            let inner = boxed(expr, below)?;
            let at = inner.at;
            Expression::new(Kind::Cast(inner, data_type.to_string().to_lowercase()), at)
        }
        Expr::TypedString(typed) => {
            let at = position(typed.value.span.start);
            let inner = literal(&typed.value.value, at)?;
            Expression::new(
                Kind::Cast(Box::new(inner), typed.data_type.to_string().to_lowercase()),
                at,
            )
        }
        Expr::Array(array) => {
            let items = array
                .elem
                .iter()
                .map(|item| convert(item, below))
                .collect::<Result<_, _>>()?;
            Expression::new(Kind::List(items), at_of(expr))
        }
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            let mut branches = Vec::with_capacity(conditions.len());
            for branch in conditions {
                let mut condition = convert(&branch.condition, below)?;
                if let Some(operand) = operand {
                    let at = condition.at;
                    condition = Expression::new(
                        Kind::Compare(boxed(operand, below)?, Comparison::Equal, Box::new(condition)),
                        at,
                    )?;
                }
                branches.push((condition, convert(&branch.result, below)?));
            }
            let otherwise = else_result.as_ref().map(|value| boxed(value, below)).transpose()?;
            Expression::new(Kind::Case(branches, otherwise), at_of(expr))
        }
        Expr::Exists { subquery, negated } => {
            let select = select::subselect(subquery, false, below)?;
            let at = select.at;
            let exists = Expression::new(Kind::Exists(Box::new(select)), at)?;
            negate_if(*negated, exists)
        }
        Expr::Function(function) => call(function, expr, below),
        Expr::Substring {
            expr: text,
            substring_from,
            substring_for,
            ..
        } => {
            let mut arguments = vec![convert(text, below)?];
            for part in [substring_from, substring_for].into_iter().flatten() {
                arguments.push(convert(part, below)?);
            }
            named_call("substring", arguments)
        }
        Expr::Trim {
            trim_where: None,
            trim_what: None,
            expr,
            trim_characters: None,
        } => named_call("trim", vec![convert(expr, below)?]),
        Expr::Floor { expr, field } | Expr::Ceil { expr, field }
            if matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)) =>
        {
            Err(Problem::new(
                at_of(expr),
                "FLOOR and CEIL are not functions of rules; ROUND is",
            ))
        }
        Expr::Subquery(_) => Err(Problem::new(
            at_of(expr),
            "a SELECT as a value is not allowed in rules; write EXISTS (SELECT 1 FROM …) or x IN (SELECT column FROM …)",
        )),
        Expr::CompoundFieldAccess { .. } | Expr::JsonAccess { .. } => Err(Problem::new(
            at_of(expr),
            "brackets do not lead into a value in rules; write value -> 'key' or value ->> 'key'",
        )),
        other => Err(Problem::new(
            at_of(other),
            format!("{} is not allowed in rules", clip(&other.to_string())),
        )),
    }
}

fn clip(text: &str) -> String {
    if text.chars().count() > 60 {
        format!("\"{}…\"", text.chars().take(60).collect::<String>())
    } else {
        format!("\"{text}\"")
    }
}

fn unnest(expr: &Expr) -> &Expr {
    let mut inner = expr;
    while let Expr::Nested(next) = inner {
        inner = next;
    }
    inner
}

fn negate_if(negated: bool, inner: Expression) -> Parsed {
    if negated {
        let at = inner.at;
        Expression::new(Kind::Not(Box::new(inner)), at)
    } else {
        Ok(inner)
    }
}

fn compare(left: &Expr, comparison: Comparison, right: &Expr, depth: u16) -> Parsed {
    let left = boxed(left, depth)?;
    let at = left.at;
    Expression::new(Kind::Compare(left, comparison, boxed(right, depth)?), at)
}

fn is_truth(inner: &Expr, value: Option<bool>, negated: bool, depth: u16) -> Parsed {
    let inner = boxed(inner, depth)?;
    let at = inner.at;
    Expression::new(Kind::IsTruth(inner, value, negated), at)
}

fn in_list(left: &Expr, items: &[Expr], negated: bool, depth: u16) -> Parsed {
    let left = boxed(left, depth)?;
    let at = left.at;
    let mut converted = Vec::with_capacity(items.len());
    for item in items {
        match convert(item, depth)? {
            Expression {
                kind: Kind::List(inner),
                ..
            } => converted.extend(inner),
            other => converted.push(other),
        }
    }
    Expression::new(Kind::In(left, converted, negated), at)
}

fn escape(escape: Option<&Expr>) -> Result<(), Problem> {
    match escape {
        None => Ok(()),
        Some(Expr::Value(value)) if matches!(&value.value, Value::SingleQuotedString(text) if text == "\\") => Ok(()),
        Some(other) => Err(Problem::new(
            at_of(other),
            "the escape of LIKE is always the backslash in rules; write the pattern with \\",
        )),
    }
}

fn literal(value: &Value, at: Position) -> Parsed {
    let literal = match value {
        Value::Number(text, false) => Literal::Number(text.clone()),
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) | Value::NationalStringLiteral(text) => {
            Literal::Text(text.clone())
        }
        Value::DollarQuotedString(text) => Literal::Text(text.value.clone()),
        Value::Boolean(value) => Literal::Boolean(*value),
        Value::Null => Literal::Null,
        Value::Placeholder(name) => {
            return Err(Problem::new(
                at,
                format!("{name:?} is not a value here; write a constant, or _USER_.x for a variable of the caller"),
            ));
        }
        Value::HexStringLiteral(hex) => Literal::Text(format!("\\x{hex}")),
        other => {
            return Err(Problem::new(
                at,
                format!("the constant {other} is not allowed in rules"),
            ));
        }
    };
    Ok(Expression::literal(literal, at))
}

fn spelled(ident: &Ident) -> Spelled {
    Spelled {
        text: ident.value.clone(),
        quoted: ident.quote_style.is_some(),
        at: position(ident.span.start),
    }
}

fn identifier(idents: &[Ident]) -> Parsed {
    let steps: Vec<Spelled> = idents.iter().map(spelled).collect();
    let at = steps.first().map_or(Position::START, |step| step.at);
    let is = |name: &str| {
        steps
            .first()
            .is_some_and(|step| !step.quoted && step.text.eq_ignore_ascii_case(name))
    };
    if is("_USER_") {
        return match &steps[1..] {
            [variable] => Expression::new(Kind::Variable(variable.text.to_lowercase()), at),
            [] => Err(Problem::new(
                at,
                "_USER_ is the caller; write _USER_.id or another variable",
            )),
            [_, next, ..] => Err(Problem::new(
                next.at,
                "a variable of the caller has no parts; write _USER_.name",
            )),
        };
    }
    if is("_REQ_FIELDS_") || is("__fields") {
        return if steps.len() == 1 {
            Expression::new(Kind::RequestFields, at)
        } else {
            Err(Problem::new(
                at,
                "_REQ_FIELDS_ is a list of names; write 'column' IN _REQ_FIELDS_",
            ))
        };
    }
    let (root, skip) = if is("_ROW_") {
        (Root::Row, 1)
    } else if is("_REQ_") {
        (Root::Request, 1)
    } else {
        (Root::Nearest, 0)
    };
    let steps: Vec<Spelled> = steps.into_iter().skip(skip).collect();
    if steps.is_empty() {
        return Err(Problem::new(at, "a column should follow, such as _ROW_.id"));
    }
    Expression::new(Kind::Path(Path { root, steps }), at)
}

fn named_call(name: &str, arguments: Vec<Expression>) -> Parsed {
    let at = arguments.first().map_or(Position::START, |argument| argument.at);
    let name = Spelled {
        text: name.into(),
        quoted: false,
        at,
    };
    Expression::new(Kind::Call(name, arguments), at)
}

fn call(function: &Function, whole: &Expr, depth: u16) -> Parsed {
    let ident = match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => ident,
        _ => {
            return Err(Problem::new(
                at_of(whole),
                "functions are called by their bare name in rules",
            ));
        }
    };
    let name = spelled(ident);
    let at = name.at;
    if function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty() {
        return Err(Problem::new(
            at,
            "OVER, FILTER and WITHIN GROUP are not allowed in rules",
        ));
    }
    let mut arguments = Vec::new();
    match &function.args {
        FunctionArguments::None => {}
        FunctionArguments::Subquery(_) => {
            return Err(Problem::new(
                at,
                "a SELECT as an argument is not allowed in rules; EXISTS (SELECT …) is",
            ));
        }
        FunctionArguments::List(list) => {
            if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
                return Err(Problem::new(at, "a function takes plain arguments in rules"));
            }
            for argument in &list.args {
                match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(convert(expr, depth)?),
                    _ => return Err(Problem::new(at, "a function takes plain arguments in rules")),
                }
            }
        }
    }
    if name.text.eq_ignore_ascii_case("json_extract") {
        return json::json_extract(arguments, at);
    }
    Expression::new(Kind::Call(name, arguments), at)
}
