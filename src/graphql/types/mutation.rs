//! What a role may write: roots of mutations, and the types of what they take.

use super::{Field, Input, Key, Meaning, Part, Ref, Root, RootKind, Slotted, Types, described};
use crate::catalog::{ColumnId, FaceId, Join, Relation, RelationId, Table, TableId};
use crate::error::Verbs;
use crate::request::Function;
use crate::rules::{CreateAccess, UpdateAccess};
use crate::value::Type;

/// How columns get new values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Setting {
    Append,
    DeletePath,
    DeleteElement,
    DeleteKey,
    Increment,
    Prepend,
    Set,
}

impl Setting {
    pub(crate) const ALL: [Self; 7] = [
        Self::Append,
        Self::DeletePath,
        Self::DeleteElement,
        Self::DeleteKey,
        Self::Increment,
        Self::Prepend,
        Self::Set,
    ];

    /// Its argument, in snake case.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Append => "_append",
            Self::DeletePath => "_delete_at_path",
            Self::DeleteElement => "_delete_elem",
            Self::DeleteKey => "_delete_key",
            Self::Increment => "_inc",
            Self::Prepend => "_prepend",
            Self::Set => "_set",
        }
    }

    /// What follows the face's name in its type, in snake case.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Append => "append_input",
            Self::DeletePath => "delete_at_path_input",
            Self::DeleteElement => "delete_elem_input",
            Self::DeleteKey => "delete_key_input",
            Self::Increment => "inc_input",
            Self::Prepend => "prepend_input",
            Self::Set => "set_input",
        }
    }

    /// The request's function; `None` where the value takes the place of the old one.
    pub(crate) fn function(self) -> Option<Function> {
        Some(match self {
            Self::Set => return None,
            Self::Increment => Function::Add,
            Self::Append => Function::JsonAppend,
            Self::Prepend => Function::JsonPrepend,
            Self::DeleteKey => Function::JsonDeleteKey,
            Self::DeleteElement => Function::JsonDeleteElement,
            Self::DeletePath => Function::JsonDeletePath,
        })
    }

    fn takes(self, data_type: &Type) -> bool {
        match self {
            Self::Set => true,
            Self::Increment => data_type.is_number(),
            _ => data_type.is_json(),
        }
    }
}

/// What can happen to the rows at a relation's end, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Related {
    /// Related rows no longer are.
    Disconnect,
    /// Related rows go.
    Delete,
    /// Related rows are changed.
    Update,
    /// Rows that stand become related ones.
    Connect,
    /// New ones.
    Insert,
    /// New ones, or those that stand are changed.
    Upsert,
}

impl Related {
    const ALL: [Self; 6] = [
        Self::Insert,
        Self::Upsert,
        Self::Connect,
        Self::Disconnect,
        Self::Update,
        Self::Delete,
    ];
}

/// Where the row at a relation's end is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// Before this one, which refers to it.
    Before,
    /// After this one, to which it refers.
    After,
    /// After this one, and a row of the join table after both.
    Through,
}

