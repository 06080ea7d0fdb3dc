//! Tables, keys and types as SQLite reports them, in a handful of statements for any number of tables.

use super::change;
use super::checks::{self, Declared};
use super::fault::Fault;
use super::moments;
use super::types::logical;
use super::views;
use crate::backend::MIGRATION_TABLES;
use crate::catalog::{
    Column, ColumnId, Database, DatabaseKind, Default, EnumType, Extension, ForeignKey, Generated, LARGE, Table,
    TableId, TableKind, Unique,
};
use crate::error::Verbs;
use crate::ident::Identifier;
use crate::value::Type;
use rusqlite::Connection;
use std::collections::HashMap;

/// A table in the making: what the pragmas say about it that [`Table`] does not keep.
struct Draft {
    table: Table,
    /// `WITHOUT ROWID`
    keyed: bool,
    /// Position in the primary key (from 1) and column.
    key: Vec<(i64, ColumnId)>,
    /// The primary key has an index of its own, so it is no name of the rowid.
    key_index: bool,
    /// SQLite's number of a column (hidden ones count) → our id.
    numbers: HashMap<i64, ColumnId>,
    declared: Declared,
    /// Its text says AUTOINCREMENT (or speaks of it, which does no harm).
    ascending: bool,
    /// A full-text table: its columns have no declared type and are text.
    full_text: bool,
    /// Columns could be read; a view of something that is gone has none.
    sound: bool,
}

impl Draft {
    /// The name that the table's text gives to the unique key of these columns.
    fn declared_name(&self, columns: &[ColumnId]) -> Option<String> {
        let is = |names: &[String]| {
            let columns = columns.iter().map(|column| self.table.column(*column).name.as_str());
            names.len() == columns.len() && columns.zip(names).all(|(own, name)| own.eq_ignore_ascii_case(name))
        };
        let mut uniques = self.declared.uniques.iter();
        uniques.find(|(names, _)| is(names)).map(|(_, name)| name.clone())
    }
}

/// Reads everything in one read transaction.
pub(super) fn database(connection: &Connection, file: &str, read_only: bool) -> Result<Database, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let database = read(&transaction, file, read_only)?;
    transaction.commit()?;
    Ok(database)
}

fn read(connection: &Connection, file: &str, read_only: bool) -> Result<Database, Fault> {
    let fingerprint = change::fingerprint(connection, file)?;
    let mut drafts = tables(connection)?;
    let names: HashMap<String, usize> = drafts
        .iter()
        .enumerate()
        .map(|(index, draft)| (draft.table.name.as_str().to_ascii_lowercase(), index))
        .collect();
    columns(connection, &mut drafts, &names)?;
    indexes(connection, &mut drafts, &names)?;
    if read_only {
        drafts.iter_mut().for_each(|draft| draft.table.writable = Verbs::NONE);
    } else {
        views::verbs(connection, drafts.iter_mut().map(|draft| &mut draft.table));
    }
    moments::one_form(connection, drafts.iter_mut().map(|draft| &mut draft.table));
    for draft in &mut drafts {
        keys(draft);
        for column in &mut draft.table.columns {
            if column.generated.is_some() {
                column.default = None;
            }
        }
    }
    let mut enums = Vec::new();
    for draft in &mut drafts {
        lists(draft, &mut enums);
    }
    foreign_keys(connection, &mut drafts, &names)?;
    let mut drafts = without_unsound(drafts);
    for table in &mut drafts {
        table.large = table.kind == TableKind::Table && is_large(connection, table).unwrap_or(false);
    }
    let mut modules =
        connection.prepare("SELECT name FROM pragma_module_list WHERE name IN ('fts5', 'rtree') ORDER BY name")?;
    let extension = |row: &rusqlite::Row<'_>| {
        Ok(Extension {
            name: row.get(0)?,
            schema: None,
        })
    };
    let extensions = modules.query_map([], extension)?.collect::<Result<_, _>>()?;
    Ok(Database {
        kind: DatabaseKind::Sqlite,
        version: rusqlite::version().to_owned(),
        tables: drafts,
        enums,
        caseless: None,
        composites: Vec::new(),
        functions: Vec::new(),
        extensions,
        fingerprint,
        read_only,
    })
}

fn is_large(connection: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let name = table.quoted();
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {LARGE})");
    connection.query_row(&sql, [], |row| Ok(row.get::<_, u32>(0)? == LARGE))
}

