//! Slow and large requests over HTTP: each is cut off, and told why in the form of the front that it was meant for.

use crate::client::{self, Answer, Request, Who};
use crate::fronts;
use crate::live::{ask, holds};
use crate::world::{self, ANON_KEY, Database, Server};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CONFIGURATION: &str = "
    [server]
    request_timeout = \"1s\"
    header_timeout = \"1s\"
    max_body = \"2kB\"
    [tables.slow]
    key = [\"id\"]
    [tables.slow.access.anonymous]
    read = true
    [tables.quick.access.anonymous]
    read = true";

async fn served(database: Database) -> Server {
    let label = format!("limits_{database}");
    let script = match database {
        Database::Postgres => {
            "CREATE TABLE quick (id INTEGER PRIMARY KEY); INSERT INTO quick VALUES (1);
             CREATE VIEW slow AS SELECT 1 AS id, CAST(pg_sleep(4) AS text) AS body"
        }
        Database::Sqlite => {
            "CREATE TABLE quick (id INTEGER PRIMARY KEY); INSERT INTO quick VALUES (1);
             CREATE VIEW slow AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000)
             SELECT 1 AS id, max(i) AS body FROM n"
        }
    };
    let url = world::own_database(&label, database, script).await.unwrap();
    world::own(&label, &url, CONFIGURATION).await.unwrap()
}

/// The member of an answer in JSON.
fn member(answer: &Answer, pointer: &str) -> String {
    let json = answer.json().unwrap_or_else(|error| panic!("{error}: {answer}"));
    let member = json
        .pointer(pointer)
        .unwrap_or_else(|| panic!("no {pointer} in {answer}"));
    member.as_str().unwrap().to_owned()
}

/// That each front says the same in its own form.
fn in_own_form([graphql, based, records]: &[Answer; 3], status: u16, based_code: &str, text: &str) {
    for answer in [graphql, based, records] {
        assert_eq!(answer.status, status, "{answer}");
        holds(answer, status, text).unwrap();
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{answer}");
    }
    assert!(member(graphql, "/errors/0/message").contains(text), "{graphql}");
    assert!(!member(graphql, "/errors/0/extensions/code").is_empty());
    assert_eq!(member(based, "/error/code"), based_code);
    assert_eq!(records.headers_of("content-type"), "text/plain; charset=utf-8");
}

