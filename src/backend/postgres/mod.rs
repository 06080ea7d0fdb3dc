//! Postgres.

use super::{Rows, Run, Settings};
use crate::catalog::Database;
use crate::error::{Error, Result};
use crate::sql::Statement;
use crate::value::Datum;

/// A Postgres database.
pub struct Postgres {}

impl Postgres {
    pub(super) async fn connect(_settings: &Settings) -> Result<Self> {
        Err(Error::internal("not wired"))
    }

    pub(super) async fn introspect(&self) -> Result<Database> {
        Err(Error::internal("not wired"))
    }

    pub(super) async fn fingerprint(&self) -> Result<String> {
        Err(Error::internal("not wired"))
    }

    pub(super) async fn run(&self, _run: Run<'_>) -> Result<Rows> {
        Err(Error::internal("not wired"))
    }

    pub(super) async fn explain(&self, _statement: &Statement, _values: &[Datum]) -> Result<String> {
        Err(Error::internal("not wired"))
    }

    pub(super) async fn execute_script(&self, _script: &'static str) -> Result<()> {
        Err(Error::internal("not wired"))
    }
}
