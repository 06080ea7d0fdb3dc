//! The writer: what shares a commit, what fails alone, what ends a whole transaction.

use super::*;
use crate::backend::{Session, Work};
use crate::error::ViolationKind;
use std::pin::Pin;

/// Statements one after the other; `alone` keeps them out of others' transactions.
struct Lines {
    lines: Vec<&'static str>,
    alone: bool,
    runs: Arc<std::sync::atomic::AtomicU32>,
}

impl Work for Lines {
    fn run<'w>(
        &'w mut self,
        session: &'w mut Session,
    ) -> Pin<Box<dyn Future<Output = crate::error::Result<()>> + Send + 'w>> {
        Box::pin(async move {
            self.runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            for line in &self.lines {
                let statement = Statement::for_tests(line, Vec::new(), Shape::default());
                session.change(&statement, &[Vec::new()]).await?;
            }
            Ok(())
        })
    }

    fn is_alone(&self) -> bool {
        self.alone
    }
}

fn lines(lines: &[&'static str]) -> Box<Lines> {
    Box::new(Lines {
        lines: lines.to_vec(),
        alone: false,
        runs: Arc::default(),
    })
}

fn numbers(scene: &Scene, sql: &str) -> Vec<i64> {
    let mut statement = scene.writer.prepare(sql).expect("prepares");
    let rows = statement.query_map([], |row| row.get(0)).expect("queries");
    rows.map(|row| row.expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_share_commits_and_each_fails_alone() {
    let scene = Scene::new("CREATE TABLE t (x INTEGER PRIMARY KEY, y UNIQUE)");
    let sqlite = Arc::new(scene.open().await);
    const TEXTS: [&str; 4] = [
        "INSERT INTO t (y) VALUES (abs(random()))",
        "INSERT INTO t (y) VALUES ('same')",
        "INSERT INTO t (y) VALUES (abs(random()))",
        "INSERT INTO nowhere VALUES (1)",
    ];
    let mut tasks = Vec::new();
    for index in 0..200 {
        let sqlite = Arc::clone(&sqlite);
        tasks.push(tokio::spawn(async move {
            sqlite.write(lines(&[TEXTS[0], TEXTS[index % 4]])).await
        }));
    }
    let (mut done, mut same, mut other) = (0, 0, 0);
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(()) => done += 1,
            Err(error)
                if error
                    .violation
                    .as_ref()
                    .is_some_and(|it| it.kind == ViolationKind::Unique) =>
            {
                same += 1
            }
            Err(_) => other += 1,
        }
    }
    // One `same` is in; of those that failed not even the first line is.
    assert_eq!((done, same, other), (101, 49, 50));
    assert_eq!(numbers(&scene, "SELECT count(*) FROM t"), [202]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_the_transaction_leaves_the_others_whole() {
    let scene = Scene::new(
        "CREATE TABLE t (x INTEGER); CREATE TRIGGER g BEFORE INSERT ON t WHEN new.x < 0 BEGIN SELECT RAISE(ROLLBACK, 'no'); END; \
         CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)",
    );
    let sqlite = Arc::new(scene.open().await);
    let mut tasks = Vec::new();
    for index in 0..60 {
        let sqlite = Arc::clone(&sqlite);
        let mut work = match index % 3 {
            0 => lines(&["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]),
            1 => lines(&["INSERT INTO t VALUES (3)", "INSERT INTO t VALUES (-1)"]),
            _ => lines(&["INSERT INTO t VALUES (4)", "INSERT INTO c VALUES (99)"]),
        };
        // Whether it keeps apart by itself or only fails at the commit: nobody else is undone.
        work.alone = index % 6 == 2;
        tasks.push(tokio::spawn(async move { (index % 3, sqlite.write(work).await) }));
    }
    for task in tasks {
        let (kind, outcome) = task.await.expect("no panic");
        assert_eq!(outcome.is_ok(), kind == 0, "{kind} {outcome:?}");
    }
    assert_eq!(numbers(&scene, "SELECT count(*) FROM t WHERE x = 1"), [20]);
    assert_eq!(numbers(&scene, "SELECT count(*) FROM t"), [40]);
    assert_eq!(numbers(&scene, "SELECT count(*) FROM c"), [0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_long_ends_sooner_where_others_wait() {
    const LONG: &str = "INSERT INTO t SELECT count(*) FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 \
                        FROM n) SELECT value FROM n)";
    let scene = Scene::new("CREATE TABLE t (x INTEGER)");
    let sqlite = Arc::new(scene.open().await);
    let writer = Arc::clone(&sqlite);
    let long = tokio::spawn(async move { writer.write(lines(&[LONG])).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begin = std::time::Instant::now();
    sqlite
        .write(lines(&["INSERT INTO t VALUES (1)"]))
        .await
        .expect("writes");
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "it waited {:?}",
        begin.elapsed()
    );
    let error = long.await.expect("no panic").expect_err("too long");
    assert_eq!(error.code, crate::error::Code::TIMEOUT, "{error:?}");
    assert_eq!(numbers(&scene, "SELECT x FROM t"), [1]);
}

#[tokio::test]
async fn what_a_check_fails_to_compute_is_the_callers() {
    let scene = Scene::new("CREATE TABLE t (x TEXT CHECK (json_extract(x, '$.a') > 1)); CREATE TABLE u (x TEXT)");
    scene
        .writer
        .execute_batch("CREATE INDEX i ON u (json_extract(x, '$.a'))")
        .expect("an index");
    let sqlite = scene.open().await;
    for line in ["INSERT INTO t VALUES ('no JSON')", "INSERT INTO u VALUES ('no JSON')"] {
        let error = sqlite.write(lines(&[line])).await.expect_err("fails");
        assert_eq!(error.kind, crate::error::Kind::Invalid, "{line}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_beside_a_write_and_see_it_whole() {
    let scene = Scene::new("CREATE TABLE t (x INTEGER)");
    let sqlite = Arc::new(scene.open().await);
    let writer = Arc::clone(&sqlite);
    let write = tokio::spawn(async move {
        let line = "INSERT INTO t SELECT value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n \
                    WHERE value < 20000) SELECT value FROM n)";
        for _ in 0..10 {
            writer.write(lines(&[line, line])).await.expect("writes");
        }
    });
    let layout = Layout::Column {
        index: 0,
        wire: Wire::Integer,
    };
    let count = Statement::for_tests("SELECT count(*) FROM t", Vec::new(), shape(vec![layout]));
    let mut seen = 0;
    while !write.is_finished() {
        let run = Run {
            statement: &count,
            values: &[],
            most: None,
            seal: None,
            room: &Memory::unbounded().room(),
        };
        let rows = sqlite.run(run).await.expect("reads");
        let number: u64 = std::str::from_utf8(&rows.buffers[0])
            .expect("text")
            .parse()
            .expect("a number");
        assert_eq!(number % 40_000, 0, "half a transaction is seen");
        assert!(number >= seen);
        seen = number;
    }
    write.await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_halves_nothing_and_is_over_when_there_is_room() {
    let scene = Scene::new("CREATE TABLE t (x INTEGER, y BLOB)");
    let sqlite = Arc::new(scene.open().await);
    // The file may not grow any more: what the writer's connection is told is what a full disk tells it.
    sqlite
        .write(lines(&["PRAGMA max_page_count = 8"]))
        .await
        .expect("is set");
    let mut tasks = Vec::new();
    for index in 0..30 {
        let sqlite = Arc::clone(&sqlite);
        let work = if index % 3 == 0 {
            lines(&[
                "INSERT INTO t VALUES (1, NULL)",
                "INSERT INTO t VALUES (2, zeroblob(100000))",
            ])
        } else {
            lines(&["INSERT INTO t VALUES (3, NULL)", "INSERT INTO t VALUES (4, NULL)"])
        };
        tasks.push(tokio::spawn(async move { (index % 3 == 0, sqlite.write(work).await) }));
    }
    for task in tasks {
        let (large, outcome) = task.await.expect("no panic");
        match outcome {
            Ok(()) => assert!(!large),
            Err(error) => {
                assert!(large, "{error:?}");
                assert_eq!(error.kind, crate::error::Kind::Unavailable, "{error:?}");
            }
        }
    }
    assert_eq!(numbers(&scene, "SELECT count(*) FROM t WHERE x < 3"), [0]);
    assert_eq!(numbers(&scene, "SELECT count(*) FROM t WHERE x = 3"), [20]);
    assert_eq!(numbers(&scene, "SELECT count(*) FROM t"), [40]);
    sqlite
        .write(lines(&["PRAGMA max_page_count = 1000"]))
        .await
        .expect("is set");
    sqlite
        .write(lines(&["INSERT INTO t VALUES (5, zeroblob(100000))"]))
        .await
        .expect("there is room again");
    let said: String = scene
        .writer
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checks");
    assert_eq!(said, "ok");
}

/// Reads a row back.
struct ReadsBack;

impl Work for ReadsBack {
    fn run<'w>(
        &'w mut self,
        session: &'w mut Session,
    ) -> Pin<Box<dyn Future<Output = crate::error::Result<()>> + Send + 'w>> {
        Box::pin(async move {
            let statement = Statement::for_tests("SELECT 1", Vec::new(), Shape::default());
            let room = Memory::new(1 << 20, 1 << 20).room();
            let run = Run {
                statement: &statement,
                values: &[],
                most: None,
                seal: None,
                room: &room,
            };
            session.read(run).await.map(|_| ())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_answer_may_hold_does_not_bound_what_is_written() {
    let scene = Scene::new("CREATE TABLE t (y BLOB)");
    let sqlite = scene.open().await;
    for _ in 0..2 {
        sqlite
            .write(lines(&["INSERT INTO t VALUES (zeroblob(20000000))"]))
            .await
            .expect("is written");
        sqlite.write(Box::new(ReadsBack)).await.expect("is read");
    }
    sqlite
        .write(lines(&["UPDATE t SET y = zeroblob(length(y) + 1)"]))
        .await
        .expect("is changed");
    assert_eq!(numbers(&scene, "SELECT max(length(y)) FROM t"), [20_000_001]);
}
