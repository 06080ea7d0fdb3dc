//! The one place where a request's headers become a principal.

use super::claims::{self, Bearer};
use super::issuer::Issuer;
use super::token::Verifier;
use super::{Secrets, Sessions, mint, refused, variables};
use crate::config;
use crate::error::{Code, Error, Result};
use crate::ident::Name;
use crate::principal::{Credential, Principal, Variable};
use crate::telemetry::CacheReading;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;

/// Verified tokens that are remembered.
const REMEMBERED: usize = 10_000;

/// Turns credentials into principals.
pub struct Authenticator {
    prefix: String,
    names: Names,
    admin_secret: [u8; 32],
    anon_key: [u8; 32],
    verifier: Verifier,
    claims_namespace: Option<String>,
    /// Which of our own sessions have ended.
    sessions: Option<Arc<Sessions>>,
    /// By the hash of the token, so that a dump of the memory's cache gives no token away.
    verified: Cache<[u8; 32], Arc<Remembered>>,
}

struct Names {
    api_key: HeaderName,
    admin_secret: HeaderName,
    role: HeaderName,
    backend_only: HeaderName,
}

struct Remembered {
    bearer: Bearer,
    /// The session of ours that it belongs to.
    session: Option<Arc<str>>,
    /// The session's user is flagged an admin.
    admin: bool,
    /// Seconds since 1970.
    until: f64,
    /// Of the issuer's keys.
    generation: u64,
}

impl Authenticator {
    /// Takes the settings and the secrets, generated ones included.
    ///
    /// # Errors
    /// When `header_prefix` is no beginning of a header's name, or `jwks_url` is not acceptable.
    pub fn new(settings: &config::Auth, secrets: &Secrets) -> Result<Self> {
        let prefix = settings.header_prefix.to_ascii_lowercase();
        let name = |suffix: &str| {
            HeaderName::try_from(format!("{prefix}{suffix}")).map_err(|_| {
                let message = format!(
                    "auth.header_prefix: {:?} cannot begin the name of a header; the default is \"x-diglot-\"",
                    settings.header_prefix
                );
                Error::invalid(Code::INVALID_VALUE, message).at("auth.header_prefix")
            })
        };
        if prefix.is_empty() {
            let message = "auth.header_prefix: without a prefix every header would be a variable";
            return Err(Error::invalid(Code::INVALID_VALUE, message).at("auth.header_prefix"));
        }
        Ok(Self {
            names: Names {
                api_key: HeaderName::from_static("apikey"),
                admin_secret: name("admin-secret")?,
                role: name("role")?,
                backend_only: name("use-backend-only-permissions")?,
            },
            prefix,
            admin_secret: hash(&secrets.admin_secret),
            anon_key: hash(&secrets.anon_key),
            verifier: Verifier::new(
                settings,
                secrets,
                settings.jwks_url.as_deref().map(Issuer::new).transpose()?,
            ),
            claims_namespace: settings.claims_namespace.clone(),
            sessions: None,
            verified: Cache::new(REMEMBERED),
        })
    }

    /// The same, which refuses tokens of sessions that have ended and knows who is flagged an admin.
    #[must_use]
    pub fn with_sessions(self, sessions: Arc<Sessions>) -> Self {
        Self {
            sessions: Some(sessions),
            ..self
        }
    }

    /// Names of the headers that decide who asks: answers vary by them.
    #[must_use]
    pub fn headers(&self) -> [&HeaderName; 5] {
        [
            &AUTHORIZATION,
            &self.names.api_key,
            &self.names.admin_secret,
            &self.names.role,
            &self.names.backend_only,
        ]
    }

