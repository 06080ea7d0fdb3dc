//! Which variables of the caller a condition uses.

use super::{Parameter, Predicate, Term};
use std::collections::BTreeSet;

impl Predicate {
    /// Adds the names of the caller's variables that it uses; `*` is all of them.
    pub fn variables<'a>(&'a self, found: &mut BTreeSet<&'a str>) {
        match self {
            Predicate::Constant(_) | Predicate::Own { .. } => {}
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|part| part.variables(found)),
            Predicate::Not(part) => part.variables(found),
            Predicate::Compare { left, right, .. } => {
                left.variables(found);
                right.variables(found);
            }
            Predicate::IsNull { term, .. } => term.variables(found),
            Predicate::Exists(exists) => exists.predicate.variables(found),
            Predicate::Truth(term) => term.variables(found),
        }
    }
}

impl Term {
    /// Adds the names of the caller's variables that it uses; `*` is all of them.
    pub fn variables<'a>(&'a self, found: &mut BTreeSet<&'a str>) {
        match self {
            Term::Column { .. } => {}
            Term::Parameter { source, .. } => {
                if let Parameter::Session(name) = source {
                    found.insert(name);
                }
            }
            Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => {
                arguments.iter().for_each(|argument| argument.variables(found));
            }
            Term::Json { term, .. } => term.variables(found),
            Term::Case { branches, otherwise } => {
                for (condition, term) in branches {
                    condition.variables(found);
                    term.variables(found);
                }
                if let Some(term) = otherwise {
                    term.variables(found);
                }
            }
            Term::Scalar { predicate, value, .. } => {
                predicate.variables(found);
                value.variables(found);
            }
            Term::Aggregate(aggregate) => {
                if let Some((_, predicate)) = &aggregate.rows {
                    predicate.variables(found);
                }
                aggregate.of.iter().for_each(|term| term.variables(found));
            }
            Term::Truth(predicate) => predicate.variables(found),
        }
    }
}
