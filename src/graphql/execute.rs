//! From a query to the bytes of its answer: roots side by side, at most four at once, their JSON never parsed.

use super::GraphQl;
use super::cache;
use super::coerce;
use super::convert::{Converter, RootField};
use super::document::{Document, root_type};
use super::error::{Fault, FaultCode};
use super::introspect::{self, Sheet, Told};
use super::mutate::Mutation;
use super::road::{Scene, Sight};
use super::template::Asked;
use super::types::Key;
use crate::engine::{Body, Delivery, Stream};
use crate::error::Error;
use crate::memory::{Pieces, Room};
use crate::principal::Principal;
use crate::request::{Once, Request};
use crate::telemetry::{self, Operation, Record, Stage, timed};
use async_graphql_parser::types::OperationType;
use futures_util::StreamExt;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Roots of one query that run at once.
const AT_ONCE: usize = 4;

/// Most time that a document about the schema waits for its turn.
const INTROSPECTION_WAITS: Duration = Duration::from_secs(30);

/// What is asked in one operation.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Map<String, Json>,
    /// A mutation happens once, however often it is sent.
    pub once: Option<Once>,
}

/// The answer to one operation.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The JSON.
    pub content: Content,
    /// Nothing was executed: the request itself is wrong.
    pub refused: bool,
    /// The client should come back later.
    pub later: bool,
    /// The answer would be larger than one may be.
    pub too_large: bool,
    /// The HTTP status of a refusal that has one of its own.
    pub status: Option<u16>,
    /// What an earlier request with the same key gave.
    pub replayed: bool,
}

/// The JSON of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it.
    Whole(Pieces),
    /// Something about the schema.
    Told(Told),
    /// One root's rows are still being read.
    Stream {
        before: Pieces,
        stream: Box<Stream>,
        after: Pieces,
    },
}

impl Content {
    /// The JSON of an answer that was asked for whole.
    pub(crate) fn whole(self, room: &Arc<Room>) -> Result<Pieces, Error> {
        match self {
            Self::Whole(json) => Ok(json),
            Self::Told(told) => told.pieces(room),
            Self::Stream { .. } => Err(Error::internal("a stream where a whole answer was asked for")),
        }
    }
}

/// A root's JSON, or its fault and whether null may stand there.
type Done = (String, Result<Body, (Fault, bool)>);

/// What a root needs.
pub(crate) enum Work {
    /// Nothing more.
    Told(Told),
    /// A run.
    Run { request: Box<Request>, nullable: bool },
}

/// What a document needs.
pub(crate) enum Planned {
    /// By response key.
    Works(Vec<(String, Work)>),
    /// Nothing more: it asks about the schema alone, and this is the whole response.
    Told(Told),
    /// Writes that happen together.
    Mutation(Box<Mutation>),
}

impl Answer {
    /// What a good question gets.
    pub(crate) fn of(content: Content) -> Self {
        Self {
            content,
            refused: false,
            later: false,
            too_large: false,
            status: None,
            replayed: false,
        }
    }

    /// A request error: no data.
    pub(crate) fn refusal(faults: &[Fault]) -> Self {
        let errors: Vec<Json> = faults.iter().map(Fault::json).collect();
        Self {
            content: Content::Whole(json!({ "errors": errors }).to_string().into_bytes().into()),
            refused: true,
            later: faults.iter().any(|fault| fault.later),
            too_large: faults.iter().any(|fault| fault.too_large),
            status: faults.iter().find_map(|fault| fault.status),
            replayed: false,
        }
    }
}

impl GraphQl {
    /// Answers one operation. The answer streams only where one root alone asks the database: others would wait for it
    /// while it holds a connection.
    pub(crate) async fn answer(&self, principal: &Principal, call: &Call, delivery: Delivery<'_>) -> Answer {
        let scene = self.road.scene(principal.role.as_str());
        let parsing = telemetry::stage(Stage::Parse);
        let planned = self.plan_aside(&scene, principal, call).await;
        drop(parsing);
        telemetry::note(|record| planned_for(record, call, &planned));
        let works = match planned {
            Ok(Planned::Works(works)) => works,
            Ok(Planned::Told(told)) => return Answer::of(Content::Told(told)),
            Ok(Planned::Mutation(mutation)) => {
                return self.mutate(&scene, principal, *mutation, call.once.clone()).await;
            }
            Err(faults) => return Answer::refusal(&faults),
        };
        let runs = works
            .iter()
            .filter(|(_, work)| matches!(work, Work::Run { .. }))
            .count();
        let delivery = if runs == 1 { delivery } else { delivery.whole() };
        let done = |(key, work)| self.done(&scene, principal, delivery, key, work);
        let mut results: Vec<Done> = Vec::with_capacity(works.len());
        if works.len() == 1 {
            // Nearly all queries; they need nothing around it.
            for work in works {
                results.push(done(work).await);
            }
        } else {
            let mut running = futures_util::stream::iter(works).map(done).buffered(AT_ONCE);
            while let Some(done) = running.next().await {
                let too_large = matches!(&done.1, Err((fault, _)) if fault.too_large);
                results.push(done);
                if too_large {
                    // What still runs is ended.
                    break;
                }
            }
        }
        for (_, result) in &results {
            if let Err((fault, _)) = result
                && fault.too_large
            {
                // Nothing of it: whoever asked for too much cannot tell what is missing.
                return Answer::refusal(std::slice::from_ref(fault));
            }
        }
        timed(Stage::Write, || assemble(results))
    }

