//! The demo: a small publishing house, for whoever has no database at hand.

use super::Failure;
use crate::backend::{Backend, Settings};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER: &str = "data";
const SCRIPT: &str = include_str!("../../schema/demo/sqlite.sql");
const CONFIGURATION: &str = include_str!("../../schema/demo/diglot.toml");

/// The demo's configuration.
pub(super) fn configuration() -> PathBuf {
    Path::new(FOLDER).join("diglot.toml")
}

/// The demo's database.
pub(super) fn database() -> PathBuf {
    Path::new(FOLDER).join("demo.db")
}

/// Makes what is not there yet; `true` if the database was made.
pub(super) async fn make() -> Result<bool, Failure> {
    let failed = |what: &Path, error: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "the demo needs {}, which cannot be made: {error}",
            what.display()
        ))
    };
    fs::create_dir_all(FOLDER).map_err(|error| failed(Path::new(FOLDER), &error))?;
    let configuration = configuration();
    if !configuration.exists() {
        fs::write(&configuration, CONFIGURATION).map_err(|error| failed(&configuration, &error))?;
    }
    let database = database();
    let existed = fs::metadata(&database).is_ok_and(|metadata| metadata.len() > 0);
    let settings = Settings {
        url: format!("sqlite:{}?mode=rwc", database.display()),
        schemas: Vec::new(),
        statement_timeout: Duration::from_secs(60),
        pool_size: 1,
        synchronous: crate::config::Synchronous::Full,
    };
    let backend = Backend::connect(&settings)
        .await
        .map_err(|error| failed(&database, &error))?;
    // The script is one transaction: one that was broken off left nothing.
    if existed
        && !backend
            .introspect()
            .await
            .map_err(|error| failed(&database, &error))?
            .tables
            .is_empty()
    {
        return Ok(false);
    }
    backend.execute_script(SCRIPT).await.map_err(|error| {
        let cause = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
        failed(&database, &format!("{error} {cause}"))
    })?;
    Ok(true)
}
