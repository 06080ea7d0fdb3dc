//! Relations: from foreign keys, through join tables, and as the configuration has them.
//!
//! Names are settled in rounds. In each round every relation that has none yet asks for its next choice; a name that is
//! taken, or that several ask for at once, goes to nobody. So no relation's name depends on the order of tables or keys.

mod configured;

use super::{Entry, Finding, Tables};
use crate::catalog::{ColumnId, Face, FaceId, ForeignKey, Join, Relation, TableId};
use crate::ident::Name;
use std::collections::{HashMap, HashSet};

/// Gives every face its relations.
pub(super) fn add(
    tables: &Tables<'_>,
    entries: &[Entry<'_>],
    faces: &mut [Face],
    findings: &mut Vec<Finding>,
    notices: &mut Vec<String>,
) {
    let graph = Graph::new(tables, entries, faces);
    let mut all = Vec::with_capacity(faces.len());
    for (entry, face) in entries.iter().zip(faces.iter()) {
        let mut found = graph.found(face);
        let mut relations = Vec::new();
        if let Some(settings) = entry.settings {
            relations = configured::relations(&graph, face, settings, &mut found, findings);
        }
        let fields = face.columns.iter().map(|column| &column.name);
        let fields = fields.chain(face.computed.iter().map(|field| &field.name));
        let mut taken: HashSet<String> = fields.map(|name| name.as_str().to_owned()).collect();
        taken.extend(relations.iter().map(|relation| relation.name.as_str().to_owned()));
        for origin in [Origin::Key, Origin::Referrer, Origin::Through] {
            let group: Vec<&Found> = found.iter().filter(|found| found.origin == origin).collect();
            let names = settle(&mut taken, &group, face, notices);
            relations.extend(group.into_iter().zip(names).map(|(found, name)| found.named(&name)));
        }
        all.push(relations);
    }
    for (face, relations) in faces.iter_mut().zip(all) {
        face.relations = relations;
    }
}

/// Where a relation comes from, by precedence of names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// This table's foreign key.
    Key,
    /// Another table's foreign key to this one.
    Referrer,
    /// A join table's two foreign keys.
    Through,
}

/// A relation before it has a name.
struct Found {
    origin: Origin,
    target: FaceId,
    many: bool,
    join: Join,
    column: Option<ColumnId>,
    /// What it would like to be called, best first; a missing choice sits a round out.
    choices: [Option<String>; 3],
}

impl Found {
    fn named(&self, name: &str) -> Relation {
        let (name, join) = (Name::new(name), self.join.clone());
        Relation {
            name,
            target: self.target,
            many: self.many,
            join,
            column: self.column,
        }
    }

    /// The best name.
    fn first(&self) -> &str {
        self.choices.iter().flatten().next().map_or("", String::as_str)
    }

    fn last(&self) -> &str {
        self.choices.iter().flatten().next_back().map_or("", String::as_str)
    }
}

/// Who refers to whom.
struct Graph<'a> {
    tables: &'a Tables<'a>,
    faces: &'a [Face],
    /// The own face of each table, if it is exposed.
    own: Vec<Option<FaceId>>,
    /// Each table's foreign keys, by their columns, each once.
    keys: Vec<Vec<&'a ForeignKey>>,
    /// The tables that refer to each.
    referrers: Vec<Vec<TableId>>,
}

impl<'a> Graph<'a> {
    fn new(tables: &'a Tables<'a>, entries: &[Entry<'_>], faces: &'a [Face]) -> Self {
        let count = tables.database.tables.len();
        let mut own = vec![None; count];
        for (entry, face) in entries.iter().zip(faces).filter(|(entry, _)| entry.own) {
            own[entry.table.0 as usize] = Some(face.id);
        }
        let keys: Vec<Vec<&ForeignKey>> = tables
            .database
            .tables
            .iter()
            .map(|table| keys(&table.foreign_keys))
            .collect();
        let mut referrers = vec![Vec::new(); count];
        for id in tables.ids() {
            for key in &keys[id.0 as usize] {
                let list: &mut Vec<TableId> = &mut referrers[key.table.0 as usize];
                if list.last() != Some(&id) {
                    list.push(id);
                }
            }
        }
        Self {
            tables,
            faces,
            own,
            keys,
            referrers,
        }
    }

    fn face(&self, id: FaceId) -> &'a Face {
        &self.faces[id.0 as usize]
    }

