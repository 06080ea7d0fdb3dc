//! Servers whose surroundings change while they serve: what the tests of that have in common.

use crate::client::{self, Answer, Request, Who};
use crate::fronts;
use crate::world::{Database, Server};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the server promises to see within.
pub(crate) const SEEN: Duration = Duration::from_secs(5);

/// A foreign client of the database that a server serves.
pub(crate) enum Operator {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Operator {
    pub(crate) fn of(database: Database, url: &str) -> Self {
        match database {
            Database::Sqlite => Self::Sqlite(url.trim_start_matches("sqlite:").into()),
            Database::Postgres => Self::Postgres(url.to_owned()),
        }
    }

    /// Runs statements, each by itself.
    pub(crate) async fn execute(&self, statements: &[&str]) {
        match self {
            Self::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(Duration::from_secs(5)).unwrap();
                for statement in statements {
                    connection.execute_batch(statement).unwrap();
                }
            }
            Self::Postgres(url) => {
                use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
                let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
                for statement in statements {
                    let statement = sqlx::raw_sql(AssertSqlSafe((*statement).to_owned()));
                    connection.execute(statement).await.unwrap();
                }
                connection.close().await.unwrap();
            }
        }
    }
}

/// One exchange as somebody.
pub(crate) async fn ask(server: &Server, who: &Who, request: Request) -> Answer {
    let request = request.with(who.ways().swap_remove(0).1);
    client::send(server.address, &request)
        .await
        .unwrap_or_else(|error| panic!("{request}: {error}\n{}", server.log()))
}

/// The same question to GraphQL, Based and the Records API.
pub(crate) async fn ask_all(server: &Server, who: &Who, query: &str, table: &str) -> [Answer; 3] {
    [
        ask(server, who, fronts::graphql(query, None, None)).await,
        ask(server, who, Request::get(&format!("/api/{table}"))).await,
        ask(server, who, Request::get(&format!("/api/records/v1/{table}"))).await,
    ]
}

/// Waits until something holds; what it says until then is said if it never does. Gives the time that it took.
pub(crate) async fn within<F: Future<Output = Result<(), String>>>(
    limit: Duration,
    what: &str,
    mut holds: impl FnMut() -> F,
) -> Duration {
    let begin = Instant::now();
    loop {
        let last = match holds().await {
            Ok(()) => return begin.elapsed(),
            Err(last) => last,
        };
        assert!(begin.elapsed() < limit, "{what}: not within {limit:?}\n{last}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// That an answer has a status and holds a text.
pub(crate) fn holds(answer: &Answer, status: u16, text: &str) -> Result<(), String> {
    if answer.status == status && answer.text().contains(text) {
        Ok(())
    } else {
        Err(format!("wanted {status} with {text:?}, got {answer}"))
    }
}

/// Callers who never stop asking. Whatever happens, none of them may be told of a fault of the server.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<usize>>,
}

impl Load {
    pub(crate) fn start(server: &Arc<Server>, who: &Who, requests: Vec<Request>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = requests.into_iter().map(|request| {
            let (server, who, stop) = (Arc::clone(server), who.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut asked = 0;
                while !stop.load(Ordering::Relaxed) {
                    let answer = ask(&server, &who, request.clone()).await;
                    let expected = matches!(answer.status, 200 | 400 | 403 | 404 | 405 | 503);
                    assert!(expected, "{request}\n{answer}\n{}", server.log());
                    assert!(
                        answer.status != 503 || answer.header("retry-after").is_some(),
                        "{request}: no Retry-After\n{answer}"
                    );
                    for word in ["\"internal", "internal error", "panic", "sqlx", "SQLSTATE"] {
                        assert!(!answer.text().contains(word), "{request}\n{answer}\n{}", server.log());
                    }
                    asked += 1;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                asked
            })
        });
        Self {
            callers: callers.collect(),
            stop,
        }
    }

    /// Ends it; how often was asked.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut asked = 0;
        for caller in self.callers {
            asked += caller.await.unwrap();
        }
        asked
    }
}
