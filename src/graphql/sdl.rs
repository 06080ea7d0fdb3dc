//! A role's schema in the schema definition language.

use super::coerce::reference_name;
use super::types::{Input, Key, Kind, Types};
use std::fmt::Write;

/// Every type that the role's roots lead to, by name.
pub(crate) fn write(types: Types<'_>) -> String {
    let mut out = String::new();
    let query = types.names.type_name(Key::Query);
    let _ = writeln!(out, "schema {{\n  query: {query}");
    if types.exists(Key::Mutation) {
        let _ = writeln!(out, "  mutation: {}", types.names.type_name(Key::Mutation));
    }
    out.push_str("}\n");
    for (name, key) in types.all() {
        if types.is_specified(key) {
            continue;
        }
        out.push('\n');
        described(&mut out, "", types.description(key));
        match types.kind(key) {
            Kind::Scalar => {
                let _ = writeln!(out, "scalar {name}");
            }
            Kind::Enum => {
                let _ = writeln!(out, "enum {name} {{");
                for (value, description) in types.enum_values(key) {
                    described(&mut out, "  ", description);
                    let _ = writeln!(out, "  {value}");
                }
                out.push_str("}\n");
            }
            Kind::Input => {
                let _ = writeln!(out, "input {name} {{");
                for input in types.inputs(key) {
                    described(&mut out, "  ", input.description);
                    let _ = writeln!(out, "  {}", input_text(types, &input));
                }
                out.push_str("}\n");
            }
            Kind::Object => {
                let _ = writeln!(out, "type {name} {{");
                for field in types.fields(key) {
                    described(&mut out, "  ", field.description);
                    let arguments: Vec<String> = types
                        .arguments(field.meaning)
                        .iter()
                        .map(|input| input_text(types, input))
                        .collect();
                    let arguments = if arguments.is_empty() {
                        String::new()
                    } else {
                        format!("({})", arguments.join(", "))
                    };
                    let _ = writeln!(out, "  {}{arguments}: {}", field.name, reference_name(types, field.ty));
                }
                out.push_str("}\n");
            }
        }
    }
    out
}

fn input_text(types: Types<'_>, input: &Input<'_>) -> String {
    format!("{}: {}", input.name, reference_name(types, input.ty))
}

fn described(out: &mut String, indent: &str, description: Option<&str>) {
    let Some(text) = description.filter(|text| !text.is_empty()) else {
        return;
    };
    let text = text.replace("\"\"\"", "\\\"\"\"");
    // The quotes that end it must be its own.
    let _ = if text.contains('\n') || text.ends_with(['"', '\\']) || text.starts_with('"') {
        let text = text.replace('\n', &format!("\n{indent}"));
        writeln!(out, "{indent}\"\"\"\n{indent}{text}\n{indent}\"\"\"")
    } else {
        writeln!(out, "{indent}\"\"\"{text}\"\"\"")
    };
}
