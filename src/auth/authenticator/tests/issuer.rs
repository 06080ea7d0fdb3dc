//! Keys that an issuer publishes, and an issuer that is away.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An issuer on loopback whose answer can be changed; `None` answers 500.
pub(super) struct Fake {
    url: String,
    asked: Arc<AtomicU32>,
    answer: Arc<Mutex<Option<Value>>>,
}

async fn issuer(keys: Value) -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let answer = Arc::new(Mutex::new(Some(json!({ "keys": keys }))));
    let asked = Arc::new(AtomicU32::new(0));
    let (shared, count) = (Arc::clone(&answer), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            count.fetch_add(1, Ordering::SeqCst);
            let (status, body) = match &*shared.lock().unwrap() {
                Some(value) => ("200 OK", value.to_string()),
                None => ("500 Broken", String::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    Fake { url, asked, answer }
}

pub(super) async fn with_issuer(keys: Value) -> (Authenticator, Fake) {
    let fake = issuer(keys).await;
    let settings = config::Auth {
        jwks_url: Some(fake.url.clone()),
        ..config::Auth::default()
    };
    (authenticator(&settings), fake)
}

#[tokio::test]
async fn public_keys_of_every_kind() {
    let (authenticator, fake) = with_issuer(json!([
        {"kty": "future", "kid": "f"},
        {"kty": "oct", "kid": "o", "k": BASE64.encode("public secret")},
        jwk("rsa", Algorithm::RS256, "r"),
        jwk("ec256", Algorithm::ES256, "e"),
        jwk("ec384", Algorithm::ES384, "e3"),
        jwk("ed", Algorithm::EdDSA, "d"),
    ]))
    .await;
    let claims = json!({"sub": "7", "exp": later()});
    for (kind, algorithm, kid) in [
        ("rsa", Algorithm::RS256, Some("r")),
        ("rsa", Algorithm::RS384, Some("r")),
        ("rsa", Algorithm::RS512, Some("r")),
        ("rsa", Algorithm::PS256, Some("r")),
        ("ec256", Algorithm::ES256, Some("e")),
        ("ec384", Algorithm::ES384, Some("e3")),
        ("ed", Algorithm::EdDSA, Some("d")),
        // Without a kid the only key of the kind.
        ("ed", Algorithm::EdDSA, None),
    ] {
        let principal = authenticator
            .authenticate(&bearer(&sign_with(kind, algorithm, kid, &claims)))
            .await;
        assert_eq!(principal.unwrap().role.as_str(), "user", "{algorithm:?}");
    }
    assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
    // A secret that stands in a public set signs nothing.
    let token = sign_raw(
        "{\"alg\":\"HS256\",\"kid\":\"o\"}",
        &claims.to_string(),
        b"public secret",
    );
    assert!(authenticator.authenticate(&bearer(&token)).await.is_err());
}

#[tokio::test]
async fn unknown_keys_lead_to_few_fetches() {
    let (authenticator, fake) = with_issuer(json!([jwk("ed", Algorithm::EdDSA, "d")])).await;
    let claims = json!({"sub": "7", "exp": later()});
    for number in 0..20 {
        let token = sign_with("ed", Algorithm::EdDSA, Some(&format!("guess{number}")), &claims);
        assert_eq!(
            authenticator.authenticate(&bearer(&token)).await.unwrap_err().kind,
            Kind::Unauthenticated
        );
    }
    assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
    // The issuer goes away: what is known is enough.
    *fake.answer.lock().unwrap() = None;
    let token = sign_with("ed", Algorithm::EdDSA, Some("d"), &claims);
    authenticator.authenticate(&bearer(&token)).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_never_answered_is_our_trouble() {
    let (authenticator, fake) = with_issuer(json!([])).await;
    *fake.answer.lock().unwrap() = None;
    let token = sign_with("ed", Algorithm::EdDSA, Some("d"), &json!({"sub": "7", "exp": later()}));
    assert_eq!(
        authenticator.authenticate(&bearer(&token)).await.unwrap_err().kind,
        Kind::Unavailable
    );
}
