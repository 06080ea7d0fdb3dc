//! From tables to faces: exposed names, keys, relations, functions.
//!
//! Everything here is a function of the database's names and the configuration, never of the order in which a backend
//! reports its tables: the same schema gives the same names in every process.

mod columns;
mod functions;
mod relations;
#[cfg(test)]
mod tests;

use super::{Catalog, Column, ColumnId, Database, DatabaseKind, Face, FaceId, FaceSettings, Roots, Settings, Table};
use super::{TableId, TableKind};
use crate::error::nearest;
use crate::ident::Name;
use crate::value::Type;
use std::collections::HashSet;

/// The keys of `[tables.<t>.roots]`.
const ROOTS: [&str; 13] = [
    "select",
    "select_by_pk",
    "select_aggregate",
    "select_group",
    "select_connection",
    "select_stream",
    "insert",
    "insert_one",
    "update",
    "update_by_pk",
    "update_many",
    "delete",
    "delete_by_pk",
];

/// A finding: the configuration's key, and what is wrong there.
type Finding = (String, String);

/// Makes the exposed side.
///
/// # Errors
/// Every finding about the settings (unknown table, column, function …), each with the key that it is about, such as
/// `tables.book.relations.author.columns`, and the nearest right name.
pub fn expose(mut database: Database, settings: &Settings) -> Result<Catalog, Vec<Finding>> {
    for table in database.tables.iter_mut().filter(|table| is_view(table)) {
        table.columns.iter_mut().for_each(|column| column.nullable = true);
    }
    let schema = default_schema(&database, settings);
    let mut findings = Vec::new();
    let mut notices = Vec::new();
    let entries = entries(
        &Tables {
            database: &database,
            schema: &schema,
        },
        settings,
        &mut findings,
    );
    columns::set_geometries(&mut database, &entries, &mut findings);

    let tables = Tables {
        database: &database,
        schema: &schema,
    };
    let names = face_names(&tables, &entries, &mut findings, &mut notices);
    let mut faces = Vec::with_capacity(entries.len());
    for (entry, name) in entries.iter().zip(names) {
        let mut face = columns::face(&tables, entry, name, &mut findings, &mut notices);
        if let Some(settings) = entry.settings {
            face.roots = roots(settings, &mut findings);
            face.computed = functions::computed(&tables, &face, settings, &mut findings);
        }
        face.id = FaceId(u32::try_from(faces.len()).unwrap_or(u32::MAX));
        faces.push(face);
    }
    distinct_roots(&faces, &mut findings);
    relations::add(&tables, &entries, &mut faces, &mut findings, &mut notices);
    for (entry, face) in entries.iter().zip(&mut faces) {
        face.expand = entry
            .settings
            .and_then(|settings| columns::expand(&tables, face, settings, &mut findings));
    }
    let users = tables.users(&settings.users_table);
    for (entry, face) in entries.iter().zip(&mut faces) {
        let Some(settings) = entry.settings else { continue };
        face.conflict = settings.conflict;
        if settings.autofill {
            face.autofill = columns::autofill(&tables, face, users, settings, &mut findings);
        }
    }
    let functions = functions::listed(&tables, &faces, &entries, settings, &mut findings);
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Catalog {
        functions,
        users,
        notices,
        ..Catalog::assemble(database, faces)
    })
}

/// A face to be made.
struct Entry<'a> {
    table: TableId,
    settings: Option<&'a FaceSettings>,
    /// The face of the table's own name, where foreign keys lead.
    own: bool,
}

/// The database's tables, found by the names that the configuration writes.
struct Tables<'a> {
    database: &'a Database,
    schema: &'a str,
}

