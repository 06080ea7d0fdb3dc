//! The table of users, as far as signing in needs to know it: which column is the key, the e-mail, the name.

use super::store::Row;
use crate::catalog::{Catalog, ColumnId, Default, Table, TableId, speaks_of_rights, speaks_of_secrets};
use crate::error::{Code, Error, Result};
use crate::ident::Name;
use crate::value::{Type, Value};
use serde_json::Value as Json;

/// Names that columns go by, without regard to case and underscores.
const EMAIL: &[&str] = &["email", "emailaddress", "mail"];
const USERNAME: &[&str] = &["username", "login", "loginname"];
const CREATED: &[&str] = &["createdat", "created", "createdon"];

/// The table of users.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Users {
    /// The table's own name.
    pub(in crate::auth) table: String,
    pub(in crate::auth) key: Name,
    pub(in crate::auth) email: Option<Name>,
    pub(in crate::auth) username: Option<Name>,
    pub(in crate::auth) created: Option<Name>,
    /// What a caller may give beside these.
    pub(in crate::auth) plain: Vec<Name>,
    kind: Key,
}

/// Where a new user's key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// The database gives it.
    Given,
    /// It is a UUID of ours.
    Uuid,
    /// The same, as bytes.
    Bytes,
}

/// A user, in the users table's own values.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The key, as text: what tokens say.
    pub id: String,
    /// The key, as JSON.
    pub key: Json,
    /// The e-mail address.
    pub email: Json,
    /// The user name.
    pub username: Json,
    /// Since when there is this user.
    pub created: Json,
}

impl Users {
    /// Reads the table.
    ///
    /// # Errors
    /// What it lacks.
    pub(in crate::auth) fn of(catalog: &Catalog, id: TableId) -> std::result::Result<Self, String> {
        let table = catalog.table(id);
        let label = table.name.as_str();
        let [key] = table.primary_key.as_slice() else {
            return Err(format!(
                "nobody can sign in: the users table {label:?} has no primary key of one column; name another table with users_table under [auth]"
            ));
        };
        let named = |names: &[&str]| {
            let found = table.columns.iter().find(|column| {
                let plain = column.name.as_str().replace('_', "").to_lowercase();
                names.contains(&plain.as_str())
            });
            found.map(|column| Name::new(column.name.as_str()))
        };
        let (email, username, created) = (named(EMAIL), named(USERNAME), named(CREATED));
        if email.is_none() && username.is_none() {
            return Err(format!(
                "nobody can sign in: the users table {label:?} has neither a column email nor username; name another table with users_table under [auth]"
            ));
        }
        let own = |name: &Option<Name>, column: &str| name.as_ref().is_some_and(|name| name.as_str() == column);
        let plain = table
            .column_ids()
            .filter(|column| is_plain(table, *column))
            .map(|column| table.column(column));
        let plain = plain.map(|column| column.name.as_str());
        let plain = plain.filter(|name| !own(&email, name) && !own(&username, name) && !own(&created, name));
        let of_key = table.column(*key);
        let kind = match &of_key.data_type {
            Type::Uuid => Key::Uuid,
            Type::Bytes => Key::Bytes,
            Type::Text { .. } if of_key.default.is_none() => Key::Uuid,
            _ => Key::Given,
        };
        Ok(Self {
            table: label.to_owned(),
            key: Name::new(of_key.name.as_str()),
            plain: plain.map(Name::new).collect(),
            email,
            username,
            created,
            kind,
        })
    }

    /// A key that the database does not give: its value and its text.
    pub(in crate::auth) fn new_key(&self) -> Option<(Value, String)> {
        let uuid = uuid::Uuid::now_v7();
        let text = match self.kind {
            Key::Given => return None,
            Key::Uuid => uuid.hyphenated().to_string(),
            Key::Bytes => format!("\\x{}", uuid.simple()),
        };
        Some((Value::Raw(text.as_str().into()), text))
    }

    /// The columns that make a [`User`], the key first.
    pub(in crate::auth) fn columns(&self) -> Vec<Name> {
        let others = [&self.email, &self.username, &self.created];
        [&self.key]
            .into_iter()
            .chain(others.into_iter().flatten())
            .cloned()
            .collect()
    }

