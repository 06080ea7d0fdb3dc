use super::*;
use crate::error::Code;

/// Answers what the path says.
struct Echo;

impl Handler for Echo {
    async fn respond(&self, exchange: Exchange) -> Response {
        match exchange.uri.path() {
            "/panic" => panic!("as asked"),
            "/slow" => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                answer::empty(StatusCode::OK)
            }
            "/large" => answer::with_type(StatusCode::OK, "text/plain", "x".repeat(70_000)),
            "/missing" => answer::error(Error::not_found(Code("x"), "no")),
            "/kept" => {
                let mut response = answer::with_type(StatusCode::OK, "text/plain", "kept");
                response
                    .headers_mut()
                    .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            _ => answer::with_type(StatusCode::OK, "text/plain", exchange.method.to_string()),
        }
    }

    fn varies_by(&self) -> String {
        "authorization, apikey".into()
    }
}

async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let edge = Arc::new(Edge::new(Echo, Duration::from_millis(50)));
    edge.exchange(request.body(Body::empty()).unwrap()).await
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn panics_and_slowness_are_answered() {
    let panicked = ask("GET", "/panic", &[]).await;
    assert_eq!(panicked.status(), 500);
    assert!(text(panicked).await.contains("\"internal\""));
    let slow = ask("GET", "/slow", &[]).await;
    assert_eq!(
        (slow.status().as_u16(), slow.headers()["retry-after"].as_bytes()),
        (503, b"1".as_slice())
    );
}

#[tokio::test]
async fn tags_and_what_they_save() {
    let first = ask("GET", "/", &[]).await;
    let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\""));
    assert_eq!(first.headers()[CACHE_CONTROL], "private, no-cache");
    assert_eq!(first.headers()[VARY], "authorization, apikey");
    let strong = tag.trim_start_matches("W/").to_owned();
    let list = format!("\"x\", {tag}");
    for (sent, status) in [
        (tag.as_str(), 304),
        (&strong, 304),
        (&list, 304),
        ("*", 304),
        ("\"x\"", 200),
        ("", 200),
    ] {
        let again = ask("GET", "/", &[("if-none-match", sent)]).await;
        assert_eq!(again.status(), status, "{sent}");
        assert_eq!(again.headers()[ETAG], tag);
        assert_eq!(text(again).await.is_empty(), status == 304);
    }
    for (method, path) in [("POST", "/"), ("GET", "/large"), ("GET", "/missing"), ("GET", "/kept")] {
        assert!(
            !ask(method, path, &[]).await.headers().contains_key(ETAG),
            "{method} {path}"
        );
    }
    assert_eq!(ask("GET", "/kept", &[]).await.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(ask("POST", "/", &[("if-none-match", &tag)]).await.status(), 200);
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let get = ask("GET", "/", &[]).await;
    let head = ask("HEAD", "/", &[]).await;
    assert_eq!(head.headers()[CONTENT_LENGTH], "3");
    assert_eq!(head.headers()[ETAG], get.headers()[ETAG]);
    assert_eq!(text(get).await, "GET");
    assert_eq!(text(head).await, "");
    assert_eq!(ask("HEAD", "/large", &[]).await.headers()[CONTENT_LENGTH], "70000");
}

#[tokio::test]
async fn request_ids() {
    let long = "a".repeat(129);
    for (sent, kept) in [
        ("abc-1.2_3:4", true),
        ("", false),
        ("with space", false),
        ("<script>", false),
        ("a\"b", false),
        (long.as_str(), false),
    ] {
        let response = ask("GET", "/", &[("x-request-id", sent)]).await;
        let id = response.headers()[&REQUEST_ID].to_str().unwrap();
        assert_eq!(id == sent, kept, "{sent}");
        assert!(!id.is_empty());
    }
    let edge = Arc::new(Edge::new(Echo, Duration::from_secs(1)));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10 {
        let request = Request::builder().body(Body::empty()).unwrap();
        let response = Arc::clone(&edge).exchange(request).await;
        assert!(seen.insert(response.headers()[&REQUEST_ID].clone()));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    }
}
