//! Writes at random through all fronts, under rules made at random, one by one and together: the database afterwards, and what
//! is answered, are what a model in memory says. So no write changes a row outside of the caller's rules, none tells of a row
//! outside of the rule of reading, and what is refused has changed nothing.

use super::condition::{self, Condition, Language};
use super::data::{self, Data, ITEM, NOTE, OWNER, Row, TABLES, Value};
use super::model::{Access, Below, Change, Done, Meeting, NewRow, OF_ITEM, Place, Role, Sent, Step, WRITTEN, Which};
use super::{check, failure, servers};
use crate::client::{self, Answer};
use crate::fronts::{same, sorted};
use crate::state::Pristine;
use crate::world::{self, Database};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::strategy::ValueTree as _;
use serde_json::{Map, Value as Json, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many roles the servers know. The configuration is the same in every run; rows and writes are not.
const ROLES: usize = 14;

fn roles() -> Vec<Role> {
    let access = |table: usize| {
        // Most conditions hold for few rows, their opposites for many.
        let rule = move |depth, open: u32| {
            let rule = condition::condition(table, depth, Language::Rule);
            let opposite = rule.clone().prop_map(|rule| Condition::Not(Box::new(rule)));
            prop_oneof![open => Just(Condition::And(Vec::new())), 1 => rule, 2 => opposite]
        };
        // Checks of the row alone and checks over other rows are made in different places.
        let check = || prop_oneof![rule(0, 8), rule(2, 8)];
        let last = TABLES[table].columns.len();
        let columns = move || prop_oneof![4 => Just(Vec::new()), 1 => subsequence((1..last).collect::<Vec<_>>(), 1..3)];
        let rules = (rule(2, 6), check(), rule(1, 6), check(), rule(1, 6));
        (rules, columns(), columns(), columns()).prop_map(
            |((read, create_check, update, update_check, delete), hidden, no_create, no_update)| Access {
                read,
                create_check,
                update,
                update_check,
                delete,
                hidden,
                no_create,
                no_update,
            },
        )
    };
    let owner = prop_oneof![
        Just(Condition::And(Vec::new())),
        condition::condition(OWNER, 0, Language::Rule)
    ];
    let strategy = (owner, access(ITEM), access(NOTE));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..ROLES)
        .map(|index| {
            let (owner, item, note) = strategy.new_tree(&mut runner).unwrap().current();
            Role {
                name: format!("writer{index}"),
                reads: [owner, item.read.clone(), note.read.clone()],
                item,
                note,
            }
        })
        .collect()
}

fn configuration(roles: &[Role]) -> String {
    let mut text = data::relations();
    for role in roles {
        let owners = role.reads[OWNER].rule(OWNER, "_ROW_");
        text += &format!(
            "[tables.owner.access.{}]\nread = {}\n\n",
            role.name,
            toml::Value::from(owners)
        );
        for table in WRITTEN {
            let access = role.access(table);
            let said = |rule: &Condition| toml::Value::from(rule.rule(table, "_ROW_")).to_string();
            let except = |columns: &[usize]| {
                let names: Vec<&str> = columns.iter().map(|column| TABLES[table].columns[*column].0).collect();
                toml::Value::from(names).to_string()
            };
            text += &format!(
                "[tables.{}.access.{}]\nread = {{ rule = {}, except = {} }}\ncreate = {{ check = {}, except = {} }}\n\
                 update = {{ rule = {}, check = {}, except = {} }}\ndelete = {}\n\n",
                TABLES[table].name,
                role.name,
                said(&access.read),
                except(&access.hidden),
                said(&access.create_check),
                except(&access.no_create),
                said(&access.update),
                said(&access.update_check),
                except(&access.no_update),
                said(&access.delete),
            );
        }
    }
    text
}

// ------------------------------------------------------------------------------------------------------- at random

/// A wire form of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Several roots of one mutation.
    GraphQl,
    /// One record, or a list of new ones.
    Records,
    /// Several operations, all or none.
    Together,
    /// Several operations, each by itself.
    Apart,
    Based,
}

/// Writes that are sent at once.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub role: usize,
    pub form: Form,
    pub steps: Vec<Step>,
}

fn batch() -> impl Strategy<Value = Batch> {
    let form = prop_oneof![
        4 => Just(Form::GraphQl),
        2 => Just(Form::Records),
        2 => Just(Form::Together),
        1 => Just(Form::Apart),
        2 => Just(Form::Based),
    ];
    let steps = |form: Form| {
        let most = if matches!(form, Form::Records | Form::Based) {
            2
        } else {
            4
        };
        vec(step(form), 1..most).prop_map(move |steps| (form, steps))
    };
    (0..ROLES, form.prop_flat_map(steps)).prop_map(|(role, (form, steps))| Batch { role, form, steps })
}

