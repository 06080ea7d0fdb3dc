//! A write that is one statement.

use super::ready::Ready;
use super::row::rows_of;
use super::script::Script;
use super::values::{Filler, Of};
use super::{Written, answer};
use crate::backend::{Run, Session};
use crate::error::Result;
use crate::rules::Change;
use crate::sql::Statement;
use crate::value::Value;
use std::sync::PoisonError;

/// Most rows that are read back by the statement that writes them, where these are more than keys: what is read back and is
/// too much fails when it has happened.
const MOST: usize = 64;

impl Script {
    /// Runs it; whether it is done. Where it is not, nothing has happened.
    pub(super) async fn once(&mut self, session: &mut Session) -> Result<bool> {
        let ready = std::sync::Arc::clone(&self.ready);
        let [plan] = ready.program.writes.as_slice() else {
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
        let Some(statement) = chosen(&ready, rows.as_deref()) else {
            return Ok(false);
        };
        let values = filler.values(statement.marks(), of(rows.as_deref()))?;
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

/// The statement that does the whole for these new rows (`None`: it makes none), where there is one.
pub(super) fn chosen<'r>(ready: &'r Ready, rows: Option<&[&[Value]]>) -> Option<&'r Statement> {
    let ((one, many), [plan]) = (ready.single.as_ref()?, ready.program.writes.as_slice()) else {
        return None;
    };
    match rows {
        None | Some([_]) => Some(one),
        Some([]) => None,
        Some(rows) => {
            let fits = plan.returning.is_none() || rows.len() <= MOST || reads_keys(plan);
            many.as_ref().filter(|_| fits)
        }
    }
}

/// What that statement is about.
pub(super) fn of<'r>(rows: Option<&'r [&'r [Value]]>) -> Of<'r> {
    match rows {
        None => Of::Nothing,
        Some([row]) => Of::Row(row),
        Some(rows) => Of::Rows(rows),
    }
}

/// Whether no more than the keys of the rows is read back.
fn reads_keys(plan: &crate::plan::WritePlan) -> bool {
    plan.returning
        .as_ref()
        .is_some_and(|read| read.query.width() <= plan.write.key.max(1))
}
