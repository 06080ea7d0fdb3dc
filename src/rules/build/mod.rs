//! From the configuration's access blocks to one view per role: every rule compiled, every name checked.

mod block;
mod convention;
mod enums;
mod inherit;
mod openness;
mod write;

pub use openness::Openness;

use super::Predicate;
use super::compile::compile;
use super::syntax::Problem;
use super::view::{Cell, CreateAccess, FaceAccess, ReadAccess, UpdateAccess, View, Views};
use crate::catalog::{Catalog, Face, FunctionId, TableId};
use crate::config::{AccessDefault, Config, Rule};
use crate::error::Verbs;
use crate::ident::Name;
use crate::principal::Principal;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

/// What holds where the configuration says nothing.
#[derive(Clone, Debug)]
pub struct AccessOptions {
    /// For tables without access blocks.
    pub default: AccessDefault,
    /// What the convention made of the schema before, while a server runs: no table opens further than it was.
    pub before: Option<Openness>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is served until it is mended.
    Error,
    /// Worth a look.
    Warning,
}

/// Something that is wrong, or worth a look, in the configuration of access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The key, such as `tables.book.access.user.read`.
    pub place: String,
    /// Line and column within the rule's text.
    pub line: Option<(usize, usize)>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Finding {
    /// Something that has to be mended before anything is served.
    #[must_use]
    pub fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.into(),
            line: None,
            message: message.into(),
        }
    }

    /// Something worth a look.
    #[must_use]
    pub fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            place: place.into(),
            line: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        if let Some((line, column)) = self.line {
            write!(formatter, "line {line}, column {column}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Each role's view, what is worth a look, and how far the convention opens each table.
pub type Built = (Views, Vec<Finding>, Openness);

/// Makes each role's view.
///
/// # Errors
/// All findings, when one of them is an error.
pub fn build_views(catalog: &Catalog, config: &Config, options: &AccessOptions) -> Result<Built, Vec<Finding>> {
    let mut builder = Builder {
        catalog,
        config,
        options,
        blocked: blocked(catalog, config),
        limits: openness::limits(options.before.as_ref(), catalog),
        findings: Vec::new(),
        read_by_rules: BTreeSet::new(),
        shared: HashMap::new(),
    };
    let views = builder.views();
    if builder
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(builder.findings);
    }
    let openness = builder.openness();
    Ok((views, builder.findings, openness))
}

/// Tables of which some face has access blocks.
fn blocked(catalog: &Catalog, config: &Config) -> BTreeSet<TableId> {
    let has_blocks = |face: &&Face| {
        config
            .tables
            .get(&face.entry)
            .is_some_and(|entry| !entry.access.is_empty())
    };
    catalog.faces.iter().filter(has_blocks).map(|face| face.table).collect()
}

/// One role's own rights by face.
type Rights = Vec<Option<Arc<FaceAccess>>>;

/// What equal rights have in common and is quick to compare: columns, limit, aggregates, all rows, schema.
type Outline = (usize, Option<u64>, bool, bool, bool);

struct Builder<'a> {
    catalog: &'a Catalog,
    config: &'a Config,
    options: &'a AccessOptions,
    /// Tables that the convention does not speak for, since some face of theirs has access blocks.
    blocked: BTreeSet<TableId>,
    /// How far the convention may open each table.
    limits: Vec<Option<openness::Width>>,
    findings: Vec<Finding>,
    /// Tables that a configured rule reads besides its own.
    read_by_rules: BTreeSet<TableId>,
    /// Equal rights are kept once, for tables and roles by the hundred.
    shared: HashMap<Outline, Vec<Arc<FaceAccess>>>,
}

