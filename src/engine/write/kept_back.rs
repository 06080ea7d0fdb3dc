//! What the database does not write though nothing fails: rows that its triggers keep as they are. And rows of one upsert that
//! can be written once only.

use super::Written;
use super::ready::Statements;
use super::row::{Fed, GroupRun, lost, number};
use super::script::Steps;
use super::values::{Kept, Of};
use crate::backend::Session;
use crate::error::{Code, Error, Kind, Result, ViolationKind};
use crate::plan::WritePlan;
use crate::rules::{Conflict, Parameter, Term};
use crate::sql::{Flavor, fixed};
use crate::value::{Datum, Value};
use std::collections::HashSet;

/// Most times that an upsert of several rows is tried again because others came in between: two of its own rows may be in
/// each other's way.
const TRIES: u32 = 3;

/// The rows that an upsert has met so far, by their keys.
pub(super) type Seen = HashSet<String>;

impl Steps<'_> {
    /// Two rows that meet the same one: what it would be then depends on their order, and the database says no as well.
    pub(super) fn met_once(&self, run: &GroupRun<'_>, standing: &[(usize, Vec<Datum>)], seen: &mut Seen) -> Result<()> {
        if run.statements.change.is_none() {
            return Ok(());
        }
        for (row, values) in standing {
            let key = if run.plan.by_number {
                values.last().map(std::slice::from_ref)
            } else {
                values.get(..run.plan.write.key)
            };
            let Some(key) = key.filter(|key| !key.is_empty()) else {
                continue;
            };
            if !seen.insert(format!("{key:?}")) {
                return Err(self.twice(run.plan).at_row(*row));
            }
        }
        Ok(())
    }

    /// Two new rows of an upsert with the same key.
    pub(super) fn sent_once(&self, run: &GroupRun<'_>, rows: &[&[Value]], fresh: &[usize]) -> Result<()> {
        let Some(Conflict::Update { key, .. }) = run.conflict else {
            return Ok(());
        };
        let mut indexes = Vec::with_capacity(key.len());
        for column in key {
            let own = run.group.columns.iter().find(|(own, _)| own == column);
            let Some((
                _,
                Term::Parameter {
                    source: Parameter::Row(_, index),
                    ..
                },
            )) = own
            else {
                return Ok(());
            };
            indexes.push(usize::from(*index));
        }
        let mut seen = HashSet::with_capacity(fresh.len());
        for row in fresh {
            let values: Vec<&Value> = indexes.iter().filter_map(|index| rows[*row].get(*index)).collect();
            let complete = values.len() == indexes.len() && !values.contains(&&Value::Null);
            if complete && !seen.insert(format!("{values:?}")) {
                return Err(self.twice(run.plan).at_row(*row));
            }
        }
        Ok(())
    }

    fn twice(&self, plan: &WritePlan) -> Error {
        let name = self.face(plan).name.as_str();
        let message = format!("two of the rows that were sent are the same row of {name:?}; send each row once");
        Error::new(Kind::Conflict, Code::CONSTRAINT, message)
    }

    /// What was not written is not answered as written.
    pub(super) fn none_kept_back(&self, run: &GroupRun<'_>, chosen: &[usize], done: &Fed) -> Result<()> {
        if done.count >= chosen.len() as u64 {
            return Ok(());
        }
        let name = self.face(run.plan).name.as_str();
        let message =
            format!("a trigger of the database keeps a row from being written to {name:?}; nothing was written");
        let error = Error::new(Kind::Conflict, Code::CONSTRAINT, message);
        Err(match chosen {
            [only] => error.at_row(*only),
            _ => error,
        })
    }

    /// Deletes rows that are read back before. Those that a trigger keeps are not told.
    pub(super) async fn read_and_deleted(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        statements: &Statements,
        values: Vec<Datum>,
    ) -> Result<Written> {
        let (Some(main), Some(delete), Some(standing)) =
            (&statements.main, &statements.delete_kept, &statements.standing)
        else {
            return Err(lost());
        };
        let found = self.held(session, main, &[values]).await?;
        if let Some(through) = &statements.through {
            self.each_is_one(session, index, plan, through, &found.rows).await?;
        }
        self.kept[index] = Kept(found.rows.into_iter().map(|(_, row)| row).enumerate().collect());
        let table = self.script.snapshot.catalog.table(plan.write.table);
        let saves = table.triggers && self.kept[index].0.len() > 1;
        if saves {
            session.change(&fixed("SAVEPOINT whole"), &[Vec::new()]).await?;
        }
        let mut body = self.returned(session, index, plan).await?;
        let values = self.values(plan, delete, Of::Nothing)?;
        let mut count = session.change(delete, &[values]).await?.count;
        let all = self.kept[index].0.len();
        if table.triggers && count < all as u64 {
            let values = self.values(plan, standing, Of::Nothing)?;
            let left = session.change(standing, &[values]).await?.rows;
            let left: HashSet<i64> = left.iter().filter_map(|(_, row)| number(row.first())).collect();
            // Others went with them (a cascade).
            count = (all - left.len().min(all)) as u64;
            if !left.is_empty() {
                if count > 0 {
                    session
                        .change(&fixed("ROLLBACK TO SAVEPOINT whole"), &[Vec::new()])
                        .await?;
                }
                let is_left = |place: usize| i64::try_from(place).is_ok_and(|place| left.contains(&place));
                let gone = std::mem::take(&mut self.kept[index].0).into_iter();
                let gone = gone.filter(|(place, _)| !is_left(*place)).map(|(_, row)| row);
                self.kept[index].0 = gone.enumerate().collect();
                body = self.returned(session, index, plan).await?;
                if count > 0 {
                    let values = self.values(plan, delete, Of::Nothing)?;
                    session.change(delete, &[values]).await?;
                }
            }
        }
        if saves {
            session.change(&fixed("RELEASE SAVEPOINT whole"), &[Vec::new()]).await?;
        }
        Ok(Written {
            body,
            count,
            ..Written::default()
        })
    }

    /// Another one has written the key since it was looked for: the whole again finds that row.
    pub(super) fn between(&self, run: &GroupRun<'_>, error: Error, rows: usize) -> Error {
        let Some(Conflict::Update { key, .. }) = run.conflict else {
            return error;
        };
        let table = self.script.snapshot.catalog.table(run.plan.write.table);
        // The key that was looked for, and no other.
        let own = error.violation.as_ref().is_some_and(|violation| {
            let is = |name: &crate::ident::Identifier| violation.constraint.as_deref() == Some(name.as_str());
            let primary = *key == table.primary_key && table.primary_key_name.as_ref().is_some_and(is);
            violation.kind == ViolationKind::Unique
                && violation.table.as_deref() == Some(table.name.as_str())
                && (primary
                    || table
                        .uniques
                        .iter()
                        .any(|unique| *key == unique.columns && is(&unique.name)))
        });
        if own && self.script.flavor == Flavor::Postgres && (rows == 1 || self.script.tries < TRIES) {
            return Error {
                code: Code::COLLISION,
                ..error
            };
        }
        error
    }
}
