//! What each role is told of the tables: SDL and OpenAPI, on each database.
//!
//! The admin's on SQLite is stored whole, every other one as what differs from the admin's or from the same role's on
//! SQLite, whichever is nearer (or whole where that is shorter).

use crate::inside::Inside;
use crate::snapshots;
use crate::world::{self, Database};
use diglot::principal::{Credential, Principal};
use serde_json::Value;
use similar::TextDiff;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const FIXTURES: [&str; 6] = ["closed", "demo", "kinds", "names", "scope", "words"];

/// Texts by role.
type Texts = BTreeMap<String, String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_are_as_stored() {
    let mut changed = Vec::new();
    for fixture in FIXTURES {
        let mut databases: Vec<(Database, [Texts; 2])> = Vec::new();
        for database in Database::ALL {
            let server = world::server(fixture, database).await.unwrap();
            let inside = Inside::of(&server).await.unwrap();
            databases.push((database, texts(&inside)));
        }
        for (kind, word) in ["graphql", "openapi"].into_iter().enumerate() {
            let texts: Vec<(Database, &Texts)> = databases
                .iter()
                .map(|(database, both)| (*database, &both[kind]))
                .collect();
            let admin = &texts[0].1[Principal::ADMIN];
            let stored = [
                (format!("{fixture}.{word}.admin"), admin.clone()),
                (format!("{fixture}.{word}.others"), others(&texts)),
            ];
            for (name, text) in stored {
                if snapshots::differs("tests/it/schemas", &name, &text) {
                    changed.push(name);
                }
            }
        }
    }
    assert!(
        changed.is_empty(),
        "what roles are told has changed: {}",
        changed.join(", ")
    );
}

/// SDL and OpenAPI of each role.
fn texts(inside: &Inside) -> [Texts; 2] {
    let snapshot = inside.engine.snapshot();
    let mut both = [Texts::new(), Texts::new()];
    for role in snapshot.roles() {
        let principal = Principal::of_role(role.as_str(), Credential::AdminSecret);
        let openapi = inside.rest.openapi(&snapshot, &principal, None);
        let sdl = inside.graphql.sdl(&snapshot, role.as_str()).unwrap();
        both[0].insert(role.to_string(), sdl);
        both[1].insert(role.to_string(), lines(&openapi));
    }
    both
}

/// All but the admin's on the first database.
fn others(databases: &[(Database, &Texts)]) -> String {
    let (first, base) = databases[0];
    let mut out = String::new();
    for (database, texts) in databases {
        let (admin, rest): (Vec<_>, Vec<_>) = texts.iter().partition(|(role, _)| *role == Principal::ADMIN);
        for (role, text) in admin.into_iter().chain(rest) {
            let mut known = Vec::new();
            if role != Principal::ADMIN {
                known.push((format!("admin on {database}"), &*texts[Principal::ADMIN]));
            }
            if *database != first {
                known.push((format!("{role} on {first}"), &*base[role]));
            }
            if !known.is_empty() {
                let _ = writeln!(out, "##### {role} on {database}: {}\n", beside(&known, text));
            }
        }
    }
    out
}

/// A text as what differs from the nearest known one, or whole where that is shorter.
fn beside(known: &[(String, &str)], text: &str) -> String {
    if let Some((name, _)) = known.iter().find(|(_, other)| *other == text) {
        return format!("as {name}, to the letter");
    }
    let differences = known.iter().map(|(name, other)| {
        let difference = TextDiff::from_lines(*other, text);
        (difference.unified_diff().context_radius(1).to_string(), name)
    });
    match differences.min_by_key(|(difference, _)| difference.len()) {
        Some((difference, name)) if difference.len() < text.len() => {
            format!("what differs from {name}\n{difference}")
        }
        _ => format!("whole\n{text}"),
    }
}

/// JSON, with what fits into a line on one, and lists of references and of plain values filling their lines.
fn lines(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let plain = value.to_string();
    if plain.len() + 2 * depth <= 120 {
        out.push_str(&plain);
        return;
    }
    let mut put = |items: &mut dyn Iterator<Item = (String, &Value)>, open: char, close: char| {
        let items: Vec<(String, &Value)> = items.collect();
        let fills = items
            .iter()
            .all(|(_, item)| item.get("$ref").is_some() || !(item.is_array() || item.is_object()));
        let mut width = usize::MAX;
        out.push(open);
        for (index, (key, item)) in items.into_iter().enumerate() {
            let text = if fills { item.to_string() } else { String::new() };
            out.push_str(if index > 0 { "," } else { "" });
            width = width.saturating_add(key.len() + text.len() + 2);
            if fills && width <= 120 {
                let _ = write!(out, " {key}{text}");
                continue;
            }
            width = 2 * depth + 2 + key.len() + text.len();
            let _ = write!(out, "\n{:indent$}{key}{text}", "", indent = 2 * depth + 2);
            if !fills {
                write(item, depth + 1, out);
            }
        }
        let _ = write!(out, "\n{:indent$}{close}", "", indent = 2 * depth);
    };
    match value {
        Value::Array(items) => put(&mut items.iter().map(|item| (String::new(), item)), '[', ']'),
        Value::Object(members) => {
            let mut members = members
                .iter()
                .map(|(key, item)| (format!("{}: ", Value::from(key.as_str())), item));
            put(&mut members, '{', '}');
        }
        _ => out.push_str(&plain),
    }
}
