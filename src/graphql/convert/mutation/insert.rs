//! New rows with what is nested in them: one write for each level and relation, whatever the number of rows.

use super::{Object, WRITES, Writes, given, objects, too_many};
use crate::catalog::{ColumnId, FaceId, Join, RelationId};
use crate::graphql::convert::Converter;
use crate::graphql::error::{Fault, FaultCode};
use crate::graphql::types::{Input, Key, Nesting, Part, Related, Slotted};
use crate::request::{Change, Conflict, ConflictAction, ConflictTarget, Insert, Link, RowGroup, Side};
use crate::value::Value;
use async_graphql_value::ConstValue;
use async_graphql_value::indexmap::{IndexMap, IndexSet};
use std::collections::HashMap;

/// New rows of one face that come about together.
pub(super) struct Level<'v> {
    pub(super) face: FaceId,
    pub(super) rows: Vec<NewRow<'v>>,
    /// How they are linked to the rows around them, if these come first.
    pub(super) link: Option<Link>,
    /// The columns that this link decides.
    pub(super) linked: &'v [ColumnId],
    pub(super) meeting: Meeting<'v>,
}

/// What happens where a new row meets one with the same key.
#[derive(Clone, Copy)]
pub(super) enum Meeting<'v> {
    /// It is an error.
    Error,
    /// What `on_conflict` says.
    Given(&'v ConstValue),
    /// The row that stands takes all that was sent.
    Upsert,
}

impl<'v> Meeting<'v> {
    /// What an `on_conflict` says, if there is one.
    pub(super) fn of(given: Option<&'v ConstValue>) -> Self {
        given.map_or(Self::Error, Self::Given)
    }
}

/// A new row.
pub(super) struct NewRow<'v> {
    pub(super) object: &'v Object,
    /// The place of the row around it.
    pub(super) parent: Option<usize>,
}

/// Nested rows of one relation, with the same `on_conflict`; and rows that stand.
pub(super) struct Nested<'v> {
    pub(super) meeting: Meeting<'v>,
    pub(super) rows: Vec<NewRow<'v>>,
    /// Which rows that stand, and the places of the rows around them.
    connect: Option<(&'v ConstValue, Vec<usize>)>,
}

/// Rows that this level's rows refer to.
struct Before {
    links: Vec<Link>,
    /// For each row of the level the links it has, in their order, and the place of the row that is referred to. There may be
    /// many links of which each row has one: what is kept grows with the rows alone.
    rows: Vec<Vec<(usize, usize)>>,
}

