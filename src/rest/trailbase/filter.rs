//! `filter[column][$operator]=value` and nested groups → conditions.

use super::id;
use crate::catalog::{ColumnId, Face};
use crate::config::UnknownFilters;
use crate::error::{Code, Error, Kind, Result};
use crate::request::{Builder, Comparison, Expression, Filter};
use crate::rest::Scene;
use crate::rest::query::{brackets, clip, flag, steps, twice, unknown_parameter};
use crate::value::Value;

/// Most conditions of a request.
const TERMS: usize = 100;

/// Most groups within groups.
const DEPTH: usize = 5;

/// Most steps of a bracket key: two for each group (`[$and][0]`), then column, operators and index.
const STEPS: usize = 2 * DEPTH + 4;

/// Most values of an `$in`.
const VALUES: usize = 1000;

/// The word before the brackets.
const ROOT: &str = "filter";

const OPERATORS: [&str; 15] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$like",
    "$re",
    "$is",
    "$in",
    "$null",
    "$not",
    "@within",
    "@intersects",
    "@contains",
];

/// The bracket keys as a tree: `filter[a]=1&filter[a][$gt]=0` gives one node with a value and a child.
#[derive(Default)]
struct Node<'a> {
    values: Vec<&'a str>,
    children: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, steps: &[&'a str], value: &'a str) -> Result<()> {
        let mut node = self;
        let mut within = "";
        for step in steps {
            // `[$in][]` may be repeated: each is one more value.
            let found = node
                .children
                .iter()
                .position(|(key, _)| key == step && !step.is_empty());
            let index = found.unwrap_or(node.children.len());
            // The official clients number each group from 0: two groups side by side would run into each other here, and
            // say something else than was meant.
            if within == "$or" && index + 1 < node.children.len() {
                let message = format!(
                    "[$or][{step}] goes on after another index; keep the conditions of one index together, and put several \
                     groups into filter[$and][0][$or][0]…, filter[$and][1][$or][0]…"
                );
                return Err(Error::invalid(Code::INVALID_SYNTAX, message).at(ROOT));
            }
            if found.is_none() {
                node.children.push((step, Node::default()));
            }
            node = &mut node.children[index].1;
            within = step;
        }
        node.values.push(value);
        Ok(())
    }
}

/// All filters of a request, joined. Whatever is not a filter is an unknown parameter.
pub(super) fn parse<'a, 'q>(
    parameters: impl Iterator<Item = (&'q str, &'q str)>,
    scene: Scene<'a>,
    face: &'a Face,
    builder: &mut Builder,
) -> Result<Option<Filter>> {
    let mut tree = Node::default();
    for (name, value) in parameters {
        match steps(name, ROOT, STEPS)? {
            Some(steps) => tree.insert(&steps, value)?,
            None => {
                let known: Vec<&str> = super::PARAMETERS.into_iter().chain(["filter[column]"]).collect();
                return Err(unknown_parameter(name, &known));
            }
        }
    }
    let ignore = scene.settings.trailbase.unknown_filters == UnknownFilters::Ignore;
    let mut reader = Reader {
        scene,
        face,
        ignore,
        builder,
        terms: 0,
    };
    let parts = reader.group(&tree, 0)?;
    Ok(joined(parts))
}

fn joined(mut parts: Vec<Filter>) -> Option<Filter> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Filter::And(parts)),
    }
}

struct Reader<'a, 'b> {
    scene: Scene<'a>,
    face: &'a Face,
    ignore: bool,
    builder: &'b mut Builder,
    terms: usize,
}

impl Reader<'_, '_> {
    /// The members of a group. One of only ignored columns has none.
    fn group(&mut self, node: &Node<'_>, depth: usize) -> Result<Vec<Filter>> {
        if depth > DEPTH {
            let message = format!("filters are nested too deeply, at most {DEPTH} groups within each other are taken");
            return Err(Error::invalid(Code::LIMIT_EXCEEDED, message).at(ROOT));
        }
        let mut parts = Vec::with_capacity(node.children.len());
        for (key, child) in &node.children {
            match *key {
                "$and" => {
                    let members = self.members(key, child, depth + 1)?;
                    parts.extend(joined(members));
                }
                "$or" => {
                    let mut members = self.members(key, child, depth + 1)?;
                    match members.len() {
                        0 => {}
                        1 => parts.append(&mut members),
                        _ => parts.push(Filter::Or(members)),
                    }
                }
                "$not" if child.values.is_empty() => {
                    let members = self.group(child, depth + 1)?;
                    parts.extend(joined(members).map(|inner| Filter::Not(Box::new(inner))));
                }
                column => parts.extend(self.column(column, child, depth)?),
            }
        }
        Ok(parts)
    }

