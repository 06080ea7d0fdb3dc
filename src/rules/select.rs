//! An authorized select: names resolved to ids, and the rule of every table reference joined to its condition.

use super::{Aggregate, Predicate, Term};
use crate::catalog::TableId;
use crate::ident::Name;
use crate::request::{AggregateFunction, Constant, Nulls, PageInfoField, Slot};

/// A resolved select. Made by `authorize` alone; its `predicate` holds the table's rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// Where rows come from.
    pub from: From,
    /// The join table between the row around (scope 1) and this one.
    pub through: Option<Through>,
    /// The rule, the filter and the join with the row around (scope 1), all in one.
    pub predicate: Predicate,
    /// The order asked for; the plan completes it.
    pub order: Vec<OrderTerm>,
    /// One row per distinct combination.
    pub distinct: Vec<Term>,
    /// Which part.
    pub page: Page,
    /// What is written.
    pub output: Output,
    /// The key of the rows, for cursors: terms over scope 0.
    pub key: Vec<Term>,
    /// What rows are ordered by where the caller's order leaves them equal: terms over scope 0. The key, if there is one.
    pub default_order: Vec<Term>,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// A table.
    Table(TableId),
    /// A function of the database that returns rows of a table.
    Function {
        /// Index into the database's functions.
        function: usize,
        /// Argument names; `None` is the row around.
        arguments: Vec<(String, Option<Term>)>,
        /// The rows' table.
        table: TableId,
    },
    /// The rows that an earlier write of the batch has changed, in the order in which they were sent.
    Written {
        /// Which write.
        write: u16,
        /// What it keeps of each row: so many of these columns find it again.
        key: Vec<crate::catalog::ColumnId>,
        /// Their table.
        table: TableId,
    },
    /// Nowhere: a function's scalar needs no rows.
    Nothing,
}

/// A join table.
#[derive(Clone, Debug, PartialEq)]
pub struct Through {
    /// The table.
    pub table: TableId,
    /// Its join conditions and its rule: scope 0 = its row, 1 = the target's row, 2 = the row around.
    pub condition: Predicate,
    /// Whether it holds each pair at most once (else the target is found by EXISTS).
    pub unique: bool,
}

/// A term of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTerm {
    /// What is compared.
    pub term: Term,
    /// Down.
    pub descending: bool,
    /// Where nulls stand.
    pub nulls: Nulls,
    /// Whether null can occur.
    pub nullable: bool,
}

/// Which part of the rows.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Page {
    /// The caller's limit.
    pub limit: Option<Slot>,
    /// The role's.
    pub most: Option<u64>,
    /// Rows passed over.
    pub offset: Option<Slot>,
    /// After a cursor.
    pub after: Option<Slot>,
    /// Before a cursor.
    pub before: Option<Slot>,
    /// The last rows instead of the first.
    pub backward: bool,
    /// The number of all rows is wanted.
    pub total: bool,
    /// Whether there is more, and a cursor to it, is wanted.
    pub next: bool,
    /// The caller's limit is a small one.
    pub short: bool,
}

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// An array of objects.
    Rows(Vec<Member>),
    /// One object or null.
    Row(Vec<Member>),
    /// One object of aggregates.
    Aggregate(Vec<AggregatePart>),
    /// An array of groups.
    Groups {
        /// What makes a group.
        by: Vec<GroupedBy>,
        /// Which groups.
        having: Predicate,
        /// What is written.
        parts: Vec<GroupPart>,
    },
    /// A connection.
    Connection(Vec<ConnectionPart>),
    /// A function's bare value, or the array of them.
    Scalar {
        /// The call.
        call: Call,
        /// `SETOF`
        many: bool,
    },
}

/// A call of a function of the database that returns a scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Index into the database's functions.
    pub function: usize,
    /// Argument names; `None` is the row itself.
    pub arguments: Vec<(String, Option<Term>)>,
    /// Type of the result.
    pub data_type: crate::value::Type,
}

/// A member of a row's object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Output key.
    pub key: Name,
    /// What stands there.
    pub value: MemberValue,
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberValue {
    /// A term.
    Term(Term),
    /// A constant.
    Constant(Constant),
    /// Related rows: a select whose scope 1 is this row.
    Relation(Box<Select>),
    /// An object over the same row.
    Object {
        /// Null instead where this is null.
        unless_null: Option<Term>,
        /// Members.
        members: Vec<Member>,
    },
    /// A function of the row that returns a scalar.
    Computed {
        /// Index into the database's functions.
        function: usize,
        /// Argument names; `None` is the row itself.
        arguments: Vec<(String, Option<Term>)>,
        /// Type of a scalar result.
        data_type: crate::value::Type,
    },
}

/// A member of an aggregate's object.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregatePart {
    /// A constant.
    Constant(Name, Constant),
    /// An object of aggregates.
    Aggregates(Name, Vec<AggregateItem>),
    /// The rows.
    Nodes(Name, Vec<Member>),
}

/// A member of `aggregate { … }`.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregateItem {
    /// A constant.
    Constant(Name, Constant),
    /// One aggregate over the rows (scope 0).
    Value(Name, Aggregate),
    /// An object of one function over several operands.
    Function(Name, AggregateFunction, Vec<(Name, Result<Aggregate, Constant>)>),
}

/// A key of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupedBy {
    /// Its name.
    pub name: Name,
    /// Its term.
    pub term: Term,
}

/// A member of a group's object.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupPart {
    /// A constant.
    Constant(Name, Constant),
    /// An object of keys: output key and the index in `by`, or a constant.
    Keys(Name, Vec<(Name, Result<usize, Constant>)>),
    /// One key in place.
    Key(Name, usize),
    /// An object of aggregates.
    Aggregates(Name, Vec<AggregateItem>),
    /// A term over keys and aggregates.
    Term(Name, Term),
}

/// A member of a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionPart {
    /// A constant.
    Constant(Name, Constant),
    /// Edges.
    Edges(Name, Vec<EdgePart>),
    /// Nodes.
    Nodes(Name, Vec<Member>),
    /// Page information.
    PageInfo(Name, Vec<(Name, PageInfoField)>),
    /// The number of all rows.
    Total(Name),
}

/// A member of an edge.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgePart {
    /// A constant.
    Constant(Name, Constant),
    /// The row's cursor.
    Cursor(Name),
    /// The row.
    Node(Name, Vec<Member>),
}

impl From {
    /// The table whose rows come, where any do.
    #[must_use]
    pub fn table(&self) -> Option<TableId> {
        match self {
            From::Table(table) | From::Function { table, .. } | From::Written { table, .. } => Some(*table),
            From::Nothing => None,
        }
    }
}
