//! What the front needs of the engine, so that everything but the run itself can be tested without a database.

use super::names::Names;
use super::types::{Key, Types};
use crate::catalog::Catalog;
use crate::engine::{Delivery, Engine, Outcome, Snapshot, Written};
use crate::error::{Error, Result};
use crate::memory::Room;
use crate::principal::Principal;
use crate::request::{Batch, Request};
use crate::rules::View;
use futures_util::future::BoxFuture;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// One state of the schema as one role sees it.
#[derive(Clone)]
pub(crate) struct Scene {
    /// What is exposed.
    pub catalog: Arc<Catalog>,
    /// What of it the role sees; `None` for a role that does not exist.
    pub view: Option<Arc<View>>,
    /// Counts snapshots.
    pub number: u64,
    /// The engine's own.
    pub snapshot: Option<Arc<Snapshot>>,
}

impl Scene {
    /// A role's part of a snapshot.
    pub(crate) fn of(snapshot: &Arc<Snapshot>, role: &str) -> Self {
        Self {
            catalog: snapshot.catalog.clone(),
            view: snapshot.view(role).cloned(),
            number: snapshot.number,
            snapshot: Some(snapshot.clone()),
        }
    }
}

/// The road to the data.
pub(crate) trait Road: Send + Sync {
    /// The current state.
    fn scene(&self, role: &str) -> Scene;

    /// Runs one root.
    fn run<'a>(
        &'a self,
        scene: &'a Scene,
        principal: &'a Principal,
        request: &'a Request,
        delivery: Delivery<'a>,
    ) -> BoxFuture<'a, Result<Outcome>>;

    /// Runs the writes of one mutation, all or none of them.
    fn write<'a>(
        &'a self,
        scene: &'a Scene,
        principal: &'a Principal,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Vec<Written>>>;

    /// The room of a new answer.
    fn room(&self) -> Arc<Room>;
}

impl Road for Arc<Engine> {
    fn scene(&self, role: &str) -> Scene {
        Scene::of(&Engine::snapshot(self), role)
    }

    fn run<'a>(
        &'a self,
        scene: &'a Scene,
        principal: &'a Principal,
        request: &'a Request,
        delivery: Delivery<'a>,
    ) -> BoxFuture<'a, Result<Outcome>> {
        Box::pin(async move {
            match &scene.snapshot {
                Some(snapshot) => Engine::run(self, snapshot, principal, request, delivery).await,
                None => Err(Error::internal("a scene without snapshot")),
            }
        })
    }

    fn write<'a>(
        &'a self,
        scene: &'a Scene,
        principal: &'a Principal,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Vec<Written>>> {
        Box::pin(async move {
            match &scene.snapshot {
                Some(snapshot) => Engine::write(self, snapshot, principal, batch).await,
                None => Err(Error::internal("a scene without snapshot")),
            }
        })
    }

    fn room(&self) -> Arc<Room> {
        Engine::room(self)
    }
}

/// A role's schema, kept for as long as its snapshot: views and names, no definitions.
pub(crate) struct Sight {
    catalog: Arc<Catalog>,
    view: Arc<View>,
    names: Arc<Names>,
    backend: bool,
    reach: OnceLock<HashSet<Key>>,
}

impl Sight {
    pub(crate) fn new(catalog: Arc<Catalog>, view: Arc<View>, names: Arc<Names>) -> Self {
        Self {
            catalog,
            view,
            names,
            backend: false,
            reach: OnceLock::new(),
        }
    }

    /// The same with what is for the backend alone.
    pub(crate) fn for_backend(self) -> Self {
        Self { backend: true, ..self }
    }

    /// The types of the schema.
    pub(crate) fn types(&self) -> Types<'_> {
        Types {
            catalog: &self.catalog,
            view: &self.view,
            names: &self.names,
            backend: self.backend,
            reach: &self.reach,
        }
    }
}
