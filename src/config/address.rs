//! Where databases, browsers, keys and listeners are: URLs and addresses in words.

use crate::error::nearest;
use std::net::{IpAddr, SocketAddr};
use url::Url;

pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

const HINT: &str = "write sqlite:path/to/file.db or postgres://user@host/database";

/// Schemes of databases that speak another protocol, or PostgreSQL's under another name.
const OTHERS: [(&str, &str); 12] = [
    ("mysql", "MySQL"),
    ("mariadb", "MariaDB"),
    ("mssql", "SQL Server"),
    ("sqlserver", "SQL Server"),
    ("oracle", "Oracle"),
    ("mongodb", "MongoDB"),
    ("mongodb+srv", "MongoDB"),
    ("redis", "Redis"),
    ("duckdb", "DuckDB"),
    ("libsql", "libSQL"),
    ("http", "HTTP"),
    ("https", "HTTP"),
];

/// The URL of a database that may be written as a path; else what is wrong, and what would be right. URLs hold passwords, so
/// messages don't repeat more than the scheme.
pub(super) fn database_url(text: &str) -> Result<String, (String, &'static str)> {
    let wrong = |what: &str| Err((what.to_owned(), HINT));
    if text.trim().is_empty() {
        return wrong("names no database");
    }
    if is_postgres(text) {
        return match Url::parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => wrong("is no URL; special characters in a password are written as %XX"),
        };
    }
    match text.split_once(':') {
        Some(("sqlite", path)) if path.trim_start_matches('/').is_empty() => wrong("names no file"),
        Some(("sqlite", _)) => Ok(text.to_owned()),
        Some((scheme, rest)) if is_scheme(scheme, rest) && !std::path::Path::new(text).exists() => {
            let lower = scheme.to_ascii_lowercase();
            if let Some((_, product)) = OTHERS.iter().find(|(own, _)| *own == lower) {
                return wrong(&format!("is a URL of {product}, which is not served"));
            }
            if matches!(lower.as_str(), "cockroachdb" | "cockroach" | "yugabytedb" | "citus") {
                return wrong(&format!(
                    "begins with {scheme}:; what speaks PostgreSQL's protocol is named postgres://…"
                ));
            }
            match nearest(&lower, ["sqlite", "postgres", "postgresql", "file"]) {
                Some(near) => wrong(&format!("begins with {scheme}:, did you mean {near}:?")),
                None => wrong(&format!(
                    "begins with {scheme}:, which is neither SQLite nor PostgreSQL"
                )),
            }
        }
        _ => Ok(format!("sqlite:{text}")),
    }
}

/// Whether a text before a colon is meant as a URL's scheme: `c:\path` and `file:` are paths.
fn is_scheme(scheme: &str, rest: &str) -> bool {
    let word = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte));
    let known = OTHERS.iter().any(|(own, _)| own.eq_ignore_ascii_case(scheme));
    let near = || nearest(scheme, ["sqlite", "postgres", "postgresql"]).is_some();
    word && !scheme.eq_ignore_ascii_case("file") && (rest.starts_with("//") || known || near())
}

pub(super) fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        matches!(url.scheme(), "http" | "https") && bare && !text.ends_with('/')
    })
}

/// Where a browser may be led: over https, over http, or into an app of its own scheme; without a query.
pub(super) fn is_redirect(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        // Schemes that a browser itself acts on lead nowhere.
        let acts = matches!(
            url.scheme(),
            "javascript" | "data" | "blob" | "file" | "about" | "vbscript"
        );
        bare && !acts && (url.has_host() || !matches!(url.scheme(), "http" | "https"))
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

/// Where an OpenTelemetry collector is.
pub(super) fn is_collector(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let bare = url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && bare && !url.path().ends_with("/v1/traces")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases() {
        for (text, expected) in [
            ("app.db", "sqlite:app.db"),
            (":memory:", "sqlite::memory:"),
            ("file:app.db?mode=ro", "sqlite:file:app.db?mode=ro"),
            ("c:\\data\\app.db", "sqlite:c:\\data\\app.db"),
            ("odd:name.db", "sqlite:odd:name.db"),
            ("sqlite:app.db", "sqlite:app.db"),
            ("postgresql://a@b/c", "postgresql://a@b/c"),
        ] {
            assert_eq!(database_url(text).as_deref(), Ok(expected));
        }
        for (text, words) in [
            ("", "names no database"),
            ("sqlite:///", "names no file"),
            ("mysql://root:secret@h/d", "MySQL, which is not served"),
            ("MariaDB://h/d", "MariaDB, which is not served"),
            ("mongodb:x", "MongoDB, which is not served"),
            ("postgre://h/d", "did you mean postgres:?"),
            ("postgress://h/d", "did you mean postgres:?"),
            ("sqllite:app.db", "did you mean sqlite:?"),
            ("sqlite3:app.db", "did you mean sqlite:?"),
            ("cockroachdb://h/d", "postgres://"),
            ("ftp://h/d", "neither SQLite nor PostgreSQL"),
        ] {
            let (message, _) = database_url(text).unwrap_err();
            assert!(
                message.contains(words) && !message.contains("secret"),
                "{text}: {message}"
            );
        }
    }
}
