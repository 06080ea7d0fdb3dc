//! Which parameters a condition has.

use super::{Parameter, Predicate, Term};

impl Predicate {
    /// Whether any of its parameters, at any depth, is one that is looked for.
    #[must_use]
    pub fn has_parameter(&self, is: &dyn Fn(&Parameter) -> bool) -> bool {
        let any = |parts: &[Predicate]| parts.iter().any(|part| part.has_parameter(is));
        match self {
            Predicate::Constant(_) | Predicate::Own { .. } => false,
            Predicate::And(parts) | Predicate::Or(parts) => any(parts),
            Predicate::Not(part) => part.has_parameter(is),
            Predicate::Compare { left, right, .. } => left.has_parameter(is) || right.has_parameter(is),
            Predicate::IsNull { term, .. } => term.has_parameter(is),
            Predicate::Exists(exists) => exists.predicate.has_parameter(is),
            Predicate::Truth(term) => term.has_parameter(is),
        }
    }
}

impl Term {
    /// Whether any of its parameters, at any depth, is one that is looked for.
    #[must_use]
    pub fn has_parameter(&self, is: &dyn Fn(&Parameter) -> bool) -> bool {
        let any = |terms: &[Term]| terms.iter().any(|term| term.has_parameter(is));
        match self {
            Term::Column { .. } => false,
            Term::Parameter { source, .. } => is(source),
            Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => any(arguments),
            Term::Json { term, .. } => term.has_parameter(is),
            Term::Case { branches, otherwise } => {
                branches
                    .iter()
                    .any(|(condition, value)| condition.has_parameter(is) || value.has_parameter(is))
                    || otherwise.as_deref().is_some_and(|value| value.has_parameter(is))
            }
            Term::Scalar { predicate, value, .. } => predicate.has_parameter(is) || value.has_parameter(is),
            Term::Aggregate(aggregate) => {
                any(&aggregate.of)
                    || aggregate
                        .rows
                        .as_ref()
                        .is_some_and(|(_, predicate)| predicate.has_parameter(is))
            }
            Term::Truth(predicate) => predicate.has_parameter(is),
        }
    }
}
