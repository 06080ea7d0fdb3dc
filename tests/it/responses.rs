//! Answers to the letter: status, headers and body of the cases that ask for it (`keep_responses`).
//!
//! What no two runs have in common is masked by name: dates, request ids, cursors (and the length of a body with them, which
//! each database has its own), tags (whose hash is the standard library's).

use crate::case::Cases;
use crate::client::Answer;
use crate::snapshots::{self, masked};
use crate::world::Database;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// An answer, masked, and to whom.
pub(crate) struct Kept {
    /// What was asked: a front, or a step.
    pub asked: String,
    /// By whom; empty for a step.
    pub who: String,
    pub database: Database,
    pub text: String,
}

impl Kept {
    pub(crate) fn of(asked: impl Into<String>, who: impl Into<String>, database: Database, answer: &Answer) -> Self {
        Self {
            asked: asked.into(),
            who: who.into(),
            database,
            text: written(answer),
        }
    }
}

/// Status, headers and body.
fn written(answer: &Answer) -> String {
    let body = match std::str::from_utf8(&answer.body) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("<{} bytes>", answer.body.len()),
    };
    let mut shown = body.clone();
    for key in ["cursor", "startCursor", "endCursor"] {
        shown = masked(&shown, &format!("\"{key}\":\""), "\"", &format!("<{key}>"));
    }
    let mut out = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        let value = match name.to_ascii_lowercase().as_str() {
            "date" => "<date>",
            "x-request-id" => "<request id>",
            "etag" => "<tag>",
            "content-length" if shown != body => "<length>",
            // The tests' client asked for it.
            "connection" => continue,
            // How long it took, for the admin; a test of its own says who is told.
            "server-timing" => continue,
            _ => value,
        };
        let _ = writeln!(out, "{name}: {value}");
    }
    if !shown.is_empty() {
        let _ = writeln!(out, "\n{shown}");
    }
    out
}

/// Compares what was kept with what is stored, a file for each feature; gives the features whose answers have changed.
pub(crate) fn changed(cases: &Cases, kept: &BTreeMap<String, Vec<Kept>>) -> Vec<String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for found in &cases.found {
        if let Some(kept) = kept.get(&found.name) {
            let file = files.entry(found.feature()).or_default();
            let _ = write!(file, "# {}: {}\n\n", found.name, found.case.about);
            for (text, heads) in groups(kept) {
                let _ = writeln!(file, "{}\n{text}", heads.join("\n"));
            }
        }
    }
    let whole = files.into_iter().filter(|(feature, _)| cases.has_all_of(feature));
    whole
        .filter(|(feature, text)| snapshots::differs(&format!("tests/cases/{feature}"), "responses", text))
        .map(|(feature, _)| feature.to_owned())
        .collect()
}

/// Each answer once, with what it answers: `graphql as admin, user 2 on sqlite, postgres`.
fn groups(kept: &[Kept]) -> Vec<(&str, Vec<String>)> {
    let mut groups: Vec<(&str, Vec<&Kept>)> = Vec::new();
    for one in kept {
        match groups.iter_mut().find(|(text, _)| *text == one.text) {
            Some((_, same)) => same.push(one),
            None => groups.push((&one.text, vec![one])),
        }
    }
    groups.into_iter().map(|(text, same)| (text, heads(&same))).collect()
}

fn heads(same: &[&Kept]) -> Vec<String> {
    // Who asked on which databases; then those that asked the same.
    let mut databases: BTreeMap<(usize, &str, &str), Vec<Database>> = BTreeMap::new();
    for one in same {
        let first = same
            .iter()
            .position(|other| other.asked == one.asked)
            .unwrap_or_default();
        let on = databases.entry((first, &one.asked, &one.who)).or_default();
        if !on.contains(&one.database) {
            on.push(one.database);
        }
    }
    let mut heads: Vec<((usize, &str), Vec<Database>, Vec<&str>)> = Vec::new();
    for ((first, asked, who), mut on) in databases {
        on.sort_unstable();
        match heads
            .iter_mut()
            .find(|(key, known, _)| *key == (first, asked) && *known == on)
        {
            Some((_, _, whos)) => whos.push(who),
            None => heads.push(((first, asked), on, vec![who])),
        }
    }
    let heads = heads.into_iter().map(|((_, asked), on, whos)| {
        let on: Vec<&str> = on.into_iter().map(Database::word).collect();
        let whos = whos.join(", ");
        let by = if whos.is_empty() { "" } else { " as " };
        format!("── {asked}{by}{whos} on {}", on.join(", "))
    });
    heads.collect()
}
