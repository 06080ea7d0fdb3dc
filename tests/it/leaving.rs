//! A client that leaves takes its statement along: the database has nothing to do for it any more.

use crate::world::{self, ANON_KEY, Database, Server};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const CONFIGURATION: &str = "
    [tables.slow]
    key = [\"id\"]
    [tables.slow.access.anonymous]
    read = true";

const SCRIPTS: [(Database, &str); 2] = [
    (
        Database::Postgres,
        "CREATE VIEW slow AS SELECT 1 AS id, CAST(pg_sleep(9) AS text) AS body",
    ),
    (
        Database::Sqlite,
        "CREATE VIEW slow AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000000)
         SELECT 1 AS id, max(i) AS body FROM n",
    ),
];

/// Whether the database works on the view. SQLite works within the server: then its processor time grows.
async fn works(server: &Server, database: Database) -> bool {
    match database {
        Database::Postgres => {
            use sqlx::{Connection as _, Row as _};
            let mut connection = sqlx::PgConnection::connect(&server.url).await.unwrap();
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
                       AND pid <> pg_backend_pid() AND query LIKE '%slow%'";
            let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
            row.get::<i64, _>(0) > 0
        }
        Database::Sqlite => {
            let before = ticks(server);
            tokio::time::sleep(Duration::from_millis(300)).await;
            ticks(server) - before > 8
        }
    }
}

/// Hundredths of a second that the server has had of the processors.
fn ticks(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid().unwrap())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let numbers: Vec<&str> = rest.split_whitespace().collect();
    numbers[11].parse::<u64>().unwrap() + numbers[12].parse::<u64>().unwrap()
}

async fn until(server: &Server, database: Database, working: bool) {
    let begin = Instant::now();
    while works(server, database).await != working {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "on {database} it does not {}",
            if working { "begin" } else { "end" }
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_ends_its_statement() {
    for (database, script) in SCRIPTS {
        let label = format!("leaving_{database}");
        let url = world::own_database(&label, database, script).await.unwrap();
        let server = world::own(&label, &url, CONFIGURATION).await.unwrap();
        let query = r#"{"query":"{ slow { body } }"}"#;
        let requests = [
            "GET /api/slow HTTP/1.1".to_owned(),
            "GET /api/records/v1/slow?count=true HTTP/1.1".to_owned(),
            format!(
                "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}",
                query.len()
            ),
        ];
        for request in requests {
            let body = if request.starts_with("POST") { query } else { "" };
            let whole = format!("{request}\r\nHost: localhost\r\napikey: {ANON_KEY}\r\n\r\n{body}");
            let mut client = TcpStream::connect(server.address).await.unwrap();
            client.write_all(whole.as_bytes()).await.unwrap();
            until(&server, database, true).await;
            drop(client);
            until(&server, database, false).await;
        }
    }
}
