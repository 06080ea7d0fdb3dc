//! What happens to related rows in an update: `connect`, `disconnect`, `update`, `upsert`, `delete`, `insert`, each a write
//! of its own under the related table's rules.

use super::insert::{Level, Meeting, Nested, NewRow, whole};
use super::update::{NewValues, Which};
use super::{Object, Writes, given, objects};
use crate::catalog::{FaceId, Join, Relation, RelationId};
use crate::graphql::convert::Converter;
use crate::graphql::error::Fault;
use crate::graphql::types::{Key, Nesting, Part, Related, Setting, Slotted};
use crate::ident::Name;
use crate::request::{Assignment, Before, Change, Expression, Filter, Link, Side};
use crate::value::Value;
use async_graphql_value::ConstValue;

/// Rows that go after those that refer to them have changed.
pub(super) struct Gone {
    table: Name,
    within: Link,
}

impl<'c> Converter<'c> {
    /// Rows that are looked up.
    pub(super) fn found(
        &mut self,
        face: FaceId,
        filter: Option<&ConstValue>,
        one: bool,
        writes: &mut Writes,
    ) -> Result<usize, Fault> {
        let filter = self.condition(face, filter)?;
        let change = Change::Find {
            filter,
            within: None,
            one,
            before: None,
        };
        writes.push(self.types.face(face).name.clone(), change, self.formats())
    }

    /// `one`: that it is the one row that the row around refers to, which must be there.
    pub(super) fn drop_rows(&mut self, gone: Gone, one: bool, writes: &mut Writes) -> Result<(), Fault> {
        let change = Change::Delete {
            filter: None,
            within: Some(gone.within),
        };
        let index = writes.push(gone.table, change, self.formats())?;
        writes.all[index].strict = one;
        Ok(())
    }

    /// Only rows that are changed lose what they refer to.
    pub(super) fn found_to_change(gone: &[Gone], values: &NewValues<'_>, writes: &mut Writes) {
        for gone in gone {
            if let Some(Change::Find { before, .. }) =
                writes.all.get_mut(gone.within.write).map(|write| &mut write.change)
            {
                *before = Some(Before {
                    set: values.set.clone(),
                    links: values.links.clone(),
                });
            }
        }
    }

    /// What happens before a row that refers to another is changed; what goes afterwards.
    pub(super) fn referred(
        &mut self,
        face: FaceId,
        which: &Which,
        id: RelationId,
        object: &Object,
        values: &mut NewValues<'_>,
        writes: &mut Writes,
    ) -> Result<Option<Gone>, Fault> {
        let mut gone = None;
        for (related, value) in self.wanted(face, id, object)? {
            let Some(relation) = self.types.relation(face, id) else {
                continue;
            };
            let Join::Direct { columns, .. } = &relation.join else {
                continue;
            };
            let link = |write: usize, side: Side| Link {
                write,
                relation: relation.name.clone(),
                side,
            };
            match related {
                Related::Update => continue,
                Related::Insert | Related::Upsert => {
                    let rows = objects(Some(value))
                        .into_iter()
                        .map(|object| NewRow { object, parent: None });
                    let level = Level {
                        face: relation.target,
                        rows: rows.collect(),
                        link: None,
                        linked: &[],
                        meeting: meeting(related),
                    };
                    let write = self.insert_level(&level, writes)?;
                    values.links.push(link(write, Side::Own));
                }
                Related::Connect => {
                    let write = self.found(relation.target, Some(value), true, writes)?;
                    values.links.push(link(write, Side::Own));
                }
                Related::Disconnect | Related::Delete => {
                    if *value != ConstValue::Boolean(true) {
                        continue;
                    }
                    if related == Related::Delete {
                        // What is referred to now, before nothing is.
                        let Which { filter, within, .. } = which.clone();
                        let change = Change::Find {
                            filter,
                            within,
                            one: false,
                            // The values are all known later.
                            before: Some(Before::default()),
                        };
                        let write = writes.push(self.types.face(face).name.clone(), change, self.formats())?;
                        gone = Some(Gone {
                            table: self.types.face(relation.target).name.clone(),
                            within: link(write, Side::Theirs),
                        });
                    }
                    for column in columns {
                        values.set.push(Assignment {
                            column: self.column_name(face, *column),
                            value: Expression::Value(self.builder.push(Value::Null)),
                        });
                    }
                }
            }
        }
        Ok(gone)
    }

