//! The schema of a role, made on demand: what a type holds is asked of [`Types`] by key and name and computed from the
//! catalog, the role's view and the names of the snapshot. Nothing of it is kept per role.

mod described;
mod input;
mod key;
mod mutation;
mod object;
mod root;
mod scalar;

pub(crate) use input::{Input, Operator, Slotted};
pub(crate) use key::{Key, Part, Ref, Statistic, Wrap};
pub(crate) use mutation::{Nesting, Related, Setting};
pub(crate) use object::{Field, Meaning};
pub(crate) use root::{Root, RootKind};
pub(crate) use scalar::{SPECIFIED, Scalar, ScalarKind, built_in, built_in_scalars};

use super::names::Names;
use crate::catalog::{Catalog, ColumnId, Face, FaceId, FunctionResult, Relation, RelationId, TableId};
use crate::rules::{ReadAccess, View};
use crate::value::Type;
use std::collections::HashSet;
use std::sync::OnceLock;

/// What kind of definition a type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Input,
    Enum,
    Scalar,
}

/// A value of an enum and its description.
pub(crate) type EnumValue<'a> = (&'a str, Option<&'a str>);

/// A role's schema.
#[derive(Clone, Copy)]
pub(crate) struct Types<'a> {
    /// What is exposed.
    pub catalog: &'a Catalog,
    /// What of it the role sees.
    pub view: &'a View,
    /// How it is called.
    pub names: &'a Names,
    /// What is for the backend alone is seen too.
    pub backend: bool,
    /// Which types its roots lead to, found when it is first asked for.
    pub reach: &'a OnceLock<HashSet<Key>>,
}

