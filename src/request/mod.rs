//! The request IR: what a front understood, in names only. No type, no id, no SQL.
//!
//! Values never stand in the tree: a front pushes each into [`Values`] and keeps the [`Slot`]. So a tree is the request's
//! *shape*: it can be hashed, compared and used as the key of a cached plan, whose holes the values fill.

mod build;
mod filter;
mod once;
mod outline;
mod output;
mod shape;
mod write;

pub use build::{Builder, Values};
pub use filter::{Aggregation, Comparison, Expression, Filter, Function, JsonStep};
pub use once::Once;
pub use outline::{outline, outline_writes};
pub use output::{
    AggregateField, AggregateFunction, AggregateMember, AggregateOperand, BytesFormat, ConnectionField, Constant,
    EdgeField, Field, FieldValue, Formats, GroupField, GroupKey, NumberFormat, Output, PageInfoField,
};

pub use shape::ReadShape;
pub use write::{
    Assignment, Batch, Before, Change, Conflict, ConflictAction, ConflictTarget, Insert, Link, RowGroup, Side, Write,
};

use crate::ident::Name;

/// The place of a value in [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// A request as a front hands it to the engine.
#[derive(Clone, Debug)]
pub struct Request {
    /// The shape.
    pub read: ReadShape,
    /// What fills its holes.
    pub values: Values,
}

/// What a front makes of what was asked, for whoever looks at it without running it.
#[derive(Clone, Debug)]
pub enum Demand {
    /// Reads, each with a name.
    Reads(Vec<(String, Request)>),
    /// A batch, and a name for each of its writes.
    Writes(Vec<String>, Batch),
}

/// One root read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    /// Where rows come from.
    pub source: Source,
    /// What is asked of them.
    pub select: Select,
    /// How values are written where fronts differ.
    pub formats: Formats,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An exposed table or view.
    Table(Name),
    /// A function that returns rows of a table, or a scalar (PostgreSQL).
    Function {
        /// Its exposed name.
        name: Name,
        /// Arguments by name.
        arguments: Vec<(Name, Slot)>,
    },
}

/// A question about the rows of one table; also of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Select {
    /// Which rows; `None` is all.
    pub filter: Option<Filter>,
    /// In which order. The engine adds the key where paging needs a total order.
    pub order: Vec<Order>,
    /// One row for each distinct combination, the first in `order` (which must begin with them, in any direction).
    pub distinct: Vec<Expression>,
    /// Which part of them.
    pub page: Page,
    /// What is written.
    pub output: Output,
}

/// A term of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// What is compared.
    pub by: Expression,
    /// Down instead of up.
    pub descending: bool,
    /// Where nulls stand. Always explicit, so that both databases agree.
    pub nulls: Nulls,
}

/// Where nulls stand in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Before all values.
    First,
    /// After all values.
    Last,
}

impl Nulls {
    /// PostgreSQL's default, which is GraphQL's too: last when ascending, first when descending.
    #[must_use]
    pub fn default_for(descending: bool) -> Self {
        if descending { Nulls::First } else { Nulls::Last }
    }
}

/// Which part of the ordered rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Page {
    /// At most so many rows: a slot with an integer ≥ 0. The front has applied its default and maximum to the value.
    pub limit: Option<Slot>,
    /// Rows passed over: a slot with an integer ≥ 0.
    pub offset: Option<Slot>,
    /// Only rows after this cursor in the order: a slot with the cursor's text.
    pub after: Option<Slot>,
    /// Only rows before this cursor.
    pub before: Option<Slot>,
    /// The last `limit` rows of the order instead of the first (Relay's `last`), still written in the order.
    pub backward: bool,
    /// Whether [`crate::engine::Outcome::total`] is wanted: the rows of the whole list, cursors and page apart.
    pub total: bool,
    /// Whether [`crate::engine::Outcome::next`] is wanted: a cursor to the rest, if there is one.
    pub next: bool,
    /// Whether the limit is [`SHORT`] at most: then the page may be kept until it is known how many rows it has.
    pub short: bool,
}

/// Most rows of a short page.
pub const SHORT: u64 = 1000;
