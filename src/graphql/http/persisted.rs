//! Automatic persisted queries: a document is sent once with its SHA-256, later the hash is enough.

use super::Refusal;
use super::call::Raw;
use crate::graphql::GraphQl;
use crate::graphql::document::parse;
use crate::graphql::error::{Fault, FaultCode};
use axum::http::StatusCode;
use sha2::{Digest, Sha256};

impl GraphQl {
    /// The text of the document that a call means.
    pub(super) fn resolve(&self, call: &Raw) -> Result<String, Refusal> {
        let Some(persisted) = call.extensions.get("persistedQuery").filter(|value| !value.is_null()) else {
            return call
                .query
                .clone()
                .ok_or_else(|| Refusal::bad("the parameter \"query\" is missing: it holds the document"));
        };
        if persisted.get("version").and_then(serde_json::Value::as_u64) != Some(1) {
            return Err(Refusal::of(
                StatusCode::BAD_REQUEST,
                Fault::new(FaultCode::HASH_UNSUPPORTED, "PersistedQueryNotSupported"),
            ));
        }
        let hash = persisted
            .get("sha256Hash")
            .and_then(serde_json::Value::as_str)
            .and_then(decode);
        let Some(hash) = hash else {
            return Err(Refusal::bad("\"sha256Hash\" must be 64 hexadecimal digits"));
        };
        match &call.query {
            None => self.persisted.get(&hash).map(|text| text.to_string()).ok_or_else(|| {
                // 200, as clients of persisted queries expect: they then send the document.
                Refusal::of(
                    StatusCode::OK,
                    Fault::new(FaultCode::HASH_UNKNOWN, "PersistedQueryNotFound"),
                )
            }),
            Some(query) => {
                if <[u8; 32]>::from(Sha256::digest(query.as_bytes())) != hash {
                    return Err(Refusal::bad("\"sha256Hash\" is not the SHA-256 of \"query\""));
                }
                if parse(query, &self.settings.limits).is_ok() {
                    self.persisted.insert(hash, query);
                }
                Ok(query.clone())
            }
        }
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = [0; 32];
    for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *slot = digit(pair[0])? * 16 + digit(pair[1])?;
    }
    Some(out)
}
