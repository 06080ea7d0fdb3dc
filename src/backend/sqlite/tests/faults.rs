//! What goes wrong: bad statements, bad files, locks, time, and other processes.

use super::*;

/// Every error has its kind and code, and the connection goes on working after it.
#[tokio::test]
async fn errors_are_classified() {
    let scene =
        Scene::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, x'00ff'), (2, 'b')");
    let sqlite = scene.open().await;
    let deep = format!("SELECT {}1{}", "(1+".repeat(2000), ")".repeat(2000));
    for (sql, kind, code) in [
        (
            "SELECT diglot_regexp('a(', x, 0) FROM t",
            Kind::Invalid,
            Code::INVALID_VALUE,
        ),
        (
            "SELECT diglot_like('a\\', x, 1) FROM t WHERE id = 2",
            Kind::Invalid,
            Code::INVALID_VALUE,
        ),
        ("SELECT json_object('x', x) FROM t", Kind::Internal, Code::BLOB_IN_JSON),
        ("SELECT json_group_array(x) FROM t", Kind::Internal, Code::BLOB_IN_JSON),
        ("SELECT id FROM u", Kind::Unavailable, Code::SCHEMA_CHANGED),
        ("SELECT \"nope\" FROM t", Kind::Unavailable, Code::SCHEMA_CHANGED),
        (
            "SELECT sum(9223372036854775807) FROM t",
            Kind::Invalid,
            Code::INVALID_VALUE,
        ),
        ("SELECT nonsense(1)", Kind::Internal, Code::INTERNAL),
        ("SELEC", Kind::Internal, Code::INTERNAL),
        (&deep, Kind::Invalid, Code::LIMIT_EXCEEDED),
        ("SELECT zeroblob(2000000000)", Kind::TooLarge, Code::LIMIT_EXCEEDED),
        ("DELETE FROM t", Kind::Unavailable, Code::DATABASE_AWAY),
    ] {
        let error = answer(&sqlite, sql, &[], Wire::Text).await.expect_err(sql);
        assert_eq!((error.kind, error.code), (kind, code), "{sql}: {:?}", error.source);
        assert!(
            !error.message.contains("SQL") && !error.message.contains("diglot:"),
            "{}",
            error.message
        );
        assert_eq!(
            answer(&sqlite, "SELECT count(*) FROM t", &[], Wire::Integer)
                .await
                .expect("still works"),
            "2"
        );
    }
    let error = answer(&sqlite, "SELECT diglot_regexp('a(', 'x', 0)", &[], Wire::Text)
        .await
        .expect_err("invalid");
    assert_eq!(
        error.message,
        "the pattern \"a(\" is no regular expression: unclosed group at character 2"
    );
}

