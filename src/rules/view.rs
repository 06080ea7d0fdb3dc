//! What one role may see of the catalog: the compiled rules, and the mask that fronts make schemas from.

use super::{Predicate, Term};
use crate::catalog::{ColumnId, Face, FaceId, FunctionId, Join, Relation, Table};
use crate::ident::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// One role's view of a catalog. A face or column that is not in it does not exist for the role.
#[derive(Clone, Debug)]
pub struct View {
    /// The role.
    pub role: Name,
    /// By face; `None`: no right at all, the face is unknown. Shared between roles that have the same rights.
    pub faces: Vec<Option<Arc<FaceAccess>>>,
    /// Functions that the role may call.
    pub functions: Vec<FunctionId>,
}

/// A role's rights on one face.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FaceAccess {
    /// Reading; `None`: the face is known (some other right exists), but cannot be read.
    pub read: Option<ReadAccess>,
    /// Creating rows.
    pub create: Option<CreateAccess>,
    /// Updating rows.
    pub update: Option<UpdateAccess>,
    /// Deleting rows: which (scope 0), unsolved.
    pub delete: Option<Predicate>,
    /// Whether the role may read the table's schema.
    pub schema: bool,
}

/// The right to create rows.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateAccess {
    /// What the new row must satisfy (scope 0), unsolved.
    pub check: Predicate,
    /// Which columns may be sent.
    pub columns: Box<[bool]>,
    /// Values that the rule sets, which cannot be sent.
    pub set: Vec<(ColumnId, Term)>,
    /// Only with the admin secret and the header for it.
    pub backend_only: bool,
}

/// The right to update rows.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateAccess {
    /// Which rows (scope 0), unsolved.
    pub rule: Predicate,
    /// What they must satisfy afterwards (scope 0), unsolved.
    pub check: Predicate,
    /// Which columns may be sent.
    pub columns: Box<[bool]>,
    /// Values that the rule sets, which cannot be sent.
    pub set: Vec<(ColumnId, Term)>,
    /// Only with the admin secret and the header for it.
    pub backend_only: bool,
}

/// The right to read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadAccess {
    /// Which rows (scope 0), unsolved.
    pub rule: Predicate,
    /// Which cells, by column.
    pub cells: Vec<Cell>,
    /// Which cells aggregates and group keys see, where these are fewer: with `inherits`, those of the parents that allow
    /// aggregates.
    pub counted: Option<Vec<Cell>>,
    /// Most rows at any place of an answer.
    pub limit: Option<u64>,
    /// Whether aggregates, groups, and orders or filters by an aggregate are allowed.
    pub aggregate: bool,
    /// Names of permitted computed fields.
    pub computed: Vec<Name>,
}

/// Whether a column's cells can be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Never: the column is unknown.
    Hidden,
    /// In every row that can be read.
    Visible,
    /// Where this holds (scope 0); null elsewhere. From `inherits`.
    Where(Predicate),
}

/// One of the rights on a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To read rows.
    Read,
    /// To create them.
    Create,
    /// To change them.
    Update,
    /// To delete them.
    Delete,
}

/// A right on a face whose rules were solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The face.
    pub face: FaceId,
    /// Which right.
    pub right: Right,
}

/// What solving rules decided for a caller, in the order of solving; part of a plan's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decisions(pub Vec<Option<bool>>);

impl View {
    /// The rights on a face, if it exists for the role.
    #[must_use]
    pub fn face(&self, face: FaceId) -> Option<&FaceAccess> {
        self.faces.get(face.0 as usize).and_then(|access| access.as_deref())
    }

    /// The right to read a face.
    #[must_use]
    pub fn read(&self, face: FaceId) -> Option<&ReadAccess> {
        self.face(face).and_then(|access| access.read.as_ref())
    }

    /// Whether the role can follow a relation: it may read the target, the join table, and every column that joins them.
    /// (A relation over a hidden column would tell what is in it.)
    #[must_use]
    pub fn can_follow(&self, face: FaceId, relation: &Relation) -> bool {
        let all = |face: FaceId, columns: &[ColumnId]| columns.iter().all(|column| self.can_read(face, *column));
        self.read(relation.target).is_some()
            && match &relation.join {
                Join::Direct { columns, references } => all(face, columns) && all(relation.target, references),
                Join::Through {
                    face: through,
                    columns,
                    near,
                    far,
                    references,
                } => {
                    all(face, columns) && all(*through, near) && all(*through, far) && all(relation.target, references)
                }
            }
    }

    /// Whether the role's schema may tell the values of an enum table: the role reads all of them, whoever the caller is.
    /// (A schema is one for all callers of a role, so a rule that asks who it is opens no value.)
    #[must_use]
    pub fn tells_values(&self, face: &Face) -> bool {
        self.reads_all(face.id) && face.key.iter().all(|column| self.reads_whole(face.id, *column))
    }

    /// Whether the role's schema may also tell what an enum table says of its values.
    #[must_use]
    pub fn tells_descriptions(&self, face: &Face, table: &Table) -> bool {
        let column = face.description_column(table);
        self.tells_values(face) && column.is_some_and(|column| self.reads_whole(face.id, column))
    }

    fn reads_all(&self, face: FaceId) -> bool {
        self.read(face).is_some_and(|read| read.rule == Predicate::TRUE)
    }

    /// Whether the role may read a column of a face in every row that it can read.
    #[must_use]
    pub fn reads_whole(&self, face: FaceId, column: ColumnId) -> bool {
        let cell = self.read(face).and_then(|read| read.cells.get(column.0 as usize));
        cell == Some(&Cell::Visible)
    }

    /// Whether the role may read a column of a face (in some row).
    #[must_use]
    pub fn can_read(&self, face: FaceId, column: ColumnId) -> bool {
        self.read(face)
            .is_some_and(|read| !matches!(read.cells[column.0 as usize], Cell::Hidden))
    }

    /// Whether the role knows a column of a face: it may read it (in some row), or send it for new rows or changed ones.
    #[must_use]
    pub fn knows(&self, face: FaceId, column: ColumnId) -> bool {
        let access = self.face(face);
        let create = access.and_then(|access| access.create.as_ref());
        let update = access.and_then(|access| access.update.as_ref());
        let written = [create.map(|own| &own.columns), update.map(|own| &own.columns)];
        let takes = |columns: &[bool]| columns.get(column.0 as usize) == Some(&true);
        self.can_read(face, column) || written.into_iter().flatten().any(|columns| takes(columns))
    }
}

/// Views by role name.
pub type Views = HashMap<Name, Arc<View>>;
