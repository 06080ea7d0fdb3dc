//! Servers: the built binary on each fixture and database, started when a case first needs it.
//!
//! A small shell watches each server through a pipe from this process. When the pipe closes, however this process ends,
//! it ends the server and removes what was made for it.

use crate::client::{self, Request};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Signs the tokens of the tests.
pub(crate) const JWT_SECRET: &str = "a secret that is known to the tests and nobody else, 0123456789";
/// Without rules.
pub(crate) const ADMIN_SECRET: &str = "the admin secret of the tests";
/// For anonymous callers.
pub(crate) const ANON_KEY: &str = "the anon key of the tests";

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) const ALL: [Database; 2] = [Database::Sqlite, Database::Postgres];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgres",
        }
    }

    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|database| database.word() == word)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// A running server. It ends with this process.
pub(crate) struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The database that it serves.
    pub url: String,
    /// Its own folder, with its configuration.
    pub folder: PathBuf,
    // Holds the pipe that the watching shell reads.
    _watch: Child,
}

impl Server {
    /// Its process.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    /// The end of what it wrote.
    pub(crate) fn log(&self) -> String {
        tail(&self.folder)
    }

    /// The whole lines of its log so far.
    pub(crate) fn log_lines(&self) -> Vec<String> {
        let text = self.whole_log();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// All that it wrote to its log.
    pub(crate) fn whole_log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("err")).unwrap_or_default()).into_owned()
    }

    /// Its configuration.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.join("diglot.toml")
    }
}

type Slot = Arc<OnceCell<Result<Arc<Server>, String>>>;

/// The server of a fixture on a database; one for the whole process.
pub(crate) async fn server(fixture: &str, database: Database) -> Result<Arc<Server>, String> {
    static SERVERS: OnceLock<Mutex<HashMap<(String, Database), Slot>>> = OnceLock::new();
    let slot = {
        let mut servers = SERVERS.get_or_init(Mutex::default).lock().unwrap();
        servers.entry((fixture.to_owned(), database)).or_default().clone()
    };
    slot.get_or_init(|| start(fixture, database, None)).await.clone()
}

/// A server of its own whose log tells of every statement; on PostgreSQL the cluster's log does too.
pub(crate) async fn watched(fixture: &str, database: Database) -> Result<Arc<Server>, String> {
    let log = "info,sqlx=warn,diglot::statement=debug,diglot::sqlite=trace";
    start(fixture, database, Some(log)).await
}

/// A server of a fixture on a database that is written to. It tells of every statement.
pub(crate) async fn writable(fixture: &str, database: Database) -> Result<Server, String> {
    let label = format!("writable_{fixture}_{database}");
    let url = own_database(&label, database, &script(fixture, database)?).await?;
    let path = configuration(fixture, database)?;
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let log = "info,sqlx=warn,diglot::statement=trace";
    own_logged(&label, &url, &text, Some(log)).await
}

/// What PostgreSQL has written to its log.
pub(crate) fn cluster_log() -> String {
    let folder = std::env::var_os("DIGLOT_TEST_POSTGRES_FOLDER").map(PathBuf::from);
    let folder = folder.expect("DIGLOT_TEST_POSTGRES_FOLDER is not set: use tests/support/postgres.sh, or tests/run");
    let path = folder.join("server.log");
    let log = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&log).into_owned()
}

/// The folder of Chinook and Pagila, where it is there.
pub(crate) fn data_folder() -> Option<PathBuf> {
    std::env::var_os("DIGLOT_TEST_DATA").map(PathBuf::from)
}

