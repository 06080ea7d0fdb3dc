//! A caller's condition is evaluated only on rows that the caller may read.
//!
//! A database evaluates the parts of a WHERE clause in any order it likes. A condition that can fail (a JSON operator on
//! text that is no JSON), or whose time depends on the row (a regular expression), would tell of hidden rows by its error
//! or its time if it came before the rule. So it stands behind the rule, in a CASE, which is evaluated in order. Plain
//! comparisons stay beside the rule, where indexes serve them.

use crate::catalog::Catalog;
use crate::request::Comparison;
use crate::rules::{Predicate, Term};
use crate::value::Type;

/// The filter, its parts that can fail or take long each behind the rule.
pub(super) fn guarded(filter: Predicate, rule: &Predicate, catalog: &Catalog) -> Predicate {
    if *rule == Predicate::TRUE {
        return filter;
    }
    let parts = match filter {
        Predicate::And(parts) => parts,
        one => vec![one],
    };
    let (plain, other): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| is_plain(part, Of::Row, catalog));
    let behind = Predicate::all(other);
    if behind == Predicate::TRUE {
        return Predicate::all(plain);
    }
    let case = Term::Case {
        branches: vec![(rule.clone(), Term::Truth(Box::new(behind)))],
        otherwise: Some(Box::new(Term::Truth(Box::new(Predicate::FALSE)))),
    };
    Predicate::all(plain.into_iter().chain([Predicate::Truth(Box::new(case))]))
}

/// Whose columns a condition speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The row that may be hidden.
    Row,
    /// A related row, which has its own rule and its own guard. A pattern never fails once its statement runs, and how
    /// long it takes depends on what the caller may read; joined freely it is quick.
    Related,
}

/// Whether a condition can neither fail on any row nor take longer on one than on another.
fn is_plain(condition: &Predicate, of: Of, catalog: &Catalog) -> bool {
    match condition {
        Predicate::Constant(_) | Predicate::Own { .. } => true,
        Predicate::And(parts) | Predicate::Or(parts) => parts.iter().all(|part| is_plain(part, of, catalog)),
        Predicate::Not(part) => is_plain(part, of, catalog),
        Predicate::Compare {
            left,
            comparison,
            right,
        } => {
            is_quick(*comparison, of)
                && !is_json(left, catalog)
                && is_plain_term(left, of, catalog)
                && is_plain_term(right, of, catalog)
        }
        Predicate::IsNull { term, .. } => is_plain_term(term, of, catalog),
        Predicate::Exists(exists) => is_plain(&exists.predicate, Of::Related, catalog),
        Predicate::Truth(term) => is_plain_term(term, of, catalog),
    }
}

/// JSON is parsed to be compared, and other types of the database's own may do anything.
fn is_json(term: &Term, catalog: &Catalog) -> bool {
    matches!(
        term.data_type(catalog),
        Type::Json | Type::Jsonb | Type::Geometry | Type::Other(_)
    )
}

fn is_quick(comparison: Comparison, of: Of) -> bool {
    (comparison.is_pattern() && of == Of::Related)
        || matches!(
            comparison,
            Comparison::Equal
                | Comparison::NotEqual
                | Comparison::Same
                | Comparison::NotSame
                | Comparison::Greater
                | Comparison::GreaterOrEqual
                | Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::In
                | Comparison::NotIn
        )
}

fn is_plain_term(term: &Term, of: Of, catalog: &Catalog) -> bool {
    match term {
        Term::Column { .. } | Term::Parameter { .. } => true,
        Term::Scalar { predicate, value, .. } => {
            is_plain(predicate, Of::Related, catalog) && is_plain_term(value, Of::Related, catalog)
        }
        Term::Truth(condition) => is_plain(condition, of, catalog),
        Term::Case { branches, otherwise } => {
            branches
                .iter()
                .all(|(condition, value)| is_plain(condition, of, catalog) && is_plain_term(value, of, catalog))
                && otherwise
                    .as_deref()
                    .is_none_or(|value| is_plain_term(value, of, catalog))
        }
        Term::Call { .. } | Term::RuleCall { .. } | Term::Json { .. } | Term::Aggregate(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;
    use crate::catalog::DatabaseKind;
    use crate::rules::compile::compile;
    use crate::rules::{Predicate, describe, fixture};

    #[test]
    fn what_can_fail_or_take_long_stands_behind_the_rule() {
        let catalog = fixture::catalog(DatabaseKind::Postgres);
        let table = catalog.face(fixture::ARTICLE).table;
        let condition = |text: &str| match compile(&catalog, fixture::ARTICLE, text) {
            Ok(compiled) => compiled.predicate,
            Err(problem) => panic!("{text}: {problem:?}"),
        };
        let rule = condition("is_published");
        for (filter, wanted) in [
            ("id = 1 AND title IN ('a', 'b')", "id = 1 AND title IN (a, b)"),
            (
                "title LIKE 'a%'",
                "CASE WHEN is_published THEN title LIKE a% ELSE FALSE END",
            ),
            (
                "id = 1 AND title LIKE 'a%'",
                "id = 1 AND CASE WHEN is_published THEN title LIKE a% ELSE FALSE END",
            ),
            (
                "id = 1 OR title LIKE 'a%'",
                "CASE WHEN is_published THEN id = 1 OR title LIKE a% ELSE FALSE END",
            ),
            (
                "NOT (title ~ 'a')",
                "CASE WHEN is_published THEN NOT title ~ a ELSE FALSE END",
            ),
            (
                "data ->> 'a' = 'b'",
                "CASE WHEN is_published THEN data ->> 'a' = b ELSE FALSE END",
            ),
            (
                "price * 2 > 1",
                "CASE WHEN is_published THEN price * 2 > 1 ELSE FALSE END",
            ),
            (
                "lower(title) IS NULL",
                "CASE WHEN is_published THEN LOWER(title) IS NULL ELSE FALSE END",
            ),
        ] {
            let told = describe(&catalog, table, &guarded(condition(filter), &rule, &catalog));
            assert_eq!(
                told.replace(['\'', '(', ')'], ""),
                wanted.replace(['\'', '(', ')'], ""),
                "{filter}"
            );
            let open = guarded(condition(filter), &Predicate::TRUE, &catalog);
            assert_eq!(open, condition(filter), "without a rule nothing is hidden: {filter}");
        }
        let related =
            condition("EXISTS (SELECT 1 FROM users WHERE users.id = _ROW_.author_id AND users.email LIKE 'a%')");
        assert_eq!(
            guarded(related.clone(), &rule, &catalog),
            related,
            "a related row has its own guard"
        );
    }
}
