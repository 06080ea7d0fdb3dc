//! REST: one request, one dialect. A dialect only translates; it never sees plan, SQL or backend.

use crate::config;
use crate::engine::{Engine, Outcome, Snapshot};
use crate::error::{Error, Result};
use crate::principal::Principal;
use crate::request::Request;
use crate::rules::View;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bytes::Bytes;
use std::sync::Arc;

/// One HTTP request, as far as a dialect looks at it.
#[derive(Clone, Debug)]
pub struct Call {
    /// GET, HEAD (given as GET), POST …
    pub method: Method,
    /// The path's segments, percent-decoded, without empty ones.
    pub path: Vec<String>,
    /// Query parameters in order, percent-decoded (`+` is a space).
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// What a dialect may look at while it parses.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The snapshot of this request.
    pub snapshot: &'a Snapshot,
    /// What the caller's role may see.
    pub view: &'a View,
    /// Who asks.
    pub principal: &'a Principal,
    /// `[rest]`
    pub settings: &'a config::Rest,
}

/// What parsing gave.
pub enum Step {
    /// The answer needs no data.
    Done(Response),
    /// A request, and how its outcome is written.
    Run {
        /// The request.
        request: Box<Request>,
        /// Writes the outcome.
        write: Box<dyn FnOnce(Outcome) -> Result<Response> + Send>,
    },
}

/// A REST dialect.
pub trait Dialect: Send + Sync {
    /// Its word in the configuration.
    fn name(&self) -> &'static str;

    /// Whether a path is this dialect's.
    fn owns(&self, path: &[String]) -> bool;

    /// Wire → request.
    ///
    /// # Errors
    /// What is wrong with the call.
    fn parse(&self, call: &Call, scene: Scene<'_>) -> Result<Step>;

    /// An error in the dialect's form.
    fn write_error(&self, error: &Error, call: &Call) -> Response;

    /// Its paths, as an OpenAPI 3.1 `paths` object, for what a role may see.
    fn openapi(&self, scene: Scene<'_>) -> serde_json::Value;
}

/// All enabled dialects over one engine.
pub struct Rest {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The dialects, those with fixed paths before `/api/{table}`.
    pub dialects: Vec<Box<dyn Dialect>>,
    /// `[rest]`
    pub settings: config::Rest,
}
#[allow(missing_docs)]
impl Rest {
    pub fn owns(&self, _: &[String]) -> bool { false }
    pub async fn handle(&self, _: &Principal, _: Call) -> Option<Response> { None }
    pub fn handle_error(&self, _: &Error, _: &Call) -> Option<Response> { None }
}
