//! Rows that stand and that new ones meet: looked for, and changed.

use super::change::{Changes, Feed, finish, is_of_row};
use super::{Statement, Writer};
use crate::catalog::ColumnId;
use crate::plan::Verdict;
use crate::rules::{Group, Predicate, Term};

impl Changes<'_> {
    /// The rows that new ones of a group meet: for each its place, what is kept of it, and whether it may be changed (1),
    /// should stay as it is (2), may only be read (3), or is unknown to the caller (0).
    #[must_use]
    pub fn met(&self, group: &Group, key: &[ColumnId]) -> Statement {
        let mut writer = self.writer();
        let table = self.plan.write.table;
        let feed = self.feed(group);
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("SELECT ");
        if feed == Feed::All {
            writer.word("(s.o - 1)::text, ");
        }
        self.kept(&mut writer, alias);
        if self.kept_count() > 0 {
            writer.word(", ");
        }
        writer.word("CASE WHEN ");
        writer.predicate(&group.allowed);
        writer.word(" THEN CASE WHEN ");
        writer.predicate(&group.wanted);
        writer.by_flavor(" THEN '1' ELSE '2' END", " THEN 1 ELSE 2 END");
        if group.readable != Predicate::FALSE {
            writer.word(" WHEN ");
            writer.predicate(&group.readable);
            writer.by_flavor(" THEN '3'", " THEN 3");
        }
        writer.by_flavor(" ELSE '0' END", " ELSE 0 END");
        writer.word(" FROM ");
        if feed == Feed::All {
            writer.source_rows(table, group.columns.iter());
            writer.word(" JOIN ");
        }
        writer.table(table);
        writer.word(" AS ");
        writer.alias(alias);
        writer.word(if feed == Feed::All { " ON " } else { " WHERE " });
        self.same_key(&mut writer, group, key, feed);
        if writer.is_postgres() && !self.plan.by_trigger {
            // Nobody may change it in between.
            self.locked(&mut writer, if feed == Feed::All { key } else { &[] }, alias);
        }
        writer.pop_scope();
        finish(writer)
    }

    /// Changes the rows that new ones of a group have met. With `All` the first column returned is the row's place.
    #[must_use]
    pub fn change_met(&self, group: &Group, key: &[ColumnId], verdict: Verdict) -> Statement {
        let mut writer = self.writer();
        let table = self.plan.write.table;
        let feed = self.feed(group);
        self.setting(&mut writer, &group.set, feed);
        if feed == Feed::All {
            writer.word(" FROM ");
            // Some columns of rows that are met get what was sent, where new ones get what a rule says.
            let is_sent = |(column, _): &&(ColumnId, Term)| {
                let sent = |(own, value): &(ColumnId, Term)| own == column && is_of_row(value);
                !group.columns.iter().any(sent)
            };
            writer.source_rows(table, group.columns.iter().chain(group.set.iter().filter(is_sent)));
        }
        writer.word(" WHERE ");
        self.same_key(&mut writer, group, key, feed);
        writer.pop_scope();
        self.returning(&mut writer, verdict, &group.set_check, feed == Feed::All);
        finish(writer)
    }

    pub(super) fn same_key(&self, writer: &mut Writer<'_>, group: &Group, key: &[ColumnId], feed: Feed) {
        let table = self.plan.write.table;
        for (index, column) in key.iter().enumerate() {
            if index > 0 {
                writer.word(" AND ");
            }
            writer.column(0, table, *column);
            writer.word(" = ");
            match group.columns.iter().find(|(own, _)| own == column) {
                Some((_, value)) if feed == Feed::All => writer.stored_of_source(table, *column, value),
                Some((_, value)) => writer.stored(table, *column, value),
                // What was not sent meets nothing.
                None => writer.word("NULL"),
            }
        }
    }
}
