//! Input types: which fields they have, and what each stands for.

use super::{Key, Part, Ref, Related, Scalar, ScalarKind, Setting, Statistic, Types};
use crate::catalog::{ColumnId, DatabaseKind, FaceId, RelationId};
use crate::graphql::names::Member;
use crate::request::Comparison;
use crate::value::Type;

/// A field of an input type, or an argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub ty: Ref,
    /// What it stands for.
    pub stands: Slotted,
    /// A description.
    pub description: Option<&'a str>,
}

/// What an input field stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slotted {
    And,
    Or,
    Not,
    Column(ColumnId),
    Relation(RelationId),
    RelationAggregate(RelationId),
    /// A comparison.
    Operator(Operator),
    /// `count`
    Count,
    /// An object of columns under an aggregate function.
    Function(Statistic),
    /// The key columns of a group.
    GroupKey,
    /// New values of columns.
    Setting(Setting),
    /// What happens to related rows.
    Related(Related),
    /// Known by its name alone.
    Other,
}

/// What a comparison does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// Null or not.
    IsNull,
    /// Compares.
    Compare(Comparison),
    /// At most so far from a geometry.
    Near,
}

const EVERY: [(&str, Comparison); 2] = [("_eq", Comparison::Equal), ("_neq", Comparison::NotEqual)];
const ORDERED: [(&str, Comparison); 4] = [
    ("_gt", Comparison::Greater),
    ("_gte", Comparison::GreaterOrEqual),
    ("_lt", Comparison::Less),
    ("_lte", Comparison::LessOrEqual),
];
const LISTS: [(&str, Comparison); 2] = [("_in", Comparison::In), ("_nin", Comparison::NotIn)];
const TEXT: [(&str, Comparison); 10] = [
    ("_ilike", Comparison::ILike),
    ("_iregex", Comparison::IRegex),
    ("_like", Comparison::Like),
    ("_nilike", Comparison::NotILike),
    ("_niregex", Comparison::NotIRegex),
    ("_nlike", Comparison::NotLike),
    ("_nregex", Comparison::NotRegex),
    ("_nsimilar", Comparison::NotSimilar),
    ("_regex", Comparison::Regex),
    ("_similar", Comparison::Similar),
];

