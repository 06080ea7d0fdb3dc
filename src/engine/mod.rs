//! The conductor: `engine.run(principal, request) -> Outcome` is the one road to the data.

mod exposure;

pub use exposure::exposure;

use crate::backend::Backend;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::ident::Name;
use crate::principal::Principal;
use crate::request::Request;
use crate::rules::{View, Views};
use bytes::Bytes;
use std::sync::Arc;

/// What a request gave, in the output's own JSON.
#[derive(Debug)]
pub struct Outcome {
    /// The JSON of the request's output.
    pub body: Body,
    /// Rows written (0 or 1 for [`crate::request::Output::Row`]).
    pub count: u64,
    /// The number of all rows, where the page asked for it.
    pub total: Option<u64>,
    /// A cursor to the rest, where the page asked for it and there is a rest.
    pub next: Option<String>,
}

/// JSON bytes, whole. (A list too long to keep in memory becomes a stream here.)
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
}

/// One state of the schema: the catalog, and each role's view of it. Immutable.
pub struct Snapshot {
    /// What is exposed.
    pub catalog: Arc<Catalog>,
    /// Counts snapshots; caches of fronts are keyed by it.
    pub number: u64,
    views: Views,
}

impl Snapshot {
    /// A role's view; `None` for a role that is not configured.
    #[must_use]
    pub fn view(&self, role: &str) -> Option<&Arc<View>> {
        self.views.get(role)
    }

    /// All roles.
    pub fn roles(&self) -> impl Iterator<Item = &Name> {
        self.views.keys()
    }
}

/// The engine.
pub struct Engine {
    snapshot: arc_swap::ArcSwap<Snapshot>,
    backend: Backend,
}

/// What `explain` tells of a request.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explanation {
    /// The solved predicate, readable.
    pub predicate: String,
    /// The plan tree.
    pub plan: serde_json::Value,
    /// The SQL text.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<serde_json::Value>,
    /// The database's own plan.
    pub explain: String,
}

impl Engine {
    /// The current snapshot. One request uses one.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Authorizes, plans and runs one read.
    ///
    /// # Errors
    /// Refusals, unknown names, values that do not fit, and the database's faults, classified.
    pub async fn run(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Outcome> {
        let _ = (snapshot, principal, request, &self.backend);
        Err(Error::internal("not wired"))
    }

    /// What would be run, and how the database would do it.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn explain(&self, snapshot: &Snapshot, principal: &Principal, request: &Request) -> Result<Explanation> {
        let _ = (snapshot, principal, request);
        Err(Error::internal("not wired"))
    }
}
