//! What `serve` prints when it serves: where, with which keys, and three lines to paste.

use super::output::{Output, Style};
use crate::auth::Secrets;
use crate::catalog::{Face, Join};
use crate::config::{AccessDefault, Config, Naming};
use crate::engine::Snapshot;
use crate::http::database_word;
use crate::principal::Principal;
use crate::rules::View;
use crate::value::Type;
use serde_json::json;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the lines tell of.
pub(super) struct Start<'a> {
    pub(super) address: SocketAddr,
    /// Where metrics are, if they have an address of their own.
    pub(super) metrics: Option<SocketAddr>,
    pub(super) database: &'a str,
    pub(super) config: &'a Config,
    pub(super) access: AccessDefault,
    pub(super) snapshot: &'a Snapshot,
    pub(super) secrets: &'a Secrets,
}

/// Writes them.
pub(super) fn write(output: &mut Output, start: &Start<'_>) -> io::Result<()> {
    let base = format!("http://{}", visitable(start.address));
    let mut urls = urls(&base, &start.config.rest.dialects);
    if let Some(metrics) = start.metrics {
        urls.push(("Metrics", format!("http://{}/metrics", visitable(metrics))));
    } else if start.config.telemetry.metrics_token.is_some() {
        urls.push(("Metrics", format!("{base}/metrics")));
    }
    let access = match start.access {
        AccessDefault::Convention => "convention",
        AccessDefault::Closed => "closed",
    };
    let database = without_password(start.database);
    let tables = start.snapshot.catalog.faces.len();
    let kind = database_word(start.snapshot.catalog.database.kind);
    if output.is_json() {
        output.event(
            &format!("listening on {base}"),
            [
                ("url", json!(base)),
                ("database", json!(database)),
                ("kind", json!(kind)),
                ("tables", json!(tables)),
                ("access", json!(access)),
                ("version", json!(env!("CARGO_PKG_VERSION"))),
            ],
        )?;
        for (name, url) in urls {
            output.event(&format!("{name}: {url}"), [("name", json!(name)), ("url", json!(url))])?;
        }
        for (name, secret) in generated(start) {
            output.event(
                &format!("generated {name}: {secret}"),
                [("name", json!(name)), ("secret", json!(secret))],
            )?;
        }
        for line in curl_lines(start, &base) {
            output.event(&format!("try: {line}"), [("try", json!(line))])?;
        }
        return Ok(());
    }
    let plural = if tables == 1 { "" } else { "s" };
    let version = env!("CARGO_PKG_VERSION");
    let title = output.styled(Style::Strong, &format!("Diglot {version}"));
    output.line(&format!(
        "{title}  {kind} {database}, {tables} table{plural}, access: {access}"
    ))?;
    output.line(&output.styled(Style::Good, &format!("listening on {base}")))?;
    output.line("")?;
    for (name, url) in urls {
        output.line(&format!("  {name:<20} {url}"))?;
    }
    let generated = generated(start);
    if !generated.is_empty() {
        output.line("")?;
        for (name, secret) in generated {
            output.line(&format!("  {name:<20} {secret}"))?;
        }
        let kept = match &start.secrets.file {
            Some(file) => format!("kept in {}; they are not printed again", file.display()),
            None => "not kept: they change at the next start".into(),
        };
        output.line(&format!("  {}", output.styled(Style::Quiet, &kept)))?;
    }
    let lines = curl_lines(start, &base);
    if !lines.is_empty() {
        output.line("")?;
        output.line("Try:")?;
        for line in lines {
            output.line(&format!("  {line}"))?;
        }
    }
    output.line("")
}

/// The address under which the server can be visited from this machine.
fn visitable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn urls(base: &str, dialects: &[String]) -> Vec<(&'static str, String)> {
    let mut urls = vec![
        ("Playground", format!("{base}/playground/")),
        ("GraphQL", format!("{base}/graphql")),
    ];
    for dialect in dialects {
        match dialect.as_str() {
            "based" => urls.push(("REST (Based)", format!("{base}/api/{{table}}"))),
            "trailbase" => urls.push(("REST (Records API)", format!("{base}/api/records/v1/{{table}}"))),
            _ => {}
        }
    }
    urls.push(("Health", format!("{base}/health")));
    urls
}

