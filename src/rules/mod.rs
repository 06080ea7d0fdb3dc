//! Who may see which rows and cells: rules are parsed and checked once per snapshot, solved per caller, and attached to
//! every table reference of a request. Only this module can make an [`Authorized`].

mod authorize;
mod build;
mod change;
pub mod compile;
mod constant;
mod describe;
#[cfg(test)]
pub(crate) mod fixture;
mod parameters;
mod parse_expression;
mod parse_sql;
mod predicate;
mod rewrite;
mod select;
mod solve;
pub mod syntax;
mod types;
mod variables;
mod view;

pub use authorize::{Authorized, authorize, authorize_writes, decisions};
pub use build::{AccessOptions, Built, Finding, Openness, Severity, build_views};
pub use change::{Change, Conflict, Group, Within, Write};
pub use describe::{Describer, describe};
pub use predicate::{Aggregate, Exists, Parameter, Predicate, RuleFunction, SpatialTest, Term};
pub use select::{
    AggregateItem, AggregatePart, Call, ConnectionPart, EdgePart, From, GroupPart, GroupedBy, Member, MemberValue,
    OrderTerm, Output, Page, Select, Through,
};
pub use solve::{cast_variable, solve, variable};
pub use view::{Cell, CreateAccess, Decisions, FaceAccess, ReadAccess, Right, Touch, UpdateAccess, View, Views};
