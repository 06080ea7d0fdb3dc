//! The system catalogs → [`Database`], in eight queries under one snapshot, however many tables there are.

use super::fault::{self, Fault};
use super::pool::{Lease, Pool};
use super::types::Types;
use super::{check, queries};
use crate::catalog::{
    Column, ColumnId, Database, DatabaseKind, Default, EnumType, ForeignKey, Function, FunctionArgument,
    FunctionResult, Generated, Table, TableId, TableKind, Unique,
};
use crate::error::Result;
use crate::ident::Identifier;
use crate::value::Type;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{Connection, FromRow};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Tables of migration tools and of PostGIS, which no application means to show.
const FOREIGN_SYSTEM_TABLES: [&str; 13] = [
    "_sqlx_migrations",
    "schema_migrations",
    "__diesel_schema_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "_prisma_migrations",
    "alembic_version",
    "flyway_schema_history",
    "ar_internal_metadata",
    "goose_db_version",
    "__drizzle_migrations",
    "django_migrations",
    "spatial_ref_sys",
];

/// Name, kind, relation, columns, target, its columns, deferred, definition.
type ConstraintTuple = (
    String,
    String,
    Oid,
    Vec<i16>,
    Oid,
    Option<Vec<i16>>,
    bool,
    Option<String>,
);
/// Relation, number, name, not null, type, modifier, identity, generated, default, comment.
type ColumnTuple = (
    Oid,
    i16,
    String,
    bool,
    Oid,
    i32,
    String,
    String,
    Option<String>,
    Option<String>,
);
/// Schema, name, inputs, names, modes, defaults, result, many, volatile, comment.
type FunctionTuple = (
    String,
    String,
    Vec<Oid>,
    Option<Vec<String>>,
    Option<Vec<String>>,
    i16,
    Oid,
    bool,
    bool,
    Option<String>,
);
/// Id, schema, name, kind, row type, comment, of an extension, writable.
type RelationTuple = (Oid, String, String, String, Oid, Option<String>, bool, bool);
/// Relation, name, unique, columns, of a constraint.
type IndexTuple = (Oid, String, bool, Vec<i16>, bool);

/// Reads the schemas.
pub(super) async fn introspect(pool: &Pool, schemas: &[String]) -> Result<Database> {
    let mut lease = pool.acquire().await?;
    let mut read = Raw::read(lease.connection()?, schemas).await;
    if is_away(&read) {
        lease.discard();
        lease = pool.acquire_fresh().await?;
        read = Raw::read(lease.connection()?, schemas).await;
    }
    Ok(settle(lease, read)?.build(schemas))
}

fn is_away<T>(result: &Result<T, sqlx::Error>) -> bool {
    result.as_ref().is_err_and(|error| fault::classify(error) == Fault::Away)
}

