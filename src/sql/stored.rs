//! Values that columns are to hold, rows that are written from lists, and rows that were written.

use super::change::ROW_NUMBER;
use super::writer::Alias;
use super::{Form, Writer};
use crate::catalog::{ColumnId, TableId};
use crate::request::Function;
use crate::rules::{Parameter, Term};
use crate::value::Type;

/// What stands beside the key of a written row that is not found again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The key is left out too.
    LeftOut,
    /// Nulls.
    AsNulls,
}

impl<'w> Writer<'w> {
    /// A column's name alone.
    pub(super) fn bare_column(&mut self, table: TableId, column: ColumnId) {
        let name = self.catalog.table(table).column(column).name.clone();
        self.identifier(&name);
    }

    pub(super) fn row_number(&mut self, table: TableId, alias: Option<Alias>) {
        let Some(number) = self.catalog.table(table).row_number else {
            return self.word("NULL");
        };
        if let Some(alias) = alias {
            self.alias(alias);
            self.word(".");
        }
        self.word(number);
    }

    /// The same in a row that is written: a key is an error where it is null, which SQLite itself lets pass.
    pub(super) fn stored_in_row(&mut self, table: TableId, column: ColumnId, value: &Term) {
        let own = self.catalog.table(table);
        let is_present = !self.is_postgres() && own.column(column).nullable && !own.takes_null(column);
        if is_present {
            self.word("diglot_present(");
        }
        self.stored(table, column, value);
        if is_present {
            self.word(")");
        }
    }

    /// A value that a column is to hold.
    pub(super) fn stored(&mut self, table: TableId, column: ColumnId, value: &Term) {
        match value {
            Term::Parameter { source, .. } => self.stored_mark(table, column, source, false),
            term => {
                self.storing = true;
                if self.is_postgres() {
                    self.term(term);
                } else {
                    self.stored_term(table, column, term);
                }
                self.storing = false;
            }
        }
    }

    /// What is computed, as its column holds it: PostgreSQL rounds and refuses by itself, SQLite keeps what it is given. (What
    /// was sent, and what a rule sets, has been looked at where it is bound.)
    fn stored_term(&mut self, table: TableId, column: ColumnId, term: &Term) {
        let own = self.catalog.table(table).column(column);
        match (&own.data_type, term) {
            (
                Type::Numeric,
                Term::Call {
                    function: Function::Add,
                    arguments,
                    ..
                },
            ) if arguments.len() == 2 => {
                self.word("diglot_stored_sum(");
                self.arguments(arguments, ", ");
                self.digits(own.digits());
            }
            (Type::Numeric, term) => {
                self.word("diglot_stored_decimal(");
                self.term(term);
                self.digits(own.digits());
            }
            // Of 64 bits, whatever they are declared as.
            (Type::Integer(_), term) => {
                self.word("diglot_stored_integer(");
                self.term(term);
                self.word(match term.data_type(self.catalog) {
                    Type::Float(_) => ", 1)",
                    Type::Numeric => ", 0)",
                    _ => ", NULL)",
                });
            }
            (Type::Float(_), term) => {
                self.word("diglot_stored_float(");
                self.term(term);
                self.word(")");
            }
            (Type::Text { length: Some(most), .. }, term) => {
                self.word("diglot_stored_text(");
                self.term(term);
                self.word(", ");
                self.number(u64::from(*most));
                self.word(")");
            }
            (_, term) => self.term(term),
        }
    }

    fn digits(&mut self, digits: Option<(i64, i64)>) {
        let Some((precision, scale)) = digits else {
            return self.word(", NULL, NULL)");
        };
        for number in [precision, scale] {
            self.word(if number < 0 { ", -" } else { ", " });
            self.number(number.unsigned_abs());
        }
        self.word(")");
    }

    /// A value that a column is to hold, where the rows written are those of `s`.
    pub(super) fn stored_of_source(&mut self, table: TableId, column: ColumnId, value: &Term) {
        match value {
            Term::Parameter {
                source: Parameter::Row(..) | Parameter::Linked { .. },
                ..
            } => {
                self.word("s.c");
                self.number(u64::from(column.0));
                if let Some(name) = self.cast_apart(table, column) {
                    self.cast_to(name);
                }
            }
            value => self.stored(table, column, value),
        }
    }

