//! Pages that are cut before their rows are made, and pages that show how many rows there are.

use super::Writer;
use super::columns::Columns;
use super::writer::Alias;
use crate::plan::{Body, Member, Query, Value};
use crate::rules::{From, Predicate, Term};

/// Whether a page may show how many rows there are: it does where it begins at the first row, or has any, and has fewer than
/// it may have. Only then is nothing counted. The page is kept for it until it is read, so it has to be a short one.
pub(super) fn may_prove_total(query: &Query) -> bool {
    query.total && query.short && query.limit.is_some() && query.keyset == Predicate::TRUE
}

impl Writer<'_> {
    /// Whether the page is cut before anything is made of its rows. PostgreSQL makes whole rows of those that OFFSET passes
    /// over as well, with all that stands in the select list.
    pub(super) fn is_cut_first(&self, query: &Query) -> bool {
        let cheap = |member: &Member| match &member.value {
            Value::Term(term) => matches!(term, Term::Column { .. } | Term::Parameter { .. }),
            Value::Constant(_) | Value::Cursor => true,
            Value::Query(_) | Value::Object { .. } | Value::Computed { .. } => false,
        };
        let cheap = match &query.body {
            Body::Rows(members) | Body::Row(members) => members.iter().all(cheap),
            Body::Lists(lists) => lists.iter().flatten().all(cheap),
            Body::Aggregate(_) | Body::Groups { .. } | Body::Scalar(_) => true,
        };
        self.is_postgres()
            && !cheap
            && query.offset.is_some()
            && query.distinct == 0
            && matches!(query.from, From::Table(_) | From::Function { .. })
    }

    /// ` FROM (SELECT … ORDER BY … LIMIT … OFFSET …) AS alias ORDER BY …`: the second order is known to be that of the page.
    pub(super) fn cut_first(&mut self, query: &Query, alias: Alias, needed: &Columns) {
        let table = self.table_of(query);
        self.pop_scope();
        self.push_scope(alias.derived(false));
        self.word(" FROM (SELECT ");
        self.passed_on(table, needed);
        self.source(query, alias.derived(false), needed);
        self.order(&query.order);
        self.page(query);
        self.word(") AS ");
        self.alias(alias);
        self.pop_scope();
        self.push_scope(alias);
        self.order(&query.order);
    }

    /// The number of all rows, which is counted only where the page `r` does not show it, and the page.
    pub(super) fn total_beside(&mut self, query: &Query, columns: usize) {
        self.word(") SELECT ");
        if self.is_postgres() {
            self.word("r.*, ");
        } else {
            for _ in 0..columns {
                self.word("NULL, ");
            }
        }
        self.word("c.n FROM (SELECT CASE WHEN k.n < ");
        self.limit_mark(query);
        if query.offset.is_some() {
            self.word(" AND (k.n > 0 OR ");
            self.offset_mark(query);
            self.word(" = 0)");
        }
        self.word(" THEN k.n");
        if query.offset.is_some() {
            self.word(" + ");
            self.offset_mark(query);
        }
        self.word(" ELSE (");
        self.total(query);
        self.word(") END AS n FROM (SELECT count(*) AS n FROM r) AS k) AS c");
        self.by_flavor(" LEFT JOIN r ON TRUE", " UNION ALL SELECT r.*, NULL FROM r");
    }
}