/// Keeps a connection that is certainly sound.
fn settle<T>(lease: Lease, result: Result<T, sqlx::Error>) -> Result<T> {
    match result {
        Ok(value) => {
            lease.release();
            Ok(value)
        }
        Err(error) => {
            lease.discard();
            Err(fault::to_error(error))
        }
    }
}

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
        let mut asked = self.ask(lease.connection()?, schemas).await;
        if is_away(&asked) {
            lease.discard();
            lease = pool.acquire_fresh().await?;
            asked = self.ask(lease.connection()?, schemas).await;
        }
        settle(lease, asked)
    }

    async fn ask(&self, connection: &mut PgConnection, schemas: &[String]) -> Result<String, sqlx::Error> {
        if !self.portable.load(Ordering::Relaxed) {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (snapshot, last) = last.unzip();
            match sqlx::query_as(queries::FINGERPRINT).bind(schemas).bind(snapshot).fetch_one(&mut *connection).await {
                Ok((snapshot, fingerprint)) => {
                    let fingerprint: String = Option::or(fingerprint, last).unwrap_or_default();
                    *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((snapshot, fingerprint.clone()));
                    return Ok(fingerprint);
                }
                Err(sqlx::Error::Database(error)) if error.code().is_some_and(|state| PORTABLE.contains(&&*state)) => {
                    self.portable.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        sqlx::query_scalar(queries::FINGERPRINT_PORTABLE).bind(schemas).fetch_one(connection).await
    }
}

/// States that say that the database does not know `xmin` or the snapshot: undefined column, undefined function, not
/// supported.
const PORTABLE: [&str; 3] = ["42703", "42883", "0A000"];

/// What the queries gave.
struct Raw {
    fingerprint: String,
    server: (String, bool, Vec<String>),
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
        let mut transaction = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
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
        let server = sqlx::query_as(queries::SERVER).persistent(false).fetch_one(&mut *connection).await?;
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
        let mut builder = Builder::new(&self.relations);
        for column in self.columns {
            builder.column(column, &self.types);
        }
        for constraint in &self.constraints {
            builder.constraint(constraint, &mut self.types);
        }
        for index in self.indexes {
            builder.index(index);
        }
        let functions = functions(self.functions, &self.types, &builder, schemas);
        let (version, read_only, extensions) = self.server;
        Database {
            kind: DatabaseKind::Postgres,
            version,
            tables: builder.tables,
            enums: self.types.into_enums(),
            functions,
            extensions,
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
    sqlx::query_as::<Postgres, T>(query).bind(schemas).persistent(false).fetch_all(connection).await
}

async fn by_ids<T>(query: &'static str, ids: &[Oid], connection: &mut PgConnection) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    sqlx::query_as::<Postgres, T>(query).bind(ids).persistent(false).fetch_all(connection).await
}

/// Fills tables; finds them and their columns by the catalog's numbers.
struct Builder {
    tables: Vec<Table>,
    by_id: HashMap<u32, usize>,
    by_row_type: HashMap<u32, usize>,
    /// For each table the columns by `attnum`.
    numbers: Vec<HashMap<i16, ColumnId>>,
}

impl Builder {
    fn new(relations: &[RelationTuple]) -> Self {
        let number = |(index, relation): (usize, &RelationTuple)| (relation.0.0, index);
        let row_type = |(index, relation): (usize, &RelationTuple)| (relation.4.0, index);
        Self {
            tables: relations.iter().map(table).collect(),
            by_id: relations.iter().enumerate().map(number).collect(),
            by_row_type: relations.iter().enumerate().map(row_type).collect(),
            numbers: vec![HashMap::new(); relations.len()],
        }
    }

    fn column(&mut self, column: ColumnTuple, types: &Types) {
        let (relation, number, name, not_null, id, modifier, identity, generated, default, comment) = column;
        let Some(index) = self.by_id.get(&relation.0).copied() else {
            return;
        };
        let mapped = types.map(id.0, modifier);
        let columns = &mut self.tables[index].columns;
        let Ok(place) = u16::try_from(columns.len()) else {
            return;
        };
        self.numbers[index].insert(number, ColumnId(place));
        let generated = match generated.as_str() {
            "s" => Some(Generated::Stored),
            "v" => Some(Generated::Virtual),
            _ => None,
        };
        let default = match (identity.as_str(), default.or(mapped.default)) {
            _ if generated.is_some() => None,
            ("a", _) => Some(Default::Identity { always: true }),
            ("d", _) => Some(Default::Identity { always: false }),
            (_, Some(expression)) if expression.starts_with("nextval(") => Some(Default::Identity { always: false }),
            (_, expression) => expression.map(Default::Expression),
        };
        columns.push(Column {
            name: Identifier::new(name),
            data_type: mapped.data_type,
            database_type: mapped.database_type,
            nullable: !not_null && !mapped.not_null,
            default,
            generated,
            comment,
        });
    }

    fn constraint(&mut self, constraint: &ConstraintTuple, types: &mut Types) {
        let (name, kind, relation, columns, target, references, deferred, definition) = constraint;
        let Some(index) = self.by_id.get(&relation.0).copied() else {
            return;
        };
        // A key over a column that the user may not read cannot be used.
        let Some(columns) = self.columns(index, columns) else {
            return;
        };
        let name = Identifier::new(name.as_str());
        match kind.as_str() {
            "p" => {
                self.tables[index].primary_key = columns;
                self.tables[index].primary_key_name = Some(name);
            }
            "u" => self.tables[index].uniques.push(Unique { name, columns }),
            "f" => {
                let Some(target) = self.by_id.get(&target.0).copied() else {
                    return;
                };
                let Some(references) = references.as_ref().and_then(|numbers| self.columns(target, numbers)) else {
                    return;
                };
                self.tables[index].foreign_keys.push(ForeignKey {
                    name: Some(name),
                    columns,
                    table: table_id(target),
                    references,
                    deferred: *deferred,
                });
            }
            _ => {
                if let ([column], Some(definition)) = (columns.as_slice(), definition) {
                    self.check(index, *column, definition, types);
                }
            }
        }
    }

    fn check(&mut self, index: usize, column: ColumnId, definition: &str, types: &mut Types) {
        let table = &mut self.tables[index];
        let table_name = table.name.as_str().to_owned();
        let column = &mut table.columns[usize::from(column.0)];
        if !column.data_type.is_text() {
            return;
        }
        if let Some(values) = check::allowed(definition, column.name.as_str()) {
            let number = types.add(EnumType {
                name: format!("{table_name}.{}", column.name.as_str()),
                database_type: None,
                values,
                comment: column.comment.clone(),
            });
            column.data_type = Type::Enum(number);
        }
    }

    fn index(&mut self, index: IndexTuple) {
        let (relation, name, is_unique, numbers, is_constraint) = index;
        let Some(index) = self.by_id.get(&relation.0).copied() else {
            return;
        };
        let leading: Vec<ColumnId> = numbers
            .iter()
            .map_while(|number| self.numbers[index].get(number).copied())
            .collect();
        let whole = leading.len() == numbers.len();
        let table = &mut self.tables[index];
        if is_unique && !is_constraint && whole {
            table.uniques.push(Unique {
                name: Identifier::new(name),
                columns: leading.clone(),
            });
        }
        if !leading.is_empty() {
            table.indexes.push(leading);
        }
    }

    fn columns(&self, table: usize, numbers: &[i16]) -> Option<Vec<ColumnId>> {
        numbers.iter().map(|number| self.numbers[table].get(number).copied()).collect()
    }
}

fn table(relation: &RelationTuple) -> Table {
    let (_, schema, name, kind, _, comment, extension, writable) = relation;
    Table {
        system: *extension || schema == "diglot" || FOREIGN_SYSTEM_TABLES.contains(&name.as_str()),
        schema: Some(Identifier::new(schema.as_str())),
        name: Identifier::new(name.as_str()),
        kind: match kind.as_str() {
            "v" => TableKind::View,
            "m" => TableKind::MaterializedView,
            "f" => TableKind::ForeignTable,
            _ => TableKind::Table,
        },
        columns: Vec::new(),
        primary_key: Vec::new(),
        primary_key_name: None,
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        comment: comment.clone(),
        strict: true,
        indexes: Vec::new(),
        writable: *writable,
    }
}

fn table_id(index: usize) -> TableId {
    TableId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Functions that can be called by name: not overloaded, plain input arguments, a result that is a value or rows of a table.
fn functions(rows: Vec<FunctionTuple>, types: &Types, tables: &Builder, schemas: &[String]) -> Vec<Function> {
    let mut names: HashMap<(String, String), usize> = HashMap::new();
    for row in &rows {
        *names.entry((row.0.clone(), row.1.clone())).or_default() += 1;
    }
    let mut functions: Vec<Function> = rows
        .into_iter()
        .filter(|row| names.get(&(row.0.clone(), row.1.clone())) == Some(&1))
        .filter_map(|row| function(row, types, tables))
        .collect();
    let position = |function: &Function| schemas.iter().position(|schema| schema == function.schema.as_str());
    functions.sort_by(|left, right| (position(left), &left.name).cmp(&(position(right), &right.name)));
    functions
}

fn function(row: FunctionTuple, types: &Types, tables: &Builder) -> Option<Function> {
    let (schema, name, inputs, names, modes, defaults, result, many, volatile, comment) = row;
    // With modes the names cover outputs too, which stand behind the inputs only by habit.
    let names = names.unwrap_or_default();
    let input_names: Vec<String> = match modes {
        None => names,
        Some(modes) if modes.iter().any(|mode| mode == "b" || mode == "v") => return None,
        Some(modes) => (modes.iter().zip(names)).filter(|(mode, _)| *mode == "i").map(|(_, name)| name).collect(),
    };
    let without_default = inputs.len().saturating_sub(usize::try_from(defaults).unwrap_or(0));
    let argument = |(index, id): (usize, &Oid)| {
        if types.is_pseudo(id.0) {
            return None;
        }
        let mapped = types.map(id.0, -1);
        Some(FunctionArgument {
            name: match input_names.get(index) {
                Some(name) if !name.is_empty() => name.clone(),
                _ => format!("arg{}", index + 1),
            },
            data_type: mapped.data_type,
            database_type: mapped.database_type,
            row_of: tables.by_row_type.get(&id.0).copied().map(table_id),
            has_default: index >= without_default,
        })
    };
    let arguments = inputs.iter().enumerate().map(argument).collect::<Option<Vec<_>>>()?;
    let result = if let Some(table) = tables.by_row_type.get(&result.0) {
        FunctionResult::Rows {
            table: table_id(*table),
            many,
        }
    } else if types.is_pseudo(result.0) {
        return None;
    } else {
        let mapped = types.map(result.0, -1);
        FunctionResult::Scalar {
            data_type: mapped.data_type,
            database_type: mapped.database_type,
            many,
        }
    };
    Some(Function {
        schema: Identifier::new(schema),
        name: Identifier::new(name),
        arguments,
        result,
        volatile,
        comment,
    })
}
