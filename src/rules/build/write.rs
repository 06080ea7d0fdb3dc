//! The rights to write of one access block: which rows, which columns, what is set, what must hold afterwards.

use super::super::compile::{Purpose, compile_for, compile_value};
use super::super::constant::cast_literal;
use super::super::predicate::parameter_type;
use super::super::syntax::Literal;
use super::super::view::{CreateAccess, UpdateAccess};
use super::super::{Parameter, Predicate, Term};
use super::Builder;
use crate::catalog::{Column, ColumnId, Default, Face};
use crate::config::{self, Rule};
use crate::value::{Datum, Type};
use indexmap::IndexMap;

/// Values that a rule sets, as the configuration has them.
type Set = IndexMap<String, serde_json::Value>;

impl Builder<'_> {
    pub(super) fn create(&mut self, face: &Face, create: &config::CreateAccess, place: &str) -> Option<CreateAccess> {
        match create {
            config::CreateAccess::Rule(rule) => Some(CreateAccess {
                check: self.write_rule(face, Some(rule), Purpose::Create, place)?,
                columns: self.writable_columns(face, &[]),
                set: Vec::new(),
                backend_only: false,
            }),
            config::CreateAccess::Table {
                check,
                columns,
                except,
                set,
                backend_only,
            } => {
                let (columns, set) =
                    self.write_columns(face, columns.as_deref(), except.as_deref(), set, Purpose::Create, place);
                Some(CreateAccess {
                    check: self.write_rule(face, check.as_ref(), Purpose::Create, &format!("{place}.check"))?,
                    columns,
                    set,
                    backend_only: *backend_only,
                })
            }
        }
    }

    pub(super) fn update(&mut self, face: &Face, update: &config::UpdateAccess, place: &str) -> Option<UpdateAccess> {
        match update {
            config::UpdateAccess::Rule(rule) => {
                let rule = self.write_rule(face, Some(rule), Purpose::Update, place)?;
                Some(UpdateAccess {
                    check: rule.clone(),
                    rule,
                    columns: self.writable_columns(face, &self.catalog.table(face.table).fixed),
                    set: Vec::new(),
                    backend_only: false,
                })
            }
            config::UpdateAccess::Table {
                rule,
                check,
                columns,
                except,
                set,
                backend_only,
            } => {
                let (columns, set) =
                    self.write_columns(face, columns.as_deref(), except.as_deref(), set, Purpose::Update, place);
                let rule = self.write_rule(face, rule.as_ref(), Purpose::Update, &format!("{place}.rule"));
                let check = match check {
                    None => rule.clone(),
                    some => self.write_rule(face, some.as_ref(), Purpose::Update, &format!("{place}.check")),
                };
                Some(UpdateAccess {
                    rule: rule?,
                    check: check?,
                    columns,
                    set,
                    backend_only: *backend_only,
                })
            }
        }
    }

    pub(super) fn delete(&mut self, face: &Face, delete: &config::DeleteAccess, place: &str) -> Option<Predicate> {
        match delete {
            config::DeleteAccess::Rule(rule) => self.write_rule(face, Some(rule), Purpose::Delete, place),
            config::DeleteAccess::Table { rule } => {
                self.write_rule(face, rule.as_ref(), Purpose::Delete, &format!("{place}.rule"))
            }
        }
    }

    /// A rule of writing; `None` after an error and for `false`.
    fn write_rule(&mut self, face: &Face, rule: Option<&Rule>, purpose: Purpose, place: &str) -> Option<Predicate> {
        match rule {
            None | Some(Rule::All(true)) => Some(Predicate::TRUE),
            Some(Rule::All(false)) => None,
            Some(Rule::Text(text)) => match compile_for(self.catalog, face.id, text, purpose) {
                Ok(compiled) => {
                    self.read_by_rules.extend(compiled.reads);
                    Some(compiled.predicate)
                }
                Err(problem) => {
                    self.problem(place, problem);
                    None
                }
            },
        }
    }

    /// All columns that take values, but some.
    pub(super) fn writable_columns(&self, face: &Face, but: &[ColumnId]) -> Box<[bool]> {
        let table = self.catalog.table(face.table);
        table
            .columns
            .iter()
            .zip(table.column_ids())
            .map(|(column, id)| takes_values(column) && !but.contains(&id))
            .collect()
    }

    /// Which columns can be sent, and which values are set.
    fn write_columns(
        &mut self,
        face: &Face,
        columns: Option<&[String]>,
        except: Option<&[String]>,
        set: &Set,
        purpose: Purpose,
        place: &str,
    ) -> (Box<[bool]>, Vec<(ColumnId, Term)>) {
        if columns.is_some() && except.is_some() {
            self.error(place, None, "give either columns or except, not both");
        }
        let table = self.catalog.table(face.table);
        let mut named = Vec::new();
        for (key, names) in [("columns", columns), ("except", except)] {
            for name in names.unwrap_or_default() {
                match table.column_named(name) {
                    Some(column) => named.push(column),
                    None => self.unknown_column(face, name, &format!("{place}.{key}")),
                }
            }
        }
        let mut values = Vec::with_capacity(set.len());
        for (name, value) in set {
            values.extend(self.set_value(face, name, value, purpose, &format!("{place}.set.{name}")));
            let offered = columns.is_some_and(|columns| columns.contains(name));
            if offered {
                self.warn(
                    &format!("{place}.columns"),
                    None,
                    format!("{name:?} is set by the rule, so clients cannot send it; leave it out of columns"),
                );
            }
        }
        let fixed: &[ColumnId] = if purpose == Purpose::Update { &table.fixed } else { &[] };
        let mut offered = self.writable_columns(face, fixed);
        for (column, offered) in table.column_ids().zip(&mut offered) {
            *offered &= named.contains(&column) == columns.is_some() && !values.iter().any(|(set, _)| *set == column);
        }
        (offered, values)
    }

    /// One value that a rule sets; `None` after an error.
    fn set_value(
        &mut self,
        face: &Face,
        name: &str,
        value: &serde_json::Value,
        purpose: Purpose,
        place: &str,
    ) -> Option<(ColumnId, Term)> {
        let table = self.catalog.table(face.table);
        let Some(id) = table.column_named(name) else {
            let set = place.rsplit_once('.').map_or(place, |(set, _)| set).to_owned();
            self.unknown_column(face, name, &set);
            return None;
        };
        let column = table.column(id);
        if column.generated.is_some() {
            let message = format!("{name:?} is computed by the database and cannot be set");
            self.error(place, None, message);
            return None;
        }
        if purpose == Purpose::Update && table.fixed.contains(&id) {
            let message = format!("no trigger of the view changes {name:?}, so it cannot be set");
            self.error(place, None, message);
            return None;
        }
        let constant = |datum: Datum| {
            let (data_type, list) = parameter_type(&column.data_type);
            let source = Parameter::Constant(datum);
            Some((
                id,
                Term::Parameter {
                    source,
                    data_type,
                    list,
                },
            ))
        };
        let literal = match value {
            serde_json::Value::Null => Literal::Null,
            serde_json::Value::Bool(value) => Literal::Boolean(*value),
            serde_json::Value::Number(number) => Literal::Number(number.to_string()),
            serde_json::Value::String(text) => match text.strip_prefix("_USER_.").filter(|name| is_variable(name)) {
                Some(variable) => {
                    let (data_type, list) = parameter_type(&column.data_type);
                    let source = Parameter::Session(variable.into());
                    return Some((
                        id,
                        Term::Parameter {
                            source,
                            data_type,
                            list,
                        },
                    ));
                }
                None if column.data_type.is_json() => return constant(Datum::Text(value.to_string().into())),
                None => Literal::Text(text.clone()),
            },
            serde_json::Value::Object(object) if object.len() == 1 && object.contains_key("sql") => {
                let Some(text) = object.get("sql").and_then(serde_json::Value::as_str) else {
                    self.error(place, None, "sql is a text: { sql = \"…\" }");
                    return None;
                };
                return match compile_value(self.catalog, face.id, id, text, purpose) {
                    Ok(term) => Some((id, term)),
                    Err(problem) => {
                        self.problem(&format!("{place}.sql"), problem);
                        None
                    }
                };
            }
            serde_json::Value::Array(_) | serde_json::Value::Object(_) if column.data_type.is_json() => {
                return constant(Datum::Text(value.to_string().into()));
            }
            serde_json::Value::Array(items) if matches!(column.data_type, Type::Array(_)) => {
                return match self.set_list(column, items) {
                    Ok(list) => constant(list),
                    Err(message) => {
                        self.error(place, None, message);
                        None
                    }
                };
            }
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                let message = format!(
                    "{name:?} is of type {} and takes no list or object",
                    column.data_type.word()
                );
                self.error(place, None, message);
                return None;
            }
        };
        let nullable = table.takes_null(id);
        match cast_literal(&literal, &column.data_type, self.catalog) {
            Ok(Datum::Null) if !nullable => {
                self.error(place, None, format!("{name:?} cannot be null"));
                None
            }
            Ok(datum) => match column.held(datum, self.catalog.database.kind) {
                Ok(datum) => constant(datum),
                Err(reason) => {
                    self.error(place, None, format!("{name:?}: {reason}"));
                    None
                }
            },
            Err(message) => {
                self.error(place, None, message);
                None
            }
        }
    }

    /// A list of constants for an array column.
    fn set_list(&self, column: &Column, items: &[serde_json::Value]) -> Result<Datum, String> {
        let (element, _) = parameter_type(&column.data_type);
        let cast = |item: &serde_json::Value| {
            let literal = match item {
                serde_json::Value::Bool(value) => Literal::Boolean(*value),
                serde_json::Value::Number(number) => Literal::Number(number.to_string()),
                serde_json::Value::String(text) => Literal::Text(text.clone()),
                _ => return Err("a list holds texts, numbers and booleans only".to_owned()),
            };
            cast_literal(&literal, &element, self.catalog)
        };
        items.iter().map(cast).collect::<Result<Vec<_>, _>>().map(Datum::List)
    }
}

/// Whether a value can be sent for a column at all.
fn takes_values(column: &Column) -> bool {
    column.generated.is_none() && !matches!(column.default, Some(Default::Identity { always: true, .. }))
}

/// Whether a text behind `_USER_.` is the name of a variable.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_')
}
