//! Rows of `pg_proc` → functions.

use super::tables::Tables;
use super::types::Types;
use crate::catalog::{Function, FunctionArgument, FunctionResult};
use crate::ident::Identifier;
use crate::value::Type;
use sqlx::postgres::types::Oid;

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

/// The type of rows that belong to no table.
const RECORD: u32 = 2249;

/// Functions whose arguments and result are values, or rows of a table.
pub(super) fn functions(rows: Vec<FunctionTuple>, types: &Types, tables: &Tables, schemas: &[String]) -> Vec<Function> {
    let mut functions: Vec<Function> = rows
        .into_iter()
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
    let modes = modes.unwrap_or_default();
    let takes = |index: usize| {
        modes
            .get(index)
            .is_none_or(|mode| matches!(mode.as_str(), "i" | "b" | "v"))
    };
    let input_names: Vec<String> = (names.into_iter().enumerate())
        .filter(|(index, _)| takes(*index))
        .map(|(_, name)| name)
        .collect();
    // It is always the last input.
    let variadic = modes.iter().any(|mode| mode == "v").then(|| inputs.len() - 1);
    let has_columns = modes.iter().any(|mode| matches!(mode.as_str(), "o" | "b" | "t"));
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
            nameless: input_names.get(index).is_none_or(String::is_empty),
            variadic: variadic == Some(index),
        })
    };
    let arguments = inputs.iter().enumerate().map(argument).collect::<Option<Vec<_>>>()?;
    let result = if let Some(table) = tables.of_row_type(result) {
        FunctionResult::Rows { table, many }
    } else if result.0 == RECORD && has_columns {
        FunctionResult::Scalar {
            data_type: Type::Jsonb,
            database_type: "record".into(),
            many,
        }
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
