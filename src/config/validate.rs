//! Whether values make sense, as far as that can be said without a database; and their parsed forms.

use super::address::{database_url, is_collector, is_key_url, is_origin, is_postgres, is_redirect, listen_parts};
use super::{Auth, Config, Database, Keys, Server, Telemetry, units};
use crate::error::nearest;
use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

/// The REST dialects, and whether they are served.
pub(super) const DIALECTS: [(&str, bool); 4] = [
    ("based", true),
    ("trailbase", true),
    ("teenybase", false),
    ("baserow", false),
];

/// A finding about a key.
pub(super) struct Problem {
    pub(super) key: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) warning: bool,
}

/// Checks every value; a database that is only a path becomes a URL.
pub(super) fn validate(config: &mut Config) -> Vec<Problem> {
    let mut check = Check { problems: Vec::new() };
    check.database(&mut config.database);
    check.server(&config.server);
    check.auth(&config.auth);
    check.fronts(config);
    check.telemetry(&config.telemetry, &config.auth);
    check.tables(config);
    check.roles(config);
    check.problems
}

struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn error(&mut self, key: impl Into<String>, message: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.problems.push(Problem {
            key: key.into(),
            message: message.into(),
            hint,
            warning: false,
        });
    }

    fn warning(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem {
            key: key.into(),
            message: message.into(),
            hint: None,
            warning: true,
        });
    }

    fn duration(&mut self, key: &str, text: &str) {
        match units::duration(text) {
            None => self.error(
                key,
                format!("{text:?} is no duration"),
                "write a number and a unit: 500ms, 10s, 60m, 12h, 7d",
            ),
            Some(Duration::ZERO) => self.error(key, "must be more than nothing", ""),
            Some(_) => {}
        }
    }

    fn positive(&mut self, key: &str, number: u64) {
        if number == 0 {
            self.error(key, "must be at least 1", "");
        }
    }

    fn filled(&mut self, key: &str, text: Option<&String>) {
        if text.is_some_and(|text| text.trim().is_empty()) {
            self.error(key, "must not be empty", "leave the key out instead");
        }
    }

    fn database(&mut self, database: &mut Database) {
        if let Some(url) = &mut database.url {
            match database_url(url) {
                Ok(whole) => *url = whole,
                Err((message, hint)) => self.error("database.url", message, hint),
            }
        }
        for replica in &database.replicas {
            if !is_postgres(replica) || database_url(replica).is_err() {
                self.error(
                    "database.replicas",
                    "a replica is a PostgreSQL URL",
                    "write postgres://user@host/database",
                );
            }
        }
        if !database.replicas.is_empty() && database.url.as_deref().is_some_and(|url| !is_postgres(url)) {
            self.error("database.replicas", "SQLite has no replicas", "");
        } else if !database.replicas.is_empty() {
            self.warning("database.replicas", "have no effect yet: everything is read from `url`");
        }
        if database.schemas.is_empty() || database.schemas.iter().any(String::is_empty) {
            self.error(
                "database.schemas",
                "needs at least one schema, and no empty name",
                "write [\"public\"]",
            );
        }
        let is_own = |schema: &&String| schema.starts_with("pg_") || *schema == "information_schema";
        if let Some(own) = database.schemas.iter().find(is_own) {
            let hint = "it holds passwords and what others do; make views of what is to be served";
            self.error("database.schemas", format!("{own:?} is PostgreSQL's own"), hint);
        }
        let mut seen = HashSet::new();
        if let Some(twice) = database.schemas.iter().find(|schema| !seen.insert(*schema)) {
            self.error("database.schemas", format!("{twice:?} stands in it twice"), "");
        }
        self.duration("database.statement_timeout", &database.statement_timeout);
        self.positive("database.pool_size", database.pool_size.into());
    }

    fn server(&mut self, server: &Server) {
        if let Err(hint) = listen_parts(&server.listen) {
            self.error(
                "server.listen",
                format!("{:?} is no address and port", server.listen),
                &hint,
            );
        }
        for origin in &server.cors_origins {
            if origin != "*" && !is_origin(origin) {
                let hint = "write https://shop.example without a path or a slash at the end, or * for any";
                self.error("server.cors_origins", format!("{origin:?} is no origin"), hint);
            }
        }
        for host in &server.hosts {
            let wrong = |character: char| character.is_whitespace() || "/:@?#".contains(character);
            if host.is_empty() || (host.contains(wrong) && !host.starts_with('[')) {
                let hint = "write its name alone, such as shop.example, or * for any";
                self.error("server.hosts", format!("{host:?} is no host"), hint);
            }
        }
        for proxy in &server.trusted_proxies {
            if proxy.parse::<IpAddr>().is_err() {
                let hint = "write its IP address, such as 10.0.0.2";
                self.error("server.trusted_proxies", format!("{proxy:?} is no address"), hint);
            }
        }
        for (key, size) in [
            ("server.max_body", &server.max_body),
            ("server.max_answer", &server.max_answer),
            ("server.answer_memory", &server.answer_memory),
            ("server.body_memory", &server.body_memory),
        ] {
            match units::size(size) {
                None => {
                    let hint = "write a number and a unit: 500kB, 10MB, 1MiB";
                    self.error(key, format!("{size:?} is no size"), hint);
                }
                Some(bytes) => self.positive(key, bytes),
            }
        }
        if server.max_answer_bytes() > server.answer_memory_bytes() {
            let hint = "one answer cannot hold more than all together: raise answer_memory, or lower max_answer";
            let message = format!("{:?} is more than answer_memory", server.max_answer);
            self.error("server.max_answer", message, hint);
        }
        if server.max_body_bytes() > server.body_memory_bytes() {
            let hint = "one body cannot take more than all together: raise body_memory, or lower max_body";
            let message = format!("{:?} is more than body_memory", server.max_body);
            self.error("server.max_body", message, hint);
        }
        self.positive("server.max_written_rows", u64::from(server.max_written_rows));
        self.duration("server.shutdown_timeout", &server.shutdown_timeout);
        self.duration("server.header_timeout", &server.header_timeout);
        self.duration("server.request_timeout", &server.request_timeout);
    }

    fn auth(&mut self, auth: &Auth) {
        let keys = auth.jwt_secret.as_ref().map(Keys::all);
        if keys.is_some_and(|keys| keys.is_empty() || keys.iter().any(|key| key.trim().is_empty())) {
            self.error("auth.jwt_secret", "must not be empty", "leave the key out instead");
        }
        self.filled("auth.admin_secret", auth.admin_secret.as_ref());
        self.filled("auth.anon_key", auth.anon_key.as_ref());
        self.filled("auth.issuer", auth.issuer.as_ref());
        self.filled("auth.audience", auth.audience.as_ref());
        self.filled("auth.claims_namespace", auth.claims_namespace.as_ref());
        let short = |key: &String| !key.is_empty() && key.len() < 32;
        if keys.is_some_and(|keys| keys.iter().any(short)) {
            self.warning("auth.jwt_secret", "is shorter than 32 bytes and can be guessed");
        }
        if auth.admin_secret.is_some() && auth.admin_secret == auth.anon_key {
            self.error(
                "auth.anon_key",
                "is the same as admin_secret",
                "it goes to every browser: give it another value",
            );
        }
        if let Some(url) = &auth.jwks_url
            && !is_key_url(url)
        {
            let hint = "write https://…, or http://… on loopback only";
            self.error(
                "auth.jwks_url",
                format!("{url:?} is no URL that keys can be fetched from safely"),
                hint,
            );
        }
        if auth.users_table.is_empty() {
            self.error("auth.users_table", "must not be empty", "the default is \"users\"");
        }
        let users = auth.users_table.rsplit('.').next().unwrap_or_default();
        if users.to_ascii_lowercase().starts_with("_diglot_") {
            let message = format!("{:?} is a table of Diglot's own", auth.users_table);
            self.error(
                "auth.users_table",
                message,
                "name a table of your own; the default is \"users\"",
            );
        }
        self.duration("auth.access_token_ttl", &auth.access_token_ttl);
        self.duration("auth.refresh_token_ttl", &auth.refresh_token_ttl);
        let prefix = &auth.header_prefix;
        let token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if prefix.len() < 2 || !prefix.ends_with('-') || prefix.starts_with('-') || !prefix.bytes().all(token) {
            let hint = "write lower-case letters, digits and -, with - at the end, such as x-diglot-";
            self.error(
                "auth.header_prefix",
                format!("{prefix:?} is no beginning of a header's name"),
                hint,
            );
        }
    }

    fn fronts(&mut self, config: &Config) {
        let limits = &config.graphql.limits;
        let numbers = [
            ("bytes", limits.bytes),
            ("tokens", limits.tokens),
            ("depth", limits.depth),
            ("fields", limits.fields),
            ("batch", limits.batch),
        ];
        for (key, number) in numbers {
            self.positive(&format!("graphql.limits.{key}"), number as u64);
        }
        self.positive("graphql.limits.nodes", limits.nodes);
        let rest = &config.rest;
        self.positive("rest.default_limit", rest.default_limit);
        self.positive("rest.max_limit", rest.max_limit);
        self.positive("rest.trailbase.max_limit", rest.trailbase.max_limit);
        if rest.default_limit > rest.max_limit {
            self.error(
                "rest.default_limit",
                format!("{} is above max_limit, {}", rest.default_limit, rest.max_limit),
                "",
            );
        }
        for uri in rest.trailbase.redirect_uris.iter().filter(|uri| !is_redirect(uri)) {
            let message = format!("{uri:?} is no address to lead to");
            self.error(
                "rest.trailbase.redirect_uris",
                message,
                "write https://host or https://host/path",
            );
        }
        for dialect in &rest.dialects {
            match DIALECTS.iter().find(|(name, _)| name == dialect) {
                Some((_, true)) => {}
                Some(_) => self.warning("rest.dialects", format!("{dialect:?} is not served yet")),
                None => {
                    let names = DIALECTS.map(|(name, _)| name);
                    let hint = match nearest(dialect, names) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => format!("there are {}", names.join(", ")),
                    };
                    self.error("rest.dialects", format!("{dialect:?} is no dialect"), &hint);
                }
            }
        }
    }

    fn telemetry(&mut self, telemetry: &Telemetry, auth: &Auth) {
        if let Some(Err(hint)) = telemetry.metrics_listen.as_deref().map(listen_parts) {
            self.error("telemetry.metrics_listen", "is no address and port", &hint);
        }
        self.filled("telemetry.metrics_token", telemetry.metrics_token.as_ref());
        if let Some(token) = &telemetry.metrics_token {
            let hint = "it opens /metrics and nothing else: give it a value of its own";
            if [&auth.admin_secret, &auth.anon_key].contains(&&telemetry.metrics_token) {
                self.error("telemetry.metrics_token", "is the same as another secret", hint);
            } else if token.len() < 16 {
                self.warning("telemetry.metrics_token", "is shorter than 16 bytes and can be guessed");
            }
        }
        if let Some(endpoint) = &telemetry.otlp_endpoint
            && !is_collector(endpoint)
        {
            let hint = "write its base URL, such as http://localhost:4318; /v1/traces is added";
            self.error("telemetry.otlp_endpoint", "is no URL of a collector", hint);
        }
        if let Some(slow) = &telemetry.slow_query {
            self.duration("telemetry.slow_query", slow);
        }
    }

    fn tables(&mut self, config: &Config) {
        for (name, table) in &config.tables {
            let key = format!("tables.{name}");
            for (relation, settings) in &table.relations {
                if !settings.references.is_empty() && settings.columns.len() != settings.references.len() {
                    let message = "`columns` and `references` need the same number of columns";
                    self.error(format!("{key}.relations.{relation}.references"), message, "");
                }
            }
            for (field, computed) in &table.computed {
                if computed.function.is_empty() {
                    self.error(
                        format!("{key}.computed.{field}"),
                        "`function` is missing",
                        "name a function of the database",
                    );
                }
            }
            for (column, settings) in &table.columns {
                if settings.baserow.is_some() {
                    self.warning(
                        format!("{key}.columns.{column}.baserow"),
                        "has no effect yet: the dialect is not served",
                    );
                }
            }
            if table.search.is_some() {
                self.warning(
                    format!("{key}.search"),
                    "has no effect yet: there is no full-text search",
                );
            }
            for role in table.access.keys() {
                self.role_name(&format!("{key}.access.{role}"), role, config);
            }
        }
        for (name, function) in &config.functions {
            for role in function.roles.iter().flatten() {
                self.role_name(&format!("functions.{name}.roles"), role, config);
            }
        }
    }

    fn role_name(&mut self, key: &str, role: &str, config: &Config) {
        if role == "admin" {
            self.error(
                key,
                "the role \"admin\" has no rules: it may do everything",
                "remove it",
            );
        } else if !is_role(role) {
            let hint = "write letters, digits and _ - . : only, at most 63";
            self.error(key, format!("{role:?} is no name of a role"), hint);
        } else if let Some(near) = misspelt(role)
            && !config.roles.contains_key(role)
        {
            self.warning(
                key,
                format!("{role:?} is a role of its own; did you mean {near:?}? (If not, add [roles.{role}].)"),
            );
        }
    }

    fn roles(&mut self, config: &Config) {
        let used = config.tables.values().flat_map(|table| table.access.keys());
        let called = config
            .functions
            .values()
            .flat_map(|function| function.roles.iter().flatten());
        let mut known: HashSet<&str> = used
            .chain(config.roles.keys())
            .chain(called)
            .map(String::as_str)
            .collect();
        known.extend(["anonymous", "user"]);
        for (name, role) in &config.roles {
            self.role_name(&format!("roles.{name}"), name, config);
            let key = format!("roles.{name}.inherits");
            for parent in &role.inherits {
                if parent == "admin" {
                    self.error(&*key, "nobody inherits from \"admin\"", "");
                } else if !known.contains(parent.as_str()) {
                    let hint = nearest(parent, known.iter().copied()).map(|near| format!("did you mean {near:?}?"));
                    let hint = hint.unwrap_or_else(|| "no access block and no function names it".into());
                    self.error(&*key, format!("there is no role {parent:?}"), &hint);
                }
            }
            if inherits_itself(config, name) {
                self.error(&*key, format!("{name:?} inherits from itself"), "");
            }
        }
    }
}

