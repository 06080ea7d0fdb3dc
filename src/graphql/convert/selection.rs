//! The fields that a selection asks for: fragments spread, `@skip` and `@include` decided, equal response keys merged.

use super::Converter;
use crate::graphql::error::Fault;
use crate::graphql::types::{self, Key};
use crate::ident::Name;
use crate::request::Constant;
use async_graphql_parser::types::{Directive, Field, Selection, SelectionSet};
use async_graphql_parser::{Pos, Positioned};
use async_graphql_value::indexmap::IndexMap;
use std::collections::HashSet;

/// A field of the answer.
pub(crate) struct Selected<'d> {
    /// The response key.
    pub key: &'d str,
    /// The field, the first of its key.
    pub field: &'d Field,
    /// Where it stands.
    pub position: Pos,
    /// The selections under it, of all fields of the key.
    pub sets: Vec<&'d Positioned<SelectionSet>>,
}

impl<'c> Converter<'c> {
    /// The fields of merged selection sets, in the order of the answer.
    pub(crate) fn collect(&self, sets: &[&'c Positioned<SelectionSet>]) -> Result<Vec<Selected<'c>>, Fault> {
        let mut fields = IndexMap::new();
        let mut seen = HashSet::new();
        for set in sets {
            self.collect_into(set, &mut fields, &mut seen)?;
        }
        Ok(fields.into_values().collect())
    }

    /// The members of an object that is no row, in the order of the answer: `constant` makes that of `__typename`, `member`
    /// each other one, under its output key.
    pub(super) fn members<T>(
        &mut self,
        key: Key,
        sets: &[&'c Positioned<SelectionSet>],
        constant: fn(Name, Constant) -> T,
        mut member: impl FnMut(&mut Self, Name, types::Field<'c>, &Selected<'c>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut members = Vec::new();
        for selected in self.collect(sets)? {
            self.count_term()?;
            let out = Name::new(selected.key);
            let name = selected.field.name.node.as_str();
            members.push(if name == "__typename" {
                constant(out, self.typename(key))
            } else {
                let field = self
                    .types
                    .field(key, name)
                    .ok_or_else(|| self.unknown(key, &selected))?;
                member(self, out, field, &selected).map_err(|fault| fault.under(selected.key))?
            });
        }
        Ok(members)
    }

    fn collect_into(
        &self,
        set: &'c Positioned<SelectionSet>,
        fields: &mut IndexMap<&'c str, Selected<'c>>,
        seen: &mut HashSet<&'c str>,
    ) -> Result<(), Fault> {
        for selection in &set.node.items {
            if !self.included(selection.node.directives())? {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    fields
                        .entry(key)
                        .or_insert_with(|| Selected {
                            key,
                            field: &field.node,
                            position: field.pos,
                            sets: Vec::new(),
                        })
                        .sets
                        .push(&field.node.selection_set);
                }
                Selection::InlineFragment(fragment) => {
                    self.collect_into(&fragment.node.selection_set, fields, seen)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragment(name)
                        && seen.insert(name)
                    {
                        self.collect_into(&fragment.selection_set, fields, seen)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn included(&self, directives: &[Positioned<Directive>]) -> Result<bool, Fault> {
        for directive in directives {
            let wanted = match directive.node.name.node.as_str() {
                "skip" => false,
                "include" => true,
                _ => continue,
            };
            let truth = self.variables.truth(directive.node.get_argument("if"));
            if truth.map_err(|fault| fault.at(directive.pos))? != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
