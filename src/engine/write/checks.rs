//! Checks that a statement of their own makes: they speak of other rows, or triggers may have changed what was written.

use super::row::{GroupRun, is_of_row, number, place_of};
use super::script::Steps;
use super::values::Of;
use crate::backend::Session;
use crate::error::{Error, Result};
use crate::plan::WritePlan;
use crate::sql::{Feed, Statement};
use crate::value::Value;

impl Steps<'_> {
    /// Checks rows of a group that speak of other rows, or that triggers may have changed.
    pub(super) async fn failing_rows(
        &mut self,
        session: &mut Session,
        run: &GroupRun<'_>,
        failing: Option<&Statement>,
        rows: &[&[Value]],
        chosen: &[usize],
    ) -> Result<()> {
        let Some(failing) = failing else { return Ok(()) };
        if run.statements.feed == Feed::All || !failing.marks().iter().any(|mark| is_of_row(&mark.source)) {
            let checked = self.failing(session, run.plan, Some(failing), Of::Nothing, "new").await;
            // What is counted there is what is kept.
            return checked.map_err(|error| Error {
                row: error.row.and_then(|kept| {
                    let (place, _) = self.kept[run.index].0.get(kept)?;
                    (0..rows.len()).find(|row| place_of(rows[*row], *row) == *place)
                }),
                ..error
            });
        }
        // Each row with what was sent for it.
        let all = std::mem::take(&mut self.kept[run.index].0);
        for row in chosen {
            let place = place_of(rows[*row], *row);
            let own = all.iter().filter(|(own, _)| *own == place).cloned().collect();
            self.kept[run.index].0 = own;
            let checked = self
                .failing(session, run.plan, Some(failing), Of::Row(rows[*row]), "new")
                .await;
            checked.map_err(|error| Error {
                row: Some(*row),
                ..error
            })?;
        }
        self.kept[run.index].0 = all;
        Ok(())
    }

    pub(super) async fn failing(
        &mut self,
        session: &mut Session,
        plan: &WritePlan,
        failing: Option<&Statement>,
        of: Of<'_>,
        what: &str,
    ) -> Result<()> {
        let Some(failing) = failing else { return Ok(()) };
        let values = self.values(plan, failing, of)?;
        let found = session.change(failing, &[values]).await?;
        match found.rows.first() {
            None => Ok(()),
            Some((_, row)) => {
                let place = number(row.first()).and_then(|place| usize::try_from(place).ok());
                let error = self.check_failed(plan, what);
                Err(match place {
                    Some(place) if what == "new" => error.at_row(place),
                    _ => error,
                })
            }
        }
    }
}
