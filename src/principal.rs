//! Who asks: role, session variables, scope.

use crate::ident::Name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who asks. Made by `auth` alone, read by rules.
#[derive(Clone, Debug)]
pub struct Principal {
    /// What kind of credential was shown.
    pub credential: Credential,
    /// The role whose rules apply.
    pub role: Name,
    /// Session variables by lower-case name (`id`, `org_id`, any claim).
    pub variables: Arc<BTreeMap<String, Variable>>,
    /// Rights of a database token, checked together with the rules; `None` is no restriction.
    pub scope: Option<Arc<Scope>>,
    /// The session that a token belongs to, if it is one of ours.
    pub session: Option<Arc<str>>,
    /// Counts revocations: what was cached for an older epoch is not used.
    pub epoch: u64,
    /// The admin secret came with `x-diglot-use-backend-only-permissions: true`.
    pub backend_only: bool,
}

/// Which credential was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// None at all.
    None,
    /// The anon key.
    AnonKey,
    /// A JWT.
    Token,
    /// A database token.
    DatabaseToken,
    /// The admin secret.
    AdminSecret,
    /// The server itself.
    System,
}

/// A session variable: text, number, boolean, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// A single value as text; rules cast it to what it is compared with.
    Text(Box<str>),
    /// A list (a JSON array, or PostgreSQL's `{a,b}`).
    List(Vec<Box<str>>),
}

/// What a database token may do, as further restriction of its role.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// Faces that it may read; `None` is all.
    pub read: Option<Vec<Name>>,
    /// Faces in which it may create rows; `None` is all.
    pub create: Option<Vec<Name>>,
    /// Faces in which it may change rows; `None` is all.
    pub update: Option<Vec<Name>>,
    /// Faces in which it may delete rows; `None` is all.
    pub delete: Option<Vec<Name>>,
}

impl Principal {
    /// The role of a caller without credentials.
    pub const ANONYMOUS: &'static str = "anonymous";
    /// The role of any signed-in caller.
    pub const USER: &'static str = "user";
    /// The role without rules.
    pub const ADMIN: &'static str = "admin";

    /// A caller who shows nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of_role(Self::ANONYMOUS, Credential::None)
    }

    /// A caller of a role, without variables.
    #[must_use]
    pub fn of_role(role: &str, credential: Credential) -> Self {
        Self {
            credential,
            role: Name::new(role),
            variables: Arc::default(),
            scope: None,
            session: None,
            epoch: 0,
            backend_only: false,
        }
    }

    /// Whether no rules apply.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role.as_str() == Self::ADMIN
    }

    /// A session variable; `None` is a missing one.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }
}
