//! What a batch would do: the rules in it, and its statements, without running any.

use super::super::{Engine, Snapshot, shown};
use super::ready::{GroupStatements, Ready, Statements};
use super::row::rows_of;
use super::single;
use super::values::{Filler, Kept, Of};
use crate::catalog::{Catalog, ColumnId};
use crate::engine::bind::Binder;
use crate::error::Result;
use crate::pattern;
use crate::plan::{Verdict, WritePlan};
use crate::principal::Principal;
use crate::request::{Batch, Values};
use crate::rules::{Change, Conflict, Describer, Group, Parameter, Predicate, Term};
use crate::sql::{Feed, Flavor, Mark, Statement};
use crate::value::{Datum, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// What `explain` tells of one write of a batch.
#[derive(Clone, Debug, Serialize)]
pub struct WriteExplanation {
    /// Which rows may be changed, readable; of an upsert those that stand in the way. `None` where all rows are new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// What must hold of new or changed rows.
    pub checks: Map<String, Json>,
    /// What the rules set, by column.
    pub presets: Map<String, Json>,
    /// What happens, as a tree.
    pub plan: Json,
    /// What would be run, in order. Which of them run may depend on what is found.
    pub statements: Vec<StatementExplanation>,
}

/// One statement of a write.
#[derive(Clone, Debug, Serialize)]
pub struct StatementExplanation {
    /// What it is for.
    pub purpose: String,
    /// Its text.
    pub sql: String,
    /// Its parameters, by the names of their marks in the text.
    pub parameters: Map<String, Json>,
    /// The database's own plan.
    pub explain: String,
}

impl Engine {
    /// What each write of a batch would do.
    ///
    /// # Errors
    /// As [`Engine::write`], but what only shows when it runs.
    pub async fn explain_writes(
        &self,
        snapshot: &Snapshot,
        principal: &Principal,
        batch: &Batch,
    ) -> Result<Vec<WriteExplanation>> {
        let view = Self::view_of(snapshot, principal)?;
        let ready = snapshot
            .programs
            .get(&snapshot.catalog, view, &self.backend, principal, &batch.writes)?;
        let explainer = Explainer {
            engine: self,
            snapshot,
            principal,
            batch,
            ready: &ready,
        };
        let mut told = Vec::with_capacity(batch.writes.len());
        for (index, plan) in ready.program.writes.iter().enumerate() {
            let explanation = explainer.write(plan, &ready.statements[index]).await;
            told.push(explanation.map_err(|error| {
                if batch.writes.len() > 1 {
                    error.of_write(index)
                } else {
                    error
                }
            })?);
        }
        Ok(told)
    }
}

struct Explainer<'a> {
    engine: &'a Engine,
    snapshot: &'a Snapshot,
    principal: &'a Principal,
    batch: &'a Batch,
    ready: &'a Ready,
}

