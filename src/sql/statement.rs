//! The only thing that a backend runs.

use super::Shape;
use crate::rules::Parameter;
use crate::value::Type;

/// Which SQL is spoken.
pub type Flavor = crate::catalog::DatabaseKind;

/// SQL text with its parameters and the shape of its rows. Its fields are private: only this module makes one.
#[derive(Clone, Debug)]
pub struct Statement {
    text: String,
    parameters: Vec<(Parameter, Type, bool)>,
    shape: Shape,
}

impl Statement {
    pub(super) fn new(text: String, parameters: Vec<(Parameter, Type, bool)>, shape: Shape) -> Self {
        Self {
            text,
            parameters,
            shape,
        }
    }

    /// The SQL text with marks `$1` (PostgreSQL) or `?1` (SQLite).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where each mark's value comes from, its type, and whether it is a list.
    #[must_use]
    pub fn parameters(&self) -> &[(Parameter, Type, bool)] {
        &self.parameters
    }

    /// How rows are written.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
}
