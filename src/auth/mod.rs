//! Credentials → [`Principal`](crate::principal::Principal).
//!
//! Ways in, the first that is sent wins: the admin secret, `Authorization`, `apikey`; nothing at all is anonymous.
//! A credential that is sent and wrong is refused, never taken for none.

mod authenticator;
mod claims;
mod issuer;
mod secrets;
mod token;
mod variables;

pub use authenticator::Authenticator;
pub use secrets::Secrets;

use crate::error::{Code, Error, Kind};

/// A credential that was sent and does not hold.
fn refused(message: impl Into<String>) -> Error {
    Error::new(Kind::Unauthenticated, Code::INVALID_CREDENTIALS, message)
}
