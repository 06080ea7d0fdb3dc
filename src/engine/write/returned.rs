//! Rows that statements give back: those that are kept for later writes, and those that the caller is told.

use super::super::answer;
use super::script::Steps;
use super::values::Of;
use crate::backend::{Changed, Run, Session};
use crate::error::Result;
use crate::plan::WritePlan;
use crate::sql::Statement;
use crate::value::Datum;

impl Steps<'_> {
    /// Runs a statement whose rows are kept: they claim their place.
    pub(super) async fn held(
        &mut self,
        session: &mut Session,
        statement: &Statement,
        values: &[Vec<Datum>],
    ) -> Result<Changed> {
        let room = &self.script.room;
        let mut changed = session.change_within(statement, values, Some(room)).await?;
        self.claims.push(std::mem::take(&mut changed.claim));
        Ok(changed)
    }

    /// What is told of the rows of a write, where something is.
    pub(super) async fn returned(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
    ) -> Result<Option<bytes::Bytes>> {
        let (Some(statement), Some(read)) = (&self.script.ready.statements[index].returning, &plan.returning) else {
            return Ok(None);
        };
        let values = self.values(plan, statement, Of::Nothing)?;
        let run = Run {
            statement,
            values: &values,
            most: None,
            seal: None,
            room: &self.script.room,
        };
        let rows = session.read(run).await?;
        let body = answer::outcome(&read.answer, &read.query, rows, None).body.whole()?;
        Ok(Some(body))
    }
}
