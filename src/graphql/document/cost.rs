//! What a parsed document costs, with each fragment looked at once and multiplied where it is spread. All walks are
//! linear in the document or in its allowed size; chains of fragments are ordered first, so that nothing recurses
//! through them.

use super::{NESTING, Problem};
use crate::config::Limits;
use async_graphql_parser::Positioned;
use async_graphql_parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use std::collections::HashMap;

/// Most arguments of one field.
const ARGUMENTS: usize = 64;
/// Most variables of one operation.
const VARIABLES: usize = 500;
/// How much larger all fragments together may be than an operation.
const FRAGMENTS: u64 = 10;

/// What a selection set costs with its fragments spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    fields: u64,
    aliases: u64,
    directives: u64,
    /// Levels of fields.
    depth: usize,
    /// Levels of anything.
    nesting: usize,
}

impl Cost {
    fn add(&mut self, other: Cost) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.nesting = self.nesting.max(other.nesting);
    }
}

type Fragments<'d> = HashMap<&'d str, &'d Positioned<SelectionSet>>;

/// Refuses what is too expensive to validate, and what cannot be ordered.
pub(super) fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), Problem> {
    let fragments: Fragments<'_> = document
        .fragments
        .iter()
        .map(|(name, fragment)| (name.as_str(), &fragment.node.selection_set))
        .collect();
    let order = order(document, &fragments)?;
    let mut costs: HashMap<&str, Cost> = HashMap::new();
    let mut all_fragments = 0u64;
    for name in order {
        let mut cost = cost(fragments[name], &costs)?;
        let directives = document
            .fragments
            .get(name)
            .map_or(0, |fragment| fragment.node.directives.len());
        cost.directives += directives as u64;
        within(&cost, limits)?;
        all_fragments = all_fragments.saturating_add(cost.fields.max(1));
        costs.insert(name, cost);
    }
    if all_fragments > limits.fields as u64 * FRAGMENTS {
        return Err(Problem::limit(
            "the fragments of the document have too many fields".to_owned(),
        ));
    }
    let mut whole = Cost::default();
    for (_, operation) in document.operations.iter() {
        if operation.node.variable_definitions.len() > VARIABLES {
            return Err(Problem::limit(format!(
                "an operation may have at most {VARIABLES} variables"
            )));
        }
        whole.add(cost(&operation.node.selection_set, &costs)?);
        let own = operation.node.directives.len()
            + operation
                .node
                .variable_definitions
                .iter()
                .map(|variable| variable.node.directives.len())
                .sum::<usize>();
        whole.directives = whole.directives.saturating_add(own as u64);
        within(&whole, limits)?;
    }
    for (_, operation) in document.operations.iter() {
        merge(&[&operation.node.selection_set], &fragments)?;
    }
    for set in fragments.values() {
        merge(&[*set], &fragments)?;
    }
    Ok(())
}

fn within(cost: &Cost, limits: &Limits) -> Result<(), Problem> {
    let problem = |what: &str, is: u64, most: usize| {
        Err(Problem::limit(format!(
            "the document has {is} {what} with its fragments spread, at most {most} are allowed"
        )))
    };
    if cost.depth > limits.depth {
        return Err(Problem::limit(format!(
            "the query is {} fields deep, at most {} are allowed",
            cost.depth, limits.depth
        )));
    }
    if cost.nesting > NESTING {
        return Err(Problem::limit(format!(
            "the query is nested too deeply, at most {NESTING} levels are allowed"
        )));
    }
    if cost.fields > limits.fields as u64 {
        return problem("fields", cost.fields, limits.fields);
    }
    if cost.aliases > limits.aliases as u64 {
        return problem("aliases", cost.aliases, limits.aliases);
    }
    if cost.directives > limits.directives as u64 {
        return problem("directives", cost.directives, limits.directives);
    }
    Ok(())
}

fn cost(set: &Positioned<SelectionSet>, fragments: &HashMap<&str, Cost>) -> Result<Cost, Problem> {
    let mut total = Cost {
        nesting: 1,
        ..Cost::default()
    };
    for selection in &set.node.items {
        let directives = |directives: &[Positioned<Directive>]| directives.len() as u64;
        match &selection.node {
            Selection::Field(field) => {
                if field.node.arguments.len() > ARGUMENTS {
                    let problem = Problem::limit(format!("a field may have at most {ARGUMENTS} arguments"));
                    return Err(problem.at(field.pos));
                }
                let mut own = Cost {
                    nesting: 1,
                    ..Cost::default()
                };
                if !field.node.selection_set.node.items.is_empty() {
                    own = cost(&field.node.selection_set, fragments)?;
                    own.nesting += 1;
                }
                own.fields = own.fields.saturating_add(1);
                own.depth += 1;
                own.aliases = own.aliases.saturating_add(u64::from(field.node.alias.is_some()));
                own.directives = own.directives.saturating_add(directives(&field.node.directives));
                total.add(own);
            }
            Selection::InlineFragment(fragment) => {
                let mut own = cost(&fragment.node.selection_set, fragments)?;
                own.nesting += 1;
                own.directives = own.directives.saturating_add(directives(&fragment.node.directives));
                total.add(own);
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                let mut own = fragments.get(name).copied().unwrap_or_default();
                own.nesting += 1;
                own.directives = own.directives.saturating_add(directives(&spread.node.directives));
                // An empty fragment costs too: a spread is work.
                own.fields = own.fields.max(1);
                total.add(own);
            }
        }
    }
    Ok(total)
}

