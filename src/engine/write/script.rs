//! A program at work: statement by statement, within one transaction.

use super::super::Snapshot;
use super::super::answer;
use super::super::bind::Binder;
use super::super::blame::{self, Suspect};
use super::kept_back::Seen;
use super::ready::{Ready, Statements};
use super::row::{Fed, GroupRun, Portion, is_true, lost, number, place_of, rows_of};
use super::values::{Filler, Kept, Of};
use super::{Written, too_many};
use crate::backend::{Changed, Run, Session, Work};
use crate::catalog::Face;
use crate::error::{Code, Error, Result};
use crate::memory::{Claim, Room};
use crate::plan::{Verdict, WritePlan};
use crate::principal::Principal;
use crate::request::Batch;
use crate::rules::{Change, Conflict, Group};
use crate::sql::{Feed, Flavor, Statement, fixed};
use crate::value::{Datum, Value};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// Times that the rows of a write are looked for where some stand that may only be read.
const LOOKS: u32 = 3;

/// The work of one batch.
pub(super) struct Script {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) principal: Principal,
    pub(super) batch: Batch,
    pub(super) ready: Arc<Ready>,
    header_prefix: String,
    pub(super) flavor: Flavor,
    /// For what is read back of all its writes.
    pub(super) room: Arc<Room>,
    most_rows: usize,
    pub(super) outcome: Arc<Mutex<Vec<Written>>>,
    pub(super) tries: u32,
    /// Where it leaves what was sent, where the database has refused something of it without a name.
    pub(super) suspects: Arc<Mutex<Vec<Suspect>>>,
    /// It runs again because a constraint was violated, to tell more of that.
    pub(super) careful: bool,
    /// The request's, which a thread that writes for many does not know.
    pub(super) span: tracing::Span,
}

/// What a script needs of the server.
pub(super) struct Server<'a> {
    /// Prefix of the headers that carry session variables.
    pub(super) header_prefix: &'a str,
    pub(super) flavor: Flavor,
    pub(super) room: Arc<Room>,
    /// Most rows that are created.
    pub(super) most_rows: usize,
    /// Where it leaves what it gave.
    pub(super) outcome: Arc<Mutex<Vec<Written>>>,
    /// Where it leaves what was sent and may have been refused.
    pub(super) suspects: Arc<Mutex<Vec<Suspect>>>,
}

impl Script {
    /// The work of a batch for one caller.
    pub(super) fn new(
        snapshot: &Arc<Snapshot>,
        principal: &Principal,
        batch: Batch,
        ready: Arc<Ready>,
        server: Server<'_>,
    ) -> Self {
        Self {
            snapshot: Arc::clone(snapshot),
            principal: principal.clone(),
            batch,
            ready,
            header_prefix: server.header_prefix.to_owned(),
            flavor: server.flavor,
            room: server.room,
            most_rows: server.most_rows,
            outcome: server.outcome,
            suspects: server.suspects,
            tries: 0,
            careful: false,
            span: tracing::Span::current(),
        }
    }

    /// Runs all statements; what they gave is left where the server wants it. A violation that says too little is looked at
    /// more closely the next time.
    pub(super) async fn steps(&mut self, session: &mut Session) -> Result<()> {
        let done = self.run_once(session).await;
        if let Err(error) = &done {
            self.careful |= error.code == Code::AGAIN;
            if self.flavor == Flavor::Postgres && blame::is_nameless(error) {
                *self.suspects.lock().unwrap_or_else(PoisonError::into_inner) = self.suspected(error.write);
            }
        }
        done
    }

