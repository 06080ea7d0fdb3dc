//! `diglot.toml` and `DIGLOT_*`: read, checked, handed on as small structs. Every error names file, line and key.
//!
//! TOML and environment become one tree of values that know where they stand ([`load`]); reading it key by key gives the
//! structs, and whatever nobody has read is an unknown key; then values are checked.

mod access;
mod address;
mod load;
mod node;
mod read;
mod schema;
mod sections;
mod source;
mod tables;
mod units;
mod validate;
mod walk;

#[cfg(test)]
mod tests;

pub use access::{CreateAccess, DeleteAccess, ReadAccess, RoleAccess, Rule, UpdateAccess};
pub use load::{LoadOptions, Loaded, load};
pub use schema::json_schema;
pub use sections::{
    Access, AccessDefault, Auth, Database, ExpandShape, GraphQl, Keys, Limits, Naming, Rest, Server, Synchronous,
    Telemetry, TrailBase, UnknownFilters,
};
pub use source::{ConfigError, Source};
pub use tables::{Column, Computed, Function, Relation, Role, Search, Table};
pub use units::duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Whether a text names a database: a path or a URL.
///
/// # Errors
/// What is wrong with it and what would be right; it may hold a password and is not repeated.
pub fn check_database(text: &str) -> Result<(), String> {
    match address::database_url(text) {
        Ok(_) => Ok(()),
        Err((message, hint)) => Err(format!("the database named {message}; {hint}")),
    }
}

/// The whole configuration.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which database.
    pub database: Database,
    /// How to listen.
    pub server: Server,
    /// Who may come in.
    pub auth: Auth,
    /// What holds for tables without access blocks.
    pub access: Access,
    /// The GraphQL front.
    pub graphql: GraphQl,
    /// The REST fronts.
    pub rest: Rest,
    /// Metrics, traces, slow requests.
    pub telemetry: Telemetry,
    /// Tables by the database's name (`schema.table` outside the first schema), or further faces.
    pub tables: IndexMap<String, Table>,
    /// Functions by the database's name.
    pub functions: IndexMap<String, Function>,
    /// Roles that inherit.
    pub roles: IndexMap<String, Role>,
    /// Where each key stands.
    #[schemars(skip)]
    pub source: Arc<Source>,
}

/// From text, without file and environment.
impl std::str::FromStr for Config {
    type Err = Errors;

    fn from_str(text: &str) -> Result<Self, Errors> {
        let source = Source {
            text: text.to_owned(),
            ..Source::default()
        };
        let entries = node::parse(&source).map_err(Errors)?;
        load::from_entries(&entries, source)
            .map(|(config, _)| config)
            .map_err(Errors)
    }
}

/// Several findings, one a line.
#[derive(Debug)]
pub struct Errors(pub Vec<ConfigError>);

impl std::fmt::Display for Errors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let errors: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&errors.join("\n"))
    }
}

impl std::error::Error for Errors {}

/// From TOML that is read by somebody else: the same keys and messages, without lines, and with entries in the order of
/// their names.
impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = node::from_table(toml::Table::deserialize(deserializer)?);
        let config = load::from_entries(&entries, Source::default()).map(|(config, _)| config);
        config.map_err(|errors| serde::de::Error::custom(Errors(errors)))
    }
}
