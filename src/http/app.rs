//! The routes: whose a path is, then who asks, then the front.

use super::edge::{Exchange, Handler};
use super::explain::{Asked, explain};
use super::metrics::MetricsToken;
use super::proxies::Proxies;
use super::route::{Route, path_segments, query_pairs, route};
use super::{answer, body, catalog, playground};
use crate::auth::Authenticator;
use crate::engine::deadline::in_time;
use crate::engine::{Engine, Schema};
use crate::error::{Code, Error, Kind, Result};
use crate::graphql::GraphQl;
use crate::memory::Memory;
use crate::principal::{Credential, Principal};
use crate::rest::{Call, Credentials, Rest};
use crate::telemetry::{self, Readings, Stage};
use axum::body::Body;
use axum::http::header::{ALLOW, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// What the routes lead to.
pub struct Parts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The GraphQL front.
    pub graphql: GraphQl,
    /// The REST front.
    pub rest: Rest,
    /// Who asks.
    pub authenticator: Authenticator,
    /// Prefix of role and variable headers.
    pub header_prefix: String,
    /// Most bytes of a body.
    pub max_body: usize,
    /// What all bodies under way may hold together.
    pub bodies: Arc<Memory>,
    /// Proxies that say where their callers are.
    pub proxies: Proxies,
    /// Opens `/metrics`; without one that path is nobody's.
    pub metrics_token: Option<MetricsToken>,
}

/// All routes over one engine.
pub struct App {
    parts: Parts,
    context: serde_json::Value,
}

/// Most bytes of a request's headers; tokens and cookies have room in them.
const HEADERS: usize = 32 * 1024;

/// Most bytes of a body that signs somebody up or in.
const ACCOUNT: usize = 64 * 1024;

