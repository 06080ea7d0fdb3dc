//! The roots of queries and mutations.

use crate::catalog::{FaceId, FunctionId};

/// What a root stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    /// A root of a face.
    Face(FaceId, RootKind),
    /// A function that returns rows.
    Function(FunctionId),
    /// The aggregate of a function's rows.
    FunctionAggregate(FunctionId),
}

/// The roots of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RootKind {
    Select,
    ByKey,
    Aggregate,
    Group,
    Connection,
    Insert,
    InsertOne,
    Update,
    UpdateByKey,
    UpdateMany,
    Delete,
    DeleteByKey,
}

impl RootKind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Select,
        Self::ByKey,
        Self::Aggregate,
        Self::Group,
        Self::Connection,
        Self::Insert,
        Self::InsertOne,
        Self::Update,
        Self::UpdateByKey,
        Self::UpdateMany,
        Self::Delete,
        Self::DeleteByKey,
    ];

    /// Whether it is a root of mutations.
    pub(crate) fn writes(self) -> bool {
        !self.prefix().is_empty()
    }

    /// What precedes the face's name.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Insert | Self::InsertOne => "insert",
            Self::Update | Self::UpdateByKey | Self::UpdateMany => "update",
            Self::Delete | Self::DeleteByKey => "delete",
            _ => "",
        }
    }

    /// Its key under `[tables.<t>.roots]`.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::ByKey => "select_by_pk",
            Self::Aggregate => "select_aggregate",
            Self::Group => "select_group",
            Self::Connection => "select_connection",
            Self::Insert => "insert",
            Self::InsertOne => "insert_one",
            Self::Update => "update",
            Self::UpdateByKey => "update_by_pk",
            Self::UpdateMany => "update_many",
            Self::Delete => "delete",
            Self::DeleteByKey => "delete_by_pk",
        }
    }

    /// What follows the face's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Select | Self::Insert | Self::Update | Self::Delete => "",
            Self::ByKey | Self::UpdateByKey | Self::DeleteByKey => "by_pk",
            Self::InsertOne => "one",
            Self::UpdateMany => "many",
            Self::Aggregate => "aggregate",
            Self::Group => "group",
            Self::Connection => "connection",
        }
    }
}