    /// A root's JSON.
    async fn done(
        &self,
        scene: &Scene,
        principal: &Principal,
        delivery: Delivery<'_>,
        key: String,
        work: Work,
    ) -> Done {
        let result = match work {
            Work::Told(told) => told
                .pieces(delivery.room())
                .map(Body::Whole)
                .map_err(|error| (Fault::of(&error).under(&key), false)),
            Work::Run { request, nullable } => self
                .road
                .run(scene, principal, &request, delivery)
                .await
                .map(|outcome| outcome.body)
                .map_err(|error| (Fault::of(&error).under(&key), nullable)),
        };
        (key, result)
    }

    /// As [`GraphQl::plan`]; what asks about the schema is one of a few, and other requests of its thread need not wait
    /// for it.
    async fn plan_aside(&self, scene: &Scene, principal: &Principal, call: &Call) -> Result<Planned, Vec<Fault>> {
        let mut words = call.query.match_indices("__").map(|(at, _)| &call.query[at + 2..]);
        let asks = |word: &str| word.starts_with("schema") || word.starts_with("type") && !word.starts_with("typename");
        if !words.any(asks) {
            return self.plan(scene, principal, call);
        }
        // The exchange's own end comes before that.
        let until = Instant::now() + INTROSPECTION_WAITS;
        let _turn = self
            .introspecting
            .take(until)
            .await
            .map_err(|error| vec![Fault::of(&error)])?;
        let threads = tokio::runtime::Handle::try_current()
            .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread);
        if threads {
            return tokio::task::block_in_place(|| self.plan(scene, principal, call));
        }
        self.plan(scene, principal, call)
    }

    /// Whether a caller may ask what the schema is.
    #[must_use]
    pub fn introspects(&self, principal: &Principal) -> bool {
        self.settings.introspection || principal.is_admin()
    }

    /// The document, valid for the role, from the cache or read.
    pub(crate) fn document(
        &self,
        scene: &Scene,
        sight: &Sight,
        principal: &Principal,
        text: &str,
    ) -> Result<Arc<Document>, Vec<Fault>> {
        let role = (principal.role.as_str(), principal.backend_only);
        if let Some(document) = self.documents.get(scene.number, role, text) {
            return Ok(document);
        }
        let introspection = self.introspects(principal);
        let document = Arc::new(Document::read(
            sight.types(),
            text,
            &self.settings.limits,
            introspection,
        )?);
        self.documents.insert(scene.number, role, text, document.clone());
        Ok(document)
    }

    /// Everything up to the runs.
    pub(crate) fn plan(&self, scene: &Scene, principal: &Principal, call: &Call) -> Result<Planned, Vec<Fault>> {
        self.planned(scene, principal, call, true)
    }

    /// The same; without `templates` everything that follows the document is done anew.
    pub(crate) fn planned(
        &self,
        scene: &Scene,
        principal: &Principal,
        call: &Call,
        templates: bool,
    ) -> Result<Planned, Vec<Fault>> {
        let one = |fault: Fault| vec![fault];
        let sight = self
            .sight(scene, principal.role.as_str(), principal.backend_only)
            .ok_or_else(|| one(Fault::new(FaultCode::ACCESS, "there is no such role")))?;
        let document = self.document(scene, &sight, principal, &call.query)?;
        let operation = document.operation(call.operation_name.as_deref()).map_err(one)?;
        let types = sight.types();
        let writes = operation.node.ty == OperationType::Mutation;
        let variables = coerce::variables(types, &operation.node.variable_definitions, &call.variables, writes)?;
        if templates && !writes {
            let asked = Asked {
                number: scene.number,
                types,
                document: &document,
                text: &call.query,
                name: call.operation_name.as_deref(),
                operation,
                settings: &self.settings,
            };
            if let Some(works) = self.templates.works(asked, &variables) {
                return Ok(Planned::Works(works));
            }
        }
        let mut converter = Converter::new(types, &document, &variables, &self.settings);
        if writes {
            let mutation = converter.mutation(operation).map_err(one)?;
            return Ok(Planned::Mutation(Box::new(mutation)));
        }
        let roots = converter.roots(operation).map_err(one)?;
        let introspective = roots
            .iter()
            .any(|(_, root)| matches!(root, RootField::Introspection(_)));
        let alone = !roots.iter().any(|(_, root)| matches!(root, RootField::Request { .. }));
        if introspective && alone {
            let asked = cache::Asked {
                number: scene.number,
                role: principal.role.as_str().into(),
                backend_only: principal.backend_only,
                text: call.query.as_str().into(),
                operation: call.operation_name.as_deref().map(Into::into),
                variables: Json::Object(call.variables.clone()).to_string().into(),
            };
            if let Some(packed) = self.schemas.get(&asked) {
                return Ok(Planned::Told(Told::Long(packed)));
            }
            let told = about_the_schema(&converter, roots).map_err(one)?;
            if let Told::Long(packed) = &told {
                self.schemas.insert(asked, Arc::clone(packed));
            }
            return Ok(Planned::Told(told));
        }
        let mut left = if introspective { introspect::members(types) } else { 0 };
        let mut works = Vec::with_capacity(roots.len());
        for (key, root) in roots {
            let work = match root {
                RootField::Typename => Work::Told(Told::Short(Json::from(root_type(types, Key::Query)).to_string())),
                RootField::Nothing => Work::Told(Told::Short("null".to_owned())),
                RootField::Introspection(question) => {
                    let mut sheet = Sheet::default();
                    introspect::answer(&converter, &question, &mut left, &mut sheet)
                        .map_err(|fault| one(fault.under(key)))?;
                    Work::Told(sheet.finish().map_err(one)?)
                }
                RootField::Request { request, nullable } => Work::Run { request, nullable },
            };
            works.push((key.to_owned(), work));
        }
        Ok(Planned::Works(works))
    }
}

