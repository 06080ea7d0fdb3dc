//! Tables of small schemas, written one table a line: `name: column column …`, where `*` marks the primary key, `!` a
//! unique column, `>table` a foreign key to that table's key (`>table.column` to another column); after a bar
//! `unique a,b` or `a,b>table.c,d`. `view name: …` is a view.

mod columns;
mod functions;
mod names;
mod relations;

use super::*;
use crate::catalog::{ForeignKey, Function, Join, RelationSettings, Unique};
use crate::ident::Identifier;

pub(super) fn column(name: &str, data_type: Type) -> Column {
    let (name, database_type) = (Identifier::new(name), data_type.word().to_owned());
    Column {
        name,
        data_type,
        database_type,
        nullable: false,
        default: None,
        one_form: false,
        generated: None,
        comment: None,
    }
}

fn table(line: &str) -> Table {
    let (head, rest) = line.split_once(": ").unwrap();
    let (kind, head) = match head.trim().strip_prefix("view ") {
        Some(name) => (TableKind::View, name),
        None => (TableKind::Table, head.trim()),
    };
    let (schema, name) = head
        .split_once('/')
        .map_or((None, head), |(schema, name)| (Some(schema), name));
    let words = rest.split('|').next().unwrap().split_whitespace();
    let columns = words.map(|word| {
        let name = word.split(['*', '!', '>']).next().unwrap();
        let whole = word.starts_with("id") || word.contains("_id") || word.contains('>');
        column(name, if whole { Type::Integer(32) } else { Type::TEXT })
    });
    Table {
        schema: schema.map(Identifier::new),
        name: Identifier::new(name),
        kind,
        columns: columns.collect(),
        primary_key: Vec::new(),
        primary_key_name: None,
        uniques: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        comment: None,
        system: false,
        strict: false,
        indexes: Vec::new(),
        is_parent: false,
        writable: crate::error::Verbs::ALL,
        fixed: Vec::new(),
        triggers: false,
        guarded: false,
        row_number: None,
        large: false,
    }
}

fn add_keys(database: &mut Database, index: usize, line: &str) {
    let parts: Vec<&str> = line.split_once(": ").unwrap().1.split('|').map(str::trim).collect();
    let ids = |database: &Database, table: usize, names: &str| -> Vec<ColumnId> {
        names
            .split(',')
            .map(|name| database.tables[table].column_named(name).unwrap())
            .collect()
    };
    let foreign = |database: &mut Database, columns: Vec<ColumnId>, target: &str| {
        let (name, references) = target
            .split_once('.')
            .map_or((target, None), |(name, columns)| (name, Some(columns)));
        let position = database
            .tables
            .iter()
            .position(|table| table.name.as_str() == name)
            .unwrap();
        let references = match references {
            Some(names) => ids(database, position, names),
            None => database.tables[position].primary_key.clone(),
        };
        let table = TableId(u32::try_from(position).unwrap());
        database.tables[index].foreign_keys.push(ForeignKey {
            name: None,
            columns,
            table,
            references,
            deferred: false,
        });
    };
    for (column, word) in database.tables[index]
        .column_ids()
        .collect::<Vec<_>>()
        .into_iter()
        .zip(parts[0].split_whitespace())
    {
        if word.contains('!') {
            let unique = Unique {
                name: Identifier::new(word),
                columns: vec![column],
            };
            database.tables[index].uniques.push(unique);
        }
        if let Some((_, target)) = word.split_once('>') {
            foreign(database, vec![column], target);
        }
    }
    for part in &parts[1..] {
        if let Some(names) = part.strip_prefix("unique ") {
            let columns = ids(database, index, names);
            database.tables[index].uniques.push(Unique {
                name: Identifier::new(*part),
                columns,
            });
        } else {
            let (columns, target) = part.split_once('>').unwrap();
            let columns = ids(database, index, columns);
            foreign(database, columns, target);
        }
    }
}

