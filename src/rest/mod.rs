//! REST: one request, one dialect. A dialect only translates; it never sees plan, SQL or backend.

mod based;
mod body;
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

use crate::auth::{self, Accounts};
use crate::config;
use crate::engine::{Delivery, Engine, Outcome, Snapshot, Written};
use crate::error::{Code, Error, Kind, Result};
use crate::principal::Principal;
use crate::request::{Batch, Builder, Demand, Once, Request};
use crate::telemetry::{self, Operation, Readings, Stage, timed};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use bytes::Bytes;
use std::net::IpAddr;
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
    /// Where the caller is, if that is known.
    pub address: Option<IpAddr>,
}

/// Writes an outcome in a dialect's form.
pub type Writer = Box<dyn FnOnce(Outcome) -> Result<Response> + Send>;

/// Writes what a batch gave in a dialect's form.
pub type BatchWriter = Box<dyn FnOnce(Vec<Written>) -> Result<Response> + Send>;

/// Writes what batches gave, each by itself, in a dialect's form.
pub type EachWriter = Box<dyn FnOnce(Vec<Result<Vec<Written>>>) -> Result<Response> + Send>;

/// Writes what came of an action on an account in a dialect's form.
pub type AccountWriter = Box<dyn FnOnce(auth::Answer) -> Result<Response> + Send>;

/// Which of a call's credentials are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// All; one that does not hold is an error.
    Wanted,
    /// One that does not hold is as good as none: the call has something of its own.
    Welcome,
    /// None.
    Ignored,
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
        write: Writer,
    },
    /// Writes, and how what they gave is written.
    Write {
        /// The writes.
        batch: Box<Batch>,
        /// Writes the outcome.
        write: BatchWriter,
    },
    /// Something about the caller's account, and how the answer is written.
    Account {
        /// What is wanted.
        action: Box<auth::Action>,
        /// Writes the answer.
        write: AccountWriter,
    },
    /// Batches that happen one after the other, whether or not one of them fails, and how what they gave is written.
    Each {
        /// The batches, or why one cannot be.
        batches: Vec<Result<Batch>>,
        /// Writes the outcomes.
        write: EachWriter,
    },
}

impl Step {
    /// What kind of thing is asked for.
    fn operation(&self) -> Operation {
        match self {
            Step::Done(_) => Operation::Schema,
            Step::Run { .. } => Operation::Read,
            Step::Write { batch, .. } => batch.operation(),
            Step::Account { .. } => Operation::Account,
            Step::Each { .. } => Operation::Write,
        }
    }
}

/// A REST dialect.
pub trait Dialect: Send + Sync {
    /// Its word in the configuration.
    fn name(&self) -> &'static str;

    /// Whether a path is this dialect's.
    fn owns(&self, path: &[String]) -> bool;

    /// Which credentials count on a path of its own.
    fn credentials(&self, _path: &[String]) -> Credentials {
        Credentials::Wanted
    }

    /// The methods of a path of its own, as `Allow` names them.
    fn methods(&self, path: &[String]) -> &'static str;

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
    accounts: Option<Arc<Accounts>>,
    dialects: Dialects,
}

