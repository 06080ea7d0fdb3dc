//! The JSON Schema of `diglot.toml`, made from the types, for editors.

use super::Config;
use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Value, json};

/// `schema/diglot.schema.json`: a test keeps the file fresh.
#[must_use]
pub fn json_schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>();
    schema.insert("title".into(), "Diglot's configuration, diglot.toml".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// `read = { schema = … }` is kept beside the right, but written within it.
pub(super) fn schema_within_read(schema: &mut Schema) {
    let branches = schema
        .get_mut("anyOf")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    for properties in branches.filter_map(|branch| branch.get_mut("properties")) {
        properties["schema"] = json!({
            "description": "Whether the role may read the table's schema; default: whether it may read the table.",
            "type": "boolean",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `BLESS=1` writes the file anew.
    #[test]
    fn the_schema_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/diglot.schema.json");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, json_schema()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            file == json_schema(),
            "schema/diglot.schema.json is stale: run the tests with BLESS=1"
        );
    }

    /// Every key that is read stands in the schema, and the other way round.
    #[test]
    fn the_schema_and_the_reader_know_the_same_keys() {
        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        let mut found = Vec::new();
        for section in ["database", "server", "auth", "access", "graphql", "rest", "telemetry"] {
            collect(&schema, &schema["properties"][section], section, &mut found);
        }
        let mut keys = super::super::read::keys();
        keys.sort();
        found.sort();
        assert_eq!(found, keys);
    }

    /// Every key stands in `docs/configuration.md`, those of tables, functions and roles too.
    #[test]
    fn the_page_names_every_key() {
        let page = include_str!("../../docs/configuration.md");
        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        let mut keys = std::collections::BTreeSet::new();
        keys_within(&schema, &mut keys);
        assert!(keys.contains("max_body") && keys.contains("backend_only") && keys.contains("autofill_user_columns"));
        let said = |key: &str| {
            ["`", "[", "."].iter().any(|before| {
                ["`", "]", "."]
                    .iter()
                    .any(|after| page.contains(&format!("{before}{key}{after}")))
            })
        };
        let missing: Vec<&str> = keys.iter().copied().filter(|key| !said(key)).collect();
        assert!(missing.is_empty(), "docs/configuration.md does not say {missing:?}");
    }

    fn keys_within<'a>(node: &'a Value, keys: &mut std::collections::BTreeSet<&'a str>) {
        match node {
            Value::Object(fields) => {
                for (field, inner) in fields {
                    if let ("properties", Value::Object(properties)) = (field.as_str(), inner) {
                        keys.extend(properties.keys().map(String::as_str));
                    }
                    keys_within(inner, keys);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| keys_within(item, keys)),
            _ => {}
        }
    }

    fn collect(root: &Value, node: &Value, path: &str, found: &mut Vec<String>) {
        let reference = node
            .get("$ref")
            .or_else(|| node["allOf"][0].get("$ref"))
            .and_then(Value::as_str);
        let node = reference.map_or(node, |reference| root.pointer(&reference[1..]).unwrap());
        match node.get("properties").and_then(Value::as_object) {
            Some(properties) => {
                for (key, inner) in properties {
                    collect(root, inner, &format!("{path}.{key}"), found);
                }
            }
            None => found.push(path.to_owned()),
        }
    }
}
