//! Writes: rights, columns, presets and checks of every change, and what is read back through the read rule.

use super::decide::{Presets, solve_create, solve_update};
use super::{Authorized, Entered, Resolver, guard};
use crate::catalog::{Catalog, ColumnId, Default, Face, Generated, Join, Table};
use crate::error::{Code, Error, Kind, Result};
use crate::ident::Name;
use crate::principal::{Credential, Principal};
use crate::request::{
    self, Assignment, ConflictAction, ConflictTarget, Expression, Filter, Formats, Insert, Link, RowGroup, Side,
};
use crate::rules::predicate::parameter_type;
use crate::rules::types::are_comparable;
use crate::rules::{
    Cell, Change, Conflict, CreateAccess, Decisions, From, Group, Parameter, Predicate, ReadAccess, Right, Select,
    Term, Touch, UpdateAccess, View, Within, Write, solve, substitute,
};
use crate::value::Datum;
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
struct Done<'a> {
    face: &'a Face,
    write: Write,
}

/// A column and what it gets.
type Assigned = (ColumnId, Term);

impl<'a> Resolver<'a> {
    fn write(&mut self, index: usize, write: &request::Write, done: &mut [Done<'a>]) -> Result<Done<'a>> {
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
                let rule = self.of_what_was_sent(&rule, &assigned);
                let targets = self.targets(&entered, rule, filter.as_ref())?;
                strict = self.readable(&entered, filter.as_ref(), write.strict)?;
                let within = self.within(face, within.as_ref(), done)?;
                let check = self.of_what_was_sent(&check, &assigned);
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
                }
            }
            request::Change::Delete { filter, within } => {
                let rule = self.right(face, Right::Delete, |access| access.delete.as_ref())?;
                let rule = solve::solve(rule, self.principal, &mut self.decisions);
                let targets = self.targets(&entered, rule, filter.as_ref())?;
                strict = self.readable(&entered, filter.as_ref(), write.strict)?;
                let within = self.within(face, within.as_ref(), done)?;
                Change::Delete { targets, within }
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
        };
        Ok(Done { face, write })
    }

