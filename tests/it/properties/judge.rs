//! Decides in memory what an answer must be, in SQL's logic of true, false and unknown. Nothing of Diglot's own code.

use super::condition::{By, Condition, JsonTest, Operator, Pattern, SIMILAR, Term};
use super::data::{Data, Row, TABLES, Value};
use serde_json::Value as Json;
use std::cmp::Ordering;

/// Rows, and who may read which of them.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub data: &'a Data,
    /// One for each table; without them everything can be read.
    pub rules: Option<&'a [Condition; 3]>,
}

impl<'a> Judge<'a> {
    /// Rows of a table that can be read and fulfil a condition.
    pub(super) fn rows(&self, table: usize, condition: &Condition) -> Vec<&'a Row> {
        let rows = self.data.0[table].iter();
        rows.filter(|row| self.readable(table, row) && self.truth(table, row, condition) == Some(true))
            .collect()
    }

    fn readable(&self, table: usize, row: &Row) -> bool {
        let Some(rules) = self.rules else { return true };
        // Rules see everything.
        let all = Judge {
            data: self.data,
            rules: None,
        };
        all.truth(table, row, &rules[table]) == Some(true)
    }

    /// Rows at the end of a relation that can be read.
    pub(super) fn related(&self, table: usize, row: &Row, relation: usize) -> Vec<&'a Row> {
        let relation = &TABLES[table].relations[relation];
        let own = &row[relation.own];
        let rows = self.data.0[relation.target].iter();
        rows.filter(|row| row[relation.theirs].compare(own) == Some(Ordering::Equal))
            .filter(|row| self.readable(relation.target, row))
            .collect()
    }

    pub(super) fn truth(&self, table: usize, row: &Row, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::And(parts) => all(parts.iter().map(|part| self.truth(table, row, part))),
            Condition::Or(parts) => any(parts.iter().map(|part| self.truth(table, row, part))),
            Condition::Not(inner) => self.truth(table, row, inner).map(|truth| !truth),
            Condition::Compare(column, operator, value) => compared(&row[*column], *operator, value),
            Condition::In(column, values, negated) => {
                let found = any(values
                    .iter()
                    .map(|value| compared(&row[*column], Operator::Equal, value)));
                found.map(|found| found != *negated)
            }
            Condition::IsNull(column, null) => Some((row[*column] == Value::Null) == *null),
            Condition::Match(column, pattern, text, negated) => {
                let Value::Text(own) = &row[*column] else { return None };
                Some(matches(*pattern, text, own) != *negated)
            }
            Condition::Json(column, test) => {
                let Value::Json(own) = &row[*column] else { return None };
                Some(match test {
                    JsonTest::Contains(other) => contains(own, other, true),
                    JsonTest::ContainedIn(other) => contains(other, own, true),
                    JsonTest::HasKey(key) => has_key(own, key),
                    JsonTest::HasAny(keys) => keys.iter().any(|key| has_key(own, key)),
                    JsonTest::HasAll(keys) => keys.iter().all(|key| has_key(own, key)),
                })
            }
            Condition::Related(relation, inner) => {
                let target = TABLES[table].relations[*relation].target;
                let mut rows = self.related(table, row, *relation).into_iter();
                Some(rows.any(|row| self.truth(target, row, inner) == Some(true)))
            }
            Condition::Count(relation, inner, operator, number) => {
                let target = TABLES[table].relations[*relation].target;
                let rows = self.related(table, row, *relation).into_iter();
                let count = rows.filter(|row| self.truth(target, row, inner) == Some(true)).count();
                compared(
                    &Value::Integer(i64::try_from(count).unwrap()),
                    *operator,
                    &Value::Integer(*number),
                )
            }
        }
    }

    /// How an order places two rows; equal where it does not say.
    pub(super) fn compare(&self, table: usize, order: &[Term], one: &Row, two: &Row) -> Ordering {
        for term in order {
            let (one, two) = (self.key(table, &term.by, one), self.key(table, &term.by, two));
            let first = term.nulls_first.unwrap_or(term.descending);
            let placed = match (one == Value::Null, two == Value::Null) {
                (true, true) => Ordering::Equal,
                (true, false) if first => Ordering::Less,
                (true, false) => Ordering::Greater,
                (false, true) if first => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => {
                    let placed = one.compare(&two).unwrap();
                    if term.descending { placed.reverse() } else { placed }
                }
            };
            if placed != Ordering::Equal {
                return placed;
            }
        }
        Ordering::Equal
    }

    fn key(&self, table: usize, by: &By, row: &Row) -> Value {
        match by {
            By::Column(column) => row[*column].clone(),
            By::Related(relation, column) => self
                .related(table, row, *relation)
                .first()
                .map_or(Value::Null, |row| row[*column].clone()),
            By::Count(relation) => Value::Integer(i64::try_from(self.related(table, row, *relation).len()).unwrap()),
        }
    }
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(parts.map(|part| part.map(|part| !part))).map(|whole| !whole)
}

