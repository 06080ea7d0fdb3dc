//! What was sent, in the rules that ask for it (`_REQ_`).

use super::Resolver;
use super::write::{Assigned, value_of};
use crate::catalog::{Face, Table};
use crate::rules::{Parameter, Predicate, Term};
use crate::value::Datum;

impl Resolver<'_> {
    /// A rule over a row as it was, or as it is sent.
    pub(super) fn of_what_was_sent(&self, face: &Face, rule: &Predicate, sent: &[Assigned]) -> Predicate {
        let table = self.catalog.table(face.table);
        rule.substituted(&|parameter| sent_value(parameter, table, sent))
    }

    /// A rule over a row that has been changed: what was computed from the row as it was stands in it now, and would be
    /// another value if it were computed once more.
    pub(super) fn of_what_was_stored(&self, face: &Face, rule: &Predicate, sent: &[Assigned]) -> Predicate {
        let stored = |(column, term): &Assigned| {
            let term = match term {
                Term::Parameter { .. } => term.clone(),
                _ => Term::Column {
                    scope: 0,
                    table: face.table,
                    column: *column,
                },
            };
            (*column, term)
        };
        self.of_what_was_sent(face, rule, &sent.iter().map(stored).collect::<Vec<_>>())
    }

    pub(super) fn sent_term(&self, face: &Face, term: &Term, sent: &[Assigned]) -> Term {
        let table = self.catalog.table(face.table);
        term.substituted(&|parameter| sent_value(parameter, table, sent))
    }
}

/// What stands in the place of what was sent; of what was not sent, a null of the column's type.
fn sent_value(parameter: &Parameter, table: &Table, sent: &[Assigned]) -> Option<Term> {
    match parameter {
        Parameter::Sent(column) => {
            let found = sent.iter().find(|(own, _)| own == column);
            let absent = || value_of(table, *column, Parameter::Constant(Datum::Null));
            Some(found.map_or_else(absent, |(_, term)| term.clone()))
        }
        Parameter::IsSent(column) => Some(Term::Parameter {
            source: Parameter::Constant(Datum::Boolean(sent.iter().any(|(own, _)| own == column))),
            data_type: crate::value::Type::Boolean,
            list: false,
        }),
        _ => None,
    }
}
