//! `diglot token`

use super::output::Output;
use super::setup::configure;
use super::{Common, Failure};
use crate::auth::{Grant, Minter, Secrets};
use crate::principal::Principal;
use clap::Args;
use serde_json::{Map, Value};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) const EXAMPLES: &str = "\
Examples:
  diglot token --role editor
  diglot token --id 2                            as user 2
  diglot token --role user --id 2 --claim org_id=7 --for 1h
  curl -H \"Authorization: Bearer $(diglot token --id 2)\" http://127.0.0.1:4000/api/book

The token is signed with the server's jwt_secret and belongs to no session: it holds until it expires. The secret is that of
the configuration, or of the file beside it that the first start makes.";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Role
    #[arg(long, default_value = Principal::USER)]
    role: String,
    /// The user's id, `_USER_.id` in rules
    #[arg(long)]
    id: Option<String>,
    /// A further claim, such as org_id=7; values are JSON where they can be, else text
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// How long it is good for, such as 15m, 12h, 7d [default: access_token_ttl]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lifetime: Option<Duration>,
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as org_id=7")?;
    if ["sub", "role", "exp", "iat", "iss", "aud", "sid"].contains(&name) {
        return Err(format!("{name} is set by the other options"));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let found = crate::config::duration(text).filter(|duration| *duration >= Duration::from_secs(1));
    found.ok_or_else(|| "write a number and a unit: 15m, 12h, 7d".into())
}

pub(super) fn token(common: &Common, arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    if arguments.role == Principal::ADMIN {
        return Err(Failure::usage(
            "no token makes an admin: send the admin secret, or flag a user with diglot user set-role NAME --admin",
        ));
    }
    let configured = configure(common, None, true)?;
    let secrets = Secrets::kept(&configured.config.auth, &configured.folder()).map_err(Failure::usage)?;
    let minter = Minter::new(&configured.config.auth, &secrets);
    let mut grant = Grant {
        id: arguments.id.as_deref(),
        role: &arguments.role,
        ..Grant::default()
    };
    grant.claims = arguments.claims.iter().cloned().collect::<Map<_, _>>();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    let lifetime = arguments.lifetime.unwrap_or_else(|| minter.lifetime());
    let token = minter
        .token(&grant, now, lifetime)
        .map_err(|error| Failure::usage(error.message))?;
    output.line(&token)?;
    Ok(ExitCode::SUCCESS)
}
