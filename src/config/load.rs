//! Finding the file, and laying environment and command line over it.

use super::node::{self, Entries};
use super::source::{ConfigError, Place, Source};
use super::walk::{Finding, Reader};
use super::{Config, read, validate};
use crate::error::nearest;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that is read without `--config`, where it stands.
const FILE: &str = "diglot.toml";

/// What [`load`] goes by.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `--config`; without it `DIGLOT_CONFIG`, else `diglot.toml` in the working directory if it stands.
    pub path: Option<PathBuf>,
    /// The database of the command line: a URL, or the path of an SQLite file.
    pub database: Option<String>,
    /// The environment. Only `DIGLOT_…` and `DATABASE_URL` are looked at.
    pub environment: Vec<(String, String)>,
}

/// A configuration, and where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration, checked as far as it can be without a database.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What deserves a word.
    pub warnings: Vec<String>,
}

/// Reads file, environment and the command line's database.
///
/// # Errors
/// Every finding, in the order of the file.
pub fn load(options: &LoadOptions) -> Result<Loaded, Vec<ConfigError>> {
    let source = open(options)?;
    let mut entries = node::parse(&source)?;
    let file = source.file.clone();
    let mut warnings = environment(&mut entries, &options.environment);
    if let Some(database) = &options.database {
        node::overlay(
            &mut entries,
            "database.url",
            database,
            Place::Argument("the database on the command line".into()),
        );
    }
    let (config, found) = from_entries(&entries, source)?;
    warnings.extend(found.iter().map(ToString::to_string));
    Ok(Loaded { config, file, warnings })
}

/// From a tree to a checked configuration and warnings.
pub(super) fn from_entries(
    entries: &Entries,
    mut source: Source,
) -> Result<(Config, Vec<ConfigError>), Vec<ConfigError>> {
    source.places = node::places(entries);
    let mut reader = Reader::default();
    let mut config = read::read(&mut reader, entries);
    let mut errors: Vec<ConfigError> = reader
        .findings
        .into_iter()
        .map(|finding| located(&source, finding))
        .collect();
    let mut warnings = Vec::new();
    for finding in validate::validate(&mut config) {
        // A value that could not be read stands as its default, of which nothing is wrong.
        if errors.iter().any(|error| error.key == finding.key) {
            continue;
        }
        let list = if finding.warning { &mut warnings } else { &mut errors };
        list.push(ConfigError {
            hint: finding.hint,
            ..source.finding(&finding.key, finding.message)
        });
    }
    errors.sort_by_key(|error| (error.line.is_none(), error.line, error.column));
    if !errors.is_empty() {
        return Err(errors);
    }
    config.source = Arc::new(source);
    Ok((config, warnings))
}

fn located(source: &Source, finding: Finding) -> ConfigError {
    let mut error = ConfigError {
        file: None,
        line: None,
        column: None,
        key: finding.key,
        message: finding.message,
        hint: finding.hint,
    };
    match finding.place {
        Some(Place::File { key, .. }) => {
            let (line, column) = source.position(key.start);
            (error.file, error.line, error.column) = (source.file.clone(), Some(line), Some(column));
        }
        Some(Place::Variable(name) | Place::Argument(name)) => error.message = format!("{name}: {}", error.message),
        None => {}
    }
    error
}

/// The file's text. A file that was asked for must be there.
fn open(options: &LoadOptions) -> Result<Source, Vec<ConfigError>> {
    let variable = options
        .environment
        .iter()
        .find(|(name, value)| name == "DIGLOT_CONFIG" && !value.is_empty());
    let wanted = options
        .path
        .clone()
        .or_else(|| variable.map(|(_, value)| PathBuf::from(value)));
    let path = match wanted {
        Some(path) => path,
        None if Path::new(FILE).exists() => PathBuf::from(FILE),
        None => return Ok(Source::default()),
    };
    let broken = |message: String| ConfigError {
        file: Some(path.clone()),
        line: None,
        column: None,
        key: String::new(),
        message,
        hint: None,
    };
    let bytes = std::fs::read(&path)
        .map_err(|error| vec![broken(format!("the configuration file cannot be read: {error}"))])?;
    let source = |text: String| Source {
        file: Some(path.clone()),
        text,
        ..Source::default()
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(source(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = source(String::from_utf8_lossy(error.as_bytes()).into_owned());
            let (line, column) = text.position(valid);
            Err(vec![ConfigError {
                line: Some(line),
                column: Some(column),
                ..broken("this byte is not UTF-8".into())
            }])
        }
    }
}

/// Lays `DIGLOT_<SECTION>_<KEY>` and `DATABASE_URL` over the file. Gives the warnings about variables that are no key.
fn environment(entries: &mut Entries, environment: &[(String, String)]) -> Vec<String> {
    let keys = read::keys();
    let names: Vec<String> = keys.iter().map(|key| variable(key)).collect();
    let mut warnings = Vec::new();
    let url = environment.iter().filter(|(name, _)| name == "DATABASE_URL");
    let ours = environment
        .iter()
        .filter(|(name, _)| name.starts_with("DIGLOT_") && !is_foreign(name));
    for (name, value) in url.chain(ours) {
        let key = match names.iter().position(|known| known == name) {
            Some(index) => keys[index].as_str(),
            None if name == "DATABASE_URL" => "database.url",
            None => {
                let near = nearest(name, names.iter().map(String::as_str));
                let hint = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None if name.starts_with("DIGLOT_TABLES_") => "tables are configured in the file".into(),
                    None => "variables are called DIGLOT_<SECTION>_<KEY>".into(),
                };
                warnings.push(format!("{name} is no variable of Diglot's, {hint}"));
                continue;
            }
        };
        if value.is_empty() {
            // Composing tools set variables that nobody has filled in.
            if name != "DATABASE_URL" {
                warnings.push(format!("{name} is empty and ignored"));
            }
            continue;
        }
        node::overlay(entries, key, value, Place::Variable(name.clone()));
    }
    warnings
}

/// `server.listen` → `DIGLOT_SERVER_LISTEN`
fn variable(key: &str) -> String {
    format!("DIGLOT_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Variables of Diglot's that are not about configuration.
fn is_foreign(name: &str) -> bool {
    ["DIGLOT_LOG", "DIGLOT_CONFIG"].contains(&name)
        || ["DIGLOT_TEST_", "DIGLOT_DEMO_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}
