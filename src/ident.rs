//! Names: an [`Identifier`] is what the database calls a thing, a [`Name`] is what clients call it.
//!
//! The two never mix: requests hold names, the catalog turns them into ids, and only `sql/` writes identifiers,
//! always quoted.

use std::fmt;
use std::sync::Arc;

/// A physical identifier as the database stores it, unquoted. Its only SQL form is [`Identifier::quote_into`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(Arc<str>);

impl Identifier {
    /// Takes a name as the database reports it.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The unquoted text, for look-ups and messages to operators; never for SQL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the SQL form: double quotes, with inner ones doubled. NUL cannot stand in SQL text and is dropped.
    pub fn quote_into(&self, sql: &mut String) {
        sql.push('"');
        for character in self.0.chars() {
            match character {
                '"' => sql.push_str("\"\""),
                '\0' => {}
                other => sql.push(other),
            }
        }
        sql.push('"');
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}

/// A name as clients write it: an exposed table, column, relation or an output key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Any text is a name; whether it exists is the catalog's to say.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}
