//! The integration tests: the built binary over HTTP, on SQLite and PostgreSQL.
//!
//! `world` starts a server for each fixture and database, `client` speaks HTTP as somebody, `fronts` knows what differs
//! between the wire forms, `cases` runs the files below `tests/cases`, `steps` those of them that are no question to all
//! fronts, `streaming` what only long answers show, `layering` reads the source,
//! `values` asks for each type by each operator. `DIGLOT_CASES=filters/` runs the cases whose path contains that.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports by printing"
)]

mod cases;
mod client;
mod fronts;
mod layering;
mod steps;
mod streaming;
mod values;
mod world;
