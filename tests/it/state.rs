//! What stands in a database, read past the server: before a write, after it, and as it was once more.
//!
//! Rows are compared as JSON of one form, whichever database they come from: booleans, JSON and arrays as such, moments with
//! their `T`, bytes as `\x…`. So a case says once what a write has changed.

use crate::fronts::same;
use crate::world::Server;
use rusqlite::config::DbConfig;
use rusqlite::types::Value as Stored;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

/// The rows of each table.
type Rows = BTreeMap<String, Vec<Map<String, Value>>>;

/// A row that a write has made, changed or removed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// `+`, `~` or `-`.
    sign: char,
    table: String,
    /// The row; of one that was changed the key, and the new values of the columns that have others now.
    row: Map<String, Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} {}",
            self.sign,
            self.table,
            Value::from(self.row.clone())
        )
    }
}

impl Difference {
    /// `+ table {"column": value}`
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let wrong = || format!("{line:?} is not `+ table {{…}}`, `~ table {{…}}` or `- table {{…}}`");
        let mut parts = line.splitn(3, ' ');
        let (Some(sign), Some(table), Some(row)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let sign = sign
            .chars()
            .next()
            .filter(|sign| "+~-".contains(*sign))
            .ok_or_else(wrong)?;
        let row = serde_json::from_str(row).map_err(|error| format!("{line}: {error}"))?;
        Ok(Self {
            sign,
            table: table.into(),
            row,
        })
    }

    /// Whether this, which is wanted, says what another one is. Of whole rows only the columns that are named are compared;
    /// `"*"` is any value but null.
    fn says(&self, other: &Self) -> bool {
        let value = |wanted: &Value, found: &Value| match wanted.as_str() {
            Some("*") => !found.is_null(),
            _ => same(wanted, found),
        };
        self.sign == other.sign
            && self.table == other.table
            && (self.sign != '~' || self.row.len() == other.row.len())
            && self
                .row
                .iter()
                .all(|(name, wanted)| other.row.get(name).is_some_and(|found| value(wanted, found)))
    }
}

/// Compares what is wanted with what has changed.
pub(crate) fn compare(wanted: &[Difference], found: &[Difference]) -> Result<(), String> {
    let mut left: Vec<&Difference> = found.iter().collect();
    let mut missing = Vec::new();
    for wanted in wanted {
        match left.iter().position(|found| wanted.says(found)) {
            Some(place) => drop(left.swap_remove(place)),
            None => missing.push(wanted.to_string()),
        }
    }
    if missing.is_empty() && left.is_empty() {
        return Ok(());
    }
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(format!(
        "afterwards there is another state than wanted: without\n  {}\nwhat was changed is\n  {}",
        missing.join("\n  "),
        found.join("\n  ")
    ))
}

/// A database as it was when this was made.
pub(crate) struct Pristine {
    tables: BTreeMap<String, Table>,
    rows: Rows,
    own: Own,
}

#[derive(Clone, Debug, Default)]
struct Table {
    key: Vec<String>,
    /// Those that take values.
    columns: Vec<String>,
}

enum Own {
    Sqlite(Box<Sqlite>),
    Postgres(Box<PgConnection>, BTreeMap<String, (i64, bool)>),
}

struct Sqlite {
    connection: rusqlite::Connection,
    stored: BTreeMap<String, Vec<Vec<Stored>>>,
    counters: Vec<(String, i64)>,
    /// Columns with their declared types, generated ones too.
    declared: BTreeMap<String, Vec<(String, String)>>,
}

impl Pristine {
    /// Reads the database of a server that nobody has written to yet.
    pub(crate) async fn of(server: &Server) -> Result<Self, String> {
        let mut pristine = match server.url.strip_prefix("sqlite:") {
            Some(path) => sqlite(path).map_err(|error| error.to_string())?,
            None => postgres(&server.url).await.map_err(|error| error.to_string())?,
        };
        pristine.rows = pristine.read().await?;
        Ok(pristine)
    }

    /// What has changed since.
    pub(crate) async fn differences(&mut self) -> Result<Vec<Difference>, String> {
        let rows = self.read().await?;
        let mut found = Vec::new();
        for (name, table) in &self.tables {
            differences(name, &table.key, &self.rows[name], &rows[name], &mut found);
        }
        Ok(found)
    }

    /// All rows, by table.
    pub(crate) async fn read(&mut self) -> Result<Rows, String> {
        match &mut self.own {
            Own::Sqlite(own) => own.read().map_err(|error| error.to_string()),
            Own::Postgres(connection, _) => {
                let parts: Vec<String> = self
                    .tables
                    .keys()
                    .map(|name| format!("SELECT '{name}' AS n, to_jsonb(t)::text AS r FROM public.\"{name}\" AS t"))
                    .collect();
                let mut rows: Rows = self.tables.keys().map(|name| (name.clone(), Vec::new())).collect();
                for row in select(connection, &parts.join(" UNION ALL ")).await? {
                    let (name, text): (String, String) = (row.get(0), row.get(1));
                    let row = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
                    rows.entry(name).or_default().push(row);
                }
                Ok(rows)
            }
        }
    }

