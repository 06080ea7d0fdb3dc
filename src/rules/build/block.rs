//! One access block: `[tables.<t>.access.<role>]`.

use super::super::Predicate;
use super::super::compile::{Purpose, check_value, suggestion};
use super::super::constant::cast_literal;
use super::super::syntax::Literal;
use super::super::view::{Cell, FaceAccess, ReadAccess};
use super::Builder;
use crate::catalog::Face;
use crate::config::{self, CreateAccess, DeleteAccess, RoleAccess, Rule, UpdateAccess};
use crate::ident::Name;
use crate::principal::Principal;
use crate::value::Type;
use indexmap::IndexMap;

impl Builder<'_> {
    /// What a block gives; `None`: no right at all.
    pub(super) fn block(&mut self, role: &Name, face: &Face, access: &RoleAccess) -> Option<FaceAccess> {
        let place = format!("tables.{}.access.{}", face.entry, role);
        let read = access
            .read
            .as_ref()
            .and_then(|read| self.read(role, face, read, &format!("{place}.read")));
        let mut known = read.is_some();
        if let Some(create) = &access.create {
            known |= self.create(face, create, &format!("{place}.create"));
        }
        if let Some(update) = &access.update {
            known |= self.update(face, update, &format!("{place}.update"));
        }
        if let Some(delete) = &access.delete {
            let place = format!("{place}.delete");
            known |= match delete {
                DeleteAccess::Rule(rule) => self.write_rule(face, Some(rule), Purpose::Delete, &place),
                DeleteAccess::Table { rule } => {
                    self.write_rule(face, rule.as_ref(), Purpose::Delete, &format!("{place}.rule"))
                }
            };
        }
        let schema = access.schema.unwrap_or(read.is_some());
        (known || schema).then_some(FaceAccess { read, schema })
    }

    fn read(&mut self, role: &Name, face: &Face, read: &config::ReadAccess, place: &str) -> Option<ReadAccess> {
        let by_default = role.as_str() != Principal::ANONYMOUS;
        match read {
            config::ReadAccess::Rule(rule) => {
                let rule = self.read_rule(face, rule, place)?;
                Some(self.whole(face, rule, by_default))
            }
            config::ReadAccess::Table {
                rule,
                columns,
                except,
                limit,
                aggregate,
            } => {
                let (cells, computed) = self.cells(face, columns.as_deref(), except.as_deref(), place);
                let rule = match rule {
                    None => Predicate::TRUE,
                    Some(rule) => self.read_rule(face, rule, &format!("{place}.rule"))?,
                };
                Some(ReadAccess {
                    rule,
                    cells,
                    counted: None,
                    limit: *limit,
                    aggregate: aggregate.unwrap_or(by_default),
                    computed,
                })
            }
        }
    }

    /// Reading rows whole, apart from columns that begin with `_`.
    pub(super) fn whole(&self, face: &Face, rule: Predicate, aggregate: bool) -> ReadAccess {
        ReadAccess {
            rule,
            cells: self.plain_cells(face),
            counted: None,
            limit: None,
            aggregate,
            computed: Vec::new(),
        }
    }

    fn plain_cells(&self, face: &Face) -> Vec<Cell> {
        self.catalog
            .table(face.table)
            .columns
            .iter()
            .map(|column| {
                if column.name.as_str().starts_with('_') {
                    Cell::Hidden
                } else {
                    Cell::Visible
                }
            })
            .collect()
    }

    /// Cells and computed fields by `columns` or `except`.
    fn cells(
        &mut self,
        face: &Face,
        columns: Option<&[String]>,
        except: Option<&[String]>,
        place: &str,
    ) -> (Vec<Cell>, Vec<Name>) {
        if columns.is_some() && except.is_some() {
            self.error(place, None, "give either columns or except, not both");
        }
        let mut computed = Vec::new();
        if let Some(columns) = columns {
            let mut cells = vec![Cell::Hidden; self.catalog.table(face.table).columns.len()];
            for name in columns {
                let found = face.computed.iter().find(|computed| computed.name.as_str() == name);
                let column = self.catalog.table(face.table).column_named(name);
                match (column, found) {
                    (Some(column), _) => cells[column.0 as usize] = Cell::Visible,
                    (None, Some(found)) => computed.push(found.name.clone()),
                    (None, None) => self.unknown_column(face, name, &format!("{place}.columns")),
                }
            }
            return (cells, computed);
        }
        let mut cells = self.plain_cells(face);
        for name in except.unwrap_or_default() {
            match self.catalog.table(face.table).column_named(name) {
                Some(column) => cells[column.0 as usize] = Cell::Hidden,
                None => self.unknown_column(face, name, &format!("{place}.except")),
            }
        }
        (cells, computed)
    }

    fn unknown_column(&mut self, face: &Face, name: &str, place: &str) {
        let table = self.catalog.table(face.table);
        let hint = match face.column_named(name) {
            Some(column) => format!(
                "; columns are named as in the database: {:?}",
                table.column(column).name.as_str()
            ),
            None => {
                let columns = table.columns.iter().map(|column| column.name.as_str());
                let computed = face.computed.iter().map(|computed| computed.name.as_str());
                suggestion(name, columns.chain(computed))
            }
        };
        let of = table.name.as_str();
        self.error(place, None, format!("unknown column {name:?} of {of:?}{hint}"));
    }

    fn write_columns(
        &mut self,
        face: &Face,
        columns: Option<&[String]>,
        except: Option<&[String]>,
        set: &IndexMap<String, serde_json::Value>,
        purpose: Purpose,
        place: &str,
    ) {
        if columns.is_some() && except.is_some() {
            self.error(place, None, "give either columns or except, not both");
        }
        for (key, names) in [("columns", columns), ("except", except)] {
            for name in names.unwrap_or_default() {
                if self.catalog.table(face.table).column_named(name).is_none() {
                    self.unknown_column(face, name, &format!("{place}.{key}"));
                }
            }
        }
        for (name, value) in set {
            self.set_value(face, name, value, purpose, &format!("{place}.set.{name}"));
            let offered = columns.is_some_and(|columns| columns.contains(name));
            if offered {
                self.warn(
                    &format!("{place}.columns"),
                    None,
                    format!("{name:?} is set by the rule, so clients cannot send it; leave it out of columns"),
                );
            }
        }
    }

    fn set_value(&mut self, face: &Face, name: &str, value: &serde_json::Value, purpose: Purpose, place: &str) {
        let table = self.catalog.table(face.table);
        let Some(id) = table.column_named(name) else {
            let set = place.rsplit_once('.').map_or(place, |(set, _)| set).to_owned();
            return self.unknown_column(face, name, &set);
        };
        let column = table.column(id);
        if column.generated.is_some() {
            return self.error(
                place,
                None,
                format!("{name:?} is computed by the database and cannot be set"),
            );
        }
        let literal = match value {
            serde_json::Value::Null => Literal::Null,
            serde_json::Value::Bool(value) => Literal::Boolean(*value),
            serde_json::Value::Number(number) => Literal::Number(number.to_string()),
            serde_json::Value::String(text) => {
                if text.strip_prefix("_USER_.").is_some_and(is_variable) {
                    return;
                }
                if column.data_type.is_json() {
                    return;
                }
                Literal::Text(text.clone())
            }
            serde_json::Value::Object(object) if object.len() == 1 && object.contains_key("sql") => {
                let Some(text) = object.get("sql").and_then(serde_json::Value::as_str) else {
                    return self.error(place, None, "sql is a text: { sql = \"…\" }");
                };
                if let Err(problem) = check_value(self.catalog, face.id, id, text, purpose) {
                    self.problem(&format!("{place}.sql"), problem);
                }
                return;
            }
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                if !column.data_type.is_json() && !matches!(column.data_type, Type::Array(_)) {
                    let word = column.data_type.word();
                    self.error(
                        place,
                        None,
                        format!("{name:?} is of type {word} and takes no list or object"),
                    );
                }
                return;
            }
        };
        let nullable = column.nullable;
        let cast = cast_literal(&literal, &column.data_type, self.catalog);
        match cast {
            Ok(crate::value::Datum::Null) if !nullable => {
                self.error(place, None, format!("{name:?} cannot be null"));
            }
            Ok(_) => {}
            Err(message) => self.error(place, None, message),
        }
    }

    fn create(&mut self, face: &Face, create: &CreateAccess, place: &str) -> bool {
        match create {
            CreateAccess::Rule(rule) => self.write_rule(face, Some(rule), Purpose::Create, place),
            CreateAccess::Table {
                check,
                columns,
                except,
                set,
                ..
            } => {
                let (columns, except) = (columns.as_deref(), except.as_deref());
                self.write_columns(face, columns, except, set, Purpose::Create, place);
                self.write_rule(face, check.as_ref(), Purpose::Create, &format!("{place}.check"))
            }
        }
    }

    fn update(&mut self, face: &Face, update: &UpdateAccess, place: &str) -> bool {
        match update {
            UpdateAccess::Rule(rule) => self.write_rule(face, Some(rule), Purpose::Update, place),
            UpdateAccess::Table {
                rule,
                check,
                columns,
                except,
                set,
                ..
            } => {
                let (columns, except) = (columns.as_deref(), except.as_deref());
                self.write_columns(face, columns, except, set, Purpose::Update, place);
                let rows = self.write_rule(face, rule.as_ref(), Purpose::Update, &format!("{place}.rule"));
                let after = self.write_rule(
                    face,
                    check.as_ref().or(Some(&Rule::All(true))),
                    Purpose::Update,
                    &format!("{place}.check"),
                );
                rows && after
            }
        }
    }
}

/// Whether a text behind `_USER_.` is the name of a variable.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_')
}
