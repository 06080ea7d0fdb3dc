//! What makes a batch happen once, however often it is sent: the client's `Idempotency-Key`, and what it was sent with.

use crate::error::{Code, Error, Result};
use sha2::{Digest as _, Sha256};

/// Longest key.
const LONGEST: usize = 255;

/// A client's key for a request that writes. The same key with the same request is the same write, which happens once;
/// with another request it is a mistake. Keys belong to their callers: two callers can have the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    key: Box<str>,
    said: [u8; 32],
    part: Option<usize>,
}

impl Once {
    /// The header, in lower case.
    pub const HEADER: &'static str = "idempotency-key";

    /// The header of an answer that tells what an earlier request gave.
    pub const REPLAYED: &'static str = "idempotency-replayed";

    /// From the values of the header, and from all that the request says (method, path, query, body), in pieces whose bounds
    /// count. Without the header there is none.
    ///
    /// # Errors
    /// It was sent twice, or is no text of 1 to 255 printable characters of ASCII.
    pub fn read<'a>(values: impl IntoIterator<Item = &'a [u8]>, said: &[&[u8]]) -> Result<Option<Self>> {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(wrong("the header Idempotency-Key is sent more than once"));
        }
        let printable = |byte: &u8| (b' '..=b'~').contains(byte);
        let key = std::str::from_utf8(first)
            .ok()
            .filter(|key| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| printable(&byte)))
            .ok_or_else(|| {
                wrong("the header Idempotency-Key must have 1 to 255 printable characters of ASCII; a new UUID is a good one")
            })?;
        let mut hash = Sha256::new();
        for piece in said {
            hash.update((piece.len() as u64).to_le_bytes());
            hash.update(piece);
        }
        Ok(Some(Self {
            key: key.into(),
            said: hash.finalize().into(),
            part: None,
        }))
    }

    /// The same for one of several batches of the request, each of which happens once by itself.
    #[must_use]
    pub fn part(&self, part: usize) -> Self {
        Self {
            part: Some(part),
            ..self.clone()
        }
    }

    /// The client's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A hash of what the request said.
    #[must_use]
    pub fn said(&self) -> &[u8; 32] {
        &self.said
    }

    /// Which of several batches of the request; `None`: all of it.
    #[must_use]
    pub fn which(&self) -> Option<usize> {
        self.part
    }
}

fn wrong(message: &str) -> Error {
    Error::invalid(Code::INVALID_KEY, message).at("Idempotency-Key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]], said: &[&[u8]]) -> Result<Option<Once>> {
        Once::read(values.iter().copied(), said)
    }

    #[test]
    fn keys() {
        assert_eq!(read(&[], &[b"POST"]).unwrap(), None);
        let longest = [b'k'; 255];
        for good in [b"a".as_slice(), b"\"8e03978e\"", b"with a space ~!", &longest] {
            let once = read(&[good], &[]).unwrap().unwrap();
            assert_eq!(once.key().as_bytes(), good);
        }
        let long = [b'k'; 256];
        for bad in [b"".as_slice(), b"tab\t", b"\x7f", "é".as_bytes(), b"\xff", &long] {
            assert_eq!(read(&[bad], &[]).unwrap_err().code, Code::INVALID_KEY, "{bad:?}");
        }
        assert_eq!(read(&[b"a", b"a"], &[]).unwrap_err().code, Code::INVALID_KEY);
    }

    #[test]
    fn what_was_said_is_told_apart_by_its_pieces() {
        let said = |said: &[&[u8]]| *read(&[b"a"], said).unwrap().unwrap().said();
        assert_eq!(said(&[b"POST", b"{}"]), said(&[b"POST", b"{}"]));
        assert_ne!(said(&[b"POST", b"{}"]), said(&[b"POST{", b"}"]));
        assert_ne!(said(&[b"POST", b""]), said(&[b"POST"]));
    }
}
