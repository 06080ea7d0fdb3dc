//! A database that goes away while it is served: 503 with Retry-After in each front's own form, and recovery without a
//! restart.

use crate::client::{Request, Who};
use crate::fronts;
use crate::live::{Load, Operator, SEEN, ask, ask_all, holds, within};
use crate::world::{self, Database, Server};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCRIPT: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO author VALUES (1, 'Ada'), (2, 'Ben');";

const CONFIGURATION: &str = "
    [database]
    statement_timeout = \"1s\"
    [tables.author.access.anonymous]
    read = true";

const QUERY: &str = "{ author { name } }";

/// That all is well.
async fn answers(server: &Server) -> Result<(), String> {
    for answer in &ask_all(server, &Who::AnonKey, QUERY, "author").await {
        holds(answer, 200, "Ada")?;
    }
    let ready = ask(server, &Who::AnonKey, Request::get("/ready")).await;
    holds(&ready, 200, "{\"status\":\"ok\"}")
}

/// That the database is away: every front says so in its own form, the process is well.
async fn refuses(server: &Server) -> Result<(), String> {
    let [graphql, based, records] = ask_all(server, &Who::AnonKey, QUERY, "author").await;
    let with_json = Request::get("/api/records/v1/author").with([("Accept".into(), "application/json".into())]);
    let records_json = ask(server, &Who::AnonKey, with_json).await;
    for answer in [&graphql, &based, &records, &records_json] {
        holds(answer, 503, "database")?;
        if answer.header("retry-after") != Some("1") {
            return Err(format!("no Retry-After: {answer}"));
        }
        for word in ["sqlite", "SQLSTATE", "/tmp", "127.0.0.1", "os error", "terminating"] {
            if answer.text().contains(word) {
                return Err(format!("the database's own words: {answer}"));
            }
        }
    }
    let message = |pointer: &str, answer: &crate::client::Answer| {
        let json = answer.json().ok();
        json.and_then(|json| json.pointer(pointer)?.as_str().map(str::to_owned))
            .ok_or_else(|| format!("no {pointer} in {answer}"))
    };
    message("/errors/0/message", &graphql)?;
    message("/errors/0/extensions/code", &graphql)?;
    assert_eq!(message("/error/code", &based)?, "SERVICE_UNAVAILABLE");
    assert_eq!(message("/error/code", &records_json)?, "database_unavailable");
    assert_eq!(records.headers_of("content-type"), "text/plain; charset=utf-8");
    let ready = ask(server, &Who::AnonKey, Request::get("/ready")).await;
    holds(&ready, 503, "unavailable")?;
    holds(&ask(server, &Who::AnonKey, Request::get("/health")).await, 200, "ok")
}

fn load(server: &Arc<Server>) -> Load {
    let requests = vec![
        fronts::graphql(QUERY, None, None),
        Request::get("/api/author"),
        Request::get("/api/records/v1/author/1"),
    ];
    Load::start(server, &Who::AnonKey, requests)
}

// -------------------------------------------------------------------------------------------------- PostgreSQL

/// A cluster for this test alone, which others must not miss.
struct Cluster {
    folder: PathBuf,
    url: String,
}

impl Cluster {
    fn start(label: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("diglot-{label}-{}", std::process::id()));
        let exports = Self::command("start", &folder);
        let line = exports.lines().find(|line| line.contains("DIGLOT_TEST_POSTGRES="));
        let url = line.and_then(|line| line.split_once('=')).unwrap().1.to_owned();
        Self { folder, url }
    }

    fn command(word: &str, folder: &Path) -> String {
        let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/postgres.sh"))
            .arg(word)
            .arg(folder)
            // Without them the script would take the cluster of the other tests for the one that is meant.
            .env_remove("DIGLOT_TEST_POSTGRES_FOLDER")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "postgres.sh {word}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn pause(&self) {
        Self::command("pause", &self.folder);
    }

    fn resume(&self) {
        Self::command("resume", &self.folder);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        Self::command("stop", &self.folder);
    }
}

