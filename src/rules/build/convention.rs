//! What a table without access blocks gives, by its columns and its name.

use super::super::Predicate;
use super::super::compile::compile;
use super::super::view::{Cell, CreateAccess, FaceAccess, ReadAccess, UpdateAccess};
use super::super::{Parameter, Term};
use super::openness::{self, Openness, Width};
use super::{Builder, Rights};
use crate::catalog::{Face, Table, TableId, speaks_of_secrets};
use crate::config::AccessDefault;
use crate::error::Verbs;
use crate::ident::Name;
use crate::principal::Principal;
use std::collections::HashMap;

/// What the convention takes a table for.
enum Shape<'t> {
    /// It never opens.
    Closed,
    /// Everybody sees only the own row.
    Users,
    /// Rows belong to the user in this column.
    Owned(&'t str),
    /// The same, and every signed-in caller reads them.
    Shared,
    /// Anybody reads.
    Open,
}

impl Shape<'_> {
    fn width(&self) -> Width {
        match self {
            Shape::Closed => Width::Closed,
            Shape::Users | Shape::Owned(_) => Width::Own,
            Shape::Shared => Width::Shared,
            Shape::Open => Width::Open,
        }
    }
}

impl Builder<'_> {
    /// What a role without its own word gets. Roles that are configured get nothing by convention.
    pub(super) fn convention(&mut self, role: &Name, face: &Face) -> Option<FaceAccess> {
        let anonymous = role.as_str() == Principal::ANONYMOUS;
        let user = role.as_str() == Principal::USER;
        if !anonymous && !user {
            return None;
        }
        let rule = match self.shape(face) {
            Shape::Open => Predicate::TRUE,
            Shape::Shared if user => Predicate::TRUE,
            Shape::Owned(column) if user => {
                let column = column.to_owned();
                self.owner_rule(face, &column)?
            }
            Shape::Users if user => {
                let Some(key) = self.users_key(face) else {
                    self.warn(
                        &format!("tables.{}", face.entry),
                        None,
                        "the users table has no single key column, so nobody but the admin reads it; write access blocks",
                    );
                    return None;
                };
                self.owner_rule(face, &key)?
            }
            // An owner-scoped table is no secret: by signing in a caller gets rows of their own.
            Shape::Shared | Shape::Owned(_) => return Some(FaceAccess::default()),
            Shape::Closed | Shape::Users => return None,
        };
        let (create, update, delete) = match user.then(|| self.convention_writes(face)).flatten() {
            Some((create, update, delete)) => (Some(create), Some(update), Some(delete)),
            None => (None, None, None),
        };
        let mut read = self.whole(face, rule, user);
        if self.catalog.users == Some(face.table) {
            read = self.without_secrets(face, read);
        }
        Some(FaceAccess {
            read: Some(read),
            create,
            update,
            delete,
            schema: true,
        })
    }

    /// What a signed-in caller may write by convention: an owner's rows where there are owners, all where there are none.
    fn convention_writes(&mut self, face: &Face) -> Option<(CreateAccess, UpdateAccess, Predicate)> {
        let owner = match self.shape(face) {
            Shape::Owned(column) => Some(column.to_owned()),
            Shape::Shared => owner_column(self.catalog.table(face.table)).map(str::to_owned),
            Shape::Open => None,
            Shape::Closed | Shape::Users => return None,
        };
        let table = self.catalog.table(face.table);
        if table.writable != Verbs::ALL {
            return None;
        }
        let mut set = Vec::new();
        let mut rule = Predicate::TRUE;
        let mut kept = Vec::new();
        if let Some(owner) = owner {
            rule = self.owner_rule(face, &owner)?;
            let column = table.column_named(&owner)?;
            let (data_type, list) = super::super::predicate::parameter_type(&table.column(column).data_type);
            let source = Parameter::Session("id".into());
            set.push((
                column,
                Term::Parameter {
                    source,
                    data_type,
                    list,
                },
            ));
            kept.push(column);
        }
        let columns = self.writable_columns(face, &kept);
        let create = CreateAccess {
            check: rule.clone(),
            columns: columns.clone(),
            set,
            backend_only: false,
        };
        let update = UpdateAccess {
            rule: rule.clone(),
            check: rule.clone(),
            columns,
            set: Vec::new(),
            backend_only: false,
        };
        Some((create, update, rule))
    }

    /// What a rule reads decides about other rows, so nobody writes it by convention.
    pub(super) fn keep_what_rules_read(&mut self, own: &mut HashMap<Name, Rights>) {
        for (face, index) in self.catalog.faces.iter().zip(0_usize..) {
            if !self.by_convention(face) || !self.read_by_rules.contains(&face.table) {
                continue;
            }
            for (role, rights) in own.iter_mut() {
                if role.as_str() != Principal::ADMIN
                    && let Some(access) = rights.get_mut(index).and_then(Option::as_mut)
                {
                    let access = std::sync::Arc::make_mut(access);
                    (access.create, access.update, access.delete) = (None, None, None);
                }
            }
        }
    }

    /// Whether the convention speaks for a face: no face of its table has access blocks.
    pub(super) fn by_convention(&self, face: &Face) -> bool {
        self.options.default == AccessDefault::Convention && !self.blocked.contains(&face.table)
    }

    fn is_further(&self, face: &Face) -> bool {
        let entry = self.config.tables.get(&face.entry);
        entry.is_some_and(|entry| entry.table.is_some())
    }

    fn shape(&self, face: &Face) -> Shape<'_> {
        if self.is_further(face) {
            return Shape::Closed;
        }
        self.shape_of(face.table)
    }

    /// What a table is taken for, not more open than it was in the schema before.
    fn shape_of(&self, table: TableId) -> Shape<'_> {
        let shape = self.plain_shape(table);
        match self.limits.get(table.0 as usize) {
            Some(Some(limit)) if shape.width() > *limit => Shape::Closed,
            _ => shape,
        }
    }

    fn plain_shape(&self, id: TableId) -> Shape<'_> {
        let table = self.catalog.table(id);
        if !openness::is_ordinary(table) {
            return Shape::Closed;
        }
        if self.catalog.users == Some(id) {
            return Shape::Users;
        }
        match owner_column(table) {
            Some(_) if table.name.as_str().starts_with("public_") => Shape::Shared,
            Some(column) => Shape::Owned(column),
            None => Shape::Open,
        }
    }

    fn tables(&self) -> impl Iterator<Item = TableId> + use<> {
        (0..u32::try_from(self.catalog.database.tables.len()).unwrap_or(u32::MAX)).map(TableId)
    }

    /// How far the convention opens each table now, for the next schema.
    pub(super) fn openness(&self) -> Openness {
        let widths = self.tables().map(|table| self.plain_shape(table).width());
        Openness::of(self.catalog, self.options.before.as_ref(), widths)
    }

    /// Names the tables that stay closed because they were less open before the schema changed.
    pub(super) fn warn_of_held_tables(&mut self) {
        let held: Vec<(String, String)> = self
            .catalog
            .faces
            .iter()
            .filter(|face| self.by_convention(face) && matches!(self.shape(face), Shape::Closed))
            .filter(|face| openness::is_ordinary(self.catalog.table(face.table)))
            .filter(|face| !self.is_further(face))
            .map(|face| {
                let message = format!(
                    "the changed schema would open {:?} further than it was before, by convention; it stays closed until a restart, write access blocks",
                    self.catalog.table(face.table).name.as_str()
                );
                (format!("tables.{}", face.entry), message)
            })
            .collect();
        for (place, message) in held {
            self.warn(&place, None, message);
        }
    }

    /// Names every table that the convention opens although its columns speak of secrets.
    pub(super) fn warn_of_secrets(&mut self) {
        let mut warnings = Vec::new();
        for face in self.catalog.faces.iter().filter(|face| self.by_convention(face)) {
            let to = match self.shape(face) {
                Shape::Open => "anonymous callers",
                Shape::Shared => "every signed-in caller",
                Shape::Closed | Shape::Users | Shape::Owned(_) => continue,
            };
            let table = self.catalog.table(face.table);
            let secret = table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .find(|name| !name.starts_with('_') && speaks_of_secrets(name));
            if let Some(column) = secret {
                let message = format!(
                    "{:?} is open to {to} by convention although its column {column:?} speaks of secrets; write access blocks if that is not meant",
                    table.name.as_str()
                );
                warnings.push((format!("tables.{}", face.entry), message));
            }
        }
        for (place, message) in warnings {
            self.warn(&place, None, message);
        }
    }

    /// A parent is open to nobody by convention, which wants a word.
    pub(super) fn warn_of_parents(&mut self) {
        let mut warnings = Vec::new();
        for face in self.catalog.faces.iter().filter(|face| self.by_convention(face)) {
            let table = self.catalog.table(face.table);
            if table.is_parent && !table.system {
                let message = format!(
                    "{:?} is the parent of other tables, and its rows are theirs too, so nobody reads it by convention; write access blocks",
                    table.name.as_str()
                );
                warnings.push((format!("tables.{}", face.entry), message));
            }
        }
        for (place, message) in warnings {
            self.warn(&place, None, message);
        }
    }

    /// Of the own row in the table of users everything but passwords, tokens, secrets and hashes.
    fn without_secrets(&self, face: &Face, mut read: ReadAccess) -> ReadAccess {
        let columns = &self.catalog.table(face.table).columns;
        for (cell, column) in read.cells.iter_mut().zip(columns) {
            if speaks_of_secrets(column.name.as_str()) {
                *cell = Cell::Hidden;
            }
        }
        read
    }

    /// `id`, or the only column of the primary key.
    fn users_key(&self, face: &Face) -> Option<String> {
        let table = self.catalog.table(face.table);
        match table.primary_key.as_slice() {
            [only] => Some(table.column(*only).name.as_str().to_owned()),
            _ => table.column_named("id").map(|_| "id".to_owned()),
        }
    }

    fn owner_rule(&mut self, face: &Face, column: &str) -> Option<Predicate> {
        let text = format!("\"{}\" = _USER_.id", column.replace('"', "\"\""));
        match compile(self.catalog, face.id, &text) {
            Ok(compiled) => Some(compiled.predicate),
            Err(problem) => {
                self.warn(
                    &format!("tables.{}", face.entry),
                    None,
                    format!(
                        "by convention {column:?} is the owner, but {}; nobody but the admin reads it, write access blocks",
                        problem.message
                    ),
                );
                None
            }
        }
    }

    /// Names every table that the convention opens to anybody although it refers to one that it keeps for its owners.
    pub(super) fn warn_of_references(&mut self, own: &HashMap<Name, Rights>) {
        let anonymous = Name::new(Principal::ANONYMOUS);
        let mut warnings = Vec::new();
        for (face, index) in self.catalog.faces.iter().zip(0_u32..) {
            let opened = self.by_convention(face)
                && matches!(self.shape(face), Shape::Open)
                && own
                    .get(&anonymous)
                    .and_then(|rights| rights.get(index as usize))
                    .is_some_and(Option::is_some);
            if !opened {
                continue;
            }
            let table = self.catalog.table(face.table);
            for key in &table.foreign_keys {
                let target = self.catalog.table(key.table);
                let kept = owner_column(target).is_some() || self.catalog.users == Some(key.table);
                if kept && key.table != face.table {
                    warnings.push((
                        format!("tables.{}", face.entry),
                        format!(
                            "{:?} is open to anonymous callers by convention although it refers to {:?}, whose rows belong to their owners; write access blocks if that is not meant",
                            table.name.as_str(),
                            target.name.as_str()
                        ),
                    ));
                    break;
                }
            }
        }
        for (place, message) in warnings {
            self.warn(&place, None, message);
        }
    }
}

/// The column that by convention holds the owner: `user_id` or `userId`, however a database writes it (`USER_ID`,
/// `UserId`, `userid`).
fn owner_column(table: &Table) -> Option<&str> {
    let plain = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).eq("userid".chars())
    };
    ["user_id", "userId"]
        .into_iter()
        .find(|name| table.column_named(name).is_some())
        .or_else(|| {
            table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .find(|name| plain(name))
        })
}
