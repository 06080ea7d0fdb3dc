//! Planned writes → statements that change rows, that look what they would meet, and that check what they left.
//!
//! What these statements return is no answer: each row is what is kept of a changed row, its number where rows are found by
//! that, and the verdict of the check where it is made within. On PostgreSQL every column comes as text.

use super::layout::Shape;
use super::stored::Missing;
use super::writer::Alias;
use super::{Flavor, Statement, Writer};
use crate::catalog::{Catalog, Column, ColumnId, TableId};
use crate::plan::{Verdict, WritePlan};
use crate::request::Formats;
use crate::rules::{Change, Conflict, Group, Parameter, Predicate, Term, Within};

/// How the rows of a group are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The statement runs once for each row.
    Each,
    /// It runs once, with a list for each column (PostgreSQL).
    All,
}

/// A table's key, where rows are found by the database's own number, in [`Parameter::Written`].
pub const ROW_NUMBER: u16 = u16::MAX;

/// Writes the statements of one planned write.
pub struct Changes<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) plan: &'a WritePlan,
    flavor: Flavor,
}

impl<'a> Changes<'a> {
    /// For one planned write.
    #[must_use]
    pub fn new(catalog: &'a Catalog, plan: &'a WritePlan, flavor: Flavor) -> Self {
        Self { catalog, plan, flavor }
    }

    /// How a group's rows are written: all at once where the database can take them so, and where no check asks what was
    /// sent (a row, once written, no longer knows it).
    #[must_use]
    pub fn feed(&self, group: &Group) -> Feed {
        let asks = |check: &Predicate| mentions_rows(check);
        // Which rows were left out is not told, and it matters where the others are read back, and to who might not have
        // created them.
        let ignore = matches!(
            &self.plan.write.change,
            Change::Insert {
                conflict: Some(Conflict::Ignore { .. }),
                ..
            }
        );
        let sends = group.columns.iter().any(|(_, value)| is_of_row(value));
        // What is computed from a row's values takes them one by one.
        let computes = |(_, value): &(ColumnId, Term)| !is_of_row(value) && value.has_parameter(&is_sent_for_a_row);
        if self.flavor == Flavor::Sqlite
            || self.plan.by_trigger
            || !sends
            || group.columns.iter().chain(&group.set).any(computes)
            || (ignore && (self.plan.keeps || group.check != Predicate::TRUE))
            || asks(&group.check)
            || asks(&group.set_check)
            || asks(&group.allowed)
        {
            Feed::Each
        } else {
            Feed::All
        }
    }

    /// New rows of a group. With `All`, and where rows may be left out, the first column returned is the row's place.
    #[must_use]
    pub fn insert(&self, group: &Group, verdict: Verdict, ignore: Option<&[ColumnId]>) -> Statement {
        let mut writer = self.writer();
        self.insert_into(&mut writer, group, self.feed(group), ignore);
        self.returning(&mut writer, verdict, &group.check, false);
        finish(writer)
    }

    /// `INSERT INTO …`, up to what it returns.
    pub(super) fn insert_into(&self, writer: &mut Writer<'_>, group: &Group, feed: Feed, ignore: Option<&[ColumnId]>) {
        let table = self.plan.write.table;
        writer.word("INSERT INTO ");
        writer.table(table);
        if writer.is_postgres() {
            writer.word(" AS t0");
        }
        if group.columns.is_empty() {
            writer.word(" DEFAULT VALUES");
        } else {
            writer.word(" (");
            for (index, (column, _)) in group.columns.iter().enumerate() {
                writer.comma(index);
                writer.bare_column(table, *column);
            }
            match feed {
                Feed::Each => {
                    writer.word(") VALUES (");
                    for (index, (column, value)) in group.columns.iter().enumerate() {
                        writer.comma(index);
                        writer.stored_in_row(table, *column, value);
                    }
                    writer.word(")");
                }
                Feed::All => {
                    writer.word(") SELECT ");
                    for (index, (column, value)) in group.columns.iter().enumerate() {
                        writer.comma(index);
                        writer.stored_of_source(table, *column, value);
                    }
                    writer.word(" FROM ");
                    writer.source_rows(table, group.columns.iter());
                    writer.word(" ORDER BY s.o");
                }
            }
        }
        if let Some(key) = ignore {
            writer.word(" ON CONFLICT ");
            for (index, column) in key.iter().enumerate() {
                writer.word(if index == 0 { "(" } else { ", " });
                writer.bare_column(table, *column);
            }
            writer.word(if key.is_empty() { "DO NOTHING" } else { ") DO NOTHING" });
        }
    }

