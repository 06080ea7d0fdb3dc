//! Foreign changes to the schema: what others do to the database is served within five seconds, without a restart and
//! without a fault.

use crate::client::{Request, Who};
use crate::fronts;
use crate::live::{Load, Operator, SEEN, ask, ask_all, holds, within};
use crate::world::{self, Database, Server};
use std::sync::Arc;
use std::time::Duration;

const SCRIPT: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER REFERENCES author (id));
    INSERT INTO author VALUES (1, 'Ada'), (2, 'Ben');
    INSERT INTO book VALUES (1, 'Tides', 1), (2, 'hidden', 1), (3, 'Salt', 2);";

/// A rule that names a column of the table.
const CONFIGURATION: &str = "
    [tables.book.access.anonymous]
    read = \"title <> 'hidden'\"
    [tables.author.access.anonymous]
    read = true";

const FIELDS: &str = "{ __type(name: \"book\") { fields { name } } }";

async fn served(database: Database, label: &str, configuration: &str) -> (Arc<Server>, Operator) {
    let url = world::own_database(label, database, SCRIPT).await.unwrap();
    let server = world::own(label, &url, configuration).await.unwrap();
    (Arc::new(server), Operator::of(database, &url))
}

async fn graphql(server: &Server, query: &str) -> crate::client::Answer {
    ask(server, &Who::AnonKey, fronts::graphql(query, None, None)).await
}

async fn changes_are_served(database: Database) {
    let label = format!("changes_{database}");
    let (server, operator) = served(database, &label, CONFIGURATION).await;
    let who = Who::AnonKey;
    let load = Load::start(
        &server,
        &who,
        vec![
            fronts::graphql(
                "{ book(order_by: {id: asc}) { id title author { name } } author { name } }",
                None,
                None,
            ),
            fronts::graphql("{ book(where: {pages: {_gt: 1}}) { pages } }", None, None),
            Request::get("/api/book?pages=7"),
            Request::get("/api/records/v1/book?expand=author_id"),
            Request::get("/api/review"),
        ],
    );
    let mut slowest = Duration::ZERO;

    // A new column: in the schema, in answers of every front, in filters.
    operator
        .execute(&[
            "ALTER TABLE book ADD COLUMN pages INTEGER",
            "UPDATE book SET pages = 7 WHERE id = 1",
        ])
        .await;
    slowest = slowest.max(
        within(SEEN, "a new column", || async {
            holds(&graphql(&server, FIELDS).await, 200, "\"pages\"")?;
            for answer in ask_all(
                &server,
                &who,
                "{ book(where: {pages: {_eq: 7}}) { pages } }",
                "book?pages=7",
            )
            .await
            .iter()
            .take(2)
            {
                holds(answer, 200, "\"pages\":7")?;
            }
            let records = ask(&server, &who, Request::get("/api/records/v1/book?filter[pages]=7")).await;
            holds(&records, 200, "\"pages\":7")
        })
        .await,
    );

    // A new table, and a relation to it from both sides.
    operator
        .execute(&[
            "CREATE TABLE review (id INTEGER PRIMARY KEY, stars INTEGER, book_id INTEGER REFERENCES book (id))",
            "INSERT INTO review VALUES (1, 5, 1)",
        ])
        .await;
    slowest = slowest.max(
        within(SEEN, "a new table", || async {
            for answer in &ask_all(&server, &who, "{ review { stars book { title } } }", "review").await {
                holds(answer, 200, "\"stars\":5")?;
            }
            let back = graphql(&server, "{ book_by_pk(id: 1) { review { stars } } }").await;
            holds(&back, 200, "\"review\":[{\"stars\":5}]")
        })
        .await,
    );

    // Another name for a column: the old one is unknown.
    operator
        .execute(&["ALTER TABLE book RENAME COLUMN pages TO leaves"])
        .await;
    slowest = slowest.max(
        within(SEEN, "a renamed column", || async {
            holds(&graphql(&server, FIELDS).await, 200, "\"leaves\"")?;
            for answer in &ask_all(&server, &who, "{ book { leaves } }", "book").await {
                holds(answer, 200, "\"leaves\":7")?;
            }
            let old = graphql(&server, "{ book { pages } }").await;
            holds(&old, 400, "pages")?;
            holds(
                &ask(&server, &who, Request::get("/api/book?pages=7")).await,
                400,
                "pages",
            )
        })
        .await,
    );

    // Another type: what was a number is a text.
    let retyped: &[&str] = match database {
        Database::Postgres => &["ALTER TABLE book ALTER COLUMN leaves TYPE text USING 'about ' || leaves"],
        Database::Sqlite => &[
            "ALTER TABLE book DROP COLUMN leaves; ALTER TABLE book ADD COLUMN leaves TEXT; \
             UPDATE book SET leaves = 'about 7' WHERE id = 1",
        ],
    };
    operator.execute(retyped).await;
    slowest = slowest.max(
        within(SEEN, "another type", || async {
            for answer in &ask_all(
                &server,
                &who,
                "{ book(where: {leaves: {_like: \"a%\"}}) { leaves } }",
                "book",
            )
            .await
            {
                holds(answer, 200, "\"leaves\":\"about 7\"")?;
            }
            Ok(())
        })
        .await,
    );

    // A dropped table is unknown, and so is the relation to it.
    operator.execute(&["DROP TABLE review"]).await;
    slowest = slowest.max(
        within(SEEN, "a dropped table", || async {
            let fields = graphql(&server, FIELDS).await;
            if fields.status != 200 || fields.text().contains("\"review\"") {
                return Err(format!("the relation is still there: {fields}"));
            }
            holds(&graphql(&server, "{ review { stars } }").await, 400, "review")?;
            holds(&ask(&server, &who, Request::get("/api/review")).await, 404, "NOT_FOUND")
        })
        .await,
    );

    let asked = load.end().await;
    println!("{database}: {asked} requests beside the changes, the slowest of which was seen after {slowest:?}");
    assert!(asked > 50, "the load has hardly asked: {asked}");
}

