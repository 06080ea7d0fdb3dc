//! What the fronts make of the cases: the same question, and the SQL of it on each database.
//!
//! *The same question* is compared in a normal form: each front's request is given one and the same output, and the
//! statement that it then becomes is compared, text and bound values. `tests/cases/README.md` says what that leaves out.

use crate::case::{Cases, Found, Lines};
use crate::client::Who;
use crate::fronts::Front;
use crate::inside::Inside;
use crate::snapshots;
use crate::world::{self, Database};
use diglot::engine::Explanation;
use diglot::error::{Code, Error};
use diglot::principal::Principal;
use diglot::request::{ConnectionField, EdgeField, Field, FieldValue, Formats, Output, Page, Read, Request, Select};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// Each front's requests, for somebody.
type Asked = Vec<(Front, Result<Vec<(String, Request)>, Error>)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_front_asks_the_same_and_the_sql_is_as_stored() {
    let cases = Cases::read();
    let mut insides: HashMap<(String, Database), Inside> = HashMap::new();
    let mut files: BTreeMap<(String, Database), String> = BTreeMap::new();
    let (mut failures, mut compared) = (Vec::new(), 0);
    for found in &cases.found {
        let Some(lines) = &found.case.request else { continue };
        let mut unequal = BTreeSet::new();
        for database in &found.databases {
            let key = (found.case.fixture.clone(), *database);
            if !insides.contains_key(&key) {
                let server = world::server(&found.case.fixture, *database).await.unwrap();
                insides.insert(key.clone(), Inside::of(&server).await.unwrap());
            }
            let inside = &insides[&key];
            let mut sql = Sql::default();
            for (who, fronts) in askers(found, *database) {
                let Some(principal) = inside.principal(&who).await else {
                    continue;
                };
                let asked = asked(inside, &principal, &fronts, lines);
                for (front, requests) in &asked {
                    sql.add(inside, &principal, *front, &who, requests).await;
                }
                let (count, differences) = compare(inside, &principal, &asked, lines).await;
                compared += count;
                for (front, what) in differences {
                    if !found.case.differs.contains_key(&front) {
                        failures.push(format!("{} on {database} as {who}: {what}", found.name));
                    }
                    unequal.insert(front);
                }
            }
            let file = files.entry((found.feature().to_owned(), *database)).or_default();
            let _ = write!(file, "# {}: {}\n\n{}", found.name, found.case.about, sql.written());
        }
        for front in found.case.differs.keys().filter(|front| !unequal.contains(front)) {
            failures.push(format!(
                "{}: {front} asks the same, whatever `differs` says",
                found.name
            ));
        }
    }
    for failure in &failures {
        println!("── {failure}\n");
    }
    println!(
        "{compared} questions compared between fronts, {} differ",
        failures.len()
    );
    let whole = files.iter().filter(|((feature, _), _)| cases.has_all_of(feature));
    let changed: Vec<String> = whole
        .filter(|((feature, database), text)| {
            snapshots::differs(&format!("tests/cases/{feature}"), &format!("sql.{database}"), text)
        })
        .map(|((feature, database), _)| format!("{feature} on {database}"))
        .collect();
    assert!(
        failures.is_empty(),
        "{} questions differ between fronts: see above",
        failures.len()
    );
    assert!(changed.is_empty(), "the SQL has changed: {}", changed.join(", "));
}

/// Everybody who asks in a case, with the fronts through which they do.
fn askers(found: &Found, database: Database) -> Vec<(Who, BTreeSet<Front>)> {
    let mut askers: Vec<(Who, BTreeSet<Front>)> = Vec::new();
    for expect in &found.case.expect {
        let fronts: BTreeSet<Front> = Front::ALL
            .into_iter()
            .filter(|front| expect.is_for(database, *front))
            .collect();
        for who in &expect.who {
            let who = Who::parse(who).unwrap();
            match askers.iter_mut().find(|(known, _)| *known == who) {
                Some((_, known)) => known.extend(&fronts),
                None => askers.push((who, fronts.clone())),
            }
        }
    }
    askers
}

fn asked(inside: &Inside, principal: &Principal, fronts: &BTreeSet<Front>, lines: &Lines) -> Asked {
    let snapshot = inside.engine.snapshot();
    let requests = fronts.iter().filter_map(|front| {
        let requests = inside.requests(&snapshot, principal, *front, lines)?;
        Some((*front, requests))
    });
    requests.collect()
}

