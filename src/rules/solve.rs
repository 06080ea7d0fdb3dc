//! Rules against a caller: what depends only on the caller and on constants is decided, the rest stays for the database.
//!
//! Values of the caller never enter the predicate: they stay parameters, so that callers share plans. What was decided
//! goes into [`Decisions`], which with the rule's text says everything about the predicate that results.

use super::constant::{cast_session, compare, is_decidable};
use super::{Aggregate, Decisions, Exists, Parameter, Predicate, Term};
use crate::principal::{Principal, Variable};
use crate::request::Comparison;
use crate::value::{Datum, Type};
use std::borrow::Cow;

/// The caller's variable of a name; `role` is the role, whatever a claim of that name says.
#[must_use]
pub fn variable<'p>(principal: &'p Principal, name: &str) -> Option<Cow<'p, Variable>> {
    if name == "role" {
        return Some(Cow::Owned(Variable::Text(principal.role.as_str().into())));
    }
    principal.variable(name).map(Cow::Borrowed)
}

/// Solves a rule for a caller. A row is in where the result is true; unknown at the top denies and is false here.
#[must_use]
pub fn solve(rule: &Predicate, principal: &Principal, decisions: &mut Decisions) -> Predicate {
    let mut solver = Solver { principal, decisions };
    filtering(solver.predicate(rule), true)
}

/// The decisions of [`solve`] alone, without making a predicate.
pub(super) fn decide(rule: &Predicate, principal: &Principal, decisions: &mut Decisions) {
    Solver { principal, decisions }.state(rule);
}

/// Solves the value that a rule sets; `None` where a variable that it needs is missing.
#[must_use]
pub(super) fn solve_value(value: &Term, principal: &Principal, decisions: &mut Decisions) -> Option<Term> {
    let mut solver = Solver { principal, decisions };
    solver.enter(solver.usage_of(value))?;
    Some(solver.term(value).0)
}

/// The decisions of [`solve_value`] alone.
pub(super) fn decide_value(value: &Term, principal: &Principal, decisions: &mut Decisions) {
    let mut solver = Solver { principal, decisions };
    if solver.enter(solver.usage_of(value)).is_some() {
        solver.value(value);
    }
}

struct Solver<'s> {
    principal: &'s Principal,
    decisions: &'s mut Decisions,
}

/// What is known of a condition before the database is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Decided(Option<bool>),
    Open,
}

/// How a condition uses variables of the caller. Testing one for null is no use.
#[derive(Clone, Copy, Default)]
struct Usage {
    any: bool,
    missing: bool,
}

impl Usage {
    fn and(self, other: Usage) -> Usage {
        Usage {
            any: self.any || other.any,
            missing: self.missing || other.missing,
        }
    }
}