/// Rows, and the rows within one, are refused when they are too large to be held; what follows has its own room.
#[tokio::test]
async fn what_is_too_large_is_refused() {
    let scene = Scene::new("");
    let sqlite = scene.open().await;
    let rows = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT hex(zeroblob(500)) FROM c";
    let within = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) \
                  SELECT json_group_array(hex(zeroblob(500))) FROM c";
    let memory = |each: usize| Memory::new(each, usize::MAX);
    for (sql, each, good) in [
        (rows, 30_000_000, true),
        (rows, 1_000_000, false),
        (within, 30_000_000, true),
        // SQLite itself ends what is above its own bound, our writer what is below.
        (within, 18_000_000, false),
        (within, 1_000_000, false),
    ] {
        let layout = Layout::Column {
            index: 0,
            wire: Wire::Text,
        };
        let statement = Statement::for_tests(sql, Vec::new(), shape(vec![layout]));
        let rows = sqlite
            .run(Run {
                statement: &statement,
                values: &[],
                most: None,
                seal: None,
                room: &memory(each).room(),
            })
            .await;
        match rows {
            Ok(rows) => assert!(good && rows.bytes() > 20_000_000, "{sql} within {each}"),
            Err(error) => assert_eq!((error.kind, good), (Kind::TooLarge, false), "{sql} within {each}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused_with_a_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = async |name: &str| {
        let url = format!("sqlite:{}", directory.path().join(name).display());
        Sqlite::open(&Settings {
            url,
            schemas: Vec::new(),
            statement_timeout: Duration::from_secs(1),
            pool_size: 1,
            synchronous: crate::config::Synchronous::Full,
        })
        .await
    };
    std::fs::write(
        directory.path().join("note.txt"),
        "this is no database at all, only text".repeat(100),
    )
    .expect("written");
    std::fs::create_dir(directory.path().join("folder")).expect("made");
    for (name, part) in [
        ("missing.db", "there is no database"),
        ("note.txt", "not a database"),
        ("folder", "cannot be opened"),
        ("no/such/folder.db?mode=rwc", "cannot be made"),
    ] {
        let error = open(name).await.err().expect(name);
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::DATABASE_AWAY));
        assert!(
            error.message.contains(part) && error.message.contains(name.split('?').next().expect("a name")),
            "{error}"
        );
    }
    let sqlite = open("new.db?mode=rwc").await.expect("made");
    sqlite
        .execute_script("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2);")
        .await
        .expect("runs");
    assert_eq!(
        answer(&sqlite, "SELECT count(*) FROM t", &[], Wire::Integer)
            .await
            .expect("rows"),
        "2"
    );
    assert!(
        sqlite
            .execute_script("INSERT INTO t VALUES (3); INSERT INTO nowhere VALUES (1)")
            .await
            .is_err()
    );
    assert_eq!(
        answer(&sqlite, "SELECT count(*) FROM t", &[], Wire::Integer)
            .await
            .expect("rows"),
        "2"
    );
    assert_eq!(
        answer(&sqlite, "PRAGMA journal_mode", &[], Wire::Text)
            .await
            .expect("rows"),
        "\"wal\""
    );
    assert!(!sqlite.introspect().await.expect("a catalog").read_only);
    let read = open("new.db?mode=ro").await.expect("opens");
    assert!(read.introspect().await.expect("a catalog").read_only);

    let memory = |url: &str| Settings {
        url: url.into(),
        schemas: Vec::new(),
        statement_timeout: Duration::from_secs(1),
        pool_size: 1,
        synchronous: crate::config::Synchronous::Full,
    };
    let (one, other) = (memory(":memory:"), memory("sqlite::memory:"));
    let (one, other) = (
        Sqlite::open(&one).await.expect("opens"),
        Sqlite::open(&other).await.expect("opens"),
    );
    one.execute_script("CREATE TABLE t (x); INSERT INTO t VALUES (7)")
        .await
        .expect("runs");
    assert_eq!(
        answer(&one, "SELECT x FROM t", &[], Wire::Integer).await.expect("rows"),
        "7"
    );
    assert!(other.introspect().await.expect("a catalog").tables.is_empty());
}

/// Never ends by itself.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_statements_neither_block_nor_outlive_their_time() {
    let scene = Scene::new("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let mut settings = scene.settings();
    settings.statement_timeout = Duration::from_secs(6);
    let sqlite = Arc::new(Sqlite::open(&settings).await.expect("opens"));
    let begin = Instant::now();
    let endless: Vec<_> = (0..6)
        .map(|_| {
            let sqlite = Arc::clone(&sqlite);
            tokio::spawn(async move { answer(&sqlite, ENDLESS, &[], Wire::Integer).await })
        })
        .collect();
    // Short reads go on meanwhile, on the same two workers.
    let mut slowest = Duration::ZERO;
    while begin.elapsed() < Duration::from_millis(500) {
        let one = Instant::now();
        let sqlite = Arc::clone(&sqlite);
        let text = tokio::spawn(async move { answer(&sqlite, "SELECT x FROM t", &[], Wire::Integer).await });
        assert_eq!(text.await.expect("no panic").expect("a row"), "1");
        slowest = slowest.max(one.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Not a timing: none of them waited for an endless one to be ended.
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    for task in endless {
        let error = task.await.expect("no panic").expect_err("ended");
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.code == Code::TIMEOUT || error.code == Code::DATABASE_AWAY);
    }
    // Ended by their timeout of 6 s; the rest is room for a busy machine.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    // A caller who goes away takes the statement along.
    let gone = tokio::time::timeout(Duration::from_millis(50), answer(&sqlite, ENDLESS, &[], Wire::Integer)).await;
    assert!(gone.is_err());
    assert_eq!(
        answer(&sqlite, "SELECT x FROM t", &[], Wire::Integer)
            .await
            .expect("a row"),
        "1"
    );
}

#[tokio::test]
async fn a_locked_file_is_waited_for_aside() {
    let scene = Scene::new("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let mut settings = scene.settings();
    settings.statement_timeout = Duration::from_millis(700);
    let sqlite = Sqlite::open(&settings).await.expect("opens");
    scene.writer.execute_batch("BEGIN EXCLUSIVE").expect("locks");
    let error = answer(&sqlite, "SELECT x FROM t", &[], Wire::Integer)
        .await
        .expect_err("locked");
    assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::DATABASE_AWAY));
    let waiting = answer(&sqlite, "SELECT x FROM t", &[], Wire::Integer);
    let release = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        scene.writer.execute_batch("COMMIT").expect("unlocks");
    };
    let (text, ()) = tokio::join!(waiting, release);
    assert_eq!(text.expect("a row"), "1");
    // With a write-ahead log nobody waits.
    scene
        .writer
        .execute_batch("PRAGMA journal_mode=WAL; BEGIN IMMEDIATE; INSERT INTO t VALUES (2)")
        .expect("writes");
    assert_eq!(
        answer(&sqlite, "SELECT count(*) FROM t", &[], Wire::Integer)
            .await
            .expect("a row"),
        "1"
    );
    scene.writer.execute_batch("COMMIT").expect("commits");
    assert_eq!(
        answer(&sqlite, "SELECT count(*) FROM t", &[], Wire::Integer)
            .await
            .expect("a row"),
        "2"
    );
}