    fn own(&self, table: TableId) -> Option<&'a Face> {
        self.own[table.0 as usize].map(|id| self.face(id))
    }

    fn keys(&self, table: TableId) -> &[&'a ForeignKey] {
        &self.keys[table.0 as usize]
    }

    /// Every relation that the database knows, in an order that depends on names alone. Keys to tables without an own face
    /// are among them only if the configuration can lead them elsewhere, which [`configured`] looks up by itself.
    fn found(&self, face: &Face) -> Vec<Found> {
        let mut found: Vec<Found> = self
            .keys(face.table)
            .iter()
            .filter_map(|key| self.of_key(face, key))
            .collect();
        found.sort_by_cached_key(|found| (found.column, found.last().to_owned()));
        let mut others = Vec::new();
        for table in &self.referrers[face.table.0 as usize] {
            let Some(other) = self.own(*table) else { continue };
            let keys = self.keys(*table);
            others.extend(
                keys.iter()
                    .filter(|key| key.table == face.table)
                    .map(|key| self.of_referrer(other, key)),
            );
            others.extend(self.through(face, other));
        }
        others.sort_by_cached_key(|found| (found.last().to_owned(), found.first().to_owned()));
        found.extend(others);
        found
    }

    fn of_key(&self, face: &Face, key: &ForeignKey) -> Option<Found> {
        let target = self.own(key.table)?;
        let column = (key.columns.len() == 1).then(|| key.columns[0]);
        let stem = column.and_then(|column| stem(face.column(column).name.as_str()));
        let table = target.name.as_str();
        Some(Found {
            origin: Origin::Key,
            target: target.id,
            many: false,
            join: Join::Direct {
                columns: key.columns.clone(),
                references: key.references.clone(),
            },
            column,
            choices: [
                stem.map(str::to_owned),
                Some(table.to_owned()),
                Some(by(table, face, &key.columns)),
            ],
        })
    }

    fn of_referrer(&self, other: &Face, key: &ForeignKey) -> Found {
        let name = other.name.as_str();
        Found {
            origin: Origin::Referrer,
            target: other.id,
            many: !self.tables.get(other.table).is_unique(&key.columns),
            join: Join::Direct {
                columns: key.references.clone(),
                references: key.columns.clone(),
            },
            column: None,
            choices: [Some(name.to_owned()), Some(by(name, other, &key.columns)), None],
        }
    }

    /// The far sides of a join table: exactly two keys, which cover a key of it together and none of it alone.
    fn through(&self, face: &Face, join: &Face) -> Vec<Found> {
        let table = self.tables.get(join.table);
        let [one, two] = self.keys(join.table) else {
            return Vec::new();
        };
        let both: Vec<ColumnId> = one.columns.iter().chain(&two.columns).copied().collect();
        if !table.is_unique(&both) || table.is_unique(&one.columns) || table.is_unique(&two.columns) {
            return Vec::new();
        }
        let sides = [(one, two), (two, one)]
            .into_iter()
            .filter(|(near, _)| near.table == face.table);
        let found = sides.filter_map(|(near, far)| {
            let target = self.own(far.table)?;
            let name = format!("{}_by_{}", target.name, join.name);
            let near_name = near.columns.iter().map(|column| join.column(*column).name.as_str());
            let longest = format!("{name}_{}", near_name.collect::<Vec<_>>().join("_"));
            Some(Found {
                origin: Origin::Through,
                target: target.id,
                many: true,
                join: Join::Through {
                    face: join.id,
                    columns: near.references.clone(),
                    near: near.columns.clone(),
                    far: far.columns.clone(),
                    references: far.references.clone(),
                },
                column: None,
                choices: [Some(target.name.as_str().to_owned()), Some(name), Some(longest)],
            })
        });
        found.collect()
    }
}

/// A table's foreign keys, each once (databases let one be declared twice), by their columns.
fn keys(keys: &[ForeignKey]) -> Vec<&ForeignKey> {
    let mut keys: Vec<&ForeignKey> = keys.iter().filter(|key| !key.columns.is_empty()).collect();
    keys.sort_by_key(|key| (&key.columns, key.table, &key.references));
    keys.dedup_by_key(|key| (&key.columns, key.table, &key.references));
    keys
}

/// `author_id`, `authorId`, `authorID`: `author`.
fn stem(column: &str) -> Option<&str> {
    let stem = ["_id", "_ID", "_Id", "Id"]
        .iter()
        .find_map(|ending| column.strip_suffix(ending));
    // The D of `UUID` begins no word of its own.
    let word = || {
        column
            .strip_suffix("ID")
            .filter(|stem| !stem.ends_with(|last: char| last.is_ascii_uppercase()))
    };
    stem.or_else(word).filter(|stem| !stem.is_empty())
}

/// `post_by_author_id`
fn by(table: &str, face: &Face, columns: &[ColumnId]) -> String {
    let columns: Vec<&str> = columns
        .iter()
        .map(|column| face.column(*column).name.as_str())
        .collect();
    format!("{table}_by_{}", columns.join("_"))
}

/// Names for a group of relations. Whoever does not get the best one is told of.
fn settle(taken: &mut HashSet<String>, group: &[&Found], face: &Face, notices: &mut Vec<String>) -> Vec<String> {
    let mut names: Vec<Option<String>> = vec![None; group.len()];
    for round in 0..3 {
        let mut asked: HashMap<&str, usize> = HashMap::new();
        let open: Vec<usize> = (0..group.len()).filter(|index| names[*index].is_none()).collect();
        for index in &open {
            if let Some(choice) = &group[*index].choices[round] {
                *asked.entry(choice).or_default() += 1;
            }
        }
        for index in open {
            if let Some(choice) = &group[index].choices[round]
                && asked.get(choice.as_str()) == Some(&1)
                && taken.insert(choice.clone())
            {
                names[index] = Some(choice.clone());
            }
        }
    }
    let settled = names.into_iter().zip(group).map(|(name, found)| {
        let name = name.unwrap_or_else(|| {
            let numbered = (2..u32::MAX).map(|number| format!("{}_{number}", found.last()));
            let mut free = numbered.skip_while(|name| taken.contains(name));
            let name = free.next().unwrap_or_default();
            taken.insert(name.clone());
            name
        });
        if name != found.first() {
            let (entry, wanted) = (&face.entry, found.first());
            notices.push(format!(
                "relation {name:?} of {entry:?} could not be called {wanted:?}: the name is taken"
            ));
        }
        name
    });
    settled.collect()
}
