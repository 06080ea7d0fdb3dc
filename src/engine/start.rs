//! From a database and a configuration to a snapshot; and again when the schema changes under us.

use super::effects::without_effect;
use super::exposure::exposure;
use super::{Engine, Snapshot, enums};
use crate::backend::Backend;
use crate::catalog::{Catalog, Database, Face, expose};
use crate::config::{self, AccessDefault, Config};
use crate::error::{Code, Error, Result};
use crate::memory::Memory;
use crate::rules::{AccessOptions, Finding, Openness, Views, build_views};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;

/// What a snapshot is made from, besides the database.
#[derive(Clone, Debug)]
pub struct Source {
    /// The configuration.
    pub config: Arc<Config>,
    /// What holds for tables without access blocks.
    pub access: AccessDefault,
}

/// Why an engine cannot start.
#[derive(Debug)]
pub enum StartError {
    /// The database cannot be reached or read.
    Database(Error),
    /// The configuration does not fit the database.
    Findings(Vec<Finding>),
}

/// What a server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The database's schema as it is (or was a moment ago).
    Current,
    /// The last one that could be served: the database has another one, which cannot be read or does not fit the
    /// configuration.
    Outdated,
}

/// How often the schema's fingerprint is asked for.
const INTERVAL: Duration = Duration::from_secs(1);

impl Engine {
    /// Reads the database, checks the configuration against it, and makes the first snapshot. What deserves a word to
    /// the operator comes along. Cursors are sealed with a key from `secret`.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(
        backend: Backend,
        source: Source,
        secret: &[u8],
    ) -> Result<(Arc<Self>, Vec<Finding>), StartError> {
        let database = backend.introspect().await.map_err(StartError::Database)?;
        let fingerprint = database.fingerprint.clone();
        let Served {
            catalog,
            views,
            mut findings,
            openness,
        } = build(database, &source, None).map_err(StartError::Findings)?;
        let engine = Self::assemble(
            backend,
            Snapshot::assemble(Arc::new(catalog.clone()), views.clone(), 1),
            secret,
            &source.config.auth.header_prefix,
            memory(&source.config.server),
        );
        let engine = Arc::new(Self {
            most_rows: usize::try_from(source.config.server.max_written_rows).unwrap_or(usize::MAX),
            ..engine
        });
        if catalog.faces.iter().any(|face| face.enum_table) {
            let filled = enums::fill(&engine, catalog, &views).await;
            let (catalog, notices) = filled.map_err(StartError::Database)?;
            findings.extend(notices);
            let snapshot = Snapshot::assemble(Arc::new(catalog), views, 1);
            engine.snapshot.store(Arc::new(snapshot));
        }
        let told = findings.iter().map(ToString::to_string).collect();
        let watched = Arc::downgrade(&engine);
        let changed = Arc::clone(&engine.changed);
        tokio::spawn(async move {
            let mut watch = Watch {
                seen: fingerprint,
                broken: None,
                openness,
                told,
            };
            loop {
                // A statement that met another schema than its own does not wait for the interval.
                let _ = tokio::time::timeout(INTERVAL, changed.notified()).await;
                let Some(engine) = watched.upgrade() else { return };
                watch.look(&engine, &source).await;
                engine.tend_keys();
            }
        });
        Ok((engine, findings))
    }

    /// Whether the database answers, and with a schema that is served as it is.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unavailable`] when it does not.
    pub async fn ready(&self) -> Result<Schema> {
        self.backend.fingerprint().await?;
        Ok(if self.outdated.load(Ordering::Relaxed) {
            Schema::Outdated
        } else {
            Schema::Current
        })
    }
}

/// What answers may hold.
fn memory(server: &config::Server) -> Arc<Memory> {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    Memory::new(bytes(server.max_answer_bytes()), bytes(server.answer_memory_bytes()))
}

/// What a database and a configuration make.
#[derive(Debug)]
pub struct Served {
    /// What is exposed.
    pub catalog: Catalog,
    /// Each role's view of it.
    pub views: Views,
    /// What is worth a look.
    pub findings: Vec<Finding>,
    /// How far tables are open by convention.
    pub openness: Openness,
}

