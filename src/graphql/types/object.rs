//! Output types: which fields they have, and what each stands for.

use super::{Input, Key, Part, Ref, Root, RootKind, Slotted, Statistic, Types};
use crate::catalog::{ColumnId, FaceId, FunctionId, FunctionResult, RelationId};
use crate::graphql::names::Member;
use crate::request::PageInfoField;
use crate::value::Type;

/// A field of an output type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub ty: Ref,
    /// What it stands for.
    pub meaning: Meaning,
    /// The database's comment.
    pub description: Option<&'a str>,
}

/// What a field stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Root(Root),
    /// `affected_rows`
    AffectedRows,
    /// `returning { … }`
    Returning(FaceId),
    /// The role sees nothing; a query type needs a field.
    Nothing,
    Column(FaceId, ColumnId),
    Relation(FaceId, RelationId),
    RelationAggregate(FaceId, RelationId),
    Computed(FaceId, u16),
    /// `aggregate { … }`
    Aggregate(FaceId),
    /// `nodes { … }`
    Nodes(FaceId),
    /// `count`
    Count(FaceId),
    /// `sum { … }` and the like.
    Function(FaceId, Statistic),
    /// A column under a function or a group's key.
    Plain(FaceId, ColumnId),
    /// `key { … }`
    GroupKey(FaceId),
    Edges(FaceId),
    Node(FaceId),
    Cursor,
    PageInfo,
    Total,
    Info(PageInfoField),
}

