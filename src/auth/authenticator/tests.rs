//! Credentials, right and wrong.

mod attacks;
mod issuer;

use super::*;
use crate::error::Kind;
use crate::principal::Variable;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const SECRET: &str = "a secret of thirty-two bytes, or so";

/// The public half of `fixtures/ed.pem`.
const ED_PUBLIC: &str = "NYx_xPd-d5I7ALxrWcjnEJR_SMLpea8e95TrF0lHqrg";

fn secrets() -> Secrets {
    Secrets {
        jwt_secret: SECRET.into(),
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
        "rsa" => EncodingKey::from_rsa_pem(include_bytes!("../fixtures/rsa.pem")),
        "ec256" => EncodingKey::from_ec_pem(include_bytes!("../fixtures/ec256.pem")),
        "ec384" => EncodingKey::from_ec_pem(include_bytes!("../fixtures/ec384.pem")),
        _ => EncodingKey::from_ed_pem(include_bytes!("../fixtures/ed.pem")),
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
