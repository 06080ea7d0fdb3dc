//! Whether the schema has changed, asked every second or two.

use super::pool::{Pool, in_time, is_away, settle};
use super::queries;
use super::run::GRACE;
use crate::error::Result;
use sqlx::postgres::PgConnection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Asks for the fingerprint.
#[derive(Default)]
pub(super) struct Fingerprints {
    /// The database has no `xmin`.
    portable: AtomicBool,
    /// Snapshot and fingerprint of the last answer.
    last: Mutex<Option<(String, String)>>,
}

impl Fingerprints {
    pub(super) async fn current(&self, pool: &Pool, schemas: &[String]) -> Result<String> {
        let mut lease = pool.acquire().await?;
        let limit = pool.statement_timeout() + GRACE;
        let mut asked = in_time(limit, self.ask(lease.connection()?, schemas)).await;
        if is_away(&asked) {
            lease.discard();
            lease = pool.acquire_fresh().await?;
            asked = in_time(limit, self.ask(lease.connection()?, schemas)).await;
        }
        settle(lease, asked)
    }

    pub(super) async fn ask(&self, connection: &mut PgConnection, schemas: &[String]) -> Result<String, sqlx::Error> {
        if !self.portable.load(Ordering::Relaxed) {
            match self.ask_by_transactions(connection, schemas).await {
                Err(sqlx::Error::Database(error)) if error.code().is_some_and(|state| PORTABLE.contains(&&*state)) => {
                    self.portable.store(true, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        sqlx::query_scalar(queries::FINGERPRINT_PORTABLE)
            .bind(schemas)
            .fetch_one(connection)
            .await
    }

    /// The snapshot is asked for first: what is committed between the two questions is only seen once more.
    async fn ask_by_transactions(
        &self,
        connection: &mut PgConnection,
        schemas: &[String],
    ) -> Result<String, sqlx::Error> {
        let snapshot: Option<String> = sqlx::query_scalar(queries::SNAPSHOT)
            .fetch_one(&mut *connection)
            .await?;
        if let Some((known, fingerprint)) = &*self.last()
            && snapshot.as_ref() == Some(known)
        {
            return Ok(fingerprint.clone());
        }
        let fingerprint: String = sqlx::query_scalar(queries::FINGERPRINT)
            .bind(schemas)
            .fetch_one(connection)
            .await?;
        *self.last() = snapshot.map(|snapshot| (snapshot, fingerprint.clone()));
        Ok(fingerprint)
    }

    fn last(&self) -> MutexGuard<'_, Option<(String, String)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// States that say that the database does not know `xmin` or the snapshot: undefined column, undefined function, not
/// supported.
const PORTABLE: [&str; 3] = ["42703", "42883", "0A000"];