/// The fragments, each after those that it spreads.
fn order<'d>(document: &'d ExecutableDocument, fragments: &Fragments<'d>) -> Result<Vec<&'d str>, Problem> {
    let mut waits: HashMap<&str, usize> = HashMap::new();
    let mut used_by: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, set) in fragments {
        let mut spreads = Vec::new();
        collect_spreads(set, &mut spreads);
        spreads.sort_unstable();
        spreads.dedup();
        spreads.retain(|spread| fragments.contains_key(spread));
        waits.insert(name, spreads.len());
        for spread in spreads {
            used_by.entry(spread).or_default().push(name);
        }
    }
    let mut ready: Vec<&str> = waits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    let mut order = Vec::with_capacity(fragments.len());
    while let Some(name) = ready.pop() {
        order.push(name);
        for user in used_by.remove(name).unwrap_or_default() {
            if let Some(count) = waits.get_mut(user) {
                *count -= 1;
                if *count == 0 {
                    ready.push(user);
                }
            }
        }
    }
    if order.len() < fragments.len() {
        // Of what is left, walking from spread to spread must come back to where it has been.
        let waiting = |name: &str| waits.get(name).is_some_and(|count| *count > 0);
        let mut at = document
            .fragments
            .keys()
            .map(|name| name.as_str())
            .filter(|name| waiting(name))
            .min()
            .unwrap_or_default();
        let mut seen = std::collections::HashSet::new();
        while seen.insert(at) {
            let mut spreads = Vec::new();
            collect_spreads(fragments[at], &mut spreads);
            at = spreads.into_iter().find(|name| waiting(name)).unwrap_or(at);
        }
        let problem = Problem::invalid(format!("Cannot spread fragment \"{at}\" within itself."));
        return Err(match document.fragments.get(at) {
            Some(fragment) => problem.at(fragment.pos),
            None => problem,
        });
    }
    Ok(order)
}

fn collect_spreads<'d>(set: &'d Positioned<SelectionSet>, spreads: &mut Vec<&'d str>) {
    for selection in &set.node.items {
        match &selection.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set, spreads),
            Selection::InlineFragment(fragment) => collect_spreads(&fragment.node.selection_set, spreads),
            Selection::FragmentSpread(spread) => spreads.push(spread.node.fragment_name.node.as_str()),
        }
    }
}

/// Fields of one response key must be the same field with the same arguments. There are no interfaces or unions here,
/// so all fields of a merged set stand side by side.
fn merge<'d>(sets: &[&'d Positioned<SelectionSet>], fragments: &Fragments<'d>) -> Result<(), Problem> {
    let mut fields: HashMap<&'d str, (&'d Positioned<Field>, Vec<&'d Positioned<SelectionSet>>)> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    let mut open: Vec<&'d Positioned<SelectionSet>> = sets.iter().rev().copied().collect();
    while let Some(set) = open.pop() {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    let children = &field.node.selection_set;
                    let (first, sets) = fields.entry(key).or_insert_with(|| (field, Vec::new()));
                    if !children.node.items.is_empty() {
                        sets.push(children);
                    }
                    conflict(key, first, field)?;
                }
                Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set),
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(set) = fragments.get(name)
                        && seen.insert(name)
                    {
                        open.push(set);
                    }
                }
            }
        }
    }
    fields
        .values()
        .filter(|(_, sets)| !sets.is_empty())
        .try_for_each(|(_, sets)| merge(sets, fragments))
}

fn conflict(key: &str, first: &Positioned<Field>, field: &Positioned<Field>) -> Result<(), Problem> {
    if std::ptr::eq(first, field) {
        return Ok(());
    }
    let advice = "Use different aliases on the fields to fetch both if this was intentional.";
    let (one, other) = (&first.node, &field.node);
    let same_arguments = || {
        one.arguments.len() == other.arguments.len()
            && one
                .arguments
                .iter()
                .all(|(name, value)| other.get_argument(&name.node).is_some_and(|own| own.node == value.node))
    };
    let reason = if one.name.node != other.name.node {
        format!("\"{}\" and \"{}\" are different fields", one.name.node, other.name.node)
    } else if !same_arguments() {
        "they have differing arguments".to_owned()
    } else {
        return Ok(());
    };
    let problem = Problem::invalid(format!("Fields \"{key}\" conflict because {reason}. {advice}"));
    Err(problem.at(first.pos).at(field.pos))
}
