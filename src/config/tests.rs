//! Tables of TOML and what is said about it.

mod access;
mod environment;

use super::*;
use std::path::{Path, PathBuf};

/// Loads a text as `diglot.toml`, with an environment.
fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, Vec<ConfigError>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("diglot.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let options = LoadOptions {
        path: Some(path.clone()),
        database: None,
        environment,
    };
    load(&options).map_err(|mut errors| {
        for error in &mut errors {
            assert!(error.file.as_ref().is_none_or(|file| *file == path));
            error.file = error.file.as_ref().map(|_| PathBuf::from("diglot.toml"));
        }
        errors
    })
}

fn messages(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    load_text(text, environment)
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn config(text: &str) -> Config {
    load_text(text, &[])
        .unwrap_or_else(|errors| panic!("{errors:#?}"))
        .config
}

#[test]
fn errors_name_line_key_and_what_would_be_right() {
    let cases: &[(&str, &[&str])] = &[
        (
            "[tables.book]\nacess = 1",
            &["diglot.toml:2:1: unknown key `acess` in [tables.book], did you mean `access`?"],
        ),
        (
            "[tabels.book]",
            &["diglot.toml:1:2: unknown section [tabels], did you mean `tables`?"],
        ),
        (
            "listen = \"x\"",
            &["diglot.toml:1:1: unknown key `listen` before the first section, it belongs in [server]"],
        ),
        (
            "[server]\njwt_secret = \"x\"",
            &["diglot.toml:2:1: unknown key `jwt_secret` in [server], it belongs in [auth]"],
        ),
        (
            "[server]\nport = 80",
            &["diglot.toml:2:1: unknown key `port` in [server], did you mean `listen`?"],
        ),
        (
            "[rest.trailbase]\nzzzzzzzzz = 1",
            &[
                "unknown key `zzzzzzzzz` in [rest.trailbase], the keys here are unknown_filters, expand_shape, max_limit",
            ],
        ),
        // Types.
        (
            "[server]\nlisten = 4000",
            &["diglot.toml:2:1: `listen` in [server] must be text in quotes, not a whole number"],
        ),
        (
            "[auth]\nsign_up = \"yes\"",
            &["`sign_up` in [auth] must be true or false, not text"],
        ),
        (
            "[auth]\nleeway = 1.5",
            &["`leeway` in [auth] must be a whole number, not a number with a point"],
        ),
        ("[auth]\nleeway = -1", &["`leeway` in [auth] is less than zero: -1"]),
        (
            "[database]\npool_size = 5000000000",
            &["`pool_size` in [database] is too large: 5000000000"],
        ),
        (
            "[database]\nschemas = \"app\"",
            &["`schemas` in [database] must be a list, not text, write schemas = [\"app\"]"],
        ),
        (
            "[database]\nschemas = [\n  \"a\",\n  1]",
            &["diglot.toml:4:3: `schemas` in [database] must hold only text in quotes, here is a whole number"],
        ),
        (
            "server = 1",
            &["diglot.toml:1:1: [server] must be a table of keys, not a whole number"],
        ),
        (
            "[tables]\nbook = true",
            &["diglot.toml:2:1: [tables.book] must be a table of keys, not true or false"],
        ),
        (
            "[[tables]]\nname = \"book\"",
            &["[tables] must be a table of keys, not a list"],
        ),
        (
            "[graphql]\nnaming = \"camle\"",
            &[
                "diglot.toml:2:1: `naming` in [graphql] must be \"snake\" or \"camel\", not \"camle\", did you mean \"camel\"?",
            ],
        ),
        (
            "[access]\ndefault = \"open\"",
            &["`default` in [access] must be \"convention\" or \"closed\", not \"open\""],
        ),
        (
            "[tables.book]\nconflict = \"update\"",
            &["`conflict` in [tables.book] must be \"none\" or \"replace\" or \"ignore\", not \"update\""],
        ),
        (
            "[tables.book.roots]\nselect = 1",
            &["`select` in [tables.book.roots] must be text in quotes, not a whole number"],
        ),
        // Syntax.
        ("[server\nlisten = \"x\"", &["diglot.toml:1:8: this is not TOML: "]),
        ("a = 1\na = 2", &["diglot.toml:2:1: this is not TOML: duplicate key"]),
        ("[server]\nlisten = \"x", &["diglot.toml:2:"]),
        // All at once, in order.
        (
            "[server]\nlisten = 1\nmax_body = 2\n[tables.a]\nb = 3",
            &["diglot.toml:2:1", "diglot.toml:3:1", "diglot.toml:5:1"],
        ),
    ];
    for (text, expected) in cases {
        let found = messages(text, &[]);
        assert!(found.len() >= expected.len(), "{text}\n{found:#?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert!(found.contains(expected), "{text}\n{found}\nis not\n{expected}");
        }
    }
}

#[test]
fn values_are_checked() {
    let cases = [
        (
            "[database]\nstatement_timeout = \"10\"",
            "diglot.toml:2:1: `statement_timeout` in [database]: \"10\" is no duration, write a number and a unit: 500ms, 10s, 60m, 12h, 7d",
        ),
        (
            "[server]\nrequest_timeout = \"0s\"",
            "`request_timeout` in [server]: must be more than nothing",
        ),
        (
            "[server]\nmax_body = \"20MB\"\nbody_memory = \"10MB\"",
            "one body cannot take more than all together: raise body_memory, or lower max_body",
        ),
        (
            "[database]\nschemas = [\"public\", \"pg_catalog\"]",
            "\"pg_catalog\" is PostgreSQL's own",
        ),
        (
            "[auth]\nusers_table = \"_diglot_credential\"",
            "\"_diglot_credential\" is a table of Diglot's own",
        ),
        (
            "[server]\nmax_body = \"10 apples\"",
            "\"10 apples\" is no size, write a number and a unit: 500kB, 10MB, 1MiB",
        ),
        (
            "[server]\nlisten = \"4000\"",
            "\"4000\" is no address and port, write 127.0.0.1:4000",
        ),
        (
            "[server]\nlisten = \":80\"",
            "write 127.0.0.1:80, or 0.0.0.0:80 for all addresses",
        ),
        ("[server]\nlisten = \"localhost\"", "write an address and a port"),
        ("[server]\nlisten = \"1.2.3.4\"", "write 1.2.3.4:4000"),
        ("[server]\nlisten = \"300.0.0.1:80\"", "is no address and port"),
        ("[server]\nlisten = \"localhost:99999\"", "\"99999\" is no port"),
        (
            "[server]\nhosts = [\"https://a.example\"]",
            "\"https://a.example\" is no host, write its name alone",
        ),
        (
            "[server]\ncors_origins = [\"https://a.example/\"]",
            "\"https://a.example/\" is no origin",
        ),
        (
            "[auth]\nheader_prefix = \"X-Hasura-\"",
            "\"X-Hasura-\" is no beginning of a header's name, write lower-case letters",
        ),
        ("[auth]\nheader_prefix = \"x-hasura\"", "with - at the end"),
        (
            "[auth]\nadmin_secret = \"\"",
            "`admin_secret` in [auth]: must not be empty",
        ),
        (
            "[auth]\njwks_url = \"http://keys.example/\"",
            "write https://…, or http://… on loopback only",
        ),
        (
            "[auth]\nadmin_secret = \"a\"\nanon_key = \"a\"",
            "is the same as admin_secret",
        ),
        (
            "[database]\nurl = \"mysql://root:secret@host/db\"",
            "is a URL of MySQL, which is not served, write sqlite:path/to/file.db or postgres://user@host/database",
        ),
        ("[database]\nurl = \"sqlite:\"", "names no file"),
        (
            "[rest]\ndialects = [\"base\"]",
            "`dialects` in [rest]: \"base\" is no dialect, did you mean \"based\"?",
        ),
        ("[rest]\nmax_limit = 10", "50 is above max_limit, 10"),
        (
            "[graphql.limits]\ndepth = 0",
            "`depth` in [graphql.limits]: must be at least 1",
        ),
        (
            "[roles.editor]\ninherits = [\"usr\"]",
            "there is no role \"usr\", did you mean \"user\"?",
        ),
        (
            "[roles.a]\ninherits = [\"b\"]\n[roles.b]\ninherits = [\"a\"]",
            "\"a\" inherits from itself",
        ),
        ("[roles.a]\ninherits = [\"admin\"]", "nobody inherits from \"admin\""),
        ("[tables.a.computed.b]", "`function` is missing"),
    ];
    for (text, expected) in cases {
        let found = messages(text, &[]);
        assert!(
            found.iter().any(|found| found.contains(expected)),
            "{text}\n{found:#?}\nis not\n{expected}"
        );
        assert!(!found.iter().any(|found| found.contains("secret@")), "{found:?}");
    }
    let good = [
        "[server]\nlisten = \"[::1]:0\"\ncors_origins = [\"*\", \"http://localhost:5173\", \"https://a.example:443\"]",
        "[server]\nlisten = \"db.example:80\"",
        "[auth]\njwks_url = \"http://127.0.0.1:9/keys\"\nheader_prefix = \"x-hasura-\"",
        "[functions.search]\nroles = [\"api\"]\n[roles.editor]\ninherits = [\"api\"]",
        "[database]\nurl = \"postgres:///books?host=/run/postgresql\"\nreplicas = [\"postgres://b/books\"]",
    ];
    for text in good {
        config(text);
    }
    let parsed = config(
        "[server]\nlisten = \"[::1]:80\"\nmax_body = \"1MiB\"\nheader_timeout = \"1m\"\n[auth]\naccess_token_ttl = \"7d\"",
    );
    assert_eq!(
        (parsed.server.max_body_bytes(), parsed.server.header_timeout().as_secs()),
        (1 << 20, 60)
    );
    config("[server]\nlisten = \"0.0.0.0:80\"");
    assert_eq!(
        config("[database]\nurl = \"data/a.db\"").database.url.as_deref(),
        Some("sqlite:data/a.db")
    );
}

#[test]
fn warnings() {
    let cases = [
        (
            "[rest]\ndialects = [\"based\", \"baserow\"]",
            "diglot.toml:2:1: `dialects` in [rest]: \"baserow\" is not served yet",
        ),
        ("[auth]\njwt_secret = \"short\"", "is shorter than 32 bytes"),
        (
            "[tables.a.access.users]\nread = true",
            "\"users\" is a role of its own; did you mean \"user\"?",
        ),
        ("[tables.a.search]\ncolumns = [\"b\"]", "has no effect yet"),
        (
            "[database]\nreplicas = [\"postgres://b/books\"]",
            "`replicas` in [database]: have no effect yet",
        ),
        (
            "[tables.a.columns.b]\nbaserow = \"rating\"\nmax_value = 5",
            "has no effect yet",
        ),
    ];
    for (text, expected) in cases {
        let warnings = load_text(text, &[]).unwrap().warnings;
        assert!(
            warnings.len() == 1 && warnings[0].contains(expected),
            "{text}\n{warnings:#?}"
        );
        assert!(!warnings[0].contains("\"short\""));
    }
    let config = config("[tables.a.columns.b]\nbaserow = \"rating\"\nmax_value = 5");
    assert_eq!(config.tables["a"].columns["b"].options["max_value"], 5);
}

#[test]
fn files() {
    let missing = LoadOptions {
        path: Some("/nowhere/diglot.toml".into()),
        ..LoadOptions::default()
    };
    let error = load(&missing).unwrap_err()[0].to_string();
    assert!(
        error.starts_with("/nowhere/diglot.toml: the configuration file cannot be read: "),
        "{error}"
    );
    if !Path::new("diglot.toml").exists() {
        let loaded = load(&LoadOptions::default()).unwrap();
        assert!(loaded.file.is_none() && loaded.config.database.url.is_none());
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, b"[server]\nlisten = \"\xff\"").unwrap();
    let error = load(&LoadOptions {
        path: Some(path.clone()),
        ..LoadOptions::default()
    })
    .unwrap_err();
    assert!(
        error[0].to_string().ends_with("x.toml:2:11: this byte is not UTF-8"),
        "{error:?}"
    );
    std::fs::write(&path, "\u{feff}[server]\r\nmax_body = \"2MB\"\r\n").unwrap();
    let variable = vec![("DIGLOT_CONFIG".to_owned(), path.to_str().unwrap().to_owned())];
    let loaded = load(&LoadOptions {
        environment: variable,
        ..LoadOptions::default()
    })
    .unwrap();
    assert_eq!(
        (loaded.config.server.max_body_bytes(), loaded.file),
        (2_000_000, Some(path))
    );
}

#[test]
fn places_of_keys() {
    let text = "# é\n[tables.\"a.b\".access.user]\nread = \"id = 1\"\n\n[tables.c.access.user.read]\nrule = '''\nx = 1\n  AND y = 2'''\n";
    let config = config(text);
    assert_eq!(config.source.line_of("tables.a.b.access.user.read"), Some((3, 1)));
    assert_eq!(
        config.source.line_of("tables.a.b.access.user.update.rule"),
        Some((2, 22))
    );
    assert_eq!(config.source.line_of("tables.c.access.user.read.rule"), Some((6, 1)));
    assert_eq!(config.source.line_of("tables.d"), None);
    assert_eq!(config.source.line_of("auth.users_table"), None);
    assert_eq!(
        config.source.position_within("tables.a.b.access.user.read", 1, 4),
        Some((3, 12))
    );
    assert_eq!(
        config.source.position_within("tables.c.access.user.read.rule", 2, 7),
        Some((8, 7))
    );
    let finding = config
        .source
        .finding("tables.c.access.user.read.rule", "unknown column \"x\"");
    assert!(
        finding
            .to_string()
            .ends_with("diglot.toml:6:1: `rule` in [tables.c.access.user.read]: unknown column \"x\"")
    );
}

/// The files that come with Diglot hold together.
#[test]
fn our_own_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["schema/demo/diglot.toml", "tests/fixtures/scope/diglot.toml"] {
        let options = LoadOptions {
            path: Some(root.join(file)),
            ..LoadOptions::default()
        };
        let loaded = load(&options).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let served = loaded.warnings.iter().all(|warning| warning.contains("not served yet"));
        assert!(served, "{:#?}", loaded.warnings);
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let parsed: Config = text.parse().unwrap();
        assert_eq!(format!("{:?}", parsed.tables), format!("{:?}", loaded.config.tables));
        let plain: Config = toml::from_str(&text).unwrap();
        assert!(plain.tables.len() == parsed.tables.len() && !plain.tables.is_empty());
    }
    let error = toml::from_str::<Config>("[server]\nlistn = 1").unwrap_err().to_string();
    assert!(
        error.contains("unknown key `listn` in [server], did you mean `listen`?"),
        "{error}"
    );
}