impl<'c> Converter<'c> {
    /// Adds the writes of a level and of all that is nested in it; returns the index of the level's own.
    pub(super) fn insert_level(&mut self, level: &Level<'_>, writes: &mut Writes) -> Result<usize, Fault> {
        let face = level.face;
        let inputs = self.types.inputs(Key::Face(face, Part::InsertInput));
        let relations: Vec<(RelationId, Nesting, Vec<Nested<'_>>)> = inputs
            .iter()
            .filter_map(|input| match input.stands {
                Slotted::Relation(id) => Some((input, id, self.types.nesting(face, id)?)),
                _ => None,
            })
            .map(|(input, id, (_, nesting))| Ok((id, nesting, self.nested(level, id, input)?)))
            .filter(|found| !matches!(found, Ok((.., nested)) if nested.is_empty()))
            .collect::<Result<_, Fault>>()?;
        let mut before = Before {
            links: Vec::new(),
            rows: vec![Vec::new(); level.rows.len()],
        };
        for (id, _, nested) in relations.iter().filter(|(_, nesting, _)| *nesting == Nesting::Before) {
            for nested in nested {
                self.before(level, *id, nested, writes, &mut before)?;
            }
        }
        let conflict = self.conflict(level, &inputs)?;
        let groups = self.groups(level, &inputs, &before);
        let change = Change::Insert(Insert { groups, conflict });
        let index = writes.push(self.types.face(face).name.clone(), change, self.formats())?;
        for (id, nesting, nested) in relations.iter().filter(|(_, nesting, _)| *nesting != Nesting::Before) {
            for nested in nested {
                self.after(face, index, *id, *nesting, nested, writes)?;
            }
        }
        Ok(index)
    }

    /// What is nested in the rows of a level by a relation, by `connect` or `on_conflict`: each is at least one write, so there
    /// can be no more of them than writes. They are found by their text, not compared with each other.
    fn nested<'v>(&self, level: &Level<'v>, id: RelationId, input: &Input<'_>) -> Result<Vec<Nested<'v>>, Fault> {
        let word = self.types.names.words.field("on_conflict");
        let mut all: Vec<Nested<'v>> = Vec::new();
        let mut places: HashMap<(bool, String), usize> = HashMap::new();
        let may = |related: Related| {
            if self.types.may(level.face, id, related, true) {
                return Ok(());
            }
            Err(self.may_not(level.face, id, related))
        };
        for (place, row) in level.rows.iter().enumerate() {
            let Some(ConstValue::Object(value)) = given(row.object, input.name) else {
                continue;
            };
            if let Some(connect) = given(value, "connect") {
                may(Related::Connect)?;
                let index = *places.entry((true, connect.to_string())).or_insert(all.len());
                if index == all.len() {
                    all.push(Nested {
                        meeting: Meeting::Error,
                        rows: Vec::new(),
                        connect: Some((connect, Vec::new())),
                    });
                }
                if let Some((_, parents)) = &mut all[index].connect {
                    parents.push(place);
                }
                if all.len() > WRITES {
                    return Err(too_many());
                }
            }
            let Some(data) = given(value, "data") else { continue };
            may(Related::Insert)?;
            if matches!(data, ConstValue::Object(_)) && value.contains_key("connect") {
                let name = input.name;
                return Err(Fault::validation(format!(
                    "\"{name}\" takes either \"data\" or \"connect\""
                )));
            }
            let conflict = given(value, word);
            let rows = objects(Some(data)).into_iter().map(|object| NewRow {
                object,
                parent: Some(place),
            });
            let text = conflict.map_or_else(String::new, ConstValue::to_string);
            let index = *places.entry((false, text)).or_insert(all.len());
            if index == all.len() {
                all.push(Nested::new(Meeting::of(conflict), Vec::new()));
            }
            all[index].rows.extend(rows);
            if all.len() > WRITES {
                return Err(too_many());
            }
        }
        Ok(all)
    }

    /// The role lacks a right that a nested write needs.
    pub(super) fn may_not(&self, face: FaceId, id: RelationId, related: Related) -> Fault {
        let verb = match related {
            Related::Insert => "insert",
            Related::Upsert => "upsert",
            Related::Connect => "connect",
            Related::Disconnect => "disconnect",
            Related::Update => "update",
            Related::Delete => "delete",
        };
        let (role, name) = (self.types.view.role.as_str(), self.types.names.relation(face, id));
        Fault::new(
            FaultCode::PERMISSION,
            format!("role {role:?} may not {verb} rows of \"{name}\" here, or the relation does not allow it"),
        )
    }

    /// Rows that those of a level refer to.
    fn before(
        &mut self,
        level: &Level<'_>,
        id: RelationId,
        nested: &Nested<'_>,
        writes: &mut Writes,
        before: &mut Before,
    ) -> Result<(), Fault> {
        let Some(relation) = self.types.relation(level.face, id) else {
            return Err(Fault::validation("unknown relation"));
        };
        let index = before.links.len();
        let write = if let Some((connect, parents)) = &nested.connect {
            for parent in parents {
                before.rows[*parent].push((index, 0));
            }
            self.found(relation.target, Some(connect), true, writes)?
        } else {
            let (rows, own) = distinct(nested);
            let inner = Level {
                face: relation.target,
                rows,
                link: None,
                linked: &[],
                meeting: nested.meeting,
            };
            for (row, place) in nested.rows.iter().zip(own) {
                if let Some(linked) = row.parent.and_then(|parent| before.rows.get_mut(parent)) {
                    linked.push((index, place));
                }
            }
            self.insert_level(&inner, writes)?
        };
        before.links.push(Link {
            write,
            relation: relation.name.clone(),
            side: Side::Own,
        });
        Ok(())
    }

    /// Rows that refer to those of a level, or that a join table connects with them.
    pub(super) fn after(
        &mut self,
        face: FaceId,
        write: usize,
        id: RelationId,
        nesting: Nesting,
        nested: &Nested<'_>,
        writes: &mut Writes,
    ) -> Result<(), Fault> {
        let Some(relation) = self.types.relation(face, id) else {
            return Err(Fault::validation("unknown relation"));
        };
        let link = |write: usize, side: Side| Link {
            write,
            relation: relation.name.clone(),
            side,
        };
        if let Some((connect, parents)) = &nested.connect {
            return self.connected(face, write, id, connect, parents, writes);
        }
        if nesting == Nesting::After {
            let rows = nested.rows.iter().map(|row| NewRow { ..*row });
            let inner = Level {
                face: relation.target,
                rows: rows.collect(),
                link: Some(link(write, Side::Theirs)),
                linked: match &relation.join {
                    Join::Direct { references, .. } => references,
                    Join::Through { .. } => &[],
                },
                meeting: nested.meeting,
            };
            return self.insert_level(&inner, writes).map(|_| ());
        }
        let Join::Through { face: through, .. } = &relation.join else {
            return Ok(());
        };
        let (rows, own) = distinct(nested);
        let inner = Level {
            face: relation.target,
            rows,
            link: None,
            linked: &[],
            meeting: nested.meeting,
        };
        let far = self.insert_level(&inner, writes)?;
        let pairs: IndexSet<(usize, usize)> = nested
            .rows
            .iter()
            .zip(own)
            .filter_map(|(row, place)| Some((row.parent?, place)))
            .collect();
        let rows = pairs
            .into_iter()
            .enumerate()
            .map(|(place, (near, far))| Value::List(vec![whole(place), whole(near), whole(far)]));
        let rows = Value::List(rows.collect());
        let group = RowGroup {
            columns: Vec::new(),
            links: vec![link(write, Side::Near), link(far, Side::Far { parent: write })],
            rows: self.builder.push(rows),
        };
        let change = Change::Insert(Insert {
            groups: vec![group],
            conflict: None,
        });
        writes.push(self.types.face(*through).name.clone(), change, self.formats())?;
        Ok(())
    }

    /// The rows of a level, those with the same columns and links together.
    fn groups(&mut self, level: &Level<'_>, inputs: &[Input<'_>], before: &Before) -> Vec<RowGroup> {
        let mut groups: IndexMap<(Vec<ColumnId>, Vec<usize>), Vec<Value>> = IndexMap::new();
        for (place, row) in level.rows.iter().enumerate() {
            let mut values = vec![whole(place)];
            values.extend(row.parent.filter(|_| level.link.is_some()).map(whole));
            let linked = &before.rows[place];
            let links = linked.iter().map(|(index, _)| *index).collect();
            values.extend(linked.iter().map(|(_, place)| whole(*place)));
            let mut columns = Vec::new();
            for input in inputs {
                if let (Slotted::Column(column), Some(value)) = (input.stands, row.object.get(input.name)) {
                    columns.push(column);
                    values.push(self.value(input.ty.key, value));
                }
            }
            groups.entry((columns, links)).or_default().push(Value::List(values));
        }
        groups
            .into_iter()
            .map(|((columns, links), rows)| {
                let links = links.into_iter().map(|index| before.links[index].clone());
                RowGroup {
                    columns: columns
                        .into_iter()
                        .map(|column| self.column_name(level.face, column))
                        .collect(),
                    links: level.link.iter().cloned().chain(links).collect(),
                    rows: self.builder.push(Value::List(rows)),
                }
            })
            .collect()
    }

