//! What the operator does with accounts, from the command line.

use super::rows::{CREDENTIAL, Owned, taken};
use super::standing::{Known, user_of_account};
use super::store::{Changes, Is, Question, Row, To, flag, is, names, number, rows, text};
use super::{Accounts, codes, users};
use crate::auth::milliseconds;
use crate::auth::password::check_new;
use crate::engine::{Snapshot, USERS};
use crate::error::{Code, Error, Result};
use crate::principal::Principal;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

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
    /// The row of the users table is gone: nobody can sign in.
    pub gone: bool,
    /// The users table that the account stayed with when another one was taken over: nobody can sign in.
    pub left_in: Option<String>,
}

/// What taking over another users table made of the accounts.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TakenOver {
    /// The table, as it is named.
    pub table: String,
    /// Accounts that belong to it.
    pub moved: usize,
    /// Accounts that have no row there, and stayed with the table before.
    pub left: usize,
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
        let snapshot = self.engine.upgraded().await?;
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
            gone: number(row, "gone_at").is_some(),
            left_in: text(row, "left_in"),
        };
        Ok(rows.iter().map(account).collect())
    }

    /// Closes an account, or opens it again; closed, all its sessions end. One whose row was gone and is there again is
    /// opened as well, and takes the row as it is.
    ///
    /// # Errors
    /// There is no such account, or none of this users table, or its row is gone.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<()> {
        let mut set = vec![("disabled", To::Value(Value::Boolean(disabled)))];
        if disabled {
            return self.set(name, set, true).await;
        }
        let (snapshot, users) = self.prepared().await?;
        let credential = self.found(&snapshot, name).await?.ok_or_else(|| unknown(name))?;
        let told = |message: String| Err(Error::invalid(Code::NOT_SUPPORTED, message));
        if let Some(table) = text(&credential, "left_in") {
            return told(format!(
                "the account of {name:?} belongs to the users table {table:?}, which another one has replaced"
            ));
        }
        let id = text(&credential, "user_id").unwrap_or_default();
        let Some(user) = self.user(&snapshot, &id).await? else {
            return told(format!(
                "the row of {name:?} (key {id}) is gone from the users table {:?}",
                users.table
            ));
        };
        if number(&credential, "gone_at").is_some() {
            set.push(("gone_at", To::Value(Value::Null)));
            set.push(("known_as", To::Value(Known::of_row(&users, &user).kept())));
        }
        self.set(name, set, false).await
    }

    /// Lets the accounts belong to the users table that is configured from now on: those whose row stands there, with the same
    /// key and the same address or name. The others stay with the table before, closed, until that is taken over again.
    ///
    /// # Errors
    /// No account has a row there, unless `anyway`; the table does not serve; the database's faults.
    pub async fn take_over(&self, anyway: bool) -> Result<TakenOver> {
        let snapshot = self.engine.upgraded().await?;
        let kept = self.home.kept(&snapshot).await?;
        let place = self.home.configured(&snapshot);
        let table = place.to_string();
        let Some(users) = snapshot.catalog.users else {
            let message = format!("there is no table {table:?}: users_table under [auth] names none of the database");
            return Err(Error::invalid(Code::UNKNOWN_TABLE, message));
        };
        let users = users::Users::of(&snapshot.catalog, users)
            .map_err(|lacking| Error::invalid(Code::NOT_SUPPORTED, lacking))?;
        let question = Question {
            table: "credential",
            columns: names(CREDENTIAL),
            wanted: Vec::new(),
            limit: None,
        };
        let credentials = match snapshot.has_own("credential") {
            true => rows(&self.engine, &snapshot, question).await?,
            false => Vec::new(),
        };
        let (mut moved, mut left) = (Vec::new(), Vec::new());
        for credential in &credentials {
            let id = text(credential, "user_id").unwrap_or_default();
            let own = text(credential, "left_in").is_none_or(|left| left == table);
            let row = self.user(&snapshot, &id).await?.filter(|_| own);
            match row.map(|row| Known::of_row(&users, &row)) {
                Some(row) if Known::of_credential(credential).fits(&row) => moved.push((id, row)),
                _ if text(credential, "left_in").is_none() => left.push(id),
                _ => {}
            }
        }
        let was = kept.filter(|kept| *kept != place).map(|kept| kept.to_string());
        let Some(was) = was else {
            let count = moved.len();
            return Ok(TakenOver {
                table,
                moved: count,
                left: 0,
            });
        };
        if moved.is_empty() && !left.is_empty() && !anyway {
            let message = format!(
                "none of {} accounts has a row in {table:?} with the same key and the same address or name;                  with --anyway they stay with {was:?}, and nobody signs in with them",
                left.len()
            );
            return Err(Error::invalid(Code::INVALID_VALUE, message));
        }
        let now = milliseconds();
        let mut changes = Changes::default();
        self.home.replace(&mut changes, &snapshot);
        let taken = TakenOver {
            table,
            moved: moved.len(),
            left: left.len(),
        };
        for (id, known) in moved {
            let set = vec![
                ("left_in", To::Value(Value::Null)),
                ("known_as", To::Value(known.kept())),
            ];
            changes.update("credential", vec![is("user_id", &id)], set);
        }
        for id in left {
            let of_user = || is("user_id", &id);
            let stays = vec![("left_in", To::Value(Value::Text(was.as_str().into())))];
            changes.update("credential", vec![of_user()], stays);
            let ended = vec![("ended_at", To::Value(Value::Integer(now)))];
            changes.update("session", vec![of_user(), Is::Null("ended_at", true)], ended);
            codes::end(&mut changes, &id);
        }
        changes.run(&self.engine, &snapshot).await?;
        self.sessions.outdated();
        self.engine.guard_users_anew(&snapshot).await;
        Ok(taken)
    }

    /// Gives an account a password; all its sessions end. A row of the users table that has no account gets one.
    ///
    /// # Errors
    /// There is no such account, or the password is none.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        check_new(password)?;
        let hash = self.passwords.hash(password).await?;
        let (snapshot, users) = self.prepared().await?;
        let account = match self.found(&snapshot, name).await? {
            Some(credential) => user_of_account(&self.engine, &snapshot, &credential).await?,
            None => None,
        };
        if account.is_none()
            && let Some((user, email, username)) = self.row(&snapshot, &users, name).await?
        {
            let mut changes = Changes::default();
            let now = milliseconds();
            self.make_room(
                &mut changes,
                &snapshot,
                &user.id,
                [("email", &email), ("username", &username)],
            )
            .await?;
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
                ("known_as", Known::of_row(&users, &user).kept()),
            ];
            Owned::Known(user.id).insert(&mut changes, "credential", values, None);
            self.home.remember(&mut changes, &snapshot);
            let done = changes.run(&self.engine, &snapshot).await;
            return done.map(|_| ()).map_err(|error| taken(error, &users));
        }
        let set = vec![("password", To::Value(Value::Text(hash.into())))];
        self.set(name, set, true).await
    }

    /// A one-time code with which a user may set a password, in the place of the one before.
    ///
    /// # Errors
    /// There is no such account, or it is closed, or its row is gone; or `lifetime` is too long.
    pub async fn password_code(&self, name: &str, lifetime: Duration) -> Result<String> {
        if lifetime > codes::LONGEST {
            let message = "a code lives at most 7 days";
            return Err(Error::invalid(Code::INVALID_VALUE, message).at("for"));
        }
        let (snapshot, _) = self.prepared().await?;
        let credential = self.found(&snapshot, name).await?.ok_or_else(|| unknown(name))?;
        if flag(&credential, "disabled") {
            let message = format!("the account of {name:?} is closed; `diglot user disable --undo` opens it");
            return Err(Error::invalid(Code::NOT_SUPPORTED, message));
        }
        if user_of_account(&self.engine, &snapshot, &credential).await?.is_none() {
            return Err(unknown(name));
        }
        let id = text(&credential, "user_id").unwrap_or_default();
        let until = milliseconds() + i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 4);
        let mut changes = Changes::default();
        let code = codes::issue(&mut changes, &id, codes::Purpose::Password, until)?;
        changes.run(&self.engine, &snapshot).await?;
        Ok(code)
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

    /// Removes what is left of accounts whose row is gone, where it stands in the way of a new one.
    async fn make_room(
        &self,
        changes: &mut Changes,
        snapshot: &Arc<Snapshot>,
        id: &str,
        names: [(&'static str, &Option<String>); 2],
    ) -> Result<()> {
        let by_name = names
            .into_iter()
            .filter_map(|(column, name)| Some(is(column, name.as_deref()?)));
        let mut gone: Vec<String> = Vec::new();
        for which in [is("user_id", id)].into_iter().chain(by_name) {
            let Some(left) = self.credential(snapshot, which).await? else {
                continue;
            };
            if user_of_account(&self.engine, snapshot, &left).await?.is_none() {
                gone.extend(text(&left, "user_id"));
            }
        }
        gone.sort_unstable();
        gone.dedup();
        for id in gone {
            changes.delete("credential", vec![is("user_id", &id)]);
            codes::end(changes, &id);
        }
        Ok(())
    }

    async fn set(&self, name: &str, mut set: Vec<(&'static str, To)>, ends: bool) -> Result<()> {
        let snapshot = self.current().await?;
        let found = self.found(&snapshot, name).await?.ok_or_else(|| unknown(name))?;
        let id = text(&found, "user_id").unwrap_or_default();
        let now = milliseconds();
        set.push(("changed_at", To::Value(Value::Integer(now))));
        let mut changes = Changes::default();
        changes.update("credential", vec![is("user_id", &id)], set);
        if ends {
            let open = vec![is("user_id", &id), Is::Null("ended_at", true)];
            changes.update("session", open, vec![("ended_at", To::Value(Value::Integer(now)))]);
            codes::end(&mut changes, &id);
        }
        changes.run(&self.engine, &snapshot).await?;
        self.sessions.outdated();
        Ok(())
    }

    /// The account of an e-mail address or a user name.
    async fn found(&self, snapshot: &Arc<Snapshot>, name: &str) -> Result<Option<Row>> {
        let which = match name.contains('@') {
            true => is("email", &users::email(name)?),
            false => is("username", &users::username(name)?),
        };
        self.credential(snapshot, which).await
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
