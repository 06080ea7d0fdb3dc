//! Answers that are held until they are sent: one that becomes too large is refused as a whole, all together stay below a
//! bound, and neither harms whoever asks next.

use crate::client::{self, Answer, Request};
use crate::fronts;
use crate::world::{self, ADMIN_SECRET, Database, Server};
use serde_json::{Value, json};
use std::io::Read as _;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// A list of 20,000 has 3.7 MB. What the kernel takes of an answer does not count, so they are large.
const CONFIGURATION: &str = "
    [server]
    max_answer = \"12MB\"
    answer_memory = \"24MB\"
    [database]
    pool_size = 4
    [rest]
    max_limit = 100000
    [rest.trailbase]
    max_limit = 100000
    [access]
    default = \"convention\"";

const ONE: &str = "{ a: line(limit: 20000, order_by: {id: asc}) { id word filling } }";
const THREE: &str = "{ a: line(limit: 20000, order_by: {id: asc}) { id word filling } b: line(limit: 20000, order_by: {id: asc}) { id word filling } c: line(limit: 20000, order_by: {id: asc}) { id word filling } }";
const FOUR: &str = "{ a: line(limit: 20000, order_by: {id: asc}) { id word filling } b: line(limit: 20000, order_by: {id: asc}) { id word filling } c: line(limit: 20000, order_by: {id: asc}) { id word filling } d: line(limit: 20000, order_by: {id: asc}) { id word filling } }";

async fn served(database: Database) -> Server {
    let label = format!("answers_{database}");
    let numbers = match database {
        Database::Postgres => "SELECT generate_series(1, 60000) n",
        Database::Sqlite => {
            "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) SELECT n FROM c"
        }
    };
    let filling = "x".repeat(140);
    let long = match database {
        Database::Postgres => "repeat('xy', 500000)",
        Database::Sqlite => "hex(zeroblob(500000))",
    };
    let script = format!(
        "CREATE TABLE wide (id INTEGER PRIMARY KEY, doc TEXT); INSERT INTO wide VALUES (1, {long});
         CREATE TABLE line (id INTEGER PRIMARY KEY, word TEXT, filling TEXT);
         INSERT INTO line SELECT n, 'w' || n, '{filling}' FROM ({numbers}) c"
    );
    let url = world::own_database(&label, database, &script).await.unwrap();
    world::own(&label, &url, CONFIGURATION).await.unwrap()
}

fn asked(request: Request) -> Request {
    request.with([("x-diglot-admin-secret".into(), ADMIN_SECRET.into())])
}

fn graphql(query: &str) -> Request {
    asked(fronts::graphql(query, None, None))
}

async fn ask(server: &Server, request: &Request) -> Answer {
    client::send(server.address, request)
        .await
        .unwrap_or_else(|error| panic!("{request}: {error}\n{}", server.log()))
}

