//! Plan → SQL text. Nothing reaches the text but quoted identifiers, fixed words and parameter marks.

mod layout;
mod statement;

pub use layout::{Layout, Member, Nested, Shape, Wire};
pub use statement::{Flavor, Form, Mark, Statement};
