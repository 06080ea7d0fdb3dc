//! From the command line to a running engine: configuration, secrets, database, rules, fronts.

use super::{Access, Common, Failure, Target, demo};
use crate::auth::{self, Accounts, Authenticator, OpenSignUp, Secrets};
use crate::backend::{Backend, Settings};
use crate::config::{self, AccessDefault, Config};
use crate::engine::{Engine, Source, StartError};
use crate::error::Error;
use crate::graphql::GraphQl;
use crate::http::{App, Edge, MetricsToken, Parts, Proxies, Watch};
use crate::memory::Memory;
use crate::rest::Rest;
use crate::rules::{Finding, Severity};
use crate::telemetry::Traces;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The configuration, and which database is meant.
pub(super) struct Configured {
    pub(super) config: Config,
    /// The file that it comes from.
    pub(super) file: Option<PathBuf>,
    pub(super) warnings: Vec<String>,
    /// The database's URL or path.
    pub(super) database: String,
    /// It is the demo.
    pub(super) demo: bool,
}

/// What stands before the first request.
pub(super) struct Ready {
    pub(super) engine: Arc<Engine>,
    pub(super) graphql: GraphQl,
    pub(super) rest: Rest,
    /// What is not wrong and worth a word.
    pub(super) findings: Vec<Finding>,
}

/// Why there is no engine.
pub(super) enum NoStart {
    /// Findings, with errors among them.
    Findings(Vec<Finding>),
    /// Something else.
    Failure(Failure),
}

impl From<Failure> for NoStart {
    fn from(failure: Failure) -> Self {
        NoStart::Failure(failure)
    }
}

/// Reads the configuration: the file that is named, else `diglot.toml`, else (where no database is named either, and
/// `demo` allows it) the demo's.
pub(super) fn configure(common: &Common, database: Option<String>, demo: bool) -> Result<Configured, Failure> {
    let usual = Path::new("diglot.toml");
    let file = common
        .config
        .clone()
        .or_else(|| usual.exists().then(|| usual.to_owned()));
    let loaded = load(file)?;
    if let Some(database) = &database {
        config::check_database(database).map_err(Failure::usage)?;
    }
    let named = database.or_else(|| loaded.config.database.url.clone());
    if let Some(database) = named {
        return Ok(Configured {
            config: loaded.config,
            file: loaded.file,
            warnings: loaded.warnings,
            database,
            demo: false,
        });
    }
    if !demo && !demo::database().exists() {
        return Err(Failure::usage(
            "no database is named: --database FILE_OR_URL, or url under [database] in diglot.toml, or DATABASE_URL",
        ));
    }
    // A configuration of one's own that names no database is about the demo's.
    let loaded = match loaded.file {
        Some(_) => loaded,
        None if demo::configuration().exists() => load(Some(demo::configuration()))?,
        None => loaded,
    };
    Ok(Configured {
        database: loaded
            .config
            .database
            .url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", demo::database().display())),
        config: loaded.config,
        file: loaded.file,
        warnings: loaded.warnings,
        demo: true,
    })
}

/// Where traces go, which must be known before anything is told: what is wrong with the configuration is said later.
pub(super) fn traces(common: &Common) -> Traces {
    let loaded = configure(common, None, true);
    Traces::of(
        loaded
            .as_ref()
            .ok()
            .and_then(|configured| configured.config.telemetry.otlp_endpoint.as_deref()),
    )
}

/// The one place that calls the configuration's loader.
fn load(file: Option<PathBuf>) -> Result<config::Loaded, Failure> {
    config::load(&config::LoadOptions {
        path: file,
        database: None,
        environment: std::env::vars().collect(),
    })
    .map_err(|errors| Failure::Usage(errors.iter().map(ToString::to_string).collect()))
}

impl Configured {
    /// What the commands beside `serve` look at.
    pub(super) fn of_target(common: &Common, target: &Target) -> Result<Self, Failure> {
        configure(common, target.place.clone().or_else(|| target.database.clone()), false)
    }

