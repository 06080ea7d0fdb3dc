//! The cases below `tests/cases` that write: one change, made through every front, on both databases, by everybody whom the
//! case names; and what is another afterwards in all of the database.
//!
//! Each exchange meets the database as the fixture made it: what it has changed is undone past the server, counters of new
//! keys too. A change that is refused must have changed nothing at all.

use crate::case::{self, Cases, Expect, Found};
use crate::cases::check;
use crate::client::{self, Answer, Request, Who};
use crate::fronts::{self, Front};
use crate::snapshots;
use crate::state::{self, Difference, Pristine};
use crate::world::{self, Database, Server};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

#[derive(Default)]
struct Report {
    exchanges: usize,
    /// Cases times the fronts that they are asked through.
    requests: usize,
    failures: Vec<String>,
    /// The statements of each case, by its name.
    statements: BTreeMap<String, Statements>,
}

/// Lists of statements, each with those who cause it.
type Statements = Vec<(String, Vec<String>)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_does_what_its_case_says() {
    let cases = Cases::read();
    let mut groups: BTreeMap<(String, Database), Vec<&Found>> = BTreeMap::new();
    for found in cases.found.iter().filter(|found| found.case.write.is_some()) {
        for database in &found.databases {
            let key = (found.case.fixture.clone(), *database);
            groups.entry(key).or_default().push(found);
        }
    }
    let reports = stream::iter(groups)
        .map(|((fixture, database), found)| async move {
            let mut report = Report::default();
            if let Err(error) = run(&fixture, database, &found, &mut report).await {
                report.failures.push(format!("{fixture} on {database}: {error}"));
            }
            (database, report)
        })
        .buffer_unordered(4);
    let reports: Vec<(Database, Report)> = reports.collect().await;
    let mut files: BTreeMap<(String, Database), String> = BTreeMap::new();
    let (mut exchanges, mut requests, mut failures) = (0, 0, Vec::new());
    let mut statements = BTreeMap::new();
    for (database, report) in reports {
        exchanges += report.exchanges;
        requests += report.requests;
        failures.extend(report.failures);
        for (name, found) in report.statements {
            statements.insert((name, database), found);
        }
    }
    for ((name, database), found) in &statements {
        let feature = name.split('/').next().unwrap_or_default().to_owned();
        let about = cases
            .found
            .iter()
            .find(|found| found.name == *name)
            .map(|found| &found.case.about);
        let file = files.entry((feature, *database)).or_default();
        let _ = writeln!(file, "# {name}: {}\n", about.map_or("", String::as_str));
        for (text, askers) in found {
            let _ = writeln!(file, "{text}-- {}\n", askers.join(", "));
        }
    }
    for failure in &failures {
        println!("── {failure}\n");
    }
    let summary = format!(
        "{requests} cases that write, over fronts and databases, {exchanges} exchanges, {} failures",
        failures.len()
    );
    println!("{summary}");
    assert!(failures.is_empty(), "{summary}");
    let whole = files.iter().filter(|((feature, _), _)| cases.has_all_of(feature));
    let changed: Vec<String> = whole
        .filter(|((feature, database), text)| {
            snapshots::differs(&format!("tests/cases/{feature}"), &format!("writes.{database}"), text)
        })
        .map(|((feature, database), _)| format!("{feature} on {database}"))
        .collect();
    assert!(
        changed.is_empty(),
        "the SQL of writes has changed: {}",
        changed.join(", ")
    );
}

