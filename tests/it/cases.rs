//! The cases below `tests/cases`: one question, sent through every front, on both databases, by everybody whom the case
//! names. `tests/cases/README.md` says what a case file may hold.

use crate::case::{Case, Cases, Expect, Lines, Walk, request};
use crate::client::{self, Answer, Request, Who, clip};
use crate::fronts::{self, Front, Refusal};
use crate::responses::{self, Kept};
use crate::steps;
use crate::world::{self, Database, Server};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use std::collections::BTreeMap;

/// A finding: which exchange, and what is wrong with it.
struct Failure {
    place: String,
    what: String,
}

#[derive(Default)]
struct Report {
    exchanges: usize,
    failures: Vec<Failure>,
    /// Answers for the snapshots, by case.
    kept: BTreeMap<String, Vec<Kept>>,
}

impl Report {
    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.failures.push(Failure {
            place: place.into(),
            what: what.into(),
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_holds() {
    let cases = Cases::read();
    let count = cases.found.len() + cases.broken.len();
    let mut report = Report::default();
    for (name, error) in &cases.broken {
        report.add(name, error);
    }
    let reports = stream::iter(&cases.found)
        .map(|found| run(&found.name, &found.case, &found.databases))
        .buffer_unordered(4);
    let reports: Vec<Report> = reports.collect().await;
    for one in reports {
        report.exchanges += one.exchanges;
        report.failures.extend(one.failures);
        report.kept.extend(one.kept);
    }
    if cases.left_out > 0 {
        println!(
            "DIGLOT_TEST_DATA is not set: {} cases on Chinook and Pagila are left out",
            cases.left_out
        );
    }
    report.failures.sort_by(|one, other| one.place.cmp(&other.place));
    for failure in &report.failures {
        println!("── {}\n{}\n", failure.place, failure.what);
    }
    let mut failed: Vec<&str> = report
        .failures
        .iter()
        .map(|failure| failure.place.split(' ').next().unwrap_or_default())
        .collect();
    failed.dedup();
    let summary = format!(
        "{count} cases, {} exchanges, {} cases failed",
        report.exchanges,
        failed.len()
    );
    println!("{summary}");
    assert!(failed.is_empty(), "{summary}: {}", failed.join(" "));
    let changed = responses::changed(&cases, &report.kept);
    assert!(changed.is_empty(), "the answers have changed: {}", changed.join(", "));
}

async fn run(name: &str, case: &Case, databases: &[Database]) -> Report {
    let mut report = Report::default();
    let mut kept = case.keep_responses.then(Vec::new);
    if case.request.is_none() && case.step.is_empty() {
        // `writes` runs it.
        return report;
    }
    for database in databases {
        let place = format!("{name} on {database}");
        match world::server(&case.fixture, *database).await {
            Err(error) => report.add(place, error),
            Ok(server) => {
                let before = report.failures.len();
                questions(&place, case, *database, &server, &mut report, &mut kept).await;
                for (number, error) in steps::run(&case.step, &server, *database, &mut kept).await {
                    report.add(format!("{place} step {number}"), error);
                }
                report.exchanges += case.step.len();
                let fault = report.failures[before..]
                    .iter()
                    .any(|failure| failure.what.contains("a fault of the server"));
                if fault {
                    report.add(format!("{place} (log)"), server.log());
                }
            }
        }
    }
    report.kept.extend(kept.map(|kept| (name.to_owned(), kept)));
    for failure in &mut report.failures {
        failure.what = format!("{} ({})", failure.what, case.about);
    }
    report
}

// ---------------------------------------------------------------------------------------------------- questions

async fn questions(
    place: &str,
    case: &Case,
    database: Database,
    server: &Server,
    report: &mut Report,
    kept: &mut Option<Vec<Kept>>,
) {
    let Some(lines) = &case.request else { return };
    for expect in &case.expect {
        if expect.database.as_deref().is_some_and(|word| word != database.word()) {
            continue;
        }
        let mut asked = 0;
        for front in Front::ALL {
            if !expect.is_for(database, front) {
                continue;
            }
            let request = match request(front, lines) {
                Ok(Some(request)) => request,
                Ok(None) => continue,
                Err(error) => {
                    report.add(place, error);
                    continue;
                }
            };
            asked += 1;
            for who in &expect.who {
                let who = match Who::parse(who) {
                    Ok(who) => who,
                    Err(error) => {
                        report.add(place, error);
                        continue;
                    }
                };
                for (index, (way, headers)) in who.ways().into_iter().enumerate() {
                    report.exchanges += 1;
                    let request = request.clone().with(headers);
                    let answer = match &case.walk {
                        None => client::send(server.address, &request)
                            .await
                            .map_err(|error| error.to_string()),
                        Some(walk) => pages(front, walk, lines, &request, server).await,
                    };
                    if let (Some(kept), Ok(answer), 0) = (kept.as_mut(), &answer, index) {
                        kept.push(Kept::of(front.to_string(), who.to_string(), database, answer));
                    }
                    let found = match &answer {
                        Err(error) => Err(error.clone()),
                        Ok(answer) => fronts::check_always(answer, &request.to_string())
                            .and_then(|()| check(front, expect, &who, case.unordered, answer)),
                    };
                    if let Err(error) = found {
                        let got = answer.map_or_else(|_| "none".to_owned(), |answer| answer.to_string());
                        report.add(
                            format!("{place} over {front} as {who} ({way})"),
                            format!("asked  {request}\ngot    {got}\nwrong  {error}"),
                        );
                    }
                }
            }
        }
        if asked == 0 {
            report.add(place, "an [[expect]] is asked through no front");
        }
    }
}

/// All pages as one answer, in the front's envelope.
async fn pages(front: Front, walk: &Walk, lines: &Lines, request: &Request, server: &Server) -> Result<Answer, String> {
    let mut rows: Vec<Value> = Vec::new();
    let mut request = request.clone();
    let first_target = request.target.clone();
    for page in 1.. {
        let answer = client::send(server.address, &request)
            .await
            .map_err(|error| error.to_string())?;
        fronts::check_always(&answer, &request.to_string())?;
        let root = fronts::rows(front, &answer).map_err(|error| format!("page {page}: {error}: {answer}"))?;
        let (mut found, cursor) = match front {
            Front::GraphQl => {
                let rows = match (root.get("edges"), root.get("nodes")) {
                    (Some(Value::Array(edges)), _) => edges.iter().map(|edge| edge["node"].clone()).collect(),
                    (_, Some(Value::Array(nodes))) => nodes.clone(),
                    _ => return Err(format!("page {page}: neither edges nor nodes: {answer}")),
                };
                let (more, end) = if walk.backward {
                    ("hasPreviousPage", "startCursor")
                } else {
                    ("hasNextPage", "endCursor")
                };
                let info = &root["pageInfo"];
                let cursor =
                    (info[more] == Value::Bool(true)).then(|| info[end].as_str().unwrap_or_default().to_owned());
                (rows, cursor)
            }
            Front::Based => return Err("Based has no cursors".into()),
            Front::Records => {
                let cursor = answer.json()?.get("cursor").and_then(Value::as_str).map(str::to_owned);
                (root.as_array().cloned().ok_or("no list")?, cursor)
            }
        };
        if walk.backward {
            found.extend(rows);
            rows = found;
        } else {
            rows.append(&mut found);
        }
        let Some(cursor) = cursor else {
            if page != walk.pages {
                return Err(format!(
                    "{page} pages instead of {}, with {}",
                    walk.pages,
                    clip(&Value::Array(rows).to_string())
                ));
            }
            let body = match front {
                Front::GraphQl => serde_json::json!({"data": {"walk": rows}}),
                _ => serde_json::json!({"records": rows}),
            };
            return Ok(Answer {
                body: body.to_string().into_bytes(),
                ..answer
            });
        };
        if page > walk.pages {
            return Err(format!(
                "more than {} pages, with {}",
                walk.pages,
                clip(&Value::Array(rows).to_string())
            ));
        }
        if front == Front::GraphQl {
            let mut variables: Value = lines
                .variables
                .as_deref()
                .map_or(Ok(Value::Null), serde_json::from_str)
                .map_err(|error| error.to_string())?;
            if variables.is_null() {
                variables = serde_json::json!({});
            }
            variables[if walk.backward { "before" } else { "after" }] = cursor.into();
            let query = lines.graphql.as_deref().unwrap_or_default();
            request.body = fronts::graphql(query, Some(&variables), lines.operation.as_deref()).body;
        } else {
            let glue = if first_target.contains('?') { '&' } else { '?' };
            request.target = format!("{first_target}{glue}cursor={cursor}");
        }
    }
    Err("endless".into())
}

pub(crate) fn check(front: Front, expect: &Expect, who: &Who, unordered: bool, answer: &Answer) -> Result<(), String> {
    let text = answer.text();
    if let Some(found) = expect.absent.iter().find(|word| text.contains(word.as_str())) {
        return Err(format!("it holds {found:?}"));
    }
    if let Some(refusal) = expect.refused {
        fronts::check_refusal(front, refusal, who, answer)?;
    }
    if let Some(message) = &expect.message {
        // The Records API says nothing to an unknown name.
        let silent = front == Front::Records && expect.refused == Some(Refusal::Unknown);
        if !silent && !fronts::holds(&text, message) {
            return Err(format!("wanted a text with {message:?}"));
        }
    }
    let parsed = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| format!("the case's JSON: {error}"));
    if let Some(rows) = &expect.rows {
        let wanted = parsed(rows)?;
        let got = fronts::rows(front, answer)?;
        let mut kept = if front == Front::GraphQl {
            got.clone()
        } else {
            fronts::projected(&got, &wanted)
        };
        let mut sought = wanted.clone();
        if unordered {
            (kept, sought) = (fronts::sorted(&kept), fronts::sorted(&sought));
        }
        if !fronts::same(&kept, &sought) {
            return Err(format!(
                "wanted {}\nfound  {}",
                clip(&sought.to_string()),
                clip(&kept.to_string())
            ));
        }
        let keyed = |rows: &Value, key: &str| match rows {
            Value::Array(items) => items.iter().any(|item| item.get(key).is_some()),
            item => item.get(key).is_some(),
        };
        if let Some(key) = expect.without.iter().find(|key| keyed(&got, key)) {
            return Err(format!("rows have {key:?}"));
        }
    }
    if let Some(data) = &expect.data {
        let wanted = parsed(data)?;
        let body = answer.json()?;
        let got = body.get("data").unwrap_or(&Value::Null);
        if body.get("errors").is_some() || !fronts::same(got, &wanted) {
            return Err(format!("wanted {}", clip(&wanted.to_string())));
        }
    }
    if let Some(wanted) = expect.total {
        let got = fronts::total(front, answer)?;
        if got != wanted {
            return Err(format!("wanted a total of {wanted}, found {got}"));
        }
    }
    if let Some(raw) = &expect.raw
        && text != raw.trim_end_matches('\n')
    {
        return Err(format!("wanted {raw}"));
    }
    Ok(())
}
