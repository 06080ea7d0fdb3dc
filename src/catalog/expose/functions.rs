//! Listed functions and computed fields (PostgreSQL).

use super::{Entry, Finding, Tables, is_qualified, unknown};
use crate::catalog::{
    Computed, ComputedSettings, DatabaseKind, ExposedFunction, Face, FaceSettings, Function, FunctionArgument,
    FunctionId, FunctionResult, FunctionSettings, Settings,
};
use crate::ident::Name;
use std::collections::HashSet;

/// The functions that the configuration lists.
pub(super) fn listed(
    tables: &Tables<'_>,
    faces: &[Face],
    entries: &[Entry<'_>],
    settings: &Settings,
    findings: &mut Vec<Finding>,
) -> Vec<ExposedFunction> {
    let mut taken: HashSet<&str> = faces.iter().map(|face| face.name.as_str()).collect();
    let mut exposed: Vec<ExposedFunction> = Vec::new();
    let mut names: Vec<(String, &FunctionSettings, usize)> = Vec::new();
    for settings in &settings.functions {
        let key = format!("functions.{}", settings.entry);
        match one(tables, &settings.entry, |_| true) {
            Err(message) => findings.push((key, message)),
            Ok(index) => {
                let name = settings.name.clone().unwrap_or_else(|| own_name(tables, index));
                names.push((name, settings, index));
            }
        }
    }
    for (name, settings, index) in &names {
        let function = &tables.database.functions[*index];
        let key = format!("functions.{}", settings.entry);
        if name.is_empty() {
            findings.push((format!("{key}.name"), "an exposed name cannot be empty".into()));
        } else if !taken.insert(name) {
            let message = format!("a table or another function has the name {name:?} too: give it another `name`");
            findings.push((key.clone(), message));
        }
        let mutation = match settings.expose.as_deref() {
            Some("query") => {
                if function.volatile {
                    let message = format!(
                        "{} may write: it is VOLATILE, and a query cannot call it; declare it STABLE in the database if it only reads",
                        signature(function)
                    );
                    findings.push((format!("{key}.expose"), message));
                }
                false
            }
            Some("mutation") => true,
            _ => function.volatile,
        };
        let table = match &function.result {
            FunctionResult::Rows { table, .. } => Some(*table),
            FunctionResult::Scalar { .. } => None,
        };
        if let Some(table) = table
            && !entries.iter().any(|entry| entry.own && entry.table == table)
        {
            let label = tables.label(tables.get(table));
            findings.push((
                key.clone(),
                format!("it returns rows of table {label:?}, which is not exposed: list it"),
            ));
        }
        if settings.roles.is_none() && (mutation || function.volatile || table.is_none()) {
            let why = if table.is_none() {
                "it returns no rows of a table"
            } else {
                "it may write"
            };
            findings.push((
                format!("{key}.roles"),
                format!("{why}, so it needs `roles`: who may call it"),
            ));
        }
        session_argument(function, settings.session_argument.as_deref(), &key, findings);
        exposed.push(ExposedFunction {
            id: FunctionId(u32::try_from(exposed.len()).unwrap_or(u32::MAX)),
            name: Name::new(name.as_str()),
            function: *index,
            session_argument: settings.session_argument.clone(),
            mutation,
            roles: settings
                .roles
                .as_ref()
                .map(|roles| roles.iter().map(|role| Name::new(role.as_str())).collect()),
            table,
        });
    }
    exposed
}

/// A face's computed fields.
pub(super) fn computed(
    tables: &Tables<'_>,
    face: &Face,
    settings: &FaceSettings,
    findings: &mut Vec<Finding>,
) -> Vec<Computed> {
    let mut fields = Vec::new();
    for field in &settings.computed {
        let key = format!("tables.{}.computed.{}", settings.entry, field.name);
        if face.columns.iter().any(|column| column.name.as_str() == field.name) {
            findings.push((
                key.clone(),
                format!("the table has a column of the name {:?}", field.name),
            ));
        }
        let takes_row = |argument: &FunctionArgument| argument.row_of == Some(face.table);
        let index = match one(tables, &field.function, |function| {
            function.arguments.iter().any(takes_row)
        }) {
            Ok(index) => index,
            Err(message) => {
                findings.push((format!("{key}.function"), message));
                continue;
            }
        };
        let function = &tables.database.functions[index];
        if function.volatile {
            let message = format!(
                "{} may write: it is VOLATILE, and a field cannot call it; declare it STABLE in the database if it only reads",
                signature(function)
            );
            findings.push((format!("{key}.function"), message));
            continue;
        }
        let Some(argument) = row_argument(tables, face, function, field, &key, findings) else {
            continue;
        };
        session_argument(function, field.session_argument.as_deref(), &key, findings);
        fields.push(Computed {
            name: Name::new(field.name.as_str()),
            function: index,
            table_argument: argument,
            session_argument: field.session_argument.clone(),
        });
    }
    fields
}

/// The argument that takes the row: the configured one, or the first of the row's type.
fn row_argument(
    tables: &Tables<'_>,
    face: &Face,
    function: &Function,
    field: &ComputedSettings,
    key: &str,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let takes_row = |argument: &&FunctionArgument| argument.row_of == Some(face.table);
    let label = tables.label(tables.get(face.table));
    let Some(wanted) = &field.table_argument else {
        let found = function
            .arguments
            .iter()
            .find(takes_row)
            .map(|argument| argument.name.clone());
        if found.is_none() {
            let message = format!("function {} takes no row of table {label:?}", signature(function));
            findings.push((format!("{key}.function"), message));
        }
        return found;
    };
    let key = format!("{key}.table_argument");
    match function.arguments.iter().find(|argument| argument.name == *wanted) {
        Some(argument) if takes_row(&argument) => return Some(argument.name.clone()),
        Some(argument) => {
            let message = format!(
                "argument {wanted:?} is {}, not a row of table {label:?}",
                argument.database_type
            );
            findings.push((key, message));
        }
        None => findings.push((key, unknown_argument(function, wanted))),
    }
    None
}

/// Session variables go as one JSON value.
fn session_argument(function: &Function, wanted: Option<&str>, key: &str, findings: &mut Vec<Finding>) {
    let Some(wanted) = wanted else { return };
    let key = format!("{key}.session_argument");
    match function.arguments.iter().find(|argument| argument.name == wanted) {
        Some(argument) if argument.data_type.is_json() => {}
        Some(argument) => {
            let message = format!(
                "argument {wanted:?} is {}, session variables come as json",
                argument.database_type
            );
            findings.push((key, message));
        }
        None => findings.push((key, unknown_argument(function, wanted))),
    }
}

fn unknown_argument(function: &Function, wanted: &str) -> String {
    let names = function.arguments.iter().map(|argument| argument.name.as_str());
    unknown("argument", wanted, &format!("function {}", signature(function)), names)
}

/// The one function of a name, `function` or `schema.function`, where overloads are told apart by their arguments' types
/// (`search(text, jsonb)`) or because only one of them fits.
fn one(tables: &Tables<'_>, name: &str, fits: impl Fn(&Function) -> bool) -> Result<usize, String> {
    if tables.database.kind == DatabaseKind::Sqlite {
        return Err("SQLite has no functions to expose; remove the entry".into());
    }
    let functions = &tables.database.functions;
    let named = |function: &Function| {
        let own = function.name.as_str();
        let bare = function.schema.as_str() == tables.schema;
        [own.to_owned(), format!("{own}{}", types(function))]
            .iter()
            .any(|own| (bare && own == name) || is_qualified(name, function.schema.as_str(), own))
    };
    let mut found: Vec<usize> = (0..functions.len()).filter(|index| named(&functions[*index])).collect();
    if found.len() > 1 && found.iter().any(|index| fits(&functions[*index])) {
        found.retain(|index| fits(&functions[*index]));
    }
    match found.as_slice() {
        [index] => Ok(*index),
        [] => {
            let labels: Vec<String> = functions.iter().map(|function| label(tables, function)).collect();
            Err(unknown(
                "function",
                name,
                "the database",
                labels.iter().map(String::as_str),
            ))
        }
        several => {
            let mut signatures: Vec<String> = several.iter().map(|index| signature(&functions[*index])).collect();
            signatures.sort();
            Err(format!(
                "there are several functions {name:?}: write one of {}",
                signatures.join(", ")
            ))
        }
    }
}

fn label(tables: &Tables<'_>, function: &Function) -> String {
    if function.schema.as_str() == tables.schema {
        function.name.as_str().to_owned()
    } else {
        format!("{}.{}", function.schema.as_str(), function.name.as_str())
    }
}

fn own_name(tables: &Tables<'_>, index: usize) -> String {
    let function = &tables.database.functions[index];
    if function.schema.as_str() == tables.schema {
        function.name.as_str().to_owned()
    } else {
        format!("{}_{}", function.schema.as_str(), function.name.as_str())
    }
}

/// `(text, jsonb)`
fn types(function: &Function) -> String {
    let types: Vec<&str> = function
        .arguments
        .iter()
        .map(|argument| argument.database_type.as_str())
        .collect();
    format!("({})", types.join(", "))
}

fn signature(function: &Function) -> String {
    format!("\"{}{}\"", function.name.as_str(), types(function))
}
