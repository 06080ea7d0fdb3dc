//! `/auth/…`: signing up, in and out, refreshing, and who one is.
//!
//! Where its document is silent:
//! - `username` can stand for `email` where the users table has such a column.
//! - `POST /auth/signout` ends the session of the access token and that of `refreshToken` in the body, whichever are sent;
//!   of two users it ends neither (403). `"all": true` ends all of the user's.
//! - `POST /auth/password {currentPassword, newPassword}` ends the user's other sessions.

use super::DATA;
use crate::auth::{Action, Answer, Login, User};
use crate::error::{Code, Error, Kind, Result};
use crate::rest::{Call, Credentials, Step, body, write};
use crate::value::Value;
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

/// The first segment of the paths.
pub(super) const ROOT: &str = "auth";

pub(super) fn is_action(action: &str) -> bool {
    ["signup", "signin", "refresh", "me", "signout", "password"].contains(&action)
}

/// The methods of a path, as `Allow` names them.
pub(super) fn methods(path: &[String]) -> &'static str {
    match path {
        [_, action] if action == "me" => "GET, HEAD, OPTIONS",
        _ => "POST, OPTIONS",
    }
}

/// A client sends its old token along when it asks for a new one: what the body says counts.
pub(super) fn credentials(action: &str) -> Credentials {
    match action {
        "signup" | "signin" | "refresh" => Credentials::Ignored,
        "signout" => Credentials::Welcome,
        _ => Credentials::Wanted,
    }
}

pub(super) fn parse(call: &Call, action: &str) -> Result<Step> {
    let wanted = if action == "me" { Method::GET } else { Method::POST };
    if call.method != wanted {
        let message = format!("{} is not supported here, {wanted} is", call.method);
        return Err(Error::new(Kind::NotAllowed, Code::NOT_SUPPORTED, message));
    }
    let status = if action == "signup" {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let action = match action {
        "signup" => {
            let mut sent = body::object(call)?;
            let (email, username) = names(&mut sent)?;
            Action::SignUp {
                email,
                username,
                password: required(&mut sent, "password")?,
                columns: sent
                    .into_iter()
                    .map(|(name, value)| (name, Value::from(value)))
                    .collect(),
            }
        }
        "signin" => {
            let mut sent = body::object(call)?;
            let who = match names(&mut sent)? {
                (Some(email), None) => Login::Email(email),
                (None, Some(username)) => Login::Username(username),
                (None, None) => return Err(missing("email")),
                (Some(_), Some(_)) => {
                    let message = "either email or username says who signs in, not both";
                    return Err(Error::invalid(Code::INVALID_VALUE, message).at("username"));
                }
            };
            let password = required(&mut sent, "password")?;
            nothing_else(&sent)?;
            Action::SignIn { who, password }
        }
        "refresh" => {
            let mut sent = body::object(call)?;
            let token = required(&mut sent, "refreshToken")?;
            nothing_else(&sent)?;
            Action::Refresh { token }
        }
        "signout" => {
            let mut sent = if call.body.is_empty() {
                Map::new()
            } else {
                body::object(call)?
            };
            let token = text(&mut sent, "refreshToken")?;
            let all = match sent.shift_remove("all") {
                None | Some(Json::Null) => false,
                Some(Json::Bool(all)) => all,
                Some(_) => return Err(Error::invalid(Code::INVALID_VALUE, "all is neither true nor false").at("all")),
            };
            nothing_else(&sent)?;
            Action::SignOut { token, all }
        }
        "password" => {
            let mut sent = body::object(call)?;
            let current = required(&mut sent, "currentPassword")?;
            let new = required(&mut sent, "newPassword")?;
            nothing_else(&sent)?;
            Action::ChangePassword { current, new }
        }
        _ => Action::Me,
    };
    Ok(Step::Account {
        action: Box::new(action),
        write: Box::new(move |answer| {
            let data = match answer {
                Answer::Session {
                    user,
                    access_token,
                    refresh_token,
                } => json!({"user": brief(&user), "accessToken": access_token, "refreshToken": refresh_token}),
                Answer::User(user) => {
                    let mut whole = brief(&user);
                    whole["createdAt"] = user.created;
                    whole
                }
                Answer::Done => json!({"success": true}),
            };
            let mut response = write::json(status, format!("{DATA}{data}}}"));
            // Tokens are nobody else's to keep.
            let value = axum::http::HeaderValue::from_static("no-store");
            response.headers_mut().insert(axum::http::header::CACHE_CONTROL, value);
            Ok(response)
        }),
    })
}

fn brief(user: &User) -> Json {
    let mut brief = json!({"id": user.key, "email": user.email});
    if !user.username.is_null() {
        brief["username"] = user.username.clone();
    }
    brief
}

fn names(sent: &mut Map<String, Json>) -> Result<(Option<String>, Option<String>)> {
    Ok((text(sent, "email")?, text(sent, "username")?))
}

/// A text of the body; null is as good as nothing.
fn text(sent: &mut Map<String, Json>, key: &'static str) -> Result<Option<String>> {
    match sent.shift_remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(Code::INVALID_VALUE, format!("{key} is no text")).at(key)),
    }
}

fn required(sent: &mut Map<String, Json>, key: &'static str) -> Result<String> {
    text(sent, key)?.ok_or_else(|| missing(key))
}

fn missing(key: &'static str) -> Error {
    Error::invalid(Code::INVALID_VALUE, format!("{key} is missing")).at(key)
}

fn nothing_else(sent: &Map<String, Json>) -> Result<()> {
    match sent.keys().next() {
        None => Ok(()),
        Some(key) => {
            let key: String = key.chars().take(100).collect();
            Err(Error::invalid(
                Code::UNKNOWN_PARAMETER,
                format!("{key:?} is nothing that is asked for here"),
            )
            .at(key))
        }
    }
}