impl Explainer<'_> {
    async fn write(&self, plan: &WritePlan, statements: &Statements) -> Result<WriteExplanation> {
        let mut told = Vec::new();
        told.extend(self.whole(plan).await?);
        for (purpose, statement, group) in listed(plan, statements) {
            told.push(self.statement(plan, purpose, statement, group).await?);
        }
        let mark = |parameter: &Parameter| named(&self.snapshot.catalog, plan, &self.batch.values, parameter);
        let around = Describer::new(&self.snapshot.catalog, &mark);
        let teller = Teller {
            plan,
            row: around.inner(plan.write.table),
        };
        let mut tree = teller.tree();
        if let Some(read) = &plan.returning {
            tree.insert("read back".into(), crate::plan::describe(&read.query, &around));
        }
        Ok(WriteExplanation {
            predicate: teller.predicate(),
            checks: teller.checks(),
            presets: teller.presets(),
            plan: Json::Object(tree),
            statements: told,
        })
    }

    async fn statement(
        &self,
        plan: &WritePlan,
        purpose: &str,
        statement: &Statement,
        group: Option<(&Group, &GroupStatements)>,
    ) -> Result<StatementExplanation> {
        let rows = match group {
            Some((group, _)) => rows_of(self.batch.values.get(group.rows))?,
            None => Vec::new(),
        };
        let of = match group {
            Some((_, statements)) if statements.feed == Feed::All && !is_of_each(statements, statement) => {
                Of::Rows(&rows)
            }
            _ => rows.first().map_or(Of::Nothing, |row| Of::Row(row)),
        };
        let purpose = match (group, rows.len()) {
            (Some((_, statements)), 2..) if statements.feed == Feed::Each => {
                format!("{purpose}, once for each of {} rows; here the first", rows.len())
            }
            _ => purpose.to_owned(),
        };
        self.filled(plan, purpose, statement, of).await
    }

    /// The statement that does the whole (PostgreSQL).
    async fn whole(&self, plan: &WritePlan) -> Result<Option<StatementExplanation>> {
        if self.engine.backend.flavor() != Flavor::Postgres {
            return Ok(None);
        }
        let rows = match &plan.write.change {
            Change::Insert { groups, .. } => match groups.first() {
                Some(group) => Some(rows_of(self.batch.values.get(group.rows))?),
                None => return Ok(None),
            },
            _ => None,
        };
        let Some(statement) = single::chosen(self.ready, rows.as_deref()) else {
            return Ok(None);
        };
        let purpose = "does the whole, as a transaction of its own; where it fails, the others follow to say why";
        let of = single::of(rows.as_deref());
        self.filled(plan, purpose.to_owned(), statement, of).await.map(Some)
    }

    async fn filled(
        &self,
        plan: &WritePlan,
        purpose: String,
        statement: &Statement,
        of: Of<'_>,
    ) -> Result<StatementExplanation> {
        let patterns = pattern::Load::default();
        let binder = Binder {
            catalog: &self.snapshot.catalog,
            principal: self.principal,
            values: &self.batch.values,
            labels: &self.ready.labels,
            header_prefix: &self.engine.header_prefix,
            cursors: &[],
            patterns: &patterns,
        };
        let filler = Filler {
            binder: &binder,
            face: self.snapshot.catalog.faces.get(plan.write.face.0 as usize),
            kept: &vec![Kept::default(); self.batch.writes.len()],
        };
        let sign = self.engine.sign();
        let (mut values, mut parameters) = (Vec::new(), Map::new());
        for (number, mark) in (1..).zip(statement.marks()) {
            let value = match unknown(mark) {
                Some(value) => value,
                None => filler.values(std::slice::from_ref(mark), of)?.remove(0),
            };
            let told = match &mark.source {
                Parameter::Written { write, .. } | Parameter::Linked { write, .. } => {
                    format!("of the rows of write {}", write + 1).into()
                }
                _ => shown(&value),
            };
            parameters.insert(format!("{sign}{number}"), told);
            values.push(value);
        }
        Ok(StatementExplanation {
            purpose,
            sql: statement.text().to_owned(),
            parameters,
            explain: self.engine.backend.explain(statement, &values).await?,
        })
    }
}

/// What only an earlier statement knows.
fn unknown(mark: &Mark) -> Option<Datum> {
    match &mark.source {
        Parameter::Written { .. } if mark.list => None,
        Parameter::Written { .. } | Parameter::Linked { .. } => Some(Datum::Null),
        _ => None,
    }
}

