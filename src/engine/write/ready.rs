//! Programs by the shape of the batch that asked for them.

use super::row::is_of_row;
use crate::backend::Backend;
use crate::catalog::{Catalog, DatabaseKind, Table, TableId};
use crate::error::Result;
use crate::ident::Name;
use crate::plan::{Program, Verdict, WritePlan, plan_writes};
use crate::principal::{Principal, Scope};
use crate::request::{self, Slot, Write, outline_writes};
use crate::rules::{Change, Conflict, Decisions, Group, Touch, View, authorize_writes, decisions};
use crate::sql::{Care, Changes, Feed, Flavor, Statement, Unwritten, render};
use crate::telemetry::{CacheReading, Stage, stage, timed};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Bytes that a snapshot's cached programs may hold together, as far as [`Ready::weight`] can tell.
const CAPACITY: u64 = 64 * 1024 * 1024;

/// What a write, its statements' marks and its shape in the key are taken to need for each byte of the statements' text: an
/// estimate, as in the cache of reads.
const BY_TEXT: u64 = 17;

/// Batches of more writes, or of more groups of rows, are not kept: their shapes hardly come again.
const LONGEST: usize = 32;

/// Most variants of one shape that are kept.
const VARIANTS: usize = 16;

/// The programs of one snapshot. Never shared between roles, scopes, or callers whose solved rules differ.
pub(in crate::engine) struct Programs {
    cache: Cache<Key, Arc<Kept>, ByBytes>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    role: Name,
    scope: Option<Arc<Scope>>,
    backend_only: bool,
    writes: Arc<[Write]>,
}

struct Kept {
    touched: Vec<Touch>,
    variants: Vec<(Decisions, Arc<Ready>)>,
}

/// A program with its statements.
pub(super) struct Ready {
    /// What it is, in a line for the operator.
    pub(super) outline: Arc<str>,
    pub(super) program: Program,
    /// One for each write.
    pub(super) statements: Vec<Statements>,
    /// The whole as one statement, for one row and for many, where it can be that.
    pub(super) single: Option<(Statement, Option<Statement>)>,
    pub(super) labels: Vec<(Slot, String)>,
    /// Something of what it writes is checked at the commit alone.
    pub(super) alone: bool,
    /// The rights that it was authorized by.
    pub(super) touched: Vec<Touch>,
}

/// The statements of one write.
#[derive(Default)]
pub(super) struct Statements {
    pub(super) groups: Vec<GroupStatements>,
    /// The same for several rows at once, where that is another way.
    pub(super) many: Vec<Option<GroupStatements>>,
    /// The update; the delete; where deleted rows are read back what finds them.
    pub(super) main: Option<Statement>,
    pub(super) delete_kept: Option<Statement>,
    /// Counts the targets of a delete, where SQLite would count only those that did not go with another of them.
    pub(super) counted: Option<Statement>,
    /// Which of the rows that were kept still stand.
    pub(super) standing: Option<Statement>,
    pub(super) failing: Option<Statement>,
    pub(super) exists: Option<Statement>,
    pub(super) returning: Option<Statement>,
    pub(super) through: Option<Through>,
}

/// What is needed where triggers write in place of a view.
pub(super) struct Through {
    /// What is kept of the row with the key that is kept.
    pub(super) settled: Statement,
    /// Changes the one row that is kept.
    pub(super) change: Option<Statement>,
    /// Finds a row with the key of a new one.
    pub(super) taken: Option<Statement>,
    /// The largest number, and the rows above one.
    pub(super) numbered: Option<(Statement, Statement)>,
}

impl Through {
    fn all(&self) -> impl Iterator<Item = &Statement> {
        let numbered = self.numbered.iter().flat_map(|(largest, above)| [largest, above]);
        let others = [&self.change, &self.taken].into_iter().flatten();
        std::iter::once(&self.settled).chain(others).chain(numbered)
    }
}

