//! Accounts over a database of one's own, in this process: what is counted, and what many at once do.

use super::store::{Question, is, names, rows};
use super::*;
use crate::backend::{Backend, Settings};
use crate::config::{AccessDefault, Synchronous};
use crate::engine::{Source, USERS};
use crate::error::{Code, Kind};
use crate::ident::Name;
use crate::principal::{Credential, Variable};
use crate::request::{Batch, Builder, Change, Formats, Insert, Once, RowGroup, Write};

struct World {
    accounts: Arc<Accounts>,
    engine: Arc<Engine>,
    folder: tempfile::TempDir,
}

/// Accounts over a database that a script makes.
async fn world(script: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    rusqlite_execute(&file, script);
    start(folder, &format!("sqlite:{}", file.display())).await
}

fn rusqlite_execute(file: &std::path::Path, script: &str) {
    rusqlite::Connection::open(file).unwrap().execute_batch(script).unwrap();
}

async fn start(folder: tempfile::TempDir, url: &str) -> World {
    let config = config::Config::default();
    let settings = Settings {
        url: url.to_owned(),
        schemas: config.database.schemas.clone(),
        statement_timeout: Duration::from_secs(10),
        pool_size: 2,
        synchronous: Synchronous::Full,
    };
    let backend = Backend::connect(&settings).await.unwrap();
    let source = Source {
        config: Arc::new(config.clone()),
        access: AccessDefault::Convention,
    };
    let (engine, _) = Engine::start(backend, source, b"a secret").await.unwrap();
    let secrets = Secrets::unkept(&config.auth).unwrap();
    World {
        accounts: Arc::new(Accounts::new(Arc::clone(&engine), &config, &secrets, OpenSignUp(true))),
        engine,
        folder,
    }
}

impl World {
    async fn act(&self, action: Action) -> Result<Answer> {
        self.accounts.act(&Principal::anonymous(), None, action).await
    }

    async fn sign_up(&self, email: &str) -> Result<Answer> {
        self.act(Action::SignUp {
            email: Some(email.into()),
            username: None,
            password: "correct horse".into(),
            columns: Vec::new(),
        })
        .await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<Answer> {
        self.act(Action::SignIn {
            who: Login::Email(email.into()),
            password: password.into(),
        })
        .await
    }
}

impl World {
    /// The counts of attempts, by key.
    async fn counted(&self) -> Vec<(String, i64)> {
        let question = Question {
            table: "attempt",
            columns: names(&["key", "count"]),
            wanted: Vec::new(),
            limit: None,
        };
        let found = rows(&self.engine, &self.engine.snapshot(), question).await.unwrap();
        let of = |row: &Row| (text(row, "key").unwrap(), store::number(row, "count").unwrap());
        found.iter().map(of).collect()
    }

    async fn attempt(&self, account: &str, address: &str) -> Result<Attempt> {
        let snapshot = self.engine.snapshot();
        let now = crate::auth::milliseconds();
        let address = Some(address.parse().unwrap());
        self.accounts.attempt(&snapshot, Some(account), address, now).await
    }
}

#[tokio::test]
async fn a_refused_attempt_counts_nowhere() {
    let world = world("CREATE TABLE thing (id INTEGER PRIMARY KEY)").await;
    world.sign_up("ada@example.org").await.unwrap();
    let mut passed = 0;
    for _ in 0..60 {
        passed += u32::from(world.attempt("ada", "192.0.2.1").await.is_ok());
    }
    assert_eq!(passed, 5);
    let counts: Vec<i64> = world.counted().await.into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts, [5, 5, 5], "of the account, of the address, of both");
    // The account is open to its owner, who is elsewhere.
    world.attempt("ada", "192.0.2.2").await.unwrap();
    // Other names from there: some more until the address is through, and no row of any that comes then.
    passed = 0;
    for number in 0..80 {
        passed += u32::from(world.attempt(&format!("nobody {number}"), "192.0.2.1").await.is_ok());
    }
    assert_eq!(passed, 45);
    let kept = world.counted().await;
    assert_eq!(kept.len(), 3 + 2 + 2 * 45);
    // From many addresses it is the account that is closed; then their own counts do not rise either.
    for number in 10..60 {
        let error = world.attempt("ada", &format!("192.0.2.{number}")).await.err();
        assert_eq!(error.is_some(), number >= 54, "{number}: {error:?}");
        assert!(error.is_none_or(|error| error.kind == Kind::TooMany), "{number}");
    }
    let of_last = |(key, _): &(String, i64)| key.ends_with("192.0.2.59");
    assert!(!world.counted().await.iter().any(of_last));
}

