//! One level of a plan: its FROM, WHERE, ORDER BY and LIMIT.

use super::columns::Columns;
use super::stored::Missing;
use super::writer::Alias;
use super::{Form, Writer};
use crate::catalog::{FunctionResult, TableId};
use crate::plan::Query;
use crate::request::{Comparison, Nulls};
use crate::rules::{Exists, From, OrderTerm, Parameter, Predicate, Term};
use crate::value::{Datum, Type};

impl Writer<'_> {
    /// `FROM … WHERE …` for a level whose alias is in scope. With distinct rows the source is a derived table that
    /// passes on `needed`.
    pub(super) fn source(&mut self, query: &Query, alias: Alias, needed: &Columns) {
        if query.distinct == 0 {
            self.word(" FROM ");
            self.rows(query, alias);
            self.conditions(query, true, query.limit.is_none());
            if let (From::Written { .. }, false) = (&query.from, self.of_statement) {
                self.by_flavor(" ORDER BY k.o", " ORDER BY k.key");
            }
            return;
        }
        let table = self.table_of(query);
        // Inside it the alias is still the table's.
        self.pop_scope();
        self.push_scope(alias.derived(false));
        self.word(" FROM (SELECT ");
        if self.is_postgres() {
            self.word("DISTINCT ON (");
            for (index, term) in query.order[..query.distinct].iter().enumerate() {
                self.comma(index);
                self.order_term(&term.term);
            }
            self.word(") ");
            self.passed_on(table, needed);
        } else {
            self.passed_on(table, needed);
            self.word(", row_number() OVER (PARTITION BY ");
            for (index, term) in query.order[..query.distinct].iter().enumerate() {
                self.comma(index);
                self.order_term(&term.term);
            }
            self.order(&query.order);
            self.word(") AS \"diglot rank\"");
        }
        self.word(" FROM ");
        self.rows(query, alias);
        self.conditions(query, true, false);
        if self.is_postgres() {
            self.order(&query.order);
        }
        self.word(") AS ");
        self.alias(alias);
        self.pop_scope();
        self.push_scope(alias);
        if !self.is_postgres() {
            self.word(" WHERE \"diglot rank\" = 1");
        }
    }

    /// The columns that a derived table passes on, under their own names.
    pub(super) fn passed_on(&mut self, table: Option<TableId>, needed: &Columns) {
        if needed.columns.is_empty() && !needed.whole && !needed.table {
            self.word("1");
        }
        for (index, column) in needed.columns.iter().enumerate() {
            if let Some(table) = table {
                self.comma(index);
                self.column(0, table, *column);
            }
        }
        if let Some(alias) = self.pop_scope() {
            let count = needed.columns.len();
            if needed.whole {
                self.comma(count);
                self.alias(alias);
                self.word(" AS \"diglot row\"");
            }
            if needed.table {
                self.comma(count + usize::from(needed.whole));
                self.alias(alias);
                self.word(".tableoid AS \"diglot table\"");
            }
            self.push_scope(alias);
        }
    }

    /// The table whose rows a level has; `None` where it has none.
    pub(super) fn table_of(&self, query: &Query) -> Option<TableId> {
        query.from.table()
    }

    fn rows(&mut self, query: &Query, alias: Alias) {
        match &query.from {
            From::Nothing => return,
            From::Table(table) => self.table(*table),
            From::Written { .. } if self.of_statement => self.word("w"),
            From::Written { write, key, table } => {
                self.written_rows(*write, *table, key, alias, Missing::LeftOut);
                return;
            }
            From::Function {
                function, arguments, ..
            } => {
                // Arguments stand in the scope around: the alias of this level is not yet visible in its own FROM.
                let own = self.pop_scope();
                self.function_call(*function, arguments);
                if let Some(own) = own {
                    self.push_scope(own);
                }
            }
        }
        self.word(" AS ");
        self.alias(alias);
    }

    /// `whole`: every row is looked at, no page of them. SQLite then gets the row that a to-one relation must have as a
    /// table beside, so that it may begin with either side; EXISTS would ask for it once per row. (A page is found
    /// sooner along the index of its order, row by row.)
    fn conditions(&mut self, query: &Query, keyset: bool, whole: bool) {
        let beside = !self.is_postgres() && whole && query.through.is_none();
        let parts: &[Predicate] = match &query.predicate {
            Predicate::And(parts) => parts,
            one => std::slice::from_ref(one),
        };
        let joined = parts
            .iter()
            .position(|part| beside && matches!(part, Predicate::Exists(exists) if self.is_one_row(exists)));
        let mut first = true;
        let mut connect = |writer: &mut Self| {
            writer.word(if first { " WHERE " } else { " AND " });
            first = false;
        };
        if let Some(through) = &query.through {
            if through.unique {
                let alias = self.new_alias();
                self.word(", ");
                self.table(through.table);
                self.word(" AS ");
                self.alias(alias);
                connect(self);
                self.push_scope(alias);
                self.part(&through.condition);
                self.pop_scope();
            } else {
                connect(self);
                self.exists(&Exists {
                    table: through.table,
                    predicate: through.condition.clone(),
                });
            }
        }
        // A function that is to return one row and returns null stands there as a row of nulls.
        if let From::Function { function, .. } = &query.from
            && let FunctionResult::Rows { many: false, .. } = &self.catalog.database.functions[*function].result
            && let Some(alias) = self.pop_scope()
        {
            connect(self);
            self.word("NOT (");
            self.alias(alias);
            self.word(" IS NULL)");
            self.push_scope(alias);
        }
        if let Some(Predicate::Exists(exists)) = joined.map(|index| &parts[index]) {
            let alias = self.new_alias();
            self.word(", ");
            self.table(exists.table);
            self.word(" AS ");
            self.alias(alias);
            connect(self);
            self.push_scope(alias);
            self.part(&exists.predicate);
            self.pop_scope();
        }
        let always = |predicate: &Predicate| *predicate == Predicate::TRUE;
        for (_, part) in parts.iter().enumerate().filter(|(index, _)| Some(*index) != joined) {
            if !always(part) {
                connect(self);
                self.part(part);
                self.days_around(part);
            }
        }
        if keyset && !always(&query.keyset) {
            connect(self);
            self.part(&query.keyset);
        }
    }

    /// Whether at most one row can be meant: the row around has a unique key of integers. (Other types may compare
    /// equal where the index holds them apart.)
    fn is_one_row(&self, exists: &Exists) -> bool {
        let parts = match &exists.predicate {
            Predicate::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let is_integer = |table: TableId, column| {
            let data_type = &self.catalog.table(table).column(column).data_type;
            matches!(data_type, Type::Integer(_))
        };
        let key: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                Predicate::Compare {
                    left:
                        Term::Column {
                            scope: 0,
                            table,
                            column,
                        },
                    comparison: Comparison::Equal,
                    right:
                        Term::Column {
                            scope: 1,
                            table: around,
                            column: own,
                        },
                } if is_integer(*table, *column) && is_integer(*around, *own) => Some(*column),
                _ => None,
            })
            .collect();
        self.catalog.table(exists.table).is_unique(&key)
    }

    /// A predicate beside others that are joined by AND.
    fn part(&mut self, predicate: &Predicate) {
        let bracket = matches!(predicate, Predicate::Or(_));
        if bracket {
            self.word("(");
        }
        self.predicate(predicate);
        if bracket {
            self.word(")");
        }
    }

    /// The number of rows of a level, cursors and page apart.
    pub(super) fn total(&mut self, query: &Query) {
        let alias = self.new_alias();
        self.push_scope(alias);
        self.word("SELECT count(*) AS n");
        if query.distinct == 0 {
            self.word(" FROM ");
            self.rows(query, alias);
            self.conditions(query, false, true);
        } else {
            self.word(" FROM (SELECT DISTINCT ");
            for (index, term) in query.order[..query.distinct].iter().enumerate() {
                self.comma(index);
                self.order_term(&term.term);
                self.word(" AS c");
                self.number(index as u64);
            }
            self.word(" FROM ");
            self.rows(query, alias);
            self.conditions(query, false, true);
            self.word(") AS d");
        }
        self.pop_scope();
    }

    /// A term as it is compared in orders: types that may have no order of their own as their text, and on SQLite moments
    /// and days of several forms in their canonical one.
    pub(super) fn order_term(&mut self, term: &Term) {
        if let Some(function) = self.order_function(term) {
            self.called(function, term);
            return;
        }
        self.term(term);
        if matches!(
            term.data_type(self.catalog),
            Type::Other(_) | Type::Array(_) | Type::Json
        ) {
            self.by_flavor("::text", "");
        }
    }

    pub(super) fn order(&mut self, order: &[OrderTerm]) {
        for (index, term) in order.iter().enumerate() {
            self.word(if index == 0 { " ORDER BY " } else { ", " });
            self.order_term(&term.term);
            if term.descending {
                self.word(" DESC");
            }
            // Where the place is the database's default anyway it is left out, so that an index serves the order.
            let default = if self.is_postgres() {
                Nulls::default_for(term.descending)
            } else {
                sqlite_nulls(term.descending)
            };
            if term.nullable && term.nulls != default {
                self.word(if term.nulls == Nulls::First {
                    " NULLS FIRST"
                } else {
                    " NULLS LAST"
                });
            }
        }
    }

    pub(super) fn page(&mut self, query: &Query) {
        if query.limit.is_some() {
            self.word(" LIMIT ");
            self.limit_mark(query);
        } else if (query.offset.is_some() || self.in_derived_table) && !self.is_postgres() {
            // SQLite forgets the order of a derived table that has no limit.
            self.word(" LIMIT -1");
        }
        if query.offset.is_some() {
            self.word(" OFFSET ");
            self.offset_mark(query);
        }
    }

    /// How many rows a page passes over, where it may pass over any.
    pub(super) fn offset_mark(&mut self, query: &Query) {
        if let Some(offset) = query.offset {
            let form = Form::Count { most: None, plus: 0 };
            self.mark(&Parameter::Slot(offset), &Type::Integer(64), false, form);
        }
    }

    /// How many rows a page has at most, where that has an end.
    pub(super) fn limit_mark(&mut self, query: &Query) {
        let Some(count) = &query.limit else { return };
        let form = Form::Count {
            most: count.most,
            plus: count.plus,
        };
        let source = match (count.slot, count.most) {
            (Some(slot), _) => Parameter::Slot(slot),
            (None, Some(most)) => Parameter::Constant(Datum::Integer(i64::try_from(most).unwrap_or(i64::MAX))),
            (None, None) => Parameter::Constant(Datum::Integer(i64::MAX - 1)),
        };
        self.mark(&source, &Type::Integer(64), false, form);
    }
}

/// SQLite sorts nulls as the least value.
fn sqlite_nulls(descending: bool) -> Nulls {
    if descending { Nulls::Last } else { Nulls::First }
}
