//! Select lists, and levels further in: records and arrays of records on PostgreSQL, built JSON on SQLite.

use super::columns::Columns;
use super::layout::{Layout, Member as LayoutMember, Nested, Wire};
use super::{Form, Writer};
use crate::plan::{Body, Member, Part, Query, Value};
use crate::request::Constant;
use crate::rules::{AggregateItem, From, GroupPart, GroupedBy, Parameter, Term};
use crate::value::{Datum, Type};

/// Counts the columns of a select list (or of a record).
#[derive(Default)]
pub(super) struct List {
    pub(super) count: usize,
}

impl List {
    /// Room for one more column: a comma where it is not the first.
    pub(super) fn next(&mut self, writer: &mut Writer<'_>) -> usize {
        writer.comma(self.count);
        self.count += 1;
        self.count - 1
    }
}

/// `"key":` with a comma before it where it is not the first.
fn key_bytes(key: &str, index: usize) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(key.len() + 4);
    if index > 0 {
        bytes.push(b',');
    }
    bytes.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
    bytes.push(b':');
    bytes.into()
}

fn constant_layout(constant: &Constant) -> Layout {
    match constant {
        Constant::Null => Layout::Constant(b"null".as_slice().into()),
        Constant::Text(text) => {
            Layout::Constant(serde_json::Value::from(text.as_str()).to_string().into_bytes().into())
        }
    }
}

/// Collects members of an object layout.
struct ObjectLayout(Vec<LayoutMember>);

impl ObjectLayout {
    fn push(&mut self, key: &str, value: Layout) {
        let key = key_bytes(key, self.0.len());
        self.0.push(LayoutMember { key, value });
    }

    fn finish(self) -> Layout {
        Layout::Object {
            members: self.0,
            unless_null: None,
        }
    }
}

