//! An issuer's public keys (JWKS): fetched when first needed, kept when the issuer is away.

use crate::error::{Code, Error, Kind, Result};
use arc_swap::ArcSwap;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// An unknown `kid` does not lead to a fetch more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// Nor after a failed one than this.
const FAILED: Duration = Duration::from_secs(2);
/// Older keys are fetched again in the background, so that withdrawn ones go.
const FRESH: Duration = Duration::from_secs(600);
/// Most time and bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(5);
const LARGEST: usize = 1 << 20;

/// The keys of one issuer.
pub(super) struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    url: Url,
    client: reqwest::Client,
    keys: ArcSwap<Keys>,
    /// No fetch before this.
    rests: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Keys {
    keys: Vec<Key>,
    /// Counts fetches that changed something; what was verified with older keys is verified again.
    generation: u64,
    text: String,
    fetched: Option<Instant>,
}

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    key: Arc<DecodingKey>,
}

/// What was found for a token's header.
pub(super) enum Found {
    Key(Arc<DecodingKey>),
    Unknown,
}

impl Issuer {
    pub(super) fn new(url: &str) -> Result<Self> {
        let wrong =
            |reason: &str| Error::invalid(Code::INVALID_VALUE, format!("auth.jwks_url: {reason}")).at("auth.jwks_url");
        let url = Url::parse(url).map_err(|_| wrong("not a URL"))?;
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(wrong("must be https (http only on loopback)")),
        }
        // A redirect could lead from https to anywhere.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(Error::internal)?;
        Ok(Self {
            inner: Arc::new(Inner {
                url,
                client,
                keys: ArcSwap::default(),
                rests: Mutex::default(),
            }),
        })
    }

    /// Counts changes of the keys.
    pub(super) fn generation(&self) -> u64 {
        self.inner.keys.load().generation
    }

    /// The key for a token's header. A `kid` that is not known yet leads to a fetch, though not too often.
    pub(super) async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Found> {
        let known = self.inner.keys.load_full();
        if let Some(key) = known.find(kid, algorithm) {
            if known.fetched.is_none_or(|fetched| fetched.elapsed() > FRESH) {
                let inner = Arc::clone(&self.inner);
                tokio::spawn(async move { inner.refresh().await });
            }
            return Ok(Found::Key(key));
        }
        self.inner.refresh().await;
        let known = self.inner.keys.load_full();
        if known.fetched.is_none() {
            return Err(Error::new(
                Kind::Unavailable,
                Code::UNAUTHENTICATED,
                "the issuer's keys cannot be fetched; try again later",
            ));
        }
        Ok(known.find(kid, algorithm).map_or(Found::Unknown, Found::Key))
    }
}

impl Inner {
    /// Fetches, unless somebody did a moment ago.
    async fn refresh(&self) {
        let mut rests = self.rests.lock().await;
        if rests.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let result = self.fetch().await;
        let pause = if result.is_ok() { PAUSE } else { FAILED };
        *rests = Some(Instant::now() + pause);
        match result {
            Ok(text) => {
                let known = self.keys.load();
                let changed = known.text != text;
                let keys = if changed { parse(&text) } else { known.keys.clone() };
                if keys.is_empty() && !known.keys.is_empty() {
                    tracing::warn!(url = %self.url, "the issuer's answer holds no usable key; the known ones are kept");
                    return;
                }
                tracing::debug!(url = %self.url, keys = keys.len(), "issuer's keys fetched");
                self.keys.store(Arc::new(Keys {
                    keys,
                    generation: known.generation + u64::from(changed),
                    text,
                    fetched: Some(Instant::now()),
                }));
            }
            Err(error) => tracing::warn!(url = %self.url, %error, "the issuer's keys cannot be fetched"),
        }
    }

    async fn fetch(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let mut response = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()).into());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(format!("the answer is larger than {LARGEST} bytes").into());
            }
        }
        let text = String::from_utf8(bytes)?;
        serde_json::from_str::<serde_json::Value>(&text)?
            .get("keys")
            .and_then(serde_json::Value::as_array)
            .ok_or("the answer is no key set")?;
        Ok(text)
    }
}

impl Keys {
    /// The key of that name; without a name the only one that fits.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm) && (kid.is_none() || key.kid.as_deref() == kid));
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then(|| Arc::clone(&first.key))
    }
}

/// The usable keys of a set; others (encryption keys, unknown kinds, secrets) are passed over.
fn parse(text: &str) -> Vec<Key> {
    let set: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    keys.into_iter()
        .flatten()
        .filter_map(|key| usable(key.clone()))
        .collect()
}

fn usable(key: serde_json::Value) -> Option<Key> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    if key
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
    {
        return None;
    }
    let mut algorithms = match &key.algorithm {
        AlgorithmParameters::RSA(_) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        // A secret has no place in a public set; taking one would let whoever reads the set sign.
        AlgorithmParameters::OctetKeyPair(_) | AlgorithmParameters::OctetKey(_) => return None,
    };
    if let Some(said) = key.common.key_algorithm {
        let said = match said {
            KeyAlgorithm::UNKNOWN_ALGORITHM => return None,
            known => Algorithm::from_str(&known.to_string()).ok()?,
        };
        algorithms.retain(|algorithm| *algorithm == said);
    }
    if algorithms.is_empty() {
        return None;
    }
    Some(Key {
        kid: key.common.key_id.clone(),
        algorithms,
        key: Arc::new(DecodingKey::from_jwk(&key).ok()?),
    })
}
