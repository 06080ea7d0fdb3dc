//! Writes: rights, columns, presets and checks of every change, and what is read back through the read rule.

use super::decide::{Presets, solve_create, solve_update};
use super::upsert::{Upsert, UpsertUpdate};
use super::{Authorized, Entered, Resolver, guard};
use crate::catalog::{Catalog, ColumnId, Default, Face, FaceId, Generated, Table, TableId};
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::principal::Principal;
use crate::request::{self, Assignment, ConflictAction, ConflictTarget, Expression, Filter, Formats, Insert, RowGroup};
use crate::rules::predicate::parameter_type;
use crate::rules::types::are_comparable;
use crate::rules::{
    Cell, Change, Conflict, CreateAccess, Decisions, From, Group, Parameter, Predicate, ReadAccess, Right, Select,
    Term, UpdateAccess, View, Write, solve,
};
use std::borrow::Cow;

/// Resolves the writes of a batch against what the role may do, and joins rules, presets and checks.
///
/// # Errors
/// Unknown names (also those that the role may not know), and refusals.
pub fn authorize_writes(
    catalog: &Catalog,
    view: &View,
    principal: &Principal,
    writes: &[request::Write],
) -> Result<Authorized<Vec<Write>>> {
    let mut resolver = Resolver {
        catalog,
        view,
        principal,
        touched: Vec::new(),
        decisions: Decisions::default(),
        labels: Vec::new(),
    };
    let mut done: Vec<Done<'_>> = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        let written = resolver
            .write(index, write, &mut done)
            .map_err(|error| if writes.len() > 1 { error.of_write(index) } else { error })?;
        done.push(written);
    }
    Ok(Authorized {
        select: done.into_iter().map(|done| done.write).collect(),
        formats: Formats::default(),
        touched: resolver.touched,
        decisions: resolver.decisions,
        labels: resolver.labels,
    })
}

/// A write that is resolved; later ones may link to its rows.
pub(super) struct Done<'a> {
    /// `None`: a function's, which may return no rows.
    pub(super) face: Option<&'a Face>,
    pub(super) write: Write,
}

/// A column and what it gets.
pub(super) type Assigned = (ColumnId, Term);

