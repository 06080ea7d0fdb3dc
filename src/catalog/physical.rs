//! The database as it is: tables, columns, keys, types, functions. Filled by a backend's introspection.

use crate::error::Verbs;
use crate::ident::Identifier;
use crate::value::Type;
use serde::Serialize;

/// Which database this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum DatabaseKind {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL and what speaks its protocol.
    Postgres,
}

/// What the names of Diglot's own tables begin with on SQLite.
pub const SQLITE_PREFIX: &str = "_diglot_";

/// The schema of Diglot's own tables on PostgreSQL.
pub const POSTGRES_SCHEMA: &str = "diglot";

/// An index into [`Database::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// An index into [`Table::columns`]; the same index names the column of every face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u16);

/// Everything that introspection found.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which product.
    pub kind: DatabaseKind,
    /// Its version text.
    pub version: String,
    /// Tables and views, sorted by schema and name.
    pub tables: Vec<Table>,
    /// Enum types, and the value lists of `CHECK (c IN (…))` columns.
    pub enums: Vec<EnumType>,
    /// The quoted name of the text type without case, for casts, where a column has it (PostgreSQL's `citext`).
    pub caseless: Option<String>,
    /// Composite types (PostgreSQL), whose values are JSON objects.
    pub composites: Vec<Composite>,
    /// Functions that could be exposed (PostgreSQL).
    pub functions: Vec<Function>,
    /// Installed extensions (PostgreSQL), or compiled-in modules worth knowing (SQLite: `fts5`).
    pub extensions: Vec<Extension>,
    /// Changes with the schema; compared to see foreign changes.
    pub fingerprint: String,
    /// The database cannot be written.
    pub read_only: bool,
}

/// Something installed in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The schema of its types, functions and operators; `None` on SQLite.
    pub schema: Option<Identifier>,
}

/// What a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// An ordinary or partitioned table.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
    /// A virtual table of SQLite (FTS and the like).
    VirtualTable,
}

/// A table, view or the like.
#[derive(Clone, Debug)]
pub struct Table {
    /// Schema; `None` on SQLite.
    pub schema: Option<Identifier>,
    /// Its name.
    pub name: Identifier,
    /// What it is.
    pub kind: TableKind,
    /// Its visible columns in their order.
    pub columns: Vec<Column>,
    /// The primary key; empty without one.
    pub primary_key: Vec<ColumnId>,
    /// Name of the primary key's constraint, where it has one.
    pub primary_key_name: Option<Identifier>,
    /// Unique constraints and unique indexes over plain columns without predicate, the primary key apart.
    pub uniques: Vec<Unique>,
    /// Conditions over columns that all are visible (PostgreSQL, which names the one that is not satisfied).
    pub checks: Vec<Unique>,
    /// Foreign keys from this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// The database's comment.
    pub comment: Option<String>,
    /// Diglot's own system table, a table of an extension or of a migration tool: the convention never opens it.
    pub system: bool,
    /// SQLite: values have their declared types (`STRICT`).
    pub strict: bool,
    /// Columns that lead an index, for `check`'s hints: each index's columns in order.
    pub indexes: Vec<Vec<ColumnId>>,
    /// Rows of other tables stand in it too (PostgreSQL's `INHERITS`), for which its keys do not hold: nothing is unique in it.
    pub is_parent: bool,
    /// Whether the database says that rows can be inserted, updated, deleted through it.
    pub writable: Verbs,
    /// Columns that no update changes by itself, though the table takes updates of others: those of which no trigger of an
    /// SQLite view speaks.
    pub fixed: Vec<ColumnId>,
    /// It has triggers, which may change what is written; Diglot's own do not, and do not count.
    pub triggers: bool,
    /// It has Diglot's own triggers, which end the sessions of a user whose row goes.
    pub guarded: bool,
    /// What the database calls its own number of a row, which finds it again within a transaction: `rowid` or `ctid`.
    pub row_number: Option<&'static str>,
    /// It has [`LARGE`] rows or more, as far as the database can say without counting them: searching it row by row shows.
    pub large: bool,
}

/// From so many rows on an index is worth its keep.
pub const LARGE: u32 = 1000;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Identifier,
    /// Its logical type.
    pub data_type: Type,
    /// The database's own name of the type, quoted and qualified as needed for a cast (`numeric`, `public."Mood"`,
    /// `_text`); on SQLite the declared type, which is never used in SQL.
    pub database_type: String,
    /// Whether null is possible.
    pub nullable: bool,
    /// What it gets when nothing is sent.
    pub default: Option<Default>,
    /// SQLite: its moments, or days, are all kept in one form, as far as a sample of the rows tells, so that their order as text is
    /// their order in time.
    pub one_form: bool,
    /// Computed by the database and not writable.
    pub generated: Option<Generated>,
    /// The database's comment.
    pub comment: Option<String>,
}

