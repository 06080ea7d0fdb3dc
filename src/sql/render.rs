//! A whole plan → one statement.

use super::layout::{Layout, Shape};
use super::nested::List;
use super::{Flavor, Statement, Writer, page};
use crate::catalog::Catalog;
use crate::plan::{Body, Plan, Query};
use crate::rules::{From, Predicate};

/// How far values are trusted to be what their columns say (SQLite).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// They are; built JSON takes them as they are.
    Quick,
    /// Some are not: every value in built JSON goes through the row writer's own code.
    Careful,
}

/// Renders a plan. The text depends on nothing but the plan: equal plans have equal texts.
#[must_use]
pub fn render(catalog: &Catalog, plan: &Plan, flavor: Flavor, care: Care) -> Statement {
    let writer = Writer::new(catalog, flavor, plan.formats, care == Care::Careful);
    rendered(writer, plan)
}

/// Renders a plan behind what has been written so far.
pub(super) fn rendered(mut writer: Writer<'_>, plan: &Plan) -> Statement {
    let query = &plan.query;
    let mut list = List::default();
    let mut total = None;
    let mut present = None;
    let joined = query.total && writer.is_postgres();
    let proven = page::may_prove_total(query);
    if proven {
        writer.by_flavor("WITH r AS (", "WITH r AS MATERIALIZED (");
    } else if joined {
        writer.word("SELECT r.*, c.n FROM (");
        writer.total(query);
        writer.word(") AS c LEFT JOIN (");
    }
    let alias = writer
        .new_alias()
        .derived(query.distinct > 0 || writer.is_cut_first(query));
    writer.push_scope(alias);
    writer.word("SELECT ");
    if query.total {
        present = Some(list.next(&mut writer));
        writer.word("1 AS p");
    }
    let outputs: Vec<Layout> = match &query.body {
        Body::Lists(lists) => lists.iter().map(|members| writer.members(&mut list, members)).collect(),
        _ => vec![writer.body(&mut list, query)],
    };
    let cursor = if query.cursor {
        writer.cursor_columns(&mut list, query)
    } else {
        Vec::new()
    };
    if list.count == 0 {
        list.next(&mut writer);
        writer.word("1");
    }
    writer.in_derived_table = query.total;
    writer.tail(query, alias);
    writer.in_derived_table = false;
    if writer.is_postgres() && is_whole(query) {
        // Planned as for a cursor, whose first rows count: along the key's index, without a sort of everything first.
        writer.word(" LIMIT (SELECT 9223372036854775807)");
    }
    writer.pop_scope();
    if query.total {
        total = Some(list.count);
        if proven {
            writer.total_beside(query, list.count);
        } else if joined {
            writer.word(") AS r ON TRUE");
        } else {
            total_first(&mut writer, query, list.count);
        }
    }
    let long_calls = writer.long_calls;
    let (text, marks) = writer.finish();
    let shape = Shape {
        outputs,
        total,
        present,
        cursor,
        reversed: query.reversed,
    };
    Statement::new(text, marks, shape, long_calls)
}

/// Whether every row of a table is asked for. (Where a condition leaves few of them, a sort of those is sooner done than a
/// walk along an index past all others.)
fn is_whole(query: &Query) -> bool {
    let conditions = [&query.predicate, &query.keyset];
    matches!(query.body, Body::Rows(_))
        && matches!(query.from, From::Table(_))
        && conditions.iter().all(|condition| **condition == Predicate::TRUE)
        && query.limit.is_none()
        && query.offset.is_none()
        && query.distinct == 0
        && !query.order.is_empty()
        && !query.total
}

/// SQLite: the number of all rows is a row of its own, and the page follows. (The right side of a join would be kept in
/// memory as a whole before its first row comes.)
fn total_first(writer: &mut Writer<'_>, query: &Query, columns: usize) {
    let page = writer.take();
    writer.word("SELECT ");
    for _ in 0..columns {
        writer.word("NULL, ");
    }
    writer.word("c.n FROM (");
    writer.total(query);
    writer.word(") AS c UNION ALL SELECT r.*, NULL FROM (");
    writer.put(&page);
    writer.word(") AS r");
}
