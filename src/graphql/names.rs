//! From the catalog's names to GraphQL's: per snapshot, the same for every role. A role is shown only those of things
//! that it sees.

mod claims;
mod enums;

use super::types::{Key, Part, Root, RootKind, Scalar, built_in_scalars};
use super::words::{Words, is_enum_value, valid};
use crate::catalog::{Catalog, ColumnId, FaceId, FunctionId, FunctionResult, RelationId, TableId};
use crate::config::Naming;
use crate::value::Type;
use claims::{Taken, bases, claim_roots, face_names};
use std::collections::HashMap;

/// What a field of a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Column(ColumnId),
    Relation(RelationId),
    RelationAggregate(RelationId),
    Computed(u16),
}

/// The GraphQL names of a snapshot.
#[derive(Debug)]
pub(crate) struct Names {
    /// Fixed words.
    pub words: Words,
    /// Scalars; a [`Key::Scalar`] is an index here.
    pub scalars: Vec<Scalar>,
    /// What could not keep its name, one line each.
    pub renames: Vec<String>,
    faces: Vec<FaceNames>,
    enums: Vec<Option<Box<str>>>,
    enum_tables: enums::EnumTables,
    functions: Vec<FunctionNames>,
    roots: HashMap<Box<str>, Root>,
    mutations: HashMap<Box<str>, Root>,
    bases: HashMap<Box<str>, FaceId>,
    fixed: HashMap<Box<str>, Key>,
    fixed_names: HashMap<Key, Box<str>>,
    suffixes: Vec<(Part, Box<str>)>,
}

#[derive(Debug)]
struct FaceNames {
    base: Box<str>,
    roots: [Box<str>; 12],
    columns: Vec<Box<str>>,
    relations: Vec<Box<str>>,
    aggregates: Vec<Box<str>>,
    computed: Vec<Box<str>>,
    members: HashMap<Box<str>, Member>,
    /// Keys that can be in the way of new rows.
    constraints: Vec<(Box<str>, Vec<ColumnId>)>,
}

#[derive(Debug)]
struct FunctionNames {
    root: Box<str>,
    aggregate: Box<str>,
    face: Option<FaceId>,
}

/// The types that every schema may have.
const QUERY: &str = "query_root";
const MUTATION: &str = "mutation_root";
const RESERVED: [&str; 3] = ["subscription_root", "Query", "Subscription"];

