//! `[roles.<r>] inherits`: rows of any parent, and of each row the cells that a parent of that row allows; rights to write
//! are the role's own, else those of the one parent that has them.

use super::super::Predicate;
use super::super::view::{Cell, FaceAccess, ReadAccess};
use super::{Builder, Rights};
use crate::ident::Name;
use crate::principal::Principal;
use std::collections::HashMap;
use std::sync::Arc;

impl<'a> Builder<'a> {
    /// A role and all that it inherits from, itself first.
    pub(super) fn line_of(&self, role: &Name) -> Vec<&'a str> {
        let config = self.config;
        let mut line: Vec<&'a str> = Vec::new();
        let mut waiting: Vec<&'a str> = config
            .roles
            .get_key_value(role.as_str())
            .map(|(name, _)| name.as_str())
            .into_iter()
            .collect();
        if waiting.is_empty() {
            return self
                .config
                .tables
                .values()
                .flat_map(|table| table.access.keys())
                .chain(
                    self.config
                        .functions
                        .values()
                        .flat_map(|function| function.roles.iter().flatten()),
                )
                .map(String::as_str)
                .chain([Principal::ANONYMOUS, Principal::USER, Principal::ADMIN])
                .find(|name| *name == role.as_str())
                .into_iter()
                .collect();
        }
        while let Some(name) = waiting.pop() {
            if line.contains(&name) {
                continue;
            }
            line.push(name);
            if let Some(role) = config.roles.get(name) {
                waiting.extend(role.inherits.iter().map(String::as_str));
            }
        }
        line
    }

    /// Each role's rights with what it inherits.
    pub(super) fn inherited(&mut self, roles: &[Name], own: HashMap<Name, Rights>) -> HashMap<Name, Rights> {
        let mut rights = HashMap::with_capacity(own.len());
        for role in roles {
            let line = self.line_of(role);
            if line.len() < 2 || role.as_str() == Principal::ADMIN {
                rights.insert(role.clone(), own.get(role).cloned().unwrap_or_default());
                continue;
            }
            let faces = (0..self.catalog.faces.len())
                .map(|index| {
                    let parts: Vec<&Arc<FaceAccess>> = line
                        .iter()
                        .filter_map(|parent| own.get(*parent)?.get(index)?.as_ref())
                        .collect();
                    match parts.as_slice() {
                        [] => None,
                        [only] => Some(Arc::clone(only)),
                        parts => {
                            let holds = |has: fn(&FaceAccess) -> bool| {
                                let mut found = Vec::new();
                                self.holders(role.as_str(), index, &own, has, &mut Vec::new(), &mut found);
                                match found.as_slice() {
                                    [only] => Some(*only),
                                    _ => None,
                                }
                            };
                            let united = FaceAccess {
                                create: holds(|part| part.create.is_some()).and_then(|part| part.create.clone()),
                                update: holds(|part| part.update.is_some()).and_then(|part| part.update.clone()),
                                delete: holds(|part| part.delete.is_some()).and_then(|part| part.delete.clone()),
                                ..united(parts)
                            };
                            Some(self.share(united))
                        }
                    }
                })
                .collect();
            rights.insert(role.clone(), faces);
        }
        rights
    }

    /// Who gives a role a right to write: the role itself, else its parents, each of whom may have it from their own. Of
    /// several there is none that could be followed: they would have to be told apart row by row and column by column, and
    /// what may be read there may not be written at all.
    fn holders<'o>(
        &self,
        role: &str,
        face: usize,
        own: &'o HashMap<Name, Rights>,
        has: fn(&FaceAccess) -> bool,
        seen: &mut Vec<String>,
        found: &mut Vec<&'o FaceAccess>,
    ) {
        if seen.iter().any(|known| known == role) {
            return;
        }
        seen.push(role.to_owned());
        let access = own.get(role).and_then(|rights| rights.get(face)?.as_deref());
        if let Some(access) = access.filter(|access| has(access)) {
            found.push(access);
            return;
        }
        let parents = self.config.roles.get(role).map(|role| role.inherits.as_slice());
        for parent in parents.unwrap_or_default() {
            self.holders(parent, face, own, has, seen, found);
        }
    }
}

/// To read: rows of any part; a cell where a part that allows it holds; the largest limit; what any part may, but computed
/// fields only where no row shows them against a part's will.
fn united(parts: &[&Arc<FaceAccess>]) -> FaceAccess {
    let reads: Vec<&ReadAccess> = parts.iter().filter_map(|part| part.read.as_ref()).collect();
    let united = FaceAccess {
        read: None,
        create: None,
        update: None,
        delete: None,
        schema: parts.iter().any(|part| part.schema),
    };
    let Some(first) = reads.first() else {
        return united;
    };
    let rule = any(reads.iter().map(|read| read.rule.clone()));
    let columns = first.cells.len();
    let cells = united_cells(&reads, &rule, columns, |_| true);
    // A parent that allows no aggregates does not lend them its cells.
    let mixed = reads.iter().any(|read| read.aggregate) && !reads.iter().all(|read| read.aggregate);
    let counted = mixed.then(|| united_cells(&reads, &rule, columns, |read| read.aggregate));
    let limit = reads
        .iter()
        .map(|read| read.limit)
        .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
        .flatten();
    let mut computed: Vec<Name> = Vec::new();
    for name in reads.iter().flat_map(|read| &read.computed) {
        let safe = reads.iter().all(|read| read.computed.contains(name))
            || reads
                .iter()
                .any(|read| read.rule == Predicate::TRUE && read.computed.contains(name));
        if safe && !computed.contains(name) {
            computed.push(name.clone());
        }
    }
    FaceAccess {
        read: Some(ReadAccess {
            rule,
            cells,
            counted,
            limit,
            aggregate: reads.iter().any(|read| read.aggregate),
            computed,
        }),
        ..united
    }
}

/// Each column's cell: visible where a part that lends its cells holds.
fn united_cells(reads: &[&ReadAccess], rule: &Predicate, columns: usize, lends: fn(&ReadAccess) -> bool) -> Vec<Cell> {
    (0..columns)
        .map(|index| {
            let conditions: Vec<Predicate> = reads
                .iter()
                .filter(|read| lends(read))
                .filter_map(|read| match read.cells.get(index)? {
                    Cell::Hidden => None,
                    Cell::Visible => Some(read.rule.clone()),
                    Cell::Where(condition) => Some(read.rule.clone().and(condition.clone())),
                })
                .collect();
            let in_each = reads
                .iter()
                .all(|read| lends(read) && read.cells.get(index) == Some(&Cell::Visible));
            if conditions.is_empty() {
                Cell::Hidden
            } else if in_each {
                Cell::Visible
            } else {
                match any(conditions) {
                    condition if condition == Predicate::TRUE || condition == *rule => Cell::Visible,
                    condition => Cell::Where(condition),
                }
            }
        })
        .collect()
}

/// Any of them, each once.
fn any(conditions: impl IntoIterator<Item = Predicate>) -> Predicate {
    let mut kept: Vec<Predicate> = Vec::new();
    for condition in conditions {
        if !kept.contains(&condition) {
            kept.push(condition);
        }
    }
    Predicate::any(kept)
}
