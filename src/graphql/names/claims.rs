//! Who has a name where two want it: whoever is really called so, before whoever had to be forced into GraphQL's alphabet.

use super::{FaceNames, Member};
use crate::catalog::{Catalog, ColumnId, Face, RelationId, Table};
use crate::config::Naming;
use crate::graphql::types::{Part, Root, RootKind};
use crate::graphql::words::{Words, valid};
use std::collections::{HashMap, HashSet};

/// Takes names; a taken one gets the next free number.
#[derive(Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    pub(super) fn take(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut number = 2;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

/// The first base of which every derived type name is free.
fn free_base(types: &mut Taken, wanted: &str, suffixes: &[(Part, Box<str>)]) -> Box<str> {
    let mut base = wanted.to_owned();
    let mut number = 2;
    while suffixes
        .iter()
        .any(|(_, suffix)| types.0.contains(&format!("{base}{suffix}")))
    {
        base = format!("{wanted}_{number}");
        number += 1;
    }
    for (_, suffix) in suffixes {
        types.0.insert(format!("{base}{suffix}"));
    }
    base.into()
}

/// The bases of all tables' types. Tables whose names can stay have them before any forced name.
pub(super) fn bases(
    types: &mut Taken,
    catalog: &Catalog,
    words: Words,
    suffixes: &[(Part, Box<str>)],
) -> Vec<Box<str>> {
    let mut found = vec![Box::default(); catalog.faces.len()];
    let mut order: Vec<(usize, String)> = (0..)
        .zip(&catalog.faces)
        .map(|(index, face)| (index, words.type_base(face.name.as_str())))
        .collect();
    order.sort_by_key(|(index, wanted)| (*wanted != *catalog.faces[*index].name.as_str(), *index));
    for (index, wanted) in order {
        found[index] = free_base(types, &wanted, suffixes);
    }
    found
}

/// Who comes first where two want the name of a root: names that the operator gave, names of tables and functions as they
/// are, what is derived of those, and last what had to be forced into GraphQL's alphabet. So a forced name never takes
/// that of a table which is really called so, whichever of the two the database lists first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Configured,
    Own,
    Derived,
    Forced,
    DerivedOfForced,
}

pub(super) type RootNames = (Vec<[Box<str>; 12]>, Vec<[Box<str>; 2]>);

/// The names of all roots: twelve of each face, two of each function. Roots of queries and of mutations do not meet.
pub(super) fn claim_roots(
    catalog: &Catalog,
    words: Words,
    [roots, mutations]: [&mut HashMap<Box<str>, Root>; 2],
    renames: &mut Vec<String>,
) -> RootNames {
    let claim = |own: bool, plain: bool| match (own, plain) {
        (true, true) => Claim::Own,
        (true, false) => Claim::Derived,
        (false, true) => Claim::Forced,
        (false, false) => Claim::DerivedOfForced,
    };
    let mut claims = Vec::new();
    for face in &catalog.faces {
        let member = words.member(face.name.as_str());
        let own = member == *face.name.as_str();
        for kind in RootKind::ALL {
            let (rank, wanted) = match face.roots.0.get(kind.setting()) {
                Some(configured) => (Claim::Configured, valid(configured)),
                None => {
                    let whole = match kind.prefix() {
                        "" => member.clone(),
                        prefix => words.join(prefix, &member),
                    };
                    (claim(own, kind == RootKind::Select), words.join(&whole, kind.suffix()))
                }
            };
            claims.push((rank, wanted, Root::Face(face.id, kind), "table", face.name.as_str()));
        }
    }
    for function in &catalog.functions {
        let member = words.member(function.name.as_str());
        let own = member == *function.name.as_str();
        let (id, name) = (function.id, function.name.as_str());
        let aggregate = words.join(&member, "aggregate");
        claims.push((claim(own, true), member, Root::Function(id), "function", name));
        claims.push((
            claim(own, false),
            aggregate,
            Root::FunctionAggregate(id),
            "function",
            name,
        ));
    }
    claims.sort_by_key(|(rank, ..)| *rank);
    let (mut taken, mut taken_by_mutations) = (Taken::default(), Taken::default());
    let mut faces: Vec<[Box<str>; 12]> = vec![Default::default(); catalog.faces.len()];
    let mut functions: Vec<[Box<str>; 2]> = vec![Default::default(); catalog.functions.len()];
    for (_, wanted, root, what, of) in claims {
        let writes = match root {
            Root::Face(_, kind) => kind.writes(),
            Root::Function(id) | Root::FunctionAggregate(id) => catalog.functions[id.0 as usize].writes(catalog),
        };
        let taken = if writes { &mut taken_by_mutations } else { &mut taken };
        let name = taken.take(wanted.clone());
        if name != wanted {
            renames.push(format!(
                "GraphQL: the root {wanted:?} of {what} {of:?} is called {name:?}, because the name is taken"
            ));
        }
        let name = Box::<str>::from(name);
        let roots = if writes { &mut *mutations } else { &mut *roots };
        roots.insert(name.clone(), root);
        match root {
            Root::Face(face, kind) => {
                let index = RootKind::ALL.iter().position(|own| *own == kind).unwrap_or(0);
                faces[face.0 as usize][index] = name;
            }
            Root::Function(id) => functions[id.0 as usize][0] = name,
            Root::FunctionAggregate(id) => functions[id.0 as usize][1] = name,
        }
    }
    (faces, functions)
}

