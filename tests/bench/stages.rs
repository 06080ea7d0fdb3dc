//! What each stage of a request costs, on the demo database: `cargo bench --bench stages`.
//!
//! SQLite is measured always. PostgreSQL is, where `DIGLOT_BENCH_POSTGRES` names an empty database; the demo's tables
//! are made in it. The figures are for comparing a change with what was before it on the same machine.

use criterion::{Criterion, criterion_group, criterion_main};
use diglot::backend::{Backend, Settings};
use diglot::config::{AccessDefault, LoadOptions, load};
use diglot::engine::{Delivery, Engine, Source, build};
use diglot::graphql::GraphQl;
use diglot::principal::{Credential, Principal, Variable};
use diglot::request::{Demand, Request};
use diglot::rest::{Call, Rest};
use diglot::sql::Care;
use serde_json::Map;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SQLITE: &str = include_str!("../../schema/demo/sqlite.sql");
const POSTGRES: &str = include_str!("../../schema/demo/postgres.sql");
const CONFIGURATION: &str = include_str!("../../schema/demo/diglot.toml");

/// The same questions for every stage, as the demo's signed-in user asks them.
const QUESTIONS: [(&str, &str); 3] = [
    ("point", "{ book_by_pk(id: 1) { id title price published_on } }"),
    (
        "list",
        "{ book(where: {price: {_gt: 5}}, order_by: {id: asc}, limit: 50) { id title language price pages rating } }",
    ),
    (
        "nested",
        "{ author(order_by: {id: asc}, limit: 20) { id name books(order_by: {id: asc}, limit: 5) { id title chapters { title } } } }",
    ),
];

struct House {
    engine: Arc<Engine>,
    graphql: GraphQl,
    rest: Rest,
    principal: Principal,
}

async fn backend(url: &str) -> Backend {
    let settings = Settings {
        url: url.to_owned(),
        schemas: vec!["public".to_owned()],
        statement_timeout: Duration::from_secs(10),
        pool_size: 4,
        synchronous: diglot::config::Synchronous::Full,
    };
    Backend::connect(&settings).await.expect("a database")
}

async fn house(url: &str, script: &'static str, folder: &Path) -> House {
    let backend = backend(url).await;
    backend.execute_script(script).await.expect("the demo's tables");
    let file = folder.join("diglot.toml");
    std::fs::write(&file, CONFIGURATION).expect("a file");
    let options = LoadOptions {
        path: Some(file),
        ..LoadOptions::default()
    };
    let config = load(&options).expect("a configuration").config;
    let source = Source {
        config: Arc::new(config.clone()),
        access: AccessDefault::Convention,
    };
    let Ok((engine, _)) = Engine::start(backend, source, b"bench").await else {
        panic!("the demo does not start")
    };
    let mut principal = Principal::of_role(Principal::USER, Credential::Token);
    principal.variables = Arc::new([("id".to_owned(), Variable::Text("2".into()))].into());
    House {
        graphql: GraphQl::new(Arc::clone(&engine), config.graphql),
        rest: Rest::new(Arc::clone(&engine), config.rest),
        engine,
        principal,
    }
}

impl House {
    fn request(&self, query: &str) -> Request {
        let demand = self
            .graphql
            .demand(&self.engine.snapshot(), &self.principal, query, &Map::new(), None);
        match demand.expect("a valid query") {
            Demand::Reads(mut requests) => requests.remove(0).1,
            Demand::Writes(..) => panic!("a mutation"),
        }
    }
}

fn call(path: &[&str], query: &[(&str, &str)]) -> Call {
    Call {
        method: axum::http::Method::GET,
        path: path.iter().map(|&segment| segment.to_owned()).collect(),
        query: query
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        headers: axum::http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        address: None,
    }
}

/// Wire to request: a document that is known, one that was never seen, and the two REST dialects.
fn fronts(criterion: &mut Criterion, house: &House) {
    let snapshot = house.engine.snapshot();
    let convert = |query: &str| {
        house
            .graphql
            .demand(&snapshot, &house.principal, query, &Map::new(), None)
    };
    let mut group = criterion.benchmark_group("graphql to request");
    for (name, query) in QUESTIONS {
        group.bench_function(format!("{name}, known"), |bencher| {
            bencher.iter(|| convert(black_box(query)).expect("a valid query"));
        });
        let mut number = 0_u64;
        group.bench_function(format!("{name}, new"), |bencher| {
            bencher.iter(|| {
                number += 1;
                // Another text each time, so that no cache has it.
                convert(&query.replacen('{', &format!("{{ n{number}: __typename "), 1)).expect("a valid query")
            });
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("rest to request");
    let based = call(
        &["api", "book"],
        &[("language", "en"), ("order", "-id"), ("limit", "50")],
    );
    let records = call(
        &["api", "records", "v1", "book"],
        &[
            ("filter[$and][0][price][$gt]", "5"),
            ("filter[$and][1][language]", "en"),
            ("order", "-id"),
            ("limit", "50"),
        ],
    );
    for (name, call) in [("based", based), ("records", records)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let request = house.rest.demand(&snapshot, &house.principal, black_box(&call));
                request.expect("a valid call")
            });
        });
    }
    group.finish();
}