/// The statements of a write in their order, each with what it is for.
fn listed<'s>(
    plan: &'s WritePlan,
    statements: &'s Statements,
) -> Vec<(&'static str, &'s Statement, Option<(&'s Group, &'s GroupStatements)>)> {
    let mut list = Vec::new();
    if let Change::Insert { groups, .. } = &plan.write.change {
        for (group, own) in groups.iter().zip(&statements.groups) {
            let mut say = |purpose, statement: Option<&'s Statement>| {
                list.extend(statement.map(|statement| (purpose, statement, Some((group, own)))));
            };
            say(
                "finds the rows of the same key, and whether they may be changed",
                own.met.as_ref(),
            );
            say(
                "checks that rows which meet one might be created",
                own.proposed.as_ref(),
            );
            say("changes those", own.change.as_ref());
            say("checks the changed rows", own.set_failing.as_ref());
            let through = own.through.as_ref();
            say(
                "finds the largest key, before a view's triggers write",
                through.and_then(|through| through.numbered.as_ref().map(|(largest, _)| largest)),
            );
            say("creates the rows", Some(&own.insert));
            say(
                "finds the new row, which a view's triggers have written",
                through.map(|through| through.numbered.as_ref().map_or(&through.settled, |(_, above)| above)),
            );
            say("checks the new rows", own.failing.as_ref());
        }
    }
    let main = match &plan.write.change {
        Change::Delete { .. } if statements.delete_kept.is_some() => "finds the rows, which are read before they go",
        Change::Delete { .. } => "deletes the rows",
        Change::Find { .. } => "finds the rows",
        Change::Update { .. } if statements.through.is_some() => {
            "finds the rows, which a view's triggers change one by one"
        }
        _ => "changes the rows",
    };
    let reading = match plan.write.change {
        Change::Call => "calls the function",
        _ => "reads the rows for the answer",
    };
    let returning = (reading, statements.returning.as_ref());
    let before_it_goes = statements.delete_kept.is_some();
    let rest = [
        (
            "counts the rows that are to go, of which some may go with others",
            statements.counted.as_ref(),
        ),
        (main, statements.main.as_ref()),
        (
            "changes one row",
            statements.through.as_ref().and_then(|through| through.change.as_ref()),
        ),
        ("checks the changed rows", statements.failing.as_ref()),
        if before_it_goes { returning } else { ("", None) },
        ("deletes the rows", statements.delete_kept.as_ref()),
        (
            "finds those that a trigger keeps, where fewer rows went than were to go",
            statements.standing.as_ref(),
        ),
        (
            "asks, where no row was found, whether the caller could read it",
            statements.exists.as_ref(),
        ),
        if before_it_goes { ("", None) } else { returning },
    ];
    list.extend(
        rest.into_iter()
            .filter_map(|(purpose, statement)| Some((purpose, statement?, None))),
    );
    list
}

/// What a parameter is called in words about a write: a value that was sent for a column of new rows is `_REQ_.column`,
/// any other value is itself.
fn named(catalog: &Catalog, plan: &WritePlan, values: &Values, parameter: &Parameter) -> Option<String> {
    match (parameter, &plan.write.change) {
        (Parameter::Slot(slot), _) => Some(match values.get(*slot) {
            Value::Text(text) | Value::Raw(text) => format!("'{}'", text.replace('\'', "''")),
            other => other.describe(),
        }),
        (Parameter::Row(..), Change::Insert { groups, .. }) => {
            let mut columns = groups.iter().flat_map(|group| &group.columns);
            let is = |term: &Term| matches!(term, Term::Parameter { source, .. } if source == parameter);
            let (column, _) = columns.find(|(_, term)| is(term))?;
            let name = catalog.table(plan.write.table).column(*column).name.as_str();
            Some(format!("_REQ_.{name}"))
        }
        _ => None,
    }
}

/// Tells of one write in words.
struct Teller<'a> {
    plan: &'a WritePlan,
    /// A row of its table.
    row: Describer<'a>,
}