/// All tables but SQLite's own and those in which virtual tables keep their data.
fn tables(connection: &Connection) -> Result<Vec<Draft>, Fault> {
    let mut statement = connection.prepare(
        "SELECT l.name, l.type, l.wr, l.strict, m.sql, \
             EXISTS (SELECT 1 FROM sqlite_schema g WHERE g.type = 'trigger' AND g.tbl_name = l.name COLLATE NOCASE \
                 AND substr(lower(g.name), 1, 8) <> '_diglot_'), \
             2 = (SELECT count(*) FROM sqlite_schema g WHERE g.type = 'trigger' AND g.tbl_name = l.name COLLATE NOCASE \
                 AND g.name IN ('_diglot_user_gone', '_diglot_user_moved')) \
         FROM pragma_table_list l \
         JOIN sqlite_schema m ON m.name = l.name AND m.type IN ('table', 'view') \
         WHERE l.schema = 'main' AND l.type <> 'shadow' AND substr(lower(l.name), 1, 7) <> 'sqlite_' ORDER BY l.name",
    )?;
    let mut rows = statement.query([])?;
    let mut drafts = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let kind = match row.get_ref(1)?.as_str().unwrap_or_default() {
            "view" => TableKind::View,
            "virtual" => TableKind::VirtualTable,
            _ => TableKind::Table,
        };
        let sql: Option<String> = row.get(4)?;
        let full_text = kind == TableKind::VirtualTable
            && sql
                .as_ref()
                .is_some_and(|sql| sql.to_ascii_lowercase().contains("using fts"));
        let ascending = sql
            .as_ref()
            .is_some_and(|sql| sql.to_ascii_uppercase().contains("AUTOINCREMENT"));
        let declared = match (kind, sql) {
            (TableKind::Table, Some(sql)) => checks::declared(&sql),
            _ => Declared::default(),
        };
        drafts.push(Draft {
            table: Table {
                schema: None,
                kind,
                columns: Vec::new(),
                primary_key: Vec::new(),
                primary_key_name: None,
                uniques: Vec::new(),
                checks: Vec::new(),
                foreign_keys: Vec::new(),
                comment: None,
                system: is_system(&name),
                strict: row.get(3)?,
                indexes: Vec::new(),
                is_parent: false,
                writable: Verbs::ALL,
                fixed: Vec::new(),
                triggers: row.get(5)?,
                guarded: row.get(6)?,
                row_number: None,
                large: false,
                name: Identifier::new(name),
            },
            keyed: row.get(2)?,
            key: Vec::new(),
            key_index: false,
            numbers: HashMap::new(),
            declared,
            ascending,
            full_text,
            sound: kind == TableKind::Table,
        });
    }
    Ok(drafts)
}

/// Tables of Diglot, of migration tools and of geometry extensions.
fn is_system(name: &str) -> bool {
    const GEOMETRY_TABLES: [&str; 11] = [
        "geometry_columns",
        "geometry_columns_auth",
        "geometry_columns_statistics",
        "geometry_columns_time",
        "geometry_columns_field_infos",
        "views_geometry_columns",
        "virts_geometry_columns",
        "spatial_ref_sys",
        "spatial_ref_sys_all",
        "spatial_ref_sys_aux",
        "spatialite_history",
    ];
    let name = name.to_ascii_lowercase();
    ["_diglot_", "_litestream", "gpkg_", "rtree_gpkg"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || MIGRATION_TABLES.contains(&name.as_str())
        || GEOMETRY_TABLES.contains(&name.as_str())
}

const COLUMNS: &str = "SELECT m.name, x.cid, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden \
                       FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) x";

fn columns(connection: &Connection, drafts: &mut [Draft], names: &HashMap<String, usize>) -> Result<(), Fault> {
    add_columns(
        connection,
        drafts,
        names,
        &format!("{COLUMNS} WHERE m.type = 'table' AND m.rootpage > 0 ORDER BY m.rowid, x.cid"),
    )?;
    // A view of a table that is gone, or a virtual table of a module that we lack, fails every statement that looks at it.
    let rest = "(m.type = 'view' OR m.type = 'table' AND m.rootpage = 0)";
    if add_columns(
        connection,
        drafts,
        names,
        &format!("{COLUMNS} WHERE {rest} ORDER BY m.rowid, x.cid"),
    )
    .is_ok()
    {
        return Ok(());
    }
    for index in 0..drafts.len() {
        if drafts[index].table.kind == TableKind::Table {
            continue;
        }
        let draft = &mut drafts[index];
        draft.table.columns.clear();
        draft.key.clear();
        draft.numbers.clear();
        draft.sound = false;
        let literal = draft.table.name.as_str().replace('\'', "''");
        let sql = format!("{COLUMNS} WHERE m.name = '{literal}' AND {rest} ORDER BY x.cid");
        if let Err(Fault::Sqlite(error)) = add_columns(connection, drafts, names, &sql) {
            let table = drafts[index].table.name.as_str();
            tracing::warn!(table, %error, "left out: its columns cannot be read");
            drafts[index].sound = false;
        }
    }
    Ok(())
}

fn add_columns(
    connection: &Connection,
    drafts: &mut [Draft],
    names: &HashMap<String, usize>,
    sql: &str,
) -> Result<(), Fault> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        let Some(draft) = names.get(&table.to_ascii_lowercase()).map(|index| &mut drafts[*index]) else {
            continue;
        };
        let hidden: i64 = row.get(7)?;
        let Ok(id) = u16::try_from(draft.table.columns.len()).map(ColumnId) else {
            continue;
        };
        draft.sound = true;
        if hidden == 1 {
            continue;
        }
        let declared: String = row.get::<_, Option<String>>(3)?.unwrap_or_default();
        let default: Option<String> = row.get(5)?;
        draft.numbers.insert(row.get(1)?, id);
        let position: i64 = row.get(6)?;
        if position > 0 {
            draft.key.push((position, id));
        }
        draft.table.columns.push(Column {
            name: Identifier::new(row.get::<_, String>(2)?),
            data_type: if draft.full_text && declared.is_empty() {
                Type::TEXT
            } else {
                logical(&declared)
            },
            database_type: declared,
            nullable: !row.get::<_, bool>(4)?,
            default: default
                .filter(|text| !text.eq_ignore_ascii_case("null"))
                .map(Default::Expression),
            one_form: false,
            generated: match hidden {
                2 => Some(Generated::Virtual),
                3 => Some(Generated::Stored),
                _ => None,
            },
            comment: None,
        });
    }
    Ok(())
}

