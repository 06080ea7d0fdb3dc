//! Plans by the shape of what asked for them.

use crate::backend::Backend;
use crate::catalog::{Catalog, FaceId};
use crate::error::Result;
use crate::ident::Name;
use crate::plan::{Plan, plan};
use crate::principal::{Principal, Scope};
use crate::request::{Read, Slot};
use crate::rules::{Decisions, View, authorize, decisions};
use crate::sql::{Care, Statement, render};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

/// Bytes of statement text that a snapshot's cached plans may hold together, roughly.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// The plans of one snapshot. Never shared between roles, scopes, or callers whose solved rules differ.
pub(super) struct Plans {
    cache: Cache<Key, Arc<Planned>, ByBytes>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    role: Name,
    scope: Option<Arc<Scope>>,
    read: Arc<Read>,
}

/// A key that borrows, for look-ups.
struct Borrowed<'a> {
    role: &'a Name,
    scope: &'a Option<Arc<Scope>>,
    read: &'a Read,
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
        *self.role == key.role && *self.scope == key.scope && *self.read == *key.read
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Planned>> for ByBytes {
    fn weight(&self, _: &Key, planned: &Arc<Planned>) -> u64 {
        planned.weight
    }
}

/// The plans of one shape, one for each outcome of solving its rules.
struct Planned {
    touched: Vec<FaceId>,
    weight: u64,
    variants: RwLock<Vec<(Decisions, Arc<Ready>)>>,
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
    pub(super) binding: [u8; 32],
    careful: OnceLock<Statement>,
    /// An answer broke off in the middle for want of care.
    pub(super) wary: AtomicBool,
}

impl Ready {
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

    /// The plan for a read, from the cache or made now.
    pub(super) fn get(
        &self,
        catalog: &Catalog,
        view: &View,
        backend: &Backend,
        principal: &Principal,
        read: &Read,
    ) -> Result<Arc<Ready>> {
        let borrowed = Borrowed {
            role: &principal.role,
            scope: &principal.scope,
            read,
        };
        let planned = self.cache.get(&borrowed);
        if let Some(planned) = &planned {
            let wanted = decisions(view, principal, &planned.touched);
            let variants = planned
                .variants
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some((_, ready)) = variants.iter().find(|(decisions, _)| *decisions == wanted) {
                return Ok(Arc::clone(ready));
            }
        }
        let authorized = authorize(catalog, view, principal, read)?;
        let plan = plan(catalog, &authorized)?;
        let statement = render(catalog, &plan, backend.flavor(), Care::Quick);
        let binding = binding(&plan, principal, view, &authorized.touched);
        let touched = authorized.touched;
        let ready = Arc::new(Ready {
            plan,
            statement,
            labels: authorized.labels,
            binding,
            careful: OnceLock::new(),
            wary: AtomicBool::new(false),
        });
        match planned {
            Some(planned) => {
                let mut variants = planned
                    .variants
                    .write()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                if variants.len() >= VARIANTS {
                    variants.remove(0);
                }
                variants.push((authorized.decisions, Arc::clone(&ready)));
            }
            None => {
                let weight = 2048 + 2 * ready.statement.text().len() as u64;
                let variants = RwLock::new(vec![(authorized.decisions, Arc::clone(&ready))]);
                let key = Key {
                    role: principal.role.clone(),
                    scope: principal.scope.clone(),
                    read: Arc::new(read.clone()),
                };
                self.cache.insert(
                    key,
                    Arc::new(Planned {
                        touched,
                        weight,
                        variants,
                    }),
                );
            }
        }
        Ok(ready)
    }
}

/// A cursor is good for the same rows in the same order, asked for by the same role, which sees the same columns.
fn binding(plan: &Plan, principal: &Principal, view: &View, touched: &[FaceId]) -> [u8; 32] {
    let mut hash = Sha256::new();
    if plan.query.cursor {
        hash.update(principal.role.as_str());
        hash.update([0]);
        let order = plan
            .query
            .order
            .iter()
            .map(|term| (&term.term, term.nulls, term.descending != plan.query.reversed));
        hash.update(format!("{:?}", (&plan.query.from, order.collect::<Vec<_>>())));
        if let Some(read) = touched.first().and_then(|face| view.read(*face)) {
            hash.update(format!("{:?}", (touched.first(), &read.cells)));
        }
    }
    hash.finalize().into()
}
