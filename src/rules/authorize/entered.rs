//! A table reference with its rules solved.

use crate::catalog::Face;
use crate::principal::Principal;
use crate::rules::{Cell, Decisions, Predicate, ReadAccess, solve};
use std::borrow::Cow;

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

/// Where each column's cells can be read; `None`: nowhere.
pub(super) type Cells = Vec<Option<Predicate>>;

/// One table reference: its face, with the caller's rules solved.
#[derive(Clone)]
pub(super) struct Entered<'a> {
    pub(super) face: &'a Face,
    pub(super) read: &'a ReadAccess,
    pub(super) rule: Predicate,
    pub(super) cells: Cells,
    /// What aggregates and group keys see, where it is less.
    pub(super) counted: Option<Cells>,
}

impl<'a> Entered<'a> {
    /// The same table reference with the cells that aggregates and group keys see.
    pub(super) fn counting(&self) -> Cow<'_, Entered<'a>> {
        match &self.counted {
            None => Cow::Borrowed(self),
            Some(counted) => Cow::Owned(Entered {
                rule: self.rule.clone(),
                cells: counted.clone(),
                counted: None,
                ..*self
            }),
        }
    }
}
