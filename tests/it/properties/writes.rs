//! Writes at random, under rules made at random: the database afterwards, and what is answered, are what a model in memory
//! says. So no write changes a row outside of the caller's rules, and none tells of a row outside of the rule of reading.

use super::condition::{self, Condition, Language};
use super::data::{self, Data, ITEM, NOTE, OWNER, Row, TABLES, Value};
use super::judge::Judge;
use super::{as_role, check, failure, servers};
use crate::client::{self, Answer, Request};
use crate::fronts::{same, sorted};
use crate::state::Pristine;
use crate::world;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Map, Value as Json, json};
use std::cell::Cell;

/// How many roles the servers know. The configuration is the same in every run; rows and writes are not.
const ROLES: usize = 12;

/// A role that reads and writes items.
#[derive(Clone, Debug)]
struct Role {
    name: String,
    read: Condition,
    create_check: Condition,
    update: Condition,
    update_check: Condition,
    delete: Condition,
    /// Columns that it may not read, set in new rows, change.
    hidden: Vec<usize>,
    no_create: Vec<usize>,
    no_update: Vec<usize>,
}

fn roles() -> Vec<Role> {
    let rule = |depth| {
        let rule = condition::condition(ITEM, depth, Language::Rule);
        prop_oneof![2 => Just(Condition::And(Vec::new())), 3 => rule]
    };
    // Checks of the row alone and checks over other rows are made in different places.
    let rules = (rule(2), rule(0), rule(1), rule(1), rule(1));
    let columns = || proptest::sample::subsequence((1_usize..12).collect::<Vec<_>>(), 0..3);
    let strategy = (rules, rule(2), any::<bool>(), columns(), columns(), columns());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..ROLES)
        .map(|index| {
            let ((read, local, update, update_check, delete), wide, is_local, hidden, no_create, no_update) =
                strategy.new_tree(&mut runner).unwrap().current();
            Role {
                name: format!("writer{index}"),
                read,
                create_check: if is_local { local } else { wide },
                update,
                update_check,
                delete,
                hidden,
                no_create,
                no_update,
            }
        })
        .collect()
}

fn configuration(roles: &[Role]) -> String {
    let mut text = data::relations();
    let said = |rule: &Condition| toml::Value::from(rule.rule(ITEM, "_ROW_")).to_string();
    let except = |columns: &[usize]| {
        let names: Vec<&str> = columns.iter().map(|column| TABLES[ITEM].columns[*column].0).collect();
        toml::Value::from(names).to_string()
    };
    for role in roles {
        for table in [OWNER, NOTE] {
            text += &format!("[tables.{}.access.{}]\nread = true\n\n", TABLES[table].name, role.name);
        }
        text += &format!(
            "[tables.item.access.{}]\nread = {{ rule = {}, except = {} }}\ncreate = {{ check = {}, except = {} }}\n\
             update = {{ rule = {}, check = {}, except = {} }}\ndelete = {}\n\n",
            role.name,
            said(&role.read),
            except(&role.hidden),
            said(&role.create_check),
            except(&role.no_create),
            said(&role.update),
            said(&role.update_check),
            except(&role.no_update),
            said(&role.delete),
        );
    }
    text
}

/// One write.
#[derive(Clone, Debug)]
struct Change {
    role: usize,
    kind: Kind,
    id: i64,
    sent: Vec<(usize, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Create,
    /// An upsert.
    Put,
    Delete,
}

fn change() -> impl Strategy<Value = Change> {
    let columns = proptest::sample::subsequence((1_usize..12).collect::<Vec<_>>(), 0..6);
    let sent = columns.prop_flat_map(|columns| {
        let cells: Vec<_> = columns
            .into_iter()
            .map(|column| {
                data::cell(TABLES[ITEM].columns[column].1).prop_map(move |value| {
                    // JSON's null is sent as no value.
                    let value = if value == Value::Json(Json::Null) {
                        Value::Null
                    } else {
                        value
                    };
                    (column, value)
                })
            })
            .collect();
        cells
    });
    let kind = prop_oneof![2 => Just(Kind::Create), 4 => Just(Kind::Put), 1 => Just(Kind::Delete)];
    (0..ROLES, kind, 1_i64..34, sent).prop_map(|(role, kind, id, sent)| Change { role, kind, id, sent })
}

/// What the model says of a write.
enum Verdict {
    /// The status, and the row that is answered or null.
    Done(u16, Json),
    Refused,
}

impl Change {
    fn request(&self, role: &Role) -> Request {
        let mut body: Map<String, Json> = self
            .sent
            .iter()
            .map(|(column, value)| (TABLES[ITEM].columns[*column].0.to_owned(), value.json()))
            .collect();
        let by_key = format!("/api/item/{}", self.id);
        let mut request = match self.kind {
            Kind::Create => {
                body.insert("id".into(), json!(self.id));
                Request::post("/api/item", Json::from(body).to_string())
            }
            Kind::Put => Request::post(&by_key, Json::from(body).to_string()),
            Kind::Delete => Request::get(&by_key),
        };
        request.method = match self.kind {
            Kind::Create => "POST",
            Kind::Put => "PUT",
            Kind::Delete => "DELETE",
        }
        .into();
        request.with(as_role(&role.name))
    }