    /// Where the configuration is, or would be.
    pub(super) fn folder(&self) -> PathBuf {
        let parent = self.file.as_deref().and_then(Path::parent).map(Path::to_owned);
        parent
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| PathBuf::from("."))
    }

    /// `--access`, else the configuration's word, else the convention.
    pub(super) fn access(&self, said: Option<Access>) -> AccessDefault {
        match said {
            Some(Access::Convention) => AccessDefault::Convention,
            Some(Access::Closed) => AccessDefault::Closed,
            None => self.config.access.default.unwrap_or(AccessDefault::Convention),
        }
    }

    /// Connects and makes the first snapshot; errors about tables and rules are wrong configuration.
    pub(super) async fn start(&self, access: AccessDefault, secret: &str) -> Result<Ready, Failure> {
        self.try_start(access, secret).await.map_err(|why| match why {
            NoStart::Failure(failure) => failure,
            NoStart::Findings(findings) => {
                let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
                Failure::Usage(errors.map(|finding| self.located(finding)).collect())
            }
        })
    }

    /// A finding with the place in the file that it is about.
    pub(super) fn located(&self, finding: &Finding) -> String {
        let source = &self.config.source;
        let within = finding
            .line
            .and_then(|(line, column)| source.position_within(&finding.place, line, column));
        let position = within.or_else(|| source.line_of(&finding.place));
        match (&self.file, position) {
            (Some(file), Some((line, column))) => format!("{}:{line}:{column}: {finding}", file.display()),
            (Some(file), None) => format!("{}: {finding}", file.display()),
            (None, _) => finding.to_string(),
        }
    }

    /// As [`Configured::start`], with the findings for the caller to show.
    pub(super) async fn try_start(&self, access: AccessDefault, secret: &str) -> Result<Ready, NoStart> {
        let config = &self.config;
        let settings = Settings {
            url: self.database.clone(),
            schemas: config.database.schemas.clone(),
            statement_timeout: config.database.statement_timeout(),
            pool_size: config.database.pool_size,
            synchronous: config.database.synchronous,
        };
        let backend = Backend::connect(&settings)
            .await
            .map_err(|error| unreachable_database(&error))?;
        let source = Source {
            config: Arc::new(config.clone()),
            access,
        };
        let (engine, mut findings) = Engine::start(backend, source, secret.as_bytes())
            .await
            .map_err(|error| match error {
                StartError::Database(error) => NoStart::Failure(unreachable_database(&error)),
                StartError::Findings(findings) => NoStart::Findings(findings),
            })?;
        let rest = Rest::new(Arc::clone(&engine), config.rest.clone());
        let graphql = GraphQl::new(Arc::clone(&engine), config.graphql.clone());
        let renames = graphql.renames(&engine.snapshot());
        findings.extend(renames.into_iter().map(|rename| Finding::warning("names", rename)));
        Ok(Ready {
            graphql,
            rest,
            engine,
            findings,
        })
    }

    /// The routes over what is ready.
    pub(super) async fn edge(&self, ready: Ready, secrets: &Secrets, open: OpenSignUp) -> Result<Edge<App>, Failure> {
        let config = &self.config;
        let accounts = Arc::new(Accounts::new(Arc::clone(&ready.engine), config, secrets, open));
        if let Some(lacking) = accounts.lacking() {
            tracing::warn!("{lacking}");
        }
        if let Some(elsewhere) = elsewhere(&ready.engine, config).await {
            tracing::error!("{elsewhere}");
        }
        let authenticator = Authenticator::new(&config.auth, secrets).map_err(|error| Failure::usage(error.message))?;
        let max_body = usize::try_from(config.server.max_body_bytes()).unwrap_or(usize::MAX);
        let bodies = usize::try_from(config.server.body_memory_bytes()).unwrap_or(usize::MAX);
        let limit = config.server.request_timeout();
        let app = App::new(Parts {
            engine: ready.engine,
            graphql: ready.graphql,
            rest: ready.rest.with_accounts(Arc::clone(&accounts)),
            authenticator: authenticator.with_sessions(accounts.sessions()),
            proxies: Proxies::new(&config.server.trusted_proxies),
            header_prefix: config.auth.header_prefix.to_ascii_lowercase(),
            max_body,
            bodies: Memory::new(usize::MAX, bodies),
            metrics_token: config.telemetry.metrics_token.as_deref().map(MetricsToken::new),
        });
        let watch = Watch {
            slow: config.telemetry.slow_query(),
        };
        Ok(Edge::new(app, limit).watched(watch))
    }
}

/// Why nobody can sign in, where the accounts belong to another users table; what the database does not say now it says to
/// whoever signs in.
pub(super) async fn elsewhere(engine: &Arc<Engine>, config: &Config) -> Option<String> {
    auth::accounts_elsewhere(engine, config).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "which users table the accounts belong to cannot be read");
        None
    })
}

/// Renamed things are said, and nothing is wrong with them.
pub(super) fn is_note(finding: &Finding) -> bool {
    finding.severity == Severity::Warning && finding.place == "names"
}

/// The message for the operator, with the cause that clients never see.
fn unreachable_database(error: &Error) -> Failure {
    let cause = error
        .source
        .as_ref()
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Failure::Database(format!("{}{cause}", error.message))
}