    /// The table as the caller may read it. Who may not read it at all knows the keys of the rows that they write.
    fn reading(&mut self, face: &'a Face) -> Result<Entered<'a>> {
        match self.enter(face) {
            Ok(entered) => Ok(entered),
            Err(_) => Ok(self.keys_of(face)),
        }
    }

    /// The table as somebody knows it who has written rows of it and reads nothing: their keys.
    fn keys_of(&self, face: &'a Face) -> Entered<'a> {
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

    /// One right on a face, if the caller has it.
    fn right<T>(
        &mut self,
        face: &Face,
        right: Right,
        of: impl FnOnce(&'a crate::rules::FaceAccess) -> Option<&'a T>,
    ) -> Result<&'a T>
    where
        T: Restricted,
    {
        let scope = self.principal.scope.as_deref();
        let scoped = scope.and_then(|scope| match right {
            Right::Read => scope.read.as_ref(),
            Right::Create => scope.create.as_ref(),
            Right::Update => scope.update.as_ref(),
            Right::Delete => scope.delete.as_ref(),
        });
        let access = self
            .view
            .face(face.id)
            .and_then(of)
            .filter(|_| scoped.is_none_or(|faces| faces.contains(&face.name)))
            .filter(|access| !access.backend_only() || self.principal.backend_only);
        let writable = self.catalog.table(face.table).writable;
        let Some(access) = access.filter(|_| writable) else {
            return Err(self.refused(face, right));
        };
        self.touched.push(Touch { face: face.id, right });
        Ok(access)
    }

    fn refused(&self, face: &Face, right: Right) -> Error {
        let (doing, verb) = match right {
            Right::Read => ("reading", "read"),
            Right::Create => ("creating rows of", "create rows of"),
            Right::Update => ("changing", "change"),
            Right::Delete => ("deleting rows of", "delete rows of"),
        };
        let name = face.name.as_str();
        if !self.catalog.table(face.table).writable {
            let message = format!("{name:?} cannot be written: the database takes no writes through it");
            return Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message);
        }
        if self.principal.credential == Credential::None {
            let message = format!("{doing} {name:?} needs credentials");
            return Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message);
        }
        let role = self.principal.role.as_str();
        Error::forbidden(format!("role {role:?} may not {verb} {name:?}"))
    }

    /// Which rows a change is for: those that it may be made on, that can be read, and that were asked for.
    fn targets(&mut self, entered: &Entered<'a>, rule: Predicate, filter: Option<&Filter>) -> Result<Predicate> {
        let allowed = Predicate::all([rule, entered.rule.clone()]);
        let Some(filter) = filter else { return Ok(allowed) };
        let filter = self.filter(entered, filter)?;
        let filter = guard::guarded(filter, &allowed, self.catalog);
        Ok(Predicate::all([allowed, filter]))
    }

    /// Which of the rows that were asked for can be read, where it matters.
    fn readable(&mut self, entered: &Entered<'a>, filter: Option<&Filter>, strict: bool) -> Result<Option<Predicate>> {
        if !strict {
            return Ok(None);
        }
        // Who may not read the table learns nothing of its rows.
        if self.view.read(entered.face.id).is_none() {
            return Ok(Some(Predicate::FALSE));
        }
        self.targets(entered, Predicate::TRUE, filter).map(Some)
    }

    fn returning(
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

    fn insert(&mut self, entered: &Entered<'a>, insert: &Insert, done: &mut [Done<'a>]) -> Result<Change> {
        let face = entered.face;
        let access = self.right(face, Right::Create, |access| access.create.as_ref())?;
        let (check, presets) = solve_create(access, self.principal, &mut self.decisions);
        let upsert = match &insert.conflict {
            None => None,
            Some(conflict) => Some(self.conflict(entered, conflict)?),
        };
        let mut groups = Vec::with_capacity(insert.groups.len());
        for group in &insert.groups {
            let sent = self.sent(face, access, group, done)?;
            let mut columns = sent.clone();
            self.preset(face, presets.clone(), &sent, &mut columns)?;
            let mut set = Vec::new();
            let mut set_check = Predicate::TRUE;
            let (mut allowed, mut wanted) = (Predicate::TRUE, Predicate::TRUE);
            if let Some(Upsert {
                conflict: Conflict::Update { key },
                update: Some(update),
            }) = &upsert
            {
                let chosen = self.chosen(face, update, key, &sent)?;
                set_check = self.of_what_was_sent(&update.check, &chosen);
                allowed = self.of_what_was_sent(&update.allowed, &chosen);
                wanted = self.of_what_was_sent(&update.wanted, &chosen);
                set = chosen.clone();
                self.preset(face, update.presets.clone(), &chosen, &mut set)?;
            }
            groups.push(Group {
                rows: group.rows,
                leading: u16::try_from(group.links.len() + 1).unwrap_or(u16::MAX),
                check: self.of_what_was_sent(&check, &sent),
                columns,
                allowed,
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

    /// What was sent for new rows, and what they get from rows that they are linked to.
    fn sent(
        &mut self,
        face: &'a Face,
        access: &CreateAccess,
        group: &RowGroup,
        done: &mut [Done<'a>],
    ) -> Result<Vec<Assigned>> {
        let table = self.catalog.table(face.table);
        let leading = group.links.len() + 1;
        let mut sent = Vec::with_capacity(group.columns.len());
        for (index, name) in group.columns.iter().enumerate() {
            let column = self.writable(face, &access.columns, name, Right::Create)?;
            if sent.iter().any(|(present, _)| *present == column) {
                return Err(twice(name));
            }
            let index = u16::try_from(leading + index).unwrap_or(u16::MAX);
            sent.push((column, value_of(table, column, Parameter::Row(group.rows, index))));
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
        Ok(sent)
    }

    /// A column gets its value from a row of an earlier write.
    fn linked(
        &self,
        face: &Face,
        writable: &[bool],
        column: ColumnId,
        source: Parameter,
        sent: &mut Vec<Assigned>,
    ) -> Result<()> {
        let name = face.column(column).name.as_str();
        if !writable.get(column.0 as usize).copied().unwrap_or(false) {
            let role = self.principal.role.as_str();
            let message = format!("role {role:?} may not write {name:?} of {:?}", face.name.as_str());
            return Err(Error::forbidden(message).at(name));
        }
        if sent.iter().any(|(present, _)| *present == column) {
            let message = format!("{name:?} cannot be sent here: the row that it refers to decides it");
            return Err(Error::invalid(Code::INVALID_VALUE, message).at(name));
        }
        sent.push((column, value_of(self.catalog.table(face.table), column, source)));
        Ok(())
    }

    fn link_once(
        &mut self,
        face: &'a Face,
        writable: &[bool],
        links: &[Link],
        sent: &mut Vec<Assigned>,
        done: &mut [Done<'a>],
    ) -> Result<()> {
        for link in links {
            let write = u16::try_from(link.write).unwrap_or(u16::MAX);
            for (column, kept) in self.joined(face, link, done)? {
                self.linked(face, writable, column, Parameter::Written { write, kept }, sent)?;
            }
        }
        Ok(())
    }

    fn within(&mut self, face: &'a Face, link: Option<&Link>, done: &mut [Done<'a>]) -> Result<Option<Within>> {
        let Some(link) = link else { return Ok(None) };
        let (columns, kept) = self.joined(face, link, done)?.into_iter().unzip();
        Ok(Some(Within {
            write: u16::try_from(link.write).unwrap_or(u16::MAX),
            columns,
            kept,
        }))
    }

    /// Columns of this face that a link joins with what the earlier write keeps.
    fn joined(&mut self, face: &'a Face, link: &Link, done: &mut [Done<'a>]) -> Result<Vec<(ColumnId, u16)>> {
        let lost = || Error::internal("a link to a write that is not an earlier one, or over no relation between them");
        let earlier = done.get(link.write).ok_or_else(lost)?.face;
        let (owner, other) = match link.side {
            Side::Own => (face, earlier),
            Side::Theirs | Side::Near => (earlier, face),
            Side::Far { parent } => (done.get(parent).ok_or_else(lost)?.face, earlier),
        };
        let owner = self.reading(owner)?;
        let relation = self.relation(&owner, &link.relation)?;
        let pairs: Vec<(ColumnId, ColumnId)> = match (&relation.join, link.side) {
            (Join::Direct { columns, references }, Side::Own) if relation.target == other.id => {
                columns.iter().copied().zip(references.iter().copied()).collect()
            }
            (Join::Direct { columns, references }, Side::Theirs) if relation.target == other.id => {
                references.iter().copied().zip(columns.iter().copied()).collect()
            }
            (
                Join::Through {
                    face: through,
                    columns,
                    near,
                    ..
                },
                Side::Near,
            ) if *through == face.id => near.iter().copied().zip(columns.iter().copied()).collect(),
            (
                Join::Through {
                    face: through,
                    far,
                    references,
                    ..
                },
                Side::Far { .. },
            ) if *through == face.id && relation.target == earlier.id => {
                far.iter().copied().zip(references.iter().copied()).collect()
            }
            _ => return Err(lost()),
        };
        let keeps = &mut done.get_mut(link.write).ok_or_else(lost)?.write.kept;
        Ok(pairs
            .into_iter()
            .map(|(own, theirs)| {
                let kept = keeps.iter().position(|kept| *kept == theirs).unwrap_or_else(|| {
                    keeps.push(theirs);
                    keeps.len() - 1
                });
                (own, u16::try_from(kept).unwrap_or(u16::MAX))
            })
            .collect())
    }

    /// A column that may be sent.
    fn writable(&self, face: &Face, writable: &[bool], name: &Name, right: Right) -> Result<ColumnId> {
        let table = self.catalog.table(face.table);
        let may = |column: ColumnId| writable.get(column.0 as usize).copied().unwrap_or(false);
        let found = face.column_named(name.as_str());
        if let Some(column) = found.filter(|column| may(*column)) {
            return Ok(column);
        }
        let readable = |column: ColumnId| {
            let cell = self
                .view
                .read(face.id)
                .and_then(|read| read.cells.get(column.0 as usize));
            cell.is_some_and(|cell| *cell != Cell::Hidden)
        };
        if let Some(column) = found.filter(|column| readable(*column)) {
            let physical = table.column(column);
            let message = match (physical.generated, &physical.default) {
                (Some(Generated::Stored | Generated::Virtual), _) => {
                    format!("{:?} is computed by the database and cannot be sent", name.as_str())
                }
                (_, Some(Default::Identity { always: true })) => {
                    format!("{:?} is numbered by the database and cannot be sent", name.as_str())
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
    fn assignments(
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
    fn preset(&self, face: &Face, presets: Presets, sent: &[Assigned], columns: &mut Vec<Assigned>) -> Result<()> {
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
            columns.push((column, self.sent_term(&value, sent)));
        }
        Ok(())
    }

    fn of_what_was_sent(&self, rule: &Predicate, sent: &[Assigned]) -> Predicate {
        substitute::predicate(rule, &|parameter| sent_value(parameter, sent))
    }

    fn sent_term(&self, term: &Term, sent: &[Assigned]) -> Term {
        substitute::term(term, &|parameter| sent_value(parameter, sent))
    }

    fn conflict(&mut self, entered: &Entered<'a>, conflict: &request::Conflict) -> Result<Upsert> {
        let face = entered.face;
        let key = self.conflict_key(face, &conflict.target)?;
        let (columns, filter) = match &conflict.action {
            ConflictAction::Ignore => {
                return Ok(Upsert {
                    conflict: Conflict::Ignore { key },
                    update: None,
                });
            }
            ConflictAction::Update { columns, filter } => (columns, filter),
        };
        if key.is_empty() {
            let message = format!(
                "which key of {:?} is meant must be said to change the row",
                face.name.as_str()
            );
            return Err(Error::invalid(Code::NOT_SUPPORTED, message));
        }
        let access = self.right(face, Right::Update, |access| access.update.as_ref())?;
        let (rule, check, presets) = solve_update(access, self.principal, &mut self.decisions);
        let allowed = Predicate::all([rule, entered.rule.clone()]);
        let wanted = match filter {
            None => Predicate::TRUE,
            Some(filter) => {
                let filter = self.filter(entered, filter)?;
                guard::guarded(filter, &allowed, self.catalog)
            }
        };
        let columns = match columns {
            None => None,
            Some(names) => Some(
                names
                    .iter()
                    .map(|name| self.writable(face, &access.columns, name, Right::Update))
                    .collect::<Result<Vec<_>>>()?,
            ),
        };
        Ok(Upsert {
            conflict: Conflict::Update { key },
            update: Some(UpsertUpdate {
                allowed,
                wanted,
                writable: access.columns.clone(),
                columns,
                check,
                presets,
            }),
        })
    }

    fn conflict_key(&self, face: &Face, target: &ConflictTarget) -> Result<Vec<ColumnId>> {
        let table = self.catalog.table(face.table);
        let name = face.name.as_str();
        match target {
            ConflictTarget::Any => Ok(Vec::new()),
            ConflictTarget::Key if face.key.is_empty() => {
                let message = format!("{name:?} has no key; `key` of its configuration may name one");
                Err(Error::invalid(Code::NOT_SUPPORTED, message))
            }
            ConflictTarget::Key => Ok(face.key.clone()),
            ConflictTarget::Columns(names) => {
                let entered_columns = names
                    .iter()
                    .map(|column| {
                        face.column_named(column.as_str()).ok_or_else(|| {
                            let names = face.columns.iter().map(|column| column.name.as_str());
                            Error::unknown(
                                Kind::Invalid,
                                Code::UNKNOWN_COLUMN,
                                "column",
                                column.as_str(),
                                Some(name),
                                names,
                            )
                        })
                    })
                    .collect::<Result<Vec<_>>>()?;
                let same = |key: &[ColumnId]| {
                    key.len() == entered_columns.len() && key.iter().all(|column| entered_columns.contains(column))
                };
                if same(&table.primary_key) || table.uniques.iter().any(|unique| same(&unique.columns)) {
                    Ok(entered_columns)
                } else {
                    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
                    let message = format!("{} of {name:?} is no unique key", names.join(", "));
                    Err(Error::invalid(Code::NOT_SUPPORTED, message))
                }
            }
            ConflictTarget::Constraint(constraint) => {
                let is =
                    |own: Option<&crate::ident::Identifier>| own.is_some_and(|own| own.as_str() == constraint.as_str());
                if is(table.primary_key_name.as_ref()) {
                    return Ok(table.primary_key.clone());
                }
                let found = table.uniques.iter().find(|unique| is(Some(&unique.name)));
                found.map(|unique| unique.columns.clone()).ok_or_else(|| {
                    let names = table.uniques.iter().map(|unique| unique.name.as_str());
                    let names = names.chain(table.primary_key_name.as_ref().map(|name| name.as_str()));
                    Error::unknown(
                        Kind::Invalid,
                        Code::UNKNOWN_COLUMN,
                        "constraint",
                        constraint.as_str(),
                        Some(name),
                        names,
                    )
                })
            }
        }
    }

    /// What an upsert changes of a row that stands: the columns that were asked for, else all that were sent but the key.
    fn chosen(&self, face: &Face, update: &UpsertUpdate, key: &[ColumnId], sent: &[Assigned]) -> Result<Vec<Assigned>> {
        let is_sent = |column: &ColumnId| sent.iter().find(|(own, _)| own == column).cloned();
        if let Some(columns) = &update.columns {
            return columns
                .iter()
                .map(|column| {
                    is_sent(column).ok_or_else(|| {
                        let name = face.column(*column).name.as_str();
                        let message = format!("{name:?} is to be changed, but was not sent");
                        Error::invalid(Code::INVALID_VALUE, message).at(name)
                    })
                })
                .collect();
        }
        for (column, _) in sent.iter().filter(|(column, _)| !key.contains(column)) {
            let name = &face.column(*column).name;
            self.writable(face, &update.writable, name, Right::Update)?;
        }
        Ok(sent
            .iter()
            .filter(|(column, _)| !key.contains(column))
            .cloned()
            .collect())
    }
}

/// What an insert does with rows that stand.
struct Upsert {
    conflict: Conflict,
    update: Option<UpsertUpdate>,
}

struct UpsertUpdate {
    allowed: Predicate,
    wanted: Predicate,
    writable: Box<[bool]>,
    columns: Option<Vec<ColumnId>>,
    check: Predicate,
    presets: Presets,
}

/// A right that may be for the backend alone.
trait Restricted {
    fn backend_only(&self) -> bool;
}

impl Restricted for CreateAccess {
    fn backend_only(&self) -> bool {
        self.backend_only
    }
}

impl Restricted for UpdateAccess {
    fn backend_only(&self) -> bool {
        self.backend_only
    }
}

impl Restricted for Predicate {
    fn backend_only(&self) -> bool {
        false
    }
}

/// What stands in the place of what was sent.
fn sent_value(parameter: &Parameter, sent: &[Assigned]) -> Option<Term> {
    let constant = |value: Datum, data_type| Term::Parameter {
        source: Parameter::Constant(value),
        data_type,
        list: false,
    };
    match parameter {
        Parameter::Sent(column) => {
            let found = sent.iter().find(|(own, _)| own == column);
            Some(found.map_or_else(
                || constant(Datum::Null, crate::value::Type::TEXT),
                |(_, term)| term.clone(),
            ))
        }
        Parameter::IsSent(column) => {
            let is_sent = sent.iter().any(|(own, _)| own == column);
            Some(constant(Datum::Boolean(is_sent), crate::value::Type::Boolean))
        }
        _ => None,
    }
}

fn value_of(table: &Table, column: ColumnId, source: Parameter) -> Term {
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
    if !table.primary_key.is_empty() {
        return table.primary_key.clone();
    }
    let unique = table.uniques.iter().find(|unique| whole(&unique.columns));
    unique.map_or_else(|| face.key.clone(), |unique| unique.columns.clone())
}

fn twice(name: &Name) -> Error {
    Error::invalid(Code::INVALID_VALUE, format!("{:?} was sent twice", name.as_str())).at(name.as_str())
}