fn inherits_itself(config: &Config, name: &str) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![name];
    while let Some(role) = open.pop() {
        for parent in config.roles.get(role).iter().flat_map(|role| &role.inherits) {
            if parent == name {
                return true;
            }
            if seen.insert(parent.as_str()) {
                open.push(parent);
            }
        }
    }
    false
}

fn is_role(role: &str) -> bool {
    (1..=63).contains(&role.len())
        && role
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'))
}

/// A role that is nearly one of the two that are always there.
fn misspelt(role: &str) -> Option<&'static str> {
    let near = |name: &str, most: usize| (1..=most).contains(&strsim::damerau_levenshtein(role, name));
    if near("anonymous", 2) || matches!(role, "anon" | "public" | "guest") {
        Some("anonymous")
    } else if near("user", 1) || role == "authenticated" {
        Some("user")
    } else {
        None
    }
}

impl Database {
    /// Most time for one statement.
    #[must_use]
    pub fn statement_timeout(&self) -> Duration {
        units::duration(&self.statement_timeout).unwrap_or(Duration::from_secs(10))
    }
}

impl Server {
    /// Largest body in bytes.
    #[must_use]
    pub fn max_body_bytes(&self) -> u64 {
        units::size(&self.max_body).unwrap_or(10_000_000)
    }

