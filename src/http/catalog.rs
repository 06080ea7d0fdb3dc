//! What a role may see of the catalog, as JSON for people and pages.

use crate::catalog::{Catalog, ColumnId, DatabaseKind, Face, FaceId, Join, TableKind};
use crate::engine::Snapshot;
use crate::principal::Principal;
use crate::rules::{Cell, View};
use crate::value::Type;
use serde_json::{Value, json};

/// `{"role","tables":[…]}`: tables, columns and relations that a caller may read, and may know the schema of, under their
/// exposed names.
#[must_use]
pub fn catalog_of(snapshot: &Snapshot, principal: &Principal) -> Value {
    let catalog = &snapshot.catalog;
    let role = principal.role.as_str();
    let scope = principal.scope.as_ref().and_then(|scope| scope.read.as_ref());
    let in_scope = |face: &Face| scope.is_none_or(|faces| faces.contains(&face.name));
    let tables: Vec<Value> = match snapshot.view(role) {
        Some(view) => catalog
            .faces
            .iter()
            .filter(|face| in_scope(face))
            .filter_map(|face| table(catalog, view, face, &in_scope))
            .collect(),
        None => Vec::new(),
    };
    json!({ "role": role, "tables": tables })
}

/// The same for a caller whom the server does not tell its schema.
pub(super) fn untold(principal: &Principal) -> Value {
    json!({ "role": principal.role.as_str(), "tables": [] })
}

fn table(catalog: &Catalog, view: &View, face: &Face, in_scope: &impl Fn(&Face) -> bool) -> Option<Value> {
    let access = view.face(face.id).filter(|access| access.schema)?;
    let read = access.read.as_ref()?;
    let physical = catalog.table(face.table);
    let seen = |ids: &[ColumnId]| ids.iter().all(|id| view.can_read(face.id, *id));
    let columns: Vec<Value> = physical
        .column_ids()
        .filter(|id| view.can_read(face.id, *id))
        .map(|id| {
            let column = physical.column(id);
            // A cell that some rows hide is null there.
            let partly = matches!(read.cells.get(usize::from(id.0)), Some(Cell::Where(_)));
            json!({
                "name": face.column(id).name.as_str(),
                "type": type_word(&column.data_type),
                "nullable": column.nullable || partly,
                "key": face.key.contains(&id),
                "enum": values(catalog, &column.data_type),
            })
        })
        .collect();
    let key: Vec<&str> = if seen(&face.key) {
        names(face, &face.key)
    } else {
        Vec::new()
    };
    let knows = |id: FaceId| in_scope(catalog.face(id)) && view.face(id).is_some_and(|access| access.schema);
    let relations: Vec<Value> = face
        .relations
        .iter()
        .filter(|relation| view.can_follow(face.id, relation) && knows(relation.target))
        .filter(|relation| match &relation.join {
            Join::Direct { .. } => true,
            Join::Through { face: through, .. } => in_scope(catalog.face(*through)),
        })
        .map(|relation| {
            let target = catalog.face(relation.target);
            // What can be followed joins columns that the role reads.
            let (columns, references) = match &relation.join {
                Join::Direct { columns, references } => (names(face, columns), names(target, references)),
                Join::Through { .. } => Default::default(),
            };
            json!({
                "name": relation.name.as_str(),
                "table": target.name.as_str(),
                "many": relation.many,
                "columns": columns,
                "references": references,
            })
        })
        .collect();
    Some(json!({
        "name": face.name.as_str(),
        "kind": match physical.kind {
            TableKind::View | TableKind::MaterializedView => "view",
            TableKind::Table | TableKind::ForeignTable | TableKind::VirtualTable => "table",
        },
        "comment": physical.comment,
        "columns": columns,
        "key": key,
        "relations": relations,
    }))
}

fn names<'a>(face: &'a Face, ids: &[ColumnId]) -> Vec<&'a str> {
    ids.iter().map(|id| face.column(*id).name.as_str()).collect()
}

fn type_word(data_type: &Type) -> String {
    match data_type {
        Type::Array(element) => format!("{}[]", type_word(element)),
        other => other.word().to_owned(),
    }
}

fn values<'a>(catalog: &'a Catalog, data_type: &Type) -> Option<&'a [String]> {
    match data_type {
        Type::Enum(index) => catalog
            .database
            .enums
            .get(*index as usize)
            .map(|list| list.values.as_slice()),
        _ => None,
    }
}

/// The word for a database in messages to operators.
#[must_use]
pub fn database_word(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Sqlite => "SQLite",
        DatabaseKind::Postgres => "PostgreSQL",
    }
}
