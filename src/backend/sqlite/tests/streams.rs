//! Long answers: who may stream, and how a stream ends.

use super::*;
use crate::backend::Stream;

/// Rows without end.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
/// More than is written within the time of the worker.
const LONG: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT i FROM n";

async fn stream(sqlite: &Sqlite, text: &str) -> Result<Reply> {
    let layout = Layout::Column {
        index: 0,
        wire: Wire::Integer,
    };
    let statement = Statement::for_tests(text, Vec::new(), shape(vec![layout]));
    sqlite
        .stream(Run {
            statement: &statement,
            values: &[],
            most: None,
            seal: None,
            room: &Memory::unbounded().room(),
        })
        .await
}

async fn begun(sqlite: &Sqlite) -> Stream {
    match stream(sqlite, ENDLESS).await.expect("begins") {
        Reply::Stream(stream) => stream,
        Reply::Whole(rows) => panic!("{} rows without end", rows.count),
    }
}

#[tokio::test]
async fn pieces_are_the_whole() {
    let scene = Scene::new("");
    let sqlite = scene.open().await;
    let whole = answer(&sqlite, LONG, &[], Wire::Integer).await.expect("whole");
    let Reply::Stream(stream) = stream(&sqlite, LONG).await.expect("begins") else {
        panic!("it is long");
    };
    let (bytes, pieces, rows) = stream.taken().await;
    assert_eq!((rows, pieces > 10), (200_000, true));
    assert!(bytes == whole.as_bytes());
}

/// Beyond the places for streams an answer is whole; a stream that is dropped ends, and its place is free again.
#[tokio::test]
async fn places_come_back() {
    let scene = Scene::new("");
    let sqlite = scene.open().await;
    let mut held = Vec::new();
    loop {
        match stream(&sqlite, LONG).await.expect("answers") {
            Reply::Stream(stream) => held.push(stream),
            Reply::Whole(rows) => {
                assert_eq!(rows.count, 200_000);
                break;
            }
        }
        assert!(held.len() < 100, "streams without a bound");
    }
    let places = held.len();
    assert!(places > 1);
    for _ in 0..5 {
        held.clear();
        let begin = Instant::now();
        while held.len() < places {
            if let Reply::Stream(stream) = stream(&sqlite, LONG).await.expect("answers") {
                held.push(stream);
            }
            assert!(begin.elapsed() < Duration::from_secs(5), "places are lost");
        }
    }
}

#[tokio::test]
async fn who_takes_nothing_is_ended() {
    let scene = Scene::new("");
    let settings = Settings {
        statement_timeout: Duration::from_millis(400),
        ..scene.settings()
    };
    let sqlite = Sqlite::open(&settings).await.expect("opens");
    let mut late = begun(&sqlite).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let error = loop {
        if let Err(error) = late.next().await {
            break error;
        }
    };
    assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::TIMEOUT));
    // Who takes everything ends with the time of the statement, too.
    let begin = Instant::now();
    let mut eager = begun(&sqlite).await;
    let error = loop {
        if let Err(error) = eager.next().await {
            break error;
        }
    };
    assert_eq!(error.code, Code::TIMEOUT);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

/// Beside streams that nobody takes, reads go on: at once, and aside.
#[tokio::test]
async fn reads_go_on_beside() {
    let scene = Scene::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    let sqlite = scene.open().await;
    let held = futures_util::future::join_all((0..6).map(|_| begun(&sqlite))).await;
    let begin = Instant::now();
    for _ in 0..3 {
        assert_eq!(
            answer(&sqlite, "SELECT id FROM t", &[], Wire::Integer)
                .await
                .expect("answers"),
            "1"
        );
        let slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT max(i) FROM n";
        assert_eq!(
            answer(&sqlite, slow, &[], Wire::Integer).await.expect("answers"),
            "50000"
        );
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(held);
}
