//! A server whose schema changes while it serves.

mod writes;

use super::*;
use crate::backend::Settings;
use crate::config::{AccessDefault, Config};
use crate::principal::{Credential, Variable};
use crate::request::{Builder, Expression, Field, Nulls, Order, Output, Page, Read, Select};
use std::time::{Duration, Instant};

struct Served {
    engine: Arc<Engine>,
    file: rusqlite::Connection,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn new(sql: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let file = rusqlite::Connection::open(&path).expect("a database");
        file.execute_batch(sql).expect("tables");
        let config: Config = toml::from_str(config).expect("a configuration");
        let settings = Settings {
            url: format!("sqlite:{}", path.display()),
            schemas: Vec::new(),
            statement_timeout: Duration::from_secs(5),
            pool_size: 2,
            synchronous: crate::config::Synchronous::Full,
        };
        let backend = Backend::connect(&settings).await.expect("a backend");
        let source = Source {
            config: Arc::new(config),
            access: AccessDefault::Convention,
        };
        let (engine, _) = Engine::start(backend, source, b"secret").await.expect("an engine");
        Self {
            engine,
            file,
            _folder: folder,
        }
    }

    /// Changes the schema and waits until it is served.
    async fn change(&self, sql: &str) {
        let before = self.engine.snapshot().number;
        self.file.execute_batch(sql).expect("a change");
        self.engine.changed.notify_one();
        let begun = Instant::now();
        while self.engine.snapshot().number == before {
            assert!(begun.elapsed() < Duration::from_secs(20), "the change was not seen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A page of one row and the cursor to the rest, or the error's code.
    async fn page(
        &self,
        caller: &Principal,
        table: &str,
        order: &str,
        after: Option<&str>,
    ) -> Result<(String, Option<String>), &'static str> {
        let mut builder = Builder::new();
        let limit = builder.push(Value::Integer(1));
        let after = after.map(|cursor| builder.push(Value::Text(cursor.into())));
        let request = builder.finish(Read {
            source: crate::request::Source::Table(Name::new(table)),
            select: Select {
                order: vec![Order {
                    by: Expression::Column(Name::new(order)),
                    descending: false,
                    nulls: Nulls::Last,
                }],
                page: Page {
                    limit: Some(limit),
                    after,
                    next: true,
                    ..Page::default()
                },
                output: Output::Rows(vec![Field::AllColumns]),
                ..Select::default()
            },
            formats: crate::request::Formats::default(),
        });
        let snapshot = self.engine.snapshot();
        let outcome = self
            .engine
            .run(&snapshot, caller, &request, Delivery::Whole(&self.engine.room()))
            .await
            .map_err(|error| error.code.0)?;
        let bytes = outcome.body.whole().expect("no stream");
        Ok((String::from_utf8_lossy(&bytes).into_owned(), outcome.next))
    }
}

fn user(id: &str, team: &str) -> Principal {
    let text = |text: &str| Variable::Text(text.into());
    let variables = [("id", text(id)), ("team", text(team)), ("iat", text("1"))];
    Principal {
        variables: Arc::new(variables.map(|(name, value)| (name.to_owned(), value)).into()),
        ..Principal::of_role(Principal::USER, Credential::Token)
    }
}

#[tokio::test]
async fn cursors_outlive_changes_that_do_not_concern_them() {
    let served = Served::new(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, team INTEGER, title TEXT);
         CREATE TABLE zebra (id INTEGER PRIMARY KEY, team INTEGER, title TEXT);
         INSERT INTO note VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');
         INSERT INTO zebra SELECT * FROM note;",
        "[tables.note.access.user]\nread = 'team = _USER_.team'\n[tables.zebra.access.user]\nread = 'team = _USER_.team'",
    )
    .await;
    let caller = user("7", "1");
    let (first, cursor) = served.page(&caller, "note", "title", None).await.expect("a page");
    assert_eq!(first, r#"[{"id":1,"team":1,"title":"a"}]"#);
    let cursor = cursor.expect("a cursor");
    let next = |table: &'static str, order: &'static str, caller: Principal| {
        let (served, cursor) = (&served, cursor.clone());
        async move {
            served
                .page(&caller, table, order, Some(&cursor))
                .await
                .map(|(rows, _)| rows)
        }
    };
    let second = Ok(r#"[{"id":2,"team":1,"title":"b"}]"#.to_owned());
    assert_eq!(next("note", "title", caller.clone()).await, second);
    assert_eq!(next("note", "id", caller.clone()).await, Err(Code::INVALID_CURSOR.0));
    assert_eq!(
        next("zebra", "title", caller.clone()).await,
        Err(Code::INVALID_CURSOR.0)
    );
    // The rule asks for the team, so another id is no matter, and another team is.
    assert_eq!(next("note", "title", user("8", "1")).await, second);
    assert_eq!(next("note", "title", user("7", "2")).await, Err(Code::INVALID_CURSOR.0));
    // Tables before it, a column, an index: all of them shift the places of others.
    served
        .change("CREATE TABLE aaa (id INTEGER PRIMARY KEY); CREATE TABLE maa (id INTEGER PRIMARY KEY, team INTEGER, title TEXT); CREATE INDEX by_title ON note (title);")
        .await;
    assert_eq!(next("note", "title", caller.clone()).await, second);
    assert_eq!(next("maa", "title", caller.clone()).await, Err(Code::INVALID_CURSOR.0));
    served.change("ALTER TABLE note ADD COLUMN more TEXT").await;
    assert_eq!(
        next("note", "title", caller.clone()).await,
        Ok(r#"[{"id":2,"team":1,"title":"b","more":null}]"#.to_owned())
    );
}

#[tokio::test]
async fn a_renamed_owner_opens_nothing_while_serving() {
    let served = Served::new(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, user_id INTEGER, body TEXT);
         CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
         INSERT INTO note VALUES (1, 7, 'mine'), (2, 8, 'theirs');
         INSERT INTO users VALUES (7, 'a@localhost');",
        "",
    )
    .await;
    let anonymous = Principal::anonymous();
    assert_eq!(
        served.page(&anonymous, "note", "id", None).await,
        Err(Code::UNAUTHENTICATED.0)
    );
    served.change("ALTER TABLE note RENAME COLUMN user_id TO owner").await;
    for caller in [&anonymous, &user("7", "1")] {
        assert_eq!(
            served.page(caller, "note", "id", None).await,
            Err(Code::UNKNOWN_TABLE.0)
        );
    }
    served.change("ALTER TABLE users RENAME TO people").await;
    for caller in [&anonymous, &user("8", "1")] {
        assert_eq!(
            served.page(caller, "people", "id", None).await,
            Err(Code::UNKNOWN_TABLE.0)
        );
    }
    served.change("CREATE TABLE free (id INTEGER PRIMARY KEY)").await;
    assert!(served.page(&anonymous, "free", "id", None).await.is_ok());
    served.change("ALTER TABLE note RENAME COLUMN owner TO user_id").await;
    let (rows, _) = served
        .page(&user("7", "1"), "note", "id", None)
        .await
        .expect("own rows");
    assert_eq!(rows, r#"[{"id":1,"user_id":7,"body":"mine"}]"#);
}
