//! A face's columns, its key, what may be expanded.

use super::{Entry, Finding, Names, Tables, can_hold_geometry, columns_named, unknown};
use crate::catalog::{ColumnId, Database, DatabaseKind, Face, FaceSettings, TableKind};
use crate::ident::Name;
use crate::value::Type;

/// Gives the columns that the configuration calls geometries their type. It belongs to the table, so to all its faces.
pub(super) fn set_geometries(database: &mut Database, entries: &[Entry<'_>], findings: &mut Vec<Finding>) {
    let kind = database.kind;
    for entry in entries {
        let Some(settings) = entry.settings else { continue };
        let table = &mut database.tables[entry.table.0 as usize];
        for (name, _, _) in settings.columns.iter().filter(|(_, _, geometry)| *geometry) {
            let key = format!("tables.{}.columns.{name}.geometry", settings.entry);
            let Some(column) = table.columns.iter_mut().find(|column| column.name.as_str() == name) else {
                continue; // `face` tells of it.
            };
            if kind == DatabaseKind::Postgres {
                findings.push((
                    key,
                    "PostGIS columns are found by themselves; `geometry` is for SQLite".into(),
                ));
            } else if can_hold_geometry(column) {
                column.data_type = Type::Geometry;
            } else {
                let message = format!(
                    "a geometry is text or a blob, column {name:?} is {}",
                    column.data_type.word()
                );
                findings.push((key, message));
            }
        }
    }
}

/// A face with its columns and key; relations come later.
pub(super) fn face(
    tables: &Tables<'_>,
    entry: &Entry<'_>,
    name: Name,
    findings: &mut Vec<Finding>,
    notices: &mut Vec<String>,
) -> Face {
    let table = tables.get(entry.table);
    let mut face = Face {
        entry: tables.label(table),
        name,
        ..Face::plain(entry.table, table)
    };
    if let Some(settings) = entry.settings {
        face.entry.clone_from(&settings.entry);
        rename(tables, &mut face, settings, findings, notices);
        set_key(tables, &mut face, settings, findings);
        face.enum_table = settings.enum_table;
        let texts = |column: &ColumnId| table.column(*column).data_type.is_text();
        if face.enum_table && !(face.key.len() == 1 && face.key.iter().all(texts)) {
            let key = format!("tables.{}.enum", settings.entry);
            findings.push((key, "an enum table has a key of one text column: its values".into()));
        }
    }
    face
}

/// Exposed names of columns. Configured ones stand; a column's own name that one of them takes gets a number.
fn rename(
    tables: &Tables<'_>,
    face: &mut Face,
    settings: &FaceSettings,
    findings: &mut Vec<Finding>,
    notices: &mut Vec<String>,
) {
    let table = tables.get(face.table);
    let mut names = Names::default();
    let mut configured: Vec<Option<&str>> = vec![None; table.columns.len()];
    for (column, name, _) in &settings.columns {
        let key = format!("tables.{}.columns.{column}", settings.entry);
        let Some(id) = table.column_named(column) else {
            let place = format!("table {:?}", tables.label(table));
            let columns = table.columns.iter().map(|column| column.name.as_str());
            findings.push((key, unknown("column", column, &place, columns)));
            continue;
        };
        let Some(name) = name else { continue };
        if name.is_empty() {
            findings.push((format!("{key}.name"), "an exposed name cannot be empty".into()));
        } else if !names.claim(name) {
            findings.push((
                format!("{key}.name"),
                format!("another column has the name {name:?} too"),
            ));
        }
        configured[id.0 as usize] = Some(name);
    }
    let own = |index: usize| table.columns[index].name.as_str();
    let others = (0..configured.len()).filter(|index| configured[*index].is_none());
    names.reserve(others.map(|index| own(index).to_owned()));
    for (index, column) in face.columns.iter_mut().enumerate() {
        let name = configured[index].map_or_else(|| names.take(own(index)), str::to_owned);
        if configured[index].is_none() && name != own(index) {
            let table = tables.label(table);
            let wanted = own(index);
            notices.push(format!(
                "column {wanted:?} of {table:?} is exposed as {name:?}, because its name is taken"
            ));
        }
        column.name = Name::new(name);
    }
}

/// The configured key: for views, and for tables that have no primary key. That it is one is believed where the database
/// cannot say.
fn set_key(tables: &Tables<'_>, face: &mut Face, settings: &FaceSettings, findings: &mut Vec<Finding>) {
    if settings.key.is_empty() {
        return;
    }
    let table = tables.get(face.table);
    let key = format!("tables.{}.key", settings.entry);
    let Some(columns) = columns_named(tables, face.table, &settings.key, &key, findings) else {
        return;
    };
    if (1..columns.len()).any(|index| columns[..index].contains(&columns[index])) {
        findings.push((key, "a column stands in it twice".into()));
    } else if table.kind == TableKind::Table && !table.is_parent && !table.is_unique(&columns) {
        findings.push((
            key,
            "these columns are not unique in the table, so they are no key of it".into(),
        ));
    } else {
        face.key = columns;
    }
}

/// The columns that the Records API may expand: each needs a relation to one row.
pub(super) fn expand(
    tables: &Tables<'_>,
    face: &Face,
    settings: &FaceSettings,
    findings: &mut Vec<Finding>,
) -> Option<Vec<ColumnId>> {
    let key = format!("tables.{}.expand", settings.entry);
    let columns = columns_named(tables, face.table, settings.expand.as_ref()?, &key, findings)?;
    for column in &columns {
        if !face.relations.iter().any(|relation| relation.column == Some(*column)) {
            let name = tables.get(face.table).column(*column).name.as_str();
            let message = format!("column {name:?} refers to no exposed table, so there is nothing to expand");
            findings.push((key.clone(), message));
        }
    }
    Some(columns)
}
