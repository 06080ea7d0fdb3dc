//! `[tables.<t>.access.<role>]`: each right is true, false, a rule, or a table of keys.

use super::is_expression;
use crate::config::node::{Node, Value};
use crate::config::walk::Fields;
use crate::config::{CreateAccess, DeleteAccess, ReadAccess, RoleAccess, Rule, UpdateAccess};
use indexmap::IndexMap;

/// Which rights have a key.
const KEYS: [(&str, &str); 9] = [
    ("rule", "read, update and delete"),
    ("check", "create and update"),
    ("set", "create and update"),
    ("columns", "read, create and update"),
    ("except", "read, create and update"),
    ("limit", "read"),
    ("aggregate", "read"),
    ("schema", "read"),
    ("backend_only", "create and update"),
];

/// A right as it stands in the file.
enum Right<'a> {
    Rule(Rule),
    Table(Fields<'a>),
}

pub(super) fn role(mut fields: Fields<'_>) -> RoleAccess {
    let (read, schema) = read(&mut fields).map_or((None, None), |(read, schema)| (Some(read), schema));
    let access = RoleAccess {
        read,
        create: create(&mut fields),
        update: update(&mut fields),
        delete: delete(&mut fields),
        schema: fields.boolean("schema").or(schema),
    };
    fields.finish_with(|key| {
        let (_, rights) = KEYS.iter().find(|(known, _)| *known == key)?;
        Some(format!(
            "`{key}` stands within {rights}, such as {} = {{ {key} = … }}",
            rights.split([',', ' ']).next()?
        ))
    });
    access
}

/// `schema` is written within `read`, and kept beside it.
fn read(fields: &mut Fields<'_>) -> Option<(ReadAccess, Option<bool>)> {
    match right(fields, "read")? {
        Right::Rule(rule) => Some((ReadAccess::Rule(rule), None)),
        Right::Table(mut fields) => {
            let (columns, except) = columns(&mut fields);
            let access = ReadAccess::Table {
                rule: rule(&mut fields, "rule"),
                columns,
                except,
                limit: fields.integer("limit"),
                aggregate: fields.boolean("aggregate"),
            };
            let schema = fields.boolean("schema");
            finish(fields);
            Some((access, schema))
        }
    }
}

fn create(fields: &mut Fields<'_>) -> Option<CreateAccess> {
    match right(fields, "create")? {
        Right::Rule(rule) => Some(CreateAccess::Rule(rule)),
        Right::Table(mut fields) => {
            let (columns, except) = columns(&mut fields);
            let access = CreateAccess::Table {
                check: rule(&mut fields, "check"),
                columns,
                except,
                set: set(&mut fields),
                backend_only: fields.boolean("backend_only").unwrap_or_default(),
            };
            fields.finish_with(|key| match key {
                "rule" | "where" | "filter" => Some("a new row is tested by `check`".into()),
                _ => elsewhere(key),
            });
            Some(access)
        }
    }
}

fn update(fields: &mut Fields<'_>) -> Option<UpdateAccess> {
    match right(fields, "update")? {
        Right::Rule(rule) => Some(UpdateAccess::Rule(rule)),
        Right::Table(mut fields) => {
            let (columns, except) = columns(&mut fields);
            let access = UpdateAccess::Table {
                rule: rule(&mut fields, "rule"),
                check: rule(&mut fields, "check"),
                columns,
                except,
                set: set(&mut fields),
                backend_only: fields.boolean("backend_only").unwrap_or_default(),
            };
            finish(fields);
            Some(access)
        }
    }
}

fn delete(fields: &mut Fields<'_>) -> Option<DeleteAccess> {
    match right(fields, "delete")? {
        Right::Rule(rule) => Some(DeleteAccess::Rule(rule)),
        Right::Table(mut fields) => {
            let access = DeleteAccess::Table {
                rule: rule(&mut fields, "rule"),
            };
            finish(fields);
            Some(access)
        }
    }
}

fn finish(fields: Fields<'_>) {
    fields.finish_with(elsewhere);
}

fn elsewhere(key: &str) -> Option<String> {
    let (_, rights) = KEYS.iter().find(|(known, _)| *known == key)?;
    Some(format!("`{key}` belongs to {rights}"))
}

fn right<'a>(fields: &'a mut Fields<'_>, key: &'static str) -> Option<Right<'a>> {
    let node = fields.node(key)?;
    if let Value::Table(entries) = &node.value {
        return Some(Right::Table(fields.inside(key, entries)));
    }
    simple(fields, key, node, "true, false, a rule in quotes, or a table of keys").map(Right::Rule)
}

/// `rule` or `check`.
fn rule(fields: &mut Fields<'_>, key: &'static str) -> Option<Rule> {
    let node = fields.node(key)?;
    simple(fields, key, node, "true, false, or a rule in quotes")
}

fn simple(fields: &mut Fields<'_>, key: &str, node: &Node, expected: &str) -> Option<Rule> {
    match &node.value {
        Value::Boolean(all) => return Some(Rule::All(*all)),
        Value::Text(text) if text.trim().is_empty() => {
            let hint = Some("write true for all rows, false for none".into());
            fields.tell(
                key,
                node,
                format!("the rule {} is empty", crate::config::source::named(&fields.key(key))),
                hint,
            );
        }
        Value::Text(text) => return Some(Rule::Text(text.clone())),
        _ => fields.wrong_type(key, node, expected),
    }
    None
}

/// `columns` and `except`, of which only one makes sense.
fn columns(fields: &mut Fields<'_>) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let (columns, except) = (fields.texts("columns"), fields.texts("except"));
    if columns.is_some()
        && except.is_some()
        && let Some(node) = fields.node("except")
    {
        let message = format!(
            "{} stands beside `columns`",
            crate::config::source::named(&fields.key("except"))
        );
        fields.tell("except", node, message, Some("give one of them".into()));
    }
    (columns, except)
}

/// Forced values: constants, `_USER_.<variable>`, or `{ sql = "…" }`.
fn set(fields: &mut Fields<'_>) -> IndexMap<String, serde_json::Value> {
    let mut values = IndexMap::new();
    let Some(entries) = fields.node("set").and_then(|node| fields.table("set", node)) else {
        return values;
    };
    for (column, node) in entries {
        let text = |node: &Node| matches!(&node.value, Value::Text(text) if !text.trim().is_empty());
        if let Value::Table(expression) = &node.value
            && is_expression(&node.value)
            && (expression.len() > 1 || !expression.get("sql").is_some_and(text))
        {
            let message = format!(
                "{} is no expression",
                crate::config::source::named(&fields.key(&format!("set.{column}")))
            );
            fields.tell(
                &format!("set.{column}"),
                node,
                message,
                Some("write { sql = \"…\" } alone".into()),
            );
            continue;
        }
        values.insert(column.clone(), node.value.to_json());
    }
    values
}
