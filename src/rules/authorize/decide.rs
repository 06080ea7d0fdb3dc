//! The rules of one table reference against the caller, always solved in the same order.

use super::super::{Cell, Decisions, Predicate, ReadAccess, View, solve};
use crate::catalog::FaceId;
use crate::principal::Principal;

/// Solves the rules of faces again, in the order in which [`authorize`] touched them: another caller's decisions.
#[must_use]
pub fn decisions(view: &View, principal: &Principal, touched: &[FaceId]) -> Decisions {
    let mut decisions = Decisions::default();
    for read in touched.iter().filter_map(|face| view.read(*face)) {
        solve::decide(&read.rule, principal, &mut decisions);
        for cell in &read.cells {
            if let Cell::Where(rule) = cell {
                solve::decide(rule, principal, &mut decisions);
            }
        }
    }
    decisions
}

/// Solves a face's rule and its cells' rules, always in this order.
pub(super) fn solve_read(
    read: &ReadAccess,
    principal: &Principal,
    decisions: &mut Decisions,
) -> (Predicate, Vec<Option<Predicate>>) {
    let rule = solve::solve(&read.rule, principal, decisions);
    let cells = read
        .cells
        .iter()
        .map(|cell| match cell {
            Cell::Hidden => None,
            Cell::Visible => Some(Predicate::TRUE),
            Cell::Where(rule) => Some(solve::solve(rule, principal, decisions)),
        })
        .collect();
    (rule, cells)
}
