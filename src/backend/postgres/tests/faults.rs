use super::*;
use crate::backend::{Session, Work};
use crate::error::{Code, Kind};
use std::pin::Pin;

fn one(sql: &str) -> Statement {
    Statement::for_tests(sql, vec![], shape(vec![column(0, Wire::Text)]))
}

#[tokio::test]
async fn failures_are_classified_without_the_databases_words() {
    let cases = [
        ("SELECT 'x'::text::int4::text", Kind::Invalid, Code::INVALID_VALUE),
        ("SELECT (1 / (SELECT 0))::text", Kind::Invalid, Code::INVALID_VALUE),
        ("SELECT (70000::int4::int2)::text", Kind::Invalid, Code::INVALID_VALUE),
        ("SELECT ('a' ~ '(')::text", Kind::Invalid, Code::INVALID_VALUE),
        (
            "SELECT '2026-02-30'::text::date::text",
            Kind::Invalid,
            Code::INVALID_VALUE,
        ),
        ("SELECT pg_sleep(5)::text", Kind::Unavailable, Code::TIMEOUT),
        ("SELECT id FROM no_such_table", Kind::Unavailable, Code::SCHEMA_CHANGED),
        (
            "SELECT no_such_column FROM secret",
            Kind::Unavailable,
            Code::SCHEMA_CHANGED,
        ),
        (
            "SELECT 'words of the database'::no_such_type::text",
            Kind::Unavailable,
            Code::SCHEMA_CHANGED,
        ),
        ("SELEKT 1", Kind::Internal, Code::INTERNAL),
    ];
    with_database("CREATE TABLE secret (id text)", async move |scratch| {
        let settings = Settings {
            statement_timeout: Duration::from_millis(300),
            pool_size: 1,
            synchronous: crate::config::Synchronous::Full,
            ..scratch.settings()
        };
        let postgres = Postgres::connect(&settings).await.unwrap();
        for (sql, kind, code) in cases {
            let error = run(&postgres, &one(sql), &[]).await.unwrap_err();
            assert_eq!((error.kind, error.code), (kind, code), "{sql}: {error:?}");
            assert!(error.source.is_some(), "{sql}");
            for word in ["no_such", "secret", "syntax", "SELEKT", "words", "invalid input"] {
                assert!(!error.message.contains(word), "{sql}: {}", error.message);
            }
            // The connection, the only one, serves on.
            assert_eq!(run(&postgres, &one("SELECT 'fine'"), &[]).await.unwrap().count, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_missing_privilege_is_said() {
    with_database("CREATE TABLE secret (id text)", async |scratch| {
        let role = format!("role_{}", scratch.name);
        scratch.execute(&format!("CREATE ROLE {role} LOGIN")).await;
        let mut settings = scratch.settings();
        let mut url = url::Url::parse(&settings.url).unwrap();
        url.set_username(&role).unwrap();
        settings.url = url.into();
        let postgres = Postgres::connect(&settings).await.unwrap();
        let error = run(&postgres, &one("SELECT id FROM secret"), &[]).await.unwrap_err();
        assert!(postgres.introspect().await.unwrap().tables.is_empty());
        drop(postgres);
        scratch
            .execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"))
            .await;
        assert_eq!((error.kind, error.code), (Kind::Forbidden, Code::ACCESS_DENIED));
    })
    .await;
}

#[tokio::test]
async fn a_changed_table_is_read_anew() {
    with_database("CREATE TABLE t (a int4); INSERT INTO t VALUES (1)", async |scratch| {
        let postgres = scratch.connect().await;
        let statement = Statement::for_tests(
            "SELECT a FROM t",
            vec![],
            shape(vec![column(0, Wire::BigInteger(Default::default()))]),
        );
        assert_eq!(text(&run(&postgres, &statement, &[]).await.unwrap(), 0), "1");
        scratch.execute("ALTER TABLE t ALTER a TYPE int8").await;
        assert_eq!(text(&run(&postgres, &statement, &[]).await.unwrap(), 0), "1");
        scratch.execute("ALTER TABLE t RENAME a TO b").await;
        assert_eq!(
            run(&postgres, &statement, &[]).await.unwrap_err().code,
            Code::SCHEMA_CHANGED
        );
        scratch.execute("ALTER TABLE t RENAME b TO a").await;
        assert_eq!(text(&run(&postgres, &statement, &[]).await.unwrap(), 0), "1");
    })
    .await;
}

#[tokio::test]
async fn dead_connections_are_replaced() {
    with_database("", async |scratch| {
        let postgres = scratch.connect().await;
        let statement = one("SELECT pg_sleep(0.05)::text");
        let several = || async {
            tokio::join!(
                run(&postgres, &statement, &[]),
                run(&postgres, &statement, &[]),
                run(&postgres, &statement, &[])
            )
        };
        let (a, b, c) = several().await;
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        let kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
            WHERE application_name = 'diglot' AND datname = current_database()";
        scratch.execute(kill).await;
        let (a, b, c) = several().await;
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        scratch.execute(kill).await;
        postgres.introspect().await.unwrap();
        scratch.execute(kill).await;
        postgres.fingerprint().await.unwrap();
    })
    .await;
}

/// No connection can be made: 503 at once; and when it can again, all is well.
#[tokio::test]
async fn a_database_that_goes_away_comes_back() {
    with_database("", async |scratch| {
        let postgres = scratch.connect().await;
        let allow = |allow: bool| {
            let name = &scratch.name;
            format!(
                "ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}; SELECT pg_terminate_backend(pid, 5000) \
                FROM pg_stat_activity WHERE application_name = 'diglot' AND datname = '{name}'"
            )
        };
        let mut admin = PgConnection::connect(&server()).await.unwrap();
        for statement in allow(false).split(';') {
            sqlx::raw_sql(leaked(statement)).execute(&mut admin).await.unwrap();
        }
        let error = run(&postgres, &one("SELECT 'x'"), &[]).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::DATABASE_AWAY));
        let error = postgres.introspect().await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::DATABASE_AWAY));
        for statement in allow(true).split(';') {
            sqlx::raw_sql(leaked(statement)).execute(&mut admin).await.unwrap();
        }
        assert_eq!(run(&postgres, &one("SELECT 'x'"), &[]).await.unwrap().count, 1);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_read_gives_its_connection_back() {
    with_database("", async |scratch| {
        let settings = Settings {
            pool_size: 1,
            synchronous: crate::config::Synchronous::Full,
            ..scratch.settings()
        };
        let postgres = Postgres::connect(&settings).await.unwrap();
        let pid = one("SELECT pg_backend_pid()::text");
        let before = text(&run(&postgres, &pid, &[]).await.unwrap(), 0);
        let slow = one("SELECT repeat('x', 100000) || pg_sleep(0.3)::text FROM generate_series(1, 2)");
        let cancelled = tokio::time::timeout(Duration::from_millis(100), run(&postgres, &slow, &[])).await;
        assert!(cancelled.is_err());
        assert_eq!(text(&run(&postgres, &pid, &[]).await.unwrap(), 0), before);
    })
    .await;
}

/// The caller leaves: the statement ends in the database, and its session serves others, unharmed.
#[tokio::test]
async fn a_read_that_nobody_waits_for_is_cancelled() {
    with_database("", async |scratch| {
        for pool_size in [1, 4] {
            left_alone(&scratch, pool_size).await;
        }
    })
    .await;
}

async fn left_alone(scratch: &Scratch, pool_size: u32) {
    use sqlx::Row as _;
    let settings = Settings {
        pool_size,
        ..scratch.settings()
    };
    let postgres = Postgres::connect(&settings).await.unwrap();
    let quick = one("SELECT pg_backend_pid()::text");
    let before = text(&run(&postgres, &quick, &[]).await.unwrap(), 0);
    let slow = one("SELECT pg_sleep(8)::text");
    let begin = std::time::Instant::now();
    for _ in 0..5 {
        let left = tokio::time::timeout(Duration::from_millis(100), run(&postgres, &slow, &[])).await;
        assert!(left.is_err());
        for _ in 0..20 {
            run(&postgres, &quick, &[]).await.unwrap();
        }
    }
    if pool_size == 1 {
        assert_eq!(text(&run(&postgres, &quick, &[]).await.unwrap(), 0), before);
    }
    let mut admin = PgConnection::connect(&settings.url).await.unwrap();
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' \
        AND datname = current_database() AND pid <> pg_backend_pid()";
    loop {
        let row = sqlx::query(asleep).fetch_one(&mut admin).await.unwrap();
        if row.get::<i64, _>(0) == 0 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(6), "it goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(6), "after {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_failed_start_names_the_place_and_not_the_password() {
    let url = url::Url::parse(&server()).unwrap();
    let mut wrong = url.clone();
    wrong.set_path("no_such_database");
    wrong.set_password(Some("hunter2")).unwrap();
    let mut nobody = url;
    nobody.set_port(Some(1)).unwrap();
    nobody.set_password(Some("hunter2")).unwrap();
    for (url, why) in [(wrong, "no database of this name"), (nobody, "connection refused")] {
        let settings = Settings {
            url: url.to_string(),
            schemas: vec![],
            statement_timeout: Duration::from_secs(1),
            pool_size: 1,
            synchronous: crate::config::Synchronous::Full,
        };
        let Err(error) = Postgres::connect(&settings).await else {
            panic!("connected to {url}");
        };
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(
            error.message.contains(why) && error.message.contains("port"),
            "{}",
            error.message
        );
        assert!(!error.message.contains("hunter2") && !format!("{error:?}").contains("hunter2"));
    }
}

/// Statements one after the other.
struct Slow(u32);

impl Work for Slow {
    fn run<'w>(
        &'w mut self,
        session: &'w mut Session,
    ) -> Pin<Box<dyn Future<Output = crate::error::Result<()>> + Send + 'w>> {
        Box::pin(async move {
            for _ in 0..self.0 {
                session
                    .change(&one("SELECT pg_sleep(0.4)::text"), &[Vec::new()])
                    .await?;
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_write_has_the_time_of_a_statement() {
    with_database("", async |scratch| {
        let settings = Settings {
            statement_timeout: Duration::from_millis(1500),
            pool_size: 1,
            synchronous: crate::config::Synchronous::Full,
            ..scratch.settings()
        };
        let postgres = Postgres::connect(&settings).await.unwrap();
        postgres.write(Box::new(Slow(2))).await.unwrap();
        let begin = std::time::Instant::now();
        let error = postgres.write(Box::new(Slow(20))).await.unwrap_err();
        assert_eq!(
            (error.kind, error.code),
            (Kind::Unavailable, Code::TIMEOUT),
            "{error:?}"
        );
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
        // The only connection serves on, with all of its time.
        let rested = run(&postgres, &one("SELECT pg_sleep(1)::text"), &[]).await;
        assert_eq!(rested.unwrap().count, 1);
    })
    .await;
}
