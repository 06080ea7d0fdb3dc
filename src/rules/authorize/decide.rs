//! The rules of one right against the caller, always solved in the same order.

use super::super::{
    Cell, CreateAccess, Decisions, Predicate, ReadAccess, Right, Term, Touch, UpdateAccess, View, solve,
};
use super::entered::Cells;
use crate::catalog::ColumnId;
use crate::principal::Principal;

/// Solves the rules of rights again, in the order in which [`super::authorize`] touched them: another caller's decisions.
#[must_use]
pub fn decisions(view: &View, principal: &Principal, touched: &[Touch]) -> Decisions {
    let mut decisions = Decisions::default();
    for touch in touched {
        let Some(access) = view.face(touch.face) else { continue };
        match touch.right {
            Right::Read => {
                let Some(read) = &access.read else { continue };
                solve::decide(&read.rule, principal, &mut decisions);
                for cell in read.cells.iter().chain(read.counted.iter().flatten()) {
                    if let Cell::Where(rule) = cell {
                        solve::decide(rule, principal, &mut decisions);
                    }
                }
            }
            Right::Create => {
                let Some(create) = &access.create else { continue };
                solve::decide(&create.check, principal, &mut decisions);
                decide_presets(&create.set, principal, &mut decisions);
            }
            Right::Update => {
                let Some(update) = &access.update else { continue };
                solve::decide(&update.rule, principal, &mut decisions);
                solve::decide(&update.check, principal, &mut decisions);
                decide_presets(&update.set, principal, &mut decisions);
            }
            Right::Delete => {
                let Some(rule) = &access.delete else { continue };
                solve::decide(rule, principal, &mut decisions);
            }
        }
    }
    decisions
}

fn decide_presets(set: &[(ColumnId, Term)], principal: &Principal, decisions: &mut Decisions) {
    for (_, value) in set {
        solve::decide_value(value, principal, decisions);
    }
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

/// Values that a rule sets, solved; one whose variable is missing has none.
pub(super) type Presets = Vec<(ColumnId, Option<Term>)>;

/// A right to create, solved: what must hold, and what is set.
pub(super) fn solve_create(
    create: &CreateAccess,
    principal: &Principal,
    decisions: &mut Decisions,
) -> (Predicate, Presets) {
    let check = solve::solve(&create.check, principal, decisions);
    (check, presets(&create.set, principal, decisions))
}

/// A right to update, solved: which rows, what must hold afterwards, and what is set.
pub(super) fn solve_update(
    update: &UpdateAccess,
    principal: &Principal,
    decisions: &mut Decisions,
) -> (Predicate, Predicate, Presets) {
    let rule = solve::solve(&update.rule, principal, decisions);
    let check = solve::solve(&update.check, principal, decisions);
    (rule, check, presets(&update.set, principal, decisions))
}

fn presets(set: &[(ColumnId, Term)], principal: &Principal, decisions: &mut Decisions) -> Presets {
    set.iter()
        .map(|(column, value)| (*column, solve::solve_value(value, principal, decisions)))
        .collect()
}

/// A right that may be for the backend alone.
pub(super) trait Restricted {
    fn backend_only(&self) -> bool;
}

impl Restricted for CreateAccess {
    fn backend_only(&self) -> bool {
        self.backend_only
    }
}

impl Restricted for UpdateAccess {
    fn backend_only(&self) -> bool {
        self.backend_only
    }
}

impl Restricted for Predicate {
    fn backend_only(&self) -> bool {
        false
    }
}
