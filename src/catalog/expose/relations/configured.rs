//! `[tables.<t>.relations.<r>]`: a foreign key's relation under another name or to another face, or one that no key knows.

use super::{Found, Graph};
use crate::catalog::expose::{Finding, columns_named, unknown};
use crate::catalog::{ColumnId, Face, FaceSettings, ForeignKey, Join, Relation, RelationSettings, TableId, TableKind};
use crate::ident::Name;
use std::collections::HashSet;

/// The configured relations of a face; found ones that they stand for are taken away.
pub(super) fn relations(
    graph: &Graph<'_>,
    face: &Face,
    settings: &FaceSettings,
    found: &mut Vec<Found>,
    findings: &mut Vec<Finding>,
) -> Vec<Relation> {
    let mut relations: Vec<Relation> = Vec::new();
    let mut replaced = HashSet::new();
    for relation in &settings.relations {
        let key = format!("tables.{}.relations.{}", settings.entry, relation.name);
        let mut one = One {
            graph,
            face,
            settings: relation,
            key: &key,
            findings,
        };
        if !one.is_free() {
            continue;
        }
        let Some(made) = one.relation(found) else { continue };
        let target = graph.face(made.target).table;
        let same = found
            .iter()
            .enumerate()
            .filter(|(_, found)| graph.face(found.target).table == target && is_same(&found.join, &made.join));
        replaced.extend(same.map(|(index, _)| index));
        relations.push(made);
    }
    let mut index = 0..;
    found.retain(|_| !index.next().is_some_and(|index| replaced.contains(&index)));
    relations
}

/// One configured relation.
struct One<'a, 'g> {
    graph: &'a Graph<'g>,
    face: &'a Face,
    settings: &'a RelationSettings,
    key: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl<'g> One<'_, 'g> {
    fn tell(&mut self, part: &str, message: impl Into<String>) {
        self.findings.push((format!("{}{part}", self.key), message.into()));
    }

    fn is_free(&mut self) -> bool {
        let name = self.settings.name.as_str();
        let is_column = self.face.columns.iter().any(|column| column.name.as_str() == name);
        let is_computed = self.face.computed.iter().any(|field| field.name.as_str() == name);
        if is_column || is_computed {
            let what = if is_column { "column" } else { "computed field" };
            self.tell(
                "",
                format!("the table has a {what} of the name {name:?}: call the relation otherwise"),
            );
        } else if name.is_empty() {
            self.tell("", "a relation's name cannot be empty");
        }
        !(is_column || is_computed || name.is_empty())
    }

    fn relation(&mut self, found: &[Found]) -> Option<Relation> {
        let target = match &self.settings.table {
            Some(table) => Some(self.target(table)?),
            None => None,
        };
        if self.settings.columns.is_empty() {
            return self.redirect(target, found);
        }
        let columns = self.columns(self.face.table, &self.settings.columns, ".columns")?;
        let (target, columns, references) = self.sides(target, columns)?;
        let table = self.graph.tables.get(target.table);
        let known = table.kind == TableKind::Table && !table.is_parent;
        if !self.settings.many && known && !table.is_unique(&references) {
            let label = self.graph.tables.label(table);
            self.tell(
                "",
                format!("several rows of {label:?} can belong to one of this table: set `many = true`"),
            );
            return None;
        }
        let from_here = self
            .keys()
            .any(|key| key.table == target.table && key.columns == columns);
        let is_own_key = self.face.key == columns;
        let expands = !self.settings.many && columns.len() == 1 && (from_here || !is_own_key);
        Some(Relation {
            name: Name::new(self.settings.name.as_str()),
            target: target.id,
            many: self.settings.many,
            column: expands.then(|| columns[0]),
            join: Join::Direct { columns, references },
        })
    }

    /// Without columns: the relation that would have this name by itself, led to another face of its table.
    fn redirect(&mut self, target: Option<&Face>, found: &[Found]) -> Option<Relation> {
        let name = self.settings.name.as_str();
        let Some(same) = found
            .iter()
            .find(|found| found.first() == name && self.settings.references.is_empty())
        else {
            self.tell(
                "",
                "`columns` is missing: the columns of this table that lead to the other",
            );
            return None;
        };
        let mut relation = same.named(name);
        if let Some(target) = target {
            let table = self.graph.face(same.target).table;
            if table != target.table {
                let label = self.graph.tables.label(self.graph.tables.get(table));
                self.tell(
                    ".table",
                    format!("the relation leads to table {label:?}: name it, or another face of it"),
                );
                return None;
            }
            relation.target = target.id;
        }
        Some(relation)
    }

