//! A write that is one statement.

use super::row::rows_of;
use super::script::Script;
use super::values::{Filler, Of};
use super::{Written, answer};
use crate::backend::{Run, Session};
use crate::error::Result;
use crate::rules::Change;
use std::sync::PoisonError;

/// Most rows that are read back by the statement that writes them, where these are more than keys: what is read back and is
/// too much fails when it has happened.
const MOST: usize = 64;

impl Script {
    /// Runs it; whether it is done. Where it is not, nothing has happened.
    pub(super) async fn once(&mut self, session: &mut Session) -> Result<bool> {
        let ready = std::sync::Arc::clone(&self.ready);
        let (Some((one, many)), [plan]) = (&ready.single, ready.program.writes.as_slice()) else {
            return Ok(false);
        };
        let binder = self.binder();
        let filler = Filler {
            binder: &binder,
            face: self.snapshot.catalog.faces.get(plan.write.face.0 as usize),
            kept: &[],
        };
        let rows = match &plan.write.change {
            Change::Insert { groups, .. } => match groups.first() {
                Some(group) => Some(rows_of(self.batch.values.get(group.rows))?),
                None => return Ok(false),
            },
            _ => None,
        };
        let (statement, values) = match rows.as_deref() {
            None => (one, filler.values(one.marks(), Of::Nothing)?),
            Some([row]) => (one, filler.values(one.marks(), Of::Row(row))?),
            Some(rows) => match many {
                Some(many)
                    if !rows.is_empty() && (plan.returning.is_none() || rows.len() <= MOST || reads_keys(plan)) =>
                {
                    (many, filler.values(many.marks(), Of::Rows(rows))?)
                }
                _ => return Ok(false),
            },
        };
        let mut written = Written::default();
        if let Some(read) = &plan.returning {
            let run = Run {
                statement,
                values: &values,
                most: None,
                seal: None,
                room: &self.room,
            };
            let found = session.read(run).await?;
            written.body = Some(answer::outcome(&read.answer, &read.query, found, None).body.whole()?);
        } else {
            written.count = session.change(statement, &[values]).await?.count;
        }
        if let Some(rows) = &rows {
            written.count = rows.len() as u64;
            written.created = written.count;
        }
        if written.count == 0 && plan.write.strict.is_some() {
            // Why no row was found is looked for.
            return Ok(false);
        }
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = vec![written];
        Ok(true)
    }
}

/// Whether no more than the keys of the rows is read back.
fn reads_keys(plan: &crate::plan::WritePlan) -> bool {
    plan.returning
        .as_ref()
        .is_some_and(|read| read.query.width() <= plan.write.key.max(1))
}
