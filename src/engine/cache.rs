//! Plans by the shape of what asked for them.

use super::binding::Binding;
use crate::backend::Backend;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::ident::Name;
use crate::plan::{Plan, plan};
use crate::principal::{Principal, Scope};
use crate::request::{ReadShape, Slot, outline};
use crate::rules::{Decisions, Touch, View, authorize, decisions};
use crate::sql::{Care, Statement, render};
use crate::telemetry::{CacheReading, Stage, timed};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes that a snapshot's cached plans may hold together, as far as [`Ready::weight`] can tell.
const CAPACITY: u64 = 64 * 1024 * 1024;

/// What a plan, its marks and its shape are taken to need for each byte of the statement's text: an estimate from the
/// sizes of their nodes, not a measurement.
const BY_TEXT: u64 = 16;

/// The plans of one snapshot. Never shared between roles, scopes, or callers whose solved rules differ.
pub(super) struct Plans {
    cache: Cache<Key, Arc<Planned>, ByBytes>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    role: Name,
    scope: Option<Arc<Scope>>,
    read: ReadShape,
}

/// A key that borrows, for look-ups.
struct Borrowed<'a> {
    role: &'a Name,
    scope: &'a Option<Arc<Scope>>,
    read: &'a ReadShape,
}

impl Hash for Borrowed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.role.hash(state);
        self.scope.hash(state);
        self.read.hash(state);
    }
}

impl quick_cache::Equivalent<Key> for Borrowed<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.role == key.role && *self.scope == key.scope && *self.read == key.read
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Planned>> for ByBytes {
    fn weight(&self, _: &Key, planned: &Arc<Planned>) -> u64 {
        // The key's own tree is about as large as what one variant keeps of it.
        1024 + planned.variants.iter().map(|(_, ready)| ready.weight()).sum::<u64>()
    }
}

/// The plans of one shape, one for each outcome of solving its rules. One more of them makes a new one of these, so that
/// the cache knows what each weighs.
struct Planned {
    touched: Vec<Touch>,
    variants: Vec<(Decisions, Arc<Ready>)>,
}

/// Most variants of one shape that are kept.
const VARIANTS: usize = 32;

/// A plan with its statement.
pub(super) struct Ready {
    pub(super) plan: Plan,
    /// The quick one; [`Ready::statement`] says which is run.
    pub(super) statement: Statement,
    pub(super) labels: Vec<(Slot, String)>,
    /// What cursors of this question are bound to.
    pub(super) binding: Binding,
    /// What it is, in a line for the operator.
    pub(super) outline: Arc<str>,
    careful: OnceLock<Statement>,
    /// An answer broke off in the middle for want of care.
    pub(super) wary: AtomicBool,
}

impl Ready {
    /// Bytes, roughly: the text, the same once more for careful reading, and the trees that they were made from.
    fn weight(&self) -> u64 {
        2048 + (2 + BY_TEXT) * self.statement.text().len() as u64
    }

    /// The statement to run.
    pub(super) fn statement(&self, catalog: &Catalog, backend: &Backend) -> &Statement {
        if self.wary.load(Ordering::Relaxed) {
            self.careful(catalog, backend)
        } else {
            &self.statement
        }
    }

    /// The statement that takes no value for granted.
    pub(super) fn careful(&self, catalog: &Catalog, backend: &Backend) -> &Statement {
        self.careful
            .get_or_init(|| render(catalog, &self.plan, backend.flavor(), Care::Careful))
    }
}

impl Plans {
    pub(super) fn new() -> Self {
        Self {
            cache: Cache::with_weighter(4096, CAPACITY, ByBytes),
        }
    }

    pub(super) fn reading(&self) -> CacheReading {
        CacheReading {
            name: "plans",
            entries: self.cache.len(),
            weight: self.cache.weight(),
            hits: self.cache.hits(),
            misses: self.cache.misses(),
        }
    }

    /// The plan for a read, from the cache or made now.
    pub(super) fn get(
        &self,
        catalog: &Catalog,
        view: &View,
        backend: &Backend,
        principal: &Principal,
        read: &ReadShape,
    ) -> Result<Arc<Ready>> {
        let borrowed = Borrowed {
            role: &principal.role,
            scope: &principal.scope,
            read,
        };
        if let Some(planned) = self.cache.get(&borrowed) {
            let wanted = decisions(view, principal, &planned.touched);
            if let Some((_, ready)) = planned.variants.iter().find(|(decisions, _)| *decisions == wanted) {
                return Ok(Arc::clone(ready));
            }
        }
        let authorized = timed(Stage::Authorize, || authorize(catalog, view, principal, read))?;
        let plan = timed(Stage::Plan, || plan(catalog, &authorized))?;
        let statement = timed(Stage::Render, || render(catalog, &plan, backend.flavor(), Care::Quick));
        let touched = authorized.touched;
        let binding = Binding::of(
            catalog,
            view,
            &plan,
            principal.role.as_str(),
            touched.first().map(|touch| touch.face),
        );
        let ready = Arc::new(Ready {
            plan,
            statement,
            labels: authorized.labels,
            binding,
            outline: outline(read).into(),
            careful: OnceLock::new(),
            wary: AtomicBool::new(false),
        });
        // Others may have been as fast: what stands there now is kept, as far as there is room.
        let mut variants = vec![(authorized.decisions, Arc::clone(&ready))];
        if let Some(planned) = self.cache.get(&borrowed) {
            let others = planned
                .variants
                .iter()
                .filter(|(decisions, _)| *decisions != variants[0].0);
            let others: Vec<_> = others.take(VARIANTS - 1).cloned().collect();
            variants.extend(others);
        }
        let key = Key {
            role: principal.role.clone(),
            scope: principal.scope.clone(),
            read: read.clone(),
        };
        self.cache.insert(key, Arc::new(Planned { touched, variants }));
        Ok(ready)
    }
}
