//! The exposed side: faces of tables, their names and relations.

use super::{ColumnId, Table, TableId};
use crate::ident::Name;
use std::collections::HashMap;

/// An index into [`super::Catalog::faces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaceId(pub u32);

/// An index into [`Face::relations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId(pub u16);

/// An index into [`super::Catalog::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// A table as clients see it. Most tables have one face; configuration may give more.
#[derive(Clone, Debug)]
pub struct Face {
    /// Its own id.
    pub id: FaceId,
    /// The entry of the configuration that it comes from, `[tables.<entry>]`, or the table's own name.
    pub entry: String,
    /// The physical table.
    pub table: TableId,
    /// Exposed name.
    pub name: Name,
    /// One for each physical column, in the same order.
    pub columns: Vec<FaceColumn>,
    /// Relations, in a stable order.
    pub relations: Vec<Relation>,
    /// The key that `by_pk` and REST ids use: the primary key, or a view's configured key; may be empty.
    pub key: Vec<ColumnId>,
    /// Its keys become a GraphQL enum.
    pub enum_table: bool,
    /// An enum table's keys and their descriptions, as they were when the snapshot was made.
    pub enum_values: Vec<(String, Option<String>)>,
    /// Columns that the Records API may expand; `None` is all.
    pub expand: Option<Vec<ColumnId>>,
    /// GraphQL root names where they are not the defaults.
    pub roots: Roots,
    /// Computed fields.
    pub computed: Vec<Computed>,
    pub(super) column_names: HashMap<Name, ColumnId>,
    pub(super) relation_names: HashMap<Name, RelationId>,
}

/// A column of a face.
#[derive(Clone, Debug)]
pub struct FaceColumn {
    /// Exposed name.
    pub name: Name,
}

/// Configured GraphQL root names, by the keys of the configuration (`select`, `select_by_pk`, …).
#[derive(Clone, Debug, Default)]
pub struct Roots(pub HashMap<String, String>);

/// A relation of a face.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Exposed name.
    pub name: Name,
    /// Where it leads.
    pub target: FaceId,
    /// Many rows instead of at most one.
    pub many: bool,
    /// How rows are joined.
    pub join: Join,
    /// The foreign key's own column, where the relation is a single-column one from this side (expansion).
    pub column: Option<ColumnId>,
}

/// How the rows of a relation are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Join {
    /// `this.columns = target.references`
    Direct {
        /// Columns of this table.
        columns: Vec<ColumnId>,
        /// Columns of the target.
        references: Vec<ColumnId>,
    },
    /// Through a join table: `this.columns = through.near` and `through.far = target.references`.
    Through {
        /// The join table's face; its own read rule applies too.
        face: FaceId,
        /// Columns of this table.
        columns: Vec<ColumnId>,
        /// Columns of the join table that refer here.
        near: Vec<ColumnId>,
        /// Columns of the join table that refer to the target.
        far: Vec<ColumnId>,
        /// Columns of the target.
        references: Vec<ColumnId>,
    },
}

/// A computed field: a function of the row.
#[derive(Clone, Debug)]
pub struct Computed {
    /// Exposed name.
    pub name: Name,
    /// Index into [`super::Database::functions`].
    pub function: usize,
    /// Which argument takes the row.
    pub table_argument: String,
    /// Which argument takes the session variables as JSON.
    pub session_argument: Option<String>,
}

/// An exposed function.
#[derive(Clone, Debug)]
pub struct ExposedFunction {
    /// Its id.
    pub id: FunctionId,
    /// Exposed name.
    pub name: Name,
    /// Index into the database's functions.
    pub function: usize,
    /// The argument that takes the session variables as JSON.
    pub session_argument: Option<String>,
    /// A root of mutations instead of queries.
    pub mutation: bool,
    /// Who may call it; `None`: whoever may read its table.
    pub roles: Option<Vec<Name>>,
    /// The table whose rows it returns.
    pub table: Option<TableId>,
}

impl Face {
    /// The face that a table has without configuration: its own names, its primary key, no relations. Ids and maps are
    /// made by [`super::Catalog::assemble`].
    #[must_use]
    pub fn plain(id: TableId, table: &Table) -> Self {
        let columns = table.columns.iter().map(|column| FaceColumn {
            name: Name::new(column.name.as_str()),
        });
        Self {
            id: FaceId(id.0),
            entry: table.name.as_str().to_owned(),
            table: id,
            name: Name::new(table.name.as_str()),
            columns: columns.collect(),
            relations: Vec::new(),
            key: if table.is_parent {
                Vec::new()
            } else {
                table.primary_key.clone()
            },
            enum_table: false,
            enum_values: Vec::new(),
            expand: None,
            roots: Roots::default(),
            computed: Vec::new(),
            column_names: HashMap::new(),
            relation_names: HashMap::new(),
        }
    }

    /// Makes the maps from names to ids. Of two equal names the first stays; [`super::expose`] never makes any.
    pub(super) fn index(&mut self) {
        self.column_names.clear();
        for (id, column) in (0..=u16::MAX).map(ColumnId).zip(&self.columns) {
            self.column_names.entry(column.name.clone()).or_insert(id);
        }
        self.relation_names.clear();
        for (id, relation) in (0..=u16::MAX).map(RelationId).zip(&self.relations) {
            self.relation_names.entry(relation.name.clone()).or_insert(id);
        }
    }

    /// Of an enum table the column that describes its values: the second, if it is a text.
    #[must_use]
    pub fn description_column(&self, table: &Table) -> Option<ColumnId> {
        let key = *self.key.first()?;
        let second = table.column_ids().find(|column| *column != key);
        second.filter(|column| table.column(*column).data_type.is_text())
    }

    /// The column of an exposed name.
    #[must_use]
    pub fn column_named(&self, name: &str) -> Option<ColumnId> {
        self.column_names.get(name).copied()
    }

    /// The relation of an exposed name.
    #[must_use]
    pub fn relation_named(&self, name: &str) -> Option<(RelationId, &Relation)> {
        self.relation_names
            .get(name)
            .map(|id| (*id, &self.relations[id.0 as usize]))
    }

    /// A column.
    #[must_use]
    pub fn column(&self, id: ColumnId) -> &FaceColumn {
        &self.columns[id.0 as usize]
    }
}
