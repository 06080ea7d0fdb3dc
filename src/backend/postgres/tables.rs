//! Rows of the catalogs → tables.

use super::check;
use super::types::Types;
use crate::backend::MIGRATION_TABLES;
use crate::catalog::{
    Column, ColumnId, Default, EnumType, ForeignKey, Generated, LARGE, Table, TableId, TableKind, Unique,
};
use crate::error::Verbs;
use crate::ident::Identifier;
use crate::value::Type;
use sqlx::postgres::types::Oid;
use std::collections::HashMap;

/// Name, kind, relation, columns, target, its columns, deferred, definition.
pub(super) type ConstraintTuple = (
    String,
    String,
    Oid,
    Vec<i16>,
    Oid,
    Option<Vec<i16>>,
    bool,
    Option<String>,
);
/// Relation, number, name, not null, type, modifier, identity, generated, default, comment.
pub(super) type ColumnTuple = (
    Oid,
    i16,
    String,
    bool,
    Oid,
    i32,
    String,
    String,
    Option<String>,
    Option<String>,
);
/// Id, schema, name, kind, row type, comment, of an extension, writable, with triggers, guarded, parent of other tables,
/// about how many rows.
pub(super) type RelationTuple = (
    Oid,
    String,
    String,
    String,
    Oid,
    Option<String>,
    bool,
    i32,
    bool,
    bool,
    bool,
    f64,
);
/// Relation, name, unique, columns, of a constraint.
pub(super) type IndexTuple = (Oid, String, bool, Vec<i16>, bool);

/// Fills tables; finds them and their columns by the catalog's numbers.
pub(super) struct Tables {
    tables: Vec<Table>,
    by_id: HashMap<u32, usize>,
    by_row_type: HashMap<u32, usize>,
    /// For each table the columns by `attnum`.
    numbers: Vec<HashMap<i16, ColumnId>>,
}

impl Tables {
    pub(super) fn new(relations: &[RelationTuple]) -> Self {
        let number = |(index, relation): (usize, &RelationTuple)| (relation.0.0, index);
        let row_type = |(index, relation): (usize, &RelationTuple)| (relation.4.0, index);
        Self {
            tables: relations.iter().map(table).collect(),
            by_id: relations.iter().enumerate().map(number).collect(),
            by_row_type: relations.iter().enumerate().map(row_type).collect(),
            numbers: vec![HashMap::new(); relations.len()],
        }
    }

    pub(super) fn column(&mut self, column: ColumnTuple, types: &Types) {
        let (relation, number, name, not_null, id, modifier, identity, generated, default, comment) = column;
        let Some(index) = self.by_id.get(&relation.0).copied() else {
            return;
        };
        let mapped = types.map(id.0, modifier);
        let columns = &mut self.tables[index].columns;
        let Ok(place) = u16::try_from(columns.len()) else {
            return;
        };
        self.numbers[index].insert(number, ColumnId(place));
        let generated = match generated.as_str() {
            "s" => Some(Generated::Stored),
            "v" => Some(Generated::Virtual),
            _ => None,
        };
        let default = match (identity.as_str(), default.or(mapped.default)) {
            _ if generated.is_some() => None,
            ("a", _) => Some(Default::Identity {
                always: true,
                ascending: false,
            }),
            ("d", _) => Some(Default::Identity {
                always: false,
                ascending: false,
            }),
            (_, Some(expression)) if expression.starts_with("nextval(") => Some(Default::Identity {
                always: false,
                ascending: false,
            }),
            (_, expression) => expression.map(Default::Expression),
        };
        columns.push(Column {
            one_form: false,
            name: Identifier::new(name),
            data_type: mapped.data_type,
            database_type: mapped.database_type,
            nullable: !not_null && !mapped.not_null,
            default,
            generated,
            comment,
        });
    }

