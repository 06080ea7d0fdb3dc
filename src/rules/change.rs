//! Authorized writes: names resolved to ids, rules and presets joined to every change.

use super::{Predicate, Select, Term};
use crate::catalog::{ColumnId, FaceId, TableId};
use crate::request::Slot;

/// One resolved write of a batch. Made by `authorize_writes` alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The table.
    pub table: TableId,
    /// The face by which it is written.
    pub face: FaceId,
    /// Which writes are read back together.
    pub unit: u16,
    /// What happens.
    pub change: Change,
    /// What is kept of each row that was changed: first what finds it again, then what later writes link to.
    pub kept: Vec<ColumnId>,
    /// So many of `kept` find the row again; none where the table has no key, and the database's own row number does.
    pub key: usize,
    /// How what is read of them is written.
    pub formats: crate::request::Formats,
    /// What is read of the changed rows: a select from [`super::From::Written`].
    pub returning: Option<Select>,
    /// That no row is found is an error. The condition says which of the rows that were asked for can be read at least: one
    /// of these may only be read, any other is unknown.
    pub strict: Option<Predicate>,
    /// That no row is found leaves out all of its unit.
    pub skips: bool,
}

/// What happens to rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// New rows.
    Insert {
        /// Those with the same columns together.
        groups: Vec<Group>,
        /// What happens where a row of the same key stands.
        conflict: Option<Conflict>,
    },
    /// Changed rows.
    Update {
        /// Which (scope 0): filter, rule and right to read.
        targets: Predicate,
        /// Only rows whose columns are those of an earlier write's rows.
        within: Option<Within>,
        /// New values over the row as it was (scope 0), presets too.
        set: Vec<(ColumnId, Term)>,
        /// What must hold of each row afterwards (scope 0).
        check: Predicate,
        /// The rule that says which rows asks other rows.
        asks: bool,
    },
    /// Rows that go.
    Delete {
        /// Which (scope 0).
        targets: Predicate,
        /// Only rows whose columns are those of an earlier write's rows.
        within: Option<Within>,
        /// The rule that says which rows asks other rows.
        asks: bool,
    },
    /// Rows that are looked up for later writes.
    Find {
        /// Which (scope 0): filter and right to read.
        targets: Predicate,
        /// Only rows whose columns are those of an earlier write's rows.
        within: Option<Within>,
        /// It must be one row.
        one: bool,
    },
    /// A function is called by what is read; table and face are of no account where it returns no rows.
    Call,
}

/// New rows with the same columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Where the rows are.
    pub rows: Slot,
    /// There is one of each of them for each row of this earlier write, whose place is the last of the leading values.
    pub each: Option<u16>,
    /// How many values of a row stand before those of the columns: its place, and those of the rows that it is linked to.
    pub leading: u16,
    /// Columns and what they get: values sent, values of linked rows, presets.
    pub columns: Vec<(ColumnId, Term)>,
    /// What must hold of each new row (scope 0).
    pub check: Predicate,
    /// For an upsert: which rows that stand may be changed (scope 0): another one in the way is an error.
    pub allowed: Predicate,
    /// For an upsert: which rows that stand can be read at least (scope 0): of another one it is not told that it stands.
    pub readable: Predicate,
    /// For an upsert: which of them are wanted to be changed (scope 0); others stay as they are.
    pub wanted: Predicate,
    /// For an upsert: what changed rows get (scope 0 is the row as it was), presets of the right to update too.
    pub set: Vec<(ColumnId, Term)>,
    /// For an upsert: what must hold of each changed row (scope 0).
    pub set_check: Predicate,
}

/// What happens where a row of the same key stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Conflict {
    /// It stays.
    Ignore {
        /// Over this unique key; empty: over any.
        key: Vec<ColumnId>,
    },
    /// It is changed.
    Update {
        /// Over this unique key.
        key: Vec<ColumnId>,
        /// The check of new rows holds for those too that meet one.
        proposed: bool,
    },
}

/// Rows whose columns are those of an earlier write's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// The earlier write.
    pub write: u16,
    /// These columns …
    pub columns: Vec<ColumnId>,
    /// … are among these of what the earlier write keeps.
    pub kept: Vec<u16>,
}
