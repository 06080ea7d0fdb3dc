//! The types of a schema by what they stand for, and how they are wrapped.

use super::mutation::Setting;
use crate::catalog::{FaceId, FunctionId};
use crate::request::AggregateFunction;
use crate::value::Type;

/// A type of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// `query_root`
    Query,
    /// `mutation_root`
    Mutation,
    /// A type that belongs to a face.
    Face(FaceId, Part),
    /// The arguments of a function.
    FunctionArguments(FunctionId),
    /// A scalar: an index into [`Names::scalars`].
    Scalar(u16),
    /// The comparisons of a scalar.
    Comparison(u16),
    /// The comparisons of arrays of a scalar.
    ArrayComparison(u16),
    /// An enum of the database.
    Enum(u32),
    /// The comparisons of an enum of the database.
    EnumComparison(u32),
    /// The comparisons of arrays of an enum.
    EnumArrayComparison(u32),
    /// A geometry and a distance from it.
    Near,
    /// `asc`, `desc` …
    Direction,
    /// Relay's `PageInfo`
    PageInfo,
}

/// A type that belongs to a face, by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    Row,
    BoolExp,
    OrderBy,
    SelectColumn,
    Aggregate,
    AggregateFields,
    Function(Statistic),
    AggregateOrderBy,
    FunctionOrderBy(Statistic),
    AggregateBoolExp,
    AggregateBoolExpCount,
    Group,
    GroupKey,
    GroupBoolExp,
    FunctionBoolExp(Statistic),
    GroupOrderBy,
    GroupKeyOrderBy,
    Connection,
    Edge,
    ComputedArguments(u16),
    InsertInput,
    ArrayInsert,
    ObjectInsert,
    ArrayUpdate,
    ObjectUpdate,
    OnConflict,
    Constraint,
    UpdateColumn,
    Setting(Setting),
    KeyInput,
    Updates,
    MutationResponse,
}

/// The aggregate functions over columns, in the order of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Statistic {
    Average,
    Maximum,
    Minimum,
    StandardDeviation,
    StandardDeviationPopulation,
    StandardDeviationSample,
    Sum,
    VariancePopulation,
    VarianceSample,
    Variance,
}

impl Statistic {
    pub(crate) const ALL: [Self; 10] = [
        Self::Average,
        Self::Maximum,
        Self::Minimum,
        Self::StandardDeviation,
        Self::StandardDeviationPopulation,
        Self::StandardDeviationSample,
        Self::Sum,
        Self::VariancePopulation,
        Self::VarianceSample,
        Self::Variance,
    ];

    /// Its word, in snake case.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Average => "avg",
            Self::Maximum => "max",
            Self::Minimum => "min",
            Self::StandardDeviation => "stddev",
            Self::StandardDeviationPopulation => "stddev_pop",
            Self::StandardDeviationSample => "stddev_samp",
            Self::Sum => "sum",
            Self::VariancePopulation => "var_pop",
            Self::VarianceSample => "var_samp",
            Self::Variance => "variance",
        }
    }

    /// The request's function.
    pub(crate) fn function(self) -> AggregateFunction {
        match self {
            Self::Average => AggregateFunction::Average,
            Self::Maximum => AggregateFunction::Maximum,
            Self::Minimum => AggregateFunction::Minimum,
            Self::StandardDeviation | Self::StandardDeviationSample => AggregateFunction::StandardDeviation,
            Self::StandardDeviationPopulation => AggregateFunction::StandardDeviationPopulation,
            Self::Sum => AggregateFunction::Sum,
            Self::VariancePopulation => AggregateFunction::VariancePopulation,
            Self::VarianceSample | Self::Variance => AggregateFunction::Variance,
        }
    }

    /// Whether it takes a column of a type.
    pub(crate) fn takes(self, data_type: &Type) -> bool {
        match self {
            Self::Maximum | Self::Minimum => {
                data_type.is_ordered() && !matches!(data_type, Type::Boolean | Type::Bytes | Type::Array(_))
            }
            _ => data_type.is_number(),
        }
    }

    /// Whether its result has the column's type instead of `Float`.
    pub(crate) fn keeps_type(self) -> bool {
        matches!(self, Self::Maximum | Self::Minimum | Self::Sum)
    }
}