fn compared(own: &Value, operator: Operator, other: &Value) -> Option<bool> {
    let placed = own.compare(other)?;
    Some(match operator {
        Operator::Equal => placed.is_eq(),
        Operator::NotEqual => placed.is_ne(),
        Operator::Greater => placed.is_gt(),
        Operator::GreaterOrEqual => placed.is_ge(),
        Operator::Less => placed.is_lt(),
        Operator::LessOrEqual => placed.is_le(),
    })
}

fn matches(pattern: Pattern, text: &str, own: &str) -> bool {
    // A dot is any character but a line break, an underscore of SIMILAR TO any at all.
    let regular = |regular: &str, insensitive: bool| {
        let built = regex::RegexBuilder::new(regular)
            .dot_matches_new_line(pattern == Pattern::Similar)
            .case_insensitive(insensitive)
            .build();
        built.unwrap().is_match(own)
    };
    match pattern {
        Pattern::Like => like(&characters(text), &characters(own)),
        Pattern::ILike => like(
            &characters(&text.to_ascii_lowercase()),
            &characters(&own.to_ascii_lowercase()),
        ),
        Pattern::Regex => regular(text, false),
        Pattern::IRegex => regular(text, true),
        Pattern::Similar => {
            let (_, same) = SIMILAR.iter().find(|(similar, _)| *similar == text).unwrap();
            regular(same, false)
        }
    }
}

fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|start| like(rest, &text[start..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        ['\\', exact, rest @ ..] | [exact, rest @ ..] => text.first() == Some(exact) && like(rest, &text[1..]),
    }
}

/// As jsonb has it: an array holds a plain value at the top alone.
fn contains(whole: &Json, part: &Json, top: bool) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|own| contains(own, value, false))),
        (Json::Array(whole), Json::Array(part)) => part
            .iter()
            .all(|value| whole.iter().any(|own| contains(own, value, false))),
        (Json::Array(whole), plain) if top && !plain.is_object() => whole.contains(plain),
        (whole, part) => whole == part,
    }
}

fn has_key(json: &Json, key: &str) -> bool {
    match json {
        Json::Object(members) => members.contains_key(key),
        Json::Array(items) => items.iter().any(|item| item == key),
        Json::String(text) => text == key,
        _ => false,
    }
}

#[test]
fn judging() {
    for (pattern, text, wanted) in [
        ("a%b", "a\nxb", true),
        ("a_", "a", false),
        ("\\%", "%", true),
        ("\\%", "a", false),
        ("%", "", true),
    ] {
        assert_eq!(
            like(&characters(pattern), &characters(text)),
            wanted,
            "{pattern} {text}"
        );
    }
    assert_eq!(all([Some(true), None].into_iter()), None);
    assert_eq!(all([None, Some(false)].into_iter()), Some(false));
    assert_eq!(any([None, Some(true)].into_iter()), Some(true));
    assert_eq!(any(std::iter::empty()), Some(false));
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    for (whole, part, wanted) in [
        ("[1,[2]]", "1", true),
        ("[1,[2]]", "2", false),
        ("[1,[2]]", "[[2]]", true),
        ("{\"a\":[1]}", "{\"a\":1}", false),
        ("{\"a\":1}", "{}", true),
        ("[{\"a\":1}]", "{\"a\":1}", false),
    ] {
        assert_eq!(contains(&json(whole), &json(part), true), wanted, "{whole} {part}");
    }
}
