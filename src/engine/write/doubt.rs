//! A violated constraint: what the caller is told of it.
//!
//! The database looks at its constraints before a check can be made. So whoever sends a row that they may not write, and
//! meets a key that is taken, would learn that it is. Hence, after a violation and only then, the check is made on the row
//! as it would have been: where it does not hold, the refusal is told and not the violation. (PostgreSQL's own row security
//! checks first, too.) A default that is no plain value, and what a trigger would have set, is unknown then, and what is
//! unknown does not hold.
//!
//! PostgreSQL answers nothing more in a transaction that has failed, and does not say which of many rows it was. So there
//! the whole runs once more, carefully: each statement of a write under a savepoint, and of many rows half of them at a time.

use super::ready::Statements;
use super::row::{Fed, GroupRun, Portion, lost};
use super::script::Steps;
use super::values::Of;
use crate::backend::{Changed, Session};
use crate::catalog::{ColumnId, ForeignKey};
use crate::error::{Code, Error, Kind, Result, ViolationKind};
use crate::plan::{Verdict, WritePlan};
use crate::rules::{Change, Conflict, Predicate, Term};
use crate::sql::{Changes, Flavor, Statement, Unwritten, fixed};
use crate::value::Value;

/// Rows whose writing a constraint has prevented, and the check of their kind.
#[derive(Clone, Copy)]
struct Doubt<'a> {
    unwritten: Unwritten<'a>,
    verdict: Verdict,
    check: &'a Predicate,
    /// What is said of such a row.
    what: &'static str,
}