/// What a name leads to after a failover may be a standby.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_has_become_a_standby() {
    let cluster = Cluster::start("standby");
    Operator::of(Database::Postgres, &cluster.url)
        .execute(&[SCRIPT, "CREATE TABLE visit (id integer PRIMARY KEY)"])
        .await;
    let server = world::own("standby", &cluster.url, "[access]\ndefault = \"convention\"")
        .await
        .unwrap();
    let user = Who::parse(&"user 1".into()).unwrap();
    let write = |id: usize| ask(&server, &user, Request::post("/api/visit", format!("{{\"id\": {id}}}")));
    holds(&write(1).await, 201, "1").unwrap();
    cluster.pause();
    std::fs::write(cluster.folder.join("data/standby.signal"), "").unwrap();
    cluster.resume();
    // It is no fault of the caller's, neither before the server knows what it has become nor after.
    let begin = Instant::now();
    let mut known = false;
    for id in 2.. {
        let answer = write(id).await;
        match answer.status {
            503 => holds(&answer, 503, "database").unwrap(),
            _ => holds(&answer, 405, "the database is read-only").unwrap(),
        }
        known |= answer.status == 405;
        if known || begin.elapsed() > SEEN {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(known, "the server never knew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_stopped_and_started() {
    let cluster = Cluster::start("away");
    let operator = Operator::of(Database::Postgres, &cluster.url);
    operator.execute(&["CREATE DATABASE shop"]).await;
    let url = format!("{}/shop", cluster.url.rsplit_once('/').unwrap().0);
    Operator::of(Database::Postgres, &url).execute(&[SCRIPT]).await;
    let server = Arc::new(world::own("away_postgres", &url, CONFIGURATION).await.unwrap());
    answers(&server).await.unwrap();
    let load = load(&server);

    // Its machine fails.
    cluster.pause();
    within(SEEN, "a stopped server", || refuses(&server)).await;
    cluster.resume();
    let back = within(SEEN, "a started server", || answers(&server)).await;

    // It takes nobody in any more and throws everybody out.
    operator
        .execute(&[
            "ALTER DATABASE shop ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'",
        ])
        .await;
    within(SEEN, "a closed database", || refuses(&server)).await;
    operator.execute(&["ALTER DATABASE shop ALLOW_CONNECTIONS true"]).await;
    within(SEEN, "an opened database", || answers(&server)).await;

    // Connections that are only cut cost nobody an answer.
    for _ in 0..5 {
        operator
            .execute(&["SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'"])
            .await;
        answers(&server).await.unwrap();
    }

    // What changed while it was away is seen.
    cluster.pause();
    within(SEEN, "stopped again", || refuses(&server)).await;
    cluster.resume();
    Operator::of(Database::Postgres, &url)
        .execute(&["ALTER TABLE author ADD COLUMN born integer"])
        .await;
    within(SEEN, "a change while it was away", || async {
        let answer = ask(
            &server,
            &Who::AnonKey,
            fronts::graphql("{ author { born } }", None, None),
        )
        .await;
        holds(&answer, 200, "\"born\":null")
    })
    .await;
    println!(
        "PostgreSQL: back after {back:?}, {} requests meanwhile",
        load.end().await
    );
}

// ------------------------------------------------------------------------------------------------------ SQLite

async fn sqlite(label: &str) -> (Arc<Server>, PathBuf) {
    let url = world::own_database(label, Database::Sqlite, SCRIPT).await.unwrap();
    let server = world::own(label, &url, CONFIGURATION).await.unwrap();
    answers(&server).await.unwrap();
    (Arc::new(server), url.trim_start_matches("sqlite:").into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_that_is_removed_and_replaced() {
    let (server, file) = sqlite("away_file").await;
    let load = load(&server);
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    within(SEEN, "a removed file", || refuses(&server)).await;
    std::fs::rename(&aside, &file).unwrap();
    within(SEEN, "the file is back", || answers(&server)).await;

    // Another database takes its place, as a restored copy does.
    let other = file.with_extension("other");
    let more = "CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT, born INTEGER); \
        INSERT INTO author VALUES (1, 'Ada of old', 1815)";
    Operator::Sqlite(other.clone()).execute(&[more]).await;
    std::fs::rename(&other, &file).unwrap();
    within(SEEN, "another file", || async {
        let query = "{ author { name born } }";
        let answer = ask(&server, &Who::AnonKey, fronts::graphql(query, None, None)).await;
        holds(&answer, 200, "{\"name\":\"Ada of old\",\"born\":1815}")?;
        answers(&server).await
    })
    .await;

    // Something that is no database.
    std::fs::rename(&file, &aside).unwrap();
    std::fs::write(&file, "this is no database, however long it is ".repeat(100)).unwrap();
    within(SEEN, "no database", || refuses(&server)).await;
    // A cut one: the header is right, and the rest is missing.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &std::fs::read(&aside).unwrap()[..4096]).unwrap();
    within(SEEN, "half a database", || refuses(&server)).await;
    std::fs::remove_file(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    within(SEEN, "the database is back", || answers(&server)).await;
    println!("SQLite: {} requests beside it", load.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_that_another_process_locks() {
    let (server, file) = sqlite("away_lock").await;
    let load = load(&server);
    let connection = rusqlite::Connection::open(&file).unwrap();
    // Without a write-ahead log whoever writes shuts readers out.
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begin = Instant::now();
    within(SEEN * 2, "a locked file", || refuses(&server)).await;
    let health = Instant::now();
    holds(&ask(&server, &Who::AnonKey, Request::get("/health")).await, 200, "ok").unwrap();
    assert!(
        health.elapsed() < Duration::from_secs(1),
        "waiting for a lock holds nobody up"
    );
    connection.execute_batch("COMMIT").unwrap();
    within(SEEN, "an unlocked file", || answers(&server)).await;
    // A short lock is waited for.
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let waiting = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { ask(&server, &Who::AnonKey, fronts::graphql(QUERY, None, None)).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    connection.execute_batch("COMMIT").unwrap();
    holds(&waiting.await.unwrap(), 200, "Ada").unwrap();
    println!(
        "SQLite: locked and free after {:?}, {} requests",
        begin.elapsed(),
        load.end().await
    );
}
