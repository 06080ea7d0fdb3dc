//! From the command line to a running engine: configuration, secrets, database, rules, fronts.

use super::{Access, Common, Failure, Target, demo, units};
use crate::auth::{Authenticator, Secrets};
use crate::backend::{Backend, Settings};
use crate::config::{self, AccessDefault, Config};
use crate::engine::Engine;
use crate::error::Error;
use crate::graphql::GraphQl;
use crate::http::{App, Edge, Parts};
use crate::rest::Rest;
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
}

/// Reads the configuration: the file that is named, else `diglot.toml`, else (where no database is named either, and
/// `demo` allows it) the demo's.
pub(super) fn configure(common: &Common, database: Option<String>, demo: bool) -> Result<Configured, Failure> {
    let usual = Path::new("diglot.toml");
    let file = common.config.clone().or_else(|| usual.exists().then(|| usual.to_owned()));
    let loaded = load(file)?;
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

/// The one place that calls the configuration's loader.
fn load(file: Option<PathBuf>) -> Result<config::Loaded, Failure> {
    config::load(&config::LoadOptions {
        file,
        environment: std::env::vars().collect(),
    })
    .map_err(|errors| Failure::Usage(errors.iter().map(ToString::to_string).collect()))
}

impl Configured {
    /// What the commands beside `serve` look at.
    pub(super) fn of_target(common: &Common, target: &Target) -> Result<Self, Failure> {
        configure(common, target.database.clone(), false)
    }

    /// Where the configuration is, or would be.
    pub(super) fn folder(&self) -> PathBuf {
        let parent = self.file.as_deref().and_then(Path::parent).map(Path::to_owned);
        parent.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."))
    }

    /// `--access`, else the configuration's word, else the convention.
    pub(super) fn access(&self, said: Option<Access>) -> AccessDefault {
        match said {
            Some(Access::Convention) => AccessDefault::Convention,
            Some(Access::Closed) => AccessDefault::Closed,
            None => self.config.access.default.unwrap_or(AccessDefault::Convention),
        }
    }

    /// Connects and makes the first snapshot. Findings about tables and rules are for the caller to show.
    pub(super) async fn start(
        &self,
        access: AccessDefault,
        secret: &str,
    ) -> Result<Result<Ready, Vec<String>>, Failure> {
        let config = &self.config;
        let settings = Settings {
            url: self.database.clone(),
            schemas: config.database.schemas.clone(),
            statement_timeout: units::duration("database.statement_timeout", &config.database.statement_timeout)
                .map_err(Failure::usage)?,
            pool_size: config.database.pool_size,
        };
        let backend = Backend::connect(&settings).await.map_err(|error| unreachable_database(&error))?;
        let engine = match Engine::start(backend, config, access, secret).await {
            Ok(engine) => engine,
            Err(findings) => return Ok(Err(findings)),
        };
        let rest = Rest::new(Arc::clone(&engine), config.rest.clone()).with_users_table(&config.auth.users_table);
        Ok(Ok(Ready {
            graphql: GraphQl::new(Arc::clone(&engine), config.graphql.clone()),
            rest,
            engine,
        }))
    }

    /// The routes over what is ready.
    pub(super) fn edge(&self, ready: Ready, secrets: &Secrets) -> Result<Edge<App>, Failure> {
        let config = &self.config;
        let authenticator = Authenticator::new(&config.auth, secrets).map_err(|error| Failure::usage(error.message))?;
        let max_body = units::size("server.max_body", &config.server.max_body).map_err(Failure::usage)?;
        let limit = units::duration("server.request_timeout", &config.server.request_timeout).map_err(Failure::usage)?;
        let app = App::new(Parts {
            engine: ready.engine,
            graphql: ready.graphql,
            rest: ready.rest,
            dialects: config.rest.dialects.clone(),
            authenticator,
            header_prefix: config.auth.header_prefix.to_ascii_lowercase(),
            max_body,
        });
        Ok(Edge::new(app, limit))
    }
}

/// The message for the operator, with the cause that clients never see.
fn unreachable_database(error: &Error) -> Failure {
    let cause = error.source.as_ref().map(|source| format!(": {source}")).unwrap_or_default();
    Failure::Database(format!("{}{cause}", error.message))
}
