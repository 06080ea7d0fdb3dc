//! The system catalogs → [`Database`], in nine queries under one snapshot, however many tables there are.

use super::fingerprint::Fingerprints;
use super::functions::{FunctionTuple, functions};
use super::pool::{Pool, in_time, is_away, settle};
use super::queries;
use super::run::GRACE;
use super::tables::{ColumnTuple, ConstraintTuple, IndexTuple, RelationTuple, Tables};
use super::types::Types;
use crate::catalog::{Database, DatabaseKind, Extension};
use crate::error::Result;
use crate::ident::Identifier;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{Connection, FromRow};
use std::collections::HashSet;

/// All queries together may take the time of so many statements; then the server is taken for dead.
const QUERIES: u32 = 4;

/// Reads the schemas.
pub(super) async fn introspect(pool: &Pool, schemas: &[String]) -> Result<Database> {
    let mut lease = pool.acquire().await?;
    let limit = QUERIES * pool.statement_timeout() + GRACE;
    let mut read = in_time(limit, Raw::read(lease.connection()?, schemas)).await;
    if is_away(&read) {
        lease.discard();
        lease = pool.acquire_fresh().await?;
        read = in_time(limit, Raw::read(lease.connection()?, schemas)).await;
    }
    Ok(settle(lease, read)?.build(schemas))
}

/// What the queries gave.
struct Raw {
    fingerprint: String,
    server: (String, bool, Vec<String>, Vec<String>),
    relations: Vec<RelationTuple>,
    columns: Vec<ColumnTuple>,
    constraints: Vec<ConstraintTuple>,
    indexes: Vec<IndexTuple>,
    functions: Vec<FunctionTuple>,
    types: Types,
}

impl Raw {
    async fn read(connection: &mut PgConnection, schemas: &[String]) -> Result<Self, sqlx::Error> {
        let fingerprints = Fingerprints::default();
        // Finds out, outside the transaction, which way to ask works here.
        fingerprints.ask(connection, schemas).await?;
        let mut transaction = connection
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await?;
        let fingerprint = fingerprints.ask(&mut transaction, schemas).await?;
        let raw = Self::read_within(&mut transaction, schemas, fingerprint).await?;
        transaction.commit().await?;
        Ok(raw)
    }

    async fn read_within(
        connection: &mut PgConnection,
        schemas: &[String],
        fingerprint: String,
    ) -> Result<Self, sqlx::Error> {
        let server = sqlx::query_as(queries::SERVER)
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
        let mut relations: Vec<RelationTuple> = by_schemas(queries::RELATIONS, schemas, connection).await?;
        // The schemas in the order of the settings, so that a bare name means the first schema that has it.
        let position = |schema: &str| schemas.iter().position(|other| other == schema);
        relations.sort_by(|left, right| (position(&left.1), &left.2).cmp(&(position(&right.1), &right.2)));
        let ids: Vec<Oid> = relations.iter().map(|relation| relation.0).collect();
        let columns: Vec<ColumnTuple> = by_ids(queries::COLUMNS, &ids, connection).await?;
        let constraints = by_ids(queries::CONSTRAINTS, &ids, connection).await?;
        let indexes = by_ids(queries::INDEXES, &ids, connection).await?;
        let functions: Vec<FunctionTuple> = by_schemas(queries::FUNCTIONS, schemas, connection).await?;
        let mut used: HashSet<u32> = columns.iter().map(|column| column.4.0).collect();
        for function in &functions {
            used.extend(function.2.iter().chain([&function.6]).map(|id| id.0));
        }
        let used: Vec<Oid> = used.into_iter().map(Oid).collect();
        let types = Types::new(by_ids(queries::TYPES, &used, connection).await?);
        Ok(Self {
            fingerprint,
            server,
            relations,
            columns,
            constraints,
            indexes,
            functions,
            types,
        })
    }

    fn build(mut self, schemas: &[String]) -> Database {
        // A table whose columns went away between two queries, or that has none, has nothing to show.
        let with_columns: HashSet<u32> = self.columns.iter().map(|column| column.0.0).collect();
        self.relations.retain(|relation| with_columns.contains(&relation.0.0));
        let mut tables = Tables::new(&self.relations);
        for column in self.columns {
            tables.column(column, &self.types);
        }
        for constraint in &self.constraints {
            tables.constraint(constraint, &mut self.types);
        }
        for index in self.indexes {
            tables.index(index);
        }
        let functions = functions(self.functions, &self.types, &tables, schemas);
        let (version, read_only, extensions, schemas_of_extensions) = self.server;
        let extensions = extensions.into_iter().zip(schemas_of_extensions);
        let extensions = extensions.map(|(name, schema)| Extension {
            name,
            schema: Some(Identifier::new(schema)),
        });
        Database {
            kind: DatabaseKind::Postgres,
            version,
            tables: tables.finish(),
            caseless: self.types.caseless(),
            composites: self.types.composites(),
            enums: self.types.into_enums(),
            functions,
            extensions: extensions.collect(),
            fingerprint: self.fingerprint,
            read_only,
        }
    }
}

async fn by_schemas<T>(
    query: &'static str,
    schemas: &[String],
    connection: &mut PgConnection,
) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    sqlx::query_as::<Postgres, T>(query)
        .bind(schemas)
        .persistent(false)
        .fetch_all(connection)
        .await
}

async fn by_ids<T>(query: &'static str, ids: &[Oid], connection: &mut PgConnection) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    sqlx::query_as::<Postgres, T>(query)
        .bind(ids)
        .persistent(false)
        .fetch_all(connection)
        .await
}
