//! The order of imports, and where things may stand, read from the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the crate and its level. A module may use those of lower levels and itself.
const LEVELS: [(&str, u8); 24] = [
    ("geometry", 1),
    ("ident", 1),
    ("value", 1),
    ("error", 1),
    ("telemetry", 1),
    ("pattern", 1),
    ("memory", 2),
    ("turns", 2),
    ("catalog", 2),
    ("request", 2),
    ("principal", 2),
    ("config", 2),
    ("rules", 3),
    ("plan", 4),
    ("sql", 5),
    ("backend", 6),
    ("engine", 7),
    ("auth", 8),
    ("files", 8),
    ("graphql", 9),
    ("rest", 9),
    ("http", 10),
    ("cli", 11),
    ("main", 11),
];

/// Files longer than [`LONGEST`] lines, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Most lines of a file.
const LONGEST: usize = 600;

/// A source file without comments, texts and test modules.
struct Source {
    /// Its path below `src`, with slashes.
    path: String,
    /// As it is.
    text: String,
    /// Without comments, texts and modules of tests; line breaks are kept.
    code: String,
    /// Everything in it is for tests.
    tests: bool,
}

impl Source {
    /// The module of the crate that it belongs to: `rules` for `rules/select.rs`, `main` for `main.rs`.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Below `rest`: the dialect.
    fn dialect(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("rest/")?;
        rest.split_once('/').map(|(dialect, _)| dialect)
    }

    fn line(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }
}

fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(
        paths.len() > 50,
        "the source was not found: {} files in {}",
        paths.len(),
        root.display()
    );
    let mut sources: Vec<Source> = paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let code = without_tests(&without_texts(&text));
            Source {
                path,
                text,
                code,
                tests: false,
            }
        })
        .collect();
    let files = test_files(&sources);
    for source in &mut sources {
        source.tests = files
            .iter()
            .any(|file| source.path == *file || source.path.starts_with(&format!("{}/", file.trim_end_matches(".rs"))));
    }
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The files that `#[cfg(test)] mod name;` declares, also with `#[path]`.
fn test_files(sources: &[Source]) -> Vec<String> {
    let mut files = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if line.trim() != "#[cfg(test)]" {
                continue;
            }
            let following = &lines[index + 1..(index + 4).min(lines.len())];
            let named = following
                .iter()
                .find_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"));
            let module = following.iter().find_map(|line| {
                let line = line.trim();
                let line = line
                    .strip_prefix("pub(super) ")
                    .or_else(|| line.strip_prefix("pub(crate) "))
                    .unwrap_or(line);
                line.strip_prefix("mod ")?.strip_suffix(';')
            });
            let Some(module) = module else { continue };
            let (folder, stem) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
            let own = match stem {
                "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
                stem => join(folder, stem.trim_end_matches(".rs")),
            };
            files.push(match named {
                Some(name) => join(folder, name),
                None => join(&own, &format!("{module}.rs")),
            });
            files.push(join(&own, &format!("{module}/mod.rs")));
        }
    }
    files
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Blanks comments and the contents of texts.
fn without_texts(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    let blank = |out: &mut Vec<u8>, from: usize, to: usize| {
        for byte in &mut out[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let find = |from: usize, wanted: &str| text[from..].find(wanted).map_or(bytes.len(), |found| from + found);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        if rest.starts_with(b"//") {
            let end = find(at, "\n");
            blank(&mut out, at, end);
            at = end;
        } else if rest.starts_with(b"/*") {
            let end = (find(at, "*/") + 2).min(bytes.len());
            blank(&mut out, at, end);
            at = end;
        } else if !word_before
            && (rest.starts_with(b"r\"")
                || rest.starts_with(b"r#")
                || rest.starts_with(b"br\"")
                || rest.starts_with(b"br#"))
        {
            let start = at + rest.iter().position(|byte| *byte == b'r').unwrap() + 1;
            let hashes = bytes[start..].iter().take_while(|byte| **byte == b'#').count();
            if bytes.get(start + hashes) != Some(&b'"') {
                at = start + hashes; // a raw identifier
                continue;
            }
            let from = start + hashes + 1;
            let end = find(from, &format!("\"{}", "#".repeat(hashes)));
            blank(&mut out, from, end);
            at = (end + 1 + hashes).min(bytes.len());
        } else if rest[0] == b'"' {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(bytes.len());
            blank(&mut out, at + 1, end);
            at = end + 1;
        } else if rest[0] == b'\'' {
            // A character, not a lifetime.
            let escaped = rest.get(1) == Some(&b'\\');
            let first = text[at + 1..].chars().next().map_or(1, char::len_utf8);
            if escaped {
                let end = find(at + 3, "'");
                blank(&mut out, at + 1, end);
                at = end + 1;
            } else if bytes.get(at + 1 + first) == Some(&b'\'') {
                blank(&mut out, at + 1, at + 1 + first);
                at += first + 2;
            } else {
                at += 1;
            }
        } else {
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

/// Blanks every item that `#[cfg(test)]` stands before.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let after = start + "#[cfg(test)]".len();
        let semicolon = out[after..].find(';').map_or(out.len(), |found| after + found + 1);
        let brace = out[after..].find('{').map_or(out.len(), |found| after + found);
        let end = if brace < semicolon {
            closing(&out, brace)
        } else {
            semicolon
        };
        let blanked: String = out[start..end]
            .chars()
            .map(|character| if character == '\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(start..end, &blanked);
    }
    out
}

/// The end of the block that opens at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    code.len()
}

/// The modules that follow `crate::`, each with its offset: also several in braces.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (offset, _) in code.match_indices("crate::") {
        let before = code[..offset].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':') {
            continue;
        }
        let rest = &code[offset + "crate::".len()..];
        if rest.trim_start().starts_with('{') {
            let open = offset + code[offset..].find('{').unwrap();
            let inner = &code[open + 1..closing(code, open).saturating_sub(1)];
            let mut depth = 0;
            for part in inner.split_inclusive(['{', '}', ',']) {
                let word: String = part
                    .trim()
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if depth == 0 && !word.is_empty() {
                    found.push((offset, word));
                }
                match part.chars().next_back() {
                    Some('{') => depth += 1,
                    Some('}') => depth -= 1,
                    _ => {}
                }
            }
        } else {
            let word: String = rest
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.push((offset, word));
        }
    }
    found
}