/// Sends a request and takes nothing of its answer but the beginning.
async fn begun(server: &Server, request: &Request) -> (TcpStream, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(&client::bytes(server.address, request)).await.unwrap();
    let mut start = [0; 400];
    let read = stream.read(&mut start).await.unwrap();
    (stream, String::from_utf8_lossy(&start[..read]).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_answers_are_bounded_on_sqlite() {
    holds(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_answers_are_bounded_on_postgres() {
    holds(Database::Postgres).await;
}

async fn holds(database: Database) {
    let server = served(database).await;
    what_fits_is_whole(&server).await;
    one_is_refused_as_a_whole(&server).await;
    one_row_is_bounded(&server).await;
    all_together_are_bounded(&server).await;
    lists_without_a_place_wait_or_are_refused(&server).await;
    schemas_are_packed(&server).await;
}

async fn what_fits_is_whole(server: &Server) {
    let one = ask(server, &graphql(ONE)).await.json().unwrap();
    assert_eq!(one["data"]["a"].as_array().unwrap().len(), 20_000);
    let three = ask(server, &graphql(THREE)).await;
    assert_eq!(three.header("content-length"), Some(&*three.body.len().to_string()));
    let three = three.json().unwrap();
    for key in ["a", "b", "c"] {
        assert!(three["data"][key] == one["data"]["a"], "{key}");
    }
    // Turned round it takes twice as much for a moment.
    let last = graphql("{ line_connection(last: 20000) { nodes { id } edges { node { id word filling } } } }");
    let last = ask(server, &last).await.json().unwrap();
    let edges = last["data"]["line_connection"]["edges"].as_array().unwrap();
    assert_eq!((edges.len(), &edges[0]["node"]["id"]), (20_000, &json!(40_001)));
}

async fn one_is_refused_as_a_whole(server: &Server) {
    for turn in 0..10 {
        let refused = ask(server, &graphql(FOUR)).await;
        assert_eq!(refused.status, 413, "{refused}");
        let json = refused.json().unwrap();
        let message = json["errors"][0]["message"].as_str().unwrap();
        assert!(
            message.contains("12000000 bytes") && message.contains("one list alone"),
            "{message}"
        );
        assert_eq!((json.get("data"), json["errors"].as_array().unwrap().len()), (None, 1));
        // The connection is good, and so is the next one.
        for _ in 0..4 {
            let small = ask(server, &graphql("{ line(limit: 1, order_by: {id: asc}) { id } }")).await;
            assert_eq!(small.text(), r#"{"data":{"line":[{"id":1}]}}"#, "{turn}");
        }
    }
    // What clients of the older media type get is a good answer with an error in it.
    let plain = asked(Request::post("/graphql", json!({ "query": FOUR }).to_string()));
    let plain = ask(server, &plain).await;
    assert_eq!(plain.status, 200, "{plain}");
    assert_eq!(plain.json().unwrap().get("data"), None, "{plain}");
    // Documents of a batch share the room of its answer.
    let batch = |queries: &[&str]| {
        let calls: Vec<Value> = queries.iter().map(|query| json!({ "query": query })).collect();
        asked(Request::post("/graphql", Value::from(calls).to_string()))
    };
    let good = ask(server, &batch(&[ONE, ONE, ONE])).await.json().unwrap();
    assert!(
        good.as_array()
            .unwrap()
            .iter()
            .all(|one| one["data"]["a"][19_999]["id"].is_number())
    );
    let refused = ask(server, &batch(&[ONE, THREE, ONE])).await.json().unwrap();
    assert!(refused[0].get("data").is_some() && refused[2].get("data").is_some());
    assert!(refused[1].get("data").is_none() && refused[1]["errors"][0]["message"].is_string());
}

/// A row is written member by member, and ends where it becomes too long: also where the list streams.
async fn one_row_is_bounded(server: &Server) {
    let columns = |count: usize| (0..count).map(|index| format!("a{index}: doc ")).collect::<String>();
    for text in [
        format!("{{ wide {{ {} }} }}", columns(190)),
        format!("{{ wide_by_pk(id: 1) {{ {} }} }}", columns(20)),
    ] {
        let refused = ask(server, &graphql(&text)).await;
        assert_eq!(refused.status, 413, "{refused}");
    }
    let good = ask(server, &graphql(&format!("{{ wide {{ {} }} }}", columns(5)))).await;
    assert!(good.status == 200 && good.body.len() > 5_000_000, "{}", good.status);
}

async fn all_together_are_bounded(server: &Server) {
    let mut held = Vec::new();
    let refused = loop {
        let (stream, start) = begun(server, &graphql(THREE)).await;
        if !start.starts_with("HTTP/1.1 200 ") {
            break start;
        }
        held.push(stream);
        assert!(held.len() < 8, "held without a bound");
    };
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.to_ascii_lowercase().contains("retry-after"), "{refused}");
    assert!(held.len() > 1, "one answer fits beside another");
    // What is small is served all the same, and so is a list alone.
    let small = ask(server, &graphql("{ line(limit: 10) { id } b: line(limit: 10) { id } }")).await;
    assert_eq!(small.status, 200, "{small}");
    let alone = ask(server, &graphql(ONE)).await;
    assert_eq!(alone.status, 200);
    drop(held);
    let limit = Instant::now() + Duration::from_secs(5);
    loop {
        let again = ask(server, &graphql(THREE)).await;
        if again.status == 200 {
            break;
        }
        assert!(Instant::now() < limit, "what was held is not free: {again}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All places for streams are taken by callers who take nothing: the next lists are held, and what does not fit is
/// refused until there is room.
async fn lists_without_a_place_wait_or_are_refused(server: &Server) {
    for (target, member) in [
        ("/api/line?limit=100000", "data"),
        ("/api/records/v1/line?limit=100000", "records"),
    ] {
        let request = asked(fronts::rest(target));
        let mut held = Vec::new();
        let mut refused = None;
        for _ in 0..24 {
            let (stream, start) = begun(server, &request).await;
            if start.starts_with("HTTP/1.1 200 ") {
                held.push(stream);
                continue;
            }
            refused = Some(start);
            break;
        }
        let refused = refused.unwrap_or_else(|| panic!("{target}: {} lists are held", held.len()));
        assert!(refused.starts_with("HTTP/1.1 503 "), "{target}: {refused}");
        assert!(
            refused.to_ascii_lowercase().contains("retry-after"),
            "{target}: {refused}"
        );
        drop(held);
        let limit = Instant::now() + Duration::from_secs(5);
        loop {
            let again = ask(server, &request).await;
            if again.status == 200 {
                assert_eq!(again.json().unwrap()[member].as_array().unwrap().len(), 60_000);
                break;
            }
            assert!(Instant::now() < limit, "{target}: {again}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A long answer to introspection is the same packed and not, alone and beside other things.
async fn schemas_are_packed(server: &Server) {
    let names = (0..95).map(|alias| {
        format!(
            "a{alias}: __type(name: \"line_bool_exp\") {{ name inputFields {{ name type {{ name kind }} }} }} \
             b{alias}: __type(name: \"query_root\") {{ name fields {{ name description args {{ name type {{ name kind }} }} }} }} "
        )
    });
    let roots: String = names.collect();
    let alone = graphql(&format!("{{ {roots} }}"));
    let plain = ask(server, &alone).await;
    assert_eq!(plain.header("content-length"), Some(&*plain.body.len().to_string()));
    assert!(plain.body.len() > 128 << 10, "{}", plain.body.len());
    for _ in 0..2 {
        let packed = alone.clone().with([("Accept-Encoding".into(), "br, gzip".into())]);
        let packed = ask(server, &packed).await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert!(
            packed.headers_of("vary").contains("accept-encoding"),
            "{}",
            packed.headers_of("vary")
        );
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice())
            .read_to_end(&mut text)
            .unwrap();
        assert!(text == plain.body, "what is packed is the same");
    }
    let other = alone.clone().with([("Accept-Encoding".into(), "br".into())]);
    let other = ask(server, &other).await;
    assert_eq!(other.header("content-encoding"), Some("br"));
    let mut text = Vec::new();
    brotli::Decompressor::new(other.body.as_slice(), 4096)
        .read_to_end(&mut text)
        .unwrap();
    assert!(text == plain.body, "what is packed otherwise is the same");

    let beside = ask(server, &graphql(&format!("{{ {roots} line(limit: 1) {{ id }} }}")))
        .await
        .json()
        .unwrap();
    let batch = asked(Request::post(
        "/graphql",
        json!([{ "query": format!("{{ {roots} }}") }]).to_string(),
    ));
    let batch = ask(server, &batch).await.json().unwrap();
    let plain = plain.json().unwrap();
    assert_eq!(batch[0], plain);
    assert_eq!(beside["data"]["b7"], plain["data"]["b7"]);
    assert_eq!(beside["data"]["line"].as_array().unwrap().len(), 1);
}
