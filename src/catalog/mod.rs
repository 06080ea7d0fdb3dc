//! What the database holds and what of it is exposed.
//!
//! [`Database`] is the physical side as a backend reads it; [`Catalog`] adds the exposed side: faces, relations, names.
//! Both are immutable; a change of the schema makes a new one.

mod expose;
mod face;
mod held;
mod physical;
mod secrecy;
mod settings;

pub use expose::expose;
pub use face::{
    Computed, ConflictMode, ExposedFunction, Face, FaceColumn, FaceId, FunctionId, Join, Relation, RelationId, Roots,
};
pub use physical::{
    Column, ColumnId, Composite, Database, DatabaseKind, Default, EnumType, Extension, ForeignKey, Function,
    FunctionArgument, FunctionResult, Generated, LARGE, POSTGRES_SCHEMA, SQLITE_PREFIX, Table, TableId, TableKind,
    Unique,
};
pub use secrecy::{speaks_of_rights, speaks_of_secrets};
pub use settings::{ComputedSettings, FaceSettings, FunctionSettings, RelationSettings, Settings};

use crate::ident::Name;
use std::collections::HashMap;

/// The physical database and its exposed faces.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Tables, keys, types as they are.
    pub database: Database,
    /// Exposed faces; a [`FaceId`] is an index here.
    pub faces: Vec<Face>,
    /// Exposed functions.
    pub functions: Vec<ExposedFunction>,
    /// The table of users, whose rows belong to themselves.
    pub users: Option<TableId>,
    /// What was renamed or left out, for the start-up lines and `check`.
    pub notices: Vec<String>,
    names: HashMap<Name, FaceId>,
}

impl Catalog {
    /// Puts faces on a database: gives them their ids, in this order, and makes the maps of names. Of two faces of one
    /// name the first is found by it; [`expose`] never makes any.
    #[must_use]
    pub fn assemble(database: Database, mut faces: Vec<Face>) -> Self {
        let mut names = HashMap::new();
        for (id, face) in (0..=u32::MAX).map(FaceId).zip(&mut faces) {
            face.id = id;
            face.index();
            names.entry(face.name.clone()).or_insert(id);
        }
        Self {
            database,
            faces,
            functions: Vec::new(),
            users: None,
            notices: Vec::new(),
            names,
        }
    }

    /// The face of an exposed name.
    #[must_use]
    pub fn face_named(&self, name: &str) -> Option<&Face> {
        self.names.get(name).map(|id| self.face(*id))
    }

    /// A face.
    #[must_use]
    pub fn face(&self, id: FaceId) -> &Face {
        &self.faces[id.0 as usize]
    }

    /// A physical table.
    #[must_use]
    pub fn table(&self, id: TableId) -> &Table {
        &self.database.tables[id.0 as usize]
    }

    /// The physical table under a face.
    #[must_use]
    pub fn table_of(&self, face: FaceId) -> &Table {
        self.table(self.face(face).table)
    }
}
