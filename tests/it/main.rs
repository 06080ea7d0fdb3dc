//! The integration tests: the built binary over HTTP, on SQLite and PostgreSQL.
//!
//! `world` starts a server for each fixture and database, `client` speaks HTTP as somebody, `fronts` knows what differs
//! between the wire forms, `case` reads the files below `tests/cases`, `cases` runs them, `steps` those of them that are
//! no question to all fronts; `writes` runs the cases that write, `state` says what they have changed, `kill` and `outages` end
//! the server and the database under writes, `idempotency` sends them again. `telemetry` is what operators see. `inside` is the engine in this process, over the same databases: `plans` compares what the
//! fronts make of a case, and its SQL, `schemas` what a role is told of the tables, `told` that the playground's catalog
//! tells the same. `responses` keeps answers to the letter, `order` holds lists to one order, `statements` counts what the
//! databases are sent, `streaming` and `answers` show what only long answers show. `properties` asks at random, `fuzz` (in
//! `tests/fuzz`) hands bytes of any kind to everything that reads, `values` asks for each type by each operator, `check`
//! runs `diglot check`. `snapshots` compares texts with stored ones, `layering` reads the source. `DIGLOT_CASES=filters/`
//! runs the cases whose path contains that.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports by printing"
)]

/// A test of each of these functions for each database.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use crate::world::Database;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(Database::Postgres).await;
            }
        }
    )*};
}

mod accounts;
mod answers;
mod away;
mod case;
mod cases;
mod changes;
mod check;
mod client;
mod fronts;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod idempotency;
mod inside;
mod issuer;
mod kill;
mod kinds;
mod layering;
mod leaving;
mod limits;
mod live;
mod order;
mod outages;
mod plans;
mod properties;
mod responses;
mod schemas;
mod skew;
mod snapshots;
mod state;
mod statements;
mod steps;
mod streaming;
mod telemetry;
mod told;
mod values;
mod world;
mod writes;
