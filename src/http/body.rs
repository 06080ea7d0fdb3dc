//! Reading a request's body, bounded.

use crate::error::{Code, Error, Kind, Result};
use crate::memory::{Claim, Room};
use crate::value::json;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use std::sync::Arc;

/// Most values of a JSON body, those within others counted too.
const VALUES: usize = 250_000;

/// What a JSON value takes as long as its request is worked at, about: nothing but brackets takes more, texts less.
const VALUE: usize = 128;

/// All of a body, if it has at most `most` bytes, and not too many values. What is long is counted in `room`, from its first
/// piece until the request is done.
pub(super) async fn read(body: Body, headers: &HeaderMap, most: usize, room: &Arc<Room>) -> Result<Bytes> {
    let mut claim = Claim::default();
    let body = whole(body, headers, most, |bytes| claim.grow_to(room, bytes).map_err(crowded)).await?;
    if body.len() > VALUES / 100 && is_json(headers, &body) {
        let values = json::count(&body);
        if values > VALUES {
            let message = format!("the body holds {values} values, more than {VALUES}, which is this server's limit");
            return Err(Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message));
        }
        claim.grow_to(room, body.len() + values * VALUE).map_err(crowded)?;
    }
    Ok(claim.over_bytes(body))
}

/// All bodies together are too much.
fn crowded(error: Error) -> Error {
    let message = "the requests under way hold all the memory that this server gives them; try again later";
    Error {
        message: message.into(),
        ..error
    }
}

/// Whether a body is taken for JSON.
fn is_json(headers: &HeaderMap, body: &[u8]) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.map(|value| value.split(';').next().unwrap_or_default().trim());
    match media {
        Some(media) => media.to_ascii_lowercase().ends_with("json"),
        None => matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')),
    }
}

async fn whole(
    body: Body,
    headers: &HeaderMap,
    most: usize,
    mut takes: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    let too_large = || {
        let message = format!("the body is larger than {most} bytes, which is this server's limit");
        Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message)
    };
    if let Some(coding) = headers.get(CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        let message = "a compressed body is not understood; send it without Content-Encoding";
        return Err(Error::new(Kind::UnsupportedMedia, Code::NOT_SUPPORTED, message));
    }
    let said = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut chunks = body.into_data_stream();
    // Most bodies come in one piece, which is not copied.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            Error::invalid(Code::INVALID_SYNTAX, "the body could not be read to its end").with_source(error)
        })?;
        let length = first.len() + rest.len() + chunk.len();
        if length > most {
            return Err(too_large());
        }
        takes(length)?;
        if first.is_empty() && rest.is_empty() {
            first = chunk;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&first);
            first = Bytes::new();
        }
        rest.extend_from_slice(&chunk);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    fn chunked(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(futures_util::stream::iter(
            chunks
                .iter()
                .map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes()))),
        ))
    }

    #[tokio::test]
    async fn within_the_limit_or_refused() {
        for (chunks, expected) in [
            (&[] as &[&str], Some("")),
            (&["abc"], Some("abc")),
            (&["ab", "", "c", "de"], Some("abcde")),
            (&["", "abcde"], Some("abcde")),
            (&["abcdef"], None),
            (&["abc", "def"], None),
        ] {
            let read = read(chunked(chunks), &HeaderMap::new(), 5, &Memory::unbounded().room()).await;
            match expected {
                Some(expected) => assert_eq!(read.unwrap(), expected, "{chunks:?}"),
                None => assert_eq!(read.unwrap_err().kind, Kind::TooLarge, "{chunks:?}"),
            }
        }
    }

    #[tokio::test]
    async fn all_together_are_bounded() {
        let memory = Memory::new(usize::MAX, 256 * 1024);
        let sent = |length: usize| Body::from(vec![b' '; length]);
        let none = HeaderMap::new();
        let first = read(sent(200 * 1024), &none, 1 << 20, &memory.room()).await.unwrap();
        let error = read(sent(100 * 1024), &none, 1 << 20, &memory.room())
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::OVERLOADED));
        assert!(error.message.starts_with("the requests under way"), "{}", error.message);
        let short = read(sent(4 * 1024), &none, 1 << 20, &memory.room()).await;
        assert_eq!(short.unwrap().len(), 4 * 1024, "what is short finds its place");
        drop(first);
        let again = read(sent(100 * 1024), &none, 1 << 20, &memory.room()).await;
        assert_eq!(again.unwrap().len(), 100 * 1024, "what is done gives its place back");
    }

    #[tokio::test]
    async fn values_of_json_are_bounded() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap());
        let list = |count: usize| Body::from(format!("[{}1]", "1,".repeat(count - 2)));
        for (headers, count, fits) in [
            (&headers, VALUES, true),
            (&headers, VALUES + 1, false),
            (&HeaderMap::new(), VALUES + 1, false),
        ] {
            let read = read(list(count), headers, 1 << 20, &Memory::unbounded().room()).await;
            match read {
                Ok(_) => assert!(fits, "{count}"),
                Err(error) => assert_eq!((error.kind, fits), (Kind::TooLarge, false), "{count}"),
            }
        }
        headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        let form = read(list(VALUES + 1), &headers, 1 << 20, &Memory::unbounded().room()).await;
        assert!(form.is_ok(), "commas of a form are text");
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        let memory = Memory::new(usize::MAX, VALUES * VALUE);
        let error = read(list(VALUES), &headers, 1 << 20, &memory.room()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "values take more room than their bytes");
    }

    #[tokio::test]
    async fn headers_are_enough_to_refuse() {
        for (name, value, kind) in [
            (CONTENT_LENGTH, "6", Kind::TooLarge),
            (CONTENT_LENGTH, "18446744073709551615", Kind::TooLarge),
            (CONTENT_ENCODING, "gzip", Kind::UnsupportedMedia),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(
                read(Body::empty(), &headers, 5, &Memory::unbounded().room())
                    .await
                    .unwrap_err()
                    .kind,
                kind,
                "{value}"
            );
        }
    }
}
