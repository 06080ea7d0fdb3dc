//! What operators see: `/metrics`, `Server-Timing`, slow requests in the log, spans that reach a collector.

use crate::client::{self, Answer, Request, Who};
use crate::fronts;
use crate::live::ask;
use crate::world::{self, Database, Server};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const TOKEN: &str = "the token of the metrics in the tests";

const SCRIPT: &str = "
    CREATE TABLE quick (id INTEGER PRIMARY KEY, name TEXT, hidden_owner TEXT);
    INSERT INTO quick VALUES (1, 'one', 'ada'), (2, 'two', 'bob');";

const RULES: &str = "
    [tables.quick.access.anonymous]
    read = { rule = \"hidden_owner <> 'nobody in particular'\", except = [\"hidden_owner\"] }
    [tables.quick.access.user]
    read = { rule = \"hidden_owner <> 'nobody in particular'\", except = [\"hidden_owner\"] }
    create = true";

async fn served(label: &str, database: Database, telemetry: &str) -> Server {
    let label = format!("telemetry_{label}_{database}");
    let url = world::own_database(&label, database, SCRIPT).await.unwrap();
    let configuration = format!("[telemetry]\n{telemetry}\n{RULES}");
    world::own(&label, &url, &configuration).await.unwrap()
}

fn user() -> Who {
    Who::Role {
        role: "user".into(),
        id: Some("7".into()),
        variables: Vec::new(),
    }
}

/// What is there before long.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within 20 seconds")
}

/// The samples of an answer, by name and labels.
fn samples(answer: &Answer) -> BTreeMap<String, f64> {
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

async fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let bearer = [("Authorization".into(), format!("Bearer {TOKEN}"))];
    let request = Request::get("/metrics").with(bearer);
    samples(&client::send(server.address, &request).await.unwrap())
}

/// One of each kind, of which there are so many.
async fn ask_each(server: &Server, number: usize) {
    let document = format!("{{ quick(where: {{ id: {{ _eq: {number} }} }}) {{ a{number}: id }} }}");
    let insert = format!(
        "mutation {{ insert_quick_one(object: {{ id: {}, name: \"x\" }}) {{ id }} }}",
        number + 1000
    );
    let user = user();
    for (request, status) in [
        (fronts::graphql(&document, None, None), 200),
        (fronts::graphql(&insert, None, None), 200),
        (fronts::graphql("{ __schema { queryType { name } } }", None, None), 200),
        (
            fronts::graphql(&format!("{{ quick {{ missing{number} }} }}"), None, None),
            400,
        ),
        (Request::get("/api/quick/1"), 200),
        (Request::get(&format!("/api/missing{number}")), 404),
        (
            Request::get(&format!("/api/records/v1/quick?filter[id][$gt]={number}")),
            200,
        ),
        (Request::get(&format!("/nowhere/{number}/at/all")), 404),
    ] {
        let answer = ask(server, &user, request).await;
        assert_eq!(answer.status, status, "{answer}");
    }
}

async fn counted(database: Database) {
    let server = served("counted", database, &format!("metrics_token = \"{TOKEN}\"")).await;
    for headers in [vec![], vec![("Authorization".into(), format!("Bearer {TOKEN}x"))]] {
        let refused = client::send(server.address, &Request::get("/metrics").with(headers))
            .await
            .unwrap();
        assert_eq!(refused.status, 401, "{refused}");
    }
    let admin = ask(&server, &Who::Admin, Request::get("/metrics")).await;
    assert_eq!(admin.status, 401, "the admin secret is for data: {admin}");
    ask_each(&server, 1).await;
    let first = scrape(&server).await;
    for number in 2..130 {
        ask_each(&server, number).await;
    }
    let last = scrape(&server).await;
    let new: Vec<_> = last.keys().filter(|series| !first.contains_key(*series)).collect();
    assert!(new.is_empty(), "1,000 requests made new series: {new:?}");
    let rose = |series: &str| {
        let of = |samples: &BTreeMap<String, f64>| *samples.get(series).unwrap_or_else(|| panic!("no {series}"));
        of(&last) - of(&first)
    };
    for (labels, times) in [
        ("front=\"graphql\",operation=\"read\",status=\"200\"", 128.0),
        ("front=\"graphql\",operation=\"create\",status=\"200\"", 128.0),
        ("front=\"graphql\",operation=\"schema\",status=\"200\"", 128.0),
        ("front=\"graphql\",operation=\"other\",status=\"400\"", 128.0),
        ("front=\"based\",operation=\"read\",status=\"200\"", 128.0),
        ("front=\"based\",operation=\"other\",status=\"404\"", 128.0),
        ("front=\"trailbase\",operation=\"read\",status=\"200\"", 128.0),
    ] {
        assert_eq!(rose(&format!("diglot_requests_total{{{labels}}}")), times, "{labels}");
    }
    let labels = "front=\"graphql\",operation=\"read\"";
    assert_eq!(
        rose(&format!("diglot_request_duration_seconds_count{{{labels}}}")),
        128.0
    );
    assert!(rose("diglot_statements_total{outcome=\"done\"}") >= 4.0 * 128.0);
    assert!(rose("diglot_cache_misses_total{cache=\"documents\"}") >= 128.0);
    assert!(rose("diglot_cache_hits_total{cache=\"plans\"}") >= 128.0);
    assert!(rose("diglot_cache_hits_total{cache=\"tokens\"}") >= 1.0);
    // The scrape itself is under way.
    assert_eq!(last["diglot_requests_in_flight"], 1.0);
    let (waits, pool) = match database {
        Database::Sqlite => (
            "diglot_queue{queue=\"writer\",state=\"waiting\"}",
            "diglot_pool_connections{state=\"idle\"}",
        ),
        Database::Postgres => (
            "diglot_queue{queue=\"slow\",state=\"waiting\"}",
            "diglot_pool_connections{state=\"most\"}",
        ),
    };
    assert_eq!(last[waits], 0.0);
    assert!(last[pool] >= 1.0);
}

#[tokio::test]
async fn requests_are_counted_and_series_are_bounded_on_sqlite() {
    counted(Database::Sqlite).await;
}

#[tokio::test]
async fn requests_are_counted_and_series_are_bounded_on_postgres() {
    counted(Database::Postgres).await;
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own_or_none() {
    let server = served("address", Database::Sqlite, "metrics_listen = \"127.0.0.1:0\"").await;
    let own = ask(&server, &Who::Admin, Request::get("/metrics")).await;
    assert_eq!(own.status, 404, "{own}");
    let lines = std::fs::read_to_string(server.folder.join("out")).unwrap();
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.find(|line| line["name"] == "Metrics").unwrap();
    let place = line["url"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://")?.strip_suffix("/metrics"));
    let address = place.unwrap().parse().unwrap();
    let get = async |path: &str| client::send(address, &Request::get(path)).await.unwrap();
    let answer = get("/metrics").await;
    assert!(
        answer
            .headers_of("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(samples(&answer).contains_key("diglot_requests_in_flight"));
    assert_eq!(get("/graphql").await.status, 404);
    assert_eq!(get("/api/quick").await.status, 404);
    let open = Request::get("/metrics").with([("Accept".into(), "application/openmetrics-text;version=1.0.0".into())]);
    let open = client::send(address, &open).await.unwrap();
    assert!(
        open.headers_of("content-type")
            .starts_with("application/openmetrics-text")
    );
}

#[tokio::test]
async fn how_long_stages_took_is_for_the_admin_alone() {
    let server = served("timing", Database::Sqlite, "").await;
    let document = || fronts::graphql("{ quick { id } }", None, None);
    for (who, told) in [
        (Who::Admin, true),
        (Who::Anonymous, false),
        (Who::AnonKey, false),
        (user(), false),
    ] {
        for request in [
            document(),
            Request::get("/api/quick/1"),
            Request::get("/api/records/v1/quick"),
        ] {
            let answer = ask(&server, &who, request.clone()).await;
            let timing = answer.header("server-timing").unwrap_or_default();
            assert_eq!(!timing.is_empty(), told, "{who:?} {request}: {timing:?}");
            for stage in [
                "authenticate;dur=",
                "parse;dur=",
                "execute;dur=",
                "write;dur=",
                "total;dur=",
            ] {
                assert_eq!(timing.contains(stage), told, "{who:?} {request}: {timing:?}");
            }
        }
    }
    let wrong = [("x-diglot-admin-secret".into(), "a guess".into())];
    let wrong = client::send(server.address, &document().with(wrong)).await.unwrap();
    assert_eq!(wrong.header("server-timing"), None, "{wrong}");
    // Nothing else is on: the path is nobody's.
    assert_eq!(ask(&server, &Who::Admin, Request::get("/metrics")).await.status, 404);
}

async fn slow(database: Database) {
    let server = served("slow", database, "slow_query = \"1ms\"").await;
    // Whatever it is: nothing takes less than a tenth of a millisecond in this build, and the longest one wins.
    let names: Vec<String> = (0..3000).map(|number| format!("\"value-of-mine-{number}\"")).collect();
    let document = format!(
        "query Mine {{ quick(where: {{ name: {{ _nin: [{}] }} }}, order_by: {{ id: asc }}, limit: 5) {{ id }} }}",
        names.join(",")
    );
    let who = user();
    let answer = ask(&server, &who, fronts::graphql(&document, None, Some("Mine"))).await;
    assert_eq!(answer.status, 200, "{answer}");
    let id = answer.header("x-request-id").unwrap().to_owned();
    let line = until("a line of the log", || {
        let mut lines = server.log_lines().into_iter();
        lines.find(|line| line.contains("diglot::slow") && line.contains(&id))
    })
    .await;
    let line: Value = serde_json::from_str(&line).unwrap();
    for (field, value) in [
        ("route", "/graphql"),
        ("front", "graphql"),
        ("operation", "read"),
        ("plan", "quick(where 1, order 1, limit)"),
        ("role", "user"),
        ("method", "POST"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(line["status"], 200, "{line}");
    let shape = line["shape"].as_str().unwrap();
    assert!(shape.starts_with("document ") && shape.ends_with(" Mine"), "{line}");
    let stages = line["stages"].as_str().unwrap();
    for stage in [
        "authenticate",
        "parse",
        "authorize",
        "plan",
        "render",
        "execute",
        "write",
    ] {
        assert!(stages.contains(&format!("{stage} ")), "no {stage} in {line}");
    }
    let whole = server.whole_log();
    for secret in ["value-of-mine", "hidden_owner", "nobody in particular", "eyJ"] {
        assert!(!whole.contains(secret), "{secret} in {whole:.2000}");
    }
}

#[tokio::test]
async fn slow_requests_are_told_without_their_values_on_sqlite() {
    slow(Database::Sqlite).await;
}

#[tokio::test]
async fn slow_requests_are_told_without_their_values_on_postgres() {
    slow(Database::Postgres).await;
}

/// What a collector has received: each request's head and body.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that takes everything, and where it is.
async fn collector() -> (String, Received) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let received = Received::default();
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let whole = |bytes: &[u8]| {
                    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
                    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                    let length = head.split("content-length: ").nth(1)?;
                    let length: usize = length.lines().next()?.trim().parse().ok()?;
                    (bytes.len() >= end + 4 + length).then(|| (head, bytes[end + 4..].to_vec()))
                };
                loop {
                    if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                        return;
                    }
                    if let Some(request) = whole(&bytes) {
                        kept.lock().unwrap().push(request);
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                        bytes.clear();
                    }
                }
            });
        }
    });
    (endpoint, received)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn exported(database: Database) {
    let (endpoint, received) = collector().await;
    let server = served("exported", database, &format!("otlp_endpoint = \"{endpoint}\"")).await;
    let trace: [u8; 16] = std::array::from_fn(|index| 0xa0 + u8::try_from(index).unwrap());
    let hex: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
    let parent = [("traceparent".into(), format!("00-{hex}-00f067aa0ba902b7-01"))];
    let document = "query Mine($name: String) { quick(where: { name: { _neq: $name } }) { id } }";
    let variables = serde_json::json!({"name": "value-of-mine"});
    let request = fronts::graphql(document, Some(&variables), Some("Mine")).with(parent);
    let answer = ask(&server, &user(), request).await;
    assert_eq!(answer.status, 200, "{answer}");
    // Spans go out every five seconds.
    until("spans at the collector", || {
        let received = received.lock().unwrap();
        received.iter().any(|(_, body)| holds(body, &trace)).then_some(())
    })
    .await;
    let received = received.lock().unwrap();
    let all: Vec<u8> = received.iter().flat_map(|(_, body)| body.clone()).collect();
    let (head, _) = &received[0];
    assert!(head.starts_with("post /v1/traces "), "{head}");
    assert!(head.contains("application/x-protobuf"), "{head}");
    for part in [
        "diglot",
        "service.name",
        "POST /graphql",
        "authenticate",
        "parse",
        "authorize",
        "plan",
        "render",
        "execute",
        "write",
        "http.response.status_code",
        "quick(where 1)",
    ] {
        assert!(holds(&all, part.as_bytes()), "no {part} among the spans");
    }
    for secret in ["value-of-mine", "hidden_owner", "eyJ"] {
        assert!(!holds(&all, secret.as_bytes()), "{secret} among the spans");
    }
}

#[tokio::test]
async fn spans_reach_a_collector_on_sqlite() {
    exported(Database::Sqlite).await;
}

#[tokio::test]
async fn spans_reach_a_collector_on_postgres() {
    exported(Database::Postgres).await;
}
