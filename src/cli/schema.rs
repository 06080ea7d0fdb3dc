//! `diglot schema`

use super::output::Output;
use super::setup::Configured;
use super::{Common, Failure, Target};
use crate::error::{Code, Error, Kind};
use crate::http::catalog_of;
use crate::ident::Name;
use crate::principal::{Credential, Principal};
use clap::{Args, ValueEnum};
use std::process::ExitCode;

pub(super) const EXAMPLES: &str = "\
Examples:
  diglot schema graphql --role anonymous > schema.graphql
  diglot schema openapi > openapi.json
  diglot schema catalog --role user";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to print
    what: What,
    /// For whom
    #[arg(long, default_value = Principal::ADMIN)]
    role: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The GraphQL schema, in SDL
    Graphql,
    /// The REST paths, as OpenAPI 3.1
    Openapi,
    /// Tables, columns and relations, as JSON
    Catalog,
}

pub(super) async fn schema(common: &Common, arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let configured = Configured::of_target(common, &arguments.target)?;
    let access = configured.access(arguments.target.access);
    let ready = configured.start(access, "").await?;
    let snapshot = ready.engine.snapshot();
    let role = arguments.role.as_str();
    if snapshot.view(role).is_none() {
        let roles = snapshot.roles().map(Name::as_str);
        let error = Error::unknown(Kind::Invalid, Code::INVALID_VALUE, "role", role, None, roles);
        return Err(Failure::usage(error.message));
    }
    let principal = Principal::of_role(role, Credential::AdminSecret);
    let pretty = |value: &serde_json::Value| format!("{value:#}");
    let text = match arguments.what {
        What::Graphql => ready
            .graphql
            .sdl(&snapshot, role)
            .map_err(|error| Failure::usage(error.message))?,
        What::Openapi => pretty(&ready.rest.openapi(&snapshot, &principal, None)),
        What::Catalog => pretty(&catalog_of(&snapshot, &principal)),
    };
    output.line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