impl<'a> Types<'a> {
    /// One field of an input type.
    pub(crate) fn input(&self, key: Key, name: &str) -> Option<Input<'a>> {
        match key {
            Key::Face(face, part @ (Part::BoolExp | Part::OrderBy)) if !matches!(name, "_and" | "_or" | "_not") => {
                self.member_input(face, part, self.names.member(face, name)?)
            }
            _ => self.inputs(key).into_iter().find(|input| input.name == name),
        }
    }

    /// All fields of an input type.
    pub(crate) fn inputs(&self, key: Key) -> Vec<Input<'a>> {
        match key {
            Key::Comparison(id) => self.comparisons(Key::Scalar(id), Some(self.scalar(id)), false),
            Key::ArrayComparison(id) => self.comparisons(Key::Scalar(id), Some(self.scalar(id)), true),
            Key::EnumComparison(id) => self.comparisons(Key::Enum(id), None, false),
            Key::EnumArrayComparison(id) => self.comparisons(Key::Enum(id), None, true),
            Key::Near => {
                let input = |name, data_type: &Type| Input {
                    name,
                    ty: Key::Scalar(self.names.scalar_of(data_type)).required(),
                    stands: Slotted::Other,
                    description: None,
                };
                vec![input("distance", &Type::Float(64)), input("from", &Type::Geometry)]
            }
            Key::FunctionArguments(id) => {
                let Some(exposed) = self.catalog.functions.get(id.0 as usize) else {
                    return Vec::new();
                };
                self.function_inputs(exposed.function, exposed.session_argument.as_deref(), None)
            }
            Key::Face(face, part) => self.face_inputs(face, part),
            _ => Vec::new(),
        }
    }

    fn face_inputs(&self, face: FaceId, part: Part) -> Vec<Input<'a>> {
        let word = |snake| self.names.words.field(snake);
        let of = |part: Part| Key::Face(face, part);
        let input = |name: &'a str, ty: Ref, stands: Slotted| Input {
            name,
            ty,
            stands,
            description: None,
        };
        let int = self.names.scalar_of(&Type::Integer(32));
        let functions = |part: fn(Statistic) -> Part| {
            self.statistics(face).map(move |statistic| {
                input(
                    word(statistic.word()),
                    of(part(statistic)).plain(),
                    Slotted::Function(statistic),
                )
            })
        };
        match part {
            Part::BoolExp | Part::OrderBy => {
                let mut inputs = Vec::new();
                if part == Part::BoolExp {
                    inputs.push(input("_and", of(part).list(), Slotted::And));
                    inputs.push(input("_not", of(part).plain(), Slotted::Not));
                    inputs.push(input("_or", of(part).list(), Slotted::Or));
                }
                let columns = self.columns(face).map(Member::Column);
                let relations = (0u16..).zip(&self.face(face).relations).flat_map(|(id, _)| {
                    [
                        Member::Relation(RelationId(id)),
                        Member::RelationAggregate(RelationId(id)),
                    ]
                });
                inputs.extend(
                    columns
                        .chain(relations)
                        .filter_map(|member| self.member_input(face, part, member)),
                );
                inputs
            }
            Part::AggregateBoolExp => {
                vec![input("count", of(Part::AggregateBoolExpCount).plain(), Slotted::Count)]
            }
            Part::AggregateBoolExpCount => {
                let boolean = Key::Scalar(self.names.scalar_of(&Type::Boolean));
                let mut inputs = Vec::new();
                if self.columns(face).next().is_some() {
                    inputs.push(input("arguments", of(Part::SelectColumn).list(), Slotted::Other));
                }
                inputs.push(input("distinct", boolean.plain(), Slotted::Other));
                inputs.push(input("filter", of(Part::BoolExp).plain(), Slotted::Other));
                inputs.push(input("predicate", Key::Comparison(int).required(), Slotted::Other));
                inputs
            }
            Part::AggregateOrderBy => {
                let mut inputs = vec![input("count", Key::Direction.plain(), Slotted::Count)];
                inputs.extend(functions(Part::FunctionOrderBy));
                inputs
            }
            Part::GroupOrderBy => {
                let mut inputs = vec![input("count", Key::Direction.plain(), Slotted::Count)];
                inputs.extend(functions(Part::FunctionOrderBy));
                if self.columns(face).next().is_some() {
                    inputs.push(input("key", of(Part::GroupKeyOrderBy).plain(), Slotted::GroupKey));
                }
                inputs
            }
            Part::GroupBoolExp => {
                let mut inputs = vec![
                    input("_and", of(part).list(), Slotted::And),
                    input("_not", of(part).plain(), Slotted::Not),
                    input("_or", of(part).list(), Slotted::Or),
                    input("count", Key::Comparison(int).plain(), Slotted::Count),
                ];
                inputs.extend(functions(Part::FunctionBoolExp));
                inputs
            }
            Part::FunctionOrderBy(statistic) => self
                .columns(face)
                .filter(|column| statistic.takes(self.data_type(face, *column)))
                .map(|column| {
                    input(
                        self.names.column(face, column),
                        Key::Direction.plain(),
                        Slotted::Column(column),
                    )
                })
                .collect(),
            Part::GroupKeyOrderBy => self
                .columns(face)
                .map(|column| {
                    input(
                        self.names.column(face, column),
                        Key::Direction.plain(),
                        Slotted::Column(column),
                    )
                })
                .collect(),
            Part::FunctionBoolExp(statistic) => self
                .columns(face)
                .filter(|column| statistic.takes(self.data_type(face, *column)))
                .map(|column| {
                    let float = Type::Float(64);
                    let own = self.data_type(face, column);
                    let data_type = if statistic.keeps_type() { own } else { &float };
                    let comparison = self.comparison_of(data_type);
                    input(
                        self.names.column(face, column),
                        comparison.plain(),
                        Slotted::Column(column),
                    )
                })
                .collect(),
            Part::ComputedArguments(id) => {
                let Some(computed) = self.face(face).computed.get(id as usize) else {
                    return Vec::new();
                };
                self.function_inputs(
                    computed.function,
                    computed.session_argument.as_deref(),
                    Some(&computed.table_argument),
                )
            }
            part => self.written_inputs(face, part),
        }
    }

    /// The comparison type of a logical type.
    pub(crate) fn comparison_of(&self, data_type: &Type) -> Key {
        match (self.scalar_of(data_type), matches!(data_type, Type::Array(_))) {
            ((Key::Enum(id), _), false) => Key::EnumComparison(id),
            ((Key::Enum(id), _), true) => Key::EnumArrayComparison(id),
            ((Key::Scalar(id), _), false) => Key::Comparison(id),
            ((Key::Scalar(id), _), true) => Key::ArrayComparison(id),
            ((other, _), _) => other,
        }
    }

    fn member_input(&self, face: FaceId, part: Part, member: Member) -> Option<Input<'a>> {
        let filters = part == Part::BoolExp;
        let (name, ty, stands) = match member {
            Member::Column(column) => {
                self.knows(face, column).then_some(())?;
                let data_type = self.data_type(face, column);
                let key = if filters {
                    self.comparison_of(data_type)
                } else {
                    Key::Direction
                };
                (self.names.column(face, column), key, Slotted::Column(column))
            }
            Member::Relation(id) => {
                let relation = self.relation(face, id)?;
                (filters || !relation.many).then_some(())?;
                (
                    self.names.relation(face, id),
                    Key::Face(relation.target, part),
                    Slotted::Relation(id),
                )
            }
            Member::RelationAggregate(id) => {
                let relation = self.relation(face, id)?;
                (relation.many && self.aggregates(relation.target)).then_some(())?;
                let part = if filters {
                    Part::AggregateBoolExp
                } else {
                    Part::AggregateOrderBy
                };
                let name = self.names.relation_aggregate(face, id);
                (name, Key::Face(relation.target, part), Slotted::RelationAggregate(id))
            }
            Member::Computed(_) => return None,
        };
        Some(Input {
            name,
            ty: ty.plain(),
            stands,
            description: None,
        })
    }

    fn function_inputs(&self, function: usize, session: Option<&str>, row: Option<&str>) -> Vec<Input<'a>> {
        let Some(function) = self.catalog.database.functions.get(function) else {
            return Vec::new();
        };
        function
            .arguments
            .iter()
            .filter(|argument| argument.row_of.is_none())
            .filter(|argument| session != Some(argument.name.as_str()) && row != Some(argument.name.as_str()))
            .filter(|argument| super::super::words::valid(&argument.name) == argument.name)
            .map(|argument| Input {
                name: &argument.name,
                ty: self.column_type(&argument.data_type, argument.has_default),
                stands: Slotted::Other,
                description: None,
            })
            .collect()
    }

    fn comparisons(&self, value: Key, scalar: Option<&Scalar>, array: bool) -> Vec<Input<'a>> {
        let kind = scalar.map(|scalar| scalar.kind).filter(|_| !array);
        // PostgreSQL has types without `=`, and types without `<`.
        let source = scalar
            .and_then(|scalar| scalar.source.clone())
            .filter(|_| self.catalog.database.kind == DatabaseKind::Postgres)
            .map(Type::Other);
        let json_list = array && scalar.is_some_and(|scalar| scalar.name == "json");
        let equal = !json_list && source.as_ref().is_none_or(Type::has_equality);
        let ordered = !json_list && source.as_ref().is_none_or(Type::has_order);
        let word = |snake| self.names.words.field(snake);
        let own = if array { value.array() } else { value.plain() };
        let mut inputs = Vec::with_capacity(20);
        let mut add = |name: &'static str, comparison: Comparison, ty: Ref| {
            inputs.push(Input {
                name: word(name),
                ty,
                stands: Slotted::Operator(Operator::Compare(comparison)),
                description: None,
            });
        };
        let json = kind == Some(ScalarKind::Json);
        let shape = kind == Some(ScalarKind::Geometry);
        if equal && !shape {
            for (name, comparison) in EVERY {
                add(name, comparison, own);
            }
        }
        if ordered && !json && !shape {
            for (name, comparison) in ORDERED {
                add(name, comparison, own);
            }
        }
        if equal && !array && !shape {
            for (name, comparison) in LISTS {
                add(name, comparison, value.list());
            }
        }
        if kind == Some(ScalarKind::Text) {
            for (name, comparison) in TEXT {
                add(name, comparison, own);
            }
        }
        let pairs = kind == Some(ScalarKind::Pairs);
        if json || array && equal || pairs {
            add("_contained_in", Comparison::ContainedIn, own);
            add("_contains", Comparison::Contains, own);
        }
        let string = Key::Scalar(self.names.scalar_of(&Type::TEXT));
        if kind == Some(ScalarKind::Path) {
            for (one, comparison, any, comparison_any) in [
                (
                    "_ancestor",
                    Comparison::Ancestor,
                    "_ancestor_any",
                    Comparison::AncestorAny,
                ),
                (
                    "_descendant",
                    Comparison::Descendant,
                    "_descendant_any",
                    Comparison::DescendantAny,
                ),
            ] {
                add(one, comparison, own);
                add(any, comparison_any, value.list());
            }
            add("_matches", Comparison::Matches, string.plain());
            add("_matches_any", Comparison::MatchesAny, string.list());
            add("_matches_fulltext", Comparison::MatchesWords, string.plain());
        }
        if json || pairs {
            add("_has_key", Comparison::HasKey, string.plain());
            add("_has_keys_all", Comparison::HasKeysAll, string.list());
            add("_has_keys_any", Comparison::HasKeysAny, string.list());
        }
        if shape {
            add("_st_contains", Comparison::Covers, own);
            add("_st_crosses", Comparison::Crosses, own);
            add("_st_equals", Comparison::Congruent, own);
            add("_st_intersects", Comparison::Intersects, own);
            add("_st_overlaps", Comparison::Overlaps, own);
            add("_st_touches", Comparison::Touches, own);
            add("_st_within", Comparison::Within, own);
            inputs.push(Input {
                name: word("_st_d_within"),
                ty: Key::Near.plain(),
                stands: Slotted::Operator(Operator::Near),
                description: None,
            });
        }
        inputs.push(Input {
            name: word("_is_null"),
            ty: Key::Scalar(self.names.scalar_of(&Type::Boolean)).plain(),
            stands: Slotted::Operator(Operator::IsNull),
            description: None,
        });
        inputs
    }
}
