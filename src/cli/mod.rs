//! The command line: one file per command.

mod check;
mod demo;
mod explain;
mod output;
mod schema;
mod serve;
mod setup;
mod start_lines;
mod token;
mod user;

use crate::telemetry;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use output::Output;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  diglot                                     the demo database, on http://127.0.0.1:4000
  diglot serve app.db                        an SQLite file, without configuration
  diglot serve postgres://me@localhost/shop  a PostgreSQL database
  diglot check --config diglot.toml          configuration and rules against the database
  diglot schema graphql --role anonymous     what anonymous callers see
  diglot explain --graphql '{ book { title } }' --role user --var id=2
  diglot user add ada@example.org --admin    a user to whom no rules apply
  diglot token --id 2                        a token for scripts, as user 2

Exit codes: 0 done, 1 findings, 2 usage or configuration, 3 database unreachable.
Log lines go to standard error; DIGLOT_LOG filters them (info, warn, debug, warn,diglot::access=info).";

/// Point it at a database; it speaks GraphQL and REST, under one set of rules.
#[derive(Debug, Parser)]
#[command(name = "diglot", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    serve: ServeOptions,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// The configuration; without it diglot.toml, where it stands
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// How lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", global = true)]
    log: Log,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Log {
    /// For people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Clone, Debug, Default, Args)]
struct ServeOptions {
    /// Address and port; port 0 is any free one [default: 127.0.0.1:4000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// What holds for tables without access blocks
    #[arg(long, value_enum, value_name = "DEFAULT")]
    access: Option<Access>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Access {
    /// Owner columns scope, the rest is open
    Convention,
    /// Nothing exists that is not configured
    Closed,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a database (this is also what diglot alone does)
    #[command(after_help = serve::EXAMPLES)]
    Serve {
        /// SQLite file or URL; without it the configuration's, else the demo in data/
        database: Option<String>,
        #[command(flatten)]
        options: ServeOptions,
    },
    /// Hold configuration and rules against the database; exit code 1 with findings
    #[command(after_help = check::EXAMPLES)]
    Check {
        #[command(flatten)]
        target: Target,
    },
    /// Print what a role sees
    #[command(after_help = schema::EXAMPLES)]
    Schema(schema::Arguments),
    /// Print predicate, plan and SQL of a request
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Arguments),
    /// Make users and look after their accounts
    #[command(after_help = user::EXAMPLES)]
    User(user::Arguments),
    /// Print a token for a role, for scripts
    #[command(after_help = token::EXAMPLES)]
    Token(token::Arguments),
    /// Print completions for a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
}

/// Which database the commands beside `serve` look at.
#[derive(Clone, Debug, Args)]
struct Target {
    /// SQLite file or URL; without it the configuration's
    #[arg(value_name = "DATABASE", conflicts_with = "database")]
    place: Option<String>,
    /// The same
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// What holds for tables without access blocks
    #[arg(long, value_enum, value_name = "DEFAULT")]
    access: Option<Access>,
}

/// Why a command ends without having done its work.
#[derive(Debug)]
enum Failure {
    /// Wrong usage or configuration: exit code 2.
    Usage(Vec<String>),
    /// The database cannot be reached: exit code 3.
    Database(String),
    /// Standard output is gone; nobody is left to tell.
    Output,
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Failure::Output
    }
}

impl Failure {
    fn usage(message: impl Into<String>) -> Self {
        Failure::Usage(vec![message.into()])
    }
}

/// Runs the program and says how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.common.log == Log::Json);
    let format = if output.is_json() {
        telemetry::Format::Json
    } else {
        telemetry::Format::Text
    };
    let quiet = !matches!(arguments.command, None | Some(Command::Serve { .. }));
    let traces = if quiet {
        telemetry::Traces::Off
    } else {
        setup::traces(&arguments.common)
    };
    let _guard = match telemetry::start(format, if quiet { "warn" } else { "info,sqlx=warn" }, &traces) {
        Ok(guard) => guard,
        Err(message) => return failed(&Failure::usage(message), &output),
    };
    match dispatch(arguments, &mut output) {
        Ok(code) => code,
        Err(failure) => failed(&failure, &output),
    }
}

fn dispatch(arguments: Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let Arguments { command, common, serve } = arguments;
    let misplaced = serve.listen.is_some() || serve.access.is_some();
    match command {
        None => block_on(serve::serve(&common, None, &serve, output)),
        Some(Command::Serve { database, options }) => {
            let options = ServeOptions {
                listen: options.listen.or(serve.listen),
                access: options.access.or(serve.access),
            };
            block_on(serve::serve(&common, database, &options, output))
        }
        Some(_) if misplaced => Arguments::command()
            .error(
                ErrorKind::ArgumentConflict,
                "--listen and --access before a command are for serve alone",
            )
            .exit(),
        Some(Command::Check { target }) => block_on(check::check(&common, &target, output)),
        Some(Command::Schema(arguments)) => block_on(schema::schema(&common, &arguments, output)),
        Some(Command::Explain(arguments)) => block_on(explain::explain(&common, &arguments, output)),
        Some(Command::User(arguments)) => block_on(user::user(&common, &arguments, output)),
        Some(Command::Token(arguments)) => token::token(&common, &arguments, output),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "diglot", &mut script);
            output.raw(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(32))
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("the runtime cannot start: {error}")))?;
    let result = runtime.block_on(work);
    // Whatever still runs in the background has nothing left to tell.
    runtime.shutdown_background();
    result
}

fn failed(failure: &Failure, output: &Output) -> ExitCode {
    let (code, messages) = match failure {
        Failure::Usage(messages) => (2, messages.as_slice()),
        Failure::Database(message) => (3, std::slice::from_ref(message)),
        Failure::Output => return ExitCode::SUCCESS,
    };
    for message in messages {
        output.error(message);
    }
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn lines() {
        for (line, holds) in [
            ("diglot", true),
            ("diglot --listen 127.0.0.1:0", true),
            ("diglot --config x.toml check", true),
            ("diglot check --config x.toml --log json", true),
            ("diglot serve app.db --listen :1 --access closed", true),
            ("diglot app.db", false),
            ("diglot serve a b", false),
            ("diglot --access open", false),
            ("diglot schema graphql --role anonymous", true),
            ("diglot schema sql", false),
            ("diglot check app.db", true),
            ("diglot check app.db --database other.db", false),
            ("diglot schema openapi app.db", true),
            ("diglot explain app.db --graphql {a}", true),
            ("diglot explain", false),
            ("diglot explain --graphql {a} --rest /b", false),
            ("diglot explain --graphql {a} --var id=2 --var team=3", true),
            ("diglot explain --graphql {a} --var id", false),
            ("diglot completions bash", true),
            ("diglot user add ada@example.org --admin --password-stdin", true),
            ("diglot user add ada@example.org --password x --password-stdin", false),
            ("diglot user add", false),
            ("diglot user list --database app.db", true),
            ("diglot user set-role ada editor", true),
            ("diglot user set-role ada --admin", true),
            ("diglot user set-role ada", false),
            ("diglot user set-role ada --admin --no-admin", false),
            ("diglot user disable ada --undo", true),
            ("diglot token --id 2 --claim org_id=7 --for 1h", true),
            ("diglot token --claim role=admin", false),
            ("diglot token --for 0s", false),
        ] {
            assert_eq!(Arguments::try_parse_from(line.split(' ')).is_ok(), holds, "{line}");
        }
    }
}