/// The statements of the new rows of one group.
pub(super) struct GroupStatements {
    pub(super) feed: Feed,
    pub(super) insert: Statement,
    pub(super) met: Option<Statement>,
    /// Finds nothing where a row that meets one might have been created.
    pub(super) proposed: Option<Statement>,
    pub(super) change: Option<Statement>,
    pub(super) failing: Option<Statement>,
    pub(super) set_failing: Option<Statement>,
    pub(super) through: Option<Through>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Kept>> for ByBytes {
    fn weight(&self, _: &Key, kept: &Arc<Kept>) -> u64 {
        1024 + kept.variants.iter().map(|(_, ready)| ready.weight()).sum::<u64>()
    }
}

impl Ready {
    /// Bytes, roughly: the statements' text, and the trees that they were made from.
    fn weight(&self) -> u64 {
        let single = self.single.iter().flat_map(|(one, all)| [Some(one), all.as_ref()]);
        let text: usize = self
            .statements
            .iter()
            .flat_map(Statements::all)
            .chain(single.flatten())
            .map(|statement| statement.text().len())
            .sum();
        2048 + BY_TEXT * text as u64
    }
}

impl Statements {
    fn all(&self) -> impl Iterator<Item = &Statement> {
        let own = [
            &self.main,
            &self.delete_kept,
            &self.counted,
            &self.standing,
            &self.failing,
            &self.exists,
            &self.returning,
        ];
        let groups = self.groups.iter().chain(self.many.iter().flatten());
        let of_groups = groups.flat_map(|group| {
            let others = [
                &group.met,
                &group.proposed,
                &group.change,
                &group.failing,
                &group.set_failing,
            ];
            let through = group.through.iter().flat_map(Through::all);
            std::iter::once(&group.insert)
                .chain(others.into_iter().flatten())
                .chain(through)
        });
        let through = self.through.iter().flat_map(Through::all);
        own.into_iter().flatten().chain(of_groups).chain(through)
    }
}

/// How many writes there are, each group of rows for itself.
fn length(writes: &[Write]) -> usize {
    let groups = |write: &Write| match &write.change {
        request::Change::Insert(insert) => insert.groups.len(),
        _ => 1,
    };
    writes.iter().map(groups).sum()
}

impl Programs {
    pub(in crate::engine) fn new() -> Self {
        Self {
            cache: Cache::with_weighter(1024, CAPACITY, ByBytes),
        }
    }

    pub(in crate::engine) fn reading(&self) -> CacheReading {
        CacheReading {
            name: "programs",
            entries: self.cache.len(),
            weight: self.cache.weight(),
            hits: self.cache.hits(),
            misses: self.cache.misses(),
        }
    }