    /// `on_conflict`: without columns to change, the row that stands stays.
    fn conflict(&mut self, level: &Level<'_>, inputs: &[Input<'_>]) -> Result<Option<Conflict>, Fault> {
        let face = level.face;
        let value = match level.meeting {
            Meeting::Given(ConstValue::Object(value)) => value,
            Meeting::Upsert => {
                let key = self.sent_key(level, inputs);
                return Ok(Some(Conflict {
                    target: key.map_or(ConflictTarget::Key, |key| self.key_target(face, key)),
                    action: ConflictAction::Update {
                        columns: None,
                        filter: None,
                        proposed: true,
                    },
                }));
            }
            _ => return Ok(None),
        };
        let word = self.types.names.words.field("update_columns");
        let columns = self.columns(face, given(value, word));
        let named = match given(value, "constraint") {
            Some(ConstValue::Enum(name)) => {
                let own = self.types.constraints(face).find(|(own, _)| *own == name.as_str());
                own.map(|(_, columns)| columns)
            }
            _ => None,
        };
        if columns.is_empty() {
            return Ok(Some(Conflict {
                target: named.map_or(ConflictTarget::Any, |columns| self.key_target(face, columns)),
                action: ConflictAction::Ignore,
            }));
        }
        let Some(key) = named.or_else(|| self.sent_key(level, inputs)) else {
            return Err(Fault::validation(
                "\"constraint\" must say which key is meant: the objects name no whole key of their table",
            ));
        };
        // Null is no condition left out: an overwrite would be bound by nothing.
        let filter = self.condition(face, value.get("where"))?;
        let columns = columns.into_iter().map(|column| self.column_name(face, column));
        Ok(Some(Conflict {
            target: self.key_target(face, key),
            action: ConflictAction::Update {
                columns: Some(columns.collect()),
                filter,
                proposed: true,
            },
        }))
    }

    /// The first key of which every row has all columns: named, or those of the row that it is linked to.
    fn sent_key(&self, level: &Level<'_>, inputs: &[Input<'_>]) -> Option<&'c [ColumnId]> {
        let sent = |row: &NewRow<'_>, column: ColumnId| {
            inputs.iter().any(|input| match input.stands {
                Slotted::Column(own) => own == column && row.object.contains_key(input.name),
                Slotted::Relation(id) => {
                    let relation = self.types.relation(level.face, id);
                    let refers = relation.is_some_and(|relation| match &relation.join {
                        Join::Direct { columns, .. } => !relation.many && columns.contains(&column),
                        Join::Through { .. } => false,
                    });
                    refers && given(row.object, input.name).is_some()
                }
                _ => false,
            })
        };
        self.types
            .constraints(level.face)
            .map(|(_, columns)| columns)
            .find(|columns| {
                let mut rows = level.rows.iter();
                rows.all(|row| {
                    columns
                        .iter()
                        .all(|column| level.linked.contains(column) || sent(row, *column))
                })
            })
    }

    fn key_target(&self, face: FaceId, columns: &[ColumnId]) -> ConflictTarget {
        if self.types.face(face).key == columns {
            return ConflictTarget::Key;
        }
        ConflictTarget::Columns(columns.iter().map(|column| self.column_name(face, *column)).collect())
    }
}

/// The rows of a relation, and the place of each among them. Where a row that stands may be met, the same row is sent once.
fn distinct<'v>(nested: &Nested<'v>) -> (Vec<NewRow<'v>>, Vec<usize>) {
    let mut rows: Vec<NewRow<'v>> = Vec::with_capacity(nested.rows.len());
    let mut places = Vec::with_capacity(nested.rows.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for row in &nested.rows {
        let place = match nested.meeting {
            Meeting::Error => rows.len(),
            _ => *seen
                .entry(ConstValue::Object(row.object.clone()).to_string())
                .or_insert(rows.len()),
        };
        if place == rows.len() {
            rows.push(NewRow {
                object: row.object,
                parent: None,
            });
        }
        places.push(place);
    }
    (rows, places)
}

pub(super) fn whole(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

impl<'v> Nested<'v> {
    /// New rows.
    pub(super) fn new(meeting: Meeting<'v>, rows: Vec<NewRow<'v>>) -> Self {
        Self {
            meeting,
            rows,
            connect: None,
        }
    }
}