impl<'a> Types<'a> {
    /// The right to create rows of a face.
    pub(crate) fn create(&self, face: FaceId) -> Option<&'a CreateAccess> {
        let create = self.view.face(face)?.create.as_ref()?;
        (self.takes(face).insert && (!create.backend_only || self.backend)).then_some(create)
    }

    /// The right to change rows of a face.
    pub(crate) fn update(&self, face: FaceId) -> Option<&'a UpdateAccess> {
        let update = self.view.face(face)?.update.as_ref()?;
        (self.takes(face).update && (!update.backend_only || self.backend)).then_some(update)
    }

    fn deletes(&self, face: FaceId) -> bool {
        let access = self.view.face(face);
        self.takes(face).delete && access.is_some_and(|access| access.delete.is_some())
    }

    /// What the database takes through a face.
    fn takes(&self, face: FaceId) -> Verbs {
        if self.catalog.database.read_only {
            return Verbs::NONE;
        }
        self.catalog.table_of(face).writable
    }

    /// Whether the role knows what is in a column: it reads it, or it writes rows that it cannot read, whose keys it is told.
    pub(crate) fn knows(&self, face: FaceId, column: ColumnId) -> bool {
        match self.view.read(face) {
            Some(_) => self.view.can_read(face, column),
            None => {
                self.face(face).key.contains(&column)
                    && (self.create(face).is_some() || self.update(face).is_some() || self.deletes(face))
            }
        }
    }

    /// Whether anything of a face's rows can be shown.
    pub(crate) fn shows(&self, face: FaceId) -> bool {
        self.read(face).is_some() || self.columns(face).next().is_some()
    }

    /// The columns of which new rows can have values from the role.
    pub(crate) fn sendable(&self, face: FaceId) -> impl Iterator<Item = ColumnId> + use<'a> {
        allowed(self.create(face).map(|create| &*create.columns))
    }

    /// The columns that the role can change.
    pub(crate) fn changeable(&self, face: FaceId) -> impl Iterator<Item = ColumnId> + use<'a> {
        allowed(self.update(face).map(|update| &*update.columns))
    }

    /// The keys that can be in the way of new rows, as far as the role knows their columns.
    pub(crate) fn constraints(&self, face: FaceId) -> impl Iterator<Item = (&'a str, &'a [ColumnId])> + use<'a> {
        let types = *self;
        let known = move |column: &ColumnId| {
            types.knows(face, *column) || types.sendable(face).any(|sendable| sendable == *column)
        };
        let all = self.names.constraints(face).iter();
        all.filter(move |(_, columns)| columns.iter().all(known))
            .map(|(name, columns)| (&**name, columns.as_slice()))
    }

    /// A relation that the role can follow, and where the rows at its end are written.
    pub(crate) fn nesting(&self, face: FaceId, id: RelationId) -> Option<(&'a Relation, Nesting)> {
        let relation = self.relation(face, id)?;
        let nesting = match &relation.join {
            Join::Through { .. } => Nesting::Through,
            Join::Direct { columns, references }
                if !relation.many && self.refers(face, relation, columns, references) =>
            {
                Nesting::Before
            }
            Join::Direct { .. } => Nesting::After,
        };
        Some((relation, nesting))
    }

    /// Whether something can happen to the rows at a relation's end together with a row of the face: a new one, or one that
    /// is changed.
    pub(crate) fn may(&self, face: FaceId, id: RelationId, related: Related, new: bool) -> bool {
        let Some((relation, nesting)) = self.nesting(face, id) else {
            return false;
        };
        let target = relation.target;
        let all = |of: Option<&[bool]>, columns: &[ColumnId]| {
            let may = |column: &ColumnId| of.is_some_and(|of| of.get(column.0 as usize) == Some(&true));
            columns.iter().all(may)
        };
        let created = |face| self.create(face).map(|create| &*create.columns);
        let updated = |face| self.update(face).map(|update| &*update.columns);
        let nullable = |face: FaceId, columns: &[ColumnId]| {
            let table = self.catalog.table_of(face);
            columns.iter().all(|column| table.takes_null(*column))
        };
        let linked = match &relation.join {
            Join::Through { face, near, far, .. } => all(created(*face), near) && all(created(*face), far),
            Join::Direct { columns, .. } if nesting == Nesting::Before => {
                all(if new { created(face) } else { updated(face) }, columns)
            }
            Join::Direct { references, .. } if related == Related::Connect => all(updated(target), references),
            Join::Direct { references, .. } => all(created(target), references),
        };
        let unlinked = match &relation.join {
            Join::Through { face, .. } => self.deletes(*face) && self.far_side(relation).is_some(),
            Join::Direct { columns, .. } if nesting == Nesting::Before => {
                all(updated(face), columns) && nullable(face, columns)
            }
            Join::Direct { references, .. } => all(updated(target), references) && nullable(target, references),
        };
        match related {
            Related::Insert => linked && self.sendable(target).next().is_some(),
            Related::Upsert => {
                linked
                    && self.sendable(target).next().is_some()
                    && self.constraints(target).next().is_some()
                    && self.changeable(target).next().is_some()
            }
            Related::Connect => linked,
            Related::Disconnect => !new && unlinked,
            Related::Update => {
                let found = nesting != Nesting::Through || self.far_side(relation).is_some();
                !new && found && self.changeable(target).next().is_some()
            }
            Related::Delete => !new && self.deletes(target) && (nesting == Nesting::After || unlinked),
        }
    }

    /// Of a relation through a join table: the one that leads on from there.
    pub(crate) fn far_side(&self, relation: &Relation) -> Option<&'a Relation> {
        let Join::Through { face, far, .. } = &relation.join else {
            return None;
        };
        let ids = (0u16..).zip(&self.face(*face).relations).map(|(id, _)| RelationId(id));
        ids.filter_map(|id| self.relation(*face, id)).find(|own| {
            let leads = matches!(&own.join, Join::Direct { columns, .. } if columns == far);
            leads && !own.many && own.target == relation.target
        })
    }

    /// Whether it is the face's own row that refers to the one at the relation's end.
    pub(crate) fn refers(
        &self,
        face: FaceId,
        relation: &Relation,
        columns: &[ColumnId],
        references: &[ColumnId],
    ) -> bool {
        let (own, other) = (self.face(face).table, self.face(relation.target).table);
        let target = self.catalog.table(other);
        has_key(self.catalog.table(own), columns, other)
            || !has_key(target, references, own) && target.is_unique(references)
    }

    /// The roots of mutations.
    pub(super) fn written_fields(&self) -> Vec<Field<'a>> {
        let faces = self.catalog.faces.iter();
        faces
            .flat_map(|face| RootKind::ALL.map(|kind| Root::Face(face.id, kind)))
            .chain(self.view.functions.iter().map(|id| Root::Function(*id)))
            .filter_map(|root| self.written_field(root))
            .collect()
    }

    pub(super) fn written_field(&self, root: Root) -> Option<Field<'a>> {
        let (id, kind) = match root {
            Root::Face(id, kind) => (id, kind),
            Root::Function(id) => {
                let writes = self.catalog.functions.get(id.0 as usize)?.writes(self.catalog);
                return if writes { self.function_field(root, id) } else { None };
            }
            Root::FunctionAggregate(_) => return None,
        };
        let response = Key::Face(id, Part::MutationResponse);
        let row = || self.shows(id).then(|| Key::Face(id, Part::Row).plain());
        let by_key = || {
            let key = &self.face(id).key;
            let whole = !key.is_empty() && key.iter().all(|column| self.knows(id, *column));
            whole.then(row).flatten()
        };
        let inserts = || self.sendable(id).next().is_some();
        let ty = match kind {
            RootKind::Insert => inserts().then(|| response.plain())?,
            RootKind::InsertOne => inserts().then(row)??,
            RootKind::Update => self.update(id).map(|_| response.plain())?,
            RootKind::UpdateByKey => self.update(id).and_then(|_| by_key())?,
            RootKind::UpdateMany => self.update(id).map(|_| response.list())?,
            RootKind::Delete => self.deletes(id).then(|| response.plain())?,
            RootKind::DeleteByKey => self.deletes(id).then(by_key)??,
            _ => return None,
        };
        Some(Field {
            name: self.names.root_name(root),
            ty,
            meaning: Meaning::Root(root),
            description: described::root(kind),
        })
    }

    /// The arguments of a root of mutations.
    pub(super) fn written_arguments(&self, face: FaceId, kind: RootKind) -> Vec<Input<'a>> {
        let of = |part: Part| Key::Face(face, part);
        let mut inputs = Vec::new();
        match kind {
            RootKind::Insert => {
                let rows = of(Part::InsertInput).required_list();
                inputs.push(input("objects", rows, "The new rows."));
            }
            RootKind::InsertOne => {
                inputs.push(input("object", of(Part::InsertInput).required(), "The new row."));
            }
            RootKind::Update => {
                inputs = self.settings(face);
                inputs.push(input("where", of(Part::BoolExp).required(), described::WHERE));
            }
            RootKind::UpdateByKey => {
                inputs = self.settings(face);
                inputs.push(input(
                    self.names.words.field("pk_columns"),
                    of(Part::KeyInput).required(),
                    "The key of the row.",
                ));
            }
            RootKind::UpdateMany => {
                let updates = of(Part::Updates).required_list();
                inputs.push(input("updates", updates, "The changes, in order."));
            }
            RootKind::Delete => inputs.push(input("where", of(Part::BoolExp).required(), described::WHERE)),
            RootKind::DeleteByKey => return self.key_inputs(face),
            _ => {}
        }
        if matches!(kind, RootKind::Insert | RootKind::InsertOne) {
            inputs.extend(self.on_conflict(face));
        }
        inputs
    }

    /// `on_conflict`, where there is a key that could be in the way.
    fn on_conflict(&self, face: FaceId) -> Option<Input<'a>> {
        self.constraints(face).next()?;
        let word = self.names.words.field("on_conflict");
        let description = "What happens where a row of the same key stands; without it that is an error.";
        Some(input(word, Key::Face(face, Part::OnConflict).plain(), description))
    }

    /// `_set` and its like, where some column takes them.
    fn settings(&self, face: FaceId) -> Vec<Input<'a>> {
        let with = Setting::ALL
            .into_iter()
            .filter(|setting| !self.settable(face, *setting).is_empty());
        with.map(|setting| Input {
            stands: Slotted::Setting(setting),
            ..input(
                self.names.words.field(setting.word()),
                Key::Face(face, Part::Setting(setting)).plain(),
                described::setting(setting),
            )
        })
        .collect()
    }

    /// One input for each column of the key.
    pub(super) fn key_inputs(&self, face: FaceId) -> Vec<Input<'a>> {
        let key = self.face(face).key.iter();
        key.map(|column| self.column_input(face, *column, self.column_type(self.data_type(face, *column), false)))
            .collect()
    }

    fn column_input(&self, face: FaceId, column: ColumnId, ty: Ref) -> Input<'a> {
        Input {
            name: self.names.column(face, column),
            ty,
            stands: Slotted::Column(column),
            description: self.catalog.table_of(face).column(column).comment.as_deref(),
        }
    }

    /// The fields of `_set` and its like.
    fn settable(&self, face: FaceId, setting: Setting) -> Vec<Input<'a>> {
        let scalar = |data_type: &Type| Key::Scalar(self.names.scalar_of(data_type));
        // What is made of the old value is for those who may know that.
        let fits = |column: &ColumnId| {
            setting.takes(self.data_type(face, *column)) && (setting == Setting::Set || self.knows(face, *column))
        };
        let columns = self.changeable(face).filter(fits);
        columns
            .map(|column| {
                let ty = match setting {
                    Setting::DeleteKey => scalar(&Type::TEXT).plain(),
                    Setting::DeleteElement => scalar(&Type::Integer(32)).plain(),
                    Setting::DeletePath => scalar(&Type::TEXT).list(),
                    _ => self.column_type(self.data_type(face, column), true),
                };
                self.column_input(face, column, ty)
            })
            .collect()
    }

    /// The fields of input types of mutations.
    pub(super) fn written_inputs(&self, face: FaceId, part: Part) -> Vec<Input<'a>> {
        let of = |part: Part| Key::Face(face, part);
        match part {
            Part::InsertInput => {
                let columns = self.sendable(face);
                let columns = columns.map(|column| {
                    self.column_input(face, column, self.column_type(self.data_type(face, column), true))
                });
                let relations = self.related_inputs(face, true, [Part::ArrayInsert, Part::ObjectInsert]);
                columns.chain(relations).collect()
            }
            Part::ArrayInsert => {
                let mut inputs = vec![related("connect", of(Part::BoolExp).plain(), Related::Connect)];
                if self.sendable(face).next().is_some() {
                    inputs.push(related("data", of(Part::InsertInput).list(), Related::Insert));
                    inputs.extend(self.on_conflict(face));
                }
                inputs
            }
            Part::ObjectInsert => {
                let mut inputs = vec![related("connect", of(Part::BoolExp).plain(), Related::Connect)];
                if self.sendable(face).next().is_some() {
                    inputs.push(related("data", of(Part::InsertInput).plain(), Related::Insert));
                    inputs.extend(self.on_conflict(face));
                }
                inputs
            }
            Part::ArrayUpdate | Part::ObjectUpdate => self.related_changes(face, part == Part::ArrayUpdate),
            Part::OnConflict => {
                let mut inputs = vec![input(
                    "constraint",
                    of(Part::Constraint).plain(),
                    "The key that is meant; without it the first that all new rows name.",
                )];
                if self.changeable(face).next().is_some() {
                    let word = self.names.words.field("update_columns");
                    inputs.push(input(
                        word,
                        of(Part::UpdateColumn).list(),
                        "The columns that take the new row's values; without any the row stays as it is.",
                    ));
                    inputs.push(input(
                        "where",
                        of(Part::BoolExp).plain(),
                        "Which rows that stand are changed; the others stay as they are.",
                    ));
                }
                inputs
            }
            Part::Setting(Setting::Set) => {
                let mut inputs = self.settable(face, Setting::Set);
                inputs.extend(self.related_inputs(face, false, [Part::ArrayUpdate, Part::ObjectUpdate]));
                inputs
            }
            Part::Setting(setting) => self.settable(face, setting),
            Part::KeyInput => self.key_inputs(face),
            Part::Updates => {
                let mut inputs = self.settings(face);
                inputs.push(input("where", of(Part::BoolExp).required(), described::WHERE));
                inputs
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Types<'a> {
    /// The relations of a face with whose rows something can happen together with the face's own.
    fn related_inputs(&self, face: FaceId, new: bool, [many, one]: [Part; 2]) -> Vec<Input<'a>> {
        let ids = (0u16..).zip(&self.face(face).relations).map(|(id, _)| RelationId(id));
        let inputs = ids.filter_map(|id| {
            let relation = self.relation(face, id)?;
            let mut all = Related::ALL.into_iter();
            all.find(|related| self.may(face, id, *related, new))?;
            let part = if relation.many { many } else { one };
            Some(Input {
                stands: Slotted::Relation(id),
                description: None,
                ..input(
                    self.names.relation(face, id),
                    Key::Face(relation.target, part).plain(),
                    "",
                )
            })
        });
        inputs.collect()
    }

    /// What can happen to rows of a face together with those that they are related to.
    fn related_changes(&self, face: FaceId, many: bool) -> Vec<Input<'a>> {
        let of = |part: Part| Key::Face(face, part);
        let boolean = || Key::Scalar(self.names.scalar_of(&Type::Boolean)).plain();
        let rows = |part: Part| if many { of(part).list() } else { of(part).plain() };
        let these = || if many { of(Part::BoolExp).plain() } else { boolean() };
        let mut inputs = vec![related("connect", of(Part::BoolExp).plain(), Related::Connect)];
        if self.deletes(face) {
            inputs.push(related("delete", these(), Related::Delete));
        }
        inputs.push(related("disconnect", these(), Related::Disconnect));
        let sends = self.sendable(face).next().is_some();
        if sends {
            inputs.push(related("insert", rows(Part::InsertInput), Related::Insert));
        }
        if self.changeable(face).next().is_some() {
            let part = if many {
                Part::Updates
            } else {
                Part::Setting(Setting::Set)
            };
            inputs.push(related("update", rows(part), Related::Update));
            if sends && self.constraints(face).next().is_some() {
                inputs.push(related("upsert", rows(Part::InsertInput), Related::Upsert));
            }
        }
        inputs
    }
}

fn related(name: &str, ty: Ref, related: Related) -> Input<'_> {
    Input {
        stands: Slotted::Related(related),
        ..input(name, ty, described::related(related))
    }
}

fn input<'a>(name: &'a str, ty: Ref, description: &'static str) -> Input<'a> {
    Input {
        name,
        ty,
        stands: Slotted::Other,
        description: Some(description),
    }
}

fn allowed(columns: Option<&[bool]>) -> impl Iterator<Item = ColumnId> + use<'_> {
    let columns = (0u16..).map(ColumnId).zip(columns.unwrap_or_default());
    columns.filter(|(_, may)| **may).map(|(column, _)| column)
}

/// Whether some foreign key of a table leads from these columns to another.
fn has_key(table: &Table, columns: &[ColumnId], other: TableId) -> bool {
    let same = |own: &[ColumnId]| own.len() == columns.len() && own.iter().all(|column| columns.contains(column));
    table
        .foreign_keys
        .iter()
        .any(|key| key.table == other && same(&key.columns))
}
