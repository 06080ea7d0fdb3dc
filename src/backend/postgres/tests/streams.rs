//! Long answers: who may stream, and how a stream ends.

use super::*;
use crate::backend::{Reply, Stream};
use crate::error::{Code, Kind};
use std::time::Instant;

/// Rows without an end that anybody would see.
const ENDLESS: &str = "SELECT generate_series(1, 2000000000)::text";
/// A few chunks of rows.
const LONG: &str = "SELECT generate_series(1, 200000)::text";

async fn stream(postgres: &Postgres, text: &str) -> Result<Reply> {
    let statement = Statement::for_tests(text, vec![], shape(vec![column(0, Wire::Text)]));
    postgres
        .stream(Run {
            statement: &statement,
            values: &[],
            most: None,
            seal: None,
            room: &Memory::unbounded().room(),
        })
        .await
}

async fn begun(postgres: &Postgres) -> Stream {
    match stream(postgres, ENDLESS).await.unwrap() {
        Reply::Stream(stream) => stream,
        Reply::Whole(rows) => panic!("{} rows without end", rows.count),
    }
}

/// Statements of the test that the server still runs.
async fn running(client: &mut PgConnection) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                AND query LIKE 'SELECT generate_series(1, 2000000000)%'";
    sqlx::query_scalar(text).fetch_one(client).await.unwrap()
}

async fn assert_ended(client: &mut PgConnection) {
    let begin = Instant::now();
    while running(client).await > 0 {
        assert!(
            begin.elapsed() < Duration::from_secs(3),
            "the server still works for nobody"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn pieces_are_the_whole() {
    with_database("", async |scratch| {
        let postgres = scratch.connect().await;
        let statement = Statement::for_tests(LONG, vec![], shape(vec![column(0, Wire::Text)]));
        let whole = text(&run(&postgres, &statement, &[]).await.unwrap(), 0);
        let Reply::Stream(stream) = stream(&postgres, LONG).await.unwrap() else {
            panic!("it is long");
        };
        let (bytes, pieces, rows) = stream.taken().await;
        assert_eq!((rows, pieces > 10), (200_000, true));
        assert!(bytes == whole.as_bytes());
    })
    .await;
}

/// Streams hold half of the pool at most, what is long beyond that is whole; dropped ones end at once on the server, too.
#[tokio::test]
async fn places_come_back() {
    with_database("", async |scratch| {
        let postgres = scratch.connect().await;
        let mut client = scratch.client().await;
        for _ in 0..10 {
            let held = [begun(&postgres).await, begun(&postgres).await];
            assert_eq!(running(&mut client).await, 2);
            let Reply::Whole(rows) = stream(&postgres, LONG).await.unwrap() else {
                panic!("more streams than places");
            };
            assert_eq!(rows.count, 200_000);
            drop(held);
            assert_ended(&mut client).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_takes_nothing_is_ended() {
    with_database("", async |scratch| {
        let settings = Settings {
            statement_timeout: Duration::from_millis(500),
            ..scratch.settings()
        };
        let postgres = Postgres::connect(&settings).await.unwrap();
        let mut client = scratch.client().await;
        let mut late = begun(&postgres).await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert_ended(&mut client).await;
        let error = loop {
            if let Err(error) = late.next().await {
                break error;
            }
        };
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::TIMEOUT));
        // Who takes everything ends with the time of the statement, too, and the connection stays sound.
        let mut eager = begun(&postgres).await;
        let error = loop {
            if let Err(error) = eager.next().await {
                break error;
            }
        };
        assert_eq!(error.code, Code::TIMEOUT);
        assert_ended(&mut client).await;
    })
    .await;
}