pub(super) fn database(schema: &str) -> Database {
    let lines: Vec<&str> = schema.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let kind = if schema.contains('/') {
        DatabaseKind::Postgres
    } else {
        DatabaseKind::Sqlite
    };
    let mut database = Database {
        kind,
        version: String::new(),
        tables: lines.iter().map(|line| table(line)).collect(),
        enums: Vec::new(),
        caseless: None,
        composites: Vec::new(),
        functions: Vec::new(),
        extensions: Vec::new(),
        fingerprint: String::new(),
        read_only: false,
    };
    for (table, line) in database.tables.iter_mut().zip(&lines) {
        let words = line
            .split_once(": ")
            .unwrap()
            .1
            .split('|')
            .next()
            .unwrap()
            .split_whitespace();
        let ids = words
            .enumerate()
            .filter(|(_, word)| word.contains('*'))
            .map(|(id, _)| ColumnId(u16::try_from(id).unwrap()));
        table.primary_key = ids.collect();
    }
    for (index, line) in lines.iter().enumerate() {
        add_keys(&mut database, index, line);
    }
    database
}

pub(super) fn entry(name: &str) -> FaceSettings {
    FaceSettings {
        entry: name.into(),
        ..FaceSettings::default()
    }
}

pub(super) fn settings(faces: Vec<FaceSettings>) -> Settings {
    Settings {
        faces,
        ..Settings::default()
    }
}

pub(super) fn relation(name: &str, table: &str, columns: &[&str], references: &[&str], many: bool) -> RelationSettings {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let table = (!table.is_empty()).then(|| table.to_owned());
    RelationSettings {
        name: name.into(),
        table,
        columns: list(columns),
        references: list(references),
        many,
    }
}

pub(super) fn exposed(schema: &str, settings: &Settings) -> Catalog {
    expose(database(schema), settings).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

/// `name → target` for one row, `name ⇒ target` for many, with the columns; `name ⇒ target via join`.
pub(super) fn describe(catalog: &Catalog, face: &str) -> Vec<String> {
    let face = catalog.face_named(face).unwrap();
    let columns = |face: FaceId, ids: &[ColumnId]| -> String {
        let face = catalog.face(face);
        ids.iter()
            .map(|id| face.column(*id).name.as_str())
            .collect::<Vec<_>>()
            .join(",")
    };
    let lines = face.relations.iter().map(|relation| {
        let arrow = if relation.many { '⇒' } else { '→' };
        let target = &catalog.face(relation.target).name;
        match &relation.join {
            Join::Direct {
                columns: here,
                references,
            } => {
                let star = if relation.column.is_some() { "*" } else { "" };
                let (here, there) = (columns(face.id, here), columns(relation.target, references));
                format!("{} {arrow} {target}: {here}={there}{star}", relation.name)
            }
            Join::Through { face, near, far, .. } => {
                let (near, far) = (columns(*face, near), columns(*face, far));
                format!(
                    "{} {arrow} {target} via {}: {near}, {far}",
                    relation.name,
                    catalog.face(*face).name
                )
            }
        }
    });
    lines.collect()
}

/// The findings, `key: message` each.
pub(super) fn findings(database: Database, settings: &Settings) -> Vec<String> {
    let findings = expose(database, settings).err().unwrap_or_default();
    findings
        .into_iter()
        .map(|(key, message)| format!("{key}: {message}"))
        .collect()
}

pub(super) fn assert_finding(schema: &str, settings: &Settings, expected: &str) {
    let found = findings(database(schema), settings);
    assert!(
        found.iter().any(|finding| finding.contains(expected)),
        "no {expected:?} in {found:#?}"
    );
}

pub(super) fn function(
    name: &str,
    arguments: Vec<crate::catalog::FunctionArgument>,
    result: crate::catalog::FunctionResult,
) -> Function {
    let (schema, name) = (Identifier::new("public"), Identifier::new(name));
    Function {
        schema,
        name,
        arguments,
        result,
        volatile: false,
        comment: None,
    }
}