impl<'a> Tables<'a> {
    fn get(&self, id: TableId) -> &'a Table {
        self.database.table(id)
    }

    fn ids(&self) -> impl Iterator<Item = TableId> + use<> {
        (0..u32::try_from(self.database.tables.len()).unwrap_or(u32::MAX)).map(TableId)
    }

    fn is_default(&self, table: &Table) -> bool {
        table
            .schema
            .as_ref()
            .is_none_or(|schema| schema.as_str() == self.schema)
    }

    /// The name that the configuration has for a table: `table`, or `schema.table` outside the default schema.
    fn label(&self, table: &Table) -> String {
        match &table.schema {
            Some(schema) if schema.as_str() != self.schema => format!("{}.{}", schema.as_str(), table.name.as_str()),
            _ => table.name.as_str().to_owned(),
        }
    }

    /// The table of users. Names of SQLite have no case.
    fn users(&self, name: &str) -> Option<TableId> {
        let lax = || {
            self.ids().find(|id| {
                self.database.kind == DatabaseKind::Sqlite && self.get(*id).name.as_str().eq_ignore_ascii_case(name)
            })
        };
        self.find(name)
            .or_else(|| self.database.table_named(None, name))
            .or_else(lax)
            .filter(|id| !self.database.is_private(self.get(*id)))
    }

    /// The table of a name in the configuration: `table` in the default schema, or `schema.table`.
    fn find(&self, name: &str) -> Option<TableId> {
        let tables = || self.ids().map(|id| (id, self.get(id)));
        let own = tables().find(|(_, table)| table.name.as_str() == name && self.is_default(table));
        let qualified = || {
            tables().find(|(_, table)| {
                let schema = table.schema.as_ref().map(|schema| schema.as_str());
                schema.is_some_and(|schema| is_qualified(name, schema, table.name.as_str()))
            })
        };
        own.or_else(qualified).map(|(id, _)| id)
    }

    fn unknown(&self, name: &str) -> String {
        let labels: Vec<String> = self.database.tables.iter().map(|table| self.label(table)).collect();
        unknown("table", name, "the database", labels.iter().map(String::as_str))
    }
}

/// Whether `name` is `schema.item`; both may have dots of their own.
fn is_qualified(name: &str, schema: &str, item: &str) -> bool {
    name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')) == Some(item)
}

fn default_schema(database: &Database, settings: &Settings) -> String {
    let mut schemas: Vec<&str> = database
        .tables
        .iter()
        .filter_map(|table| Some(table.schema.as_ref()?.as_str()))
        .collect();
    schemas.sort_unstable();
    let first = schemas.iter().find(|schema| **schema == "public").or(schemas.first());
    settings
        .schema
        .as_deref()
        .or(first.copied())
        .unwrap_or("public")
        .to_owned()
}

/// "there is no column "nme" in table "book", did you mean "name"?"
fn unknown<'a>(what: &str, wrong: &str, place: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let message = format!("there is no {what} {wrong:?} in {place}");
    match nearest(wrong, candidates) {
        Some(near) => format!("{message}, did you mean {near:?}?"),
        None => message,
    }
}

fn is_view(table: &Table) -> bool {
    matches!(table.kind, TableKind::View | TableKind::MaterializedView)
}

/// The faces to be made: each table's own in the order of their names, the default schema first; then the further ones in
/// the configuration's order.
fn entries<'a>(tables: &Tables<'_>, settings: &'a Settings, findings: &mut Vec<Finding>) -> Vec<Entry<'a>> {
    let mut listed: Vec<Option<&FaceSettings>> = vec![None; tables.database.tables.len()];
    let mut further = Vec::new();
    for face in &settings.faces {
        let key = format!("tables.{}", face.entry);
        let wanted = face.table.as_deref().unwrap_or(&face.entry);
        let table_key = if face.table.is_some() {
            format!("{key}.table")
        } else {
            key.clone()
        };
        let Some(id) = tables.find(wanted) else {
            let hint = if wanted == settings.users_table {
                "; the table of users ([auth] users_table) is made with the first user, by signing up or `diglot user add`: \
                 make the table, or that user, before this entry"
            } else if face.table.is_none() {
                "; an entry of another name says `table = \"…\"`"
            } else {
                ""
            };
            findings.push((table_key, tables.unknown(wanted) + hint));
            continue;
        };
        if tables.database.is_private(tables.get(id)) {
            findings.push((
                table_key,
                format!("{wanted:?} is a table of Diglot's own and cannot be exposed"),
            ));
        } else if face.table.is_some() && tables.find(&face.entry) != Some(id) {
            further.push(Entry {
                table: id,
                settings: Some(face),
                own: false,
            });
        } else if let Some(other) = listed[id.0 as usize] {
            findings.push((
                key,
                format!("[tables.{}] is the same table: write one entry", other.entry),
            ));
        } else {
            listed[id.0 as usize] = Some(face);
        }
    }
    let mut own: Vec<Entry<'_>> = tables
        .ids()
        .filter(|id| !tables.database.is_private(tables.get(*id)))
        .map(|table| Entry {
            table,
            settings: listed[table.0 as usize],
            own: true,
        })
        .filter(|entry| entry.settings.is_some() || !settings.only_listed)
        .collect();
    own.sort_by_key(|entry| {
        let table = tables.get(entry.table);
        (!tables.is_default(table), table.schema.clone(), table.name.clone())
    });
    own.extend(further);
    own
}

