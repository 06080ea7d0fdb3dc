//! Signing up, in and out; refreshing; other passwords.

use super::rows::{Owned, add_refresh_token, begin_session, hash_of, taken};
use super::standing::{is_usable, user_of_account};
use super::store::{Changes, Is, Row, To, flag, is, number, text};
use super::{Accounts, Answer, Login, NewUser, User, codes};
use crate::auth::mint::Grant;
use crate::auth::password::check_new;
use crate::auth::{milliseconds, refused};
use crate::error::{Code, Error, Kind, Result};
use crate::principal::{Principal, Variable};
use crate::request::Comparison;
use crate::value::Value;
use std::net::IpAddr;
use std::sync::Arc;

impl Accounts {
    pub(super) async fn sign_up(
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
        let columns = columns
            .into_iter()
            .map(|(name, value)| Ok((users.given(&name, listed)?, value)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let now = milliseconds();
        let attempt = self.attempt(&snapshot, None, address, now).await?;
        // Before anything is looked up: it takes as long whoever there is already.
        let hash = self.passwords.hash(password).await;
        let hash = attempt.unless_busy(&self.engine, &snapshot, hash).await?;
        let mut changes = Changes::default();
        let user = self
            .add(&mut changes, &snapshot, &users, &new, names, Some(hash), columns, now)
            .await?;
        let (session, refresh_token) = begin_session(&mut changes, &user, now, now + self.refresh_lifetime)?;
        attempt.take_back(&mut changes, &snapshot);
        let written = changes
            .run(&self.engine, &snapshot)
            .await
            .map_err(|error| taken(error, &users))?;
        let user = self.made(&snapshot, &users, &user, &written).await?;
        let mut grant = Grant::user(&user.id, Principal::USER);
        grant.session = Some(&session);
        let access_token = self.token(&grant, now)?;
        Ok(Answer::Session {
            user,
            access_token,
            refresh_token,
        })
    }

    pub(super) async fn sign_in(
        self: &Arc<Self>,
        who: &Login,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<Answer> {
        let snapshot = self.current().await?;
        let now = milliseconds();
        // What cannot be the name of an account is an account that does not exist.
        let (column, name, account) = who.wanted();
        let attempt = self.attempt(&snapshot, Some(&account), address, now).await?;
        let credential = match &name {
            Some(name) => self.credential(&snapshot, is(column, name)).await?,
            None => None,
        };
        let hash = credential.as_ref().and_then(|row| text(row, "password"));
        let checked = self.passwords.check(password, hash.as_deref()).await;
        let checked = attempt.unless_busy(&self.engine, &snapshot, checked).await?;
        let wrong = || refused("the name or the password is wrong");
        let Some(credential) = credential.filter(|row| checked.right && !flag(row, "disabled")) else {
            return Err(wrong());
        };
        let id = text(&credential, "user_id").unwrap_or_default();
        // An account whose row the application has deleted is none.
        let Some(user) = user_of_account(&self.engine, &snapshot, &credential).await? else {
            self.sessions.outdated();
            return Err(wrong());
        };
        self.engine.guard_users(&snapshot).await;
        let mut changes = Changes::default();
        // The account may have been closed, or have got another password or role, while the password was looked at.
        let as_read = number(&credential, "changed_at").map_or(Value::Null, Value::Integer);
        let same = vec![
            is("user_id", &id),
            Is::Compared("changed_at", Comparison::Equal, as_read.clone()),
            Is::Null("gone_at", true),
            Is::Null("left_in", true),
        ];
        changes.update("credential", same, vec![("changed_at", To::Value(as_read))]);
        changes.strict();
        if checked.outdated {
            let hash = self.passwords.hash(password).await;
            let hash = attempt.unless_busy(&self.engine, &snapshot, hash).await?;
            let set = vec![("password", To::Value(Value::Text(hash.into())))];
            changes.update("credential", vec![is("user_id", &id)], set);
        }
        self.home.remember(&mut changes, &snapshot);
        let owner = Owned::Known(id.clone());
        let (session, refresh_token) = begin_session(&mut changes, &owner, now, now + self.refresh_lifetime)?;
        attempt.take_back(&mut changes, &snapshot);
        changes
            .run(&self.engine, &snapshot)
            .await
            .map_err(|error| gone(error, wrong()))?;
        let access_token = self.access_token(&credential, &session, now)?;
        Ok(Answer::Session {
            user,
            access_token,
            refresh_token,
        })
    }

    pub(super) async fn refresh(self: &Arc<Self>, token: &str) -> Result<Answer> {
        let invalid = || refused("the refresh token is not valid; sign in again");
        let snapshot = self.current().await?;
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
        let open =
            |row: &Row| !flag(row, "disabled") && number(row, "created_at").is_some_and(|at| at <= owner.created);
        let credential = credential.filter(open);
        let user = match &credential {
            Some(credential) => user_of_account(&self.engine, &snapshot, credential).await?,
            None => None,
        };
        let (Some(credential), Some(user)) = (credential, user) else {
            self.end(&snapshot, vec![is("id", &session)], now).await?;
            return Err(invalid());
        };
        self.engine.guard_users(&snapshot).await;
        let mut changes = Changes::default();
        let unused = vec![is("hash", &hash_of(token)), Is::Null("used_at", true)];
        changes.update(
            "refresh_token",
            unused,
            vec![("used_at", To::Value(Value::Integer(now)))],
        );
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
    pub(super) async fn me(&self, principal: &Principal) -> Result<(User, String)> {
        let unknown = || {
            Error::new(
                Kind::Unauthenticated,
                Code::UNAUTHENTICATED,
                "sign in first: a user's token is needed",
            )
        };
        let Some(Variable::Text(id)) = principal.variable("id") else {
            return Err(unknown());
        };
        let snapshot = self.engine.up_to_date().await?;
        let user = self.user(&snapshot, id).await?.ok_or_else(unknown)?;
        Ok((user, id.to_string()))
    }

    /// Ends the session of the access token and that of a refresh token, whichever are shown: whoever signs out with both
    /// means both. Of two users nobody can tell who is meant, so neither is signed out.
    pub(super) async fn sign_out(&self, principal: &Principal, token: Option<&str>, all: bool) -> Result<Answer> {
        let snapshot = self.engine.upgraded().await?;
        let now = milliseconds();
        let of_access = match (principal.session.as_deref(), principal.variable("id")) {
            (Some(session), Some(Variable::Text(id))) => Some((session.to_owned(), id.to_string())),
            _ => None,
        };
        let of_refresh = match token {
            Some(token) => self.session_of(&snapshot, token).await?,
            None if of_access.is_none() => {
                let message = "signing out needs the session's access token or its refresh token";
                return Err(Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message));
            }
            None => None,
        };
        let of_refresh = of_refresh.map(|(session, owner)| (session, owner.user));
        if let (Some((_, one)), Some((_, other))) = (&of_access, &of_refresh)
            && one != other
        {
            let message = "the refresh token belongs to another user than the access token; nobody has been signed out";
            return Err(Error::forbidden(message));
        }
        let shown: Vec<(String, String)> = of_access.into_iter().chain(of_refresh).collect();
        let Some((_, user)) = shown.first() else {
            // It is over already.
            return Ok(Answer::Done);
        };
        let which = if all {
            is("user_id", user)
        } else {
            let sessions = shown.iter().map(|(session, _)| Value::Text(session.as_str().into()));
            Is::Compared("id", Comparison::In, Value::List(sessions.collect()))
        };
        self.end(&snapshot, vec![which], now).await?;
        Ok(Answer::Done)
    }

    pub(super) async fn change_password(
        self: &Arc<Self>,
        principal: &Principal,
        current: &str,
        new: &str,
        address: Option<IpAddr>,
    ) -> Result<Answer> {
        let (_, id) = self.me(principal).await?;
        check_new(new)?;
        // Not 401: the token is right, and a client would go and refresh it.
        let wrong = || Error::invalid(Code::INVALID_VALUE, "the current password is wrong").at("currentPassword");
        let snapshot = self.current().await?;
        let now = milliseconds();
        let attempt = self.attempt(&snapshot, Some(&id), address, now).await?;
        let credential = self.credential(&snapshot, is("user_id", &id)).await?.filter(is_usable);
        let hash = credential.and_then(|row| text(&row, "password"));
        let checked = self.passwords.check(current, hash.as_deref()).await;
        if !attempt.unless_busy(&self.engine, &snapshot, checked).await?.right {
            return Err(wrong());
        }
        let fresh = self.passwords.hash(new).await;
        let fresh = attempt.unless_busy(&self.engine, &snapshot, fresh).await?;
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
            others.push(Is::Compared(
                "id",
                Comparison::NotEqual,
                Value::Text(session.as_ref().into()),
            ));
        }
        changes.update("session", others, vec![("ended_at", To::Value(Value::Integer(now)))]);
        codes::end(&mut changes, &id);
        attempt.take_back(&mut changes, &snapshot);
        let changed = changes.run(&self.engine, &snapshot).await;
        changed.map_err(|error| gone(error, wrong()))?;
        self.sessions.outdated();
        Ok(Answer::Done)
    }
}

impl Accounts {
    /// A new password by a one-time code: like signing in, it tells nobody whether there is such an account.
    pub(super) async fn reset_password(
        self: &Arc<Self>,
        who: &Login,
        code: &str,
        new: &str,
        address: Option<IpAddr>,
    ) -> Result<Answer> {
        let wrong = || refused("the name or the code is wrong, or the code has been used or has expired");
        check_new(new)?;
        let snapshot = self.current().await?;
        let now = milliseconds();
        let (column, name, account) = who.wanted();
        let attempt = self.attempt(&snapshot, Some(&account), address, now).await?;
        // Before anything is looked up: it takes as long whoever there is.
        let fresh = self.passwords.hash(new).await;
        let fresh = attempt.unless_busy(&self.engine, &snapshot, fresh).await?;
        let credential = match &name {
            Some(name) => self.credential(&snapshot, is(column, name)).await?,
            None => None,
        };
        // Nobody has no code, which is looked for all the same: without an account it takes as long as without a code.
        let id = credential
            .as_ref()
            .and_then(|row| text(row, "user_id"))
            .unwrap_or_default();
        let purpose = codes::Purpose::Password;
        let right =
            snapshot.has_own("one_time_code") && codes::is_right(&self.engine, &snapshot, &id, purpose, code).await?;
        let Some(credential) = credential.filter(|row| right && !flag(row, "disabled")) else {
            return Err(wrong());
        };
        if user_of_account(&self.engine, &snapshot, &credential).await?.is_none() {
            return Err(wrong());
        }
        let mut changes = Changes::default();
        // Of two who show it at once one is too late.
        codes::spend(&mut changes, &id, purpose, code);
        let same = vec![
            is("user_id", &id),
            Is::Null("gone_at", true),
            Is::Compared("disabled", Comparison::Equal, Value::Boolean(false)),
        ];
        let set = vec![
            ("password", To::Value(Value::Text(fresh.into()))),
            ("changed_at", To::Value(Value::Integer(now))),
        ];
        changes.update("credential", same, set);
        changes.strict();
        let open = vec![is("user_id", &id), Is::Null("ended_at", true)];
        changes.update("session", open, vec![("ended_at", To::Value(Value::Integer(now)))]);
        attempt.take_back(&mut changes, &snapshot);
        let changed = changes.run(&self.engine, &snapshot).await;
        changed.map_err(|error| gone(error, wrong()))?;
        self.sessions.outdated();
        Ok(Answer::Done)
    }
}

/// A row that had to be there is not: `instead`.
fn gone(error: Error, instead: Error) -> Error {
    if error.code == Code::ROW_NOT_FOUND {
        instead
    } else {
        error
    }
}