/// All cases of a fixture on a database, one exchange after the other.
async fn run(fixture: &str, database: Database, cases: &[&Found], report: &mut Report) -> Result<(), String> {
    let server = world::writable(fixture, database).await?;
    let mut pristine = Pristine::of(&server).await?;
    let mut log = Log::of(&server);
    for found in cases {
        let Some(write) = &found.case.write else { continue };
        let mut asked = vec![0; found.case.expect.len()];
        let mut fronts = BTreeSet::new();
        let mut statements = Statements::new();
        for (number, expect) in found.case.expect.iter().enumerate() {
            for front in Front::ALL {
                if !expect.is_for(database, front) {
                    continue;
                }
                let Some(request) = case::change(front, write)? else {
                    continue;
                };
                asked[number] += 1;
                fronts.insert(front);
                for who in &expect.who {
                    let who = Who::parse(who)?;
                    let mut ways = who.ways();
                    if !expect.headers.is_empty() {
                        // Only with the admin's secret such headers are heard.
                        ways.drain(..ways.len() - 1);
                    }
                    for (index, (way, headers)) in ways.into_iter().enumerate() {
                        let id = format!("write-{}", report.exchanges);
                        report.exchanges += 1;
                        let own = expect.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
                        let request = request.clone().with(headers).with(own);
                        let request = request.with([("x-request-id".to_owned(), id.clone())]);
                        let answer = client::send(server.address, &request).await;
                        let differences = pristine.differences().await?;
                        let judged = match &answer {
                            Err(error) => Err(error.to_string()),
                            Ok(answer) => {
                                let shown = match front {
                                    Front::Records => read_back(&server, &request, expect, answer).await,
                                    _ => Ok(answer.clone()),
                                };
                                fronts::check_always(answer, &request.to_string())
                                    .and(shown)
                                    .and_then(|answer| {
                                        judge(front, expect, &who, found.case.unordered, &answer, &differences)
                                    })
                            }
                        };
                        if let Err(error) = judged {
                            let got = answer.map_or_else(|error| error.to_string(), |answer| answer.to_string());
                            let fault = if got.starts_with('5') {
                                server.log()
                            } else {
                                String::new()
                            };
                            report.failures.push(format!(
                                "{} on {database} over {front} as {who} ({way})\nasked  {request}\ngot    {got}\n\
                                 wrong  {error} ({})\n{fault}",
                                found.name, found.case.about
                            ));
                        }
                        pristine.restore().await?;
                        if index == 0 {
                            let sent = log.statements(&server, &id).await?;
                            add(&mut statements, sent, format!("{front} as {who}"));
                        }
                    }
                }
            }
        }
        for (expect, asked) in found.case.expect.iter().zip(asked) {
            if asked == 0 && expect.database.as_deref().is_none_or(|word| word == database.word()) {
                report
                    .failures
                    .push(format!("{}: an [[expect]] is asked through no front", found.name));
            }
        }
        report.requests += fronts.len();
        report.statements.insert(found.name.clone(), statements);
    }
    Ok(())
}

fn judge(
    front: Front,
    expect: &Expect,
    who: &Who,
    unordered: bool,
    answer: &Answer,
    differences: &[Difference],
) -> Result<(), String> {
    let mut answer = answer.clone();
    if expect.refused.is_none() && front != Front::GraphQl {
        // The Records API has one status for what was done.
        let wanted = expect.status.filter(|_| front == Front::Based).unwrap_or(200);
        if answer.status != wanted {
            return Err(format!("wanted status {wanted}"));
        }
        answer.status = 200;
    }
    check(front, expect, who, unordered, &answer)?;
    let wanted: Vec<Difference> = expect
        .after
        .iter()
        .map(|line| Difference::parse(line))
        .collect::<Result<_, _>>()?;
    state::compare(&wanted, differences)
}

