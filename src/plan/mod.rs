//! Authorized request → plan: complete orders, keysets, limits, what is counted, what is nested. No SQL text.

mod describe;
mod keyset;
mod query;
mod write;

pub use describe::describe;
pub use query::{Answer, Body, Count, Member, Part, Plan, Query, Value, plan};
pub use write::{Program, Verdict, WritePlan, plan_writes};