fn assert_none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[test]
fn imports_point_down() {
    let mut findings = Vec::new();
    let mut paths = 0;
    for source in sources()
        .iter()
        .filter(|source| !source.tests && source.path != "lib.rs")
    {
        let module = source.module();
        let Some(own) = level(module) else {
            findings.push(format!(
                "src/{}: module {module:?} has no level; give it one in tests/it/layering.rs",
                source.path
            ));
            continue;
        };
        for (offset, used) in crate_paths(&source.code) {
            paths += 1;
            let at = format!("src/{}:{}", source.path, source.line(offset));
            match level(&used) {
                None => findings.push(format!("{at}: crate::{used} is no module that has a level")),
                Some(_) if used == module => {}
                Some(other) if other < own => {}
                Some(other) => {
                    findings.push(format!("{at}: {module} (level {own}) uses {used} (level {other})"));
                }
            }
        }
    }
    assert!(paths > 100, "only {paths} imports were seen");
    assert_none(&findings);
}

#[test]
fn dialects_do_not_see_each_other() {
    let sources = sources();
    let dialects: Vec<&str> = sources.iter().filter_map(Source::dialect).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.tests) {
        let Some(own) = source.dialect() else { continue };
        for other in dialects.iter().filter(|other| **other != own) {
            for path in [
                format!("rest::{other}"),
                format!("super::{other}::"),
                format!("super::super::{other}"),
            ] {
                if source.code.contains(&path) {
                    findings.push(format!("src/{}: dialect {own} uses {other}", source.path));
                }
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn files_stay_short() {
    let reasons: BTreeMap<&str, &str> = LONG_FILES.iter().copied().collect();
    let mut findings = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        match (lines > LONGEST, reasons.get(source.path.as_str())) {
            (true, None) => findings.push(format!(
                "src/{}: {lines} lines, at most {LONGEST} without a reason",
                source.path
            )),
            (false, Some(reason)) => findings.push(format!(
                "src/{} is short now, its reason ({reason}) can go",
                source.path
            )),
            _ => {}
        }
    }
    assert_none(&findings);
}

#[test]
fn drivers_stay_in_the_backend() {
    let mut findings = Vec::new();
    let mut asserted = Vec::new();
    for source in sources().iter().filter(|source| !source.tests) {
        for driver in ["rusqlite", "sqlx"] {
            for (offset, _) in source.code.match_indices(driver) {
                if source.module() != "backend" {
                    findings.push(format!(
                        "src/{}:{}: {driver} outside of src/backend",
                        source.path,
                        source.line(offset)
                    ));
                }
            }
        }
        for (offset, _) in source.code.match_indices("AssertSqlSafe") {
            let before = source.code[..offset]
                .lines()
                .next_back()
                .unwrap_or_default()
                .trim_start();
            if !before.starts_with("use ") && !before.starts_with("pub use ") {
                asserted.push(format!("src/{}:{}", source.path, source.line(offset)));
            }
        }
    }
    assert_none(&findings);
    assert_eq!(
        asserted.len(),
        1,
        "text is asserted to be safe in exactly one place, not in {asserted:?}"
    );
    assert!(asserted[0].starts_with("src/backend/postgres/"), "{asserted:?}");
}

#[test]
fn the_reader_of_source_reads() {
    let source = "use crate::{a::B, c, d::{e, f}};\n// crate::no\nlet x = \"crate::no\"; let y = r#\"crate::no\"#; crate::g::h('\"', '\\'', &'a ());\n\
        #[cfg(test)]\nmod tests { use crate::no; }\nfn z() { crate::i() }\n";
    let code = without_tests(&without_texts(source));
    let words: Vec<String> = crate_paths(&code).into_iter().map(|(_, word)| word).collect();
    assert_eq!(words, ["a", "c", "d", "g", "i"]);
}
