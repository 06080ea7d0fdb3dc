//! How far the convention opens each table, remembered while the schema changes under a server.
//!
//! The convention reads names, and a change of the schema changes names: a table whose owner column is renamed, or the
//! users table under another name, looks like one that is open to anybody. Whoever changes a schema does not think of
//! that; so no table becomes more open while a server runs than it was when it was first seen.

use crate::catalog::{Catalog, Table, TableKind};
use std::collections::{BTreeMap, BTreeSet};

/// How far the convention opens a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    /// To nobody.
    Closed,
    /// To everybody's own rows.
    Own,
    /// To every signed-in caller.
    Shared,
    /// To anybody.
    Open,
}

/// What the convention made of the tables of a schema, and of those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openness {
    tables: BTreeMap<String, Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    width: Width,
    /// It is there now; else it was once.
    present: bool,
    /// A table that could open under another name, unlike a view.
    ordinary: bool,
}

impl Openness {
    /// What is made of a catalog, whose tables would open so far. What was seen `before` stays known, and its limits hold.
    pub(super) fn of(catalog: &Catalog, before: Option<&Openness>, widths: impl Iterator<Item = Width>) -> Self {
        let mut tables = before.map(|before| before.tables.clone()).unwrap_or_default();
        for seen in tables.values_mut() {
            seen.present = false;
        }
        let limits = limits(before, catalog);
        for ((table, width), limit) in catalog.database.tables.iter().zip(widths).zip(limits) {
            let seen = Seen {
                width: limit.map_or(width, |limit| limit.min(width)),
                present: true,
                ordinary: is_ordinary(table),
            };
            tables.insert(label(table), seen);
        }
        Self { tables }
    }
}

/// How far each table of a catalog may open; `None` is any width. One that was not there before may be one that was
/// renamed, if such a table has gone at the same time.
pub(super) fn limits(before: Option<&Openness>, catalog: &Catalog) -> Vec<Option<Width>> {
    let tables = &catalog.database.tables;
    let Some(before) = before else {
        return vec![None; tables.len()];
    };
    let labels: BTreeSet<String> = tables.iter().map(label).collect();
    let gone = before
        .tables
        .iter()
        .filter(|(name, seen)| seen.present && seen.ordinary && seen.width < Width::Open && !labels.contains(*name))
        .map(|(_, seen)| seen.width)
        .min();
    let known = |table: &Table| before.tables.get(&label(table)).map(|seen| seen.width);
    tables.iter().map(|table| known(table).or(gone)).collect()
}

pub(super) fn is_ordinary(table: &Table) -> bool {
    // The rows of a parent are also those of its children, which may belong to somebody.
    !table.system && !table.is_parent && matches!(table.kind, TableKind::Table | TableKind::ForeignTable)
}

fn label(table: &Table) -> String {
    let schema = table.schema.as_ref().map_or("", |schema| schema.as_str());
    // No name of a database holds NUL.
    format!("{schema}\0{}", table.name.as_str())
}
