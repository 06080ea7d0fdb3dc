//! `[tables.<t>]`, `[functions.<f>]`, `[roles.<r>]`.

use super::RoleAccess;
use indexmap::IndexMap;
use schemars::JsonSchema;

/// A table, or one more face of one.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// Exposed name; default the entry's own.
    pub name: Option<String>,
    /// The database's table, where the entry is one more face of it.
    pub table: Option<String>,
    /// Key of a view.
    pub key: Vec<String>,
    /// Columns that the Records API may expand; default all readable foreign keys.
    pub expand: Option<Vec<String>>,
    /// The Records API fills absent owner columns.
    pub autofill_user_columns: bool,
    /// The Records API's conflict mode: none, replace, ignore.
    #[schemars(extend("enum" = ["none", "replace", "ignore", null]))]
    pub conflict: Option<String>,
    /// An enum table.
    #[serde(rename = "enum")]
    pub enum_table: bool,
    /// Full-text search.
    pub search: Option<Search>,
    /// Single columns.
    pub columns: IndexMap<String, Column>,
    /// Relations, renamed or added.
    pub relations: IndexMap<String, Relation>,
    /// GraphQL root names.
    pub roots: IndexMap<String, String>,
    /// Computed fields.
    pub computed: IndexMap<String, Computed>,
    /// Rights by role.
    pub access: IndexMap<String, RoleAccess>,
}

/// Full-text search.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// The columns that are searched.
    pub columns: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(default)]
pub struct Column {
    /// Exposed name.
    pub name: Option<String>,
    /// SQLite: GeoJSON, WKT or WKB in a text or blob column.
    pub geometry: bool,
    /// Field type of the Baserow front.
    pub baserow: Option<String>,
    /// The field type's own keys, beside `baserow`.
    #[schemars(flatten)]
    pub options: IndexMap<String, serde_json::Value>,
}

/// A relation. One whose columns are those of a foreign key renames that key's relation.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Relation {
    /// The table (or entry) that it leads to; default: where the foreign key on `columns` leads.
    pub table: Option<String>,
    /// Columns of this table.
    pub columns: Vec<String>,
    /// Columns of the other; default: those of the foreign key, else its primary key.
    pub references: Vec<String>,
    /// Many rows.
    pub many: bool,
}

/// A computed field.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Computed {
    /// The function.
    pub function: String,
    /// The argument that takes the row; default the first.
    pub table_argument: Option<String>,
    /// The argument that takes the session variables as JSON.
    pub session_argument: Option<String>,
}

/// A function.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Function {
    /// Exposed name.
    pub name: Option<String>,
    /// The argument that takes the session variables as JSON.
    pub session_argument: Option<String>,
    /// `query` or `mutation`; default by volatility.
    #[schemars(extend("enum" = ["query", "mutation", null]))]
    pub expose: Option<String>,
    /// Who may call it; default whoever may read the table that it returns.
    pub roles: Option<Vec<String>>,
}

/// A role.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Role {
    /// Roles whose rights it has.
    pub inherits: Vec<String>,
}
