//! A question about items that every front may say.

use super::condition::{self, Condition, Language, Term};
use super::data::ITEM;
use super::query_string;
use crate::client::Request;
use crate::fronts::{self, Front};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A question about items.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) front: Front,
    pub(super) condition: Condition,
    pub(super) order: Vec<Term>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// With conditions of so many levels at most.
pub(super) fn question(depth: u32) -> impl Strategy<Value = Question> {
    let of = move |front: Front, language: Language| {
        let plain = front != Front::GraphQl;
        let page = (
            prop_oneof![3 => Just(None), 2 => (0_usize..12).prop_map(Some)],
            prop_oneof![3 => Just(0), 1 => 0_usize..6],
        );
        (
            condition::condition(ITEM, depth, language),
            condition::order(ITEM, plain),
            page,
        )
            .prop_map(move |(condition, order, (limit, offset))| Question {
                front,
                condition,
                order,
                limit,
                offset,
            })
    };
    prop_oneof![
        5 => of(Front::GraphQl, Language::GraphQl),
        3 => of(Front::Records, Language::Records),
        1 => of(Front::Based, Language::Based),
    ]
}

impl Question {
    /// What GraphQL selects of an item, and its roots beside the items; `None` where the front cannot say the question.
    pub(super) fn request(&self, selection: &str, beside: &str) -> Option<Request> {
        let mut page: Vec<(String, String)> = Vec::new();
        page.extend(self.limit.map(|limit| ("limit".into(), limit.to_string())));
        if self.offset > 0 {
            page.push(("offset".into(), self.offset.to_string()));
        }
        if self.front == Front::GraphQl {
            let page: String = page.iter().map(|(name, value)| format!(", {name}: {value}")).collect();
            let query = format!(
                "query($where: item_bool_exp, $order: [item_order_by!]) {{ \
                 item(where: $where, order_by: $order{page}) {{ {selection} }} {beside} }}"
            );
            let mut order: Vec<Json> = self.order.iter().map(|term| term.graphql(ITEM)).collect();
            order.push(json!({ "id": "asc" }));
            let variables = json!({ "where": self.condition.graphql(ITEM), "order": order });
            return Some(fronts::graphql(&query, Some(&variables), None));
        }
        let (path, mut parameters) = match self.front {
            Front::Records => ("/api/records/v1/item", self.condition.records(ITEM)?),
            _ => ("/api/item", self.condition.based(ITEM)?),
        };
        let mut order: Vec<String> = self.order.iter().map(|term| term.rest(ITEM)).collect::<Option<_>>()?;
        order.push("id".into());
        parameters.push(("order".into(), order.join(",")));
        parameters.extend(page);
        if self.front == Front::Records {
            parameters.push(("count".into(), "true".into()));
        }
        Some(fronts::rest(&format!("{path}{}", query_string(&parameters))))
    }
}