    /// A row of [`Users::columns`].
    pub(in crate::auth) fn user(&self, row: &Row) -> Result<User> {
        let of = |name: &Option<Name>| {
            name.as_ref()
                .and_then(|name| row.get(name.as_str()))
                .cloned()
                .unwrap_or_default()
        };
        let key = row.get(self.key.as_str()).cloned().unwrap_or_default();
        let id = match &key {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => return Err(Error::internal("a user's key is neither a text nor a number")),
        };
        Ok(User {
            id,
            key,
            email: of(&self.email),
            username: of(&self.username),
            created: of(&self.created),
        })
    }

    /// A column that a caller gives when signing up; `listed` are those that the configuration allows.
    pub(in crate::auth) fn given(&self, name: &str, listed: Option<&[String]>) -> Result<Name> {
        let allowed = match listed {
            Some(listed) => listed.iter().any(|own| own == name),
            None => self.plain.iter().any(|own| own.as_str() == name),
        };
        if allowed {
            return Ok(Name::new(name));
        }
        let name: String = name.chars().take(100).collect();
        let message = format!("{name:?} cannot be given when signing up");
        Err(Error::invalid(Code::UNKNOWN_COLUMN, message).at(name))
    }
}

/// Whether a column says nothing about what its user is or may do.
fn is_plain(table: &Table, id: ColumnId) -> bool {
    let column = table.column(id);
    let name = column.name.as_str();
    let in_key = table.primary_key.contains(&id) || table.foreign_keys.iter().any(|key| key.columns.contains(&id));
    let computed = column.generated.is_some() || matches!(column.default, Some(Default::Identity { .. }));
    !in_key && !computed && !name.starts_with('_') && !speaks_of_secrets(name) && !speaks_of_rights(name)
}

/// An e-mail address as accounts know it: without regard to case.
pub(in crate::auth) fn email(text: &str) -> Result<String> {
    let wrong = |message: &str| Err(Error::invalid(Code::INVALID_VALUE, message).at("email"));
    if text.len() > 254 {
        return wrong("an e-mail address has at most 254 bytes");
    }
    let strange = |character: char| character.is_whitespace() || character.is_control() || is_invisible(character);
    // What is before and after the @ is the mail servers' business; an address need not have a dot.
    match text.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !text.contains(strange) => {
            Ok(text.to_lowercase())
        }
        _ => wrong("email is no e-mail address, such as ada@example.org"),
    }
}

/// A user name as accounts know it: without regard to case, and never to be taken for an e-mail address.
pub(in crate::auth) fn username(text: &str) -> Result<String> {
    let strange = |character: char| {
        character.is_whitespace() || character.is_control() || is_invisible(character) || character == '@'
    };
    if text.is_empty() || text.chars().count() > 64 || text.contains(strange) {
        let message = "username has 1 to 64 characters, without spaces and @";
        return Err(Error::invalid(Code::INVALID_VALUE, message).at("username"));
    }
    Ok(text.to_lowercase())
}

/// What nobody sees, or what turns the direction of what is read: with it two names look the same that are not.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names() {
        for (text, expected) in [
            ("Ada@Example.ORG", Some("ada@example.org")),
            ("admin@localhost", Some("admin@localhost")),
            ("a+b@c", Some("a+b@c")),
            ("ada", None),
            ("@x", None),
            ("x@", None),
            ("a b@c", None),
            ("a\0@c", None),
            (" a@c", None),
            ("a@c ", None),
            ("a@c\u{a0}", None),
            ("a\u{200b}@c", None),
            ("\u{feff}a@c", None),
            ("a\u{202e}@c", None),
            ("ÄDA@Exämple.org", Some("äda@exämple.org")),
            ("", None),
        ] {
            assert_eq!(email(text).ok().as_deref(), expected, "{text:?}");
        }
        assert!(email(&format!("{}@x", "a".repeat(300))).is_err());
        for (text, expected) in [
            ("Ada", Some("ada")),
            ("ada@example.org", None),
            ("a b", None),
            ("a\0", None),
            ("a\u{200d}b", None),
            ("a\u{2066}b", None),
            ("ÄDA", Some("äda")),
            ("", None),
        ] {
            assert_eq!(username(text).ok().as_deref(), expected, "{text:?}");
        }
    }
}