    /// What happens after the row around has been changed (or looked up) by a write. `one`: that it is one row.
    pub(super) fn related_rows(
        &mut self,
        face: FaceId,
        write: usize,
        one: bool,
        id: RelationId,
        object: &Object,
        writes: &mut Writes,
    ) -> Result<(), Fault> {
        let Some((relation, nesting)) = self.types.nesting(face, id) else {
            return Ok(());
        };
        for (related, value) in self.wanted(face, id, object)? {
            let comes = matches!(related, Related::Insert | Related::Upsert | Related::Connect);
            if nesting == Nesting::Before && related != Related::Update {
                continue;
            }
            if comes && !one {
                let name = self.types.names.relation(face, id);
                return Err(Fault::validation(format!(
                    "rows become related ones of \"{name}\" where one row is changed, by its key"
                )));
            }
            match related {
                Related::Insert | Related::Upsert => {
                    let rows = objects(Some(value)).into_iter().map(|object| NewRow {
                        object,
                        parent: Some(0),
                    });
                    let nested = Nested::new(meeting(related), rows.collect());
                    self.after(face, write, id, nesting, &nested, writes)?;
                }
                Related::Connect => self.connected(face, write, id, value, &[0], writes)?,
                Related::Disconnect | Related::Delete => {
                    let all = *value == ConstValue::Boolean(true);
                    if all || matches!(value, ConstValue::Object(_)) {
                        let filter = self.condition(relation.target, Some(value).filter(|_| !all))?;
                        let index = self.parted(write, relation, related, filter, writes)?;
                        writes.all[index].strict = one && !relation.many && related == Related::Delete;
                    }
                }
                Related::Update => {
                    let part = if relation.many {
                        Part::Updates
                    } else {
                        Part::Setting(Setting::Set)
                    };
                    for object in objects(Some(value)) {
                        let (filter, settings) = if relation.many {
                            let filter = self.condition(relation.target, object.get("where"))?;
                            (filter, self.settings_in(Key::Face(relation.target, part), object))
                        } else {
                            (None, vec![(Setting::Set, object)])
                        };
                        let which = self.related_to(write, relation, filter, writes)?;
                        let index = self.changed_rows(relation.target, which, &settings, writes)?;
                        // The one row at the end of the one row's relation is meant, and must be there.
                        writes.all[index].strict = one && !relation.many;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the row at the end of a relation is to go.
    pub(super) fn goes(&self, face: FaceId, id: RelationId, object: &Object) -> bool {
        let Some(relation) = self.types.relation(face, id) else {
            return false;
        };
        let inputs = self.types.inputs(Key::Face(relation.target, Part::ObjectUpdate));
        let delete = inputs
            .into_iter()
            .find(|input| matches!(input.stands, Slotted::Related(Related::Delete)));
        delete.is_some_and(|input| object.get(input.name) == Some(&ConstValue::Boolean(true)))
    }

    /// What is asked of a relation, as far as the role may.
    fn wanted<'v>(
        &self,
        face: FaceId,
        id: RelationId,
        object: &'v Object,
    ) -> Result<Vec<(Related, &'v ConstValue)>, Fault> {
        let Some(relation) = self.types.relation(face, id) else {
            return Ok(Vec::new());
        };
        let part = if relation.many {
            Part::ArrayUpdate
        } else {
            Part::ObjectUpdate
        };
        let mut wanted = Vec::new();
        for input in self.types.inputs(Key::Face(relation.target, part)) {
            let (Slotted::Related(related), Some(value)) = (input.stands, given(object, input.name)) else {
                continue;
            };
            if !self.types.may(face, id, related, false) {
                return Err(self.may_not(face, id, related));
            }
            wanted.push((related, value));
        }
        // First what is about the rows that are related so far, then what makes others related.
        wanted.sort_by_key(|(related, _)| *related);
        if !relation.many && wanted.len() > 1 {
            let name = self.types.names.relation(face, id);
            return Err(Fault::validation(format!(
                "one thing at a time can happen to \"{name}\""
            )));
        }
        Ok(wanted)
    }

    /// Rows that stand become related to the rows at some places of an earlier write.
    pub(super) fn connected(
        &mut self,
        face: FaceId,
        write: usize,
        id: RelationId,
        connect: &ConstValue,
        parents: &[usize],
        writes: &mut Writes,
    ) -> Result<(), Fault> {
        let Some((relation, _)) = self.types.nesting(face, id) else {
            return Ok(());
        };
        let link = |write: usize, side: Side| Link {
            write,
            relation: relation.name.clone(),
            side,
        };
        if let Join::Through { face: through, .. } = &relation.join {
            let far = self.found(relation.target, Some(connect), false, writes)?;
            writes.all[far].strict = true;
            let rows = parents
                .iter()
                .map(|parent| Value::List(vec![whole(0), whole(*parent), whole(0)]));
            let rows = Value::List(rows.collect());
            let change = Change::Connect {
                links: vec![link(write, Side::Near), link(far, Side::Far { parent: write })],
                rows: self.builder.push(rows),
            };
            return writes
                .push(self.types.face(*through).name.clone(), change, self.formats())
                .map(|_| ());
        }
        let name = self.types.names.relation(face, id);
        if parents != [0] {
            return Err(Fault::validation(format!(
                "rows that stand become related ones of \"{name}\" in the first row of its list only"
            )));
        }
        let filter = self.condition(relation.target, Some(connect))?;
        let change = Change::Update {
            filter,
            within: None,
            set: Vec::new(),
            links: vec![link(write, Side::Theirs)],
        };
        let index = writes.push(self.types.face(relation.target).name.clone(), change, self.formats())?;
        // To connect nothing is not what was meant.
        writes.all[index].strict = true;
        Ok(())
    }

    /// Related rows of an earlier write's rows.
    fn related_to(
        &mut self,
        write: usize,
        relation: &Relation,
        filter: Option<Filter>,
        writes: &mut Writes,
    ) -> Result<Which, Fault> {
        let within = match self.joining(write, relation, filter.clone()) {
            None => {
                let link = Link {
                    write,
                    relation: relation.name.clone(),
                    side: Side::Theirs,
                };
                return Ok(Which {
                    within: Some(link),
                    ..Which::of(filter)
                });
            }
            Some((through, far, near, filter)) => {
                let change = Change::Find {
                    filter,
                    within: Some(near),
                    one: false,
                    before: None,
                };
                let write = writes.push(through, change, self.formats())?;
                Link {
                    write,
                    relation: far,
                    side: Side::Theirs,
                }
            }
        };
        Ok(Which {
            within: Some(within),
            ..Which::of(None)
        })
    }

    /// Of a relation through a join table: that table, its relation to the far side, the link to the earlier write, and
    /// the condition on the far side as one on the join table.
    fn joining(
        &self,
        write: usize,
        relation: &Relation,
        filter: Option<Filter>,
    ) -> Option<(Name, Name, Link, Option<Filter>)> {
        let Join::Through { face: through, .. } = &relation.join else {
            return None;
        };
        let far = self.types.far_side(relation)?.name.clone();
        let near = Link {
            write,
            relation: relation.name.clone(),
            side: Side::Near,
        };
        let filter = filter.map(|filter| Filter::Any {
            relation: far.clone(),
            filter: Box::new(filter),
        });
        Some((self.types.face(*through).name.clone(), far, near, filter))
    }

    /// Related rows no longer are, or are no more; the index of the last write of it.
    fn parted(
        &mut self,
        write: usize,
        relation: &Relation,
        related: Related,
        filter: Option<Filter>,
        writes: &mut Writes,
    ) -> Result<usize, Fault> {
        let far = self.types.face(relation.target).name.clone();
        if let Some((through, _, near, joined)) = self.joining(write, relation, filter.clone()) {
            let which = match related {
                Related::Delete => Some(self.related_to(write, relation, filter, writes)?),
                _ => None,
            };
            let change = Change::Delete {
                filter: joined,
                within: Some(near),
            };
            let index = writes.push(through, change, self.formats())?;
            let Some(Which { filter, within, .. }) = which else {
                return Ok(index);
            };
            return writes.push(far, Change::Delete { filter, within }, self.formats());
        }
        let Which { filter, within, .. } = self.related_to(write, relation, filter, writes)?;
        let change = match (related, &relation.join) {
            (Related::Disconnect, Join::Direct { references, .. }) => {
                let set = references.iter().map(|column| Assignment {
                    column: self.column_name(relation.target, *column),
                    value: Expression::Value(self.builder.push(Value::Null)),
                });
                Change::Update {
                    filter,
                    within,
                    set: set.collect(),
                    links: Vec::new(),
                }
            }
            _ => Change::Delete { filter, within },
        };
        writes.push(far, change, self.formats())
    }
}

fn meeting<'v>(related: Related) -> Meeting<'v> {
    if related == Related::Upsert {
        Meeting::Upsert
    } else {
        Meeting::Error
    }
}