impl<'a> Resolver<'a> {
    pub(super) fn write(&mut self, index: usize, write: &request::Write, done: &mut [Done<'a>]) -> Result<Done<'a>> {
        if let request::Change::Call { arguments, select } = &write.change {
            return self.call_of(write, arguments, select);
        }
        let face = self.face(&write.table)?;
        let table = self.catalog.table(face.table);
        let entered = self.reading(face)?;
        let mut strict = None;
        let change = match &write.change {
            request::Change::Insert(insert) => self.insert(&entered, insert, done)?,
            request::Change::Update {
                filter,
                within,
                set,
                links,
            } => {
                let access = self.right(face, Right::Update, |access| access.update.as_ref())?;
                let (rule, check, presets) = solve_update(access, self.principal, &mut self.decisions);
                let mut assigned = self.assignments(&entered, access, set)?;
                self.link_once(face, &access.columns, links, &mut assigned, done)?;
                let rule = self.of_what_was_sent(face, &rule, &assigned);
                let asks = !rule.is_local() || !entered.rule.is_local();
                let targets = self.targets(&entered, rule, filter.as_ref())?;
                strict = self.readable(&entered, filter.as_ref(), write.strict)?;
                let within = self.within(face, within.as_ref(), done)?;
                let check = self.of_what_was_stored(face, &check, &assigned);
                self.preset(face, presets, &assigned.clone(), &mut assigned)?;
                if assigned.is_empty() {
                    let message = format!("nothing to change in {:?}: no column was sent", face.name.as_str());
                    return Err(Error::invalid(Code::INVALID_VALUE, message));
                }
                Change::Update {
                    targets,
                    within,
                    set: assigned,
                    check,
                    asks,
                }
            }
            request::Change::Delete { filter, within } => {
                let rule = self.right(face, Right::Delete, |access| access.delete.as_ref())?;
                let rule = solve::solve(rule, self.principal, &mut self.decisions);
                let asks = !rule.is_local() || !entered.rule.is_local();
                let targets = self.targets(&entered, rule, filter.as_ref())?;
                strict = self.readable(&entered, filter.as_ref(), write.strict)?;
                let within = self.within(face, within.as_ref(), done)?;
                Change::Delete { targets, within, asks }
            }
            request::Change::Find {
                filter,
                within,
                one,
                before,
            } => {
                if self.view.read(face.id).is_none() {
                    return Err(self.refused(face, Right::Read));
                }
                let rule = match before {
                    None => Predicate::TRUE,
                    Some(later) => {
                        let access = self.right(face, Right::Update, |access| access.update.as_ref())?;
                        let (rule, _, _) = solve_update(access, self.principal, &mut self.decisions);
                        let mut assigned = self.assignments(&entered, access, &later.set)?;
                        self.link_once(face, &access.columns, &later.links, &mut assigned, done)?;
                        self.of_what_was_sent(face, &rule, &assigned)
                    }
                };
                let targets = self.targets(&entered, rule, filter.as_ref())?;
                // What is found is what can be read.
                strict = write.strict.then_some(Predicate::FALSE);
                let within = self.within(face, within.as_ref(), done)?;
                Change::Find {
                    targets,
                    within,
                    one: *one,
                }
            }
            request::Change::Call { .. } => Change::Call,
            request::Change::Connect { links, rows } => {
                let insert = Insert {
                    groups: vec![RowGroup {
                        columns: Vec::new(),
                        links: links.clone(),
                        rows: *rows,
                    }],
                    conflict: Some(request::Conflict {
                        target: ConflictTarget::Any,
                        action: ConflictAction::Ignore,
                    }),
                };
                let mut change = self.insert(&entered, &insert, done)?;
                let each = links.last().and_then(|link| u16::try_from(link.write).ok());
                if let Change::Insert { groups, .. } = &mut change {
                    groups.iter_mut().for_each(|group| group.each = each);
                }
                change
            }
        };
        let kept = identity(table, face);
        let returning = match &write.returning {
            None => None,
            Some(output) => Some(self.returning(&entered, index, &kept, output)?),
        };
        let write = Write {
            table: face.table,
            face: face.id,
            unit: write.unit,
            change,
            key: kept.len(),
            kept,
            formats: write.formats,
            returning,
            strict,
            skips: write.skips,
        };
        Ok(Done {
            face: Some(face),
            write,
        })
    }

    /// A function that may write; no later write can link to it.
    pub(super) fn call_of(
        &mut self,
        write: &request::Write,
        arguments: &[(Name, request::Slot)],
        select: &request::Select,
    ) -> Result<Done<'a>> {
        let select = self.function(&write.table, arguments, select, true)?;
        let write = Write {
            table: select.from.table().unwrap_or(TableId(0)),
            face: FaceId(0),
            unit: write.unit,
            change: Change::Call,
            kept: Vec::new(),
            key: 0,
            formats: write.formats,
            returning: Some(select),
            strict: None,
            skips: false,
        };
        Ok(Done { face: None, write })
    }

    /// The table as the caller may read it. Who may not read it at all knows the keys of the rows that they write.
    pub(super) fn reading(&mut self, face: &'a Face) -> Result<Entered<'a>> {
        match self.enter(face) {
            Ok(entered) => Ok(entered),
            Err(_) => Ok(self.keys_of(face)),
        }
    }

    /// The table as somebody knows it who has written rows of it and reads nothing: their keys.
    pub(super) fn keys_of(&self, face: &'a Face) -> Entered<'a> {
        let table = self.catalog.table(face.table);
        let is_key = |column| face.key.contains(&column);
        let cells = table
            .column_ids()
            .map(|column| is_key(column).then_some(Predicate::TRUE));
        let access = ReadAccess {
            rule: Predicate::TRUE,
            cells: table
                .column_ids()
                .map(|column| if is_key(column) { Cell::Visible } else { Cell::Hidden })
                .collect(),
            counted: None,
            limit: None,
            aggregate: false,
            computed: Vec::new(),
        };
        Entered {
            face,
            cells: cells.collect(),
            read: Cow::Owned(access),
            rule: Predicate::TRUE,
            counted: None,
        }
    }

    /// Which rows a change is for: those that it may be made on, that can be read, and that were asked for.
    pub(super) fn targets(
        &mut self,
        entered: &Entered<'a>,
        rule: Predicate,
        filter: Option<&Filter>,
    ) -> Result<Predicate> {
        let allowed = Predicate::all([rule, entered.rule.clone()]);
        let Some(filter) = filter else { return Ok(allowed) };
        let filter = self.filter(entered, filter)?;
        let filter = guard::guarded(filter, &allowed, self.catalog);
        Ok(Predicate::all([allowed, filter]))
    }

    /// Which of the rows that were asked for can be read, where it matters.
    pub(super) fn readable(
        &mut self,
        entered: &Entered<'a>,
        filter: Option<&Filter>,
        strict: bool,
    ) -> Result<Option<Predicate>> {
        if !strict {
            return Ok(None);
        }
        // Who may not read the table learns nothing of its rows.
        if self.view.read(entered.face.id).is_none() {
            return Ok(Some(Predicate::FALSE));
        }
        self.targets(entered, Predicate::TRUE, filter).map(Some)
    }

    pub(super) fn returning(
        &mut self,
        entered: &Entered<'a>,
        write: usize,
        key: &[ColumnId],
        output: &request::Output,
    ) -> Result<Select> {
        let from = From::Written {
            write: u16::try_from(write).unwrap_or(u16::MAX),
            key: key.to_vec(),
            table: entered.face.table,
        };
        let select = request::Select {
            output: output.clone(),
            ..request::Select::default()
        };
        if *output == request::Output::Keys {
            let entered = self.keys_of(entered.face);
            return self.select(&entered, from, Predicate::TRUE, None, &select);
        }
        self.select(entered, from, entered.rule.clone(), None, &select)
    }

    pub(super) fn insert(&mut self, entered: &Entered<'a>, insert: &Insert, done: &mut [Done<'a>]) -> Result<Change> {
        let face = entered.face;
        let access = self.right(face, Right::Create, |access| access.create.as_ref())?;
        let (check, presets) = solve_create(access, self.principal, &mut self.decisions);
        let upsert = match &insert.conflict {
            None => None,
            Some(conflict) => Some(self.conflict(entered, conflict)?),
        };
        let mut groups = Vec::with_capacity(insert.groups.len());
        for group in &insert.groups {
            let update = upsert.as_ref().and_then(|upsert| upsert.update.as_ref());
            let (sent, later) = self.sent(face, access, update, group, done)?;
            let mut columns = sent.clone();
            self.preset(face, presets.clone(), &sent, &mut columns)?;
            self.has_key(face, &columns)?;
            let mut set = Vec::new();
            let mut set_check = Predicate::TRUE;
            let (mut allowed, mut readable, mut wanted) = (Predicate::TRUE, Predicate::TRUE, Predicate::TRUE);
            if let Some(Upsert {
                conflict: Conflict::Update { key, .. },
                update: Some(update),
            }) = &upsert
            {
                let chosen = self.chosen(face, update, key, &sent, &later)?;
                set_check = self.of_what_was_sent(face, &update.check, &chosen);
                allowed = self.of_what_was_sent(face, &update.allowed, &chosen);
                readable = update.readable.clone();
                wanted = self.of_what_was_sent(face, &update.wanted, &chosen);
                set = chosen.clone();
                self.preset(face, update.presets.clone(), &chosen, &mut set)?;
            }
            groups.push(Group {
                rows: group.rows,
                each: None,
                leading: u16::try_from(group.links.len() + 1).unwrap_or(u16::MAX),
                check: self.of_what_was_sent(face, &check, &sent),
                columns,
                allowed,
                readable,
                wanted,
                set,
                set_check,
            });
        }
        Ok(Change::Insert {
            groups,
            conflict: upsert.map(|upsert| upsert.conflict),
        })
    }

    /// A key that nothing gives a value: the database would refuse it, SQLite in a rowid table would not.
    fn has_key(&self, face: &Face, columns: &[Assigned]) -> Result<()> {
        let table = self.catalog.table(face.table);
        let is_missing = |column: &&ColumnId| {
            let own = table.column(**column);
            own.nullable && own.default.is_none() && !columns.iter().any(|(present, _)| present == *column)
        };
        let Some(column) = table.primary_key.iter().find(is_missing) else {
            return Ok(());
        };
        if !self.view.knows(face.id, *column) {
            return Err(Error::invalid(Code::CONSTRAINT, "a value is missing"));
        }
        let name = face.column(*column).name.as_str();
        let message = format!("{name:?} is missing and cannot be null");
        Err(Error::invalid(Code::CONSTRAINT, message).at(name))
    }

    /// What was sent for new rows, and what they get from rows that they are linked to; and what was sent for rows that an
    /// upsert meets alone, because the rule sets it for new ones.
    pub(super) fn sent(
        &mut self,
        face: &'a Face,
        access: &CreateAccess,
        update: Option<&UpsertUpdate>,
        group: &RowGroup,
        done: &mut [Done<'a>],
    ) -> Result<(Vec<Assigned>, Vec<Assigned>)> {
        let table = self.catalog.table(face.table);
        let leading = group.links.len() + 1;
        let mut sent: Vec<Assigned> = Vec::with_capacity(group.columns.len());
        let mut later: Vec<Assigned> = Vec::new();
        for (index, name) in group.columns.iter().enumerate() {
            let changed_alone = face.column_named(name.as_str()).filter(|column| {
                let chosen = update.and_then(|update| update.columns.as_ref());
                let is_set = access.set.iter().any(|(own, _)| own == column);
                is_set && chosen.is_some_and(|chosen| chosen.contains(column))
            });
            let (column, values) = match changed_alone {
                Some(column) => (column, &mut later),
                None => (self.writable(face, &access.columns, name, Right::Create)?, &mut sent),
            };
            if values.iter().any(|(present, _)| *present == column) {
                return Err(twice(name));
            }
            let index = u16::try_from(leading + index).unwrap_or(u16::MAX);
            values.push((column, value_of(table, column, Parameter::Row(group.rows, index))));
        }
        for (index, link) in group.links.iter().enumerate() {
            let place = u16::try_from(index + 1).unwrap_or(u16::MAX);
            for (column, kept) in self.joined(face, link, done)? {
                let source = Parameter::Linked {
                    rows: group.rows,
                    place,
                    write: u16::try_from(link.write).unwrap_or(u16::MAX),
                    kept,
                };
                self.linked(face, &access.columns, column, source, &mut sent)?;
            }
        }
        Ok((sent, later))
    }

    /// A column that may be sent.
    pub(super) fn writable(&self, face: &Face, writable: &[bool], name: &Name, right: Right) -> Result<ColumnId> {
        let table = self.catalog.table(face.table);
        let may = |column: ColumnId| writable.get(column.0 as usize).copied().unwrap_or(false);
        let found = face.column_named(name.as_str());
        if let Some(column) = found.filter(|column| may(*column)) {
            return Ok(column);
        }
        if let Some(column) = found.filter(|column| self.view.can_read(face.id, *column)) {
            let physical = table.column(column);
            let message = match (physical.generated, &physical.default) {
                (Some(Generated::Stored | Generated::Virtual), _) => {
                    format!("{:?} is computed by the database and cannot be sent", name.as_str())
                }
                (_, Some(Default::Identity { always: true, .. })) => {
                    format!("{:?} is numbered by the database and cannot be sent", name.as_str())
                }
                _ if right == Right::Update && table.fixed.contains(&column) => {
                    format!("no trigger of {:?} changes {:?}", face.name.as_str(), name.as_str())
                }
                _ => {
                    let verb = if right == Right::Create { "set" } else { "change" };
                    let role = self.principal.role.as_str();
                    let message = format!(
                        "role {role:?} may not {verb} {:?} of {:?}",
                        name.as_str(),
                        face.name.as_str()
                    );
                    return Err(Error::forbidden(message).at(name.as_str()));
                }
            };
            return Err(Error::invalid(Code::READ_ONLY_COLUMN, message).at(name.as_str()));
        }
        let known = table.column_ids().filter(|column| may(*column));
        let names = known.map(|column| face.column(column).name.as_str());
        let of = Some(face.name.as_str());
        Err(Error::unknown(Kind::Invalid, Code::UNKNOWN_COLUMN, "column", name.as_str(), of, names).at(name.as_str()))
    }

    /// New values of an update, as they were sent.
    pub(super) fn assignments(
        &mut self,
        entered: &Entered<'a>,
        access: &UpdateAccess,
        set: &[Assignment],
    ) -> Result<Vec<Assigned>> {
        let table = self.catalog.table(entered.face.table);
        let mut assigned: Vec<Assigned> = Vec::with_capacity(set.len());
        for assignment in set {
            let name = &assignment.column;
            let column = self.writable(entered.face, &access.columns, name, Right::Update)?;
            if assigned.iter().any(|(present, _)| *present == column) {
                return Err(twice(name));
            }
            let value = match &assignment.value {
                Expression::Value(slot) => {
                    self.labels.push((*slot, name.as_str().to_owned()));
                    value_of(table, column, Parameter::Slot(*slot))
                }
                expression => {
                    let term = self.expression(entered, expression)?;
                    let (found, wanted) = (term.data_type(self.catalog), &table.column(column).data_type);
                    if !are_comparable(self.catalog, &found, wanted) {
                        let message = format!("{:?} holds {}, this is {}", name.as_str(), wanted.word(), found.word());
                        return Err(Error::invalid(Code::INVALID_VALUE, message).at(name.as_str()));
                    }
                    term
                }
            };
            assigned.push((column, value));
        }
        Ok(assigned)
    }

    /// Adds what the rule sets to what was sent.
    pub(super) fn preset(
        &self,
        face: &Face,
        presets: Presets,
        sent: &[Assigned],
        columns: &mut Vec<Assigned>,
    ) -> Result<()> {
        for (column, value) in presets {
            let name = face.column(column).name.as_str();
            let Some(value) = value else {
                let role = self.principal.role.as_str();
                let message =
                    format!("the rule for role {role:?} sets {name:?} from who asks, which is not known here");
                return Err(Error::forbidden(message));
            };
            // It cannot be sent, but a row that this one is linked to may have decided it.
            if columns.iter().any(|(present, _)| *present == column) {
                let message = format!("{name:?} cannot be sent here: the rule sets it");
                return Err(Error::invalid(Code::INVALID_VALUE, message).at(name));
            }
            columns.push((column, self.sent_term(face, &value, sent)));
        }
        Ok(())
    }
}

pub(super) fn value_of(table: &Table, column: ColumnId, source: Parameter) -> Term {
    let (data_type, list) = parameter_type(&table.column(column).data_type);
    Term::Parameter {
        source,
        data_type,
        list,
    }
}

/// What finds a row again: its key, else a unique key that is never null, else nothing.
fn identity(table: &Table, face: &Face) -> Vec<ColumnId> {
    let whole =
        |columns: &[ColumnId]| !columns.is_empty() && columns.iter().all(|column| !table.column(*column).nullable);
    // What is unique in a table may repeat in those that inherit from it, unless the configuration says that it does not.
    if table.is_parent {
        return face.key.clone();
    }
    if !table.primary_key.is_empty() {
        return table.primary_key.clone();
    }
    let unique = table.uniques.iter().find(|unique| whole(&unique.columns));
    unique.map_or_else(|| face.key.clone(), |unique| unique.columns.clone())
}

pub(super) fn twice(name: &Name) -> Error {
    Error::invalid(Code::INVALID_VALUE, format!("{:?} was sent twice", name.as_str())).at(name.as_str())
}