    /// What a run's statements are bound with.
    pub(super) fn binder(&self) -> Binder<'_> {
        self.room.patterns.clear();
        Binder {
            catalog: &self.snapshot.catalog,
            principal: &self.principal,
            values: &self.batch.values,
            labels: &self.ready.labels,
            header_prefix: &self.header_prefix,
            cursors: &[],
            patterns: &self.room.patterns,
        }
    }

    async fn run_once(&mut self, session: &mut Session) -> Result<()> {
        self.tries += 1;
        let binder = self.binder();
        let plans = &self.ready.program.writes;
        let mut steps = Steps {
            script: self,
            binder: &binder,
            kept: vec![Kept::default(); plans.len()],
            written: Vec::with_capacity(plans.len()),
            claims: Vec::new(),
            rows: 0,
        };
        steps.lock_in_order(session).await?;
        let mut read_back = 0;
        let mut index = 0;
        while let Some(plan) = plans.get(index) {
            let of = |error: Error| if plans.len() > 1 { error.of_write(index) } else { error };
            if index == read_back && unit_skips(plans, index) {
                session.change(&fixed("SAVEPOINT unit"), &[Vec::new()]).await?;
            }
            let written = steps.write(session, index, plan).await.map_err(of)?;
            if plan.write.skips && written.count == 0 && steps.kept[index].0.is_empty() {
                index = steps.skip(session, read_back).await?;
                read_back = index;
                continue;
            }
            steps.written.push(written);
            let ends = plans
                .get(index + 1)
                .is_none_or(|next| next.write.unit != plan.write.unit);
            if ends {
                for (earlier, plan) in plans.iter().enumerate().take(index + 1).skip(read_back) {
                    steps.read_back(session, earlier, plan).await?;
                }
                if unit_skips(plans, read_back) {
                    session.change(&fixed("RELEASE SAVEPOINT unit"), &[Vec::new()]).await?;
                }
                read_back = index + 1;
            }
            index += 1;
        }
        let written = steps.written;
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = written;
        Ok(())
    }
}

/// The writes of the unit that begins with one.
fn unit_of(plans: &[WritePlan], first: usize) -> &[WritePlan] {
    let unit = plans[first].write.unit;
    let length = plans[first..].iter().take_while(|plan| plan.write.unit == unit).count();
    &plans[first..first + length]
}

/// Whether the unit that begins with a write may be left out when something of it has happened.
fn unit_skips(plans: &[WritePlan], first: usize) -> bool {
    unit_of(plans, first).iter().skip(1).any(|plan| plan.write.skips)
}

impl Work for Script {
    fn run<'w>(&'w mut self, session: &'w mut Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>> {
        let span = self.span.clone();
        Box::pin(tracing::Instrument::instrument(self.steps(session), span))
    }

    fn is_single(&self) -> bool {
        self.ready.single.is_some()
    }

    fn run_single<'w>(
        &'w mut self,
        session: &'w mut Session,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'w>> {
        let span = self.span.clone();
        Box::pin(tracing::Instrument::instrument(self.once(session), span))
    }

    fn is_serializable(&self) -> bool {
        self.ready.program.writes.iter().any(|plan| plan.asks)
    }

    fn is_alone(&self) -> bool {
        // What is checked at the commit must not undo what others have written.
        self.ready.alone
    }
}

/// One run of a script.
pub(super) struct Steps<'s> {
    pub(super) script: &'s Script,
    binder: &'s Binder<'s>,
    pub(super) kept: Vec<Kept>,
    written: Vec<Written>,
    /// What is kept holds of the room.
    pub(super) claims: Vec<Claim>,
    /// Rows that were to be created so far.
    rows: usize,
}

