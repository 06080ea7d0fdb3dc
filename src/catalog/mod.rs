//! What the database holds and what of it is exposed.
//!
//! [`Database`] is the physical side as a backend reads it; [`Catalog`] adds the exposed side: faces, relations, names.
//! Both are immutable; a change of the schema makes a new one.

mod expose;
mod face;
mod physical;

pub use expose::{
    ComputedSettings, ExposedFunction, FaceSettings, FunctionSettings, RelationSettings, Settings, expose,
};
pub use face::{Computed, Face, FaceColumn, FaceId, FunctionId, Join, Relation, RelationId, Roots};
pub use physical::{
    Column, ColumnId, Database, DatabaseKind, Default, EnumType, ForeignKey, Function, FunctionArgument,
    FunctionResult, Generated, Table, TableId, TableKind, Unique,
};

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
    /// What was renamed or left out, for the start-up lines and `check`.
    pub notices: Vec<String>,
    names: HashMap<Name, FaceId>,
}

impl Catalog {
    /// A catalog of faces that are made already; a face's id is its place here.
    #[must_use]
    pub fn assemble(database: Database, faces: Vec<Face>) -> Self {
        let faces: Vec<Face> = faces.into_iter().map(Face::indexed).collect();
        let names = faces.iter().map(|face| (face.name.clone(), face.id)).collect();
        Self {
            database,
            faces,
            functions: Vec::new(),
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