    /// `[$or][0][…]`, `[$or][1][…]`: each index is a group of its own.
    fn members(&mut self, group: &str, node: &Node<'_>, depth: usize) -> Result<Vec<Filter>> {
        let mut members = Vec::with_capacity(node.children.len());
        for (index, child) in &node.children {
            if !is_index(index) || !child.values.is_empty() {
                return Err(malformed_group(group));
            }
            members.extend(joined(self.group(child, depth)?));
        }
        if !node.values.is_empty() || node.children.is_empty() {
            return Err(malformed_group(group));
        }
        Ok(members)
    }

    fn column(&mut self, name: &str, node: &Node<'_>, depth: usize) -> Result<Option<Filter>> {
        let Some(id) = self.scene.column(self.face, name) else {
            if name.is_empty() || name.contains(['[', ']']) {
                return Err(brackets(&format!("{ROOT}[{name}]"), ROOT));
            }
            return if self.ignore {
                Ok(None)
            } else {
                Err(self.scene.unknown_column(self.face, name))
            };
        };
        let mut parts = Vec::new();
        if node.values.len() > 1 {
            return Err(twice_equal(name));
        }
        for value in &node.values {
            parts.push(self.compare(id, Comparison::Equal, value)?);
        }
        parts.append(&mut self.operators(id, node, depth)?);
        Ok(joined(parts))
    }

    fn operators(&mut self, id: ColumnId, node: &Node<'_>, depth: usize) -> Result<Vec<Filter>> {
        let mut parts = Vec::with_capacity(node.children.len());
        for (operator, child) in &node.children {
            if *operator == "$in" {
                parts.push(self.any_of(id, child)?);
                continue;
            }
            if *operator == "$not" && !child.children.is_empty() {
                if !child.values.is_empty() || depth >= DEPTH {
                    return Err(Error::invalid(
                        Code::INVALID_SYNTAX,
                        "$not takes one value, or operators, nested little",
                    )
                    .at(ROOT));
                }
                let inner = self.operators(id, child, depth + 1)?;
                parts.extend(joined(inner).map(|inner| Filter::Not(Box::new(inner))));
                continue;
            }
            if !child.children.is_empty() || child.values.is_empty() {
                return Err(if OPERATORS.contains(operator) {
                    let message = format!("{operator} takes one value, nothing within it");
                    Error::invalid(Code::INVALID_SYNTAX, message).at(ROOT)
                } else {
                    unknown_operator(operator)
                });
            }
            if *operator == "$eq" && child.values.len() > 1 {
                return Err(twice_equal(self.face.column(id).name.as_str()));
            }
            // The official clients send an operator more than once where several conditions use it: all of them hold.
            for value in &child.values {
                parts.push(self.term(id, operator, value)?);
            }
        }
        Ok(parts)
    }

    fn term(&mut self, id: ColumnId, operator: &str, value: &str) -> Result<Filter> {
        let comparison = match operator {
            "$eq" => Comparison::Equal,
            "$ne" | "$not" => Comparison::NotEqual,
            "$gt" => Comparison::Greater,
            "$gte" => Comparison::GreaterOrEqual,
            "$lt" => Comparison::Less,
            "$lte" => Comparison::LessOrEqual,
            "$like" => Comparison::ILike,
            "$re" => Comparison::Regex,
            "@within" => Comparison::Within,
            "@intersects" => Comparison::Intersects,
            "@contains" => Comparison::Covers,
            "$is" => {
                return match value {
                    "NULL" | "null" => self.is_null(id, true),
                    "!NULL" | "!null" => self.is_null(id, false),
                    other => Err(invalid(format!("$is takes NULL or !NULL, not {}", clip(other)))),
                };
            }
            "$null" => {
                return match flag(value) {
                    Some(null) => self.is_null(id, null),
                    None => Err(invalid(format!("$null takes true or false, not {}", clip(value)))),
                };
            }
            other => return Err(unknown_operator(other)),
        };
        self.compare(id, comparison, value)
    }

