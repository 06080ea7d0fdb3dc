//! What the operator does with accounts, from the command line.

use super::rows::{CREDENTIAL, Owned, taken};
use super::store::{Changes, Is, Question, Row, To, flag, is, names, rows, text};
use super::{Accounts, users};
use crate::auth::milliseconds;
use crate::auth::password::check_new;
use crate::engine::{Snapshot, USERS};
use crate::error::{Code, Error, Result};
use crate::principal::Principal;
use crate::value::Value;
use std::sync::Arc;

/// A user to be made.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// E-mail address.
    pub email: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Password; without one nobody can sign in until one is set.
    pub password: Option<String>,
    /// Role; without one that of any user.
    pub role: Option<String>,
    /// Without rules.
    pub admin: bool,
    /// The address is known to be theirs.
    pub verified: bool,
}

/// An account as the operator sees it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Account {
    /// The user's id.
    pub id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Role.
    pub role: String,
    /// Without rules.
    pub admin: bool,
    /// The address is known to be theirs.
    pub verified: bool,
    /// Nobody can sign in.
    pub disabled: bool,
    /// There is a password.
    pub password: bool,
}

impl NewUser {
    /// E-mail address and user name as accounts know them.
    pub(super) fn checked(&self) -> Result<(Option<String>, Option<String>)> {
        let email = self.email.as_deref().map(users::email).transpose()?;
        let username = self.username.as_deref().map(users::username).transpose()?;
        if email.is_none() && username.is_none() {
            return Err(Error::invalid(Code::INVALID_VALUE, "an email is needed").at("email"));
        }
        Ok((email, username))
    }
}

impl Accounts {
    /// Makes a user, whether or not anybody may sign up.
    ///
    /// # Errors
    /// What is wrong with it, such as an address that has an account already.
    pub async fn add_user(&self, new: &NewUser) -> Result<super::User> {
        let names = new.checked()?;
        if new.role.as_deref() == Some(Principal::ADMIN) {
            return Err(no_role_admin());
        }
        let hash = match &new.password {
            Some(password) => {
                check_new(password)?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let (snapshot, users) = self.prepared().await?;
        let mut changes = Changes::default();
        let user = self
            .add(
                &mut changes,
                &snapshot,
                &users,
                new,
                names,
                hash,
                Vec::new(),
                milliseconds(),
            )
            .await?;
        let written = changes
            .run(&self.engine, &snapshot)
            .await
            .map_err(|error| taken(error, &users))?;
        self.made(&snapshot, &users, &user, &written).await
    }

    /// All accounts, in the order of their ids.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let snapshot = self.engine.snapshot();
        if !snapshot.has_own("credential") {
            return Ok(Vec::new());
        }
        let question = Question {
            table: "credential",
            columns: names(CREDENTIAL),
            wanted: Vec::new(),
            limit: None,
        };
        let rows = rows(&self.engine, &snapshot, question).await?;
        let account = |row: &Row| Account {
            id: text(row, "user_id").unwrap_or_default(),
            email: text(row, "email"),
            username: text(row, "username"),
            role: text(row, "role").unwrap_or_default(),
            admin: flag(row, "admin"),
            verified: flag(row, "verified"),
            disabled: flag(row, "disabled"),
            password: text(row, "password").is_some(),
        };
        Ok(rows.iter().map(account).collect())
    }

    /// Closes an account, or opens it again; closed, all its sessions end.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<()> {
        let set = vec![("disabled", To::Value(Value::Boolean(disabled)))];
        self.set(name, set, disabled).await
    }

