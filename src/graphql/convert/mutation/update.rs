//! `_set` and its like.

use super::{Object, Writes};
use crate::catalog::FaceId;
use crate::graphql::convert::Converter;
use crate::graphql::convert::arguments::Arguments;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Part, Setting, Slotted};
use crate::request::{Assignment, Change, Expression, Filter};
use async_graphql_value::ConstValue;

/// What was given for each of `_set` and its like.
pub(super) type Settings<'v> = Vec<(Setting, &'v Object)>;

impl<'c> Converter<'c> {
    /// `_set` and its like among the arguments of a root.
    pub(super) fn settings_of<'v>(&self, arguments: &'v Arguments<'c>) -> Settings<'v> {
        let given = arguments.0.iter().filter_map(|(input, value)| match (input.stands, value) {
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

    /// Rows that change.
    pub(super) fn changed_rows(
        &mut self,
        face: FaceId,
        filter: Option<Filter>,
        settings: &Settings<'_>,
        writes: &mut Writes,
    ) -> Result<usize, Fault> {
        let mut set = Vec::new();
        for (setting, object) in settings {
            self.assignments(face, *setting, object, &mut set)?;
        }
        let change = Change::Update {
            filter,
            within: None,
            set,
            links: Vec::new(),
        };
        writes.push(self.types.face(face).name.clone(), change, self.formats())
    }

    fn assignments(
        &mut self,
        face: FaceId,
        setting: Setting,
        object: &Object,
        set: &mut Vec<Assignment>,
    ) -> Result<(), Fault> {
        let key = Key::Face(face, Part::Setting(setting));
        for (name, value) in object {
            self.count_term()?;
            let Some(input) = self.types.input(key, name) else { continue };
            let Slotted::Column(column) = input.stands else { continue };
            let column = self.column_name(face, column);
            let word = self.types.names.words.field(setting.word());
            if set.iter().any(|own| own.column == column) {
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
            set.push(Assignment { column, value });
        }
        Ok(())
    }
}