    /// Changes the targets of an update.
    #[must_use]
    pub fn update(
        &self,
        targets: &Predicate,
        within: Option<&Within>,
        set: &[(ColumnId, Term)],
        verdict: Verdict,
        check: &Predicate,
    ) -> Statement {
        let mut writer = self.writer();
        self.update_of(&mut writer, targets, within, set);
        self.returning(&mut writer, verdict, check, false);
        finish(writer)
    }

    /// `UPDATE … SET … WHERE …`, up to what it returns.
    pub(super) fn update_of(
        &self,
        writer: &mut Writer<'_>,
        targets: &Predicate,
        within: Option<&Within>,
        set: &[(ColumnId, Term)],
    ) {
        self.setting(writer, set, Feed::Each);
        self.only(writer, targets, within);
        writer.pop_scope();
    }

    /// Deletes the targets.
    #[must_use]
    pub fn delete(&self, targets: &Predicate, within: Option<&Within>) -> Statement {
        let mut writer = self.writer();
        self.delete_of(&mut writer, targets, within);
        finish(writer)
    }

    pub(super) fn delete_of(&self, writer: &mut Writer<'_>, targets: &Predicate, within: Option<&Within>) {
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("DELETE FROM ");
        writer.table(self.plan.write.table);
        writer.word(" AS ");
        writer.alias(alias);
        self.only(writer, targets, within);
        writer.pop_scope();
    }

    /// What is kept of the targets of a delete, which are read back before they go.
    #[must_use]
    pub fn targets(&self, targets: &Predicate, within: Option<&Within>) -> Statement {
        let (mut writer, alias) = self.selected(targets, within);
        // What triggers show of rows may not be lockable; there the transaction is serializable.
        if writer.is_postgres() && !self.plan.by_trigger {
            writer.word(" FOR UPDATE OF ");
            writer.alias(alias);
        }
        writer.pop_scope();
        finish(writer)
    }

    /// Locks the targets of a change in the order of their keys (PostgreSQL).
    #[must_use]
    pub fn lock(&self, targets: &Predicate) -> Statement {
        let (mut writer, alias) = self.selected(targets, None);
        let key = &self.catalog.table(self.plan.write.table).primary_key;
        self.locked(&mut writer, key, alias);
        writer.pop_scope();
        finish(writer)
    }

    /// Always in the order of their keys: two who want the same rows wait for each other, and do not block.
    pub(super) fn locked(&self, writer: &mut Writer<'_>, key: &[ColumnId], alias: Alias) {
        for (index, column) in key.iter().enumerate() {
            writer.word(if index == 0 { " ORDER BY " } else { ", " });
            writer.column(0, self.plan.write.table, *column);
        }
        writer.word(" FOR UPDATE OF ");
        writer.alias(alias);
    }

    /// What is kept of rows that are looked up; of at most two where it must be one.
    #[must_use]
    pub fn find(&self, targets: &Predicate, within: Option<&Within>, one: bool) -> Statement {
        let (mut writer, _) = self.selected(targets, within);
        if one {
            writer.word(" LIMIT 2");
        }
        writer.pop_scope();
        finish(writer)
    }

    /// Deletes the rows that were kept.
    #[must_use]
    pub fn delete_kept(&self, write: u16, targets: &Predicate) -> Statement {
        let mut writer = self.writer();
        let table = self.plan.write.table;
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("DELETE FROM ");
        writer.table(table);
        // SQLite knows a view's columns by their bare names alone.
        let bare = self.plan.by_trigger && !writer.is_postgres();
        if !bare {
            writer.word(" AS ");
            writer.alias(alias);
        }
        writer.word(" WHERE (");
        let key = self.key();
        writer.key_columns(table, &key, (!bare).then_some(alias));
        writer.word(") IN (SELECT ");
        writer.written_key(table, &key);
        writer.word(" FROM ");
        writer.written(write, table, &key);
        writer.word(")");
        if !bare && !key.is_empty() && !self.catalog.table(table).is_unique(&key) {
            // A key of the configuration may be that of rows which the caller may not delete.
            writer.word(" AND (");
            writer.predicate(targets);
            writer.word(")");
        }
        writer.pop_scope();
        finish(writer)
    }

