//! A whole write as one statement that is a transaction of its own (PostgreSQL): it changes rows, fails where its check does
//! not hold of one of them, and reads them back.

use super::change::{Changes, finish};
use super::render::rendered;
use super::{Feed, Statement, Writer};
use crate::plan::Verdict;
use crate::rules::{Change, Predicate};

impl Changes<'_> {
    /// The write as one statement, for one row or for lists of them; `None` where it takes several.
    #[must_use]
    pub fn single(&self, feed: Feed) -> Option<Statement> {
        let plan = self.plan;
        let formats = plan
            .returning
            .as_ref()
            .map_or_else(Default::default, |plan| plan.formats);
        let mut writer = self.writer_of(formats);
        if !plan.single || !writer.is_postgres() {
            return None;
        }
        let reads = plan.returning.is_some();
        if reads {
            writer.word("WITH w AS (");
        }
        let check = match &plan.write.change {
            Change::Insert { groups, .. } => {
                let group = groups.first()?;
                if feed == Feed::All && self.feed(group) != Feed::All {
                    return None;
                }
                self.insert_into(&mut writer, group, feed, None);
                Some(&group.check)
            }
            _ if feed == Feed::All => return None,
            Change::Update {
                targets,
                within,
                set,
                check,
                ..
            } => {
                self.update_of(&mut writer, targets, within.as_ref(), set);
                Some(check)
            }
            Change::Delete { targets, within, .. } => {
                self.delete_of(&mut writer, targets, within.as_ref());
                None
            }
            Change::Find { .. } | Change::Call => return None,
        };
        if reads {
            writer.word(" RETURNING *");
        }
        if let (Some(check), Some(Verdict::Within)) = (check, plan.checks.first()) {
            writer.word(if reads { ", " } else { " RETURNING " });
            self.must_hold(&mut writer, check);
        }
        let Some(read) = &plan.returning else {
            return Some(finish(writer));
        };
        writer.word(") ");
        writer.of_statement = true;
        Some(rendered(writer, read))
    }

    /// A term that is an error where a check does not hold. It mentions the row, else it would be one before there is any.
    fn must_hold(&self, writer: &mut Writer<'_>, check: &Predicate) {
        let alias = writer.new_alias();
        writer.push_scope(alias);
        writer.word("CASE WHEN ");
        writer.predicate(check);
        writer.word(" THEN '' ELSE pg_catalog.concat('the check does not hold of ', ");
        match self.columns().next() {
            Some(column) => writer.column(0, self.table(), column),
            None => writer.word("pg_catalog.random()"),
        }
        writer.word(")::int4::text END AS \"diglot check\"");
        writer.pop_scope();
    }
}
