//! `[tables.<t>.access.<role>]`

use indexmap::IndexMap;
use schemars::JsonSchema;

/// What a role may do with a table.
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleAccess {
    /// Reading.
    pub read: Option<ReadAccess>,
    /// Creating.
    pub create: Option<CreateAccess>,
    /// Updating.
    pub update: Option<UpdateAccess>,
    /// Deleting.
    pub delete: Option<DeleteAccess>,
    /// Whether the role may read the table's schema; default: whether it may read the table.
    pub schema: Option<bool>,
}

/// `true`, `false`, or a rule's text.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(untagged)]
pub enum Rule {
    /// All or none.
    All(bool),
    /// A condition, in SQL form or, with the prefix `expr:`, in Teenybase's.
    Text(String),
}

/// `read`
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
#[schemars(transform = super::schema::schema_within_read)]
pub enum ReadAccess {
    /// Only a rule.
    Rule(Rule),
    /// A table.
    Table {
        /// Which rows.
        rule: Option<Rule>,
        /// Only these columns.
        columns: Option<Vec<String>>,
        /// All but these columns.
        except: Option<Vec<String>>,
        /// Most rows at any place of an answer.
        limit: Option<u64>,
        /// Whether aggregates are allowed; default false for anonymous, true otherwise.
        aggregate: Option<bool>,
    },
}

/// `create`
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub enum CreateAccess {
    /// Only a check.
    Rule(Rule),
    /// A table.
    Table {
        /// What the new row must satisfy.
        check: Option<Rule>,
        /// Only these columns.
        columns: Option<Vec<String>>,
        /// All but these columns.
        except: Option<Vec<String>>,
        /// Forced values.
        #[serde(default)]
        set: IndexMap<String, serde_json::Value>,
        /// Only with the admin secret and the header for it.
        #[serde(default)]
        backend_only: bool,
    },
}

/// `update`
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub enum UpdateAccess {
    /// Only a rule.
    Rule(Rule),
    /// A table.
    Table {
        /// Which rows.
        rule: Option<Rule>,
        /// What the row must satisfy afterwards; default the rule.
        check: Option<Rule>,
        /// Only these columns.
        columns: Option<Vec<String>>,
        /// All but these columns.
        except: Option<Vec<String>>,
        /// Forced values.
        #[serde(default)]
        set: IndexMap<String, serde_json::Value>,
        /// Only with the admin secret and the header for it.
        #[serde(default)]
        backend_only: bool,
    },
}

/// `delete`
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub enum DeleteAccess {
    /// Only a rule.
    Rule(Rule),
    /// A table.
    Table {
        /// Which rows.
        rule: Option<Rule>,
    },
}
