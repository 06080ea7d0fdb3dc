//! Environment and command line.

use super::*;

#[test]
fn environment() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n[database]\nurl = \"a.db\"";
    let variables = [
        ("DIGLOT_SERVER_LISTEN", "127.0.0.1:2"),
        ("DIGLOT_SERVER_CORS_ORIGINS", "https://a.example, https://b.example"),
        ("DIGLOT_AUTH_ADMIN_SECRET", "s"),
        ("DIGLOT_AUTH_SIGN_UP", "true"),
        ("DIGLOT_GRAPHQL_LIMITS_DEPTH", "7"),
        ("DIGLOT_REST_TRAILBASE_EXPAND_SHAPE", "inline"),
        ("DATABASE_URL", "postgres://h/one"),
        ("DIGLOT_SERVER_LISTN", "x"),
        ("DIGLOT_AUTH_ISSUER", ""),
        ("DIGLOT_TABLES_BOOK", "x"),
        ("DIGLOT_LOG", "debug"),
        ("DIGLOT_TEST_X", "x"),
        ("DIGLOT_DEMO_X", "x"),
        ("HOME", "/"),
    ];
    let loaded = load_text(text, &variables).unwrap();
    let config = &loaded.config;
    assert_eq!(config.server.listen, "127.0.0.1:2");
    assert_eq!(config.server.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(
        (config.auth.admin_secret.as_deref(), config.auth.sign_up),
        (Some("s"), Some(true))
    );
    assert_eq!(
        (config.graphql.limits.depth, config.rest.trailbase.expand_shape),
        (7, ExpandShape::Inline)
    );
    assert_eq!(config.database.url.as_deref(), Some("postgres://h/one"));
    assert_eq!(
        loaded.warnings,
        [
            "DIGLOT_SERVER_LISTN is no variable of Diglot's, did you mean DIGLOT_SERVER_LISTEN?",
            "DIGLOT_AUTH_ISSUER is empty and ignored",
            "DIGLOT_TABLES_BOOK is no variable of Diglot's, tables are configured in the file",
        ]
    );
    // `DIGLOT_DATABASE_URL` before `DATABASE_URL`, in whatever order they stand; the command line before both.
    let both = [("DIGLOT_DATABASE_URL", "two.db"), ("DATABASE_URL", "one.db")];
    assert_eq!(
        load_text(text, &both).unwrap().config.database.url.as_deref(),
        Some("sqlite:two.db")
    );
    let mut options = LoadOptions {
        database: Some("three.db".into()),
        ..LoadOptions::default()
    };
    options.environment = both.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(
        load(&options).unwrap().config.database.url.as_deref(),
        Some("sqlite:three.db")
    );

    let wrong = [
        (
            "DIGLOT_GRAPHQL_LIMITS_DEPTH",
            "deep",
            "DIGLOT_GRAPHQL_LIMITS_DEPTH: `depth` in [graphql.limits] must be a whole number, not text",
        ),
        (
            "DIGLOT_AUTH_SIGN_UP",
            "maybe",
            "DIGLOT_AUTH_SIGN_UP: `sign_up` in [auth] must be true or false, not text",
        ),
        (
            "DIGLOT_SERVER_LISTEN",
            "80",
            "DIGLOT_SERVER_LISTEN: `listen` in [server]: \"80\" is no address and port, write 127.0.0.1:80",
        ),
        (
            "DATABASE_URL",
            "mysql://u:p@h/d",
            "DATABASE_URL: `url` in [database]: is a URL of MySQL, which is not served",
        ),
    ];
    for (name, value, expected) in wrong {
        let found = messages(text, &[(name, value)]);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{found:#?}\nis not\n{expected}"
        );
    }
}
