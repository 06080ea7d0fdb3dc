//! A walk by cursors, forwards and backwards, visits each row once, in the order of the whole list.

use super::condition::{self, Condition, Language, Term};
use super::data::{self, Data, ITEM, Value};
use super::judge::Judge;
use super::{as_role, check, failure, query_string, servers};
use crate::client::{self, Answer, Request};
use crate::fronts;
use crate::world::{self, Server};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// How a list is walked.
#[derive(Clone, Debug)]
struct Walk {
    way: Way,
    condition: Condition,
    order: Vec<Term>,
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `first` and `after`
    Forwards,
    /// `last` and `before`
    Backwards,
    /// The Records API's cursor.
    Records,
}

fn walk() -> impl Strategy<Value = Walk> {
    let of = |way: Way| {
        let records = way == Way::Records;
        let language = if records { Language::Records } else { Language::GraphQl };
        let all = Just(Condition::And(Vec::new())).boxed();
        let conditions = prop_oneof![2 => all, 1 => condition::condition(ITEM, 2, language)];
        (conditions, condition::order(ITEM, records), 1_usize..7).prop_map(move |(condition, order, size)| Walk {
            way,
            condition,
            order,
            size,
        })
    };
    prop_oneof![of(Way::Forwards), of(Way::Backwards), of(Way::Records)]
}

type Failed<T> = Result<T, TestCaseError>;

impl Walk {
    /// A page: the size and the cursor, or (without a size) the whole list.
    fn request(&self, page: Option<(usize, Option<&str>)>) -> Option<Request> {
        if self.way == Way::Records {
            let mut parameters = self.condition.records(ITEM)?;
            let order: Vec<String> = self.order.iter().map(|term| term.rest(ITEM)).collect::<Option<_>>()?;
            parameters.push(("order".into(), order.join(",")));
            let (size, cursor) = page.unwrap_or((1024, None));
            parameters.push(("limit".into(), size.to_string()));
            parameters.extend(cursor.map(|cursor| ("cursor".into(), cursor.into())));
            return Some(fronts::rest(&format!(
                "/api/records/v1/item{}",
                query_string(&parameters)
            )));
        }
        let (most, place) = if self.way == Way::Forwards {
            ("first", "after")
        } else {
            ("last", "before")
        };
        let query = format!(
            "query($where: item_bool_exp, $order: [item_order_by!], $most: Int, $cursor: String) {{ \
             item_connection(where: $where, order_by: $order, {most}: $most, {place}: $cursor) {{ \
             total_count nodes {{ id }} edges {{ cursor node {{ id }} }} \
             pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        );
        let order: Vec<Json> = self.order.iter().map(|term| term.graphql(ITEM)).collect();
        let mut variables = json!({ "where": self.condition.graphql(ITEM), "order": order });
        if let Some((size, cursor)) = page {
            variables["most"] = json!(size);
            variables["cursor"] = json!(cursor);
        }
        Some(fronts::graphql(&query, Some(&variables), None))
    }

    /// The ids of a page, and the cursor to the next one.
    fn read(&self, answer: &Answer) -> Result<(Vec<i64>, Option<String>), String> {
        if answer.status != 200 {
            return Err("an answer of status 200 was wanted".into());
        }
        let body = answer.json()?;
        let ids =
            |rows: &Json| -> Option<Vec<i64>> { rows.as_array()?.iter().map(|row| row.get("id")?.as_i64()).collect() };
        if self.way == Way::Records {
            let cursor = body.get("cursor").and_then(Json::as_str).map(str::to_owned);
            return Ok((ids(&body["records"]).ok_or("there are no records")?, cursor));
        }
        let page = body.pointer("/data/item_connection").ok_or("there is no connection")?;
        let nodes = ids(&page["nodes"]).ok_or("there are no nodes")?;
        let edges: Vec<Json> = page["edges"].as_array().ok_or("there are no edges")?.clone();
        let of_edges = edges
            .iter()
            .map(|edge| edge["node"]["id"].as_i64())
            .collect::<Option<Vec<i64>>>();
        if of_edges.as_ref() != Some(&nodes) {
            return Err("edges and nodes are not the same rows".into());
        }
        let info = &page["pageInfo"];
        let (more, cursor) = match self.way {
            Way::Forwards => ("hasNextPage", &info["endCursor"]),
            _ => ("hasPreviousPage", &info["startCursor"]),
        };
        let more = info[more]
            .as_bool()
            .ok_or("the page does not say whether there is more")?;
        Ok((nodes, if more { cursor.as_str().map(str::to_owned) } else { None }))
    }

    async fn page(
        &self,
        server: &Server,
        page: Option<(usize, Option<&str>)>,
    ) -> Failed<Option<(Vec<i64>, Option<String>)>> {
        let Some(request) = self.request(page) else {
            return Ok(None);
        };
        let request = request.with(as_role("admin"));
        let answer = client::send(server.address, &request)
            .await
            .map_err(|error| TestCaseError::fail(format!("{request}: {error}")))?;
        self.read(&answer)
            .map(Some)
            .map_err(|error| failure(&server.url, &request, &answer, error))
    }

    async fn holds(&self, server: &Server, data: &Data) -> Failed<()> {
        let Some((whole, _)) = self.page(server, None).await? else {
            return Ok(());
        };
        let judge = Judge { data, rules: None };
        let wrong = |text: String| TestCaseError::fail(format!("{}: {text}\n{self:?}", server.url));
        let rows = judge.rows(ITEM, &self.condition);
        let mut wanted: Vec<&Value> = rows.iter().map(|row| &row[0]).collect();
        let row = |id: i64| *rows.iter().find(|row| row[0] == Value::Integer(id)).unwrap();
        let mut got: Vec<Value> = whole.iter().map(|id| Value::Integer(*id)).collect();
        got.sort_by(|one, two| one.compare(two).unwrap());
        wanted.sort_by(|one, two| one.compare(two).unwrap());
        if got.iter().ne(wanted) {
            return Err(wrong(format!("the whole list is {whole:?}")));
        }
        if let Some(pair) = whole
            .windows(2)
            .find(|pair| judge.compare(ITEM, &self.order, row(pair[0]), row(pair[1])).is_gt())
        {
            return Err(wrong(format!("{pair:?} stand in the wrong order")));
        }
        let (mut seen, mut cursor): (Vec<i64>, Option<String>) = (Vec::new(), None);
        for _ in 0..=whole.len() {
            let Some((ids, next)) = self.page(server, Some((self.size, cursor.as_deref()))).await? else {
                break;
            };
            let full = ids.len() == self.size;
            if self.way == Way::Backwards {
                seen.splice(0..0, ids);
            } else {
                seen.extend(ids);
            }
            cursor = next;
            match &cursor {
                None => break,
                Some(_) if full => {}
                Some(_) => return Err(wrong("a page is not full, and says that there is more".into())),
            }
        }
        if seen != whole {
            return Err(wrong(format!("the walk saw {seen:?} of {whole:?}")));
        }
        Ok(())
    }
}

#[test]
fn walks_visit_each_row_once() {
    let servers = servers("paging", data::schema, &data::relations());
    let case = (data::data(), vec(walk(), 6));
    check("paging", 25, &case, |(data, walks)| {
        let servers = &servers;
        async move {
            for (_, server) in servers {
                world::run_script(server, &data.script())
                    .await
                    .map_err(TestCaseError::fail)?;
                futures_util::future::try_join_all(walks.iter().map(|walk| walk.holds(server, &data))).await?;
            }
            Ok(())
        }
    });
}
