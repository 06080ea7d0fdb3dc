//! Reading the tree key by key. Whoever reads a key says so, and what nobody has read is an unknown key.

use super::node::{Entries, Node, Value};
use super::source::{Place, named};
use crate::error::nearest;
use indexmap::IndexMap;

/// Something wrong, not yet bound to a line.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) key: String,
    pub(super) place: Option<Place>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What reading found.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) findings: Vec<Finding>,
    /// Every key with a value of its own that was asked for, such as `server.listen`.
    pub(super) asked: Vec<String>,
}

/// A table that is being read.
pub(super) struct Fields<'a> {
    reader: &'a mut Reader,
    path: String,
    entries: Option<&'a Entries>,
    asked: Vec<&'static str>,
}

/// Words of other systems for our keys.
const SYNONYMS: [(&str, &str); 20] = [
    ("select", "read"),
    ("insert", "create"),
    ("write", "update"),
    ("remove", "delete"),
    ("filter", "rule"),
    ("where", "rule"),
    ("using", "rule"),
    ("with_check", "check"),
    ("presets", "set"),
    ("exclude", "except"),
    ("hide", "except"),
    ("allow_aggregations", "aggregate"),
    ("port", "listen"),
    ("address", "listen"),
    ("host", "listen"),
    ("dsn", "url"),
    ("path", "url"),
    ("secret", "jwt_secret"),
    ("primary_key", "key"),
    ("alias", "name"),
];

