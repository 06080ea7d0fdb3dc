//! Writes as each wire form says them.

use super::as_role;
use super::data::{ITEM, NOTE, TABLES};
use super::model::{Below, Change, GROWING, Meeting, NewRow, Role, Sent, Step, Which};
use super::writes::{Batch, Form};
use crate::client::Request;
use crate::fronts::graphql;
use serde_json::{Map, Value as Json, json};

fn object(table: usize, sent: &Sent) -> Map<String, Json> {
    let columns = TABLES[table].columns;
    sent.iter()
        .map(|(column, value)| (columns[*column].0.to_owned(), value.json()))
        .collect()
}

fn row(table: usize, row: &NewRow) -> Json {
    let mut members = object(table, &row.sent);
    members.insert("id".into(), json!(row.id));
    Json::Object(members)
}

impl Batch {
    pub(super) fn request(&self, role: &Role) -> Request {
        let request = match self.form {
            Form::GraphQl => self.mutation(role),
            Form::Together | Form::Apart => {
                let operations: Vec<Json> = self.steps.iter().map(|step| operation(step, self.form)).collect();
                let body = json!({"operations": operations, "transaction": self.form == Form::Together});
                Request::post("/api/transaction/v1/execute", body.to_string())
            }
            Form::Records => rest(&self.steps[0], "/api/records/v1", "PATCH"),
            Form::Based => rest(&self.steps[0], "/api", "PUT"),
        };
        request.with(as_role(&role.name))
    }

    /// A root for each step; values are variables.
    fn mutation(&self, role: &Role) -> Request {
        let (mut declared, mut roots) = (Vec::new(), String::new());
        let mut variables = Map::new();
        for (index, step) in self.steps.iter().enumerate() {
            let name = TABLES[step.table].name;
            let mut variable = |word: &str, kind: &str, value: Json| {
                declared.push(format!("${word}{index}: {kind}"));
                variables.insert(format!("{word}{index}"), value);
                format!("${word}{index}")
            };
            let selection = step.selection(role);
            let many = format!("{{ affected_rows returning {{ {selection} }} }}");
            let root = match &step.change {
                Change::Insert(rows, meeting) => {
                    let rows: Vec<Json> = rows.iter().map(|new| row(step.table, new)).collect();
                    let objects = variable("o", &format!("[{name}_insert_input!]!"), Json::from(rows));
                    let conflict = match meeting {
                        Meeting::Ignore => ", on_conflict: {}".into(),
                        Meeting::Update(columns, filter) => {
                            let names: Vec<&str> = columns
                                .iter()
                                .map(|column| TABLES[step.table].columns[*column].0)
                                .collect();
                            let names = names.join(", ");
                            let filter = filter.as_ref().map(|filter| {
                                let filter = filter.graphql(step.table);
                                format!(", where: {}", variable("c", &format!("{name}_bool_exp"), filter))
                            });
                            let filter = filter.unwrap_or_default();
                            format!(", on_conflict: {{constraint: {name}_pkey, update_columns: [{names}]{filter}}}")
                        }
                        Meeting::Refuse | Meeting::Put => String::new(),
                    };
                    format!("insert_{name}(objects: {objects}{conflict}) {many}")
                }
                Change::With(rows) => {
                    let with = |(item, notes): &(NewRow, Vec<NewRow>)| {
                        let mut object = row(ITEM, item);
                        if !notes.is_empty() {
                            object["notes"] = json!({"data": listed(notes)});
                        }
                        object
                    };
                    let rows: Vec<Json> = rows.iter().map(with).collect();
                    let objects = variable("o", "[item_insert_input!]!", Json::from(rows));
                    format!("insert_item(objects: {objects}) {many}")
                }
                Change::Around(id, sent, below) => {
                    let mut values = object(ITEM, sent);
                    values.insert("notes".into(), below.iter().map(wire).collect::<Map<_, _>>().into());
                    let values = variable("s", "item_set_input", Json::Object(values));
                    format!("update_item_by_pk(pk_columns: {{id: {id}}}, _set: {values}) {{ {selection} }}")
                }
                Change::Update(which, sent, growth) => {
                    let values = object(step.table, sent);
                    let mut arguments = format!(
                        "_set: {}",
                        variable("s", &format!("{name}_set_input"), Json::Object(values))
                    );
                    if let Some(growth) = growth {
                        arguments += &format!(", _inc: {{{}: {growth}}}", TABLES[step.table].columns[GROWING].0);
                    }
                    match which {
                        Which::Key(id) => {
                            format!("update_{name}_by_pk(pk_columns: {{id: {id}}}, {arguments}) {{ {selection} }}")
                        }
                        Which::Where(filter) | Which::Of(_, filter) => {
                            let filter = variable("w", &format!("{name}_bool_exp!"), filter.graphql(step.table));
                            format!("update_{name}(where: {filter}, {arguments}) {many}")
                        }
                    }
                }
                Change::Delete(Which::Key(id)) => format!("delete_{name}_by_pk(id: {id}) {{ {selection} }}"),
                Change::Delete(Which::Where(filter) | Which::Of(_, filter)) => {
                    let filter = variable("w", &format!("{name}_bool_exp!"), filter.graphql(step.table));
                    format!("delete_{name}(where: {filter}) {many}")
                }
            };
            roots += &format!(" r{index}: {root}");
        }
        let declared = if declared.is_empty() {
            String::new()
        } else {
            format!("({})", declared.join(", "))
        };
        graphql(
            &format!("mutation{declared} {{{roots} }}"),
            Some(&Json::Object(variables)),
            None,
        )
    }
}

