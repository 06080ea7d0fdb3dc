//! Accounts: signing up and in, sessions, passwords. Every front that signs people in does it here.
//!
//! What is known of a user to the application is a row of the users table; password, role and sessions stand in Diglot's own
//! tables beside it, by the row's key as text. Which account an e-mail address or a user name means is what the account was
//! made with, not what the application writes into the users table later: so nobody becomes another by a change of a column.

mod attempts;
mod operator;
pub(super) mod store;
mod users;

pub use operator::{Account, NewUser};
pub use users::User;

use super::mint::{Grant, Minter};
use super::password::{Passwords, check_new};
use super::sessions::Sessions;
use super::{Secrets, milliseconds, random, refused};
use crate::config;
use crate::engine::{Engine, Snapshot, USERS};
use crate::error::{Code, Error, Kind, Result, ViolationKind};
use crate::ident::Name;
use crate::principal::{Principal, Variable};
use crate::request::{Comparison, Conflict, ConflictAction, ConflictTarget};
use crate::value::Value;
use attempts::Attempt;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{Changes, Is, Question, Row, To, flag, is, names, number, returned, rows, text};
use users::Users;

/// Milliseconds between two looks for what has expired.
const CLEANING: i64 = 600_000;

/// Columns of credentials that are read.
const CREDENTIAL: &[&str] = &[
    "user_id", "email", "username", "password", "role", "admin", "verified", "disabled", "created_at",
];

/// What somebody wants of their account.
#[derive(Clone, Debug)]
pub enum Action {
    /// A new account.
    SignUp {
        /// E-mail address.
        email: Option<String>,
        /// User name.
        username: Option<String>,
        /// Password.
        password: String,
        /// Further columns of the users table.
        columns: Vec<(String, Value)>,
    },
    /// A session.
    SignIn {
        /// Whose.
        who: Login,
        /// Password.
        password: String,
    },
    /// New tokens of a session.
    Refresh {
        /// The refresh token.
        token: String,
    },
    /// Who am I?
    Me,
    /// The end of a session.
    SignOut {
        /// A refresh token of it; without one it is that of the access token.
        token: Option<String>,
        /// All sessions of the user.
        all: bool,
    },
    /// Another password; all other sessions end.
    ChangePassword {
        /// The one so far.
        current: String,
        /// The new one.
        new: String,
    },
}

/// What an account is found by.
#[derive(Clone, Debug)]
pub enum Login {
    /// The e-mail address.
    Email(String),
    /// The user name.
    Username(String),
}

/// What came of an [`Action`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// A session and its tokens.
    Session {
        /// Whose.
        user: User,
        /// The access token.
        access_token: String,
        /// The refresh token.
        refresh_token: String,
    },
    /// Who it is.
    User(User),
    /// It is done.
    Done,
}

/// The accounts of a database.
pub struct Accounts {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
    passwords: Passwords,
    minter: Minter,
    sign_up: bool,
    columns: Option<Vec<String>>,
    users_table: String,
    schema: String,
    refresh_lifetime: i64,
    cleaned: AtomicI64,
}

/// Whether anybody may sign up, where the configuration does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSignUp(pub bool);

impl Accounts {
    /// The accounts of a database.
    #[must_use]
    pub fn new(engine: Arc<Engine>, config: &config::Config, secrets: &Secrets, open: OpenSignUp) -> Self {
        let settings = &config.auth;
        let minter = Minter::new(settings, secrets);
        let leeway = Duration::from_secs(settings.leeway);
        Self {
            sessions: Arc::new(Sessions::new(Arc::clone(&engine), minter.lifetime(), leeway)),
            engine,
            passwords: Passwords::new(),
            minter,
            sign_up: settings.sign_up.unwrap_or(open.0),
            columns: settings.sign_up_columns.clone(),
            users_table: settings.users_table.clone(),
            schema: config.database.schemas.first().cloned().unwrap_or_else(|| "public".into()),
            refresh_lifetime: i64::try_from(settings.refresh_token_ttl().as_millis()).unwrap_or(i64::MAX / 4),
            cleaned: AtomicI64::new(0),
        }
    }