impl Writer<'_> {
    /// Writes the columns of an object's members into the select list at hand and tells how they are put together.
    pub(super) fn members(&mut self, list: &mut List, members: &[Member]) -> Layout {
        let mut object = ObjectLayout(Vec::with_capacity(members.len()));
        for member in members {
            let value = match &member.value {
                Value::Term(term) => {
                    let index = list.next(self);
                    let wire = self.leaf(term);
                    Layout::Column { index, wire }
                }
                Value::Constant(constant) => constant_layout(constant),
                Value::Cursor => Layout::Cursor,
                Value::Query(query) => {
                    let index = list.next(self);
                    self.inner(index, query)
                }
                Value::Object { unless_null, members } => {
                    let guard = unless_null.as_ref().map(|term| {
                        let index = list.next(self);
                        self.leaf(term);
                        index
                    });
                    match self.members(list, members) {
                        Layout::Object { members, .. } => Layout::Object {
                            members,
                            unless_null: guard,
                        },
                        other => other,
                    }
                }
                Value::Computed {
                    function,
                    arguments,
                    data_type,
                } => {
                    let index = list.next(self);
                    let wire = self.computed(*function, arguments, data_type, true);
                    Layout::Column { index, wire }
                }
            };
            object.push(member.key.as_str(), value);
        }
        object.finish()
    }

    /// A level further in, as one column.
    fn inner(&mut self, index: usize, query: &Query) -> Layout {
        if !self.is_postgres() {
            self.json_query(query);
            return Layout::Column {
                index,
                wire: Wire::BuiltJson,
            };
        }
        if let Some(layout) = self.bare(index, query) {
            return layout;
        }
        let many = matches!(query.body, Body::Rows(_) | Body::Groups { .. });
        self.word(if many { "ARRAY(SELECT ROW(" } else { "(SELECT ROW(" });
        let layout = self.record(query);
        self.word(")");
        let nested = if many {
            Nested::Rows(layout)
        } else {
            Nested::Row(layout)
        };
        Layout::Nested {
            index,
            nested: Box::new(nested),
        }
    }

    /// One row of which one column is asked for that is never null: the bare value, which costs less than a record, and
    /// whose absence tells that there is no row.
    fn bare(&mut self, index: usize, query: &Query) -> Option<Layout> {
        let (Body::Row(members), From::Table(table)) = (&query.body, &query.from) else {
            return None;
        };
        let mut asked = members
            .iter()
            .filter(|member| !matches!(member.value, Value::Constant(_)));
        let (Some(member), None) = (asked.next(), asked.next()) else {
            return None;
        };
        let Value::Term(Term::Column { scope: 0, column, .. }) = &member.value else {
            return None;
        };
        let column = self.catalog.table(*table).column(*column);
        let built = matches!(column.data_type, Type::Geometry | Type::Array(_) | Type::Other(_));
        if column.nullable || built || query.distinct > 0 || self.is_cut_first(query) {
            return None;
        }
        self.word("(SELECT ");
        let alias = self.new_alias();
        let mut list = List::default();
        self.push_scope(alias);
        let layout = self.body(&mut list, query);
        self.tail(query, alias);
        self.pop_scope();
        self.word(")");
        let members = match layout {
            Layout::Object { members, .. } => members,
            _ => Vec::new(),
        };
        let placed = |mut member: LayoutMember| {
            if let Layout::Column { index: own, .. } = &mut member.value {
                *own = index;
            }
            member
        };
        Some(Layout::Object {
            members: members.into_iter().map(placed).collect(),
            unless_null: Some(index),
        })
    }

    /// The inside of `SELECT ROW(…) FROM …` for an inner level (PostgreSQL).
    fn record(&mut self, query: &Query) -> Layout {
        let alias = self.new_alias().derived(query.distinct > 0 || self.is_cut_first(query));
        let mut list = List::default();
        self.push_scope(alias);
        let layout = self.body(&mut list, query);
        self.word(")");
        self.tail(query, alias);
        self.pop_scope();
        layout
    }

    /// The columns of a level's body.
    pub(super) fn body(&mut self, list: &mut List, query: &Query) -> Layout {
        match &query.body {
            Body::Rows(members) | Body::Row(members) => self.members(list, members),
            Body::Aggregate(parts) => self.aggregate_parts(list, parts),
            Body::Groups { by, parts, .. } => self.group_parts(list, by, parts),
            Body::Lists(_) => Layout::Constant(b"null".as_slice().into()),
            Body::Scalar(call) => {
                let index = list.next(self);
                let wire = self.computed(call.function, &call.arguments, &call.data_type, false);
                Layout::Column { index, wire }
            }
        }
    }

    /// Everything behind the select list: FROM, WHERE, GROUP BY, ORDER BY, LIMIT.
    pub(super) fn tail(&mut self, query: &Query, alias: super::writer::Alias) {
        let mut needed = Columns::default();
        match &query.body {
            Body::Rows(members) | Body::Row(members) => needed.members(members, 0),
            Body::Lists(lists) => lists.iter().for_each(|members| needed.members(members, 0)),
            Body::Aggregate(parts) => needed.aggregates(parts, 0),
            Body::Groups { .. } => needed.groups(query, 0),
            Body::Scalar(_) => {}
        }
        match &query.body {
            Body::Scalar(_) => {}
            // Without an aggregate in the list there is one row, and no need of a source.
            Body::Aggregate(parts) if !has_aggregates(parts) => {}
            Body::Aggregate(_) => {
                let cut = query.limit.is_some() || query.offset.is_some();
                if cut {
                    // The aggregate is over the page: a derived table of its own.
                    let mut passed = Columns::default();
                    passed.columns.clone_from(&needed.columns);
                    needed.order(&query.order, 0);
                    self.word(" FROM (SELECT ");
                    let table = self.table_of(query);
                    self.passed_on(table, &passed);
                    self.source(query, alias, &needed);
                    self.order(&query.order);
                    self.page(query);
                    self.word(") AS ");
                    self.alias(alias);
                } else {
                    needed.order(&query.order, 0);
                    self.source(query, alias, &needed);
                }
            }
            Body::Groups { by, having, .. } => {
                needed.order(&query.order, 0);
                self.source(query, alias, &needed);
                for (index, key) in by.iter().enumerate() {
                    self.word(if index == 0 { " GROUP BY " } else { ", " });
                    self.distinct_term(&key.term);
                }
                if *having != crate::rules::Predicate::TRUE {
                    self.word(" HAVING ");
                    self.predicate(having);
                }
                self.order(&query.order);
                self.page(query);
            }
            Body::Rows(_) | Body::Row(_) | Body::Lists(_) if self.is_cut_first(query) => {
                needed.order(&query.order, 0);
                self.cut_first(query, alias, &needed);
            }
            Body::Rows(_) | Body::Row(_) | Body::Lists(_) => {
                needed.order(&query.order, 0);
                self.source(query, alias, &needed);
                self.order(&query.order);
                if matches!(query.body, Body::Row(_)) && query.limit.is_none() && query.offset.is_none() {
                    self.word(" LIMIT 1");
                } else {
                    self.page(query);
                }
            }
        }
    }

    fn aggregate_parts(&mut self, list: &mut List, parts: &[Part]) -> Layout {
        let mut object = ObjectLayout(Vec::with_capacity(parts.len()));
        for part in parts {
            match part {
                Part::Constant(key, constant) => object.push(key.as_str(), constant_layout(constant)),
                Part::Aggregates(key, items) => {
                    let layout = self.aggregate_items(list, items);
                    object.push(key.as_str(), layout);
                }
                Part::Nodes(key, nodes) => {
                    let index = list.next(self);
                    // Nodes stand beside the aggregate, not inside its rows.
                    let own = self.pop_scope();
                    let layout = self.inner(index, nodes);
                    if let Some(own) = own {
                        self.push_scope(own);
                    }
                    object.push(key.as_str(), layout);
                }
            }
        }
        if list.count == 0 {
            // Only constants: a column is needed all the same.
            list.next(self);
            self.word("1");
        }
        object.finish()
    }

    fn aggregate_items(&mut self, list: &mut List, items: &[AggregateItem]) -> Layout {
        let mut object = ObjectLayout(Vec::with_capacity(items.len()));
        for item in items {
            match item {
                AggregateItem::Constant(key, constant) => object.push(key.as_str(), constant_layout(constant)),
                AggregateItem::Value(key, aggregate) => {
                    let index = list.next(self);
                    let wire = self.leaf(&Term::Aggregate(Box::new(aggregate.clone())));
                    object.push(key.as_str(), Layout::Column { index, wire });
                }
                AggregateItem::Function(key, _, operands) => {
                    let mut inner = ObjectLayout(Vec::with_capacity(operands.len()));
                    for (name, operand) in operands {
                        match operand {
                            Err(constant) => inner.push(name.as_str(), constant_layout(constant)),
                            Ok(aggregate) => {
                                let index = list.next(self);
                                let wire = self.leaf(&Term::Aggregate(Box::new(aggregate.clone())));
                                inner.push(name.as_str(), Layout::Column { index, wire });
                            }
                        }
                    }
                    object.push(key.as_str(), inner.finish());
                }
            }
        }
        object.finish()
    }

    fn group_parts(&mut self, list: &mut List, by: &[GroupedBy], parts: &[GroupPart]) -> Layout {
        let mut object = ObjectLayout(Vec::with_capacity(parts.len()));
        for part in parts {
            match part {
                GroupPart::Constant(key, constant) => object.push(key.as_str(), constant_layout(constant)),
                GroupPart::Key(key, position) => {
                    let index = list.next(self);
                    let wire = self.key_leaf(&by[*position].term);
                    object.push(key.as_str(), Layout::Column { index, wire });
                }
                GroupPart::Keys(key, members) => {
                    let mut inner = ObjectLayout(Vec::with_capacity(members.len()));
                    for (name, member) in members {
                        match member {
                            Err(constant) => inner.push(name.as_str(), constant_layout(constant)),
                            Ok(position) => {
                                let index = list.next(self);
                                let wire = self.key_leaf(&by[*position].term);
                                inner.push(name.as_str(), Layout::Column { index, wire });
                            }
                        }
                    }
                    object.push(key.as_str(), inner.finish());
                }
                GroupPart::Aggregates(key, items) => {
                    let layout = self.aggregate_items(list, items);
                    object.push(key.as_str(), layout);
                }
                GroupPart::Term(key, term) => {
                    let index = list.next(self);
                    let wire = self.leaf(term);
                    object.push(key.as_str(), Layout::Column { index, wire });
                }
            }
        }
        if list.count == 0 {
            list.next(self);
            self.word("1");
        }
        object.finish()
    }

    // ---- SQLite: a level further in is JSON that the statement builds ----

    fn json_query(&mut self, query: &Query) {
        let alias = self.new_alias();
        self.push_scope(alias);
        match &query.body {
            Body::Rows(members) => {
                let ordered = !query.order.is_empty() || query.limit.is_some() || query.offset.is_some();
                self.word("(SELECT json_group_array(");
                self.json_members(members);
                self.word(")");
                if ordered {
                    let mut needed = Columns::default();
                    needed.members(members, 0);
                    self.derived(query, alias, needed);
                } else {
                    self.tail(query, alias);
                }
                self.word(")");
            }
            Body::Row(members) => {
                self.word("(SELECT ");
                self.json_members(members);
                self.tail(query, alias);
                self.word(")");
            }
            Body::Aggregate(parts) => {
                self.word("(SELECT ");
                self.json_aggregate(parts);
                self.tail(query, alias);
                self.word(")");
            }
            Body::Groups { by, parts, .. } => {
                self.word("(SELECT json_group_array(json(j)) FROM (SELECT ");
                self.json_groups(by, parts);
                self.word(" AS j");
                self.tail(query, alias);
                self.word("))");
            }
            Body::Lists(_) | Body::Scalar(_) => self.word("NULL"),
        }
        self.pop_scope();
    }

    /// ` FROM (SELECT … ORDER BY … LIMIT …) AS alias`: the page of rows whose JSON is built around it.
    fn derived(&mut self, query: &Query, alias: super::writer::Alias, needed: Columns) {
        let table = self.table_of(query);
        self.word(" FROM (SELECT ");
        self.passed_on(table, &needed);
        let mut inner = Columns::default();
        inner.columns.extend(needed.columns.iter().copied());
        inner.order(&query.order, 0);
        self.source(query, alias, &inner);
        self.order(&query.order);
        self.in_derived_table = true;
        self.page(query);
        self.in_derived_table = false;
        self.word(") AS ");
        self.alias(alias);
    }

    /// A key of built JSON: bound, because it may be a client's alias.
    fn json_key(&mut self, index: usize, key: &str) {
        self.comma(index);
        self.text_mark(key);
        self.word(", ");
    }

    fn text_mark(&mut self, text: &str) {
        self.mark(
            &Parameter::Constant(Datum::Text(text.into())),
            &Type::TEXT,
            false,
            Form::Plain,
        );
    }

    fn json_constant(&mut self, constant: &Constant) {
        match constant {
            Constant::Null => self.word("NULL"),
            Constant::Text(text) => self.text_mark(text.as_str()),
        }
    }

    fn json_members(&mut self, members: &[Member]) {
        self.word("json_object(");
        for (index, member) in members.iter().enumerate() {
            self.json_key(index, member.key.as_str());
            match &member.value {
                Value::Term(term) => self.json_leaf(term),
                Value::Constant(constant) => self.json_constant(constant),
                Value::Query(query) => self.json_query(query),
                Value::Object { unless_null, members } => match unless_null {
                    None => self.json_members(members),
                    Some(term) => {
                        self.word("CASE WHEN ");
                        self.term(term);
                        self.word(" IS NOT NULL THEN ");
                        self.json_members(members);
                        self.word(" END");
                    }
                },
                Value::Computed { .. } | Value::Cursor => self.word("NULL"),
            }
        }
        self.word(")");
    }

    fn json_aggregate(&mut self, parts: &[Part]) {
        self.word("json_object(");
        for (index, part) in parts.iter().enumerate() {
            match part {
                Part::Constant(key, constant) => {
                    self.json_key(index, key.as_str());
                    self.json_constant(constant);
                }
                Part::Aggregates(key, items) => {
                    self.json_key(index, key.as_str());
                    self.json_items(items);
                }
                Part::Nodes(key, nodes) => {
                    self.json_key(index, key.as_str());
                    let own = self.pop_scope();
                    self.json_query(nodes);
                    if let Some(own) = own {
                        self.push_scope(own);
                    }
                }
            }
        }
        self.word(")");
    }

    fn json_items(&mut self, items: &[AggregateItem]) {
        self.word("json_object(");
        for (index, item) in items.iter().enumerate() {
            match item {
                AggregateItem::Constant(key, constant) => {
                    self.json_key(index, key.as_str());
                    self.json_constant(constant);
                }
                AggregateItem::Value(key, aggregate) => {
                    self.json_key(index, key.as_str());
                    self.json_leaf(&Term::Aggregate(Box::new(aggregate.clone())));
                }
                AggregateItem::Function(key, _, operands) => {
                    self.json_key(index, key.as_str());
                    self.word("json_object(");
                    for (position, (name, operand)) in operands.iter().enumerate() {
                        self.json_key(position, name.as_str());
                        match operand {
                            Err(constant) => self.json_constant(constant),
                            Ok(aggregate) => self.json_leaf(&Term::Aggregate(Box::new(aggregate.clone()))),
                        }
                    }
                    self.word(")");
                }
            }
        }
        self.word(")");
    }

    fn json_groups(&mut self, by: &[GroupedBy], parts: &[GroupPart]) {
        self.word("json_object(");
        for (index, part) in parts.iter().enumerate() {
            match part {
                GroupPart::Constant(key, constant) => {
                    self.json_key(index, key.as_str());
                    self.json_constant(constant);
                }
                GroupPart::Key(key, position) => {
                    self.json_key(index, key.as_str());
                    self.json_key_leaf(&by[*position].term);
                }
                GroupPart::Keys(key, members) => {
                    self.json_key(index, key.as_str());
                    self.word("json_object(");
                    for (place, (name, member)) in members.iter().enumerate() {
                        self.json_key(place, name.as_str());
                        match member {
                            Err(constant) => self.json_constant(constant),
                            Ok(position) => self.json_key_leaf(&by[*position].term),
                        }
                    }
                    self.word(")");
                }
                GroupPart::Aggregates(key, items) => {
                    self.json_key(index, key.as_str());
                    self.json_items(items);
                }
                GroupPart::Term(key, term) => {
                    self.json_key(index, key.as_str());
                    self.json_leaf(term);
                }
            }
        }
        self.word(")");
    }

    /// Columns that make a row's cursor, one per term of the order.
    pub(super) fn cursor_columns(&mut self, list: &mut List, query: &Query) -> Vec<usize> {
        query
            .order
            .iter()
            .map(|term| {
                let index = list.next(self);
                if self.is_postgres() {
                    self.term(&term.term);
                    self.word("::text");
                } else {
                    self.order_term(&term.term);
                }
                index
            })
            .collect()
    }
}

/// Whether any aggregate is asked for; nodes and constants alone are none.
fn has_aggregates(parts: &[Part]) -> bool {
    let any = |item: &AggregateItem| match item {
        AggregateItem::Constant(..) => false,
        AggregateItem::Value(..) => true,
        AggregateItem::Function(_, _, operands) => operands.iter().any(|(_, operand)| operand.is_ok()),
    };
    parts
        .iter()
        .any(|part| matches!(part, Part::Aggregates(_, items) if items.iter().any(any)))
}
