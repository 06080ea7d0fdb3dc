//! Where databases, browsers, keys and listeners are: URLs and addresses in words.

use std::net::{IpAddr, SocketAddr};
use url::Url;

pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The URL of a database that may be written as a path. URLs hold passwords, so messages don't repeat them.
pub(super) fn database_url(text: &str) -> Result<String, (&'static str, &'static str)> {
    const HINT: &str = "write sqlite:path/to/file.db or postgres://user@host/database";
    if text.trim().is_empty() {
        return Err(("names no database", HINT));
    }
    if is_postgres(text) {
        return match Url::parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(("is no URL; special characters in a password are written as %XX", HINT)),
        };
    }
    match text.split_once(':') {
        Some(("sqlite", path)) if path.trim_start_matches('/').is_empty() => Err(("names no file", HINT)),
        Some(("sqlite", _)) => Ok(text.to_owned()),
        Some((scheme, rest)) if !scheme.is_empty() && rest.starts_with("//") => {
            Err(("is neither SQLite nor PostgreSQL", HINT))
        }
        _ => Ok(format!("sqlite:{text}")),
    }
}

pub(super) fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        matches!(url.scheme(), "http" | "https") && bare && !text.ends_with('/')
    })
}

/// Keys decide who comes in: they are fetched over https, or from this machine.
pub(super) fn is_key_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(url::Host::Domain(name))) => name == "localhost",
        ("http", Some(url::Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(url::Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    })
}

/// Host and port; the error is what would be right.
pub(super) fn listen_parts(text: &str) -> Result<(String, u16), String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip().to_string(), address.port()));
    }
    if text.parse::<u16>().is_ok() {
        return Err(format!("write 127.0.0.1:{text}"));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Err(format!("write {}", SocketAddr::new(address, 4000)));
    }
    let (host, port) = text
        .rsplit_once(':')
        .ok_or("write an address and a port, such as 127.0.0.1:4000")?;
    let port: u16 = port
        .parse()
        .map_err(|_| format!("{port:?} is no port from 0 to 65535"))?;
    if host.is_empty() {
        return Err(format!("write 127.0.0.1:{port}, or 0.0.0.0:{port} for all addresses"));
    }
    let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !host.bytes().all(label) || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(format!(
            "write an address or a host name before the port, such as 127.0.0.1:{port}"
        ));
    }
    Ok((host.to_owned(), port))
}