async fn a_broken_state_keeps_the_last_good_one(database: Database) {
    let label = format!("broken_{database}");
    let (server, operator) = served(database, &label, CONFIGURATION).await;
    let who = Who::AnonKey;
    let ready = || ask(&server, &who, Request::get("/ready"));
    let load = Load::start(
        &server,
        &who,
        vec![
            fronts::graphql("{ book { title } }", None, None),
            fronts::graphql("{ author { name } }", None, None),
            Request::get("/api/records/v1/author"),
        ],
    );
    assert_eq!(ready().await.text(), "{\"status\":\"ok\"}");

    // The rule of `book` names the column.
    operator
        .execute(&["ALTER TABLE book RENAME COLUMN title TO heading"])
        .await;
    within(SEEN, "the broken state is said", || async {
        holds(&ready().await, 200, "outdated")
    })
    .await;
    let log = server.whole_log();
    assert!(
        log.contains("does not fit the configuration") && log.contains("title"),
        "the log says what does not fit:\n{log}"
    );
    // What the change did not touch goes on; what it did touch says that it may come back.
    for answer in &ask_all(&server, &who, "{ author { name } }", "author").await {
        holds(answer, 200, "Ada").unwrap();
    }
    for answer in &ask_all(&server, &who, "{ book { title } }", "book").await {
        holds(answer, 503, "schema").unwrap();
        assert!(answer.header("retry-after").is_some(), "{answer}");
        assert!(
            !answer.text().contains("heading"),
            "nothing of the new schema is shown: {answer}"
        );
    }
    holds(&graphql(&server, FIELDS).await, 200, "\"title\"").unwrap();

    // A further change beside it is not served before the whole fits.
    operator.execute(&["ALTER TABLE author ADD COLUMN born INTEGER"]).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    holds(&graphql(&server, "{ author { born } }").await, 400, "born").unwrap();

    operator
        .execute(&["ALTER TABLE book RENAME COLUMN heading TO title"])
        .await;
    let took = within(SEEN, "recovery", || async {
        for answer in &ask_all(
            &server,
            &who,
            "{ book(where: {title: {_eq: \"Salt\"}}) { title } }",
            "book",
        )
        .await
        {
            holds(answer, 200, "Salt")?;
        }
        holds(&graphql(&server, "{ author { born } }").await, 200, "\"born\":null")?;
        let answer = ready().await;
        if answer.text().contains("outdated") {
            Err(answer.text())
        } else {
            Ok(())
        }
    })
    .await;
    println!(
        "{database}: recovered after {took:?}, {} requests beside it",
        load.end().await
    );
}