    /// Whether a request shows an admin secret, right or wrong.
    #[must_use]
    pub fn shows_admin_secret(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.names.admin_secret)
    }

    /// What is remembered of tokens.
    #[must_use]
    pub fn reading(&self) -> CacheReading {
        CacheReading {
            name: "tokens",
            entries: self.verified.len(),
            weight: self.verified.weight(),
            hits: self.verified.hits(),
            misses: self.verified.misses(),
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// `Unauthenticated` for a credential that does not hold, `Forbidden` for a role that it does not allow,
    /// `Unavailable` when an issuer's keys are needed and were never fetched.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Principal> {
        if let Some(secret) = single(headers, &self.names.admin_secret)? {
            if !same(secret, &self.admin_secret) {
                return Err(refused(format!("{} is not the admin secret", self.names.admin_secret)));
            }
            return self.acting(headers);
        }
        if let Some(credential) = single(headers, &AUTHORIZATION)? {
            return self.authorization(credential, headers).await;
        }
        if let Some(key) = single(headers, &self.names.api_key)? {
            if !same(key, &self.anon_key) {
                return Err(refused("apikey is not the anon key"));
            }
            return Ok(Principal::of_role(Principal::ANONYMOUS, Credential::AnonKey));
        }
        Ok(Principal::anonymous())
    }

    /// The admin, or whom the admin's headers name.
    fn acting(&self, headers: &HeaderMap) -> Result<Principal> {
        let role = self.requested_role(headers)?.unwrap_or(Principal::ADMIN);
        let mut principal = Principal::of_role(role, Credential::AdminSecret);
        principal.variables = Arc::new(variables::from_headers(headers, &self.prefix)?);
        principal.backend_only = match headers.get(&self.names.backend_only).map(|value| value.as_bytes()) {
            None => false,
            Some(value) if value.eq_ignore_ascii_case(b"true") => true,
            Some(value) if value.eq_ignore_ascii_case(b"false") => false,
            Some(_) => {
                let header = self.names.backend_only.as_str();
                let message = format!("{header} is neither true nor false");
                return Err(Error::invalid(Code::INVALID_VALUE, message).at(header));
            }
        };
        Ok(principal)
    }

    async fn authorization(&self, credential: &[u8], headers: &HeaderMap) -> Result<Principal> {
        let text = std::str::from_utf8(credential).unwrap_or_default().trim();
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        let token = token.trim_start();
        if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("jwt") {
            if token.is_empty() {
                return Err(refused(format!("Authorization: {scheme} without a token")));
            }
            return self.bearer(token, headers).await;
        }
        if scheme.eq_ignore_ascii_case("token") {
            return Err(refused(
                "database tokens are not available yet; send Authorization: Bearer <jwt>",
            ));
        }
        Err(refused("Authorization must be: Bearer <jwt>"))
    }

    async fn bearer(&self, token: &str, headers: &HeaderMap) -> Result<Principal> {
        let now = now();
        let key = hash(token);
        let generation = self.verifier.issuer_keys.as_ref().map_or(0, Issuer::generation);
        let remembered = self
            .verified
            .get(&key)
            .filter(|known| known.until > now && known.generation == generation);
        let remembered = match remembered {
            Some(remembered) => remembered,
            None => self.verify(key, token, now, generation).await?,
        };
        // Whatever is remembered of the token, its session may have ended since.
        if let (Some(session), Some(sessions)) = (&remembered.session, &self.sessions) {
            Box::pin(sessions.check(session)).await?;
            if let Some(Variable::Text(user)) = remembered.bearer.variables.get(variables::ID) {
                Box::pin(sessions.check_user(user)).await?;
            }
        }
        let bearer = &remembered.bearer;
        let requested = self.requested_role(headers)?;
        let role = match requested {
            None | Some(Principal::ADMIN) if remembered.admin => Name::new(Principal::ADMIN),
            requested => bearer.role(requested, self.names.role.as_str())?,
        };
        let mut principal = Principal::of_role(role.as_str(), Credential::Token);
        principal.variables = Arc::clone(&bearer.variables);
        principal.session = remembered.session.clone();
        Ok(principal)
    }

    /// `generation` is that of the issuer's keys before the token is looked at: keys that are withdrawn meanwhile make the
    /// memory of it old at once.
    async fn verify(&self, key: [u8; 32], token: &str, now: f64, generation: u64) -> Result<Arc<Remembered>> {
        let verified = self.verifier.verify(token, now).await?;
        let bearer = match &self.claims_namespace {
            Some(namespace) => claims::namespaced(&verified.claims, namespace, &self.prefix)?,
            None => claims::plain(&verified.claims)?,
        };
        let claim = |name: &str| verified.claims.get(name).filter(|_| verified.own);
        let session: Option<Arc<str>> = claim(mint::SESSION).and_then(serde_json::Value::as_str).map(Arc::from);
        // A claim makes nobody an admin: it only says that the flag is worth a look.
        let flagged = claim(mint::FLAGGED) == Some(&serde_json::Value::Bool(true));
        let admin = match (&self.sessions, &session, bearer.variables.get(variables::ID)) {
            (Some(sessions), Some(session), Some(Variable::Text(id))) if flagged => {
                Box::pin(sessions.is_admin(session, id)).await?
            }
            _ => false,
        };
        let remembered = Arc::new(Remembered {
            bearer,
            session,
            admin,
            until: verified.until,
            generation,
        });
        self.verified.insert(key, Arc::clone(&remembered));
        Ok(remembered)
    }

    fn requested_role<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>> {
        let header = &self.names.role;
        let mut values = headers.get_all(header).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        match (std::str::from_utf8(value.as_bytes()), values.next()) {
            (Ok(role), None) if !role.is_empty() => Ok(Some(role)),
            _ => {
                let message = format!("{header} must be sent once and name a role");
                Err(Error::invalid(Code::INVALID_VALUE, message).at(header.as_str()))
            }
        }
    }
}

/// A credential's header; sent twice it is refused, since two readers could pick different ones.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(refused(format!("{name} is sent more than once")));
    }
    Ok(first.map(|value| value.as_bytes()))
}

fn hash(secret: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(secret.as_ref()).into()
}

/// In constant time, whatever the lengths.
fn same(sent: &[u8], expected: &[u8; 32]) -> bool {
    hash(sent).ct_eq(expected).into()
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(f64::INFINITY, |elapsed| elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests;