impl Steps<'_> {
    pub(super) fn face(&self, plan: &WritePlan) -> &Face {
        self.script.snapshot.catalog.face(plan.write.face)
    }

    /// Leaves out a unit, of which the row that it is about is not there; the index of the next one's first write.
    async fn skip(&mut self, session: &mut Session, first: usize) -> Result<usize> {
        let plans = &self.script.ready.program.writes;
        if unit_skips(plans, first) {
            for words in ["ROLLBACK TO SAVEPOINT unit", "RELEASE SAVEPOINT unit"] {
                session.change(&fixed(words), &[Vec::new()]).await?;
            }
        }
        let next = first + unit_of(plans, first).len();
        self.written.truncate(first);
        for (kept, plan) in self.kept[first..next].iter_mut().zip(&plans[first..next]) {
            kept.0.clear();
            self.written.push(Written {
                body: plan.returning.as_ref().map(|_| bytes::Bytes::from_static(b"null")),
                ..Written::default()
            });
        }
        Ok(next)
    }

    pub(super) fn values(&self, plan: &WritePlan, statement: &Statement, of: Of<'_>) -> Result<Vec<Datum>> {
        let filler = Filler {
            binder: self.binder,
            face: self.script.snapshot.catalog.faces.get(plan.write.face.0 as usize),
            kept: &self.kept,
        };
        filler.values(statement.marks(), of)
    }

    async fn write(&mut self, session: &mut Session, index: usize, plan: &WritePlan) -> Result<Written> {
        let ready = Arc::clone(&self.script.ready);
        let statements = &ready.statements[index];
        for time in 1.. {
            let written = self.written(session, index, plan, statements).await?;
            let Some(exists) = &statements.exists else {
                return Ok(written);
            };
            if written.count > 0 || matches!(plan.write.change, Change::Find { .. }) {
                return Ok(written);
            }
            // On PostgreSQL others may have put the row there between the two statements.
            if !self.is_there(session, plan, exists).await? {
                return Err(self.no_row(plan));
            }
            if time >= LOOKS || self.script.flavor == Flavor::Sqlite {
                if self.is_kept_back(session, plan).await? {
                    return Err(self.kept_back(plan));
                }
                return Err(self.only_readable(plan));
            }
        }
        Err(lost())
    }

    /// One run of a write's statements.
    async fn written(
        &mut self,
        session: &mut Session,
        index: usize,
        plan: &WritePlan,
        statements: &Statements,
    ) -> Result<Written> {
        Ok(match &plan.write.change {
            Change::Insert { groups, conflict } => {
                let mut written = Written::default();
                let mut kept = Kept::default();
                let mut seen = Seen::default();
                for (position, group) in groups.iter().enumerate() {
                    let several =
                        matches!(self.script.batch.values.get(group.rows), Value::List(rows) if rows.len() > 1);
                    let many = statements
                        .many
                        .get(position)
                        .and_then(Option::as_ref)
                        .filter(|_| several);
                    let run = GroupRun {
                        index,
                        plan,
                        group,
                        conflict: conflict.as_ref(),
                        statements: many.unwrap_or(&statements.groups[position]),
                        check: many.map_or(plan.checks[position], |_| Verdict::After),
                        set_check: plan.set_checks[position],
                        numbered: many.is_some(),
                    };
                    let done = self.group(session, &run, &mut written, &mut seen).await;
                    // Rows of one write are counted over all of its groups.
                    done.map_err(|error| self.placed(group, error))?;
                    kept.0.append(&mut self.kept[index].0);
                }
                kept.0.sort_by_key(|(place, _)| *place);
                self.kept[index] = kept;
                written
            }
            Change::Update { .. } => {
                let changed = self.changed(session, index, plan, statements).await?;
                for (place, (_, mut row)) in changed.rows.into_iter().enumerate() {
                    if plan.checks[0] == Verdict::Within && !is_true(row.pop().as_ref()) {
                        return Err(self.check_failed(plan, "changed"));
                    }
                    self.kept[index].0.push((place, row));
                }
                self.failing(session, plan, statements.failing.as_ref(), Of::Nothing, "changed")
                    .await?;
                Written {
                    count: changed.count,
                    ..Written::default()
                }
            }
            Change::Call => Written {
                body: self.returned(session, index, plan).await?,
                ..Written::default()
            },
            Change::Find { one, .. } => {
                let Some(main) = &statements.main else {
                    return Err(lost());
                };
                let values = self.values(plan, main, Of::Nothing)?;
                let found = self.held(session, main, &[values]).await?;
                match found.rows.len() {
                    0 if *one || plan.write.strict.is_some() => return Err(self.no_row(plan)),
                    2.. if *one => return Err(self.several(plan)),
                    _ => {}
                }
                self.kept[index].0 = found.rows.into_iter().map(|(_, row)| row).enumerate().collect();
                Written::default()
            }
            Change::Delete { .. } => {
                let Some(main) = &statements.main else {
                    return Err(lost());
                };
                let values = self.values(plan, main, Of::Nothing)?;
                if statements.delete_kept.is_some() {
                    self.read_and_deleted(session, index, plan, statements, values).await?
                } else {
                    // Those that will have gone with another of them (a cascade) are not counted by SQLite.
                    let all = self.counted(session, plan, statements).await?;
                    let count = session.change(main, &[values]).await?.count;
                    Written {
                        count: all.unwrap_or(count),
                        ..Written::default()
                    }
                }
            }
        })
    }

    /// The new rows of one group; what is kept of them is in `self.kept` afterwards.
    async fn group(
        &mut self,
        session: &mut Session,
        run: &GroupRun<'_>,
        written: &mut Written,
        seen: &mut Seen,
    ) -> Result<()> {
        let script = self.script;
        let mut rows = rows_of(script.batch.values.get(run.group.rows))?;
        let each = self.each(run.group, &rows)?;
        if let Some(each) = &each {
            rows = each.iter().map(Vec::as_slice).collect();
        }
        self.rows += rows.len();
        if self.rows > script.most_rows {
            return Err(too_many(self.rows, script.most_rows));
        }
        let all: Vec<usize> = (0..rows.len()).collect();
        let mut fresh = all.clone();
        let portion = Portion {
            run,
            statement: &run.statements.insert,
            rows: &rows,
            chosen: &all,
            standing: &[],
        };
        if let (Some(Conflict::Update { .. }), Some(met)) = (run.conflict, &run.statements.met) {
            let met = Portion {
                statement: met,
                ..portion
            };
            let met = self.feed(session, met).await?;
            let (mut wanted, mut standing, mut proposed) = (Vec::new(), Vec::new(), Vec::new());
            for (row, mut values) in met.rows {
                fresh.retain(|fresh| *fresh != row);
                proposed.push(row);
                match number(values.pop().as_ref()) {
                    Some(1) => {
                        wanted.push(row);
                        standing.push((row, values));
                    }
                    Some(2) => {}
                    Some(3) => return Err(self.only_readable(run.plan).at_row(row)),
                    _ if self.is_not_to_create(session, run, rows[row]).await? => {
                        return Err(self.check_failed(run.plan, "new").at_row(row));
                    }
                    _ => return Err(self.in_the_way(session, run, &rows, row).await),
                }
            }
            self.met_once(run, &standing, seen)?;
            wanted.sort_unstable();
            proposed.sort_unstable();
            self.proposed(session, run, &rows, &proposed).await?;
            if let Some(change) = &run.statements.change
                && !wanted.is_empty()
            {
                let changed = Portion {
                    statement: change,
                    chosen: &wanted,
                    standing: &standing,
                    ..portion
                };
                let changed = self.written_rows(session, changed).await?;
                self.none_kept_back(run, &wanted, &changed)?;
                written.count += changed.count;
                self.keep(run, &rows, changed.rows, run.set_check)?;
                let failing = run.statements.set_failing.as_ref();
                self.failing_rows(session, run, failing, &rows, &wanted).await?;
            } else {
                // Nothing is to be changed of them: they are read back as they are.
                self.keep(run, &rows, standing, Verdict::Holds)?;
            }
        }
        let before = std::mem::take(&mut self.kept[run.index].0);
        if !fresh.is_empty() {
            self.sent_once(run, &rows, &fresh)?;
            let made = Portion {
                chosen: &fresh,
                ..portion
            };
            let made = self.written_rows(session, made).await;
            let made = made.map_err(|error| self.between(run, error))?;
            self.made(run, &made.rows, seen);
            if !matches!(run.conflict, Some(Conflict::Ignore { .. })) {
                self.none_kept_back(run, &fresh, &made)?;
            }
            self.left_out(session, run, &rows, &fresh, &made).await?;
            written.count += made.count;
            written.created += made.count;
            self.keep(run, &rows, made.rows, run.check)?;
            let failing = run.statements.failing.as_ref();
            self.failing_rows(session, run, failing, &rows, &fresh).await?;
        }
        self.kept[run.index].0.extend(before);
        Ok(())
    }

    /// An error about a row of a group, with that row's place among all rows of the write.
    fn placed(&self, group: &Group, error: Error) -> Error {
        let rows = rows_of(self.script.batch.values.get(group.rows)).unwrap_or_default();
        let row = match (error.row, group.each) {
            (Some(row), None) => rows.get(row).map(|values| place_of(values, row)),
            _ => None,
        };
        Error { row, ..error }
    }

    /// The rows of a group of which there is one of each for each row of an earlier write.
    fn each(&self, group: &Group, rows: &[&[Value]]) -> Result<Option<Vec<Vec<Value>>>> {
        let earlier = group.each.and_then(|each| self.kept.get(usize::from(each)));
        let Some(earlier) = earlier else { return Ok(None) };
        let (all, most) = (rows.len().saturating_mul(earlier.0.len()), self.script.most_rows);
        let all = all.saturating_add(self.rows);
        if all > most {
            return Err(too_many(all, most));
        }
        let whole = |number: usize| i64::try_from(number).map_or(Value::Null, Value::Integer);
        let mut made = Vec::with_capacity(rows.len() * earlier.0.len());
        for row in rows {
            for (linked, _) in &earlier.0 {
                let mut row = row.to_vec();
                if let [first, .., last] = row.as_mut_slice() {
                    *first = whole(made.len());
                    *last = whole(*linked);
                }
                made.push(row);
            }
        }
        Ok(Some(made))
    }

    /// Runs a statement for some of a group's rows. What it returns comes with the index of the row.
    pub(super) async fn feed(&mut self, session: &mut Session, portion: Portion<'_>) -> Result<Fed> {
        let Portion {
            run,
            statement,
            rows,
            chosen,
            ..
        } = portion;
        let of_chosen = |error: Error| match error.row {
            Some(row) => Error {
                row: chosen.get(row).copied(),
                ..error
            },
            None => error,
        };
        match run.statements.feed {
            Feed::Each => {
                let values = chosen
                    .iter()
                    .map(|row| {
                        let values = self.values(run.plan, statement, Of::Row(rows[*row]));
                        values.map_err(|error| error.at_row(*row))
                    })
                    .collect::<Result<Vec<_>>>()?;
                let changed = self.held(session, statement, &values).await.map_err(of_chosen)?;
                if run.numbered && std::ptr::eq(statement, &run.statements.insert) {
                    let numbers = chosen.iter().zip(changed.numbers);
                    return Ok(Fed {
                        rows: numbers
                            .map(|(row, number)| (*row, vec![Datum::Integer(number)]))
                            .collect(),
                        count: changed.count,
                    });
                }
                let rows = changed.rows.into_iter().map(|(index, row)| (chosen[index], row));
                Ok(Fed {
                    rows: rows.collect(),
                    count: changed.count,
                })
            }
            Feed::All => {
                let sent: Vec<&[Value]> = chosen.iter().map(|row| rows[*row]).collect();
                let values = self.values(run.plan, statement, Of::Rows(&sent)).map_err(of_chosen)?;
                let changed = self.held(session, statement, &[values]).await?;
                // An insert returns its rows in the order in which it was given them; others say which is which.
                let is_insert = std::ptr::eq(statement, &run.statements.insert);
                let mut fed = Vec::with_capacity(changed.rows.len());
                for (position, (_, mut row)) in changed.rows.into_iter().enumerate() {
                    let position = if is_insert {
                        position
                    } else {
                        let place = number(Some(&row.remove(0)));
                        place.and_then(|place| usize::try_from(place).ok()).ok_or_else(lost)?
                    };
                    fed.push((chosen.get(position).copied().ok_or_else(lost)?, row));
                }
                Ok(Fed {
                    rows: fed,
                    count: changed.count,
                })
            }
        }
    }

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

    /// Keeps what a statement has returned of a group's rows, after a look at its verdict.
    fn keep(
        &mut self,
        run: &GroupRun<'_>,
        rows: &[&[Value]],
        fed: Vec<(usize, Vec<Datum>)>,
        verdict: Verdict,
    ) -> Result<()> {
        for (row, mut values) in fed {
            if verdict == Verdict::Within && !is_true(values.pop().as_ref()) {
                return Err(self.check_failed(run.plan, "new").at_row(row));
            }
            if run.plan.keeps || run.numbered {
                let place = place_of(rows[row], row);
                self.kept[run.index].0.push((place, values));
            }
        }
        Ok(())
    }

    async fn read_back(&mut self, session: &mut Session, index: usize, plan: &WritePlan) -> Result<()> {
        if matches!(plan.write.change, Change::Delete { .. } | Change::Call) {
            return Ok(());
        }
        self.written[index].body = self.returned(session, index, plan).await?;
        Ok(())
    }

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
