//! Statements that mean harm, on a runtime of one worker: it goes on with other work, and they end with their time.

use super::*;

/// Most time for which the worker may be held here: nowhere near what the statements take, but room for a busy machine.
const HELD: Duration = Duration::from_millis(1500);

/// Runs statements at once; what each ended with, and the longest time for which the worker did nothing else.
async fn attack(sqlite: &Arc<Sqlite>, statements: Vec<(Statement, Vec<Datum>)>) -> (Vec<Result<Rows>>, Duration) {
    let mut tasks: Vec<_> = statements
        .into_iter()
        .map(|(statement, values)| {
            let sqlite = Arc::clone(sqlite);
            tokio::spawn(async move {
                let run = Run {
                    statement: &statement,
                    values: &values,
                    most: None,
                    seal: None,
                    room: &Memory::unbounded().room(),
                };
                sqlite.run(run).await
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        let begin = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        longest = longest.max(begin.elapsed());
    }
    let mut ends = Vec::new();
    for task in tasks.drain(..) {
        ends.push(task.await.expect("no panic"));
    }
    (ends, longest)
}

fn statement(text: &str) -> Statement {
    let layout = Layout::Column {
        index: 0,
        wire: Wire::Integer,
    };
    Statement::for_tests(text, Vec::new(), shape(vec![layout]))
}

async fn open(scene: &Scene, statement_timeout: Duration) -> Arc<Sqlite> {
    let settings = Settings {
        statement_timeout,
        ..scene.settings()
    };
    Arc::new(Sqlite::open(&settings).await.expect("opens"))
}

#[tokio::test]
async fn a_lock_of_another_process_holds_no_worker() {
    let scene = Scene::new("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let sqlite = open(&scene, Duration::from_secs(3)).await;
    scene.writer.execute_batch("BEGIN EXCLUSIVE").expect("locks");
    let reads = (0..12).map(|_| (statement("SELECT x FROM t"), Vec::new())).collect();
    let (ends, held) = attack(&sqlite, reads).await;
    assert!(held < HELD, "{held:?}");
    for end in ends {
        assert_eq!(end.expect_err("locked").code, Code::DATABASE_AWAY);
    }
    scene.writer.execute_batch("COMMIT").expect("unlocks");
    let text = answer(&sqlite, "SELECT x FROM t", &[], Wire::Integer).await;
    assert_eq!(text.expect("a row"), "1");
}

#[tokio::test]
async fn json_is_compared_aside_and_within_its_time() {
    let scene = Scene::new(
        "CREATE TABLE t (data); INSERT INTO t SELECT json_group_array(json_object('a', value)) FROM generate(20000)"
            .replace(
                "generate(20000)",
                "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 20000) SELECT value FROM n)",
            )
            .as_str(),
    );
    let sqlite = open(&scene, Duration::from_secs(1)).await;
    let part: serde_json::Value = (10_000..20_000).map(|n| serde_json::json!({ "a": n })).collect();
    let begin = Instant::now();
    let asked = statement("SELECT diglot_json_contains(data, ?1) FROM t").with_long_calls();
    let (ends, held) = attack(&sqlite, vec![(asked, vec![Datum::Text(part.to_string().into())])]).await;
    assert!(held < HELD, "{held:?}");
    let error = ends
        .into_iter()
        .next()
        .expect("one")
        .expect_err("150 million comparisons");
    assert_eq!(error.code, Code::TIMEOUT, "{:?}", error.source);
    // Its time is a second; whole it takes more than a minute.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn geometries_are_compared_aside() {
    let scene = Scene::new("CREATE TABLE t (g); INSERT INTO t VALUES ('POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0))')");
    let sqlite = open(&scene, Duration::from_secs(10)).await;
    // As entangled as can be: each side crosses nearly all others.
    let mut seed = 1u64;
    let mut next = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        seed >> 40
    };
    let points: Vec<String> = (0..1500).map(|_| format!("{} {}", next(), next())).collect();
    let polygon = format!("POLYGON (({}, {}))", points.join(", "), points[0]);
    let asked = |text: &str| {
        (
            statement(text).with_long_calls(),
            vec![Datum::Text(polygon.as_str().into())],
        )
    };
    let (_, held) = attack(
        &sqlite,
        vec![
            asked("SELECT diglot_st_within(g, ?1) FROM t"),
            asked("SELECT diglot_st_contains(?1, g) FROM t"),
        ],
    )
    .await;
    assert!(held < Duration::from_millis(700), "{held:?}");
}