/// Keys of this start, which made them; those that are configured are nobody's to print.
fn generated(start: &Start<'_>) -> Vec<(&'static str, String)> {
    let auth = &start.config.auth;
    if !start.secrets.fresh {
        return Vec::new();
    }
    let mut keys = Vec::new();
    if auth.anon_key.is_none() {
        keys.push(("anon key", start.secrets.anon_key.clone()));
    }
    if auth.admin_secret.is_none() {
        keys.push(("admin secret", start.secrets.admin_secret.clone()));
    }
    keys
}

/// A database's URL as it can be shown.
fn without_password(database: &str) -> String {
    match url::Url::parse(database) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("…")) {
            Ok(()) => url.to_string().replace("%E2%80%A6", "…"),
            Err(()) => "(a database with a password)".into(),
        },
        _ => database.into(),
    }
}

/// A list, a GraphQL query and a filtered list, of a table that really is there and readable.
fn curl_lines(start: &Start<'_>, base: &str) -> Vec<String> {
    let anonymous = start.snapshot.view(Principal::ANONYMOUS);
    let best = |view: &View| {
        let faces = start.snapshot.catalog.faces.iter();
        let usable =
            faces.filter(|face| view.read(face.id).is_some() && !face.key.is_empty() && is_plain(face.name.as_str()));
        // Equal ones: the first by name.
        usable
            .rev()
            .max_by_key(|face| interest(start.snapshot, view, face))
            .map(|face| face.id)
    };
    let (view, header) = match anonymous.and_then(|view| Some((view, best(view)?))) {
        Some((view, _)) => (view, String::new()),
        // The admin's secret is shown only where it is shown anyway.
        None if start.secrets.fresh && start.config.auth.admin_secret.is_none() => {
            match start.snapshot.view(Principal::ADMIN) {
                Some(view) => {
                    let prefix = start.config.auth.header_prefix.to_ascii_lowercase();
                    (
                        view,
                        format!(" -H '{prefix}admin-secret: {}'", start.secrets.admin_secret),
                    )
                }
                None => return Vec::new(),
            }
        }
        None => return Vec::new(),
    };
    let Some(face) = best(view).map(|id| start.snapshot.catalog.face(id)) else {
        return Vec::new();
    };
    let name = face.name.as_str();
    let records = start.config.rest.dialects.iter().any(|dialect| dialect == "trailbase");
    let mut lines = Vec::new();
    if records {
        lines.push(format!("curl -s{header} '{base}/api/records/v1/{name}?limit=3'"));
    }
    if start.config.graphql.naming == Naming::Snake
        && let Some(query) = graphql_query(start.snapshot, view, face)
    {
        let body = json!({ "query": query });
        lines.push(format!(
            "curl -s{header} {base}/graphql -H 'content-type: application/json' -d '{body}'"
        ));
    }
    if records && let Some(filter) = filter(start.snapshot, view, face) {
        lines.push(format!(
            "curl -sg{header} '{base}/api/records/v1/{name}?{filter}&limit=3'"
        ));
    }
    lines
}

/// More relations and more columns to read tell more of the database.
fn interest(snapshot: &Snapshot, view: &View, face: &Face) -> (bool, usize, usize) {
    let relations = one_relations(snapshot, view, face).count();
    let columns = snapshot
        .catalog
        .table(face.table)
        .column_ids()
        .filter(|id| view.can_read(face.id, *id))
        .count();
    (filter(snapshot, view, face).is_some(), relations, columns)
}