impl App {
    /// Makes the routes.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let context = json!({
            "graphql": "/graphql",
            "dialects": parts.rest.names().collect::<Vec<_>>(),
            "header_prefix": parts.header_prefix,
            "version": env!("CARGO_PKG_VERSION"),
        });
        Self { parts, context }
    }

    /// What has a state of its own, as it is at this moment.
    pub(super) fn read_into(&self, readings: &mut Readings) {
        self.parts.engine.read_into(readings);
        self.parts.graphql.read_into(readings);
        self.parts.rest.read_into(readings);
        readings.caches([self.parts.authenticator.reading()]);
    }

    /// Who asks, and the whole body.
    async fn admit(&self, headers: &HeaderMap, body: Body, deadline: Instant) -> Result<(Principal, bytes::Bytes)> {
        self.admitted(Credentials::Wanted, headers, body, deadline).await
    }

    /// The same, where credentials may not count.
    async fn admitted(
        &self,
        credentials: Credentials,
        headers: &HeaderMap,
        body: Body,
        deadline: Instant,
    ) -> Result<(Principal, bytes::Bytes)> {
        check_size(headers)?;
        let stage = telemetry::stage(Stage::Authenticate);
        let authenticated =
            async || in_time(deadline, Box::pin(self.parts.authenticator.authenticate(headers))).await?;
        let principal = match credentials {
            Credentials::Wanted => authenticated().await?,
            Credentials::Welcome => authenticated().await.unwrap_or_else(|_| Principal::anonymous()),
            Credentials::Ignored => Principal::anonymous(),
        };
        drop(stage);
        telemetry::note(|record| {
            let admin = principal.credential == Credential::AdminSecret;
            record.is_of(principal.role.as_str(), admin);
        });
        // What is for nobody known by then needs no more than names and passwords.
        let most = match credentials {
            Credentials::Wanted => self.parts.max_body,
            Credentials::Welcome | Credentials::Ignored => self.parts.max_body.min(ACCOUNT),
        };
        let room = self.parts.bodies.room();
        let body = tokio::time::timeout_at(deadline.into(), body::read(body, headers, most, &room));
        let body = body.await.map_err(|_| {
            let message = "the body did not arrive in time; send it faster, or less of it";
            Error::new(Kind::TooSlow, Code::TIMEOUT, message)
        })??;
        Ok((principal, body))
    }

    async fn graphql(&self, exchange: Exchange) -> Response {
        if exchange.method == Method::OPTIONS {
            return options("GET, HEAD, POST, OPTIONS");
        }
        let graphql = &self.parts.graphql;
        let Exchange {
            method,
            uri,
            headers,
            body,
            deadline,
            ..
        } = exchange;
        telemetry::note(|record| record.came_through("graphql"));
        let answer = async {
            let (principal, body) = self.admit(&headers, body, deadline).await?;
            let answer = Box::pin(graphql.handle(&principal, &method, uri.query(), &headers, body));
            in_time(deadline, answer).await
        };
        answer
            .await
            .unwrap_or_else(|error| answer::told(graphql.error_response(&error, &headers), error))
    }

    async fn rest(&self, exchange: Exchange) -> Response {
        let (path, query) = (exchange.uri.path(), exchange.uri.query().unwrap_or_default());
        let segments = path_segments(path);
        let pairs = query_pairs(query);
        let (path, query, unreadable) = match (segments, pairs) {
            (Ok(path), Ok(query)) => (path, query, None),
            (Ok(path), Err(error)) => (path, Vec::new(), Some(error)),
            (Err(error), _) => return answer::error(error),
        };
        let rest = &self.parts.rest;
        telemetry::note(|record| {
            if let Some(dialect) = rest.dialect(&path) {
                record.came_through(dialect);
            }
        });
        if exchange.method == Method::OPTIONS {
            return match rest.methods(&path) {
                Some(methods) => options(methods),
                None => not_found(exchange.uri.path()),
            };
        }
        let mut call = Call {
            method: exchange.method,
            path,
            query,
            address: self.parts.proxies.caller(exchange.address, &exchange.headers),
            headers: exchange.headers,
            body: bytes::Bytes::new(),
        };
        let deadline = exchange.deadline;
        let answer = match unreadable {
            Some(error) => Err(error),
            None => match self
                .admitted(rest.credentials(&call.path), &call.headers, exchange.body, deadline)
                .await
            {
                Ok((principal, body)) => {
                    call.body = body;
                    in_time(deadline, Box::pin(rest.handle(&principal, &call))).await
                }
                Err(error) => Err(error),
            },
        };
        let answer = answer.unwrap_or_else(|error| {
            let response = rest.handle_error(&error, &call)?;
            Some(answer::told(response, error))
        });
        answer.unwrap_or_else(|| not_found(exchange.uri.path()))
    }

    async fn ready(&self) -> Response {
        match self.parts.engine.ready().await {
            Ok(Schema::Current) => answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            // Still ready: every instance sees the same schema, and all of them gone would help nobody.
            Ok(Schema::Outdated) => {
                let message = "the database's schema has changed and cannot be served; the last good one is, and the \
                    log says what does not fit";
                let body = json!({ "status": "ok", "schema": "outdated", "message": message });
                answer::json(StatusCode::OK, &body)
            }
            Err(error) => {
                let body = json!({ "status": "unavailable" });
                answer::told(answer::json(StatusCode::SERVICE_UNAVAILABLE, &body), unavailable(error))
            }
        }
    }

    async fn catalog(&self, exchange: Exchange) -> Result<Response> {
        let (principal, _) = self.admit(&exchange.headers, exchange.body, exchange.deadline).await?;
        let snapshot = self.parts.engine.snapshot();
        let catalog = if self.parts.graphql.introspects(&principal) {
            catalog::catalog_of(&snapshot, &principal)
        } else {
            catalog::untold(&principal)
        };
        Ok(answer::json(StatusCode::OK, &catalog))
    }

    async fn explain(&self, exchange: Exchange) -> Result<Response> {
        let (principal, body) = self.admit(&exchange.headers, exchange.body, exchange.deadline).await?;
        match principal.credential {
            Credential::AdminSecret => {}
            Credential::None | Credential::AnonKey => {
                let message = "explaining needs the admin secret";
                return Err(Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message));
            }
            _ => return Err(Error::forbidden("explaining needs the admin secret")),
        }
        let asked: Asked = serde_json::from_slice(&body).map_err(|error| {
            let message = format!("not a question to explain, {{\"query\", \"variables\", \"principal\"}}: {error}");
            Error::invalid(Code::INVALID_SYNTAX, message)
        })?;
        let roots = explain(&self.parts.engine, &self.parts.graphql, asked).await?;
        Ok(answer::json(StatusCode::OK, &roots))
    }
}

