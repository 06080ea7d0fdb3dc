//! One access block: `[tables.<t>.access.<role>]`.

use super::super::Predicate;
use super::super::compile::suggestion;
use super::super::view::{Cell, FaceAccess, ReadAccess};
use super::Builder;
use crate::catalog::Face;
use crate::config::{self, RoleAccess};
use crate::ident::Name;
use crate::principal::Principal;

impl Builder<'_> {
    /// What a block gives; `None`: no right at all.
    pub(super) fn block(&mut self, role: &Name, face: &Face, access: &RoleAccess) -> Option<FaceAccess> {
        let place = format!("tables.{}.access.{}", face.entry, role);
        let read = access
            .read
            .as_ref()
            .and_then(|read| self.read(role, face, read, &format!("{place}.read")));
        let create = access
            .create
            .as_ref()
            .and_then(|create| self.create(face, create, &format!("{place}.create")));
        let update = access
            .update
            .as_ref()
            .and_then(|update| self.update(face, update, &format!("{place}.update")));
        let delete = access
            .delete
            .as_ref()
            .and_then(|delete| self.delete(face, delete, &format!("{place}.delete")));
        let takes = self.catalog.table(face.table).writable;
        for (key, has, taken, rows) in [
            ("create", create.is_some(), takes.insert, "new rows"),
            ("update", update.is_some(), takes.update, "changes"),
            ("delete", delete.is_some(), takes.delete, "deletes"),
        ] {
            // Of a database that is only read nothing is worth a word.
            if has && !taken && !self.catalog.database.read_only {
                let name = face.name.as_str();
                let message = format!(
                    "the database takes no {rows} through {name:?}, so the right gives nothing (it takes {})",
                    takes.words()
                );
                self.warn(&format!("{place}.{key}"), None, message);
            }
        }
        let schema = access.schema.unwrap_or(read.is_some());
        let known = schema || read.is_some() || create.is_some() || update.is_some() || delete.is_some();
        known.then_some(FaceAccess {
            read,
            create,
            update,
            delete,
            schema,
        })
    }

    fn read(&mut self, role: &Name, face: &Face, read: &config::ReadAccess, place: &str) -> Option<ReadAccess> {
        let by_default = role.as_str() != Principal::ANONYMOUS;
        match read {
            config::ReadAccess::Rule(rule) => {
                let rule = self.read_rule(face, rule, place)?;
                Some(self.whole(face, rule, by_default))
            }
            config::ReadAccess::Table {
                rule,
                columns,
                except,
                limit,
                aggregate,
            } => {
                let (cells, computed) = self.cells(face, columns.as_deref(), except.as_deref(), place);
                let rule = match rule {
                    None => Predicate::TRUE,
                    Some(rule) => self.read_rule(face, rule, &format!("{place}.rule"))?,
                };
                Some(ReadAccess {
                    rule,
                    cells,
                    counted: None,
                    limit: *limit,
                    aggregate: aggregate.unwrap_or(by_default),
                    computed,
                })
            }
        }
    }

    /// Reading rows whole, apart from columns that begin with `_`.
    pub(super) fn whole(&self, face: &Face, rule: Predicate, aggregate: bool) -> ReadAccess {
        ReadAccess {
            rule,
            cells: self.plain_cells(face),
            counted: None,
            limit: None,
            aggregate,
            computed: Vec::new(),
        }
    }

    fn plain_cells(&self, face: &Face) -> Vec<Cell> {
        self.catalog
            .table(face.table)
            .columns
            .iter()
            .map(|column| {
                if column.name.as_str().starts_with('_') {
                    Cell::Hidden
                } else {
                    Cell::Visible
                }
            })
            .collect()
    }

    /// Cells and computed fields by `columns` or `except`.
    fn cells(
        &mut self,
        face: &Face,
        columns: Option<&[String]>,
        except: Option<&[String]>,
        place: &str,
    ) -> (Vec<Cell>, Vec<Name>) {
        if columns.is_some() && except.is_some() {
            self.error(place, None, "give either columns or except, not both");
        }
        let mut computed = Vec::new();
        if let Some(columns) = columns {
            let mut cells = vec![Cell::Hidden; self.catalog.table(face.table).columns.len()];
            for name in columns {
                let found = face.computed.iter().find(|computed| computed.name.as_str() == name);
                let column = self.catalog.table(face.table).column_named(name);
                match (column, found) {
                    (Some(column), _) => cells[column.0 as usize] = Cell::Visible,
                    (None, Some(found)) => computed.push(found.name.clone()),
                    (None, None) => self.unknown_column(face, name, &format!("{place}.columns")),
                }
            }
            return (cells, computed);
        }
        let mut cells = self.plain_cells(face);
        for name in except.unwrap_or_default() {
            match self.catalog.table(face.table).column_named(name) {
                Some(column) => cells[column.0 as usize] = Cell::Hidden,
                None => self.unknown_column(face, name, &format!("{place}.except")),
            }
        }
        (cells, computed)
    }

    pub(super) fn unknown_column(&mut self, face: &Face, name: &str, place: &str) {
        let table = self.catalog.table(face.table);
        let hint = match face.column_named(name) {
            Some(column) => format!(
                "; columns are named as in the database: {:?}",
                table.column(column).name.as_str()
            ),
            None => {
                let columns = table.columns.iter().map(|column| column.name.as_str());
                let computed = face.computed.iter().map(|computed| computed.name.as_str());
                suggestion(name, columns.chain(computed))
            }
        };
        let of = table.name.as_str();
        self.error(place, None, format!("unknown column {name:?} of {of:?}{hint}"));
    }
}
