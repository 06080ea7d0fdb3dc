//! Plan → SQL text. Nothing reaches the text but quoted identifiers, fixed words and parameter marks: `Writer` takes
//! nothing else.

mod aggregate;
mod arithmetic;
mod canonical;
mod cast;
mod change;
mod columns;
mod function;
mod geometry;
mod layout;
mod level;
mod met;
mod nested;
mod own;
mod page;
mod predicate;
mod probe;
mod render;
mod sent;
mod single;
mod statement;
mod stored;
mod term;
mod through;
mod wire;
mod writer;

pub use change::{Changes, Feed, ROW_NUMBER};
pub use layout::{Layout, Member, Nested, Shape, Wire};
pub use own::{USER_GONE, fixed, script, try_lock, user_guard, users_table};
pub use probe::probe;
pub use render::{Care, render};
pub use sent::Unwritten;
pub use statement::{Flavor, Form, Mark, Statement};

use writer::Writer;

/// Most values in the operand of a JSON operator.
pub const MOST_VALUES: usize = 2000;

#[cfg(test)]
mod tests {
    use super::{Flavor, Writer};
    use crate::request::Formats;
    use crate::rules::compile::compile;
    use crate::rules::fixture;

    /// What the writer of SQL says of the conditions that a rule or a caller may have.
    #[test]
    fn long_calls_are_marked() {
        let catalog = fixture::catalog(Flavor::Sqlite);
        for (condition, long) in [
            ("id = 1 AND title IN ('a', 'b')", false),
            ("title > 'a' OR is_published", false),
            ("title LIKE 'a%'", true),
            ("NOT (title ~ 'a')", true),
            ("id = 1 OR author.email LIKE '%a'", true),
            ("CASE WHEN is_published THEN title ILIKE 'a%' ELSE FALSE END", true),
        ] {
            let compiled = match compile(&catalog, fixture::ARTICLE, condition) {
                Ok(compiled) => compiled.predicate,
                Err(problem) => panic!("{condition}: {problem:?}"),
            };
            let mut writer = Writer::new(&catalog, Flavor::Sqlite, Formats::default(), false);
            writer.predicate(&compiled);
            assert_eq!(writer.long_calls, long, "{condition}");
        }
    }
}
