//! JSON Web Tokens: form, signature, times, issuer, audience. What the claims mean is `claims`' to say.

use super::issuer::{Found, Issuer};
use super::{Secrets, refused};
use crate::config;
use crate::error::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::{Map, Value};

/// Longer tokens are refused unread.
const LONGEST: usize = 16 * 1024;

/// Checks tokens.
pub(super) struct Verifier {
    /// The one that signs, and those that are still accepted.
    secrets: Vec<DecodingKey>,
    pub(super) issuer_keys: Option<Issuer>,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: f64,
    allow_unexpiring: bool,
}

/// A token whose signature and claims hold.
pub(super) struct Verified {
    pub(super) claims: Map<String, Value>,
    /// It is signed with a secret of this server, not by an issuer.
    pub(super) own: bool,
    /// Seconds since 1970 after which it does not hold any more, leeway included.
    pub(super) until: f64,
}

struct Header {
    algorithm: Algorithm,
    key: Option<String>,
}

impl Verifier {
    pub(super) fn new(settings: &config::Auth, secrets: &Secrets, issuer_keys: Option<Issuer>) -> Self {
        #[allow(clippy::cast_precision_loss)]
        let leeway = settings.leeway as f64;
        Self {
            secrets: [&secrets.jwt_secret]
                .into_iter()
                .chain(&secrets.older_jwt_secrets)
                .map(|secret| DecodingKey::from_secret(secret.as_bytes()))
                .collect(),
            issuer_keys,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway,
            allow_unexpiring: settings.allow_unexpiring,
        }
    }

    /// Whether a token holds at `now` (seconds since 1970).
    pub(super) async fn verify(&self, token: &str, now: f64) -> Result<Verified> {
        if token.len() > LONGEST {
            return Err(refused(format!("the token is longer than {LONGEST} bytes")));
        }
        let malformed = || refused("the token is not a signed JSON Web Token (header.claims.signature)");
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        if claims.contains('.') {
            return Err(malformed());
        }
        let header = read_header(header)?;
        self.verify_signature(&header, message, signature).await?;
        // Only now is anything in the claims worth a look.
        let claims = decode(claims).ok_or_else(|| refused("the token's claims are no JSON object"))?;
        let own = header.algorithm.family() == AlgorithmFamily::Hmac;
        let until = self.check_times(&claims, now)?;
        self.check_parties(&claims)?;
        Ok(Verified { claims, own, until })
    }

    async fn verify_signature(&self, header: &Header, message: &str, signature: &str) -> Result<()> {
        let holds = |key: &DecodingKey| {
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, header.algorithm).unwrap_or(false)
        };
        // The secret is for HMAC alone and public keys are for everything else: neither is ever used as the other.
        let valid = if header.algorithm.family() == AlgorithmFamily::Hmac {
            self.secrets.iter().any(holds)
        } else {
            let Some(issuer) = &self.issuer_keys else {
                return Err(refused(format!(
                    "tokens signed with {:?} need [auth] jwks_url; this server verifies HS256, HS384 and HS512",
                    header.algorithm
                )));
            };
            match issuer.find(header.key.as_deref(), header.algorithm).await? {
                Found::Key(key) => holds(&key),
                Found::Unknown => {
                    return Err(refused(
                        "the token's key (kid) is none of the issuer's for its algorithm",
                    ));
                }
            }
        };
        if valid {
            Ok(())
        } else {
            Err(refused("the token's signature does not hold"))
        }
    }

    fn check_times(&self, claims: &Map<String, Value>, now: f64) -> Result<f64> {
        let until = match time(claims, "exp")? {
            Some(expiry) if expiry + self.leeway <= now => return Err(refused("the token has expired")),
            Some(expiry) => expiry + self.leeway,
            None if self.allow_unexpiring => f64::INFINITY,
            None => {
                return Err(refused(
                    "the token has no expiry (exp), and [auth] allow_unexpiring is not set",
                ));
            }
        };
        if time(claims, "nbf")?.is_some_and(|start| start - self.leeway > now) {
            return Err(refused("the token is not valid yet (nbf)"));
        }
        Ok(until)
    }

    fn check_parties(&self, claims: &Map<String, Value>) -> Result<()> {
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(refused("the token is not from the configured issuer (iss)"));
        }
        if let Some(audience) = &self.audience {
            let meant = match claims.get("aud") {
                Some(Value::String(one)) => one == audience,
                Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
                _ => false,
            };
            if !meant {
                return Err(refused("the token is not for the configured audience (aud)"));
            }
        }
        Ok(())
    }
}

fn decode(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn read_header(part: &str) -> Result<Header> {
    let header = decode(part).ok_or_else(|| refused("the token's header is no JSON object in base64url"))?;
    if header.contains_key("crit") {
        return Err(refused(
            "the token's header has extensions (crit) that this server does not know",
        ));
    }
    let name = header.get("alg").and_then(Value::as_str);
    // A closed list in the one spelling of the standard: `none` is in no spelling among them.
    let algorithm = match name {
        Some("HS256") => Algorithm::HS256,
        Some("HS384") => Algorithm::HS384,
        Some("HS512") => Algorithm::HS512,
        Some("RS256") => Algorithm::RS256,
        Some("RS384") => Algorithm::RS384,
        Some("RS512") => Algorithm::RS512,
        Some("PS256") => Algorithm::PS256,
        Some("PS384") => Algorithm::PS384,
        Some("PS512") => Algorithm::PS512,
        Some("ES256") => Algorithm::ES256,
        Some("ES384") => Algorithm::ES384,
        Some("EdDSA") => Algorithm::EdDSA,
        _ => return Err(refused("the token's algorithm (alg) is not accepted")),
    };
    let key = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Err(refused("the token's key name (kid) is no text")),
    };
    Ok(Header { algorithm, key })
}

fn time(claims: &Map<String, Value>, claim: &str) -> Result<Option<f64>> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if seconds.is_finite() => Ok(Some(seconds)),
            _ => Err(refused(format!("the token's {claim} is no number of seconds"))),
        },
    }
}