impl<'a> Types<'a> {
    /// The right to read a face that also has something to show.
    pub(crate) fn read(&self, face: FaceId) -> Option<&'a ReadAccess> {
        let read = self.view.read(face)?;
        let shows = self.columns(face).next().is_some()
            || self
                .catalog
                .face(face)
                .relations
                .iter()
                .any(|relation| self.view.can_follow(face, relation));
        shows.then_some(read)
    }

    /// Whether the role may aggregate a face.
    pub(crate) fn aggregates(&self, face: FaceId) -> bool {
        self.read(face).is_some_and(|read| read.aggregate)
    }

    /// The face as which the role sees the rows of a table that a function returns.
    pub(crate) fn returned_face(&self, table: TableId) -> Option<FaceId> {
        let faces = self.catalog.faces.iter().filter(|face| face.table == table);
        faces
            .map(|face| face.id)
            .find(|face| self.view.read(*face).is_some())
            .filter(|face| self.read(*face).is_some())
    }

    /// The face of a computed field that returns rows, and whether they may be several.
    pub(crate) fn computed_face(&self, face: FaceId, id: u16) -> Option<(FaceId, bool)> {
        let computed = self.face(face).computed.get(id as usize)?;
        match self.catalog.database.functions.get(computed.function)?.result {
            FunctionResult::Rows { table, many } => Some((self.returned_face(table)?, many)),
            FunctionResult::Scalar { .. } => None,
        }
    }

    /// The columns of a face that the role sees.
    pub(crate) fn columns(&self, face: FaceId) -> impl Iterator<Item = ColumnId> + use<'a> {
        let types = *self;
        let count = self.catalog.face(face).columns.len();
        (0..u16::try_from(count).unwrap_or(u16::MAX))
            .map(ColumnId)
            .filter(move |column| types.knows(face, *column))
    }

    /// A relation, if the role can follow it.
    pub(crate) fn relation(&self, face: FaceId, id: RelationId) -> Option<&'a Relation> {
        let relation = self.catalog.face(face).relations.get(id.0 as usize)?;
        if !self.view.can_follow(face, relation) {
            return None;
        }
        self.read(relation.target).map(|_| relation)
    }

    pub(crate) fn face(&self, face: FaceId) -> &'a Face {
        self.catalog.face(face)
    }

    /// The logical type of a column; of one that refers to an enum table that enum, if the role may know its values.
    pub(crate) fn data_type(&self, face: FaceId, column: ColumnId) -> &'a Type {
        let table = self.catalog.face(face).table;
        let told = |data_type: &&Type| match data_type {
            Type::Enum(id) => self
                .names
                .enum_table(*id)
                .is_none_or(|table| self.view.tells_values(self.face(table))),
            _ => true,
        };
        self.names
            .enum_column(table, column)
            .filter(told)
            .unwrap_or_else(|| &self.catalog.table(table).column(column).data_type)
    }

    /// The key of a logical type, and whether it is a list.
    pub(crate) fn scalar_of(&self, data_type: &Type) -> (Key, bool) {
        match data_type {
            Type::Array(element) => (self.scalar_of(element).0, true),
            Type::Enum(id) if self.names.enum_name(*id).is_some() => (Key::Enum(*id), false),
            other => (Key::Scalar(self.names.scalar_of(other)), false),
        }
    }

    /// The type of values of a column.
    pub(crate) fn column_type(&self, data_type: &Type, nullable: bool) -> Ref {
        let (key, list) = self.scalar_of(data_type);
        let plain = if list { key.array() } else { key.plain() };
        if nullable { plain } else { plain.non_null() }
    }

    /// The scalar behind a key.
    pub(crate) fn scalar(&self, id: u16) -> &'a Scalar {
        &self.names.scalars[id as usize]
    }

    /// The kind of a type.
    pub(crate) fn kind(&self, key: Key) -> Kind {
        match key {
            Key::Query | Key::Mutation | Key::PageInfo => Kind::Object,
            Key::FunctionArguments(_)
            | Key::Near
            | Key::Comparison(_)
            | Key::ArrayComparison(_)
            | Key::EnumComparison(_)
            | Key::EnumArrayComparison(_) => Kind::Input,
            Key::Scalar(_) => Kind::Scalar,
            Key::Enum(_) | Key::Direction => Kind::Enum,
            Key::Face(_, part) => match part {
                Part::Row
                | Part::Aggregate
                | Part::AggregateFields
                | Part::Function(_)
                | Part::Group
                | Part::GroupKey
                | Part::Connection
                | Part::Edge
                | Part::MutationResponse => Kind::Object,
                Part::SelectColumn | Part::Constraint | Part::UpdateColumn => Kind::Enum,
                _ => Kind::Input,
            },
        }
    }

    /// The values of an enum.
    pub(crate) fn enum_values(&self, key: Key) -> Vec<EnumValue<'a>> {
        match key {
            Key::Direction => [
                "asc",
                "asc_nulls_first",
                "asc_nulls_last",
                "desc",
                "desc_nulls_first",
                "desc_nulls_last",
            ]
            .map(|word| (self.names.words.direction(word), None))
            .to_vec(),
            Key::Enum(id) => match self.names.enum_table(id) {
                Some(face) => {
                    let described = self
                        .view
                        .tells_descriptions(self.face(face), self.catalog.table_of(face));
                    self.face(face)
                        .enum_values
                        .iter()
                        .map(|(value, description)| (value.as_str(), description.as_deref().filter(|_| described)))
                        .collect()
                }
                None => self.catalog.database.enums[id as usize]
                    .values
                    .iter()
                    .map(|value| (value.as_str(), None))
                    .collect(),
            },
            Key::Face(face, Part::SelectColumn) => self
                .columns(face)
                .map(|column| (self.names.column(face, column), None))
                .collect(),
            Key::Face(face, Part::Constraint) => self.constraints(face).map(|(name, _)| (name, None)).collect(),
            Key::Face(face, Part::UpdateColumn) => self
                .changeable(face)
                .map(|column| (self.names.column(face, column), None))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The description of a type.
    pub(crate) fn description(&self, key: Key) -> Option<&'a str> {
        match key {
            Key::Face(face, Part::Row) => self.catalog.table_of(face).comment.as_deref(),
            Key::Enum(id) => match self.names.enum_table(id) {
                Some(face) => self.catalog.table_of(face).comment.as_deref(),
                None => self.catalog.database.enums[id as usize].comment.as_deref(),
            },
            _ => None,
        }
    }

    /// The type of a name, if the role's schema has it.
    pub(crate) fn named(&self, name: &str) -> Option<Key> {
        self.names.key_of(name).filter(|key| self.exists(*key))
    }

    /// Whether a type is part of the role's schema: some root leads to it.
    pub(crate) fn exists(&self, key: Key) -> bool {
        self.reach.get_or_init(|| self.reachable()).contains(&key)
    }

    /// How many types the schema has.
    pub(crate) fn count(&self) -> usize {
        self.reach.get_or_init(|| self.reachable()).len()
    }

    /// Every type of the schema, in the order of their names.
    pub(crate) fn all(&self) -> Vec<(String, Key)> {
        let mut all: Vec<(String, Key)> = self
            .reach
            .get_or_init(|| self.reachable())
            .iter()
            .map(|key| (self.names.type_name(*key), *key))
            .collect();
        all.sort();
        all
    }

    fn reachable(&self) -> HashSet<Key> {
        let mut found: HashSet<Key> = (0..SPECIFIED).map(Key::Scalar).collect();
        found.insert(Key::Query);
        let mut open = vec![Key::Query];
        if !self.fields(Key::Mutation).is_empty() {
            found.insert(Key::Mutation);
            open.push(Key::Mutation);
        }
        while let Some(key) = open.pop() {
            let mut see = |key: Key| {
                if found.insert(key) {
                    open.push(key);
                }
            };
            match self.kind(key) {
                Kind::Object => {
                    for field in self.fields(key) {
                        see(field.ty.key);
                        for argument in self.arguments(field.meaning) {
                            see(argument.ty.key);
                        }
                    }
                }
                Kind::Input => self.inputs(key).into_iter().for_each(|input| see(input.ty.key)),
                Kind::Enum | Kind::Scalar => {}
            }
        }
        found.shrink_to_fit();
        found
    }
}

impl Types<'_> {
    /// Whether a type is one of the specification's own scalars.
    pub(crate) fn is_specified(&self, key: Key) -> bool {
        matches!(key, Key::Scalar(id) if id < SPECIFIED)
    }

    /// Whether an input type can have fields that must be given.
    pub(crate) fn may_require(&self, key: Key) -> bool {
        matches!(
            key,
            Key::Near
                | Key::FunctionArguments(_)
                | Key::Face(
                    _,
                    Part::AggregateBoolExpCount | Part::ComputedArguments(_) | Part::KeyInput | Part::Updates
                )
        )
    }
}