/// Request to statement, without the cache of plans.
fn plans(criterion: &mut Criterion, house: &House, backend: &Backend) {
    let snapshot = house.engine.snapshot();
    let catalog = &snapshot.catalog;
    let view = snapshot.view(Principal::USER).expect("the role of users");
    for (name, query) in QUESTIONS {
        let request = house.request(query);
        let mut group = criterion.benchmark_group(format!("request to statement, {name}"));
        let authorize = || {
            let read = black_box(&request.read);
            diglot::rules::authorize(catalog, view, &house.principal, read).expect("an allowed read")
        };
        let authorized = authorize();
        let plan = diglot::plan::plan(catalog, &authorized).expect("a plan");
        group.bench_function("authorize", |bencher| bencher.iter(authorize));
        group.bench_function("plan", |bencher| {
            bencher.iter(|| diglot::plan::plan(catalog, black_box(&authorized)).expect("a plan"));
        });
        group.bench_function("render", |bencher| {
            bencher.iter(|| diglot::sql::render(catalog, black_box(&plan), backend.flavor(), Care::Quick));
        });
        group.finish();
    }
}

/// The whole run of a request whose plan is cached: binding, the database, the rows' JSON.
fn runs(criterion: &mut Criterion, runtime: &tokio::runtime::Runtime, house: &House, database: &str) {
    let mut group = criterion.benchmark_group(format!("run, {database}"));
    let snapshot = house.engine.snapshot();
    for (name, query) in QUESTIONS {
        let request = house.request(query);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                runtime
                    .block_on(house.engine.run(
                        &snapshot,
                        &house.principal,
                        black_box(&request),
                        Delivery::Whole(&house.engine.room()),
                    ))
                    .expect("an answer")
            });
        });
    }
    group.finish();
}

/// A database's description to a snapshot: 600 tables of 20 columns, three relations each.
fn snapshots(criterion: &mut Criterion, runtime: &tokio::runtime::Runtime, folder: &Path) {
    let mut script = String::new();
    for table in 0..600 {
        let _ = write!(script, "CREATE TABLE table_{table} (id INTEGER PRIMARY KEY");
        for column in 0..16 {
            let _ = write!(script, ", column_{column} TEXT NOT NULL DEFAULT ''");
        }
        for (index, other) in [table / 2, table / 3, (table + 599) % 600].into_iter().enumerate() {
            let _ = write!(script, ", key_{index} INTEGER REFERENCES table_{other} (id)");
        }
        script.push_str(");\n");
    }
    let url = format!("sqlite:{}?mode=rwc", folder.join("large.db").display());
    let database = runtime.block_on(async {
        let backend = backend(&url).await;
        backend.execute_script(script.leak()).await.expect("600 tables");
        backend.introspect().await.expect("600 tables")
    });
    let options = LoadOptions::default();
    let source = Source {
        config: Arc::new(load(&options).expect("an empty configuration").config),
        access: AccessDefault::Convention,
    };
    let mut group = criterion.benchmark_group("database to snapshot");
    group.sample_size(20);
    group.bench_function("600 tables", |bencher| {
        bencher.iter_batched(
            || database.clone(),
            |database| build(database, &source, None).map(|_| ()).expect("a catalog"),
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn stages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("demo.db").display());
    let sqlite = runtime.block_on(house(&url, SQLITE, folder.path()));
    let flavored = runtime.block_on(backend(&url));
    fronts(criterion, &sqlite);
    plans(criterion, &sqlite, &flavored);
    runs(criterion, &runtime, &sqlite, "sqlite");
    if let Ok(url) = std::env::var("DIGLOT_BENCH_POSTGRES") {
        let postgres = runtime.block_on(house(&url, POSTGRES, folder.path()));
        runs(criterion, &runtime, &postgres, "postgres");
    }
    snapshots(criterion, &runtime, folder.path());
}

criterion_group!(benches, stages);
criterion_main!(benches);
