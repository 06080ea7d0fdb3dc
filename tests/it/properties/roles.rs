//! Rules made at random: a role gets what the judge finds under its rules, and a further deny (a rule and one more, a
//! column less, a limit) never adds a row or a value.

use super::condition::{self, Condition, Language, Term};
use super::data::{self, Data, ITEM, NOTE, OWNER, Row, TABLES};
use super::judge::Judge;
use super::question::{Question, question};
use super::{as_role, ask, check, failure, servers};
use crate::client::{Answer, Request};
use crate::fronts::{self, Front};
use crate::world;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestCaseResult;
use serde_json::{Map, Value as Json, json};

/// A role that reads all three tables.
#[derive(Clone, Debug)]
struct Role {
    name: String,
    rules: [Condition; 3],
    /// Columns of items that it may not read.
    hidden: Vec<usize>,
    limit: Option<usize>,
}

/// How many pairs of roles the servers know. The configuration is the same in every run; rows and requests are not.
const PAIRS: usize = 10;

/// Pairs of a role and one with a further deny.
fn roles() -> Vec<(Role, Role)> {
    let rules = |depth| {
        [OWNER, ITEM, NOTE].map(|table| {
            let rule = condition::condition(table, depth, Language::Rule);
            prop_oneof![1 => Just(Condition::And(Vec::new())), 2 => rule]
        })
    };
    // Rules lean on the plain columns; `id` stays, to tell rows apart.
    let hidden = proptest::sample::subsequence((3_usize..12).collect::<Vec<_>>(), 0..3);
    let strategy = (rules(2), rules(1), hidden, 0_usize..4, 1_usize..6);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..PAIRS)
        .map(|index| {
            let (rules, further, hidden, kind, limit) = strategy.new_tree(&mut runner).unwrap().current();
            let wide = Role {
                name: format!("wide{index}"),
                rules,
                hidden: Vec::new(),
                limit: None,
            };
            let mut narrow = Role {
                name: format!("narrow{index}"),
                ..wide.clone()
            };
            for (own, further) in narrow.rules.iter_mut().zip(further) {
                *own = Condition::And(vec![own.clone(), further]);
            }
            if kind == 1 || kind == 3 {
                narrow.hidden = hidden;
            }
            if kind >= 2 {
                narrow.limit = Some(limit);
            }
            (wide, narrow)
        })
        .collect()
}

fn configuration(roles: &[(Role, Role)]) -> String {
    let mut text = data::relations();
    for role in roles.iter().flat_map(|(wide, narrow)| [wide, narrow]) {
        for (table, rule) in TABLES.iter().zip(&role.rules) {
            let rule = rule.rule(TABLES.iter().position(|own| own.name == table.name).unwrap(), "_ROW_");
            text += &format!(
                "[tables.{}.access.{}.read]\nrule = {}\n",
                table.name,
                role.name,
                toml::Value::from(rule)
            );
            if table.name == "item" {
                let hidden: Vec<&str> = role.hidden.iter().map(|column| table.columns[*column].0).collect();
                text += &format!("except = {}\n", toml::Value::from(hidden));
                text += &role.limit.map(|limit| format!("limit = {limit}\n")).unwrap_or_default();
            }
            text += "\n";
        }
    }
    text
}

fn request(question: &Question, role: &Role) -> Option<Request> {
    let seen: Vec<&str> = (0..TABLES[ITEM].columns.len())
        .filter(|column| !role.hidden.contains(column))
        .map(|column| TABLES[ITEM].columns[column].0)
        .collect();
    let selection = format!(
        "{} owner {{ id label }} parent {{ id }} notes(order_by: [{{stars: desc}}, {{id: asc}}]) {{ id body }} \
         notes_aggregate {{ aggregate {{ count }} }}",
        seen.join(" ")
    );
    let beside = "item_aggregate(where: $where) { aggregate { count max { id } } }";
    Some(question.request(&selection, beside)?.with(as_role(&role.name)))
}

impl Question {
    /// Whether the request names a column that the role may not read, or an order of one.
    fn oversteps(&self, role: &Role) -> bool {
        let ordered = |column: usize| {
            self.order.iter().any(|term| match term.by {
                condition::By::Column(own) => own == column,
                condition::By::Related(relation, own) => {
                    TABLES[ITEM].relations[relation].target == ITEM && own == column
                }
                condition::By::Count(_) => false,
            })
        };
        role.hidden
            .iter()
            .any(|column| self.condition.mentions(ITEM, ITEM, *column) || ordered(*column))
    }

    /// Ids of the page, and how many rows there are in all.
    fn expected<'a>(&self, data: &'a Data, role: &'a Role) -> (Vec<&'a Row>, usize) {
        let judge = Judge {
            data,
            rules: Some(&role.rules),
        };
        let mut rows = judge.rows(ITEM, &self.condition);
        rows.sort_by(|one, two| judge.compare(ITEM, &self.order, one, two));
        let count = rows.len();
        let most = self.limit.unwrap_or(usize::MAX).min(role.limit.unwrap_or(usize::MAX));
        (rows.into_iter().skip(self.offset).take(most).collect(), count)
    }

    fn check(&self, data: &Data, role: &Role, answer: &Answer) -> Result<(), String> {
        if self.oversteps(role) {
            return if answer.status == 400 {
                Ok(())
            } else {
                Err("a hidden column is named: 400 was wanted".into())
            };
        }
        let judge = Judge {
            data,
            rules: Some(&role.rules),
        };
        let (rows, count) = self.expected(data, role);
        let columns = || (0..TABLES[ITEM].columns.len()).filter(|column| !role.hidden.contains(column));
        let wanted: Vec<Json> = rows
            .iter()
            .map(|row| {
                let mut members: Map<String, Json> = columns()
                    .map(|column| (TABLES[ITEM].columns[column].0.to_owned(), row[column].json()))
                    .collect();
                if self.front == Front::GraphQl {
                    members.extend(below(&judge, row));
                }
                Json::Object(members)
            })
            .collect();
        let got = fronts::rows(self.front, answer)?;
        // Of tables without a limit of their own.
        if !fronts::same(&got, &Json::from(wanted.clone())) {
            return Err(format!("the rows are {}", Json::from(wanted)));
        }
        if fronts::total(self.front, answer)? != json!(count) {
            return Err(format!("there are {count} in all"));
        }
        Ok(())
    }
}

