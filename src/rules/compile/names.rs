//! Which row and column a name means.

use super::{Compiler, Purpose};
use crate::catalog::{ColumnId, FaceId, Join, RelationId, TableId};
use crate::error::nearest;
use crate::request::Comparison;
use crate::rules::predicate::own_rows;
use crate::rules::syntax::{Expression, Kind, Path, Problem, Root, Spelled};
use crate::rules::{Exists, Parameter, Predicate, Term};
use crate::value::Type;

/// A row at hand.
pub(super) struct Frame {
    pub(super) table: TableId,
    /// Where its relations are named.
    pub(super) face: Option<FaceId>,
    /// What it is called; nothing for rows behind a path.
    pub(super) names: Vec<String>,
    /// Rows of one FROM; 0 for rows that have no name.
    pub(super) group: u32,
}

/// A relation to many that the condition at hand has opened: from which frame, along which relations, to which frame.
pub(super) struct Binding {
    from: usize,
    along: Vec<RelationId>,
    to: usize,
}

/// A path with its names resolved.
struct Resolved {
    frame: usize,
    along: Vec<(FaceId, RelationId)>,
    column: ColumnId,
}

impl Compiler<'_> {
    /// A condition, in which every relation to many is opened once: any related row must satisfy it as a whole.
    pub(super) fn atom(
        &mut self,
        parts: &[&Expression],
        make: impl FnOnce(&mut Self) -> Result<Predicate, Problem>,
    ) -> Result<Predicate, Problem> {
        let frames = self.frames.len();
        let bound = self.bound.len();
        let mut paths = Vec::new();
        for part in parts {
            collect_paths(part, &mut paths);
        }
        let mut opened = Vec::new();
        for path in paths {
            self.open(path, &mut opened)?;
        }
        let inner = make(self)?;
        self.frames.truncate(frames);
        self.bound.truncate(bound);
        Ok(nest(opened, inner))
    }

    fn open(&mut self, path: &Path, opened: &mut Vec<(TableId, Predicate)>) -> Result<(), Problem> {
        let resolved = self.resolve(path)?;
        let Some(last) = resolved.along.iter().rposition(|step| self.relation(*step).many) else {
            return Ok(());
        };
        let mut frame = resolved.frame;
        for length in 1..=last + 1 {
            let along: Vec<RelationId> = resolved.along[..length].iter().map(|step| step.1).collect();
            let known = self
                .bound
                .iter()
                .find(|binding| binding.from == resolved.frame && binding.along == along);
            if let Some(binding) = known {
                frame = binding.to;
                continue;
            }
            opened.extend(self.follow(frame, resolved.along[length - 1]));
            frame = self.frames.len() - 1;
            self.bound.push(Binding {
                from: resolved.frame,
                along,
                to: frame,
            });
        }
        Ok(())
    }

    fn relation(&self, (face, relation): (FaceId, RelationId)) -> &crate::catalog::Relation {
        &self.catalog.face(face).relations[relation.0 as usize]
    }

    /// Pushes the frames behind a relation, and gives the condition of each.
    fn follow(&mut self, from: usize, step: (FaceId, RelationId)) -> Vec<(TableId, Predicate)> {
        let relation = self.relation(step);
        let (target, join) = (relation.target, relation.join.clone());
        let table = self.catalog.face(target).table;
        match join {
            Join::Direct { columns, references } => {
                self.push(table, Some(target));
                let condition = self.join(from, &columns, &references);
                vec![(table, condition)]
            }
            Join::Through {
                face,
                columns,
                near,
                far,
                references,
            } => {
                let through = self.catalog.face(face).table;
                self.push(through, Some(face));
                let first = self.join(from, &columns, &near);
                let middle = self.frames.len() - 1;
                self.push(table, Some(target));
                let second = self.join(middle, &far, &references);
                vec![(through, first), (table, second)]
            }
        }
    }

    fn push(&mut self, table: TableId, face: Option<FaceId>) {
        self.reads.insert(table);
        self.frames.push(Frame {
            table,
            face,
            names: Vec::new(),
            group: 0,
        });
    }

    /// The innermost row's `inner` columns equal the `outer` columns of a frame.
    fn join(&self, frame: usize, outer: &[ColumnId], inner: &[ColumnId]) -> Predicate {
        let innermost = self.frames.len() - 1;
        let equal = outer.iter().zip(inner).map(|(outer, inner)| Predicate::Compare {
            left: self.column(innermost, *inner),
            comparison: Comparison::Equal,
            right: self.column(frame, *outer),
        });
        let scope = u16::try_from(innermost - frame).unwrap_or(u16::MAX);
        let around = (self.frames[frame].table, outer, scope);
        Predicate::all(equal.chain(own_rows(self.catalog, around, (self.frames[innermost].table, inner, 0))))
    }

    fn column(&self, frame: usize, column: ColumnId) -> Term {
        Term::Column {
            scope: u16::try_from(self.frames.len() - 1 - frame).unwrap_or(u16::MAX),
            table: self.frames[frame].table,
            column,
        }
    }

    /// The value at the end of a path.
    pub(super) fn path(&mut self, path: &Path) -> Result<Term, Problem> {
        let resolved = self.resolve(path)?;
        if path.root == Root::Request {
            let table = self.frames[resolved.frame].table;
            let own = &self.catalog.table(table).column(resolved.column).data_type;
            let (data_type, list) = super::super::predicate::parameter_type(own);
            let source = Parameter::Sent(resolved.column);
            return Ok(Term::Parameter {
                source,
                data_type,
                list,
            });
        }
        let mut frame = resolved.frame;
        let mut rest = 0;
        for length in (1..=resolved.along.len()).rev() {
            let along = &resolved.along[..length];
            let known = self.bound.iter().find(|binding| {
                binding.from == resolved.frame
                    && binding.along.len() == length
                    && binding.along.iter().zip(along).all(|(one, (_, other))| one == other)
            });
            if let Some(binding) = known {
                frame = binding.to;
                rest = length;
                break;
            }
        }
        if let Some(step) = resolved.along[rest..].iter().find(|step| self.relation(**step).many) {
            let name = self.relation(*step).name.clone();
            return Err(Problem::new(
                path.steps.first().map_or(super::Position::START, |step| step.at),
                format!("{:?} leads to many rows, which cannot stand here", name.as_str()),
            ));
        }
        let frames = self.frames.len();
        let mut levels = Vec::new();
        for step in &resolved.along[rest..] {
            levels.extend(self.follow(frame, *step));
            frame = self.frames.len() - 1;
        }
        let value = self.column(frame, resolved.column);
        self.frames.truncate(frames);
        Ok(levels
            .into_iter()
            .rev()
            .fold(value, |value, (table, condition)| Term::Scalar {
                table,
                predicate: Box::new(condition),
                value: Box::new(value),
            }))
    }

    fn resolve(&self, path: &Path) -> Result<Resolved, Problem> {
        match path.root {
            Root::Row => self.resolve_from(0, &path.steps),
            Root::Request | Root::New => {
                let at = path.steps.first().map_or(super::Position::START, |step| step.at);
                let (word, where_allowed) = match path.root {
                    Root::New => ("new", "create and update rules"),
                    _ => ("_REQ_", "create and update rules"),
                };
                if !matches!(self.purpose, Purpose::Create | Purpose::Update) {
                    return Err(Problem::new(
                        at,
                        format!(
                            "{word} holds values that were sent and stands only in {where_allowed}; here the row is _ROW_"
                        ),
                    ));
                }
                if path.steps.len() != 1 {
                    return Err(Problem::new(at, format!("{word} has columns only: {word}.column")));
                }
                self.resolve_from(0, &path.steps)
            }
            Root::Nearest => self.resolve_nearest(&path.steps),
        }
    }

    fn visible(&self) -> &[Frame] {
        &self.frames[..self.hidden_from.unwrap_or(self.frames.len()).min(self.frames.len())]
    }

    fn resolve_nearest(&self, steps: &[Spelled]) -> Result<Resolved, Problem> {
        let [first, rest @ ..] = steps else {
            return Err(Problem::new(super::Position::START, "a name should stand here"));
        };
        let frames = self.visible();
        if rest.is_empty() {
            let mut found: Option<(usize, ColumnId)> = None;
            for (index, frame) in frames.iter().enumerate().rev().filter(|(_, frame)| frame.group != 0) {
                if found.is_some_and(|(other, _)| frames[other].group != frame.group) {
                    break;
                }
                if let Some(column) = self.find_column(frame.table, first) {
                    if found.is_some() {
                        return Err(Problem::new(
                            first.at,
                            format!(
                                "{:?} is a column of several tables here; write table.{}",
                                first.text, first.text
                            ),
                        ));
                    }
                    found = Some((index, column));
                }
            }
            return match found {
                Some((frame, column)) => Ok(Resolved {
                    frame,
                    along: Vec::new(),
                    column,
                }),
                None => {
                    let innermost = frames.iter().rposition(|frame| frame.group != 0).unwrap_or(0);
                    Err(self.unknown_column(innermost, first))
                }
            };
        }
        let named = frames.iter().rposition(|frame| {
            frame
                .names
                .iter()
                .any(|name| *name == first.text || (!first.quoted && name.eq_ignore_ascii_case(&first.text)))
        });
        if let Some(frame) = named {
            return self.resolve_from(frame, rest);
        }
        let related = frames
            .iter()
            .rposition(|frame| frame.group != 0 && self.find_relation(frame.face, first).is_some());
        match related {
            Some(frame) => self.resolve_from(frame, steps),
            None => {
                let relations = frames.iter().filter_map(|frame| frame.face).flat_map(|face| {
                    self.catalog
                        .face(face)
                        .relations
                        .iter()
                        .map(|relation| relation.name.as_str())
                });
                let names = frames.iter().flat_map(|frame| frame.names.iter().map(String::as_str));
                let candidates = ["_ROW_", "_USER_", "_REQ_"].into_iter().chain(names).chain(relations);
                Err(Problem::new(
                    first.at,
                    format!(
                        "{:?} is neither a table here nor a relation{}",
                        first.text,
                        suggestion(&first.text, candidates)
                    ),
                ))
            }
        }
    }

    /// Relations, then a column, from the row of a frame.
    fn resolve_from(&self, frame: usize, steps: &[Spelled]) -> Result<Resolved, Problem> {
        let Some((last, relations)) = steps.split_last() else {
            return Err(Problem::new(super::Position::START, "a column should follow"));
        };
        let mut face = self.frames[frame].face;
        let mut table = self.frames[frame].table;
        let mut along = Vec::with_capacity(relations.len());
        for step in relations {
            let Some((id, relation)) = self.find_relation(face, step) else {
                return Err(self.unknown_relation(face, table, step));
            };
            // `find_relation` answers only where there is a face.
            if let Some(face) = face {
                along.push((face, id));
            }
            face = Some(relation.target);
            table = self.catalog.face(relation.target).table;
        }
        match self.find_column(table, last) {
            Some(column) => Ok(Resolved { frame, along, column }),
            None => Err(self.unknown_column_of(table, face, last)),
        }
    }

    fn find_relation(&self, face: Option<FaceId>, name: &Spelled) -> Option<(RelationId, &crate::catalog::Relation)> {
        let face = self.catalog.face(face?);
        if let Some(found) = face.relation_named(&name.text) {
            return Some(found);
        }
        if name.quoted {
            return None;
        }
        let mut found = face
            .relations
            .iter()
            .filter(|relation| relation.name.as_str().eq_ignore_ascii_case(&name.text));
        match (found.next(), found.next()) {
            (Some(only), None) => face.relation_named(only.name.as_str()),
            _ => None,
        }
    }

    /// The column of a name as the database has it; without quotes its case does not matter where it is the only one.
    pub(super) fn find_column(&self, table: TableId, name: &Spelled) -> Option<ColumnId> {
        let table = self.catalog.table(table);
        if let Some(column) = table.column_named(&name.text) {
            return Some(column);
        }
        if name.quoted {
            return None;
        }
        let mut found = table
            .column_ids()
            .filter(|id| table.column(*id).name.as_str().eq_ignore_ascii_case(&name.text));
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            (None, _) if name.text.eq_ignore_ascii_case("rowid") => match table.primary_key.as_slice() {
                [only] if matches!(table.column(*only).data_type, Type::Integer(_)) => Some(*only),
                _ => None,
            },
            _ => None,
        }
    }

    fn unknown_relation(&self, face: Option<FaceId>, table: TableId, step: &Spelled) -> Problem {
        let of = self.catalog.table(table).name.as_str();
        let names = face.into_iter().flat_map(|face| {
            self.catalog
                .face(face)
                .relations
                .iter()
                .map(|relation| relation.name.as_str())
        });
        Problem::new(
            step.at,
            format!(
                "unknown relation {:?} of {of:?}{}",
                step.text,
                suggestion(&step.text, names)
            ),
        )
    }

    fn unknown_column(&self, frame: usize, name: &Spelled) -> Problem {
        self.unknown_column_of(self.frames[frame].table, self.frames[frame].face, name)
    }

    fn unknown_column_of(&self, table: TableId, face: Option<FaceId>, name: &Spelled) -> Problem {
        let physical = self.catalog.table(table);
        let of = physical.name.as_str();
        let exposed = face.and_then(|face| self.catalog.face(face).column_named(&name.text));
        let hint = match exposed {
            Some(column) => format!(
                "; rules use the database's own names, so write {:?}",
                physical.column(column).name.as_str()
            ),
            None => suggestion(
                &name.text,
                physical
                    .columns
                    .iter()
                    .map(|column| column.name.as_str())
                    .chain(["_USER_", "_ROW_"]),
            ),
        };
        Problem::new(name.at, format!("unknown column {:?} of {of:?}{hint}", name.text))
    }
}

