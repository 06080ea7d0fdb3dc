//! Properties: what must hold for any rows and any request. The built binary answers over HTTP, on both databases.
//!
//! `data` makes rows and writes them, `condition` makes conditions and says them in every wire form, `judge` decides by
//! itself what an answer must be. The rest are the properties.
//!
//! The cases are the same in every run. `DIGLOT_PROPERTY_CASES=50` runs fifty times as many of each, with a new seed,
//! which is printed; `DIGLOT_PROPERTY_SEED=7` repeats it.

#![allow(
    clippy::format_push_string,
    reason = "scripts and configurations read better as they will stand"
)]

mod condition;
mod data;
mod filters;
mod identifiers;
mod interference;
mod judge;
mod model;
mod paging;
mod question;
mod roles;
mod wire;
mod writes;

use crate::client::{self, Answer, Request};
use crate::world::{self, Database, Server};
use futures_util::future::join_all;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestCaseResult, TestError, TestRng, TestRunner};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs a property on so many cases, or on more where the environment says so.
pub(crate) fn check<S, F, R>(name: &str, cases: u32, strategy: &S, property: F)
where
    S: Strategy,
    F: Fn(S::Value) -> R,
    R: Future<Output = TestCaseResult>,
{
    let times = number("DIGLOT_PROPERTY_CASES");
    let seed = number("DIGLOT_PROPERTY_SEED").unwrap_or_else(|| if times.is_some() { fresh() } else { 1 });
    if times.is_some() {
        println!("{name}: DIGLOT_PROPERTY_SEED={seed}");
    }
    let config = Config {
        cases: cases.saturating_mul(times.and_then(|times| u32::try_from(times).ok()).unwrap_or(1)),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let runtime = runtime();
    let mut runner = TestRunner::new_with_rng(config, random);
    match runner.run(strategy, |case| runtime.block_on(property(case))) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => {
            let case = client::clip(&format!("{case:?}"));
            panic!("{name} (DIGLOT_PROPERTY_SEED={seed}): {reason}\nwith   {case}");
        }
        Err(TestError::Abort(reason)) => panic!("{name} (DIGLOT_PROPERTY_SEED={seed}): {reason}"),
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")),
    )
}

fn fresh() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}

/// A server of a property on each database.
fn servers(name: &str, script: impl Fn(Database) -> String, configuration: &str) -> Vec<(Database, Arc<Server>)> {
    let start = |database| {
        let script = script(database);
        async move {
            let started = world::start_on(name, database, &script, configuration).await;
            (database, started.unwrap_or_else(|error| panic!("{error}")))
        }
    };
    runtime().block_on(join_all(Database::ALL.map(start)))
}

/// The answers to several requests, asked at once.
async fn ask(server: &Server, requests: &[Request]) -> Vec<Answer> {
    let answers = join_all(requests.iter().map(|request| client::send(server.address, request))).await;
    let answers = answers.into_iter().zip(requests);
    answers
        .map(|(answer, request)| {
            let answer = answer.unwrap_or_else(|error| panic!("{request}: {error}\n{}", server.log()));
            let fault = answer.status >= 500 || answer.text().contains("\"internal error\"");
            assert!(!fault, "{request}\n{answer}\n{}", server.log());
            answer
        })
        .collect()
}

/// Headers that make the admin a role.
fn as_role(role: &str) -> Vec<(String, String)> {
    vec![
        ("x-diglot-admin-secret".into(), world::ADMIN_SECRET.into()),
        ("x-diglot-role".into(), role.into()),
    ]
}

/// Everything, as it stands between `&` and `=`.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Parameters as a query string, with its question mark.
fn query_string(parameters: &[(String, String)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

/// What was asked, what came and what is wrong with it.
fn failure(place: impl fmt::Display, request: &Request, answer: &Answer, wrong: impl fmt::Display) -> TestCaseError {
    TestCaseError::fail(format!("{place}\nasked  {request}\ngot    {answer}\nwrong  {wrong}"))
}
