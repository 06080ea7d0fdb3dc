//! How long things take.

use super::*;

/// 600 tables of 20 columns with keys, foreign keys and checks.
fn wide_schema(tables: usize) -> String {
    let mut script = String::from("BEGIN;");
    for number in 0..tables {
        let columns: Vec<String> = (0..16)
            .map(|column| format!("c{column} TEXT NOT NULL DEFAULT 'x'"))
            .collect();
        let script_of = format!(
            "CREATE TABLE t{number} (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES t{}(id), \
             state TEXT CHECK (state IN ('open','closed')), made TIMESTAMP, {}); CREATE UNIQUE INDEX u{number} ON t{number} (c1, c2); \
             CREATE INDEX i{number} ON t{number} (parent_id);",
            number / 2,
            columns.join(", ")
        );
        script.push_str(&script_of);
    }
    script + "COMMIT;"
}

#[tokio::test]
async fn six_hundred_tables_are_read_in_time() {
    let scene = Scene::new(&wide_schema(600));
    let sqlite = scene.open().await;
    let begin = Instant::now();
    let database = sqlite.introspect().await.expect("a catalog");
    let time = begin.elapsed();
    eprintln!("introspection of 600 tables: {time:?}");
    assert_eq!((database.tables.len(), database.enums.len()), (600, 600));
    assert!(
        database
            .tables
            .iter()
            .all(|table| table.columns.len() == 20 && table.foreign_keys.len() == 1)
    );
    assert!(time < Duration::from_secs(2), "{time:?}");
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// Processor time of the process, in seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|ticks| ticks.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

/// The ways in which a short read can run. By hand: `cargo test --lib sqlite::tests::measure -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure() {
    const READS: i64 = 100_000;
    let scene = Scene::new(
        "CREATE TABLE post (id INTEGER PRIMARY KEY, author INT, title TEXT, body TEXT, status TEXT, views INT, score REAL, made TEXT); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
         INSERT INTO post SELECT i, i % 100, 'Title number ' || i, printf('%.300c', 'x'), 'published', i * 7, i / 3.0, '2026-01-31 12:30:00' FROM n; \
         PRAGMA journal_mode = WAL;",
    );
    eprintln!("resident without a reader: {} kB", resident());
    let sqlite = Arc::new(scene.open().await);
    eprintln!("resident with one: {} kB", resident());
    let layout = object(&[
        ("id", Wire::Integer),
        ("author", Wire::Integer),
        ("title", Wire::Text),
        ("body", Wire::Text),
        ("status", Wire::Text),
        ("views", Wire::Integer),
        ("score", Wire::Float8),
        ("made", Wire::Timestamp),
    ]);
    let sql = "SELECT id, author, title, body, status, views, score, made FROM post WHERE id = ?1";
    let statement = Arc::new(Statement::for_tests(sql, Vec::new(), shape(vec![layout])));
    let key = |number: i64| [Datum::Integer(number * 7919 % 100_000 + 1)];
    let each = |begin: Instant| begin.elapsed().as_secs_f64() * 1e6 / READS as f64;

    let job = |statement: Arc<Statement>, sqlite: Arc<Sqlite>, way: u8| async move {
        let begin = Instant::now();
        for number in 0..READS {
            let values = key(number);
            let run = Run {
                statement: &statement,
                values: &values,
                most: None,
                seal: None,
            };
            let rows = match way {
                0 => sqlite.run(run).await.expect("rows"),
                1 => {
                    let job = run::Job::of(&run);
                    sqlite
                        .pool
                        .aside(move |reader| run::read(&reader.connection, &job.run()))
                        .await
                        .expect("rows")
                        .0
                }
                2 => tokio::task::block_in_place(|| {
                    let reader = sqlite.pool.take().expect("a reader");
                    reader
                        .until(Instant::now() + Duration::from_secs(9), Duration::ZERO)
                        .expect("set");
                    let rows = run::read(&reader.connection, &run);
                    sqlite.pool.give(reader, &rows);
                    rows.expect("rows")
                }),
                _ => sqlite.run(run).await.expect("rows"),
            };
            assert_eq!(rows.count, 1);
        }
        each(begin)
    };
    let reader = sqlite.pool.take().expect("a reader");
    let begin = Instant::now();
    for number in 0..READS {
        let values = key(number);
        run::read(
            &reader.connection,
            &Run {
                statement: &statement,
                values: &values,
                most: None,
                seal: None,
            },
        )
        .expect("rows");
    }
    eprintln!("the read itself: {:.2} µs", each(begin));
    drop(reader);
    for (way, name) in [
        (0, "at once"),
        (3, "at once, after a yield"),
        (2, "block_in_place"),
        (1, "aside"),
    ] {
        let alone = tokio::spawn(job(Arc::clone(&statement), Arc::clone(&sqlite), way))
            .await
            .expect("no panic");
        let four: Vec<_> = (0..4)
            .map(|_| tokio::spawn(job(Arc::clone(&statement), Arc::clone(&sqlite), way)))
            .collect();
        let (begin, before) = (Instant::now(), processor());
        for task in four {
            task.await.expect("no panic");
        }
        let used = (processor() - before) * 1e6 / READS as f64 / 4.0;
        eprintln!(
            "{name}: {alone:.2} µs alone; with four tasks each {:.2} µs of time, {used:.2} µs of processor; resident {} kB",
            each(begin) / 4.0,
            resident()
        );
    }
    let all = Statement::for_tests(
        "SELECT id, title, score FROM post",
        Vec::new(),
        shape(vec![object(&[
            ("id", Wire::Integer),
            ("title", Wire::Text),
            ("score", Wire::Float8),
        ])]),
    );
    let begin = Instant::now();
    let rows = sqlite
        .run(Run {
            statement: &all,
            values: &[],
            most: None,
            seal: None,
        })
        .await
        .expect("rows");
    eprintln!(
        "100 000 flat rows: {:?}, {} bytes; resident {} kB",
        begin.elapsed(),
        rows.buffers[0].len(),
        resident()
    );
}
