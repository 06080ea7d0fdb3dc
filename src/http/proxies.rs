//! Where a caller is: the peer of the connection, or, where that is a proxy that is believed, whom it names.

use axum::http::HeaderMap;
use std::net::IpAddr;

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpAddr>);

impl Proxies {
    /// Takes their addresses; what is no address is left out.
    #[must_use]
    pub fn new(addresses: &[String]) -> Self {
        let addresses = addresses.iter().filter_map(|address| address.parse::<IpAddr>().ok());
        Self(addresses.map(|address| address.to_canonical()).collect())
    }

    /// The caller's address: the last in `X-Forwarded-For` that is none of the proxies'. What stands before it the caller
    /// may have written.
    pub(super) fn caller(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut caller = peer?.to_canonical();
        let forwarded = headers.get_all("x-forwarded-for").iter();
        // Bytes that are no text spoil their own part: what a proxy has added behind them stands.
        let forwarded = forwarded.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let forwarded: Vec<&[u8]> = forwarded.collect();
        for named in forwarded.into_iter().rev() {
            if !self.0.contains(&caller) {
                break;
            }
            match std::str::from_utf8(named).ok().and_then(|named| address(named.trim())) {
                Some(address) => caller = address.to_canonical(),
                None => break,
            }
        }
        Some(caller)
    }
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_it_is() {
        let proxies = Proxies::new(&["127.0.0.1".into(), "10.0.0.2".into()]);
        for (peer, forwarded, expected) in [
            ("127.0.0.1", &[][..], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:127.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            // The caller's own words count for nothing.
            ("192.0.2.9", &["192.0.2.1"], "192.0.2.9"),
            ("127.0.0.1", &["1.1.1.1, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["1.1.1.1", "192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &["\u{e4}, 192.0.2.1"], "192.0.2.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(
                    "x-forwarded-for",
                    axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
            let caller = proxies.caller(peer.parse().ok(), &headers).unwrap();
            assert_eq!(caller.to_string(), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(proxies.caller(None, &HeaderMap::new()), None);
    }
}