fn listed(notes: &[NewRow]) -> Vec<Json> {
    notes.iter().map(|note| row(NOTE, note)).collect()
}

/// What happens to the notes of an item, as a member of the relation's object.
fn wire(below: &Below) -> (String, Json) {
    let (word, value) = match below {
        Below::Disconnect(condition) => ("disconnect", condition.graphql(NOTE)),
        Below::Delete(condition) => ("delete", condition.graphql(NOTE)),
        Below::Update(condition, sent) => {
            let update = json!({"where": condition.graphql(NOTE), "_set": object(NOTE, sent)});
            ("update", json!([update]))
        }
        Below::Connect(condition) => ("connect", condition.graphql(NOTE)),
        Below::Insert(rows) => ("insert", Json::from(listed(rows))),
        Below::Upsert(rows) => ("upsert", Json::from(listed(rows))),
    };
    (word.into(), value)
}

/// An operation of a transaction: in the document's form where it is one transaction, in the product's where not.
fn operation(step: &Step, form: Form) -> Json {
    let api = TABLES[step.table].name;
    let (kind, id, value) = match &step.change {
        Change::Insert(rows, _) => ("create", None, Some(row(step.table, &rows[0]))),
        Change::Update(which, sent, _) => ("update", id_of(which), Some(Json::Object(object(step.table, sent)))),
        Change::Delete(which) => ("delete", id_of(which), None),
        Change::With(_) | Change::Around(..) => unreachable!("GraphQL alone nests"),
    };
    let named = form == Form::Apart;
    let words = if named {
        ["api_name", "record_id", "value"]
    } else {
        ["api", "id", "data"]
    };
    let mut members = Map::from_iter([(words[0].to_owned(), json!(api))]);
    members.extend(id.map(|id| (words[1].to_owned(), json!(id.to_string()))));
    members.extend(value.map(|value| (words[2].to_owned(), value)));
    if named {
        let kind = match kind {
            "create" => "Create",
            "update" => "Update",
            _ => "Delete",
        };
        return json!({kind: members});
    }
    members.insert("type".into(), json!(kind));
    Json::Object(members)
}

fn id_of(which: &Which) -> Option<i64> {
    match which {
        Which::Key(id) => Some(*id),
        Which::Where(_) | Which::Of(..) => None,
    }
}

/// One write of a REST dialect.
fn rest(step: &Step, base: &str, changing: &str) -> Request {
    let name = TABLES[step.table].name;
    let by_key = |id: i64| format!("{base}/{name}/{id}");
    let with = |method: &str, target: &str, body: Json| Request {
        method: method.into(),
        ..Request::post(target, body.to_string())
    };
    match &step.change {
        Change::Insert(rows, Meeting::Put) => {
            let body = Json::Object(object(step.table, &rows[0].sent));
            with(changing, &by_key(rows[0].id), body)
        }
        Change::Insert(rows, _) => {
            let all: Vec<Json> = rows.iter().map(|new| row(step.table, new)).collect();
            let one = all.len() == 1;
            let body = if one { all[0].clone() } else { Json::from(all) };
            with("POST", &format!("{base}/{name}"), body)
        }
        Change::Update(which, sent, _) => {
            let body = Json::Object(object(step.table, sent));
            with(changing, &by_key(id_of(which).unwrap_or_default()), body)
        }
        Change::Delete(which) => Request {
            method: "DELETE".into(),
            ..Request::get(&by_key(id_of(which).unwrap_or_default()))
        },
        Change::With(_) | Change::Around(..) => unreachable!("GraphQL alone nests"),
    }
}