impl Teller<'_> {
    fn column(&self, column: ColumnId) -> String {
        let table = self.row.catalog().table(self.plan.write.table);
        table.column(column).name.as_str().to_owned()
    }

    fn predicate(&self) -> Option<String> {
        match &self.plan.write.change {
            Change::Update { targets, .. } | Change::Delete { targets, .. } | Change::Find { targets, .. } => {
                Some(self.row.predicate(targets))
            }
            Change::Insert {
                groups,
                conflict: Some(Conflict::Update { .. }),
            } => groups.first().map(|group| self.row.predicate(&group.allowed)),
            Change::Insert { .. } | Change::Call => None,
        }
    }

    fn checks(&self) -> Map<String, Json> {
        let mut checks = Map::new();
        let mut say = |what: &str, number: Option<usize>, check: &Predicate, verdict: Verdict| {
            let place = match verdict {
                Verdict::Holds => return,
                Verdict::Within => "by the statement that writes",
                Verdict::After => "by a statement of its own",
            };
            let number = number.map(|number| format!(" of group {number}")).unwrap_or_default();
            checks.insert(
                format!("{what}{number}, checked {place}"),
                self.row.predicate(check).into(),
            );
        };
        match &self.plan.write.change {
            Change::Insert { groups, conflict } => {
                for (index, group) in groups.iter().enumerate() {
                    let number = (groups.len() > 1).then_some(index + 1);
                    say("new rows", number, &group.check, self.plan.checks[index]);
                    if matches!(conflict, Some(Conflict::Update { .. })) {
                        say("changed rows", number, &group.set_check, self.plan.set_checks[index]);
                    }
                }
            }
            Change::Update { check, .. } => say("changed rows", None, check, self.plan.checks[0]),
            Change::Delete { .. } | Change::Find { .. } | Change::Call => {}
        }
        checks
    }

    fn presets(&self) -> Map<String, Json> {
        let terms: Vec<&(ColumnId, Term)> = match &self.plan.write.change {
            Change::Insert { groups, .. } => groups
                .iter()
                .flat_map(|group| group.columns.iter().chain(&group.set))
                .collect(),
            Change::Update { set, .. } => set.iter().collect(),
            Change::Delete { .. } | Change::Find { .. } | Change::Call => Vec::new(),
        };
        let presets = terms.into_iter().filter(|(_, term)| !is_sent(term));
        presets
            .map(|(column, term)| (self.column(*column), self.row.term(term).into()))
            .collect()
    }

    fn tree(&self) -> Map<String, Json> {
        let mut tree = Map::new();
        let mut say = |key: &str, value: Json| {
            tree.insert(key.to_owned(), value);
        };
        let names = |columns: &[ColumnId]| {
            let names: Vec<String> = columns.iter().map(|column| self.column(*column)).collect();
            Json::from(names.join(", "))
        };
        let set = |set: &[(ColumnId, Term)]| {
            let terms = set
                .iter()
                .map(|(column, term)| (self.column(*column), self.value(term).into()));
            Json::Object(terms.collect())
        };
        let table = self.row.catalog().table(self.plan.write.table).name.as_str();
        let own = &self.plan.write;
        match &own.change {
            Change::Insert { groups, conflict } => {
                say("table", table.into());
                say("happens", "insert".into());
                let groups: Vec<Json> = groups
                    .iter()
                    .map(|group| match conflict {
                        Some(Conflict::Update { .. }) => json!({
                            "new rows": set(&group.columns),
                            "rows that stand": set(&group.set),
                            "only those where": self.row.predicate(&group.wanted),
                        }),
                        _ => json!({ "new rows": set(&group.columns) }),
                    })
                    .collect();
                match groups.as_slice() {
                    [Json::Object(only)] => only.iter().for_each(|(key, value)| say(key, value.clone())),
                    _ => say("groups", groups.into()),
                }
                match conflict {
                    None => {}
                    Some(Conflict::Ignore { key }) if key.is_empty() => {
                        say("left out where any key stands", true.into())
                    }
                    Some(Conflict::Ignore { key }) => say("left out where this key stands", names(key)),
                    Some(Conflict::Update { key, .. }) => say("changed where this key stands", names(key)),
                }
            }
            Change::Update { within, set: terms, .. } => {
                say("table", table.into());
                say("happens", "update".into());
                say("set", set(terms));
                if let Some(within) = within {
                    say("only rows linked to write", (within.write + 1).into());
                }
            }
            Change::Delete { within, .. } | Change::Find { within, .. } => {
                say("table", table.into());
                let is_delete = matches!(own.change, Change::Delete { .. });
                say("happens", if is_delete { "delete" } else { "find" }.into());
                if let Some(within) = within {
                    say("only rows linked to write", (within.write + 1).into());
                }
            }
            Change::Call => {}
        }
        if own.strict.is_some() {
            say("no row found", "is an error".into());
        }
        tree
    }

    /// A new value of a column.
    fn value(&self, term: &Term) -> String {
        match term {
            Term::Parameter {
                source: Parameter::Row(..),
                ..
            } => "as sent".into(),
            Term::Parameter {
                source: Parameter::Linked { write, .. } | Parameter::Written { write, .. },
                ..
            } => format!("of the row of write {}", write + 1),
            term => self.row.term(term),
        }
    }
}

/// Whether a value comes from the request, or from rows of an earlier write.
fn is_sent(term: &Term) -> bool {
    term.has_parameter(&|parameter| {
        matches!(
            parameter,
            Parameter::Slot(_) | Parameter::Row(..) | Parameter::Linked { .. } | Parameter::Written { .. }
        )
    })
}

/// Whether a statement runs for each row by itself, however the rows are written.
fn is_of_each(statements: &GroupStatements, statement: &Statement) -> bool {
    let proposed = statements.proposed.as_ref();
    proposed.is_some_and(|proposed| std::ptr::eq(proposed, statement))
}