impl Column {
    /// How many digits a decimal keeps, and how many of them after the point: `numeric(12,3)`.
    #[must_use]
    pub fn digits(&self) -> Option<(i64, i64)> {
        let (_, rest) = self.database_type.split_once('(')?;
        let (inside, _) = rest.split_once(')')?;
        let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
        Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
    }
}

/// What a column gets when nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Default {
    /// An expression of the database.
    Expression(String),
    /// Identity, serial, or SQLite's rowid.
    Identity {
        /// `GENERATED ALWAYS`: a value cannot be sent.
        always: bool,
        /// SQLite's `AUTOINCREMENT`: each is greater than all that ever were, so the greatest possible one leaves no next.
        ascending: bool,
    },
}

/// A generated column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// Kept in the row.
    Stored,
    /// Computed when read.
    Virtual,
}

/// A unique constraint or index, or another condition over columns.
#[derive(Clone, Debug)]
pub struct Unique {
    /// The constraint's or index's name.
    pub name: Identifier,
    /// Its columns.
    pub columns: Vec<ColumnId>,
}

/// A foreign key.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// The constraint's name, if it has one.
    pub name: Option<Identifier>,
    /// Referencing columns.
    pub columns: Vec<ColumnId>,
    /// The table referred to.
    pub table: TableId,
    /// Its columns, as many as `columns`.
    pub references: Vec<ColumnId>,
    /// Checked at commit.
    pub deferred: bool,
}

/// A closed list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Schema and name of a PostgreSQL enum; for a CHECK list table and column.
    pub name: String,
    /// Quoted name for casts where it is a type of the database.
    pub database_type: Option<String>,
    /// Its values in order.
    pub values: Vec<String>,
    /// The database's comment.
    pub comment: Option<String>,
}

/// A composite type (PostgreSQL).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite {
    /// Its quoted name for casts, which is also that of its [`Type::Other`].
    pub database_type: String,
    /// The names and types of its attributes, in their order.
    pub attributes: Vec<(String, Type)>,
}

/// A function (PostgreSQL).
#[derive(Clone, Debug)]
pub struct Function {
    /// Schema.
    pub schema: Identifier,
    /// Name.
    pub name: Identifier,
    /// Its input arguments.
    pub arguments: Vec<FunctionArgument>,
    /// What comes out.
    pub result: FunctionResult,
    /// It may write (`VOLATILE`).
    pub volatile: bool,
    /// The database's comment.
    pub comment: Option<String>,
}

impl Function {
    /// So many of its first arguments are given by their place: those without a name, and all before them; all, where the
    /// last is variadic, because PostgreSQL cannot leave that one out of a call by names.
    #[must_use]
    pub fn arguments_by_place(&self) -> usize {
        self.arguments
            .iter()
            .rposition(|argument| argument.nameless || argument.variadic)
            .map_or(0, |index| index + 1)
    }
}

/// An argument of a function.
#[derive(Clone, Debug)]
pub struct FunctionArgument {
    /// Its name; functions with nameless arguments take them as `arg1`, `arg2` ….
    pub name: String,
    /// Its logical type.
    pub data_type: Type,
    /// For casts.
    pub database_type: String,
    /// The row type of a table, for computed fields.
    pub row_of: Option<TableId>,
    /// It may be left out.
    pub has_default: bool,
    /// It has no name of its own in the database, so it is given by its place.
    pub nameless: bool,
    /// `VARIADIC`: an array of as many values as there are.
    pub variadic: bool,
}

/// What a function returns.
#[derive(Clone, Debug)]
pub enum FunctionResult {
    /// Rows (or one row) of a table.
    Rows {
        /// The table.
        table: TableId,
        /// `SETOF`.
        many: bool,
    },
    /// A scalar; several out arguments, or rows of no table, are JSON objects of the type `record`.
    Scalar {
        /// Its logical type.
        data_type: Type,
        /// Its database type.
        database_type: String,
        /// `SETOF`.
        many: bool,
    },
}

impl Column {
    /// The number of a PostGIS column's reference system, where the column fixes one: the last part of
    /// `geometry(Point,4326)`.
    #[must_use]
    pub fn reference_system(&self) -> Option<u32> {
        let inner = self.database_type.strip_suffix(')')?;
        let (_, number) = inner.rsplit_once(',')?;
        number.parse().ok().filter(|number| *number > 0)
    }

    /// Whether it is a geography of PostGIS: on the ellipsoid, in metres.
    #[must_use]
    pub fn is_geography(&self) -> bool {
        let bare = self.database_type.split('(').next().unwrap_or_default();
        self.data_type == Type::Geometry && bare.rsplit('.').next() == Some("geography")
    }
}

