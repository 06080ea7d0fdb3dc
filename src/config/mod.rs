//! `diglot.toml` and `DIGLOT_*`: read, checked, handed on as small structs. Every error names file, line and key.

mod access;
mod load;
pub use load::*;
mod sections;
mod tables;

pub use access::{CreateAccess, DeleteAccess, ReadAccess, RoleAccess, Rule, UpdateAccess};
pub use sections::{
    Access, AccessDefault, Auth, Database, ExpandShape, GraphQl, Limits, Naming, Rest, Server, TrailBase,
    UnknownFilters,
};
pub use tables::{Column, Computed, Function, Relation, Role, Table};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// The whole configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
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
    /// Tables by the database's name (`schema.table` outside the first schema), or further faces.
    pub tables: IndexMap<String, Table>,
    /// Functions by the database's name.
    pub functions: IndexMap<String, Function>,
    /// Roles that inherit.
    pub roles: IndexMap<String, Role>,
}