    /// Largest answer that is held as a whole, in bytes.
    #[must_use]
    pub fn max_answer_bytes(&self) -> u64 {
        units::size(&self.max_answer).unwrap_or(32_000_000)
    }

    /// What all answers that are held may take together, in bytes.
    #[must_use]
    pub fn answer_memory_bytes(&self) -> u64 {
        units::size(&self.answer_memory).unwrap_or(256_000_000)
    }

    /// What the bodies of all requests under way may take together, in bytes.
    #[must_use]
    pub fn body_memory_bytes(&self) -> u64 {
        units::size(&self.body_memory).unwrap_or(256_000_000)
    }

    /// Most time from SIGTERM to the end.
    #[must_use]
    pub fn shutdown_timeout(&self) -> Duration {
        units::duration(&self.shutdown_timeout).unwrap_or(Duration::from_secs(10))
    }

    /// Most time for a request's headers to arrive.
    #[must_use]
    pub fn header_timeout(&self) -> Duration {
        units::duration(&self.header_timeout).unwrap_or(Duration::from_secs(10))
    }

    /// Most time for a whole request.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        units::duration(&self.request_timeout).unwrap_or(Duration::from_secs(30))
    }
}

impl Telemetry {
    /// A request that takes longer is told in the log.
    #[must_use]
    pub fn slow_query(&self) -> Option<Duration> {
        self.slow_query.as_deref().and_then(units::duration)
    }
}

impl Auth {
    /// How long a session lasts without being used.
    #[must_use]
    pub fn refresh_token_ttl(&self) -> Duration {
        units::duration(&self.refresh_token_ttl).unwrap_or(Duration::from_secs(30 * 86_400))
    }

    /// How long an access token is good for.
    #[must_use]
    pub fn access_token_ttl(&self) -> Duration {
        units::duration(&self.access_token_ttl).unwrap_or(Duration::from_secs(3600))
    }
}
