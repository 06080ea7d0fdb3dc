//! Who may see which rows and cells: rules are parsed and checked once per snapshot, solved per caller, and attached to
//! every table reference of a request. Only this module can make an [`Authorized`].

mod authorize;
mod predicate;
mod select;
mod solve;
mod view;

pub use authorize::{Authorized, authorize, decisions};
pub use solve::solve;
pub use predicate::{Aggregate, Exists, Parameter, Predicate, RuleFunction, Term};
pub use select::{
    AggregateItem, AggregatePart, ConnectionPart, EdgePart, From, GroupPart, GroupedBy, Member, MemberValue, OrderTerm,
    Output, Page, Select, Through,
};
pub use view::{Cell, Decisions, FaceAccess, ReadAccess, View, Views};