#[tokio::test]
async fn who_was_not_heard_has_not_failed() {
    let world = world("CREATE TABLE thing (id INTEGER PRIMARY KEY)").await;
    world.sign_up("ada@example.org").await.unwrap();
    let overrun = world.accounts.passwords.overrun();
    for _ in 0..8 {
        let error = world.sign_in("ada@example.org", "correct horse").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{error}");
    }
    assert!(world.counted().await.iter().all(|(_, count)| *count == 0));
    drop(overrun);
    world.sign_in("ada@example.org", "wrong horse").await.unwrap_err();
    assert!(world.counted().await.iter().any(|(_, count)| *count == 1));
}

/// A new row of a table, by somebody's token, with a key.
async fn add_once(world: &World, user: &str) -> bool {
    let mut builder = Builder::new();
    let rows = builder.push(Value::List(vec![Value::List(vec![
        Value::Integer(0),
        Value::Text("a".into()),
    ])]));
    let insert = Insert {
        groups: vec![RowGroup {
            columns: vec![Name::new("body")],
            links: Vec::new(),
            rows,
        }],
        conflict: None,
    };
    let write = Write {
        table: Name::new("thing"),
        change: Change::Insert(insert),
        returning: None,
        formats: Formats::default(),
        unit: 0,
        strict: false,
        skips: false,
    };
    let batch = Batch {
        once: Once::read([b"a key".as_slice()], &[b"POST"]).unwrap(),
        ..builder.finish_batch(vec![write])
    };
    let mut principal = Principal::of_role(Principal::USER, Credential::Token);
    principal.variables = Arc::new([("id".to_owned(), Variable::Text(user.into()))].into());
    let written = world
        .engine
        .write(&world.engine.snapshot(), &principal, batch)
        .await
        .unwrap();
    written[0].replayed
}

#[tokio::test]
async fn nothing_of_a_former_user_serves_who_gets_their_id() {
    let script = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); CREATE TABLE thing (id INTEGER PRIMARY KEY, body TEXT)";
    let world = world(script).await;
    let file = world.folder.path().join("test.db");
    world.sign_up("zoe@example.org").await.unwrap();
    for (former, next) in [
        ("ada@example.org", "bob@example.org"),
        ("cleo@example.org", "cleo@example.org"),
    ] {
        let Answer::Session {
            user, refresh_token, ..
        } = world.sign_up(former).await.unwrap()
        else {
            panic!("{former}");
        };
        let snapshot = world.engine.snapshot();
        let (session, _) = world
            .accounts
            .session_of(&snapshot, &refresh_token)
            .await
            .unwrap()
            .unwrap();
        world.accounts.sessions.check(&session).await.unwrap();
        assert!(!add_once(&world, &user.id).await);
        assert!(add_once(&world, &user.id).await);
        add_once(&world, "1").await;
        rusqlite_execute(&file, &format!("DELETE FROM users WHERE id = {}", user.id));
        let Answer::Session {
            user: heir,
            refresh_token: own,
            ..
        } = world.sign_up(next).await.unwrap()
        else {
            panic!("{next}");
        };
        assert_eq!(heir.id, user.id, "the database has given the id again");
        assert!(world.accounts.sessions.check(&session).await.is_err(), "{former}");
        assert!(
            world
                .accounts
                .session_of(&snapshot, &refresh_token)
                .await
                .unwrap()
                .is_none()
        );
        world.act(Action::Refresh { token: own }).await.unwrap();
        let credential = world
            .accounts
            .credential(&snapshot, is("user_id", &heir.id))
            .await
            .unwrap();
        assert_eq!(text(&credential.unwrap(), "email").as_deref(), Some(next));
        assert!(
            !add_once(&world, &heir.id).await,
            "{former}: the outcome is told to {next}"
        );
        assert!(add_once(&world, "1").await, "others keep theirs");
        rusqlite_execute(&file, &format!("DELETE FROM users WHERE id = {}", heir.id));
    }
}

