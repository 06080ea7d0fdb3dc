//! PostgreSQL, through sqlx: pool, introspection, reads in binary form written as JSON here.

mod bind;
mod check;
mod fault;
mod fingerprint;
mod functions;
mod introspect;
mod lanes;
mod pool;
mod queries;
mod run;
mod scalar;
mod tables;
mod types;
mod write;
mod writing;

pub(super) use writing::Writing;

#[cfg(test)]
mod tests;

use super::{Reply, Rows, Run, Settings};
use crate::catalog::{Database, POSTGRES_SCHEMA};
use crate::error::{Code, Error, Kind, Result};
use crate::sql::Statement;
use crate::telemetry::Readings;
use crate::value::Datum;
use fingerprint::Fingerprints;
use pool::{Pool, Purpose};

/// Least time that a script of ours has.
const SCRIPT: std::time::Duration = std::time::Duration::from_secs(60);

/// A PostgreSQL database.
pub struct Postgres {
    pool: Pool,
    /// Those of the settings, and that of Diglot's own tables.
    schemas: Vec<String>,
    fingerprints: Fingerprints,
}

impl Postgres {
    pub(super) async fn connect(settings: &Settings) -> Result<Self> {
        let pool = Pool::new(&settings.url, settings.pool_size, settings.statement_timeout)?;
        match pool.first().await {
            Ok(Some(session)) => pool.push(session, Purpose::Read),
            Ok(None) => {
                let message = format!(
                    "a pooler answers at {}, and gives each transaction another session: statements and settings of one \
                     caller would meet another's. Name the database itself, or a port of the pooler with session mode",
                    pool.describe()
                );
                return Err(Error::new(Kind::Unavailable, Code::DATABASE_AWAY, message));
            }
            Err(error) => return Err(fault::at_start(error, &pool.describe())),
        }
        let mut schemas = settings.schemas.clone();
        if !schemas.iter().any(|schema| schema == POSTGRES_SCHEMA) {
            schemas.push(POSTGRES_SCHEMA.to_owned());
        }
        Ok(Self {
            pool,
            schemas,
            fingerprints: Fingerprints::default(),
        })
    }

    pub(super) fn read_into(&self, readings: &mut Readings) {
        self.pool.read_into(readings);
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

    pub(super) async fn write(&self, work: Box<dyn super::Work>) -> Result<()> {
        writing::write(&self.pool, work).await
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
        let limit = self.pool.statement_timeout().max(SCRIPT) + run::GRACE;
        let connection = lease.connection()?;
        let run = async {
            sqlx::raw_sql("SET default_transaction_read_only = off")
                .execute(&mut *connection)
                .await?;
            sqlx::raw_sql(script).execute(&mut *connection).await
        };
        let result = pool::in_time(limit, run).await;
        // The connection is no reader's any more, and the script may have begun a transaction of its own.
        lease.discard();
        result.map(|_| ()).map_err(Error::internal)
    }
}
