use super::*;
use crate::http::edge::Exchange;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

struct Slow;

impl Handler for Slow {
    async fn respond(&self, exchange: Exchange) -> Response {
        if exchange.uri.path() == "/slow" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let size = if exchange.uri.path() == "/large" { 5000 } else { 3 };
        crate::http::answer::with_type(StatusCode::OK, "text/plain", "x".repeat(size))
    }

    fn varies_by(&self) -> String {
        "authorization".into()
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<bool>,
}

async fn start(cors_origins: &[&str], shutdown_timeout: Duration) -> Running {
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        shutdown_timeout,
        idle_timeout: Duration::from_millis(400),
        hosts: Vec::new(),
        cors_origins: cors_origins.iter().map(|origin| (*origin).to_owned()).collect(),
    };
    let (stop, stopped) = oneshot::channel();
    let edge = Arc::new(Edge::new(Slow, Duration::from_secs(5)));
    let ended = tokio::spawn(serve(listener, edge, limits, async {
        let _ = stopped.await;
    }));
    Running { address, stop, ended }
}

/// Sends bytes and reads until the server closes.
async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn answers_and_refusals() {
    let running = start(&[], Duration::from_secs(1)).await;
    let address = running.address;
    let answer = talk(address, &get("/", "")).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nxxx"),
        "{answer}"
    );
    let head = String::from_utf8(get("/", "")).unwrap().replacen("GET", "HEAD", 1);
    let answer = talk(address, head.as_bytes()).await;
    assert!(
        answer.contains("content-length: 3\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    let huge = format!("x: {}\r\n", "a".repeat(1 << 20));
    assert!(talk(address, &get("/", &huge)).await.starts_with("HTTP/1.1 431"));
    let many: String = (0..500).map(|number| format!("x{number}: 1\r\n")).collect();
    assert!(talk(address, &get("/", &many)).await.starts_with("HTTP/1.1 431"));
    assert!(talk(address, b"NONSENSE\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let both = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd";
    assert!(talk(address, both).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn silent_and_slow_connections_are_closed() {
    let running = start(&[], Duration::from_secs(1)).await;
    for begun in ["", "PRI * HTT", "GET / HTTP/1.1\r\nhost:"] {
        let begin = std::time::Instant::now();
        let answer = talk(running.address, begun.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{begun}: {answer}");
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_millis(150) && took < Duration::from_secs(2),
            "{begun}: {took:?}"
        );
    }
}

#[tokio::test]
async fn compression_from_a_kilobyte() {
    let running = start(&[], Duration::from_secs(1)).await;
    for (path, accepted, expected) in [
        ("/large", "gzip", Some("gzip")),
        ("/large", "br", Some("br")),
        ("/large", "zstd", Some("zstd")),
        ("/large", "identity", None),
        ("/", "gzip", None),
    ] {
        let answer = talk(running.address, &get(path, &format!("accept-encoding: {accepted}\r\n"))).await;
        let coding = expected.map(|coding| format!("content-encoding: {coding}\r\n"));
        assert_eq!(
            coding.is_none(),
            !answer.contains("content-encoding"),
            "{path} {accepted}"
        );
        assert!(
            coding.is_none_or(|coding| answer.contains(&coding)),
            "{path} {accepted}"
        );
    }
    // Whoever says nothing of it takes another way, and is told the same.
    for (path, varies) in [("/large", true), ("/", false)] {
        for header in ["", "accept-encoding: identity\r\n"] {
            let answer = talk(running.address, &get(path, header)).await;
            assert_eq!(answer.contains("vary: accept-encoding"), varies, "{path} {header:?}");
        }
    }
}

#[tokio::test]
async fn origins() {
    for (origins, origin, expected) in [
        (&[] as &[&str], "https://a.example", None),
        (&["https://a.example"], "https://a.example", Some("https://a.example")),
        (&["https://a.example/"], "https://a.example", Some("https://a.example")),
        (&["https://a.example"], "https://b.example", None),
        (&["*"], "https://b.example", Some("*")),
    ] {
        let running = start(origins, Duration::from_secs(1)).await;
        for request in [
            String::from_utf8(get("/", &format!("origin: {origin}\r\n"))).unwrap(),
            format!(
                "OPTIONS / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\norigin: {origin}\r\n\
                 access-control-request-method: PATCH\r\naccess-control-request-headers: apikey\r\n\r\n"
            ),
        ] {
            let answer = talk(running.address, request.as_bytes()).await;
            match expected {
                Some(expected) => {
                    let line = format!("access-control-allow-origin: {expected}\r\n");
                    assert!(answer.contains(&line), "{origins:?} {origin}: {answer}");
                    assert!(
                        !request.starts_with("OPTIONS") || answer.contains("allow-headers: apikey"),
                        "{answer}"
                    );
                }
                None => assert!(
                    !answer.contains("access-control-allow-origin"),
                    "{origins:?} {origin}: {answer}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn the_end_waits_for_what_has_begun() {
    for (patience, in_time) in [(Duration::from_secs(2), true), (Duration::from_millis(50), false)] {
        let running = start(&[], patience).await;
        let address = running.address;
        let asked = tokio::spawn(async move { talk(address, &get("/slow", "")).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.stop.send(()).unwrap();
        assert_eq!(running.ended.await.unwrap(), in_time);
        if in_time {
            assert!(asked.await.unwrap().starts_with("HTTP/1.1 200"));
        }
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let first = bind("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().unwrap().to_string();
    assert_eq!(bind(&address).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert!(bind("no.such.host.invalid:1").await.is_err());
    assert!(bind("127.0.0.1").await.is_err());
}

#[tokio::test]
async fn other_names_are_misdirected() {
    let server = start(&[], Duration::from_secs(1)).await;
    for (host, status) in [
        ("localhost:4000", "200"),
        ("evil.example", "421"),
        ("127.0.0.1", "200"),
        ("[::1]:1", "200"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = talk(server.address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
}

/// One request over HTTP/2, then answers to pings and nothing else; how long the connection lives.
async fn idle_over_http2(address: SocketAddr) -> Duration {
    let begun = std::time::Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // GET http / with the authority localhost, in HPACK.
    let mut block = vec![0x82, 0x86, 0x84, 0x41, 9];
    block.extend(b"localhost");
    sent.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    sent.extend(block);
    stream.write_all(&sent).await.unwrap();
    let mut answered = false;
    let mut head = [0_u8; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        match (head[3], head[4]) {
            (1, _) => answered = true,
            (6, 0) => {
                let mut pong = vec![0, 0, 8, 6, 1, 0, 0, 0, 0];
                pong.extend(payload);
                let _ = stream.write_all(&pong).await;
            }
            _ => {}
        }
    }
    assert!(answered);
    begun.elapsed()
}

#[tokio::test]
async fn idle_connections_of_http2_end() {
    let server = start(&[], Duration::from_secs(1)).await;
    let lived = tokio::time::timeout(Duration::from_secs(5), idle_over_http2(server.address))
        .await
        .expect("it ends");
    assert!(lived >= Duration::from_millis(350), "{lived:?}");
}
