//! The GraphQL front: catalog → the role's schema, selection → requests, outcomes → the response.
//!
//! async-graphql parses documents and validates each against as much of the role's schema as it names; no schema is kept.
//! Data never passes its resolvers: the whole selection of a root becomes one request to the engine, and the engine's
//! JSON is written to the response as it is. See `document` for what precedes validation, `convert` for the
//! translation, `types` for what a role's schema holds.

mod cache;
mod coerce;
mod convert;
mod document;
mod error;
mod execute;
mod http;
mod introspect;
mod mutate;
mod names;
mod road;
mod sdl;
mod template;
#[cfg(test)]
mod tests;
mod types;
mod words;

use crate::config;
use crate::engine::{Engine, Snapshot};
use crate::error::{Code, Error, Result};
use crate::ident::Name;
use crate::principal::Principal;
use crate::request::Demand;
use crate::telemetry::Readings;
use crate::turns::Turns;
use execute::{Call, Planned, Work};
use names::Names;
use road::{Road, Scene, Sight};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Documents that ask about the schema and are answered at once.
const INTROSPECTING: usize = 2;

/// Most of them that wait for their turn.
const INTROSPECTION_QUEUE: usize = 128;

/// The GraphQL front.
pub struct GraphQl {
    road: Arc<dyn Road>,
    settings: config::GraphQl,
    documents: cache::Documents,
    persisted: cache::Persisted,
    schemas: cache::Schemas,
    templates: template::Templates,
    /// Documents that ask about the schema are answered so many at once: each takes a processor for as long as it takes.
    introspecting: Turns,
    sights: Mutex<Sights>,
}

/// What is kept of the newest snapshot.
#[derive(Default)]
struct Sights {
    number: u64,
    names: Option<Arc<Names>>,
    /// By role, and whether what is for the backend alone is seen.
    roles: HashMap<(Name, bool), Arc<Sight>>,
}

impl GraphQl {
    /// A front over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, settings: config::GraphQl) -> Self {
        Self::over(Arc::new(engine), settings)
    }

    fn over(road: Arc<dyn Road>, settings: config::GraphQl) -> Self {
        Self {
            road,
            settings,
            documents: cache::Documents::new(),
            persisted: cache::Persisted::new(),
            schemas: cache::Schemas::new(),
            introspecting: Turns::new("introspection", INTROSPECTING, INTROSPECTION_QUEUE),
            templates: template::Templates::new(),
            sights: Mutex::default(),
        }
    }

    /// What is kept between requests, and who waits.
    pub fn read_into(&self, readings: &mut Readings) {
        readings.caches([
            self.documents.reading(),
            self.schemas.reading(),
            self.persisted.reading(),
        ]);
        readings.queues(self.introspecting.readings());
    }

    /// A role's schema as text.
    ///
    /// # Errors
    /// The role does not exist.
    pub fn sdl(&self, snapshot: &Arc<Snapshot>, role: &str) -> Result<String> {
        self.sdl_of(&Scene::of(snapshot, role), role)
    }

    fn sdl_of(&self, scene: &Scene, role: &str) -> Result<String> {
        let sight = self
            .sight(scene, role, false)
            .ok_or_else(|| Error::not_found(Code::INVALID_VALUE, format!("there is no role {role:?}")))?;
        Ok(sdl::write(sight.types()))
    }

    /// What an operation becomes, by response key; introspection and `__typename` need nothing.
    ///
    /// # Errors
    /// The first thing that is wrong with the operation or its variables.
    pub fn demand(
        &self,
        snapshot: &Arc<Snapshot>,
        principal: &Principal,
        query: &str,
        variables: &Map<String, Json>,
        operation_name: Option<&str>,
    ) -> Result<Demand> {
        let scene = Scene::of(snapshot, principal.role.as_str());
        let call = Call {
            query: query.to_owned(),
            operation_name: operation_name.map(str::to_owned),
            variables: variables.clone(),
            once: None,
        };
        let planned = self.plan(&scene, principal, &call).map_err(|faults| {
            faults
                .into_iter()
                .next()
                .map_or_else(|| Error::internal("no fault"), Error::from)
        })?;
        let reads = |works: Vec<(String, Work)>| {
            let reads = works.into_iter().filter_map(|(key, work)| match work {
                Work::Run { request, .. } => Some((key, *request)),
                Work::Told(_) => None,
            });
            Demand::Reads(reads.collect())
        };
        Ok(match planned {
            Planned::Works(works) => reads(works),
            Planned::Told(_) => reads(Vec::new()),
            Planned::Mutation(mutation) => Demand::Writes(mutation.names(), mutation.batch),
        })
    }

    /// What could not keep its name in GraphQL, one line each, for the start.
    #[must_use]
    pub fn renames(&self, snapshot: &Snapshot) -> Vec<String> {
        self.names(&snapshot.catalog, snapshot.number).renames.clone()
    }

    fn names(&self, catalog: &crate::catalog::Catalog, number: u64) -> Arc<Names> {
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        if sights.number > number {
            return Arc::new(Names::new(catalog, self.settings.naming));
        }
        if sights.number < number {
            *sights = Sights {
                number,
                ..Sights::default()
            };
            self.documents.keep(number);
            self.schemas.keep(number);
            self.templates.keep(number);
        }
        sights
            .names
            .get_or_insert_with(|| Arc::new(Names::new(catalog, self.settings.naming)))
            .clone()
    }

    /// A role's schema; `None` for a role that does not exist. `backend`: with what is for the backend alone.
    fn sight(&self, scene: &Scene, role: &str, backend: bool) -> Option<Arc<Sight>> {
        let view = scene.view.as_ref()?;
        let key = (Name::new(role), backend);
        {
            let sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
            if sights.number == scene.number
                && let Some(sight) = sights.roles.get(&key)
            {
                return Some(sight.clone());
            }
        }
        let names = self.names(&scene.catalog, scene.number);
        let sight = Sight::new(scene.catalog.clone(), view.clone(), names);
        let sight = Arc::new(if backend { sight.for_backend() } else { sight });
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        if sights.number == scene.number {
            return Some(sights.roles.entry(key).or_insert(sight).clone());
        }
        Some(sight)
    }
}