impl Table {
    /// A column.
    #[must_use]
    pub fn column(&self, id: ColumnId) -> &Column {
        &self.columns[id.0 as usize]
    }

    /// The column of a physical name.
    #[must_use]
    pub fn column_named(&self, name: &str) -> Option<ColumnId> {
        self.columns
            .iter()
            .position(|column| column.name.as_str() == name)
            .and_then(|index| u16::try_from(index).ok())
            .map(ColumnId)
    }

    /// Its name in SQL, quoted, with its schema.
    pub fn quote_into(&self, sql: &mut String) {
        if let Some(schema) = &self.schema {
            schema.quote_into(sql);
            sql.push('.');
        }
        self.name.quote_into(sql);
    }

    /// The same as a text.
    #[must_use]
    pub fn quoted(&self) -> String {
        let mut sql = String::new();
        self.quote_into(&mut sql);
        sql
    }

    /// All column ids.
    pub fn column_ids(&self) -> impl Iterator<Item = ColumnId> + use<> {
        (0..u16::try_from(self.columns.len()).unwrap_or(u16::MAX)).map(ColumnId)
    }

    /// Whether a row that is written may have null in a column. In SQLite's rowid tables even a primary key may hold it, an old
    /// fault: rows that have it are read, but none are written.
    #[must_use]
    pub fn takes_null(&self, column: ColumnId) -> bool {
        self.column(column).nullable && !self.primary_key.contains(&column)
    }

    /// Whether these columns together are unique: the primary key or a unique key is among them.
    #[must_use]
    pub fn is_unique(&self, columns: &[ColumnId]) -> bool {
        let covers = |key: &[ColumnId]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
        !self.is_parent && (covers(&self.primary_key) || self.uniques.iter().any(|unique| covers(&unique.columns)))
    }
}

impl Database {
    /// The table of a schema and name; without a schema the first of that name.
    #[must_use]
    pub fn table_named(&self, schema: Option<&str>, name: &str) -> Option<TableId> {
        self.tables
            .iter()
            .position(|table| {
                table.name.as_str() == name
                    && schema.is_none_or(|schema| table.schema.as_ref().is_some_and(|own| own.as_str() == schema))
            })
            .and_then(|index| u32::try_from(index).ok())
            .map(TableId)
    }

    /// Whether a foreign key leads from these columns to those, and its target holds rows of other tables too (which no
    /// foreign key refers to).
    #[must_use]
    pub fn refers_to_parent(&self, from: TableId, columns: &[ColumnId], to: TableId, references: &[ColumnId]) -> bool {
        let table = |id: TableId| self.tables.get(id.0 as usize);
        table(to).is_some_and(|table| table.is_parent)
            && table(from).is_some_and(|table| {
                let of = |key: &ForeignKey| {
                    key.table == to
                        && key.columns.len() == columns.len()
                        && columns.iter().zip(references).all(|(own, other)| {
                            key.columns.iter().zip(&key.references).any(|pair| pair == (own, other))
                        })
                };
                table.foreign_keys.iter().any(of)
            })
    }

    /// Whether a table is Diglot's own: it is no part of anybody's application, and only the server itself sees it.
    #[must_use]
    pub fn is_private(&self, table: &Table) -> bool {
        match self.kind {
            DatabaseKind::Sqlite => table.name.as_str().to_ascii_lowercase().starts_with(SQLITE_PREFIX),
            DatabaseKind::Postgres => table
                .schema
                .as_ref()
                .is_some_and(|schema| schema.as_str() == POSTGRES_SCHEMA),
        }
    }

    /// The composite type that values of a type are, if they are of one.
    #[must_use]
    pub fn composite(&self, data_type: &Type) -> Option<&Composite> {
        let Type::Other(name) = data_type else { return None };
        let mut composites = self.composites.iter();
        composites.find(|composite| composite.database_type == **name)
    }

    /// A table.
    #[must_use]
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0 as usize]
    }

    /// An extension, if it is installed.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Column;
    use crate::ident::Identifier;
    use crate::value::Type;

    #[test]
    fn digits_of_types() {
        for (name, wanted) in [
            ("numeric(12,3)", Some((12, 3))),
            ("DECIMAL(10, 2)", Some((10, 2))),
            ("numeric(5)", Some((5, 0))),
            ("numeric", None),
            ("weird(", None),
            ("numeric(a,b)", None),
        ] {
            let column = Column {
                name: Identifier::new("c"),
                data_type: Type::Numeric,
                database_type: name.into(),
                nullable: true,
                default: None,
                one_form: false,
                generated: None,
                comment: None,
            };
            assert_eq!(column.digits(), wanted, "{name}");
        }
    }
}
