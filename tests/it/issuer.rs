//! Tokens of an issuer whose keys are fetched (JWKS), over HTTP: what holds, what is refused, and what happens when keys
//! change or the issuer is away.

use crate::client::{self, Answer, Request};
use crate::live::within;
use crate::world::{self, Database, JWT_SECRET, Server};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Each caller sees their own note: so an answer tells who the server takes them for.
const SCRIPT: &str = "
    CREATE TABLE note (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, body TEXT);
    INSERT INTO note VALUES (1, 1, 'of one'), (2, 2, 'of two');";

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "diglot-tests";
const RSA: &[u8] = include_bytes!("../../src/auth/fixtures/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../../src/auth/fixtures/rsa.pub.pem");
const EC: &[u8] = include_bytes!("../../src/auth/fixtures/ec256.pem");
const ED: &[u8] = include_bytes!("../../src/auth/fixtures/ed.pem");
/// The public half of it.
const ED_PUBLIC: &str = "NYx_xPd-d5I7ALxrWcjnEJR_SMLpea8e95TrF0lHqrg";

fn key(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(RSA),
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC),
        _ => EncodingKey::from_ed_pem(ED),
    }
    .unwrap()
}

fn public(algorithm: Algorithm, kid: &str) -> Value {
    if algorithm == Algorithm::EdDSA {
        return json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": ED_PUBLIC});
    }
    let mut key = Jwk::from_encoding_key(&key(algorithm), algorithm).unwrap();
    key.common.key_id = Some(kid.into());
    serde_json::to_value(key).unwrap()
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        .floor()
}

/// Claims that hold, of user 1, with some members replaced; null removes one.
fn claims(changed: Value) -> Value {
    let mut claims = json!({"sub": "1", "iss": ISSUER, "aud": AUDIENCE, "exp": now() + 600.0});
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn signed(algorithm: Algorithm, kid: Option<&str>, changed: Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    jsonwebtoken::encode(&header, &claims(changed), &key(algorithm)).unwrap()
}

/// Any header over the claims, signed with HMAC-SHA-256.
fn hmac(header: &Value, secret: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims(json!({})).to_string())
    );
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// A token under a header of one's own, signed with a right key.
fn under(header: &Value, algorithm: Algorithm) -> String {
    let message = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims(json!({})).to_string())
    );
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key(algorithm), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// An issuer on loopback. Its answer can be changed; without one it fails.
struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
    keys: Arc<Mutex<Option<Value>>>,
}

