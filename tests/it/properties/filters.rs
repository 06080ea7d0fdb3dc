//! Any filter, order, limit and offset gives the rows that the judge finds, through every front that can say it.

use super::condition::{self, Condition};
use super::data::{self, Data, ITEM, Row, TABLES};
use super::judge::Judge;
use super::question::{Question, question};
use super::{as_role, ask, check, failure, servers};
use crate::client::Request;
use crate::fronts::{self, Front};
use crate::world::{self, Server};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::{Map, Value as Json};

fn request(question: &Question) -> Option<Request> {
    let columns: Vec<&str> = TABLES[ITEM].columns.iter().map(|(name, _)| *name).collect();
    question.request(&columns.join(" "), "")
}

fn expected<'a>(question: &Question, data: &'a Data) -> Vec<&'a Row> {
    let judge = Judge { data, rules: None };
    let mut rows = judge.rows(ITEM, &question.condition);
    rows.sort_by(|one, two| judge.compare(ITEM, &question.order, one, two));
    rows.into_iter()
        .skip(question.offset)
        .take(question.limit.unwrap_or(usize::MAX))
        .collect()
}

/// A row as every front writes it.
fn written(row: &Row) -> Json {
    let cells = TABLES[ITEM].columns.iter().zip(row);
    Json::Object(
        cells
            .map(|((name, _), value)| ((*name).to_owned(), value.json()))
            .collect::<Map<_, _>>(),
    )
}

async fn holds(server: &Server, place: impl std::fmt::Display, data: &Data, questions: &[Question]) -> TestCaseResult {
    let asked: Vec<(&Question, Request)> = questions
        .iter()
        .filter_map(|question| Some((question, request(question)?.with(as_role("admin")))))
        .collect();
    let requests: Vec<Request> = asked.iter().map(|(_, request)| request.clone()).collect();
    for ((question, request), answer) in asked.iter().zip(ask(server, &requests).await) {
        let got = fronts::rows(question.front, &answer).map_err(|error| failure(&place, request, &answer, error))?;
        let expected = Json::from(expected(question, data).into_iter().map(written).collect::<Vec<_>>());
        if !fronts::same(&got, &expected) {
            return Err(failure(&place, request, &answer, format!("the rows are {expected}")));
        }
    }
    Ok(())
}

#[test]
fn filters_and_orders_agree_with_the_judge() {
    let configuration = format!("{}[tables.item.access.admin_only]\nread = true\n", data::relations());
    let servers = servers("filters", data::schema, &configuration);
    super::runtime().block_on(relations_within_each_other(&servers));
    let case = (data::data(), vec(question(3), 24));
    check("filters", 40, &case, |(data, questions)| {
        let servers = &servers;
        async move {
            for (database, server) in servers {
                world::run_script(server, &data.script())
                    .await
                    .map_err(TestCaseError::fail)?;
                holds(server, database, &data, &questions).await?;
            }
            Ok(())
        }
    });
}

/// Each row once: SQLite 3.51 makes joins of EXISTS, and gave the first item five times here.
async fn relations_within_each_other(servers: &[(world::Database, std::sync::Arc<Server>)]) {
    use super::data::Value::{Boolean, Integer, Null};
    let item = |id, parent| {
        let mut row = vec![Null; TABLES[ITEM].columns.len()];
        row[0] = Integer(id);
        row[2] = parent;
        row
    };
    let items = (1..=6)
        .map(|id| item(id, if id < 4 { Null } else { Integer(1) }))
        .collect();
    let notes = (1..=5)
        .map(|id| vec![Integer(id), Integer(4), Null, Null, Boolean(false)])
        .collect();
    let data = Data([Vec::new(), items, notes]);
    let open = Condition::Compare(4, condition::Operator::Equal, Boolean(false));
    let within = |relation, inner| Condition::Related(relation, Box::new(inner));
    let question = Question {
        front: Front::GraphQl,
        condition: within(2, within(3, open)),
        order: Vec::new(),
        limit: None,
        offset: 0,
    };
    for (database, server) in servers {
        world::run_script(server, &data.script()).await.unwrap();
        let result = holds(server, database, &data, std::slice::from_ref(&question)).await;
        result.unwrap_or_else(|error| panic!("{error}"));
    }
}