impl Solver<'_> {
    fn push(&mut self, decision: Option<bool>) -> State {
        self.decisions.0.push(decision);
        State::Decided(decision)
    }

    /// Whether a condition uses variables at all, and whether all of them are there and fit. Pushes what it finds;
    /// `None` is that one is missing.
    fn enter(&mut self, usage: Usage) -> Option<()> {
        if usage.missing {
            self.push(None);
            return None;
        }
        if usage.any {
            self.push(Some(true));
        }
        Some(())
    }

    // Both of the following walk in the same order and push the same decisions: one makes the predicate, one does not.

    fn predicate(&mut self, predicate: &Predicate) -> Predicate {
        match predicate {
            Predicate::Constant(_) | Predicate::Own { .. } => predicate.clone(),
            Predicate::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.predicate(part)).collect();
                folded(Predicate::all(parts))
            }
            Predicate::Or(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.predicate(part)).collect();
                folded(Predicate::any(parts))
            }
            Predicate::Not(inner) => self.predicate(inner).negate(),
            Predicate::Exists(exists) => {
                if self.enter(self.usage(&exists.predicate)).is_none() {
                    return Predicate::UNKNOWN;
                }
                match self.predicate(&exists.predicate) {
                    Predicate::Constant(Some(false) | None) => Predicate::FALSE,
                    inner => Predicate::Exists(Box::new(Exists {
                        table: exists.table,
                        predicate: inner,
                    })),
                }
            }
            Predicate::Compare {
                left,
                comparison,
                right,
            } => {
                if self.enter(self.usage_of(left).and(self.usage_of(right))).is_none() {
                    return Predicate::UNKNOWN;
                }
                let (left, left_value) = self.term(left);
                let (right, right_value) = self.term(right);
                match self.compared(&left, left_value, *comparison, &right, right_value) {
                    State::Decided(decision) => Predicate::Constant(decision),
                    State::Open => Predicate::Compare {
                        left,
                        comparison: *comparison,
                        right,
                    },
                }
            }
            Predicate::IsNull { term, null } => {
                if let State::Decided(decision) = self.presence(term, *null) {
                    return Predicate::Constant(decision);
                }
                if self.enter(self.usage_of(term)).is_none() {
                    return Predicate::UNKNOWN;
                }
                let (term, value) = self.term(term);
                match value {
                    Some(value) => Predicate::Constant(Some((value == Datum::Null) == *null)),
                    None => Predicate::IsNull { term, null: *null },
                }
            }
            Predicate::Truth(term) => {
                if self.enter(self.usage_of(term)).is_none() {
                    return Predicate::UNKNOWN;
                }
                let (term, value) = self.term(term);
                match self.truth(value) {
                    State::Decided(decision) => Predicate::Constant(decision),
                    State::Open => Predicate::Truth(Box::new(term)),
                }
            }
        }
    }

    fn state(&mut self, predicate: &Predicate) -> State {
        match predicate {
            Predicate::Constant(decision) => State::Decided(*decision),
            Predicate::Own { .. } => State::Open,
            Predicate::And(parts) => self.states(parts, false),
            Predicate::Or(parts) => self.states(parts, true),
            Predicate::Not(inner) => match self.state(inner) {
                State::Decided(decision) => State::Decided(decision.map(|value| !value)),
                State::Open => State::Open,
            },
            Predicate::Exists(exists) => {
                if self.enter(self.usage(&exists.predicate)).is_none() {
                    return State::Decided(None);
                }
                match self.state(&exists.predicate) {
                    State::Decided(Some(false) | None) => State::Decided(Some(false)),
                    _ => State::Open,
                }
            }
            Predicate::Compare {
                left,
                comparison,
                right,
            } => {
                if self.enter(self.usage_of(left).and(self.usage_of(right))).is_none() {
                    return State::Decided(None);
                }
                let left_value = self.value(left);
                let right_value = self.value(right);
                self.compared(left, left_value, *comparison, right, right_value)
            }
            Predicate::IsNull { term, null } => {
                if let decided @ State::Decided(_) = self.presence(term, *null) {
                    return decided;
                }
                if self.enter(self.usage_of(term)).is_none() {
                    return State::Decided(None);
                }
                match self.value(term) {
                    Some(value) => State::Decided(Some((value == Datum::Null) == *null)),
                    None => State::Open,
                }
            }
            Predicate::Truth(term) => {
                if self.enter(self.usage_of(term)).is_none() {
                    return State::Decided(None);
                }
                let value = self.value(term);
                self.truth(value)
            }
        }
    }

    /// Conditions joined; `settles` is the value that one of them alone settles the whole with.
    fn states(&mut self, parts: &[Predicate], settles: bool) -> State {
        let mut settled = false;
        let mut open = false;
        let mut unknown = false;
        for part in parts {
            match self.state(part) {
                State::Decided(Some(value)) => settled |= value == settles,
                State::Decided(None) => unknown = true,
                State::Open => open = true,
            }
        }
        if settled {
            State::Decided(Some(settles))
        } else if open {
            State::Open
        } else if unknown {
            State::Decided(None)
        } else {
            State::Decided(Some(!settles))
        }
    }

    /// `_USER_.x IS NULL`: the one place where a missing variable is not unknown.
    fn presence(&mut self, term: &Term, null: bool) -> State {
        match term {
            Term::Parameter {
                source: Parameter::Session(name),
                ..
            } => {
                let missing = variable(self.principal, name).is_none();
                self.push(Some(missing == null))
            }
            _ => State::Open,
        }
    }

    fn truth(&mut self, value: Option<Datum>) -> State {
        match value {
            Some(Datum::Boolean(value)) => self.push(Some(value)),
            Some(Datum::Null) => self.push(None),
            _ => State::Open,
        }
    }

    /// A comparison whose variables are all there.
    fn compared(
        &mut self,
        left: &Term,
        left_value: Option<Datum>,
        comparison: Comparison,
        right: &Term,
        right_value: Option<Datum>,
    ) -> State {
        // An empty list decides, whatever stands left of it.
        if let (Comparison::In | Comparison::NotIn, Some(Datum::List(items))) = (comparison, &right_value) {
            if items.is_empty() {
                return self.push(Some(comparison == Comparison::NotIn));
            }
            // Whether it is empty is a decision too.
            if left_value.is_none() {
                self.push(None);
            }
        }
        match (left_value, right_value, own_type(left), own_type(right)) {
            (Some(left), Some(right), Some(data_type), Some(other)) => {
                let decidable = is_decidable(&data_type, comparison) && is_decidable(&other, comparison);
                if decidable {
                    let decision = compare(&left, comparison, &right, &data_type);
                    return self.push(decision);
                }
                State::Open
            }
            _ => State::Open,
        }
    }

    /// A term with the conditions within it solved, and its value where that is known.
    fn term(&mut self, term: &Term) -> (Term, Option<Datum>) {
        let solved = match term {
            Term::Column { .. } | Term::Parameter { .. } => return (term.clone(), self.parameter(term)),
            Term::Truth(inner) => {
                let inner = self.predicate(inner);
                let value = match &inner {
                    Predicate::Constant(decision) => Some(decision.map_or(Datum::Null, Datum::Boolean)),
                    _ => None,
                };
                return (Term::Truth(Box::new(inner)), value);
            }
            Term::Call {
                function,
                arguments,
                data_type,
            } => Term::Call {
                function: *function,
                arguments: self.terms(arguments),
                data_type: data_type.clone(),
            },
            Term::RuleCall {
                function,
                arguments,
                data_type,
            } => Term::RuleCall {
                function: *function,
                arguments: self.terms(arguments),
                data_type: data_type.clone(),
            },
            Term::Json { term, path, text } => Term::Json {
                term: Box::new(self.term(term).0),
                path: path.clone(),
                text: *text,
            },
            Term::Case { branches, otherwise } => {
                let branches = branches
                    .iter()
                    .map(|(condition, value)| (self.predicate(condition), self.term(value).0))
                    .collect();
                let otherwise = otherwise.as_ref().map(|value| Box::new(self.term(value).0));
                Term::Case { branches, otherwise }
            }
            Term::Scalar {
                table,
                predicate,
                value,
            } => Term::Scalar {
                table: *table,
                predicate: Box::new(self.predicate(predicate)),
                value: Box::new(self.term(value).0),
            },
            Term::Aggregate(aggregate) => {
                let rows = aggregate
                    .rows
                    .as_ref()
                    .map(|(table, predicate)| (*table, self.predicate(predicate)));
                Term::Aggregate(Box::new(Aggregate {
                    rows,
                    of: self.terms(&aggregate.of),
                    ..(**aggregate).clone()
                }))
            }
        };
        (solved, None)
    }

    fn terms(&mut self, terms: &[Term]) -> Vec<Term> {
        terms.iter().map(|term| self.term(term).0).collect()
    }

    /// A term's value where it is known, with the decisions of the conditions within it.
    fn value(&mut self, term: &Term) -> Option<Datum> {
        match term {
            Term::Column { .. } | Term::Parameter { .. } => return self.parameter(term),
            Term::Truth(inner) => {
                return match self.state(inner) {
                    State::Decided(decision) => Some(decision.map_or(Datum::Null, Datum::Boolean)),
                    State::Open => None,
                };
            }
            Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => self.values(arguments),
            Term::Json { term, .. } => {
                self.value(term);
            }
            Term::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    self.state(condition);
                    self.value(value);
                }
                if let Some(otherwise) = otherwise {
                    self.value(otherwise);
                }
            }
            Term::Scalar { predicate, value, .. } => {
                self.state(predicate);
                self.value(value);
            }
            Term::Aggregate(aggregate) => {
                if let Some((_, predicate)) = &aggregate.rows {
                    self.state(predicate);
                }
                self.values(&aggregate.of);
            }
        }
        None
    }

    fn values(&mut self, terms: &[Term]) {
        for term in terms {
            self.value(term);
        }
    }

    /// The value of a constant or of a variable; `None` for whatever only the database knows.
    fn parameter(&self, term: &Term) -> Option<Datum> {
        let Term::Parameter {
            source,
            data_type,
            list,
        } = term
        else {
            return None;
        };
        match source {
            Parameter::Constant(value) => Some(value.clone()),
            Parameter::Session(name) => cast_variable(variable(self.principal, name)?.as_ref(), data_type, *list),
            Parameter::Slot(_)
            | Parameter::Cursor(..)
            | Parameter::Sent(_)
            | Parameter::IsSent(_)
            | Parameter::Row(..)
            | Parameter::Linked { .. }
            | Parameter::Written { .. } => None,
        }
    }

    fn usage(&self, predicate: &Predicate) -> Usage {
        match predicate {
            Predicate::Constant(_) | Predicate::Own { .. } => Usage::default(),
            Predicate::And(parts) | Predicate::Or(parts) => parts
                .iter()
                .fold(Usage::default(), |usage, part| usage.and(self.usage(part))),
            Predicate::Not(inner) => self.usage(inner),
            Predicate::Compare { left, right, .. } => self.usage_of(left).and(self.usage_of(right)),
            Predicate::IsNull {
                term: Term::Parameter { .. },
                ..
            } => Usage::default(),
            Predicate::IsNull { term, .. } => self.usage_of(term),
            Predicate::Exists(exists) => self.usage(&exists.predicate),
            Predicate::Truth(term) => self.usage_of(term),
        }
    }

    fn usage_of(&self, term: &Term) -> Usage {
        let all = |terms: &[Term]| {
            terms
                .iter()
                .fold(Usage::default(), |usage, term| usage.and(self.usage_of(term)))
        };
        match term {
            Term::Column { .. } => Usage::default(),
            Term::Parameter {
                source: Parameter::Session(_),
                ..
            } => Usage {
                any: true,
                missing: self.parameter(term).is_none(),
            },
            Term::Parameter { .. } => Usage::default(),
            Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => all(arguments),
            Term::Json { term, .. } => self.usage_of(term),
            Term::Case { branches, otherwise } => {
                let branches = branches.iter().fold(Usage::default(), |usage, (condition, value)| {
                    usage.and(self.usage(condition)).and(self.usage_of(value))
                });
                otherwise
                    .as_ref()
                    .map_or(branches, |value| branches.and(self.usage_of(value)))
            }
            Term::Scalar { predicate, value, .. } => self.usage(predicate).and(self.usage_of(value)),
            Term::Aggregate(aggregate) => {
                let of = all(&aggregate.of);
                aggregate
                    .rows
                    .as_ref()
                    .map_or(of, |(_, predicate)| of.and(self.usage(predicate)))
            }
            Term::Truth(predicate) => self.usage(predicate),
        }
    }
}

