//! What a dialect may look at while it parses: the catalog as far as the caller's role sees it.

use crate::catalog::{Catalog, Column, ColumnId, Face, FaceColumn, Relation, Table};
use crate::config;
use crate::engine::Snapshot;
use crate::error::{Code, Error, Kind, Result};
use crate::principal::{Credential, Principal};
use crate::rules::View;
use crate::value::Type;

/// What a dialect may look at while it parses.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The snapshot of this request.
    pub snapshot: &'a Snapshot,
    /// What the caller's role may see.
    pub view: &'a View,
    /// Who asks.
    pub principal: &'a Principal,
    /// `[rest]`
    pub settings: &'a config::Rest,
}

impl<'a> Scene<'a> {
    /// The catalog.
    pub(super) fn catalog(&self) -> &'a Catalog {
        &self.snapshot.catalog
    }

    /// The physical table of a face.
    pub(super) fn table(&self, face: &Face) -> &'a Table {
        self.catalog().table(face.table)
    }

    /// Whether the caller may read a face at all: by its role, and by its token.
    pub(super) fn may_read(&self, face: &Face) -> bool {
        self.view.read(face.id).is_some() && self.in_scope(face)
    }

    /// Whether the caller is anybody at all, and not one of all who show nothing.
    pub(super) fn is_somebody(&self) -> bool {
        self.principal.role.as_str() != Principal::ANONYMOUS
    }

    /// Whether the caller's token is for a face.
    pub(super) fn in_scope(&self, face: &Face) -> bool {
        let scope = self.principal.scope.as_ref().and_then(|scope| scope.read.as_ref());
        scope.is_none_or(|faces| faces.contains(&face.name))
    }

    /// Faces that the role knows, in the catalog's order.
    pub(super) fn known(self) -> impl Iterator<Item = &'a Face> {
        let faces = self.catalog().faces.iter();
        faces.filter(move |face| self.view.face(face.id).is_some())
    }

    /// The face of a name that the caller's role knows; `served` says which faces the dialect serves at all.
    ///
    /// A table that the convention keeps for its owners is known to everybody, as the documents of both dialects have it:
    /// an anonymous caller is refused, not told that it does not exist.
    ///
    /// # Errors
    /// Unknown, or refused.
    pub(super) fn face(&self, name: &str, served: impl Fn(&Face) -> bool) -> Result<&'a Face> {
        let face = self.catalog().face_named(name).filter(|face| served(face));
        match face {
            Some(face) if self.view.face(face.id).is_some() => return Ok(face),
            _ => {}
        }
        let known = self
            .catalog()
            .faces
            .iter()
            .filter(|face| served(face) && self.view.face(face.id).is_some());
        let names = known.map(|face| face.name.as_str());
        Err(Error::unknown(
            Kind::NotFound,
            Code::UNKNOWN_TABLE,
            "table",
            &shortened(name),
            None,
            names,
        ))
    }

    /// Refuses a face that cannot be read, before its columns are looked at.
    pub(super) fn check_read(&self, face: &Face) -> Result<()> {
        if self.may_read(face) {
            Ok(())
        } else {
            Err(self.refusal(face))
        }
    }

    fn refusal(&self, face: &Face) -> Error {
        let name = face.name.as_str();
        if self.principal.credential == Credential::None {
            Error::new(
                Kind::Unauthenticated,
                Code::UNAUTHENTICATED,
                format!("reading {name:?} needs credentials"),
            )
        } else {
            Error::forbidden(format!("role {:?} may not read {name:?}", self.principal.role.as_str()))
        }
    }

    /// Whether the caller may create rows of a face at all.
    pub(super) fn may_create(&self, face: &Face) -> bool {
        let scope = self.principal.scope.as_ref().and_then(|scope| scope.create.as_ref());
        let access = self.view.face(face.id).and_then(|access| access.create.as_ref());
        self.table(face).writable.insert
            && access.is_some_and(|access| !access.backend_only || self.principal.backend_only)
            && scope.is_none_or(|faces| faces.contains(&face.name))
    }

    /// Whether the caller may change rows of a face at all.
    pub(super) fn may_update(&self, face: &Face) -> bool {
        let scope = self.principal.scope.as_ref().and_then(|scope| scope.update.as_ref());
        let access = self.view.face(face.id).and_then(|access| access.update.as_ref());
        self.table(face).writable.update
            && access.is_some_and(|access| !access.backend_only || self.principal.backend_only)
            && scope.is_none_or(|faces| faces.contains(&face.name))
    }

    /// Whether the caller may delete rows of a face at all.
    pub(super) fn may_delete(&self, face: &Face) -> bool {
        let scope = self.principal.scope.as_ref().and_then(|scope| scope.delete.as_ref());
        self.table(face).writable.delete
            && self.view.face(face.id).is_some_and(|access| access.delete.is_some())
            && scope.is_none_or(|faces| faces.contains(&face.name))
    }

    /// Whether the caller may send a column of new rows.
    pub(super) fn can_send(&self, face: &Face, column: ColumnId) -> bool {
        let access = self.view.face(face.id).and_then(|access| access.create.as_ref());
        access.is_some_and(|access| access.columns.get(column.0 as usize) == Some(&true))
    }

    /// Whether the caller may change a column of rows.
    pub(super) fn can_change(&self, face: &Face, column: ColumnId) -> bool {
        let access = self.view.face(face.id).and_then(|access| access.update.as_ref());
        access.is_some_and(|access| access.columns.get(column.0 as usize) == Some(&true))
    }

    /// Whether a column of new rows is set by the rule, so that it cannot be sent.
    pub(super) fn is_preset(&self, face: &Face, column: ColumnId) -> bool {
        let access = self.view.face(face.id);
        let create = access.and_then(|access| access.create.as_ref());
        create.is_some_and(|create| create.set.iter().any(|(own, _)| *own == column))
    }

    /// What a path with an id says where rows cannot be told apart by a key that the role may read.
    pub(super) fn no_key(&self, face: &Face) -> String {
        format!("rows of {:?} have no key to read one of them by", face.name.as_str())
    }

    /// Columns that the role may read, in the table's order.
    pub(super) fn columns(self, face: &'a Face) -> impl Iterator<Item = (ColumnId, &'a FaceColumn)> {
        let named = (0u16..).map(ColumnId).zip(&face.columns);
        named.filter(move |(id, _)| self.view.can_read(face.id, *id))
    }

    /// A column of an exposed name that the role may read.
    pub(super) fn column(&self, face: &Face, name: &str) -> Option<ColumnId> {
        face.column_named(name).filter(|id| self.view.can_read(face.id, *id))
    }

    /// A column as the database has it.
    pub(super) fn physical(&self, face: &Face, column: ColumnId) -> &'a Column {
        self.table(face).column(column)
    }

    /// A column that is not there, as far as the role may know.
    pub(super) fn unknown_column(self, face: &'a Face, name: &str) -> Error {
        let names = self.columns(face).map(|(_, column)| column.name.as_str());
        let of = Some(face.name.as_str());
        Error::unknown(
            Kind::Invalid,
            Code::UNKNOWN_COLUMN,
            "column",
            &shortened(name),
            of,
            names,
        )
        .at(shortened(name))
    }

    /// Whether every column of the key can be read, and there is one.
    pub(super) fn has_key(&self, face: &Face) -> bool {
        !face.key.is_empty() && face.key.iter().all(|column| self.view.can_read(face.id, *column))
    }

    /// Whether the key tells rows apart: every column of it can be read in every row.
    pub(super) fn has_whole_key(&self, face: &Face) -> bool {
        !face.key.is_empty() && face.key.iter().all(|column| self.view.reads_whole(face.id, *column))
    }

    /// Whether a column holds geometries.
    pub(super) fn is_geometry(&self, face: &Face, column: ColumnId) -> bool {
        self.physical(face, column).data_type == Type::Geometry
    }

    /// The relation that a column leads along, if it is a foreign key of its own that the role can follow.
    pub(super) fn relation_of(&self, face: &'a Face, column: ColumnId) -> Option<&'a Relation> {
        let mut own = face
            .relations
            .iter()
            .filter(|relation| !relation.many && relation.column == Some(column));
        own.find(|relation| {
            self.view.can_follow(face.id, relation) && self.may_read(self.catalog().face(relation.target))
        })
    }
}

/// Names in messages have an end.
fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}
