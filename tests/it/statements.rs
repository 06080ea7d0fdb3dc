//! One statement for each root of a request: however deep it goes, and however many rows there are.
//!
//! Nobody is believed alone. The server tells of each statement that it sends (`DIGLOT_LOG=diglot::statement=debug`);
//! the databases say what they were given: PostgreSQL in its log, SQLite through its own trace.

use crate::client::{self, Who};
use crate::fronts::{self, Front};
use crate::world::{self, Database, Server};
use serde_json::Value;
use std::time::Duration;

/// Front, request, roots.
const REQUESTS: &[(Front, &str, usize)] = &[
    (Front::GraphQl, "{ book(limit: 1) { id } }", 1),
    (Front::GraphQl, "{ book { id } }", 1),
    // Five levels, of one row each and of all rows.
    (
        Front::GraphQl,
        "{ author(limit: 1) { name book(limit: 1) { title review(limit: 1) { stars book { tag(limit: 1) { name } } } } } }",
        1,
    ),
    (
        Front::GraphQl,
        "{ author(limit: 40) { name book(limit: 40) { title review(limit: 20) { stars book { title tag(limit: 9) { name } } } } } }",
        1,
    ),
    (
        Front::GraphQl,
        "{ book_by_pk(id: 5) { title author { mentor { mentor { book { chapter { title } } } } } } }",
        1,
    ),
    // Conditions and orders over relations.
    (
        Front::GraphQl,
        r#"{ author(where: {book: {review: {stars: {_gte: 4}}}, book_aggregate: {count: {predicate: {_gt: 1}}}},
            order_by: [{book_aggregate: {count: desc}}, {mentor: {name: asc}}, {id: asc}]) { name mentor { name } } }"#,
        1,
    ),
    // Aggregates, with rows beside them and below rows.
    (
        Front::GraphQl,
        "{ book_aggregate { aggregate { count sum { pages } avg { price } } nodes { title author { name } } } }",
        1,
    ),
    (
        Front::GraphQl,
        "{ author { name book_aggregate { aggregate { count max { price } } nodes { review_aggregate { aggregate { avg { stars } } } } } } }",
        1,
    ),
    (
        Front::GraphQl,
        "{ book_group(by: [genre], order_by: {count: desc}) { key { genre } aggregate { count } } }",
        1,
    ),
    // A connection with everything that it has.
    (
        Front::GraphQl,
        "{ book_connection(first: 3, order_by: {title: asc}) { total_count pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { title review { stars reader { id } } } } nodes { id } } }",
        1,
    ),
    // Several roots.
    (
        Front::GraphQl,
        "{ a: book { author { name } } b: author { book { title } } c: tag_aggregate { aggregate { count } } d: book_by_pk(id: 1) { id } e: tag_connection(first: 2) { total_count nodes { name } } f: genre { value book { review { stars } } } }",
        6,
    ),
    (Front::GraphQl, "{ __typename __type(name: \"book\") { name } }", 0),
    (Front::Based, "/api/book?limit=1", 1),
    (Front::Based, "/api/book?limit=40&genre=essays&order=-title", 1),
    (Front::Based, "/api/tag/3", 1),
    (Front::Records, "/api/records/v1/book?limit=1", 1),
    (Front::Records, "/api/records/v1/book?limit=40&count=true", 1),
    (
        Front::Records,
        "/api/records/v1/book?limit=40&count=true&expand=author_id&filter[pages][$gt]=100&order=-rating,id",
        1,
    ),
    (Front::Records, "/api/records/v1/book/5?expand=author_id", 1),
    (Front::Records, "/api/records/v1/nothing", 0),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_statement_for_each_root() {
    for database in Database::ALL {
        let server = world::watched("demo", database).await.unwrap();
        let mut counted = 0;
        for (number, (front, text, roots)) in REQUESTS.iter().enumerate() {
            for (index, who) in ["admin", "user 2"].iter().enumerate() {
                let who = Who::parse(&(*who).into()).unwrap();
                let id = format!("statements-{number}-{index}");
                let request = match front {
                    Front::GraphQl => fronts::graphql(text, None, None),
                    _ => fronts::rest(text),
                };
                let request = request
                    .with(who.ways().swap_remove(0).1)
                    .with([("x-request-id".to_owned(), id.clone())]);
                // The second time everything that is cached or prepared is there.
                let place = format!("{text} as {who} on {database}");
                for _ in 0..2 {
                    let before = Before::of(&server, database);
                    let answer = client::send(server.address, &request).await.unwrap();
                    let refused = fronts::rows(*front, &answer).is_err();
                    assert_eq!(refused, text.ends_with("nothing"), "{place}: {answer}");
                    let seen = before.until_answered(&server, &id).await;
                    assert_eq!(seen.done, *roots, "{place}: statements that Diglot tells of");
                    // One that was interrupted while it was prepared never began.
                    assert!(
                        (seen.done..=seen.done + seen.given_up).contains(&seen.witnessed),
                        "{place}: {} statements that the database tells of, {seen:?}",
                        seen.witnessed
                    );
                    // SQLite's are interrupted when they are slow, and begun anew aside; PostgreSQL's are not.
                    assert!(
                        seen.given_up == 0 || database == Database::Sqlite && seen.given_up <= *roots,
                        "{place}: {} statements given up",
                        seen.given_up
                    );
                    counted += seen.done;
                }
            }
        }
        println!("{counted} statements counted on {database}");
    }
}

/// Where the logs ended before a request.
struct Before {
    own: usize,
    cluster: usize,
    database: Database,
}

#[derive(Debug, Default)]
struct Seen {
    done: usize,
    given_up: usize,
    witnessed: usize,
}

impl Before {
    fn of(server: &Server, database: Database) -> Self {
        Self {
            own: server.log_lines().len(),
            cluster: world::cluster_log().len(),
            database,
        }
    }

    /// What the logs have to say of a request, once it stands there as answered.
    async fn until_answered(&self, server: &Server, id: &str) -> Seen {
        for _ in 0..500 {
            let lines = server.log_lines();
            let events: Vec<Value> = lines[self.own..]
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            let answered = |event: &Value| event["target"] == "diglot::access" && event["id"] == id;
            if !events.iter().any(answered) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                continue;
            }
            let count = |target: &str, message: &str| {
                let fits = |event: &&Value| {
                    event["target"] == target && event["message"] == message && event["span"]["id"] == id
                };
                events.iter().filter(fits).count()
            };
            return Seen {
                done: count("diglot::statement", "done"),
                given_up: count("diglot::statement", "given up"),
                witnessed: match self.database {
                    Database::Sqlite => count("diglot::sqlite", "begun"),
                    // The log of this one database, where nobody else asks for its tables.
                    Database::Postgres => world::cluster_log()[self.cluster..]
                        .lines()
                        .filter(|line| line.contains("LOG:  execute ") && line.contains("\"public\".\""))
                        .count(),
                },
            };
        }
        panic!("no line of the log says that {id} was answered");
    }
}