async fn slow_answers(database: Database) {
    let server = served(database).await;
    let begin = Instant::now();
    let (graphql, based, records) = tokio::join!(
        ask(&server, &Who::AnonKey, fronts::graphql("{ slow { body } }", None, None)),
        ask(&server, &Who::AnonKey, Request::get("/api/slow")),
        ask(&server, &Who::AnonKey, Request::get("/api/records/v1/slow")),
    );
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "cut off after {:?}",
        begin.elapsed()
    );
    in_own_form(&[graphql, based, records], 503, "SERVICE_UNAVAILABLE", "took too long");
    // Whatever still runs for nobody keeps nobody waiting.
    let quick = ask(&server, &Who::AnonKey, fronts::graphql("{ quick { id } }", None, None)).await;
    holds(&quick, 200, "\"id\":1").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_slow_answers_are_cut_off() {
    slow_answers(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_slow_answers_are_cut_off() {
    slow_answers(Database::Postgres).await;
}

/// Sends pieces with pauses between them and reads until the server closes; what it said, and when it closed.
async fn drip(server: &Server, pieces: &[&[u8]], pause: Duration) -> (String, Duration) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let begin = Instant::now();
    let writer = tokio::spawn(async move {
        for piece in pieces {
            if writing.write_all(&piece).await.is_err() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        // The other half stays open: it is the server that has to end this.
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(writing);
    });
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), reading.read_to_end(&mut said)).await;
    writer.abort();
    (String::from_utf8_lossy(&said).into_owned(), begin.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_large_requests() {
    let server = {
        let label = "limits_requests";
        let script = "CREATE TABLE quick (id INTEGER PRIMARY KEY); INSERT INTO quick VALUES (1); \
            CREATE TABLE slow (id INTEGER PRIMARY KEY)";
        let url = world::own_database(label, Database::Sqlite, script).await.unwrap();
        world::own(label, &url, CONFIGURATION).await.unwrap()
    };
    let targets = ["/graphql", "/api/quick", "/api/records/v1/quick"];

    // A body that never comes to its end: 408 in the front's form, and the connection ends.
    for (index, target) in targets.iter().enumerate() {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\napikey: {ANON_KEY}\r\nContent-Type: application/json\r\n\
             Content-Length: 100\r\n\r\n"
        );
        let piece: &[u8] = b"{\"query\"";
        let (said, took) = drip(
            &server,
            &[head.as_bytes(), piece, b" ", b" "],
            Duration::from_millis(200),
        )
        .await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{target}: {said}");
        let form = [
            "{\"errors\":[{\"message\":\"the body did not arrive",
            "{\"error\":{\"code\":\"REQUEST_TIMEOUT\"",
            "\r\n\r\nthe body did not arrive",
        ];
        assert!(said.contains(form[index]), "{target}: {said}");
        assert!(said.to_lowercase().contains("connection: close"), "{target}: {said}");
        assert!((900..3000).contains(&took.as_millis()), "{target}: after {took:?}");
    }

    // Headers that never come to their end, at once or drop by drop.
    let drops: Vec<&[u8]> = std::iter::once(&b"GET /api/quick HTTP/1.1\r\nHost: localhost\r\n"[..])
        .chain(std::iter::repeat_n(&b"x: y\r\n"[..], 60))
        .collect();
    for pieces in [&[][..], &[&b"GET /api"[..]], &drops] {
        let (said, took) = drip(&server, pieces, Duration::from_millis(100)).await;
        assert!(!said.contains(" 200 "), "{said}");
        assert!(took < Duration::from_secs(3), "after {took:?}");
    }
    // A connection that is kept and says nothing more is closed, too.
    let kept = format!("GET /api/quick HTTP/1.1\r\nHost: localhost\r\napikey: {ANON_KEY}\r\n\r\n");
    let (said, took) = drip(&server, &[kept.as_bytes()], Duration::ZERO).await;
    assert!(
        said.starts_with("HTTP/1.1 200 ") && took < Duration::from_secs(4),
        "{took:?}: {said}"
    );

    // Too large, said at the start or noticed on the way.
    let large = "x".repeat(3000);
    let bodies = targets.map(|target| Request::post(target, large.clone()));
    let mut answers = Vec::new();
    for request in bodies {
        answers.push(ask(&server, &Who::AnonKey, request).await);
    }
    in_own_form(&answers.try_into().unwrap(), 413, "PAYLOAD_TOO_LARGE", "2000 bytes");
    for target in targets {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\napikey: {ANON_KEY}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
        let chunks = [head.as_bytes(), chunk.as_bytes(), chunk.as_bytes(), chunk.as_bytes()];
        let (said, _) = drip(&server, &chunks, Duration::from_millis(20)).await;
        assert!(
            said.starts_with("HTTP/1.1 413 ") && said.contains("2000 bytes"),
            "{target}: {said}"
        );
    }
    let mut answers = Vec::new();
    for target in [
        "/graphql?query=%7Bquick%7Bid%7D%7D",
        "/api/quick",
        "/api/records/v1/quick",
    ] {
        let request = Request::get(target).with([("x-large".to_owned(), "x".repeat(40_000))]);
        answers.push(ask(&server, &Who::AnonKey, request).await);
    }
    in_own_form(&answers.try_into().unwrap(), 431, "HEADERS_TOO_LARGE", "32768");
    // What is larger than any reader needs is refused before anybody looks at it.
    let huge = Request::get("/api/quick").with([("x-large".to_owned(), "x".repeat(400_000))]);
    let answer = client::send(server.address, &huge).await;
    assert!(answer.as_ref().is_ok_and(|answer| answer.status == 431), "{answer:?}");
    holds(
        &ask(&server, &Who::AnonKey, Request::get("/api/quick")).await,
        200,
        "\"id\":1",
    )
    .unwrap();
}

/// More rows than one request may create, through every front: nothing of it happens, and the limit is said.
async fn rows_that_a_request_may_create(database: Database) {
    let label = format!("limits_rows_{database}");
    let script = match database {
        Database::Sqlite => {
            "CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE item (id INTEGER PRIMARY KEY, shelf_id INTEGER REFERENCES shelf (id), name TEXT);
             CREATE TABLE box (id INTEGER PRIMARY KEY, name TEXT)"
        }
        Database::Postgres => {
            "CREATE TABLE shelf (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text);
             CREATE TABLE item (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
                 shelf_id integer REFERENCES shelf (id), name text);
             CREATE TABLE box (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text)"
        }
    };
    let rules = "
        [server]
        max_written_rows = 3
        [tables.shelf.access.user]
        read = true
        create = true
        update = true
        [tables.item.access.user]
        read = true
        create = true
        [tables.box.access.user]
        read = true
        create = true
        update = true";
    let url = world::own_database(&label, database, script).await.unwrap();
    let server = world::own(&label, &url, rules).await.unwrap();
    let user = Who::parse(&"user 1".into()).unwrap();
    let list = |count: usize| vec![serde_json::json!({"name": "n"}); count];
    let steps = |count: usize| {
        let step = serde_json::json!({"Create": {"api_name": "box", "value": {"name": "n"}}});
        serde_json::json!({"operations": vec![step; count]}).to_string()
    };
    let objects = |count: usize| vec!["{name: \"n\"}"; count].join(", ");
    let graphql = |text: String| fronts::graphql(&text, None, None);
    let few = [
        graphql(format!(
            "mutation {{ insert_box(objects: [{}]) {{ affected_rows }} }}",
            objects(3)
        )),
        graphql(format!(
            "mutation {{ insert_shelf_one(object: {{name: \"a\", item: {{data: [{}]}}}}) {{ id }} }}",
            objects(2)
        )),
        Request::post("/api/records/v1/box", serde_json::Value::from(list(3)).to_string()),
        Request::post("/api/transaction/v1/execute", steps(3)),
        Request::post("/api/box", r#"{"name": "n"}"#),
    ];
    for request in few {
        let answer = ask(&server, &user, request.clone()).await;
        assert!(
            matches!(answer.status, 200 | 201) && !answer.text().contains("error"),
            "{request}: {answer}"
        );
    }
    let count = async || {
        let query = "{ box_aggregate { aggregate { count } } shelf_aggregate { aggregate { count } } item_aggregate { aggregate { count } } }";
        ask(&server, &user, graphql(query.to_owned())).await.text()
    };
    let before = count().await;
    let many = [
        graphql(format!(
            "mutation {{ insert_box(objects: [{}]) {{ affected_rows }} }}",
            objects(4)
        )),
        graphql(format!(
            "mutation {{ insert_shelf_one(object: {{name: \"a\", item: {{data: [{}]}}}}) {{ id }} }}",
            objects(3)
        )),
        graphql(
            "mutation { a: insert_box_one(object: {name: \"n\"}) { id } insert_shelf_one(object: {name: \"n\"}) { id }
             c: insert_box_one(object: {name: \"n\"}) { id } d: insert_box_one(object: {name: \"n\"}) { id } }"
                .to_owned(),
        ),
        graphql(
            "mutation { insert_box(on_conflict: {update_columns: [name]}, objects: [
                 {id: 91, name: \"n\"}, {id: 92, name: \"n\"}, {id: 93, name: \"n\"}, {id: 94, name: \"n\"}]) { affected_rows } }"
                .to_owned(),
        ),
        Request::post("/api/records/v1/box", serde_json::Value::from(list(4)).to_string()),
        Request::post("/api/transaction/v1/execute", steps(4)),
    ];
    for request in many {
        let answer = ask(&server, &user, request.clone()).await;
        assert!(answer.text().contains("at most 3"), "{request}: {answer}");
        if !request.target.starts_with("/graphql") {
            assert_eq!(answer.status, 413, "{request}: {answer}");
        }
        assert_eq!(count().await, before, "{request}");
    }
}

on_both!(rows_that_a_request_may_create);