/// Relations to one row of a readable table.
fn one_relations<'a>(
    snapshot: &'a Snapshot,
    view: &'a View,
    face: &'a Face,
) -> impl Iterator<Item = (&'a str, &'a Face)> + 'a {
    face.relations
        .iter()
        .filter(|relation| !relation.many && matches!(relation.join, Join::Direct { .. }))
        .filter(|relation| view.read(relation.target).is_some() && is_plain(relation.name.as_str()))
        .map(|relation| (relation.name.as_str(), snapshot.catalog.face(relation.target)))
}

fn graphql_query(snapshot: &Snapshot, view: &View, face: &Face) -> Option<String> {
    let root = face.roots.0.get("select").map_or(face.name.as_str(), String::as_str);
    let own = fields(snapshot, view, face, 3);
    if own.is_empty() || !is_plain(root) {
        return None;
    }
    let mut selection = own.join(" ");
    let relation =
        one_relations(snapshot, view, face).find(|(_, target)| !fields(snapshot, view, target, 2).is_empty());
    if let Some((relation, target)) = relation {
        selection = format!(
            "{selection} {relation} {{ {} }}",
            fields(snapshot, view, target, 2).join(" ")
        );
    }
    Some(format!("{{ {root}(limit: 3) {{ {selection} }} }}"))
}

/// The names of a few columns that read well: keys, then texts, then others.
fn fields<'a>(snapshot: &'a Snapshot, view: &View, face: &'a Face, most: usize) -> Vec<&'a str> {
    let table = snapshot.catalog.table(face.table);
    let mut columns: Vec<_> = table
        .column_ids()
        .filter(|id| view.can_read(face.id, *id) && is_plain(face.column(*id).name.as_str()))
        .filter(|id| !matches!(table.column(*id).data_type, Type::Bytes | Type::Json | Type::Jsonb))
        .collect();
    columns.sort_by_key(|id| {
        (
            !face.key.contains(id),
            !matches!(table.column(*id).data_type, Type::Text { .. }),
            table.column(*id).nullable,
        )
    });
    columns
        .iter()
        .take(most)
        .map(|id| face.column(*id).name.as_str())
        .collect()
}

/// A filter of the Records API that some rows can be expected to pass.
fn filter(snapshot: &Snapshot, view: &View, face: &Face) -> Option<String> {
    let table = snapshot.catalog.table(face.table);
    let columns = || {
        table
            .column_ids()
            .filter(|id| view.can_read(face.id, *id) && is_plain(face.column(*id).name.as_str()))
            .map(|id| (face.column(id).name.as_str(), &table.column(id).data_type))
    };
    // A letter that most words hold; which values of a list a role may see is not known here.
    let texts = || columns().filter(|(_, data_type)| matches!(data_type, Type::Text { .. }));
    let speaking = texts().find(|(name, _)| ["title", "name"].iter().any(|word| name.to_lowercase().contains(word)));
    if let Some((name, _)) = speaking.or_else(|| texts().next()) {
        return Some(format!("filter[{name}][$like]=%25a%25"));
    }
    let number = columns().find(|(_, data_type)| data_type.is_number());
    number.map(|(name, _)| format!("filter[{name}][$gt]=1"))
}

/// A name that stands in a shell, a URL and GraphQL as it is.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && !name.starts_with("__")
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (database, shown) in [
            ("sqlite:data/demo.db", "sqlite:data/demo.db"),
            ("app.db", "app.db"),
            ("postgres://me@localhost/shop", "postgres://me@localhost/shop"),
            (
                "postgres://me:secret@localhost/shop?x=1",
                "postgres://me:…@localhost/shop?x=1",
            ),
        ] {
            assert_eq!(without_password(database), shown);
        }
    }

    #[test]
    fn addresses_that_can_be_visited() {
        for (listened, visited) in [
            ("0.0.0.0:4000", "127.0.0.1:4000"),
            ("[::]:4000", "[::1]:4000"),
            ("127.0.0.1:0", "127.0.0.1:0"),
        ] {
            assert_eq!(visitable(listened.parse().unwrap()).to_string(), visited);
        }
    }
}