    pub(super) fn constraint(&mut self, constraint: &ConstraintTuple, types: &mut Types) {
        let (name, kind, relation, columns, target, references, deferred, definition) = constraint;
        let Some(index) = self.by_id.get(&relation.0).copied() else {
            return;
        };
        // A key over a column that the user may not read cannot be used.
        let Some(columns) = self.columns(index, columns) else {
            return;
        };
        let name = Identifier::new(name.as_str());
        match kind.as_str() {
            "p" => {
                self.tables[index].primary_key = columns;
                self.tables[index].primary_key_name = Some(name);
            }
            "u" => self.tables[index].uniques.push(Unique { name, columns }),
            "f" => {
                let Some(target) = self.by_id.get(&target.0).copied() else {
                    return;
                };
                let Some(references) = references.as_ref().and_then(|numbers| self.columns(target, numbers)) else {
                    return;
                };
                self.tables[index].foreign_keys.push(ForeignKey {
                    name: Some(name),
                    columns,
                    table: table_id(target),
                    references,
                    deferred: *deferred,
                });
            }
            _ => {
                if let ([column], Some(definition)) = (columns.as_slice(), definition) {
                    self.check(index, *column, definition, types);
                }
                self.tables[index].checks.push(Unique { name, columns });
            }
        }
    }

    fn check(&mut self, index: usize, column: ColumnId, definition: &str, types: &mut Types) {
        let table = &mut self.tables[index];
        let table_name = table.name.as_str().to_owned();
        let column = &mut table.columns[usize::from(column.0)];
        if !column.data_type.is_text() {
            return;
        }
        // citext lets other cases in than the list shows, and char(n) stores shorter values with spaces.
        let length = match (&column.data_type, column.database_type.as_str()) {
            (_, name) if name.ends_with("citext") => return,
            (Type::Text { length, .. }, "bpchar") => *length,
            _ => None,
        };
        let padded = |value: &String| length.is_some_and(|length| value.chars().count() != length as usize);
        if let Some(values) = check::allowed(definition, column.name.as_str())
            && !values.iter().any(padded)
        {
            let number = types.add(EnumType {
                name: format!("{table_name}.{}", column.name.as_str()),
                database_type: None,
                values,
                comment: column.comment.clone(),
            });
            column.data_type = Type::Enum(number);
        }
    }

    pub(super) fn index(&mut self, index: IndexTuple) {
        let (relation, name, is_unique, numbers, is_constraint) = index;
        let Some(index) = self.by_id.get(&relation.0).copied() else {
            return;
        };
        let leading: Vec<ColumnId> = numbers
            .iter()
            .map_while(|number| self.numbers[index].get(number).copied())
            .collect();
        let whole = leading.len() == numbers.len();
        let table = &mut self.tables[index];
        if is_unique && !is_constraint && whole {
            table.uniques.push(Unique {
                name: Identifier::new(name),
                columns: leading.clone(),
            });
        }
        if !leading.is_empty() {
            table.indexes.push(leading);
        }
    }

    /// The table of a row type.
    pub(super) fn of_row_type(&self, id: Oid) -> Option<TableId> {
        self.by_row_type.get(&id.0).copied().map(table_id)
    }

    pub(super) fn finish(self) -> Vec<Table> {
        self.tables
    }

    fn columns(&self, table: usize, numbers: &[i16]) -> Option<Vec<ColumnId>> {
        numbers
            .iter()
            .map(|number| self.numbers[table].get(number).copied())
            .collect()
    }
}

/// A table of a migration tool, or PostGIS's where it is not an extension's.
fn is_system(name: &str) -> bool {
    name == "spatial_ref_sys" || MIGRATION_TABLES.contains(&name.to_ascii_lowercase().as_str())
}

fn table(relation: &RelationTuple) -> Table {
    let (_, schema, name, kind, _, comment, extension, writable, triggers, guarded, is_parent, rows) = relation;
    Table {
        system: *extension || schema == "diglot" || is_system(name),
        schema: Some(Identifier::new(schema.as_str())),
        name: Identifier::new(name.as_str()),
        kind: match kind.as_str() {
            "v" => TableKind::View,
            "m" => TableKind::MaterializedView,
            "f" => TableKind::ForeignTable,
            _ => TableKind::Table,
        },
        columns: Vec::new(),
        primary_key: Vec::new(),
        primary_key_name: None,
        uniques: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        comment: comment.clone(),
        strict: true,
        indexes: Vec::new(),
        is_parent: *is_parent,
        writable: Verbs {
            insert: writable & 8 != 0,
            update: writable & 4 != 0,
            delete: writable & 16 != 0,
        },
        fixed: Vec::new(),
        triggers: *triggers,
        guarded: *guarded,
        // Elsewhere it is not unique (rows of the tables that inherit from it have numbers of their own), or does not exist.
        row_number: (kind == "r" && !is_parent).then_some("ctid"),
        large: *rows >= f64::from(LARGE),
    }
}

fn table_id(index: usize) -> TableId {
    TableId(u32::try_from(index).unwrap_or(u32::MAX))
}
