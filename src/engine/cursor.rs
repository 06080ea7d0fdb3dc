//! Cursors: the order's values of a row, sealed with authenticated encryption and bound to the question that made them.

use crate::error::{Code, Error, Result};
use crate::value::Datum;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore as _;
use sha2::Sha256;

/// Seals and opens cursors with a key derived from the server's secret, so that they outlive a restart and work on
/// every instance.
#[derive(Clone)]
pub(super) struct Codec {
    cipher: XChaCha20Poly1305,
}

const NONCE: usize = 24;

impl Codec {
    /// A codec for a server's secret.
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut key = [0_u8; 32];
        // Expanding to 32 bytes cannot fail (the limit is 255 hashes).
        let _ = hkdf::Hkdf::<Sha256>::new(None, secret).expand(b"diglot cursor 1", &mut key);
        Self {
            cipher: XChaCha20Poly1305::new(&key.into()),
        }
    }

    /// Seals the values of a row. `binding` says for which question.
    pub(super) fn seal(&self, values: &[Datum], binding: &[u8]) -> String {
        let mut nonce = [0_u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let plain = serde_json::Value::from(values.iter().map(encode).collect::<Vec<_>>()).to_string();
        let payload = Payload {
            msg: plain.as_bytes(),
            aad: binding,
        };
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .unwrap_or_default();
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Opens a cursor made for the same question.
    ///
    /// # Errors
    /// One error for everything that is not such a cursor.
    pub(super) fn open(&self, text: &str, binding: &[u8]) -> Result<Vec<Datum>> {
        let opened = || -> Option<Vec<Datum>> {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
            let payload = Payload {
                msg: sealed,
                aad: binding,
            };
            let plain = self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
            let serde_json::Value::Array(values) = serde_json::from_slice(&plain).ok()? else {
                return None;
            };
            values.iter().map(decode).collect()
        };
        opened().ok_or_else(|| {
            let message = "the cursor is not valid here: it must come unchanged from an answer to the same question (table, order) by the same caller";
            Error::invalid(Code::INVALID_CURSOR, message).at("cursor")
        })
    }
}

fn encode(datum: &Datum) -> serde_json::Value {
    match datum {
        Datum::Null | Datum::List(_) => serde_json::Value::Null,
        Datum::Boolean(value) => (*value).into(),
        Datum::Integer(value) => (*value).into(),
        Datum::Float(value) => serde_json::json!({ "f": value.to_bits().to_string() }),
        Datum::Text(text) => (&**text).into(),
        Datum::Bytes(bytes) => serde_json::json!({ "b": URL_SAFE_NO_PAD.encode(bytes) }),
        Datum::Broken(bytes) => serde_json::json!({ "t": URL_SAFE_NO_PAD.encode(bytes) }),
    }
}

fn decode(json: &serde_json::Value) -> Option<Datum> {
    Some(match json {
        serde_json::Value::Null => Datum::Null,
        serde_json::Value::Bool(value) => Datum::Boolean(*value),
        serde_json::Value::Number(number) => Datum::Integer(number.as_i64()?),
        serde_json::Value::String(text) => Datum::Text(text.as_str().into()),
        serde_json::Value::Object(object) => {
            let (kind, text) = object.iter().next()?;
            let text = text.as_str()?;
            match kind.as_str() {
                "f" => Datum::Float(f64::from_bits(text.parse().ok()?)),
                "b" => Datum::Bytes(URL_SAFE_NO_PAD.decode(text).ok()?.into()),
                "t" => Datum::Broken(URL_SAFE_NO_PAD.decode(text).ok()?.into()),
                _ => return None,
            }
        }
        serde_json::Value::Array(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Codec, Datum};

    #[test]
    fn cursors_open_only_where_they_were_made() {
        let codec = Codec::new(b"secret");
        let values = vec![
            Datum::Null,
            Datum::Integer(i64::MIN),
            Datum::Float(0.1),
            Datum::Text("a\"ä".into()),
            Datum::Bytes(vec![0, 255].into()),
            Datum::Broken(vec![97, 255].into()),
            Datum::Boolean(true),
        ];
        let sealed = codec.seal(&values, b"here");
        assert_eq!(codec.open(&sealed, b"here").expect("opens"), values);
        assert!(codec.open(&sealed, b"there").is_err());
        assert!(Codec::new(b"other").open(&sealed, b"here").is_err());
        let mut tampered = sealed.into_bytes();
        tampered[40] ^= 1;
        assert!(codec.open(&String::from_utf8_lossy(&tampered), b"here").is_err());
        for hostile in ["", "a", "!!!!", "AAAA"] {
            assert!(codec.open(hostile, b"here").is_err());
        }
    }
}
