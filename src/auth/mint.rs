//! Access tokens that this server signs.

use super::Secrets;
use crate::config;
use crate::error::{Error, Result};
use crate::principal::Principal;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The claim with the session that a token belongs to.
pub(super) const SESSION: &str = "sid";

/// The claim of a user who is flagged an admin. It says nothing by itself: the flag is looked up.
pub(super) const FLAGGED: &str = "diglot_admin";

/// Signs tokens.
pub struct Minter {
    key: EncodingKey,
    issuer: Option<String>,
    audience: Option<String>,
    namespace: Option<String>,
    prefix: String,
    lifetime: Duration,
}

/// What a token grants, and to whom.
#[derive(Clone, Debug, Default)]
pub struct Grant<'a> {
    /// The user's id.
    pub id: Option<&'a str>,
    /// The role.
    pub role: &'a str,
    /// The session.
    pub session: Option<&'a str>,
    /// The user is flagged an admin.
    pub flagged: bool,
    /// Further claims.
    pub claims: Map<String, Value>,
}

impl Minter {
    /// One that signs with the first of the secrets.
    #[must_use]
    pub fn new(settings: &config::Auth, secrets: &Secrets) -> Self {
        Self {
            key: EncodingKey::from_secret(secrets.jwt_secret.as_bytes()),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            namespace: settings.claims_namespace.clone(),
            prefix: settings.header_prefix.to_ascii_lowercase(),
            lifetime: settings.access_token_ttl(),
        }
    }

    /// How long tokens are good for, if nothing else is said.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A token from `now` (seconds since 1970) on. It has what this server asks of all tokens: issuer, audience, and
    /// the claims in the form that is configured.
    ///
    /// # Errors
    /// A fault of ours.
    pub fn token(&self, grant: &Grant<'_>, now: u64, lifetime: Duration) -> Result<String> {
        let mut claims = grant.claims.clone();
        if let Some(id) = grant.id {
            claims.insert("sub".into(), id.into());
        }
        if let Some(session) = grant.session {
            claims.insert(SESSION.into(), session.into());
        }
        if grant.flagged {
            claims.insert(FLAGGED.into(), true.into());
        }
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), (now + lifetime.as_secs()).into());
        if let Some(issuer) = &self.issuer {
            claims.insert("iss".into(), issuer.as_str().into());
        }
        if let Some(audience) = &self.audience {
            claims.insert("aud".into(), audience.as_str().into());
        }
        match &self.namespace {
            None => {
                claims.insert("role".into(), grant.role.into());
            }
            Some(namespace) => {
                let prefix = &self.prefix;
                let mut own = Map::new();
                own.insert(format!("{prefix}default-role"), grant.role.into());
                own.insert(format!("{prefix}allowed-roles"), json!([grant.role]));
                if let Some(id) = grant.id {
                    own.insert(format!("{prefix}user-id"), id.into());
                }
                claims.insert(namespace.clone(), own.into());
            }
        }
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.key).map_err(Error::internal)
    }
}

impl<'a> Grant<'a> {
    /// A signed-in user's.
    #[must_use]
    pub fn user(id: &'a str, role: &'a str) -> Self {
        Self {
            id: Some(id),
            role: if role.is_empty() { Principal::USER } else { role },
            ..Self::default()
        }
    }
}
