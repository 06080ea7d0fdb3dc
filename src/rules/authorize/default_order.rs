//! What rows are ordered by where nothing else decides, so that no answer depends on where rows happen to lie: that
//! changes when a column is updated that the caller may not read, and with what the database chooses to scan.

use super::{Entered, Resolver};
use crate::catalog::{ColumnId, Table, TableKind};
use crate::rules::Term;
use crate::value::Type;

impl Resolver<'_> {
    /// The key; without one that the role may read, another unique key; without one in a table, all columns that the role
    /// may read (rows that are equal in those look the same in any order). A view's rows stand as the view gives them.
    pub(super) fn default_order(&self, entered: &Entered<'_>, key: &[Term]) -> Vec<Term> {
        if !key.is_empty() {
            return key.to_vec();
        }
        let table = self.catalog.table(entered.face.table);
        if table.kind != TableKind::Table {
            return Vec::new();
        }
        let present = |column: &ColumnId| !table.column(*column).nullable;
        let unique = table.uniques.iter().filter(|unique| table.is_unique(&unique.columns));
        unique
            .filter(|unique| unique.columns.iter().all(present))
            .find_map(|unique| {
                let cells = self.cells_of(entered, &unique.columns)?;
                // Null where the caller may not read it, it would not be unique.
                let whole = cells.iter().all(|cell| matches!(cell, Term::Column { .. }));
                whole.then_some(cells)
            })
            .unwrap_or_else(|| {
                let columns = key_first(table);
                columns.filter_map(|column| self.cell(entered, column)).collect()
            })
    }

    /// The cells of columns, if the role may read all of them.
    pub(super) fn cells_of(&self, entered: &Entered<'_>, columns: &[ColumnId]) -> Option<Vec<Term>> {
        columns.iter().map(|column| self.cell(entered, *column)).collect()
    }
}

/// All columns that have an order, those of the primary key first: an index may serve the order as far as they go.
fn key_first(table: &Table) -> impl Iterator<Item = ColumnId> {
    let others = table.column_ids().filter(|column| !table.primary_key.contains(column));
    let ordered = |column: &ColumnId| table.column(*column).data_type != Type::Geometry;
    table.primary_key.iter().copied().chain(others).filter(ordered)
}
