//! `diglot user`

use super::output::{Output, Style};
use super::setup::Configured;
use super::token::duration;
use super::{Common, Failure, Target};
use crate::auth::{Accounts, Action, Login, NewUser, OpenSignUp, Secrets};
use crate::error::{Code, Error, Kind};
use crate::ident::Name;
use crate::principal::Principal;
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  diglot user add ada@example.org                        prints a generated password
  diglot user add admin@localhost --admin --password-stdin < password.txt
  diglot user add eve@example.org --username eve --role editor --verified
  diglot user list
  diglot user set-role ada@example.org editor
  diglot user set-role ada@example.org --admin
  diglot user set-password ada@example.org               prints a generated one
  diglot user disable eve                                ends her sessions; --undo opens the account again
  diglot user code ada@example.org --for 24h             prints a code with which she may set a password once
  diglot user take-over                                  after users_table was changed

Accounts are found by e-mail address or user name. Closing an account, another password and another role end its sessions.";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// SQLite file or URL; without it the configuration's
    #[arg(long, value_name = "DATABASE", global = true)]
    database: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a user
    Add {
        /// E-mail address; it need not have a dot: admin@localhost
        email: String,
        /// User name
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        #[command(flatten)]
        password: Password,
        /// Role [default: user]
        #[arg(long)]
        role: Option<String>,
        /// No rules apply to them
        #[arg(long)]
        admin: bool,
        /// The address is known to be theirs
        #[arg(long)]
        verified: bool,
    },
    /// Print all accounts; with --log json one object per line
    List,
    /// Close an account: nobody signs in, and its sessions end
    Disable {
        /// E-mail address or user name
        name: String,
        /// Open it again
        #[arg(long)]
        undo: bool,
    },
    /// Set a password; a row of the users table without an account gets one
    SetPassword {
        /// E-mail address or user name
        name: String,
        #[command(flatten)]
        password: Password,
        /// The user's one-time code, without which nothing is set
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
    },
    /// Print a one-time code with which somebody may set a password: set-password --code
    Code {
        /// E-mail address or user name
        name: String,
        /// How long it serves: 30m, 24h, 7d
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = duration)]
        lifetime: Duration,
    },
    /// Let the accounts belong to the users table that the configuration names now
    TakeOver {
        /// Even if no account has a row there
        #[arg(long)]
        anyway: bool,
    },
    /// Set the role, or make somebody an admin
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    SetRole {
        /// E-mail address or user name
        name: String,
        /// Role
        #[arg(group = "what")]
        role: Option<String>,
        /// No rules apply to them
        #[arg(long, group = "what")]
        admin: bool,
        /// Rules apply to them again
        #[arg(long, group = "what", conflicts_with = "admin")]
        no_admin: bool,
    },
}

/// Where a password comes from; without a word one is generated and printed.
#[derive(Debug, Args)]
struct Password {
    /// The password; others on this machine may see it in the list of processes
    #[arg(long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<String>,
    /// The first line of standard input is the password
    #[arg(long)]
    password_stdin: bool,
}

impl Password {
    /// The password, and whether it was made here.
    fn get(&self) -> Result<(String, bool), Failure> {
        if let Some(password) = &self.password {
            return Ok((password.clone(), false));
        }
        if !self.password_stdin {
            return Ok((crate::auth::generated().map_err(|error| told(&error))?, true));
        }
        let mut text = String::new();
        let read = std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("no password can be read from standard input: {error}")))?;
        Ok((text.lines().next().unwrap_or_default().to_owned(), false))
    }
}