/// Indexes over plain columns; those that are unique without a predicate are keys.
fn indexes(connection: &Connection, drafts: &mut [Draft], names: &HashMap<String, usize>) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT m.name, l.seq, l.name, l.\"unique\", l.origin, l.partial, x.cid FROM sqlite_schema m \
         JOIN pragma_index_list(m.name) l JOIN pragma_index_xinfo(l.name) x \
         WHERE m.type = 'table' AND m.rootpage > 0 AND x.key = 1 ORDER BY m.rowid, l.seq DESC, x.seqno",
    )?;
    let mut rows = statement.query([])?;
    let mut found: Vec<Index> = Vec::new();
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        let Some(table) = names.get(&table.to_ascii_lowercase()).copied() else {
            continue;
        };
        let (sequence, number): (i64, i64) = (row.get(1)?, row.get(6)?);
        match found.last_mut() {
            Some(last) if last.table == table && last.sequence == sequence => last.numbers.push(number),
            _ => found.push(Index {
                table,
                sequence,
                name: row.get(2)?,
                unique: row.get(3)?,
                of_key: row.get_ref(4)?.as_str().is_ok_and(|origin| origin == "pk"),
                partial: row.get(5)?,
                numbers: vec![number],
            }),
        }
    }
    for index in found {
        let draft = &mut drafts[index.table];
        // Up to the first expression; a key is made of columns alone.
        let known = index
            .numbers
            .iter()
            .map_while(|number| draft.numbers.get(number).copied());
        let columns: Vec<ColumnId> = known.collect();
        if index.of_key {
            draft.key_index = true;
        } else if index.unique && !index.partial && columns.len() == index.numbers.len() {
            let automatic = index.name.starts_with("sqlite_autoindex_");
            let name = automatic.then(|| draft.declared_name(&columns)).flatten();
            let name = name.unwrap_or(index.name);
            draft.table.uniques.push(Unique {
                name: Identifier::new(name),
                columns: columns.clone(),
            });
        }
        if !index.partial && !columns.is_empty() {
            draft.table.indexes.push(columns);
        }
    }
    Ok(())
}

/// An index as SQLite lists it.
struct Index {
    table: usize,
    sequence: i64,
    name: String,
    unique: bool,
    of_key: bool,
    partial: bool,
    /// SQLite's numbers of its columns; negative ones are the rowid and expressions.
    numbers: Vec<i64>,
}

/// The primary key. A table without one has a rowid all the same; it is not offered as a key, because SQLite renumbers it
/// (VACUUM) and nothing in the schema says that somebody means it.
fn keys(draft: &mut Draft) {
    draft.key.sort_unstable();
    draft.table.primary_key = draft.key.iter().map(|(_, column)| *column).collect();
    let key = draft.table.primary_key.clone();
    if let [column] = key[..] {
        let column = &mut draft.table.columns[column.0 as usize];
        let names_rowid = column.database_type.eq_ignore_ascii_case("INTEGER")
            && !draft.keyed
            && !draft.key_index
            && draft.table.kind == TableKind::Table;
        if names_rowid {
            column.nullable = false;
            column.default = Some(Default::Identity {
                always: false,
                ascending: draft.ascending,
            });
            draft.table.indexes.push(key.clone());
        }
    }
    if !draft.keyed && matches!(draft.table.kind, TableKind::Table | TableKind::VirtualTable) {
        // A column of the name stands for itself.
        let is_column = |name: &&str| {
            let mut columns = draft.table.columns.iter();
            columns.any(|column| column.name.as_str().eq_ignore_ascii_case(name))
        };
        draft.table.row_number = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !is_column(name));
    }
    // Elsewhere a rowid table's key may hold null, an old fault that SQLite keeps.
    if draft.keyed || draft.table.strict {
        for column in key {
            draft.table.columns[column.0 as usize].nullable = false;
        }
    }
}

