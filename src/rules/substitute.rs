//! Putting terms in the place of parameters: a rule on writes speaks of what was sent, the write knows where it comes from.

use super::{Aggregate, Exists, Parameter, Predicate, Term};
use crate::value::Datum;

/// What a parameter becomes: a term over the rule's own scope 0; `None` leaves it.
pub(super) type Replace<'a> = dyn Fn(&Parameter) -> Option<Term> + 'a;

/// The predicate with its parameters replaced.
pub(super) fn predicate(predicate: &Predicate, replace: &Replace<'_>) -> Predicate {
    within(predicate, replace, 0)
}

/// The term with its parameters replaced.
pub(super) fn term(term: &Term, replace: &Replace<'_>) -> Term {
    term_within(term, replace, 0)
}

fn within(predicate: &Predicate, replace: &Replace<'_>, depth: u16) -> Predicate {
    let all = |parts: &[Predicate]| {
        parts
            .iter()
            .map(|part| within(part, replace, depth))
            .collect::<Vec<_>>()
    };
    match predicate {
        Predicate::Constant(_) => predicate.clone(),
        Predicate::And(parts) => Predicate::all(all(parts)),
        Predicate::Or(parts) => Predicate::any(all(parts)),
        Predicate::Not(part) => within(part, replace, depth).negate(),
        Predicate::Compare {
            left,
            comparison,
            right,
        } => Predicate::Compare {
            left: term_within(left, replace, depth),
            comparison: *comparison,
            right: term_within(right, replace, depth),
        },
        Predicate::IsNull { term, null } => Predicate::IsNull {
            term: term_within(term, replace, depth),
            null: *null,
        },
        Predicate::Exists(exists) => Predicate::Exists(Box::new(Exists {
            table: exists.table,
            predicate: within(&exists.predicate, replace, depth + 1),
        })),
        Predicate::Truth(term) => match term_within(term, replace, depth) {
            Term::Parameter {
                source: Parameter::Constant(Datum::Boolean(value)),
                ..
            } => Predicate::Constant(Some(value)),
            term => Predicate::Truth(Box::new(term)),
        },
    }
}

fn term_within(term: &Term, replace: &Replace<'_>, depth: u16) -> Term {
    let all = |terms: &[Term], depth| {
        terms
            .iter()
            .map(|term| term_within(term, replace, depth))
            .collect::<Vec<_>>()
    };
    let boxed = |term: &Term, depth| Box::new(term_within(term, replace, depth));
    match term {
        Term::Column { .. } => term.clone(),
        Term::Parameter { source, .. } => replace(source).map_or_else(|| term.clone(), |new| new.shifted(depth)),
        Term::Call {
            function,
            arguments,
            data_type,
        } => Term::Call {
            function: *function,
            arguments: all(arguments, depth),
            data_type: data_type.clone(),
        },
        Term::RuleCall {
            function,
            arguments,
            data_type,
        } => Term::RuleCall {
            function: *function,
            arguments: all(arguments, depth),
            data_type: data_type.clone(),
        },
        Term::Json { term, path, text } => Term::Json {
            term: boxed(term, depth),
            path: path.clone(),
            text: *text,
        },
        Term::Case { branches, otherwise } => Term::Case {
            branches: branches
                .iter()
                .map(|(condition, value)| (within(condition, replace, depth), term_within(value, replace, depth)))
                .collect(),
            otherwise: otherwise.as_ref().map(|value| boxed(value, depth)),
        },
        Term::Scalar {
            table,
            predicate,
            value,
        } => Term::Scalar {
            table: *table,
            predicate: Box::new(within(predicate, replace, depth + 1)),
            value: boxed(value, depth + 1),
        },
        Term::Aggregate(aggregate) => {
            let inner = depth + u16::from(aggregate.rows.is_some());
            let rows = aggregate
                .rows
                .as_ref()
                .map(|(table, predicate)| (*table, within(predicate, replace, inner)));
            Term::Aggregate(Box::new(Aggregate {
                rows,
                of: all(&aggregate.of, inner),
                ..(**aggregate).clone()
            }))
        }
        Term::Truth(predicate) => Term::Truth(Box::new(within(predicate, replace, depth))),
    }
}
