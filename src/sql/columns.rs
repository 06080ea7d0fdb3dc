//! Which columns of a row its members, orders and inner levels use: what a derived table has to pass on.

use crate::catalog::ColumnId;
use crate::plan::{Body, Member, Part, Query, Value};
use crate::rules::{AggregateItem, From, GroupPart, OrderTerm, Predicate, Term, Through};
use std::collections::BTreeSet;

/// Collects the columns of the row that stands `scope` levels around.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) columns: BTreeSet<ColumnId>,
    /// The whole row, as a value of its table's type.
    pub(super) whole: bool,
    /// Which table it is of.
    pub(super) table: bool,
}

impl Columns {
    pub(super) fn members(&mut self, members: &[Member], scope: u16) {
        for member in members {
            match &member.value {
                Value::Term(term) => self.term(term, scope),
                Value::Constant(_) | Value::Cursor => {}
                Value::Query(query) => self.query(query, scope + 1),
                Value::Object { unless_null, members } => {
                    if let Some(term) = unless_null {
                        self.term(term, scope);
                    }
                    self.members(members, scope);
                }
                Value::Computed { arguments, .. } => {
                    self.arguments(arguments, scope);
                }
            }
        }
    }

    pub(super) fn order(&mut self, order: &[OrderTerm], scope: u16) {
        for term in order {
            self.term(&term.term, scope);
        }
    }

    pub(super) fn aggregates(&mut self, parts: &[Part], scope: u16) {
        for part in parts {
            match part {
                Part::Constant(..) => {}
                Part::Aggregates(_, items) => self.items(items, scope),
                // Nodes are a query of their own in the scope around.
                Part::Nodes(..) => {}
            }
        }
    }

    fn items(&mut self, items: &[AggregateItem], scope: u16) {
        for item in items {
            match item {
                AggregateItem::Constant(..) => {}
                AggregateItem::Value(_, aggregate) => self.terms(&aggregate.of, scope),
                AggregateItem::Function(_, _, operands) => {
                    for aggregate in operands.iter().filter_map(|(_, operand)| operand.as_ref().ok()) {
                        self.terms(&aggregate.of, scope);
                    }
                }
            }
        }
    }

    pub(super) fn groups(&mut self, query: &Query, scope: u16) {
        if let Body::Groups { by, having, parts } = &query.body {
            for key in by {
                self.term(&key.term, scope);
            }
            self.predicate(having, scope);
            for part in parts {
                match part {
                    GroupPart::Aggregates(_, items) => self.items(items, scope),
                    GroupPart::Term(_, term) => self.term(term, scope),
                    GroupPart::Constant(..) | GroupPart::Keys(..) | GroupPart::Key(..) => {}
                }
            }
        }
    }

    fn query(&mut self, query: &Query, scope: u16) {
        if let From::Function { arguments, .. } = &query.from {
            // They stand in the scope around.
            if let Some(around) = scope.checked_sub(1) {
                self.arguments(arguments, around);
            }
        }
        if let Some(Through { condition, .. }) = &query.through {
            self.predicate(condition, scope + 1);
        }
        self.predicate(&query.predicate, scope);
        self.predicate(&query.keyset, scope);
        self.order(&query.order, scope);
        match &query.body {
            Body::Rows(members) | Body::Row(members) => self.members(members, scope),
            Body::Aggregate(parts) => {
                self.aggregates(parts, scope);
                for part in parts {
                    if let Part::Nodes(_, nodes) = part {
                        self.query(nodes, scope);
                    }
                }
            }
            Body::Groups { .. } => self.groups(query, scope),
            Body::Lists(lists) => lists.iter().for_each(|members| self.members(members, scope)),
            // Its arguments are values, not columns.
            Body::Scalar(_) => {}
        }
    }

    /// Arguments of a function; the one that is none is the row.
    fn arguments(&mut self, arguments: &[(String, Option<Term>)], scope: u16) {
        for (_, term) in arguments {
            match term {
                Some(term) => self.term(term, scope),
                None => self.whole |= scope == 0,
            }
        }
    }

    fn terms(&mut self, terms: &[Term], scope: u16) {
        for term in terms {
            self.term(term, scope);
        }
    }

    fn term(&mut self, term: &Term, scope: u16) {
        match term {
            Term::Column { scope: own, column, .. } => {
                if *own == scope {
                    self.columns.insert(*column);
                }
            }
            Term::Parameter { .. } => {}
            Term::Call { arguments, .. } | Term::RuleCall { arguments, .. } => self.terms(arguments, scope),
            Term::Json { term, .. } => self.term(term, scope),
            Term::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    self.predicate(condition, scope);
                    self.term(value, scope);
                }
                if let Some(value) = otherwise {
                    self.term(value, scope);
                }
            }
            Term::Scalar { predicate, value, .. } => {
                self.predicate(predicate, scope + 1);
                self.term(value, scope + 1);
            }
            Term::Aggregate(aggregate) => match &aggregate.rows {
                None => self.terms(&aggregate.of, scope),
                Some((_, predicate)) => {
                    self.predicate(predicate, scope + 1);
                    self.terms(&aggregate.of, scope + 1);
                }
            },
            Term::Truth(predicate) => self.predicate(predicate, scope),
        }
    }

    fn predicate(&mut self, predicate: &Predicate, scope: u16) {
        match predicate {
            Predicate::Constant(_) => {}
            Predicate::Own { scope: own, .. } => self.table |= *own == scope,
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|part| self.predicate(part, scope)),
            Predicate::Not(part) => self.predicate(part, scope),
            Predicate::Compare { left, right, .. } => {
                self.term(left, scope);
                self.term(right, scope);
            }
            Predicate::IsNull { term, .. } => self.term(term, scope),
            Predicate::Exists(exists) => self.predicate(&exists.predicate, scope + 1),
            Predicate::Truth(term) => self.term(term, scope),
        }
    }
}