impl Names {
    /// Names everything of a catalog. Depends on nothing else, so that names are stable.
    pub(crate) fn new(catalog: &Catalog, naming: Naming) -> Self {
        let words = Words(naming);
        let mut renames = Vec::new();
        let mut scalars = built_in_scalars();
        let mut fixed: HashMap<Box<str>, Key> = HashMap::new();
        let mut types = Taken::default();
        for name in RESERVED {
            types.take(name.to_owned());
        }
        for table in &catalog.database.tables {
            for column in &table.columns {
                add_other(&mut scalars, &column.data_type);
            }
        }
        for function in &catalog.database.functions {
            for argument in function.arguments.iter().filter(|argument| argument.row_of.is_none()) {
                add_other(&mut scalars, &argument.data_type);
            }
            if let FunctionResult::Scalar { data_type, .. } = &function.result {
                add_other(&mut scalars, data_type);
            }
        }
        let mut fix = |types: &mut Taken, name: String, key: Key| {
            let name = types.take(name);
            fixed.insert(name.clone().into(), key);
            name
        };
        fix(&mut types, QUERY.into(), Key::Query);
        fix(&mut types, MUTATION.into(), Key::Mutation);
        fix(&mut types, "PageInfo".into(), Key::PageInfo);
        fix(&mut types, words_type(words, "order_by"), Key::Direction);
        fix(&mut types, words_type(words, "st_d_within_input"), Key::Near);
        let built_in = super::types::built_in_scalars().len();
        fix_scalars(&mut scalars[..built_in], 0, words, &mut |name, key| {
            fix(&mut types, name, key)
        });
        let suffixes: Vec<(Part, Box<str>)> = Part::all()
            .into_iter()
            .map(|(part, suffix)| (part, words.join("", &suffix).into()))
            .collect();
        let bases_of = bases(&mut types, catalog, words, &suffixes);
        let (mut roots, mut mutations) = (HashMap::new(), HashMap::new());
        let (face_roots, function_roots) = claim_roots(catalog, words, [&mut roots, &mut mutations], &mut renames);
        let mut bases = HashMap::new();
        let mut faces = Vec::with_capacity(catalog.faces.len());
        for ((face, base), face_roots) in catalog.faces.iter().zip(bases_of).zip(face_roots) {
            let changed = naming == Naming::Snake && &*base != face.name.as_str();
            if changed {
                renames.push(format!("GraphQL: table {:?} has the type {base:?}", face.name.as_str()));
            }
            bases.insert(base.clone(), face.id);
            let table = catalog.table(face.table);
            faces.push(face_names(face, table, base, face_roots, words, &mut renames));
            for (computed, entry) in (0u16..).zip(&face.computed) {
                let name = words.join(&words.type_base(entry.name.as_str()), &format!("{}_args", face.name));
                fix(
                    &mut types,
                    valid(&name),
                    Key::Face(face.id, Part::ComputedArguments(computed)),
                );
            }
        }
        // Types that only the database knows come after the tables: a composite type has its table's name.
        let first = u16::try_from(built_in).unwrap_or(u16::MAX);
        fix_scalars(&mut scalars[built_in..], first, words, &mut |name, key| {
            fix(&mut types, name, key)
        });
        let mut enums: Vec<Option<Box<str>>> = (0u32..)
            .zip(&catalog.database.enums)
            .map(|(id, entry)| {
                if entry.values.is_empty() || !entry.values.iter().all(|value| is_enum_value(value)) {
                    return None;
                }
                let plain = if entry.database_type.is_some() {
                    entry.name.rsplit('.').next().unwrap_or(&entry.name).to_owned()
                } else {
                    entry.name.replace('.', "_")
                };
                let name = fix(&mut types, words.type_base(plain.trim_matches('"')), Key::Enum(id));
                fix(&mut types, words.join(&name, "comparison_exp"), Key::EnumComparison(id));
                fix(
                    &mut types,
                    words.join(&name, "array_comparison_exp"),
                    Key::EnumArrayComparison(id),
                );
                Some(name.into())
            })
            .collect();
        let enum_tables = enums::EnumTables::new(catalog, &mut renames);
        for (id, face) in enum_tables.iter() {
            let base = &faces[face.0 as usize].base;
            let name = fix(&mut types, words.join(base, "enum"), Key::Enum(id));
            fix(&mut types, words.join(&name, "comparison_exp"), Key::EnumComparison(id));
            enums.push(Some(name.into()));
        }
        let functions = catalog
            .functions
            .iter()
            .zip(function_roots)
            .map(|(function, [root, aggregate])| {
                fix(
                    &mut types,
                    words.join(&words.type_base(function.name.as_str()), "args"),
                    Key::FunctionArguments(function.id),
                );
                FunctionNames {
                    root,
                    aggregate,
                    face: function
                        .table
                        .and_then(|table| catalog.faces.iter().find(|face| face.table == table))
                        .map(|face| face.id),
                }
            });
        let functions = functions.collect();
        let fixed_names = fixed.iter().map(|(name, key)| (*key, name.clone())).collect();
        Self {
            words,
            scalars,
            renames,
            faces,
            enums,
            enum_tables,
            functions,
            roots,
            mutations,
            bases,
            fixed,
            fixed_names,
            suffixes,
        }
    }

