//! The only thing that a backend runs.

use super::Shape;
use crate::catalog::{ColumnId, TableId};
use crate::pattern::Syntax;
use crate::rules::Parameter;
use crate::value::Type;
use std::sync::Arc;

/// Which SQL is spoken.
pub type Flavor = crate::catalog::DatabaseKind;

/// SQL text with its marks and the shape of its rows. Its fields are private: only this module makes one. A copy shares
/// them, so that a statement can outlive the request that it was rendered for.
#[derive(Clone, Debug)]
pub struct Statement {
    text: Arc<str>,
    marks: Arc<[Mark]>,
    shape: Arc<Shape>,
    long_calls: bool,
}

/// A place in the text where a value is bound: `$1` (PostgreSQL) or `?1` (SQLite).
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where the value comes from.
    pub source: Parameter,
    /// What it has to be.
    pub data_type: Type,
    /// A list of them.
    pub list: bool,
    /// In which form it is bound.
    pub form: Form,
}

/// The form in which a value is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// A list of what was kept of rows (SQLite), with blobs told apart from texts: each stands in a list of its own.
    Kept,
    /// A LIKE pattern turned into a GLOB pattern (SQLite's case-sensitive match that can use an index).
    Glob,
    /// What a JSON operator compares with, whose work grows with it: at most [`super::MOST_VALUES`] values or keys.
    Operand,
    /// A LIKE pattern, checked.
    Like,
    /// A regular expression or `SIMILAR TO` pattern, checked, and on PostgreSQL translated.
    Pattern(Syntax),
    /// What a column is to hold, in the form in which the database keeps it.
    Stored {
        /// The table.
        table: TableId,
        /// The column.
        column: ColumnId,
    },
    /// A count of rows: an integer ≥ 0, not above the mark's ceiling, plus so many.
    Count {
        /// Largest value that takes effect (a role's limit).
        most: Option<u64>,
        /// Added to it (one row more tells whether there is a rest).
        plus: u8,
    },
}

impl Statement {
    pub(super) fn new(text: String, marks: Vec<Mark>, shape: Shape, long_calls: bool) -> Self {
        Self {
            text: text.into(),
            marks: marks.into(),
            shape: Arc::new(shape),
            long_calls,
        }
    }

    /// For the tests of backends alone.
    #[cfg(test)]
    pub(crate) fn for_tests(text: &str, marks: Vec<Mark>, shape: Shape) -> Self {
        Self::new(text.into(), marks, shape, false)
    }

    /// For the tests of backends alone.
    #[cfg(test)]
    pub(crate) fn with_long_calls(self) -> Self {
        Self {
            long_calls: true,
            ..self
        }
    }

    /// The SQL text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is bound, in the order of the marks.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Whether it calls what may take long for a single row, by the size of its arguments: patterns over text, questions
    /// about JSON, relations of geometries.
    #[must_use]
    pub fn has_long_calls(&self) -> bool {
        self.long_calls
    }

    /// How rows are written.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
}
