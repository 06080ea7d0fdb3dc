//! Authorized writes → what each needs: where its check is made, what is kept of its rows, what is read back.

use super::query::{Body, Plan, Value, planned};
use crate::catalog::{Catalog, ColumnId, Table, TableKind};
use crate::error::{Code, Error, Kind, Result};
use crate::rules::{self, Authorized, Change, Conflict, From, Predicate, Term, Write};

/// The writes of a batch, in order.
#[derive(Clone, Debug)]
pub struct Program {
    /// Each write.
    pub writes: Vec<WritePlan>,
}

/// One planned write.
#[derive(Clone, Debug)]
pub struct WritePlan {
    /// What is changed.
    pub write: Write,
    /// Rows are found again by the database's own number of them, which comes after what is kept.
    pub by_number: bool,
    /// Triggers write in place of a view: what a statement returns is what was sent, and rows go one by one, so that it can be
    /// told what became of each.
    pub by_trigger: bool,
    /// What is kept of the changed rows is needed: by a check, by what is read back, by later writes.
    pub keeps: bool,
    /// Where the checks of new rows (by group) or of changed rows are made.
    pub checks: Vec<Verdict>,
    /// Where those of rows that an upsert has changed are made, by group.
    pub set_checks: Vec<Verdict>,
    /// A rule speaks of other rows, be it the one that says which rows or a check: they must be as it saw them when the whole is
    /// committed.
    pub asks: bool,
    /// What is read of the changed rows.
    pub returning: Option<Plan>,
    /// One statement can do all of it, where the database can read back what it writes: nothing else is written with it, and
    /// neither its check nor what is read back speaks of more than the rows.
    pub single: bool,
}

/// Where a check is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nowhere: it holds of every row.
    Holds,
    /// In the statement that writes: it speaks of nothing but the row, as that statement leaves it.
    Within,
    /// In a statement of its own: it speaks of other rows, or a trigger may have changed the row since.
    After,
}

/// Plans authorized writes.
///
/// # Errors
/// As [`super::plan`], for what is read back.
pub fn plan_writes(catalog: &Catalog, authorized: &Authorized<Vec<Write>>) -> Result<Program> {
    let writes = authorized.get();
    let mut plans = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        if write.change == Change::Call {
            plans.push(call(catalog, write)?);
            continue;
        }
        let table = catalog.table(write.table);
        let by_trigger = table.kind == TableKind::View && table.triggers;
        if by_trigger {
            is_traceable(catalog, write)?;
        }
        let by_number = table.row_number.is_some() && (write.key == 0 || is_quicker(catalog));
        let (checks, set_checks): (Vec<_>, Vec<_>) = match &write.change {
            Change::Insert { groups, .. } => groups
                .iter()
                .map(|group| (verdict(&group.check, table), verdict(&group.set_check, table)))
                .unzip(),
            Change::Update { check, .. } => (vec![verdict(check, table)], Vec::new()),
            Change::Delete { .. } | Change::Find { .. } | Change::Call => (Vec::new(), Vec::new()),
        };
        let asks = match &write.change {
            Change::Insert { groups, .. } => groups
                .iter()
                .any(|group| !group.check.is_local() || !group.set_check.is_local() || !group.allowed.is_local()),
            Change::Update { check, asks, .. } => *asks || !check.is_local(),
            Change::Delete { asks, .. } => *asks,
            Change::Find { .. } | Change::Call => false,
        };
        let is_linked = writes[index + 1..].iter().any(|later| links_to(later, index));
        let after = |verdicts: &[Verdict]| verdicts.contains(&Verdict::After);
        let returning = match &write.returning {
            None => None,
            Some(select) => {
                let mut select = select.clone();
                if let (true, From::Written { key, .. }) = (by_number, &mut select.from) {
                    key.clear();
                }
                Some(planned(catalog, &select, write.formats)?)
            }
        };
        let single = writes.len() == 1
            && !asks
            && !by_trigger
            && !after(&checks)
            && match &write.change {
                Change::Insert { groups, conflict: None } => {
                    // What a trigger keeps back shows only when it has happened.
                    !table.triggers && groups.len() == 1 && returning.as_ref().is_none_or(|plan| is_of_row(plan, table))
                }
                Change::Update { .. } | Change::Delete { .. } => returning.is_none(),
                _ => false,
            };
        // A row of one group may be met by another.
        let meets = match &write.change {
            Change::Insert {
                groups,
                conflict: Some(Conflict::Update { .. }),
            } => groups.len() > 1 && (write.key > 0 || by_number),
            _ => false,
        };
        // Without their keys nobody knows which rows a trigger has changed.
        let is_traced = by_trigger
            && match &write.change {
                Change::Insert { conflict, .. } => conflict.is_some(),
                Change::Update { .. } | Change::Delete { .. } => true,
                Change::Find { .. } | Change::Call => false,
            };
        let keeps = is_traced || is_linked || returning.is_some() || after(&checks) || after(&set_checks) || meets;
        if keeps && !single && write.key == 0 && !by_number {
            return Err(not_found_again(catalog, write));
        }
        plans.push(WritePlan {
            single,
            // That no row has a new one's key must hold until it is written.
            asks: asks || by_trigger && keeps,
            by_trigger,
            by_number,
            keeps,
            checks,
            set_checks,
            returning,
            write: write.clone(),
        });
    }
    Ok(Program { writes: plans })
}

