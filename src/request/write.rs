//! Writes, in names: one change of one table's rows, and what is written of them.

use super::{Expression, Filter, Formats, Output, Slot, Values};
use crate::ident::Name;

/// Writes that happen together or not at all, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The shapes.
    pub writes: Vec<Write>,
    /// What fills their holes.
    pub values: Values,
}

/// One change of one table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// The table's exposed name.
    pub table: Name,
    /// What happens.
    pub change: Change,
    /// What is written of the rows that were changed ([`Output::Rows`] or [`Output::Row`]), in the order in which they
    /// were sent; `None`: nothing but their number. A deleted row is written as it was.
    pub returning: Option<Output>,
    /// How values are written.
    pub formats: Formats,
}

/// What happens to rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// New rows.
    Insert(Insert),
    /// Changed rows: those that the filter finds among those that the caller may update (and read, where the caller may
    /// read the table).
    Update {
        /// Which rows; `None` is all.
        filter: Option<Filter>,
        /// New values; an expression sees the row as it was.
        set: Vec<Assignment>,
    },
    /// Rows that go, found likewise.
    Delete {
        /// Which rows; `None` is all.
        filter: Option<Filter>,
    },
}

/// New rows of one table, all with the same columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    /// The columns that were sent.
    pub columns: Vec<Name>,
    /// A slot with a list of rows, each a list of values in the order of `columns`.
    pub rows: Slot,
    /// What happens where a row of the same key stands; `None`: a conflict is an error.
    pub conflict: Option<Conflict>,
}

/// What happens where a new row meets one with the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conflict {
    /// Which key is meant.
    pub target: ConflictTarget,
    /// What happens.
    pub action: ConflictAction,
}

/// The unique key that a conflict is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConflictTarget {
    /// Any key.
    Any,
    /// The table's own key.
    Key,
    /// The unique key of these columns.
    Columns(Vec<Name>),
    /// The constraint or index of this name.
    Constraint(Name),
}

/// What happens to the row that stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConflictAction {
    /// It stays, and the new one is left out.
    Ignore,
    /// These of its columns take the new row's values.
    Update {
        /// Which columns.
        columns: Vec<Name>,
        /// Only if it satisfies this, else it stays as it is.
        filter: Option<Filter>,
    },
}

/// A new value of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The column.
    pub column: Name,
    /// Its value.
    pub value: Expression,
}