#[tokio::test]
async fn foreign_changes_are_seen() {
    let scene = Scene::new("CREATE TABLE t (x, y); INSERT INTO t VALUES (1, 2)");
    let sqlite = scene.open().await;
    let first = sqlite.fingerprint().await.expect("a fingerprint");
    assert_eq!(sqlite.introspect().await.expect("a catalog").fingerprint, first);
    assert_eq!(
        answer(&sqlite, "SELECT y FROM t", &[], Wire::Integer)
            .await
            .expect("rows"),
        "2"
    );
    scene
        .writer
        .execute_batch("INSERT INTO t VALUES (3, 4)")
        .expect("writes");
    assert_eq!(sqlite.fingerprint().await.expect("a fingerprint"), first);
    // A prepared statement goes on where it still makes sense, and says so where it does not.
    scene
        .writer
        .execute_batch("ALTER TABLE t ADD COLUMN z")
        .expect("alters");
    let second = sqlite.fingerprint().await.expect("a fingerprint");
    assert_ne!(second, first);
    assert_eq!(
        answer(&sqlite, "SELECT y FROM t", &[], Wire::Integer)
            .await
            .expect("rows"),
        "2,4"
    );
    scene
        .writer
        .execute_batch("ALTER TABLE t DROP COLUMN y")
        .expect("alters");
    let error = answer(&sqlite, "SELECT y FROM t", &[], Wire::Integer)
        .await
        .expect_err("no such column");
    assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::SCHEMA_CHANGED));
    assert_eq!(
        table(&sqlite.introspect().await.expect("a catalog"), "t").columns.len(),
        2
    );

    // Another file in its place, then none.
    let path = scene.directory.path().join("test.db");
    let other = scene.directory.path().join("other.db");
    Connection::open(&other)
        .expect("opens")
        .execute_batch("CREATE TABLE u (a)")
        .expect("runs");
    std::fs::rename(&other, &path).expect("renamed");
    assert_ne!(sqlite.fingerprint().await.expect("a fingerprint"), second);
    assert_eq!(
        answer(&sqlite, "SELECT count(*) FROM u", &[], Wire::Integer)
            .await
            .expect("rows"),
        "0"
    );
    std::fs::rename(&path, &other).expect("renamed");
    assert_eq!(sqlite.fingerprint().await.expect_err("gone").code, Code::DATABASE_AWAY);
    let error = answer(&sqlite, "SELECT count(*) FROM u", &[], Wire::Integer)
        .await
        .expect_err("gone");
    assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::DATABASE_AWAY));
    std::fs::rename(&other, &path).expect("renamed");
    assert_eq!(
        answer(&sqlite, "SELECT count(*) FROM u", &[], Wire::Integer)
            .await
            .expect("rows"),
        "0"
    );
}
