//! Credentials, right and wrong.

use super::*;
use crate::error::Kind;
use crate::principal::Variable;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SECRET: &str = "a secret of thirty-two bytes, or so";

/// The public half of `fixtures/ed.pem`.
const ED_PUBLIC: &str = "NYx_xPd-d5I7ALxrWcjnEJR_SMLpea8e95TrF0lHqrg";

fn secrets() -> Secrets {
    Secrets {
        jwt_secret: SECRET.into(),
        older_jwt_secrets: Vec::new(),
        admin_secret: "open sesame".into(),
        anon_key: "anon".into(),
        file: None,
        fresh: false,
        warnings: Vec::new(),
    }
}

fn authenticator(settings: &config::Auth) -> Authenticator {
    Authenticator::new(settings, &secrets()).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    headers
}

fn bearer(token: &str) -> HeaderMap {
    headers(&[("authorization", &format!("Bearer {token}"))])
}

fn later() -> f64 {
    (now() + 600.0).floor()
}

fn sign(algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .unwrap()
}

/// Signs whatever header is given with HMAC-SHA-256.
fn sign_raw(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn pem(kind: &str) -> EncodingKey {
    match kind {
        "rsa" => EncodingKey::from_rsa_pem(include_bytes!("fixtures/rsa.pem")),
        "ec256" => EncodingKey::from_ec_pem(include_bytes!("fixtures/ec256.pem")),
        "ec384" => EncodingKey::from_ec_pem(include_bytes!("fixtures/ec384.pem")),
        _ => EncodingKey::from_ed_pem(include_bytes!("fixtures/ed.pem")),
    }
    .unwrap()
}

fn sign_with(kind: &str, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(String::from);
    jsonwebtoken::encode(&header, claims, &pem(kind)).unwrap()
}

fn jwk(kind: &str, algorithm: Algorithm, kid: &str) -> Value {
    if kind == "ed" {
        return json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": ED_PUBLIC});
    }
    let mut key = Jwk::from_encoding_key(&pem(kind), algorithm).unwrap();
    key.common.key_id = Some(kid.into());
    let mut key = serde_json::to_value(key).unwrap();
    // Without `alg` an RSA key is good for every RSA algorithm.
    key.as_object_mut().unwrap().remove("alg");
    key
}

/// An issuer on loopback whose answer can be changed; `None` answers 500.
struct Fake {
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

async fn with_issuer(keys: Value) -> (Authenticator, Fake) {
    let fake = issuer(keys).await;
    let settings = config::Auth {
        jwks_url: Some(fake.url.clone()),
        ..config::Auth::default()
    };
    (authenticator(&settings), fake)
}

#[tokio::test]
async fn ways_in() {
    let token = sign(Algorithm::HS256, &json!({"sub": "7", "exp": later()}));
    let bearer = format!("bearer {token}");
    let jwt = format!("JWT {token}");
    let cases: [(&[(&str, &str)], &str, Credential, Option<&str>); 9] = [
        (&[], "anonymous", Credential::None, None),
        (&[("apikey", "anon")], "anonymous", Credential::AnonKey, None),
        (&[("authorization", &bearer)], "user", Credential::Token, Some("7")),
        (&[("authorization", &jwt)], "user", Credential::Token, Some("7")),
        (
            &[("apikey", "anon"), ("authorization", &bearer)],
            "user",
            Credential::Token,
            Some("7"),
        ),
        (
            &[("apikey", "wrong"), ("authorization", &bearer)],
            "user",
            Credential::Token,
            Some("7"),
        ),
        (
            &[("x-diglot-admin-secret", "open sesame")],
            "admin",
            Credential::AdminSecret,
            None,
        ),
        (
            &[
                ("x-diglot-admin-secret", "open sesame"),
                ("X-Diglot-Role", "editor"),
                ("x-diglot-user-id", "9"),
            ],
            "editor",
            Credential::AdminSecret,
            Some("9"),
        ),
        // Nobody else is believed: no role, no variables.
        (
            &[("x-diglot-role", "admin"), ("x-diglot-user-id", "9")],
            "anonymous",
            Credential::None,
            None,
        ),
    ];
    for (sent, role, credential, id) in cases {
        let principal = authenticator(&config::Auth::default())
            .authenticate(&headers(sent))
            .await
            .unwrap();
        assert_eq!(
            (principal.role.as_str(), principal.credential),
            (role, credential),
            "{sent:?}"
        );
        assert_eq!(
            principal.variable("id"),
            id.map(|id| Variable::Text(id.into())).as_ref(),
            "{sent:?}"
        );
        assert!(!principal.backend_only);
    }
}

#[tokio::test]
async fn headers_that_are_refused() {
    let huge = "a".repeat(1 << 20);
    let huge_bearer = format!("Bearer {huge}");
    let token = format!(
        "Bearer {}",
        sign(Algorithm::HS256, &json!({"sub": "7", "exp": later()}))
    );
    let cases: [(&[(&str, &str)], Kind); 19] = [
        (&[("apikey", "wrong")], Kind::Unauthenticated),
        (&[("apikey", "")], Kind::Unauthenticated),
        (&[("apikey", "anon"), ("apikey", "anon")], Kind::Unauthenticated),
        (&[("x-diglot-admin-secret", "wrong")], Kind::Unauthenticated),
        (&[("x-diglot-admin-secret", "")], Kind::Unauthenticated),
        (
            &[("x-diglot-admin-secret", "open sesame"), ("x-diglot-admin-secret", "x")],
            Kind::Unauthenticated,
        ),
        (
            &[("x-diglot-admin-secret", "wrong"), ("authorization", &token)],
            Kind::Unauthenticated,
        ),
        (
            &[("x-diglot-admin-secret", "open sesame"), ("x-diglot-role", "")],
            Kind::Invalid,
        ),
        (
            &[
                ("x-diglot-admin-secret", "open sesame"),
                ("x-diglot-role", "user"),
                ("x-diglot-role", "editor"),
            ],
            Kind::Invalid,
        ),
        (
            &[
                ("x-diglot-admin-secret", "open sesame"),
                ("x-diglot-use-backend-only-permissions", "yes"),
            ],
            Kind::Invalid,
        ),
        (&[("authorization", "Bearer")], Kind::Unauthenticated),
        (&[("authorization", "Bearer ")], Kind::Unauthenticated),
        (&[("authorization", "")], Kind::Unauthenticated),
        (&[("authorization", "Basic YTpi")], Kind::Unauthenticated),
        (&[("authorization", "Token abc")], Kind::Unauthenticated),
        (&[("authorization", "Bearer open sesame")], Kind::Unauthenticated),
        (&[("authorization", &huge_bearer)], Kind::Unauthenticated),
        (&[("apikey", &huge)], Kind::Unauthenticated),
        (
            &[("authorization", &token), ("authorization", &token)],
            Kind::Unauthenticated,
        ),
    ];
    for (sent, kind) in cases {
        let error = authenticator(&config::Auth::default())
            .authenticate(&headers(sent))
            .await
            .unwrap_err();
        let first: String = format!("{sent:?}").chars().take(100).collect();
        assert_eq!(error.kind, kind, "{first}: {error}");
        assert!(
            !error.message.contains("sesame") && error.message.len() < 200,
            "{error}"
        );
    }
    let error = authenticator(&config::Auth::default())
        .authenticate(&headers(&[("authorization", "Token abc")]))
        .await
        .unwrap_err();
    assert!(error.message.contains("database tokens"), "{error}");
}

#[tokio::test]
async fn attacks_on_tokens() {
    let (authenticator, _fake) = with_issuer(json!([jwk("rsa", Algorithm::RS256, "r")])).await;
    let good = json!({"sub": "7", "exp": later()});
    let text = good.to_string();
    let valid = sign(Algorithm::HS256, &good);
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let rsa = sign_with("rsa", Algorithm::RS256, Some("r"), &good);
    authenticator.authenticate(&bearer(&valid)).await.unwrap();
    authenticator.authenticate(&bearer(&rsa)).await.unwrap();

    let mut attacks: Vec<(String, String)> = Vec::new();
    for none in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " none",
        "none\\u0000",
        "hs256",
        "HS256 ",
        "HS1",
        "ES256K",
    ] {
        let header = format!("{{\"alg\":\"{none}\",\"typ\":\"JWT\"}}");
        let unsigned = format!("{}.{}.", BASE64.encode(&header), BASE64.encode(&text));
        attacks.push((format!("alg {none:?} unsigned"), unsigned));
        attacks.push((
            format!("alg {none:?} signed"),
            sign_raw(&header, &text, SECRET.as_bytes()),
        ));
    }
    for header in [
        "{}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "[]",
        "\"HS256\"",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\"",
    ] {
        attacks.push((header.into(), sign_raw(header, &text, SECRET.as_bytes())));
    }
    let public = include_bytes!("fixtures/rsa.pub.pem");
    let confused = |secret: &[u8]| sign_raw("{\"alg\":\"HS256\",\"kid\":\"r\"}", &text, secret);
    attacks.push(("HS256 with the RSA key's PEM".into(), confused(public)));
    attacks.push((
        "the same without the last newline".into(),
        confused(public.trim_ascii_end()),
    ));
    attacks.push((
        "HS256 with the RSA key's modulus".into(),
        confused(jwk("rsa", Algorithm::RS256, "r")["n"].as_str().unwrap().as_bytes()),
    ));
    attacks.push(("HS256 with an empty secret".into(), confused(b"")));
    attacks.push(("HS256 with another secret".into(), confused(b"guess")));
    let (claims_part, rsa_signature) = rsa.rsplit_once('.').unwrap();
    let (_, claims_only) = claims_part.split_once('.').unwrap();
    for algorithm in ["RS384", "PS256", "HS256"] {
        let header = BASE64.encode(format!("{{\"alg\":\"{algorithm}\",\"kid\":\"r\"}}"));
        attacks.push((
            format!("RS256 said to be {algorithm}"),
            format!("{header}.{claims_only}.{rsa_signature}"),
        ));
    }
    attacks.push((
        "kid of another key".into(),
        sign_with("rsa", Algorithm::RS256, Some("x"), &good),
    ));
    attacks.push((
        "kid as a path".into(),
        sign_with("rsa", Algorithm::RS256, Some("../../dev/null"), &good),
    ));
    attacks.push((
        "a key that the issuer does not have".into(),
        sign_with("ec256", Algorithm::ES256, Some("r"), &good),
    ));
    attacks.push(("no signature".into(), format!("{message}.")));
    attacks.push(("no third part".into(), message.into()));
    attacks.push(("five parts".into(), format!("{message}.{signature}.a.b")));
    attacks.push(("padded signature".into(), format!("{valid}=")));
    attacks.push((
        "a changed signature".into(),
        format!(
            "{message}.{}{}",
            if signature.starts_with('A') { 'B' } else { 'A' },
            &signature[1..]
        ),
    ));
    attacks.push(("swapped claims".into(), {
        let forged = BASE64.encode(json!({"sub": "1", "exp": later()}).to_string());
        format!("{}.{forged}.{signature}", message.split_once('.').unwrap().0)
    }));
    attacks.push(("embedded key".into(), {
        let header = json!({"alg": "RS256", "jwk": jwk("rsa", Algorithm::RS256, "r"), "kid": "own"}).to_string();
        format!("{}.{claims_only}.{rsa_signature}", BASE64.encode(header))
    }));
    for (what, claims) in [
        ("expired", json!({"sub": "7", "exp": now() - 3600.0})),
        ("expired beyond the leeway", json!({"sub": "7", "exp": now() - 31.0})),
        ("without exp", json!({"sub": "7"})),
        ("exp as text", json!({"sub": "7", "exp": "4102444800"})),
        ("exp null", json!({"sub": "7", "exp": null})),
        (
            "nbf in the future",
            json!({"sub": "7", "exp": later(), "nbf": now() + 300.0}),
        ),
        ("nbf as text", json!({"sub": "7", "exp": later(), "nbf": "0"})),
        ("sub is a list", json!({"sub": ["7"], "exp": later()})),
        ("sub is empty", json!({"sub": "", "exp": later()})),
        ("role is a list", json!({"sub": "7", "role": ["user"], "exp": later()})),
        ("roles is a text", json!({"sub": "7", "roles": "user", "exp": later()})),
        ("claims are a list", json!(["7"])),
    ] {
        attacks.push((what.into(), sign(Algorithm::HS256, &claims)));
    }
    for (what, token) in attacks {
        match authenticator.authenticate(&bearer(&token)).await {
            Ok(principal) => panic!("{what}: accepted as {}", principal.role),
            Err(error) => assert_eq!(error.kind, Kind::Unauthenticated, "{what}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_token_never_makes_an_admin() {
    let authenticator = authenticator(&config::Auth::default());
    for (claims, role) in [
        (json!({"sub": "7", "role": "admin", "exp": later()}), None),
        (
            json!({"sub": "7", "roles": ["admin", "user"], "exp": later()}),
            Some("admin"),
        ),
        (
            json!({"sub": "7", "role": "admin", "roles": ["admin"], "exp": later()}),
            Some("admin"),
        ),
        (json!({"sub": "7", "exp": later()}), Some("admin")),
    ] {
        let mut sent = bearer(&sign(Algorithm::HS256, &claims));
        if let Some(role) = role {
            sent.insert("x-diglot-role", role.parse().unwrap());
        }
        for _ in 0..2 {
            let error = authenticator.authenticate(&sent).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{claims}: {error}");
        }
    }
}

#[tokio::test]
async fn roles_and_variables_of_tokens() {
    let authenticator = authenticator(&config::Auth::default());
    let token = sign(
        Algorithm::HS512,
        &json!({"sub": 7, "role": "author", "roles": ["author", "editor"], "org-id": 12, "Teams": ["a", 2],
            "extra": {"a": [1]}, "void": null, "exp": later()}),
    );
    for (requested, expected) in [
        (None, Ok("author")),
        (Some("editor"), Ok("editor")),
        (Some("author"), Ok("author")),
        (Some("user"), Err(Kind::Forbidden)),
        (Some("Editor"), Err(Kind::Forbidden)),
    ] {
        let mut sent = bearer(&token);
        sent.insert("x-diglot-user-id", "1".parse().unwrap());
        sent.insert("x-diglot-use-backend-only-permissions", "true".parse().unwrap());
        if let Some(role) = requested {
            sent.insert("x-diglot-role", role.parse().unwrap());
        }
        let result = authenticator.authenticate(&sent).await;
        match expected {
            Ok(role) => {
                let principal = result.unwrap();
                assert_eq!(principal.role.as_str(), role);
                assert!(!principal.backend_only);
                let text = |text: &str| Some(Variable::Text(text.into()));
                assert_eq!(principal.variable("id").cloned(), text("7"));
                assert_eq!(principal.variable("org_id").cloned(), text("12"));
                assert_eq!(principal.variable("extra").cloned(), text("{\"a\":[1]}"));
                let teams = Variable::List(vec!["a".into(), "2".into()]);
                assert_eq!(principal.variable("teams"), Some(&teams));
                assert_eq!(principal.variable("void"), None);
                assert_eq!(principal.variable("role"), None);
            }
            Err(kind) => assert_eq!(result.unwrap_err().kind, kind, "{requested:?}"),
        }
    }
}

#[tokio::test]
async fn hasuras_claims() {
    let settings = config::Auth {
        claims_namespace: Some("https://hasura.io/jwt/claims".into()),
        header_prefix: "X-Hasura-".into(),
        ..config::Auth::default()
    };
    let authenticator = authenticator(&settings);
    let object = json!({"x-hasura-default-role": "user", "x-hasura-allowed-roles": ["user", "editor"],
        "X-Hasura-User-Id": "7", "x-hasura-org-ids": "{1,2}", "other": "x"});
    for namespace in [object.clone(), json!(object.to_string())] {
        let claims = json!({"sub": "ignored", "role": "x", "https://hasura.io/jwt/claims": namespace, "exp": later()});
        let mut sent = bearer(&sign(Algorithm::HS256, &claims));
        sent.insert("x-hasura-role", "editor".parse().unwrap());
        let principal = authenticator.authenticate(&sent).await.unwrap();
        assert_eq!(principal.role.as_str(), "editor");
        assert_eq!(principal.variable("id"), Some(&Variable::Text("7".into())));
        let list = Variable::List(vec!["1".into(), "2".into()]);
        assert_eq!(principal.variable("org_ids"), Some(&list));
        assert_eq!(principal.variables.len(), 2);
        sent.insert("x-hasura-role", "owner".parse().unwrap());
        assert_eq!(
            authenticator.authenticate(&sent).await.unwrap_err().kind,
            Kind::Forbidden
        );
    }
    for wrong in [
        json!(null),
        json!("no json"),
        json!([]),
        json!({"x-hasura-user-id": "7"}),
        json!({"x-hasura-default-role": "user", "x-hasura-allowed-roles": ["editor"]}),
        json!({"x-hasura-default-role": "user", "x-hasura-allowed-roles": "user"}),
    ] {
        let claims = json!({"https://hasura.io/jwt/claims": wrong, "exp": later()});
        let error = authenticator
            .authenticate(&bearer(&sign(Algorithm::HS256, &claims)))
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unauthenticated, "{claims}");
    }
    let admin = headers(&[("x-hasura-admin-secret", "open sesame"), ("x-hasura-user-id", "3")]);
    assert_eq!(
        authenticator.authenticate(&admin).await.unwrap().variable("id"),
        Some(&Variable::Text("3".into()))
    );
}

#[tokio::test]
async fn issuer_audience_leeway_and_no_expiry() {
    let settings = config::Auth {
        issuer: Some("https://issuer.example".into()),
        audience: Some("diglot".into()),
        allow_unexpiring: true,
        leeway: 60,
        ..config::Auth::default()
    };
    let authenticator = authenticator(&settings);
    let iss = "https://issuer.example";
    for (claims, holds) in [
        (json!({"iss": iss, "aud": "diglot"}), true),
        (json!({"iss": iss, "aud": ["x", "diglot"]}), true),
        (json!({"iss": iss, "aud": "diglot", "exp": now() - 50.0}), true),
        (json!({"iss": iss, "aud": "diglot", "exp": now() - 70.0}), false),
        (json!({"iss": iss, "aud": "diglot", "nbf": now() + 50.0}), true),
        (json!({"iss": iss, "aud": "diglot2"}), false),
        (json!({"iss": iss, "aud": []}), false),
        (json!({"iss": iss}), false),
        (json!({"iss": "https://issuer.example/", "aud": "diglot"}), false),
        (json!({"iss": [iss], "aud": "diglot"}), false),
        (json!({"aud": "diglot"}), false),
    ] {
        let result = authenticator
            .authenticate(&bearer(&sign(Algorithm::HS384, &claims)))
            .await;
        assert_eq!(result.is_ok(), holds, "{claims}");
    }
}

#[tokio::test]
async fn remembered_tokens_expire() {
    let settings = config::Auth {
        leeway: 0,
        ..config::Auth::default()
    };
    let authenticator = authenticator(&settings);
    let sent = bearer(&sign(Algorithm::HS256, &json!({"sub": "7", "exp": now() + 0.3})));
    authenticator.authenticate(&sent).await.unwrap();
    authenticator.authenticate(&sent).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    assert_eq!(
        authenticator.authenticate(&sent).await.unwrap_err().kind,
        Kind::Unauthenticated
    );
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

#[test]
fn settings_that_are_refused() {
    for (url, prefix) in [
        (Some("http://issuer.example/jwks"), "x-diglot-"),
        (Some("ftp://127.0.0.1/jwks"), "x-diglot-"),
        (Some("file:///etc/jwks"), "x-diglot-"),
        (Some("http://localhost.example/jwks"), "x-diglot-"),
        (Some("jwks"), "x-diglot-"),
        (None, ""),
        (None, "x diglot"),
    ] {
        let settings = config::Auth {
            jwks_url: url.map(String::from),
            header_prefix: prefix.into(),
            ..config::Auth::default()
        };
        let error = Authenticator::new(&settings, &secrets()).err().unwrap();
        assert!(error.message.starts_with("auth."), "{error}");
    }
}

#[tokio::test]
async fn secrets_are_replaced_without_ending_sessions() {
    let rotated = Secrets {
        jwt_secret: "the next secret of thirty-two bytes, or so".into(),
        older_jwt_secrets: vec!["another one of thirty-two bytes, or so".into(), SECRET.into()],
        ..secrets()
    };
    let settings = config::Auth::default();
    let authenticator = Authenticator::new(&settings, &rotated).unwrap();
    let minted = |secrets: &Secrets| {
        let now = now() as u64;
        let minter = super::super::Minter::new(&settings, secrets);
        minter.token(&super::super::Grant::user("2", "user"), now, minter.lifetime()).unwrap()
    };
    // What the old one has signed is accepted, and the first signs.
    for token in [minted(&secrets()), minted(&rotated)] {
        let principal = authenticator.authenticate(&bearer(&token)).await.unwrap();
        assert_eq!(principal.variable("id"), Some(&Variable::Text("2".into())));
    }
    let before = Authenticator::new(&settings, &secrets()).unwrap();
    assert!(before.authenticate(&bearer(&minted(&rotated))).await.is_err());
    let foreign = Secrets {
        jwt_secret: "a secret that this server has never had, 0123".into(),
        ..secrets()
    };
    assert!(authenticator.authenticate(&bearer(&minted(&foreign))).await.is_err());
}

#[tokio::test]
async fn own_tokens_satisfy_what_is_asked_of_all() {
    let settings = config::Auth {
        issuer: Some("https://issuer.example".into()),
        audience: Some("app".into()),
        claims_namespace: Some("https://hasura.io/jwt/claims".into()),
        header_prefix: "X-Hasura-".into(),
        ..config::Auth::default()
    };
    let minter = super::super::Minter::new(&settings, &secrets());
    let grant = super::super::Grant::user("7", "editor");
    let token = minter.token(&grant, now() as u64, minter.lifetime()).unwrap();
    let principal = authenticator(&settings).authenticate(&bearer(&token)).await.unwrap();
    assert_eq!(principal.role.as_str(), "editor");
    assert_eq!(principal.variable("id"), Some(&Variable::Text("7".into())));
}