    /// The name of a type.
    pub(crate) fn type_name(&self, key: Key) -> String {
        match key {
            Key::Face(face, part) if !matches!(part, Part::ComputedArguments(_)) => {
                let base = &self.faces[face.0 as usize].base;
                let suffix = self
                    .suffixes
                    .iter()
                    .find(|(own, _)| *own == part)
                    .map_or("", |(_, suffix)| suffix);
                format!("{base}{suffix}")
            }
            Key::Scalar(id) => self.scalars[id as usize].name.clone(),
            other => self
                .fixed_names
                .get(&other)
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }

    /// The type of a name, whether or not a role sees it.
    pub(crate) fn key_of(&self, name: &str) -> Option<Key> {
        if let Some(key) = self.fixed.get(name) {
            return Some(*key);
        }
        self.suffixes.iter().find_map(|(part, suffix)| {
            let face = self.bases.get(name.strip_suffix(&**suffix)?)?;
            Some(Key::Face(*face, *part))
        })
    }

    /// The root of a name, whether or not a role sees it.
    pub(crate) fn root(&self, name: &str) -> Option<Root> {
        self.roots.get(name).copied()
    }

    /// The root of mutations of a name, whether or not a role sees it.
    pub(crate) fn mutation(&self, name: &str) -> Option<Root> {
        self.mutations.get(name).copied()
    }

    /// The keys of a face that can be in the way of new rows, by their constraints' names.
    pub(crate) fn constraints(&self, face: FaceId) -> &[(Box<str>, Vec<ColumnId>)] {
        &self.faces[face.0 as usize].constraints
    }

    /// The name of a root.
    pub(crate) fn root_name(&self, root: Root) -> &str {
        match root {
            Root::Face(face, kind) => {
                let index = RootKind::ALL.iter().position(|own| *own == kind).unwrap_or(0);
                &self.faces[face.0 as usize].roots[index]
            }
            Root::Function(id) => &self.functions[id.0 as usize].root,
            Root::FunctionAggregate(id) => &self.functions[id.0 as usize].aggregate,
        }
    }

    /// What a field of a face's row stands for.
    pub(crate) fn member(&self, face: FaceId, name: &str) -> Option<Member> {
        self.faces[face.0 as usize].members.get(name).copied()
    }

    /// The name of a column.
    pub(crate) fn column(&self, face: FaceId, column: ColumnId) -> &str {
        &self.faces[face.0 as usize].columns[column.0 as usize]
    }

    /// The name of a relation.
    pub(crate) fn relation(&self, face: FaceId, relation: RelationId) -> &str {
        &self.faces[face.0 as usize].relations[relation.0 as usize]
    }

    /// The name of a relation's aggregate.
    pub(crate) fn relation_aggregate(&self, face: FaceId, relation: RelationId) -> &str {
        &self.faces[face.0 as usize].aggregates[relation.0 as usize]
    }

    /// The name of a computed field.
    pub(crate) fn computed(&self, face: FaceId, computed: u16) -> &str {
        &self.faces[face.0 as usize].computed[computed as usize]
    }

    /// The name of an enum; `None` where its values are no GraphQL names, so that it is a `String`.
    pub(crate) fn enum_name(&self, id: u32) -> Option<&str> {
        self.enums.get(id as usize)?.as_deref()
    }

    /// The enum table of an enum; `None` for an enum of the database.
    pub(crate) fn enum_table(&self, id: u32) -> Option<FaceId> {
        self.enum_tables.face(id)
    }

    /// The enum of a column that refers to an enum table.
    pub(crate) fn enum_column(&self, table: TableId, column: ColumnId) -> Option<&Type> {
        self.enum_tables.column(table, column)
    }

    /// The face whose rows a function returns.
    pub(crate) fn function_face(&self, id: FunctionId) -> Option<FaceId> {
        self.functions.get(id.0 as usize)?.face
    }

    /// The scalar of a logical type.
    pub(crate) fn scalar_of(&self, data_type: &Type) -> u16 {
        super::types::built_in(data_type).unwrap_or_else(|| {
            let Type::Other(name) = data_type else { return 3 };
            let index = self
                .scalars
                .iter()
                .position(|scalar| scalar.source.as_deref() == Some(name));
            index.and_then(|index| u16::try_from(index).ok()).unwrap_or(3)
        })
    }
}

/// The name of a fixed type.
fn words_type(words: Words, snake: &str) -> String {
    match words.0 {
        Naming::Snake => snake.to_owned(),
        Naming::Camel => words.type_base(snake),
    }
}

fn fix_scalars(scalars: &mut [Scalar], first: u16, words: Words, fix: &mut dyn FnMut(String, Key) -> String) {
    for (id, scalar) in (first..).zip(scalars.iter_mut()) {
        scalar.name = fix(scalar.name.clone(), Key::Scalar(id));
    }
    for (id, scalar) in (first..).zip(scalars.iter()) {
        fix(words.join(&scalar.name, "comparison_exp"), Key::Comparison(id));
        fix(
            words.join(&scalar.name, "array_comparison_exp"),
            Key::ArrayComparison(id),
        );
    }
}

fn add_other(scalars: &mut Vec<Scalar>, data_type: &Type) {
    match data_type {
        Type::Array(element) => add_other(scalars, element),
        Type::Other(name) if !scalars.iter().any(|scalar| scalar.source.as_deref() == Some(name)) => {
            scalars.push(Scalar::other(valid(name), name));
        }
        _ => {}
    }
}
