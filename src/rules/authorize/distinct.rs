//! One row for each combination of values: which combinations, and the order that it needs.

use super::{Entered, Resolver};
use crate::catalog::{Catalog, DatabaseKind};
use crate::error::{Code, Error, Result};
use crate::request::{Expression, Nulls};
use crate::rules::{OrderTerm, Term};
use crate::value::Type;

impl<'a> Resolver<'a> {
    /// What rows are told apart by, each term once.
    pub(super) fn distinct(&mut self, entered: &Entered<'a>, distinct: &[Expression]) -> Result<Vec<Term>> {
        let mut terms = Vec::with_capacity(distinct.len());
        for by in distinct {
            let term = self.expression(entered, by)?;
            self.check_distinguishable(&term, "distinct_on")?;
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        Ok(terms)
    }

    /// Groups and distinct rows need values that can be told apart.
    pub(super) fn check_distinguishable(&self, term: &Term, place: &str) -> Result<()> {
        let data_type = term.data_type(self.catalog);
        if !self.has_groups(&data_type) || data_type == Type::Json {
            let message = format!("{} values cannot be grouped", data_type.word());
            return Err(Error::invalid(Code::UNKNOWN_OPERATOR, message).at(place));
        }
        Ok(())
    }

    /// Whether the database tells values apart. (SQLite does, whatever a type of its own is called.)
    pub(super) fn has_groups(&self, data_type: &Type) -> bool {
        let any = self.catalog.database.kind == DatabaseKind::Sqlite && matches!(data_type, Type::Other(_));
        any || data_type.has_groups()
    }
}

/// The order with which the first row of each combination is found: it begins with the distinct terms, in any order and
/// each once. Terms that are missing at the end of an order of nothing else are added.
pub(super) fn leading(order: Vec<OrderTerm>, distinct: &[Term], catalog: &Catalog) -> Result<Vec<OrderTerm>> {
    if distinct.is_empty() {
        return Ok(order);
    }
    let mut kept: Vec<OrderTerm> = Vec::with_capacity(order.len());
    for term in order {
        let stands = kept.iter().any(|earlier| earlier.term == term.term);
        if kept.len() < distinct.len() && !distinct.contains(&term.term) {
            let message = "the order must begin with the columns of distinct_on";
            return Err(Error::invalid(Code::INVALID_VALUE, message).at("order_by"));
        }
        // What stands already decides nothing.
        if !stands {
            kept.push(term);
        }
    }
    for term in distinct {
        if !kept.iter().any(|earlier| earlier.term == *term) {
            kept.push(OrderTerm {
                nullable: super::is_nullable(term, catalog),
                term: term.clone(),
                descending: false,
                nulls: Nulls::Last,
            });
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ColumnId, DatabaseKind, TableId};
    use crate::rules::fixture;

    fn column(name: char) -> Term {
        Term::Column {
            scope: 0,
            table: TableId(0),
            column: ColumnId(name as u16 - 'a' as u16),
        }
    }

    #[test]
    fn orders_begin_with_what_is_distinct() {
        let catalog = fixture::catalog(DatabaseKind::Sqlite);
        for (distinct, order, expected) in [
            ("", "aa", Some("aa")),
            ("a", "", Some("a")),
            ("a", "a", Some("a")),
            ("a", "ab", Some("ab")),
            ("a", "b", None),
            ("ab", "ba", Some("ba")),
            ("ab", "a", Some("ab")),
            ("ab", "aa", Some("ab")),
            ("ab", "aab", Some("ab")),
            ("ab", "aac", None),
            ("ab", "acb", None),
            ("ab", "abcac", Some("abc")),
        ] {
            let order = order.chars().map(|name| OrderTerm {
                term: column(name),
                descending: false,
                nulls: Nulls::Last,
                nullable: true,
            });
            let distinct: Vec<Term> = distinct.chars().map(column).collect();
            let got = leading(order.clone().collect(), &distinct, &catalog);
            let got = got
                .ok()
                .map(|order| order.into_iter().map(|term| term.term).collect::<Vec<_>>());
            let order: Vec<OrderTerm> = order.collect();
            assert_eq!(
                got,
                expected.map(|names| names.chars().map(column).collect()),
                "{distinct:?} {order:?}"
            );
        }
    }
}