/// Makes catalog and views. A server that runs already says how far tables were open `before` the schema changed.
///
/// # Errors
/// Every finding, of which at least one is an error.
pub fn build(database: Database, source: &Source, before: Option<Openness>) -> Result<Served, Vec<Finding>> {
    let settings = exposure(&source.config, source.access);
    let catalog = expose(database, &settings).map_err(|problems| {
        problems
            .into_iter()
            .map(|(key, message)| Finding::error(key, message))
            .collect::<Vec<_>>()
    })?;
    let options = AccessOptions {
        default: source.access,
        before,
    };
    let (views, mut findings, openness) = build_views(&catalog, &source.config, &options)?;
    findings.extend(
        catalog
            .notices
            .iter()
            .map(|notice| Finding::warning("names", notice.clone())),
    );
    findings.extend(keyless_parents(&catalog));
    findings.extend(without_effect(&catalog, &views, &source.config));
    Ok(Served {
        catalog,
        views,
        findings,
        openness,
    })
}

/// Tables whose primary key does not hold for all of their rows.
fn keyless_parents(catalog: &Catalog) -> impl Iterator<Item = Finding> {
    let parent = |face: &&Face| {
        let table = catalog.table(face.table);
        table.is_parent && !table.primary_key.is_empty() && face.key.is_empty()
    };
    catalog.faces.iter().filter(parent).map(|face| {
        let message = "other tables inherit from it and the primary key may repeat among their rows, so it has no rows by \
                       key and no cursors; set `key` if it does not repeat";
        Finding::warning(format!("tables.{}", face.entry), message)
    })
}

/// Sees foreign changes to the schema.
struct Watch {
    seen: String,
    /// The fingerprint of a schema that the configuration does not fit; it is not tried again until it changes.
    broken: Option<String>,
    /// How far tables were open in the schema that is served.
    openness: Openness,
    /// Findings that the operator has read.
    told: HashSet<String>,
}

impl Watch {
    async fn look(&mut self, engine: &Engine, source: &Source) {
        let Ok(fingerprint) = engine.backend.fingerprint().await else {
            // The database is away; requests say so, and the schema is looked at when it is back.
            return;
        };
        if fingerprint == self.seen {
            // Not only unchanged: a change that did not fit may have been taken back to the very same.
            if self.broken.take().is_some() {
                tracing::info!("the schema is again the one that is served");
            }
            engine.outdated.store(false, Ordering::Relaxed);
            return;
        }
        if self.broken.as_ref() == Some(&fingerprint) {
            return;
        }
        let unread = |error: &Error| {
            let cause = error.source.as_ref().map(tracing::field::display);
            tracing::warn!(%error, cause, "the schema has changed and cannot be read; the last one stays");
            engine.outdated.store(true, Ordering::Relaxed);
        };
        match engine.backend.introspect().await {
            // Away, it is no other schema.
            Err(error) if error.code == Code::DATABASE_AWAY => {}
            Err(error) => unread(&error),
            Ok(database) => {
                let read = database.fingerprint.clone();
                let source = source.clone();
                let before = self.openness.clone();
                let built = tokio::task::spawn_blocking(move || build(database, &source, Some(before))).await;
                match built {
                    Ok(Ok(served)) => {
                        let Served { catalog, views, .. } = served;
                        let mut findings = served.findings;
                        let catalog = match enums::fill(engine, catalog, &views).await {
                            Ok((catalog, notices)) => {
                                findings.extend(notices);
                                catalog
                            }
                            Err(error) => return unread(&error),
                        };
                        let number = engine.snapshot().number + 1;
                        let tables = catalog.faces.len();
                        engine
                            .snapshot
                            .store(Arc::new(Snapshot::assemble(Arc::new(catalog), views, number)));
                        self.seen = read;
                        self.broken = None;
                        self.openness = served.openness;
                        for finding in findings.iter().map(ToString::to_string) {
                            if self.told.insert(finding.clone()) {
                                tracing::warn!("the schema has changed: {finding}");
                            }
                        }
                        engine.outdated.store(false, Ordering::Relaxed);
                        tracing::info!(tables, snapshot = number, "the schema has changed and is served anew");
                    }
                    Ok(Err(findings)) => {
                        self.broken = Some(read);
                        engine.outdated.store(true, Ordering::Relaxed);
                        for finding in &findings {
                            tracing::warn!(
                                "the schema has changed and does not fit the configuration: {finding}; the last one stays"
                            );
                        }
                    }
                    Err(error) => tracing::error!(%error, "building the schema failed; the last one stays"),
                }
            }
        }
    }
}

/// Wakes the watch.
pub(super) type Changed = Arc<Notify>;
