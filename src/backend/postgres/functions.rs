//! Rows of `pg_proc` → functions.

use super::tables::Tables;
use super::types::Types;
use crate::catalog::{Function, FunctionArgument, FunctionResult};
use crate::ident::Identifier;
use sqlx::postgres::types::Oid;
use std::collections::HashMap;

/// Schema, name, inputs, names, modes, defaults, result, many, volatile, comment.
pub(super) type FunctionTuple = (
    String,
    String,
    Vec<Oid>,
    Option<Vec<String>>,
    Option<Vec<String>>,
    i16,
    Oid,
    bool,
    bool,
    Option<String>,
);
/// Functions that can be called by name: not overloaded, plain input arguments, a result that is a value or rows of a table.
pub(super) fn functions(rows: Vec<FunctionTuple>, types: &Types, tables: &Tables, schemas: &[String]) -> Vec<Function> {
    let mut names: HashMap<(String, String), usize> = HashMap::new();
    for row in &rows {
        *names.entry((row.0.clone(), row.1.clone())).or_default() += 1;
    }
    let mut functions: Vec<Function> = rows
        .into_iter()
        .filter(|row| names.get(&(row.0.clone(), row.1.clone())) == Some(&1))
        .filter_map(|row| function(row, types, tables))
        .collect();
    let position = |function: &Function| schemas.iter().position(|schema| schema == function.schema.as_str());
    functions.sort_by(|left, right| (position(left), &left.name).cmp(&(position(right), &right.name)));
    functions
}

fn function(row: FunctionTuple, types: &Types, tables: &Tables) -> Option<Function> {
    let (schema, name, inputs, names, modes, defaults, result, many, volatile, comment) = row;
    // With modes the names cover outputs too, which stand behind the inputs only by habit.
    let names = names.unwrap_or_default();
    let input_names: Vec<String> = match modes {
        None => names,
        Some(modes) if modes.iter().any(|mode| mode == "b" || mode == "v") => return None,
        Some(modes) => (modes.iter().zip(names))
            .filter(|(mode, _)| *mode == "i")
            .map(|(_, name)| name)
            .collect(),
    };
    let without_default = inputs.len().saturating_sub(usize::try_from(defaults).unwrap_or(0));
    let argument = |(index, id): (usize, &Oid)| {
        if types.is_pseudo(id.0) {
            return None;
        }
        let mapped = types.map(id.0, -1);
        Some(FunctionArgument {
            name: match input_names.get(index) {
                Some(name) if !name.is_empty() => name.clone(),
                _ => format!("arg{}", index + 1),
            },
            data_type: mapped.data_type,
            database_type: mapped.database_type,
            row_of: tables.of_row_type(*id),
            has_default: index >= without_default,
        })
    };
    let arguments = inputs.iter().enumerate().map(argument).collect::<Option<Vec<_>>>()?;
    let result = if let Some(table) = tables.of_row_type(result) {
        FunctionResult::Rows { table, many }
    } else if types.is_pseudo(result.0) {
        return None;
    } else {
        let mapped = types.map(result.0, -1);
        FunctionResult::Scalar {
            data_type: mapped.data_type,
            database_type: mapped.database_type,
            many,
        }
    };
    Some(Function {
        schema: Identifier::new(schema),
        name: Identifier::new(name),
        arguments,
        result,
        volatile,
        comment,
    })
}
