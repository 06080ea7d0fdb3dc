//! Rows that are written through triggers in place of a view.
//!
//! The database says neither how many rows a trigger has written nor which: what it returns is what was sent. So each row
//! goes by itself. One that is to be changed must be the only one of its key, and afterwards what is checked and read back is
//! the row of that key. A new one must have been sent with a key that no row had, or get a number above all others; then
//! the row that has it afterwards is the new one. Where neither can be told, all is undone.

use super::ready::Through;
use super::row::{Fed, Portion, lost};
use super::script::Steps;
use super::values::Of;
use crate::backend::{Changed, Session};
use crate::catalog::ColumnId;
use crate::error::{Code, Error, Kind, Result};
use crate::plan::WritePlan;
use crate::sql::{Flavor, Statement};
use crate::value::{Datum, Value};

/// What is kept of a row.
type Row = Vec<Datum>;

impl Steps<'_> {
    /// Creates rows of a group, or changes those that they meet.
    pub(super) async fn through(&mut self, session: &mut Session, portion: Portion<'_>) -> Result<Fed> {
        let run = portion.run;
        let through = run.statements.through.as_ref().ok_or_else(lost)?;
        let is_insert = std::ptr::eq(portion.statement, &run.statements.insert);
        let mut fed = Fed {
            rows: Vec::with_capacity(portion.chosen.len()),
            count: 0,
        };
        for row in portion.chosen {
            let sent = portion.rows[*row];
            let done = if is_insert {
                self.created(session, run.index, run.plan, (through, portion.statement), sent)
                    .await
            } else {
                let standing = portion.standing.iter().find(|(own, _)| own == row);
                let standing = standing.map(|(_, values)| values.clone()).ok_or_else(lost)?;
                let of = Of::Row(sent);
                self.changed_one(
                    session,
                    run.index,
                    run.plan,
                    (through, portion.statement),
                    (standing, of),
                )
                .await
            };
            let placed = |error: Error| Error {
                row: Some(*row),
                ..error
            };
            let Some(kept) = done.map_err(placed)? else {
                continue;
            };
            fed.count += 1;
            fed.rows.extend(kept.map(|kept| (*row, kept)));
        }
        Ok(fed)
    }

    /// Changes the targets of an update, those that triggers keep as they are apart.
    pub(super) async fn changed_through(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        through: &Through,
        targets: Changed,
    ) -> Result<Changed> {
        let change = through.change.as_ref().ok_or_else(lost)?;
        let mut changed = Changed::default();
        for (_, target) in targets.rows {
            let done = self.changed_one(session, index, plan, (through, change), (target, Of::Nothing));
            if let Some(kept) = done.await? {
                changed.count += 1;
                changed.rows.extend(kept.map(|kept| (0, kept)));
            }
        }
        Ok(changed)
    }

    /// Each of the rows that were found is the only one of its key.
    pub(super) async fn each_is_one(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        through: &Through,
        found: &[(usize, Row)],
    ) -> Result<()> {
        for (_, row) in found {
            self.only_one(session, index, plan, &through.settled, row.clone())
                .await?;
        }
        Ok(())
    }

    /// Changes one row; `None` where the trigger has written nothing. What is kept of it is what it is then.
    async fn changed_one(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        (through, change): (&Through, &Statement),
        (target, of): (Row, Of<'_>),
    ) -> Result<Option<Option<Row>>> {
        self.only_one(session, index, plan, &through.settled, target.clone())
            .await?;
        let values = self.of_kept(index, plan, change, target.clone(), of)?;
        if session.change(change, &[values]).await?.touched == 0 {
            return Ok(None);
        }
        let after = self
            .found(session, index, plan, &through.settled, target.clone())
            .await?;
        Ok(Some(match after.into_iter().next() {
            Some(row) => Some(row),
            // The view shows it no more: what is checked or read of it finds nothing.
            None if plan.write.kept.len() == plan.write.key => Some(target),
            None => return Err(self.not_shown(plan, "changed")),
        }))
    }

    /// Creates one row; `None` where the trigger has written nothing.
    async fn created(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        (through, insert): (&Through, &Statement),
        sent: &[Value],
    ) -> Result<Option<Option<Row>>> {
        let of = Of::Row(sent);
        let (mut is_taken, mut last) = (false, None);
        if plan.keeps {
            if let Some(taken) = &through.taken {
                let values = self.values(plan, taken, of)?;
                is_taken = !session.change(taken, &[values]).await?.rows.is_empty();
            } else if let Some((largest, _)) = &through.numbered {
                let found = session.change(largest, &[Vec::new()]).await?.rows;
                last = found.into_iter().next().and_then(|(_, row)| row.into_iter().next());
            }
        }
        let values = self.values(plan, insert, of)?;
        let made = session.change(insert, &[values]).await?;
        if made.touched == 0 {
            return Ok(None);
        }
        if !plan.keeps {
            return Ok(Some(None));
        }
        if is_taken {
            return Err(self.key_taken(plan));
        }
        let returned = made.rows.into_iter().next().map(|(_, row)| row);
        let returned = returned.ok_or_else(|| self.not_shown(plan, "new"))?;
        let has_key = returned.iter().take(plan.write.key).all(|datum| *datum != Datum::Null);
        let found = match (&through.numbered, last) {
            _ if has_key && (through.taken.is_some() || self.script.flavor == Flavor::Postgres) => {
                self.found(session, index, plan, &through.settled, returned).await?
            }
            (Some((_, above)), Some(last)) => {
                let last = match last {
                    Datum::Null => Datum::Integer(i64::MIN),
                    other => other,
                };
                self.found(session, index, plan, above, vec![last]).await?
            }
            _ => return Err(self.key_wanted(plan)),
        };
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(row), None) => Ok(Some(Some(row))),
            (None, _) => Err(self.not_shown(plan, "new")),
            (Some(_), Some(_)) => Err(self.several_of_key(plan)),
        }
    }

    async fn only_one(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        settled: &Statement,
        row: Row,
    ) -> Result<()> {
        match self.found(session, index, plan, settled, row).await?.len() {
            1 => Ok(()),
            _ => Err(self.several_of_key(plan)),
        }
    }

    /// What is kept of the rows that a statement finds by the one that is kept.
    async fn found(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        statement: &Statement,
        row: Row,
    ) -> Result<Vec<Row>> {
        let values = self.of_kept(index, plan, statement, row, Of::Nothing)?;
        let found = self.held(session, statement, &[values]).await?;
        Ok(found.rows.into_iter().map(|(_, row)| row).collect())
    }

    /// A statement's values where one row is kept.
    fn of_kept(
        &mut self,
        index: usize,
        plan: &WritePlan,
        statement: &Statement,
        row: Row,
        of: Of<'_>,
    ) -> Result<Vec<Datum>> {
        let before = std::mem::replace(&mut self.kept[index].0, vec![(0, row)]);
        let values = self.values(plan, statement, of);
        self.kept[index].0 = before;
        values
    }

    fn key_names(&self, plan: &WritePlan) -> String {
        let face = self.face(plan);
        let name = |column: &ColumnId| format!("{:?}", face.column(*column).name.as_str());
        let names: Vec<String> = plan.write.kept.iter().take(plan.write.key).map(name).collect();
        names.join(", ")
    }

    fn key_taken(&self, plan: &WritePlan) -> Error {
        let message = format!("a row with the same {} exists already", self.key_names(plan));
        Error::new(Kind::Conflict, Code::CONSTRAINT, message)
    }

    fn key_wanted(&self, plan: &WritePlan) -> Error {
        let (name, key) = (self.face(plan).name.as_str(), self.key_names(plan));
        let message = format!(
            "a new row of {name:?}, which triggers write, is found again by {key} alone: send it, or write without reading back"
        );
        Error::invalid(Code::INVALID_VALUE, message)
    }

    /// A row that the view does not show by the key that it should have: nothing could be said of it, and no check be made.
    fn not_shown(&self, plan: &WritePlan, what: &str) -> Error {
        let (name, key) = (self.face(plan).name.as_str(), self.key_names(plan));
        let message = format!(
            "{name:?} does not show the {what} row by the {key} that it should have, so it can be neither checked nor read back; \
             nothing was written"
        );
        Error::new(Kind::Conflict, Code::CONSTRAINT, message)
    }

    fn several_of_key(&self, plan: &WritePlan) -> Error {
        let (name, key) = (self.face(plan).name.as_str(), self.key_names(plan));
        let message = format!(
            "{key} does not tell the rows of {name:?} apart, so nothing was written; `key` of its configuration has to name \
             columns that do"
        );
        Error::new(Kind::Conflict, Code::CONSTRAINT, message)
    }
}
