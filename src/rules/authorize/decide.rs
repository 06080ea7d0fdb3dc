//! The rules of one table reference against the caller, always solved in the same order.

use super::super::{Cell, Decisions, Predicate, ReadAccess, View, solve};
use super::entered::Cells;
use crate::catalog::FaceId;
use crate::principal::Principal;

/// Solves the rules of faces again, in the order in which [`super::authorize`] touched them: another caller's decisions.
#[must_use]
pub fn decisions(view: &View, principal: &Principal, touched: &[FaceId]) -> Decisions {
    let mut decisions = Decisions::default();
    for read in touched.iter().filter_map(|face| view.read(*face)) {
        solve::decide(&read.rule, principal, &mut decisions);
        for cell in read.cells.iter().chain(read.counted.iter().flatten()) {
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
) -> (Predicate, Cells, Option<Cells>) {
    let rule = solve::solve(&read.rule, principal, decisions);
    let mut solved = |cells: &Vec<Cell>| -> Cells {
        let solve = |cell: &Cell| match cell {
            Cell::Hidden => None,
            Cell::Visible => Some(Predicate::TRUE),
            Cell::Where(rule) => Some(solve::solve(rule, principal, decisions)),
        };
        cells.iter().map(solve).collect()
    };
    let cells = solved(&read.cells);
    let counted = read.counted.as_ref().map(solved);
    (rule, cells, counted)
}
