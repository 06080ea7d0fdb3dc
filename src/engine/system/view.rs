//! Diglot's own tables and the users' as the server itself sees them: everything, under their own names.

use super::super::Snapshot;
use super::USERS;
use crate::catalog::{Catalog, ColumnId, Face, FaceId, Join, Relation, SQLITE_PREFIX, TableId};
use crate::ident::Name;
use crate::rules::{Cell, CreateAccess, FaceAccess, Predicate, ReadAccess, UpdateAccess, View, Views};
use std::sync::Arc;

/// The role; no view of a catalog that requests are resolved against has it.
pub(super) const ROLE: &str = "system";

/// The column by which rows of Diglot's own belong to a user.
const USER_ID: &str = "user_id";

pub(super) fn snapshot(catalog: &Catalog, number: u64) -> Snapshot {
    let database = catalog.database.clone();
    let ids = (0..u32::try_from(database.tables.len()).unwrap_or(u32::MAX)).map(TableId);
    let mut faces = Vec::new();
    if let Some(users) = catalog.users {
        let mut face = Face::plain(users, database.table(users));
        face.name = Name::new(USERS);
        faces.push(face);
    }
    for id in ids.filter(|id| database.is_private(database.table(*id))) {
        let table = database.table(id);
        let mut face = Face::plain(id, table);
        let name = table.name.as_str();
        face.name = Name::new(
            name.get(SQLITE_PREFIX.len()..)
                .filter(|_| table.schema.is_none())
                .unwrap_or(name),
        );
        // Rows that come with a new user get its key, whatever the database made of it.
        if let (Some(users), Some(own)) = (catalog.users, table.column_named(USER_ID))
            && let [key] = database.table(users).primary_key.as_slice()
        {
            face.relations.push(Relation {
                name: Name::new("user"),
                target: FaceId(0),
                many: false,
                join: Join::Direct {
                    columns: vec![own],
                    references: vec![*key],
                },
                column: Some(own),
            });
        }
        faces.push(face);
    }
    let mut own = Catalog::assemble(database, faces);
    own.users = catalog.users;
    let view = View {
        role: Name::new(ROLE),
        faces: own
            .faces
            .iter()
            .map(|face| Some(Arc::new(everything(&own, face))))
            .collect(),
        functions: Vec::new(),
    };
    let views = Views::from([(Name::new(ROLE), Arc::new(view))]);
    Snapshot::assemble(Arc::new(own), views, number)
}

fn everything(catalog: &Catalog, face: &Face) -> FaceAccess {
    let table = catalog.table(face.table);
    let writable = |column: ColumnId| table.column(column).generated.is_none();
    let columns: Box<[bool]> = table.column_ids().map(writable).collect();
    FaceAccess {
        read: Some(ReadAccess {
            rule: Predicate::TRUE,
            cells: vec![Cell::Visible; table.columns.len()],
            counted: None,
            limit: None,
            aggregate: true,
            computed: Vec::new(),
        }),
        create: Some(CreateAccess {
            check: Predicate::TRUE,
            columns: columns.clone(),
            set: Vec::new(),
            backend_only: false,
        }),
        update: Some(UpdateAccess {
            rule: Predicate::TRUE,
            check: Predicate::TRUE,
            columns,
            set: Vec::new(),
            backend_only: false,
        }),
        delete: Some(Predicate::TRUE),
        schema: true,
    }
}
