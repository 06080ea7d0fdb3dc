//! The plan as a tree of words for `explain`: what is read, in which order, how much of it, what is made of it.

use super::{Body, Count, Member, Part, Query, Value};
use crate::request::{Constant, Nulls};
use crate::rules::{
    Aggregate, AggregateItem, Call, Describer, From, GroupPart, GroupedBy, OrderTerm, Parameter, Predicate, Term,
};
use serde_json::{Map, Value as Json};

/// A level and all levels in it. `around` is outside of any row at the root.
#[must_use]
pub fn describe(query: &Query, around: &Describer<'_>) -> Json {
    let own = match query.from.table() {
        Some(table) => around.inner(table),
        None => around.clone(),
    };
    let mut tree = Map::new();
    let mut say = |key: &str, value: Json| {
        tree.insert(key.to_owned(), value);
    };
    let table_name = |table| around.catalog().table(table).name.as_str().to_owned();
    match &query.from {
        From::Table(table) => say("table", table_name(*table).into()),
        From::Function {
            function,
            arguments,
            table,
        } => {
            let arguments = arguments.iter().map(|(name, term)| (name, term.as_ref()));
            say("function", call(around, *function, arguments).into());
            say("table", table_name(*table).into());
        }
        From::Written { write, table, .. } => {
            say("rows of write", (*write + 1).into());
            say("table", table_name(*table).into());
        }
        From::Nothing => {}
    }
    if let Some(through) = &query.through {
        // Its row stands within the target's.
        let condition = own.inner(through.table).predicate(&through.condition);
        say("through", table_name(through.table).into());
        say("joined where", condition.into());
    }
    if query.predicate != Predicate::TRUE {
        say("where", own.predicate(&query.predicate).into());
    }
    if query.keyset != Predicate::TRUE {
        say("beyond the cursor", own.predicate(&query.keyset).into());
    }
    if !query.order.is_empty() {
        let terms: Vec<String> = query.order.iter().map(|term| order(&own, term)).collect();
        say("order", terms.join(", ").into());
    }
    if query.distinct > 0 {
        let terms = query.order.iter().take(query.distinct).map(|term| own.term(&term.term));
        say("first of each", terms.collect::<Vec<_>>().join(", ").into());
    }
    if let Some(limit) = &query.limit {
        say("limit", count(around, limit).into());
    }
    if let Some(offset) = query.offset {
        say("offset", around.parameter(&Parameter::Slot(offset)).into());
    }
    for (key, holds) in [
        ("fetched in reverse", query.reversed),
        ("counts all rows", query.total),
        ("makes cursors", query.cursor),
    ] {
        if holds {
            say(key, true.into());
        }
    }
    match &query.body {
        Body::Rows(list) => say("rows", members(&own, list)),
        Body::Row(list) => say("one row", members(&own, list)),
        Body::Aggregate(parts) => say("aggregate", aggregate(&own, around, parts)),
        Body::Groups { by, having, parts } => {
            let keys = by.iter().map(|key| (key.name.to_string(), own.term(&key.term).into()));
            say("grouped by", Json::Object(keys.collect()));
            if *having != Predicate::TRUE {
                say("having", own.predicate(having).into());
            }
            say("groups", groups(&own, by, parts));
        }
        Body::Lists(lists) => say("lists", lists.iter().map(|list| members(&own, list)).collect()),
        Body::Scalar(Call {
            function, arguments, ..
        }) => {
            let arguments = arguments.iter().map(|(name, term)| (name, term.as_ref()));
            say("value", call(&own, *function, arguments).into());
        }
    }
    Json::Object(tree)
}

fn order(own: &Describer<'_>, term: &OrderTerm) -> String {
    let mut text = own.term(&term.term);
    if term.descending {
        text += " descending";
    }
    if term.nullable {
        text += match term.nulls {
            Nulls::First => " nulls first",
            Nulls::Last => " nulls last",
        };
    }
    text
}

