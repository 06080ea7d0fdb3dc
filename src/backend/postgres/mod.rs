//! PostgreSQL, through sqlx: pool, introspection, reads in binary form written as JSON here.

mod bind;
mod check;
mod fault;
mod fingerprint;
mod functions;
mod introspect;
mod pool;
mod queries;
mod run;
mod scalar;
mod tables;
mod types;
mod write;

#[cfg(test)]
mod tests;

use super::{Reply, Rows, Run, Settings};
use crate::catalog::Database;
use crate::error::{Error, Result};
use crate::sql::Statement;
use crate::value::Datum;
use fingerprint::Fingerprints;
use pool::Pool;

/// A PostgreSQL database.
pub struct Postgres {
    pool: Pool,
    schemas: Vec<String>,
    fingerprints: Fingerprints,
}

impl Postgres {
    pub(super) async fn connect(settings: &Settings) -> Result<Self> {
        let pool = Pool::new(&settings.url, settings.pool_size, settings.statement_timeout)?;
        match pool.open().await {
            Ok(connection) => pool.push(connection),
            Err(error) => return Err(fault::at_start(error, &pool.describe())),
        }
        Ok(Self {
            pool,
            schemas: settings.schemas.clone(),
            fingerprints: Fingerprints::default(),
        })
    }

    pub(super) async fn introspect(&self) -> Result<Database> {
        introspect::introspect(&self.pool, &self.schemas).await
    }

    pub(super) async fn fingerprint(&self) -> Result<String> {
        self.fingerprints.current(&self.pool, &self.schemas).await
    }

    pub(super) async fn run(&self, run: Run<'_>) -> Result<Rows> {
        run::run(&self.pool, &run).await
    }

    pub(super) async fn stream(&self, run: Run<'_>) -> Result<Reply> {
        run::stream(&self.pool, &run).await
    }

    pub(super) async fn explain(&self, statement: &Statement, values: &[Datum]) -> Result<String> {
        run::explain(&self.pool, statement, values).await
    }

    /// Several statements in one simple query are one transaction.
    pub(super) async fn execute_script(&self, script: &'static str) -> Result<()> {
        let mut lease = self.pool.acquire().await?;
        match sqlx::raw_sql(script).execute(lease.connection()?).await {
            Ok(_) => {
                lease.release();
                Ok(())
            }
            Err(error) => {
                // The script may have begun a transaction of its own.
                lease.discard();
                Err(Error::internal(error))
            }
        }
    }
}