/// What operators see of an operation: its kind, and the document by its hash.
fn planned_for(record: &Record, call: &Call, planned: &Result<Planned, Vec<Fault>>) {
    let runs = |works: &[(String, Work)]| works.iter().any(|(_, work)| matches!(work, Work::Run { .. }));
    record.asks(match planned {
        Ok(Planned::Works(works)) if runs(works) => Operation::Read,
        Ok(Planned::Works(_) | Planned::Told(_)) => Operation::Schema,
        Ok(Planned::Mutation(mutation)) => mutation.batch.operation(),
        Err(_) => return,
    });
    record.has_document(&call.query, call.operation_name.as_deref());
}

/// The whole response to a document that needs no data.
fn about_the_schema<'c>(converter: &Converter<'c>, roots: Vec<(&'c str, RootField<'c>)>) -> Result<Told, Fault> {
    let types = converter.types();
    let mut left = introspect::members(types);
    let mut sheet = Sheet::default();
    sheet.push("{\"data\":{");
    for (index, (key, root)) in roots.into_iter().enumerate() {
        // Response keys are GraphQL names: nothing in them needs escaping.
        sheet.push(if index > 0 { ",\"" } else { "\"" });
        sheet.push(key);
        sheet.push("\":");
        match root {
            RootField::Typename => sheet.push(&Json::from(root_type(types, Key::Query)).to_string()),
            RootField::Introspection(question) => {
                introspect::answer(converter, &question, &mut left, &mut sheet).map_err(|fault| fault.under(key))?;
            }
            RootField::Nothing | RootField::Request { .. } => sheet.push("null"),
        }
    }
    sheet.push("}}");
    sheet.finish()
}

fn assemble(results: Vec<Done>) -> Answer {
    let faults: Vec<&Fault> = results
        .iter()
        .filter_map(|(_, result)| result.as_ref().err().map(|(fault, _)| fault))
        .collect();
    let later = faults.iter().any(|fault| fault.later);
    let lost = results.iter().any(|(_, result)| matches!(result, Err((_, false))));
    let mut body = Pieces::from(Vec::with_capacity(1024));
    body.write(b"{");
    if !faults.is_empty() {
        let errors: Vec<Json> = faults.iter().map(|fault| fault.json()).collect();
        body.write(b"\"errors\":");
        body.write(Json::from(errors).to_string().as_bytes());
        body.write(b",");
    }
    // What is written before a stream, and the stream.
    let mut before = None;
    if lost {
        body.write(b"\"data\":null}");
    } else {
        body.write(b"\"data\":{");
        for (index, (key, result)) in results.into_iter().enumerate() {
            if index > 0 {
                body.write(b",");
            }
            // Response keys are GraphQL names: nothing in them needs escaping.
            body.write(b"\"");
            body.write(key.as_bytes());
            body.write(b"\":");
            match result {
                Ok(Body::Whole(pieces)) => body.append(pieces),
                Ok(Body::Stream(stream)) => before = Some((std::mem::take(&mut body), stream)),
                Err(_) => body.write(b"null"),
            }
        }
        body.write(b"}}");
    }
    let content = match before {
        None => Content::Whole(body),
        Some((before, stream)) => Content::Stream {
            before,
            stream,
            after: body,
        },
    };
    Answer {
        later,
        ..Answer::of(content)
    }
}
