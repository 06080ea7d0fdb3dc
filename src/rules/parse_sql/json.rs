//! Ways into JSON: `->`, `->>`, `#>`, `#>>`, `json_extract`.

use super::{Parsed, convert};
use crate::rules::syntax::{Expression, Kind, Literal, Position, Problem, Step};
use sqlparser::ast::Expr;

/// The step that stands right of `->`.
pub(in crate::rules) fn json_step(right: &Expression) -> Result<Step, Problem> {
    match &right.kind {
        Kind::Literal(Literal::Text(key)) => Ok(Step::Key(key.clone())),
        Kind::Literal(Literal::Number(number)) => number
            .parse()
            .map(Step::Index)
            .map_err(|_| Problem::new(right.at, "an index into JSON is a whole number")),
        _ => Err(Problem::new(
            right.at,
            "after -> and ->> stands a key as 'text' or an index as a number",
        )),
    }
}

pub(super) fn json_path(mut json: Expression, path: &Expr, text: bool, depth: u16) -> Parsed {
    let path = convert(path, depth)?;
    let at = json.at;
    let Kind::Literal(Literal::Text(path_text)) = &path.kind else {
        return Err(Problem::new(path.at, "after #> and #>> stands a path such as '{a,b}'"));
    };
    let steps: Vec<&str> = path_text
        .trim_matches(['{', '}'])
        .split(',')
        .map(str::trim)
        .filter(|step| !step.is_empty())
        .collect();
    if steps.is_empty() {
        return Err(Problem::new(path.at, "the path is empty; write one such as '{a,b}'"));
    }
    for (index, step) in steps.iter().enumerate() {
        let step = step
            .parse()
            .map_or_else(|_| Step::Key(step.trim_matches('"').into()), Step::Index);
        json = Expression::new(Kind::Json(Box::new(json), step, text && index + 1 == steps.len()), at)?;
    }
    Ok(json)
}

/// `json_extract(data, '$.a[0].b')`
pub(super) fn json_extract(arguments: Vec<Expression>, at: Position) -> Parsed {
    let wrong = || Problem::new(at, "write json_extract(column, '$.key.other[0]')");
    let mut arguments = arguments.into_iter();
    let (
        Some(mut json),
        Some(Expression {
            kind: Kind::Literal(Literal::Text(path)),
            ..
        }),
        None,
    ) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(wrong());
    };
    let steps: Vec<&str> = path
        .strip_prefix('$')
        .ok_or_else(wrong)?
        .split(['.', '['])
        .filter(|step| !step.is_empty())
        .collect();
    if steps.is_empty() {
        return Err(wrong());
    }
    for (index, step) in steps.iter().enumerate() {
        let step = match step.strip_suffix(']') {
            Some(number) => Step::Index(number.parse().map_err(|_| wrong())?),
            None => Step::Key(step.trim_matches('"').into()),
        };
        json = Expression::new(Kind::Json(Box::new(json), step, index + 1 == steps.len()), at)?;
    }
    Ok(json)
}