    /// Gives an account a password; all its sessions end. A row of the users table that has no account gets one.
    ///
    /// # Errors
    /// There is no such account, or the password is none.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        check_new(password)?;
        let hash = self.passwords.hash(password).await?;
        let (snapshot, users) = self.prepared().await?;
        if self.found(&snapshot, name).await?.is_none()
            && let Some((user, email, username)) = self.row(&snapshot, &users, name).await?
        {
            let mut changes = Changes::default();
            let now = milliseconds();
            let optional = |text: Option<String>| text.map_or(Value::Null, |text| Value::Text(text.into()));
            let values = vec![
                ("email", optional(email)),
                ("username", optional(username)),
                ("password", Value::Text(hash.into())),
                ("role", Value::Text(Principal::USER.into())),
                ("admin", Value::Boolean(false)),
                ("verified", Value::Boolean(false)),
                ("disabled", Value::Boolean(false)),
                ("created_at", Value::Integer(now)),
                ("changed_at", Value::Integer(now)),
            ];
            Owned::Known(user.id).insert(&mut changes, "credential", values, None);
            let done = changes.run(&self.engine, &snapshot).await;
            return done.map(|_| ()).map_err(|error| taken(error, &users));
        }
        let set = vec![("password", To::Value(Value::Text(hash.into())))];
        self.set(name, set, true).await
    }

    /// Gives an account a role, or makes it an admin or none; all its sessions end, because tokens say the role.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn set_role(&self, name: &str, role: Option<&str>, admin: Option<bool>) -> Result<()> {
        let mut set = Vec::new();
        if let Some(role) = role {
            if role == Principal::ADMIN {
                return Err(no_role_admin());
            }
            set.push(("role", To::Value(Value::Text(role.into()))));
        }
        set.extend(admin.map(|admin| ("admin", To::Value(Value::Boolean(admin)))));
        self.set(name, set, true).await
    }

    async fn set(&self, name: &str, mut set: Vec<(&'static str, To)>, ends: bool) -> Result<()> {
        let snapshot = self.engine.snapshot();
        let id = self.found(&snapshot, name).await?.ok_or_else(|| unknown(name))?;
        let now = milliseconds();
        set.push(("changed_at", To::Value(Value::Integer(now))));
        let mut changes = Changes::default();
        changes.update("credential", vec![is("user_id", &id)], set);
        if ends {
            let open = vec![is("user_id", &id), Is::Null("ended_at", true)];
            changes.update("session", open, vec![("ended_at", To::Value(Value::Integer(now)))]);
        }
        changes.run(&self.engine, &snapshot).await?;
        self.sessions.outdated();
        Ok(())
    }

    /// The id of the account of an e-mail address or a user name.
    async fn found(&self, snapshot: &Arc<Snapshot>, name: &str) -> Result<Option<String>> {
        let which = match name.contains('@') {
            true => is("email", &users::email(name)?),
            false => is("username", &users::username(name)?),
        };
        let found = self.credential(snapshot, which).await?;
        Ok(found.and_then(|row| text(&row, "user_id")))
    }

    /// A row of the users table by e-mail address or user name: the user, and both as accounts know them.
    async fn row(
        &self,
        snapshot: &Arc<Snapshot>,
        users: &users::Users,
        name: &str,
    ) -> Result<Option<(super::User, Option<String>, Option<String>)>> {
        let (column, own) = match name.contains('@') {
            true => (&users.email, users::email(name)?),
            false => (&users.username, users::username(name)?),
        };
        let Some(column) = column else { return Ok(None) };
        let question = Question {
            table: USERS,
            columns: users.columns(),
            wanted: vec![Is::Lower(column.clone(), own)],
            limit: Some(2),
        };
        let found = rows(&self.engine, snapshot, question).await?;
        let [row] = found.as_slice() else {
            return match found.len() {
                0 => Ok(None),
                _ => Err(Error::invalid(
                    Code::INVALID_VALUE,
                    format!("several rows of the users table have {name:?}: nobody can tell which is meant"),
                )),
            };
        };
        let user = users.user(row)?;
        let email = user.email.as_str().and_then(|text| users::email(text).ok());
        let username = user.username.as_str().and_then(|text| users::username(text).ok());
        Ok(Some((user, email, username)))
    }
}

fn unknown(name: &str) -> Error {
    Error::not_found(Code::ROW_NOT_FOUND, format!("there is no account of {name:?}"))
}

fn no_role_admin() -> Error {
    let message = "the role \"admin\" is given by a flag: --admin";
    Error::invalid(Code::INVALID_VALUE, message).at("role")
}
