//! Tokens that somebody has forged.

use super::issuer::with_issuer;
use super::*;

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
    let public = include_bytes!("../../fixtures/rsa.pub.pem");
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