async fn explained(inside: &Inside, principal: &Principal, request: &Request) -> Result<Explanation, Error> {
    let snapshot = inside.engine.snapshot();
    inside.engine.explain(&snapshot, principal, request).await
}

// ---------------------------------------------------------------------------------------------------- the same question

/// Compares each front with the first one: how many were, and which differ.
async fn compare(
    inside: &Inside,
    principal: &Principal,
    asked: &Asked,
    lines: &Lines,
) -> (usize, Vec<(Front, String)>) {
    let mut normal = Vec::new();
    for (front, requests) in asked {
        let statement = match requests {
            Err(error) => Err(error.code),
            Ok(requests) => match requests.first() {
                // Nothing is asked of the database.
                None => continue,
                Some((_, request)) => {
                    let request = normal_form(request, *front, lines);
                    let explained = explained(inside, principal, &request).await;
                    explained
                        .map(|explained| (explained.sql, explained.parameters))
                        .map_err(|error| error.code)
                }
            },
        };
        normal.push((*front, statement));
    }
    let mut differences = Vec::new();
    let Some(((first, wanted), others)) = normal.split_first() else {
        return (0, differences);
    };
    for (front, statement) in others {
        let same = match (wanted, statement) {
            (Ok(wanted), Ok(statement)) => wanted == statement,
            // Each front has words of its own for a refusal; the cases compare those.
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !same {
            differences.push((
                *front,
                format!("{first} asks\n{}\nand {front}\n{}", shown(wanted), shown(statement)),
            ));
        }
    }
    (others.len(), differences)
}

fn shown(statement: &Result<(String, serde_json::Map<String, serde_json::Value>), Code>) -> String {
    match statement {
        Ok((sql, values)) => format!("{}\n-- {}", broken(sql), serde_json::Value::from(values.clone())),
        Err(code) => format!("refused, {}", code.0),
    }
}

/// The request with what fronts may write in their own way taken out.
fn normal_form(request: &Request, front: Front, lines: &Lines) -> Request {
    let read = &request.read;
    let mut select = normal_select(&read.select);
    // Where the caller names no limit a front sets the configured one, and where no order, a REST dialect its own.
    let (limited, ordered) = match front {
        Front::GraphQl => {
            let query = lines.graphql.as_deref().unwrap_or_default();
            let limited = ["limit", "first", "last"].iter().any(|word| query.contains(word));
            (limited, true)
        }
        Front::Based => said(lines.based.as_deref()),
        Front::Records => said(lines.records.as_deref()),
    };
    if !limited {
        select.page.limit = None;
    }
    if !ordered {
        select.order.clear();
    }
    Request {
        read: Read {
            source: read.source.clone(),
            select,
            formats: Formats::default(),
        }
        .into(),
        values: request.values.clone(),
    }
}

/// Whether a target names a limit, and an order.
fn said(target: Option<&str>) -> (bool, bool) {
    let target = target.unwrap_or_default();
    (target.contains("limit="), target.contains("order="))
}

fn normal_select(select: &Select) -> Select {
    let output = match &select.output {
        Output::Rows(fields) => Output::Rows(normal_fields(fields)),
        Output::Row(fields) => Output::Row(normal_fields(fields)),
        Output::Connection(parts) => {
            let rows = parts.iter().flat_map(|part| match part {
                ConnectionField::Nodes(_, fields) => fields.clone(),
                ConnectionField::Edges(_, edges) => edges
                    .iter()
                    .flat_map(|edge| match edge {
                        EdgeField::Node(_, fields) => fields.clone(),
                        _ => Vec::new(),
                    })
                    .collect(),
                _ => Vec::new(),
            });
            Output::Rows(normal_fields(&rows.collect::<Vec<_>>()))
        }
        Output::Aggregate(_) => Output::Rows(normal_fields(&[])),
        other => other.clone(),
    };
    Select {
        filter: select.filter.clone(),
        order: select.order.clone(),
        distinct: select.distinct.clone(),
        page: Page {
            total: false,
            short: false,
            next: false,
            ..select.page.clone()
        },
        output,
    }
}

/// All columns, and the relations that are followed, by their names.
fn normal_fields(fields: &[Field]) -> Vec<Field> {
    let mut relations = BTreeMap::new();
    collect_relations(fields, &mut relations);
    let mut normal = vec![Field::AllColumns];
    normal.extend(relations.into_values());
    normal
}

fn collect_relations(fields: &[Field], relations: &mut BTreeMap<String, Field>) {
    for field in fields {
        let Field::Member { value, .. } = field else { continue };
        match value {
            FieldValue::Relation { name, select } => {
                let value = FieldValue::Relation {
                    name: name.clone(),
                    select: Box::new(normal_select(select)),
                };
                let key = name.clone();
                relations.insert(name.as_str().to_owned(), Field::Member { key, value });
            }
            FieldValue::Object { fields, .. } => collect_relations(fields, relations),
            _ => {}
        }
    }
}

// ---------------------------------------------------------------------------------------------------- SQL

/// The statements of a case on a database, each with those who cause it.
#[derive(Default)]
struct Sql {
    blocks: Vec<(String, Vec<(String, Vec<Asker>)>)>,
}

#[derive(PartialEq)]
struct Asker {
    /// The front, and the root's key where there are several.
    through: String,
    whos: Vec<String>,
}

impl Sql {
    async fn add(
        &mut self,
        inside: &Inside,
        principal: &Principal,
        front: Front,
        who: &Who,
        requests: &Result<Vec<(String, Request)>, Error>,
    ) {
        let refused = |error: &Error| format!("refused, {}: {}", error.code.0, error.message);
        match requests {
            Err(error) => self.put(&refused(error), "", front.to_string(), who),
            Ok(requests) => {
                for (key, request) in requests {
                    let through = match requests.len() {
                        1 => front.to_string(),
                        _ => format!("{front}.{key}"),
                    };
                    match explained(inside, principal, request).await {
                        Err(error) => self.put(&refused(&error), "", through, who),
                        Ok(explained) => {
                            let values = serde_json::Value::from(explained.parameters).to_string();
                            let values = snapshots::masked(&values, r#"x-diglot-exp\":\""#, "\\", "<expiry>");
                            self.put(&broken(&explained.sql), &values, through, who);
                        }
                    }
                }
            }
        }
    }

    fn put(&mut self, text: &str, values: &str, through: String, who: &Who) {
        let place = match self.blocks.iter().position(|(known, _)| known == text) {
            Some(place) => place,
            None => {
                self.blocks.push((text.to_owned(), Vec::new()));
                self.blocks.len() - 1
            }
        };
        let bound = &mut self.blocks[place].1;
        let place = match bound.iter().position(|(known, _)| known == values) {
            Some(place) => place,
            None => {
                bound.push((values.to_owned(), Vec::new()));
                bound.len() - 1
            }
        };
        let askers = &mut bound[place].1;
        match askers.iter_mut().find(|asker| asker.through == through) {
            Some(asker) => asker.whos.push(who.to_string()),
            None => askers.push(Asker {
                through,
                whos: vec![who.to_string()],
            }),
        }
    }

    fn written(&self) -> String {
        let mut out = String::new();
        for (text, bound) in &self.blocks {
            let _ = writeln!(out, "{text}");
            for (values, askers) in bound {
                let _ = writeln!(
                    out,
                    "-- {values}{}{}",
                    if values.is_empty() { "" } else { "  " },
                    named(askers)
                );
            }
            out.push('\n');
        }
        out
    }
}

/// Fronts through which the same people ask are named together.
fn named(askers: &[Asker]) -> String {
    let mut groups: Vec<(Vec<&str>, &[String])> = Vec::new();
    for asker in askers {
        match groups.iter_mut().find(|(_, whos)| *whos == asker.whos) {
            Some((fronts, _)) => fronts.push(&asker.through),
            None => groups.push((vec![&asker.through], &asker.whos)),
        }
    }
    let texts = groups
        .iter()
        .map(|(fronts, whos)| format!("{} as {}", fronts.join(", "), whos.join(", ")));
    texts.collect::<Vec<_>>().join("; ")
}

/// One clause a line: a line's end stands for a space of the statement.
fn broken(sql: &str) -> String {
    let words = [
        "FROM",
        "WHERE",
        "LEFT JOIN",
        "JOIN",
        "GROUP BY",
        "HAVING",
        "ORDER BY",
        "LIMIT",
        "OFFSET",
    ];
    let mut text = sql.to_owned();
    for word in words {
        text = text.replace(&format!(" {word} "), &format!("\n{word} "));
    }
    text.replace("LEFT\nJOIN", "LEFT JOIN")
}
