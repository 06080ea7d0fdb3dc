//! The names that a server answers to.
//!
//! A page of any origin can let its own host name lead to 127.0.0.1 and then read a server there as if it were its own
//! (DNS rebinding); what tells such a request apart is the name that it asks for. So a server that only this machine can
//! reach answers to this machine's names alone, and to those that are configured.

use super::answer;
use crate::error::{Code, Error, Kind};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::net::{IpAddr, SocketAddr};

/// The names that a server answers to; none is any.
#[derive(Clone, Debug)]
pub(super) struct Hosts(Option<Vec<String>>);

impl Hosts {
    /// Of a listener: on loopback, or with configured names, only this machine's and those; `*` is any.
    pub(super) fn new(listener: Option<SocketAddr>, configured: &[String]) -> Self {
        let loopback = listener.is_some_and(|address| address.ip().is_loopback());
        if configured.iter().any(|host| host == "*") || (!loopback && configured.is_empty()) {
            return Self(None);
        }
        Self(Some(configured.iter().map(|host| plain(host).to_owned()).collect()))
    }

    /// The refusal of a request for another name: of its target, and of its `Host`.
    pub(super) fn refusal(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let configured = self.0.as_ref()?;
        let mut named = headers.get_all(HOST).iter().map(|value| {
            let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
            text.parse::<Authority>().ok()
        });
        let answers = |authority: &Authority| is_own(authority.host(), configured);
        let known =
            uri.authority().is_none_or(answers) && named.all(|authority| authority.as_ref().is_some_and(answers));
        if known {
            return None;
        }
        let message = "this server does not answer to that host name; ask for localhost, or let [server] hosts name it";
        let error = Error::new(Kind::Invalid, Code("misdirected_request"), message);
        let mut response = answer::error(error);
        *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        Some(response)
    }
}

/// Addresses are no names, so nobody can let them lead elsewhere.
fn is_own(host: &str, configured: &[String]) -> bool {
    let host = plain(host);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || configured.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Without the brackets of an IPv6 address and the dot at the end of a name.
fn plain(host: &str) -> &str {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_configured_ones() {
        let loopback: SocketAddr = ([127, 0, 0, 1], 4000).into();
        let open: SocketAddr = ([0, 0, 0, 0], 4000).into();
        let own = [
            "localhost",
            "LOCALHOST:4000",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:4000",
            "127.9.9.9",
        ];
        let other = [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "[fe80::1]",
            "127.0.0.1.nip.example",
            "a b",
            "",
        ];
        for (listener, configured, refused) in [
            (loopback, vec![], true),
            (loopback, vec!["Shop.Example".to_owned()], true),
            (open, vec!["shop.example".to_owned()], true),
            (open, vec![], false),
            (loopback, vec!["*".to_owned()], false),
        ] {
            let hosts = Hosts::new(Some(listener), &configured);
            let asked = |host: &str| {
                let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
                hosts
                    .refusal(&Uri::from_static("/"), &headers)
                    .map(|response| response.status().as_u16())
            };
            for host in own {
                assert_eq!(asked(host), None, "{host} at {listener} {configured:?}");
            }
            for host in other {
                assert_eq!(
                    asked(host),
                    refused.then_some(421),
                    "{host:?} at {listener} {configured:?}"
                );
            }
            let named = configured.iter().any(|host| host != "*") || !refused;
            assert_eq!(asked("shop.example:443").is_none(), named, "{listener} {configured:?}");
            // HTTP/2 names it in the target, HTTP/1.0 nowhere.
            let target = |uri: &str| hosts.refusal(&uri.parse().unwrap(), &HeaderMap::new()).is_some();
            assert_eq!(target("http://evil.example/x"), refused);
            assert!(!target("http://localhost:4000/x") && !target("/x"));
        }
    }
}
