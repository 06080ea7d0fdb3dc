//! What a table without access blocks gives, by its columns and its name.

use super::super::Predicate;
use super::super::compile::compile;
use super::super::view::FaceAccess;
use super::{Builder, Rights};
use crate::catalog::{Face, Table, TableId, TableKind};
use crate::config::AccessDefault;
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
        Some(FaceAccess {
            read: Some(self.whole(face, rule, user)),
            schema: true,
        })
    }

    fn shape<'t>(&'t self, face: &Face) -> Shape<'t> {
        let table = self.catalog.table(face.table);
        let further = self
            .config
            .tables
            .get(&face.entry)
            .is_some_and(|entry| entry.table.is_some());
        let ordinary = matches!(table.kind, TableKind::Table | TableKind::ForeignTable);
        if table.system || further || !ordinary {
            return Shape::Closed;
        }
        if self.is_users(face.table) {
            return Shape::Users;
        }
        match owner_column(table) {
            Some(_) if table.name.as_str().starts_with("public_") => Shape::Shared,
            Some(column) => Shape::Owned(column),
            None => Shape::Open,
        }
    }

    fn is_users(&self, table: TableId) -> bool {
        let database = &self.catalog.database;
        let name = self.options.users_table.as_str();
        let found = match name.split_once('.') {
            Some((schema, name)) => database.table_named(Some(schema), name),
            None => self
                .catalog
                .faces
                .iter()
                .find(|face| face.entry == name && self.catalog.table(face.table).name.as_str() == name)
                .map(|face| face.table)
                .or_else(|| database.table_named(None, name)),
        };
        found == Some(table)
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
        if self.options.default != AccessDefault::Convention {
            return;
        }
        let anonymous = Name::new(Principal::ANONYMOUS);
        let mut warnings = Vec::new();
        for (face, index) in self.catalog.faces.iter().zip(0_u32..) {
            let by_convention = self
                .config
                .tables
                .get(&face.entry)
                .is_none_or(|entry| entry.access.is_empty());
            let opened = by_convention
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
                let kept = owner_column(target).is_some() || self.is_users(key.table);
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

/// The column that by convention holds the owner.
fn owner_column(table: &Table) -> Option<&str> {
    ["user_id", "userId"]
        .into_iter()
        .find(|name| table.column_named(name).is_some())
}
