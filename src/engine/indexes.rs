//! Indexes that a relation or a rule lacks.
//!
//! Without an index over the columns that join them, each row's related rows are looked for in the whole table; without one
//! over the owner's column, so are a caller's own rows. Nothing is said of small tables, where it does not show, and of
//! columns that rules compare with constants: of `status = 'published'` an index may find half of the rows.

use super::Snapshot;
use crate::catalog::{Catalog, ColumnId, Face, Join, Relation, TableId, TableKind};
use crate::principal::Principal;
use crate::request::Comparison;
use crate::rules::{Exists, Finding, Parameter, Predicate, Term, View};

/// A word for each index that is missing, with the statement that makes it.
#[must_use]
pub fn missing_indexes(snapshot: &Snapshot) -> Vec<Finding> {
    let catalog = &*snapshot.catalog;
    let mut search = Search {
        catalog,
        named: Vec::new(),
        findings: Vec::new(),
    };
    let mut views: Vec<&View> = (snapshot.views.values())
        .map(|view| &**view)
        .filter(|view| view.role.as_str() != Principal::ADMIN)
        .collect();
    views.sort_by(|left, right| left.role.as_str().cmp(right.role.as_str()));
    for face in &catalog.faces {
        for relation in &face.relations {
            if views.iter().any(|view| view.can_follow(face.id, relation)) {
                search.relation(face, relation);
            }
        }
    }
    for face in &catalog.faces {
        for view in &views {
            let Some(access) = view.face(face.id) else { continue };
            let read = access.read.as_ref().map(|read| ("read", &read.rule));
            let update = access.update.as_ref().map(|update| ("update", &update.rule));
            let delete = access.delete.as_ref().map(|rule| ("delete", rule));
            for (right, rule) in [read, update, delete].into_iter().flatten() {
                let place = format!("tables.{}.access.{}.{right}", face.entry, view.role.as_str());
                search.rule(&place, face.table, rule);
            }
        }
    }
    search.findings
}

struct Search<'a> {
    catalog: &'a Catalog,
    /// What has been named already.
    named: Vec<(TableId, Vec<ColumnId>)>,
    findings: Vec<Finding>,
}

impl Search<'_> {
    fn relation(&mut self, face: &Face, relation: &Relation) {
        let place = format!("tables.{}.relations.{}", face.entry, relation.name.as_str());
        let (table, columns) = match &relation.join {
            Join::Direct { references, .. } => (self.catalog.face(relation.target).table, references),
            // From the other side the relation is another one.
            Join::Through { face, near, .. } => (self.catalog.face(*face).table, near),
        };
        self.look(&place, table, columns);
    }

    /// A condition over a row of a table, which stands in scope 0.
    fn rule(&mut self, place: &str, table: TableId, rule: &Predicate) {
        match rule {
            Predicate::And(parts) => {
                let own: Vec<ColumnId> = parts.iter().filter_map(|part| compared(part, is_callers)).collect();
                // One that an index finds is enough.
                if let Some(first) = own.first()
                    && own.iter().all(|column| self.lacks(table, &[*column]))
                {
                    self.look(place, table, &[*first]);
                }
                let others = parts.iter().filter(|part| compared(part, is_callers).is_none());
                others.for_each(|part| self.rule(place, table, part));
            }
            Predicate::Or(parts) => parts.iter().for_each(|part| self.rule(place, table, part)),
            Predicate::Not(part) => {
                if !matches!(**part, Predicate::Compare { .. }) {
                    self.rule(place, table, part);
                }
            }
            Predicate::Compare { left, right, .. } => {
                if let Some(column) = compared(rule, is_callers) {
                    self.look(place, table, &[column]);
                }
                self.term(place, left);
                self.term(place, right);
            }
            Predicate::Exists(exists) => self.exists(place, exists),
            Predicate::Truth(term) => self.term(place, term),
            Predicate::Constant(_) | Predicate::IsNull { .. } | Predicate::Own { .. } => {}
        }
    }

    /// Rows of another table that the rule asks for: by the row around, or by the caller.
    fn exists(&mut self, place: &str, exists: &Exists) {
        let parts = match &exists.predicate {
            Predicate::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let around = |term: &Term| matches!(term, Term::Column { scope: 1.., .. });
        let joined: Vec<ColumnId> = parts.iter().filter_map(|part| compared(part, around)).collect();
        let known: Vec<ColumnId> = parts.iter().filter_map(|part| compared(part, is_callers)).collect();
        let mut both = joined.clone();
        both.extend(&known);
        if !both.is_empty() && self.lacks(exists.table, &both) {
            self.look(
                place,
                exists.table,
                if joined.is_empty() { &known[..1] } else { &joined },
            );
        }
        for part in parts {
            if compared(part, around).is_none() && compared(part, is_callers).is_none() {
                self.rule(place, exists.table, part);
            }
        }
    }

    fn term(&mut self, place: &str, term: &Term) {
        let (table, predicate) = match term {
            Term::Scalar { table, predicate, .. } => (*table, &**predicate),
            Term::Aggregate(aggregate) => match &aggregate.rows {
                Some((table, predicate)) => (*table, predicate),
                None => return,
            },
            _ => return,
        };
        let predicate = predicate.clone();
        self.exists(place, &Exists { table, predicate });
    }

    /// Whether rows of a table that have certain values in these columns are found by reading all of it.
    fn lacks(&self, table: TableId, columns: &[ColumnId]) -> bool {
        let table = self.catalog.table(table);
        table.large
            && !table.system
            && matches!(table.kind, TableKind::Table | TableKind::MaterializedView)
            && !(table.indexes.iter()).any(|index| index.first().is_some_and(|first| columns.contains(first)))
    }

    fn look(&mut self, place: &str, table: TableId, columns: &[ColumnId]) {
        let known = |(other, of): &(TableId, Vec<ColumnId>)| *other == table && of == columns;
        if columns.is_empty() || !self.lacks(table, columns) || self.named.iter().any(known) {
            return;
        }
        self.named.push((table, columns.to_vec()));
        let table = self.catalog.table(table);
        let names: Vec<&str> = (columns.iter())
            .map(|column| table.column(*column).name.as_str())
            .collect();
        let quoted = |name: &str| {
            let mut sql = String::new();
            crate::ident::Identifier::new(name).quote_into(&mut sql);
            sql
        };
        let index = quoted(&format!("{}_{}_idx", table.name.as_str(), names.join("_")));
        let list: Vec<String> = names.iter().copied().map(quoted).collect();
        let message = format!(
            "no index of {} begins with {}, by which its rows are looked for; this makes one: CREATE INDEX {index} ON {} ({})",
            table.quoted(),
            list.join(" or "),
            table.quoted(),
            list.join(", "),
        );
        self.findings.push(Finding::warning(place, message));
    }
}

/// Something about the caller.
fn is_callers(term: &Term) -> bool {
    let source = match term {
        Term::Parameter { source, .. } => source,
        _ => return false,
    };
    matches!(source, Parameter::Session(_))
}

/// The column of the row at hand that has to be equal to something of a kind.
fn compared(predicate: &Predicate, kind: impl Fn(&Term) -> bool) -> Option<ColumnId> {
    let Predicate::Compare {
        left,
        comparison: Comparison::Equal | Comparison::In,
        right,
    } = predicate
    else {
        return None;
    };
    match (left, right) {
        (Term::Column { scope: 0, column, .. }, other) if kind(other) => Some(*column),
        (other, Term::Column { scope: 0, column, .. }) if kind(other) => Some(*column),
        _ => None,
    }
}