const OWNED: &str = "
    CREATE TABLE note (id INTEGER PRIMARY KEY, user_id INTEGER, body TEXT);
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
    CREATE TABLE tale (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO note VALUES (1, 7, 'of seven'), (2, 8, 'of eight');
    INSERT INTO users VALUES (7, 'seven@localhost'), (8, 'eight@localhost');
    INSERT INTO tale VALUES (1, 'Once');";

/// The convention reads names: while a server runs, no rename of an owner column or of the users table opens what was
/// somebody's own, and other tables follow their names.
async fn renames_open_nothing(database: Database) {
    let label = format!("renames_{database}");
    let configuration = "[access]\ndefault = \"convention\"";
    let (server, operator) = served(database, &label, configuration).await;
    operator.execute(&["DROP TABLE book", "DROP TABLE author"]).await;
    for statement in OWNED.split_inclusive(';').filter(|part| part.trim().len() > 1) {
        operator.execute(&[statement]).await;
    }
    let seven = Who::Role {
        role: "user".into(),
        id: Some("7".into()),
        variables: Vec::new(),
    };
    let anybody = [Who::AnonKey, seven.clone()];
    let load = Load::start(
        &server,
        &Who::AnonKey,
        vec![
            Request::get("/api/note"),
            Request::get("/api/people"),
            fronts::graphql("{ note { body } }", None, None),
        ],
    );
    within(SEEN, "the tables are served", || async {
        for answer in &ask_all(&server, &seven, "{ note { body } }", "note").await {
            holds(answer, 200, "of seven")?;
            if answer.text().contains("of eight") {
                return Err(format!("the row of another: {answer}"));
            }
        }
        Ok(())
    })
    .await;

    // Never more than before, through any front: neither while the change is not yet seen nor after.
    let closed = async |what: &str, query: &str, tables: [&str; 2], secrets: [&str; 2]| {
        let begin = std::time::Instant::now();
        let mut unknown = false;
        while begin.elapsed() < SEEN && !unknown {
            unknown = true;
            for who in &anybody {
                for table in tables {
                    for answer in &ask_all(&server, who, query, table).await {
                        let shown = secrets.iter().find(|secret| answer.text().contains(**secret));
                        assert!(shown.is_none() || answer.status != 200, "{what}: {answer}");
                        unknown &= matches!(answer.status, 400 | 401 | 404 | 405);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(unknown, "{what}: not unknown within {SEEN:?}");
    };
    operator
        .execute(&["ALTER TABLE note RENAME COLUMN user_id TO owner"])
        .await;
    closed(
        "a renamed owner",
        "{ note { body } }",
        ["note", "note"],
        ["of eight", "\"owner\""],
    )
    .await;
    operator.execute(&["ALTER TABLE users RENAME TO people"]).await;
    closed(
        "renamed users",
        "{ people { email } }",
        ["people", "users"],
        ["eight@localhost", "\"email\":\"eight"],
    )
    .await;

    // What was open follows its name, and what is owned again is served again.
    operator
        .execute(&[
            "ALTER TABLE tale RENAME TO story",
            "ALTER TABLE note RENAME COLUMN owner TO user_id",
        ])
        .await;
    within(SEEN, "names again", || async {
        for answer in &ask_all(&server, &seven, "{ note { body } }", "note").await {
            holds(answer, 200, "of seven")?;
            if answer.text().contains("of eight") {
                return Err(format!("the row of another: {answer}"));
            }
        }
        let old = graphql(&server, "{ tale { title } }").await;
        holds(&old, 400, "tale")
    })
    .await;
    println!("{database}: {} requests beside the renames", load.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_renames_open_nothing() {
    renames_open_nothing(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_renames_open_nothing() {
    renames_open_nothing(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_changes_are_served() {
    changes_are_served(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_changes_are_served() {
    changes_are_served(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_broken_state_keeps_the_last_good_one() {
    a_broken_state_keeps_the_last_good_one(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_broken_state_keeps_the_last_good_one() {
    a_broken_state_keeps_the_last_good_one(Database::Postgres).await;
}