/// A variable as a value of a type, as one or as a list; `None` when it does not fit, which counts as missing. A single
/// value is a list of one, whatever it holds. Whoever binds session variables must use this too.
#[must_use]
pub fn cast_variable(variable: &Variable, data_type: &Type, list: bool) -> Option<Datum> {
    match (variable, list) {
        (Variable::Text(text), false) => cast_session(text, data_type),
        (Variable::Text(text), true) => cast_session(text, data_type).map(|value| Datum::List(vec![value])),
        (Variable::List(items), true) => items
            .iter()
            .map(|item| cast_session(item, data_type))
            .collect::<Option<Vec<_>>>()
            .map(Datum::List),
        (Variable::List(_), false) => None,
    }
}

/// The type of what can have a value before the database is asked.
fn own_type(term: &Term) -> Option<Type> {
    match term {
        Term::Parameter { data_type, .. } => Some(data_type.clone()),
        Term::Truth(_) => Some(Type::Boolean),
        _ => None,
    }
}

/// Several unknowns are one.
fn folded(predicate: Predicate) -> Predicate {
    match &predicate {
        Predicate::And(parts) | Predicate::Or(parts) if parts.iter().all(|part| *part == Predicate::UNKNOWN) => {
            Predicate::UNKNOWN
        }
        _ => predicate,
    }
}

/// Where only truth counts, unknown is false; below NOT, where only falsehood counts, it is true. So no unknown is left
/// within AND, OR and NOT, and the rows for which the whole is true stay the same.
fn filtering(predicate: Predicate, wants_true: bool) -> Predicate {
    match predicate {
        Predicate::Constant(None) => Predicate::Constant(Some(!wants_true)),
        Predicate::And(parts) => Predicate::all(parts.into_iter().map(|part| filtering(part, wants_true))),
        Predicate::Or(parts) => Predicate::any(parts.into_iter().map(|part| filtering(part, wants_true))),
        Predicate::Not(inner) => filtering(*inner, !wants_true).negate(),
        Predicate::Exists(exists) => match filtering(exists.predicate, true) {
            Predicate::Constant(Some(false)) => Predicate::FALSE,
            inner => Predicate::Exists(Box::new(Exists {
                table: exists.table,
                predicate: inner,
            })),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests;
