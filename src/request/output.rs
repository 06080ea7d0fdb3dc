//! What is written for the rows: output keys and what stands under them, in order.

use super::{Expression, Filter, Select};
use crate::ident::Name;

/// What a select writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// An array of objects.
    Rows(Vec<Field>),
    /// One object (the first row), or null.
    Row(Vec<Field>),
    /// One object with aggregates over all rows of the select (after distinct, limit and offset).
    Aggregate(Vec<AggregateField>),
    /// An array with one object per group.
    Groups {
        /// What makes a group.
        by: Vec<(Name, Expression)>,
        /// Which groups; aggregates stand in it as [`Expression::Aggregate`] without relation.
        having: Option<Filter>,
        /// What is written.
        fields: Vec<GroupField>,
    },
    /// Relay's connection: one object. Only at a root.
    Connection(Vec<ConnectionField>),
    /// The bare value of a function that returns a scalar, or the array of them. Only at a root.
    Scalar,
    /// An array of objects with nothing but the table's key, under its exposed names. Only of rows that were written: their
    /// key is told also where they, or the whole table, cannot be read.
    Keys,
}

impl Default for Output {
    fn default() -> Self {
        Output::Rows(Vec::new())
    }
}

/// A member of a row's object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Every column that the caller may read, under its exposed name, in the table's order.
    AllColumns,
    /// One member.
    Member {
        /// The output key.
        key: Name,
        /// What stands there.
        value: FieldValue,
    },
}

/// What stands under an output key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldValue {
    /// An expression's value.
    Expression(Expression),
    /// The same for every row (`__typename`).
    Constant(Constant),
    /// The related row (an object or null), rows (an array), their aggregate or groups.
    Relation {
        /// The relation's exposed name. For a to-one relation `select.output` is [`Output::Row`].
        name: Name,
        /// What is asked of the related rows.
        select: Box<Select>,
    },
    /// An object of members over the same row (the Records API's `{"id":…,"data":…}`).
    Object {
        /// Null instead of the object where this is null.
        unless_null: Option<Expression>,
        /// Its members.
        fields: Vec<Field>,
    },
    /// A computed field: a PostgreSQL function of the row.
    Computed {
        /// Its exposed name.
        name: Name,
        /// Arguments by name.
        arguments: Vec<(Name, super::Slot)>,
        /// What of the rows, where the function returns rows of a table; one row is [`Output::Row`].
        select: Option<Box<Select>>,
    },
}

/// A JSON constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// A string.
    Text(Name),
    /// null
    Null,
}

/// A member of an aggregate's object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AggregateField {
    /// A constant.
    Constant(Name, Constant),
    /// An object of aggregates: `aggregate { … }`.
    Aggregates(Name, Vec<AggregateMember>),
    /// The rows themselves: `nodes { … }`.
    Nodes(Name, Vec<Field>),
}

/// A member of `aggregate { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AggregateMember {
    /// A constant.
    Constant(Name, Constant),
    /// A count: of rows, or of rows where none of the expressions is null, or of distinct combinations.
    Count {
        /// The output key.
        key: Name,
        /// Counted expressions; empty counts rows.
        of: Vec<Expression>,
        /// Each combination once.
        distinct: bool,
    },
    /// An object of one function over several columns: `sum { price pages }`.
    Function {
        /// The output key.
        key: Name,
        /// Which function.
        function: AggregateFunction,
        /// Output key (or constant) and what is aggregated.
        members: Vec<(Name, AggregateOperand)>,
    },
}

/// What is aggregated under one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOperand {
    /// An expression of the rows.
    Expression(Expression),
    /// `__typename`
    Constant(Constant),
}

/// Aggregate functions; null for no rows, except counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// How many.
    Count,
    /// Sum of numbers.
    Sum,
    /// Mean of numbers.
    Average,
    /// Least.
    Minimum,
    /// Greatest.
    Maximum,
    /// Sample standard deviation.
    StandardDeviation,
    /// Population standard deviation.
    StandardDeviationPopulation,
    /// Sample variance.
    Variance,
    /// Population variance.
    VariancePopulation,
}

/// A member of a group's object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupField {
    /// A constant.
    Constant(Name, Constant),
    /// An object of the group's keys: output key and the name in `by` (or a constant).
    Keys(Name, Vec<(Name, GroupKey)>),
    /// One key of the group in place.
    Key(Name, Name),
    /// An object of aggregates over the group.
    Aggregates(Name, Vec<AggregateMember>),
    /// An expression over the group's keys and aggregates.
    Expression(Name, Expression),
}

/// A member of a group's `key` object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// The name in `by`.
    By(Name),
    /// `__typename`
    Constant(Constant),
}

/// A member of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionField {
    /// A constant.
    Constant(Name, Constant),
    /// `edges { cursor node }`
    Edges(Name, Vec<EdgeField>),
    /// `nodes { … }`
    Nodes(Name, Vec<Field>),
    /// `pageInfo { … }`
    PageInfo(Name, Vec<(Name, PageInfoField)>),
    /// `total_count`
    Total(Name),
}

/// A member of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EdgeField {
    /// A constant.
    Constant(Name, Constant),
    /// The row's cursor.
    Cursor(Name),
    /// The row.
    Node(Name, Vec<Field>),
}

/// A member of `pageInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageInfoField {
    /// More rows after the last.
    HasNext,
    /// More rows before the first.
    HasPrevious,
    /// Cursor of the first row, or null.
    Start,
    /// Cursor of the last row, or null.
    End,
    /// `__typename`
    Typename,
}

/// How values are written where fronts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Formats {
    /// Bytes and 16-byte keys.
    pub bytes: BytesFormat,
    /// bigint and numeric.
    pub numbers: NumberFormat,
    /// Whoever reads it takes geometries for such: what somebody stored that is none (SQLite) is null.
    pub features: bool,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum BytesFormat {
    /// `\x6869`, PostgreSQL's own form; UUIDs with hyphens.
    #[default]
    Hex,
    /// Base64 with the standard alphabet; UUIDs with hyphens.
    Base64,
    /// Base64 with the url-safe alphabet, padded; UUIDs in it too (the Records API).
    Base64Url,
}

/// How numbers that JavaScript cannot hold are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NumberFormat {
    /// As JSON numbers at full precision.
    #[default]
    Number,
    /// bigint and numeric as strings.
    Text,
}

impl AggregateFunction {
    /// Its word in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AggregateFunction::Count => "count",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Average => "avg",
            AggregateFunction::Minimum => "min",
            AggregateFunction::Maximum => "max",
            AggregateFunction::StandardDeviation => "stddev",
            AggregateFunction::StandardDeviationPopulation => "stddev_pop",
            AggregateFunction::Variance => "variance",
            AggregateFunction::VariancePopulation => "var_pop",
        }
    }
}