impl Part {
    /// Every part that has a name of its own, with its suffix in snake case.
    pub(crate) fn all() -> Vec<(Part, String)> {
        let mut parts: Vec<(Part, String)> = [
            (Part::Row, ""),
            (Part::BoolExp, "bool_exp"),
            (Part::OrderBy, "order_by"),
            (Part::SelectColumn, "select_column"),
            (Part::Aggregate, "aggregate"),
            (Part::AggregateFields, "aggregate_fields"),
            (Part::AggregateOrderBy, "aggregate_order_by"),
            (Part::AggregateBoolExp, "aggregate_bool_exp"),
            (Part::AggregateBoolExpCount, "aggregate_bool_exp_count"),
            (Part::Group, "group"),
            (Part::GroupKey, "group_key"),
            (Part::GroupBoolExp, "group_bool_exp"),
            (Part::GroupOrderBy, "group_order_by"),
            (Part::GroupKeyOrderBy, "group_key_order_by"),
            (Part::Connection, "connection"),
            (Part::Edge, "edge"),
            (Part::InsertInput, "insert_input"),
            (Part::ArrayInsert, "arr_rel_insert_input"),
            (Part::ObjectInsert, "obj_rel_insert_input"),
            (Part::ArrayUpdate, "arr_rel_update_input"),
            (Part::ObjectUpdate, "obj_rel_update_input"),
            (Part::OnConflict, "on_conflict"),
            (Part::Constraint, "constraint"),
            (Part::UpdateColumn, "update_column"),
            (Part::KeyInput, "pk_columns_input"),
            (Part::Updates, "updates"),
            (Part::MutationResponse, "mutation_response"),
        ]
        .map(|(part, suffix)| (part, suffix.to_owned()))
        .to_vec();
        for statistic in Statistic::ALL {
            let word = statistic.word();
            parts.push((Part::Function(statistic), format!("{word}_fields")));
            parts.push((Part::FunctionOrderBy(statistic), format!("{word}_order_by")));
            parts.push((Part::FunctionBoolExp(statistic), format!("{word}_bool_exp")));
        }
        for setting in Setting::ALL {
            parts.push((Part::Setting(setting), setting.suffix().to_owned()));
        }
        parts
    }
}

/// A type with its wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    /// The named type.
    pub key: Key,
    /// What is around it.
    pub wrap: Wrap,
}

/// What can be around a named type here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    /// `T`
    Plain,
    /// `T!`
    Required,
    /// `[T!]`
    List,
    /// `[T!]!`
    RequiredList,
    /// `[T]`: an array of the database, whose items may be null
    Array,
    /// `[T]!`
    RequiredArray,
}

impl Key {
    /// Whether what stands in a value of this type says which rows are meant.
    pub(crate) fn is_condition(self) -> bool {
        match self {
            Self::Comparison(_)
            | Self::ArrayComparison(_)
            | Self::EnumComparison(_)
            | Self::EnumArrayComparison(_)
            | Self::Near => true,
            Self::Face(_, part) => matches!(
                part,
                Part::BoolExp
                    | Part::AggregateBoolExp
                    | Part::AggregateBoolExpCount
                    | Part::FunctionBoolExp(_)
                    | Part::KeyInput
                    | Part::OnConflict
            ),
            _ => false,
        }
    }

    pub(crate) fn plain(self) -> Ref {
        Ref {
            key: self,
            wrap: Wrap::Plain,
        }
    }

    pub(crate) fn required(self) -> Ref {
        Ref {
            key: self,
            wrap: Wrap::Required,
        }
    }

    pub(crate) fn list(self) -> Ref {
        Ref {
            key: self,
            wrap: Wrap::List,
        }
    }

    pub(crate) fn required_list(self) -> Ref {
        Ref {
            key: self,
            wrap: Wrap::RequiredList,
        }
    }

    pub(crate) fn array(self) -> Ref {
        Ref {
            key: self,
            wrap: Wrap::Array,
        }
    }
}

impl Ref {
    /// The same, `!` added.
    pub(crate) fn non_null(self) -> Ref {
        let wrap = match self.wrap {
            Wrap::Plain | Wrap::Required => Wrap::Required,
            Wrap::List | Wrap::RequiredList => Wrap::RequiredList,
            Wrap::Array | Wrap::RequiredArray => Wrap::RequiredArray,
        };
        Ref { key: self.key, wrap }
    }

    /// The same, without a `!` around it.
    pub(crate) fn nullable(self) -> Ref {
        let wrap = match self.wrap {
            Wrap::Plain | Wrap::Required => Wrap::Plain,
            Wrap::List | Wrap::RequiredList => Wrap::List,
            Wrap::Array | Wrap::RequiredArray => Wrap::Array,
        };
        Ref { key: self.key, wrap }
    }

    pub(crate) fn is_required(self) -> bool {
        matches!(self.wrap, Wrap::Required | Wrap::RequiredList | Wrap::RequiredArray)
    }

    /// The type of a list's items.
    pub(crate) fn item(self) -> Option<Ref> {
        match self.wrap {
            Wrap::Plain | Wrap::Required => None,
            Wrap::List | Wrap::RequiredList => Some(self.key.required()),
            Wrap::Array | Wrap::RequiredArray => Some(self.key.plain()),
        }
    }
}
