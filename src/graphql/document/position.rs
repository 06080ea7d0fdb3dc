//! Whether each variable may stand where it is used. async-graphql leaves this to its resolvers, which data never passes
//! here; what is not refused now would only be found by the values, or never.

use crate::graphql::coerce::reference_name;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Kind, Ref, Types};
use crate::value::Type as DataType;
use async_graphql_parser::types::{
    BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type, VariableDefinition,
};
use async_graphql_parser::{Pos, Positioned};
use async_graphql_value::{ConstValue, Value};
use std::collections::{HashMap, HashSet};

/// A variable where a type is expected.
struct Use<'d> {
    name: &'d str,
    place: Ref,
    pos: Pos,
}

/// The uses of an operation or of a fragment, and the fragments that it spreads.
#[derive(Default)]
struct Scope<'d> {
    uses: Vec<Use<'d>>,
    spreads: Vec<&'d str>,
}

/// Every variable that is used where its type does not fit.
pub(super) fn check(types: Types<'_>, document: &ExecutableDocument) -> Vec<Fault> {
    let mut faults = Vec::new();
    if document
        .operations
        .iter()
        .all(|(_, operation)| operation.node.variable_definitions.is_empty())
    {
        return faults;
    }
    let fragments: HashMap<&str, Scope<'_>> = document
        .fragments
        .iter()
        .map(|(name, fragment)| {
            let mut scope = Scope::default();
            let on = types.named(fragment.node.type_condition.node.on.node.as_str());
            scope.directives(types, &fragment.node.directives);
            scope.select(types, on, &fragment.node.selection_set);
            (name.as_str(), scope)
        })
        .collect();
    for (_, operation) in document.operations.iter() {
        let Some(root) = super::root_of(types, operation.node.ty) else {
            continue;
        };
        if operation.node.variable_definitions.is_empty() {
            continue;
        }
        let definitions: HashMap<&str, &VariableDefinition> = operation
            .node
            .variable_definitions
            .iter()
            .map(|definition| (definition.node.name.node.as_str(), &definition.node))
            .collect();
        let mut scope = Scope::default();
        scope.directives(types, &operation.node.directives);
        scope.select(types, Some(root), &operation.node.selection_set);
        let mut seen = HashSet::new();
        let mut open = scope.spreads.clone();
        let mut told = |scope: &Scope<'_>| {
            for usage in &scope.uses {
                // A variable without a definition is another rule's finding.
                if let Some(definition) = definitions.get(usage.name)
                    && !allowed(types, definition, usage.place)
                {
                    faults.push(
                        Fault::validation(format!(
                            "Variable \"${}\" of type \"{}\" used in position expecting type \"{}\".",
                            usage.name,
                            definition.var_type.node,
                            reference_name(types, usage.place)
                        ))
                        .at(usage.pos),
                    );
                }
            }
        };
        told(&scope);
        while let Some(name) = open.pop() {
            if let Some(fragment) = fragments.get(name)
                && seen.insert(name)
            {
                told(fragment);
                open.extend(&fragment.spreads);
            }
        }
    }
    faults
}

impl<'d> Scope<'d> {
    fn select(&mut self, types: Types<'_>, parent: Option<Key>, set: &'d Positioned<SelectionSet>) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    self.directives(types, &field.node.directives);
                    let name = field.node.name.node.as_str();
                    let known = parent
                        .filter(|key| types.kind(*key) == Kind::Object)
                        .and_then(|key| types.field(key, name));
                    if !field.node.arguments.is_empty() {
                        let arguments = known.map(|known| types.arguments(known.meaning)).unwrap_or_default();
                        for (own, value) in &field.node.arguments {
                            let own = own.node.as_str();
                            let place = match arguments.iter().find(|argument| argument.name == own) {
                                Some(argument) => Some(argument.ty),
                                None if known.is_none() => introspective(types, name, own),
                                None => None,
                            };
                            if let Some(place) = place {
                                self.value(types, place, &value.node, value.pos);
                            }
                        }
                    }
                    self.select(types, known.map(|known| known.ty.key), &field.node.selection_set);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(types, &fragment.node.directives);
                    let key = match &fragment.node.type_condition {
                        Some(condition) => types.named(condition.node.on.node.as_str()),
                        None => parent,
                    };
                    self.select(types, key, &fragment.node.selection_set);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(types, &spread.node.directives);
                    self.spreads.push(spread.node.fragment_name.node.as_str());
                }
            }
        }
    }

    fn directives(&mut self, types: Types<'_>, directives: &'d [Positioned<Directive>]) {
        for directive in directives {
            if matches!(directive.node.name.node.as_str(), "skip" | "include")
                && let Some(value) = directive.node.get_argument("if")
            {
                let place = Key::Scalar(types.names.scalar_of(&DataType::Boolean)).required();
                self.value(types, place, &value.node, value.pos);
            }
        }
    }

    fn value(&mut self, types: Types<'_>, place: Ref, value: &'d Value, pos: Pos) {
        match (value, place.item()) {
            (Value::Variable(name), _) => self.uses.push(Use {
                name: name.as_str(),
                place,
                pos,
            }),
            (Value::List(items), Some(inner)) => {
                for item in items {
                    self.value(types, inner, item, pos);
                }
            }
            // One object may stand for the list of it; values of scalars have no types within.
            (Value::Object(fields), _) if types.kind(place.key) == Kind::Input => {
                for (name, value) in fields {
                    if let Some(input) = types.input(place.key, name) {
                        self.value(types, input.ty, value, pos);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The types of introspection's own arguments.
fn introspective(types: Types<'_>, field: &str, argument: &str) -> Option<Ref> {
    let scalar = |data_type: &DataType| Key::Scalar(types.names.scalar_of(data_type));
    match (field, argument) {
        ("__type", "name") => Some(scalar(&DataType::TEXT).required()),
        (_, "includeDeprecated") => Some(scalar(&DataType::Boolean).plain()),
        _ => None,
    }
}

/// The specification's IsVariableUsageAllowed; places have no defaults of their own here.
fn allowed(types: Types<'_>, definition: &VariableDefinition, place: Ref) -> bool {
    let declared = &definition.var_type.node;
    let defaulted = definition
        .default_value
        .as_ref()
        .is_some_and(|value| value.node != ConstValue::Null);
    if defaulted && declared.nullable {
        return compatible(types, declared, place.nullable());
    }
    compatible(types, declared, place)
}

fn compatible(types: Types<'_>, declared: &Type, place: Ref) -> bool {
    if declared.nullable && place.is_required() {
        return false;
    }
    match (&declared.base, place.item()) {
        (BaseType::List(inner), Some(item)) => compatible(types, inner, item),
        (BaseType::Named(name), None) => *name == types.names.type_name(place.key),
        _ => false,
    }
}
