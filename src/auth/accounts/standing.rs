//! Whether an account still has its user: the row of the users table with its key, and that it is the same person's.
//!
//! While the users table has Diglot's triggers the key tells: the database itself marks the account of a row that goes. Where
//! it has none, a row may have been deleted and another one made with the same key. So what an account knows of its row (address,
//! name, since when) must still stand in it there; otherwise the account is marked as if the row had gone.

use super::codes;
use super::rows::{CREDENTIAL, user_of};
use super::store::{Changes, Is, Question, Row, To, is, names, number, rows, text};
use super::users::{User, Users};
use crate::auth::milliseconds;
use crate::engine::{Engine, Snapshot};
use crate::error::Result;
use crate::request::Comparison;
use crate::value::Value;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// What is known of a user's row: `email` and `username` without case, `created` as it is written; null is null in the row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::auth) struct Known(Map<String, Json>);

const NAMES: [&str; 2] = ["email", "username"];
const CREATED: &str = "created";

impl Known {
    /// Of a row as it is: what the table has columns for.
    pub(in crate::auth) fn of_row(users: &Users, user: &User) -> Self {
        let of = |value: &Json| match value.as_str() {
            Some(text) => text.to_lowercase().into(),
            None => value.clone(),
        };
        let parts = [
            ("email", &users.email, &user.email),
            ("username", &users.username, &user.username),
            (CREATED, &users.created, &user.created),
        ];
        let there = parts.into_iter().filter(|(_, column, _)| column.is_some());
        Self(there.map(|(part, _, value)| (part.to_owned(), of(value))).collect())
    }

    /// What a credential keeps; of one that keeps nothing, what it was made with.
    pub(in crate::auth) fn of_credential(credential: &Row) -> Self {
        let kept = text(credential, "known_as").and_then(|kept| serde_json::from_str(&kept).ok());
        Self(kept.unwrap_or_else(|| {
            let made = NAMES
                .into_iter()
                .filter_map(|part| Some((part, text(credential, part)?)));
            made.map(|(part, name)| (part.to_owned(), name.into())).collect()
        }))
    }

    /// As it is kept.
    pub(in crate::auth) fn kept(&self) -> Value {
        Value::Text(serde_json::to_string(&self.0).unwrap_or_default().into())
    }

    /// Whether a row may be the same person's: as old, as far as both say, and with one of the names at least.
    pub(in crate::auth) fn fits(&self, row: &Self) -> bool {
        let said = |of: &Self, part: &str| of.0.get(part).filter(|value| !value.is_null()).cloned();
        let differs = match (said(self, CREATED), row.0.get(CREATED)) {
            (Some(own), Some(other)) => own != *other,
            _ => false,
        };
        let same_name = |part: &&str| said(self, part).is_some_and(|own| row.0.get(*part) == Some(&own));
        !differs && NAMES.iter().any(same_name)
    }
}

/// Whether somebody's row has not gone, and the account has not stayed with another users table.
pub(in crate::auth) fn is_usable(credential: &Row) -> bool {
    number(credential, "gone_at").is_none() && text(credential, "left_in").is_none()
}

/// The credential of a user's id.
pub(in crate::auth) async fn credential_of(engine: &Engine, snapshot: &Snapshot, id: &str) -> Result<Option<Row>> {
    let question = Question {
        table: "credential",
        columns: names(CREDENTIAL),
        wanted: vec![is("user_id", id)],
        limit: Some(1),
    };
    Ok(rows(engine, snapshot, question).await?.into_iter().next())
}

/// Whether a user's id has had sessions of ours.
pub(in crate::auth) async fn had_sessions(engine: &Engine, snapshot: &Snapshot, id: &str) -> Result<bool> {
    let question = Question {
        table: "session",
        columns: names(&["id"]),
        wanted: vec![is("user_id", id)],
        limit: Some(1),
    };
    Ok(!rows(engine, snapshot, question).await?.is_empty())
}

/// The user of an account, if they are still there. Of one who is not the sessions end, and the account is marked.
pub(in crate::auth) async fn user_of_account(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    credential: &Row,
) -> Result<Option<User>> {
    if !is_usable(credential) {
        return Ok(None);
    }
    let id = text(credential, "user_id").unwrap_or_default();
    let found = user_of(engine, snapshot, &id).await?;
    if let (Some(user), Some(table)) = (found, Guarded::of(snapshot)) {
        let known = Known::of_row(&table.users, &user);
        let kept = Known::of_credential(credential);
        if table.guarded || kept.fits(&known) {
            if table.guarded && (known != kept || text(credential, "known_as").is_none()) {
                learn(engine, snapshot, &id, &known).await;
            }
            return Ok(Some(user));
        }
    }
    leave(engine, snapshot, &id).await;
    Ok(None)
}

