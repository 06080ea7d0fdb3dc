//! The text under construction: fixed words, quoted identifiers, marks.

use super::{Flavor, Form, Mark};
use crate::catalog::{Catalog, ColumnId, TableId};
use crate::ident::Identifier;
use crate::request::Formats;
use crate::rules::Parameter;
use crate::value::Type;

/// SQL text under construction.
pub(super) struct Writer<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) flavor: Flavor,
    pub(super) formats: Formats,
    /// Every value in nested JSON is wrapped, because one of them cannot stand there as it is (SQLite).
    pub(super) careful: bool,
    /// What is written is a derived table whose order matters to what stands around it.
    pub(super) in_derived_table: bool,
    /// Rows that were written are those of the statement at hand, `w`, and not found again by their keys.
    pub(super) of_statement: bool,
    /// Something was written whose single call may take long.
    pub(super) long_calls: bool,
    /// What is written is to be kept in a column: a number that is too large is an error there.
    pub(super) storing: bool,
    /// What is written is the key of a group.
    pub(super) group_key: bool,
    sql: String,
    marks: Vec<Mark>,
    /// Aliases of the table references around, the innermost last; `None` is a row whose columns stand without one.
    scopes: Vec<Option<Alias>>,
}

/// The alias of a table reference: `t0`, `t1` ….
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alias {
    number: u32,
    derived: bool,
}

impl Alias {
    /// Says that it names a derived table, whose rows are not of their table's type: that row is one of its columns.
    pub(super) fn derived(self, derived: bool) -> Self {
        Self { derived, ..self }
    }

    pub(super) fn is_derived(self) -> bool {
        self.derived
    }
}

/// Text that a writer has written.
pub(super) struct Taken(String);

