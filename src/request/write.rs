//! Writes, in names: changes of one table's rows each, and what is written of them.
//!
//! Nested writes are no tree here: each level is a write of its own, linked to rows of an earlier one. So a batch is a list
//! in the order in which it happens, and what a level costs does not depend on how many rows it has.

use super::{Expression, Filter, Formats, Once, Output, Select, Slot, Values};
use crate::ident::Name;
use crate::telemetry::Operation;

/// Writes that happen together or not at all, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The shapes.
    pub writes: Vec<Write>,
    /// What fills their holes.
    pub values: Values,
    /// They happen once, however often they are sent; `None`: each time.
    pub once: Option<Once>,
}

impl Batch {
    /// What kind of change it is, looked-up rows apart.
    #[must_use]
    pub fn operation(&self) -> Operation {
        let kinds = self.writes.iter().filter_map(|write| match &write.change {
            Change::Insert(insert) if insert.conflict.is_some() => Some(Operation::Write),
            Change::Insert(_) | Change::Connect { .. } => Some(Operation::Create),
            Change::Update { .. } => Some(Operation::Update),
            Change::Delete { .. } => Some(Operation::Delete),
            Change::Call { .. } => Some(Operation::Write),
            Change::Find { .. } => None,
        });
        let one = |one: Operation, other| if one == other { one } else { Operation::Write };
        kinds.reduce(one).unwrap_or(Operation::Write)
    }
}

/// One change of one table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// The table's exposed name.
    pub table: Name,
    /// What happens.
    pub change: Change,
    /// What is written of the rows that were changed ([`Output::Rows`], [`Output::Row`] or
    /// [`Output::Keys`]), in the order in which they
    /// were sent, as they are after its unit; `None`: nothing but their number. A deleted row is written as it was.
    pub returning: Option<Output>,
    /// How values are written.
    pub formats: Formats,
    /// Writes of one unit (a root field with all that is nested in it) are read back together, as they are when all of them
    /// have happened. The numbers rise.
    pub unit: u16,
    /// That no row is found is an error: the row is unknown, or the caller may only read it. (A row of another is unknown: the
    /// error is the same whether it exists or not.)
    pub strict: bool,
    /// That no row is found leaves out all of its unit, what came before it too, and is no error: what was to be read back is
    /// null.
    pub skips: bool,
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
        /// Only rows that a relation leads to from rows of an earlier write.
        within: Option<Link>,
        /// New values; an expression sees the row as it was.
        set: Vec<Assignment>,
        /// Columns that take their values from a row of an earlier write.
        links: Vec<Link>,
    },
    /// Rows that go, found likewise.
    Delete {
        /// Which rows; `None` is all.
        filter: Option<Filter>,
        /// Only rows that a relation leads to from rows of an earlier write.
        within: Option<Link>,
    },
    /// Nothing: rows that the caller may read are looked up, so that later writes can link to them. They count as none.
    Find {
        /// Which rows; `None` is all.
        filter: Option<Filter>,
        /// Only rows that a relation leads to from rows of an earlier write.
        within: Option<Link>,
        /// It must be one row, no more and no less.
        one: bool,
        /// Only rows that the caller may update with these values, as a later write of the batch does.
        before: Option<Before>,
    },
    /// New rows of a join table: one of each for each row of an earlier write, where there is none of its kind yet.
    Connect {
        /// What they are linked to; the last link is to the write whose rows they are made for.
        links: Vec<Link>,
        /// A slot with a list of rows, as in [`RowGroup::rows`]; their places, and those of the last link, are of no account.
        rows: Slot,
    },
    /// A function that may write is called (PostgreSQL), whose name stands in the place of the table's. What it returns is
    /// written as it is then; `returning` says nothing.
    Call {
        /// Arguments by name.
        arguments: Vec<(Name, Slot)>,
        /// What of its rows, or of its value.
        select: Box<Select>,
    },
}

/// The new values of a later update, of the same names there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Before {
    /// Those that are sent.
    pub set: Vec<Assignment>,
    /// Those that come from rows of earlier writes.
    pub links: Vec<Link>,
}

/// New rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    /// The rows, those with the same columns together.
    pub groups: Vec<RowGroup>,
    /// What happens where a row of the same key stands; `None`: a conflict is an error.
    pub conflict: Option<Conflict>,
}

/// New rows with the same columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowGroup {
    /// The columns that were sent. One that a rule sets for new rows may be among them where an upsert names it among those
    /// that it changes.
    pub columns: Vec<Name>,
    /// Columns that take their values from rows of earlier writes.
    pub links: Vec<Link>,
    /// A slot with a list of rows. Each is a list: its place among all rows of the write (an integer from 0 on), for each
    /// link the place of the row it is linked to among those of the earlier write, and the values of `columns`.
    pub rows: Slot,
}

/// A connection with rows of an earlier write of the batch, over a relation between the two tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// The index of the earlier write.
    pub write: usize,
    /// The relation's exposed name.
    pub relation: Name,
    /// Whose relation it is.
    pub side: Side,
}

/// Whose relation a link goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// This table's: it leads to the earlier write's rows.
    Own,
    /// The earlier write's table's: it leads here.
    Theirs,
    /// That of the earlier write's table, which leads through this one: this row refers to the earlier write's row.
    Near,
    /// Likewise, but this row refers to the row at the relation's end, which is the earlier write's.
    Far {
        /// The write whose table has the relation.
        parent: usize,
    },
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
    /// Any key; only for [`ConflictAction::Ignore`].
    Any,
    /// The table's own key.
    Key,
    /// The unique key of these columns.
    Columns(Vec<Name>),
}

/// What happens to the row that stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConflictAction {
    /// It stays, and the new one is left out.
    Ignore,
    /// Its columns take the new row's values.
    Update {
        /// Which columns; `None`: all that were sent, but those of the key.
        columns: Option<Vec<Name>>,
        /// Only if it satisfies this, else it stays as it is.
        filter: Option<Filter>,
        /// The new row must be one that the caller may create even where it meets one that stands. Else the right to create
        /// is asked for rows alone that are new.
        proposed: bool,
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