    /// The place of the first of the written rows of which a check does not hold. Of a row that is not found again (a trigger
    /// has moved it away, or the view does not show it) nothing holds.
    #[must_use]
    pub fn failing(&self, write: u16, check: &Predicate) -> Statement {
        let mut writer = self.writer();
        let table = self.plan.write.table;
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.by_flavor("SELECT (k.o - 1)::text FROM ", "SELECT k.key FROM ");
        let key = self.key();
        writer.written_rows(write, table, &key, alias, Missing::AsNulls);
        writer.word(" WHERE (");
        writer.predicate(check);
        writer.word(") IS NOT TRUE OR ");
        match key.first() {
            Some(column) => writer.aliased(alias, table, *column),
            None => writer.row_number(table, Some(alias)),
        }
        writer.word(" IS NULL");
        writer.by_flavor(" ORDER BY k.o LIMIT 1", " ORDER BY k.key LIMIT 1");
        writer.pop_scope();
        finish(writer)
    }

    /// The places of those of the rows that were kept which are there.
    #[must_use]
    pub fn standing(&self, write: u16) -> Statement {
        let mut writer = self.writer();
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.by_flavor("SELECT (k.o - 1)::text FROM ", "SELECT k.key FROM ");
        writer.written_rows(write, self.plan.write.table, &self.key(), alias, Missing::LeftOut);
        writer.pop_scope();
        finish(writer)
    }

    /// How many rows a change is for.
    #[must_use]
    pub fn count(&self, targets: &Predicate, within: Option<&Within>) -> Statement {
        let mut writer = self.writer();
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.by_flavor("SELECT count(*)::text FROM ", "SELECT count(*) FROM ");
        writer.table(self.plan.write.table);
        writer.word(" AS ");
        writer.alias(alias);
        self.only(&mut writer, targets, within);
        writer.pop_scope();
        finish(writer)
    }

    /// A row where any row of a condition exists.
    #[must_use]
    pub fn exists(&self, condition: &Predicate, within: Option<&Within>) -> Statement {
        let mut writer = self.writer();
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.by_flavor("SELECT '1' FROM ", "SELECT 1 FROM ");
        writer.table(self.plan.write.table);
        writer.word(" AS ");
        writer.alias(alias);
        self.only(&mut writer, condition, within);
        writer.word(" LIMIT 1");
        writer.pop_scope();
        finish(writer)
    }

    /// `UPDATE … SET …`, with the row in scope.
    pub(super) fn setting(&self, writer: &mut Writer<'_>, set: &[(ColumnId, Term)], feed: Feed) {
        let table = self.plan.write.table;
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("UPDATE ");
        writer.table(table);
        writer.word(" AS ");
        writer.alias(alias);
        writer.word(" SET ");
        for (index, (column, value)) in set.iter().enumerate() {
            writer.comma(index);
            writer.bare_column(table, *column);
            writer.word(" = ");
            match feed {
                Feed::Each => writer.stored_in_row(table, *column, value),
                Feed::All => writer.stored_of_source(table, *column, value),
            }
        }
    }

    /// `SELECT` what is kept of the rows that a change is for, with the row in scope.
    fn selected(&self, targets: &Predicate, within: Option<&Within>) -> (Writer<'a>, Alias) {
        let mut writer = self.writer();
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("SELECT ");
        self.kept(&mut writer, alias);
        writer.word(" FROM ");
        writer.table(self.plan.write.table);
        writer.word(" AS ");
        writer.alias(alias);
        self.only(&mut writer, targets, within);
        (writer, alias)
    }