#[tokio::test]
async fn unknown_accounts_cost_what_wrong_passwords_cost() {
    let world = world("CREATE TABLE thing (id INTEGER PRIMARY KEY)").await;
    world.sign_up("ada@example.org").await.unwrap();
    let bob = NewUser {
        email: Some("bob@example.org".into()),
        ..NewUser::default()
    };
    world.accounts.add_user(&bob).await.unwrap();
    // The first hash of nobody's password is made.
    world.sign_in("nobody@example.org", "wrong password").await.unwrap_err();
    let mut told = Vec::new();
    for (email, password) in [
        ("ada@example.org", "wrong password"),
        ("nobody@example.org", "wrong password"),
        // Without a password of its own.
        ("bob@example.org", "wrong password"),
        ("no address", "wrong password"),
        ("ada@example.org", ""),
        ("ada@example.org", &*"x".repeat(5000)),
    ] {
        let before = world.accounts.passwords.runs();
        let error = world.sign_in(email, password).await.unwrap_err();
        assert_eq!(world.accounts.passwords.runs(), before + 1, "{email} {password:.20}");
        told.push((error.kind, error.code, error.message));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    // Signing up hashes before it knows.
    for email in ["ada@example.org", "carl@example.org"] {
        let before = world.accounts.passwords.runs();
        let _ = world.sign_up(email).await;
        assert_eq!(world.accounts.passwords.runs(), before + 1, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_sign_up_alike_one_does() {
    let world = world("CREATE TABLE thing (id INTEGER PRIMARY KEY)").await;
    let tries = (0..6).map(|_| world.sign_up("ada@example.org"));
    let answers = futures_util::future::join_all(tries).await;
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(made, 1);
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(error.kind, Kind::Conflict, "{error:?}");
    }
    assert_eq!(world.accounts.accounts().await.unwrap().len(), 1);
    let question = Question {
        table: USERS,
        columns: names(&["id"]),
        wanted: Vec::new(),
        limit: None,
    };
    let users = rows(&world.engine, &world.engine.snapshot(), question).await.unwrap();
    assert_eq!(users.len(), 1, "nothing is left of those who were too late");
}

#[tokio::test]
async fn keys_of_any_type() {
    for (table, form) in [
        ("id INTEGER PRIMARY KEY, email TEXT", "1"),
        ("id TEXT PRIMARY KEY, email TEXT", "uuid"),
        (
            "id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(8)))), email TEXT",
            "16",
        ),
        ("id UUID PRIMARY KEY, email TEXT", "uuid"),
        ("id BLOB PRIMARY KEY, email TEXT", "bytes"),
        ("number INTEGER PRIMARY KEY, Email_Address VARCHAR(80)", "1"),
    ] {
        let world = world(&format!("CREATE TABLE users ({table})")).await;
        let Answer::Session {
            user,
            access_token,
            refresh_token,
        } = world.sign_up("ada@example.org").await.unwrap()
        else {
            panic!("{table}");
        };
        match form {
            "uuid" => assert!(uuid::Uuid::try_parse(&user.id).is_ok(), "{table}: {}", user.id),
            "bytes" => assert_eq!(user.id.len(), 34, "{table}: {}", user.id),
            "16" => assert_eq!(user.id.len(), 16, "{table}: {}", user.id),
            other => assert_eq!(user.id, other, "{table}"),
        }
        // The same user by each way that leads there.
        let mut principal = Principal::of_role(Principal::USER, crate::principal::Credential::Token);
        let id = Variable::Text(user.id.as_str().into());
        principal.variables = Arc::new([("id".to_owned(), id)].into());
        let me = world.accounts.act(&principal, None, Action::Me).await.unwrap();
        assert!(matches!(&me, Answer::User(own) if *own == user), "{table}: {me:?}");
        let again = world.sign_in("ada@example.org", "correct horse").await.unwrap();
        assert!(
            matches!(&again, Answer::Session { user: own, .. } if *own == user),
            "{table}"
        );
        let refreshed = world.act(Action::Refresh { token: refresh_token }).await.unwrap();
        assert!(
            matches!(&refreshed, Answer::Session { user: own, .. } if *own == user),
            "{table}"
        );
        assert!(access_token.len() > 50);
    }
}

/// Accounts with which somebody can sign in.
const OPEN: &str = "_diglot_credential WHERE gone_at IS NULL AND left_in IS NULL";

impl World {
    /// How many rows of one of Diglot's own tables match.
    fn count(&self, what: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        let query = format!("SELECT count(*) FROM {what}");
        connection.query_row(&query, [], |row| row.get(0)).unwrap()
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("test.db")
    }
}

#[tokio::test]
async fn keys_of_any_type_are_known_when_their_rows_go() {
    for table in [
        "id INTEGER PRIMARY KEY, email TEXT",
        "id BIGINT NOT NULL PRIMARY KEY DEFAULT 7, email TEXT",
        "id TEXT PRIMARY KEY, email TEXT",
        "id UUID PRIMARY KEY, email TEXT",
        "id BLOB PRIMARY KEY, email TEXT",
        "\"the \"\" key\" INTEGER PRIMARY KEY, email TEXT",
    ] {
        let world = world(&format!("CREATE TABLE users ({table})")).await;
        world.sign_up("ada@example.org").await.unwrap();
        assert_eq!(world.count("_diglot_session WHERE ended_at IS NULL"), 1, "{table}");
        let before = crate::auth::milliseconds();
        rusqlite_execute(&world.file(), "DELETE FROM users");
        assert_eq!(world.count(OPEN), 0, "{table}");
        let near = format!("_diglot_session WHERE abs(ended_at - {before}) < 60000");
        assert_eq!(world.count(&near), 1, "{table}");
    }
    // A UUID that the application keeps as bytes.
    let world = world(
        "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT);
         INSERT INTO users VALUES (x'0190ABCD000070008000000000000001', 'ada@example.org'), ('x', 'bob@example.org')",
    )
    .await;
    world
        .accounts
        .set_password("ada@example.org", "correct horse")
        .await
        .unwrap();
    world.sign_in("ada@example.org", "correct horse").await.unwrap();
    rusqlite_execute(
        &world.file(),
        "DELETE FROM users WHERE email LIKE 'bob%'; UPDATE users SET id = id",
    );
    assert_eq!(world.count(OPEN), 1);
    rusqlite_execute(&world.file(), "DELETE FROM users");
    assert_eq!(world.count(OPEN), 0);
}

#[tokio::test]
async fn a_users_table_that_is_made_anew_is_guarded_again() {
    let world = world("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)").await;
    world.sign_up("ada@example.org").await.unwrap();
    let triggers = "sqlite_schema WHERE type = 'trigger' AND tbl_name = 'users'";
    assert_eq!(world.count(triggers), 2);
    for rebuild in [
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY, email TEXT, name TEXT); INSERT INTO fresh SELECT id, email, NULL FROM users; \
         DROP TABLE users; ALTER TABLE fresh RENAME TO users",
        "ALTER TABLE users RENAME TO before; \
         CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users SELECT id, email FROM before",
    ] {
        rusqlite_execute(&world.file(), rebuild);
        assert_eq!(world.count(OPEN), 1, "nobody is gone: {rebuild}");
        assert_eq!(world.count(triggers), 0, "{rebuild}");
        let begun = std::time::Instant::now();
        while world.count(triggers) < 2 {
            assert!(begun.elapsed() < Duration::from_secs(10), "{rebuild}");
            world.sign_in("ada@example.org", "correct horse").await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    // They are no triggers that change what is written.
    let begun = std::time::Instant::now();
    loop {
        let catalog = Arc::clone(&world.engine.snapshot().catalog);
        let users = catalog.table(catalog.users.unwrap());
        if users.guarded {
            assert!(!users.triggers);
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rusqlite_execute(&world.file(), "DELETE FROM before");
    assert_eq!(world.count(OPEN), 1, "what was the users table is none any more");
    rusqlite_execute(&world.file(), "DELETE FROM users");
    assert_eq!(world.count(OPEN), 0);
}

#[tokio::test]
async fn accounts_of_an_older_version_go_on() {
    let older = format!(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users VALUES (1, 'Ada@example.org');
         {} {}
         CREATE TABLE _diglot_migration (number INTEGER PRIMARY KEY, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
         INSERT INTO _diglot_migration (number) VALUES (1), (2);
         CREATE TRIGGER _diglot_user_deleted AFTER DELETE ON users BEGIN DELETE FROM _diglot_credential; END;
         INSERT INTO _diglot_credential VALUES ('1', 'ada@example.org', NULL, '{}', 'user', FALSE, FALSE, FALSE, 1, 1)",
        include_str!("../../../schema/system/sqlite/1.sql"),
        include_str!("../../../schema/system/sqlite/2.sql"),
        crate::auth::password::older("correct horse"),
    );
    let world = world(&older).await;
    world.sign_in("ada@example.org", "correct horse").await.unwrap();
    assert_eq!(world.count("_diglot_users_table WHERE table_name = 'users'"), 1);
    assert_eq!(
        world.count("sqlite_schema WHERE name LIKE '_diglot_user_%' AND type = 'trigger'"),
        2
    );
    rusqlite_execute(&world.file(), "DELETE FROM users");
    assert_eq!(world.count("_diglot_credential WHERE gone_at IS NOT NULL"), 1);
}

#[tokio::test]
async fn tables_that_nobody_can_sign_in_with_are_told_and_left_alone() {
    for (table, wrong) in [
        ("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "neither"),
        ("CREATE TABLE users (email TEXT)", "primary key"),
        (
            "CREATE TABLE users (a INTEGER, b INTEGER, email TEXT, PRIMARY KEY (a, b))",
            "primary key",
        ),
    ] {
        let world = world(table).await;
        assert!(
            world.accounts.lacking().is_some_and(|lacking| lacking.contains(wrong)),
            "{table}"
        );
        let error = world.sign_up("ada@example.org").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{error}");
        world.sign_in("ada@example.org", "correct horse").await.unwrap_err();
    }
    let error = world("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, shoe TEXT NOT NULL)")
        .await
        .sign_up("ada@example.org")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.place.as_deref()),
        (Kind::Invalid, Some("shoe")),
        "{error}"
    );
}

#[tokio::test]
async fn a_read_only_database_says_so_and_serves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    rusqlite_execute(&file, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)");
    let url = format!("sqlite:{}?mode=ro", file.display());
    let world = start(folder, &url).await;
    let error = world.sign_up("ada@example.org").await.unwrap_err();
    assert!(error.message.contains("read-only"), "{error}");
    let error = world.sign_in("ada@example.org", "correct horse").await.unwrap_err();
    assert_eq!(error.code, Code::INVALID_CREDENTIALS);
    assert!(world.accounts.accounts().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_closed_out_meanwhile_gets_no_session() {
    let world = world("CREATE TABLE thing (id INTEGER PRIMARY KEY)").await;
    world.sign_up("ada@example.org").await.unwrap();
    // Hashing waits until the account is closed.
    let turns = world.accounts.passwords.hold().await;
    let accounts = Arc::clone(&world.accounts);
    let signing_in = tokio::spawn(async move {
        let action = Action::SignIn {
            who: Login::Email("ada@example.org".into()),
            password: "correct horse".into(),
        };
        accounts.act(&Principal::anonymous(), None, action).await
    });
    while !world.accounts.passwords.is_waited_for() {
        tokio::task::yield_now().await;
    }
    world.accounts.set_disabled("ada@example.org", true).await.unwrap();
    drop(turns);
    let error = signing_in.await.unwrap().unwrap_err();
    assert_eq!(error.code, Code::INVALID_CREDENTIALS);
}

#[tokio::test]
async fn a_hash_of_older_parameters_is_made_anew_when_its_password_is_shown() {
    let world = world("CREATE TABLE thing (id INTEGER PRIMARY KEY)").await;
    world.sign_up("ada@example.org").await.unwrap();
    let kept = async || {
        let snapshot = world.engine.snapshot();
        let which = super::store::is("email", "ada@example.org");
        let row = world.accounts.credential(&snapshot, which).await.unwrap();
        text(&row.unwrap(), "password").unwrap()
    };
    let older = crate::auth::password::older("correct horse");
    let mut changes = Changes::default();
    let set = vec![("password", super::store::To::Value(Value::Text(older.as_str().into())))];
    changes.update("credential", Vec::new(), set);
    changes.run(&world.engine, &world.engine.snapshot()).await.unwrap();
    world.sign_in("ada@example.org", "wrong horse").await.unwrap_err();
    assert_eq!(kept().await, older);
    world.sign_in("ada@example.org", "correct horse").await.unwrap();
    assert!(kept().await.contains("m=19456,t=2,p=1"), "{}", kept().await);
    world.sign_in("ada@example.org", "correct horse").await.unwrap();
}