/// `CHECK (c IN (…))` over a text column makes it an enum.
fn lists(draft: &mut Draft, enums: &mut Vec<EnumType>) {
    for (column, values) in std::mem::take(&mut draft.declared.lists) {
        let found = draft
            .table
            .columns
            .iter_mut()
            .find(|own| own.name.as_str().eq_ignore_ascii_case(&column));
        let Some(column) = found.filter(|column| column.data_type.is_text()) else {
            continue;
        };
        let Ok(number) = u32::try_from(enums.len()) else { return };
        column.data_type = Type::Enum(number);
        let name = format!("{}.{}", draft.table.name.as_str(), column.name.as_str());
        enums.push(EnumType {
            name,
            database_type: None,
            values,
            comment: None,
        });
    }
}

fn foreign_keys(connection: &Connection, drafts: &mut [Draft], names: &HashMap<String, usize>) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT m.name, f.id, f.\"table\", f.\"from\", f.\"to\" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f \
         WHERE m.type = 'table' AND m.rootpage > 0 ORDER BY m.rowid, f.id DESC, f.seq",
    )?;
    let mut rows = statement.query([])?;
    type Found = (usize, i64, String, Vec<(String, Option<String>)>);
    let mut found: Vec<Found> = Vec::new();
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        let Some(index) = names.get(&table.to_ascii_lowercase()).copied() else {
            continue;
        };
        let (id, pair) = (row.get(1)?, (row.get(3)?, row.get(4)?));
        match found.last_mut() {
            Some(last) if last.0 == index && last.1 == id => last.3.push(pair),
            _ => found.push((index, id, row.get(2)?, vec![pair])),
        }
    }
    let mut counts = HashMap::<usize, usize>::new();
    found.iter().for_each(|key| *counts.entry(key.0).or_default() += 1);
    for (index, id, target, pairs) in found {
        let Some(target) = names.get(&target.to_ascii_lowercase()).copied() else {
            continue;
        };
        let parent = &drafts[target].table;
        let named = |table: &Table, name: &str| {
            let position = table
                .columns
                .iter()
                .position(|column| column.name.as_str().eq_ignore_ascii_case(name));
            position.and_then(|position| u16::try_from(position).ok()).map(ColumnId)
        };
        let columns: Option<Vec<_>> = pairs
            .iter()
            .map(|(from, _)| named(&drafts[index].table, from))
            .collect();
        let references: Option<Vec<_>> = if pairs.iter().all(|(_, to)| to.is_none()) {
            Some(parent.primary_key.clone())
        } else {
            pairs
                .iter()
                .map(|(_, to)| to.as_deref().and_then(|to| named(parent, to)))
                .collect()
        };
        let (Some(columns), Some(references), Ok(table)) = (columns, references, u32::try_from(target)) else {
            continue;
        };
        if columns.len() != references.len() {
            continue;
        }
        let draft = &mut drafts[index];
        // SQLite counts keys from the last one written.
        let declared = (draft.declared.foreign_keys.len() == counts[&index])
            .then(|| usize::try_from(id).ok())
            .flatten()
            .and_then(|id| draft.declared.foreign_keys.iter().rev().nth(id).cloned());
        let (name, deferred) = declared.unwrap_or_default();
        draft.table.foreign_keys.push(ForeignKey {
            name: name.map(Identifier::new),
            columns,
            table: TableId(table),
            references,
            deferred,
        });
    }
    Ok(())
}

/// Leaves out what could not be read, and renumbers what refers to the rest.
fn without_unsound(drafts: Vec<Draft>) -> Vec<Table> {
    let mut next = 0;
    let mut number = |draft: &Draft| {
        let sound = draft.sound && !draft.table.columns.is_empty();
        next += u32::from(sound);
        sound.then(|| TableId(next - 1))
    };
    let numbers: Vec<Option<TableId>> = drafts.iter().map(&mut number).collect();
    let of = |table: TableId| numbers[table.0 as usize];
    let sound = drafts.into_iter().zip(&numbers).filter(|(_, number)| number.is_some());
    sound
        .map(|(mut draft, _)| {
            draft.table.foreign_keys.retain(|key| of(key.table).is_some());
            for key in &mut draft.table.foreign_keys {
                key.table = of(key.table).unwrap_or(key.table);
            }
            draft.table
        })
        .collect()
}
