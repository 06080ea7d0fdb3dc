//! Long answers go out while they are read: nothing of them is kept, a broken one does not look whole, and callers who take
//! nothing or go away hold nothing.

use crate::client::{self, Request};
use crate::world::{self, ADMIN_SECRET, Database, Server};
use serde_json::{Value, json};
use std::io::Read as _;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Rows of the fixture's long table.
const ROWS: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_answers_stream_from_sqlite() {
    holds(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_answers_stream_from_postgres() {
    holds(Database::Postgres).await;
}

async fn holds(database: Database) {
    let server = world::server("long", database).await.unwrap();
    memory_stays(&server, database).await;
    every_row_comes_once(&server).await;
    some_answers_are_whole(&server).await;
    a_failure_in_the_middle_shows(&server).await;
    if database == Database::Sqlite {
        a_late_blob_is_met_once(&server).await;
    }
    callers_who_go_hold_nothing(&server).await;
    callers_who_wait_hold_nothing_for_long(&server).await;
}

fn asked(request: Request) -> Request {
    request.with([("x-diglot-admin-secret".into(), ADMIN_SECRET.into())])
}

fn graphql(query: &str) -> Request {
    asked(Request::post("/graphql", json!({ "query": query }).to_string()))
}

/// The whole of a relation through each front, and where its rows stand in the answer.
fn fronts(relation: &str, columns: &str) -> [(&'static str, Request, &'static str); 4] {
    let connection = format!(
        "{{ {relation}_connection(first: 200000) {{ total_count nodes {{ {columns} }} pageInfo {{ hasNextPage }} }} }}"
    );
    let connection = match relation {
        "line" => (graphql(&connection), "/data/line_connection/nodes"),
        // Views have no key to make cursors of.
        _ => (graphql(&format!("{{ a: {relation} {{ {columns} }} }}")), "/data/a"),
    };
    [
        (
            "graphql",
            graphql(&format!("{{ __typename rows: {relation} {{ {columns} }} }}")),
            "/data/rows",
        ),
        ("connection", connection.0, connection.1),
        (
            "based",
            asked(Request::get(&format!("/api/{relation}?limit=200000"))),
            "/data",
        ),
        (
            "records",
            asked(Request::get(&format!(
                "/api/records/v1/{relation}?limit=200000&count=true"
            ))),
            "/records",
        ),
    ]
}

fn lines() -> [(&'static str, Request, &'static str); 4] {
    fronts("line", "id word filling triple")
}

/// What the server takes at most from here on, and what it takes now, in kilobytes.
fn memory(server: &Server) -> Option<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()?)).ok()?;
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    Some((of("VmHWM:")?, of("VmRSS:")?))
}

async fn memory_stays(server: &Server, database: Database) {
    // What an idle server grows by at its first requests is not the answer's.
    for (front, request, _) in lines() {
        let short = Request {
            target: request.target.replace("200000", "1"),
            body: String::from_utf8(request.body.clone())
                .unwrap()
                .replace("rows: line", "rows: line(limit: 1)")
                .replace("200000", "1")
                .into(),
            ..request
        };
        assert_eq!(
            client::send(server.address, &short).await.unwrap().status,
            200,
            "{front}"
        );
    }
    let Some((_, before)) = memory(server) else {
        if cfg!(target_os = "linux") {
            panic!("the process tells nothing");
        }
        return;
    };
    for (front, request, _) in lines() {
        // From here on the most is counted anew.
        std::fs::write(format!("/proc/{}/clear_refs", server.pid().unwrap()), "5").unwrap();
        let begin = Instant::now();
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(&client::bytes(server.address, &request))
            .await
            .unwrap();
        let (mut taken, mut first) = (0, None);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            first.get_or_insert_with(|| begin.elapsed());
            taken += read;
            if read == 0 {
                break;
            }
        }
        assert!(taken > 15 << 20, "{front}: {taken} bytes");
        let (most, _) = memory(server).unwrap();
        println!(
            "{database} {front}: {taken} bytes, the first after {:.1} ms, all after {:.0} ms; {before} kB before, {most} kB at most",
            first.unwrap_or_default().as_secs_f64() * 1000.0,
            begin.elapsed().as_secs_f64() * 1000.0
        );
        assert!(most < before + 30_000, "{front}: {before} kB before, {most} kB at most");
    }
}

async fn every_row_comes_once(server: &Server) {
    for (front, request, place) in lines() {
        let answer = client::send(server.address, &request).await.unwrap();
        assert_eq!(answer.status, 200, "{front}: {answer}");
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"), "{front}");
        assert_eq!(
            (answer.header("content-length"), answer.header("etag")),
            (None, None),
            "{front}"
        );
        let json = answer.json().unwrap();
        check_lines(front, json.pointer(place));
        let total = ["/total", "/total_count", "/data/line_connection/total_count"];
        let total = total.iter().find_map(|place| json.pointer(place));
        assert_eq!(total, (front != "graphql").then_some(&json!(ROWS)), "{front}");

        let encoded = request.clone().with([("Accept-Encoding".into(), "br".into())]);
        let encoded = client::send(server.address, &encoded).await.unwrap();
        assert_eq!(encoded.header("content-encoding"), Some("br"), "{front}");
        let mut plain = Vec::new();
        brotli::Decompressor::new(encoded.body.as_slice(), 4096)
            .read_to_end(&mut plain)
            .unwrap();
        assert!(plain == answer.body, "{front}: what is compressed is the same");
    }
    // A page that streams tells where the next one begins.
    let page = asked(Request::get("/api/records/v1/line?limit=99990&order=id"));
    let page = client::send(server.address, &page).await.unwrap();
    assert_eq!(page.header("transfer-encoding"), Some("chunked"));
    let cursor = page.json().unwrap()["cursor"].as_str().unwrap().to_owned();
    let rest = asked(Request::get(&format!(
        "/api/records/v1/line?limit=100&order=id&cursor={cursor}"
    )));
    let rest = client::send(server.address, &rest).await.unwrap().json().unwrap();
    assert_eq!(rest["records"].as_array().unwrap().len(), 10);
    assert_eq!((&rest["records"][0]["id"], rest.get("cursor")), (&json!(99_991), None));
}

