//! What the database does not write though nothing fails: rows that its triggers keep as they are. And rows of one upsert that
//! can be written once only.

use super::Written;
use super::ready::Statements;
use super::row::{Fed, GroupRun, lost, number};
use super::script::Steps;
use super::values::{Kept, Of};
use crate::backend::Session;
use crate::catalog::ColumnId;
use crate::error::{Code, Error, Kind, Result, ViolationKind};
use crate::plan::WritePlan;
use crate::rules::{Change, Conflict, Parameter, Term};
use crate::sql::{Changes, Flavor, fixed};
use crate::value::{Datum, Value};
use std::collections::HashSet;

/// Most times that an upsert is tried because others came in between: two of its own rows may be in each other's way, or a
/// row that looking for the key does not find (a trigger spells the key in another way, a policy hides the row).
const TRIES: u32 = 3;

/// The rows that an upsert has met and made so far, by their keys.
#[derive(Default)]
pub(super) struct Seen {
    changed: HashSet<String>,
    made: HashSet<String>,
}

impl Steps<'_> {
    /// Two rows that meet the same one: what it would be then depends on their order, and the database says no as well.
    pub(super) fn met_once(&self, run: &GroupRun<'_>, standing: &[(usize, Vec<Datum>)], seen: &mut Seen) -> Result<()> {
        let changes = run.statements.change.is_some();
        for (row, values) in standing {
            let Some(key) = identity(run.plan, values) else {
                continue;
            };
            // One that a group before has made was not there when all of them were sent.
            if seen.made.contains(&key) || (changes && !seen.changed.insert(key)) {
                return Err(self.twice(run.plan).at_row(*row));
            }
        }
        Ok(())
    }

    /// The new rows of a group, which no later group may meet.
    pub(super) fn made(&self, run: &GroupRun<'_>, rows: &[(usize, Vec<Datum>)], seen: &mut Seen) {
        if run.plan.keeps && matches!(run.conflict, Some(Conflict::Update { .. })) {
            // A verdict may stand behind what is kept.
            let kept = run.plan.write.kept.len() + usize::from(run.plan.by_number);
            let keys = rows.iter().filter_map(|(_, row)| identity(run.plan, row.get(..kept)?));
            seen.made.extend(keys);
        }
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

    /// Whether a row that was to be changed, and that the caller may change, is there all the same: a trigger keeps it.
    pub(super) async fn is_kept_back(&mut self, session: &mut Session, plan: &WritePlan) -> Result<bool> {
        let catalog = &self.script.snapshot.catalog;
        let (Change::Update { targets, within, .. } | Change::Delete { targets, within, .. }) = &plan.write.change
        else {
            return Ok(false);
        };
        if !catalog.table(plan.write.table).triggers {
            return Ok(false);
        }
        let statement = Changes::new(catalog, plan, self.script.flavor).exists(targets, within.as_ref());
        self.is_there(session, plan, &statement).await
    }

    pub(super) fn kept_back(&self, plan: &WritePlan) -> Error {
        let name = self.face(plan).name.as_str();
        let verb = match plan.write.change {
            Change::Insert { .. } => "written to",
            Change::Delete { .. } => "deleted from",
            _ => "changed in",
        };
        let message = format!("a trigger of the database keeps a row from being {verb} {name:?}; nothing was written");
        Error::new(Kind::Conflict, Code::CONSTRAINT, message)
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
        let error = self.kept_back(run.plan);
        Err(match chosen {
            [only] => error.at_row(*only),
            _ => error,
        })
    }

    /// How many rows a delete is for, where the database does not tell.
    pub(super) async fn counted(
        &mut self,
        session: &mut Session,
        plan: &WritePlan,
        statements: &Statements,
    ) -> Result<Option<u64>> {
        let Some(statement) = &statements.counted else {
            return Ok(None);
        };
        let values = self.values(plan, statement, Of::Nothing)?;
        let found = session.change(statement, &[values]).await?;
        let count = found.rows.first().and_then(|(_, row)| number(row.first()));
        Ok(count.and_then(|count| u64::try_from(count).ok()))
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
        // SQLite does not count those that went with another of them (a cascade).
        if count < all as u64 {
            let values = self.values(plan, standing, Of::Nothing)?;
            let left = session.change(standing, &[values]).await?.rows;
            let left: HashSet<i64> = left.iter().filter_map(|(_, row)| number(row.first())).collect();
            count = (all - left.len().min(all)) as u64;
            // Without triggers none is left.
            if table.triggers && !left.is_empty() {
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
    pub(super) fn between(&self, run: &GroupRun<'_>, error: Error) -> Error {
        let Some(Conflict::Update { key, .. }) = run.conflict else {
            return error;
        };
        let table = self.script.snapshot.catalog.table(run.plan.write.table);
        // The key that was looked for, and no other.
        let same =
            |columns: &[ColumnId]| columns.len() == key.len() && columns.iter().all(|column| key.contains(column));
        let own = error.violation.as_ref().is_some_and(|violation| {
            let is = |name: &crate::ident::Identifier| violation.constraint.as_deref() == Some(name.as_str());
            let primary = same(&table.primary_key) && table.primary_key_name.as_ref().is_some_and(is);
            violation.kind == ViolationKind::Unique
                && violation.table.as_deref() == Some(table.name.as_str())
                && (primary
                    || table
                        .uniques
                        .iter()
                        .any(|unique| same(&unique.columns) && is(&unique.name)))
        });
        if own && self.script.flavor == Flavor::Postgres && self.script.tries < TRIES {
            return Error {
                code: Code::COLLISION,
                ..error
            };
        }
        error
    }
}

/// What a row that was kept is found again by.
fn identity(plan: &WritePlan, kept: &[Datum]) -> Option<String> {
    let key = if plan.by_number {
        kept.last().map(std::slice::from_ref)
    } else {
        kept.get(..plan.write.key)
    };
    key.filter(|key| !key.is_empty()).map(|key| format!("{key:?}"))
}