/// The users table, if anybody can be looked for in it, and whether its triggers stand.
struct Guarded {
    users: Users,
    guarded: bool,
}

impl Guarded {
    fn of(snapshot: &Snapshot) -> Option<Self> {
        let catalog = &snapshot.catalog;
        let id = catalog.users?;
        let users = Users::of(catalog, id).ok()?;
        let guarded = catalog.table(id).guarded;
        Some(Self { users, guarded })
    }
}

/// Keeps what is known of a row now: the application has changed it.
async fn learn(engine: &Arc<Engine>, snapshot: &Snapshot, id: &str, known: &Known) {
    if snapshot.catalog.database.read_only {
        return;
    }
    let mut changes = Changes::default();
    let open = vec![is("user_id", id), Is::Null("gone_at", true), Is::Null("left_in", true)];
    changes.update("credential", open, vec![("known_as", To::Value(known.kept()))]);
    if let Err(error) = changes.run(engine, snapshot).await {
        tracing::warn!(%error, "what is known of a user's row could not be kept");
    }
}

/// Ends the sessions of a user whose row is gone, and marks the account.
pub(in crate::auth) async fn leave(engine: &Arc<Engine>, snapshot: &Snapshot, user: &str) {
    // That somebody is refused does not depend on it: they are again.
    if let Err(error) = mark(engine, snapshot, user).await {
        tracing::warn!(%error, "the sessions of a user who is gone could not be ended");
    }
}

async fn mark(engine: &Arc<Engine>, snapshot: &Snapshot, user: &str) -> Result<()> {
    // A table in which nobody can be looked for says of nobody that they are gone.
    let Some(table) = Guarded::of(snapshot).filter(|_| !snapshot.catalog.database.read_only) else {
        return Ok(());
    };
    let credential = credential_of(engine, snapshot, user).await?.filter(is_usable);
    let open = Question {
        table: "session",
        columns: names(&["id"]),
        wanted: vec![is("user_id", user), Is::Null("ended_at", true)],
        limit: None,
    };
    let sessions = rows(engine, snapshot, open).await?;
    if credential.is_none() && sessions.is_empty() {
        return Ok(());
    }
    // Looked for again after what is left was read: of a new user with the same key nothing is taken away.
    if let Some(row) = user_of(engine, snapshot, user).await? {
        let known = Known::of_row(&table.users, &row);
        let same = |credential: &Row| table.guarded || Known::of_credential(credential).fits(&known);
        if credential.as_ref().is_some_and(same) {
            return Ok(());
        }
    }
    let now = milliseconds();
    let mut changes = Changes::default();
    let ids = sessions.iter().filter_map(|row| row.get("id")?.as_str());
    let ids = ids.map(|id| Value::Text(id.into())).collect();
    changes.update(
        "session",
        vec![
            Is::Compared("id", Comparison::In, Value::List(ids)),
            Is::Null("ended_at", true),
        ],
        vec![("ended_at", To::Value(Value::Integer(now)))],
    );
    if let Some(created) = credential.as_ref().and_then(|row| number(row, "created_at")) {
        let same = Is::Compared("created_at", Comparison::Equal, Value::Integer(created));
        let which = vec![is("user_id", user), same, Is::Null("gone_at", true)];
        changes.update("credential", which, vec![("gone_at", To::Value(Value::Integer(now)))]);
        codes::end(&mut changes, user);
    }
    changes.run(engine, snapshot).await?;
    tracing::info!(
        user,
        "a user's row is gone; their sessions have ended, and nobody signs in with the account"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_may_be_the_same() {
        let known = |value: Json| Known(value.as_object().unwrap().clone());
        let both = json!({"email": "ada@x", "username": "ada", "created": "2026-01-01"});
        for (kept, row, same) in [
            (both.clone(), both.clone(), true),
            // Another address, or another name, of the same age.
            (
                both.clone(),
                json!({"email": "a@y", "username": "ada", "created": "2026-01-01"}),
                true,
            ),
            (
                both.clone(),
                json!({"email": "a@y", "username": "b", "created": "2026-01-01"}),
                false,
            ),
            // Made anew.
            (
                both.clone(),
                json!({"email": "ada@x", "username": "ada", "created": "2026-01-02"}),
                false,
            ),
            (
                both.clone(),
                json!({"email": "ada@x", "username": "ada", "created": null}),
                false,
            ),
            // A column that came or went.
            (both.clone(), json!({"email": "ada@x"}), true),
            (json!({"email": "ada@x"}), both.clone(), true),
            (json!({"email": "ada@x"}), json!({"username": "ada"}), false),
            // Nothing is no name.
            (
                json!({"email": "ada@x", "username": null}),
                json!({"email": "b@x", "username": null}),
                false,
            ),
            (json!({}), both, false),
        ] {
            assert_eq!(known(kept.clone()).fits(&known(row.clone())), same, "{kept} {row}");
        }
    }
}