    /// Makes the change in memory, if the rules let it.
    fn apply(&self, data: &mut Data, role: &Role) -> Verdict {
        let holds =
            |data: &Data, row: &Row, rule: &Condition| Judge { data, rules: None }.truth(ITEM, row, rule) == Some(true);
        let answered = |data: &Data, row: &Row| {
            if !holds(data, row, &role.read) {
                return Json::Null;
            }
            let columns = (0..TABLES[ITEM].columns.len()).filter(|column| !role.hidden.contains(column));
            Json::Object(
                columns
                    .map(|column| (TABLES[ITEM].columns[column].0.to_owned(), row[column].json()))
                    .collect(),
            )
        };
        let standing = data.0[ITEM].iter().position(|row| row[0] == Value::Integer(self.id));
        if self.kind == Kind::Delete {
            let Some(place) = standing else { return Verdict::Refused };
            let row = data.0[ITEM][place].clone();
            if !holds(data, &row, &role.delete) || !holds(data, &row, &role.read) {
                return Verdict::Refused;
            }
            let answer = answered(data, &row);
            data.0[ITEM].remove(place);
            return Verdict::Done(200, answer);
        }
        let sends = |columns: &[usize]| self.sent.iter().any(|(column, _)| columns.contains(column));
        if sends(&role.no_create) || (self.kind == Kind::Put && sends(&role.no_update)) {
            return Verdict::Refused;
        }
        let mut after = data.clone();
        let (place, rule, status) = match standing {
            Some(_) if self.kind == Kind::Create => return Verdict::Refused,
            Some(place) => {
                let row = &data.0[ITEM][place];
                if !holds(data, row, &role.update) || !holds(data, row, &role.read) {
                    return Verdict::Refused;
                }
                (place, &role.update_check, 200)
            }
            None => {
                let mut row = vec![Value::Null; TABLES[ITEM].columns.len()];
                row[0] = Value::Integer(self.id);
                after.0[ITEM].push(row);
                (after.0[ITEM].len() - 1, &role.create_check, 201)
            }
        };
        for (column, value) in &self.sent {
            after.0[ITEM][place][*column] = value.clone();
        }
        let row = after.0[ITEM][place].clone();
        // What nothing of is changed is not checked.
        let is_touched = standing.is_none() || !self.sent.is_empty();
        if is_touched && !holds(&after, &row, rule) {
            return Verdict::Refused;
        }
        let answer = answered(&after, &row);
        *data = after;
        Verdict::Done(status, answer)
    }
}

/// What is wrong with an answer.
fn judged(verdict: &Verdict, answer: &Answer) -> Result<(), String> {
    match verdict {
        Verdict::Refused if (400..500).contains(&answer.status) => Ok(()),
        Verdict::Refused => Err("it should have been refused".into()),
        Verdict::Done(status, _) if answer.status != *status => Err(format!("status {status} was wanted")),
        Verdict::Done(_, row) => {
            let body = answer.json()?;
            if same(&body["data"], row) {
                Ok(())
            } else {
                Err(format!("the row is {row}"))
            }
        }
    }
}

#[test]
fn the_database_is_what_the_model_says_after_any_writes() {
    let roles = roles();
    let servers = servers("writes", data::schema, &configuration(&roles));
    let (done, refused) = (Cell::new(0), Cell::new(0));
    let case = (data::data(), vec(change(), 1..40));
    check("writes", 24, &case, |(data, changes)| {
        let (servers, roles) = (&servers, &roles);
        let (done, refused) = (&done, &refused);
        async move {
            for (_, server) in servers {
                world::run_script(server, &data.script())
                    .await
                    .map_err(TestCaseError::fail)?;
                let mut stands = Pristine::of(server).await.map_err(TestCaseError::fail)?;
                let mut model = data.clone();
                for change in &changes {
                    let role = &roles[change.role];
                    let request = change.request(role);
                    let answer = client::send(server.address, &request)
                        .await
                        .map_err(|error| TestCaseError::fail(format!("{request}: {error}\n{}", server.log())))?;
                    let verdict = change.apply(&mut model, role);
                    let counter = if matches!(verdict, Verdict::Done(..)) {
                        done
                    } else {
                        refused
                    };
                    counter.set(counter.get() + 1);
                    let place = || format!("{} {role:?}", server.url);
                    judged(&verdict, &answer).map_err(|error| failure(place(), &request, &answer, error))?;
                    let rows = stands.read().await.map_err(TestCaseError::fail)?;
                    for (table, wanted) in TABLES.iter().zip(&model.0) {
                        let wanted = sorted(&written(table.columns, wanted));
                        let found: Vec<Json> = rows[table.name].iter().cloned().map(Json::Object).collect();
                        let found = sorted(&Json::from(found));
                        if !same(&wanted, &found) {
                            let wrong = format!("{} is {found}\ninstead of {wanted}", table.name);
                            return Err(failure(place(), &request, &answer, wrong));
                        }
                    }
                }
            }
            Ok(())
        }
    });
    let (done, refused) = (done.get(), refused.get());
    println!("{done} writes done, {refused} refused");
    assert!(
        done > refused / 10 && refused > done / 10,
        "{done} done, {refused} refused: little is proved"
    );
}

fn written(columns: &[(&str, data::Kind)], rows: &[Row]) -> Json {
    let row = |row: &Row| {
        let members = columns.iter().zip(row);
        Json::Object(
            members
                .map(|((name, _), value)| ((*name).to_owned(), value.json()))
                .collect(),
        )
    };
    rows.iter().map(row).collect()
}
