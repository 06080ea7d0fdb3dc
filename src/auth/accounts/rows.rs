//! The rows that an account is made of: the user's own, the credential, sessions and their tokens.

use super::standing::{Known, user_of_account};
use super::store::{Changes, Is, Question, Row, To, is, names, number, returned, rows, text};
use super::users::Users;
use super::{Accounts, NewUser, User, codes};
use crate::auth::{milliseconds, random};
use crate::engine::{Engine, Snapshot, USERS, Written};
use crate::error::{Code, Error, Kind, Result, ViolationKind};
use crate::ident::Name;
use crate::principal::Principal;
use crate::request::{Comparison, Conflict, ConflictAction, ConflictTarget};
use crate::value::Value;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Columns of credentials that are read.
pub(super) const CREDENTIAL: &[&str] = &[
    "user_id",
    "email",
    "username",
    "password",
    "role",
    "admin",
    "verified",
    "disabled",
    "created_at",
    "changed_at",
    "known_as",
    "gone_at",
    "left_in",
];

impl Accounts {
    /// The tables as they are, of accounts that belong to the users table that is configured.
    pub(super) async fn current(&self) -> Result<Arc<Snapshot>> {
        let snapshot = self.engine.upgraded().await?;
        self.home.check(&snapshot).await?;
        Ok(snapshot)
    }

    /// The tables, made where they are not there.
    pub(super) async fn prepared(&self) -> Result<(Arc<Snapshot>, Users)> {
        // Looked at first: no second table of users is made beside the one that the accounts belong to.
        self.current().await?;
        let (schema, name) = self.home.named();
        let snapshot = self.engine.prepare_users(schema, name).await?;
        self.home.check(&snapshot).await?;
        self.engine.guard_users(&snapshot).await;
        let users = snapshot.catalog.users.map(|id| Users::of(&snapshot.catalog, id));
        match users {
            Some(Ok(users)) => Ok((snapshot, users)),
            Some(Err(lacking)) => Err(Error::new(Kind::Unavailable, Code::NOT_SUPPORTED, lacking)),
            None => Err(Error::internal("the users table was made and is not there")),
        }
    }