    /// Which sessions have ended, for whoever checks tokens.
    #[must_use]
    pub fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.sessions)
    }

    /// What the users table lacks for anybody to sign in, if there is one.
    #[must_use]
    pub fn lacking(&self) -> Option<String> {
        let catalog = &self.engine.snapshot().catalog;
        catalog.users.and_then(|users| Users::of(catalog, users).err())
    }

    /// Does what somebody wants. `principal` is who they are by their token, `address` where they are.
    ///
    /// # Errors
    /// What is wrong with it; `Unauthenticated` with [`Code::INVALID_CREDENTIALS`] for a wrong password, in the same words
    /// where there is no such account.
    pub async fn act(
        self: &Arc<Self>,
        principal: &Principal,
        address: Option<IpAddr>,
        action: Action,
    ) -> Result<Answer> {
        // Each on the heap: what is rarely asked for makes the future of every request no larger.
        match action {
            Action::SignUp {
                email,
                username,
                password,
                columns,
            } => Box::pin(self.sign_up(email, username, &password, columns, address)).await,
            Action::SignIn { who, password } => Box::pin(self.sign_in(&who, &password, address)).await,
            Action::Refresh { token } => Box::pin(self.refresh(&token)).await,
            Action::Me => Box::pin(self.me(principal)).await.map(|(user, _)| Answer::User(user)),
            Action::SignOut { token, all } => Box::pin(self.sign_out(principal, token.as_deref(), all)).await,
            Action::ChangePassword { current, new } => {
                Box::pin(self.change_password(principal, &current, &new, address)).await
            }
        }
    }

    async fn sign_up(
        self: &Arc<Self>,
        email: Option<String>,
        username: Option<String>,
        password: &str,
        columns: Vec<(String, Value)>,
        address: Option<IpAddr>,
    ) -> Result<Answer> {
        if !self.sign_up {
            return Err(Error::forbidden(
                "nobody can sign up by themselves on this server; its operator makes accounts",
            ));
        }
        let new = NewUser {
            email,
            username,
            password: Some(password.to_owned()),
            ..NewUser::default()
        };
        let names = new.checked()?;
        check_new(password)?;
        let (snapshot, users) = self.prepared().await?;
        let listed = self.columns.as_deref();
        let columns = columns.into_iter().map(|(name, value)| Ok((users.given(&name, listed)?, value)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let now = milliseconds();
        let attempt = Attempt::begin(&self.engine, &snapshot, None, address, now).await?;
        // Before anything is looked up: it takes as long whoever there is already.
        let hash = self.passwords.hash(password).await?;
        let mut changes = Changes::default();
        let user = self.add(&mut changes, &snapshot, &users, &new, names, Some(hash), columns, now).await?;
        let (session, refresh_token) = begin_session(&mut changes, &user, now, now + self.refresh_lifetime)?;
        attempt.succeed(&mut changes, &snapshot);
        let written = changes.run(&self.engine, &snapshot).await.map_err(|error| taken(error, &users))?;
        let user = user.made(&users, &written)?;
        let mut grant = Grant::user(&user.id, Principal::USER);
        grant.session = Some(&session);
        let access_token = self.token(&grant, now)?;
        Ok(Answer::Session {
            user,
            access_token,
            refresh_token,
        })
    }

    async fn sign_in(self: &Arc<Self>, who: &Login, password: &str, address: Option<IpAddr>) -> Result<Answer> {
        let snapshot = self.engine.snapshot();
        let now = milliseconds();
        // What cannot be the name of an account is an account that does not exist.
        let wanted = match who {
            Login::Email(text) => ("email", users::email(text).ok()),
            Login::Username(text) => ("username", users::username(text).ok()),
        };
        let (Login::Email(typed) | Login::Username(typed)) = who;
        let account = wanted.1.clone().unwrap_or_else(|| typed.to_lowercase());
        let attempt = Attempt::begin(&self.engine, &snapshot, Some(&account), address, now).await?;
        let credential = match &wanted {
            (column, Some(name)) => self.credential(&snapshot, is(column, name)).await?,
            _ => None,
        };
        let hash = credential.as_ref().and_then(|row| text(row, "password"));
        let checked = self.passwords.check(password, hash.as_deref()).await?;
        let wrong = || refused("the name or the password is wrong");
        let Some(credential) = credential.filter(|row| checked.right && !flag(row, "disabled")) else {
            return Err(wrong());
        };
        let id = text(&credential, "user_id").unwrap_or_default();
        // An account whose row the application has deleted is none.
        let user = self.user(&snapshot, &id).await?.ok_or_else(wrong)?;
        let mut changes = Changes::default();
        if checked.outdated {
            let hash = self.passwords.hash(password).await?;
            let same = vec![is("user_id", &id), is("password", &text(&credential, "password").unwrap_or_default())];
            changes.update("credential", same, vec![("password", To::Value(Value::Text(hash.into())))]);
        }
        // The account may have been closed while the password was looked at.
        let open = vec![
            is("user_id", &id),
            Is::Compared("disabled", Comparison::Equal, Value::Boolean(false)),
        ];
        changes.update("credential", open, vec![("disabled", To::Value(Value::Boolean(false)))]);
        changes.strict();
        let owner = NewKey::Known(user.clone());
        let (session, refresh_token) = begin_session(&mut changes, &owner, now, now + self.refresh_lifetime)?;
        attempt.succeed(&mut changes, &snapshot);
        changes.run(&self.engine, &snapshot).await.map_err(|error| gone(error, wrong()))?;
        self.clean(now);
        let access_token = self.access_token(&credential, &session, now)?;
        Ok(Answer::Session {
            user,
            access_token,
            refresh_token,
        })
    }

    async fn refresh(self: &Arc<Self>, token: &str) -> Result<Answer> {
        let invalid = || refused("the refresh token is not valid; sign in again");
        let snapshot = self.engine.snapshot();
        let Some((session, owner)) = self.session_of(&snapshot, token).await? else {
            return Err(invalid());
        };
        let now = milliseconds();
        if owner.used {
            // Two have it: its owner, and somebody who should not. Nobody can tell which is which.
            tracing::warn!(session, "a refresh token was used again; its session has ended");
            self.end(&snapshot, vec![is("id", &session)], now).await?;
            return Err(invalid());
        }
        let credential = self.credential(&snapshot, is("user_id", &owner.user)).await?;
        let user = self.user(&snapshot, &owner.user).await?;
        let open = |row: &Row| !flag(row, "disabled") && number(row, "created_at").is_some_and(|at| at <= owner.created);
        let (Some(credential), Some(user)) = (credential.filter(open), user) else {
            self.end(&snapshot, vec![is("id", &session)], now).await?;
            return Err(invalid());
        };
        let mut changes = Changes::default();
        let unused = vec![is("hash", &hash_of(token)), Is::Null("used_at", true)];
        changes.update("refresh_token", unused, vec![("used_at", To::Value(Value::Integer(now)))]);
        changes.strict();
        let going_on = vec![
            is("id", &session),
            Is::Null("ended_at", true),
            Is::Compared("expires_at", Comparison::Greater, Value::Integer(now)),
        ];
        let until = Value::Integer(now + self.refresh_lifetime);
        changes.update("session", going_on, vec![("expires_at", To::Value(until))]);
        changes.strict();
        let refresh_token = add_refresh_token(&mut changes, &session, now)?;
        if let Err(error) = changes.run(&self.engine, &snapshot).await {
            if error.code == Code::ROW_NOT_FOUND && error.write == Some(0) {
                // Another one was quicker with the same token.
                self.end(&snapshot, vec![is("id", &session)], now).await?;
            }
            return Err(gone(error, invalid()));
        }
        let access_token = self.access_token(&credential, &session, now)?;
        Ok(Answer::Session {
            user,
            access_token,
            refresh_token,
        })
    }

    /// The user whose session a token belongs to, and their id.
    async fn me(&self, principal: &Principal) -> Result<(User, String)> {
        let unknown = || Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, "sign in first: a user's token is needed");
        let Some(Variable::Text(id)) = principal.variable("id") else {
            return Err(unknown());
        };
        let user = self.user(&self.engine.snapshot(), id).await?.ok_or_else(unknown)?;
        Ok((user, id.to_string()))
    }

    async fn sign_out(&self, principal: &Principal, token: Option<&str>, all: bool) -> Result<Answer> {
        let snapshot = self.engine.snapshot();
        let now = milliseconds();
        let (session, user) = match token {
            Some(token) => match self.session_of(&snapshot, token).await? {
                Some((session, owner)) => (session, owner.user),
                // It is over already.
                None => return Ok(Answer::Done),
            },
            None => {
                let needed = || {
                    let message = "signing out needs the session's access token or its refresh token";
                    Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message)
                };
                let session = principal.session.as_deref().ok_or_else(needed)?;
                let Some(Variable::Text(id)) = principal.variable("id") else {
                    return Err(needed());
                };
                (session.to_owned(), id.to_string())
            }
        };
        let which = if all { is("user_id", &user) } else { is("id", &session) };
        self.end(&snapshot, vec![which], now).await?;
        Ok(Answer::Done)
    }

    async fn change_password(
        &self,
        principal: &Principal,
        current: &str,
        new: &str,
        address: Option<IpAddr>,
    ) -> Result<Answer> {
        let (_, id) = self.me(principal).await?;
        check_new(new)?;
        // Not 401: the token is right, and a client would go and refresh it.
        let wrong = || Error::invalid(Code::INVALID_VALUE, "the current password is wrong").at("currentPassword");
        let snapshot = self.engine.snapshot();
        let now = milliseconds();
        let attempt = Attempt::begin(&self.engine, &snapshot, Some(&id), address, now).await?;
        let credential = self.credential(&snapshot, is("user_id", &id)).await?;
        let hash = credential.and_then(|row| text(&row, "password"));
        if !self.passwords.check(current, hash.as_deref()).await?.right {
            return Err(wrong());
        }
        let fresh = self.passwords.hash(new).await?;
        let mut changes = Changes::default();
        // Of two changes at once one is too late.
        let same = vec![is("user_id", &id), is("password", &hash.unwrap_or_default())];
        let set = vec![
            ("password", To::Value(Value::Text(fresh.into()))),
            ("changed_at", To::Value(Value::Integer(now))),
        ];
        changes.update("credential", same, set);
        changes.strict();
        let mut others = vec![is("user_id", &id), Is::Null("ended_at", true)];
        if let Some(session) = &principal.session {
            others.push(Is::Compared("id", Comparison::NotEqual, Value::Text(session.as_ref().into())));
        }
        changes.update("session", others, vec![("ended_at", To::Value(Value::Integer(now)))]);
        attempt.succeed(&mut changes, &snapshot);
        let changed = changes.run(&self.engine, &snapshot).await;
        changed.map_err(|error| gone(error, wrong()))?;
        self.sessions.outdated();
        Ok(Answer::Done)
    }

    /// The tables, made where they are not there.
    async fn prepared(&self) -> Result<(Arc<Snapshot>, Users)> {
        let snapshot = self.engine.prepare_users(&self.schema, &self.users_table).await?;
        let users = snapshot.catalog.users.map(|id| Users::of(&snapshot.catalog, id));
        match users {
            Some(Ok(users)) => Ok((snapshot, users)),
            Some(Err(lacking)) => Err(Error::new(Kind::Unavailable, Code::NOT_SUPPORTED, lacking)),
            None => Err(Error::internal("the users table was made and is not there")),
        }
    }

    /// Puts a new user's rows into a batch.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that a user is made of")]
    async fn add(
        &self,
        changes: &mut Changes,
        snapshot: &Snapshot,
        users: &Users,
        new: &NewUser,
        (email, username): (Option<String>, Option<String>),
        hash: Option<String>,
        given: Vec<(Name, Value)>,
        now: i64,
    ) -> Result<NewKey> {
        let mut row: Vec<(Name, Value)> = Vec::new();
        for (what, name, sent) in [("email", &users.email, &new.email), ("username", &users.username, &new.username)] {
            match (name, sent) {
                (Some(name), Some(sent)) => row.push((name.clone(), Value::Text(sent.as_str().into()))),
                (None, Some(_)) => {
                    let message = format!("the users table has no column for {what:?}");
                    return Err(Error::invalid(Code::UNKNOWN_COLUMN, message).at(what));
                }
                _ => {}
            }
        }
        // Never an account of a row that stands already, whoever wrote it.
        for (what, name, own) in [("email", &users.email, &email), ("username", &users.username, &username)] {
            let (Some(name), Some(own)) = (name, own) else { continue };
            let question = Question {
                table: USERS,
                columns: users.columns(),
                wanted: vec![Is::Lower(name.clone(), own.clone())],
                limit: Some(1),
            };
            if !rows(&self.engine, snapshot, question).await?.is_empty() {
                return Err(exists(what));
            }
            // What is left of an account whose row is gone makes room.
            let column = if what == "email" { "email" } else { "username" };
            if let Some(left) = self.credential(snapshot, is(column, own)).await? {
                let id = text(&left, "user_id").unwrap_or_default();
                if self.user(snapshot, &id).await?.is_some() {
                    return Err(exists(what));
                }
                changes.delete("credential", vec![is("user_id", &id)]);
                let ended = vec![("ended_at", To::Value(Value::Integer(now)))];
                changes.update("session", vec![is("user_id", &id), Is::Null("ended_at", true)], ended);
            }
        }
        for (name, value) in given {
            if row.iter().any(|(own, _)| *own == name) {
                let message = format!("{:?} was sent twice", name.as_str());
                return Err(Error::invalid(Code::INVALID_VALUE, message).at(name.as_str()));
            }
            row.push((name, value));
        }
        let key = users.new_key();
        if let Some((value, _)) = &key {
            row.push((users.key.clone(), value.clone()));
        }
        let (columns, values) = row.into_iter().unzip();
        let write = changes.insert(USERS, columns, vec![values], None, None);
        changes.returning(&users.columns());
        let user = NewKey::Made {
            write,
            key: key.map(|(_, text)| text),
        };
        let optional = |text: Option<String>| text.map_or(Value::Null, |text| Value::Text(text.into()));
        let role = new.role.as_deref().unwrap_or(Principal::USER);
        let values = vec![
            ("email", optional(email)),
            ("username", optional(username)),
            ("password", optional(hash)),
            ("role", Value::Text(role.into())),
            ("admin", Value::Boolean(new.admin)),
            ("verified", Value::Boolean(new.verified)),
            ("disabled", Value::Boolean(false)),
            ("created_at", Value::Integer(now)),
            ("changed_at", Value::Integer(now)),
        ];
        // The row is new, so a credential of its key belonged to one that is gone.
        let replace = Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Update {
                columns: Some(values.iter().map(|(column, _)| Name::new(*column)).collect()),
                filter: None,
            },
        };
        user.insert(changes, "credential", values, Some(replace));
        Ok(user)
    }

    async fn credential(&self, snapshot: &Snapshot, which: Is) -> Result<Option<Row>> {
        if !snapshot.has_own("credential") {
            return Ok(None);
        }
        let question = Question {
            table: "credential",
            columns: names(CREDENTIAL),
            wanted: vec![which],
            limit: Some(1),
        };
        Ok(rows(&self.engine, snapshot, question).await?.into_iter().next())
    }

    /// The users table's row of an id.
    async fn user(&self, snapshot: &Snapshot, id: &str) -> Result<Option<User>> {
        let Some(users) = snapshot.catalog.users.and_then(|id| Users::of(&snapshot.catalog, id).ok()) else {
            return Ok(None);
        };
        let question = Question {
            table: USERS,
            columns: users.columns(),
            wanted: vec![Is::Key(id.to_owned())],
            limit: Some(1),
        };
        let found = match rows(&self.engine, snapshot, question).await {
            // An id of another form than the table's keys is nobody's.
            Err(error) if error.kind == Kind::Invalid => return Ok(None),
            found => found?,
        };
        found.first().map(|row| users.user(row)).transpose()
    }

    /// The session of a refresh token, if it goes on.
    async fn session_of(&self, snapshot: &Snapshot, token: &str) -> Result<Option<(String, Owner)>> {
        if !snapshot.has_own("refresh_token") || token.len() > 200 {
            return Ok(None);
        }
        let question = Question {
            table: "refresh_token",
            columns: names(&["session_id", "used_at"]),
            wanted: vec![is("hash", &hash_of(token))],
            limit: Some(1),
        };
        let found = rows(&self.engine, snapshot, question).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let session = text(row, "session_id").unwrap_or_default();
        let question = Question {
            table: "session",
            columns: names(&["user_id", "created_at", "expires_at"]),
            wanted: vec![
                is("id", &session),
                Is::Null("ended_at", true),
                Is::Compared("expires_at", Comparison::Greater, Value::Integer(milliseconds())),
            ],
            limit: Some(1),
        };
        let used = number(row, "used_at").is_some();
        let found = rows(&self.engine, snapshot, question).await?;
        Ok(found.first().map(|row| {
            let owner = Owner {
                user: text(row, "user_id").unwrap_or_default(),
                created: number(row, "created_at").unwrap_or_default(),
                used,
            };
            (session, owner)
        }))
    }

    /// Ends sessions.
    async fn end(&self, snapshot: &Snapshot, mut which: Vec<Is>, now: i64) -> Result<()> {
        if snapshot.has_own("session") {
            let mut changes = Changes::default();
            which.push(Is::Null("ended_at", true));
            changes.update("session", which, vec![("ended_at", To::Value(Value::Integer(now)))]);
            changes.run(&self.engine, snapshot).await?;
        }
        self.sessions.outdated();
        Ok(())
    }

    fn access_token(&self, credential: &Row, session: &str, now: i64) -> Result<String> {
        let (id, role) = (text(credential, "user_id"), text(credential, "role"));
        let (id, role) = (id.unwrap_or_default(), role.unwrap_or_default());
        let mut grant = Grant::user(&id, &role);
        grant.session = Some(session);
        grant.flagged = flag(credential, "admin");
        self.token(&grant, now)
    }

    fn token(&self, grant: &Grant<'_>, now: i64) -> Result<String> {
        let seconds = u64::try_from(now / 1000).unwrap_or_default();
        self.minter.token(grant, seconds, self.minter.lifetime())
    }

    /// Removes, now and then, what has expired.
    fn clean(self: &Arc<Self>, now: i64) {
        let last = self.cleaned.load(Ordering::Relaxed);
        let taken = self.cleaned.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if now - last < CLEANING || taken.is_err() {
            return;
        }
        let own = Arc::clone(self);
        tokio::spawn(async move {
            let snapshot = own.engine.snapshot();
            let mut changes = Changes::default();
            attempts::forget(&mut changes, now);
            // Those that have ended are asked for as long as they can have tokens; a day is longer than that.
            let lifetime = i64::try_from(own.minter.lifetime().as_millis()).unwrap_or(i64::MAX / 4);
            let old = now - lifetime.max(86_400_000) - 86_400_000;
            for column in ["expires_at", "ended_at"] {
                let over = Is::Compared(column, Comparison::Less, Value::Integer(old));
                changes.delete("session", vec![over]);
            }
            if let Err(error) = changes.run(&own.engine, &snapshot).await {
                tracing::warn!(%error, "what has expired of sessions could not be removed");
            }
        });
    }
}

