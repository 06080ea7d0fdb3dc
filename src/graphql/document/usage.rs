//! What of a role's schema a document names.

use crate::graphql::types::{Field, Input, Key, Kind, Types};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::{BaseType, ExecutableDocument, Selection, SelectionSet, Type};
use async_graphql_value::{ConstValue, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Types, and of each the fields that the document names.
#[derive(Default)]
pub(super) struct Usage<'d> {
    named: BTreeMap<Key, BTreeSet<&'d str>>,
}

impl<'d> Usage<'d> {
    /// Walks a document once: operations, and each fragment by its own type.
    pub(super) fn of(types: Types<'_>, document: &'d ExecutableDocument) -> Self {
        let mut usage = Self::default();
        usage.see(Key::Query);
        for (_, operation) in document.operations.iter() {
            for variable in &operation.node.variable_definitions {
                if let Some(key) = base_key(types, &variable.node.var_type.node) {
                    usage.see(key);
                    if let Some(value) = &variable.node.default_value {
                        usage.constant(types, key, &value.node);
                    }
                }
            }
            if let Some(root) = super::root_of(types, operation.node.ty) {
                usage.see(root);
                usage.select(types, Some(root), &operation.node.selection_set);
            }
        }
        for fragment in document.fragments.values() {
            let on = fragment.node.type_condition.node.on.node.as_str();
            let key = types.named(on);
            if let Some(key) = key {
                usage.see(key);
            }
            usage.select(types, key, &fragment.node.selection_set);
        }
        usage.close(types);
        usage
    }

    /// Every type to register.
    pub(super) fn types(&self) -> impl Iterator<Item = Key> {
        self.named.keys().copied()
    }

    /// The fields of an output type that the document names.
    pub(super) fn fields<'a>(&self, types: Types<'a>, key: Key) -> Vec<Field<'a>> {
        let names = self.named.get(&key);
        names
            .into_iter()
            .flatten()
            .filter_map(|name| types.field(key, name))
            .collect()
    }

    /// The fields of an input type that the document names, and those that must be given.
    pub(super) fn inputs<'a>(&self, types: Types<'a>, key: Key) -> Vec<Input<'a>> {
        let names = self.named.get(&key);
        let mut inputs: Vec<Input<'a>> = names
            .into_iter()
            .flatten()
            .filter_map(|name| types.input(key, name))
            .collect();
        if types.may_require(key) {
            inputs.extend(
                types
                    .inputs(key)
                    .into_iter()
                    .filter(|input| input.ty.is_required() && names.is_none_or(|names| !names.contains(input.name))),
            );
        }
        inputs
    }

    fn see(&mut self, key: Key) {
        self.named.entry(key).or_default();
    }

    fn select(&mut self, types: Types<'_>, parent: Option<Key>, set: &'d Positioned<SelectionSet>) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let known = parent
                        .filter(|key| types.kind(*key) == Kind::Object)
                        .and_then(|key| types.field(key, name).map(|known| (key, known)));
                    let Some((parent, known)) = known else {
                        self.select(types, None, &field.node.selection_set);
                        continue;
                    };
                    self.named.entry(parent).or_default().insert(name);
                    self.see(known.ty.key);
                    if !field.node.arguments.is_empty() {
                        let arguments = types.arguments(known.meaning);
                        for (name, value) in &field.node.arguments {
                            if let Some(argument) = arguments.iter().find(|own| own.name == name.node.as_str()) {
                                self.value(types, argument.ty.key, &value.node);
                            }
                        }
                    }
                    self.select(types, Some(known.ty.key), &field.node.selection_set);
                }
                Selection::InlineFragment(fragment) => {
                    let key = match &fragment.node.type_condition {
                        Some(condition) => types.named(condition.node.on.node.as_str()),
                        None => parent,
                    };
                    if let Some(key) = key {
                        self.see(key);
                    }
                    self.select(types, key, &fragment.node.selection_set);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn value(&mut self, types: Types<'_>, key: Key, value: &'d Value) {
        match value {
            Value::List(items) => items.iter().for_each(|item| self.value(types, key, item)),
            Value::Object(fields) if types.kind(key) == Kind::Input => {
                for (name, value) in fields {
                    if let Some(input) = types.input(key, name) {
                        self.named.entry(key).or_default().insert(name.as_str());
                        self.value(types, input.ty.key, value);
                    }
                }
            }
            _ => self.see(key),
        }
    }

    fn constant(&mut self, types: Types<'_>, key: Key, value: &'d ConstValue) {
        match value {
            ConstValue::List(items) => items.iter().for_each(|item| self.constant(types, key, item)),
            ConstValue::Object(fields) if types.kind(key) == Kind::Input => {
                for (name, value) in fields {
                    if let Some(input) = types.input(key, name) {
                        self.named.entry(key).or_default().insert(name.as_str());
                        self.constant(types, input.ty.key, value);
                    }
                }
            }
            _ => self.see(key),
        }
    }

    /// Adds what the registered fields refer to, so that every name is defined.
    fn close(&mut self, types: Types<'_>) {
        let mut open: Vec<Key> = self.types().collect();
        while let Some(key) = open.pop() {
            let mut refers = Vec::new();
            match types.kind(key) {
                Kind::Object => {
                    for field in self.fields(types, key) {
                        refers.push(field.ty.key);
                        refers.extend(types.arguments(field.meaning).iter().map(|argument| argument.ty.key));
                    }
                }
                Kind::Input => refers.extend(self.inputs(types, key).iter().map(|input| input.ty.key)),
                Kind::Enum | Kind::Scalar => {}
            }
            for key in refers {
                if let std::collections::btree_map::Entry::Vacant(entry) = self.named.entry(key) {
                    entry.insert(BTreeSet::new());
                    open.push(key);
                }
            }
        }
    }
}

fn base_key(types: Types<'_>, declared: &Type) -> Option<Key> {
    let mut declared = declared;
    loop {
        match &declared.base {
            BaseType::Named(name) => return types.named(name),
            BaseType::List(inner) => declared = inner,
        }
    }
}