pub(super) fn face_names(
    face: &Face,
    table: &Table,
    base: Box<str>,
    roots: [Box<str>; 12],
    words: Words,
    renames: &mut Vec<String>,
) -> FaceNames {
    let columns = (0u16..)
        .zip(&face.columns)
        .map(|(id, column)| (column.name.to_string(), Member::Column(ColumnId(id)), "column"));
    let relations = (0u16..)
        .zip(&face.relations)
        .map(|(id, relation)| (relation.name.to_string(), Member::Relation(RelationId(id)), "relation"));
    let computed = (0u16..)
        .zip(&face.computed)
        .map(|(id, entry)| (entry.name.to_string(), Member::Computed(id), "computed field"));
    let aggregates = (0u16..).zip(&face.relations).filter(|(_, relation)| relation.many);
    let aggregates = aggregates.map(|(id, relation)| {
        let name = format!("{}_aggregate", relation.name);
        (name, Member::RelationAggregate(RelationId(id)), "aggregate")
    });
    let mut claims: Vec<_> = columns.chain(relations).chain(computed).chain(aggregates).collect();
    // As with roots: whoever can keep a name has it before whoever is forced to it.
    claims.sort_by_key(|(text, ..)| words.member(text) != *text);
    let mut names = FaceNames {
        base,
        roots,
        columns: vec![Box::default(); face.columns.len()],
        relations: vec![Box::default(); face.relations.len()],
        aggregates: vec![Box::default(); face.relations.len()],
        computed: vec![Box::default(); face.computed.len()],
        members: HashMap::new(),
        constraints: constraints(table),
    };
    let mut taken = Taken::default();
    for word in ["_and", "_or", "_not"] {
        taken.take(word.to_owned());
    }
    for (text, member, what) in claims {
        let name = taken.take(words.member(&text));
        let plain = match words.0 {
            Naming::Snake => name == text,
            Naming::Camel => name == words.member(&text),
        };
        if !plain {
            renames.push(format!(
                "GraphQL: {what} {text:?} of table {:?} is called {name:?}",
                face.name.as_str()
            ));
        }
        let name = Box::<str>::from(name);
        names.members.insert(name.clone(), member);
        match member {
            Member::Column(id) => names.columns[id.0 as usize] = name,
            Member::Relation(id) => names.relations[id.0 as usize] = name,
            Member::RelationAggregate(id) => names.aggregates[id.0 as usize] = name,
            Member::Computed(id) => names.computed[id as usize] = name,
        }
    }
    names
}

/// The keys of a table by the names of their constraints. What the database has no name for, or one that it made itself
/// (SQLite), is called as PostgreSQL would call it.
fn constraints(table: &Table) -> Vec<(Box<str>, Vec<ColumnId>)> {
    let mut taken = Taken::default();
    let mut found = Vec::new();
    let mut add = |name: Option<&str>, columns: &[ColumnId], suffix: &str| {
        let derived = || {
            let own = table.name.as_str();
            match suffix {
                "pkey" => format!("{own}_pkey"),
                suffix => {
                    let names: Vec<&str> = columns.iter().map(|id| table.column(*id).name.as_str()).collect();
                    format!("{own}_{}_{suffix}", names.join("_"))
                }
            }
        };
        let name = name.filter(|name| !name.starts_with("sqlite_autoindex_"));
        let name = taken.take(valid(&name.map_or_else(derived, str::to_owned)));
        found.push((name.into(), columns.to_vec()));
    };
    if !table.primary_key.is_empty() {
        let name = table.primary_key_name.as_ref().map(|name| name.as_str());
        add(name, &table.primary_key, "pkey");
    }
    for unique in &table.uniques {
        add(Some(unique.name.as_str()), &unique.columns, "key");
    }
    found
}
