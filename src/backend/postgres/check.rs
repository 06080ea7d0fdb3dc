//! `CHECK (status IN ('draft', 'published'))`, as the database prints it, → the list of values.

use sqlparser::ast::{BinaryOperator, Expr, Value};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// The values that a check of one column allows, if that is all that it says. Texts only.
pub(super) fn allowed(definition: &str, column: &str) -> Option<Vec<String>> {
    let condition = definition.strip_prefix("CHECK ")?;
    let expression = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(condition)
        .ok()?
        .parse_expr()
        .ok()?;
    values(&expression, column)
}

fn values(expression: &Expr, column: &str) -> Option<Vec<String>> {
    match bare(expression) {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } if is_column(left, column) => Some(vec![text(right)?]),
        // A null passes every check, whether it says so or not.
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => match (bare(left), bare(right)) {
            (Expr::IsNull(null), other) | (other, Expr::IsNull(null)) if is_column(null, column) => {
                values(other, column)
            }
            (one, other) => {
                let mut all = values(one, column)?;
                all.extend(values(other, column)?);
                Some(all)
            }
        },
        Expr::AnyOp {
            left,
            compare_op: BinaryOperator::Eq,
            right,
            ..
        } if is_column(left, column) => match bare(right) {
            Expr::Array(array) => array.elem.iter().map(text).collect(),
            _ => None,
        },
        Expr::InList {
            expr,
            list,
            negated: false,
        } if is_column(expr, column) => list.iter().map(text).collect(),
        _ => None,
    }
}

/// Without parentheses and casts.
fn bare(mut expression: &Expr) -> &Expr {
    while let Expr::Nested(inner) | Expr::Cast { expr: inner, .. } = expression {
        expression = inner;
    }
    expression
}

fn is_column(expression: &Expr, column: &str) -> bool {
    matches!(bare(expression), Expr::Identifier(identifier) if identifier.value == column)
}

fn text(expression: &Expr) -> Option<String> {
    match bare(expression) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found() {
        let cases: &[(&str, &str, Option<&[&str]>)] = &[
            (
                "CHECK ((s = ANY (ARRAY['a'::text, 'b'::text])))",
                "s",
                Some(&["a", "b"]),
            ),
            (
                "CHECK (((v)::text = ANY ((ARRAY['x'::character varying, 'y''z'::character varying])::text[])))",
                "v",
                Some(&["x", "y'z"]),
            ),
            ("CHECK ((ch = 'abc'::bpchar))", "ch", Some(&["abc"])),
            (
                "CHECK (((x IS NULL) OR (x = ANY (ARRAY['p'::text, 'q'::text]))))",
                "x",
                Some(&["p", "q"]),
            ),
            ("CHECK (((s = 'a'::text) OR (s = 'b'::text)))", "s", Some(&["a", "b"])),
            ("CHECK ((s IN ('a', 'b')))", "s", Some(&["a", "b"])),
            ("CHECK ((\"We ird\" = ANY (ARRAY['a'::text])))", "We ird", Some(&["a"])),
            ("CHECK ((s = ANY (ARRAY['a'::text]))) NO INHERIT", "s", Some(&["a"])),
            ("CHECK ((s <> ALL (ARRAY['a'::text])))", "s", None),
            ("CHECK ((i = ANY (ARRAY[1, 2])))", "i", None),
            ("CHECK (((s = 'a'::text) AND (v = 'b'::text)))", "s", None),
            ("CHECK ((t = 'a'::text))", "s", None),
            ("CHECK ((lower(s) = 'a'::text))", "s", None),
            ("CHECK ((s ~ '^a'::text))", "s", None),
            ("CHECK ((s IS NOT NULL))", "s", None),
            ("CHECK ((", "s", None),
            ("FOREIGN KEY", "s", None),
        ];
        for (definition, column, expected) in cases {
            let found = allowed(definition, column);
            let found: Option<Vec<&str>> = found.as_ref().map(|found| found.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), *expected, "{definition}");
        }
    }
}
