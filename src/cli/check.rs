//! `diglot check`

use super::output::{Output, Style};
use super::setup::{self, Configured, NoStart, is_note};
use super::{Common, Failure, Target};
use crate::engine::missing_indexes;
use crate::rules::{Finding, Severity};
use serde_json::json;
use std::process::ExitCode;

pub(super) const EXAMPLES: &str = "\
Examples:
  diglot check
  diglot check --config shop.toml --database postgres://me@localhost/shop

Each finding is one line: file:line:column: severity: key: message. Exit code 1 if there is any.";

pub(super) async fn check(common: &Common, target: &Target, output: &mut Output) -> Result<ExitCode, Failure> {
    let configured = match Configured::of_target(common, target) {
        Ok(configured) => configured,
        // What is wrong with the file is a finding here.
        Err(Failure::Usage(findings)) if common.config.is_some() || std::path::Path::new("diglot.toml").exists() => {
            return finish(output, &findings, &[], &[]);
        }
        Err(other) => return Err(other),
    };
    let access = configured.access(target.access);
    // Nothing is made for a check, not even secrets.
    let (findings, indexes) = match configured.try_start(access, "").await {
        Ok(ready) => {
            let elsewhere = setup::elsewhere(&ready.engine, &configured.config).await;
            let elsewhere = elsewhere.map(|message| Finding::error("auth.users_table", message));
            let indexes = missing_indexes(&ready.engine.snapshot());
            (ready.findings.into_iter().chain(elsewhere).collect(), indexes)
        }
        Err(NoStart::Findings(findings)) => (findings, Vec::new()),
        Err(NoStart::Failure(failure)) => return Err(failure),
    };
    let of = |wanted: &dyn Fn(&Finding) -> bool| -> Vec<String> {
        findings
            .iter()
            .filter(|finding| wanted(finding))
            .map(|finding| configured.located(finding))
            .collect()
    };
    let errors = of(&|finding| finding.severity == Severity::Error);
    let mut notes = of(&is_note);
    // They cost time, and nothing is wrong: somebody may have weighed it.
    notes.extend(indexes.iter().map(|finding| configured.located(finding)));
    let mut warnings = configured.warnings.clone();
    warnings.extend(of(&|finding| {
        finding.severity == Severity::Warning && !is_note(finding)
    }));
    finish(output, &errors, &warnings, &notes)
}

fn finish(output: &mut Output, errors: &[String], warnings: &[String], notes: &[String]) -> Result<ExitCode, Failure> {
    let styles = [
        ("error", errors, Style::Bad),
        ("warning", warnings, Style::Strong),
        ("note", notes, Style::Quiet),
    ];
    let mut found: Vec<(&str, Style, &String)> = Vec::new();
    for (severity, findings, style) in styles {
        found.extend(findings.iter().map(|finding| (severity, style, finding)));
    }
    // As an editor reads the file: by line. What is about no line comes last, the worst first.
    found.sort_by_key(|(_, _, finding)| line_of(finding).unwrap_or((usize::MAX, usize::MAX)));
    for (severity, style, finding) in found {
        if output.is_json() {
            output.event(finding, [("severity", json!(severity))])?;
        } else {
            let (place, message) = place_of(finding);
            let severity = output.styled(style, severity);
            output.line(&format!("{place}{severity}: {message}"))?;
        }
    }
    if errors.len() + warnings.len() == 0 {
        if !output.is_json() {
            output.line(&output.styled(Style::Good, "no findings"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(1))
}

/// Line and column of `file:line:column: message`.
fn line_of(finding: &str) -> Option<(usize, usize)> {
    let (place, _) = place_of(finding);
    let mut parts = place.trim_end_matches(": ").rsplit(':').map(str::parse::<usize>);
    match (parts.next()?, parts.next()?) {
        (Ok(column), Ok(line)) => Some((line, column)),
        (Ok(line), _) => Some((line, 0)),
        _ => None,
    }
}

/// Splits `file:line: message`, so that the severity can stand where editors look for it.
fn place_of(finding: &str) -> (&str, &str) {
    let Some((place, message)) = finding.split_once(": ") else {
        return ("", finding);
    };
    let is_place = place.rsplit_once(':').is_some_and(|(file, line)| {
        !file.is_empty() && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_place {
        (&finding[..place.len() + 2], message)
    } else {
        ("", finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (finding, expected) in [
            ("diglot.toml:7: tables.book: x", ("diglot.toml:7: ", "tables.book: x")),
            (
                "data/a.toml:7:3: tables.book: x",
                ("data/a.toml:7:3: ", "tables.book: x"),
            ),
            ("tables.book: x", ("", "tables.book: x")),
            ("DIGLOT_AUTH_X: y", ("", "DIGLOT_AUTH_X: y")),
            ("no colon", ("", "no colon")),
        ] {
            assert_eq!(place_of(finding), expected);
        }
    }

    #[test]
    fn lines() {
        for (finding, expected) in [
            ("diglot.toml:7: tables.book: x", Some((7, 0))),
            ("data/a.toml:7:3: tables.book: 5: x", Some((7, 3))),
            ("tables.book:8: x", Some((8, 0))),
            ("tables.book: x", None),
        ] {
            assert_eq!(line_of(finding), expected, "{finding}");
        }
    }
}
