//! Writing: work that runs within one transaction.

use super::told::{self, Told};
use super::{Rows, Run, postgres, sqlite};
use crate::error::{Error, Kind, Result};
use crate::memory::{Claim, PIECE, Room};
use crate::sql::Statement;
use crate::value::Datum;
use std::pin::Pin;
use std::sync::Arc;

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

    /// What it decides by rows that it does not write itself must hold when it is committed (PostgreSQL; SQLite's writes happen
    /// one after the other anyway).
    fn is_serializable(&self) -> bool {
        false
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
    /// SQLite, of a statement that returns nothing: the number of the row that was inserted last, for each list of values.
    pub numbers: Vec<i64>,
    /// How many rows it has changed, those that cascades and triggers changed apart.
    pub count: u64,
    /// On SQLite those too that triggers and cascades changed: where triggers write in place of a view, these are all.
    pub touched: u64,
    /// What its rows take of a room.
    pub claim: Claim,
    bytes: usize,
    counted: usize,
}

impl Changed {
    /// Takes a row in, where there is room for it.
    pub(super) fn push(&mut self, index: usize, row: Vec<Datum>, room: Option<&Arc<Room>>) -> Result<()> {
        if let Some(room) = room {
            let length = |datum: &Datum| match datum {
                Datum::Text(text) => text.len(),
                Datum::Bytes(bytes) | Datum::Broken(bytes) => bytes.len(),
                _ => 0,
            };
            self.bytes += size_of::<(usize, Vec<Datum>)>()
                + row
                    .iter()
                    .map(|datum| size_of::<Datum>() + length(datum))
                    .sum::<usize>();
            // What is little is not counted, and what is much not row by row.
            if self.bytes > self.counted + PIECE {
                self.counted = self.bytes;
                self.claim
                    .grow_to(room, self.bytes)
                    .map_err(|error| too_large(error, room))?;
            }
        }
        self.rows.push((index, row));
        Ok(())
    }
}

/// More is changed than can be held of it.
fn too_large(error: Error, room: &Room) -> Error {
    if error.kind != Kind::TooLarge {
        return error;
    }
    let message = format!(
        "what must be known of the rows that are changed is more than {} bytes, the most that this server holds for one \
         request: change fewer rows at a time, or ask for nothing but their number",
        room.most()
    );
    Error { message, ..error }
}

impl Session {
    /// Runs a statement once for each list of values.
    ///
    /// # Errors
    /// As [`super::Backend::run`], and violations of constraints. `row` of one is the index of the values.
    pub async fn change(&mut self, statement: &Statement, values: &[Vec<Datum>]) -> Result<Changed> {
        self.change_within(statement, values, None).await
    }

    /// The same; what it returns claims its place in a room.
    ///
    /// # Errors
    /// As [`Session::change`] and [`Room::claim`].
    pub async fn change_within(
        &mut self,
        statement: &Statement,
        values: &[Vec<Datum>],
        room: Option<&Arc<Room>>,
    ) -> Result<Changed> {
        told::sent(statement);
        let told = Told::begin();
        let changed = match self {
            Self::Sqlite(writing) => writing.change(statement, values, room),
            Self::Postgres(writing) => writing.change(statement, values, room).await,
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