    /// Puts everything back as it was: rows, and the counters that number new ones.
    pub(crate) async fn restore(&mut self) -> Result<(), String> {
        let changed: Vec<String> = {
            let rows = self.read().await?;
            let names = self.tables.keys();
            names.filter(|name| rows[*name] != self.rows[*name]).cloned().collect()
        };
        match &mut self.own {
            Own::Sqlite(own) => own.restore(&changed, &self.tables).map_err(|error| error.to_string()),
            Own::Postgres(connection, counters) => {
                let mut script = String::from("BEGIN; SET LOCAL session_replication_role = replica;");
                for name in &changed {
                    let rows = Value::from(self.rows[name].iter().cloned().map(Value::from).collect::<Vec<_>>());
                    let rows = rows.to_string().replace('\'', "''");
                    let columns = quoted(&self.tables[name].columns);
                    let _ = write!(
                        script,
                        "DELETE FROM public.\"{name}\"; INSERT INTO public.\"{name}\" ({columns}) OVERRIDING SYSTEM VALUE \
                         SELECT {columns} FROM jsonb_populate_recordset(NULL::public.\"{name}\", '{rows}');"
                    );
                }
                for (name, (value, called)) in counters {
                    let _ = write!(script, "SELECT setval('public.\"{name}\"', {value}, {called});");
                }
                script += "COMMIT";
                let run = sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut **connection).await;
                run.map(|_| ()).map_err(|error| error.to_string())
            }
        }
    }
}

fn quoted(columns: &[String]) -> String {
    columns
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

fn differences(
    name: &str,
    key: &[String],
    before: &[Map<String, Value>],
    after: &[Map<String, Value>],
    found: &mut Vec<Difference>,
) {
    let mut add = |sign, row| {
        found.push(Difference {
            sign,
            table: name.into(),
            row,
        });
    };
    let same_key = |one: &Map<String, Value>, two: &Map<String, Value>| {
        !key.is_empty() && key.iter().all(|column| one.get(column) == two.get(column))
    };
    // Rows of a table without a key may be equal to each other.
    let mut left: Vec<&Map<String, Value>> = before.iter().collect();
    let mut fresh = Vec::new();
    for row in after {
        match left.iter().position(|old| *old == row) {
            Some(place) => drop(left.swap_remove(place)),
            None => fresh.push(row),
        }
    }
    for row in fresh {
        match left.iter().position(|old| same_key(old, row)) {
            Some(place) => {
                let old = left.swap_remove(place);
                let is_of_it = |column: &str| key.iter().any(|key| key == column) || old.get(column) != row.get(column);
                let kept = row.iter().filter(|(column, _)| is_of_it(column));
                add(
                    '~',
                    kept.map(|(column, value)| (column.clone(), value.clone())).collect(),
                );
            }
            None => add('+', row.clone()),
        }
    }
    for row in left {
        add('-', row.clone());
    }
}

// ---------------------------------------------------------------------------------------------------- SQLite

fn sqlite(path: &str) -> rusqlite::Result<Pristine> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(20))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")?;
    let names: Vec<String> = texts(
        &connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND name NOT LIKE '\\_diglot%' ESCAPE '\\' ORDER BY name",
    )?;
    let mut own = Sqlite {
        connection,
        stored: BTreeMap::new(),
        counters: Vec::new(),
        declared: BTreeMap::new(),
    };
    let mut tables = BTreeMap::new();
    for name in names {
        let mut table = Table::default();
        let mut declared = Vec::new();
        {
            let mut columns = own
                .connection
                .prepare("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1)")?;
            let mut rows = columns.query([&name])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                let (column, kind, place, hidden): (String, String, i64, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                if place > 0 {
                    keys.push((place, column.clone()));
                }
                if hidden == 0 {
                    table.columns.push(column.clone());
                }
                declared.push((column, kind.to_uppercase()));
            }
            keys.sort();
            table.key = keys.into_iter().map(|(_, column)| column).collect();
        }
        let stored = own.cells(&name, &table.columns)?;
        own.stored.insert(name.clone(), stored);
        own.declared.insert(name.clone(), declared);
        tables.insert(name, table);
    }
    own.counters = own.counters()?;
    Ok(Pristine {
        tables,
        rows: Rows::new(),
        own: Own::Sqlite(Box::new(own)),
    })
}