fn step(form: Form) -> impl Strategy<Value = Step> {
    prop_oneof![3 => Just(ITEM), 2 => Just(NOTE)]
        .prop_flat_map(move |table| change(form, table).prop_map(move |change| Step { table, change }))
}

fn sent(table: usize) -> impl Strategy<Value = Sent> {
    let columns = TABLES[table].columns.len();
    subsequence((1..columns).collect::<Vec<_>>(), 0..4).prop_flat_map(move |columns| {
        let cells: Vec<_> = columns
            .into_iter()
            .map(|column| {
                data::cell(TABLES[table].columns[column].1).prop_map(move |value| {
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
    })
}

fn change(form: Form, table: usize) -> BoxedStrategy<Change> {
    // Many stand, some do not.
    let id = || prop_oneof![6 => 1_i64..9, 1 => 9_i64..40];
    let new = || prop_oneof![1 => 1_i64..20, 8 => 20_i64..90];
    let rows_of = move |ids: BoxedStrategy<i64>, most: usize| {
        vec((ids, sent(table)).prop_map(|(id, sent)| NewRow { id, sent }), 1..most)
    };
    let rows = |most: usize| rows_of(new().boxed(), most);
    let key = || id().prop_map(Which::Key);
    let update =
        |which: BoxedStrategy<Which>| (which, sent(table)).prop_map(|(which, sent)| Change::Update(which, sent, None));
    match form {
        Form::GraphQl => {
            let filter = || condition::condition(table, 1, Language::GraphQl);
            let which = || prop_oneof![key(), filter().prop_map(Which::Where)].boxed();
            let columns = subsequence((1..TABLES[table].columns.len()).collect::<Vec<_>>(), 1..5);
            let meeting = prop_oneof![
                2 => Just(Meeting::Refuse),
                1 => Just(Meeting::Ignore),
                4 => (columns, proptest::option::of(filter())).prop_map(|(columns, filter)| Meeting::Update(columns, filter)),
            ];
            let growth = prop_oneof![2 => Just(None), 1 => (-3_i64..4).prop_map(Some)];
            let updated =
                (which(), sent(table), growth).prop_map(|(which, sent, growth)| Change::Update(which, sent, growth));
            let own = prop_oneof![
                4 => (meeting, any::<bool>()).prop_flat_map(move |(meeting, fresh)| {
                    let ids = if fresh { new().boxed() } else { id().boxed() };
                    (rows_of(ids, 5), Just(meeting))
                }).prop_map(inserted),
                4 => updated,
                1 => which().prop_map(Change::Delete),
            ];
            if table == ITEM {
                prop_oneof![3 => own, 1 => with_notes(), 2 => around_notes()].boxed()
            } else {
                own.boxed()
            }
        }
        Form::Records => prop_oneof![
            3 => rows(4).prop_map(|rows| Change::Insert(rows, Meeting::Refuse)),
            3 => update(key().boxed()),
            1 => key().prop_map(Change::Delete),
        ]
        .boxed(),
        Form::Together | Form::Apart => prop_oneof![
            3 => rows(2).prop_map(|rows| Change::Insert(rows, Meeting::Refuse)),
            3 => update(key().boxed()),
            1 => key().prop_map(Change::Delete),
        ]
        .boxed(),
        Form::Based => {
            let put = prop_oneof![1 => Just(Meeting::Refuse), 3 => Just(Meeting::Put)];
            prop_oneof![
                5 => (rows_of(id().boxed(), 2), put).prop_map(inserted),
                1 => key().prop_map(Change::Delete),
            ]
            .boxed()
        }
    }
}

/// New notes, without a word about their item.
fn notes(ids: std::ops::Range<i64>, most: usize) -> impl Strategy<Value = Vec<NewRow>> {
    let note = (ids, sent(NOTE)).prop_map(|(id, mut sent)| {
        sent.retain(|(column, _)| *column != OF_ITEM);
        NewRow { id, sent }
    });
    vec(note, 0..most).prop_map(distinct)
}

fn with_notes() -> impl Strategy<Value = Change> {
    let item = (20_i64..90, sent(ITEM)).prop_map(|(id, sent)| NewRow { id, sent });
    vec((item, notes(20..400, 3)), 1..4).prop_map(Change::With)
}

fn around_notes() -> impl Strategy<Value = Change> {
    let filter =
        || prop_oneof![1 => Just(Condition::And(Vec::new())), 2 => condition::condition(NOTE, 1, Language::GraphQl)];
    let few = |one: BoxedStrategy<Below>| proptest::option::weighted(0.35, one);
    let below = (
        few(filter().prop_map(Below::Disconnect).boxed()),
        few(filter().prop_map(Below::Delete).boxed()),
        few((filter(), sent(NOTE))
            .prop_map(|(filter, sent)| Below::Update(filter, sent))
            .boxed()),
        few(condition::condition(NOTE, 0, Language::GraphQl)
            .prop_map(Below::Connect)
            .boxed()),
        few(notes(20..90, 3).prop_map(Below::Insert).boxed()),
        few(notes(1..30, 3).prop_map(Below::Upsert).boxed()),
    );
    let below = below.prop_map(|(parted, gone, changed, connected, new, met)| {
        let all = [parted, gone, changed, connected, new, met].into_iter().flatten();
        let is_something = |below: &Below| match below {
            Below::Insert(rows) | Below::Upsert(rows) => !rows.is_empty(),
            _ => true,
        };
        let mut all: Vec<Below> = all.filter(is_something).collect();
        if all.is_empty() {
            all.push(Below::Delete(Condition::IsNull(2, true)));
        }
        all
    });
    (1_i64..16, sent(ITEM), below).prop_map(|(id, sent, below)| Change::Around(id, sent, below))
}

fn distinct(mut rows: Vec<NewRow>) -> Vec<NewRow> {
    let mut known = Vec::new();
    rows.retain(|row| {
        !known.contains(&row.id) && {
            known.push(row.id);
            true
        }
    });
    rows
}

/// Rows that meet others are not two of one key, of which it would matter which comes first.
fn inserted((rows, meeting): (Vec<NewRow>, Meeting)) -> Change {
    let rows = if matches!(meeting, Meeting::Refuse) {
        rows
    } else {
        distinct(rows)
    };
    Change::Insert(rows, meeting)
}

// ------------------------------------------------------------------------------------------------------- judged

impl Batch {
    /// Makes the writes in memory, all or none, or each by itself; what became of each.
    fn apply(&self, data: &mut Data, role: &Role) -> Vec<Option<Done>> {
        let place = Place {
            role,
            strict: self.form != Form::GraphQl,
        };
        let mut done = Vec::new();
        let mut after = data.clone();
        for step in &self.steps {
            let before = after.clone();
            let became = step.apply(&mut after, place);
            if became.is_none() {
                after = before;
                if self.form != Form::Apart {
                    return vec![None];
                }
            }
            done.push(became);
        }
        *data = after;
        done
    }

    /// What is wrong with an answer.
    fn judge(&self, done: &[Option<Done>], answer: &Answer) -> Result<(), String> {
        let refused = done.iter().any(Option::is_none);
        if refused && self.form != Form::Apart {
            let body = answer.json().unwrap_or_default();
            let is_refused = if self.form == Form::GraphQl {
                answer.status < 500 && body.get("errors").is_some() && body.get("data").is_none_or(Json::is_null)
            } else {
                (400..500).contains(&answer.status)
            };
            return is_refused
                .then_some(())
                .ok_or_else(|| "it should have been refused".into());
        }
        let all = || done.iter().flatten();
        let created = |done: &Done| done.created > 0;
        let wanted_status = if self.form == Form::Based && all().any(created) {
            201
        } else {
            200
        };
        if answer.status != wanted_status {
            return Err(format!("status {wanted_status} was wanted"));
        }
        if self.form == Form::Records && !matches!(self.steps[0].change, Change::Insert(..)) {
            return answer
                .body
                .is_empty()
                .then_some(())
                .ok_or_else(|| "nothing was to be told".into());
        }
        let body = answer.json()?;
        let texts = |ids: &[i64]| ids.iter().map(|id| json!(id.to_string())).collect::<Vec<_>>();
        let (got, wanted) = match self.form {
            Form::GraphQl => {
                let roots = self.steps.iter().zip(all()).enumerate();
                let wanted = roots.map(|(index, (step, done))| (format!("r{index}"), answered(step, done)));
                let wanted: Map<String, Json> = wanted.collect();
                let mut got = body["data"].clone();
                for (index, step) in self.steps.iter().enumerate() {
                    // Rows that were not sent are in no order.
                    if !matches!(step.change, Change::Insert(..) | Change::With(_)) {
                        let root = &mut got[format!("r{index}")];
                        if let Some(rows) = root.get_mut("returning") {
                            *rows = sorted(rows);
                        }
                    }
                }
                (got, Json::Object(wanted))
            }
            Form::Records => (
                body,
                json!({"ids": texts(done[0].as_ref().map_or(&[][..], |done| &done.ids))}),
            ),
            Form::Together | Form::Apart => {
                let mut results = Vec::new();
                let mut ids = Vec::new();
                for (step, done) in self.steps.iter().zip(done) {
                    let Some(done) = done else {
                        results.push(json!({"Error": "*"}));
                        continue;
                    };
                    results.push(json!({"Id": texts(&done.ids).first()}));
                    if matches!(step.change, Change::Insert(..) | Change::With(_)) {
                        ids.extend(texts(&done.ids));
                    }
                }
                let mut got = body;
                for result in got["results"].as_array_mut().into_iter().flatten() {
                    if let Some(error) = result.get_mut("Error").filter(|error| error.is_string()) {
                        *error = json!("*");
                    }
                }
                (got, json!({"results": results, "ids": ids}))
            }
            Form::Based => {
                let told = all().flat_map(|done| &done.rows).next().cloned().unwrap_or_default();
                // Relations are GraphQL's.
                let columns: Vec<&str> = TABLES[self.steps[0].table]
                    .columns
                    .iter()
                    .map(|(name, _)| *name)
                    .collect();
                let told = match told {
                    Json::Object(members) => Json::Object(
                        members
                            .into_iter()
                            .filter(|(name, _)| columns.contains(&name.as_str()))
                            .collect(),
                    ),
                    other => other,
                };
                (body["data"].clone(), told)
            }
        };
        if same(&got, &wanted) {
            Ok(())
        } else {
            Err(format!("wanted {wanted}"))
        }
    }
}

/// What a root of GraphQL answers.
fn answered(step: &Step, done: &Done) -> Json {
    let one = matches!(
        step.change,
        Change::Update(Which::Key(_), ..) | Change::Delete(Which::Key(_)) | Change::Around(..)
    );
    if one {
        return done.rows.first().cloned().unwrap_or_default();
    }
    let rows = Json::from(done.rows.clone());
    let rows = if matches!(step.change, Change::Insert(..) | Change::With(_)) {
        rows
    } else {
        sorted(&rows)
    };
    json!({"affected_rows": done.count, "returning": rows})
}

/// The columns that grow have 32 bits on both databases; SQLite's own have 64.
fn schema(database: Database) -> String {
    let script = data::schema(database);
    if database == Database::Postgres {
        return script;
    }
    ["small", "stars"].iter().fold(script, |script, name| {
        let bounds = format!("{name} INTEGER CHECK ({name} BETWEEN -2147483648 AND 2147483647)");
        script.replace(&format!("{name} INTEGER"), &bounds)
    })
}

#[test]
fn the_database_is_what_the_model_says_after_any_writes() {
    let roles = roles();
    let servers = servers("writes", schema, &configuration(&roles));
    let counts: RefCell<BTreeMap<(Form, bool), usize>> = RefCell::default();
    let case = (data::data(), vec(batch(), 1..24));
    check("writes", 32, &case, |(data, batches)| {
        let (servers, roles, counts) = (&servers, &roles, &counts);
        async move {
            for (_, server) in servers {
                world::run_script(server, &data.script())
                    .await
                    .map_err(TestCaseError::fail)?;
                let mut stands = Pristine::of(server).await.map_err(TestCaseError::fail)?;
                let mut model = data.clone();
                for batch in &batches {
                    let role = &roles[batch.role];
                    let request = batch.request(role);
                    let answer = client::send(server.address, &request)
                        .await
                        .map_err(|error| TestCaseError::fail(format!("{request}: {error}\n{}", server.log())))?;
                    let done = batch.apply(&mut model, role);
                    for done in &done {
                        *counts.borrow_mut().entry((batch.form, done.is_some())).or_default() += 1;
                    }
                    let place = || format!("{} {role:?}", server.url);
                    let judged = batch.judge(&done, &answer);
                    judged.map_err(|error| failure(place(), &request, &answer, error))?;
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
    let counts = counts.into_inner();
    for ((form, is_done), count) in &counts {
        println!("{count} of {form:?} {}", if *is_done { "done" } else { "refused" });
    }
    for form in [Form::GraphQl, Form::Records, Form::Together, Form::Apart, Form::Based] {
        let of = |is_done| counts.get(&(form, is_done)).copied().unwrap_or_default();
        let (done, refused) = (of(true), of(false));
        assert!(
            done > refused / 20 && refused > done / 20,
            "{form:?}: {done} done, {refused} refused: little is proved"
        );
    }
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
