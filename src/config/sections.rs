//! The sections that are not about single tables.

use schemars::JsonSchema;

/// `[database]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:path` or `postgres://user@host/db`; also env `DATABASE_URL`.
    pub url: Option<String>,
    /// PostgreSQL read replicas.
    pub replicas: Vec<String>,
    /// PostgreSQL schemas; the first is the default one.
    pub schemas: Vec<String>,
    /// Most time for one statement, such as `10s` or `500ms`.
    pub statement_timeout: String,
    /// PostgreSQL: most connections.
    pub pool_size: u32,
    /// SQLite: when a write counts as done. PostgreSQL has a setting of its own.
    pub synchronous: Synchronous,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            replicas: Vec::new(),
            schemas: vec!["public".into()],
            statement_timeout: "10s".into(),
            pool_size: 10,
            synchronous: Synchronous::Full,
        }
    }
}

/// `[database] synchronous`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// When the disk has it: an answered write survives a loss of power.
    #[default]
    Full,
    /// When the operating system has it: quicker, and an answered write survives a crash of the process, but the last ones
    /// before a loss of power may be gone. The database is never damaged.
    Normal,
}

/// `[server]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port.
    pub listen: String,
    /// Origins that browsers may call from; `*` for any.
    pub cors_origins: Vec<String>,
    /// Names, besides those of this machine, that the server answers to; `*` for any. Without them a server on loopback
    /// answers to `localhost` and its addresses alone, others to any name.
    pub hosts: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed: limits on failed sign-ins are by the caller's address.
    pub trusted_proxies: Vec<String>,
    /// Largest body, such as `10MB`.
    pub max_body: String,
    /// Largest answer that is held as a whole before it is sent, such as `32MB`. A long list that is asked for alone is
    /// sent while it is read, and is not limited.
    pub max_answer: String,
    /// What all answers that are held may take together, such as `256MB`.
    pub answer_memory: String,
    /// What the bodies of all requests under way may take together, such as `256MB`.
    pub body_memory: String,
    /// Most rows that one request may create, nested ones among them.
    pub max_written_rows: u32,
    /// Most time from SIGTERM to the end.
    pub shutdown_timeout: String,
    /// Most time for a request's headers to arrive.
    pub header_timeout: String,
    /// Most time for a whole request.
    pub request_timeout: String,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4000".into(),
            cors_origins: Vec::new(),
            hosts: Vec::new(),
            trusted_proxies: ["127.0.0.1", "::1"].map(String::from).to_vec(),
            max_body: "10MB".into(),
            max_answer: "32MB".into(),
            answer_memory: "256MB".into(),
            body_memory: "256MB".into(),
            max_written_rows: 10_000,
            shutdown_timeout: "10s".into(),
            header_timeout: "10s".into(),
            request_timeout: "30s".into(),
        }
    }
}

/// `[auth]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Signs Diglot's own sessions (HS256, HS384, HS512); generated and kept if absent. Of a list the first signs, and
    /// what the others have signed is accepted: so a secret is replaced without ending sessions.
    pub jwt_secret: Option<Keys>,
    /// Where an issuer's keys are: https, or http on loopback.
    pub jwks_url: Option<String>,
    /// `iss` that tokens must have.
    pub issuer: Option<String>,
    /// `aud` that tokens must have.
    pub audience: Option<String>,
    /// Seconds of clock difference that are forgiven.
    pub leeway: u64,
    /// Accept tokens without `exp`.
    pub allow_unexpiring: bool,
    /// The name of the claim that holds role and variables in Hasura's form.
    pub claims_namespace: Option<String>,
    /// Without rules; generated and printed on first start if absent.
    pub admin_secret: Option<String>,
    /// For anonymous callers; generated and printed on first start if absent.
    pub anon_key: Option<String>,
    /// The users table.
    pub users_table: String,
    /// How long an access token is good for.
    pub access_token_ttl: String,
    /// How long a session lasts without being used: its refresh token is good for so long, and each use gives a new one.
    pub refresh_token_ttl: String,
    /// Prefix of role and variable headers.
    pub header_prefix: String,
    /// Whether anybody may sign up; on loopback the default is yes, beyond it must be said.
    pub sign_up: Option<bool>,
    /// Columns of the users table that a caller may give when signing up.
    pub sign_up_columns: Option<Vec<String>>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            jwt_secret: None,
            jwks_url: None,
            issuer: None,
            audience: None,
            leeway: 30,
            allow_unexpiring: false,
            claims_namespace: None,
            admin_secret: None,
            anon_key: None,
            users_table: "users".into(),
            access_token_ttl: "60m".into(),
            refresh_token_ttl: "30d".into(),
            header_prefix: "x-diglot-".into(),
            sign_up: None,
            sign_up_columns: None,
        }
    }
}