impl<'a> Fields<'a> {
    pub(super) fn new(reader: &'a mut Reader, path: &str, entries: Option<&'a Entries>) -> Self {
        Self {
            reader,
            path: path.to_owned(),
            entries,
            asked: Vec::new(),
        }
    }

    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The node of a key; asking for it makes it known.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.entries.and_then(|entries| entries.get(key))
    }

    /// The node of a key that has a value of its own.
    fn leaf(&mut self, key: &'static str) -> Option<&'a Node> {
        let path = self.key(key);
        self.reader.asked.push(path);
        self.node(key)
    }

    pub(super) fn tell(&mut self, key: &str, node: &Node, message: impl Into<String>, hint: Option<String>) {
        let finding = Finding {
            key: self.key(key),
            place: node.place.clone(),
            message: message.into(),
            hint,
        };
        self.reader.findings.push(finding);
    }

    pub(super) fn wrong_type(&mut self, key: &str, node: &Node, expected: &str) {
        let message = format!(
            "{} must be {expected}, not {}",
            named(&self.key(key)),
            node.value.word()
        );
        self.tell(key, node, message, None);
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.leaf(key)?;
        match &node.value {
            Value::Text(text) | Value::Raw(text) => return Some(text.clone()),
            _ => self.wrong_type(key, node, "text in quotes"),
        }
        None
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.leaf(key)?;
        match &node.value {
            Value::Boolean(value) => return Some(*value),
            Value::Raw(text) => match text.as_str() {
                "true" | "1" => return Some(true),
                "false" | "0" => return Some(false),
                _ => self.wrong_type(key, node, "true or false"),
            },
            _ => self.wrong_type(key, node, "true or false"),
        }
        None
    }

    pub(super) fn integer<T: TryFrom<i64>>(&mut self, key: &'static str) -> Option<T> {
        let node = self.leaf(key)?;
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            Value::Raw(text) => text.parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_type(key, node, "a whole number");
            return None;
        };
        let value = T::try_from(number).ok();
        if value.is_none() {
            let what = if number < 0 { "less than zero" } else { "too large" };
            let message = format!("{} is {what}: {number}", named(&self.key(key)));
            self.tell(key, node, message, None);
        }
        value
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let node = self.leaf(key)?;
        match &node.value {
            Value::Raw(text) => {
                return Some(
                    text.split(',')
                        .map(str::trim)
                        .filter(|item| !item.is_empty())
                        .map(str::to_owned)
                        .collect(),
                );
            }
            Value::List(items) => {
                let texts = items.iter().map(|item| match &item.value {
                    Value::Text(text) => Some(text.clone()),
                    _ => {
                        let message = format!(
                            "{} must hold only text in quotes, here is {}",
                            named(&self.key(key)),
                            item.value.word()
                        );
                        self.tell(key, item, message, None);
                        None
                    }
                });
                let texts: Vec<Option<String>> = texts.collect();
                return texts.into_iter().collect();
            }
            Value::Text(text) => {
                let message = format!("{} must be a list, not text", named(&self.key(key)));
                self.tell(key, node, message, Some(format!("write {key} = [{text:?}]")));
            }
            _ => self.wrong_type(key, node, "a list of texts, such as [\"one\", \"two\"]"),
        }
        None
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let node = self.leaf(key)?;
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        let expected = words.join(" or ");
        let (Value::Text(text) | Value::Raw(text)) = &node.value else {
            self.wrong_type(key, node, &expected);
            return None;
        };
        let found = choices.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
        if found.is_none() {
            let near = nearest(text, choices.iter().map(|(word, _)| *word));
            let message = format!("{} must be {expected}, not {text:?}", named(&self.key(key)));
            self.tell(key, node, message, near.map(|near| format!("did you mean {near:?}?")));
        }
        found
    }

    /// A table below this one; empty where it does not stand.
    pub(super) fn section(&mut self, key: &'static str) -> Fields<'_> {
        let entries = self.node(key).and_then(|node| self.table(key, node));
        let path = self.key(key);
        Fields {
            reader: self.reader,
            path,
            entries,
            asked: Vec::new(),
        }
    }

    /// The entries of a node that must be a table.
    pub(super) fn table(&mut self, key: &str, node: &'a Node) -> Option<&'a Entries> {
        if let Value::Table(entries) = &node.value {
            return Some(entries);
        }
        let message = format!("[{}] must be a table of keys, not {}", self.key(key), node.value.word());
        self.tell(key, node, message, None);
        None
    }

    /// Fields of a node, for whoever has looked at it.
    pub(super) fn inside(&mut self, key: &str, entries: &'a Entries) -> Fields<'_> {
        let path = self.key(key);
        Fields {
            reader: self.reader,
            path,
            entries: Some(entries),
            asked: Vec::new(),
        }
    }

    /// A table whose keys are names.
    pub(super) fn each<T>(&mut self, key: &'static str, read: impl Fn(Fields<'_>) -> T) -> IndexMap<String, T> {
        let mut found = IndexMap::new();
        let Some(entries) = self.node(key).and_then(|node| self.table(key, node)) else {
            return found;
        };
        let path = self.key(key);
        for (name, node) in entries {
            let mut fields = Fields {
                reader: &mut *self.reader,
                path: path.clone(),
                entries: Some(entries),
                asked: Vec::new(),
            };
            if let Some(entries) = fields.table(name, node) {
                found.insert(name.clone(), read(fields.inside(name, entries)));
            }
        }
        found
    }

    /// A table from names to texts.
    pub(super) fn texts_by_name(&mut self, key: &'static str) -> IndexMap<String, String> {
        let mut found = IndexMap::new();
        let Some(entries) = self.node(key).and_then(|node| self.table(key, node)) else {
            return found;
        };
        for (name, node) in entries {
            if let Value::Text(text) = &node.value {
                found.insert(name.clone(), text.clone());
            } else {
                self.wrong_type(&format!("{key}.{name}"), node, "text in quotes");
            }
        }
        found
    }

    /// What was not asked for, for tables that take keys of others.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&'a String, &'a Node)> + use<'a> {
        let asked = self.asked.clone();
        self.entries
            .into_iter()
            .flatten()
            .filter(move |(key, _)| !asked.contains(&key.as_str()))
    }

    /// Every key that nobody asked for is unknown.
    pub(super) fn finish(self) {
        self.finish_with(|_| None);
    }

    /// The same, with hints for keys that belong elsewhere.
    pub(super) fn finish_with(mut self, elsewhere: impl Fn(&str) -> Option<String>) {
        let unknown: Vec<_> = self.rest().collect();
        for (key, node) in unknown {
            let synonym = SYNONYMS
                .iter()
                .find(|(word, ours)| word == key && self.asked.contains(ours));
            let near = synonym
                .map(|(_, ours)| *ours)
                .or_else(|| nearest(key, self.asked.iter().copied()));
            let hint = elsewhere(key)
                .or_else(|| near.map(|near| format!("did you mean `{near}`?")))
                .unwrap_or_else(|| format!("the keys here are {}", self.asked.join(", ")));
            let message = match (self.path.is_empty(), &node.value) {
                (true, Value::Table(_)) => format!("unknown section [{key}]"),
                (true, _) => format!("unknown key `{key}` before the first section"),
                (false, _) => format!("unknown key `{key}` in [{}]", self.path),
            };
            self.tell(key, node, message, Some(hint));
        }
    }
}