impl Issuer {
    async fn start(keys: Option<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            url: format!("http://{}/keys.json", listener.local_addr().unwrap()),
            asked: Arc::default(),
            keys: Arc::new(Mutex::new(keys)),
        };
        let (asked, keys) = (Arc::clone(&issuer.asked), Arc::clone(&issuer.keys));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                asked.fetch_add(1, Ordering::SeqCst);
                let (status, body) = match &*keys.lock().unwrap() {
                    Some(keys) => ("200 OK", json!({ "keys": keys }).to_string()),
                    None => ("500 Broken", "the issuer's own words".to_owned()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        issuer
    }

    fn set(&self, keys: Option<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn server(&self, label: &str) -> Server {
        let url = world::own_database(label, Database::Sqlite, SCRIPT).await.unwrap();
        let configuration = format!(
            "[auth]\njwks_url = {:?}\nissuer = {ISSUER:?}\naudience = {AUDIENCE:?}\nleeway = 30\n\
             [tables.note.access.user]\nread = \"user_id = _USER_.id\"",
            self.url
        );
        world::own(label, &url, &configuration).await.unwrap()
    }
}

/// Asks for the notes with a token, through a front.
async fn ask(server: &Server, token: &str, graphql: bool) -> Answer {
    let request = if graphql {
        Request::post("/graphql", json!({"query": "{ note { body } }"}).to_string())
    } else {
        Request::get("/api/note")
    };
    let request = request.with([("Authorization".to_owned(), format!("Bearer {token}"))]);
    client::send(server.address, &request).await.unwrap()
}

async fn is_one(server: &Server, what: &str, token: &str) {
    for graphql in [true, false] {
        let answer = ask(server, token, graphql).await;
        let text = answer.text();
        assert!(
            answer.status == 200 && text.contains("of one") && !text.contains("of two"),
            "{what}: {answer}"
        );
    }
}

async fn is_refused(server: &Server, what: &str, token: &str) {
    for graphql in [true, false] {
        let answer = ask(server, token, graphql).await;
        assert_eq!(answer.status, 401, "{what}: {answer}");
        assert!(answer.header("www-authenticate").is_some(), "{what}: {answer}");
        assert!(!answer.text().contains("of one"), "{what}: {answer}");
        assert!(
            answer
                .text()
                .contains(if graphql { "\"errors\"" } else { "UNAUTHORIZED" }),
            "{what}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_hold_and_tokens_that_do_not() {
    let keys = json!([
        public(Algorithm::RS256, "r"),
        public(Algorithm::ES256, "e"),
        public(Algorithm::EdDSA, "d"),
        {"kty": "oct", "kid": "o", "k": BASE64.encode("a secret in a public set")},
        {"kty": "of the future", "kid": "f"},
    ]);
    let issuer = Issuer::start(Some(keys)).await;
    let server = issuer.server("issuer_tokens").await;
    assert_eq!(issuer.asked(), 0, "keys are fetched when they are first needed");

    let rsa = |changed: Value| signed(Algorithm::RS256, Some("r"), changed);
    for (what, token) in [
        ("RS256", rsa(json!({}))),
        ("ES256", signed(Algorithm::ES256, Some("e"), json!({}))),
        ("EdDSA", signed(Algorithm::EdDSA, Some("d"), json!({}))),
        (
            "no kid, the only key of its kind",
            signed(Algorithm::ES256, None, json!({})),
        ),
        ("one of several audiences", rsa(json!({"aud": ["other", AUDIENCE]}))),
        ("expired within the leeway", rsa(json!({"exp": now() - 20.0}))),
        ("not yet valid within the leeway", rsa(json!({"nbf": now() + 20.0}))),
        (
            "the server's own secret beside the issuer",
            hmac(&json!({"alg": "HS256"}), JWT_SECRET.as_bytes()),
        ),
        // The name of a key means nothing to the secret, which is one.
        (
            "the secret with a kid",
            hmac(&json!({"alg": "HS256", "kid": "r"}), JWT_SECRET.as_bytes()),
        ),
    ] {
        is_one(&server, what, &token).await;
    }
    assert_eq!(issuer.asked(), 1, "one fetch for all of them");

    let right = rsa(json!({}));
    let (message, signature) = right.rsplit_once('.').unwrap();
    let unsigned = |algorithm: &str| {
        let header = BASE64.encode(json!({"alg": algorithm, "kid": "r"}).to_string());
        format!("{header}.{}.", message.split_once('.').unwrap().1)
    };
    let jwk_text = public(Algorithm::RS256, "r").to_string();
    let der = BASE64.encode(
        RSA_PUBLIC
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect::<String>(),
    );
    for (what, token) in [
        ("expired", rsa(json!({"exp": now() - 31.0}))),
        ("no expiry", rsa(json!({"exp": null}))),
        ("an expiry that is a text", rsa(json!({"exp": "never"}))),
        ("not yet valid", rsa(json!({"nbf": now() + 40.0}))),
        ("another issuer", rsa(json!({"iss": "https://issuer.example.evil"}))),
        ("no issuer", rsa(json!({"iss": null}))),
        ("another audience", rsa(json!({"aud": "others"}))),
        ("no audience", rsa(json!({"aud": null}))),
        (
            "an unknown extension",
            under(
                &json!({"alg": "RS256", "kid": "r", "crit": ["x"], "x": 1}),
                Algorithm::RS256,
            ),
        ),
        (
            "an empty list of extensions",
            under(&json!({"alg": "RS256", "kid": "r", "crit": []}), Algorithm::RS256),
        ),
        ("alg: none", unsigned("none")),
        ("alg: None", unsigned("None")),
        ("no algorithm", under(&json!({"kid": "r"}), Algorithm::RS256)),
        (
            "another spelling",
            under(&json!({"alg": "rs256", "kid": "r"}), Algorithm::RS256),
        ),
        ("no signature", format!("{message}.")),
        (
            "somebody else's claims",
            format!(
                "{}.{}.{signature}",
                message.split_once('.').unwrap().0,
                BASE64.encode(claims(json!({"sub": "2"})).to_string())
            ),
        ),
        (
            "HMAC with the public key's PEM",
            hmac(&json!({"alg": "HS256", "kid": "r"}), RSA_PUBLIC.as_bytes()),
        ),
        (
            "the same without its last line break",
            hmac(&json!({"alg": "HS256", "kid": "r"}), RSA_PUBLIC.trim_end().as_bytes()),
        ),
        (
            "HMAC with the public key's JWK",
            hmac(&json!({"alg": "HS256", "kid": "r"}), jwk_text.as_bytes()),
        ),
        (
            "HMAC with the public key's DER",
            hmac(&json!({"alg": "HS256", "kid": "r"}), der.as_bytes()),
        ),
        (
            "HMAC with the set's own secret",
            hmac(&json!({"alg": "HS256", "kid": "o"}), b"a secret in a public set"),
        ),
        ("HMAC with nothing", hmac(&json!({"alg": "HS256"}), b"")),
        ("a key in the header", {
            let own = json!({"kty": "oct", "k": BASE64.encode("mine")});
            hmac(&json!({"alg": "HS256", "jwk": own}), b"mine")
        }),
        (
            "an address of keys in the header",
            under(
                &json!({"alg": "RS256", "kid": "x", "jku": "http://127.0.0.1:1/"}),
                Algorithm::RS256,
            ),
        ),
        (
            "an RSA signature said to be ES256",
            under(&json!({"alg": "ES256", "kid": "r"}), Algorithm::RS256),
        ),
        (
            "an RSA key's name with another kind's signature",
            signed(Algorithm::ES256, Some("r"), json!({})),
        ),
        (
            "another RSA algorithm than the key's",
            under(&json!({"alg": "PS256", "kid": "r"}), Algorithm::RS256),
        ),
        ("an unknown kid", signed(Algorithm::RS256, Some("unknown"), json!({}))),
        (
            "a kid that is a number",
            under(&json!({"alg": "RS256", "kid": 1}), Algorithm::RS256),
        ),
        (
            "a kid that is a path",
            signed(Algorithm::RS256, Some("../../etc/passwd"), json!({})),
        ),
        ("no token", "x".into()),
    ] {
        is_refused(&server, what, &token).await;
    }
    // Claims of an issuer never make an admin.
    let admin = ask(&server, &rsa(json!({"role": "admin"})), true).await;
    assert_eq!(admin.status, 403, "{admin}");
    assert_eq!(
        issuer.asked(),
        1,
        "unknown keys do not make the server ask again at once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_change_and_an_issuer_that_is_away() {
    let issuer = Issuer::start(None).await;
    let server = issuer.server("issuer_keys").await;
    let old = signed(Algorithm::RS256, Some("2025"), json!({}));
    // Whether the token holds cannot be known yet: that is no fault of the caller's.
    for graphql in [true, false] {
        let answer = ask(&server, &old, graphql).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("1")),
            "{answer}"
        );
        assert!(!answer.text().contains("own words"), "{answer}");
    }
    // Who needs no key of the issuer's is served meanwhile.
    is_one(
        &server,
        "the secret",
        &hmac(&json!({"alg": "HS256"}), JWT_SECRET.as_bytes()),
    )
    .await;
    is_refused(&server, "a forged secret", &hmac(&json!({"alg": "HS256"}), b"not it")).await;

    issuer.set(Some(json!([public(Algorithm::RS256, "2025")])));
    let came = within(Duration::from_secs(5), "the issuer's first answer", || async {
        let answer = ask(&server, &old, true).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.to_string())
        }
    })
    .await;
    is_one(&server, "the first key", &old).await;

    // The issuer signs with a new key: its first token leads to a fetch.
    let new = signed(Algorithm::EdDSA, Some("2026"), json!({}));
    is_refused(&server, "a key of tomorrow", &new).await;
    issuer.set(Some(json!([
        public(Algorithm::RS256, "2025"),
        public(Algorithm::EdDSA, "2026")
    ])));
    let before = issuer.asked();
    let rotated = within(Duration::from_secs(15), "the new key", || async {
        let answer = ask(&server, &new, true).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.to_string())
        }
    })
    .await;
    assert!(issuer.asked() - before <= 2, "asked {} times", issuer.asked() - before);
    is_one(&server, "the old key", &old).await;

    // It goes away, or talks nonsense: what is known goes on to hold, what is unknown is refused.
    for answer in [None, Some(json!([])), Some(json!("nonsense"))] {
        issuer.set(answer);
        is_one(
            &server,
            "the old key without the issuer",
            &signed(Algorithm::RS256, Some("2025"), json!({"n": now()})),
        )
        .await;
        is_one(
            &server,
            "the new key without the issuer",
            &signed(Algorithm::EdDSA, Some("2026"), json!({"n": now()})),
        )
        .await;
        is_refused(
            &server,
            "an unknown key without the issuer",
            &signed(Algorithm::ES256, Some("x"), json!({})),
        )
        .await;
    }
    println!("an issuer that came was seen after {came:?}, a new key after {rotated:?}");
}
