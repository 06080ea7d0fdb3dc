//! Which rows come after a cursor, as a predicate whose holes the cursor's values fill.

use crate::request::{Comparison, Nulls, Slot};
use crate::rules::{OrderTerm, Page, Parameter, Predicate, Term};
use crate::value::Type;

/// The rows after `page.after` and before `page.before` in an order.
pub(super) fn predicate(order: &[OrderTerm], page: &Page) -> Predicate {
    let after = page.after.map(|slot| side(order, slot, false));
    let before = page.before.map(|slot| side(order, slot, true));
    Predicate::all(after.into_iter().chain(before))
}

/// Rows strictly on one side of a cursor: `a > x OR (a = x AND (b > y OR (b = y AND …)))`; where the first term cannot be null
/// the same as `a >= x AND (a <> x OR b > y OR …)`. Its bound is what an index serves, and what is behind it lets
/// nearly all rows through, also in the eyes of a planner: one that takes both parts of `a >= x AND (a > x OR …)` for
/// independent expects too few rows near the end, and sorts all that are left instead of following the index.
fn side(order: &[OrderTerm], slot: Slot, before: bool) -> Predicate {
    let mut result = Predicate::FALSE;
    let bounded = matches!(order, [first, _, ..] if !first.nullable);
    for (index, term) in order.iter().enumerate().skip(usize::from(bounded)).rev() {
        let value = cursor_value(slot, index);
        let beyond = beyond(term, &value, before);
        let same = Predicate::Compare {
            left: term.term.clone(),
            comparison: if term.nullable {
                Comparison::Same
            } else {
                Comparison::Equal
            },
            right: value,
        };
        result = Predicate::any([beyond, Predicate::all([same, result])]);
    }
    let Some(first) = order.first().filter(|_| bounded) else {
        return result;
    };
    let compared = |comparison| Predicate::Compare {
        left: first.term.clone(),
        comparison,
        right: cursor_value(slot, 0),
    };
    let bound = if first.descending == before {
        Comparison::GreaterOrEqual
    } else {
        Comparison::LessOrEqual
    };
    let passed = Predicate::any([compared(Comparison::NotEqual), result]);
    Predicate::all([compared(bound), passed])
}

/// The type is the compared term's; the renderer takes it from there.
fn cursor_value(slot: Slot, index: usize) -> Term {
    let source = Parameter::Cursor(slot, u16::try_from(index).unwrap_or(u16::MAX));
    Term::Parameter {
        source,
        data_type: Type::TEXT,
        list: false,
    }
}

fn beyond(term: &OrderTerm, value: &Term, before: bool) -> Predicate {
    let comparison = if term.descending == before {
        Comparison::Greater
    } else {
        Comparison::Less
    };
    let strict = Predicate::Compare {
        left: term.term.clone(),
        comparison,
        right: value.clone(),
    };
    if !term.nullable {
        return strict;
    }
    // Nulls stand at one end: beyond a value towards that end are the nulls too; beyond null the other way all values.
    let towards_nulls = (term.nulls == Nulls::Last) != before;
    let is_null = |term: &Term, null| Predicate::IsNull {
        term: term.clone(),
        null,
    };
    let ends = if towards_nulls {
        Predicate::all([is_null(&term.term, true), is_null(value, false)])
    } else {
        Predicate::all([is_null(value, true), is_null(&term.term, false)])
    };
    Predicate::any([strict, ends])
}

/// Whether a predicate's columns outside aggregates are all keys.
pub(super) fn grouped(predicate: &Predicate, is_key: &dyn Fn(&Term) -> bool) -> bool {
    match predicate {
        Predicate::Constant(_) => true,
        Predicate::And(parts) | Predicate::Or(parts) => parts.iter().all(|part| grouped(part, is_key)),
        Predicate::Not(part) => grouped(part, is_key),
        Predicate::Compare { left, right, .. } => grouped_term(left, is_key) && grouped_term(right, is_key),
        Predicate::IsNull { term, .. } => grouped_term(term, is_key),
        Predicate::Truth(term) => grouped_term(term, is_key),
        Predicate::Exists(_) | Predicate::Own { .. } => false,
    }
}

/// Whether a term's columns outside aggregates are all keys.
pub(super) fn grouped_term(term: &Term, is_key: &dyn Fn(&Term) -> bool) -> bool {
    if is_key(term) {
        return true;
    }
    match term {
        Term::Parameter { .. } => true,
        Term::Aggregate(aggregate) => aggregate.rows.is_none(),
        Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => {
            arguments.iter().all(|term| grouped_term(term, is_key))
        }
        Term::Json { term, .. } => grouped_term(term, is_key),
        Term::Case { branches, otherwise } => {
            branches
                .iter()
                .all(|(condition, term)| grouped(condition, is_key) && grouped_term(term, is_key))
                && otherwise.as_deref().is_none_or(|term| grouped_term(term, is_key))
        }
        Term::Truth(predicate) => grouped(predicate, is_key),
        Term::Column { .. } | Term::Scalar { .. } => false,
    }
}
