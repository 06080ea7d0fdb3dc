//! Media types: what the client takes, what it sends.

use super::Refusal;
use crate::graphql::error::{Fault, FaultCode};
use axum::http::{HeaderMap, StatusCode, header};

/// The forms of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: the status says that there is an answer.
    Json,
    /// `application/graphql-response+json`: the status says whether the request was good.
    GraphQl,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// The form that the client likes best; without a word, JSON.
pub(super) fn accept(headers: &HeaderMap) -> Result<Media, Refusal> {
    if !headers.contains_key(header::ACCEPT) {
        return Ok(Media::Json);
    }
    let values: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accept = values.join(",");
    if accept.trim().is_empty() {
        return Ok(Media::Json);
    }
    // Quality, how exact the range is, and how late it stands, for each form.
    let mut best: Option<(f32, u8, usize, Media)> = None;
    for media in [Media::Json, Media::GraphQl] {
        let name = media.content_type().split(';').next().unwrap_or_default();
        let matched = accept
            .split(',')
            .enumerate()
            .filter_map(|(index, range)| {
                let mut parts = range.split(';').map(str::trim);
                let range = parts.next()?.to_ascii_lowercase();
                let exact = match range.as_str() {
                    range if range == name => 2,
                    "application/*" => 1,
                    "*/*" => 0,
                    _ => return None,
                };
                let quality = parts
                    .find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")))
                    .map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
                Some((quality, exact, index))
            })
            .max_by_key(|(_, exact, index)| (*exact, std::cmp::Reverse(*index)));
        let Some((quality, exact, index)) = matched else {
            continue;
        };
        if quality <= 0.0 {
            continue;
        }
        let better = best.is_none_or(|(own_quality, own_exact, own_index, _)| {
            quality > own_quality
                || (quality - own_quality).abs() < f32::EPSILON
                    && (exact > own_exact || exact == own_exact && index < own_index)
        });
        if better {
            best = Some((quality, exact, index, media));
        }
    }
    best.map(|(.., media)| media).ok_or_else(|| {
        Refusal::of(
            StatusCode::NOT_ACCEPTABLE,
            Fault::new(
                FaultCode::BAD_REQUEST,
                "the answer can be application/json or application/graphql-response+json",
            ),
        )
    })
}

/// Whether the client takes an answer compressed with gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        gzip && quality.is_none_or(|quality| quality.parse().is_ok_and(|quality: f32| quality > 0.0))
    })
}

/// Bodies must be JSON in UTF-8.
pub(super) fn content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let refusal = |message: &str| {
        Err(Refusal::of(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Fault::new(FaultCode::BAD_REQUEST, message),
        ))
    };
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return refusal("the request needs the header content-type: application/json");
    };
    let mut parts = value.split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
    {
        return refusal("the body must be application/json");
    }
    for part in parts {
        if let Some((name, charset)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("charset")
        {
            let charset = charset.trim().trim_matches('"');
            if !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("utf8") {
                return refusal("the body must be in UTF-8");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (accept, want) in [
            ("", Some(Media::Json)),
            ("*/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphQl)),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(Media::GraphQl),
            ),
            (
                "application/graphql-response+json;q=0.5, application/json",
                Some(Media::Json),
            ),
            ("application/json, application/graphql-response+json", Some(Media::Json)),
            (
                "application/graphql-response+json, application/json",
                Some(Media::GraphQl),
            ),
            ("text/html, */*;q=0.1", Some(Media::Json)),
            ("application/*", Some(Media::Json)),
            (
                "application/graphql-response+json; charset=utf-8, */*",
                Some(Media::GraphQl),
            ),
            ("*/*, application/json;q=0", Some(Media::GraphQl)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(super::accept(&headers).ok(), want, "{accept}");
        }
    }

    #[test]
    fn gzip() {
        for (accept, taken) in [
            ("", false),
            ("identity", false),
            ("*", false),
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("br, gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("xgzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
            assert_eq!(takes_gzip(&headers), taken, "{accept}");
        }
    }

    #[test]
    fn sent() {
        for (sent, good) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON;charset=\"UTF-8\"", true),
            ("application/json; charset=iso-8859-1", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonx", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, sent.parse().unwrap());
            assert_eq!(content_type(&headers).is_ok(), good, "{sent}");
        }
        assert!(content_type(&HeaderMap::new()).is_err());
    }
}