impl Steps<'_> {
    /// Runs a statement that writes for some rows of a group, as the table takes them.
    async fn fed(&mut self, session: &mut Session, portion: Portion<'_>) -> Result<Fed> {
        if portion.run.plan.by_trigger {
            self.through(session, portion).await
        } else {
            self.feed(session, portion).await
        }
    }

    /// Inserts rows of a group, or changes those that they meet.
    pub(super) async fn written_rows(&mut self, session: &mut Session, portion: Portion<'_>) -> Result<Fed> {
        let Portion {
            run,
            statement,
            rows,
            chosen,
            ..
        } = portion;
        let careful = self.is_careful();
        let done = if careful {
            self.narrowed(session, portion).await
        } else {
            self.fed(session, portion).await
        };
        let mut error = match done {
            Ok(fed) => return Ok(fed),
            Err(error) => error,
        };
        if error.violation.is_none() {
            return Err(error);
        }
        if let [only] = chosen {
            error = error.at_row(*only);
        }
        let doubt = self.doubt(run, std::ptr::eq(statement, &run.statements.insert));
        if self.script.flavor == Flavor::Postgres && !careful {
            let unclear = doubt.verdict != Verdict::Holds || error.row.is_none();
            return Err(if unclear { again(error) } else { error });
        }
        let Some(row) = error.row else { return Err(error) };
        let of = Of::Row(rows[row]);
        if self.is_refused(session, run.plan, doubt, of).await? {
            return Err(self.check_failed(run.plan, doubt.what).at_row(row));
        }
        self.name_columns(session, run.plan, doubt, of, &mut error).await?;
        Err(error)
    }

    /// Rows that were left out because their keys are taken: the caller must have been allowed to create them.
    pub(super) async fn left_out(
        &mut self,
        session: &mut Session,
        run: &GroupRun<'_>,
        rows: &[&[Value]],
        chosen: &[usize],
        made: &Fed,
    ) -> Result<()> {
        let ignores = matches!(run.conflict, Some(Conflict::Ignore { .. }));
        if !ignores || run.check == Verdict::Holds || made.count >= chosen.len() as u64 {
            return Ok(());
        }
        let doubt = self.doubt(run, true);
        for row in chosen {
            let is_made = made.rows.iter().any(|(made, _)| made == row);
            if !is_made && self.is_refused(session, run.plan, doubt, Of::Row(rows[*row])).await? {
                return Err(self.check_failed(run.plan, doubt.what).at_row(*row));
            }
        }
        Ok(())
    }

    /// Whether a row that meets one which the caller may not change could not have been created either.
    pub(super) async fn is_not_to_create(
        &mut self,
        session: &mut Session,
        run: &GroupRun<'_>,
        row: &[Value],
    ) -> Result<bool> {
        // A value that no row can have is told of first, as it would be if nothing stood there.
        self.values(run.plan, &run.statements.insert, Of::Row(row))?;
        let doubt = self.doubt(run, true);
        self.is_refused(session, run.plan, doubt, Of::Row(row)).await
    }

    /// Why a row cannot be written that meets one of which the caller may not know: what is wrong with the row itself is told
    /// first, as it would be if there were none. (Databases look at null values and conditions before they look at keys.)
    pub(super) async fn in_the_way(
        &mut self,
        session: &mut Session,
        run: &GroupRun<'_>,
        rows: &[&[Value]],
        row: usize,
    ) -> Error {
        // The whole is undone in any case.
        let portion = Portion {
            run,
            statement: &run.statements.insert,
            rows,
            chosen: &[row],
            standing: &[],
        };
        match self.feed(session, portion).await {
            Err(error) if !is_of_a_key(&error) => error.at_row(row),
            _ => self.out_of_reach(run.plan).at_row(row),
        }
    }

    /// Rows that meet one that stands: where they are proposed, they must be such as the caller may create. (PostgreSQL's row
    /// security asks the same of `INSERT … ON CONFLICT DO UPDATE`.)
    pub(super) async fn proposed(
        &mut self,
        session: &mut Session,
        run: &GroupRun<'_>,
        rows: &[&[Value]],
        chosen: &[usize],
    ) -> Result<()> {
        let Some(statement) = run.statements.proposed.as_ref().filter(|_| !chosen.is_empty()) else {
            return Ok(());
        };
        let values = chosen
            .iter()
            .map(|row| {
                let values = self.values(run.plan, statement, Of::Row(rows[*row]));
                values.map_err(|error| error.at_row(*row))
            })
            .collect::<Result<Vec<_>>>()?;
        let refused = match session.change(statement, &values).await {
            Ok(found) => found.rows.first().map(|(index, _)| *index),
            Err(error) if error.kind == Kind::Unavailable => return Err(error),
            Err(error) => {
                tracing::debug!("a check cannot be made on a row as it was sent: {error}");
                Some(error.row.unwrap_or(0))
            }
        };
        match refused.and_then(|index| chosen.get(index)) {
            Some(row) => Err(self.check_failed(run.plan, "new").at_row(*row)),
            None => Ok(()),
        }
    }

    /// Changes the targets of an update.
    pub(super) async fn changed(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        statements: &Statements,
    ) -> Result<Changed> {
        let main = statements.main.as_ref().ok_or_else(lost)?;
        let values = self.values(plan, main, Of::Nothing)?;
        let careful = self.is_careful();
        if careful {
            word(session, "SAVEPOINT one").await?;
        }
        let mut done = self.held(session, main, &[values]).await;
        if let (Ok(_), Some(through)) = (&done, &statements.through) {
            done = self.changed_through(session, index, plan, through, done?).await;
        }
        let mut error = match done {
            Ok(changed) => return Ok(changed),
            Err(error) => error,
        };
        error.row = None;
        if error.code == Code::OUT_OF_RANGE {
            return Err(self.out_of_range(plan, error));
        }
        let Change::Update {
            targets,
            within,
            set,
            check,
            ..
        } = &plan.write.change
        else {
            return Err(error);
        };
        if error.violation.is_none() {
            return Err(error);
        }
        let doubt = Doubt {
            unwritten: Unwritten::Changed {
                targets,
                within: within.as_ref(),
                set,
            },
            verdict: plan.checks[0],
            check,
            what: "changed",
        };
        if self.script.flavor == Flavor::Postgres && !careful {
            let unclear = doubt.verdict != Verdict::Holds;
            return Err(if unclear { again(error) } else { error });
        }
        if careful {
            word(session, "ROLLBACK TO SAVEPOINT one").await?;
        }
        if self.is_refused(session, plan, doubt, Of::Nothing).await? {
            return Err(self.check_failed(plan, doubt.what));
        }
        self.name_columns(session, plan, doubt, Of::Nothing, &mut error).await?;
        Err(error)
    }

    /// Which of the columns that are computed cannot hold the new number.
    fn out_of_range(&self, plan: &WritePlan, error: Error) -> Error {
        let catalog = &self.script.snapshot.catalog;
        let (face, table) = (catalog.face(plan.write.face), catalog.table(plan.write.table));
        let set = match &plan.write.change {
            Change::Update { set, .. } => set.as_slice(),
            _ => &[],
        };
        let is_computed = |(column, value): &&(ColumnId, Term)| {
            table.column(*column).data_type.is_number() && !matches!(value, Term::Parameter { .. })
        };
        let names: Vec<&str> = set
            .iter()
            .filter(is_computed)
            .map(|(column, _)| face.column(*column).name.as_str())
            .collect();
        let message = match names.as_slice() {
            [] => "a number is out of range".to_owned(),
            [name] => format!("{name:?} cannot hold the new number: it is out of range, or has too many digits"),
            names => format!(
                "one of {} cannot hold its new number: it is out of range, or has too many digits",
                names.join(", ")
            ),
        };
        let error = Error {
            code: Code::INVALID_VALUE,
            message,
            ..error
        };
        match names.as_slice() {
            [name] => error.at(*name),
            _ => error,
        }
    }

    /// The whole runs again, to tell more of a violation.
    fn is_careful(&self) -> bool {
        self.script.careful && self.script.flavor == Flavor::Postgres
    }

    fn doubt<'r>(&self, run: &GroupRun<'r>, new: bool) -> Doubt<'r> {
        let met = match run.conflict {
            Some(Conflict::Update { key, .. }) if !new => Some(key),
            _ => None,
        };
        match met {
            Some(key) => Doubt {
                unwritten: Unwritten::Met(run.group, key),
                verdict: run.set_check,
                check: &run.group.set_check,
                // Whether it meets one that stands is not told by the way.
                what: "new",
            },
            None => Doubt {
                unwritten: Unwritten::New(run.group),
                verdict: run.check,
                check: &run.group.check,
                what: "new",
            },
        }
    }

    /// Runs a statement for some rows of a group, and finds the one that violates a constraint.
    async fn narrowed(&mut self, session: &mut Session, portion: Portion<'_>) -> Result<Fed> {
        let chosen = portion.chosen;
        let mut fed = Fed {
            rows: Vec::with_capacity(chosen.len()),
            count: 0,
        };
        // So many are done; among those before `bad` is one that fails.
        let (mut done, mut bad) = (0, None);
        while done < chosen.len() {
            let end = bad.map_or(chosen.len(), |bad: usize| done + (bad - done).div_ceil(2));
            word(session, "SAVEPOINT one").await?;
            let part = Portion {
                chosen: &chosen[done..end],
                ..portion
            };
            match self.fed(session, part).await {
                Ok(part) => {
                    word(session, "RELEASE SAVEPOINT one").await?;
                    fed.rows.extend(part.rows);
                    fed.count += part.count;
                    done = end;
                    bad = bad.filter(|bad| *bad > done);
                }
                Err(error) if error.violation.is_none() => return Err(error),
                Err(error) => {
                    word(session, "ROLLBACK TO SAVEPOINT one").await?;
                    if end - done == 1 {
                        return Err(Error {
                            row: Some(chosen[done]),
                            ..error
                        });
                    }
                    bad = Some(end);
                }
            }
        }
        Ok(fed)
    }

    /// Whether the check does not hold of a row that was not written, as far as can be told.
    async fn is_refused(
        &mut self,
        session: &mut Session,
        plan: &WritePlan,
        doubt: Doubt<'_>,
        of: Of<'_>,
    ) -> Result<bool> {
        if doubt.verdict == Verdict::Holds {
            return Ok(false);
        }
        let statement = self.changes(plan).refused(doubt.unwritten, doubt.check);
        match self.finds(session, plan, &statement, of).await {
            Err(error) if error.kind != Kind::Unavailable => {
                tracing::debug!("a check cannot be made on a row as it was sent: {error}");
                Ok(true)
            }
            found => found,
        }
    }

    /// SQLite says of a foreign key neither its name nor its columns: those that lead nowhere are looked for. Nor of a key
    /// that is missing.
    async fn name_columns(
        &mut self,
        session: &mut Session,
        plan: &WritePlan,
        doubt: Doubt<'_>,
        of: Of<'_>,
        error: &mut Error,
    ) -> Result<()> {
        let Some(violation) = &mut error.violation else {
            return Ok(());
        };
        if violation.kind == ViolationKind::NotNull && violation.table.is_none() {
            // A key that SQLite would have let be null.
            let table = self.script.snapshot.catalog.table(plan.write.table);
            violation.table = Some(table.name.as_str().to_owned());
            if let [only] = table.primary_key.as_slice() {
                violation.columns = vec![table.column(*only).name.as_str().to_owned()];
            }
            return Ok(());
        }
        if violation.kind != ViolationKind::ForeignKey || violation.table.is_some() {
            return Ok(());
        }
        let database = &self.script.snapshot.catalog.database;
        let table = database.table(plan.write.table);
        let keys = table.foreign_keys.iter();
        for key in keys.filter(|key| !key.deferred && is_written(doubt.unwritten, key)) {
            let statement = self.changes(plan).dangling(doubt.unwritten, key);
            if self.finds(session, plan, &statement, of).await? {
                if let Some(violation) = &mut error.violation {
                    violation.table = Some(table.name.as_str().to_owned());
                    let columns = key.columns.iter();
                    violation.columns = columns
                        .map(|column| table.column(*column).name.as_str().to_owned())
                        .collect();
                }
                return Ok(());
            }
        }
        Ok(())
    }

    async fn finds(
        &mut self,
        session: &mut Session,
        plan: &WritePlan,
        statement: &Statement,
        of: Of<'_>,
    ) -> Result<bool> {
        let values = self.values(plan, statement, of)?;
        let found = session.change(statement, &[values]).await?;
        Ok(!found.rows.is_empty())
    }

    fn changes<'p>(&'p self, plan: &'p WritePlan) -> Changes<'p> {
        Changes::new(&self.script.snapshot.catalog, plan, self.script.flavor)
    }
}

/// Whether a foreign key can have come to lead nowhere by this.
fn is_written(unwritten: Unwritten<'_>, key: &ForeignKey) -> bool {
    let set = match unwritten {
        Unwritten::New(_) => return true,
        Unwritten::Met(group, _) => &group.set,
        Unwritten::Changed { set, .. } => set,
    };
    set.iter().any(|(column, _)| key.columns.contains(column))
}

fn is_of_a_key(error: &Error) -> bool {
    let kind = error.violation.as_ref().map(|violation| violation.kind);
    matches!(kind, Some(ViolationKind::Unique | ViolationKind::ForeignKey))
}

fn again(error: Error) -> Error {
    Error {
        code: Code::AGAIN,
        ..error
    }
}

async fn word(session: &mut Session, word: &'static str) -> Result<()> {
    session.change(&fixed(word), &[Vec::new()]).await.map(|_| ())
}