    /// `unnest(…) WITH ORDINALITY AS s(c…, o)`: the rows that are written, with a list for each column.
    pub(super) fn source_rows<'c>(&mut self, table: TableId, columns: impl Iterator<Item = &'c (ColumnId, Term)>) {
        let sent = columns.filter_map(|(column, term)| match term {
            Term::Parameter {
                source: source @ (Parameter::Row(..) | Parameter::Linked { .. }),
                ..
            } => Some((*column, source)),
            _ => None,
        });
        let sent: Vec<_> = sent.collect();
        self.word("unnest(");
        for (index, (column, source)) in sent.iter().enumerate() {
            self.comma(index);
            self.stored_mark(table, *column, source, true);
        }
        self.word(") WITH ORDINALITY AS s(");
        for (column, _) in &sent {
            self.word("c");
            self.number(u64::from(column.0));
            self.word(", ");
        }
        self.word("o)");
    }

    pub(super) fn stored_mark(&mut self, table: TableId, column: ColumnId, source: &Parameter, list: bool) {
        let own = self.catalog.table(table).column(column);
        let form = Form::Stored { table, column };
        let data_type = own.data_type.clone();
        match self.cast_apart(table, column).filter(|_| self.is_postgres()) {
            Some(_) if list => self.mark_as_text(source, &data_type, list, form),
            Some(name) => {
                self.mark_as_text(source, &data_type, list, form);
                self.cast_to(name);
            }
            None => self.mark(source, &data_type, list, form),
        }
    }

    /// The rows that a write has changed, as a table `k` of their keys.
    pub(super) fn written(&mut self, write: u16, table: TableId, key: &[ColumnId]) {
        let number = [ROW_NUMBER];
        let positions: Vec<u16> = if key.is_empty() {
            number.to_vec()
        } else {
            (0..u16::try_from(key.len()).unwrap_or(u16::MAX)).collect()
        };
        let types: Vec<Type> = if key.is_empty() {
            vec![if self.is_postgres() {
                Type::Other("tid".into())
            } else {
                Type::Integer(64)
            }]
        } else {
            key.iter()
                .map(|column| self.catalog.table(table).column(*column).data_type.clone())
                .collect()
        };
        self.written_columns(write, &positions, &types);
    }

    /// Some of what is kept of a write's rows, as a table `k`.
    pub(super) fn written_columns(&mut self, write: u16, positions: &[u16], types: &[Type]) {
        if self.is_postgres() {
            self.word("unnest(");
        }
        for (index, (position, data_type)) in positions.iter().zip(types).enumerate() {
            let source = Parameter::Written { write, kept: *position };
            if self.is_postgres() {
                self.comma(index);
                self.mark(&source, data_type, true, Form::Plain);
            } else {
                self.word(if index == 0 { "json_each(" } else { " JOIN json_each(" });
                self.mark(&source, data_type, true, Form::Kept);
                self.word(") AS k");
                if index > 0 {
                    self.number(index as u64);
                    self.word(" ON k");
                    self.number(index as u64);
                    self.word(".key = k.key");
                }
            }
        }
        if self.is_postgres() {
            self.word(") WITH ORDINALITY AS k(");
            for index in 0..positions.len() {
                self.word("k");
                self.number(index as u64);
                self.word(", ");
            }
            self.word("o)");
        }
    }

    /// The columns of a row's key.
    pub(super) fn key_columns(&mut self, table: TableId, key: &[ColumnId], alias: Option<Alias>) {
        if key.is_empty() {
            self.row_number(table, alias);
        }
        for (index, column) in key.iter().enumerate() {
            self.comma(index);
            match alias {
                Some(alias) => self.aliased(alias, table, *column),
                None => self.bare_column(table, *column),
            }
        }
    }

    /// The values of `k`.
    pub(super) fn written_key(&mut self, table: TableId, key: &[ColumnId]) {
        for index in 0..key.len().max(1) {
            self.comma(index);
            self.written_value(table, key, index);
        }
    }

    pub(super) fn written_value(&mut self, table: TableId, key: &[ColumnId], index: usize) {
        if self.is_postgres() {
            self.word("k.k");
            return self.number(index as u64);
        }
        // Whatever a column is declared as, it may hold a blob, unless its table is strict.
        let strict = self.catalog.table(table).strict;
        let may_be_blob = |column: &ColumnId| {
            let data_type = &self.catalog.table(table).column(*column).data_type;
            !strict || matches!(data_type, Type::Bytes | Type::Other(_))
        };
        let parts: &[&'static str] = if key.get(index).is_some_and(may_be_blob) {
            &[
                "CASE k",
                ".type WHEN 'array' THEN unhex(k",
                ".value ->> 0) ELSE k",
                ".value END",
            ]
        } else {
            &["k", ".value"]
        };
        for (place, part) in parts.iter().enumerate() {
            if place > 0 && index > 0 {
                self.number(index as u64);
            }
            self.word(part);
        }
    }

    /// Whether a row is the one of `k`.
    pub(super) fn is_written(&mut self, table: TableId, key: &[ColumnId], alias: Alias) {
        for index in 0..key.len().max(1) {
            if index > 0 {
                self.word(" AND ");
            }
            match key.get(index) {
                Some(column) => self.aliased(alias, table, *column),
                None => self.row_number(table, Some(alias)),
            }
            self.word(" = ");
            self.written_value(table, key, index);
        }
    }

    /// The rows that a write has changed, each beside its key in `k`.
    pub(super) fn written_rows(
        &mut self,
        write: u16,
        table: TableId,
        key: &[ColumnId],
        alias: Alias,
        missing: Missing,
    ) {
        self.written(write, table, key);
        match missing {
            // The keys come first: they are few, and the table is large.
            Missing::LeftOut => self.by_flavor(" JOIN ", " CROSS JOIN "),
            Missing::AsNulls => self.word(" LEFT JOIN "),
        }
        self.table(table);
        self.word(" AS ");
        self.alias(alias);
        self.word(" ON ");
        self.is_written(table, key, alias);
    }

    /// The type that a text is cast to where lists of it cannot be made, or its general name says too little. (Of a list of
    /// composites `unnest` makes a column for each of their attributes.)
    fn cast_apart(&self, table: TableId, column: ColumnId) -> Option<&'w str> {
        let own = self.catalog.table(table).column(column);
        let apart = matches!(own.data_type, Type::Array(_) | Type::Geometry)
            || self.catalog.database.composite(&own.data_type).is_some();
        apart.then_some(own.database_type.as_str())
    }
}
