//! What the configuration says about exposure, in the catalog's own words.

use super::ConflictMode;
use std::collections::HashMap;

/// What the configuration says about exposure, in the database's names.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Entries, in the configuration's order.
    pub faces: Vec<FaceSettings>,
    /// Listed functions; no other is exposed.
    pub functions: Vec<FunctionSettings>,
    /// Only listed tables exist (`[access] default = "closed"`).
    pub only_listed: bool,
    /// The table of users, `table` or `schema.table`.
    pub users_table: String,
    /// PostgreSQL: the default schema, whose tables go without a prefix; `None`: `public`, if it has tables.
    pub schema: Option<String>,
}

/// One entry `[tables.<entry>]`.
#[derive(Clone, Debug, Default)]
pub struct FaceSettings {
    /// The entry's key: `table` or `schema.table`, or any name where `table` is given.
    pub entry: String,
    /// The table, where the entry is one more face of it.
    pub table: Option<String>,
    /// Exposed name.
    pub name: Option<String>,
    /// Key of a view.
    pub key: Vec<String>,
    /// Expandable columns.
    pub expand: Option<Vec<String>>,
    /// The Records API fills absent columns that refer to the users table.
    pub autofill: bool,
    /// What the Records API does where a new row meets one with the same key.
    pub conflict: ConflictMode,
    /// It is an enum table.
    pub enum_table: bool,
    /// Physical column, exposed name, geometry.
    pub columns: Vec<(String, Option<String>, bool)>,
    /// Relations.
    pub relations: Vec<RelationSettings>,
    /// GraphQL root names.
    pub roots: HashMap<String, String>,
    /// Computed fields.
    pub computed: Vec<ComputedSettings>,
}

/// A configured relation.
#[derive(Clone, Debug, Default)]
pub struct RelationSettings {
    /// Exposed name.
    pub name: String,
    /// Entry or table that it leads to.
    pub table: Option<String>,
    /// Columns of this table.
    pub columns: Vec<String>,
    /// Columns of the other.
    pub references: Vec<String>,
    /// Many rows.
    pub many: bool,
}

/// A configured computed field.
#[derive(Clone, Debug, Default)]
pub struct ComputedSettings {
    /// Exposed name.
    pub name: String,
    /// The function.
    pub function: String,
    /// The argument that takes the row.
    pub table_argument: Option<String>,
    /// The argument that takes the session variables.
    pub session_argument: Option<String>,
}

/// A listed function.
#[derive(Clone, Debug, Default)]
pub struct FunctionSettings {
    /// The entry's key: `function` or `schema.function`.
    pub entry: String,
    /// Exposed name.
    pub name: Option<String>,
    /// The argument that takes the session variables as JSON.
    pub session_argument: Option<String>,
    /// `query` or `mutation`.
    pub expose: Option<String>,
    /// Who may call it.
    pub roles: Option<Vec<String>>,
}