/// One secret, or several of which the first signs.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(untagged)]
pub enum Keys {
    /// One.
    One(String),
    /// Several; the first signs, all are accepted.
    Several(Vec<String>),
}

impl Keys {
    /// All of them, the one that signs first.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Keys::One(key) => std::slice::from_ref(key),
            Keys::Several(keys) => keys,
        }
    }
}

impl From<&str> for Keys {
    fn from(key: &str) -> Self {
        Keys::One(key.to_owned())
    }
}

/// `[access]`
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// What holds for a table without access blocks; `None` is the convention, but only on loopback.
    pub default: Option<AccessDefault>,
}

/// What holds for a table without access blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessDefault {
    /// Owner columns scope, `public_*` is read by the signed-in, anything else is open.
    Convention,
    /// Nothing.
    Closed,
}

/// `[graphql]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GraphQl {
    /// Names as the database has them, or camelCase.
    pub naming: Naming,
    /// bigint and numeric as strings.
    pub stringify_numeric: bool,
    /// Rows of a list without a limit; `None` is no limit.
    pub default_limit: Option<u64>,
    /// Introspection for everybody, or only for the admin.
    pub introspection: bool,
    /// Limits.
    pub limits: Limits,
}

impl Default for GraphQl {
    fn default() -> Self {
        Self {
            naming: Naming::Snake,
            stringify_numeric: false,
            default_limit: None,
            introspection: true,
            limits: Limits::default(),
        }
    }
}

/// `[graphql] naming`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// The database's own names.
    Snake,
    /// camelCase fields, PascalCase types.
    Camel,
}

/// `[graphql.limits]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a document.
    pub bytes: usize,
    /// Tokens of a document.
    pub tokens: usize,
    /// Depth of selections.
    pub depth: usize,
    /// Rows that a query can return, limits multiplied along the path; lists without a limit count as 100.
    pub nodes: u64,
    /// Aliases.
    pub aliases: usize,
    /// Directives.
    pub directives: usize,
    /// Fields of a document with fragments counted where they are spread.
    pub fields: usize,
    /// Operations of a batch.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 100_000,
            tokens: 10_000,
            depth: 20,
            nodes: 10_000_000,
            aliases: 200,
            directives: 100,
            fields: 2_000,
            batch: 20,
        }
    }
}

/// `[rest]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rest {
    /// Which dialects are served.
    pub dialects: Vec<String>,
    /// Rows of a list without a limit.
    pub default_limit: u64,
    /// Most rows of a list (Based).
    pub max_limit: u64,
    /// The Records API.
    pub trailbase: TrailBase,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            dialects: ["based", "trailbase"].map(String::from).to_vec(),
            default_limit: 50,
            max_limit: 1000,
            trailbase: TrailBase::default(),
        }
    }
}

/// `[rest.trailbase]`
#[derive(Clone, Debug, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrailBase {
    /// What a filter on an unknown column does.
    pub unknown_filters: UnknownFilters,
    /// How an expanded record stands.
    pub expand_shape: ExpandShape,
    /// Most rows of a list.
    pub max_limit: u64,
    /// Where `redirect_uri` may lead besides this server's own paths: origins, with or without a path.
    pub redirect_uris: Vec<String>,
}

impl Default for TrailBase {
    fn default() -> Self {
        Self {
            unknown_filters: UnknownFilters::Reject,
            expand_shape: ExpandShape::Data,
            max_limit: 1024,
            redirect_uris: Vec::new(),
        }
    }
}

/// `[telemetry]`
#[derive(Clone, Debug, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Address and port of `/metrics`, apart from those of the fronts: whoever reaches it may read it.
    pub metrics_listen: Option<String>,
    /// `/metrics` at the fronts' own address, for whoever sends it as `Authorization: Bearer`.
    pub metrics_token: Option<String>,
    /// Base URL of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://localhost:4318`; also env
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp_endpoint: Option<String>,
    /// A request that takes longer is told in the log, such as `250ms`.
    pub slow_query: Option<String>,
}

/// `[rest.trailbase] unknown_filters`
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFilters {
    /// 400 that names the column.
    Reject,
    /// As if it had not been sent.
    Ignore,
}

/// `[rest.trailbase] expand_shape`
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpandShape {
    /// `{"id":x,"data":{…}}`
    Data,
    /// The record in place.
    Inline,
}