impl Handler for App {
    async fn respond(&self, exchange: Exchange) -> Response {
        // The path outlives the exchange in the routes that hand it on.
        let uri = exchange.uri.clone();
        let route = route(uri.path());
        let allowed = match route {
            // In places of their own: what is around them is moved often.
            Route::GraphQl => return Box::pin(self.graphql(exchange)).await,
            Route::Rest => return Box::pin(self.rest(exchange)).await,
            Route::Explain => Method::POST,
            _ => Method::GET,
        };
        if exchange.method != allowed {
            let allow = if allowed == Method::GET {
                "GET, HEAD, OPTIONS"
            } else {
                "POST, OPTIONS"
            };
            return if exchange.method == Method::OPTIONS {
                options(allow)
            } else {
                answer::not_allowed(allow)
            };
        }
        match route {
            Route::Health => answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            Route::HealthCheck => answer::with_type(StatusCode::OK, "text/plain; charset=utf-8", "Ok"),
            Route::Ready => Box::pin(self.ready()).await,
            Route::Metrics => match self.parts.metrics_token {
                Some(token) => token.answer(self, &exchange.headers),
                None => not_found(uri.path()),
            },
            Route::Home => moved("/playground/"),
            Route::Context => answer::json(StatusCode::OK, &self.context),
            Route::Catalog => Box::pin(self.catalog(exchange)).await.unwrap_or_else(answer::error),
            Route::Explain => Box::pin(self.explain(exchange)).await.unwrap_or_else(answer::error),
            Route::Playground(file) => {
                playground::file(file, &exchange.headers).unwrap_or_else(|| not_found(uri.path()))
            }
            Route::GraphQl | Route::Rest => not_found(uri.path()),
        }
    }

    fn asks_for_times(&self, headers: &HeaderMap) -> bool {
        self.parts.authenticator.shows_admin_secret(headers)
    }

    fn varies_by(&self) -> String {
        self.parts
            .authenticator
            .headers()
            .map(|header| header.as_str())
            .join(", ")
    }
}

/// Larger ones are refused in the front's own form; far larger ones never come here.
fn check_size(headers: &HeaderMap) -> Result<()> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if size <= HEADERS {
        return Ok(());
    }
    let message = format!("the headers have {size} bytes; this server takes {HEADERS}");
    Err(Error::new(Kind::HeadersTooLarge, Code::LIMIT_EXCEEDED, message))
}

/// Whatever made the database unreachable, the caller should come back later.
fn unavailable(error: Error) -> Error {
    Error::new(Kind::Unavailable, Code::DATABASE_AWAY, "the database cannot be reached").with_source(error)
}

fn not_found(path: &str) -> Response {
    let message = format!("nothing is served at {path:?}; / leads to the playground, /graphql is GraphQL");
    // Below /api the Tables API's clients look for its word.
    let below = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let code = if below("/api") && !below("/api/records") && !below("/api/auth") {
        "NOT_FOUND"
    } else {
        "not_found"
    };
    answer::error(Error::not_found(Code(code), message))
}

fn options(allow: &'static str) -> Response {
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn moved(to: &'static str) -> Response {
    let mut response = answer::empty(StatusCode::TEMPORARY_REDIRECT);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    response
}
