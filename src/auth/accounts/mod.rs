//! Accounts: signing up and in, sessions, passwords. Every front that signs people in does it here.
//!
//! What is known of a user to the application is a row of the users table; password, role and sessions stand in Diglot's own
//! tables beside it, by the row's key as text. Which account an e-mail address or a user name means is what the account was
//! made with, not what the application writes into the users table later: so nobody becomes another by a change of a column.

mod attempts;
mod codes;
mod operator;
mod rows;
mod signing;
pub(super) mod standing;
pub(super) mod store;
mod users;

pub use operator::{Account, NewUser, TakenOver};
pub(super) use rows::user_of;
pub use users::User;
pub(super) use users::Users;

use super::Secrets;
use super::home::Home;
use super::mint::{Grant, Minter};
use super::password::Passwords;
use super::sessions::Sessions;
use crate::config;
use crate::engine::{Engine, Snapshot};
use crate::error::Result;
use crate::principal::Principal;
use crate::request::Comparison;
use crate::telemetry::Readings;
use crate::value::Value;
use attempts::Attempt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{Changes, Is, Row, flag, text};

/// Milliseconds between two looks for what has expired.
const CLEANING: i64 = 600_000;

/// Milliseconds for which the account of a user whose row is gone is kept.
const GONE_KEPT: i64 = 30 * 86_400_000;

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
    /// Another password by a one-time code; all sessions end.
    ResetPassword {
        /// Whose.
        who: Login,
        /// The code.
        code: String,
        /// The new one.
        new: String,
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

impl Login {
    /// An e-mail address has an @, a user name has none.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name.contains('@') {
            true => Login::Email(name.to_owned()),
            false => Login::Username(name.to_owned()),
        }
    }

    /// The column that it is looked for in and what stands there, if it can be the name of an account; and what attempts at
    /// it are counted by.
    fn wanted(&self) -> (&'static str, Option<String>, String) {
        let (column, name) = match self {
            Login::Email(text) => ("email", users::email(text).ok()),
            Login::Username(text) => ("username", users::username(text).ok()),
        };
        let (Login::Email(typed) | Login::Username(typed)) = self;
        let account = name.clone().unwrap_or_else(|| typed.to_lowercase());
        (column, name, account)
    }
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
    home: Arc<Home>,
    refresh_lifetime: i64,
    cleaned: AtomicI64,
}

/// Whether anybody may sign up, where the configuration does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSignUp(pub bool);

impl Accounts {
    /// Who waits for a password to be looked at.
    pub fn read_into(&self, readings: &mut Readings) {
        readings.queues(self.passwords.readings());
    }

    /// The accounts of a database.
    #[must_use]
    pub fn new(engine: Arc<Engine>, config: &config::Config, secrets: &Secrets, open: OpenSignUp) -> Self {
        let settings = &config.auth;
        let minter = Minter::new(settings, secrets);
        let home = Arc::new(Home::new(Arc::clone(&engine), config));
        let leeway = Duration::from_secs(settings.leeway);
        Self {
            sessions: Arc::new(Sessions::new(
                Arc::clone(&engine),
                Arc::clone(&home),
                minter.lifetime(),
                leeway,
            )),
            engine,
            passwords: Passwords::new(),
            minter,
            sign_up: settings.sign_up.unwrap_or(open.0),
            columns: settings.sign_up_columns.clone(),
            home,
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
    /// What is wrong with it; `Unauthenticated` with [`crate::error::Code::INVALID_CREDENTIALS`] for a wrong password, in the same words
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
            Action::ResetPassword { who, code, new } => Box::pin(self.reset_password(&who, &code, &new, address)).await,
            Action::ChangePassword { current, new } => {
                Box::pin(self.change_password(principal, &current, &new, address)).await
            }
        }
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

    /// Counts an attempt with a password. Whatever comes of it, what has expired goes now and then: who only fails leaves
    /// rows as well.
    async fn attempt(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        account: Option<&str>,
        address: Option<IpAddr>,
        now: i64,
    ) -> Result<Attempt> {
        let attempt = Attempt::begin(&self.engine, snapshot, account, address, now).await;
        self.clean(snapshot, now);
        attempt
    }

    /// Removes, now and then, what has expired.
    fn clean(self: &Arc<Self>, snapshot: &Snapshot, now: i64) {
        if snapshot.catalog.database.read_only || !snapshot.has_own("one_time_code") {
            return;
        }
        let last = self.cleaned.load(Ordering::Relaxed);
        let taken = self
            .cleaned
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if now - last < CLEANING || taken.is_err() {
            return;
        }
        let own = Arc::clone(self);
        tokio::spawn(async move {
            let snapshot = own.engine.snapshot();
            let mut changes = Changes::default();
            attempts::forget(&mut changes, now);
            codes::forget(&mut changes, now);
            // Those that have ended are asked for as long as they can have tokens; a day is longer than that.
            let lifetime = i64::try_from(own.minter.lifetime().as_millis()).unwrap_or(i64::MAX / 4);
            let old = now - lifetime.max(86_400_000) - 86_400_000;
            for column in ["expires_at", "ended_at"] {
                let over = Is::Compared(column, Comparison::Less, Value::Integer(old));
                changes.delete("session", vec![over]);
            }
            let long_gone = Is::Compared("gone_at", Comparison::Less, Value::Integer(now - GONE_KEPT));
            changes.delete("credential", vec![long_gone, Is::Null("left_in", true)]);
            if let Err(error) = changes.run(&own.engine, &snapshot).await {
                tracing::warn!(%error, "what has expired of sessions could not be removed");
            }
        });
    }
}

#[cfg(test)]
mod tests;
