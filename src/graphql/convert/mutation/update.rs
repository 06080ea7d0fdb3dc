//! `_set` and its like, with what happens to related rows.

use super::{Object, Writes};
use crate::catalog::{FaceId, RelationId};
use crate::graphql::convert::Converter;
use crate::graphql::convert::arguments::Arguments;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Nesting, Part, Setting, Slotted};
use crate::request::{Assignment, Change, Expression, Filter, Link};
use async_graphql_value::ConstValue;

/// What was given for each of `_set` and its like.
pub(super) type Settings<'v> = Vec<(Setting, &'v Object)>;

/// Which rows change.
#[derive(Clone)]
pub(super) struct Which {
    /// Those that are found by this.
    pub(super) filter: Option<Filter>,
    /// Only those that are related to rows of an earlier write.
    pub(super) within: Option<Link>,
    /// It is one row.
    pub(super) one: bool,
}

impl Which {
    /// Any number of rows, wherever they are.
    pub(super) fn of(filter: Option<Filter>) -> Self {
        Self {
            filter,
            within: None,
            one: false,
        }
    }
}

/// New values of a row, and what happens to the rows around it.
#[derive(Default)]
pub(super) struct NewValues<'v> {
    pub(super) set: Vec<Assignment>,
    /// Columns that take their values from rows of earlier writes.
    pub(super) links: Vec<Link>,
    /// What happens to the rows at the ends of relations.
    relations: Vec<(RelationId, &'v Object)>,
}

impl<'c> Converter<'c> {
    /// `_set` and its like among the arguments of a root.
    pub(super) fn settings_of<'v>(&self, arguments: &'v Arguments<'c>) -> Settings<'v> {
        let given = arguments
            .0
            .iter()
            .filter_map(|(input, value)| match (input.stands, &**value) {
                (Slotted::Setting(setting), ConstValue::Object(object)) => Some((setting, object)),
                _ => None,
            });
        given.collect()
    }

    /// `_set` and its like in an object.
    pub(super) fn settings_in<'v>(&self, key: Key, object: &'v Object) -> Settings<'v> {
        let inputs = self.types.inputs(key).into_iter();
        let given = inputs.filter_map(|input| match (input.stands, object.get(input.name)) {
            (Slotted::Setting(setting), Some(ConstValue::Object(object))) => Some((setting, object)),
            _ => None,
        });
        given.collect()
    }

    /// Rows that change, with what is nested in them; the index of the write that finds them.
    pub(super) fn changed_rows(
        &mut self,
        face: FaceId,
        which: Which,
        settings: &Settings<'_>,
        writes: &mut Writes,
    ) -> Result<usize, Fault> {
        let mut values = NewValues::default();
        for (setting, object) in settings {
            self.new_values(face, *setting, object, &mut values)?;
        }
        let relations = std::mem::take(&mut values.relations);
        let mut gone = Vec::new();
        // What goes is looked up last, when it is known what the row gets: its rule may ask for that.
        let (going, others): (Vec<_>, Vec<_>) = relations
            .iter()
            .copied()
            .partition(|(id, object)| self.goes(face, *id, object));
        for (id, object) in others.into_iter().chain(going) {
            if let Some((_, Nesting::Before)) = self.types.nesting(face, id) {
                gone.extend(self.referred(face, &which, id, object, &mut values, writes)?);
            }
        }
        Self::found_to_change(&gone, &values, writes);
        // Where none of its own columns changes the row is only looked up.
        let looked_up = values.set.is_empty() && values.links.is_empty() && !relations.is_empty();
        let Which { filter, within, one } = which;
        let change = if looked_up {
            Change::Find {
                filter,
                within,
                one: false,
                before: None,
            }
        } else {
            Change::Update {
                filter,
                within,
                set: values.set,
                links: values.links,
            }
        };
        let index = writes.push(self.types.face(face).name.clone(), change, self.formats())?;
        // As where nothing is nested: a row that is not there is null, and nothing happens around it.
        writes.all[index].skips = one && !relations.is_empty();
        for change in gone {
            self.drop_rows(change, one, writes)?;
        }
        for (id, object) in relations {
            self.related_rows(face, index, one, id, object, writes)?;
        }
        Ok(index)
    }

    fn new_values<'v>(
        &mut self,
        face: FaceId,
        setting: Setting,
        object: &'v Object,
        values: &mut NewValues<'v>,
    ) -> Result<(), Fault> {
        let key = Key::Face(face, Part::Setting(setting));
        for (name, value) in object {
            self.count_term()?;
            let Some(input) = self.types.input(key, name) else {
                continue;
            };
            let column = match (input.stands, value) {
                (Slotted::Column(column), _) => self.column_name(face, column),
                (Slotted::Relation(id), ConstValue::Object(object)) => {
                    values.relations.push((id, object));
                    continue;
                }
                _ => continue,
            };
            let word = self.types.names.words.field(setting.word());
            if values.set.iter().any(|own| own.column == column) {
                return Err(Fault::validation(format!(
                    "\"{name}\" has a new value already, \"{word}\" cannot give it another"
                )));
            }
            let value = match setting.function() {
                None => self.slot(input.ty.key, value),
                Some(_) if *value == ConstValue::Null => {
                    return Err(Fault::validation(format!(
                        "unexpected null value for \"{name}\" of \"{word}\"; leave it out"
                    )));
                }
                Some(function) => Expression::Call {
                    function,
                    arguments: vec![Expression::Column(column.clone()), self.slot(input.ty.key, value)],
                },
            };
            values.set.push(Assignment { column, value });
        }
        Ok(())
    }
}
