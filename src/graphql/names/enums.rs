//! Enums from enum tables: which columns have them.

use crate::catalog::{Catalog, ColumnId, FaceId, TableId};
use crate::graphql::words::is_enum_value;
use crate::value::Type;
use std::collections::HashMap;

/// The enum tables of a snapshot; their enums are numbered after the database's own.
#[derive(Debug, Default)]
pub(super) struct EnumTables {
    first: usize,
    faces: Vec<FaceId>,
    columns: HashMap<(TableId, ColumnId), Type>,
}

impl EnumTables {
    /// Enum tables whose values can be values of GraphQL, and the columns that refer to them.
    pub(super) fn new(catalog: &Catalog, renames: &mut Vec<String>) -> Self {
        let first = catalog.database.enums.len();
        let mut faces = Vec::new();
        let mut keys: HashMap<(TableId, ColumnId), Type> = HashMap::new();
        for face in catalog.faces.iter().filter(|face| face.enum_table) {
            let [key] = face.key.as_slice() else { continue };
            if face.enum_values.is_empty() || keys.contains_key(&(face.table, *key)) {
                continue;
            }
            if let Some((wrong, _)) = face.enum_values.iter().find(|(value, _)| !is_enum_value(value)) {
                renames.push(format!(
                    "GraphQL: table {:?} becomes no enum, because {wrong:?} can be no enum value",
                    face.name.as_str()
                ));
                continue;
            }
            let id = u32::try_from(first + faces.len()).unwrap_or(u32::MAX);
            keys.insert((face.table, *key), Type::Enum(id));
            faces.push(face.id);
        }
        let mut columns = HashMap::new();
        if !faces.is_empty() {
            for (id, table) in (0u32..).map(TableId).zip(&catalog.database.tables) {
                for foreign in &table.foreign_keys {
                    if let ([column], [reference]) = (foreign.columns.as_slice(), foreign.references.as_slice())
                        && let Some(own) = keys.get(&(foreign.table, *reference))
                    {
                        columns.entry((id, *column)).or_insert_with(|| own.clone());
                    }
                }
            }
        }
        Self { first, faces, columns }
    }

    /// Enum tables, with the number of their enum.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, FaceId)> {
        self.faces
            .iter()
            .enumerate()
            .map(|(index, face)| (u32::try_from(self.first + index).unwrap_or(u32::MAX), *face))
    }

    /// The enum table of an enum; `None` for an enum of the database.
    pub(super) fn face(&self, id: u32) -> Option<FaceId> {
        self.faces.get((id as usize).checked_sub(self.first)?).copied()
    }

    /// The enum of a column that refers to an enum table.
    pub(super) fn column(&self, table: TableId, column: ColumnId) -> Option<&Type> {
        self.columns.get(&(table, column))
    }
}
