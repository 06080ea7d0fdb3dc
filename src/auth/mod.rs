//! Credentials → [`Principal`](crate::principal::Principal); and accounts, which give them.
//!
//! Ways in, the first that is sent wins: the admin secret, `Authorization`, `apikey`; nothing at all is anonymous.
//! A credential that is sent and wrong is refused, never taken for none.

mod accounts;
mod authenticator;
mod claims;
mod home;
mod issuer;
mod mint;
mod password;
mod presence;
mod secrets;
mod sessions;
mod token;
mod variables;

pub use accounts::{Account, Accounts, Action, Answer, Login, NewUser, OpenSignUp, TakenOver, User};
pub use authenticator::Authenticator;
pub use mint::{Grant, Minter};
pub use secrets::Secrets;
pub use sessions::Sessions;

use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Code, Error, Kind, Result};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A credential that was sent and does not hold.
fn refused(message: impl Into<String>) -> Error {
    Error::new(Kind::Unauthenticated, Code::INVALID_CREDENTIALS, message)
}

/// A secret of 256 bits, as text.
fn random() -> Result<String> {
    secrets::random().map_err(Error::internal)
}

/// Now, in milliseconds since 1970.
fn milliseconds() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// What the operator is told where the accounts of a database belong to another users table than the configuration names.
///
/// # Errors
/// The database's faults.
pub async fn accounts_elsewhere(engine: &Arc<Engine>, config: &Config) -> Result<Option<String>> {
    let home = home::Home::new(Arc::clone(engine), config);
    home.elsewhere(&engine.snapshot()).await
}

/// A password that nobody can guess.
///
/// # Errors
/// The system has no randomness.
pub fn generated() -> Result<String> {
    let mut password = random()?;
    password.truncate(22);
    Ok(password)
}