    fn keys(&self) -> impl Iterator<Item = &ForeignKey> {
        self.graph.keys(self.face.table).iter().copied()
    }

    /// The face of an entry, else of a table's own name.
    fn target(&mut self, name: &str) -> Option<&'g Face> {
        let faces = self.graph.faces;
        let entry = faces.iter().find(|face| face.entry == name);
        let table = || self.graph.tables.find(name).and_then(|table| self.graph.own(table));
        let target = entry.or_else(table);
        if target.is_none() {
            let hidden = self.graph.tables.find(name).is_some();
            let message = if hidden {
                format!("table {name:?} is not exposed: list it")
            } else {
                unknown(
                    "table or entry",
                    name,
                    "the database",
                    faces.iter().map(|face| face.entry.as_str()),
                )
            };
            self.tell(".table", message);
        }
        target
    }

    fn columns(&mut self, table: TableId, names: &[String], part: &str) -> Option<Vec<ColumnId>> {
        columns_named(
            self.graph.tables,
            table,
            names,
            &format!("{}{part}", self.key),
            self.findings,
        )
    }

    /// The target and both lists of columns. What is not said comes from a foreign key, or is the target's key.
    fn sides(&mut self, target: Option<&'g Face>, columns: Vec<ColumnId>) -> Option<Sides<'g>> {
        let fits = |key: &&ForeignKey| {
            is_permutation(&key.columns, &columns) && target.is_none_or(|target| target.table == key.table)
        };
        let keys: Vec<ForeignKey> = self.keys().filter(fits).cloned().collect();
        let target = match (target, keys.as_slice()) {
            (Some(target), _) => target,
            (None, [key]) => {
                let own = self.graph.own(key.table);
                if own.is_none() {
                    let label = self.graph.tables.label(self.graph.tables.get(key.table));
                    self.tell(
                        "",
                        format!("the foreign key leads to table {label:?}, which is not exposed: list it"),
                    );
                }
                own?
            }
            (None, _) => {
                self.tell(
                    "",
                    "`table` is missing: no single foreign key on these columns says where they lead",
                );
                return None;
            }
        };
        if !self.settings.references.is_empty() {
            let references = self.columns(target.table, &self.settings.references, ".references")?;
            if references.len() != columns.len() {
                let message = format!(
                    "{} columns lead to {}: both lists need one length",
                    columns.len(),
                    references.len()
                );
                self.tell(".references", message);
                return None;
            }
            return Some((target, columns, references));
        }
        if let [key] = keys.as_slice() {
            return Some((target, key.columns.clone(), key.references.clone()));
        }
        let back = self.graph.keys(target.table).iter();
        let back = back.filter(|key| key.table == self.face.table && is_permutation(&key.references, &columns));
        match back.collect::<Vec<_>>().as_slice() {
            [key] => Some((target, key.references.clone(), key.columns.clone())),
            [] if target.key.len() == columns.len() => Some((target, columns, target.key.clone())),
            _ => {
                self.tell("", "`references` is missing: the columns of the other table");
                None
            }
        }
    }
}

/// The target, the columns here, the columns there.
type Sides<'g> = (&'g Face, Vec<ColumnId>, Vec<ColumnId>);

fn is_permutation(one: &[ColumnId], other: &[ColumnId]) -> bool {
    one.len() == other.len() && one.iter().all(|column| other.contains(column))
}

/// Whether two joins compare the same pairs of columns.
fn is_same(one: &Join, other: &Join) -> bool {
    let pairs = |join: &Join| match join {
        Join::Direct { columns, references } => {
            let mut pairs: Vec<(ColumnId, ColumnId)> =
                columns.iter().copied().zip(references.iter().copied()).collect();
            pairs.sort_unstable();
            Some(pairs)
        }
        Join::Through { .. } => None,
    };
    pairs(one).is_some_and(|one| pairs(other).as_ref() == Some(&one))
}