/// `, did you mean …?`, where something is near.
pub(in crate::rules) fn suggestion<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, candidates).map_or_else(String::new, |near| format!(", did you mean {near:?}?"))
}

/// EXISTS within EXISTS, the first outermost.
pub(super) fn nest(levels: Vec<(TableId, Predicate)>, inner: Predicate) -> Predicate {
    levels.into_iter().rev().fold(inner, |inner, (table, condition)| {
        Predicate::Exists(Box::new(Exists {
            table,
            predicate: super::conjunction([condition, inner]),
        }))
    })
}

/// Paths that are values of this very condition, not of conditions within it.
fn collect_paths<'e>(expression: &'e Expression, paths: &mut Vec<&'e Path>) {
    match &expression.kind {
        Kind::Path(path) => paths.push(path),
        Kind::Case(branches, otherwise) => {
            for (_, value) in branches {
                collect_paths(value, paths);
            }
            if let Some(otherwise) = otherwise {
                collect_paths(otherwise, paths);
            }
        }
        Kind::Call(..) | Kind::Operator(..) | Kind::Negate(_) | Kind::Json(..) | Kind::Cast(..) | Kind::List(_) => {
            expression.kind.each_child(&mut |child| collect_paths(child, paths));
        }
        _ => {}
    }
}
