//! Which path is whose.

use crate::error::{Code, Error, Result};
use percent_encoding::percent_decode_str;

/// What answers a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The GraphQL front.
    GraphQl,
    /// What is counted.
    Metrics,
    /// The process is up.
    Health,
    /// The database can be reached.
    Ready,
    /// The Records API's own health check.
    HealthCheck,
    /// `/` and `/playground` lead to the playground.
    Home,
    /// A file of the playground.
    Playground(&'a str),
    /// What the playground asks about the server.
    Context,
    /// What the playground asks about the caller's tables.
    Catalog,
    /// What the admin's playground asks about a query.
    Explain,
    /// A dialect's, if it is anybody's.
    Rest,
}

/// Fixed paths win over whatever tables are called.
pub(super) fn route(path: &str) -> Route<'_> {
    match path {
        "/graphql" | "/v1/graphql" => Route::GraphQl,
        "/health" => Route::Health,
        "/metrics" => Route::Metrics,
        "/ready" => Route::Ready,
        "/api/healthcheck" => Route::HealthCheck,
        "/" | "/playground" => Route::Home,
        "/playground/api/context" => Route::Context,
        "/playground/api/catalog" => Route::Catalog,
        "/playground/api/explain" => Route::Explain,
        _ => match path.strip_prefix("/playground/") {
            Some(file) => Route::Playground(file),
            None => Route::Rest,
        },
    }
}

/// A path's segments, decoded, without empty ones.
///
/// # Errors
/// When it is not UTF-8.
pub fn path_segments(path: &str) -> Result<Vec<String>> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| match percent_decode_str(segment).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(Error::invalid(Code::INVALID_SYNTAX, "the path is not UTF-8")),
        })
        .collect()
}

/// A query's parameters in order, decoded; `+` is a space.
///
/// # Errors
/// When it is not UTF-8.
pub fn query_pairs(query: &str) -> Result<Vec<(String, String)>> {
    let decode = |text: &str| {
        let spaced;
        let text = if text.contains('+') {
            spaced = text.replace('+', " ");
            &spaced
        } else {
            text
        };
        match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(Error::invalid(Code::INVALID_SYNTAX, "the query string is not UTF-8")),
        }
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_paths_win() {
        for (path, expected) in [
            ("/graphql", Route::GraphQl),
            ("/v1/graphql", Route::GraphQl),
            ("/graphql/", Route::Rest),
            ("/health", Route::Health),
            ("/api/healthcheck", Route::HealthCheck),
            ("/api/health", Route::Rest),
            ("/", Route::Home),
            ("/playground", Route::Home),
            ("/playground/", Route::Playground("")),
            ("/playground/assets/a.js", Route::Playground("assets/a.js")),
            ("/playground/api/catalog", Route::Catalog),
            ("/playgrounds", Route::Rest),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn decoding() {
        for (path, expected) in [
            ("/api/book/1", Some(vec!["api", "book", "1"])),
            ("//api///book/", Some(vec!["api", "book"])),
            ("/a%2Fb/%20%25/x+y", Some(vec!["a/b", " %", "x+y"])),
            ("/%zz/%", Some(vec!["%zz", "%"])),
            ("/%ff", None),
            ("/", Some(vec![])),
        ] {
            let segments = path_segments(path).ok();
            assert_eq!(
                segments,
                expected.map(|list| list.into_iter().map(String::from).collect()),
                "{path}"
            );
        }
        for (query, expected) in [
            ("a=1&b=2&a=3", Some(vec![("a", "1"), ("b", "2"), ("a", "3")])),
            (
                "filter%5Ba%5D%5B$gt%5D=1+2%2B3",
                Some(vec![("filter[a][$gt]", "1 2+3")]),
            ),
            (
                "a&b=&=c&&d=e=f",
                Some(vec![("a", ""), ("b", ""), ("", "c"), ("d", "e=f")]),
            ),
            ("", Some(vec![])),
            ("a=%ff", None),
            ("%c3=1", None),
        ] {
            let pairs = query_pairs(query).ok();
            let expected: Option<Vec<(String, String)>> = expected.map(|list| {
                list.into_iter()
                    .map(|(name, value): (&str, &str)| (name.into(), value.into()))
                    .collect()
            });
            assert_eq!(pairs, expected, "{query}");
        }
    }
}
