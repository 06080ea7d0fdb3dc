//! A batch that has collided with others locks the rows that it changes before it changes the first.
//!
//! Two batches that change the same rows in opposite orders wait for each other until the database ends one of them; tried
//! again as they are, they would meet again. In the order of tables and keys the second waits for the first, and no more.

use super::script::Steps;
use super::values::Of;
use crate::backend::Session;
use crate::catalog::TableKind;
use crate::error::Result;
use crate::rules::{Change, Parameter};
use crate::sql::{Changes, Flavor};

impl Steps<'_> {
    /// Locks the rows of all updates and deletes that can be found before anything has happened.
    pub(super) async fn lock_in_order(&self, session: &mut Session) -> Result<()> {
        if self.script.flavor != Flavor::Postgres || self.script.tries < 2 {
            return Ok(());
        }
        let catalog = &self.script.snapshot.catalog;
        let mut locks = Vec::new();
        for plan in &self.script.ready.program.writes {
            let (Change::Update {
                targets, within: None, ..
            }
            | Change::Delete {
                targets, within: None, ..
            }) = &plan.write.change
            else {
                continue;
            };
            if catalog.table(plan.write.table).kind != TableKind::Table {
                continue;
            }
            // What an earlier write gives is not known yet.
            if targets.has_parameter(&|parameter| matches!(parameter, Parameter::Written { .. })) {
                continue;
            }
            let statement = Changes::new(catalog, plan, self.script.flavor).lock(targets);
            // What its condition asks of rows that are written before is not known yet.
            let Ok(values) = self.values(plan, &statement, Of::Nothing) else {
                continue;
            };
            locks.push((plan.write.table.0, format!("{values:?}"), statement, values));
        }
        locks.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        for (_, _, statement, values) in locks {
            session.change(&statement, &[values]).await?;
        }
        Ok(())
    }
}