/// Exposed names. Configured ones (and the names of further entries) stand; of the tables' own names, the later in order
/// gets a number.
fn face_names(
    tables: &Tables<'_>,
    entries: &[Entry<'_>],
    findings: &mut Vec<Finding>,
    notices: &mut Vec<String>,
) -> Vec<Name> {
    let configured = |entry: &Entry<'_>| {
        let settings = entry.settings?;
        settings
            .name
            .clone()
            .or_else(|| (!entry.own).then(|| settings.entry.clone()))
    };
    let plain = |table: &Table| match &table.schema {
        Some(schema) if !tables.is_default(table) => format!("{}_{}", schema.as_str(), table.name.as_str()),
        _ => table.name.as_str().to_owned(),
    };
    let mut names = Names::default();
    for entry in entries {
        if let (Some(name), Some(settings)) = (configured(entry), entry.settings) {
            let place = if settings.name.is_some() { ".name" } else { "" };
            let key = format!("tables.{}{place}", settings.entry);
            if name.is_empty() {
                findings.push((key, "an exposed name cannot be empty".into()));
            } else if !names.claim(&name) {
                findings.push((
                    key,
                    format!("another entry has the name {name:?} too: give one of them another `name`"),
                ));
            }
        }
    }
    let own = entries.iter().filter(|entry| configured(entry).is_none());
    names.reserve(own.map(|entry| plain(tables.get(entry.table))));
    let name = |entry: &Entry<'_>| {
        configured(entry).unwrap_or_else(|| {
            let table = tables.get(entry.table);
            let wanted = plain(table);
            let name = names.take(&wanted);
            if name != wanted {
                let label = tables.label(table);
                notices.push(format!(
                    "table {label:?} is exposed as {name:?}, because the name {wanted:?} is taken"
                ));
            }
            name
        })
    };
    entries.iter().map(name).map(Name::new).collect()
}

/// Names that are taken, and names that others will ask for.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    reserved: HashSet<String>,
}

impl Names {
    /// Takes a name; false if it was taken before.
    fn claim(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// Keeps names that have an owner from being given away as somebody's numbered name.
    fn reserve(&mut self, names: impl Iterator<Item = String>) {
        self.reserved.extend(names);
    }

    /// Takes a name, or the first free one of `name_2`, `name_3` ….
    fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1_u32;
        while (number > 1 && self.reserved.contains(&name)) || !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        name
    }
}

/// Checks the words and names of `[tables.<t>.roots]`.
fn roots(settings: &FaceSettings, findings: &mut Vec<Finding>) -> Roots {
    let mut words: Vec<(&String, &String)> = settings.roots.iter().collect();
    words.sort();
    for (word, name) in words {
        let key = format!("tables.{}.roots.{word}", settings.entry);
        if !ROOTS.contains(&word.as_str()) {
            let message = unknown("root", word, "GraphQL's roots of a table", ROOTS);
            findings.push((key, format!("{message} (there are {})", ROOTS.join(", "))));
        } else if !is_graphql_name(name) {
            let rule = "letters, digits and _, not beginning with a digit or __";
            findings.push((key, format!("{name:?} is no name in GraphQL: {rule}")));
        }
    }
    Roots(settings.roots.clone())
}

/// Two roots of one operation type cannot have one name.
fn distinct_roots(faces: &[Face], findings: &mut Vec<Finding>) {
    let mut taken = HashSet::new();
    for face in faces {
        for word in ROOTS {
            if let Some(name) = face.roots.0.get(word)
                && !taken.insert((word.starts_with("select"), word == "select_stream", name))
            {
                let key = format!("tables.{}.roots.{word}", face.entry);
                findings.push((key, format!("another root has the name {name:?} too")));
            }
        }
    }
}

fn is_graphql_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && !name.starts_with("__")
}

/// The physical columns that a list of the configuration names; unknown ones are findings.
fn columns_named(
    tables: &Tables<'_>,
    table: TableId,
    names: &[String],
    key: &str,
    findings: &mut Vec<Finding>,
) -> Option<Vec<ColumnId>> {
    let physical = tables.get(table);
    let found = names.iter().map(|name| {
        let id = physical.column_named(name);
        if id.is_none() {
            let place = format!("table {:?}", tables.label(physical));
            let message = unknown(
                "column",
                name,
                &place,
                physical.columns.iter().map(|column| column.name.as_str()),
            );
            findings.push((key.to_owned(), message));
        }
        id
    });
    let found: Vec<Option<ColumnId>> = found.collect();
    found.into_iter().collect()
}

/// Whether a column of SQLite can hold a geometry as GeoJSON, WKT or WKB.
fn can_hold_geometry(column: &Column) -> bool {
    column.data_type.is_text() || column.data_type.is_json() || matches!(column.data_type, Type::Bytes | Type::Geometry)
}