    /// The program of a batch, from the cache or made now.
    pub(super) fn get(
        &self,
        catalog: &Catalog,
        view: &View,
        backend: &Backend,
        principal: &Principal,
        writes: &[Write],
    ) -> Result<Arc<Ready>> {
        let key = (length(writes) <= LONGEST).then(|| Key {
            role: principal.role.clone(),
            scope: principal.scope.clone(),
            backend_only: principal.backend_only,
            writes: writes.into(),
        });
        let kept = key.as_ref().and_then(|key| self.cache.get(key));
        if let Some(kept) = &kept {
            let wanted = decisions(view, principal, &kept.touched);
            if let Some((_, ready)) = kept.variants.iter().find(|(decisions, _)| *decisions == wanted) {
                return Ok(Arc::clone(ready));
            }
        }
        let authorized = timed(Stage::Authorize, || authorize_writes(catalog, view, principal, writes))?;
        let program = timed(Stage::Plan, || plan_writes(catalog, &authorized))?;
        let rendering = stage(Stage::Render);
        let statements = (0_u16..)
            .zip(&program.writes)
            .map(|(index, plan)| statements(catalog, backend, plan, index))
            .collect();
        let single = match program.writes.as_slice() {
            [only] => {
                let changes = Changes::new(catalog, only, backend.flavor());
                let one = changes.single(Feed::Each);
                one.map(|one| (one, changes.single(Feed::All)))
            }
            _ => None,
        };
        drop(rendering);
        let ready = Arc::new(Ready {
            outline: outline_writes(writes).into(),
            alone: is_alone(catalog, &program),
            program,
            statements,
            single,
            labels: authorized.labels,
            touched: authorized.touched.clone(),
        });
        if let Some(key) = key {
            let mut variants = vec![(authorized.decisions, Arc::clone(&ready))];
            if let Some(kept) = kept {
                let others = kept
                    .variants
                    .iter()
                    .filter(|(decisions, _)| *decisions != variants[0].0);
                let others: Vec<_> = others.take(VARIANTS - 1).cloned().collect();
                variants.extend(others);
            }
            let touched = authorized.touched;
            self.cache.insert(key, Arc::new(Kept { touched, variants }));
        }
        Ok(ready)
    }
}

/// Whether a key that is checked at the commit refers from or to a table that is written.
fn is_alone(catalog: &Catalog, program: &Program) -> bool {
    let database = &catalog.database;
    let mut tables = program.writes.iter().map(|plan| plan.write.table);
    tables.any(|table| {
        let refers = database.table(table).foreign_keys.iter().any(|key| key.deferred);
        let referred = |other: &Table| other.foreign_keys.iter().any(|key| key.deferred && key.table == table);
        refers || database.tables.iter().any(referred)
    })
}

/// Whether rows of a table refer to others of it, by keys of its own or by way of other tables.
fn refers_to_itself(catalog: &Catalog, table: TableId) -> bool {
    let tables = &catalog.database.tables;
    let mut reached = vec![false; tables.len()];
    let mut next = vec![table];
    while let Some(from) = next.pop() {
        for key in &catalog.table(from).foreign_keys {
            if key.table == table {
                return true;
            }
            if let Some(seen) = reached.get_mut(key.table.0 as usize).filter(|seen| !**seen) {
                *seen = true;
                next.push(key.table);
            }
        }
    }
    false
}

fn through(changes: &Changes<'_>, write: u16) -> Through {
    Through {
        settled: changes.settled(write),
        change: None,
        taken: None,
        numbered: None,
    }
}

/// Whether new rows of a group are better checked together, found again by the numbers that SQLite gave them: what returns
/// something writes a journal of its own for each row.
fn is_numbered(
    catalog: &Catalog,
    plan: &WritePlan,
    group: &Group,
    check: Verdict,
    conflict: Option<&Conflict>,
) -> bool {
    catalog.database.kind == DatabaseKind::Sqlite
        && check == Verdict::Within
        && conflict.is_none()
        && plan.by_number
        && !plan.keeps
        && !plan.by_trigger
        && group.each.is_none()
        && !group.check.has_parameter(&is_of_row)
}

fn statements(catalog: &Catalog, backend: &Backend, plan: &WritePlan, index: u16) -> Statements {
    let changes = Changes::new(catalog, plan, backend.flavor());
    let mut all = Statements {
        exists: plan.write.strict.as_ref().map(|condition| match &plan.write.change {
            Change::Update { within, .. } | Change::Delete { within, .. } => changes.exists(condition, within.as_ref()),
            _ => changes.exists(condition, None),
        }),
        returning: plan
            .returning
            .as_ref()
            .map(|plan| render(catalog, plan, backend.flavor(), Care::Careful)),
        ..Statements::default()
    };
    match &plan.write.change {
        Change::Insert { groups, conflict } => {
            for (position, group) in groups.iter().enumerate() {
                let (check, set_check) = (plan.checks[position], plan.set_checks[position]);
                let after = |verdict, condition| (verdict == Verdict::After).then(|| changes.failing(index, condition));
                let (ignore, update) = match conflict {
                    None => (None, None),
                    Some(Conflict::Ignore { key }) => (Some(key.as_slice()), None),
                    Some(Conflict::Update { key, .. }) => (None, Some(key)),
                };
                all.many.push(
                    is_numbered(catalog, plan, group, check, conflict.as_ref()).then(|| GroupStatements {
                        feed: changes.feed(group),
                        insert: changes.insert(group, Verdict::Holds, None),
                        met: None,
                        proposed: None,
                        change: None,
                        failing: Some(changes.failing(index, &group.check)),
                        set_failing: None,
                        through: None,
                    }),
                );
                let proposed = matches!(conflict, Some(Conflict::Update { proposed: true, .. }));
                all.groups.push(GroupStatements {
                    feed: changes.feed(group),
                    insert: changes.insert(group, check, ignore),
                    met: update.map(|key| changes.met(group, key)),
                    proposed: (proposed && check != Verdict::Holds)
                        .then(|| changes.refused(Unwritten::New(group), &group.check)),
                    change: update
                        .filter(|_| !group.set.is_empty())
                        .map(|key| match plan.by_trigger {
                            true => changes.change_kept(index, &group.set),
                            false => changes.change_met(group, key, set_check),
                        }),
                    failing: after(check, &group.check),
                    set_failing: after(set_check, &group.set_check),
                    through: plan.by_trigger.then(|| Through {
                        taken: changes.taken(group),
                        numbered: changes.numbered(index),
                        ..through(&changes, index)
                    }),
                });
            }
        }
        Change::Update {
            targets,
            within,
            set,
            check,
            ..
        } => {
            if plan.by_trigger {
                all.main = Some(changes.targets(targets, within.as_ref()));
                all.through = Some(Through {
                    change: Some(changes.change_kept(index, set)),
                    ..through(&changes, index)
                });
            } else {
                all.main = Some(changes.update(targets, within.as_ref(), set, plan.checks[0], check));
            }
            all.failing = (plan.checks[0] == Verdict::After).then(|| changes.failing(index, check));
        }
        Change::Call => {}
        Change::Find { targets, within, one } => {
            all.main = Some(changes.find(targets, within.as_ref(), *one));
        }
        Change::Delete { targets, within, .. } => {
            if plan.keeps {
                all.main = Some(changes.targets(targets, within.as_ref()));
                all.delete_kept = Some(changes.delete_kept(index, targets));
                all.through = plan.by_trigger.then(|| through(&changes, index));
                all.standing = Some(changes.standing(index));
            } else {
                all.main = Some(changes.delete(targets, within.as_ref()));
                let table = catalog.table(plan.write.table);
                let counts = backend.flavor() == Flavor::Postgres || table.triggers;
                all.counted = (!counts && refers_to_itself(catalog, plan.write.table))
                    .then(|| changes.count(targets, within.as_ref()));
            }
        }
    }
    all
}