    pub(super) fn writer(&self) -> Writer<'a> {
        self.writer_of(Formats::default())
    }

    pub(super) fn writer_of(&self, formats: Formats) -> Writer<'a> {
        Writer::new(self.catalog, self.flavor, formats, false)
    }

    /// How many columns are kept.
    #[must_use]
    pub fn kept_count(&self) -> usize {
        self.plan.write.kept.len() + usize::from(self.plan.by_number)
    }

    pub(super) fn table(&self) -> TableId {
        self.plan.write.table
    }

    pub(super) fn column(&self, column: ColumnId) -> &Column {
        self.catalog.table(self.table()).column(column)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = ColumnId> + use<> {
        self.catalog.table(self.table()).column_ids()
    }

    fn key(&self) -> Vec<ColumnId> {
        if self.plan.by_number {
            return Vec::new();
        }
        self.plan.write.kept[..self.plan.write.key].to_vec()
    }

    /// `WHERE …` for the rows that a change is for.
    pub(super) fn only(&self, writer: &mut Writer<'_>, targets: &Predicate, within: Option<&Within>) {
        writer.word(" WHERE ");
        let bracket = within.is_some() && matches!(targets, Predicate::Or(_));
        if bracket {
            writer.word("(");
        }
        writer.predicate(targets);
        if bracket {
            writer.word(")");
        }
        let Some(within) = within else { return };
        if within.columns.len() > 1 {
            // Together they are those of one row.
            let table = self.plan.write.table;
            for (index, column) in within.columns.iter().enumerate() {
                writer.word(if index == 0 { " AND (" } else { ", " });
                writer.column(0, table, *column);
            }
            writer.word(") IN (SELECT ");
            writer.written_key(table, &within.columns);
            writer.word(" FROM ");
            let types = within
                .columns
                .iter()
                .map(|column| self.catalog.table(table).column(*column).data_type.clone());
            writer.written_columns(within.write, &within.kept, &types.collect::<Vec<_>>());
            writer.word(")");
            return;
        }
        for (column, kept) in within.columns.iter().zip(&within.kept) {
            let table = self.plan.write.table;
            let data_type = &self.catalog.table(table).column(*column).data_type;
            let condition = Predicate::Compare {
                left: Term::Column {
                    scope: 0,
                    table,
                    column: *column,
                },
                comparison: crate::request::Comparison::In,
                right: Term::Parameter {
                    source: Parameter::Written {
                        write: within.write,
                        kept: *kept,
                    },
                    data_type: data_type.clone(),
                    list: true,
                },
            };
            writer.word(" AND ");
            writer.predicate(&condition);
        }
    }

    /// What is kept of the row in scope, and its number, without a comma before or after.
    pub(super) fn kept(&self, writer: &mut Writer<'_>, alias: Alias) {
        let table = self.plan.write.table;
        for (index, column) in self.plan.write.kept.iter().enumerate() {
            writer.comma(index);
            writer.column(0, table, *column);
            writer.by_flavor("::text", "");
        }
        if self.plan.by_number {
            writer.comma(self.plan.write.kept.len());
            writer.row_number(table, Some(alias));
            writer.by_flavor("::text", "");
        }
    }

    /// `RETURNING …`, where anything is wanted of the rows.
    pub(super) fn returning(&self, writer: &mut Writer<'_>, verdict: Verdict, check: &Predicate, place: bool) {
        let table = self.plan.write.table;
        // SQLite knows the row by its table alone, whatever the statement calls it.
        let named = writer.is_postgres().then(|| writer.new_alias());
        match named {
            Some(alias) => writer.push_scope(alias),
            None => writer.push_bare_scope(),
        }
        let mut count = 0;
        let next = |writer: &mut Writer<'_>, count: &mut usize| {
            writer.word(if *count == 0 { " RETURNING " } else { ", " });
            *count += 1;
        };
        if place {
            next(writer, &mut count);
            writer.word("(s.o - 1)::text");
        }
        if self.plan.keeps {
            for column in &self.plan.write.kept {
                next(writer, &mut count);
                writer.column(0, table, *column);
                writer.by_flavor("::text", "");
            }
            if self.plan.by_number {
                next(writer, &mut count);
                writer.row_number(table, named);
                writer.by_flavor("::text", "");
            }
        }
        if verdict == Verdict::Within {
            next(writer, &mut count);
            writer.word("CASE WHEN ");
            writer.predicate(check);
            writer.by_flavor(" THEN '1' ELSE '0' END", " THEN 1 ELSE 0 END");
        }
        writer.pop_scope();
    }
}

pub(super) fn finish(writer: Writer<'_>) -> Statement {
    let long_calls = writer.long_calls;
    let (text, marks) = writer.finish();
    Statement::new(text, marks, Shape::default(), long_calls)
}

/// Whether a value is one that was sent for a row.
pub(super) fn is_of_row(value: &Term) -> bool {
    matches!(
        value,
        Term::Parameter { source, .. } if is_sent_for_a_row(source)
    )
}

fn is_sent_for_a_row(source: &Parameter) -> bool {
    matches!(source, Parameter::Row(..) | Parameter::Linked { .. })
}

/// Whether a condition speaks of what was sent.
fn mentions_rows(condition: &Predicate) -> bool {
    condition.has_parameter(&is_sent_for_a_row)
}