    /// Puts a new user's rows into a batch.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that a user is made of")]
    pub(super) async fn add(
        &self,
        changes: &mut Changes,
        snapshot: &Snapshot,
        users: &Users,
        new: &NewUser,
        (email, username): (Option<String>, Option<String>),
        hash: Option<String>,
        given: Vec<(Name, Value)>,
        now: i64,
    ) -> Result<Owned> {
        let mut row: Vec<(Name, Value)> = Vec::new();
        for (what, name, sent) in [
            ("email", &users.email, &new.email),
            ("username", &users.username, &new.username),
        ] {
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
        for (what, name, own) in [
            ("email", &users.email, &email),
            ("username", &users.username, &username),
        ] {
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
                if user_of_account(&self.engine, snapshot, &left).await?.is_some() {
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
        // A database may give the key of a user who is gone once more: what is left of theirs is nobody's.
        let former = key.is_none().then(|| {
            let ended = vec![("ended_at", To::Value(Value::Integer(now)))];
            let index = changes.update("session", Vec::new(), ended);
            changes.of_user(write);
            codes::end_of_former(changes, write);
            index
        });
        let mut user = Owned::Made {
            write,
            key: key.map(|(_, text)| text),
            former: None,
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
            ("known_as", Value::Null),
            ("gone_at", Value::Null),
            ("left_in", Value::Null),
        ];
        // The row is new, so a credential of its key belonged to one that is gone.
        let replace = Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Update {
                columns: Some(values.iter().map(|(column, _)| Name::new(*column)).collect()),
                filter: None,
                proposed: true,
            },
        };
        let credential = user.insert(changes, "credential", values, Some(replace));
        self.home.remember(changes, snapshot);
        if let Owned::Made { former: own, .. } = &mut user {
            *own = former.map(|sessions| Former { sessions, credential });
        }
        Ok(user)
    }

    /// The user that has been made, once nothing serves them that was somebody else's with the same key.
    pub(super) async fn made(
        &self,
        snapshot: &Snapshot,
        users: &Users,
        owned: &Owned,
        written: &[Written],
    ) -> Result<User> {
        let user = owned.made(users, written)?;
        // The row's age is known only now.
        let mut changes = Changes::default();
        let known = Known::of_row(users, &user).kept();
        changes.update(
            "credential",
            vec![is("user_id", &user.id)],
            vec![("known_as", To::Value(known))],
        );
        if let Err(error) = changes.run(&self.engine, snapshot).await {
            tracing::warn!(%error, "what is known of a new user's row could not be kept");
        }
        if owned.had_a_former(written) {
            self.sessions.outdated();
            if let Err(error) = self.engine.forget_keys_of(snapshot, &user.id).await {
                // The account stands. Only who knows a key and the request that came with it could ask for what it gave.
                tracing::warn!(%error, "what writes of a former user gave is still kept");
            }
        }
        Ok(user)
    }

    pub(super) async fn credential(&self, snapshot: &Snapshot, which: Is) -> Result<Option<Row>> {
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
    pub(super) async fn user(&self, snapshot: &Snapshot, id: &str) -> Result<Option<User>> {
        user_of(&self.engine, snapshot, id).await
    }

    /// The session of a refresh token, if it goes on.
    pub(super) async fn session_of(&self, snapshot: &Snapshot, token: &str) -> Result<Option<(String, Owner)>> {
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
    pub(super) async fn end(&self, snapshot: &Snapshot, mut which: Vec<Is>, now: i64) -> Result<()> {
        if snapshot.has_own("session") {
            let mut changes = Changes::default();
            which.push(Is::Null("ended_at", true));
            changes.update("session", which, vec![("ended_at", To::Value(Value::Integer(now)))]);
            changes.run(&self.engine, snapshot).await?;
        }
        self.sessions.outdated();
        Ok(())
    }
}

/// The users table's row of an id.
pub(in crate::auth) async fn user_of(engine: &Engine, snapshot: &Snapshot, id: &str) -> Result<Option<User>> {
    let Some(users) = snapshot
        .catalog
        .users
        .and_then(|id| Users::of(&snapshot.catalog, id).ok())
    else {
        return Ok(None);
    };
    let question = Question {
        table: USERS,
        columns: users.columns(),
        wanted: vec![Is::Key(id.to_owned())],
        limit: Some(1),
    };
    let found = match rows(engine, snapshot, question).await {
        // An id of another form than the table's keys is nobody's.
        Err(error) if error.kind == Kind::Invalid => return Ok(None),
        found => found?,
    };
    found.first().map(|row| users.user(row)).transpose()
}

/// Whose a session is.
pub(super) struct Owner {
    pub(super) user: String,
    /// Since when.
    pub(super) created: i64,
    /// The token that was shown has been used before.
    pub(super) used: bool,
}

/// A user whose rows are written.
pub(super) enum Owned {
    /// The row stands, with this key.
    Known(String),
    /// It is made by an earlier write, with this key, or with one that the database gives.
    Made {
        write: usize,
        key: Option<String>,
        former: Option<Former>,
    },
}

/// The writes that tell whether somebody had the key of a new user before.
pub(super) struct Former {
    /// Ends their sessions.
    sessions: usize,
    /// Replaces their credential.
    credential: usize,
}

impl Owned {
    /// A row of Diglot's own that belongs to the user.
    pub(super) fn insert(
        &self,
        changes: &mut Changes,
        table: &str,
        values: Vec<(&'static str, Value)>,
        conflict: Option<Conflict>,
    ) -> usize {
        let (mut columns, mut row): (Vec<Name>, Vec<Value>) = values
            .into_iter()
            .map(|(column, value)| (Name::new(column), value))
            .unzip();
        let (id, link) = match self {
            Owned::Known(id) => (Some(id.as_str()), None),
            Owned::Made { key: Some(key), .. } => (Some(key.as_str()), None),
            Owned::Made { write, key: None, .. } => (None, Some(*write)),
        };
        if let Some(id) = id {
            columns.push(Name::new("user_id"));
            row.push(Value::Text(id.into()));
        }
        changes.insert(table, columns, vec![row], link, conflict)
    }

    /// Whether somebody had the key of the user that has been made before.
    fn had_a_former(&self, written: &[Written]) -> bool {
        let Owned::Made {
            former: Some(former), ..
        } = self
        else {
            return false;
        };
        let of = |index: usize| written.get(index);
        of(former.sessions).is_some_and(|ended| ended.count > 0)
            || of(former.credential).is_some_and(|credential| credential.created == 0)
    }

    /// The user that has been made.
    fn made(&self, users: &Users, written: &[Written]) -> Result<User> {
        let write = match self {
            Owned::Made { write, .. } => written.get(*write),
            Owned::Known(_) => None,
        };
        let rows = write.map(returned).transpose()?.unwrap_or_default();
        let row = rows.first().ok_or_else(|| Error::internal("a new user is not there"))?;
        users.user(row)
    }
}

/// A new session and its first refresh token.
pub(super) fn begin_session(changes: &mut Changes, user: &Owned, now: i64, until: i64) -> Result<(String, String)> {
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

pub(super) fn add_refresh_token(changes: &mut Changes, session: &str, now: i64) -> Result<String> {
    let token = random()?;
    let row = vec![
        Value::Text(hash_of(&token).into()),
        Value::Text(session.into()),
        Value::Integer(now),
    ];
    changes.insert(
        "refresh_token",
        names(&["hash", "session_id", "created_at"]),
        vec![row],
        None,
        None,
    );
    Ok(token)
}

/// What is kept of a refresh token: whoever reads the table cannot use it.
pub(super) fn hash_of(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

fn exists(what: &str) -> Error {
    let message = format!("there is an account with this {what} already");
    Error::new(Kind::Conflict, Code::CONSTRAINT, message).at(what)
}

/// What a violated constraint says to somebody who signs up.
pub(super) fn taken(error: Error, users: &Users) -> Error {
    let Some(violation) = &error.violation else {
        return error;
    };
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