pub(super) async fn user(common: &Common, arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let target = Target {
        place: None,
        database: arguments.database.clone(),
        access: None,
    };
    let configured = Configured::of_target(common, &target)?;
    let access = configured.access(None);
    let ready = configured.start(access, "").await?;
    // No token is signed here, so no secret is made or read for it.
    let secrets = Secrets::unkept(&configured.config.auth).map_err(Failure::usage)?;
    let engine = Arc::clone(&ready.engine);
    let accounts = Arc::new(Accounts::new(engine, &configured.config, &secrets, OpenSignUp(false)));
    let check_role = |role: &Option<String>| {
        let snapshot = ready.engine.snapshot();
        match role.as_deref().filter(|role| snapshot.view(role).is_none()) {
            None => Ok(()),
            Some(role) => {
                let roles = snapshot.roles().map(Name::as_str);
                let error = Error::unknown(Kind::Invalid, Code::INVALID_VALUE, "role", role, None, roles);
                Err(Failure::usage(error.message))
            }
        }
    };
    match &arguments.command {
        Command::Add {
            email,
            username,
            password,
            role,
            admin,
            verified,
        } => {
            check_role(role)?;
            let (password, generated) = password.get()?;
            let new = NewUser {
                email: Some(email.clone()),
                username: username.clone(),
                password: Some(password.clone()),
                role: role.clone(),
                admin: *admin,
                verified: *verified,
            };
            let user = accounts.add_user(&new).await.map_err(|error| told(&error))?;
            say(output, "added", email, &[("id", user.id.as_str())])?;
            tell_password(output, &password, generated)?;
        }
        Command::List => {
            for account in accounts.accounts().await.map_err(|error| told(&error))? {
                if output.is_json() {
                    output.line(&serde_json::to_string(&account).unwrap_or_default())?;
                    continue;
                }
                let names = [&account.email, &account.username].into_iter().flatten().cloned();
                let mut words = vec![
                    account.id.clone(),
                    names.collect::<Vec<_>>().join(" "),
                    account.role.clone(),
                ];
                let flags = [
                    (account.admin, "admin"),
                    (account.verified, "verified"),
                    (account.disabled, "disabled"),
                    (!account.password, "no password"),
                    (account.gone, "gone"),
                ];
                words.extend(flags.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()));
                words.extend(account.left_in.iter().map(|table| format!("of {table}")));
                output.line(&words.join("\t"))?;
            }
        }
        Command::Disable { name, undo } => {
            accounts.set_disabled(name, !undo).await.map_err(|error| told(&error))?;
            say(output, if *undo { "opened again" } else { "disabled" }, name, &[])?;
        }
        Command::SetPassword { name, password, code } => {
            let (password, generated) = password.get()?;
            match code {
                None => accounts.set_password(name, &password).await,
                Some(code) => {
                    let action = Action::ResetPassword {
                        who: Login::of(name),
                        code: code.clone(),
                        new: password.clone(),
                    };
                    accounts.act(&Principal::anonymous(), None, action).await.map(|_| ())
                }
            }
            .map_err(|error| told(&error))?;
            say(output, "new password set", name, &[])?;
            tell_password(output, &password, generated)?;
        }
        Command::Code { name, lifetime } => {
            let code = accounts.password_code(name, *lifetime).await;
            let code = code.map_err(|error| told(&error))?;
            if output.is_json() {
                output.event("one-time code", [("code", json!(code)), ("user", json!(name))])?;
            } else {
                output.line(&code)?;
            }
        }
        Command::TakeOver { anyway } => {
            let taken = accounts.take_over(*anyway).await.map_err(|error| told(&error))?;
            if output.is_json() {
                let fields = [
                    ("table", json!(taken.table)),
                    ("moved", json!(taken.moved)),
                    ("left", json!(taken.left)),
                ];
                output.event("taken over", fields)?;
            } else {
                let (moved, left) = (taken.moved, taken.left);
                output.line(&format!(
                    "{}: {moved} accounts belong to it, {left} have no row there",
                    taken.table
                ))?;
            }
        }
        Command::SetRole {
            name,
            role,
            admin,
            no_admin,
        } => {
            check_role(role)?;
            let flag = (*admin || *no_admin).then_some(*admin);
            accounts
                .set_role(name, role.as_deref(), flag)
                .await
                .map_err(|error| told(&error))?;
            say(output, "role set", name, &[])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(output: &mut Output, what: &str, name: &str, fields: &[(&'static str, &str)]) -> Result<(), Failure> {
    if output.is_json() {
        let fields = fields.iter().map(|(key, value)| (*key, json!(value)));
        output.event(what, fields.chain([("user", json!(name))]))?;
    } else {
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!(", {key} {value}")).collect();
        let what = output.styled(Style::Good, what);
        output.line(&format!("{name}: {what}{}", fields.concat()))?;
    }
    Ok(())
}

fn tell_password(output: &mut Output, password: &str, generated: bool) -> Result<(), Failure> {
    if !generated {
        return Ok(());
    }
    if output.is_json() {
        output.event("generated password", [("password", json!(password))])?;
    } else {
        output.line(&format!("password: {password}"))?;
    }
    Ok(())
}

/// The operator may see the database's own words.
fn told(error: &Error) -> Failure {
    let cause = error.source.as_ref().map(|source| format!(": {source}"));
    let message = format!("{}{}", error.message, cause.unwrap_or_default());
    match error.kind {
        Kind::Unavailable if error.code == Code::DATABASE_AWAY => Failure::Database(message),
        _ => Failure::usage(message),
    }
}
