//! Plan → SQL text. Nothing reaches the text but quoted identifiers, fixed words and parameter marks: `Writer` takes
//! nothing else.

mod columns;
mod function;
mod geometry;
mod layout;
mod level;
mod nested;
mod predicate;
mod render;
mod statement;
mod term;
mod wire;
mod writer;

pub use layout::{Layout, Member, Nested, Shape, Wire};
pub use render::{Care, render};
pub use statement::{Flavor, Form, Mark, Statement};

use writer::Writer;