impl Builder<'_> {
    fn views(&mut self) -> Views {
        let roles = self.roles();
        let mut own: HashMap<Name, Rights> = HashMap::new();
        for role in &roles {
            let rights = (0..self.catalog.faces.len())
                .map(|index| self.own(role, index))
                .collect();
            own.insert(role.clone(), rights);
        }
        self.keep_what_rules_read(&mut own);
        self.warn_of_held_tables();
        self.warn_of_secrets();
        self.warn_of_parents();
        self.warn_of_references(&own);
        let rights = self.inherited(&roles, own);
        self.warn_of_open_anonymous(&rights);
        self.warn_of_untold_enums(&roles, &rights);
        let mut views = Views::new();
        for role in roles {
            let faces = rights.get(&role).cloned().unwrap_or_default();
            let mut view = View {
                role: role.clone(),
                faces,
                functions: Vec::new(),
            };
            view.functions = self.functions(&view);
            views.insert(role, Arc::new(view));
        }
        views
    }

    /// The three that always are, and all that the configuration names.
    fn roles(&mut self) -> Vec<Name> {
        let mut names: BTreeSet<&str> = [Principal::ANONYMOUS, Principal::USER, Principal::ADMIN].into();
        for table in self.config.tables.values() {
            names.extend(table.access.keys().map(String::as_str));
        }
        names.extend(self.config.roles.keys().map(String::as_str));
        for function in self.config.functions.values() {
            names.extend(function.roles.iter().flatten().map(String::as_str));
        }
        names.into_iter().map(Name::new).collect()
    }

    fn own(&mut self, role: &Name, index: usize) -> Option<Arc<FaceAccess>> {
        let face = &self.catalog.faces[index];
        let entry = self.config.tables.get(&face.entry);
        let closed = self.options.default == AccessDefault::Closed;
        if role.as_str() == Principal::ADMIN {
            let exists = !closed || entry.is_some();
            return exists.then(|| {
                let everything = self.everything(face);
                self.share(everything)
            });
        }
        let access = match entry {
            Some(entry) if !entry.access.is_empty() => {
                let block = entry.access.get(role.as_str())?;
                self.block(role, face, block)
            }
            _ if self.by_convention(face) => self.convention(role, face),
            _ => None,
        }?;
        Some(self.share(access))
    }

    /// The same rights are the same memory.
    fn share(&mut self, access: FaceAccess) -> Arc<FaceAccess> {
        let read = access.read.as_ref();
        let key = (
            read.map_or(0, |read| read.cells.len()),
            read.and_then(|read| read.limit),
            read.is_some_and(|read| read.aggregate),
            read.is_some_and(|read| read.rule == Predicate::TRUE),
            access.schema,
        );
        let equal = self.shared.entry(key).or_default();
        if let Some(known) = equal.iter().find(|known| ***known == access) {
            return known.clone();
        }
        let access = Arc::new(access);
        equal.push(access.clone());
        access
    }

    /// Functions that a role may call.
    fn functions(&mut self, view: &View) -> Vec<FunctionId> {
        let admin = view.role.as_str() == Principal::ADMIN;
        let line = self.line_of(&view.role);
        let mut allowed = Vec::new();
        for function in &self.catalog.functions {
            let may = match &function.roles {
                _ if admin => true,
                Some(roles) => roles.iter().any(|role| line.contains(&role.as_str())),
                None if function.mutation => false,
                None => function.table.is_some_and(|table| {
                    self.catalog
                        .faces
                        .iter()
                        .any(|face| face.table == table && view.read(face.id).is_some())
                }),
            };
            if may {
                allowed.push(function.id);
            }
        }
        if admin {
            for function in &self.catalog.functions {
                if function.roles.is_none() && (function.mutation || function.table.is_none()) {
                    let place = format!("functions.{}.roles", function.name);
                    self.findings.push(Finding {
                        severity: Severity::Error,
                        place,
                        line: None,
                        message: "a function that writes or returns a scalar needs roles, such as roles = [\"user\"]"
                            .into(),
                    });
                }
            }
        }
        allowed
    }

    /// A rule of reading; `None` after an error and for `false`.
    fn read_rule(&mut self, face: &Face, rule: &Rule, place: &str) -> Option<Predicate> {
        match rule {
            Rule::All(true) => Some(Predicate::TRUE),
            Rule::All(false) => None,
            Rule::Text(text) => match compile(self.catalog, face.id, text) {
                Ok(compiled) => {
                    self.read_by_rules.extend(compiled.reads);
                    Some(compiled.predicate)
                }
                Err(problem) => {
                    self.problem(place, problem);
                    None
                }
            },
        }
    }

    fn problem(&mut self, place: &str, problem: Problem) {
        self.error(place, Some((problem.at.line, problem.at.column)), problem.message);
    }

    fn error(&mut self, place: &str, line: Option<(usize, usize)>, message: impl Into<String>) {
        self.findings.push(Finding {
            severity: Severity::Error,
            place: place.into(),
            line,
            message: message.into(),
        });
    }

    fn warn(&mut self, place: &str, line: Option<(usize, usize)>, message: impl Into<String>) {
        self.findings.push(Finding {
            severity: Severity::Warning,
            place: place.into(),
            line,
            message: message.into(),
        });
    }

    /// Signing in should never take something away.
    fn warn_of_open_anonymous(&mut self, rights: &HashMap<Name, Rights>) {
        let (Some(anonymous), Some(user)) = (rights.get(Principal::ANONYMOUS), rights.get(Principal::USER)) else {
            return;
        };
        let reads = |rights: &Rights, index: usize| -> Option<ReadAccess> {
            rights
                .get(index)
                .and_then(|access| access.as_ref())
                .and_then(|access| access.read.clone())
        };
        for index in 0..self.catalog.faces.len() {
            let Some(open) = reads(anonymous, index) else { continue };
            let face = &self.catalog.faces[index];
            let place = format!("tables.{}.access.user.read", face.entry);
            let Some(signed) = reads(user, index) else {
                self.warn(
                    &place,
                    None,
                    format!(
                        "anonymous callers may read {:?}, signed-in ones may not; give the role user a read right, or say [roles.user] inherits = [\"anonymous\"]",
                        face.name.as_str()
                    ),
                );
                continue;
            };
            if open.rule == Predicate::TRUE && signed.rule != Predicate::TRUE {
                self.warn(
                    &place,
                    None,
                    format!(
                        "anonymous callers may read all rows of {:?}, signed-in ones only some",
                        face.name.as_str()
                    ),
                );
            }
            let table = self.catalog.table(face.table);
            let lost: Vec<&str> = table
                .columns
                .iter()
                .zip(open.cells.iter().zip(&signed.cells))
                .filter(|(_, (open, signed))| **open != Cell::Hidden && **signed == Cell::Hidden)
                .map(|(column, _)| column.name.as_str())
                .collect();
            if !lost.is_empty() {
                self.warn(
                    &place,
                    None,
                    format!(
                        "anonymous callers may read {} of {:?}, signed-in ones may not",
                        lost.join(", "),
                        face.name.as_str()
                    ),
                );
            }
        }
    }

    /// What the admin may.
    fn everything(&self, face: &Face) -> FaceAccess {
        let table = self.catalog.table(face.table);
        let writable = if table.system { Verbs::NONE } else { table.writable };
        FaceAccess {
            read: Some(ReadAccess {
                rule: Predicate::TRUE,
                cells: vec![Cell::Visible; table.columns.len()],
                counted: None,
                limit: None,
                aggregate: true,
                computed: face.computed.iter().map(|computed| computed.name.clone()).collect(),
            }),
            create: writable.insert.then(|| CreateAccess {
                check: Predicate::TRUE,
                columns: self.writable_columns(face, &[]),
                set: Vec::new(),
                backend_only: false,
            }),
            update: writable.update.then(|| UpdateAccess {
                rule: Predicate::TRUE,
                check: Predicate::TRUE,
                columns: self.writable_columns(face, &table.fixed),
                set: Vec::new(),
                backend_only: false,
            }),
            delete: writable.delete.then_some(Predicate::TRUE),
            schema: true,
        }
    }
}

#[cfg(test)]
mod tests;