/// Every row, each once, with its values.
fn check_lines(front: &str, rows: Option<&Value>) {
    let rows = rows
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("{front}: no rows"));
    assert_eq!(rows.len(), ROWS, "{front}");
    let mut seen = vec![false; ROWS + 1];
    for row in rows {
        let id = row["id"].as_u64().unwrap();
        assert!(
            !std::mem::replace(&mut seen[usize::try_from(id).unwrap()], true),
            "{front}: {id} twice"
        );
        assert_eq!(row["word"], format!("w{id}"), "{front}");
        assert_eq!(row["triple"], id * 3, "{front}");
        assert_eq!(row["filling"].as_str().map(str::len), Some(130), "{front}");
    }
}

async fn some_answers_are_whole(server: &Server) {
    let query = "{ rows: line(order_by: {id: asc}) { id word filling triple } }";
    let one = client::send(server.address, &graphql(query)).await.unwrap();
    let batch = asked(Request::post("/graphql", json!([{ "query": query }]).to_string()));
    let batch = client::send(server.address, &batch).await.unwrap();
    assert!(batch.header("content-length").is_some(), "a batch is whole");
    assert!(
        batch.body[1..batch.body.len() - 1] == one.body,
        "whole and streamed are the same"
    );
    let two = "{ a: line(limit: 20000) { id word filling } b: line(limit: 20000) { id word filling } }";
    let two = client::send(server.address, &graphql(two)).await.unwrap();
    assert!(
        two.header("content-length").is_some(),
        "roots that could wait for each other are whole"
    );

    let head = Request {
        method: "HEAD".into(),
        ..asked(Request::get("/api/line?limit=200000"))
    };
    let head = client::send(server.address, &head).await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    let short = asked(Request::get("/api/line?limit=10"));
    let short = client::send(server.address, &short).await.unwrap();
    assert!(short.header("content-length").is_some() && short.header("etag").is_some());
}

async fn a_failure_in_the_middle_shows(server: &Server) {
    for (front, request, _) in fronts("broken", "id word filling value") {
        let compressed = request.clone().with([("Accept-Encoding".into(), "gzip".into())]);
        for request in [request, compressed] {
            let error = client::send(server.address, &request).await.unwrap_err().to_string();
            // It began well, and has no end.
            assert!(error.starts_with("no HTTP: \"HTTP/1.1 200"), "{front}: {error}");
        }
    }
    // The log is written by a thread of its own.
    let broken = || server.log().matches("an answer broke off in the middle").count();
    let limit = Instant::now() + Duration::from_secs(5);
    while broken() < 8 && Instant::now() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(broken(), 8, "{}", server.log());
    assert_answers(server).await;
}

/// The first answer breaks off, since nobody could know; the next ones are rendered with care.
async fn a_late_blob_is_met_once(server: &Server) {
    let request = graphql("{ rows: line { id word filling chapter { title } } }");
    let first = client::send(server.address, &request).await;
    assert!(first.is_err(), "the blob is met late");
    let second = client::send(server.address, &request).await.unwrap();
    assert_eq!(second.json().unwrap()["data"]["rows"].as_array().unwrap().len(), ROWS);
}

/// Sends a request and takes only the beginning of its answer.
async fn begun(server: &Server, request: &Request) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(&client::bytes(server.address, request)).await.unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    stream
}

async fn callers_who_go_hold_nothing(server: &Server) {
    for turn in 0..25 {
        for (_, request, _) in lines() {
            drop(begun(server, &request).await);
        }
        if turn % 8 == 0 {
            assert_answers(server).await;
        }
    }
    assert_answers(server).await;
}

async fn callers_who_wait_hold_nothing_for_long(server: &Server) {
    let mut waiting = Vec::new();
    for _ in 0..2 {
        for (_, request, _) in lines() {
            waiting.push(begun(server, &request).await);
        }
    }
    // More than the pool has connections: those beyond the places for streams were buffered.
    assert_answers(server).await;
    let late = "not taken within the time of a statement";
    let limit = Instant::now() + Duration::from_secs(15);
    while !server.log().contains(late) {
        assert!(Instant::now() < limit, "no stream was ended: {}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended = server.log().matches(late).count();
    let mut broken = 0;
    for mut stream in waiting {
        let mut rest = Vec::new();
        let whole = stream.read_to_end(&mut rest).await.is_ok();
        let whole = whole && (rest.ends_with(b"\r\n0\r\n\r\n") || rest.ends_with(b"]}}") || rest.ends_with(b"}"));
        broken += usize::from(!whole);
    }
    assert_eq!(broken, ended, "those that were ended do not look whole, the others are");
    assert_answers(server).await;
}

/// A small question is answered soon.
async fn assert_answers(server: &Server) {
    let begin = Instant::now();
    for _ in 0..8 {
        let answer = client::send(server.address, &asked(Request::get("/api/line/7")))
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{answer}");
    }
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "8 rows after {:?}",
        begin.elapsed()
    );
}
