//! Writing: work that runs within one transaction.

use super::told::{self, Told};
use super::{Rows, Run, postgres, sqlite};
use crate::error::Result;
use crate::sql::Statement;
use crate::value::Datum;
use std::pin::Pin;

/// What runs within one transaction: all of it happens, or nothing.
pub trait Work: Send {
    /// Runs the statements. After an error nothing of it has happened; it may be asked again from its beginning, where trying
    /// again may help.
    fn run<'w>(&'w mut self, session: &'w mut Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>>;

    /// It can be done by one statement that is a transaction of its own.
    fn is_single(&self) -> bool {
        false
    }

    /// Does it so; whether it is done. Else, and after an error, nothing has happened, and [`Work::run`] does it.
    fn run_single<'w>(
        &'w mut self,
        session: &'w mut Session,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'w>> {
        let _ = session;
        Box::pin(std::future::ready(Ok(false)))
    }

    /// It must not share a commit with others' work: what it writes is checked at the end of the transaction alone.
    fn is_alone(&self) -> bool {
        false
    }
}

/// A transaction under way.
pub enum Session {
    /// Of SQLite: everything is done when a future is first asked.
    Sqlite(sqlite::Writing),
    /// Of PostgreSQL.
    Postgres(postgres::Writing),
}

/// What a statement has changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// The rows that it returned, each with the index of the values that it ran with.
    pub rows: Vec<(usize, Vec<Datum>)>,
    /// How many rows it has changed, those that cascades and triggers changed apart.
    pub count: u64,
}

impl Session {
    /// Runs a statement once for each list of values.
    ///
    /// # Errors
    /// As [`super::Backend::run`], and violations of constraints. `place` of one is the index of the values.
    pub async fn change(&mut self, statement: &Statement, values: &[Vec<Datum>]) -> Result<Changed> {
        told::sent(statement);
        let told = Told::begin();
        let changed = match self {
            Self::Sqlite(writing) => writing.change(statement, values),
            Self::Postgres(writing) => writing.change(statement, values).await,
        };
        told.end_change(&changed, values.len());
        changed
    }

    /// Reads within the transaction.
    ///
    /// # Errors
    /// As [`super::Backend::run`].
    pub async fn read(&mut self, run: Run<'_>) -> Result<Rows> {
        told::sent(run.statement);
        match self {
            Self::Sqlite(writing) => writing.read(&run),
            Self::Postgres(writing) => writing.read(&run).await,
        }
    }
}