/// Whether a fixture lies outside of the project.
pub(crate) fn is_outside(fixture: &str) -> bool {
    matches!(fixture, "chinook" | "pagila")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of a fixture's SQL. Some have that of another one, under a configuration of their own.
fn own_folder(fixture: &str) -> PathBuf {
    match fixture {
        "demo" | "settings" => root().join("schema/demo"),
        "closed" => root().join("tests/fixtures/scope"),
        "places" => root().join("tests/cases/places"),
        other => root().join("tests/fixtures").join(other),
    }
}

/// Beside the cases, where each database may have its own, else beside the SQL.
fn configuration(fixture: &str, database: Database) -> Result<PathBuf, String> {
    let cases = root().join("tests/cases").join(fixture);
    let candidates = [
        cases.join(format!("diglot.{database}.toml")),
        cases.join("diglot.toml"),
        own_folder(fixture).join("diglot.toml"),
    ];
    let found = candidates.iter().find(|path| path.is_file());
    found
        .cloned()
        .ok_or_else(|| format!("no configuration for {fixture} on {database}: one of {candidates:?}"))
}

async fn start(fixture: &str, database: Database, log: Option<&str>) -> Result<Arc<Server>, String> {
    let configuration = match fixture {
        "values" => crate::values::configuration(),
        _ => {
            let path = configuration(fixture, database)?;
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    let script = script(fixture, database)?;
    start_logged(fixture, database, &script, &configuration, log).await
}

/// A server on a database that a script makes. It ends when it is dropped.
pub(crate) async fn start_on(
    fixture: &str,
    database: Database,
    script: &str,
    configuration: &str,
) -> Result<Arc<Server>, String> {
    start_logged(fixture, database, script, configuration, None).await
}

async fn start_logged(
    fixture: &str,
    database: Database,
    script: &str,
    configuration: &str,
    log: Option<&str>,
) -> Result<Arc<Server>, String> {
    let watched = if log.is_some() { "_watched" } else { "" };
    let name = format!("diglot_it_{}_{fixture}{watched}", std::process::id());
    let folder = std::env::temp_dir().join(format!("{name}_{database}"));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let started = start_in(&folder, &name, database, script, configuration, log)
        .await
        .map_err(|error| format!("{fixture} on {database}: {error}"));
    if started.is_err() {
        // The shell that watches has removed it if there was one.
        let _ = fs::remove_dir_all(&folder);
    }
    started
}

async fn start_in(
    folder: &Path,
    name: &str,
    database: Database,
    script: &str,
    configuration: &str,
    log: Option<&str>,
) -> Result<Arc<Server>, String> {
    let config = folder.join("diglot.toml");
    fs::write(&config, configuration).map_err(|error| error.to_string())?;
    let url = match database {
        Database::Sqlite => sqlite(script, &folder.join("test.db"))?,
        Database::Postgres => postgres(script, name, log.is_some()).await?,
    };
    let dropped = (database == Database::Postgres).then_some(name);
    let watch = spawn(&url, &config, folder, dropped, log)?;
    answering(folder, watch, url).await.map(Arc::new)
}

/// A server of one test's own, on a database and with a configuration that it may change. It ends when it is dropped.
pub(crate) async fn own(label: &str, url: &str, configuration: &str) -> Result<Server, String> {
    own_logged(label, url, configuration, None).await
}

async fn own_logged(label: &str, url: &str, configuration: &str, log: Option<&str>) -> Result<Server, String> {
    let folder = own_directory(label)?;
    let config = folder.join("diglot.toml");
    fs::write(&config, configuration).map_err(|error| error.to_string())?;
    let database = url.rsplit('/').next().filter(|name| name.starts_with("diglot_it_"));
    let dropped = database.filter(|_| url.starts_with("postgres"));
    let watch = spawn(url, &config, &folder, dropped, log)?;
    answering(&folder, watch, url.to_owned()).await
}

/// A further server over the database of another, which stays when this one ends.
pub(crate) async fn beside(label: &str, url: &str, configuration: &str) -> Result<Server, String> {
    let folder = own_directory(label)?;
    let config = folder.join("diglot.toml");
    fs::write(&config, configuration).map_err(|error| error.to_string())?;
    let watch = spawn(url, &config, &folder, None, None)?;
    answering(&folder, watch, url.to_owned()).await
}

/// The folder of a server of one's own; what a test puts there goes with the server.
pub(crate) fn own_directory(label: &str) -> Result<PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("diglot_it_{}_own_{label}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// A database of one's own with what a script makes, and its URL. On PostgreSQL it goes with its server.
pub(crate) async fn own_database(label: &str, database: Database, script: &str) -> Result<String, String> {
    let made = match database {
        Database::Sqlite => sqlite(script, &own_directory(label)?.join("test.db")),
        Database::Postgres => postgres(script, &format!("diglot_it_{}_{label}", std::process::id()), false).await,
    };
    made.map_err(|error| format!("{label} on {database}: {error}"))
}

/// Waits until a server answers.
async fn answering(folder: &Path, watch: Child, url: String) -> Result<Server, String> {
    let mut server = Server {
        address: ([127, 0, 0, 1], 0).into(),
        url: url.clone(),
        folder: folder.to_owned(),
        _watch: watch,
    };
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let ended = fs::read_to_string(server.folder.join("ended")).ok();
        if let Some(code) = ended.filter(|code| code.ends_with('\n')) {
            return Err(format!(
                "the server ended with exit code {} at once\n{}",
                code.trim(),
                server.log()
            ));
        }
        if Instant::now() > deadline {
            return Err(format!(
                "the server did not answer within {} s\n{}",
                START_LIMIT.as_secs(),
                server.log()
            ));
        }
        if let Some(address) = address(&server.folder) {
            server.address = address;
            let health = client::send(address, &Request::get("/health")).await;
            if health.is_ok_and(|answer| answer.status == 200) {
                return Ok(server);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The address in the lines that the server writes when it starts.
fn address(folder: &Path) -> Option<SocketAddr> {
    ["out", "err"].iter().find_map(|file| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        let rest = text.split("http://127.0.0.1:").nth(1)?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let whole = rest.len() > port.len();
        Some(SocketAddr::from((
            [127, 0, 0, 1],
            port.parse().ok().filter(|port| whole && *port > 0)?,
        )))
    })
}

fn tail(folder: &Path) -> String {
    let texts = ["out", "err"].map(|file| fs::read(folder.join(file)).unwrap_or_default());
    let text = String::from_utf8_lossy(&texts.concat()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// `$1` is the folder, `$2` what is to be run at the end; then the server's command. A server whose files may not grow is
/// told so when it writes, not ended.
const WATCH: &str = r#"
trap '' INT TERM HUP
folder=$1 at_end=$2
shift 2
exec 3<&0
( trap - INT TERM HUP; trap '' XFSZ; exec "$@" </dev/null >"$folder/out" 2>"$folder/err" 3<&- ) &
server=$!
echo "$server" >"$folder/pid"
(
    read -r _ <&3
    kill -TERM "$server"
    tries=0
    while kill -0 "$server" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$server"
) >/dev/null 2>&1 &
wait "$server"
echo "$?" >"$folder/ended"
read -r _ <&3
eval "$at_end" >/dev/null 2>&1
rm -rf "$folder"
"#;

/// `dropped` is a database of PostgreSQL that goes with the server.
fn spawn(url: &str, config: &Path, folder: &Path, dropped: Option<&str>, log: Option<&str>) -> Result<Child, String> {
    let at_end = match (dropped, client_of_postgres()) {
        (Some(name), Some(psql)) => {
            let cluster = std::env::var("DIGLOT_TEST_POSTGRES").unwrap_or_default();
            format!(
                "'{}' --no-psqlrc '{cluster}' --command 'DROP DATABASE IF EXISTS {name} WITH (FORCE)'",
                psql.display()
            )
        }
        _ => ":".to_owned(),
    };
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(WATCH)
        .arg("watch")
        .arg(folder)
        .arg(at_end)
        .arg(env!("CARGO_BIN_EXE_diglot"));
    command
        .args(["serve", url, "--config"])
        .arg(config)
        .args(["--listen", "127.0.0.1:0", "--log", "json"]);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("DIGLOT_") || name.starts_with("PG") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command.env("DIGLOT_AUTH_ADMIN_SECRET", ADMIN_SECRET);
    command.env("DIGLOT_AUTH_ANON_KEY", ANON_KEY);
    command.env("DIGLOT_AUTH_JWT_SECRET", JWT_SECRET);
    command.envs(log.map(|filter| ("DIGLOT_LOG", filter)));
    command
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .map_err(|error| format!("cannot start a shell: {error}"))
}

// ---------------------------------------------------------------------------------------------------- databases

/// A script of a fixture for a database.
fn script(fixture: &str, database: Database) -> Result<String, String> {
    let outside = |file: &str| -> Result<String, String> {
        let folder = data_folder().ok_or("DIGLOT_TEST_DATA is not set")?;
        unpacked(&folder.join(file))
    };
    match (fixture, database) {
        ("chinook", Database::Sqlite) => outside("Chinook_Sqlite.sql.gz"),
        ("chinook", Database::Postgres) => {
            let text = outside("Chinook_PostgreSql.sql.gz")?;
            // It makes its own database first, and connects to it by a command of psql.
            let (_, rest) = text.split_once("\\c chinook;").ok_or("Chinook's script has changed")?;
            Ok(rest.to_owned())
        }
        ("pagila", Database::Postgres) => {
            Ok(outside("Pagila_PostgreSql_schema.sql.gz")? + &outside("Pagila_PostgreSql_data.sql.gz")?)
        }
        _ => {
            // What is one database's own, then what both take.
            let folder = own_folder(fixture);
            let paths = [format!("{database}.sql"), "both.sql".into()].map(|file| folder.join(file));
            let texts: Vec<String> = paths
                .iter()
                .filter(|path| path.is_file())
                .map(|path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display())))
                .collect::<Result<_, _>>()?;
            if texts.is_empty() {
                return Err(format!("no SQL for {fixture} on {database}: one of {paths:?}"));
            }
            Ok(texts.concat())
        }
    }
}

fn unpacked(path: &Path) -> Result<String, String> {
    let output = Command::new("gunzip")
        .arg("-c")
        .arg(path)
        .output()
        .map_err(|error| format!("gunzip: {error}"))?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|error| format!("{}: {error}", path.display()))
    } else {
        Err(format!(
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

fn sqlite(script: &str, path: &Path) -> Result<String, String> {
    let failed = |error: rusqlite::Error| error.to_string();
    let connection = rusqlite::Connection::open(path).map_err(failed)?;
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")
        .map_err(failed)?;
    connection.execute_batch("BEGIN").map_err(failed)?;
    connection
        .execute_batch(script.trim_start_matches('\u{feff}'))
        .map_err(failed)?;
    connection.execute_batch("COMMIT").map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    Ok(format!("sqlite:{}", path.display()))
}

async fn postgres(script: &str, name: &str, logged: bool) -> Result<String, String> {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
    let failed = |error: sqlx::Error| error.to_string();
    let cluster = std::env::var("DIGLOT_TEST_POSTGRES").map_err(
        |_| "DIGLOT_TEST_POSTGRES is not set: eval \"$(tests/support/postgres.sh start)\", or use tests/run",
    )?;
    let (server, _) = cluster
        .rsplit_once('/')
        .ok_or("DIGLOT_TEST_POSTGRES names no database")?;
    let mut connection = PgConnection::connect(&cluster).await.map_err(failed)?;
    for statement in [
        format!("DROP DATABASE IF EXISTS {name}"),
        format!("CREATE DATABASE {name} TEMPLATE template0"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .map_err(failed)?;
    }
    if logged {
        sqlx::raw_sql(AssertSqlSafe(format!(
            "ALTER DATABASE {name} SET log_statement = 'all'"
        )))
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    }
    connection.close().await.map_err(failed)?;
    let url = format!("{server}/{name}");
    if script.contains("FROM stdin;") {
        // COPY's rows are not SQL: only psql reads them from a script.
        copy(&url, script)?;
    } else {
        let mut connection = PgConnection::connect(&url).await.map_err(failed)?;
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned())))
            .await
            .map_err(failed)?;
        connection.close().await.map_err(failed)?;
    }
    Ok(url)
}

/// Runs a script on a server's database, in one transaction.
pub(crate) async fn run_script(server: &Server, script: &str) -> Result<(), String> {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
    if let Some(path) = server.url.strip_prefix("sqlite:") {
        let connection = rusqlite::Connection::open(path).map_err(|error| error.to_string())?;
        let whole = format!("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN; {script}; COMMIT");
        return connection.execute_batch(&whole).map_err(|error| error.to_string());
    }
    let failed = |error: sqlx::Error| error.to_string();
    let mut connection = PgConnection::connect(&server.url).await.map_err(failed)?;
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned())))
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// psql beside the server's binaries, else on PATH.
fn client_of_postgres() -> Option<PathBuf> {
    let beside = std::env::var_os("DIGLOT_TEST_POSTGRES_BIN").map(|folder| PathBuf::from(folder).join("psql"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .map(|folder| folder.join("psql"))
        .collect::<Vec<_>>();
    beside.into_iter().chain(on_path).find(|psql| psql.is_file())
}

fn copy(url: &str, script: &str) -> Result<(), String> {
    let psql = client_of_postgres().ok_or("psql is neither in DIGLOT_TEST_POSTGRES_BIN nor on PATH")?;
    let file = std::env::temp_dir().join(format!("diglot_it_{}.sql", std::process::id()));
    fs::write(&file, script).map_err(|error| error.to_string())?;
    let output = Command::new(psql)
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file"])
        .arg(&file)
        .arg(url)
        .output();
    let _ = fs::remove_file(&file);
    let output = output.map_err(|error| format!("psql: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