/// What the document asks of the rows around an item.
fn below(judge: &Judge<'_>, row: &Row) -> Map<String, Json> {
    let first = |relation: usize| judge.related(ITEM, row, relation).first().copied();
    let owner = first(0).map(|owner| json!({ "id": owner[0].json(), "label": owner[1].json() }));
    let parent = first(1).map(|parent| json!({ "id": parent[0].json() }));
    let mut notes = judge.related(ITEM, row, 3);
    let down = [Term {
        by: condition::By::Column(3),
        descending: true,
        nulls_first: None,
    }];
    notes.sort_by(|one, two| judge.compare(NOTE, &down, one, two));
    let listed: Vec<Json> = notes
        .iter()
        .map(|note| json!({ "id": note[0].json(), "body": note[2].json() }))
        .collect();
    Map::from_iter([
        ("owner".to_owned(), json!(owner)),
        ("parent".to_owned(), json!(parent)),
        ("notes".to_owned(), json!(listed)),
        (
            "notes_aggregate".to_owned(),
            json!({ "aggregate": { "count": notes.len() } }),
        ),
    ])
}

/// Every row of one answer stands in the other, and every value is the other's or absent. What holds by itself where both
/// are as the judge has it; it is looked at all the same.
fn within(narrow: &Json, wide: &Json) -> bool {
    match (narrow, wide) {
        (Json::Null, _) => true,
        (Json::Array(narrow), Json::Array(wide)) => narrow
            .iter()
            .all(|row| wide.iter().any(|other| other["id"] == row["id"] && within(row, other))),
        (Json::Object(narrow), Json::Object(wide)) => narrow.iter().all(|(key, value)| match wide.get(key) {
            Some(other) if key == "data" || key == "count" => value == other || value.as_u64() <= other.as_u64(),
            Some(other) => within(value, other),
            None => false,
        }),
        (narrow, wide) => narrow == wide,
    }
}

#[test]
fn roles_get_what_their_rules_allow_and_a_further_deny_adds_nothing() {
    let roles = roles();
    let servers = servers("roles", data::schema, &configuration(&roles));
    let case = (data::data(), vec((0..PAIRS, question(2)), 16));
    check("roles", 30, &case, |(data, questions)| {
        let (servers, roles) = (&servers, &roles);
        async move {
            for (_, server) in servers {
                world::run_script(server, &data.script())
                    .await
                    .map_err(TestCaseError::fail)?;
                let mut asked = Vec::new();
                for (pair, question) in &questions {
                    let (wide, narrow) = &roles[*pair];
                    let everything = Question {
                        condition: Condition::And(Vec::new()),
                        limit: None,
                        offset: 0,
                        ..question.clone()
                    };
                    // The wide one's whole list, to find the narrow one's rows in. What a front cannot say is not asked.
                    let three = [(question.clone(), wide), (question.clone(), narrow), (everything, wide)];
                    let three =
                        three.map(|(question, role)| request(&question, role).map(|request| (question, role, request)));
                    if three.iter().all(Option::is_some) {
                        asked.extend(three.into_iter().flatten());
                    }
                }
                let requests: Vec<Request> = asked.iter().map(|(.., request)| request.clone()).collect();
                let answers = ask(server, &requests).await;
                for ((question, role, request), answer) in asked.iter().zip(&answers) {
                    let place = || format!("{} {role:?}", server.url);
                    question
                        .check(&data, role, answer)
                        .map_err(|error| failure(place(), request, answer, error))?;
                }
                adds_nothing(&asked, &answers)?;
            }
            Ok(())
        }
    });
}

fn adds_nothing(asked: &[(Question, &Role, Request)], answers: &[Answer]) -> TestCaseResult {
    for (asked, answers) in asked.chunks(3).zip(answers.chunks(3)) {
        let [_, (question, role, request), _] = asked else {
            continue;
        };
        let [_, narrow, wide] = answers else { continue };
        if question.oversteps(role) {
            continue;
        }
        let rows = |answer| fronts::rows(question.front, answer).map_err(TestCaseError::fail);
        if !within(&rows(narrow)?, &rows(wide)?) {
            return Err(failure("a further deny", request, narrow, format!("it adds to {wide}")));
        }
    }
    Ok(())
}

#[test]
fn rules_choose_among_the_rows() {
    // Rules that let everything through, or nothing, would prove little.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut partly = 0;
    for _ in 0..20 {
        let data = data::data().new_tree(&mut runner).unwrap().current();
        for (wide, narrow) in roles() {
            let count = |role: &Role| {
                let judge = Judge {
                    data: &data,
                    rules: Some(&role.rules),
                };
                judge.rows(ITEM, &Condition::And(Vec::new())).len()
            };
            partly += usize::from(count(&narrow) > 0 && count(&narrow) < count(&wide));
        }
    }
    assert!(partly > 20, "in {partly} of 200 a role reads some rows of another");
}
