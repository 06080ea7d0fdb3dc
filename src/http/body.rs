//! Reading a request's body, bounded.

use crate::error::{Code, Error, Kind, Result};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

/// All of a body, if it has at most `most` bytes.
pub(super) async fn read(body: Body, headers: &HeaderMap, most: usize) -> Result<Bytes> {
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
        if first.len() + rest.len() + chunk.len() > most {
            return Err(too_large());
        }
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
            let read = read(chunked(chunks), &HeaderMap::new(), 5).await;
            match expected {
                Some(expected) => assert_eq!(read.unwrap(), expected, "{chunks:?}"),
                None => assert_eq!(read.unwrap_err().kind, Kind::TooLarge, "{chunks:?}"),
            }
        }
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
                read(Body::empty(), &headers, 5).await.unwrap_err().kind,
                kind,
                "{value}"
            );
        }
    }
}
