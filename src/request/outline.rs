//! What a request is, in a line for the operator's log: the names that the caller used and may see, how many conditions and
//! members there are, no value, no alias, nothing of rules.

use super::{
    AggregateField, Change, ConnectionField, EdgeField, Field, FieldValue, Filter, Output, Read, Select, Source, Write,
};
use crate::ident::Name;
use std::fmt::Write as _;

/// Longer outlines are cut.
const LONGEST: usize = 600;

/// A read in a line.
#[must_use]
pub fn outline(read: &Read) -> String {
    let mut line = Line::default();
    match &read.source {
        Source::Table(name) => line.say(name),
        Source::Function { name, .. } => {
            line.say(name);
            line.text.push_str("()");
        }
    }
    line.select(&read.select);
    line.finish()
}

/// The writes of a batch in a line.
#[must_use]
pub fn outline_writes(writes: &[Write]) -> String {
    let mut line = Line::default();
    for (index, write) in writes.iter().enumerate() {
        if index > 0 {
            line.text.push_str(", ");
        }
        let word = match &write.change {
            Change::Insert(insert) if insert.conflict.is_some() => "upsert ",
            Change::Insert(_) => "insert ",
            Change::Update { .. } => "update ",
            Change::Delete { .. } => "delete ",
            Change::Find { .. } => "find ",
            Change::Connect { .. } => "connect ",
            Change::Call { .. } => "call ",
        };
        line.text.push_str(word);
        line.say(&write.table);
        if line.text.len() > LONGEST {
            break;
        }
    }
    line.finish()
}

#[derive(Default)]
struct Line {
    text: String,
}

impl Line {
    fn say(&mut self, name: &Name) {
        self.text.push_str(name.as_str());
    }

    fn finish(mut self) -> String {
        if self.text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| self.text.is_char_boundary(*end));
            self.text.truncate(end.unwrap_or_default());
            self.text.push('…');
        }
        self.text
    }

    /// How rows are found and what of them, in brackets; then the relations that are written with them, in braces.
    fn select(&mut self, select: &Select) {
        let page = &select.page;
        let conditions = select.filter.as_ref().map_or(0, terms);
        let counted = [
            ("where", conditions),
            ("order", select.order.len()),
            ("distinct", select.distinct.len()),
        ];
        let mut parts: Vec<String> = counted
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        for (word, holds) in [
            ("limit", page.limit.is_some()),
            ("offset", page.offset.is_some()),
            ("cursor", page.after.is_some() || page.before.is_some()),
            ("backward", page.backward),
            ("total", page.total),
        ] {
            if holds {
                parts.push(word.to_owned());
            }
        }
        if !parts.is_empty() {
            let _ = write!(self.text, "({})", parts.join(", "));
        }
        self.output(&select.output);
    }

    fn output(&mut self, output: &Output) {
        match output {
            Output::Rows(fields) => self.fields("", fields),
            Output::Row(fields) => self.fields(" one", fields),
            Output::Aggregate(fields) => {
                self.text.push_str(" aggregate");
                for field in fields {
                    if let AggregateField::Nodes(_, nodes) = field {
                        self.fields(" nodes", nodes);
                    }
                }
            }
            Output::Groups { by, .. } => {
                let _ = write!(self.text, " groups by {}", by.len());
            }
            Output::Connection(fields) => {
                self.text.push_str(" connection");
                for field in fields {
                    match field {
                        ConnectionField::Nodes(_, nodes) => self.fields("", nodes),
                        ConnectionField::Edges(_, edges) => {
                            for edge in edges {
                                if let EdgeField::Node(_, node) = edge {
                                    self.fields("", node);
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            Output::Scalar => self.text.push_str(" scalar"),
            Output::Keys => self.text.push_str(" keys"),
        }
    }

    fn fields(&mut self, word: &str, fields: &[Field]) {
        self.text.push_str(word);
        let mut relations = Vec::new();
        inner(fields, &mut relations);
        if relations.is_empty() || self.text.len() > LONGEST {
            return;
        }
        self.text.push_str(" {");
        for (index, (name, select)) in relations.into_iter().enumerate() {
            self.text.push_str(if index > 0 { ", " } else { "" });
            self.say(name);
            self.select(select);
        }
        self.text.push('}');
    }
}

/// The relations among members, also those within objects.
fn inner<'a>(fields: &'a [Field], found: &mut Vec<(&'a Name, &'a Select)>) {
    for field in fields {
        match field {
            Field::Member {
                value: FieldValue::Relation { name, select },
                ..
            } => found.push((name, select)),
            Field::Member {
                value: FieldValue::Object { fields, .. },
                ..
            } => inner(fields, found),
            _ => {}
        }
    }
}

/// How many conditions a filter has.
fn terms(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().map(terms).sum(),
        Filter::Not(part) => terms(part),
        Filter::Key(slots) => slots.len(),
        _ => 1,
    }
}