fn count(around: &Describer<'_>, count: &Count) -> String {
    let asked = count.slot.map(|slot| around.parameter(&Parameter::Slot(slot)));
    let mut text = match (asked, count.most) {
        (Some(asked), Some(most)) => format!("{asked}, at most {most}"),
        (Some(asked), None) => asked,
        (None, Some(most)) => most.to_string(),
        (None, None) => "none".to_owned(),
    };
    if count.plus > 0 {
        text += ", and one more to see whether there is a rest";
    }
    text
}

fn call<'t>(
    row: &Describer<'_>,
    function: usize,
    arguments: impl Iterator<Item = (&'t String, Option<&'t Term>)>,
) -> String {
    let functions = &row.catalog().database.functions;
    let name = functions.get(function).map_or("?", |function| function.name.as_str());
    let arguments = arguments.map(|(name, term)| match term {
        Some(term) => format!("{name} => {}", row.term(term)),
        None => format!("{name} => the row"),
    });
    format!("{name}({})", arguments.collect::<Vec<_>>().join(", "))
}

fn members(own: &Describer<'_>, list: &[Member]) -> Json {
    let described = list.iter().map(|member| {
        let value = match &member.value {
            Value::Term(term) => own.term(term).into(),
            Value::Constant(constant) => self::constant(constant),
            Value::Query(query) => describe(query, own),
            Value::Object { unless_null, members } => {
                let inner = self::members(own, members);
                match unless_null {
                    None => inner,
                    Some(term) => serde_json::json!({ "null without": own.term(term), "members": inner }),
                }
            }
            Value::Computed {
                function, arguments, ..
            } => {
                let arguments = arguments.iter().map(|(name, term)| (name, term.as_ref()));
                call(own, *function, arguments).into()
            }
            Value::Cursor => "the row's cursor".into(),
        };
        (member.key.to_string(), value)
    });
    Json::Object(described.collect())
}

fn aggregate(own: &Describer<'_>, around: &Describer<'_>, parts: &[Part]) -> Json {
    let described = parts.iter().map(|part| match part {
        Part::Constant(key, constant) => (key.to_string(), self::constant(constant)),
        Part::Aggregates(key, items) => (key.to_string(), aggregates(own, items)),
        Part::Nodes(key, query) => (key.to_string(), describe(query, around)),
    });
    Json::Object(described.collect())
}

fn aggregates(own: &Describer<'_>, items: &[AggregateItem]) -> Json {
    let value = |aggregate: &Aggregate| Json::from(own.term(&Term::Aggregate(Box::new(aggregate.clone()))));
    let described = items.iter().map(|item| match item {
        AggregateItem::Constant(key, constant) => (key.to_string(), self::constant(constant)),
        AggregateItem::Value(key, aggregate) => (key.to_string(), value(aggregate)),
        AggregateItem::Function(key, _, operands) => {
            let inner = operands.iter().map(|(key, operand)| match operand {
                Ok(aggregate) => (key.to_string(), value(aggregate)),
                Err(constant) => (key.to_string(), self::constant(constant)),
            });
            (key.to_string(), Json::Object(inner.collect()))
        }
    });
    Json::Object(described.collect())
}

fn groups(own: &Describer<'_>, by: &[GroupedBy], parts: &[GroupPart]) -> Json {
    let key_of = |index: usize| by.get(index).map_or(Json::Null, |key| own.term(&key.term).into());
    let described = parts.iter().map(|part| match part {
        GroupPart::Constant(key, constant) => (key.to_string(), self::constant(constant)),
        GroupPart::Keys(key, keys) => {
            let inner = keys.iter().map(|(key, index)| match index {
                Ok(index) => (key.to_string(), key_of(*index)),
                Err(constant) => (key.to_string(), self::constant(constant)),
            });
            (key.to_string(), Json::Object(inner.collect()))
        }
        GroupPart::Key(key, index) => (key.to_string(), key_of(*index)),
        GroupPart::Aggregates(key, items) => (key.to_string(), aggregates(own, items)),
        GroupPart::Term(key, term) => (key.to_string(), own.term(term).into()),
    });
    Json::Object(described.collect())
}

/// Constants are written with quotes, as columns are without.
fn constant(constant: &Constant) -> Json {
    match constant {
        Constant::Text(text) => Json::from(Json::from(text.as_str()).to_string()),
        Constant::Null => Json::Null,
    }
}