impl<'a> Writer<'a> {
    pub(super) fn new(catalog: &'a Catalog, flavor: Flavor, formats: Formats, careful: bool) -> Self {
        let sql = String::with_capacity(256);
        Self {
            catalog,
            flavor,
            formats,
            careful,
            in_derived_table: false,
            of_statement: false,
            long_calls: false,
            storing: false,
            group_key: false,
            sql,
            marks: Vec::new(),
            scopes: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (String, Vec<Mark>) {
        (self.sql, self.marks)
    }

    /// What has been written so far, to be put back behind something else.
    pub(super) fn take(&mut self) -> Taken {
        Taken(std::mem::take(&mut self.sql))
    }

    /// Puts back what was taken.
    pub(super) fn put(&mut self, taken: &Taken) {
        self.sql.push_str(&taken.0);
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.flavor == Flavor::Postgres
    }

    /// Fixed words of ours.
    pub(super) fn word(&mut self, word: &'static str) {
        self.sql.push_str(word);
    }

    /// One of two fixed words.
    pub(super) fn by_flavor(&mut self, postgres: &'static str, sqlite: &'static str) {
        self.sql.push_str(if self.is_postgres() { postgres } else { sqlite });
    }

    /// A comma, but not before the first.
    pub(super) fn comma(&mut self, index: usize) {
        if index > 0 {
            self.sql.push_str(", ");
        }
    }

    pub(super) fn identifier(&mut self, identifier: &Identifier) {
        identifier.quote_into(&mut self.sql);
    }

    /// The alias of a table reference one level further in, not yet in scope. It is named by its depth, so that a term
    /// written twice (in a select list and in GROUP BY) has the same text both times: PostgreSQL takes it for the same
    /// only then. What stands side by side never refers to each other, so names may repeat.
    pub(super) fn new_alias(&self) -> Alias {
        Alias {
            number: u32::try_from(self.scopes.len()).unwrap_or(u32::MAX),
            derived: false,
        }
    }

    pub(super) fn alias(&mut self, alias: Alias) {
        self.sql.push('t');
        self.number(u64::from(alias.number));
    }

    /// A number of ours (alias, position), never a client's.
    pub(super) fn number(&mut self, number: u64) {
        self.sql.push_str(itoa::Buffer::new().format(number));
    }

    pub(super) fn push_scope(&mut self, alias: Alias) {
        self.scopes.push(Some(alias));
    }

    /// A row whose columns stand without an alias.
    pub(super) fn push_bare_scope(&mut self) {
        self.scopes.push(None);
    }

    pub(super) fn pop_scope(&mut self) -> Option<Alias> {
        self.scopes.pop().flatten()
    }

    pub(super) fn table(&mut self, table: TableId) {
        self.catalog.table(table).quote_into(&mut self.sql);
    }

    /// `alias."column"` for a column of the row `scope` levels around.
    pub(super) fn column(&mut self, scope: u16, table: TableId, column: ColumnId) {
        let index = self.scopes.len().checked_sub(1 + usize::from(scope));
        if let Some(alias) = index.and_then(|index| self.scopes.get(index)).copied().flatten() {
            self.alias(alias);
            self.sql.push('.');
        }
        self.name_of(table, column);
    }

    /// Which table the row `scope` levels around is of (PostgreSQL).
    pub(super) fn table_of_row(&mut self, scope: u16) {
        let index = self.scopes.len().checked_sub(1 + usize::from(scope));
        let alias = index.and_then(|index| self.scopes.get(index)).copied().flatten();
        if let Some(alias) = alias {
            self.alias(alias);
            self.sql.push('.');
        }
        let derived = alias.is_some_and(Alias::is_derived);
        self.sql.push_str(if derived { "\"diglot table\"" } else { "tableoid" });
    }

    /// `alias."column"`
    pub(super) fn aliased(&mut self, alias: Alias, table: TableId, column: ColumnId) {
        self.alias(alias);
        self.sql.push('.');
        self.name_of(table, column);
    }

    pub(super) fn name_of(&mut self, table: TableId, column: ColumnId) {
        let name = &self.catalog.table(table).column(column).name;
        name.quote_into(&mut self.sql);
    }

    /// A mark, cast to its type. Equal marks are one.
    pub(super) fn mark(&mut self, source: &Parameter, data_type: &Type, list: bool, form: Form) {
        self.bare_mark(source, data_type, list, form);
        if !self.is_postgres() {
            return;
        }
        let base = match data_type {
            _ if matches!(form, Form::Count { .. }) => "int8",
            Type::Boolean => "bool",
            Type::Integer(16) => "int2",
            Type::Integer(32) => "int4",
            Type::Integer(_) => "int8",
            Type::Float(32) => "float4",
            Type::Float(_) => "float8",
            Type::Bytes => "bytea",
            _ => "text",
        };
        self.sql.push_str("::");
        self.sql.push_str(base);
        if list {
            self.sql.push_str("[]");
        }
        if base == "text" && !matches!(form, Form::Count { .. }) {
            self.cast_from_text(data_type, list);
        }
    }

    /// A mark whose value is bound as a text.
    pub(super) fn mark_as_text(&mut self, source: &Parameter, data_type: &Type, list: bool, form: Form) {
        self.bare_mark(source, data_type, list, form);
        if self.is_postgres() {
            self.sql.push_str(if list { "::text[]" } else { "::text" });
        }
    }

    /// A mark without cast, for SQLite and where PostgreSQL knows the type anyhow.
    fn bare_mark(&mut self, source: &Parameter, data_type: &Type, list: bool, form: Form) {
        let mark = Mark {
            source: source.clone(),
            data_type: data_type.clone(),
            list,
            form,
        };
        let index = self
            .marks
            .iter()
            .position(|present| *present == mark)
            .unwrap_or_else(|| {
                self.marks.push(mark);
                self.marks.len() - 1
            });
        self.sql.push(if self.is_postgres() { '$' } else { '?' });
        self.number(index as u64 + 1);
    }

    /// `::type` behind a text, for types that are bound as text.
    pub(super) fn cast_from_text(&mut self, data_type: &Type, list: bool) {
        let name = match data_type {
            Type::Numeric => "numeric",
            Type::Uuid => "uuid",
            Type::Date => "date",
            Type::Time => "time",
            Type::TimeTz => "timetz",
            Type::Timestamp => "timestamp",
            Type::TimestampTz => "timestamptz",
            Type::Interval => "interval",
            Type::Json => "json",
            Type::Jsonb => "jsonb",
            Type::Other(name) => name,
            Type::Text { caseless: true, .. } => match self.catalog.database.caseless.as_deref() {
                Some(name) => name,
                None => return,
            },
            Type::Enum(index) => match self
                .catalog
                .database
                .enums
                .get(*index as usize)
                .and_then(|found| found.database_type.as_deref())
            {
                Some(name) => name,
                None => return,
            },
            _ => return,
        };
        self.cast_to(name);
        if list {
            self.sql.push_str("[]");
        }
    }

    /// `::type`. The name comes from the database's catalog, where `format_type` has quoted it.
    pub(super) fn cast_to(&mut self, name: &str) {
        self.sql.push_str("::");
        self.sql.push_str(name);
    }
}