/// Rows that have neither a key nor a number are not found again once they are written.
fn not_found_again(catalog: &Catalog, write: &Write) -> Error {
    let name = catalog.face(write.face).name.as_str();
    let message = format!(
        "rows of {name:?} have no key by which they are found again: this can neither be read back nor checked; write \
         without reading back, or let `key` of its configuration name columns that are unique"
    );
    Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message)
}

/// Whether it can be told what triggers have made of a write.
fn is_traceable(catalog: &Catalog, write: &Write) -> Result<()> {
    let face = catalog.face(write.face);
    let name = face.name.as_str();
    let key = &write.kept[..write.key];
    let sets: Vec<&[(ColumnId, Term)]> = match &write.change {
        Change::Insert {
            conflict: Some(Conflict::Ignore { .. }),
            ..
        } => {
            let message =
                format!("rows of {name:?} are written by triggers, which cannot leave out those whose key is taken");
            return Err(Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message));
        }
        Change::Insert { groups, .. } => groups.iter().map(|group| group.set.as_slice()).collect(),
        Change::Update { set, .. } => vec![set],
        _ => Vec::new(),
    };
    let moved = sets.into_iter().flatten().find(|(column, _)| key.contains(column));
    match moved {
        None => Ok(()),
        Some((column, _)) => {
            let column = face.column(*column).name.as_str();
            let message = format!(
                "{column:?} cannot be changed: it is the key by which rows of {name:?}, which triggers write, are found again"
            );
            Err(Error::invalid(Code::READ_ONLY_COLUMN, message).at(column))
        }
    }
}

/// A function that is called.
fn call(catalog: &Catalog, write: &Write) -> Result<WritePlan> {
    let select = write.returning.as_ref();
    let returning = select.map(|select| planned(catalog, select, write.formats));
    Ok(WritePlan {
        single: false,
        asks: false,
        by_trigger: false,
        by_number: false,
        keeps: false,
        checks: Vec::new(),
        set_checks: Vec::new(),
        returning: returning.transpose()?,
        write: write.clone(),
    })
}

/// SQLite finds a row by its number sooner than by anything else, and without a thought about types.
fn is_quicker(catalog: &Catalog) -> bool {
    catalog.database.kind == crate::catalog::DatabaseKind::Sqlite
}

fn verdict(check: &Predicate, table: &Table) -> Verdict {
    match check {
        Predicate::Constant(Some(true)) => Verdict::Holds,
        check if check.is_local() && !table.triggers => Verdict::Within,
        _ => Verdict::After,
    }
}

/// Whether a later write takes values from, or is within, the rows of one.
fn links_to(later: &Write, index: usize) -> bool {
    let is = |write: u16| usize::from(write) == index;
    let of = |term: &Term| match term {
        Term::Parameter {
            source: rules::Parameter::Linked { write, .. } | rules::Parameter::Written { write, .. },
            ..
        } => is(*write),
        _ => false,
    };
    match &later.change {
        Change::Insert { groups, .. } => groups
            .iter()
            .any(|group| group.columns.iter().any(|(_, term)| of(term))),
        Change::Update { within, set, .. } => {
            within.as_ref().is_some_and(|within| is(within.write)) || set.iter().any(|(_, term)| of(term))
        }
        Change::Delete { within, .. } | Change::Find { within, .. } => {
            within.as_ref().is_some_and(|within| is(within.write))
        }
        Change::Call => false,
    }
}

/// Whether what is read back are values of the rows as they were written, which no trigger has changed since.
fn is_of_row(plan: &Plan, table: &Table) -> bool {
    let query = &plan.query;
    let (Body::Rows(members) | Body::Row(members)) = &query.body else {
        return false;
    };
    !table.triggers
        && query.predicate.is_local()
        && query.keyset == Predicate::TRUE
        && query.through.is_none()
        && query.order.is_empty()
        && query.distinct == 0
        && !query.total
        && !query.cursor
        && members.iter().all(|member| is_local_value(&member.value))
}

fn is_local_value(value: &Value) -> bool {
    match value {
        Value::Term(term) => term.is_local(),
        Value::Constant(_) => true,
        Value::Object { unless_null, members } => {
            unless_null.as_ref().is_none_or(Term::is_local)
                && members.iter().all(|member| is_local_value(&member.value))
        }
        Value::Query(_) | Value::Computed { .. } | Value::Cursor => false,
    }
}
