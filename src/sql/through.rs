//! Statements that write through triggers in place of a view, one row at a time.
//!
//! What such a statement returns is what was sent to the trigger and not what it made of that. So rows are told apart by the
//! view's key, before and after, and read again from the view.

use super::change::{Changes, finish};
use super::{Feed, Form, Statement, Writer};
use crate::catalog::{ColumnId, DatabaseKind};
use crate::rules::{Group, Parameter, Term};
use crate::value::Type;

impl Changes<'_> {
    /// Changes the one row that is kept.
    #[must_use]
    pub fn change_kept(&self, write: u16, set: &[(ColumnId, Term)]) -> Statement {
        let mut writer = self.writer();
        self.setting(&mut writer, set, Feed::Each);
        // In the condition SQLite knows a view's columns by their bare names alone.
        writer.pop_scope();
        writer.push_bare_scope();
        self.is_kept(&mut writer, write, " = ");
        writer.pop_scope();
        finish(writer)
    }

    /// What is kept of the row with the key that is kept, as it is now: of two where the key is not one.
    #[must_use]
    pub fn settled(&self, write: u16) -> Statement {
        self.looked_up(|writer| self.is_kept(writer, write, " = "))
    }

    /// A row where one with the key of a new one of a group stands; `None` where the key was not sent.
    #[must_use]
    pub fn taken(&self, group: &Group) -> Option<Statement> {
        let key = &self.plan.write.kept[..self.plan.write.key];
        let is_sent = |column: &ColumnId| group.columns.iter().any(|(own, _)| own == column);
        (!key.is_empty() && key.iter().all(is_sent)).then(|| {
            self.looked_up(|writer| {
                writer.word(" WHERE ");
                self.same_key(writer, group, key, Feed::Each);
            })
        })
    }

    /// Where the database numbers rows (SQLite): the largest number that there is, and what is kept of the rows above the one
    /// that is kept, which are new.
    #[must_use]
    pub fn numbered(&self, write: u16) -> Option<(Statement, Statement)> {
        let table = self.catalog.table(self.table());
        let [key] = self.plan.write.kept.get(..self.plan.write.key)? else {
            return None;
        };
        // Elsewhere others may number rows in between.
        let is_numbered = self.catalog.database.kind == DatabaseKind::Sqlite
            && matches!(table.column(*key).data_type, Type::Integer(_));
        is_numbered.then(|| {
            let mut writer = self.writer();
            let alias = writer.new_alias();
            writer.word("SELECT max(");
            writer.aliased(alias, self.table(), *key);
            writer.word(") FROM ");
            writer.table(self.table());
            writer.word(" AS ");
            writer.alias(alias);
            let above = self.looked_up(|writer| self.is_kept(writer, write, " > "));
            (finish(writer), above)
        })
    }

    /// What is kept of at most two rows.
    fn looked_up(&self, condition: impl FnOnce(&mut Writer<'_>)) -> Statement {
        let mut writer = self.writer();
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("SELECT ");
        self.kept(&mut writer, alias);
        writer.word(" FROM ");
        writer.table(self.table());
        writer.word(" AS ");
        writer.alias(alias);
        condition(&mut writer);
        writer.word(" LIMIT 2");
        writer.pop_scope();
        finish(writer)
    }

    /// `WHERE …`: the row in scope beside the key of the one that is kept.
    fn is_kept(&self, writer: &mut Writer<'_>, write: u16, comparison: &'static str) {
        let table = self.table();
        let key = &self.plan.write.kept[..self.plan.write.key];
        for (kept, column) in (0..).zip(key) {
            writer.word(if kept == 0 { " WHERE " } else { " AND " });
            writer.column(0, table, *column);
            writer.word(comparison);
            let source = Parameter::Written { write, kept };
            let data_type = self.column(*column).data_type.clone();
            writer.mark(&source, &data_type, false, Form::Plain);
        }
    }
}