/// Whose a session is.
struct Owner {
    user: String,
    /// Since when.
    created: i64,
    /// The token that was shown has been used before.
    used: bool,
}

/// A user whose rows are written.
enum NewKey {
    /// The row stands.
    Known(User),
    /// It is made by an earlier write, with this key, or with one that the database gives.
    Made { write: usize, key: Option<String> },
}

impl NewKey {
    /// A row of Diglot's own that belongs to the user.
    fn insert(
        &self,
        changes: &mut Changes,
        table: &str,
        values: Vec<(&'static str, Value)>,
        conflict: Option<Conflict>,
    ) {
        let (mut columns, mut row): (Vec<Name>, Vec<Value>) =
            values.into_iter().map(|(column, value)| (Name::new(column), value)).unzip();
        let (id, link) = match self {
            NewKey::Known(user) => (Some(user.id.as_str()), None),
            NewKey::Made { key: Some(key), .. } => (Some(key.as_str()), None),
            NewKey::Made { write, key: None } => (None, Some(*write)),
        };
        if let Some(id) = id {
            columns.push(Name::new("user_id"));
            row.push(Value::Text(id.into()));
        }
        changes.insert(table, columns, vec![row], link, conflict);
    }

    /// The user, when it is written.
    fn made(self, users: &Users, written: &[crate::engine::Written]) -> Result<User> {
        match self {
            NewKey::Known(user) => Ok(user),
            NewKey::Made { write, .. } => {
                let rows = written.get(write).map(returned).transpose()?.unwrap_or_default();
                let row = rows.first().ok_or_else(|| Error::internal("a new user is not there"))?;
                users.user(row)
            }
        }
    }
}

/// A new session and its first refresh token.
fn begin_session(changes: &mut Changes, user: &NewKey, now: i64, until: i64) -> Result<(String, String)> {
    let session = random()?;
    let values = vec![
        ("id", Value::Text(session.as_str().into())),
        ("created_at", Value::Integer(now)),
        ("expires_at", Value::Integer(until)),
    ];
    user.insert(changes, "session", values, None);
    let token = add_refresh_token(changes, &session, now)?;
    Ok((session, token))
}

fn add_refresh_token(changes: &mut Changes, session: &str, now: i64) -> Result<String> {
    let token = random()?;
    let row = vec![
        Value::Text(hash_of(&token).into()),
        Value::Text(session.into()),
        Value::Integer(now),
    ];
    changes.insert("refresh_token", names(&["hash", "session_id", "created_at"]), vec![row], None, None);
    Ok(token)
}

/// What is kept of a refresh token: whoever reads the table cannot use it.
fn hash_of(token: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// A row that had to be there is not: `instead`.
fn gone(error: Error, instead: Error) -> Error {
    if error.code == Code::ROW_NOT_FOUND { instead } else { error }
}

fn exists(what: &str) -> Error {
    let message = format!("there is an account with this {what} already");
    Error::new(Kind::Conflict, Code::CONSTRAINT, message).at(what)
}

/// What a violated constraint says to somebody who signs up.
fn taken(error: Error, users: &Users) -> Error {
    let Some(violation) = &error.violation else { return error };
    let column = violation.columns.first().cloned().unwrap_or_default();
    match violation.kind {
        ViolationKind::Unique => {
            let message = "there is an account with this email or username already";
            Error::new(Kind::Conflict, Code::CONSTRAINT, message)
        }
        ViolationKind::NotNull if violation.table.as_deref() == Some(users.table.as_str()) => {
            let message = format!("{column:?} is missing: the users table needs it");
            Error::invalid(Code::INVALID_VALUE, message).at(column)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;
