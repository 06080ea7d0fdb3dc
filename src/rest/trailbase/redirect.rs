//! `redirect_uri`: where a browser goes after a form was sent.

use crate::error::{Code, Error, Result};
use crate::rest::Scene;
use crate::rest::query::clip;
use axum::http::HeaderValue;
use url::{Position, Url};

/// Stands for this server, whose name is not known here.
const HERE: &str = "http://here.invalid/";

/// The address to lead to: a path of this server, or what the configuration lists. It is read as browsers read it.
///
/// # Errors
/// Any other address.
pub(super) fn target(uri: &str, scene: Scene<'_>) -> Result<HeaderValue> {
    let found = path(uri).or_else(|| listed(uri, &scene.settings.trailbase.redirect_uris));
    found.and_then(|uri| HeaderValue::try_from(uri).ok()).ok_or_else(|| {
        let message = format!(
            "redirect_uri {} does not lead to a path of this server, and [rest.trailbase] redirect_uris does not list it",
            clip(uri)
        );
        Error::invalid(Code::INVALID_VALUE, message).at("redirect_uri")
    })
}

/// `/thanks?x=1`, which stays on this server.
fn path(uri: &str) -> Option<String> {
    let here = Url::parse(HERE).ok()?;
    let url = here.join(uri).ok()?;
    let path = &url[Position::BeforePath..];
    // `//host` leads elsewhere, and so does what becomes it.
    (uri.starts_with('/') && url.origin() == here.origin() && !path.starts_with("//")).then(|| path.to_owned())
}

fn listed(uri: &str, list: &[String]) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let is_below = |own: &Url| {
        let (own, path) = (own.path().trim_end_matches('/'), url.path());
        path.strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_listed = list.iter().filter_map(|own| Url::parse(own).ok()).any(|own| {
        let same = own.scheme() == url.scheme() && own.host_str() == url.host_str() && own.port() == url.port();
        same && url.username().is_empty() && url.password().is_none() && is_below(&own)
    });
    is_listed.then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_it_may_lead() {
        let list = [
            "https://app.example".to_owned(),
            "https://forms.example/done".to_owned(),
            "myapp://back".to_owned(),
        ];
        let to = |uri: &str| path(uri).or_else(|| listed(uri, &list));
        for (uri, expected) in [
            ("/thanks?a=1#b", "/thanks?a=1#b"),
            ("/é x", "/%C3%A9%20x"),
            ("/a/../b", "/b"),
            ("https://app.example", "https://app.example/"),
            ("https://app.example/any?x", "https://app.example/any?x"),
            ("https://forms.example/done", "https://forms.example/done"),
            ("https://forms.example/done/1", "https://forms.example/done/1"),
            ("myapp://back/1", "myapp://back/1"),
        ] {
            assert_eq!(to(uri).as_deref(), Some(expected), "{uri}");
        }
        for uri in [
            "",
            "thanks",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "https:evil.example",
            "http://app.example/",
            "https://app.example:8443/",
            "https://app.example.evil.example/",
            "https://user@app.example/",
            "https://forms.example/",
            "https://forms.example/done2",
            "https://forms.example/done/../other",
            "javascript:alert(1)",
            "myapp://other",
        ] {
            assert_eq!(to(uri), None, "{uri}");
        }
    }
}