/// The Records API tells of what it has written the ids alone, or nothing. So the same caller reads the rows, and the answer
/// that comes back has them in its place; `null` for one that the caller cannot read.
async fn read_back(server: &Server, request: &Request, expect: &Expect, answer: &Answer) -> Result<Answer, String> {
    if answer.status != 200 || expect.refused.is_some() || expect.raw.is_some() {
        return Ok(answer.clone());
    }
    let path = request.target.split('?').next().unwrap_or_default();
    let (ids, many) = if request.method == "POST" {
        let body = answer.json()?;
        let members = body.as_object().ok_or("no object of `ids`")?;
        let ids = members
            .get("ids")
            .and_then(Value::as_array)
            .filter(|_| members.len() == 1);
        let ids = ids.ok_or("no object of nothing but `ids`")?;
        let ids = ids.iter().map(|id| id.as_str().map(str::to_owned));
        let ids: Vec<String> = ids.collect::<Option<_>>().ok_or("an id is no text")?;
        (ids, request.body.first() == Some(&b'['))
    } else if answer.body.is_empty() {
        (vec![path.rsplit('/').next().unwrap_or_default().to_owned()], false)
    } else {
        return Err("an empty body was wanted".into());
    };
    let wanted = expect.rows.as_deref().unwrap_or("null");
    let wanted: Value = serde_json::from_str(wanted).map_err(|error| format!("the case's JSON: {error}"))?;
    let mut rows = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        let target = if request.method == "POST" {
            format!(
                "{path}/{}",
                percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
            )
        } else {
            path.to_owned()
        };
        let headers = request
            .headers
            .iter()
            .filter(|(name, _)| name != "Content-Type")
            .cloned();
        let read = client::send(server.address, &fronts::rest(&target).with(headers)).await;
        let read = read.map_err(|error| error.to_string())?;
        let wanted = if many { &wanted[index] } else { &wanted };
        rows.push(match (request.method.as_str(), read.status) {
            ("DELETE", 403..=405) => wanted.clone(),
            ("DELETE", status) => return Err(format!("the record is still read, with status {status}")),
            (_, 200) => read.json()?,
            // Who may write and not read is told the id, which is all that there can be to compare.
            (_, 403 | 405) if is_of(id, wanted) => wanted.clone(),
            (_, 403..=405) => Value::Null,
            (_, status) => return Err(format!("reading {target} has status {status}: {read}")),
        });
    }
    let body = if many {
        Value::from(rows)
    } else {
        rows.pop().unwrap_or_default()
    };
    Ok(Answer {
        body: serde_json::json!({"records": body}).to_string().into_bytes(),
        ..answer.clone()
    })
}

/// Whether an id says the values of a row.
fn is_of(id: &str, row: &Value) -> bool {
    let values = row.as_object().into_iter().flat_map(|row| row.values());
    let texts = values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    texts.collect::<Vec<_>>().join(",") == id
}

fn add(statements: &mut Statements, text: String, asker: String) {
    match statements.iter_mut().find(|(known, _)| *known == text) {
        Some((_, askers)) => askers.push(asker),
        None => statements.push((text, vec![asker])),
    }
}

/// A server's log, as far as it was read.
struct Log {
    read: usize,
}

impl Log {
    fn of(server: &Server) -> Self {
        Self {
            read: server.whole_log().len(),
        }
    }

    /// The statements of an exchange, in the order in which they were sent, once the log says that it was answered.
    async fn statements(&mut self, server: &Server, id: &str) -> Result<String, String> {
        for _ in 0..1000 {
            let log = server.whole_log();
            let end = log.rfind('\n').map_or(0, |end| end + 1);
            let fresh = log.get(self.read..end).unwrap_or_default();
            let events = fresh
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let events: Vec<Value> = events.collect();
            let answered = |event: &Value| event["target"] == "diglot::access" && event["id"] == id;
            if !events.iter().any(answered) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                continue;
            }
            self.read = end;
            let mut text = String::new();
            for event in events.iter().filter(|event| event["span"]["id"] == id) {
                if event["target"] == "diglot::statement" && event["message"] == "sent" {
                    let _ = writeln!(text, "{}", event["sql"].as_str().unwrap_or_default());
                }
            }
            return Ok(if text.is_empty() { "no statement\n".into() } else { text });
        }
        Err(format!("no line of the log says that {id} was answered"))
    }
}