impl<'a> Types<'a> {
    /// One field of an output type.
    pub(crate) fn field(&self, key: Key, name: &str) -> Option<Field<'a>> {
        match key {
            Key::Query => {
                let root = self.names.root(name);
                match root {
                    Some(root) => self.root_field(root),
                    None => self
                        .fields(key)
                        .into_iter()
                        .find(|field| field.name == name && field.meaning == Meaning::Nothing),
                }
            }
            Key::Mutation => self.written_field(self.names.mutation(name)?),
            Key::Face(face, Part::Row) => self.member_field(face, self.names.member(face, name)?),
            Key::Face(face, part @ (Part::Function(_) | Part::GroupKey)) => {
                let Member::Column(column) = self.names.member(face, name)? else {
                    return None;
                };
                self.plain_field(face, part, column)
            }
            _ => self.fields(key).into_iter().find(|field| field.name == name),
        }
    }

    /// All fields of an output type.
    pub(crate) fn fields(&self, key: Key) -> Vec<Field<'a>> {
        let word = |snake| self.names.words.field(snake);
        let simple = |name: &'a str, ty: Ref, meaning: Meaning| Field {
            name,
            ty,
            meaning,
            description: None,
        };
        let string = Key::Scalar(self.names.scalar_of(&Type::TEXT));
        let int = Key::Scalar(self.names.scalar_of(&Type::Integer(32)));
        let boolean = Key::Scalar(self.names.scalar_of(&Type::Boolean));
        match key {
            Key::Query => self.root_fields(),
            Key::Mutation => self.written_fields(),
            Key::Face(face, Part::MutationResponse) => {
                let mut fields = vec![Field {
                    description: Some("How many rows were written, those around them included."),
                    ..simple(word("affected_rows"), int.required(), Meaning::AffectedRows)
                }];
                if self.shows(face) {
                    let rows = Key::Face(face, Part::Row).required_list();
                    fields.push(Field {
                        description: Some(
                            "The rows, as they are after all that the root writes; deleted ones as they were.",
                        ),
                        ..simple("returning", rows, Meaning::Returning(face))
                    });
                }
                fields
            }
            Key::Face(face, Part::Row) => {
                let columns = self.columns(face).map(Member::Column);
                let relations = (0u16..).zip(&self.face(face).relations).flat_map(|(id, _)| {
                    [
                        Member::Relation(RelationId(id)),
                        Member::RelationAggregate(RelationId(id)),
                    ]
                });
                let computed = (0u16..)
                    .zip(&self.face(face).computed)
                    .map(|(id, _)| Member::Computed(id));
                columns
                    .chain(relations)
                    .chain(computed)
                    .filter_map(|member| self.member_field(face, member))
                    .collect()
            }
            Key::Face(face, part @ (Part::Function(_) | Part::GroupKey)) => self
                .columns(face)
                .filter_map(|column| self.plain_field(face, part, column))
                .collect(),
            Key::Face(face, Part::Aggregate) => vec![
                simple(
                    "aggregate",
                    Key::Face(face, Part::AggregateFields).plain(),
                    Meaning::Aggregate(face),
                ),
                simple(
                    "nodes",
                    Key::Face(face, Part::Row).required_list(),
                    Meaning::Nodes(face),
                ),
            ],
            Key::Face(face, Part::AggregateFields) => {
                let mut fields = vec![simple("count", int.required(), Meaning::Count(face))];
                fields.extend(self.statistics(face).map(|statistic| {
                    let ty = Key::Face(face, Part::Function(statistic)).plain();
                    simple(word(statistic.word()), ty, Meaning::Function(face, statistic))
                }));
                fields
            }
            Key::Face(face, Part::Group) => {
                let mut fields = Vec::new();
                if self.columns(face).next().is_some() {
                    fields.push(simple(
                        "key",
                        Key::Face(face, Part::GroupKey).required(),
                        Meaning::GroupKey(face),
                    ));
                }
                fields.push(simple(
                    "aggregate",
                    Key::Face(face, Part::AggregateFields).required(),
                    Meaning::Aggregate(face),
                ));
                fields
            }
            Key::Face(face, Part::Connection) => vec![
                simple(
                    "edges",
                    Key::Face(face, Part::Edge).required_list(),
                    Meaning::Edges(face),
                ),
                simple(
                    "nodes",
                    Key::Face(face, Part::Row).required_list(),
                    Meaning::Nodes(face),
                ),
                simple("pageInfo", Key::PageInfo.required(), Meaning::PageInfo),
                simple(word("total_count"), int.required(), Meaning::Total),
            ],
            Key::Face(face, Part::Edge) => vec![
                simple("cursor", string.required(), Meaning::Cursor),
                simple("node", Key::Face(face, Part::Row).required(), Meaning::Node(face)),
            ],
            Key::PageInfo => vec![
                simple("hasNextPage", boolean.required(), Meaning::Info(PageInfoField::HasNext)),
                simple(
                    "hasPreviousPage",
                    boolean.required(),
                    Meaning::Info(PageInfoField::HasPrevious),
                ),
                simple("startCursor", string.plain(), Meaning::Info(PageInfoField::Start)),
                simple("endCursor", string.plain(), Meaning::Info(PageInfoField::End)),
            ],
            _ => Vec::new(),
        }
    }

    /// The aggregate functions that some visible column of a face can take.
    pub(crate) fn statistics(&self, face: FaceId) -> impl Iterator<Item = Statistic> + use<'a> {
        let types = *self;
        Statistic::ALL.into_iter().filter(move |statistic| {
            types
                .columns(face)
                .any(|column| statistic.takes(types.data_type(face, column)))
        })
    }

    fn root_fields(&self) -> Vec<Field<'a>> {
        let mut fields: Vec<Field<'a>> = self
            .catalog
            .faces
            .iter()
            .flat_map(|face| RootKind::ALL.map(|kind| Root::Face(face.id, kind)))
            .chain(
                self.view
                    .functions
                    .iter()
                    .flat_map(|id| [Root::Function(*id), Root::FunctionAggregate(*id)]),
            )
            .filter_map(|root| self.root_field(root))
            .collect();
        if fields.is_empty() {
            fields.push(Field {
                name: "no_queries_available",
                ty: Key::Scalar(self.names.scalar_of(&Type::TEXT)).plain(),
                meaning: Meaning::Nothing,
                description: Some("There are no queries available to the current role."),
            });
        }
        fields
    }

    fn root_field(&self, root: Root) -> Option<Field<'a>> {
        let (ty, description) = match root {
            Root::Face(id, kind) => {
                let read = self.read(id)?;
                let face = self.face(id);
                let ty = match kind {
                    RootKind::Select => Key::Face(id, Part::Row).required_list(),
                    RootKind::ByKey => {
                        let whole =
                            !face.key.is_empty() && face.key.iter().all(|column| self.view.can_read(id, *column));
                        whole.then(|| Key::Face(id, Part::Row).plain())?
                    }
                    RootKind::Aggregate => read.aggregate.then(|| Key::Face(id, Part::Aggregate).required())?,
                    RootKind::Group => (read.aggregate && self.columns(id).next().is_some())
                        .then(|| Key::Face(id, Part::Group).required_list())?,
                    RootKind::Connection => {
                        (!face.key.is_empty()).then(|| Key::Face(id, Part::Connection).required())?
                    }
                    _ => return None,
                };
                (ty, self.catalog.table_of(id).comment.as_deref())
            }
            Root::Function(id) | Root::FunctionAggregate(id) => {
                let writes = self.catalog.functions.get(id.0 as usize)?.writes(self.catalog);
                return if writes { None } else { self.function_field(root, id) };
            }
        };
        Some(Field {
            name: self.names.root_name(root),
            ty,
            meaning: Meaning::Root(root),
            description,
        })
    }

    /// The root of a function, whether or not it may write.
    pub(super) fn function_field(&self, root: Root, id: FunctionId) -> Option<Field<'a>> {
        let exposed = self.catalog.functions.get(id.0 as usize)?;
        let function = &self.catalog.database.functions[exposed.function];
        self.view.functions.contains(&id).then_some(())?;
        let field = |ty: Ref| Field {
            name: self.names.root_name(root),
            ty,
            meaning: Meaning::Root(root),
            description: function.comment.as_deref(),
        };
        let single = matches!(root, Root::Function(_));
        if let FunctionResult::Scalar { data_type, many, .. } = &function.result {
            let (key, list) = single.then(|| self.scalar_of(data_type))?;
            return Some(field(if list || *many { key.array() } else { key.plain() }));
        }
        let face = self.names.function_face(id)?;
        let read = self.read(face)?;
        let many = matches!(function.result, FunctionResult::Rows { many: true, .. });
        let row = Key::Face(face, Part::Row);
        Some(field(match root {
            Root::FunctionAggregate(_) => {
                (many && read.aggregate).then(|| Key::Face(face, Part::Aggregate).required())?
            }
            _ if many => row.required_list(),
            _ => row.plain(),
        }))
    }

    fn member_field(&self, face: FaceId, member: Member) -> Option<Field<'a>> {
        match member {
            Member::Column(column) => {
                if !self.knows(face, column) {
                    return None;
                }
                let physical = self.catalog.table_of(face).column(column);
                let partly = self
                    .view
                    .read(face)
                    .is_some_and(|read| matches!(read.cells[column.0 as usize], crate::rules::Cell::Where(_)));
                Some(Field {
                    name: self.names.column(face, column),
                    ty: self.column_type(self.data_type(face, column), physical.nullable || partly),
                    meaning: Meaning::Column(face, column),
                    description: physical.comment.as_deref(),
                })
            }
            Member::Relation(id) => {
                let relation = self.relation(face, id)?;
                let row = Key::Face(relation.target, Part::Row);
                Some(Field {
                    name: self.names.relation(face, id),
                    ty: if relation.many {
                        row.required_list()
                    } else {
                        row.plain()
                    },
                    meaning: Meaning::Relation(face, id),
                    description: None,
                })
            }
            Member::RelationAggregate(id) => {
                let relation = self.relation(face, id)?;
                (relation.many && self.aggregates(relation.target)).then(|| Field {
                    name: self.names.relation_aggregate(face, id),
                    ty: Key::Face(relation.target, Part::Aggregate).required(),
                    meaning: Meaning::RelationAggregate(face, id),
                    description: None,
                })
            }
            Member::Computed(id) => {
                let computed = self.face(face).computed.get(id as usize)?;
                self.view.read(face)?.computed.contains(&computed.name).then_some(())?;
                let function = self.catalog.database.functions.get(computed.function)?;
                let ty = match &function.result {
                    FunctionResult::Scalar { data_type, many, .. } => {
                        let (key, list) = self.scalar_of(data_type);
                        if list || *many { key.array() } else { key.plain() }
                    }
                    FunctionResult::Rows { table, many } => {
                        let row = Key::Face(self.returned_face(*table)?, Part::Row);
                        if *many { row.required_list() } else { row.plain() }
                    }
                };
                Some(Field {
                    name: self.names.computed(face, id),
                    ty,
                    meaning: Meaning::Computed(face, id),
                    description: function.comment.as_deref(),
                })
            }
        }
    }

    fn plain_field(&self, face: FaceId, part: Part, column: ColumnId) -> Option<Field<'a>> {
        if !self.view.can_read(face, column) {
            return None;
        }
        let data_type = self.data_type(face, column);
        let ty = match part {
            Part::Function(statistic) => {
                statistic.takes(data_type).then_some(())?;
                if statistic.keeps_type() {
                    self.column_type(data_type, true)
                } else {
                    Key::Scalar(self.names.scalar_of(&Type::Float(64))).plain()
                }
            }
            _ => self.column_type(data_type, true),
        };
        Some(Field {
            name: self.names.column(face, column),
            ty,
            meaning: Meaning::Plain(face, column),
            description: None,
        })
    }

    /// The arguments of a field.
    pub(crate) fn arguments(&self, meaning: Meaning) -> Vec<Input<'a>> {
        let word = |snake| self.names.words.field(snake);
        let scalar = |data_type: &Type| Key::Scalar(self.names.scalar_of(data_type));
        let int = scalar(&Type::Integer(32));
        let input = |name: &'a str, ty: Ref| Input {
            name,
            ty,
            stands: Slotted::Other,
            description: None,
        };
        let list = |face: FaceId| {
            let mut inputs = Vec::with_capacity(6);
            if self.columns(face).next().is_some() {
                inputs.push(input(word("distinct_on"), Key::Face(face, Part::SelectColumn).list()));
            }
            inputs.push(input("limit", int.plain()));
            inputs.push(input("offset", int.plain()));
            inputs.push(input(word("order_by"), Key::Face(face, Part::OrderBy).list()));
            inputs.push(input("where", Key::Face(face, Part::BoolExp).plain()));
            inputs
        };
        match meaning {
            Meaning::Root(Root::Face(face, kind)) => match kind {
                RootKind::Select | RootKind::Aggregate => list(face),
                RootKind::ByKey => self.key_inputs(face),
                RootKind::Group => vec![
                    input("by", Key::Face(face, Part::SelectColumn).required_list()),
                    input("having", Key::Face(face, Part::GroupBoolExp).plain()),
                    input("limit", int.plain()),
                    input(word("order_by"), Key::Face(face, Part::GroupOrderBy).list()),
                    input("where", Key::Face(face, Part::BoolExp).plain()),
                ],
                RootKind::Connection => {
                    let string = scalar(&Type::TEXT);
                    vec![
                        input("after", string.plain()),
                        input("before", string.plain()),
                        input("first", int.plain()),
                        input("last", int.plain()),
                        input(word("order_by"), Key::Face(face, Part::OrderBy).list()),
                        input("where", Key::Face(face, Part::BoolExp).plain()),
                    ]
                }
                kind => self.written_arguments(face, kind),
            },
            Meaning::Root(Root::Function(id) | Root::FunctionAggregate(id)) => {
                let exposed = &self.catalog.functions[id.0 as usize];
                let function = &self.catalog.database.functions[exposed.function];
                let many = matches!(function.result, FunctionResult::Rows { many: true, .. });
                let mut inputs = match self.names.function_face(id) {
                    Some(face) if many => list(face),
                    _ => Vec::new(),
                };
                let arguments = self.inputs(Key::FunctionArguments(id));
                if !arguments.is_empty() {
                    let key = Key::FunctionArguments(id);
                    let needed = arguments.iter().any(|argument| argument.ty.is_required());
                    inputs.insert(0, input("args", if needed { key.required() } else { key.plain() }));
                }
                inputs
            }
            Meaning::Relation(face, id) | Meaning::RelationAggregate(face, id) => match self.relation(face, id) {
                Some(relation) if relation.many => list(relation.target),
                _ => Vec::new(),
            },
            Meaning::Column(face, column) if self.data_type(face, column).is_json() => {
                vec![Input {
                    description: Some("JSON path"),
                    ..input("path", scalar(&Type::TEXT).plain())
                }]
            }
            Meaning::Count(face) => {
                let mut inputs = Vec::new();
                if self.columns(face).next().is_some() {
                    inputs.push(input("columns", Key::Face(face, Part::SelectColumn).list()));
                }
                inputs.push(input("distinct", scalar(&Type::Boolean).plain()));
                inputs
            }
            Meaning::Computed(face, id) => {
                let key = Key::Face(face, Part::ComputedArguments(id));
                let mut inputs = match self.computed_face(face, id) {
                    Some((target, true)) => list(target),
                    _ => Vec::new(),
                };
                let arguments = self.inputs(key);
                if !arguments.is_empty() {
                    let needed = arguments.iter().any(|argument| argument.ty.is_required());
                    inputs.insert(0, input("args", if needed { key.required() } else { key.plain() }));
                }
                inputs
            }
            _ => Vec::new(),
        }
    }
}