fn texts(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

impl Sqlite {
    fn cells(&self, name: &str, columns: &[String]) -> rusqlite::Result<Vec<Vec<Stored>>> {
        let sql = format!("SELECT {} FROM \"{name}\"", quoted(columns));
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| (0..columns.len()).map(|index| row.get(index)).collect())?;
        rows.collect()
    }

    fn counters(&self) -> rusqlite::Result<Vec<(String, i64)>> {
        let named = texts(
            &self.connection,
            "SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'",
        )?;
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare("SELECT name, seq FROM sqlite_sequence")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    fn read(&self) -> rusqlite::Result<Rows> {
        let mut all = Rows::new();
        for (name, declared) in &self.declared {
            let columns: Vec<String> = declared.iter().map(|(column, _)| column.clone()).collect();
            let rows = self.cells(name, &columns)?.into_iter().map(|cells| {
                let cells = cells.into_iter().zip(declared);
                cells
                    .map(|(cell, (column, kind))| (column.clone(), plain(cell, kind)))
                    .collect()
            });
            all.insert(name.clone(), rows.collect());
        }
        Ok(all)
    }

    fn restore(&mut self, changed: &[String], tables: &BTreeMap<String, Table>) -> rusqlite::Result<()> {
        if changed.is_empty() && self.counters()? == self.counters {
            return Ok(());
        }
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for name in changed {
            let columns = &tables[name].columns;
            transaction.execute(&format!("DELETE FROM \"{name}\""), [])?;
            let marks = vec!["?"; columns.len()].join(", ");
            let sql = format!("INSERT INTO \"{name}\" ({}) VALUES ({marks})", quoted(columns));
            let mut insert = transaction.prepare(&sql)?;
            for row in &self.stored[name] {
                insert.execute(rusqlite::params_from_iter(row))?;
            }
        }
        for (name, value) in &self.counters {
            transaction.execute("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", (name, value))?;
        }
        transaction.commit()
    }
}

/// A cell as PostgreSQL writes one of such a column in JSON.
fn plain(cell: Stored, declared: &str) -> Value {
    match cell {
        Stored::Null => Value::Null,
        Stored::Integer(number) if declared.contains("BOOL") => Value::Bool(number != 0),
        Stored::Integer(number) => number.into(),
        Stored::Real(number) => number.into(),
        Stored::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{hex}").into()
        }
        Stored::Text(text) if declared.contains("JSON") || declared.contains("[]") => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        Stored::Text(text) if declared.contains("TIMESTAMP") || declared.contains("DATETIME") => {
            text.replacen(' ', "T", 1).into()
        }
        Stored::Text(text) => text.into(),
    }
}

// ---------------------------------------------------------------------------------------------------- PostgreSQL

async fn select(connection: &mut PgConnection, sql: &str) -> Result<Vec<sqlx::postgres::PgRow>, String> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await;
    rows.map_err(|error| error.to_string())
}

async fn postgres(url: &str) -> Result<Pristine, String> {
    let mut connection = PgConnection::connect(url).await.map_err(|error| error.to_string())?;
    let rows = select(
        &mut connection,
        "SELECT c.relname::text, a.attname::text, a.attgenerated = '' AND NOT a.attisdropped, \
            coalesce(array_position(i.indkey::int2[], a.attnum), -1) \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
         LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition \
         AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
    )
    .await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut keys: BTreeMap<String, Vec<(i32, String)>> = BTreeMap::new();
    for row in rows {
        let (name, column): (String, String) = (row.get(0), row.get(1));
        let (takes, place): (bool, i32) = (row.get(2), row.get(3));
        let table = tables.entry(name.clone()).or_default();
        if takes {
            table.columns.push(column.clone());
        }
        if place >= 0 {
            keys.entry(name).or_default().push((place, column));
        }
    }
    for (name, mut key) in keys {
        key.sort();
        if let Some(table) = tables.get_mut(&name) {
            table.key = key.into_iter().map(|(_, column)| column).collect();
        }
    }
    let names = select(
        &mut connection,
        "SELECT relname::text FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace",
    )
    .await?;
    let mut counters = BTreeMap::new();
    for row in names {
        let name: String = row.get(0);
        let state = select(
            &mut connection,
            &format!("SELECT last_value, is_called FROM public.\"{name}\""),
        )
        .await?;
        counters.insert(name, (state[0].get(0), state[0].get(1)));
    }
    Ok(Pristine {
        tables,
        rows: Rows::new(),
        own: Own::Postgres(Box::new(connection), counters),
    })
}

#[test]
fn comparing_states() {
    let row = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
    let (before, after) = (
        [
            row(r#"{"id": 1, "a": "x", "b": 1}"#),
            row(r#"{"id": 2, "a": "y", "b": 2}"#),
        ],
        [
            row(r#"{"id": 1, "a": "x", "b": 5}"#),
            row(r#"{"id": 3, "a": null, "b": 3}"#),
        ],
    );
    let mut found = Vec::new();
    differences("t", &["id".into()], &before, &after, &mut found);
    let check = |lines: &[&str]| {
        let wanted: Vec<_> = lines.iter().map(|line| Difference::parse(line).unwrap()).collect();
        compare(&wanted, &found).is_ok()
    };
    let all = [
        r#"~ t {"id": 1, "b": 5}"#,
        r#"+ t {"id": 3, "b": "*"}"#,
        r#"- t {"id": 2}"#,
    ];
    assert!(check(&all));
    assert!(!check(&all[..2]));
    assert!(!check(&[all[0], r#"+ t {"id": 3, "a": "*"}"#, all[2]]));
    // What was changed besides must be said.
    assert!(!check(&[r#"~ t {"id": 1}"#, all[1], all[2]]));
    let mut found = Vec::new();
    differences(
        "t",
        &[],
        &before[..1],
        &[before[0].clone(), before[0].clone()],
        &mut found,
    );
    assert_eq!(found.len(), 1);
}
