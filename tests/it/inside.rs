//! The engine in this process, over a server's database and configuration: for what HTTP does not show.

use crate::case::Lines;
use crate::client::Who;
use crate::fronts::Front;
use crate::world::{ADMIN_SECRET, ANON_KEY, JWT_SECRET, Server};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use diglot::auth::{Authenticator, Secrets};
use diglot::backend::{Backend, Settings};
use diglot::config::{AccessDefault, LoadOptions, load};
use diglot::engine::{Engine, Snapshot, Source};
use diglot::error::Error;
use diglot::graphql::GraphQl;
use diglot::http::{path_segments, query_pairs};
use diglot::principal::Principal;
use diglot::request::{Demand, Request};
use diglot::rest::{Call, Rest};
use std::sync::Arc;

/// What stands behind HTTP.
pub(crate) struct Inside {
    pub engine: Arc<Engine>,
    pub graphql: GraphQl,
    pub rest: Rest,
    authenticator: Authenticator,
}

impl Inside {
    /// Over what a server serves.
    pub(crate) async fn of(server: &Server) -> Result<Self, String> {
        let loaded = load(&LoadOptions {
            path: Some(server.configuration()),
            ..LoadOptions::default()
        });
        let config = loaded.map_err(|errors| format!("{errors:?}"))?.config;
        let told = |error: Error| error.message;
        let settings = Settings {
            url: server.url.clone(),
            schemas: config.database.schemas.clone(),
            statement_timeout: config.database.statement_timeout(),
            pool_size: 2,
            synchronous: diglot::config::Synchronous::Full,
        };
        let source = Source {
            access: config.access.default.unwrap_or(AccessDefault::Convention),
            config: Arc::new(config.clone()),
        };
        let backend = Backend::connect(&settings).await.map_err(told)?;
        let started = Engine::start(backend, source, b"the tests' own").await;
        let (engine, _) = started.map_err(|error| format!("{error:?}"))?;
        let secrets = Secrets {
            jwt_secret: JWT_SECRET.into(),
            older_jwt_secrets: Vec::new(),
            admin_secret: ADMIN_SECRET.into(),
            anon_key: ANON_KEY.into(),
            file: None,
            fresh: false,
            warnings: Vec::new(),
        };
        let rest = Rest::new(Arc::clone(&engine), config.rest.clone());
        Ok(Self {
            graphql: GraphQl::new(Arc::clone(&engine), config.graphql.clone()),
            rest,
            authenticator: Authenticator::new(&config.auth, &secrets).map_err(told)?,
            engine,
        })
    }

    /// Who asks, as the server would take the first of the ways in which they can show it; `None` for a credential that
    /// does not hold.
    pub(crate) async fn principal(&self, who: &Who) -> Option<Principal> {
        let mut headers = HeaderMap::new();
        for (name, value) in who.ways().swap_remove(0).1 {
            headers.append(
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value.as_bytes()).ok()?,
            );
        }
        self.authenticator.authenticate(&headers).await.ok()
    }

    /// What a front makes of a case's line: a request for each root, by its key. `None` where it cannot say it.
    pub(crate) fn requests(
        &self,
        snapshot: &Arc<Snapshot>,
        principal: &Principal,
        front: Front,
        lines: &Lines,
    ) -> Option<Result<Vec<(String, Request)>, Error>> {
        let target = match front {
            Front::GraphQl => {
                let query = lines.graphql.as_deref()?;
                let variables = lines.variables.as_deref().unwrap_or("{}");
                let variables = serde_json::from_str(variables).unwrap();
                let operation = lines.operation.as_deref();
                let demand = self.graphql.demand(snapshot, principal, query, &variables, operation);
                return Some(demand.map(reads));
            }
            Front::Based => lines.based.as_deref()?,
            Front::Records => lines.records.as_deref()?,
        };
        Some(call(target).and_then(|call| self.rest.demand(snapshot, principal, &call).map(reads)))
    }
}

/// What is read; of a mutation nothing.
pub(crate) fn reads(demand: Demand) -> Vec<(String, Request)> {
    match demand {
        Demand::Reads(requests) => requests,
        Demand::Writes(..) => Vec::new(),
    }
}

/// A GET.
fn call(target: &str) -> Result<Call, Error> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Call {
        method: Method::GET,
        path: path_segments(path)?,
        query: query_pairs(query)?,
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        address: None,
    })
}
