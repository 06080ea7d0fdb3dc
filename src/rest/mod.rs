//! REST: one request, one dialect. A dialect only translates; it never sees plan, SQL or backend.

mod based;
mod openapi;
mod query;
mod scene;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tests;
mod trailbase;
mod write;

pub use openapi::Document;
pub use scene::Scene;

use crate::config;
use crate::engine::{Delivery, Engine, Outcome, Snapshot};
use crate::error::{Code, Error, Result};
use crate::principal::Principal;
use crate::request::Request;
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

/// Writes an outcome in a dialect's form.
pub type Writer = Box<dyn FnOnce(Outcome) -> Result<Response> + Send>;

/// What parsing gave.
pub enum Step {
    /// The answer needs no data.
    Done(Response),
    /// A request, and how its outcome is written.
    Run {
        /// The request.
        request: Box<Request>,
        /// Writes the outcome.
        write: Writer,
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

    /// Adds its paths, and the schemas that they refer to, for what a role may see.
    fn openapi(&self, scene: Scene<'_>, document: &mut Document);
}

/// All enabled dialects over one engine.
pub struct Rest {
    /// The engine.
    pub engine: Arc<Engine>,
    dialects: Dialects,
}

impl Rest {
    /// The dialects that the settings name, over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, settings: config::Rest) -> Self {
        Self {
            engine,
            dialects: Dialects::new(settings),
        }
    }

    /// The words of the enabled dialects.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.dialects.all.iter().map(|dialect| dialect.name())
    }

    /// Answers a call; `None` where no enabled dialect owns its path.
    pub async fn handle(&self, principal: &Principal, call: &Call) -> Option<Response> {
        let dialect = self.dialects.owner(&call.path)?;
        let answer = self.answer(dialect, principal, call).await;
        Some(answer.unwrap_or_else(|error| dialect.write_error(&error, call)))
    }

    async fn answer(&self, dialect: &dyn Dialect, principal: &Principal, call: &Call) -> Result<Response> {
        let snapshot = self.engine.snapshot();
        match self.dialects.parse(dialect, &snapshot, principal, call)? {
            Step::Done(response) => Ok(response),
            Step::Run { request, write } => {
                let room = self.engine.room();
                let delivery = Delivery::Stream(&room);
                write(self.engine.run(&snapshot, principal, &request, delivery).await?)
            }
        }
    }

    /// An error that arose before a dialect was asked (authentication, a body too large), in the form of the dialect that
    /// owns the path; `None` where none does.
    #[must_use]
    pub fn handle_error(&self, error: &Error, call: &Call) -> Option<Response> {
        self.dialects
            .owner(&call.path)
            .map(|dialect| dialect.write_error(error, call))
    }

    /// The request that a call becomes, for `explain`.
    ///
    /// # Errors
    /// What is wrong with the call; also a call that no dialect owns, or that is answered without data.
    pub fn request(&self, snapshot: &Snapshot, principal: &Principal, call: &Call) -> Result<Request> {
        self.dialects.request(snapshot, principal, call)
    }

    /// The OpenAPI 3.1 document of one dialect, or of all, for what a principal may see.
    #[must_use]
    pub fn openapi(&self, snapshot: &Snapshot, principal: &Principal, dialect: Option<&str>) -> serde_json::Value {
        self.dialects.openapi(snapshot, principal, dialect)
    }
}

/// The enabled dialects, those with fixed paths before `/api/{table}`.
struct Dialects {
    all: Vec<Box<dyn Dialect>>,
    settings: config::Rest,
}

impl Dialects {
    fn new(settings: config::Rest) -> Self {
        let every: [Box<dyn Dialect>; 2] = [Box::new(trailbase::TrailBase), Box::new(based::Based)];
        let enabled = |name: &str| settings.dialects.iter().any(|enabled| enabled == name);
        Self {
            all: every.into_iter().filter(|dialect| enabled(dialect.name())).collect(),
            settings,
        }
    }

    fn owner(&self, path: &[String]) -> Option<&dyn Dialect> {
        self.all.iter().map(Box::as_ref).find(|dialect| dialect.owns(path))
    }

    fn scene<'a>(&'a self, snapshot: &'a Snapshot, principal: &'a Principal) -> Result<Scene<'a>> {
        let view = snapshot
            .view(principal.role.as_str())
            .ok_or_else(|| Error::forbidden(format!("there is no role {:?}", principal.role.as_str())))?;
        Ok(Scene {
            snapshot,
            view,
            principal,
            settings: &self.settings,
        })
    }

    fn parse(&self, dialect: &dyn Dialect, snapshot: &Snapshot, principal: &Principal, call: &Call) -> Result<Step> {
        dialect.parse(call, self.scene(snapshot, principal)?)
    }

    fn request(&self, snapshot: &Snapshot, principal: &Principal, call: &Call) -> Result<Request> {
        let Some(dialect) = self.owner(&call.path) else {
            let message = format!("no enabled REST dialect answers /{}", call.path.join("/"));
            return Err(Error::not_found(Code::UNKNOWN_TABLE, message));
        };
        match self.parse(dialect, snapshot, principal, call)? {
            Step::Run { request, .. } => Ok(*request),
            Step::Done(_) => Err(Error::invalid(
                Code::NOT_SUPPORTED,
                "this call is answered without asking the database",
            )),
        }
    }

    fn openapi(&self, snapshot: &Snapshot, principal: &Principal, dialect: Option<&str>) -> serde_json::Value {
        let mut document = Document::default();
        // A role that does not exist sees nothing.
        if let Ok(scene) = self.scene(snapshot, principal) {
            for own in &self.all {
                if dialect.is_none_or(|name| name == own.name()) {
                    own.openapi(scene, &mut document);
                }
            }
        }
        document.finish()
    }
}
