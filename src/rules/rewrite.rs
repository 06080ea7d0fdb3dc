//! Conditions and terms with some of their leaves exchanged: columns seen from further in, terms in the place of parameters (a
//! rule on writes speaks of what was sent, the write knows where it comes from).

use super::{Aggregate, Exists, Parameter, Predicate, Term};
use crate::catalog::ColumnId;
use crate::value::Datum;

/// What a column or a parameter becomes that stands so many table references further in; `None` leaves it.
type Leaf<'a> = dyn Fn(&Term, u16) -> Option<Term> + 'a;

/// What a parameter becomes: a term over the rule's own scope 0; `None` leaves it.
type Replace<'a> = dyn Fn(&Parameter) -> Option<Term> + 'a;

impl Term {
    /// The same term seen from `by` table references further in.
    #[must_use]
    pub fn shifted(&self, by: u16) -> Term {
        self.rewritten(0, &|leaf, depth| match leaf {
            Term::Column { scope, table, column } if *scope >= depth => Some(Term::Column {
                scope: *scope + by,
                table: *table,
                column: *column,
            }),
            _ => None,
        })
    }

    /// The term with its parameters replaced.
    pub(super) fn substituted(&self, replace: &Replace<'_>) -> Term {
        self.rewritten(0, &|leaf, depth| replaced(leaf, depth, replace))
    }

    fn rewritten(&self, depth: u16, leaf: &Leaf<'_>) -> Term {
        let all = |terms: &[Term], depth| terms.iter().map(|term| term.rewritten(depth, leaf)).collect::<Vec<_>>();
        let boxed = |term: &Term, depth| Box::new(term.rewritten(depth, leaf));
        match self {
            Term::Column { .. } | Term::Parameter { .. } => leaf(self, depth).unwrap_or_else(|| self.clone()),
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
                    .map(|(condition, value)| (condition.rewritten(depth, leaf), value.rewritten(depth, leaf)))
                    .collect(),
                otherwise: otherwise.as_ref().map(|value| boxed(value, depth)),
            },
            Term::Scalar {
                table,
                predicate,
                value,
            } => Term::Scalar {
                table: *table,
                predicate: Box::new(predicate.rewritten(depth + 1, leaf)),
                value: boxed(value, depth + 1),
            },
            Term::Aggregate(aggregate) => {
                let inner = depth + u16::from(aggregate.rows.is_some());
                let rows = aggregate
                    .rows
                    .as_ref()
                    .map(|(table, predicate)| (*table, predicate.rewritten(inner, leaf)));
                Term::Aggregate(Box::new(Aggregate {
                    rows,
                    of: all(&aggregate.of, inner),
                    ..(**aggregate).clone()
                }))
            }
            Term::Truth(predicate) => Term::Truth(Box::new(predicate.rewritten(depth, leaf))),
        }
    }
}

impl Predicate {
    /// The condition with its parameters replaced, and what that decides folded.
    pub(super) fn substituted(&self, replace: &Replace<'_>) -> Predicate {
        self.rewritten(0, &|leaf, depth| replaced(leaf, depth, replace))
    }

    fn rewritten(&self, depth: u16, leaf: &Leaf<'_>) -> Predicate {
        let all = |parts: &[Predicate]| parts.iter().map(|part| part.rewritten(depth, leaf)).collect::<Vec<_>>();
        match self {
            Predicate::Constant(_) => self.clone(),
            Predicate::Own { scope, table } => {
                // A row moves as its columns do.
                let (scope, table, column) = (*scope, *table, ColumnId(0));
                match leaf(&Term::Column { scope, table, column }, depth) {
                    Some(Term::Column { scope, .. }) => Predicate::Own { scope, table },
                    _ => self.clone(),
                }
            }
            Predicate::And(parts) => Predicate::all(all(parts)),
            Predicate::Or(parts) => Predicate::any(all(parts)),
            Predicate::Not(part) => part.rewritten(depth, leaf).negate(),
            Predicate::Compare {
                left,
                comparison,
                right,
            } => Predicate::Compare {
                left: left.rewritten(depth, leaf),
                comparison: *comparison,
                right: right.rewritten(depth, leaf),
            },
            Predicate::IsNull { term, null } => Predicate::IsNull {
                term: term.rewritten(depth, leaf),
                null: *null,
            },
            Predicate::Exists(exists) => Predicate::Exists(Box::new(Exists {
                table: exists.table,
                predicate: exists.predicate.rewritten(depth + 1, leaf),
            })),
            Predicate::Truth(term) => match term.rewritten(depth, leaf) {
                Term::Parameter {
                    source: Parameter::Constant(Datum::Boolean(value)),
                    ..
                } => Predicate::Constant(Some(value)),
                term => Predicate::Truth(Box::new(term)),
            },
        }
    }
}

fn replaced(leaf: &Term, depth: u16, replace: &Replace<'_>) -> Option<Term> {
    match leaf {
        Term::Parameter { source, .. } => replace(source).map(|new| new.shifted(depth)),
        _ => None,
    }
}
