//! Callers who take long, and a server that falls silent.

use super::*;
use crate::error::Code;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn one(sql: &str) -> Statement {
    Statement::for_tests(sql, vec![], shape(vec![column(0, Wire::Text)]))
}

#[tokio::test]
async fn slow_statements_leave_connections_to_quick_ones() {
    with_database("", async |scratch| {
        let postgres = Arc::new(scratch.connect().await);
        let quick = one("SELECT 'quick'");
        run(&postgres, &quick, &[]).await.unwrap();
        // The values of a pattern may take long, also of a text that was quick before; and each text may be new.
        let slow: Vec<_> = (0..20)
            .map(|number| {
                let postgres = Arc::clone(&postgres);
                let statement = if number % 2 == 0 {
                    one("SELECT pg_sleep(1.5)::text").with_long_calls()
                } else {
                    one(&format!("SELECT pg_sleep(1.5)::text, {number}"))
                };
                tokio::spawn(async move { run(&postgres, &statement, &[]).await })
            })
            .collect();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(4) {
            let rows = run(&postgres, &quick, &[])
                .await
                .expect("never all connections are busy");
            assert_eq!(rows.count, 1);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for end in slow {
            if let Err(error) = end.await.unwrap() {
                assert_eq!(error.code, Code::DATABASE_AWAY);
            }
        }
    })
    .await;
}

/// Passes bytes on until the network is cut.
async fn wire(target: String, cut: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&target).await.unwrap();
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            for (mut from, mut to) in [(from_near, to_far), (from_far, to_near)] {
                let cut = Arc::clone(&cut);
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(length @ 1..) = from.read(&mut bytes).await {
                        if cut.load(Ordering::Relaxed) {
                            std::future::pending::<()>().await;
                        }
                        if to.write_all(&bytes[..length]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    port
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_without_end() {
    with_database("CREATE TABLE t (id int PRIMARY KEY)", async |scratch| {
        let mut url = url::Url::parse(&scratch.settings().url).unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let cut = Arc::new(AtomicBool::new(false));
        url.set_port(Some(wire(target, Arc::clone(&cut)).await)).unwrap();
        let settings = Settings {
            url: url.into(),
            statement_timeout: Duration::from_secs(1),
            ..scratch.settings()
        };
        let postgres = Postgres::connect(&settings).await.unwrap();
        postgres.introspect().await.unwrap();
        cut.store(true, Ordering::Relaxed);
        let statement = one("SELECT '1'");
        let all = async {
            tokio::join!(
                async { postgres.introspect().await.map(|_| ()) },
                async { postgres.fingerprint().await.map(|_| ()) },
                async { postgres.explain(&statement, &[]).await.map(|_| ()) },
            )
        };
        let (introspected, fingerprint, explained) = tokio::time::timeout(Duration::from_secs(60), all)
            .await
            .expect("each has an end");
        for end in [introspected, fingerprint, explained] {
            assert_eq!(end.unwrap_err().code, Code::DATABASE_AWAY);
        }
    })
    .await;
}