impl Rest {
    /// The dialects that the settings name, over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, settings: config::Rest) -> Self {
        Self {
            engine,
            accounts: None,
            dialects: Dialects::new(settings),
        }
    }

    /// The same, where people can sign in.
    #[must_use]
    pub fn with_accounts(self, accounts: Arc<Accounts>) -> Self {
        Self {
            accounts: Some(accounts),
            ..self
        }
    }

    /// Who waits for what the dialects need beside the engine.
    pub fn read_into(&self, readings: &mut Readings) {
        if let Some(accounts) = &self.accounts {
            accounts.read_into(readings);
        }
    }

    /// The word of the enabled dialect that owns a path.
    #[must_use]
    pub fn dialect(&self, path: &[String]) -> Option<&'static str> {
        self.dialects.owner(path).map(|dialect| dialect.name())
    }

    /// Which credentials count on a path.
    #[must_use]
    pub fn credentials(&self, path: &[String]) -> Credentials {
        let dialect = self.dialects.owner(path);
        dialect.map_or(Credentials::Wanted, |dialect| dialect.credentials(path))
    }

    /// The words of the enabled dialects.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.dialects.all.iter().map(|dialect| dialect.name())
    }

    /// The methods of a path that an enabled dialect owns, as `Allow` names them.
    #[must_use]
    pub fn methods(&self, path: &[String]) -> Option<&'static str> {
        self.dialects.owner(path).map(|dialect| dialect.methods(path))
    }

    /// Answers a call; `None` where no enabled dialect owns its path.
    pub async fn handle(&self, principal: &Principal, call: &Call) -> Option<Response> {
        let dialect = self.dialects.owner(&call.path)?;
        let answer = self.answer(dialect, principal, call).await;
        Some(answer.unwrap_or_else(|error| dialect.write_error(&error, call)))
    }

    async fn answer(&self, dialect: &dyn Dialect, principal: &Principal, call: &Call) -> Result<Response> {
        let snapshot = self.engine.snapshot();
        let step = timed(Stage::Parse, || {
            self.dialects.parse(dialect, &snapshot, principal, call)
        })?;
        telemetry::note(|record| record.asks(step.operation()));
        match step {
            Step::Done(response) => Ok(response),
            Step::Run { request, write } => {
                let room = self.engine.room();
                let delivery = Delivery::Stream(&room);
                let outcome = self.engine.run(&snapshot, principal, &request, delivery).await?;
                timed(Stage::Write, || write(outcome))
            }
            Step::Write { batch, write } => {
                let batch = Batch {
                    once: once(call)?,
                    ..*batch
                };
                let written = Box::pin(self.engine.write(&snapshot, principal, batch)).await?;
                let replayed = written.iter().any(|written| written.replayed);
                timed(Stage::Write, || write(written)).map(|response| write::replayed(response, replayed))
            }
            Step::Account { action, write } => {
                let accounts = self.accounts.as_ref().ok_or_else(|| {
                    Error::new(
                        Kind::NotAllowed,
                        Code::NOT_SUPPORTED,
                        "nobody can sign in on this server",
                    )
                })?;
                write(accounts.act(principal, call.address, *action).await?)
            }
            Step::Each { batches, write } => {
                let once = once(call)?;
                if let Some(once) = &once {
                    // Each happens once by itself. The key of all is kept first, so that with the same key others are
                    // refused before any of them happens.
                    let batch = Batch {
                        once: Some(once.clone()),
                        ..Builder::new().finish_batch(Vec::new())
                    };
                    Box::pin(self.engine.write(&snapshot, principal, batch)).await?;
                }
                let mut outcomes = Vec::with_capacity(batches.len());
                let mut replayed = once.is_some();
                for (index, batch) in batches.into_iter().enumerate() {
                    let outcome = match batch {
                        Ok(batch) => {
                            let once = once.as_ref().map(|once| once.part(index));
                            let batch = Batch { once, ..batch };
                            Box::pin(self.engine.write(&snapshot, principal, batch)).await
                        }
                        Err(error) => Err(error),
                    };
                    if let Err(error) = &outcome
                        && error.code.is_of_a_key()
                    {
                        return outcome.and(Err(Error::internal("an error is no answer")));
                    }
                    let is_again = |written: &Vec<Written>| written.iter().any(|written| written.replayed);
                    replayed &= outcome.as_ref().is_ok_and(is_again);
                    outcomes.push(outcome);
                }
                timed(Stage::Write, || write(outcomes)).map(|response| write::replayed(response, replayed))
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

    /// What a call becomes, for `explain`.
    ///
    /// # Errors
    /// What is wrong with the call; also a call that no dialect owns, or that is answered without data.
    pub fn demand(&self, snapshot: &Snapshot, principal: &Principal, call: &Call) -> Result<Demand> {
        self.dialects.demand(snapshot, principal, call)
    }

    /// The OpenAPI 3.1 document of one dialect, or of all, for what a principal may see.
    #[must_use]
    pub fn openapi(&self, snapshot: &Snapshot, principal: &Principal, dialect: Option<&str>) -> serde_json::Value {
        self.dialects.openapi(snapshot, principal, dialect)
    }
}

/// What a call with an `Idempotency-Key` is known by.
fn once(call: &Call) -> Result<Option<Once>> {
    let values = call.headers.get_all(Once::HEADER);
    let segments = (call.path.len() as u64).to_le_bytes();
    let mut said: Vec<&[u8]> = vec![call.method.as_str().as_bytes(), &segments];
    said.extend(call.path.iter().map(String::as_bytes));
    said.extend(
        call.query
            .iter()
            .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]),
    );
    said.push(&call.body);
    Once::read(values.iter().map(HeaderValue::as_bytes), &said)
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

    fn demand(&self, snapshot: &Snapshot, principal: &Principal, call: &Call) -> Result<Demand> {
        let path = || call.path.join("/");
        let Some(dialect) = self.owner(&call.path) else {
            let message = format!("no enabled REST dialect answers /{}", path());
            return Err(Error::not_found(Code::UNKNOWN_TABLE, message));
        };
        let unfit = |message: &str| Err(Error::invalid(Code::NOT_SUPPORTED, message));
        match self.parse(dialect, snapshot, principal, call)? {
            Step::Run { request, .. } => Ok(Demand::Reads(vec![(path(), *request)])),
            Step::Write { batch, .. } => {
                let all = batch.writes.len();
                let name = |write: usize| match all {
                    1 => path(),
                    all => format!("{}, write {write} of {all}", path()),
                };
                Ok(Demand::Writes((1..=all).map(name).collect(), *batch))
            }
            Step::Each { .. } => unfit("operations that are a transaction each are explained one by one"),
            Step::Account { .. } => unfit("calls about accounts are not explained"),
            Step::Done(_) => unfit("this call is answered without asking the database"),
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
