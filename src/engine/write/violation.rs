//! What a caller is told of a violated constraint: exposed names of what they know, nothing else.

use crate::catalog::{Catalog, Face, FaceId, Table};
use crate::error::{Code, Error, Kind, Violation, ViolationKind};
use crate::rules::{Cell, View};

/// The error with words for the caller, who has written `face`.
pub(super) fn told(mut error: Error, catalog: &Catalog, view: &View, face: Option<FaceId>) -> Error {
    if error.code == Code::OUT_OF_RANGE {
        // Of what a trigger has computed no more is known.
        error.code = Code::INVALID_VALUE;
    }
    let Some(violation) = error.violation.take() else {
        return error;
    };
    let (kind, message, place) = words(&violation, catalog, view, face);
    error.kind = kind;
    error.code = Code::CONSTRAINT;
    error.message = message;
    if let Some(place) = place {
        error.place.get_or_insert(place);
    }
    error.violation = Some(violation);
    error
}

fn words(
    violation: &Violation,
    catalog: &Catalog,
    view: &View,
    written: Option<FaceId>,
) -> (Kind, String, Option<String>) {
    let table = violation.table.as_deref().and_then(|name| {
        let schema = violation.schema.as_deref();
        catalog.database.table_named(schema, name)
    });
    let face = table.and_then(|table| {
        // Another face of the table has names of its own.
        let written = catalog.faces.iter().filter(|face| Some(face.id) == written);
        let mut faces = written.chain(&catalog.faces).filter(|face| face.table == table);
        faces.find(|face| view.face(face.id).is_some())
    });
    let table = table.map(|table| catalog.table(table));
    let names = match (table, face) {
        (Some(table), Some(face)) => columns(violation, table, face, view),
        _ => Vec::new(),
    };
    let joined = names
        .iter()
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let place = names.first().cloned();
    match violation.kind {
        ViolationKind::Unique if names.is_empty() => {
            (Kind::Conflict, "a row with the same key exists already".into(), None)
        }
        ViolationKind::Unique => (
            Kind::Conflict,
            format!("a row with the same {joined} exists already"),
            place,
        ),
        ViolationKind::ForeignKey if names.is_empty() => (
            Kind::Conflict,
            "a row refers to one that is not there, or others still refer to it".into(),
            None,
        ),
        ViolationKind::ForeignKey => (
            Kind::Conflict,
            format!("{joined} refers to a row that is not there, or other rows still refer to this one"),
            place,
        ),
        ViolationKind::NotNull if names.is_empty() => (Kind::Invalid, "a value is missing".into(), None),
        ViolationKind::NotNull => (Kind::Invalid, format!("{joined} is missing and cannot be null"), place),
        ViolationKind::Check if !names.is_empty() => (
            Kind::Invalid,
            format!("the values do not satisfy a condition of the table on {joined}"),
            place,
        ),
        ViolationKind::Check => (
            Kind::Invalid,
            "the values do not satisfy a condition of the table".into(),
            None,
        ),
    }
}

/// The exposed names of the columns that are meant, where the role knows all of them.
fn columns(violation: &Violation, table: &Table, face: &Face, view: &View) -> Vec<String> {
    let constraint = violation.constraint.as_deref();
    let is = |name: Option<&crate::ident::Identifier>| {
        constraint.is_some() && name.map(crate::ident::Identifier::as_str) == constraint
    };
    let ids = if !violation.columns.is_empty() {
        violation
            .columns
            .iter()
            .filter_map(|name| table.column_named(name))
            .collect()
    } else if is(table.primary_key_name.as_ref()) {
        table.primary_key.clone()
    } else if let Some(unique) = table.uniques.iter().find(|unique| is(Some(&unique.name))) {
        unique.columns.clone()
    } else if let Some(check) = table.checks.iter().find(|check| is(Some(&check.name))) {
        check.columns.clone()
    } else if let Some(key) = table.foreign_keys.iter().find(|key| is(key.name.as_ref())) {
        key.columns.clone()
    } else {
        Vec::new()
    };
    let access = view.face(face.id);
    let known = |index: usize| {
        access.is_some_and(|access| {
            let read = access.read.as_ref().and_then(|read| read.cells.get(index));
            let create = access.create.as_ref().and_then(|create| create.columns.get(index));
            let update = access.update.as_ref().and_then(|update| update.columns.get(index));
            read.is_some_and(|cell| *cell != Cell::Hidden) || create == Some(&true) || update == Some(&true)
        })
    };
    if ids.iter().all(|id| known(id.0 as usize)) {
        ids.iter().map(|id| face.column(*id).name.as_str().to_owned()).collect()
    } else {
        Vec::new()
    }
}