/// The page for users names every key, and its examples are right.
#[test]
fn the_page_is_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    for key in crate::config::read::keys() {
        let (section, last) = key.rsplit_once('.').unwrap();
        assert!(
            page.contains(&format!("[{section}]")) && page.contains(&format!("`{last}`")),
            "{key} is not on the page"
        );
    }
    let examples: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() > 5);
    for example in examples {
        // A role that an example inherits from has its blocks elsewhere.
        let text = example.replace("[\"user\", \"reviewer\"]", "[\"user\"]");
        text.parse::<Config>()
            .unwrap_or_else(|errors| panic!("{errors}\n{example}"));
    }
}

#[test]
fn a_secret_or_several() {
    let of = |text: &str| {
        let parsed: Config = toml::from_str(text).unwrap();
        parsed.auth.jwt_secret.map(|keys| keys.all().to_vec())
    };
    let long = "0123456789012345678901234567890123456789";
    assert_eq!(of(""), None);
    assert_eq!(
        of(&format!("[auth]\njwt_secret = \"{long}\"")),
        Some(vec![long.to_owned()])
    );
    let both = format!("[auth]\njwt_secret = [\"{long}a\", \"{long}b\"]");
    assert_eq!(of(&both), Some(vec![format!("{long}a"), format!("{long}b")]));
}