    fn compare(&mut self, id: ColumnId, comparison: Comparison, text: &str) -> Result<Filter> {
        let value = match comparison {
            // Patterns and geometries are not of the column's own form.
            Comparison::ILike
            | Comparison::Regex
            | Comparison::Within
            | Comparison::Intersects
            | Comparison::Covers => Value::Raw(text.into()),
            _ => self.value(id, text),
        };
        self.with_value(id, comparison, value)
    }

    /// `[$in][0]=a&[$in][1]=b`, `[$in][]=a`, `[$in]=a,b`.
    fn any_of(&mut self, id: ColumnId, node: &Node<'_>) -> Result<Filter> {
        let mut texts: Vec<&str> = match node.values.as_slice() {
            [] | [""] => Vec::new(),
            [list] => list.split(',').collect(),
            _ => return Err(twice("$in").at(ROOT)),
        };
        let mut indexed: Vec<(u32, &str)> = Vec::with_capacity(node.children.len());
        for (index, child) in &node.children {
            let place = if index.is_empty() {
                Some(u32::MAX)
            } else {
                index.parse().ok().filter(|_| is_index(index))
            };
            match (place, child.values.as_slice()) {
                (Some(place), [value]) if child.children.is_empty() => indexed.push((place, value)),
                _ => return Err(invalid("$in takes [$in][0]=a, [$in][1]=b … or [$in]=a,b".into())),
            }
        }
        // Stable: those without an index keep their order.
        indexed.sort_by_key(|(place, _)| *place);
        texts.extend(indexed.into_iter().map(|(_, value)| value));
        if texts.is_empty() {
            return Err(invalid("$in needs at least one value".into()));
        }
        if texts.len() > VALUES {
            let message = format!("$in takes at most {VALUES} values, {} were given", texts.len());
            return Err(Error::invalid(Code::LIMIT_EXCEEDED, message).at(ROOT));
        }
        let values = texts.into_iter().map(|text| self.value(id, text)).collect();
        self.with_value(id, Comparison::In, Value::List(values))
    }

    fn value(&self, id: ColumnId, text: &str) -> Value {
        id::value(text, &self.scene.physical(self.face, id).data_type)
    }

    fn with_value(&mut self, id: ColumnId, comparison: Comparison, value: Value) -> Result<Filter> {
        self.count()?;
        let right = Expression::Value(self.builder.push(value));
        Ok(Filter::Compare {
            left: self.expression(id),
            comparison,
            right,
        })
    }

    fn is_null(&mut self, id: ColumnId, null: bool) -> Result<Filter> {
        self.count()?;
        Ok(Filter::IsNull {
            expression: self.expression(id),
            null,
        })
    }

    fn expression(&self, id: ColumnId) -> Expression {
        Expression::Column(self.face.column(id).name.clone())
    }

    fn count(&mut self) -> Result<()> {
        self.terms += 1;
        if self.terms > TERMS {
            return Err(Error::invalid(Code::LIMIT_EXCEEDED, format!("at most {TERMS} conditions are taken")).at(ROOT));
        }
        Ok(())
    }
}

/// Two values that a column cannot have at once.
fn twice_equal(column: &str) -> Error {
    let column: String = column.chars().take(60).collect();
    let message = format!("filter[{column}] is given twice; filter[{column}][$in]=a,b matches any of several values");
    Error::invalid(Code::INVALID_VALUE, message).at(ROOT)
}

fn is_index(text: &str) -> bool {
    !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn invalid(message: String) -> Error {
    Error::invalid(Code::INVALID_VALUE, message).at(ROOT)
}

fn malformed_group(group: &str) -> Error {
    let message =
        format!("{group} takes numbered conditions: filter[{group}][0][column]=value&filter[{group}][1][column]=value");
    Error::invalid(Code::INVALID_SYNTAX, message).at(ROOT)
}

fn unknown_operator(operator: &str) -> Error {
    let short: String = operator.chars().take(40).collect();
    Error::unknown(
        Kind::Invalid,
        Code::UNKNOWN_OPERATOR,
        "operator",
        &short,
        None,
        OPERATORS,
    )
    .at(ROOT)
}
